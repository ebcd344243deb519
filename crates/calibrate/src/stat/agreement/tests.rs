use proptest::prelude::*;
use rand::SeedableRng as _;
use rand::rngs::ChaCha8Rng;

use super::*;

/// The pairs of a square table of counts; values are 1, 2, …
fn pairs(table: &[&[usize]]) -> Vec<(f64, f64)> {
    let mut pairs = Vec::new();
    for (a, row) in (1_u32..).zip(table) {
        for (b, n) in (1_u32..).zip(*row) {
            pairs.extend(vec![(f64::from(a), f64::from(b)); *n]);
        }
    }
    pairs
}

#[test]
fn cohens_own_example() {
    // Cohen 1960: 200 patients, three diagnoses, observed .70, by chance .41.
    let pairs = pairs(&[&[88, 14, 18], &[10, 40, 10], &[2, 6, 12]]);
    let kappa = kappa(&pairs, Metric::Nominal, 0.95).unwrap();
    assert!((kappa.value - 0.29 / 0.59).abs() < 1e-12, "{kappa:?}");
    assert!((raw(&pairs, 0.95).unwrap().value - 0.7).abs() < 1e-12);
}

#[test]
fn the_standard_error_of_fleiss_cohen_and_everitt() {
    // Fleiss, Statistical Methods for Rates and Proportions, 18.1: kappa .676 with the standard error .087.
    let psychiatrists = pairs(&[&[75, 1, 4], &[5, 4, 1], &[0, 0, 10]]);
    let Kappa { value: kappa, error, .. } = Kappa::of(&psychiatrists, Metric::Nominal).unwrap();
    assert!((kappa - 0.676).abs() < 5e-4 && (error - 0.087).abs() < 1e-3, "{kappa} {error}");
}

#[test]
fn krippendorffs_example_of_four_observers() {
    // "Computing Krippendorff's Alpha-Reliability", 2011, part C: twelve units, one of which a single observer rated.
    let observers = ["123321412...", "1233224125.3", ".3332342251.", "12332441251."];
    let units: Vec<Vec<f64>> = (0..12)
        .map(|unit| observers.iter().filter_map(|row| row.chars().nth(unit)?.to_digit(10)).map(f64::from).collect())
        .collect();
    let nominal = alpha(&units, Metric::Nominal);
    assert!((nominal.alpha.unwrap() - 0.743).abs() < 5e-4, "{nominal:?}");
    assert_eq!((nominal.units, nominal.grades), (11, 40));
    let interval = alpha(&units, Metric::Interval).alpha.unwrap();
    assert!((interval - 0.849).abs() < 5e-4, "{interval}");
}

#[test]
fn krippendorffs_example_of_two_observers() {
    // The same article, part A: two observers, ten units, grades 0 and 1: alpha .095.
    let (one, two) = ([0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]);
    let units: Vec<Vec<f64>> = one.iter().zip(two).map(|(a, b)| vec![f64::from(*a), f64::from(b)]).collect();
    for metric in [Metric::Nominal, Metric::Interval] {
        assert!((alpha(&units, metric).alpha.unwrap() - 0.095).abs() < 5e-4);
    }
}

#[test]
fn without_variety_there_is_no_coefficient() {
    assert_eq!(kappa(&[(1.0, 1.0); 9], Metric::Interval, 0.95), None);
    assert_eq!(kappa(&[], Metric::Nominal, 0.95), None);
    assert_eq!(alpha(&[vec![1.0, 1.0], vec![0.0]], Metric::Nominal), Alpha { alpha: None, units: 1, grades: 2 });
    assert_eq!((raw(&[], 0.95), share(0, 0, 0.95)), (None, None));
}

#[test]
fn full_agreement_on_few_is_no_certainty() {
    let few = kappa(&[(1.0, 1.0), (0.0, 0.0), (1.0, 1.0)], Metric::Nominal, 0.95).unwrap();
    assert!((few.value - 1.0).abs() < 1e-12 && few.low < 0.0 && (few.high - 1.0).abs() < 1e-12, "{few:?}");
    let many: Vec<_> = (0..400).map(|k| (f64::from(k % 2), f64::from(k % 2))).collect();
    assert!(kappa(&many, Metric::Nominal, 0.95).unwrap().low > 0.97);
}

/// Two raters who each see the truth through independent noise, so that kappa is known.
#[test]
fn the_interval_holds_the_true_kappa() {
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    for (n, right, noise) in [(20, 0.5, 0.1), (50, 0.8, 0.1), (50, 0.5, 0.3), (200, 0.9, 0.05), (30, 0.7, 0.0)] {
        let same = (1.0 - noise) * (1.0 - noise) + noise * noise;
        let says_right: f64 = right * (1.0 - noise) + (1.0 - right) * noise;
        let chance = says_right * says_right + (1.0 - says_right) * (1.0 - says_right);
        let truth = (same - chance) / (1.0 - chance);
        let (mut held, mut all) = (0, 0);
        for _ in 0..2000 {
            let mut say = |right: bool| f64::from(right != rng.random_bool(noise));
            let mut draw = ChaCha8Rng::seed_from_u64(all);
            let pairs: Vec<_> = (0..n).map(|_| draw.random_bool(right)).map(|right| (say(right), say(right))).collect();
            all += 1;
            let Some(kappa) = kappa(&pairs, Metric::Nominal, 0.95) else { continue };
            held += u32::from(kappa.low <= truth + 1e-12 && truth <= kappa.high + 1e-12);
        }
        let coverage = f64::from(held) / 2000.0;
        assert!(coverage > 0.935, "n {n}, right {right}, noise {noise}: {coverage}");
    }
}

proptest! {
    #[test]
    fn coefficients_stay_in_range_and_ignore_order(grades in prop::collection::vec((0u8..3, 0u8..3), 2..60)) {
        let mut pairs: Vec<_> = grades.iter().map(|&(a, b)| (f64::from(a) / 2.0, f64::from(b) / 2.0)).collect();
        for metric in [Metric::Nominal, Metric::Interval] {
            let before = kappa(&pairs, metric, 0.95);
            if let Some(kappa) = before {
                prop_assert!(-1.0 <= kappa.low && kappa.low <= kappa.value + 1e-12, "{kappa:?}");
                prop_assert!(kappa.value <= kappa.high + 1e-12 && kappa.high <= 1.0 , "{kappa:?}");
            }
            pairs.reverse();
            let swapped: Vec<_> = pairs.iter().map(|&(a, b)| (b, a)).collect();
            let after = kappa(&swapped, metric, 0.95);
            prop_assert!(before.zip(after).is_none_or(|(a, b)| (a.value - b.value).abs() < 1e-9 && (a.low - b.low).abs() < 1e-9));
            prop_assert_eq!(before.is_some(), after.is_some());
        }
    }

    /// Alpha by its definition: every ordered pair of grades on its own.
    #[test]
    fn alpha_is_what_its_definition_counts(units in prop::collection::vec(prop::collection::vec(0u8..3, 0..5), 1..12)) {
        let units: Vec<Vec<f64>> = units.iter().map(|unit| unit.iter().map(|&v| f64::from(v)).collect()).collect();
        let pairable: Vec<&Vec<f64>> = units.iter().filter(|unit| unit.len() > 1).collect();
        let all: Vec<f64> = pairable.iter().flat_map(|unit| unit.iter().copied()).collect();
        for metric in [Metric::Nominal, Metric::Interval] {
            let over = |values: &[f64]| -> f64 {
                let pairs = (0..values.len()).flat_map(|i| (0..values.len()).map(move |j| (i, j)));
                pairs.filter(|(i, j)| i != j).map(|(i, j)| metric.apart(values[i], values[j])).sum()
            };
            let seen: f64 = pairable.iter().map(|unit| over(unit) / (unit.len() - 1) as f64).sum::<f64>() / all.len() as f64;
            let chance = over(&all) / (all.len() * all.len().saturating_sub(1)) as f64;
            match alpha(&units, metric).alpha {
                Some(alpha) => prop_assert!((alpha - (1.0 - seen / chance)).abs() < 1e-9),
                None => prop_assert!(all.is_empty() || chance <= 0.0),
            }
        }
    }
}
