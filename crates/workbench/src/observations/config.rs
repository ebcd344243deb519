//! What parsing a piece of a file needs to know, and the names that it meets.

use std::sync::Arc;

use tierfall_core::money::{Money, Price};

use super::names::Names;
use super::options::ReadOptions;

/// What parsing needs to know.
#[derive(Debug)]
pub(super) struct Config<'o> {
    pub(super) chain: &'o [Arc<str>],
    pub(super) split: Option<&'o str>,
    pub(super) prices: Vec<Option<Price>>,
    pub(super) costs: Vec<Option<Money>>,
    /// Tiers whose quality is a judge's.
    pub(super) judged: Vec<bool>,
}

impl<'o> Config<'o> {
    pub(super) fn new(options: &'o ReadOptions, judged: Vec<bool>) -> Self {
        Self {
            chain: &options.chain,
            split: options.split.as_deref(),
            prices: options.chain.iter().map(|tier| options.prices.get(&**tier).copied()).collect(),
            costs: options.chain.iter().map(|tier| options.costs.get(&**tier).copied()).collect(),
            judged,
        }
    }
}

/// The names that a piece of a file uses.
#[derive(Debug)]
pub(super) struct Met {
    /// By tier.
    pub(super) signals: Vec<Names>,
    pub(super) other_tiers: Names,
}
