//! How files of observations are to be read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tierfall_core::money::{Money, Price};

use crate::Error;

/// What becomes of answers that nobody graded.
///
/// Which ones have no grade may depend on what it would be: where the wrong answers are the ones that were not graded, the rows that are
/// left are too good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ungraded {
    /// They count as the worst they can be, for whatever is promised.
    #[default]
    AtWorst,
    /// Their rows are left out and counted: whoever says so declares that they are a random part of all rows, and what is promised rests
    /// on that.
    AtRandom,
}

/// What to take from files of observations.
#[derive(Clone, Debug, Default)]
pub struct ReadOptions {
    /// The tiers, cheapest first; only these are read.
    pub chain: Vec<Arc<str>>,
    /// Signals that are asked for, by tier. A CSV column `TIER.SIGNAL` is read where it is one of them; what a file itself declares to be a
    /// signal is read anyway: the keys of `confidence`, columns `TIER.confidence.SIGNAL`, and those that `columns` names.
    pub signals: BTreeMap<String, BTreeSet<String>>,
    /// Only rows of this split; `None` = all rows, those without a split too.
    pub split: Option<String>,
    /// What a tier's tokens cost, by tier; takes the place of the recorded costs.
    pub prices: BTreeMap<String, Price>,
    /// What every answer of a tier costs, by tier; takes the place of the recorded costs.
    pub costs: BTreeMap<String, Money>,
    /// The columns of a CSV file under other names: column → `id`, `segment`, `group`, `split`, `weight`, `TIER.correct`,
    /// `TIER.cost_usd`, `TIER.SIGNAL` and so on. A column that is called a signal here is one.
    pub columns: BTreeMap<String, String>,
    /// What becomes of rows that cannot be read as they are written.
    pub bad_rows: BadRows,
    /// What becomes of answers without a grade.
    pub ungraded: Ungraded,
    /// Whether a row has to name its segment: thresholds are to depend on it, and what lost its own would count in another.
    pub segments: bool,
}

/// What becomes of rows that cannot be read as they are written.
///
/// Whether a row can be read may depend on whether its answers are right: where wrong answers break a table more often than right ones, the
/// rows that are left are too good. A grade that is none, like 5 or −1, is an error in either case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BadRows {
    /// They are an error that names the first of them.
    #[default]
    Refuse,
    /// They are left out and counted in [`Summary::bad`](super::Summary::bad): whoever says so declares that they are a random part of all
    /// rows, and what is promised rests on that.
    AtRandom,
}

impl ReadOptions {
    /// Everything that the files say of these tiers.
    pub fn new(chain: impl IntoIterator<Item = impl Into<Arc<str>>>) -> Self {
        Self { chain: chain.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        let err = |why: String| Err(Error::refused(why));
        if self.chain.is_empty() {
            return err("the chain is empty: name its tiers, cheapest first".to_owned());
        }
        for (place, tier) in self.chain.iter().enumerate() {
            if self.chain[..place].contains(tier) {
                return err(format!("the chain names tier \"{tier}\" twice"));
            }
        }
        let of_tiers = [
            self.prices.keys().map(|tier| ("price", tier)).collect::<Vec<_>>(),
            self.costs.keys().map(|tier| ("cost", tier)).collect(),
            self.signals.keys().map(|tier| ("signal", tier)).collect(),
        ];
        for (what, tier) in of_tiers.into_iter().flatten() {
            if !self.chain.iter().any(|known| **known == **tier) {
                return err(format!("a {what} is given for \"{tier}\", which is not in the chain {}", self.chain.join(",")));
            }
        }
        if let Some(tier) = self.prices.keys().find(|tier| self.costs.contains_key(*tier)) {
            return err(format!("tier \"{tier}\" has both a price and a cost: one of them counts"));
        }
        Ok(())
    }
}

/// What parsing needs to know.
#[derive(Debug)]
pub(super) struct Config<'o> {
    pub(super) options: &'o ReadOptions,
    /// Tiers whose quality is a judge's.
    pub(super) judged: Vec<bool>,
}
