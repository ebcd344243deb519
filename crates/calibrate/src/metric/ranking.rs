//! Whether surer answers are right more often.

use statrs::function::erf::erf_inv;

use super::Sorted;

/// Area under the ROC curve: the probability that a right answer scores higher than a wrong one, ties counting half.
/// `None` where all are right or all wrong. With "escalating gains nothing" for right it is about what deferral is about.
///
/// Counted in integers, so it is the same for any order of the rows.
pub fn auroc(sorted: &Sorted<'_>, right: impl Fn(usize) -> bool) -> Option<f64> {
    // Twice the number of (right, wrong) pairs in order, ties counting one.
    let (mut twice, mut right_above, mut wrong) = (0_u128, 0_u64, 0_u64);
    for run in sorted.runs() {
        let right_here = count(run, &right);
        let wrong_here = run.len() as u64 - right_here;
        twice += u128::from(wrong_here) * u128::from(2 * right_above + right_here);
        right_above += right_here;
        wrong += wrong_here;
    }
    (right_above > 0 && wrong > 0).then(|| twice as f64 / (2.0 * right_above as f64 * wrong as f64))
}

/// Whether an AUROC over `right` right and `wrong` wrong answers is below ½ by more than chance: two standard errors of the
/// Mann–Whitney statistic where scores say nothing.
pub(crate) fn is_upside_down(auroc: f64, right: f64, wrong: f64) -> bool {
    auroc < 0.5 - 2.0 * ((right + wrong + 1.0) / (12.0 * right * wrong)).sqrt()
}

/// How many rows of a run it holds for.
fn count(run: &[u32], holds: impl Fn(usize) -> bool) -> u64 {
    run.iter().map(|row| u64::from(holds(*row as usize))).sum()
}

/// Every row's placement: for a right answer the share of wrong ones below it, for a wrong one the share of right ones above it,
/// ties counting half (`DeLong`, `DeLong` & Clarke-Pearson 1988). Their means are both the AUROC.
pub(crate) struct Placements<'r> {
    /// In the order of the rows.
    all: Vec<f64>,
    right: &'r [bool],
}

impl<'r> Placements<'r> {
    /// Of runs of equal scores, the surest first, that hold every row; `None` where all are right or all wrong.
    pub(crate) fn new<'s>(runs: impl Iterator<Item = &'s [u32]>, right: &'r [bool]) -> Option<Self> {
        let n_right = right.iter().filter(|right| **right).count();
        let n_wrong = right.len() - n_right;
        if n_right == 0 || n_wrong == 0 {
            return None;
        }
        let mut all = vec![0.0; right.len()];
        let (mut right_above, mut wrong_above) = (0, 0);
        for run in runs {
            let right_here = run.iter().filter(|row| right[**row as usize]).count();
            let wrong_here = run.len() - right_here;
            let (worse, better) = (n_wrong - wrong_above - wrong_here, right_above);
            let of_right = (worse as f64 + 0.5 * wrong_here as f64) / n_wrong as f64;
            let of_wrong = (better as f64 + 0.5 * right_here as f64) / n_right as f64;
            for row in run {
                let row = *row as usize;
                all[row] = if right[row] { of_right } else { of_wrong };
            }
            right_above += right_here;
            wrong_above += wrong_here;
        }
        Some(Self { all, right })
    }

    /// Those of right answers, or of wrong ones, in the order of the rows.
    fn of(&self, wanted: bool) -> impl Iterator<Item = f64> + Clone + '_ {
        self.all.iter().zip(self.right).filter(move |(_, right)| **right == wanted).map(|(placement, _)| *placement)
    }

    pub(crate) fn auroc(&self) -> f64 {
        mean(self.of(true))
    }

    /// The variance of the difference of two AUROCs on the same rows.
    pub(crate) fn variance_of_difference(&self, other: &Self) -> f64 {
        let less = |wanted: bool| variance(self.of(wanted).zip(other.of(wanted)).map(|(mine, theirs)| mine - theirs));
        less(true) + less(false)
    }
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let mut n = 0_u64;
    let sum = values.inspect(|_| n += 1).sum::<f64>();
    sum / n as f64
}

/// The variance of the mean of `values`; 0 for one value, of which nothing is known.
fn variance(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let (n, mean) = (values.clone().count() as f64, mean(values.clone()));
    if n < 2.0 { 0.0 } else { values.map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0) / n }
}

/// The two-sided normal quantile of a confidence.
pub(crate) fn z_of(confidence: f64) -> f64 {
    std::f64::consts::SQRT_2 * erf_inv(confidence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn auroc_is_the_share_of_pairs_in_order(rows in proptest::collection::vec((0..6u8, any::<bool>()), 1..40)) {
            let scores: Vec<f64> = rows.iter().map(|r| f64::from(r.0)).collect();
            let (mut sum, mut pairs) = (0.0, 0.0);
            for (a, _) in rows.iter().filter(|r| r.1) {
                for (b, _) in rows.iter().filter(|r| !r.1) {
                    sum += f64::midpoint(f64::from(u8::from(a > b)), f64::from(u8::from(a >= b)));
                    pairs += 1.0;
                }
            }
            let expected = (pairs > 0.0).then_some(sum / pairs);
            let found = auroc(&Sorted::new(scores), |row| rows[row].1);
            prop_assert_eq!(found.is_some(), expected.is_some());
            if let (Some(found), Some(expected)) = (found, expected) {
                prop_assert!((found - expected).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn abstentions_are_left_out() {
        let (scores, right) = ([0.9, f64::NAN, 0.1, f64::INFINITY], [true, false, false, true]);
        assert_eq!(auroc(&Sorted::new(&scores[..]), |row| right[row]), Some(1.0));
        assert_eq!(auroc(&Sorted::new(&scores[..2]), |row| right[row]), None);
    }
}
