//! p-values of several hypotheses, adjusted: each may be compared with the level as if it were alone.

/// Holm's step-down adjustment: the chance of any false rejection stays below the level, whatever the dependence.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut adjusted = vec![0.0; p.len()];
    let mut most = 0.0_f64;
    for (rank, at) in ascending(p).into_iter().enumerate() {
        most = most.max((p.len() - rank) as f64 * p[at]).min(1.0);
        adjusted[at] = most;
    }
    adjusted
}

/// Holm's step-down adjustment where some hypotheses matter more (Holm 1979, section 4): in ascending order of p/weight each
/// p is multiplied by the weights not rejected before it over its own. Weights are relative; one of 0 is never rejected. Equal
/// weights make it [`holm`].
///
/// # Panics
/// If there is another number of weights.
pub(crate) fn weighted_holm(p: &[f64], weights: &[f64]) -> Vec<f64> {
    assert_eq!(p.len(), weights.len(), "one weight for every p-value");
    let per_weight: Vec<f64> =
        p.iter().zip(weights).map(|(p, weight)| if *weight > 0.0 { p / weight } else { f64::INFINITY }).collect();
    let order = ascending(&per_weight);
    // From the end, so that what is left is summed without subtraction.
    let mut left = vec![0.0; p.len()];
    let mut sum = 0.0;
    for (rank, at) in order.iter().enumerate().rev() {
        sum += weights[*at].max(0.0);
        left[rank] = sum;
    }
    let (mut adjusted, mut most) = (vec![1.0; p.len()], 0.0_f64);
    for (rank, at) in order.into_iter().enumerate().filter(|(_, at)| weights[*at] > 0.0) {
        most = most.max(left[rank] / weights[at] * p[at]).min(1.0);
        adjusted[at] = most;
    }
    adjusted
}

fn ascending(p: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|a, b| p[*a].total_cmp(&p[*b]));
    order
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::rngs::ChaCha8Rng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    #[test]
    fn a_worked_example() {
        // Ordered by p/w: 0.004/0.5, 0.02/0.2, 0.06/0.3; left 1, 0.5, 0.3.
        let adjusted = weighted_holm(&[0.004, 0.06, 0.02], &[0.5, 0.3, 0.2]);
        for (ours, exact) in adjusted.iter().zip([0.008, 0.06, 0.05]) {
            assert!((ours - exact).abs() < 1e-15, "{adjusted:?}");
        }
        assert!(weighted_holm(&[0.0, 0.5], &[0.0, 1.0])[0] >= 1.0 && weighted_holm(&[], &[]).is_empty());
    }

    #[test]
    fn some_false_rejection_is_no_more_likely_than_the_level() {
        let weights = [0.5, 0.1, 0.1, 0.1, 0.2];
        let mut rng = ChaCha8Rng::seed_from_u64(11);
        let draws = 40_000;
        let any = (0..draws).filter(|_| {
            // The first is false and nearly always rejected; the others are true, two of them the same one.
            let mut p: Vec<f64> = (0..5).map(|_| rng.random::<f64>()).collect();
            (p[0], p[3]) = (1e-9, p[4]);
            weighted_holm(&p, &weights)[1..].iter().any(|p| *p <= 0.05)
        });
        let rate = any.count() as f64 / f64::from(draws);
        assert!(rate <= 0.05 + 0.0033 && rate > 0.03, "{rate}");
    }

    proptest! {
        #[test]
        fn equal_weights_are_no_weights(p in proptest::collection::vec(0.0..=1.0f64, 0..12), weight in 0.01..3.0f64) {
            let (plain, weighted) = (holm(&p), weighted_holm(&p, &vec![weight; p.len()]));
            for (plain, weighted) in plain.iter().zip(&weighted) {
                prop_assert!((plain - weighted).abs() < 1e-12, "{} {}", plain, weighted);
            }
        }

        #[test]
        fn the_adjusted_say_what_stepping_down_does(
            tests in proptest::collection::vec((0.0..=0.2f64, 0.01..1.0f64), 1..8), level in 0.001..0.2f64,
        ) {
            let (p, weights): (Vec<f64>, Vec<f64>) = tests.into_iter().unzip();
            let mut open: Vec<usize> = (0..p.len()).collect();
            while !open.is_empty() {
                let total: f64 = open.iter().map(|at| weights[*at]).sum();
                let Some(hit) = open.iter().position(|at| p[*at] <= level * weights[*at] / total) else { break };
                open.remove(hit);
            }
            for (at, adjusted) in weighted_holm(&p, &weights).into_iter().enumerate() {
                if (adjusted - level).abs() > 1e-12 {
                    prop_assert_eq!(adjusted <= level, !open.contains(&at));
                }
            }
        }
    }
}
