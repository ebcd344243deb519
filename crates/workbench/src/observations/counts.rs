//! What is counted of the rows of files: piece by piece, and put together in the files' order.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::Summary;
use super::faults::Faults;
use super::names::Names;
use super::scale::Seen;

/// Of a piece of a file, or of all files so far.
#[derive(Debug)]
pub(super) struct Counts {
    /// Rows that were read, those of other splits, and the splits.
    pub(super) summary: Summary,
    /// Sound rows that say nothing of the last tier, which losses refer to.
    pub(super) without_last: u64,
    /// Of the rows taken, those without a weight.
    pub(super) unweighted: Without,
    /// Those that name no segment.
    pub(super) unsegmented: Without,
    /// Those that name no group.
    pub(super) ungrouped: Without,
    pub(super) faults: Faults,
    /// By tier, the grades under `correct` and `judged`.
    pub(super) scales: Vec<[Seen; 2]>,
    pub(super) judges: Vec<BTreeSet<Box<str>>>,
    /// By tier, what is called a signal, whether it has a number or not.
    pub(super) signals: Vec<Names>,
    /// Tiers that are not in the chain.
    pub(super) other_tiers: Names,
}

impl Counts {
    /// Nothing yet, for so many tiers.
    pub(super) fn new(tiers: usize) -> Self {
        Self {
            summary: Summary::default(),
            without_last: 0,
            unweighted: Without::default(),
            unsegmented: Without::default(),
            ungrouped: Without::default(),
            faults: Faults::default(),
            scales: vec![<[Seen; 2]>::default(); tiers],
            judges: vec![BTreeSet::new(); tiers],
            signals: vec![Names::default(); tiers],
            other_tiers: Names::default(),
        }
    }

    /// Adds what was counted of rows that follow.
    pub(super) fn add(&mut self, more: &Self) {
        self.summary.read += more.summary.read;
        self.summary.other_splits += more.summary.other_splits;
        self.summary.without_split += more.summary.without_split;
        for (split, rows) in &more.summary.splits {
            *self.summary.splits.entry(split.clone()).or_default() += rows;
        }
        self.without_last += more.without_last;
        self.unweighted.add(&more.unweighted);
        self.unsegmented.add(&more.unsegmented);
        self.ungrouped.add(&more.ungrouped);
        self.faults.add(&more.faults);
        for (all, these) in self.scales.iter_mut().flatten().zip(more.scales.iter().flatten()) {
            all.merge(these);
        }
        for (all, these) in self.judges.iter_mut().zip(&more.judges) {
            all.extend(these.iter().cloned());
        }
        for (all, these) in self.signals.iter_mut().zip(&more.signals) {
            these.iter().for_each(|name| all.add(name));
        }
        more.other_tiers.iter().for_each(|name| self.other_tiers.add(name));
    }
}

/// Rows that lack something which other rows have.
#[derive(Clone, Debug, Default)]
pub(super) struct Without {
    pub(super) rows: u64,
    /// The file and line of the first of them.
    pub(super) first: Option<(PathBuf, u64)>,
}

impl Without {
    pub(super) fn note(&mut self, path: &Path, line: u64, lacks: bool) {
        if lacks {
            self.rows += 1;
            self.first.get_or_insert_with(|| (path.to_owned(), line));
        }
    }

    fn add(&mut self, more: &Self) {
        self.rows += more.rows;
        self.first = self.first.take().or_else(|| more.first.clone());
    }
}
