//! One row as it is written, and how the places in it are named.

use std::borrow::Cow;

use super::scalar::Scalar;
use crate::located::escaped;

/// The field of a row that could not be read where it is from: it says why.
pub(crate) const UNREADABLE: &str = "unreadable";

/// One row as it is written.
#[derive(Debug, Default)]
pub(super) struct RawRow<'a> {
    /// What stands there, by the places in [`RawRow::FIELDS`].
    values: [Option<Scalar<'a>>; RawRow::FIELDS.len()],
    pub(super) cells: Vec<RawCell<'a>>,
    /// Tiers that are not in the chain.
    pub(super) others: Vec<Cow<'a, str>>,
    /// A key that stands twice: which of its values counts is not known.
    pub(super) twice: Option<&'static str>,
}

impl<'a> RawRow<'a> {
    pub(super) const ID: usize = 0;
    pub(super) const SEGMENT: usize = 1;
    pub(super) const GROUP: usize = 2;
    pub(super) const SPLIT: usize = 3;
    pub(super) const WEIGHT: usize = 4;
    /// Why the row could not be read where it is from.
    pub(super) const UNREADABLE: usize = 5;
    /// The object of all tiers: whether it is one.
    pub(super) const TIERS: usize = 6;
    pub(super) const FIELDS: [&'static str; 7] = ["id", "segment", "group", "split", "weight", UNREADABLE, "tiers"];

    /// The place of a field besides the tiers.
    pub(super) fn field(key: &str) -> Option<usize> {
        Self::FIELDS[..Self::TIERS].iter().position(|known| *known == key)
    }

    pub(super) fn of(tiers: usize) -> Self {
        Self { cells: (0..tiers).map(|_| RawCell::default()).collect(), ..Self::default() }
    }

    pub(super) fn get(&self, field: usize) -> &Scalar<'a> {
        self.values[field].as_ref().unwrap_or(&Scalar::Absent)
    }

    pub(super) fn set(&mut self, field: usize, value: Scalar<'a>) {
        if self.values[field].replace(value).is_some() {
            self.twice = Some(Self::FIELDS[field]);
        }
    }
}

/// One tier's part of a row.
#[derive(Debug, Default)]
pub(super) struct RawCell<'a> {
    values: [Option<Scalar<'a>>; RawCell::FIELDS.len()],
    /// Whether anything stands in its place in the row.
    pub(super) says: bool,
    /// By signal.
    pub(super) scores: Vec<(Cow<'a, str>, Scalar<'a>)>,
    /// A key that stands twice, as a path below the tier.
    pub(super) twice: Option<String>,
}

impl<'a> RawCell<'a> {
    pub(super) const CORRECT: usize = 0;
    pub(super) const JUDGED: usize = 1;
    pub(super) const JUDGE: usize = 2;
    pub(super) const COST: usize = 3;
    pub(super) const LATENCY: usize = 4;
    pub(super) const INPUT: usize = 5;
    pub(super) const OUTPUT: usize = 6;
    pub(super) const ANSWER: usize = 7;
    /// The object of its signals: whether it is one.
    pub(super) const CONFIDENCE: usize = 8;
    /// The whole tier: whether it is an object, and so has a place in the row.
    pub(super) const ITSELF: usize = 9;
    pub(super) const FIELDS: [&'static str; 10] =
        ["correct", "judged", "judge", "cost_usd", "latency_ms", "input_tokens", "output_tokens", "answer", "confidence", ""];

    /// The place of a field besides the signals.
    pub(super) fn field(key: &str) -> Option<usize> {
        Self::FIELDS[..Self::CONFIDENCE].iter().position(|known| *known == key)
    }

    pub(super) fn get(&self, field: usize) -> &Scalar<'a> {
        self.values[field].as_ref().unwrap_or(&Scalar::Absent)
    }

    pub(super) fn set(&mut self, field: usize, value: Scalar<'a>) {
        if self.values[field].replace(value).is_some() {
            // The object around a key is set after it: what stands twice there is the whole object.
            self.twice = Some(Self::FIELDS[field].to_owned());
        }
    }
}

/// How places are named in errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Places {
    /// JSON pointers.
    Pointers,
    /// Columns.
    Columns,
}

impl Places {
    pub(super) fn tier(self, tier: &str, field: &str) -> String {
        match self {
            Self::Pointers if field.is_empty() => format!("/tiers/{}", escaped(tier)),
            Self::Pointers => format!("/tiers/{}/{field}", escaped(tier)),
            Self::Columns => format!("{tier}.{field}"),
        }
    }

    pub(super) fn signal(self, tier: &str, signal: &str) -> String {
        match self {
            Self::Pointers => self.tier(tier, &below_confidence(signal)),
            Self::Columns => format!("{tier}.confidence.{signal}"),
        }
    }

    pub(super) fn row(self, field: &str) -> String {
        match self {
            Self::Pointers => format!("/{field}"),
            Self::Columns => field.to_owned(),
        }
    }
}

/// The path of a signal below its tier.
pub(super) fn below_confidence(signal: &str) -> String {
    format!("confidence/{}", escaped(signal))
}

/// The tier whose grades stand in a column of this name. It may hold points.
pub(crate) fn graded_tier(column: &str) -> Option<&str> {
    column.strip_suffix(".correct").or_else(|| column.strip_suffix(".judged"))
}

/// The place of the tier that a column is of, and what of it: the longest name that fits counts, for names may hold points.
pub(crate) fn of_tier(column: &str, tiers: impl Iterator<Item = impl AsRef<str>>) -> Option<(usize, &str)> {
    let fitting = tiers.enumerate().filter_map(|(at, tier)| {
        let rest = column.strip_prefix(tier.as_ref())?.strip_prefix('.')?;
        Some((at, rest))
    });
    fitting.min_by_key(|(_, rest)| rest.len())
}
