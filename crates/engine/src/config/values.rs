//! Values that TOML has no type for, and guesses at what was meant.

use std::time::Duration;

/// Reads `"30s"`, `"500ms"`, `"2m"`; fractions are allowed. Never zero.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = (text[..unit_at].trim_end(), &text[unit_at..]);
    let seconds_a_unit = match unit {
        "ms" => 0.001,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "" => return Err("a duration needs a unit: \"500ms\", \"30s\", \"2m\" or \"1h\"".into()),
        _ => return Err(format!("\"{unit}\" is no unit of time; there are ms, s, m and h")),
    };
    let plain = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let number: f64 = plain.then(|| number.parse().ok()).flatten().ok_or("a duration is a number and a unit, like \"30s\"")?;
    match Duration::try_from_secs_f64(number * seconds_a_unit) {
        Ok(duration) if duration.is_zero() => Err("a duration of zero would let nothing happen".into()),
        // Larger waits are mistakes, and overflow clocks.
        Ok(duration) if duration <= Duration::from_hours(24 * 7) => Ok(duration),
        _ => Err("longer than a week".into()),
    }
}

/// The known word that `word` was probably meant to be.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let folded = word.to_lowercase().replace('_', "-");
    let limit = (folded.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (distance(&folded, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// "did you mean `…`?", or what there is.
pub(crate) fn suggestion<'a>(word: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> Option<String> {
    if let Some(near) = nearest(word, known.clone()) {
        return Some(format!("did you mean `{near}`?"));
    }
    let all: Vec<String> = known.into_iter().map(|name| format!("`{name}`")).collect();
    (!all.is_empty()).then(|| format!("there {} {}", if all.len() == 1 { "is" } else { "are" }, all.join(", ")))
}

/// Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    // A typing error leaves a word short; anything longer than this is no key.
    const LONGEST: usize = 64;
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(LONGEST).collect(), b.chars().take(LONGEST).collect());
    let mut rows = vec![vec![0usize; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let changed = usize::from(a[i - 1] != b[j - 1]);
            let mut best = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + changed);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_have_units() {
        for (text, ms) in [("500ms", 500), ("30s", 30_000), ("1.5s", 1500), ("2m", 120_000), ("1h", 3_600_000), ("5 s", 5000)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for bad in ["", "30", "s", "-1s", "1e3s", "0s", "0.0ms", "1d", "999999h", "1.2.3s", "ß", "٣s"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn typing_errors_are_recognised() {
        let known = ["threshold", "signal", "require", "observe", "base-url"];
        for (typed, meant) in [("treshold", "threshold"), ("singal", "signal"), ("requires", "require"), ("base_url", "base-url")]
        {
            assert_eq!(nearest(typed, known), Some(meant));
        }
        assert_eq!(nearest("temperature", known), None);
    }

    proptest! {
        #[test]
        fn any_text_is_measured(a in "\\PC{0,80}", b in "\\PC{0,80}") {
            prop_assert_eq!(distance(&a, &b), distance(&b, &a));
            let _ = duration(&a);
        }
    }
}
