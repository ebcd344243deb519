//! Exact money. All amounts are integers, so a sum never depends on the order of its terms.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign};
use std::str::FromStr;

use serde::{Serialize, Serializer};

use crate::completion::Usage;

/// An amount of money in pico-dollars (1e-12 USD): the price of one token at 0.000001 USD per million tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Money(u128);

const PICO_PER_USD: u128 = 1_000_000_000_000;

impl Money {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// From pico-dollars.
    pub fn from_pico(pico: u128) -> Self {
        Self(pico)
    }

    /// In pico-dollars.
    pub fn pico(self) -> u128 {
        self.0
    }

    /// In USD, rounded to the nearest `f64`; for display, never for sums.
    pub fn usd(self) -> f64 {
        self.0 as f64 / PICO_PER_USD as f64
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        // 2^128 pico-dollars are 3e26 USD: saturation is out of reach, and safer than a wrap.
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

/// USD, as a JSON number.
impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.usd())
    }
}

/// USD, in decimals; at most twelve places after the point.
impl FromStr for Money {
    type Err = DecimalError;
    fn from_str(text: &str) -> Result<Self, DecimalError> {
        decimal(text, 12).map(Self)
    }
}

/// USD, in decimals, exactly.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_decimal(f, self.0, 12)
    }
}

/// A price in USD per million tokens, exact to six decimal places; equally pico-dollars per token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate(u64);

impl Rate {
    /// The price of `tokens` tokens.
    pub fn of(self, tokens: u64) -> Money {
        Money(u128::from(self.0) * u128::from(tokens))
    }
}

impl FromStr for Rate {
    type Err = DecimalError;
    fn from_str(text: &str) -> Result<Self, DecimalError> {
        decimal(text, 6)?.try_into().map(Self).map_err(|_| DecimalError::TooLarge)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_decimal(f, self.0.into(), 6)
    }
}

fn write_decimal(f: &mut fmt::Formatter<'_>, amount: u128, places: u8) -> fmt::Result {
    let one = 10u128.pow(places.into());
    let digits = format!("{:0width$}", amount % one, width = places.into());
    let (whole, kept) = (amount / one, digits.trim_end_matches('0'));
    if kept.is_empty() { write!(f, "{whole}") } else { write!(f, "{whole}.{kept}") }
}

/// Why a text is not an exact amount of money. Its `Debug` is its message.
#[derive(Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DecimalError {
    /// Not digits with at most one point.
    #[error("not a plain decimal number like \"0.04\"")]
    Malformed,
    /// Digits beyond the last exact place.
    #[error("more than {0} digits after the point cannot be kept exactly")]
    TooFine(u8),
    /// Beyond the representable range.
    #[error("too large")]
    TooLarge,
}

crate::debug_is_message!(DecimalError);

fn decimal(text: &str, places: u8) -> Result<u128, DecimalError> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = fraction.trim_end_matches('0');
    let plain = |digits: &str| digits.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !plain(whole) || !plain(fraction) || text.ends_with('.') {
        return Err(DecimalError::Malformed);
    }
    let Some(missing) = usize::from(places).checked_sub(fraction.len()) else { return Err(DecimalError::TooFine(places)) };
    let digits = format!("{whole}{fraction}");
    let scale = (0..missing).fold(1u128, |scale, _| scale * 10);
    digits.parse::<u128>().ok().and_then(|n| n.checked_mul(scale)).ok_or(DecimalError::TooLarge)
}

/// What a model's tokens cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// Prompt tokens.
    pub input: Rate,
    /// Generated tokens, reasoning tokens included.
    pub output: Rate,
    /// Prompt tokens that the provider served from its cache; without it they cost `input`.
    pub cached_input: Option<Rate>,
    /// Prompt tokens that the provider wrote into its cache; without it they cost `input`.
    pub cached_write: Option<Rate>,
}

impl Price {
    /// A price in USD per million tokens: `Price::per_million("0.15", "0.60")`.
    pub fn per_million(input: &str, output: &str) -> Result<Self, DecimalError> {
        Ok(Self { input: input.parse()?, output: output.parse()?, cached_input: None, cached_write: None })
    }

    /// The price of one call's usage.
    pub fn of(&self, usage: Usage) -> Money {
        let read = usage.cached_input.min(usage.input);
        let written = usage.cached_write.min(usage.input - read);
        let cached = self.cached_input.unwrap_or(self.input).of(read) + self.cached_write.unwrap_or(self.input).of(written);
        self.input.of(usage.input - read - written) + cached + self.output.of(usage.output)
    }

    /// The least and the most that a prompt token may cost.
    pub fn of_prompt(&self) -> (Rate, Rate) {
        let others = [self.cached_input, self.cached_write].into_iter().flatten();
        others.fold((self.input, self.input), |(least, most), rate| (least.min(rate), most.max(rate)))
    }
}

/// A sum of charges, some of which may be estimated (a call that was cut off) or unknown (no price declared, or a failure
/// that tells nothing).
///
/// Estimates lie in an interval, unknown stays unknown, and both are counted: neither ever passes for a charge that was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// With estimated charges at their likeliest.
    known: Money,
    /// With estimated charges at their least and at their most.
    least: Money,
    most: Money,
    estimated: u32,
    /// Estimated charges whose most nobody knows.
    unbounded: u32,
    unknown: u32,
}

impl Cost {
    /// Nothing was charged.
    pub const ZERO: Self =
        Self { known: Money::ZERO, least: Money::ZERO, most: Money::ZERO, estimated: 0, unbounded: 0, unknown: 0 };
    /// One charge of unknown size.
    pub const UNKNOWN: Self = Self { unknown: 1, ..Self::ZERO };

    /// One charge of known size.
    pub fn known(money: Money) -> Self {
        Self { known: money, least: money, most: money, ..Self::ZERO }
    }

    /// One charge that nobody told: at least, likeliest and at most so much; `None` = nobody knows a most.
    pub fn estimated(least: Money, likeliest: Money, most: Option<Money>) -> Self {
        let least = least.min(likeliest);
        let bound = most.map(|most| most.max(likeliest));
        let (most, unbounded) = (bound.unwrap_or(likeliest), u32::from(bound.is_none()));
        Self { known: likeliest, least, most, estimated: 1, unbounded, unknown: 0 }
    }

    /// The sum, if none of its charges is unknown; estimated ones at their likeliest.
    pub fn total(self) -> Option<Money> {
        (self.unknown == 0).then_some(self.known)
    }

    /// The sum, if every charge of it was told: none is unknown or estimated.
    pub fn told(self) -> Option<Money> {
        self.total().filter(|_| self.estimated == 0)
    }

    /// What the sum is at least: unknown charges count nothing.
    pub fn at_least(self) -> Money {
        self.least
    }

    /// What the sum is at most; `None` where a charge has no bound.
    pub fn at_most(self) -> Option<Money> {
        (self.unknown == 0 && self.unbounded == 0).then_some(self.most)
    }

    /// How many charges are estimated.
    pub fn estimated_charges(self) -> u32 {
        self.estimated
    }

    /// The most that is to be kept back for it, where a charge without a bound is taken for `most_each`.
    pub fn reserving(self, most_each: Money) -> Money {
        self.most + Money(most_each.0.saturating_mul(u128::from(self.unknown) + u128::from(self.unbounded)))
    }

    /// How many charges are unknown.
    pub fn unknown_charges(self) -> u32 {
        self.unknown
    }
}

impl From<Option<Money>> for Cost {
    fn from(money: Option<Money>) -> Self {
        money.map_or(Self::UNKNOWN, Self::known)
    }
}

impl Add for Cost {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            known: self.known + other.known,
            least: self.least + other.least,
            most: self.most + other.most,
            estimated: self.estimated.saturating_add(other.estimated),
            unbounded: self.unbounded.saturating_add(other.unbounded),
            unknown: self.unknown.saturating_add(other.unknown),
        }
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Cost {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

/// The total in USD, or null while any charge is unknown.
impl Serialize for Cost {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.total().serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rates_are_exact() {
        assert_eq!("0.0375".parse::<Rate>().unwrap().of(1_000_000), "0.0375".parse().unwrap());
        assert_eq!("3".parse::<Rate>().unwrap().of(7).pico(), 21_000_000);
        assert_eq!("0.0000001".parse::<Rate>(), Err(DecimalError::TooFine(6)));
        for bad in ["", ".", "1.", "-1", "1e3", "1,0", "0x1", "+1"] {
            assert_eq!(bad.parse::<Rate>(), Err(DecimalError::Malformed), "{bad:?}");
        }
        assert_eq!("99999999999999999999".parse::<Rate>(), Err(DecimalError::TooLarge));
        assert_eq!("0.150".parse::<Rate>().unwrap().to_string(), "0.15");
    }

    #[test]
    fn cached_tokens_have_their_own_price() {
        let plain = Price::per_million("1", "2").unwrap();
        let price = Price { cached_input: "0.1".parse().ok(), cached_write: "1.25".parse().ok(), ..plain };
        let usage = Usage { input: 10, output: 5, cached_input: 4, cached_write: 2, reasoning: 0 };
        assert_eq!(price.of(usage).pico(), 4_000_000 + 400_000 + 2_500_000 + 10_000_000);
        assert_eq!(plain.of(usage).pico(), 10_000_000 + 10_000_000);
        assert_eq!(price.of_prompt(), ("0.1".parse().unwrap(), "1.25".parse().unwrap()));
    }

    #[test]
    fn unknown_never_becomes_zero() {
        let cost = Cost::known(Money::from_pico(5)) + Cost::UNKNOWN;
        assert_eq!(cost.total(), None);
        assert_eq!(cost.at_least(), Money::from_pico(5));
        assert_eq!(serde_json::to_string(&cost).unwrap(), "null");
        assert_eq!((cost.at_most(), cost.reserving(Money::from_pico(9)).pico()), (None, 14));
        assert_eq!((cost.told(), Cost::known(Money::from_pico(5)).told()), (None, Some(Money::from_pico(5))));
    }

    #[test]
    fn estimates_are_summed_with_their_intervals() {
        let pico = |pico| Money::from_pico(pico);
        let cost = Cost::known(pico(5)) + Cost::estimated(pico(1), pico(2), Some(pico(7)));
        assert_eq!((cost.at_least(), cost.total(), cost.at_most()), (pico(6), Some(pico(7)), Some(pico(12))));
        assert_eq!(cost.told(), None);
        assert_eq!((cost.estimated_charges(), cost.unknown_charges(), cost.reserving(pico(100))), (1, 0, pico(12)));
        let open = cost + Cost::estimated(pico(1), pico(2), None);
        assert_eq!((open.total(), open.at_most(), open.reserving(pico(100))), (Some(pico(9)), None, pico(114)));
    }

    proptest! {
        #[test]
        fn sums_do_not_depend_on_order(mut picos in proptest::collection::vec(0u64.., 0..50)) {
            let sum = |v: &[u64]| v.iter().map(|&p| Money::from_pico(p.into())).sum::<Money>();
            let forwards = sum(&picos);
            picos.reverse();
            prop_assert_eq!(forwards, sum(&picos));
        }

        #[test]
        fn a_rate_reads_what_it_writes(pico in 0u64..1_000_000_000_000) {
            let rate = Rate(pico);
            prop_assert_eq!(rate.to_string().parse::<Rate>().unwrap(), rate);
        }

        #[test]
        fn money_reads_what_it_writes(pico: u64) {
            let money = Money::from_pico(pico.into());
            prop_assert_eq!(money.to_string().parse::<Money>().unwrap(), money);
        }
    }
}
