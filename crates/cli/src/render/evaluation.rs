//! What `tierfall evaluate` says.

use tierfall_calibrate::report::{Evaluation, LEVEL};
use tierfall_core::fit::Provenance;

use super::document::{Block, Conclusion, Curve, Document, Fact, Line, Rows, Table, Tone};
use super::report;
use super::words;

/// The report. `name` is what was evaluated, `on` the rows that judged it; `fit` is where the fit comes from, `by_segment` whether its
/// thresholds go by segment.
pub(crate) fn evaluation<'a>(report: &'a Evaluation, fit: &Provenance, name: &str, on: &str, by_segment: bool) -> Document<'a> {
    let last = report.declared_chain.last().map_or("", String::as_str);
    let about = format!("{name} · point {} · {} requests of {on}", report.point, words::count(report.n));
    let said = promise(report, last);
    let mut document = Document::new(format!("{name}: evaluation"), about, said.as_ref().map_or(Tone::Strong, |said| said.tone));
    document.add(Block::Conclusion(verdict(report, last, said)));
    let none = "No promise of the fit was held against these requests.";
    let statement = report.promise.as_ref().map_or(none, |promise| &promise.guarantee.statement);
    document.on_page(Block::Promise { statement, numbers: Vec::new() });
    document.add(in_force(report, by_segment));
    document.add(Block::Facts { name: "measured", facts: measured(report, last) });
    document.add(Block::Warnings(&report.warnings));
    document.on_page(Block::Curve(curve(report, last)));
    document.add(Block::Table(promised(report)));
    document.add(Block::Table(segments(report)));
    report::tiers(&mut document, &report.tiers, |tier| !by_segment && report.chain.first() == Some(&tier.tier));
    document.add(Block::Table(report::baselines(&report.baselines)));
    document.on_page(Block::Origin(report::provenance(fit)));
    document.on_page(Block::Footer(
        "Intervals hold 95 % each by itself. None of these requests was seen by the fit, unless a warning says so.",
    ));
    document
}

fn verdict(report: &Evaluation, last: &str, said: Option<Line>) -> Conclusion {
    let right = words::percent(report.accuracy.value);
    let quality = format!("{right} right, {}", words::loss(report.loss_vs_last.value, last).concat());
    let headline = match report.cost_ratio {
        Some(ratio) => format!("{quality}, at {} of the cost", words::rough(ratio)),
        None => quality,
    };
    Conclusion::new(Tone::Strong, headline, said)
}

/// What other rows say of a promise, and what is supposed of those rows; nothing where there is neither.
fn promise(report: &Evaluation, last: &str) -> Option<Line> {
    let own = (!report.conditions.is_empty())
        .then(|| format!("What these requests show is said under conditions. {}", report.conditions.join(" ")));
    let Some(promise) = &report.promise else { return own.map(|own| Line::plain(2, own)) };
    let target = format!("{}{}", words::target(&promise.target, last), promise.guarantee.under());
    let p = words::p_value(promise.p_broken);
    let (tone, said) = if promise.is_broken() {
        let why = "traffic may have changed since the fit";
        let odds = format!("if it held, requests that look this bad would turn up with probability {p}");
        (Tone::Bad, format!("These requests speak against the promise of {target}: {odds}; {why}."))
    } else if promise.met {
        (Tone::Good, format!("These requests keep the promise of {target}."))
    } else {
        let but = "but by no more than chance explains";
        (Tone::Unsure, format!("These requests miss the promise of {target}, {but}."))
    };
    let own = own.map_or_else(String::new, |own| format!(" {own}"));
    Some(Line::led(2, tone, tone.mark(), format!(" {said}{own}")))
}

fn in_force<'a>(report: &Evaluation, by_segment: bool) -> Block<'a> {
    let share = |place: usize| words::maybe(report.coverage.get(place).copied().flatten(), words::rough);
    let gated = |place: usize| format!("answers {} of what reaches it", share(place));
    Block::Tiers {
        of: by_segment.then_some("by segment, as the fit has it; over all segments together:"),
        tiers: report.declared_chain.iter().map(|tier| words::role(tier, &report.chain, gated)).collect(),
    }
}

fn measured(report: &Evaluation, last: &str) -> Vec<Fact> {
    let right = format!(" right ({}); always {last} {}", words::range(&report.accuracy), words::percent(report.accuracy_last));
    let mut facts = vec![
        Fact::new("", words::percent(report.accuracy.value), right),
        report::loss(&report.loss_vs_last, last),
        report::cost("costs ", report.cost_ratio, (report.cost_usd, report.cost_last), last),
    ];
    if let Some(latency) = &report.latency_ms {
        let after = format!(
            " on average, 95 of 100 within {}; always {last} {}, {}",
            words::milliseconds(latency.p95),
            words::milliseconds(latency.mean_last),
            words::milliseconds(latency.p95_last)
        );
        facts.push(Fact::new("takes ", words::milliseconds(latency.mean), after));
    }
    let left_out = words::left_out(report.n_excluded);
    let rows = format!("{} requests at point {}{left_out}; intervals hold 95 %", words::count(report.n), report.point);
    facts.push(Fact::plain(rows));
    facts
}

fn curve<'a>(report: &'a Evaluation, last: &'a str) -> Curve<'a> {
    Curve {
        chosen: report.cost_usd.map(|cost_usd| (report.accuracy, cost_usd)),
        chosen_is: "as measured on these requests",
        floor: report.promise.as_ref().and_then(|promise| report::floor(&promise.target, Some(report.accuracy_last))),
        ..Curve::new(last, report.cost_last, &report.baselines)
    }
}

/// What becomes of the promises of single segments, where the fit makes them.
fn promised(report: &Evaluation) -> Table {
    let parts = report.promise.as_ref().map(|promise| promise.parts.as_slice()).unwrap_or_default();
    let of = Rows(parts);
    Table::titled(
        "Promised by segment",
        "Each listed segment by itself; the others are promised together, and nothing is promised of any of them by itself",
        vec![
            of.text("promised", |part| part.segment.clone().unwrap_or_else(|| "the rest, taken together".to_owned())),
            of.number("items", |part| words::count(part.n)),
            of.text("these requests", |part| match (part.p_broken < LEVEL, part.met) {
                (true, _) => "speak against it".to_owned(),
                (false, true) => "keep it".to_owned(),
                (false, false) => "miss it, by no more than chance explains".to_owned(),
            }),
            of.number("by chance", |part| words::p_value(part.p_broken)),
        ],
    )
    .choosing(parts, |part| part.p_broken < LEVEL)
}

fn segments(report: &Evaluation) -> Table {
    let of = Rows(&report.segments);
    Table::titled(
        "By segment",
        "by chance: how likely as much worse would be by chance alone, adjusted for the number of segments (Holm)",
        vec![
            of.text("segment", |segment| segment.segment.clone()),
            of.number("items", |segment| words::count(segment.n)),
            of.number("right", |segment| words::percent(segment.accuracy.value)),
            of.number("95 %", |segment| words::range(&segment.accuracy)).on_page(),
            of.number("points worse", |segment| words::points_with_range(&segment.loss_vs_last)),
            of.number("of last", |segment| words::maybe(segment.cost_ratio, words::rough)),
            of.number("by chance", |segment| words::p_value(segment.p_worse)),
            of.text("", |segment| if segment.worse { "worse than the last tier" } else { "" }.to_owned()),
        ],
    )
    .choosing(&report.segments, |segment| segment.worse)
}

#[cfg(test)]
mod tests {
    use tierfall_calibrate::report::PromisedPart;

    use super::*;
    use crate::render::{sample, text};

    fn plain(report: &Evaluation) -> String {
        let text = text::document(&evaluation(report, &sample::provenance(), "support", "test", false));
        anstream::adapter::strip_str(&text).to_string()
    }

    #[test]
    fn what_was_measured_and_what_that_says_of_the_promise() {
        insta::assert_snapshot!(plain(&sample::evaluation()), @"
        75.7 % right, 2.4 points worse than always large, at 62 % of the cost
          ✓ These requests keep the promise of at most 5 points worse than always large.

        in force     small   not asked
                     medium  answers 48 % of what reaches it
                     large   answers the rest

        measured     75.7 % right (72.8 to 78.6); always large 78.1 %
                     2.4 points worse than always large (1.1 to 3.7)
                     costs 62 % of always asking large: $0.000057 a query instead of $0.000092
                     takes 412 ms on average, 95 of 100 within 1310 ms; always large 603 ms, 1405 ms
                     840 requests at point default; intervals hold 95 %

        ! A promise of one segment does not follow from that of all.

        segment  items  right  points worse  of last  by chance
        orders     120   75 %   1 (−3 to 5)     61 %      0.600
        refunds    120   75 %   9 (5 to 13)     61 %      0.003  worse than the last tier

        tier    gate value     right  AUROC  benefit    ECE  accepts  wrong then  abstained
        small   mean-logprob  62.2 %  0.871    0.802  0.031        –           –          6
        medium  mean-logprob  62.2 %  0.871    0.802  0.031     48 %      10.1 %          6

        without a cascade                         right          95 %      a query  of last
        always-small                             38.1 %  35.1 to 41.1  $0.00000202    2.2 %
        always-medium                            62.2 %  59.2 to 65.2  $0.00000929     10 %
        always-large = always-last, best-single  77.6 %  74.6 to 80.6    $0.000092    100 %
        random-mix                               70.5 %  67.5 to 73.5   $0.0000524     57 %
        oracle                                   86.1 %  83.1 to 89.1   $0.0000305     33 %
        ");
    }

    #[test]
    fn what_is_supposed_stands_in_the_sentence() {
        let mut report = sample::evaluation();
        report.conditions = vec!["It is made of requests that are there.".to_owned()];
        if let Some(promise) = &mut report.promise {
            promise.guarantee.conditions = vec!["It supposes this.".to_owned(), "It supposes that.".to_owned()];
        }
        let said = promise(&report, "large").unwrap().text;
        assert_eq!(
            said,
            " These requests keep the promise of at most 5 points worse than always large under 2 conditions that the fit states. What \
             these requests show is said under conditions. It is made of requests that are there."
        );
    }

    #[test]
    fn a_broken_promise_is_said_first() {
        let mut report = sample::evaluation();
        if let Some(promise) = &mut report.promise {
            (promise.met, promise.p_broken) = (false, 0.002);
        }
        let text = plain(&report);
        assert!(text.lines().nth(1).is_some_and(|line| line.contains("✗ These requests speak against the promise")), "{text}");
    }

    #[test]
    fn each_segments_promise_has_a_row_and_the_pooled_ones_have_one_together() {
        let part =
            |segment: Option<&str>, met, p_broken| PromisedPart { segment: segment.map(str::to_owned), n: 120, met, p_broken };
        let mut report = sample::evaluation();
        assert!(!plain(&report).contains("promised"), "where all are promised together there is no such table");
        if let Some(promise) = &mut report.promise {
            promise.parts = vec![part(None, true, 1.0), part(Some("orders"), false, 0.4), part(Some("refunds"), false, 0.003)];
        }
        let text = plain(&report);
        let table: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("promised")).take(4).collect();
        insta::assert_snapshot!(table.join("\n"), @"
        promised                  items  these requests                            by chance
        the rest, taken together    120  keep it                                       1.000
        orders                      120  miss it, by no more than chance explains      0.400
        refunds                     120  speak against it                              0.003
        ");
    }
}
