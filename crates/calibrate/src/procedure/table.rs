//! Every signal of every gated tier beside the length of its answers.

use crate::ask::{Ask, SignalChoice};
use crate::evaluate::in_words;
use crate::map::fuse::Toward;
use crate::metric;
use crate::report::SignalRow;
use crate::table::values;
use crate::view::View;

use tierfall_core::fusion::GateValue;

use super::FitError;
use super::length;
use super::once::Once;
use super::signals::{fused_scores, kept, labels_of};

/// A ranking this near to that of a coin is no ranking: it would read 0.500.
const SAYS_NOTHING: f64 = 5e-4;

/// Says what a signal's ranking is worth on all rows; nothing here was fitted, but for fused scores, which are cross-fitted.
pub(super) fn signal_table(view: &View<'_>, fitted: &Once<'_>, ask: &Ask) -> Result<Vec<SignalRow>, FitError> {
    let mut rows = Vec::new();
    let observations = view.observations();
    for (tier, picked) in fitted.gates.iter().enumerate() {
        let name = observations.tiers().nth(tier).map(|spec| spec.name.to_string()).unwrap_or_default();
        let quality: Vec<f64> = view.rows().map(|row| observations.quality(tier)[row].get()).collect();
        let kept = kept(view, tier);
        let row = |signal: String, scores: &[f64], chosen: bool, note: Option<String>| SignalRow {
            tier: name.clone(),
            signal,
            auroc: metric::auroc(scores, &quality),
            auroc_benefit: metric::auroc(scores, &kept),
            abstained: scores.iter().filter(|score| score.is_nan()).count() as f64 / scores.len() as f64,
            chosen,
            note,
        };
        let used = picked.gate.signals();
        for label in labels_of(view, tier) {
            let negated = matches!(&picked.gate, GateValue::Signal { signal, negated: true } if *signal == label);
            let gate = GateValue::Signal { signal: label.clone(), negated };
            let scores = values(view, tier, &gate)?;
            let note = note(view, tier, &scores, &label, negated);
            rows.push(row(in_words(&gate), &scores, used.contains(&label.as_str()), note));
        }
        if let GateValue::Fused(_) = picked.gate {
            let labels: Vec<String> = match &ask.signals[tier] {
                SignalChoice::Fuse(labels) => labels.clone(),
                _ => labels_of(view, tier),
            };
            let next = observations.tiers().len() - 1;
            if let Some((_, scores)) = fused_scores(view, tier, &labels, Toward::Benefit { next }, ask.seed)? {
                let note = "fused towards benefit; cross-fitted here".to_owned();
                rows.push(row(in_words(&picked.gate), &scores, true, Some(note)));
            }
        }
        let lengths = length::lengths(view, tier);
        if lengths.iter().any(|length| !length.is_nan()) {
            let auroc = metric::auroc(&lengths, &quality).unwrap_or(0.5);
            let longer = auroc >= 0.5;
            let turned: Vec<f64> = lengths.iter().map(|length| if longer { *length } else { -length }).collect();
            let note = match () {
                () if (auroc - 0.5).abs() < SAYS_NOTHING => "says nothing of being right",
                () if longer => "longer answers are right more often",
                () => "shorter answers are right more often",
            };
            rows.push(row("length".into(), &turned, false, Some(note.into())));
        }
    }
    Ok(rows)
}

/// What is to be said of a signal.
fn note(view: &View<'_>, tier: usize, scores: &[f64], label: &str, negated: bool) -> Option<String> {
    if let Some(why) = length::refusal(view, tier, scores) {
        return Some(format!("refused: {why}"));
    }
    let quality: Vec<f64> = view.rows().map(|row| view.observations().quality(tier)[row].get()).collect();
    match metric::auroc(scores, &quality) {
        Some(auroc) if auroc < 0.5 && !negated => Some(format!("lower where the answer is right: use -{label}")),
        _ => None,
    }
}
