//! Rows sorted once by their scores, for every number that depends on their order.

use crate::sweep::order::Order;

/// Runs of equal scores, from the surest down. Rows whose score is NaN are left out.
#[derive(Clone, Debug)]
pub(crate) struct Sorted {
    order: Order,
}

impl Sorted {
    pub(crate) fn new(scores: &[f64]) -> Self {
        Self { order: Order::by_value(scores) }
    }

    /// How many rows have a score.
    pub(crate) fn len(&self) -> usize {
        self.order.readable().len()
    }

    /// The runs: places of rows in the column, ascending within each run.
    pub(crate) fn runs(&self) -> Runs<'_> {
        Runs { rows: self.order.readable(), joined: self.order.joined(), gone: 0 }
    }

    /// Every row, ascending by score; those of one score in the order of the column.
    pub(crate) fn ascending(&self) -> impl Iterator<Item = usize> + '_ {
        self.runs().rev().flatten().map(|row| *row as usize)
    }
}

/// See [`Sorted::runs`].
#[derive(Clone, Debug)]
pub(crate) struct Runs<'a> {
    rows: &'a [u32],
    /// The places of those rows that go with the one before; counted from the first of all rows, of which `gone` are not here any more.
    joined: &'a [u32],
    gone: usize,
}

impl<'a> Iterator for Runs<'a> {
    type Item = &'a [u32];

    fn next(&mut self) -> Option<&'a [u32]> {
        if self.rows.is_empty() {
            return None;
        }
        let mut len = 1;
        while self.joined.first().is_some_and(|place| *place as usize == self.gone + len) {
            self.joined = &self.joined[1..];
            len += 1;
        }
        let (run, rest) = self.rows.split_at(len);
        (self.rows, self.gone) = (rest, self.gone + len);
        Some(run)
    }
}

impl DoubleEndedIterator for Runs<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.rows.is_empty() {
            return None;
        }
        let mut from = self.rows.len() - 1;
        while self.joined.last().is_some_and(|place| *place as usize == self.gone + from) {
            self.joined = &self.joined[..self.joined.len() - 1];
            from -= 1;
        }
        let (rest, run) = self.rows.split_at(from);
        self.rows = rest;
        Some(run)
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
            let sorted = Sorted::new(&scores);
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
