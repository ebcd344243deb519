//! A fit's tiers among the observed ones, by name.

use std::collections::BTreeMap;

use tierfall_core::number::Threshold;

use crate::view::View;
use tierfall_core::fit::{Cut, TierFit};

use super::{Cuts, EvaluateError, MOST_TIERS};

/// What applies to each observed tier.
pub(crate) struct Matched<'f> {
    /// One an observed tier but the last: its part of the fit, where the fit knows it and its gate can be read.
    pub tiers: Vec<Option<&'f TierFit>>,
    /// Over the observed chain.
    pub cuts: Cuts,
}

impl<'f> Matched<'f> {
    pub(super) fn new(view: &View<'_>, tiers: &'f [TierFit], cuts: &Cuts) -> Result<Self, EvaluateError> {
        let observations = view.observations();
        let observed: Vec<String> = observations.tiers().map(|spec| spec.name.to_string()).collect();
        if observed.len() > MOST_TIERS {
            return Err(EvaluateError::TooManyTiers(observed.len()));
        }
        let in_force = cuts.chain();
        let mut at: Vec<Option<usize>> = tiers.iter().map(|tier| observations.tier(&tier.name)).collect();
        for place in &in_force {
            if at[*place].is_none() {
                return Err(EvaluateError::NoTier { tier: tiers[*place].name.clone(), known: observed.join(", ") });
            }
        }
        let (last, declared) = (observed.len() - 1, tiers.len() - 1);
        if at[declared] != Some(last) {
            let fit = tiers[declared].name.clone();
            return Err(EvaluateError::LastTier { fit, observed: observed[last].clone() });
        }
        let places: Vec<usize> = in_force.iter().filter_map(|place| at[*place]).collect();
        if !places.is_sorted() {
            let fit: Vec<&str> = in_force.iter().map(|place| tiers[*place].name.as_str()).collect();
            return Err(EvaluateError::Order { fit: fit.join(", "), observed: observed.join(", ") });
        }
        for (place, tier) in tiers.iter().enumerate().filter(|(place, _)| !in_force.contains(place)) {
            let readable = |signal: &&str| at[place].is_some_and(|tier| observations.scores(tier, signal).is_some());
            if !tier.gate.as_ref().is_some_and(|gate| gate.signals().iter().all(readable)) {
                at[place] = None;
            }
        }
        let mut found = vec![None; last];
        for (tier, place) in tiers[..declared].iter().zip(&at) {
            if let Some(slot) = place.and_then(|place| found.get_mut(place)) {
                *slot = Some(tier);
            }
        }
        let over = |declared: &[Cut]| {
            let mut all = vec![Cut { asked: false, threshold: Threshold::DeferAll }; last];
            for (cut, place) in declared.iter().zip(&at) {
                if let Some(slot) = place.and_then(|place| all.get_mut(place)) {
                    *slot = *cut;
                }
            }
            all
        };
        let segments: BTreeMap<_, _> = cuts.segments.iter().map(|(name, cuts)| (name.clone(), over(cuts))).collect();
        Ok(Self { tiers: found, cuts: Cuts { overall: over(&cuts.overall), segments } })
    }
}
