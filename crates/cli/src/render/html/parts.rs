//! What several reports have in common.

use std::collections::BTreeMap;
use std::fmt::Display;

use tierfall_calibrate::report::Spot;
use tierfall_core::fit::Provenance;

use super::markup::Markup;
use super::table::{Column, table};
use crate::render::words::{self, Baseline, Part};

/// A number that matters: its name, itself, and what is to be said of it.
pub(super) struct Tile {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) note: String,
}

impl Tile {
    pub(super) fn new(name: impl Display, value: impl Display, note: impl Display) -> Self {
        Self { name: name.to_string(), value: value.to_string(), note: note.to_string() }
    }
}

/// A row of them.
pub(super) fn tiles(page: &mut Markup, tiles: &[Tile]) {
    page.element("dl", &[("class", &"tiles")], |list| {
        for tile in tiles {
            list.element("div", &[], |one| {
                one.leaf("dt", &[], &tile.name);
                one.leaf("dd", &[], &tile.value);
                one.leaf("dd", &[], &tile.note);
            });
        }
    });
}

/// The declared chain and what each tier does; where thresholds go by segment, of which requests that is said.
pub(super) fn chain(page: &mut Markup, declared: &[String], by_segment: Option<&str>, part: impl Fn(usize) -> Part) {
    if let Some(of) = by_segment {
        page.leaf("p", &[("class", &"soft")], format_args!("Thresholds go by segment. {of}:"));
    }
    page.element("ol", &[("class", &"chain"), ("aria-label", &"the tiers, in the order in which they are asked")], |list| {
        for (place, tier) in declared.iter().enumerate() {
            let part = part(place);
            let class = if matches!(part, Part::NotAsked) { "out" } else { "" };
            list.element("li", &[("class", &class)], |one| {
                one.leaf("strong", &[], tier);
                one.leaf("span", &[], words::role(part));
            });
        }
    });
}

/// What the user should know; nothing where there is nothing.
pub(super) fn warnings(page: &mut Markup, warnings: &[String]) {
    if warnings.is_empty() {
        return;
    }
    page.leaf("h2", &[], "Warnings");
    page.element("ul", &[("class", &"warnings")], |list| {
        for warning in warnings {
            list.leaf("li", &[], warning);
        }
    });
}

/// What is had without a cascade.
pub(super) fn baselines(page: &mut Markup, baselines: &BTreeMap<String, Spot>) {
    if baselines.is_empty() {
        return;
    }
    page.leaf("h2", &[], "Without a cascade");
    let columns = [
        Column::text("policy"),
        Column::text("tiers"),
        Column::range("right, %"),
        Column::number("cost a query"),
        Column::number("of always-last"),
    ];
    let rows = words::baselines(baselines).into_iter().map(|Baseline { name, spot, also }| {
        vec![
            if also.is_empty() { name.to_owned() } else { format!("{name} = {}", also.join(", ")) },
            words::chain(&spot.chain),
            words::points_with_range(&spot.accuracy),
            words::usd(spot.cost_usd),
            words::maybe(spot.cost_ratio, words::rough),
        ]
    });
    let caption = "random-mix draws lots between single tiers at the cascade's cost; oracle knows beforehand which tier is \
                   right, and is out of reach";
    table(page, caption, &columns, rows, |_| false);
}

/// Names and values.
pub(super) fn facts(page: &mut Markup, facts: &[(&str, String)]) {
    page.element("dl", &[("class", &"facts")], |list| {
        for (name, value) in facts {
            list.leaf("dt", &[], name);
            list.leaf("dd", &[], value);
        }
    });
}

/// Where a fit comes from.
pub(super) fn provenance(provenance: &Provenance) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("examples", provenance.source.clone()),
        ("split", provenance.split.clone().unwrap_or_else(|| "all rows".to_owned())),
        ("rows", words::count(provenance.n)),
        ("left out", words::count(provenance.n_excluded)),
        ("seed", provenance.seed.to_string()),
        ("certificates before, on these rows", provenance.earlier_certificates.to_string()),
        ("digest of the rows", provenance.source_digest.clone()),
    ];
    if !provenance.cascade_digest.is_empty() {
        facts.push(("digest of the cascade", provenance.cascade_digest.clone()));
    }
    facts.push(("made by", format!("tierfall {}", provenance.tierfall)));
    facts
}
