//! What there is to certify on.

use std::borrow::Cow;
use std::sync::Arc;

use crate::observations::{Basis, Condition};
use crate::quality::Quality;
use crate::table::Table;

/// What there is to certify on.
#[derive(Clone, Debug)]
pub struct Input<'a> {
    /// Rows that no choice was made on; one row an item.
    pub certify: Table<'a>,
    /// Rows on which choices may be made at no cost in error: paths of deeper chains, paths over segments, grids of cuts.
    /// `None` = where such rows are needed, 40 in 100 of `certify` are set apart for it, by a hash keyed with the seed.
    pub tune: Option<Table<'a>>,
    /// The run-time segments of the rows, where thresholds by segment are asked for.
    pub segments: Option<Segments<'a>>,
    /// Whose grades the quality columns of `certify` hold.
    pub labels: Labels<'a>,
}

/// Run-time segments.
#[derive(Clone, Debug)]
pub struct Segments<'a> {
    /// Every segment's name.
    pub names: Vec<Arc<str>>,
    /// One a row of [`Input::certify`]: a place in `names`.
    pub certify: Cow<'a, [Option<u32>]>,
    /// One a row of [`Input::tune`]; empty where there is none.
    pub tune: Cow<'a, [Option<u32>]>,
}

/// Whose grades are certified on.
#[derive(Clone, Debug)]
pub enum Labels<'a> {
    /// They are taken for the truth.
    Human,
    /// A judge's alone: whatever is promised is promised relative to it.
    Judge {
        /// Who judged.
        name: String,
    },
    /// A judge's, and those of people on a random part of the rows: the truth is promised by prediction-powered inference
    /// (arXiv 2301.09633).
    Ppi {
        /// Who judged.
        judge: String,
        /// One column a tier, one entry a row of [`Input::certify`]; `None` = people did not grade it.
        human: Vec<Cow<'a, [Option<Quality>]>>,
    },
}

/// Columns that do not belong together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are {found} {what} where there must be {expected}, so rows cannot be told apart: pass columns of the same rows")]
pub struct CertifyError {
    /// Of what there is another number.
    pub what: &'static str,
    /// How many there are.
    pub found: usize,
    /// How many there must be.
    pub expected: usize,
}

impl Input<'_> {
    /// The same under one more condition.
    pub(super) fn under(&self, condition: &Condition) -> Input<'_> {
        self.on(|basis| basis.conditions = basis.conditions.iter().chain([condition]).cloned().collect())
    }

    /// The same on another basis.
    pub(super) fn on(&self, change: impl FnOnce(&mut Basis)) -> Input<'_> {
        let mut certify = self.certify.borrowed();
        change(&mut certify.basis);
        Input {
            certify,
            tune: self.tune.as_ref().map(Table::borrowed),
            segments: self.segments.clone(),
            labels: self.labels.clone(),
        }
    }

    /// Whether its columns are of the same rows.
    pub(super) fn check(&self) -> Result<(), CertifyError> {
        let same = |what: &'static str, found: usize, expected: usize| {
            if found == expected { Ok(()) } else { Err(CertifyError { what, found, expected }) }
        };
        let (n, tiers) = (self.certify.len(), self.certify.tiers.len());
        if let Some(segments) = &self.segments {
            same("segments of rows", segments.certify.len(), n)?;
            let tuned = self.tune.as_ref().map_or(0, Table::len);
            if !segments.tune.is_empty() {
                same("segments of tuning rows", segments.tune.len(), tuned)?;
            }
            let beyond = segments.certify.iter().chain(segments.tune.iter()).flatten().map(|ix| *ix as usize + 1).max();
            let names = segments.names.len();
            same("names of segments", names, beyond.map_or(names, |beyond| beyond.max(names)))?;
        }
        if let Labels::Ppi { human, .. } = &self.labels {
            same("tiers with people's grades", human.len(), tiers)?;
            for tier in human {
                same("rows with people's grades", tier.len(), n)?;
            }
        }
        self.tune.as_ref().map_or(Ok(()), |tune| same("tiers of tuning rows", tune.tiers.len(), tiers))
    }
}
