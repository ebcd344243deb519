//! Thresholds by run-time segment.

use std::collections::BTreeSet;

use tierfall_core::text::few;

use crate::policy::Thresholds;

pub(crate) mod each;
pub(crate) mod overall;

/// The name of what small segments and rows without a segment are pooled into.
pub(crate) const REST: &str = "rest";

/// Rows by group: the segments that stand alone, in the order of their names' places, and last the rest.
#[derive(Clone, Debug)]
pub(crate) struct Groups {
    /// Places of the segments that stand alone.
    pub(crate) alone: Vec<u32>,
    /// Names of those that are pooled.
    pub(crate) pooled: Vec<String>,
}

impl Groups {
    /// Those of which `large` holds stand alone; one that is itself called `rest` never does, as it could not be told from it.
    pub(crate) fn new(names: &[std::sync::Arc<str>], large: impl Fn(u32) -> bool) -> Self {
        let (alone, pooled): (Vec<u32>, Vec<u32>) =
            (0..).take(names.len()).partition(|ix| large(*ix) && *names[*ix as usize] != *REST);
        Self { alone, pooled: pooled.into_iter().map(|ix| names[ix as usize].to_string()).collect() }
    }

    /// The group of a row: a place in `alone`, or its length for the rest.
    pub(crate) fn of(&self, segment: Option<u32>) -> usize {
        segment.and_then(|segment| self.alone.iter().position(|alone| *alone == segment)).unwrap_or(self.alone.len())
    }

    /// The rows of every group; the rest comes last and may be empty.
    pub(crate) fn rows(&self, segments: &[Option<u32>]) -> Vec<Vec<u32>> {
        let mut rows = vec![Vec::new(); self.alone.len() + 1];
        for (row, segment) in (0..).zip(segments) {
            rows[self.of(*segment)].push(row);
        }
        rows
    }

    /// The name of a group.
    pub(crate) fn name(&self, names: &[std::sync::Arc<str>], group: usize) -> String {
        self.alone.get(group).map_or_else(|| REST.to_owned(), |ix| names[*ix as usize].to_string())
    }
}

/// How many rows each segment has.
pub(crate) fn sizes(n: usize, segments: &[Option<u32>]) -> Vec<u64> {
    let mut sizes = vec![0; n];
    for segment in segments.iter().flatten() {
        sizes[*segment as usize] += 1;
    }
    sizes
}

/// Names in quotes, the first few of many.
pub(crate) fn shortened(names: &[impl AsRef<str>]) -> String {
    few(&names.iter().map(|name| format!("\"{}\"", name.as_ref())).collect::<Vec<_>>())
}

/// The gated tiers that any of these policies asks, each once.
pub(crate) fn gated<'p>(policies: impl IntoIterator<Item = &'p Thresholds>) -> Vec<usize> {
    let tiers: BTreeSet<usize> = policies.into_iter().flat_map(Thresholds::gated).copied().collect();
    tiers.into_iter().collect()
}
