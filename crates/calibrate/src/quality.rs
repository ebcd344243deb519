//! How right an answer was.

use serde::{Serialize, Serializer};

/// A grade in [0, 1], kept in whole billionths: sums are exact and never depend on their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Quality(u32);

impl Quality {
    /// Wholly wrong.
    pub const WRONG: Self = Self(0);
    /// Wholly right.
    pub const RIGHT: Self = Self(1_000_000_000);

    /// The grade nearest to `value`, to a billionth; `None` outside [0, 1] and for NaN.
    pub fn new(value: f64) -> Option<Self> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to lie in 0..=1e9")]
        (0.0..=1.0).contains(&value).then(|| Self((value * 1e9).round() as u32))
    }

    /// In billionths.
    pub fn nano(self) -> u32 {
        self.0
    }

    /// In [0, 1].
    pub fn get(self) -> f64 {
        f64::from(self.0) / 1e9
    }

    /// Whether it is wholly right or wholly wrong.
    pub(crate) fn is_binary(self) -> bool {
        self == Self::WRONG || self == Self::RIGHT
    }
}

impl Serialize for Quality {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(self.get())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_grades_between_wrong_and_right_exist() {
        assert_eq!(Quality::new(1.0), Some(Quality::RIGHT));
        assert_eq!(Quality::new(0.1).map(Quality::nano), Some(100_000_000));
        assert_eq!([Quality::new(-0.1), Quality::new(1.1), Quality::new(f64::NAN)], [None; 3]);
        assert!(Quality::WRONG.is_binary() && !Quality::new(0.5).is_some_and(Quality::is_binary));
    }
}
