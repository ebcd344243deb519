//! Rows sorted once by their scores, for every number that depends on their order.

use std::borrow::Cow;

use crate::sweep::order::Order;

/// A column of scores, and its runs of equal ones from the surest down. Rows whose score is NaN are left out.
#[derive(Clone, Debug)]
pub struct Sorted<'a> {
    /// The column.
    pub(crate) scores: Cow<'a, [f64]>,
    order: Order,
    /// The places in the order at which a run begins, and the end.
    starts: Vec<u32>,
}

impl<'a> Sorted<'a> {
    /// Sorts a column.
    pub fn new(scores: impl Into<Cow<'a, [f64]>>) -> Self {
        let scores = scores.into();
        let order = Order::by_value(&scores);
        let mut joined = order.joined().iter().copied().peekable();
        let readable = u32::try_from(order.readable().len()).unwrap_or(u32::MAX);
        let starts = (0..readable).filter(|place| joined.next_if_eq(place).is_none()).chain([readable]).collect();
        Self { scores, order, starts }
    }

    /// How many rows have a score.
    pub(crate) fn len(&self) -> usize {
        self.order.readable().len()
    }

    /// The runs: places of rows in the column, ascending within each run.
    pub(crate) fn runs(&self) -> impl DoubleEndedIterator<Item = &[u32]> {
        self.starts.windows(2).map(|ends| &self.order.readable()[ends[0] as usize..ends[1] as usize])
    }

    /// Every row, ascending by score; those of one score in the order of the column.
    pub(crate) fn ascending(&self) -> impl Iterator<Item = usize> {
        self.runs().rev().flatten().map(|row| *row as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn runs_are_those_of_a_stable_sort(scores in proptest::collection::vec(0..7u8, 0..400)) {
            // 0 abstains; zeros of both signs are one score.
            let of = |score: &u8| match score { 0 => f64::NAN, 1 => -0.0, 2 => 0.0, other => f64::from(*other) / 7.0 };
            let scores: Vec<f64> = scores.iter().map(of).collect();
            let mut rows: Vec<u32> = (0..).zip(&scores).filter(|(_, score)| !score.is_nan()).map(|(row, _)| row).collect();
            let at = |row: &u32| scores[*row as usize] + 0.0;
            rows.sort_by(|a, b| at(b).total_cmp(&at(a)));
            let expected: Vec<&[u32]> = rows.chunk_by(|a, b| at(a).total_cmp(&at(b)).is_eq()).collect();
            let sorted = Sorted::new(&*scores);
            prop_assert_eq!(sorted.len(), rows.len());
            prop_assert_eq!(sorted.runs().collect::<Vec<_>>(), expected.clone());
            let mut back: Vec<&[u32]> = sorted.runs().rev().collect();
            back.reverse();
            prop_assert_eq!(back, expected.clone());
            // From both ends at once.
            let mut runs = sorted.runs();
            let (first, last) = (runs.next(), runs.next_back());
            prop_assert_eq!(first, expected.first().copied());
            if expected.len() > 1 {
                prop_assert_eq!(last, expected.last().copied());
                prop_assert_eq!(runs.count(), expected.len() - 2);
            }
        }
    }
}
