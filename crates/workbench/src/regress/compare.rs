//! What changed since the baseline, example by example. No statistics: on these examples every difference is real.

use std::collections::BTreeSet;

use tierfall_calibrate::regress::{Changed, Changes};

use super::entry::{BaselineEntry, EntryItem, Mode};
use super::played::Played;
use crate::Error;

/// A run held against an entry of a baseline.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compared {
    /// Whether everything that decides how a request is served is as it was.
    pub same_system: bool,
    /// The examples that can be compared, as places in [`BaselineEntry::items`] and [`Played::items`]: they ask what they asked, and
    /// were graded both times. In the order of the run.
    pub pairs: Vec<(usize, usize)>,
    /// What changed. Examples of the baseline that a live run has not asked are not gone.
    pub changes: Changes,
    /// How many examples cost another amount, or an unknown one: all of them where a price changed.
    pub repriced: usize,
    /// How many were never answered, then or now, for errors of transport alone.
    pub ungraded: usize,
}

impl Compared {
    /// Whether the run is what the baseline says, in every example and every cent.
    pub fn is_same(&self) -> bool {
        self.changes == Changes::default() && self.repriced == 0 && self.ungraded == 0
    }

    fn pair(&mut self, was: &EntryItem, is: &EntryItem) {
        let other_tier = was.tier != is.tier || was.outcome != is.outcome;
        self.changes.tier += u64::from(other_tier);
        self.changes.gained += u64::from(is.correct > was.correct);
        self.changes.lost += u64::from(is.correct < was.correct);
        self.changes.answer += u64::from(was.answer != is.answer);
        self.repriced += usize::from(was.cost != is.cost);
        if other_tier || is.correct > was.correct || is.correct < was.correct {
            self.changes.items.push(Changed {
                id: is.id.to_string(),
                segment: is.segment.to_string(),
                was_tier: was.tier.as_deref().map(str::to_owned),
                tier: is.tier.as_deref().map(str::to_owned),
                was_correct: was.correct,
                correct: is.correct,
                texts: None,
            });
        }
    }
}

/// Holds a run against the entry of a baseline.
///
/// A live run may be held against a replay: has the provider changed since it was recorded? An entry of another fixture set or
/// split is refused, as is one that has no example in common with the run.
pub fn compare(entry: &BaselineEntry, now: &Played) -> Result<Compared, Error> {
    let refuse = |why: String| {
        Err(Error::refused(format!(
            "the baseline is from another fixture set: {why}; if the set was replaced on purpose, agree with what the cascade does on it \
             with `tierfall regress CASCADE --update-baseline`"
        )))
    };
    let comparable = entry.mode == now.mode || now.mode == Mode::Live;
    if (&entry.fixtures, &entry.split) != (&now.fixtures, &now.split) || !comparable {
        return refuse(format!(
            "it is about the {} of split \"{}\" of \"{}\", and this is the {} of split \"{}\" of \"{}\"",
            entry.mode.as_str(),
            entry.split,
            entry.fixtures,
            now.mode.as_str(),
            now.split,
            now.fixtures
        ));
    }
    let mut compared = Compared { same_system: entry.system == now.system, ..Compared::default() };
    let mut met = BTreeSet::new();
    for (place, item) in now.items.iter().enumerate() {
        let Some(before) = entry.position(&item.id) else {
            compared.changes.added += 1;
            continue;
        };
        met.insert(before);
        let was = &entry.items[before];
        if was.asked != item.asked {
            compared.changes.edited += 1;
        } else if was.is_graded() && item.is_graded() {
            compared.pairs.push((before, place));
            compared.pair(was, item);
        } else {
            compared.ungraded += 1;
        }
    }
    if now.mode == Mode::Replay {
        compared.changes.removed = (entry.items.len() - met.len()) as u64;
    }
    if met.is_empty() {
        let first = |id: Option<&str>| id.map_or_else(|| "none".to_owned(), |id| format!("\"{id}\", …"));
        return refuse(format!(
            "none of its {} examples ({}) is among the {} of split \"{}\" of \"{}\" ({})",
            entry.items.len(),
            first(entry.items.first().map(|item| &*item.id)),
            now.items.len(),
            now.split,
            now.fixtures,
            first(now.items.first().map(|item| &*item.id)),
        ));
    }
    Ok(compared)
}

#[cfg(test)]
mod tests;
