//! One level for everything that can fail a section, shared by weight (Holm 1979).
//!
//! Quality over all examples has half of it, segments together three tenths, what is spent the rest. A test whose p-value could
//! not reach its share whatever the signs of its differences takes no share (Tarone 1990): under "no worse" the sizes of differences
//! say nothing about their signs, so that shares may depend on them. Segments too small to fail thus cost the others nothing.

use crate::stat::multiple;

/// Of all examples' quality.
const QUALITY: f64 = 0.5;
/// Of the segments' quality together.
const SEGMENTS: f64 = 0.3;
/// Of cost and latency together.
const SPENT: f64 = 0.2;
/// Of latency alone, where there is any.
const LATENCY: f64 = 0.05;

/// A one-sided test of "no worse".
#[derive(Clone, Copy, Debug)]
pub struct Test {
    /// What was seen.
    pub p: f64,
    /// The least p-value that differences of the sizes seen can have.
    pub least: f64,
}

/// What came of one test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adjusted {
    /// To be compared with the level as it is.
    pub p: f64,
    /// The level at which this test alone fails in the first step: what it is sure to get.
    pub level: f64,
}

/// What there is of each test of a section.
#[derive(Clone, Debug)]
pub struct Family<T> {
    /// Of all examples' quality.
    pub quality: T,
    /// Of each segment's quality; none where there is but one segment.
    pub segments: Vec<T>,
    /// Of cost, where it is known.
    pub cost: Option<T>,
    /// Of latency, where it was measured.
    pub latency: Option<T>,
}

impl Family<Test> {
    /// Weighted Holm over the tests that can fail.
    pub fn share(&self, level: f64) -> Family<Adjusted> {
        let cost = if self.latency.is_some() { SPENT - LATENCY } else { SPENT };
        let each = SEGMENTS / self.segments.len().max(1) as f64;
        let able = able(&self.segments, level);
        let count = able.iter().filter(|able| **able).count().max(1) as f64;
        let mut tests = vec![(self.quality, QUALITY, QUALITY)];
        tests.extend(self.segments.iter().zip(able).map(|(test, able)| (*test, each, if able { SEGMENTS / count } else { 0.0 })));
        let alone = |test: Test, share: f64| (test, share, if test.least <= level { share } else { 0.0 });
        tests.extend(self.cost.map(|test| alone(test, cost)));
        tests.extend(self.latency.map(|test| alone(test, LATENCY)));
        let p: Vec<f64> = tests.iter().map(|(test, ..)| test.p).collect();
        let weights: Vec<f64> = tests.iter().map(|(.., weight)| *weight).collect();
        let total: f64 = weights.iter().sum();
        let mut adjusted = multiple::weighted_holm(&p, &weights).into_iter().zip(&tests).map(|(p, (test, share, weight))| {
            if *weight > 0.0 {
                Adjusted { p, level: level * weight / total }
            } else {
                // It cannot fail; its p-value is shown as its share alone would make it.
                Adjusted { p: (test.p.max(test.least) / share).min(1.0), level: level * share }
            }
        });
        let none = Adjusted { p: 1.0, level };
        let quality = adjusted.next().unwrap_or(none);
        let segments = self.segments.iter().map(|_| adjusted.next().unwrap_or(none)).collect();
        let cost = self.cost.and_then(|_| adjusted.next());
        let latency = self.latency.and_then(|_| adjusted.next());
        Family { quality, segments, cost, latency }
    }
}

impl Family<Adjusted> {
    /// The same where this family has only a share of the level: its p-values are to be compared with the whole.
    #[must_use]
    pub(super) fn of_a_share(self, share: f64) -> Self {
        let whole = |adjusted: Adjusted| Adjusted { p: (adjusted.p / share).min(1.0), ..adjusted };
        Self {
            quality: whole(self.quality),
            segments: self.segments.into_iter().map(whole).collect(),
            cost: self.cost.map(whole),
            latency: self.latency.map(whole),
        }
    }
}

/// Which segments can fail: the smallest k of which at most k can reach `SEGMENTS`/k of the level.
fn able(segments: &[Test], level: f64) -> Vec<bool> {
    let reach = |k: usize| -> Vec<bool> { segments.iter().map(|test| test.least <= level * SEGMENTS / k as f64).collect() };
    let few = |k: &usize| reach(*k).iter().filter(|able| **able).count() <= *k;
    let k = (1..=segments.len()).find(few).unwrap_or(segments.len().max(1));
    reach(k)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn test(p: f64) -> Test {
        Test { p, least: 0.0 }
    }

    #[test]
    fn shares_are_those_that_are_documented() {
        let family =
            Family { quality: test(0.004), segments: vec![test(0.2); 3], cost: Some(test(0.5)), latency: Some(test(0.5)) };
        let shared = family.share(0.01);
        assert!((shared.quality.p - 0.008).abs() < 1e-15 && (shared.quality.level - 0.005).abs() < 1e-15);
        assert!(shared.segments.iter().all(|segment| (segment.level - 0.001).abs() < 1e-15));
        assert!(shared.cost.is_some_and(|cost| (cost.level - 0.0015).abs() < 1e-15));
        assert!(shared.latency.is_some_and(|latency| (latency.level - 0.0005).abs() < 1e-15));
    }

    #[test]
    fn what_cannot_fail_costs_nothing() {
        let small = Test { p: 0.02, least: 0.02 };
        let family = Family { quality: test(0.009), segments: vec![small; 6], cost: None, latency: None };
        let shared = family.share(0.01);
        assert!((shared.quality.p - 0.009).abs() < 1e-15, "{shared:?}");
        assert!(shared.segments.iter().all(|segment| segment.p > 0.01));
    }

    proptest! {
        #[test]
        fn what_gets_no_share_is_never_below_the_level(
            segments in proptest::collection::vec((1u32..20, 0.0..1.0f64), 0..9), quality in 0.0..0.02f64, cost in 0u32..20, level in 0.001..0.05f64,
        ) {
            // Mid-p-values: of m differences all lost, half of the least.
            let of = |(m, at): (u32, f64)| {
                let least = 0.5f64.powi(i32::try_from(m).unwrap());
                Test { p: (0.5 * least).max(at * at * at), least }
            };
            let family = Family { quality: test(quality), segments: segments.iter().map(|one| of(*one)).collect(), cost: Some(of((cost, 0.0))), latency: None };
            let able = able(&family.segments, level);
            let shared = family.share(level);
            for ((adjusted, able), test) in shared.segments.iter().zip(able).zip(&family.segments) {
                prop_assert!(adjusted.p >= test.p - 1e-15);
                prop_assert!(able || adjusted.p > level);
            }
        }
    }
}
