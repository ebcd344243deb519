//! What a reader of a calibration should know.

use std::collections::BTreeMap;

use tierfall_core::fusion::GateValue;

use crate::ask::{Ask, SignalChoice, Target};
use crate::fit::Status;
use crate::report::Calibration;
use crate::view::View;

use super::estimate::Folded;
use super::length;
use super::once::Once;
use super::signals::SPLIT_FROM;

/// Below this many items, hardly any margin can be certified.
const FEW_ITEMS: usize = 100;
/// A share of rows on one gate value from which it is said.
const ATOM: f64 = 0.05;

pub(super) fn warnings(view: &View<'_>, ask: &Ask, fitted: &Once<'_>, folded: &Folded, report: &Calibration) -> Vec<String> {
    let mut warnings = fitted.certification.warnings.clone();
    let n = view.len();
    if n < FEW_ITEMS {
        warnings.push(format!("only {n} items: margins below about {:.0} points cannot be certified", 100.0 * 2.3 / n as f64));
    }
    if report.n > report.n_items {
        warnings.push(format!(
            "{} rows repeat {} items: the tests see one row an item, the estimate averages over an item's rows",
            report.n, report.n_items
        ));
    }
    costs(report, &mut warnings);
    signals(view, ask, fitted, &mut warnings);
    if let (Some(best), Some(last)) = (report.baselines.get("best-single"), report.baselines.get("always-last"))
        && best.chain != last.chain
        && best.accuracy.value > last.accuracy.value
    {
        warnings.push(format!(
            "the last tier is not the best one: \"{}\" alone is right on {:.1} %, \"{}\" on {:.1} %; losses refer to the last",
            best.chain.join(" → "),
            100.0 * best.accuracy.value,
            last.chain.join(" → "),
            100.0 * last.accuracy.value
        ));
    }
    for spec in view.observations().tiers() {
        if let Some(judge) = &spec.judge {
            warnings.push(format!("the answers of tier \"{}\" were graded by {judge}: right means right to it", spec.name));
        }
    }
    if fitted.shared > 1 {
        warnings.push(format!(
            "{} candidate signals share δ equally, because fewer than {SPLIT_FROM} items leave none to choose on",
            fitted.shared
        ));
    }
    let certified = folded.certified.first().copied().unwrap_or(0);
    if report.status == Status::Certified && report.chain.len() > 1 && certified < folded.folds {
        warnings.push(format!(
            "the estimate is cautious: with the rows of a fold left out, the target was certified in {certified} of {} folds only",
            folded.folds
        ));
    }
    for segment in report.segments.iter().filter(|segment| !segment.pooled.is_empty()) {
        warnings.push(format!("too few items to be certified by themselves: {} are pooled as `rest`", segment.pooled.join(", ")));
    }
    if let Target::MaxCost(_) = ask.target {
        warnings.push("costs are unbounded, so a cost limit is met on average at best and nothing is certified".into());
    }
    warnings
}

fn costs(report: &Calibration, warnings: &mut Vec<String>) {
    let unknown: Vec<&str> = report
        .declared_chain
        .iter()
        .filter(|name| report.baselines.get(&format!("always-{name}")).is_some_and(|spot| spot.cost_usd.is_none()))
        .map(String::as_str)
        .collect();
    if !unknown.is_empty() {
        warnings.push(format!(
            "the cost of {} is unknown on some rows, so nothing is said of costs that include it: declare a price or a cost",
            unknown.join(", ")
        ));
    }
}

fn signals(view: &View<'_>, ask: &Ask, fitted: &Once<'_>, warnings: &mut Vec<String>) {
    let names = view.observations().tiers().map(|spec| spec.name.to_string());
    for (tier, (name, picked)) in names.zip(&fitted.gates).enumerate() {
        let values = fitted.table.tiers[tier].values.as_deref().unwrap_or(&[]);
        if let Some(why) = &picked.refused {
            warnings.push(format!("tier \"{name}\" is left out, its signal is refused: {why}"));
            continue;
        }
        let rows = values.len().max(1) as f64;
        let abstained = values.iter().filter(|value| value.is_nan()).count();
        let asked = fitted.cuts.first().is_some_and(|cuts| cuts.chain().contains(&tier));
        if abstained > 0 && asked {
            warnings.push(format!("the signal of tier \"{name}\" abstained on {abstained} of {rows} rows; they are escalated"));
        }
        if let Some((value, count)) = atom(values).filter(|(_, count)| *count as f64 >= ATOM * rows) {
            warnings.push(format!(
                "{:.1} % of the rows of tier \"{name}\" share the gate value {value}: only a hash of the request tells them apart",
                100.0 * count as f64 / rows
            ));
        }
        let quality: Vec<f64> = fitted.table.tiers[tier].quality.iter().map(|quality| quality.get()).collect();
        if let (Some(auroc), GateValue::Signal { signal, negated }) = (crate::metric::auroc(values, &quality), &picked.gate)
            && auroc < 0.5
        {
            let other = if *negated { signal.clone() } else { format!("-{signal}") };
            warnings.push(format!(
                "the signal of tier \"{name}\" is lower where the answer is right (AUROC {auroc:.3}): try {other}"
            ));
        }
        if let SignalChoice::Fixed(gate) = &ask.signals[tier]
            && let Ok(values) = crate::table::values(view, tier, gate)
            && let Some(why) = length::refusal(view, tier, &values)
        {
            warnings.push(format!("the signal of tier \"{name}\" is used because it was named: {why}"));
        }
    }
}

/// The gate value that most rows share, the least of equals.
fn atom(values: &[f64]) -> Option<(f64, usize)> {
    let mut counts: BTreeMap<u64, (f64, usize)> = BTreeMap::new();
    for value in values.iter().filter(|value| !value.is_nan()) {
        counts.entry((value + 0.0).to_bits()).or_insert((*value, 0)).1 += 1;
    }
    counts.into_values().max_by(|one, other| one.1.cmp(&other.1).then(other.0.total_cmp(&one.0)))
}
