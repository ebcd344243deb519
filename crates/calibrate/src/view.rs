//! Rows that a fit may use, and rows that no fit has seen.

use std::hash::Hasher;
use std::sync::Arc;

use rayon::prelude::*;
use siphasher::sip::SipHasher24;

use crate::observations::{Observations, hashed};
use tierfall_core::fit::Seen;

/// From this many rows on, cores share their hashing.
const SHARED: usize = 1 << 14;

/// Rows of a table, in ascending order.
#[derive(Clone, Debug)]
pub struct View<'a> {
    observations: &'a Observations,
    /// `None` = all.
    rows: Option<Arc<[u32]>>,
}

/// Rows that no fit has seen: what is reported reads only these.
///
/// They come from splitting a [`View`] before anything was fitted, or from [`Held::unseen`], which checks them against a fit.
#[derive(Clone, Debug)]
pub struct Held<'a>(View<'a>);

/// Rows that a fit was made on cannot judge it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{seen} of {n} rows are among those that the fit was certified on, so they cannot judge it")]
pub struct Overlap {
    /// How many were seen.
    pub seen: usize,
    /// Of how many.
    pub n: usize,
}

impl<'a> View<'a> {
    /// Every row.
    pub fn all(observations: &'a Observations) -> Self {
        Self { observations, rows: None }
    }

    /// The table that the rows are of.
    pub(crate) fn observations(&self) -> &'a Observations {
        self.observations
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.rows.as_ref().map_or(self.observations.len(), |rows| rows.len())
    }

    /// Whether there is no row.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether these are all rows of the table.
    pub(crate) fn is_all(&self) -> bool {
        self.rows.is_none()
    }

    /// The rows' places in the table, ascending.
    pub(crate) fn rows(&self) -> impl ExactSizeIterator<Item = usize> + '_ {
        (0..self.len()).map(|at| self.row(at))
    }

    /// The place in the table of the row at `at`, which must be below [`View::len`].
    pub(crate) fn row(&self, at: usize) -> usize {
        self.rows.as_ref().map_or(at, |rows| rows[at] as usize)
    }

    /// The rows that `keep` holds for.
    #[must_use]
    pub(crate) fn filter(&self, keep: impl Fn(usize) -> bool) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "a table has fewer than 2³² rows")]
        let rows = self.rows().filter(|row| keep(*row)).map(|row| row as u32).collect();
        Self { observations: self.observations, rows: Some(rows) }
    }

    /// One row of every item: of those that repeat one, that with the smallest hash of its id, and where they share the id, of its
    /// tie. Neither the order of a file nor how the tie orders equal gate values has a say.
    #[must_use]
    pub fn one_per_item(&self) -> Self {
        let items = self.observations.items();
        if self.observations.groups().len() == 0 {
            return self.clone();
        }
        let mut chosen = vec![u32::MAX; self.observations.len()];
        let (ids, ties) = (self.observations.ids(), self.observations.ties());
        let place = |row: usize| (ids[row], hashed(0, ties[row].to_bits()), row);
        for row in self.rows() {
            let best = &mut chosen[items[row] as usize];
            #[expect(clippy::cast_possible_truncation, reason = "a table has fewer than 2³² rows")]
            if *best == u32::MAX || place(row) < place(*best as usize) {
                *best = row as u32;
            }
        }
        self.filter(|row| chosen[items[row] as usize] as usize == row)
    }

    /// Two parts by a seeded hash of the items; the first gets about `share` of them. Rows of one item stay together.
    pub fn split(&self, share: f64, seed: u64) -> (Self, Self) {
        (self.filter(|row| self.place(row, seed) < share), self.filter(|row| self.place(row, seed) >= share))
    }

    /// `k` ways to hold out about 1/k of the items; every row is held out once.
    pub(crate) fn folds(&self, k: usize, seed: u64) -> Vec<(Self, Held<'a>)> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a fold is below k")]
        let fold = |row| (self.place(row, seed) * k as f64) as u32;
        let folds: Vec<u32> = (0..self.len()).into_par_iter().with_min_len(SHARED).map(|at| fold(self.row(at))).collect();
        let part = |keep: &dyn Fn(u32) -> bool| {
            #[expect(clippy::cast_possible_truncation, reason = "a table has fewer than 2³² rows")]
            let rows = self.rows().zip(&folds).filter(|(_, fold)| keep(**fold)).map(|(row, _)| row as u32).collect();
            Self { observations: self.observations, rows: Some(rows) }
        };
        (0..).take(k).map(|ix: u32| (part(&|fold| fold != ix), Held(part(&|fold| fold == ix)))).collect()
    }

    /// Uniform in [0, 1) for the row's item and the seed.
    fn place(&self, row: usize, seed: u64) -> f64 {
        let mut hasher = SipHasher24::new_with_keys(seed, 0);
        // Of the group itself: which of its rows comes first depends on the file.
        let item = self.observations.group_of(row).unwrap_or_else(|| self.observations.ids()[row]);
        hasher.write(&item.to_le_bytes());
        (hasher.finish() >> 11) as f64 / (1u64 << 53) as f64
    }
}

impl<'a> Held<'a> {
    /// Rows that a fit has not seen; an error where it has seen any.
    pub fn unseen(view: View<'a>, seen: &Seen) -> Result<Self, Overlap> {
        match Self::overlap(&view, seen) {
            0 => Ok(Self(view)),
            overlap => Err(Overlap { seen: overlap, n: view.len() }),
        }
    }

    /// Rows that a fit may have seen, because the user said so; the number of those it has.
    pub fn overlapping(view: View<'a>, seen: &Seen) -> (Self, usize) {
        let overlap = Self::overlap(&view, seen);
        (Self(view), overlap)
    }

    fn overlap(view: &View<'a>, seen: &Seen) -> usize {
        let observations = view.observations;
        let same_item = |row: usize| observations.group_of(row).is_some_and(|group| seen.contains(group));
        view.rows().filter(|row| seen.contains(observations.ids()[*row]) || same_item(*row)).count()
    }

    /// How many rows there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no row.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The rows, for code that reports.
    pub(crate) fn view(&self) -> &View<'a> {
        &self.0
    }
}
