//! The sign-flip test's tail to any depth: are paired differences larger above 0 than below?
//!
//! Under H0, differences that lie symmetrically about 0, every pattern of their signs is equally likely. Up to `ENUMERATED`
//! differences other than 0 all patterns are counted. Above, drawn patterns could say no less than 1/(draws + 1), too coarse
//! for a level that many tests share; there the tail of the sum Σ ±aᵢ is found by its saddle-point approximation (Robinson
//! 1982 for such tests, in the form of Barndorff-Nielsen 1986), which needs no seed and keeps its relative accuracy however
//! small the tail is. The few differences that outweigh the rest, where no such approximation is good, are counted out.

use crate::stat::{mcnemar, normal};

/// Up to this many differences other than 0 every sign pattern is counted.
const ENUMERATED: usize = 28;

/// At most this many of the largest differences are counted out where the rest is approximated.
const GIANTS: usize = 8;

/// A difference is a giant where its square is more than this share of all squares.
const GIANT: f64 = 0.02;

/// Sizes and sums that differ by less than this share are equal.
const SAME: f64 = 1e-12;

/// One-sided p-value against a mean above 0. Exact, P(Σ ≥ seen), where it is enumerated. Differences of equal size make it the
/// mid-p of `McNemar`'s test; and where sums have few values the approximation, too, is within a few percent of what counts sums
/// as large as the one seen half.
pub fn greater(values: &[f64]) -> f64 {
    let mut sizes: Vec<f64> = values.iter().map(|value| value.abs()).filter(|size| *size > 0.0).collect();
    let (least, most) = sizes.iter().fold((f64::INFINITY, 0.0_f64), |(least, most), size| (least.min(*size), most.max(*size)));
    if most - least <= SAME * most {
        let above = values.iter().filter(|value| **value > 0.0).count();
        return mcnemar::mid_greater(above as u64, (sizes.len() - above) as u64);
    }
    if sizes.len() <= ENUMERATED {
        return counted(&sizes, values.iter().sum());
    }
    sizes.sort_by(|a, b| b.total_cmp(a));
    let scale = sizes.iter().map(|size| size * size).sum::<f64>().sqrt();
    for size in &mut sizes {
        *size /= scale;
    }
    let giants = sizes.iter().take(GIANTS).take_while(|size| **size * **size > GIANT).count();
    let (giants, rest) = sizes.split_at(giants);
    let rest = Sum::new(rest);
    let seen = values.iter().sum::<f64>() / scale;
    let tail = |pattern: u32| {
        let of_giants: f64 = giants.iter().enumerate().map(|(at, size)| if pattern >> at & 1 == 1 { *size } else { -size }).sum();
        rest.tail(seen - of_giants)
    };
    let patterns = 1_u32 << giants.len();
    (0..patterns).map(tail).sum::<f64>() / f64::from(patterns)
}

/// The share of sign patterns whose sum is at least `seen`: the sums of either half, sorted, are paired from opposite ends.
fn counted(sizes: &[f64], seen: f64) -> f64 {
    let (one, other) = sizes.split_at(sizes.len() / 2);
    let (one, other) = (sums(one), sums(other));
    // Sums that differ in their last bits alone are equal.
    let least = seen - SAME * sizes.iter().sum::<f64>();
    let (mut enough, mut hits) = (other.len(), 0_u64);
    for sum in &one {
        while enough > 0 && sum + other[enough - 1] >= least {
            enough -= 1;
        }
        hits += (other.len() - enough) as u64;
    }
    hits as f64 / (one.len() as f64 * other.len() as f64)
}

/// Every ±a₁ ± a₂ …, ascending.
fn sums(sizes: &[f64]) -> Vec<f64> {
    let mut sums = vec![0.0];
    for size in sizes {
        sums = sums.iter().flat_map(|sum| [sum - size, sum + size]).collect();
    }
    sums.sort_by(f64::total_cmp);
    sums
}

/// The least p-value that differences of these sizes can have: that of all above 0.
pub(crate) fn least(values: &[f64]) -> f64 {
    let moved = values.iter().filter(|value| value.abs() > 0.0).count();
    0.5f64.powi(i32::try_from(moved).unwrap_or(i32::MAX))
}

/// Σ ±aᵢ with fair signs.
struct Sum {
    /// Each size and how often it occurs.
    sizes: Vec<(f64, f64)>,
    /// Σ aᵢ.
    most: f64,
    /// Σ aᵢ².
    squares: f64,
    /// How many there are.
    count: f64,
}

impl Sum {
    /// Of sizes above 0, descending.
    fn new(descending: &[f64]) -> Self {
        let mut sizes: Vec<(f64, f64)> = Vec::new();
        for size in descending {
            match sizes.last_mut() {
                Some((same, times)) if *same - size <= SAME * *same => *times += 1.0,
                _ => sizes.push((*size, 1.0)),
            }
        }
        let sum = |of: fn(f64) -> f64| sizes.iter().map(|(size, times)| times * of(*size)).sum::<f64>();
        let (most, squares) = (sum(|size| size), sum(|size| size * size));
        Self { most, squares, count: descending.len() as f64, sizes }
    }

    /// P(Σ ±aᵢ ≥ `at`).
    fn tail(&self, at: f64) -> f64 {
        let last = 1e-10 * self.most;
        if at < 0.0 { 1.0 - self.upper(-at, last) } else { self.upper(at, last) }
    }

    fn upper(&self, at: f64, last: f64) -> f64 {
        if at > self.most + last {
            return 0.0;
        }
        let all_above = (-self.count * std::f64::consts::LN_2).exp();
        if at > self.most - last {
            return all_above;
        }
        let t = self.saddle(at);
        let (mut generating, mut spread) = (0.0, 0.0);
        for (size, times) in &self.sizes {
            let x = t * size;
            let shrink = (-2.0 * x).exp();
            // ln cosh x, and 1/cosh² x, without overflow.
            generating += times * (x + shrink.ln_1p() - std::f64::consts::LN_2);
            spread += times * size * size * 4.0 * shrink / ((1.0 + shrink) * (1.0 + shrink));
        }
        let root = (2.0 * (t * at - generating)).max(0.0).sqrt();
        let u = t * spread.sqrt();
        // Near the middle the correction vanishes, the sum being symmetric.
        let corrected = if root > 1e-4 && u > 0.0 { root + (u / root).ln() / root } else { root };
        normal::sf(corrected).max(all_above)
    }

    /// The t with Σ aᵢ tanh(t aᵢ) = `at`. The left side is concave, so that Newton's steps from below never pass the root.
    fn saddle(&self, at: f64) -> f64 {
        let mut t = at / self.squares;
        for _ in 0..200 {
            let (mut reached, mut slope) = (0.0, 0.0);
            for (size, times) in &self.sizes {
                let tanh = (t * size).tanh();
                reached += times * size * tanh;
                slope += times * size * size * (1.0 - tanh * tanh);
            }
            let step = (at - reached) / slope;
            if step.is_nan() || step <= 1e-12 * t {
                break;
            }
            t += step;
        }
        t
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// P(Σ > seen) + ½ P(Σ = seen) of whole sizes, by adding one after the other.
    fn added(sizes: &[i32], seen: i32) -> f64 {
        let most: i32 = sizes.iter().sum();
        let width = usize::try_from(2 * most + 1).unwrap();
        let mut chances = vec![0.0; width];
        let place = |sum: i32| usize::try_from(sum + most).unwrap();
        chances[place(0)] = 1.0;
        for size in sizes {
            let mut next = vec![0.0; width];
            for sum in -most..=most {
                let chance = chances[place(sum)];
                if chance > 0.0 {
                    next[place(sum + size)] += 0.5 * chance;
                    next[place(sum - size)] += 0.5 * chance;
                }
            }
            chances = next;
        }
        (seen + 1..=most).map(|sum| chances[place(sum)]).sum::<f64>() + 0.5 * chances[place(seen)]
    }

    /// P(Σ ≥ seen), pattern by pattern.
    fn enumerated(values: &[f64]) -> f64 {
        let sizes: Vec<f64> = values.iter().map(|value| value.abs()).filter(|size| *size > 0.0).collect();
        let least = values.iter().sum::<f64>() - SAME * sizes.iter().sum::<f64>();
        let sum = |pattern: u32| -> f64 {
            sizes.iter().enumerate().map(|(i, size)| if pattern >> i & 1 == 1 { *size } else { -size }).sum()
        };
        let patterns = 1_u32 << sizes.len();
        (0..patterns).filter(|pattern| sum(*pattern) >= least).count() as f64 / f64::from(patterns)
    }

    #[test]
    fn equal_sizes_are_the_test_of_mcnemar_and_nearly_equal_ones_nearly() {
        for (b, c) in [(30u64, 0u64), (22, 8), (20, 12), (30, 10), (60, 25), (200, 140), (500, 500), (4, 36), (3, 0), (5, 1)] {
            let mut values: Vec<f64> = (0..b + c).map(|at| if at < b { 0.7 } else { -0.7 }).collect();
            let (ours, mid) = (greater(&values), mcnemar::mid_greater(b, c));
            assert!((ours - mid).abs() < 1e-15, "{b} {c}: {ours:e} {mid:e}");
            values[0] = 0.699;
            let near = greater(&values);
            assert!(near > 0.88 * mid && near < 2.0 * mid + 1e-15, "{b} {c}: {near:e} {mid:e}");
        }
    }

    #[test]
    fn few_differences_are_counted() {
        let values = [0.1, -0.05, 0.0, 0.2, 0.15, -0.1, 0.05, 0.0, 0.3, -0.02, 0.08, 0.12];
        assert!((greater(&values) - 0.03125).abs() < 1e-12);
        assert!(greater(&[]) >= 1.0 && greater(&[0.0; 40]) >= 1.0 && least(&[0.0; 40]) >= 1.0);
        assert!((greater(&[0.3; 10]) - 0.5 * least(&[0.3; 10])).abs() < 1e-15);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
        #[test]
        fn the_counted_tail_is_met_giants_or_not(
            small in proptest::collection::vec(1i32..12, 29..70), giants in proptest::collection::vec(20i32..120, 0..5), lean in 0.3..1.0f64, seed in any::<u64>(),
        ) {
            let sizes: Vec<i32> = small.into_iter().chain(giants).collect();
            let mut bits = seed | 1;
            let mut coin = || { bits ^= bits << 13; bits ^= bits >> 7; bits ^= bits << 17; (bits >> 11) as f64 / (1u64 << 53) as f64 };
            let signed: Vec<i32> = sizes.iter().map(|size| if coin() < lean { *size } else { -size }).collect();
            let values: Vec<f64> = signed.iter().map(|value| f64::from(*value) * 0.013).collect();
            let (ours, exact) = (greater(&values), added(&sizes, signed.iter().sum()));
            prop_assert!((ours / exact - 1.0).abs() < 0.05 || exact < 1e-6, "{} {}", ours, exact);
        }

        #[test]
        fn halves_are_paired_as_patterns_are_counted(values in proptest::collection::vec(-3i32..=3, 1..15)) {
            let values: Vec<f64> = values.into_iter().map(|value| f64::from(value) * 0.1).chain([0.01]).collect();
            prop_assume!(values.iter().any(|value| value.abs() > 0.05));
            prop_assert!((greater(&values) - enumerated(&values)).abs() < 1e-12);
        }

        #[test]
        fn turning_every_difference_around_takes_the_other_tail(values in proptest::collection::vec(-1.0..1.0f64, 29..80)) {
            let turned: Vec<f64> = values.iter().map(|value| -value).collect();
            prop_assert!((greater(&values) + greater(&turned) - 1.0).abs() < 1e-6);
        }

        #[test]
        fn a_rise_never_speaks_against_a_rise(mut values in proptest::collection::vec(-1.0..1.0f64, 17..60), at in 0usize..17) {
            let before = greater(&values);
            values[at] = values[at].abs();
            prop_assert!(greater(&values) <= before + 1e-9);
        }
    }
}
