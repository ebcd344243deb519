//! What is wrong among the answers that are accepted, as more and more are.

use super::Sorted;
use crate::report::RiskPoint;

/// Runs of equal scores: how many rows, and the sum of their risks (1 − quality).
fn clusters(sorted: &Sorted<'_>, quality: impl Fn(usize) -> f64) -> impl Iterator<Item = (u64, f64)> {
    // In the order of the rows: sums of fractions must not depend on how a sort breaks ties.
    sorted.runs().map(move |run| (run.len() as u64, run.iter().map(|row| 1.0 - quality(*row as usize)).sum()))
}

/// Area under the risk–coverage curve: the mean over k of the risk of the k surest answers (Geifman & El-Yaniv 2017), averaged over the
/// orders that ties allow. `None` without rows. The few surest answers weigh most.
pub fn aurc(sorted: &Sorted<'_>, quality: impl Fn(usize) -> f64) -> Option<f64> {
    over_ranks(sorted, quality, |wrong, k, _| wrong / k)
}

/// Area under the generalised risk–coverage curve: the mean over k of the undetected failures among the k surest answers, as a share of all
/// (Traub et al. 2024), averaged over the orders that ties allow. `None` without rows.
pub fn augrc(sorted: &Sorted<'_>, quality: impl Fn(usize) -> f64) -> Option<f64> {
    over_ranks(sorted, quality, |wrong, _, n| wrong / n)
}

/// The mean of `at(wrong among the k surest, k, n)` over k = 1 … n.
fn over_ranks(sorted: &Sorted<'_>, quality: impl Fn(usize) -> f64, at: impl Fn(f64, f64, f64) -> f64) -> Option<f64> {
    let n = sorted.len();
    let (mut sum, mut taken, mut wrong) = (0.0, 0_u64, 0.0);
    for (rows, risk) in clusters(sorted, quality) {
        for j in 1..=rows {
            let expected = wrong + risk * (j as f64 / rows as f64);
            sum += at(expected, (taken + j) as f64, n as f64);
        }
        taken += rows;
        wrong += risk;
    }
    (n > 0).then(|| sum / n as f64)
}

/// The risk–coverage curve at most 200 points long, from the surest answers to all that were read; equal scores are accepted together.
pub fn risk_coverage(sorted: &Sorted<'_>, quality: impl Fn(usize) -> f64) -> Vec<RiskPoint> {
    const POINTS: u64 = 200;
    let n = sorted.len() as u64;
    let (mut points, mut taken, mut wrong) = (Vec::new(), 0, 0.0);
    for (rows, risk) in clusters(sorted, quality) {
        let before = taken * POINTS / n;
        taken += rows;
        wrong += risk;
        // The first curve point in each 200th of the coverage, so that both ends are there.
        if taken * POINTS / n > before || taken == n {
            points.push(RiskPoint { coverage: taken as f64 / n as f64, risk: wrong / taken as f64 });
        }
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// With ties, the mean over all orders: here over all rotations of each run, which have the same mean ranks.
        #[test]
        fn ties_count_as_the_mean_over_their_orders(rows in proptest::collection::vec((0..3u8, 0..=4u8), 1..7)) {
            let scores: Vec<f64> = rows.iter().map(|r| f64::from(r.0)).collect();
            let quality: Vec<f64> = rows.iter().map(|r| f64::from(r.1) / 4.0).collect();
            let mut order: Vec<usize> = (0..rows.len()).collect();
            let (mut sum, mut orders) = (0.0, 0.0);
            permutations(&mut order, 0, &mut |order| {
                if order.windows(2).all(|w| scores[w[0]] >= scores[w[1]]) {
                    let (mut wrong, mut area) = (0.0, 0.0);
                    for (k, row) in order.iter().enumerate() {
                        wrong += 1.0 - quality[*row];
                        area += wrong / (k + 1) as f64;
                    }
                    sum += area / order.len() as f64;
                    orders += 1.0;
                }
            });
            prop_assert!((aurc(&Sorted::new(&*scores), |row| quality[row]).unwrap() - sum / orders).abs() < 1e-12);
        }

        #[test]
        fn the_curve_ends_at_everything(rows in proptest::collection::vec((0..900u16, any::<bool>()), 1..600)) {
            let scores: Vec<f64> = rows.iter().map(|r| f64::from(r.0)).collect();
            let quality: Vec<f64> = rows.iter().map(|r| f64::from(u8::from(r.1))).collect();
            let curve = risk_coverage(&Sorted::new(scores), |row| quality[row]);
            prop_assert!(curve.len() <= 201 && curve.is_sorted_by(|a, b| a.coverage < b.coverage));
            let last = curve.last().unwrap();
            let wrong = quality.iter().map(|q| 1.0 - q).sum::<f64>() / quality.len() as f64;
            prop_assert!((last.coverage - 1.0).abs() < 1e-15 && (last.risk - wrong).abs() < 1e-12);
        }
    }

    fn permutations(order: &mut [usize], from: usize, each: &mut impl FnMut(&[usize])) {
        if from == order.len() {
            return each(order);
        }
        for at in from..order.len() {
            order.swap(from, at);
            permutations(order, from + 1, each);
            order.swap(from, at);
        }
    }

    #[test]
    fn nothing_read_is_nothing() {
        let none = Sorted::new(&[f64::NAN][..]);
        assert_eq!((aurc(&none, |_| 1.0), augrc(&none, |_| 1.0)), (None, None));
        assert!(risk_coverage(&none, |_| 1.0).is_empty());
    }
}
