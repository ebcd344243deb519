//! Every signal of every gated tier beside the length of its answers.

use crate::ask::{Ask, SignalChoice};
use crate::evaluate::Cuts;
use crate::map::fuse::Toward;
use crate::metric::{self, Sorted, is_right};
use crate::report::SignalRow;
use crate::table::values;
use crate::view::View;

use rayon::prelude::*;
use tierfall_core::fusion::GateValue;

use super::FitError;
use super::length::{self, kept};
use super::once::Once;
use super::signals::{fused_scores, labels_of, next_of};

/// A ranking this near to that of a coin is no ranking: it would read 0.500.
const SAYS_NOTHING: f64 = 5e-4;

/// What was found of a gate value on all rows, for those who say more of it.
pub(super) struct Look {
    tier: usize,
    gate: GateValue,
    /// Why it is refused by itself, where it is.
    pub refusal: Option<String>,
    /// AUROC for being right.
    pub auroc: Option<f64>,
    /// How many rows have it.
    pub read: usize,
    /// See [`atom`].
    pub atom: Option<(f64, usize)>,
}

impl Look {
    /// What was found of a tier's gate value; `None` = it was not looked at.
    pub(super) fn of<'l>(looks: &'l [Self], tier: usize, gate: &GateValue) -> Option<&'l Self> {
        looks.iter().find(|look| look.tier == tier && look.gate == *gate)
    }
}

/// The gate value that most rows share, the least of equals, and how many do.
pub(super) fn atom(sorted: &Sorted<'_>) -> Option<(f64, usize)> {
    let first = |run: &[u32]| Some((*run.first()? as usize, run.len()));
    // Of equal ones the last is taken, and values fall.
    sorted.runs().filter_map(first).max_by_key(|(_, count)| *count).map(|(row, count)| (sorted.scores[row], count))
}

/// Whether gate values are lower where the answer is right, by more than chance.
pub(super) fn upside_down(sorted: &Sorted<'_>, auroc: f64, right: impl Fn(usize) -> bool) -> bool {
    let hits = sorted.ascending().filter(|row| right(*row)).count();
    metric::is_upside_down(auroc, hits as f64, (sorted.len() - hits) as f64)
}

/// Says what a signal's ranking is worth on all rows; nothing here was fitted, but for fused scores, which are cross-fitted.
pub(super) fn signal_table(view: &View<'_>, fitted: &Once<'_>, ask: &Ask) -> Result<(Vec<SignalRow>, Vec<Look>), FitError> {
    let tiers: Vec<(Vec<SignalRow>, Vec<Look>)> =
        (0..fitted.gates.len()).into_par_iter().map(|tier| of_tier(view, fitted, ask, tier)).collect::<Result<_, _>>()?;
    let (rows, looks): (Vec<_>, Vec<_>) = tiers.into_iter().unzip();
    Ok((rows.concat(), looks.into_iter().flatten().collect()))
}

fn of_tier(view: &View<'_>, fitted: &Once<'_>, ask: &Ask, tier: usize) -> Result<(Vec<SignalRow>, Vec<Look>), FitError> {
    let (mut rows, mut looks) = (Vec::new(), Vec::new());
    let (observations, picked) = (view.observations(), &fitted.gates[tier]);
    let name = &observations.spec(tier).name;
    let in_force = fitted.cuts.first().map_or_else(Vec::new, Cuts::chain);
    let next = next_of(&in_force, tier, observations.tiers().len() - 1);
    let quality = observations.quality(tier);
    let right = |at: usize| is_right(quality[view.row(at)].get());
    let row = |signal: String, sorted: &Sorted<'_>, chosen: bool| SignalRow {
        tier: name.to_string(),
        signal,
        auroc: metric::auroc(sorted, right),
        auroc_benefit: metric::auroc(sorted, kept(view, tier, next)),
        abstained: (view.len() - sorted.len()) as f64 / view.len() as f64,
        chosen,
        note: None,
    };
    let (used, lengths) = (picked.gate.signals(), length::lengths(view, tier));
    for label in labels_of(view, tier) {
        let negated = matches!(&picked.gate, GateValue::Signal { signal, negated: true } if *signal == label);
        let gate = GateValue::Signal { signal: label.clone(), negated };
        let sorted = Sorted::new(values(view, tier, &gate)?);
        let refusal = length::refusal_beside(view, tier, &sorted, lengths.as_ref());
        let found = row(gate.to_string(), &sorted, used.contains(&label.as_str()));
        let (auroc, read, atom) = (found.auroc, sorted.len(), atom(&sorted));
        let note = match (&refusal, found.auroc) {
            (Some(why), _) => Some(format!("refused: {why}")),
            (None, Some(auroc)) if !negated && upside_down(&sorted, auroc, right) => {
                Some(format!("lower where the answer is right: use -{label}"))
            }
            _ => None,
        };
        rows.push(SignalRow { note, ..found });
        looks.push(Look { tier, gate, refusal, auroc, read, atom });
    }
    if let GateValue::Fused(_) = picked.gate {
        let labels: Vec<String> = match &ask.signals[tier] {
            SignalChoice::Fuse(labels) => labels.clone(),
            _ => labels_of(view, tier),
        };
        if let Some((_, scores)) = fused_scores(view, tier, &labels, Toward::Benefit, ask.seed)? {
            let note = Some("fused towards benefit; cross-fitted here".to_owned());
            rows.push(SignalRow { note, ..row(picked.gate.to_string(), &Sorted::new(scores), true) });
        }
    }
    if let Some(mut sorted) = lengths {
        let auroc = metric::auroc(&sorted, right).unwrap_or(0.5);
        let longer = auroc >= 0.5;
        if !longer {
            sorted = Sorted::new(sorted.scores.iter().map(|length| -length).collect::<Vec<f64>>());
        }
        let note = match () {
            () if (auroc - 0.5).abs() < SAYS_NOTHING => "says nothing of being right",
            () if longer => "longer answers are right more often",
            () => "shorter answers are right more often",
        };
        rows.push(SignalRow { note: Some(note.into()), ..row("length".into(), &sorted, false) });
    }
    Ok((rows, looks))
}
