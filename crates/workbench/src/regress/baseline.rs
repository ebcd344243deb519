//! What a cascade did when somebody last agreed with it: `NAME.baseline.json` beside `NAME.cascade.toml`, committed with it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tierfall_core::money::Money;
use tierfall_core::trace::OutcomeKind;

use super::baseline_file;
use super::played::{Mode, Played, PlayedItem};
use crate::whole;

/// Baselines of one cascade, one entry a fixture set, split and mode.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Baseline {
    /// In the order of fixture set, split and mode, of which none stands twice.
    entries: Vec<Entry>,
}

/// What a cascade did with one split of one fixture set.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The fixture set's name.
    pub fixtures: String,
    /// The split.
    pub split: String,
    /// Where answers came from.
    pub mode: Mode,
    /// Digest of everything that decides how a request is served; see [`Played::system`].
    pub system: String,
    /// The declared tiers, cheapest first.
    pub tiers: Vec<Arc<str>>,
    /// What the items come to.
    pub summary: Summary,
    /// One an example, by id.
    pub items: Vec<EntryItem>,
}

/// What a cascade did with one example.
#[derive(Clone, Debug, PartialEq)]
pub struct EntryItem {
    /// The example.
    pub id: Arc<str>,
    /// Digest of what it asks and what is expected; see [`asked`](super::asked).
    pub asked: String,
    /// Its segment.
    pub segment: Arc<str>,
    /// How it ended.
    pub outcome: OutcomeKind,
    /// The tier whose answer was served; `None` = none was.
    pub tier: Option<Arc<str>>,
    /// The grade of what was served, in [0, 1].
    pub correct: f64,
    /// Every attempt included; `None` = unknown.
    pub cost: Option<Money>,
    /// Digest of the served answer; `None` = none was, or a person gave it.
    pub answer: Option<String>,
    /// Milliseconds; `None` in a replay.
    pub latency_ms: Option<f64>,
    /// How often it was asked: 1 in a replay.
    pub repeats: u32,
    /// How many of the repeats ended in an error of transport.
    pub errors: u32,
    /// Whether the repeats disagree.
    pub flaky: bool,
}

impl EntryItem {
    /// Whether any repeat was answered; otherwise its grade means nothing.
    pub fn is_graded(&self) -> bool {
        self.errors < self.repeats
    }
}

impl From<&PlayedItem> for EntryItem {
    fn from(item: &PlayedItem) -> Self {
        Self {
            id: item.id.clone(),
            asked: item.asked.clone(),
            segment: item.segment.clone(),
            outcome: item.outcome,
            tier: item.tier.clone(),
            correct: item.correct,
            cost: item.cost,
            answer: item.answer.clone(),
            latency_ms: item.latency_ms,
            repeats: item.repeats,
            errors: item.errors,
            flaky: item.flaky,
        }
    }
}

/// What the items of an entry come to, each counted once whatever it weighs: for those who read the file, and so that lines
/// that were taken out of it or merged into it are noticed.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// How many there are.
    pub n: usize,
    /// How many of them were never answered, for errors of transport alone; they have no grade.
    pub failed: usize,
    /// The mean grade of the others.
    pub correct: f64,
    /// What they cost together; `None` = some cost is unknown.
    pub cost: Option<Money>,
    /// How many each declared tier served.
    pub served: Vec<(Arc<str>, usize)>,
}

impl Summary {
    pub(super) fn of(tiers: &[Arc<str>], items: &[EntryItem]) -> Self {
        let graded = || items.iter().filter(|item| item.is_graded());
        let n_graded = graded().count();
        // From 0 and not by `sum`, whose empty sum is −0.
        let sum = graded().fold(0.0, |sum, item| sum + item.correct);
        let served = |tier: &Arc<str>| items.iter().filter(|item| item.tier.as_ref() == Some(tier)).count();
        Self {
            n: items.len(),
            failed: items.len() - n_graded,
            correct: sum / n_graded.max(1) as f64,
            cost: items.iter().map(|item| item.cost).sum(),
            served: tiers.iter().map(|tier| (tier.clone(), served(tier))).collect(),
        }
    }
}

impl From<&Played> for Entry {
    fn from(played: &Played) -> Self {
        let by_id: BTreeMap<_, _> = played.items.iter().map(|item| (&item.id, item)).collect();
        let items: Vec<EntryItem> = by_id.into_values().map(EntryItem::from).collect();
        Self {
            fixtures: played.fixtures.clone(),
            split: played.split.clone(),
            mode: played.mode,
            system: played.system.clone(),
            tiers: played.tiers.clone(),
            summary: Summary::of(&played.tiers, &items),
            items,
        }
    }
}

impl Entry {
    /// The item of an example.
    pub fn get(&self, id: &str) -> Option<&EntryItem> {
        self.position(id).map(|place| &self.items[place])
    }

    pub(super) fn position(&self, id: &str) -> Option<usize> {
        self.items.binary_search_by(|item| (*item.id).cmp(id)).ok()
    }

    fn key(&self) -> (&str, &str, &str) {
        (&self.fixtures, &self.split, self.mode.as_str())
    }
}

impl Baseline {
    /// Where the baseline of a cascade file is: `NAME.baseline.json` beside `NAME.cascade.toml`.
    pub fn path_for(cascade: &Path) -> PathBuf {
        let name = cascade.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let stem = name.strip_suffix(".cascade.toml").or_else(|| name.strip_suffix(".toml")).unwrap_or(&name);
        cascade.with_file_name(format!("{stem}.baseline.json"))
    }

    /// Of these runs; of several of one fixture set, split and mode, the last.
    pub fn of<'a>(played: impl IntoIterator<Item = &'a Played>) -> Self {
        let mut baseline = Self::default();
        played.into_iter().for_each(|played| baseline.update(played));
        baseline
    }

    /// Reads a baseline; `None` where there is no file.
    pub fn read(path: &Path) -> Result<Option<Self>, BaselineError> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(why) => return Err(BaselineError::Io { path: path.to_owned(), why }),
        };
        Self::parse(&bytes, path).map(Some)
    }

    /// Reads a baseline from its bytes; `path` names it in messages.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, BaselineError> {
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        let entries = baseline_file::parse(bytes).map_err(|fault| baseline_file::broken(path, fault))?;
        Ok(Self::sorted(entries))
    }

    fn sorted(mut entries: Vec<Entry>) -> Self {
        entries.sort_by(|a, b| a.key().cmp(&b.key()));
        Self { entries }
    }

    /// The entries, by fixture set, split and mode.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The entry of this fixture set, split and mode.
    pub fn find(&self, fixtures: &str, split: &str, mode: Mode) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key() == (fixtures, split, mode.as_str()))
    }

    /// Replaces the entry of this run's fixture set, split and mode, or adds it; the others stay as they are.
    pub fn update(&mut self, played: &Played) {
        let new = Entry::from(played);
        match self.entries.binary_search_by(|entry| entry.key().cmp(&new.key())) {
            Ok(place) => self.entries[place] = new,
            Err(place) => self.entries.insert(place, new),
        }
    }

    /// The text of the file: one line an example, so that a difference can be reviewed. The same baseline gives the same bytes.
    pub fn render(&self) -> String {
        baseline_file::render(&self.entries)
    }

    /// Writes the file; it is replaced whole or not at all, and left alone where it says the same already.
    pub fn write(&self, path: &Path) -> Result<(), BaselineError> {
        let text = self.render();
        if std::fs::read(path).is_ok_and(|there| there == text.as_bytes()) {
            return Ok(());
        }
        whole::write(path, ".baseline", text.as_bytes()).map_err(|why| BaselineError::Io { path: path.to_owned(), why })
    }
}

/// A baseline that cannot be used. No file is touched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BaselineError {
    /// The file could not be read or written.
    #[error("{}: {why}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the file system said.
        why: io::Error,
    },
    /// The file is not what a baseline must be.
    #[error("{}:{line}:{column}: {}{why}; {mend}", path.display(), if pointer.is_empty() { String::new() } else { format!("{pointer}: ") })]
    Broken {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// In characters, from 1.
        column: usize,
        /// JSON pointer to what is wrong; empty for the whole file.
        pointer: String,
        /// What is wrong.
        why: String,
        /// What to do.
        mend: String,
    },
    /// The entry is about other examples than those it is held against.
    #[error(
        "the baseline is from another fixture set: {why}; if the set was replaced on purpose, agree with what the cascade does on it \
         with `tierfall regress CASCADE --update-baseline`"
    )]
    OtherSet {
        /// What differs.
        why: String,
    },
}

#[cfg(test)]
#[path = "baseline_tests.rs"]
mod tests;
