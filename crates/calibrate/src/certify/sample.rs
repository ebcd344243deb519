//! Small tables for tests.

use std::borrow::Cow;

use crate::observations::Basis;
use crate::quality::Quality;
use crate::table::{Column, Table};

/// Gate values of every tier but the last, whether each tier is right, and ties; every tier costs ten times the one before.
pub(crate) fn table(values: &[&[f64]], right: &[&[bool]], ties: &[f64]) -> Table<'static> {
    let columns = right.iter().enumerate().map(|(ix, right)| Column {
        name: format!("t{ix}").into(),
        values: values.get(ix).map(|values| Cow::Owned(values.to_vec())),
        partial: None,
        quality: right.iter().map(|right| if *right { Quality::RIGHT } else { Quality::WRONG }).collect(),
        cost: Some(vec![10_u64.pow(u32::try_from(ix).unwrap()); right.len()].into()),
        latency: None,
    });
    Table { tiers: columns.collect(), ties: Cow::Owned(ties.to_vec()), weights: None, basis: Basis::default() }
}

/// Uniform in [0, 1), fixed by the row: what a hash of its id would be.
pub(crate) fn tie(row: usize) -> f64 {
    crate::observations::hashed(7, (row as f64).to_bits()) as f64 / 2f64.powi(64)
}
