//! What a reader of an evaluation should know.

use crate::metric;
use crate::report::Evaluation;
use crate::view::View;

use super::sample::WeightedItems;
use tierfall_core::text::few;

/// Below this many items, intervals are too wide to tell much.
const FEW_ITEMS: usize = 100;

pub(super) fn warnings(view: &View<'_>, sample: &WeightedItems, evaluation: &Evaluation) -> Vec<String> {
    let observations = view.observations();
    let mut warnings = Vec::new();
    if sample.items < FEW_ITEMS {
        warnings.push(format!("only {} items: the intervals are wide", sample.items));
    }
    if sample.items < view.len() {
        warnings.push(format!("{} rows repeat {} items: intervals are over items, not over rows", view.len(), sample.items));
    }
    if observations.weights().is_some() {
        warnings.push(
            "rows are weighted by 1/sampling probability (Hájek means); AUROC, calibration errors and curves are unweighted"
                .into(),
        );
    }
    if evaluation.cost_usd.is_none() || evaluation.cost_last.is_none() {
        warnings.push("the cost of a tier in force is unknown, so nothing is said of costs".into());
    }
    if let Some(promise) = evaluation.promise.as_ref().filter(|promise| promise.is_broken()) {
        warnings.push(format!(
            "these rows speak against the promise: if it held, rows that look this bad would turn up with probability {}",
            chance(promise.p_broken)
        ));
    }
    let worse = evaluation.segments.iter().filter(|segment| segment.worse);
    let worse: Vec<String> =
        worse.map(|segment| format!("\"{}\" by {:.1} points", segment.segment, segment.loss_vs_last.value * 100.0)).collect();
    if !worse.is_empty() {
        warnings.push(format!(
            "in these segments the cascade is worse than always-last, by more than chance explains: {}",
            few(&worse)
        ));
    }
    for tier in &evaluation.tiers {
        if tier.abstained > 0 && tier.coverage.is_some() {
            warnings.push(format!(
                "the signal of tier \"{}\" abstained on {} of {} rows; they are escalated",
                tier.tier,
                tier.abstained,
                tier.n + tier.abstained
            ));
        }
        let right = tier.accuracy.value * tier.n as f64;
        if let Some(auroc) = tier.auroc.filter(|auroc| metric::is_upside_down(*auroc, right, tier.n as f64 - right)) {
            warnings
                .push(format!("{} of tier \"{}\" is lower where the answer is right (AUROC {auroc:.3})", tier.signal, tier.tier));
        }
    }
    for spec in observations.tiers() {
        if let Some(judge) = &spec.judge {
            warnings.push(format!("the answers of tier \"{}\" were graded by {judge}: right means right to it", spec.name));
        }
    }
    warnings
}

/// A probability; one that rounds to 0 is not 0.
fn chance(p: f64) -> String {
    if p < 1e-4 { "below 0.0001".to_owned() } else { format!("{p:.4}") }
}

#[cfg(test)]
mod tests {
    use super::chance;

    #[test]
    fn no_probability_is_zero() {
        assert_eq!((chance(0.027_34), chance(3e-9)), ("0.0273".to_owned(), "below 0.0001".to_owned()));
    }
}
