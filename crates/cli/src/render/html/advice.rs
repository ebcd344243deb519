//! The report of `tierfall advise`.

use tierfall_calibrate::report::Advice;

use super::curve::Curve;
use super::markup::Markup;
use super::parts;
use super::table::{Column, table};
use crate::render::words;

/// The file. `name` is the chain that was looked at.
pub(crate) fn advice(report: &Advice, name: &str) -> String {
    let last = report.declared_chain.last().map_or("", String::as_str);
    super::page(&format!("{name}: advice"), |page| {
        page.element("header", &[("class", &"verdict uncertified")], |header| {
            header.element("p", &[("class", &"about")], |about| {
                about.text(format_args!("{name} · {} · ", words::chain(&report.declared_chain)));
                about.text(format_args!("{} labelled examples", words::count(report.n)));
            });
            let (first, rest) = report.advice.split_first().map_or(("Nothing can be said.", &[][..]), |(f, r)| (f.as_str(), r));
            header.leaf("h1", &[], first);
            for sentence in rest {
                header.leaf("p", &[], sentence);
            }
        });
        parts::warnings(page, &report.warnings);
        tiers(page, report, last);
        chains(page, report, last);
        page.leaf("h2", &[], "Cost and quality");
        curve(report, last).draw(page);
        parts::baselines(page, &report.baselines);
        page.element("footer", &[], |footer| {
            footer.raw("All of it is cross-fitted: no request judged what was fitted on it. Intervals hold 95 % each by itself. Nothing here is a promise.");
        });
    })
}

/// What the dots of chains are.
const POINTS: &str = "chains of several tiers, each at its best trade-off";

fn curve<'a>(report: &'a Advice, last: &'a str) -> Curve<'a> {
    let cost_last = report.baselines.get("always-last").and_then(|spot| spot.cost_usd).filter(|cost| *cost > 0.0);
    let chains = report.chains.iter().filter(|chain| chain.chain.len() > 1).filter_map(|chain| {
        let cost = chain.cost_ratio.as_ref()?.value * cost_last?;
        Some((words::chain(&chain.chain), cost, chain.accuracy.value))
    });
    let (points, baselines) = (chains.collect(), &report.baselines);
    Curve { last, cost_last, frontier: &[], baselines, chosen: None, chosen_is: "", points, points_are: POINTS, floor: None }
}

fn tiers(page: &mut Markup, report: &Advice, last: &str) {
    page.leaf("h2", &[], "What each tier earns");
    let columns = [
        Column::text("tier"),
        Column::text("earns its call"),
        Column::number("items"),
        Column::range("right alone, %"),
        Column::number("cost a query"),
        Column::range("saves, points of cost"),
    ];
    let saving = |saving: Option<&_>| saving.map_or_else(|| words::UNKNOWN.to_owned(), words::points_with_range);
    let rows = report.tiers.iter().flat_map(|tier| {
        let whole = vec![
            tier.tier.clone(),
            words::earns(tier.earns).to_owned(),
            words::count(report.n),
            words::points_with_range(&tier.accuracy),
            words::usd(tier.cost_usd),
            saving(tier.saving.as_ref()),
        ];
        let segments = tier.segments.iter().map(move |(name, part)| {
            vec![
                format!("· {name}"),
                words::earns(part.earns).to_owned(),
                words::count(part.n),
                words::points_with_range(&part.accuracy),
                String::new(),
                saving(part.saving.as_ref()),
            ]
        });
        [whole].into_iter().chain(segments)
    });
    let caption = format!("What is lost without the tier at equal quality, as a share of the cost of always {last}");
    table(page, &caption, &columns, rows, |_| false);
}

fn chains(page: &mut Markup, report: &Advice, last: &str) {
    page.leaf("h2", &[], "Every sub-chain");
    let columns = [
        Column::text("chain"),
        Column::range("right, %"),
        Column::range("worse, points"),
        Column::range("cost, %"),
        Column::text("note"),
    ];
    let rows = report.chains.iter().map(|chain| {
        vec![
            words::chain(&chain.chain),
            words::points_with_range(&chain.accuracy),
            words::points_with_range(&chain.loss_vs_last),
            chain.cost_ratio.as_ref().map_or_else(|| words::UNKNOWN.to_owned(), words::points_with_range),
            if chain.efficient { "efficient" } else { "" }.to_owned(),
        ]
    });
    let caption = format!("Against always {last}, at its best trade-off; efficient: no other is both cheaper and better");
    table(page, &caption, &columns, rows, |place| report.chains.get(place).is_some_and(|chain| chain.efficient));
}
