//! The report of `tierfall calibrate`.

use tierfall_calibrate::report::{Calibration, Estimate, Expected, TierReport};
use tierfall_core::fit::{Provenance, TargetFit};

use super::curve::{Chosen, Curve};
use super::markup::Markup;
use super::parts::{self, Tile};
use super::table::{Column, table};
use super::tiers;
use crate::render::calibration::policy;
use crate::render::words;

/// The file. `name` is what was calibrated.
pub(crate) fn calibration(report: &Calibration, provenance: &Provenance, name: &str) -> String {
    let last = report.declared_chain.last().map_or("", String::as_str);
    super::page(&format!("{name}: {}", words::status(report.status, report.guarantee.as_ref())), |page| {
        verdict(page, report, name, last);
        let of = (!report.segments.is_empty()).then_some("Requests of no segment that has its own meet these tiers");
        parts::chain(page, &report.declared_chain, of, |place| words::part(report, place));
        parts::tiles(page, &main_numbers(report, last));
        parts::warnings(page, &report.warnings);
        // Without grades there is no quality to draw.
        if !report.frontier.is_empty() {
            page.leaf("h2", &[], "Cost and quality");
            curve(report, last).draw(page);
        }
        points(page, report, last);
        segments(page, report);
        parts::baselines(page, &report.baselines);
        if !report.tiers.is_empty() {
            page.leaf("h2", &[], "Does each tier know when it is right?");
            tiers::numbers(page, &report.tiers);
            let sees_all = |tier: &TierReport| report.segments.is_empty() && report.chain.first() == Some(&tier.tier);
            tiers::tiers(page, &report.tiers, sees_all);
        }
        signals(page, report);
        page.leaf("h2", &[], "Where this comes from");
        let mut facts = vec![
            ("status", words::status(report.status, report.guarantee.as_ref())),
            ("asked for", words::target(&report.target, last)),
        ];
        if let Some(guarantee) = &report.guarantee {
            facts.push(("test", format!("{}, δ = {}", guarantee.method, words::number(guarantee.delta))));
        }
        if let Some(estimate) = &report.estimate {
            facts.push(("estimates", estimate.method.clone()));
        }
        facts.extend(parts::provenance(provenance));
        parts::facts(page, &facts);
        footer(page);
    })
}

fn verdict(page: &mut Markup, report: &Calibration, name: &str, last: &str) {
    let class = format!("verdict {}", report.status.as_str());
    page.element("header", &[("class", &class)], |header| {
        header.element("p", &[("class", &"about")], |about| {
            about.text(format_args!("{name} · {} · ", words::target(&report.target, last)));
            about.text(format_args!("{} labelled examples", words::count(report.n)));
        });
        header.element("h1", &[], |title| title.text(words::headline(report)));
        header.element("p", &[], |why| {
            why.leaf("span", &[("class", &"badge")], words::status(report.status, report.guarantee.as_ref()));
            why.text(format_args!(" {}", report.why));
        });
        match &report.guarantee {
            Some(guarantee) => header.leaf("blockquote", &[], &guarantee.statement),
            None => header.leaf("blockquote", &[], words::NO_PROMISE),
        }
    });
}

fn main_numbers(report: &Calibration, last: &str) -> Vec<Tile> {
    let mut all = Vec::new();
    match &report.estimate {
        Some(expected) => {
            let range = |estimate: &Estimate| format!("95 %: {}", words::range(estimate));
            all.push(Tile::new(
                "Right answers",
                words::maybe(expected.accuracy.map(|accuracy| accuracy.value), words::percent),
                expected.accuracy.as_ref().map_or_else(|| words::UNGRADED.to_owned(), range),
            ));
            all.push(Tile::new(
                format_args!("Worse than always {last}, points"),
                words::maybe(expected.loss_vs_last.map(|loss| loss.value), words::points),
                expected.loss_vs_last.as_ref().map_or_else(|| words::UNGRADED.to_owned(), |l| range(l) + "; below 0 is better"),
            ));
            all.push(cost(expected, last));
        }
        None => all.push(Tile::new("Right answers", words::UNKNOWN, "no estimate could be made without reusing examples")),
    }
    all.push(match &report.guarantee {
        Some(guarantee) => Tile::new(
            "Promised",
            words::bound(&report.target, guarantee.bound),
            format_args!("{}, {}{}", words::odds(guarantee), guarantee.method, guarantee.under()),
        ),
        None => Tile::new("Promised", "nothing", words::no_promise_because(report.status)),
    });
    if let Some(needed) = report.needed_n {
        all.push(Tile::new("Examples needed", format_args!("about {}", words::count(needed)), "for this target, at 80 % power"));
    }
    if let Some(attainable) = report.attainable {
        all.push(Tile::new(
            "Attainable",
            words::bound(&report.target, words::askable(&report.target, attainable)),
            "the most that can be promised here",
        ));
    }
    all
}

fn cost(expected: &Expected, last: &str) -> Tile {
    match expected.cost_ratio {
        Some(ratio) => Tile::new(
            "Cost",
            words::rough(ratio),
            format_args!("of always {last}: {} a query, not {}", words::usd(expected.cost_usd), words::usd(expected.cost_last)),
        ),
        None => Tile::new("Cost", words::UNKNOWN, "--price TIER=IN/OUT or --cost TIER=USD declares it"),
    }
}

fn curve<'a>(report: &'a Calibration, last: &'a str) -> Curve<'a> {
    let expected = report.estimate.as_ref();
    let from_baselines = report.baselines.get("always-last");
    let others = report.points.iter().skip(1).filter_map(|point| {
        let expected = point.estimate.as_ref()?;
        Some((point.name.clone(), expected.cost_usd?, expected.accuracy?.value))
    });
    let accuracy_last = || Some(from_baselines?.accuracy.value);
    Curve {
        last,
        cost_last: expected.and_then(|e| e.cost_last).or_else(|| from_baselines?.cost_usd).filter(|cost| *cost > 0.0),
        frontier: &report.frontier,
        baselines: &report.baselines,
        chosen: expected.and_then(|e| Some(Chosen { accuracy: e.accuracy?, cost_usd: e.cost_usd? })),
        chosen_is: "as expected on new requests",
        points: others.collect(),
        points_are: "further operating points, as expected on new requests",
        floor: match report.target {
            TargetFit::Accuracy(accuracy) => Some(accuracy),
            TargetFit::MaxLoss(loss) => accuracy_last().map(|accuracy| accuracy - loss),
            TargetFit::MaxCost(_) => None,
        },
    }
}

fn points(page: &mut Markup, report: &Calibration, last: &str) {
    if report.points.len() < 2 {
        return;
    }
    page.leaf("h2", &[], "Operating points");
    let columns = [
        Column::text("point"),
        Column::text("verdict"),
        Column::text("asked for"),
        Column::text("policy"),
        Column::text("promised"),
        Column::range("right, %"),
        Column::range("worse, points"),
        Column::number("of always-last"),
    ];
    let rows = report.points.iter().map(|point| {
        let estimate = point.estimate.as_ref();
        vec![
            point.name.clone(),
            words::status(point.status, point.guarantee.as_ref()),
            words::target(&point.target, last),
            policy(report, point),
            point.guarantee.as_ref().map_or_else(|| "nothing".to_owned(), |g| words::bound(&point.target, g.bound)),
            words::maybe(estimate.and_then(|e| e.accuracy), |accuracy| words::points_with_range(&accuracy)),
            words::maybe(estimate.and_then(|e| e.loss_vs_last), |loss| words::points_with_range(&loss)),
            words::maybe(estimate.and_then(|e| e.cost_ratio), words::rough),
        ]
    });
    table(page, "Declared beforehand: they share δ, so all promises hold together", &columns, rows, |place| place == 0);
}

fn segments(page: &mut Markup, report: &Calibration) {
    if report.segments.is_empty() {
        return;
    }
    page.leaf("h2", &[], "By segment");
    let columns = [
        Column::text("segment"),
        Column::number("items"),
        Column::text("verdict"),
        Column::text("policy"),
        Column::text("promised by itself"),
        Column::text("pooled"),
    ];
    let rows = report.segments.iter().map(|segment| {
        vec![
            segment.segment.clone(),
            words::count(segment.n),
            words::status(segment.status, segment.guarantee.as_ref()),
            words::chain_with_cuts(&segment.chain, &segment.raw_thresholds),
            segment.guarantee.as_ref().map_or_else(|| words::UNKNOWN.to_owned(), |g| words::bound(&report.target, g.bound)),
            segment.pooled.join(", "),
        ]
    });
    table(
        page,
        "A request's segment is what a rule, tag or header says at run time; unlisted ones are treated as the whole",
        &columns,
        rows,
        |_| false,
    );
}

fn signals(page: &mut Markup, report: &Calibration) {
    if report.signal_table.is_empty() {
        return;
    }
    page.leaf("h2", &[], "Signals");
    let columns = [
        Column::text("tier"),
        Column::name("signal"),
        Column::number("AUROC"),
        Column::number("AUROC, benefit"),
        Column::number("abstains"),
        Column::text("note"),
    ];
    let score = |value: Option<f64>| words::maybe(value, |value| format!("{value:.3}"));
    let rows = report.signal_table.iter().map(|row| {
        let chosen = if row.chosen { "in use" } else { "" };
        let notes: Vec<&str> = [chosen, row.note.as_deref().unwrap_or("")].into_iter().filter(|note| !note.is_empty()).collect();
        vec![
            row.tier.clone(),
            row.signal.clone(),
            score(row.auroc),
            score(row.auroc_benefit),
            words::percent(row.abstained),
            notes.join("; "),
        ]
    });
    let caption = "AUROC: how well it tells right answers from wrong ones; benefit: from those where only the next tier is right. 0.5 = not at all";
    table(page, caption, &columns, rows, |place| report.signal_table.get(place).is_some_and(|row| row.chosen));
}

fn footer(page: &mut Markup) {
    page.element("footer", &[], |footer| {
        footer.raw(
            "A promise is about the mean over requests like the examples. It does not speak about a single request, about \
             traffic that has changed since, or about wrong labels. What is expected was estimated on examples that its \
             thresholds were not fitted on.",
        );
    });
}
