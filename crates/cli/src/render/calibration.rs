//! What `tierfall calibrate` says, the most important first.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use tierfall_calibrate::report::{Calibration, Expected, PointReport, SegmentReport};
use tierfall_core::fit::{Guarantee, Provenance, Status, TargetFit};

use super::document::{Block, Conclusion, Curve, Document, Fact, Line, Rows, Table, Tone};
use super::report;
use super::words;

/// The report. `name` is what was calibrated; `next` is what to do now: what it is for, and the command.
pub(crate) fn calibration<'a>(
    report: &'a Calibration,
    provenance: &Provenance,
    name: &str,
    next: &'a [(String, String)],
) -> Document<'a> {
    let last = report.declared_chain.last().map_or("", String::as_str);
    let status = words::status(report.status, report.guarantee.as_ref());
    let about = format!("{name} · {} · {} labelled examples", words::target(&report.target, last), words::count(report.n));
    let mut document = Document::new(format!("{name}: {status}"), about, whole(report));
    document.badges = badges(report, status);
    document.add(Block::Conclusion(verdict(report)));
    if let Some(guarantee) = &report.guarantee {
        let bound = words::bound(&report.target, guarantee.bound);
        let how = format!(" {}, {}", words::odds(guarantee), words::method(&guarantee.method));
        document.add(Block::Promise { statement: &guarantee.statement, numbers: vec![Fact::new("bound ", bound, how)] });
    } else {
        let parts = report.points.iter().map(|point| &point.guarantee).chain(report.segments.iter().map(|part| &part.guarantee));
        let statement = match parts.flatten().next() {
            None => "There is no promise about new requests.",
            Some(_) => "There is no promise about new requests as a whole; the tables say where there is one.",
        };
        document.on_page(Block::Promise { statement, numbers: unpromised(report) });
    }
    document.add(in_force(report));
    if let Some(estimate) = &report.estimate {
        document.add(Block::Facts { name: "expected", facts: expected(estimate, last) });
    } else {
        let unknown = Fact::new("right ", words::UNKNOWN, " (no estimate could be made without reusing examples)");
        document.on_page(Block::Facts { name: "expected", facts: vec![unknown] });
    }
    document.add(Block::Warnings(&report.warnings));
    // Without grades there is no quality to draw.
    if !report.frontier.is_empty() {
        document.on_page(Block::Curve(curve(report, last)));
    }
    if report.points.len() > 1 {
        document.add(Block::Table(points(report, last)));
    }
    document.add(Block::Table(segments(&report.segments, &report.target, "segment")));
    for point in report.points.iter().skip(1) {
        let head = format!("segment, at {}", point.name);
        document.add(Block::Table(segments(&point.segments, &point.target, &head)));
    }
    report::tiers(&mut document, &report.tiers, |tier| report.segments.is_empty() && report.chain.first() == Some(&tier.tier));
    document.add(Block::Table(signals(report)));
    document.add(Block::Table(report::baselines(&report.baselines)));
    document.add(Block::Steps(next));
    document.on_page(Block::Origin(origin(report, provenance)));
    document.on_page(Block::Footer(
        "A promise is about the mean over requests like the examples. It does not speak about a single request, about traffic that has \
         changed since, or about wrong labels. What is expected was estimated on examples that its thresholds were not fitted on.",
    ));
    document
}

fn tone(status: Status) -> Tone {
    match status {
        Status::Certified => Tone::Good,
        Status::Inconclusive => Tone::Unsure,
        Status::Infeasible => Tone::Bad,
        Status::Uncertified => Tone::Strong,
    }
}

/// That of the verdict on everything; nothing is good about a certificate that saves nothing.
fn whole(report: &Calibration) -> Tone {
    if words::saves_nothing(report) { Tone::Strong } else { tone(report.status) }
}

/// The verdict in a word, and the other ones with the points and segments that have them.
fn badges(report: &Calibration, status: String) -> Vec<(Tone, String)> {
    let points = report.points.iter().map(|point| (point.status, point.guarantee.as_ref(), &point.name));
    let segments = report.segments.iter().map(|segment| (segment.status, segment.guarantee.as_ref(), &segment.segment));
    let mut others = BTreeMap::<_, Vec<String>>::new();
    for (status, guarantee, name) in points.chain(segments) {
        others.entry((tone(status), words::status(status, guarantee))).or_default().push(name.clone());
    }
    others.remove(&(tone(report.status), status.clone()));
    let others = others.into_iter().map(|((tone, word), names)| (tone, format!("{word}: {}", words::few(&names))));
    [(whole(report), status)].into_iter().chain(others).collect()
}

/// That nothing is promised, and what would have to be otherwise.
fn unpromised(report: &Calibration) -> Vec<Fact> {
    let needed = report
        .needed_n
        .map(|needed| Fact::new("examples needed ", format!("about {needed}"), " for this target with 80 % probability"));
    let attainable = report.attainable.map(|attainable| Fact::new("attainable here ", askable(report, attainable), ""));
    [Fact::new("promised as a whole ", "nothing", "")].into_iter().chain(needed).chain(attainable).collect()
}

fn askable(report: &Calibration, attainable: f64) -> String {
    words::bound(&report.target, words::askable(&report.target, attainable))
}

fn verdict(report: &Calibration) -> Conclusion {
    let mut numbers = format!("{} labelled examples", words::count(report.n));
    if report.n_items != report.n {
        let _ = write!(numbers, ", {} items", words::count(report.n_items));
    }
    numbers += &words::left_out(report.n_excluded);
    let needed = report.needed_n.map(|needed| format!("About {needed} labelled examples would do, if they are like these."));
    let attainable = report.attainable.map(|attainable| format!("Attainable here: {}.", askable(report, attainable)));
    let said = [Some(format!("{} ({numbers})", report.why)), needed, attainable];
    let said = said.into_iter().flatten().map(|said| Line::plain(2, said));
    let verdict = Conclusion::new(whole(report), words::headline(report), said);
    match report.status {
        Status::Uncertified => Conclusion { mark: "·", ..verdict },
        Status::Certified if words::saves_nothing(report) => Conclusion { mark: "·", ..verdict },
        _ => verdict,
    }
}

fn in_force<'a>(report: &Calibration) -> Block<'a> {
    let does = |tier: &String| words::role(tier, &report.chain, |place| gated(report, tier, place));
    let by_segment = "by segment, as the table below says; for requests of no other segment:";
    Block::Tiers {
        of: (!report.segments.is_empty()).then_some(by_segment),
        tiers: report.declared_chain.iter().map(does).collect(),
    }
}

/// What a tier answers by the gate at this place of the chain.
fn gated(report: &Calibration, tier: &str, place: usize) -> String {
    let Some(raw) = report.raw_thresholds.get(place).copied().flatten() else {
        return "never answers: it passes everything on".to_owned();
    };
    let from = match report.thresholds.get(place).copied().flatten() {
        Some(confidence) => format!("confidence {confidence:.3}"),
        None => words::number(raw.get()),
    };
    let coverage = report.estimate.as_ref().and_then(|estimate| estimate.coverage.get(place).copied().flatten());
    let share = coverage.map_or_else(String::new, |coverage| format!(", {} of what reaches it", words::rough(coverage)));
    let signal = report.signals.get(tier).map_or("score", String::as_str);
    format!("answers from {from}{share} ({signal} {})", words::cut(Some(raw)))
}

/// What to expect on new requests.
fn expected(expected: &Expected, last: &str) -> Vec<Fact> {
    let right = match &expected.accuracy {
        Some(accuracy) => Fact::new("", words::percent(accuracy.value), format!(" right ({})", words::range(accuracy))),
        None => Fact::plain(format!("right in a share that cannot be told: {}", words::UNGRADED)),
    };
    let loss = expected.loss_vs_last.as_ref().map(|loss| report::loss(loss, last));
    let cost = report::cost("would cost ", expected.cost_ratio, (expected.cost_usd, expected.cost_last), last);
    let method = Fact::plain(format!("{}; intervals hold 95 %", expected.method));
    [right].into_iter().chain(loss).chain([cost, method]).collect()
}

fn curve<'a>(report: &'a Calibration, last: &'a str) -> Curve<'a> {
    let expected = report.estimate.as_ref();
    let from_baselines = report.baselines.get("always-last");
    let others = report.points.iter().skip(1).filter_map(|point| {
        let expected = point.estimate.as_ref()?;
        Some((point.name.clone(), expected.cost_usd?, expected.accuracy?.value))
    });
    let cost_last = expected.and_then(|e| e.cost_last).or_else(|| from_baselines?.cost_usd);
    Curve {
        frontier: &report.frontier,
        chosen: expected.and_then(|e| Some((e.accuracy?, e.cost_usd?))),
        chosen_is: "as expected on new requests",
        points: others.collect(),
        points_are: "further operating points, as expected on new requests",
        floor: report::floor(&report.target, from_baselines.map(|spot| spot.accuracy.value)),
        ..Curve::new(last, cost_last, &report.baselines)
    }
}

fn points(report: &Calibration, last: &str) -> Table {
    let of = Rows(&report.points);
    let accuracy = |point: &PointReport| point.estimate.as_ref().and_then(|e| e.accuracy);
    let loss = |point: &PointReport| point.estimate.as_ref().and_then(|e| e.loss_vs_last);
    let policy = |point: &PointReport| {
        let whole = words::chain_with_cuts(&point.chain, &point.raw_thresholds);
        if report.segments.is_empty() { whole } else { format!("by segment, else {whole}") }
    };
    let promised = |point: &PointReport| match &point.guarantee {
        Some(guarantee) => words::bound(&point.target, guarantee.bound),
        None => "nothing".to_owned(),
    };
    Table::titled(
        "Operating points",
        "Declared beforehand, the first one in force by default: they share what may go wrong, so all promises hold together",
        vec![
            of.text("point", |point| point.name.clone()),
            of.text("verdict", |point| words::status(point.status, point.guarantee.as_ref())),
            of.text("asked for", |point| words::target(&point.target, last)),
            of.text("policy", policy),
            of.text("promised", promised).on_page(),
            of.number("right", |point| words::maybe(accuracy(point).map(|right| right.value), words::percent)),
            of.number("95 %", |point| words::maybe(accuracy(point).as_ref(), words::range)).on_page(),
            of.number("points worse", |point| words::maybe(loss(point).as_ref(), words::points_with_range)).on_page(),
            of.number("cost", |point| words::maybe(point.estimate.as_ref().and_then(|e| e.cost_ratio), words::rough)),
        ],
    )
    .choosing(&report.points, |point| point.name == report.points[0].name)
}

fn segments(segments: &[SegmentReport], target: &TargetFit, head: &str) -> Table {
    let of = Rows(segments);
    Table::titled(
        "By segment",
        "A request's segment is what a rule, tag or header says at run time; unlisted ones are treated as the whole",
        vec![
            of.text(head, |segment| {
                let pooled = &segment.pooled;
                let names = if pooled.is_empty() { String::new() } else { format!(" ({})", words::few(pooled)) };
                format!("{}{names}", segment.segment)
            }),
            of.number("items", |segment| words::count(segment.n)),
            of.text("verdict", |segment| match (segment.status, &segment.guarantee) {
                // What is promised over all is promised of no segment by itself.
                (Status::Certified, None) => "certified together".to_owned(),
                (status, guarantee) => words::status(status, guarantee.as_ref()),
            }),
            of.text("policy", |segment| words::chain_with_cuts(&segment.chain, &segment.raw_thresholds)),
            of.text("promised by itself", |segment| {
                words::maybe(segment.guarantee.as_ref(), |guarantee| words::bound(target, guarantee.bound))
            })
            .on_page(),
        ],
    )
}

fn signals(report: &Calibration) -> Table {
    let of = Rows(&report.signal_table);
    Table::titled(
        "Signals",
        "AUROC: how well it tells right answers from wrong ones; benefit: from those where only the next tier is right. \
                  0.5 = not at all",
        vec![
            of.text("tier", |row| row.tier.clone()),
            of.text("signal", |row| row.signal.clone()),
            of.number("AUROC", |row| report::score(row.auroc)),
            of.number("benefit", |row| report::score(row.auroc_benefit)),
            of.number("abstains", |row| words::percent(row.abstained)),
            of.text("", |row| {
                let notes = [row.chosen.then_some("in use"), row.note.as_deref()];
                notes.into_iter().flatten().collect::<Vec<_>>().join("; ")
            }),
        ],
    )
    .choosing(&report.signal_table, |row| row.chosen)
}

fn origin(report: &Calibration, provenance: &Provenance) -> Vec<(&'static str, String)> {
    let test = |guarantee: &Guarantee| ("test", format!("{}, δ = {}", guarantee.method, words::number(guarantee.delta)));
    let estimates = report.estimate.as_ref().map(|estimate| ("estimates", estimate.method.clone()));
    report.guarantee.as_ref().map(test).into_iter().chain(estimates).chain(report::provenance(provenance)).collect()
}

#[cfg(test)]
mod tests {
    use tierfall_calibrate::stat::plan::Needed;

    use super::*;
    use crate::render::{sample, text};

    fn plain(report: &Calibration, next: &[(String, String)]) -> String {
        let text = text::document(&calibration(report, &sample::provenance(), "support", next));
        anstream::adapter::strip_str(&text).to_string()
    }

    #[test]
    fn the_most_important_comes_first() {
        let next = [("Judge it on requests that it has not seen:".to_owned(), "tierfall evaluate a b --fit c".to_owned())];
        insta::assert_snapshot!(plain(&sample::calibration(), &next), @r#"
        ✓ Certified: at most 5 points worse than always large
          The loss against always large is at most 4.6 points, at 90 %; 5 points were asked for. (840
          labelled examples, 3 left out)

          If future requests are drawn from the same distribution as the 840 fixtures, and quality labels
          are correct, then with probability >= 0.9 over the draw of the fixtures the deployed policy
          satisfies E[quality(large) - quality(cascade)] <= 0.05.
          bound ≤ 4.6 points with probability 90 %, by an exact test of the requests on which the two differ

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

        tier    gate value     right  AUROC  benefit    ECE  accepts  wrong then  abstained
        small   mean-logprob  62.2 %  0.871    0.802  0.031        –           –          6
        medium  mean-logprob  62.2 %  0.871    0.802  0.031     48 %      10.1 %          6

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
        report.needed_n = Some(Needed { from: 1_900, to: Some(5_200) });
        report.guarantee = None;
        report.chain = vec!["large".to_owned()];
        (report.raw_thresholds, report.thresholds, report.ties) = (vec![], vec![], vec![]);
        report.estimate = None;
        report.segments.clear();
        let text = plain(&report, &[]);
        let top: Vec<&str> = text.lines().take(7).collect();
        insta::assert_snapshot!(top.join("\n"), @"
        ? Inconclusive: too few examples to promise at most 5 points worse than always large
          840 examples leave the loss anywhere up to 5.8 points. (840 labelled examples, 3 left out)
          About 1,900 to 5,200 labelled examples would do, if they are like these.

        in force     small   not asked
                     medium  not asked
                     large   answers everything
        ");
    }

    #[test]
    fn what_is_pooled_is_cut_and_a_promise_over_all_is_none_of_a_segment() {
        let mut report = sample::calibration();
        report.segments[2].pooled = (0..76).map(|n| format!("s{n}")).collect();
        report.segments.iter_mut().for_each(|segment| (segment.status, segment.guarantee) = (Status::Certified, None));
        report.points[1].segments = report.segments[..1].to_vec();
        let text = plain(&report, &[]);
        assert!(text.contains("rest (s0, s1, s2, s3, s4 and 71 more)    288  certified together"), "{text}");
        assert!(text.contains("segment, at careful  items  verdict             policy\norders                 312"), "{text}");
    }

    #[test]
    fn it_fits_a_hundred_columns() {
        let text = plain(&sample::calibration(), &[]);
        for line in text.lines() {
            assert!(line.chars().count() <= 100, "{line}");
        }
    }
}
