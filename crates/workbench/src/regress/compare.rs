//! What changed since the baseline, example by example. No statistics: on these examples every difference is real.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use super::entry::{Entry, EntryItem};
use super::error::BaselineError;
use super::played::{Mode, Played, PlayedItem};

/// A run held against an entry of a baseline. Numbers are places in [`Entry::items`] and [`Played::items`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compared {
    /// Whether everything that decides how a request is served is as it was.
    pub same_system: bool,
    /// The examples that can be compared: they ask what they asked, and were graded both times. In the order of the run.
    pub pairs: Vec<(usize, usize)>,
    /// Of them, those whose tier, outcome, grade or answer changed.
    pub changes: Vec<ItemChange>,
    /// Of them, how many cost another amount, or an unknown one: all of them where a price changed.
    pub repriced: usize,
    /// Examples of the run that the baseline does not have.
    pub added: Vec<usize>,
    /// Examples of the baseline that are gone.
    pub removed: Vec<usize>,
    /// Examples whose question, tags, expectation or grader changed, as places in both.
    pub edited: Vec<(usize, usize)>,
    /// Examples that were never answered, then or now, for errors of transport alone, as places in both.
    pub ungraded: Vec<(usize, usize)>,
}

/// How one example changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ItemChange {
    /// Its place in the entry.
    pub entry: usize,
    /// Its place in the run.
    pub now: usize,
    /// Whether another tier serves it, or it ends in another way.
    pub tier: bool,
    /// Whether its grade rose (`Greater`: gained) or fell (`Less`: lost).
    pub grade: Ordering,
    /// Whether it gets another answer.
    pub answer: bool,
}

impl Compared {
    /// How many examples have a higher grade now.
    pub fn gained(&self) -> usize {
        self.changes.iter().filter(|change| change.grade == Ordering::Greater).count()
    }

    /// How many examples have a lower grade now.
    pub fn lost(&self) -> usize {
        self.changes.iter().filter(|change| change.grade == Ordering::Less).count()
    }

    /// Whether the run is what the baseline says, in every example and every cent.
    pub fn is_same(&self) -> bool {
        let lists = [self.added.len(), self.removed.len(), self.edited.len(), self.ungraded.len()];
        self.changes.is_empty() && self.repriced == 0 && lists == [0; 4]
    }
}

/// Holds a run against the entry of a baseline.
///
/// A live run may be held against a replay: has the provider changed since it was recorded? An entry of another fixture set or
/// split is refused, as is one that has no example in common with the run.
pub fn compare(entry: &Entry, now: &Played) -> Result<Compared, BaselineError> {
    let refuse = |why: String| Err(BaselineError::OtherSet { why });
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
            compared.added.push(place);
            continue;
        };
        met.insert(before);
        let was = &entry.items[before];
        if was.asked != item.asked {
            compared.edited.push((before, place));
        } else if !(was.is_graded() && item.is_graded()) {
            compared.ungraded.push((before, place));
        } else {
            compared.pairs.push((before, place));
            compared.changes.extend(change((before, was), (place, item)));
            compared.repriced += usize::from(was.cost != item.cost);
        }
    }
    compared.removed = (0..entry.items.len()).filter(|place| !met.contains(place)).collect();
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

fn change((entry, was): (usize, &EntryItem), (now, item): (usize, &PlayedItem)) -> Option<ItemChange> {
    let change = ItemChange {
        entry,
        now,
        tier: was.tier != item.tier || was.outcome != item.outcome,
        grade: item.correct.partial_cmp(&was.correct).unwrap_or(Ordering::Equal),
        answer: was.answer != item.answer,
    };
    (change.tier || change.answer || change.grade != Ordering::Equal).then_some(change)
}

#[cfg(test)]
mod tests;
