//! How files of observations are to be read.

use std::collections::BTreeMap;
use std::sync::Arc;

use tierfall_core::money::{Money, Price};

use super::ObservationsError;

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
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// The tiers, cheapest first; only these are read.
    pub chain: Vec<Arc<str>>,
    /// Only signals of these labels; `None` = every key of `confidence` that has a number in some row.
    pub signals: Option<Vec<Arc<str>>>,
    /// Only rows of this split; `None` = all rows, those without a split too.
    pub split: Option<String>,
    /// What a tier's tokens cost, by tier; takes the place of the recorded costs.
    pub prices: BTreeMap<String, Price>,
    /// What every answer of a tier costs, by tier; takes the place of the recorded costs.
    pub costs: BTreeMap<String, Money>,
    /// The columns of a CSV file under other names: column → `id`, `segment`, `group`, `split`, `weight`, `TIER.correct`,
    /// `TIER.cost_usd`, `TIER.SIGNAL` and so on.
    pub columns: BTreeMap<String, String>,
    /// Keys the ties: the cascade's salt, where there is one.
    pub salt: Arc<str>,
    /// The first bad row is an error.
    pub strict: bool,
}

impl ReadOptions {
    /// Keys the ties of observations that belong to no cascade.
    pub const SALT: &str = "tierfall";

    /// Everything that the files say of these tiers.
    pub fn new(chain: impl IntoIterator<Item = impl Into<Arc<str>>>) -> Self {
        Self {
            chain: chain.into_iter().map(Into::into).collect(),
            signals: None,
            split: None,
            prices: BTreeMap::new(),
            costs: BTreeMap::new(),
            columns: BTreeMap::new(),
            salt: Self::SALT.into(),
            strict: false,
        }
    }

    pub(super) fn check(&self) -> Result<(), ObservationsError> {
        let err = |why: String| Err(ObservationsError::Options(why));
        if self.chain.is_empty() {
            return err("the chain is empty: name its tiers, cheapest first".to_owned());
        }
        for (place, tier) in self.chain.iter().enumerate() {
            if self.chain[..place].contains(tier) {
                return err(format!("the chain names tier \"{tier}\" twice"));
            }
        }
        for (what, tier) in self.prices.keys().map(|tier| ("price", tier)).chain(self.costs.keys().map(|tier| ("cost", tier))) {
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
