//! Numbers in sentences for people.

/// `1 example`, `842 examples`.
pub(super) fn examples(n: u64) -> String {
    if n == 1 { "1 example".to_owned() } else { format!("{n} examples") }
}

/// What was seen, and how likely chance alone does as much: a small probability with more digits, a certain one not at all.
pub(super) fn by_chance(seen: &str, p: f64) -> String {
    if p >= 1.0 {
        return seen.to_owned();
    }
    let chance = |p: &str| format!("{seen}: chance alone would do as much with probability {p}");
    if p < 1e-4 {
        return chance("below 0.0001");
    }
    let digits = if p >= 0.1 {
        2
    } else if p >= 0.01 {
        3
    } else if p >= 0.001 {
        4
    } else {
        5
    };
    let text = format!("{p:.digits$}");
    chance(text.trim_end_matches('0').trim_end_matches('.'))
}

/// A difference of shares: `1.3 points`.
pub(super) fn points(share: f64) -> String {
    let text = plain(100.0 * share);
    if text == "1" { "1 point".to_owned() } else { format!("{text} points") }
}

/// A share: `8.1 %`.
pub(super) fn percent(share: f64) -> String {
    format!("{} %", plain(100.0 * share))
}

/// Two significant digits at least, without trailing zeros.
pub(super) fn plain(value: f64) -> String {
    let size = value.abs();
    let digits = if size >= 9.95 {
        0
    } else if size >= 0.0995 {
        1
    } else {
        3
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let shown = |p: f64| by_chance("", p).replace(": chance alone would do as much with probability ", "");
        assert_eq!([0.004, 1e-9, 0.5, 1.0, 0.010_04, 0.00996].map(shown), ["0.004", "below 0.0001", "0.5", "", "0.01", "0.01"]);
        assert_eq!(
            [points(0.013), points(0.02), points(0.01), points(0.136)],
            ["1.3 points", "2 points", "1 point", "14 points"]
        );
        assert_eq!([percent(0.0004), percent(-0.05)], ["0.04 %", "-5 %"]);
    }
}
