//! How well a tier knows when it is right: ranking, calibration, and risk among what it accepts.

use tierfall_core::fusion::GateValue;
use tierfall_core::map::ScoreMap;
use tierfall_core::number::{Confidence, Score};

use crate::metric;
use crate::metric::calibration::BINS;
use crate::quality::Quality;
use crate::report::{Bin, Estimate, TierReport};
use crate::stat::proportion;
use crate::table::Table;

use super::play::Played;
use super::sample::{CONFIDENCE, Sample, indicator, share_of};

/// What a gated tier read, row by row of a [`Played`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Readings {
    /// Gate values, NaN where it abstained.
    pub value: Vec<f64>,
    /// On the confidence scale, NaN where there is none.
    pub confidence: Vec<f64>,
    /// Of its answer.
    pub quality: Vec<u32>,
    /// Of the next tier's answer.
    pub next: Vec<u32>,
}

impl Readings {
    /// Of declared tier `tier`; `next` is the tier that a deferral would ask.
    pub(crate) fn new(table: &Table<'_>, tier: usize, next: usize, map: Option<&ScoreMap>) -> Self {
        let value: Vec<f64> =
            table.tiers[tier].values.as_ref().map_or_else(|| vec![f64::NAN; table.len()], |values| values.to_vec());
        let shown = |value: &f64| map.and_then(|map| map.confidence(Score::new(*value)?)).map_or(f64::NAN, Confidence::get);
        let nano = |tier: usize| table.tiers[tier].quality.iter().map(|quality| quality.nano()).collect();
        Self { confidence: value.iter().map(shown).collect(), value, quality: nano(tier), next: nano(next) }
    }

    /// The same readings with each gate value's place among them, from 0 to 1, in its stead; equal values share one. Gate values that
    /// were chosen or trained on different rows are on scales of their own, and only their places can be compared.
    pub(crate) fn placed(mut self) -> Self {
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
        self.confidence.extend(other.confidence);
        self.quality.extend(other.quality);
        self.next.extend(other.next);
    }

    /// Everything that is said of the tier. `sample` weighs the rows of `played`, of which these are the readings.
    pub(crate) fn report(&self, tier: usize, name: &str, signal: String, played: &Played, sample: &Sample) -> TierReport {
        // One after the other, so that few columns are there at once.
        let (bins, brier) = self.calibration();
        let (values, quality, auroc_benefit) = self.ranking();
        TierReport {
            tier: name.to_owned(),
            signal,
            n: values.len() as u64,
            abstained: (self.value.len() - values.len()) as u64,
            accuracy: sample.quality(&self.quality),
            auroc: metric::auroc(&values, &quality),
            auroc_benefit,
            aurc: metric::aurc(&values, &quality),
            augrc: metric::augrc(&values, &quality),
            ece: (!bins.is_empty()).then(|| gap(&bins)),
            brier,
            coverage: played.coverage(sample, tier),
            selective_risk: self.selective_risk(tier, played, sample),
            bins,
            risk_coverage: metric::risk_coverage(&values, &quality),
        }
    }

    /// Reliability and Brier score of what has a confidence.
    fn calibration(&self) -> (Vec<Bin>, Option<f64>) {
        let shown = || self.confidence.iter().zip(&self.quality).filter(|(confidence, _)| !confidence.is_nan());
        let n = shown().count();
        let (mut confidence, mut right) = (Vec::with_capacity(n), Vec::with_capacity(n));
        confidence.extend(shown().map(|(confidence, _)| *confidence));
        right.extend(shown().map(|(_, nano)| f64::from(*nano) / 1e9));
        (metric::reliability(&confidence, &right, BINS), metric::brier(&confidence, &right))
    }

    /// Gate values and quality of the rows that were read, and how well the values tell where the next tier is better.
    fn ranking(&self) -> (Vec<f64>, Vec<f64>, Option<f64>) {
        let read = || (0..self.value.len()).filter(|at| !self.value[*at].is_nan());
        let values: Vec<f64> = read().map(|at| self.value[at]).collect();
        let keep: Vec<f64> = read().map(|at| indicator(self.next[at] <= self.quality[at])).collect();
        let benefit = metric::auroc(&values, &keep);
        drop(keep);
        let quality = read().map(|at| f64::from(self.quality[at]) / 1e9).collect();
        (values, quality, benefit)
    }

    /// Error rate among what the tier accepts: Clopper–Pearson where counts are whole.
    fn selective_risk(&self, tier: usize, played: &Played, sample: &Sample) -> Option<Estimate> {
        let accepted: Vec<usize> = (0..played.len()).filter(|at| played.accepted(*at, tier)).collect();
        if accepted.is_empty() {
            return None;
        }
        let whole = |nano: u32| nano == Quality::WRONG.nano() || nano == Quality::RIGHT.nano();
        if sample.plain && accepted.iter().all(|at| whole(self.quality[*at])) {
            let wrong = accepted.iter().filter(|at| self.quality[**at] == 0).count() as u64;
            let (low, high) = proportion::clopper_pearson(wrong, accepted.len() as u64, CONFIDENCE);
            return Some(Estimate { low, high, ..share_of(wrong, accepted.len() as u64) });
        }
        let error = |at: usize| indicator(played.accepted(at, tier)) * (1.0 - f64::from(self.quality[at]) / 1e9);
        Some(sample.ratio(error, |at| indicator(played.accepted(at, tier)), 0.0, 1.0))
    }
}

/// A gate value in words: `mean-logprob`, `-entropy`, `mean-logprob+margin`.
pub fn in_words(gate: &GateValue) -> String {
    match gate {
        GateValue::Signal { signal, negated: false } => signal.clone(),
        GateValue::Signal { signal, negated: true } => format!("-{signal}"),
        GateValue::Fused(_) => gate.signals().join("+"),
    }
}

/// Expected calibration error of a reliability diagram. ([`metric::ece`] bootstraps an interval as well, which takes long on many rows.)
fn gap(bins: &[Bin]) -> f64 {
    let rows: f64 = bins.iter().map(|bin| bin.n as f64).sum();
    bins.iter().map(|bin| bin.n as f64 * (bin.confidence - bin.accuracy).abs()).sum::<f64>() / rows
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
