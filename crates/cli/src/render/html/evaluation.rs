//! The report of `tierfall evaluate`.

use tierfall_calibrate::report::Evaluation;
use tierfall_core::fit::{Provenance, TargetFit};

use super::curve::{Chosen, Curve};
use super::markup::Markup;
use super::parts::{self, Tile};
use super::table::{Column, table};
use super::tiers;
use crate::render::words;

/// The file. `name` is what was evaluated, `on` the rows that judged it; `fit` is where the fit comes from, `by_segment` whether
/// its thresholds go by segment.
pub(crate) fn evaluation(report: &Evaluation, fit: &Provenance, name: &str, on: &str, by_segment: bool) -> String {
    let last = report.declared_chain.last().map_or("", String::as_str);
    super::page(&format!("{name}: evaluation"), |page| {
        verdict(page, report, name, on, last);
        let of = by_segment.then_some("Over all segments together");
        parts::chain(page, &report.declared_chain, of, |place| words::evaluated_part(report, place));
        parts::tiles(page, &main_numbers(report, last));
        parts::warnings(page, &report.warnings);
        page.leaf("h2", &[], "Cost and quality");
        curve(report, last).draw(page);
        segments(page, report);
        parts::baselines(page, &report.baselines);
        if !report.tiers.is_empty() {
            page.leaf("h2", &[], "Does each tier know when it is right?");
            tiers::numbers(page, &report.tiers);
            tiers::tiers(page, &report.tiers, |tier| !by_segment && report.chain.first() == Some(&tier.tier));
        }
        page.leaf("h2", &[], "Where this comes from");
        let mut facts = vec![
            ("judged on", on.to_owned()),
            ("rows there", words::count(report.n)),
            ("left out there", words::count(report.n_excluded)),
            ("operating point", report.point.clone()),
        ];
        facts.extend(parts::provenance(fit).into_iter().map(|(name, value)| {
            let name = match name {
                "examples" => "fitted on",
                "rows" => "rows it was fitted on",
                "left out" => "left out of the fit",
                other => other,
            };
            (name, value)
        }));
        parts::facts(page, &facts);
        page.element("footer", &[], |footer| {
            footer
                .raw("Intervals hold 95 % each by itself. None of these requests was seen by the fit, unless a warning says so.");
        });
    })
}

fn verdict(page: &mut Markup, report: &Evaluation, name: &str, on: &str, last: &str) {
    let tone = match &report.promise {
        Some(promise) if promise.p_broken < 0.05 => "infeasible",
        Some(promise) if !promise.met => "inconclusive",
        Some(_) => "certified",
        None => "uncertified",
    };
    page.element("header", &[("class", &format_args!("verdict {tone}"))], |header| {
        header.element("p", &[("class", &"about")], |about| {
            about.text(format_args!("{name} · point {} · {} requests of {on}", report.point, words::count(report.n)));
        });
        header.leaf("h1", &[], words::evaluation_headline(report));
        let said = words::promise_in_words(report, last);
        if !said.is_empty() {
            header.leaf("p", &[], &said);
        }
        match &report.promise {
            Some(promise) => {
                header.leaf("blockquote", &[], &promise.guarantee.statement);
            }
            None => header.leaf("blockquote", &[], "The fit promises nothing, so there is no promise to check."),
        }
    });
}

fn main_numbers(report: &Evaluation, last: &str) -> Vec<Tile> {
    let (accuracy, loss) = (&report.accuracy, &report.loss_vs_last);
    let mut all = vec![
        Tile::new("Right answers", words::percent(accuracy.value), format_args!("95 %: {}", words::range(accuracy))),
        Tile::new(
            format_args!("Worse than always {last}, points"),
            words::points(loss.value),
            format_args!("95 %: {}; it is right in {}", words::range(loss), words::percent(report.accuracy_last)),
        ),
        match report.cost_ratio {
            Some(ratio) => Tile::new(
                "Cost",
                words::rough(ratio),
                format_args!("of always {last}: {} a query, not {}", words::usd(report.cost_usd), words::usd(report.cost_last)),
            ),
            None => Tile::new("Cost", words::UNKNOWN, "--price TIER=IN/OUT or --cost TIER=USD declares it"),
        },
    ];
    if let Some(latency) = &report.latency_ms {
        all.push(Tile::new(
            "Time, mean",
            words::milliseconds(latency.mean),
            format_args!(
                "95 of 100 within {}; always {last}: {}, {}",
                words::milliseconds(latency.p95),
                words::milliseconds(latency.mean_last),
                words::milliseconds(latency.p95_last)
            ),
        ));
    }
    all
}

fn curve<'a>(report: &'a Evaluation, last: &'a str) -> Curve<'a> {
    Curve {
        last,
        cost_last: report.cost_last.filter(|cost| *cost > 0.0),
        frontier: &[],
        baselines: &report.baselines,
        chosen: report.cost_usd.map(|cost_usd| Chosen { accuracy: report.accuracy, cost_usd }),
        chosen_is: "as measured on these requests",
        points: Vec::new(),
        points_are: "",
        floor: report.promise.as_ref().and_then(|promise| match promise.target {
            TargetFit::Accuracy(accuracy) => Some(accuracy),
            TargetFit::MaxLoss(loss) => Some(report.accuracy_last - loss),
            TargetFit::MaxCost(_) => None,
        }),
    }
}

fn segments(page: &mut Markup, report: &Evaluation) {
    if report.segments.is_empty() {
        return;
    }
    page.leaf("h2", &[], "By segment");
    let columns = [
        Column::text("segment"),
        Column::number("items"),
        Column::range("right, %"),
        Column::range("worse, points"),
        Column::number("of always-last"),
        Column::number("p, adjusted"),
        Column::text("note"),
    ];
    let rows = report.segments.iter().map(|segment| {
        vec![
            segment.segment.clone(),
            words::count(segment.n),
            words::points_with_range(&segment.accuracy),
            words::points_with_range(&segment.loss_vs_last),
            words::maybe(segment.cost_ratio, words::rough),
            words::p_value(segment.p_worse),
            if segment.worse { "worse than the last tier".to_owned() } else { String::new() },
        ]
    });
    let caption = "p: that the cascade is no worse than the last tier there, adjusted for the number of segments (Holm)";
    table(page, caption, &columns, rows, |place| report.segments.get(place).is_some_and(|segment| segment.worse));
}
