//! How well a tier knows when it is right: ranking, calibration, and risk among what it accepts.

use rayon::prelude::*;
use tierfall_core::map::ScoreMap;
use tierfall_core::number::{Confidence, Score};

use crate::metric::{self, Sorted, is_right};
use crate::report::{Estimate, TierReport};
use crate::table::Table;

use super::play::Played;
use super::sample::{WeightedItems, indicator, share_of, whole};

/// From this many rows on, cores share them.
const SHARED: usize = 1 << 14;

/// What a gated tier read, row by row of a [`Played`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Readings {
    /// Gate values, NaN where it abstained.
    value: Vec<f64>,
    /// In the order of the rows.
    parts: Vec<Stretch>,
}

/// Rows that were read alike.
#[derive(Clone, Debug)]
struct Stretch {
    rows: usize,
    /// On which scale gate values were before they were [placed](Readings::placed), and what they say there; `None` = nothing.
    shown: Shown,
    /// The tier that a deferral asks next.
    next: usize,
}

/// How confidences follow from gate values.
#[derive(Clone, Debug)]
enum Shown {
    By(Option<ScoreMap>),
    /// Of gate values that are not there any more.
    Kept(Vec<f64>),
}

impl Readings {
    /// Of declared tier `tier`; `next` is the tier that a deferral would ask.
    pub(crate) fn new(table: &Table<'_>, tier: usize, next: usize, map: Option<&ScoreMap>) -> Self {
        let value: Vec<f64> =
            table.tiers[tier].values.as_ref().map_or_else(|| vec![f64::NAN; table.len()], |values| values.to_vec());
        Self { parts: vec![Stretch { rows: value.len(), shown: Shown::By(map.cloned()), next }], value }
    }

    /// On the confidence scale, NaN where there is none.
    fn confidence(&self) -> Vec<f64> {
        let mut all = Vec::with_capacity(self.value.len());
        for part in &self.parts {
            match &part.shown {
                Shown::Kept(confidence) => all.extend(confidence),
                Shown::By(map) => {
                    let shown = |value: &f64| {
                        map.as_ref().and_then(|map| map.confidence(Score::new(*value)?)).map_or(f64::NAN, Confidence::get)
                    };
                    let values = &self.value[all.len()..all.len() + part.rows];
                    all.par_extend(values.par_iter().with_min_len(SHARED).map(shown));
                }
            }
        }
        all
    }

    /// The same readings with each gate value's place among them, from 0 to 1, in its stead; equal values share one. Gate values that
    /// were chosen or trained on different rows are on scales of their own, and only their places can be compared.
    pub(crate) fn placed(mut self) -> Self {
        let next = self.parts.first().map_or(0, |part| part.next);
        self.parts = vec![Stretch { rows: self.value.len(), shown: Shown::Kept(self.confidence()), next }];
        let mut sorted: Vec<f64> = self.value.iter().copied().filter(|value| !value.is_nan()).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let of = sorted.len().max(1) as f64;
        for value in self.value.iter_mut().filter(|value| !value.is_nan()) {
            let below = sorted.partition_point(|other| *other < *value);
            let up_to = sorted.partition_point(|other| *other <= *value);
            *value = (below + up_to) as f64 / (2.0 * of);
        }
        self
    }

    /// Those of further rows.
    pub(crate) fn append(&mut self, other: Self) {
        self.value.extend(other.value);
        self.parts.extend(other.parts);
    }

    /// Everything that is said of the tier. `sample` weighs the rows of `played`, of which these are the readings.
    pub(crate) fn report(
        &self,
        tier: usize,
        name: &str,
        signal: String,
        played: &Played<'_>,
        sample: &WeightedItems,
    ) -> TierReport {
        // In the order of the readings, which is not that of the observations.
        let grades: Vec<u32> = (0..played.len()).map(|at| played.quality_of(tier, at)).collect();
        let grade = |at: usize| f64::from(grades[at]) / 1e9;
        // Confidences are dropped before gate values are sorted.
        let (bins, brier) = {
            let confidence = self.confidence();
            let shown = confidence.iter().enumerate().filter(|(_, confidence)| !confidence.is_nan());
            let bins = metric::bins_for(shown.clone().count());
            let brier = metric::brier(shown.map(|(at, confidence)| (*confidence, grade(at))));
            (metric::reliability(&confidence, grade, bins), brier)
        };
        let sorted = Sorted::new(&*self.value);
        let mut next = Vec::with_capacity(self.parts.len());
        let mut end = 0;
        for part in &self.parts {
            end += part.rows;
            next.push((end, part.next));
        }
        let next = |at: usize| next.iter().find(|(end, _)| at < *end).map_or(tier, |(_, next)| *next);
        let kept: Vec<bool> = (0..played.len()).map(|at| played.quality_of(next(at), at) <= grades[at]).collect();
        TierReport {
            tier: name.to_owned(),
            signal,
            n: sorted.len() as u64,
            abstained: (self.value.len() - sorted.len()) as u64,
            accuracy: sample.quality(|at| grades[at]),
            auroc: metric::auroc(&sorted, |at| is_right(grade(at))),
            auroc_benefit: metric::auroc(&sorted, |at| kept[at]),
            aurc: metric::aurc(&sorted, grade),
            augrc: metric::augrc(&sorted, grade),
            ece: metric::ece(&bins),
            brier,
            coverage: played.coverage(sample, tier),
            selective_risk: Self::selective_risk(tier, played, sample),
            bins,
            risk_coverage: metric::risk_coverage(&sorted, grade),
        }
    }

    /// Error rate among what the tier accepts.
    fn selective_risk(tier: usize, played: &Played<'_>, sample: &WeightedItems) -> Option<Estimate> {
        let accepted = || (0..played.len()).filter(|at| played.accepted(*at, tier));
        let n = accepted().count() as u64;
        if n == 0 {
            return None;
        }
        let quality = |at: usize| played.quality_of(tier, at);
        if sample.plain && accepted().all(|at| whole(quality(at))) {
            let wrong = accepted().filter(|at| quality(*at) == 0).count() as u64;
            return Some(share_of(wrong, n));
        }
        let error = |at: usize| indicator(played.accepted(at, tier)) * (1.0 - f64::from(quality(at)) / 1e9);
        Some(sample.ratio(error, |at| indicator(played.accepted(at, tier)), 0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_keep_order_ties_and_abstentions() {
        let value = vec![-3.0, f64::NAN, -7.5, -3.0, f64::NEG_INFINITY];
        let placed = Readings { value, ..Readings::default() }.placed().value;
        assert!(placed[1].is_nan());
        let seen: Vec<u64> = [0, 2, 3, 4].iter().map(|at| placed[*at].to_bits()).collect();
        assert_eq!(seen, [0.75_f64, 0.375, 0.75, 0.125].map(f64::to_bits));
    }
}
