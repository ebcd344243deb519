//! What several reports say alike.

use std::collections::BTreeMap;

use tierfall_calibrate::report::{Estimate, Spot, TierReport};
use tierfall_core::fit::{Provenance, TargetFit};

use super::document::{Block, Document, Fact, Rows, Table};
use super::words;

/// A loss against the last tier. The interval counts the way that the number does: what is better is better by that much.
pub(super) fn loss(loss: &Estimate, last: &str) -> Fact {
    let [value, after] = words::loss(loss.value, last);
    let interval = match words::points(loss.value).as_str() {
        "0" => format!("{} points worse", words::range(loss)),
        _ if loss.value < 0.0 => words::range(&Estimate { value: -loss.value, low: -loss.high, high: -loss.low }),
        _ => words::range(loss),
    };
    Fact::new("", value, format!("{after} ({interval})"))
}

/// A cost, of the cascade and of the last tier.
pub(super) fn cost(before: &'static str, ratio: Option<f64>, (cost, of_last): (Option<f64>, Option<f64>), last: &str) -> Fact {
    let Some(ratio) = ratio else {
        return Fact::plain(match (cost, of_last) {
            (Some(own), Some(0.0)) if own <= 0.0 => format!("costs nothing, as always asking {last} does"),
            (Some(_), Some(0.0)) => format!("costs {} a query, and always asking {last} nothing", words::usd(cost)),
            _ => "unknown cost: some answer has neither a cost nor both tokens and a price".to_owned(),
        });
    };
    let [value, after] = words::cost(ratio, last);
    let (cost, of_last) = (words::usd(cost), words::usd(of_last));
    let instead = if cost == of_last { String::new() } else { format!(" instead of {of_last}") };
    Fact::new(before, value, format!("{after}: {cost} a query{instead}"))
}

/// The share of right answers that a target asks for, where the last tier has `of_last` of them.
pub(super) fn floor(target: &TargetFit, of_last: Option<f64>) -> Option<f64> {
    match target {
        TargetFit::Accuracy(accuracy) => Some(*accuracy),
        TargetFit::MaxLoss(loss) => Some(of_last? - loss),
        TargetFit::MaxCost(_) => None,
    }
}

/// What is between 0 and 1 and no share.
pub(super) fn score(score: Option<f64>) -> String {
    words::maybe(score, |score| format!("{score:.3}"))
}

/// How well the gated tiers know when they are right. `sees_all` says of one whether every request reaches it.
pub(super) fn tiers<'a>(document: &mut Document<'a>, tiers: &'a [TierReport], sees_all: impl Fn(&TierReport) -> bool) {
    let of = Rows(tiers);
    document.add(Block::Table(Table::titled(
        "Does each tier know when it is right?",
        "AUROC: telling right answers from wrong ones; benefit: from those where only the next tier is right (0.5 = not at all). \
                  AURC, AUGRC, ECE and Brier: less is better",
        vec![
            of.text("tier", |tier| tier.tier.clone()),
            of.text("gate value", |tier| tier.signal.clone()),
            of.number("right", |tier| words::percent(tier.accuracy.value)),
            of.number("95 %", |tier| words::range(&tier.accuracy)).on_page(),
            of.number("AUROC", |tier| score(tier.auroc)),
            of.number("benefit", |tier| score(tier.auroc_benefit)),
            of.number("AURC", |tier| score(tier.aurc)).on_page(),
            of.number("AUGRC", |tier| score(tier.augrc)).on_page(),
            of.number("ECE", |tier| score(tier.ece)).spare(1),
            of.number("Brier", |tier| score(tier.brier)).on_page(),
            of.number("accepts", |tier| words::maybe(tier.coverage, words::rough)),
            of.number("wrong then", |tier| words::maybe(tier.selective_risk.map(|risk| risk.value), words::percent)),
            of.number("95 %", |tier| words::maybe(tier.selective_risk.as_ref(), words::range)).on_page(),
            of.number("abstained", |tier| words::count(tier.abstained)).spare(2),
        ],
    )));
    for tier in tiers {
        document.on_page(Block::Tier { tier, sees_all: sees_all(tier) });
    }
}

/// What is had without a cascade.
pub(super) fn baselines(all: &BTreeMap<String, Spot>) -> Table {
    let all = words::baselines(all);
    let of = Rows(&all);
    Table::titled(
        "Without a cascade",
        "random-mix draws lots between single tiers at the cascade's cost; oracle knows beforehand which tier is right, and is \
                  out of reach",
        vec![
            of.text("without a cascade", |one| {
                if one.also.is_empty() { one.name.to_owned() } else { format!("{} = {}", one.name, one.also.join(", ")) }
            }),
            of.text("tiers", |one| words::chain(&one.spot.chain)).on_page(),
            of.number("right", |one| words::percent(one.spot.accuracy.value)),
            of.number("95 %", |one| words::range(&one.spot.accuracy)).spare(1),
            of.number("a query", |one| words::usd(one.spot.cost_usd)),
            of.number("of last", |one| words::maybe(one.spot.cost_ratio, words::rough)),
        ],
    )
}

/// Where a fit comes from.
pub(super) fn provenance(provenance: &Provenance) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("fitted on", provenance.source.clone()),
        ("split", provenance.split.clone().unwrap_or_else(|| "all rows".to_owned())),
        ("rows it was fitted on", words::count(provenance.n)),
        ("left out of the fit", words::count(provenance.n_excluded)),
        ("seed", provenance.seed.to_string()),
        ("certificates before, on these rows", provenance.earlier_certificates.to_string()),
        ("digest of the rows", provenance.source_digest.clone()),
    ];
    let cascade = Some(&provenance.cascade_digest).filter(|digest| !digest.is_empty());
    facts.extend(cascade.map(|digest| ("digest of the cascade", digest.clone())));
    facts.push(("made by", format!("tierfall {}", provenance.tierfall)));
    facts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_a_cost_and_not_an_unknown_one() {
        let said = |cost, of_last| {
            let Fact { before, value, after } = super::cost("costs ", None, (cost, of_last), "large");
            format!("{before}{value}{after}")
        };
        assert_eq!(said(Some(0.0), Some(0.0)), "costs nothing, as always asking large does");
        assert_eq!(said(Some(0.5), Some(0.0)), "costs $0.5 a query, and always asking large nothing");
        for (cost, of_last) in [(None, Some(0.0)), (Some(0.0), None), (None, None)] {
            assert!(said(cost, of_last).starts_with("unknown cost"), "{cost:?} {of_last:?}");
        }
    }

    #[test]
    fn an_interval_counts_the_way_that_its_number_does() {
        let of = |value, low, high| {
            let Fact { value, after, .. } = loss(&Estimate { value, low, high }, "large");
            value + &after
        };
        assert_eq!(of(0.02, -0.01, 0.05), "2 points worse than always large (−1 to 5)");
        assert_eq!(of(-0.002, -0.021, 0.016), "0.2 points better than always large (−1.6 to 2.1)");
        assert_eq!(of(0.0, -0.021, 0.016), "as good as always large (−2.1 to 1.6 points worse)");
    }
}
