//! Grades that are right or wrong, counted.

use crate::quality::Quality;

/// What a policy's grades come to against the last tier's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Rows where the last tier is right and the policy wrong.
    pub(crate) minus: u64,
    /// Rows where the last tier is wrong and the policy right.
    pub(crate) plus: u64,
    /// Rows where the policy is wrong.
    pub(crate) wrong: u64,
}

impl Counts {
    /// Of grades that are right or wrong.
    pub(crate) fn always_last(last: &[Quality]) -> Self {
        Self { wrong: last.iter().filter(|quality| quality.nano() == 0).count() as u64, ..Self::default() }
    }

    /// A grade takes the place of another one.
    pub(crate) fn replace(&mut self, before: Quality, quality: Quality, last: Quality) {
        self.minus = self.minus + u64::from(quality < last) - u64::from(before < last);
        self.plus = self.plus + u64::from(quality > last) - u64::from(before > last);
        self.wrong = self.wrong + u64::from(quality < before) - u64::from(quality > before);
    }
}
