//! One row as it is written, and how the places in it are named.

use super::scalar::Scalar;

/// The field of a row that could not be read where it is from: it says why.
pub(crate) const UNREADABLE: &str = "unreadable";

/// Whether there was an object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Presence {
    #[default]
    Absent,
    There,
    Other,
}

/// One row as it is written.
#[derive(Debug, Default)]
pub(super) struct Row<'a> {
    fields: [Scalar<'a>; Row::FIELDS.len()],
    pub(super) has_tiers: Presence,
    pub(super) cells: Vec<Cell<'a>>,
    /// Which keys were met, by their place in [`Row::FIELDS`]; `tiers` comes after these.
    met: u8,
    /// A key that stands twice: which of its values counts is not known.
    pub(super) twice: Option<&'static str>,
}

impl<'a> Row<'a> {
    pub(super) const ID: usize = 0;
    pub(super) const SEGMENT: usize = 1;
    pub(super) const GROUP: usize = 2;
    pub(super) const SPLIT: usize = 3;
    pub(super) const WEIGHT: usize = 4;
    /// Why the row could not be read where it is from.
    pub(super) const UNREADABLE: usize = 5;
    /// The fields of a row besides its tiers.
    pub(super) const FIELDS: [&'static str; 6] = ["id", "segment", "group", "split", "weight", UNREADABLE];

    /// The place of a field.
    pub(super) fn field(key: &str) -> Option<usize> {
        Self::FIELDS.iter().position(|known| *known == key)
    }

    pub(super) fn of(tiers: usize) -> Self {
        Self { cells: (0..tiers).map(|_| Cell::default()).collect(), ..Self::default() }
    }

    pub(super) fn clear(&mut self) {
        let Self { fields, has_tiers, cells, met, twice } = self;
        clear(fields);
        (*has_tiers, *met, *twice) = (Presence::Absent, 0, None);
        cells.iter_mut().for_each(Cell::clear);
    }

    pub(super) fn get(&self, field: usize) -> &Scalar<'a> {
        &self.fields[field]
    }

    pub(super) fn set(&mut self, field: usize, value: Scalar<'a>) {
        self.meets(field, Self::FIELDS[field]);
        self.fields[field] = value;
    }

    pub(super) fn meets_tiers(&mut self) {
        self.meets(Self::FIELDS.len(), "tiers");
    }

    fn meets(&mut self, place: usize, key: &'static str) {
        if self.met & 1 << place != 0 {
            self.twice = Some(key);
        }
        self.met |= 1 << place;
    }
}

fn clear(fields: &mut [Scalar<'_>]) {
    for field in fields {
        *field = Scalar::Absent;
    }
}

/// One tier's part of a row.
#[derive(Debug, Default)]
pub(super) struct Cell<'a> {
    fields: [Scalar<'a>; Cell::FIELDS.len()],
    /// Whether it has a place in the row.
    pub(super) there: Presence,
    /// Whether anything stands in that place.
    pub(super) says: bool,
    pub(super) has_scores: Presence,
    /// With the places of the signals among those that the piece has met.
    pub(super) scores: Vec<(usize, Scalar<'a>)>,
    /// As in [`Row`]: the tier itself comes after the fields, and is its own first key.
    met: u16,
    /// A key that stands twice, as a path below the tier.
    pub(super) twice: Option<String>,
}

impl<'a> Cell<'a> {
    pub(super) const CORRECT: usize = 0;
    pub(super) const JUDGED: usize = 1;
    pub(super) const JUDGE: usize = 2;
    pub(super) const COST: usize = 3;
    pub(super) const LATENCY: usize = 4;
    pub(super) const INPUT: usize = 5;
    pub(super) const OUTPUT: usize = 6;
    pub(super) const ANSWER: usize = 7;
    /// The fields of a tier besides its signals.
    pub(super) const FIELDS: [&'static str; 8] =
        ["correct", "judged", "judge", "cost_usd", "latency_ms", "input_tokens", "output_tokens", "answer"];

    /// The place of a field.
    pub(super) fn field(key: &str) -> Option<usize> {
        Self::FIELDS.iter().position(|known| *known == key)
    }

    fn clear(&mut self) {
        clear(&mut self.fields);
        self.scores.clear();
        (self.there, self.has_scores, self.met, self.twice) = (Presence::Absent, Presence::Absent, 0, None);
        self.says = false;
    }

    pub(super) fn get(&self, field: usize) -> &Scalar<'a> {
        &self.fields[field]
    }

    pub(super) fn set(&mut self, field: usize, value: Scalar<'a>) {
        self.meets(field, Self::FIELDS[field]);
        self.fields[field] = value;
    }

    pub(super) fn meets_scores(&mut self) {
        self.meets(Self::FIELDS.len(), "confidence");
    }

    /// The whole tier is met.
    pub(super) fn meets_itself(&mut self) {
        self.meets(Self::FIELDS.len() + 1, "");
    }

    fn meets(&mut self, place: usize, key: &str) {
        if self.met & 1 << place != 0 {
            self.twice.get_or_insert_with(|| key.to_owned());
        }
        self.met |= 1 << place;
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

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
