//! Values that TOML has no type for.

use std::time::Duration;

use crate::fault::unusable;

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
        Ok(duration) => unusable(duration).map_or(Ok(duration), |why| Err(why.into())),
        Err(_) => Err(unusable(Duration::MAX).unwrap_or_default().into()),
    }
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

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,80}") {
            let _ = duration(&text);
        }
    }
}
