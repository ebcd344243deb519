//! What `tierfall calibrate` says in a terminal, the most important first.

use std::fmt::Write as _;

use tierfall_calibrate::report::{Calibration, Expected, PointReport, TierReport};
use tierfall_core::fit::Status;

use super::printable;
use super::style::{BAD, DIM, GOOD, STRONG, WARN, paint};
use super::text::{block, named, parts, table, table_or_less, warnings, wrapped};
use super::words::{self, Part};

/// The summary. `next` is what to do now: what it is for, and the command.
pub(crate) fn calibration(report: &Calibration, next: &[(String, String)]) -> String {
    let last = report.declared_chain.last().map_or("", String::as_str);
    parts(&[
        verdict(report),
        block("in force", &in_force(report)),
        report.estimate.as_ref().map(|estimate| block("expected", &expected(estimate, last))).unwrap_or_default(),
        warnings(&report.warnings),
        points(report, last),
        segments(report),
        tiers(&report.tiers),
        signals(report),
        baselines(&report.baselines),
        next_steps(next),
    ])
}

fn verdict(report: &Calibration) -> String {
    let style = match report.status {
        Status::Certified => GOOD,
        Status::Inconclusive => WARN,
        Status::Infeasible => BAD,
        Status::Uncertified => STRONG,
    };
    let mut text =
        format!("{}\n", paint(style, printable::line(&format!("{} {}", words::mark(report.status), words::headline(report)))));
    let mut numbers = format!("{} labelled examples", words::count(report.n));
    if report.n_items != report.n {
        let _ = write!(numbers, ", {} items", words::count(report.n_items));
    }
    if report.n_excluded > 0 {
        let _ = write!(numbers, ", {} left out", words::count(report.n_excluded));
    }
    text += &wrapped(&format!("{} ({numbers})", report.why), 2);
    if let Some(needed) = report.needed_n {
        text += &wrapped(&format!("About {} labelled examples would do, if they are like these.", words::count(needed)), 2);
    }
    if let Some(attainable) = report.attainable {
        text += &wrapped(
            &format!("Attainable here: {}.", words::bound(&report.target, words::askable(&report.target, attainable))),
            2,
        );
    }
    if let Some(guarantee) = &report.guarantee {
        text.push('\n');
        text += &wrapped(&guarantee.statement, 2);
        let bound = words::bound(&report.target, guarantee.bound);
        text += &paint(
            DIM,
            wrapped(&format!("bound {bound} {}, by {}", words::odds(guarantee), guarantee.method.trim_start_matches("by-")), 2)
                .trim_end(),
        );
        text.push('\n');
    }
    text
}

/// A line a declared tier.
fn in_force(report: &Calibration) -> Vec<String> {
    let line = |(place, tier): (usize, &String)| {
        let part = words::part(report, place);
        let mut line = words::role(part);
        if let Part::Gated { raw: Some(raw), .. } = part {
            let signal = report.signals.get(tier).map_or("score", String::as_str);
            let _ = write!(line, " ({signal} {})", words::cut(Some(raw)));
        }
        line
    };
    let lines = named(&report.declared_chain, report.declared_chain.iter().enumerate().map(line));
    if report.segments.is_empty() {
        return lines;
    }
    let by_segment = "by segment, as the table below says; for requests of no other segment:".to_owned();
    std::iter::once(by_segment).chain(lines).collect()
}

/// What to expect on new requests.
fn expected(expected: &Expected, last: &str) -> Vec<String> {
    let right = match &expected.accuracy {
        Some(accuracy) => format!("{} right ({})", words::percent(accuracy.value), words::range(accuracy)),
        None => format!("right in a share that cannot be told: {}", words::UNGRADED),
    };
    let loss = expected.loss_vs_last.as_ref();
    let loss = loss.map(|loss| format!("{} ({})", words::loss_in_words(loss.value, last), words::range(loss)));
    let cost = match expected.cost_ratio {
        Some(ratio) => format!(
            "would cost {}: {} a query{}",
            words::cost_in_words(ratio, last),
            words::usd(expected.cost_usd),
            words::instead_of(expected.cost_usd, expected.cost_last)
        ),
        None => "unknown cost: --price TIER=IN/OUT or --cost TIER=USD declares it".to_owned(),
    };
    [right].into_iter().chain(loss).chain([cost, format!("{}; intervals hold 95 %", expected.method)]).collect()
}

fn points(report: &Calibration, last: &str) -> String {
    if report.points.len() < 2 {
        return String::new();
    }
    let rows = report.points.iter().map(|point| {
        let estimate = point.estimate.as_ref();
        vec![
            point.name.clone(),
            words::status(point.status, point.guarantee.as_ref()),
            words::target(&point.target, last),
            policy(report, point),
            words::maybe(estimate.and_then(|e| Some(e.accuracy?.value)), words::percent),
            words::maybe(estimate.and_then(|e| e.cost_ratio), words::rough),
        ]
    });
    table(&["point", "verdict", "asked for", "policy", "right", "cost"], &[4, 5], rows)
}

/// What an operating point does, in a cell.
pub(super) fn policy(report: &Calibration, point: &PointReport) -> String {
    let whole = words::chain_with_cuts(&point.chain, &point.raw_thresholds);
    if report.segments.is_empty() { whole } else { format!("by segment, else {whole}") }
}

fn segments(report: &Calibration) -> String {
    let rows = report.segments.iter().map(|segment| {
        let pooled: Vec<&str> = segment.pooled.iter().map(String::as_str).collect();
        let name = if pooled.is_empty() { String::new() } else { format!(" ({})", words::list(&pooled)) };
        vec![
            format!("{}{name}", segment.segment),
            words::count(segment.n),
            words::status(segment.status, segment.guarantee.as_ref()),
            words::chain_with_cuts(&segment.chain, &segment.raw_thresholds),
        ]
    });
    table(&["segment", "items", "verdict", "policy"], &[1], rows)
}

/// How well the gated tiers know when they are right.
pub(super) fn tiers(tiers: &[TierReport]) -> String {
    let score = |value: Option<f64>| words::maybe(value, |value| format!("{value:.3}"));
    let rows = tiers.iter().map(|tier| {
        vec![
            tier.tier.clone(),
            tier.signal.clone(),
            words::percent(tier.accuracy.value),
            score(tier.auroc),
            score(tier.auroc_benefit),
            score(tier.augrc),
            score(tier.ece),
            words::maybe(tier.coverage, words::rough),
            words::maybe(tier.selective_risk.as_ref().map(|risk| risk.value), words::percent),
            words::count(tier.abstained),
        ]
    });
    let head = ["tier", "gate value", "right", "AUROC", "benefit", "AUGRC", "ECE", "accepts", "wrong then", "abstained"];
    table_or_less(&head, &[2, 3, 4, 5, 6, 7, 8, 9], &[5, 6, 9], rows)
}

fn signals(report: &Calibration) -> String {
    let score = |value: Option<f64>| words::maybe(value, |value| format!("{value:.3}"));
    let rows = report.signal_table.iter().map(|row| {
        let note = match (&row.note, row.chosen) {
            (Some(note), true) => format!("in use; {note}"),
            (Some(note), false) => note.clone(),
            (None, true) => "in use".to_owned(),
            (None, false) => String::new(),
        };
        vec![
            row.tier.clone(),
            row.signal.clone(),
            score(row.auroc),
            score(row.auroc_benefit),
            words::percent(row.abstained),
            note,
        ]
    });
    table(&["tier", "signal", "AUROC", "benefit", "abstains", ""], &[2, 3, 4], rows)
}

/// What is had without a cascade.
pub(super) fn baselines(all: &std::collections::BTreeMap<String, tierfall_calibrate::report::Spot>) -> String {
    let rows = words::baselines(all).into_iter().map(|words::Baseline { name, spot, also }| {
        vec![
            if also.is_empty() { name.to_owned() } else { format!("{name} = {}", also.join(", ")) },
            words::percent(spot.accuracy.value),
            words::range(&spot.accuracy),
            words::usd(spot.cost_usd),
            words::maybe(spot.cost_ratio, words::rough),
        ]
    });
    table_or_less(&["without a cascade", "right", "95 %", "a query", "of last"], &[1, 2, 3, 4], &[2], rows)
}

/// What to do now.
pub(super) fn next_steps(next: &[(String, String)]) -> String {
    let mut text = String::new();
    for (what_for, command) in next {
        text += &wrapped(what_for, 0);
        if !command.is_empty() {
            let _ = writeln!(text, "  {}", paint(super::style::HINT, command));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn the_most_important_comes_first() {
        let next = [("Judge it on requests that it has not seen:".to_owned(), "tierfall evaluate a b --fit c".to_owned())];
        insta::assert_snapshot!(plain(&calibration(&sample::calibration(), &next)), @r#"
        ✓ Certified: at most 5 points worse than always large
          The loss against always large is at most 4.6 points, at 90 %; 5 points were asked for. (840
          labelled examples, 3 left out)

          If future requests are drawn from the same distribution as the 840 fixtures, and quality labels
          are correct, then with probability >= 0.9 over the draw of the fixtures the deployed policy
          satisfies E[quality(large) - quality(cascade)] <= 0.05.
          bound ≤ 4.6 points with probability 90 %, by trinomial-grid

        in force     by segment, as the table below says; for requests of no other segment:
                     small   not asked
                     medium  answers from confidence 0.783, 48 % of what reaches it (mean-logprob ≥ −0.1973)
                     large   answers the rest

        expected     75.2 % right (72.4 to 78)
                     2.4 points worse than always large (1.2 to 3.6)
                     would cost 62 % of always asking large: $0.0000573 a query instead of $0.000092
                     5-fold: the whole procedure refitted a fold; intervals hold 95 %

        ! Grades come from a grader that accepts any answer containing the expected words; 12 of them were
          checked by people.
        ! The tier "small" is not asked: it does not earn its call.

        point    verdict    asked for                    policy                                right  cost
        default  certified  at most 5 points worse than  by segment, else medium ≥ −0.3115 →  75.2 %  62 %
                            always large                 large
        careful  certified  at most 3 points worse than  by segment, else medium ≥ −0.3905 →  76.8 %  78 %
                            always large                 large

        segment                        items  verdict       policy
        orders                           312  certified     medium ≥ −0.31 → large
        refunds                          240  certified     medium ≥ −0.11 → large
        rest (greetings and invoices)    288  inconclusive  large

        tier    gate value     right  AUROC  benefit  AUGRC    ECE  accepts  wrong then  abstained
        small   mean-logprob  62.2 %  0.871    0.802  0.117  0.031        –           –          6
        medium  mean-logprob  62.2 %  0.871    0.802  0.117  0.031     48 %      10.1 %          6

        tier    signal        AUROC  benefit  abstains
        small   sum-logprob   0.781    0.711     0.7 %  in use
        small   length        0.743    0.673     0.7 %
        medium  mean-logprob  0.871    0.801     0.7 %  in use
        medium  entropy       0.521    0.451     0.7 %  it does not beat the length of the answer
        medium  length        0.612    0.542     0.7 %

        without a cascade                         right          95 %      a query  of last
        always-small                             38.1 %  35.1 to 41.1  $0.00000202    2.2 %
        always-medium                            62.2 %  59.2 to 65.2  $0.00000929     10 %
        always-large = always-last, best-single  77.6 %  74.6 to 80.6    $0.000092    100 %
        random-mix                               70.5 %  67.5 to 73.5   $0.0000524     57 %
        oracle                                   86.1 %  83.1 to 89.1   $0.0000305     33 %

        Judge it on requests that it has not seen:
          tierfall evaluate a b --fit c
        "#);
    }

    #[test]
    fn a_verdict_that_is_no_promise_says_what_would_help() {
        let mut report = sample::calibration();
        report.status = Status::Inconclusive;
        report.why = "840 examples leave the loss anywhere up to 5.8 points.".to_owned();
        report.needed_n = Some(1_900);
        report.guarantee = None;
        report.chain = vec!["large".to_owned()];
        (report.raw_thresholds, report.thresholds, report.ties) = (vec![], vec![], vec![]);
        report.estimate = None;
        report.segments.clear();
        let text = plain(&calibration(&report, &[]));
        let top: Vec<&str> = text.lines().take(7).collect();
        insta::assert_snapshot!(top.join("\n"), @"
        ? Inconclusive: too few examples to promise at most 5 points worse than always large
          840 examples leave the loss anywhere up to 5.8 points. (840 labelled examples, 3 left out)
          About 1,900 labelled examples would do, if they are like these.

        in force     small   not asked
                     medium  not asked
                     large   answers everything
        ");
    }

    #[test]
    fn it_fits_a_hundred_columns() {
        let text = plain(&calibration(&sample::calibration(), &[]));
        for line in text.lines() {
            assert!(line.chars().count() <= 100, "{line}");
        }
    }
}
