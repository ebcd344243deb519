//! Money and time in words.

use std::time::Duration;

use tierfall_core::money::{Cost, Money};

/// USD with three significant digits, never in scientific notation.
pub(crate) fn usd(money: Money) -> String {
    usd_of(money.usd())
}

/// The same of a mean, which is no whole number of the smallest unit.
pub(crate) fn usd_of(usd: f64) -> String {
    if usd == 0.0 {
        return "$0".to_owned();
    }
    if usd >= 1.0 {
        return format!("${usd:.2}");
    }
    let decimals = (-usd.log10().floor() + 2.0).clamp(2.0, 14.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 2..=14")]
    let text = format!("${usd:.*}", decimals as usize);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A cost, or what is known of it.
pub(crate) fn cost(cost: Cost) -> String {
    match cost.total() {
        Some(total) if cost.estimated_charges() > 0 => format!("about {}", usd(total)),
        Some(total) => usd(total),
        None if cost.at_least() == Money::ZERO => "unknown cost".to_owned(),
        None => format!("at least {}", usd(cost.at_least())),
    }
}

/// A cost with what an estimated one is at least and at most: `about $0.00006 ($0 to $0.00012)`.
pub(crate) fn cost_within(all: Cost) -> String {
    let told = cost(all);
    match (all.total(), all.at_most()) {
        (Some(_), Some(most)) if all.estimated_charges() > 0 => format!("{told} ({} to {})", usd(all.at_least()), usd(most)),
        (Some(_), None) if all.estimated_charges() > 0 => format!("{told} (at least {})", usd(all.at_least())),
        _ => told,
    }
}

/// A time, in the unit that reads best.
pub(crate) fn time(time: Duration) -> String {
    match time.as_millis() {
        0 => format!("{} µs", time.as_micros()),
        1..10_000 => format!("{} ms", time.as_millis()),
        10_000..120_000 => format!("{:.1} s", time.as_secs_f64()),
        _ => format!("{} min {} s", time.as_secs() / 60, time.as_secs() % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_money_keeps_its_digits() {
        for (text, shown) in [
            ("0", "$0"),
            ("12.345", "$12.35"),
            ("0.0000123456", "$0.0000123"),
            ("0.5", "$0.5"),
            ("0.000000000001", "$0.000000000001"),
        ] {
            assert_eq!(usd(text.parse().unwrap()), shown);
        }
        assert_eq!(cost(Cost::UNKNOWN), "unknown cost");
        assert_eq!(cost(Cost::UNKNOWN + Cost::known("0.5".parse().unwrap())), "at least $0.5");
        let of =
            |most: Option<&str>| Cost::estimated(Money::ZERO, "0.2".parse().unwrap(), most.map(|most| most.parse().unwrap()));
        assert_eq!(cost_within(of(Some("0.5"))), "about $0.2 ($0 to $0.5)");
        assert_eq!(cost_within(of(None)), "about $0.2 (at least $0)");
        assert_eq!(cost_within(of(None) + Cost::UNKNOWN), "unknown cost");
    }

    #[test]
    fn times_read_well() {
        assert_eq!(time(Duration::from_micros(250)), "250 µs");
        assert_eq!(time(Duration::from_millis(1500)), "1500 ms");
        assert_eq!(time(Duration::from_secs(3700)), "61 min 40 s");
    }
}
