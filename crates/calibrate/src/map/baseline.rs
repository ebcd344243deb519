//! The length of the answer as a signal: what every other one has to beat.

use crate::metric::Sorted;
use crate::metric::ranking::{Placements, z_of};
use crate::report::{Earns, Estimate};

/// A signal beside the length of the answer, on the rows where both are known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Against {
    /// AUROC of the signal for being right.
    pub signal: f64,
    /// AUROC of length alone, in the better of its two directions: long answers are surer here and worse there. ½ where no length is known.
    pub length: f64,
    /// `signal` − `length`, with a 95 % interval by `DeLong`'s paired variance.
    pub difference: Estimate,
    /// Yes: the interval lies above 0. No: the signal ranks no better than length. Unclear: it does, but not beyond doubt.
    pub verdict: Earns,
}

/// Whether a signal beats the length of the answer at telling the rows with a label from those without; `None` where all have it or none.
/// NaN lengths are unknown.
///
/// [`Earns::No`] refuses the signal. Refusing costs no error of a certificate, because it only takes policies away; taking the best of several
/// signals on the certified rows would.
pub fn against(of_scores: &Sorted<'_>, of_length: &Sorted<'_>, label: impl Fn(usize) -> bool) -> Option<Against> {
    let (scores, length) = (&*of_scores.scores, &*of_length.scores);
    let unknown = length.iter().all(|length| length.is_nan());
    let known = |row: &usize| !scores[*row].is_nan() && (unknown || !length[*row].is_nan());
    let rows = || (0..scores.len()).filter(known);
    let right: Vec<bool> = rows().map(label).collect();
    // Only where a row is left out do the others have other places.
    let all = right.len() == scores.len() && !unknown;
    let again = |column: &[f64]| -> Sorted<'static> {
        Sorted::new(rows().map(|row| if column[row].is_nan() { 0.0 } else { column[row] }).collect::<Vec<f64>>())
    };
    let again = (!all).then(|| (again(scores), again(length)));
    let (of_scores, lengths) = again.as_ref().map_or((of_scores, of_length), |(scores, length)| (scores, length));
    let of_signal = Placements::new(of_scores.runs(), &right)?;
    let mut of_length = Placements::new(lengths.runs(), &right)?;
    if of_length.auroc() < 0.5 {
        of_length = Placements::new(lengths.runs().rev(), &right)?;
    }
    let value = of_signal.auroc() - of_length.auroc();
    let half = z_of(0.95) * of_signal.variance_of_difference(&of_length).sqrt();
    let difference = Estimate { value, low: (value - half).max(-1.0), high: (value + half).min(1.0) };
    let verdict = match difference {
        d if d.value <= 0.0 => Earns::No,
        d if d.low > 0.0 => Earns::Yes,
        _ => Earns::Unclear,
    };
    Some(Against { signal: of_signal.auroc(), length: of_length.auroc(), difference, verdict })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::rngs::ChaCha8Rng;
    use rand::{RngExt, SeedableRng};

    fn beats_length(scores: &[f64], length: &[f64], quality: &[f64]) -> Option<Against> {
        against(&Sorted::new(scores), &Sorted::new(length), |row| quality[row] >= 0.5)
    }

    /// Scores, lengths and grades: right answers are shorter, and the score adds `own` knowledge to a noisy reading of the length.
    fn population(own: f64) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let rows = (0..800).map(|_| {
            let right = f64::from(u8::from(rng.random::<f64>() < 0.7));
            let length = 50.0 + 30.0 * rng.random::<f64>() - 12.0 * right;
            (own * right - length / 30.0 + 0.3 * rng.random::<f64>(), length, right)
        });
        let rows: Vec<_> = rows.collect();
        (rows.iter().map(|r| r.0).collect(), rows.iter().map(|r| r.1).collect(), rows.iter().map(|r| r.2).collect())
    }

    #[test]
    fn a_signal_that_only_reads_the_length_is_refused() {
        let (scores, length, quality) = population(0.0);
        let found = beats_length(&scores, &length, &quality).unwrap();
        assert!(found.signal > 0.7 && found.length > 0.7, "{found:?}");
        assert_eq!(found.verdict, Earns::No, "{found:?}");
    }

    #[test]
    fn one_that_knows_more_is_not() {
        let (scores, length, quality) = population(1.0);
        assert_eq!(beats_length(&scores, &length, &quality).unwrap().verdict, Earns::Yes);
        let few = beats_length(&scores[..12], &length[..12], &quality[..12]).unwrap();
        assert!(few.difference.high - few.difference.low > 0.1, "{few:?}");
    }

    #[test]
    fn without_lengths_it_has_to_beat_chance() {
        let (scores, _, quality) = population(1.0);
        let (unknown, worse) = (vec![f64::NAN; 800], scores.iter().map(|s| -s).collect::<Vec<_>>());
        assert_eq!(beats_length(&scores, &unknown, &quality).unwrap().verdict, Earns::Yes);
        assert_eq!(beats_length(&worse, &unknown, &quality).unwrap().verdict, Earns::No);
    }
}
