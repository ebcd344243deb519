//! The numbers a cascade decides with. Each type can only hold what its name promises.

use std::cmp::Ordering;
use std::fmt;
use std::hash::Hasher;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use siphasher::sip::SipHasher24;

/// Neither NaN nor -0.0: equal numbers have equal bits, and any two have an order.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Real(f64);

impl Real {
    fn new(value: f64) -> Option<Self> {
        // Adding zero turns -0.0 into 0.0.
        (!value.is_nan()).then_some(Self(value + 0.0))
    }
}

impl Eq for Real {}

impl Ord for Real {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Real {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A raw confidence score: a non-NaN real (±∞ allowed), higher = surer, in its signal's own units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Score(Real);

impl Score {
    /// `None` for NaN: "no reading" is an [`Abstain`](crate::signal::Abstain), never a score.
    pub fn new(value: f64) -> Option<Self> {
        Real::new(value).map(Self)
    }

    /// The score in the signal's units.
    pub fn get(self) -> f64 {
        self.0.0
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(f)
    }
}

/// JSON has no infinities: they are the strings `"inf"` and `"-inf"`.
impl Serialize for Score {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.get() {
            f64::INFINITY => serializer.serialize_str("inf"),
            f64::NEG_INFINITY => serializer.serialize_str("-inf"),
            finite => serializer.serialize_f64(finite),
        }
    }
}

impl<'de> Deserialize<'de> for Score {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Score;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, \"inf\" or \"-inf\"")
            }
            fn visit_f64<E: de::Error>(self, v: f64) -> Result<Score, E> {
                Score::new(v).ok_or_else(|| E::custom("NaN is not a score"))
            }
            fn visit_i64<E: de::Error>(self, v: i64) -> Result<Score, E> {
                self.visit_f64(v as f64)
            }
            fn visit_u64<E: de::Error>(self, v: u64) -> Result<Score, E> {
                self.visit_f64(v as f64)
            }
            fn visit_str<E: de::Error>(self, v: &str) -> Result<Score, E> {
                match v {
                    "inf" => self.visit_f64(f64::INFINITY),
                    "-inf" => self.visit_f64(f64::NEG_INFINITY),
                    _ => Err(E::invalid_value(de::Unexpected::Str(v), &self)),
                }
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

/// The calibrated probability in [0, 1] that an answer is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Confidence(Real);

/// A value outside the range its type allows. Its `Debug` is its message.
#[derive(Clone, Copy, PartialEq, thiserror::Error)]
#[error("{value} is outside {low}..={high}")]
pub struct OutOfRange {
    /// The offending value.
    pub value: f64,
    /// Lowest legal value.
    pub low: f64,
    /// Highest legal value.
    pub high: f64,
}

crate::debug_is_message!(OutOfRange);

impl Confidence {
    /// The nearest probability to `value`; `None` for NaN.
    pub fn clamped(value: f64) -> Option<Self> {
        Real::new(value.clamp(0.0, 1.0)).map(Self)
    }
}

/// Orders equal gate values: uniform in [0, 1), the same for the same salt and request id on every machine.
///
/// Gate values and ties are compared lexicographically and never added: adding even 1e-6 to a score reorders
/// most real scores, and without a tie a cluster of equal values is accepted or deferred whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Tie(Real);

impl Tie {
    /// The tie below every other one: with it a cut accepts its whole cluster of equal gate values.
    pub fn zero() -> Self {
        Self(Real::default())
    }

    /// U(SipHash-2-4(salt, request id)), the upper 53 bits read as a fraction.
    pub fn of(salt: &str, request_id: &str) -> Self {
        let mut hasher = SipHasher24::new();
        // The length keeps ("ab", "c") and ("a", "bc") apart.
        hasher.write(&(salt.len() as u64).to_le_bytes());
        hasher.write(salt.as_bytes());
        hasher.write(request_id.as_bytes());
        let fraction = (hasher.finish() >> 11) as f64 / (1u64 << 53) as f64;
        Self(Real(fraction))
    }
}

/// Makes a type a number within a range, read and written as such.
macro_rules! within {
    ($($name:ident: $range:expr),+) => {
        $(
            impl $name {
                /// The number.
                pub fn get(self) -> f64 {
                    self.0.0
                }
            }

            impl TryFrom<f64> for $name {
                type Error = OutOfRange;
                fn try_from(value: f64) -> Result<Self, OutOfRange> {
                    let number = Real::new(value).filter(|_| $range.contains(&value));
                    number.map(Self).ok_or(OutOfRange { value, low: 0.0, high: 1.0 })
                }
            }

            impl From<$name> for f64 {
                fn from(number: $name) -> f64 {
                    number.get()
                }
            }
        )+
    };
}

within!(Confidence: (0.0..=1.0), Tie: (0.0..1.0));

/// Where a gate cuts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Threshold {
    /// Accept iff (gate value, tie) ≥ (score, tie), compared lexicographically.
    AcceptFrom {
        /// The raw threshold, in the units of the gate value.
        score: Score,
        /// The tie threshold, which matters only where the gate value equals `score`.
        tie: Tie,
    },
    /// Accept nothing.
    DeferAll,
}

impl Threshold {
    /// Accepts every gate value from `score` upwards, equal ones included.
    pub fn accept_from(score: Score) -> Self {
        Self::AcceptFrom { score, tie: Tie::zero() }
    }

    /// Accepts every gate value there is.
    pub fn accept_all() -> Self {
        Score::new(f64::NEG_INFINITY).map_or(Self::DeferAll, Self::accept_from)
    }

    /// The gate's decision on a gate value that was read.
    pub fn accepts(self, value: Score, tie: Tie) -> bool {
        match self {
            Self::AcceptFrom { score, tie: cut } => (value, tie) >= (score, cut),
            Self::DeferAll => false,
        }
    }

    /// Whether a gate value of at most `bound` is sure to be deferred, whatever its tie.
    pub fn sure_to_defer(self, bound: Score) -> bool {
        match self {
            Self::AcceptFrom { score, .. } => bound < score,
            Self::DeferAll => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn score(value: f64) -> Score {
        Score::new(value).unwrap()
    }

    #[test]
    fn nan_is_never_a_number_here() {
        assert_eq!(Score::new(f64::NAN), None);
        assert!(Confidence::try_from(f64::NAN).is_err());
        assert!(Confidence::try_from(1.0 + f64::EPSILON).is_err());
        assert!(Tie::try_from(1.0).is_err());
    }

    #[test]
    fn infinite_scores_survive_json() {
        for (value, json) in [(f64::NEG_INFINITY, "\"-inf\""), (f64::INFINITY, "\"inf\""), (-0.25, "-0.25")] {
            assert_eq!(serde_json::to_string(&score(value)).unwrap(), json);
            assert_eq!(serde_json::from_str::<Score>(json).unwrap(), score(value));
        }
    }

    #[test]
    fn a_tie_decides_only_between_equal_values() {
        let cut = Threshold::AcceptFrom { score: score(-0.5), tie: Tie::try_from(0.5).unwrap() };
        let (low, high) = (Tie::try_from(0.1).unwrap(), Tie::try_from(0.9).unwrap());
        assert!(!cut.accepts(score(-0.5), low) && cut.accepts(score(-0.5), high));
        assert!(cut.accepts(score(-0.4), low) && !cut.accepts(score(-0.6), high));
        assert!(!Threshold::DeferAll.accepts(score(f64::INFINITY), high));
    }

    #[test]
    fn ties_are_uniform_and_fixed() {
        let ties: Vec<f64> = (0..4000).map(|i| Tie::of("salt", &format!("id-{i}")).get()).collect();
        let mean = ties.iter().sum::<f64>() / 4000.0;
        assert!((mean - 0.5).abs() < 0.02, "{mean}");
        for decile in 0..10 {
            let low = f64::from(decile) / 10.0;
            let count = ties.iter().filter(|t| (low..low + 0.1).contains(*t)).count();
            assert!((320..480).contains(&count), "decile {decile} has {count} of 4000");
        }
        assert_ne!(Tie::of("ab", "c"), Tie::of("a", "bc"));
        // A fit certified with these ties must decide the same for ever.
        assert_eq!(Tie::of("salt", "id-0"), Tie::of("salt", "id-0"));
    }

    proptest! {
        #[test]
        fn raising_a_threshold_never_accepts_more(a in -9.0..9.0f64, b in -9.0..9.0f64, v in -9.0..9.0f64, t in 0.0..1.0f64) {
            let tie = Tie::try_from(t).unwrap();
            let (low, high) = (score(a.min(b)), score(a.max(b)));
            prop_assert!(
                !Threshold::accept_from(high).accepts(score(v), tie) || Threshold::accept_from(low).accepts(score(v), tie)
            );
        }

        #[test]
        fn sure_to_defer_is_sound(cut in -9.0..9.0f64, bound in -9.0..9.0f64, below in 0.0..9.0f64, t in 0.0..1.0f64) {
            let threshold = Threshold::accept_from(score(cut));
            if threshold.sure_to_defer(score(bound)) {
                prop_assert!(!threshold.accepts(score(bound - below), Tie::try_from(t).unwrap()));
            }
        }
    }
}
