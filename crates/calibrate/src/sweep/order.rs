//! The rows of a tier from the surest downward.

use rayon::prelude::*;
use tierfall_core::number::{Score, Threshold, Tie};

use crate::table::Table;

/// Rows in descending lexicographic order of (gate value, tie).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    rows: Vec<u32>,
    /// How many rows have a gate value; those without stand at the end.
    readable: usize,
    /// Places of rows whose (value, tie) equals that of the row before: no cut can part them. Ascending.
    joined: Vec<u32>,
}

/// Runs up to this long are sorted by comparison, longer ones by their bits.
const SHORT: usize = 192;

/// From this many on, entries are shared between cores.
const SHARED: usize = 1 << 15;

/// The digits of a prefix, least significant first: (shift, buckets).
const DIGITS: [(u32, usize); 3] = [(32, 1 << 11), (43, 1 << 11), (54, 1 << 10)];

impl Order {
    /// Orders rows by their gate values and ties. NaN values, of gates that abstained, come last, in the order of the rows.
    ///
    /// A radix sort of 8-byte entries: the 32 leading bits in which the values differ, beside the row. Runs of equal prefixes,
    /// which are mostly atoms (one value many times), are sorted again by the bits that follow, and then by ties.
    ///
    /// # Panics
    /// If there are not as many ties as values, or 2³² rows.
    pub(crate) fn new(values: &[f64], ties: &[f64]) -> Self {
        assert!(values.len() == ties.len(), "one tie a value");
        Self::of(values, Some(ties))
    }

    /// Orders rows by their gate values alone: equal ones are joined, in the order of the rows.
    ///
    /// # Panics
    /// If there are 2³² rows.
    pub(crate) fn by_value(values: &[f64]) -> Self {
        Self::of(values, None)
    }

    fn of(values: &[f64], ties: Option<&[f64]>) -> Self {
        assert!(u32::try_from(values.len()).is_ok(), "fewer than 2³² rows");
        let mut entries: Vec<u64> = Vec::with_capacity(values.len());
        entries.extend((0_u64..).zip(values).filter(|(_, value)| !value.is_nan()).map(|(row, _)| row));
        let readable = entries.len();
        let mut sorter = Sorter { values, ties, scratch: vec![0; readable], joined: Vec::new() };
        sorter.sort(&mut entries, 0, By::Value);
        let Sorter { scratch, joined, .. } = sorter;
        drop(scratch);
        let mut rows = Vec::with_capacity(values.len());
        entries.par_iter().with_min_len(SHARED).map(|entry| row_of(*entry)).collect_into_vec(&mut rows);
        rows.extend((0_u32..).zip(values).filter(|(_, value)| value.is_nan()).map(|(row, _)| row));
        Self { rows, readable, joined }
    }

    /// The rows with a gate value, the surest first.
    pub fn readable(&self) -> &[u32] {
        &self.rows[..self.readable]
    }

    /// Places of rows that no cut can part from the row before; ascending.
    pub(crate) fn joined(&self) -> &[u32] {
        &self.joined
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Value,
    Tie,
}

impl By {
    const BOTH: [Self; 2] = [Self::Value, Self::Tie];
}

struct Sorter<'a> {
    values: &'a [f64],
    /// `None` = all equal.
    ties: Option<&'a [f64]>,
    scratch: Vec<u64>,
    joined: Vec<u32>,
}

impl Sorter<'_> {
    fn key(&self, by: By, entry: u64) -> u64 {
        let row = row_of(entry) as usize;
        match by {
            By::Value => descending(self.values[row]),
            By::Tie => self.ties.map_or(0, |ties| descending(legal_tie(ties[row]))),
        }
    }

    /// Sorts entries whose rows ascend and stand from place `at` on; only their rows count, their prefixes are overwritten.
    fn sort(&mut self, entries: &mut [u64], at: usize, by: By) {
        if by == By::Tie && self.ties.is_none() {
            return self.join(at, entries.len());
        }
        if entries.len() <= SHORT {
            return self.compare(entries, at);
        }
        let both = |a: (u64, u64), b: (u64, u64)| (a.0.min(b.0), a.1.max(b.1));
        let keys = entries.par_iter().with_min_len(SHARED).map(|entry| self.key(by, *entry));
        let (low, high) = keys.map(|key| (key, key)).reduce(|| (u64::MAX, 0), both);
        if low == high {
            match by {
                By::Value => self.sort(entries, at, By::Tie),
                By::Tie => self.join(at, entries.len()),
            }
            return;
        }
        let shift = 32_u32.saturating_sub((high - low).leading_zeros());
        entries.par_iter_mut().with_min_len(SHARED).for_each(|entry| {
            *entry = ((self.key(by, *entry) - low) >> shift) << 32 | u64::from(row_of(*entry));
        });
        radix(entries, &mut self.scratch);
        let mut from = 0;
        for run in entries.chunk_by_mut(|a, b| a >> 32 == b >> 32) {
            let len = run.len();
            if len > 1 {
                match (by, shift) {
                    (By::Tie, 0) => self.join(at + from, len),
                    (By::Value, 0) => self.sort(run, at + from, By::Tie),
                    _ => self.sort(run, at + from, by),
                }
            }
            from += len;
        }
    }

    fn compare(&mut self, entries: &mut [u64], at: usize) {
        let full = |entry: &u64| (self.key(By::Value, *entry), self.key(By::Tie, *entry), row_of(*entry));
        if let [a, b] = entries {
            if full(b) < full(a) {
                std::mem::swap(a, b);
            }
        } else {
            entries.sort_by_cached_key(full);
        }
        let same = |pair: &[u64]| By::BOTH.iter().all(|by| self.key(*by, pair[0]) == self.key(*by, pair[1]));
        let joined: Vec<usize> = entries.windows(2).enumerate().filter(|(_, pair)| same(pair)).map(|(place, _)| place).collect();
        self.joined.extend(joined.into_iter().map(|place| place_of(at + place + 1)));
    }

    fn join(&mut self, at: usize, len: usize) {
        self.joined.extend((at + 1..at + len).map(place_of));
    }
}

/// Sorts by the upper 32 bits; equal ones keep their order.
fn radix(entries: &mut [u64], scratch: &mut [u64]) {
    let mut counts: [Vec<u32>; 3] = DIGITS.map(|(_, buckets)| vec![0; buckets]);
    for entry in &*entries {
        for (count, (shift, buckets)) in counts.iter_mut().zip(DIGITS) {
            count[digit(*entry, shift, buckets)] += 1;
        }
    }
    let scratch = &mut scratch[..entries.len()];
    let (mut from, mut to, mut moved) = (entries, scratch, false);
    for (mut starts, (shift, buckets)) in counts.into_iter().zip(DIGITS) {
        if starts.iter().any(|count| *count as usize == from.len()) {
            continue;
        }
        let mut sum = 0;
        for start in &mut starts {
            (*start, sum) = (sum, sum + *start);
        }
        for entry in &*from {
            let place = &mut starts[digit(*entry, shift, buckets)];
            to[*place as usize] = *entry;
            *place += 1;
        }
        (from, to, moved) = (to, from, !moved);
    }
    if moved {
        to.copy_from_slice(from);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "masked")]
fn digit(entry: u64, shift: u32, buckets: usize) -> usize {
    (entry >> shift) as usize & (buckets - 1)
}

#[expect(clippy::cast_possible_truncation, reason = "the row is the lower half")]
fn row_of(entry: u64) -> u32 {
    entry as u32
}

#[expect(clippy::cast_possible_truncation, reason = "there are fewer than 2³² rows")]
fn place_of(place: usize) -> u32 {
    place as u32
}

/// A key that ascends where the value descends; both zeros have one key, as in a `Score`.
fn descending(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits();
    // Positive floats ascend with their bits, negative ones descend: flipping makes all ascend, and the outer `!` turns them round.
    if bits >> 63 == 0 { !(bits | 1 << 63) } else { bits }
}

/// The tie that a gate would compare: outside [0, 1) it is the lowest.
fn legal_tie(tie: f64) -> f64 {
    if (0.0..1.0).contains(&tie) { tie } else { 0.0 }
}

/// The cut of a gate that accepts a row and all that are surer; without a row, or where the gate abstains on it, none.
pub(super) fn cut_at(table: &Table<'_>, tier: usize, row: Option<u32>) -> Threshold {
    let cut = row.map(|row| row as usize).and_then(|row| {
        let score = Score::new(table.tiers[tier].values.as_ref()?[row])?;
        Some(Threshold::AcceptFrom { score, tie: Tie::try_from(legal_tie(table.ties[row])).ok()? })
    });
    cut.unwrap_or(Threshold::DeferAll)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::cmp::Reverse;

    /// By comparison.
    fn plain(values: &[f64], ties: &[f64]) -> Order {
        let key = |row: u32| {
            let value = Score::new(values[row as usize]);
            (Reverse(value), Reverse(value.map(|_| Score::new(ties[row as usize]).unwrap())), row)
        };
        let mut rows: Vec<u32> = (0..u32::try_from(values.len()).unwrap()).collect();
        rows.sort_by_key(|row| key(*row));
        let readable = values.iter().filter(|value| !value.is_nan()).count();
        let same = |place: &u32| {
            let (a, b) = (key(rows[*place as usize - 1]), key(rows[*place as usize]));
            (a.0, a.1) == (b.0, b.1)
        };
        let joined = (1..u32::try_from(readable.max(1)).unwrap()).filter(same).collect();
        Order { rows, readable, joined }
    }

    fn value() -> impl Strategy<Value = f64> {
        prop_oneof![
            4 => -9.0..9.0,
            3 => (0..4_u8).prop_map(|atom| f64::from(atom) / 4.0),
            2 => Just(0.0),
            1 => (0..40_u64).prop_map(|step| f64::from_bits(1.0_f64.to_bits() + step)),
            1 => (0..40_u64).prop_map(|step| f64::from_bits(step << 31)),
            1 => any::<f64>(),
            1 => prop_oneof![Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(-0.0), Just(f64::MIN_POSITIVE)],
        ]
    }

    fn tie() -> impl Strategy<Value = f64> {
        prop_oneof![4 => 0.0..1.0, 1 => Just(0.0), 1 => (0..3_u8).prop_map(|tie| f64::from(tie) / 3.0)]
    }

    proptest! {
        #[test]
        fn the_order_is_that_of_comparing(rows in prop::collection::vec((value(), tie()), 0..1500)) {
            let (values, ties): (Vec<f64>, Vec<f64>) = rows.into_iter().unzip();
            prop_assert_eq!(Order::new(&values, &ties), plain(&values, &ties));
        }

        #[test]
        fn atoms_are_ordered_by_ties(ties in prop::collection::vec(tie(), 0..1500), near in any::<bool>()) {
            // Either one atom, or values that differ in their last bits alone.
            let values: Vec<f64> =
                (0..ties.len() as u64).map(|row| f64::from_bits(1.0_f64.to_bits() + if near { row * 7919 % 50 } else { 0 })).collect();
            prop_assert_eq!(Order::new(&values, &ties), plain(&values, &ties));
        }
    }

    #[test]
    fn far_and_near_values_at_once_are_in_order() {
        let values: Vec<f64> = (0..5_000_u64)
            .map(|row| match row % 3 {
                0 => f64::from_bits(1.0_f64.to_bits() + row * 7919 % 997),
                1 => -((row * 31 % 701) as f64).exp2(),
                _ => 0.0,
            })
            .collect();
        let ties: Vec<f64> = (0..5_000_u64).map(|row| (row * 7919 % 1009) as f64 / 1009.0).collect();
        assert_eq!(Order::new(&values, &ties), plain(&values, &ties));
    }
}
