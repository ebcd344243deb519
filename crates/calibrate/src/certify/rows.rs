//! Orders and parts of rows that depend on the seed and on the rows' ties alone, never on the order in a file.

use std::borrow::Cow;

use super::{Input, Labels, Segments};
use crate::observations::hashed;
use crate::table::{Column, Table, Weights};

/// The shuffled order that betting tests read rows in.
pub(crate) fn shuffled(table: &Table<'_>, seed: u64) -> Vec<u32> {
    #[expect(clippy::cast_possible_truncation, reason = "a table has fewer than 2³² rows")]
    let mut order: Vec<(u64, u32)> =
        table.ties.iter().enumerate().map(|(row, tie)| (hashed(seed, tie.to_bits()), row as u32)).collect();
    order.sort_unstable();
    order.into_iter().map(|(_, row)| row).collect()
}

/// The place of every row in that order.
pub(crate) fn places(table: &Table<'_>, seed: u64) -> Vec<u32> {
    let order = shuffled(table, seed);
    let mut places = vec![0; order.len()];
    for (place, row) in (0..).zip(order) {
        places[row as usize] = place;
    }
    places
}

/// Two parts of the rows; the first gets about `share` of them.
pub(crate) fn split(table: &Table<'_>, share: f64, seed: u64) -> (Vec<u32>, Vec<u32>) {
    let first = |row: &u32| (hashed(!seed, table.ties[*row as usize].to_bits()) as f64) < share * 2f64.powi(64);
    #[expect(clippy::cast_possible_truncation, reason = "a table has fewer than 2³² rows")]
    (0..table.len() as u32).partition(first)
}

/// Some rows of a table.
pub(crate) fn part<'a>(table: &Table<'_>, rows: &[u32]) -> Table<'a> {
    let column = |tier: &Column<'_>| Column {
        name: tier.name.clone(),
        values: tier.values.as_deref().map(|values| pick(values, rows)),
        partial: tier.partial.as_deref().map(|partial| pick(partial, rows)),
        quality: pick(&tier.quality, rows),
        cost: tier.cost.as_deref().map(|cost| pick(cost, rows)),
        latency: tier.latency.as_deref().map(|latency| pick(latency, rows)),
    };
    Table {
        tiers: table.tiers.iter().map(column).collect(),
        ties: pick(&table.ties, rows),
        weights: table.weights.as_ref().map(|weights| Weights { rows: pick(weights, rows), heaviest: weights.heaviest }),
        basis: table.basis.clone(),
    }
}

/// Rows as often as they weigh, up to a common factor, for searches that count every row once: a systematic sample with equal
/// steps along the weights. `None` where every row counts once.
///
/// Copies are only for choosing among policies. They are no more evidence than the rows that they are copies of.
pub(crate) fn in_proportion(table: &Table<'_>) -> Option<Vec<u32>> {
    /// Copies a row has on average, and from how many copies on in all they become fewer.
    const COPIES: usize = 8;
    const MOST: usize = 200_000;
    let weights = table.weights.as_deref()?;
    let copies = (COPIES * table.len()).min(MOST).max(table.len());
    let step = weights.iter().sum::<f64>() / copies as f64;
    let (mut rows, mut passed, mut next) = (Vec::with_capacity(copies), 0.0, step / 2.0);
    for row in shuffled(table, 0) {
        passed += weights[row as usize];
        while next < passed {
            rows.push(row);
            next += step;
        }
    }
    Some(rows)
}

/// Sets a share of the rows apart for tuning; the rest is certified on.
pub(crate) fn carve<'a>(input: &Input<'_>, share: f64, seed: u64) -> Input<'a> {
    let (tune, certify) = split(&input.certify, share, seed);
    Input {
        certify: part(&input.certify, &certify),
        tune: Some(part(&input.certify, &tune)),
        segments: input.segments.as_ref().map(|segments| Segments {
            names: segments.names.clone(),
            certify: pick(&segments.certify, &certify),
            tune: pick(&segments.certify, &tune),
        }),
        labels: labels(&input.labels, &certify),
    }
}

/// Some rows' labels.
pub(crate) fn labels<'a>(labels: &Labels<'_>, rows: &[u32]) -> Labels<'a> {
    match labels {
        Labels::Human => Labels::Human,
        Labels::Judge { name } => Labels::Judge { name: name.clone() },
        Labels::Ppi { judge, human } => {
            Labels::Ppi { judge: judge.clone(), human: human.iter().map(|tier| pick(tier, rows)).collect() }
        }
    }
}

/// Some entries of a column.
pub(crate) fn pick<'a, T: Copy>(column: &[T], rows: &[u32]) -> Cow<'a, [T]> {
    rows.iter().map(|row| column[*row as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certify::sample;

    #[test]
    fn parts_and_orders_follow_the_rows_and_not_the_file() {
        let ties: Vec<f64> = (0..400).map(sample::tie).collect();
        let back: Vec<f64> = ties.iter().rev().copied().collect();
        let right = [true; 400];
        let [table, reversed] = [&ties, &back].map(|ties| sample::table(&[&[0.5; 400]], &[&right, &right], ties));
        let (tune, certify) = split(&table, 0.4, 3);
        assert!((120..200).contains(&tune.len()) && tune.len() + certify.len() == 400);
        let mirrored: Vec<u32> = split(&reversed, 0.4, 3).0.iter().rev().map(|row| 399 - row).collect();
        assert_eq!(tune, mirrored);
        let (there, here) = (places(&reversed, 3), places(&table, 3));
        assert!((0..400).all(|row| here[row] == there[399 - row]));
        assert_ne!(here, places(&table, 4));
    }

    #[test]
    fn copies_are_in_proportion_to_weights() {
        let ties: Vec<f64> = (0..300).map(sample::tie).collect();
        let right = [true; 300];
        let mut table = sample::table(&[&[0.5; 300]], &[&right, &right], &ties);
        assert!(in_proportion(&table).is_none());
        let weights: Vec<f64> = (0..300).map(|row| if row % 3 == 0 { 20.0 } else { 2.0 }).collect();
        table.weights = Some(weights.clone().into());
        let copies = in_proportion(&table).unwrap();
        assert_eq!(copies.len(), 2400);
        let (total, factor) = (weights.iter().sum::<f64>(), 2400.0);
        for row in 0..300_u32 {
            let there = copies.iter().filter(|copy| **copy == row).count() as f64;
            assert!((there - factor * weights[row as usize] / total).abs() <= 1.0, "row {row}: {there}");
        }
        table.weights = Some(Vec::new().into());
        assert!(in_proportion(&part(&table, &[])).is_none_or(|copies| copies.is_empty()));
    }
}
