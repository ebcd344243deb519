//! The names that a file uses, in the order in which they are met.

use tierfall::config::nearest;
use tierfall_core::text::few;

/// Names that were met; few, so a search through all is quick.
#[derive(Clone, Debug, Default)]
pub(super) struct Names(Vec<Box<str>>);

impl Names {
    /// The place of a name, which is added where it is new.
    pub(super) fn place(&mut self, name: &str) -> usize {
        self.0.iter().position(|known| **known == *name).unwrap_or_else(|| {
            self.0.push(name.into());
            self.0.len() - 1
        })
    }

    pub(super) fn add(&mut self, name: &str) {
        self.place(name);
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|name| &**name)
    }
}

/// Names for people; of many the first ones.
pub(crate) fn some<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    const SHOWN: usize = 10;
    let more = names.len().saturating_sub(SHOWN);
    let shown = names.take(SHOWN).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

/// "did you mean …?", and all that there is.
pub(crate) fn hint<'a>(word: &str, what: &str, known: impl Iterator<Item = &'a str> + Clone) -> String {
    let all: Vec<&str> = known.clone().collect();
    if all.is_empty() {
        return format!("the rows have no {what} at all");
    }
    let there = if all.len() == 1 { "is only" } else { "are" };
    match nearest(word, known) {
        Some(near) => format!("did you mean \"{near}\"? There {there} {}", few(&all)),
        None => format!("there {there} {}", few(&all)),
    }
}
