//! Tables with ties, infinities and gates that abstain.

use std::ops::Range;

use proptest::prelude::*;

use crate::observations::Basis;
use crate::quality::Quality;
use crate::table::{Column, Table};

/// A row: (gate value, quality) a tier, and the tie.
pub(super) type Row = (Vec<(f64, f64)>, f64);

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -9.0..9.0,
        4 => (0..4_u8).prop_map(f64::from),
        1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(-0.0)],
    ]
}

fn quality() -> impl Strategy<Value = f64> {
    prop_oneof![4 => prop_oneof![Just(0.0), Just(1.0)], 1 => 0.0..1.0]
}

/// Rows of a chain.
pub(super) fn rows(tiers: usize, len: Range<usize>) -> impl Strategy<Value = Vec<Row>> {
    let tie = prop_oneof![2 => 0.0..1.0, 1 => Just(0.0), 1 => (0..3_u8).prop_map(|tie| f64::from(tie) / 3.0)];
    prop::collection::vec((prop::collection::vec((value(), quality()), tiers), tie), len)
}

/// Their table; costs grow with the tier and differ by row.
pub(super) fn table(tiers: usize, rows: &[Row]) -> Table<'static> {
    let column = |tier: usize| Column {
        name: format!("tier-{tier}").into(),
        values: (tier + 1 < tiers).then(|| rows.iter().map(|(row, _)| row[tier].0).collect()),
        partial: None,
        quality: rows.iter().map(|(row, _)| Quality::new(row[tier].1).unwrap()).collect(),
        cost: Some((0..rows.len() as u64).map(|row| 10_u64.pow(u32::try_from(tier).unwrap()) + row % 3).collect()),
        latency: Some((0..rows.len()).map(|row| u32::try_from(100 * tier + row % 7).unwrap()).collect()),
    };
    Table {
        tiers: (0..tiers).map(column).collect(),
        ties: rows.iter().map(|(_, tie)| *tie).collect(),
        weights: None,
        basis: Basis::default(),
    }
}
