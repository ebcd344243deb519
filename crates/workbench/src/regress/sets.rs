//! The fixture sets of a cascade's expectations, each read once.

use std::path::PathBuf;

use tierfall::bindings;
use tierfall::config::{self, Expect, Loaded};
use tierfall_core::text::few;

use crate::fixture::FixtureSet;
use crate::fixture::grade::Graders;
use crate::fixture::replay::Recordings;
use crate::progress::{Progress, Stage};
use crate::{Error, fixture_folder};

/// The sets of a cascade, read as they are asked for.
pub(super) struct Sets<'a> {
    pub(super) loaded: &'a Loaded,
    pub(super) graders: &'a Graders,
    /// Whether the providers are asked: recordings that say nothing of this cascade are then left out.
    pub(super) live: bool,
    pub(super) progress: &'a dyn Progress,
    pub(super) read: Vec<(PathBuf, FixtureSet, Option<Recordings>)>,
}

impl Sets<'_> {
    /// A set with its recordings.
    pub(super) fn read(&mut self, fixtures: &str) -> Result<(&FixtureSet, Option<&Recordings>), Error> {
        let folder = fixture_folder(&self.loaded.path, fixtures);
        let at = if let Some(at) = self.read.iter().position(|(there, ..)| *there == folder) {
            at
        } else {
            self.progress.begins(Stage::Reading);
            let set = FixtureSet::load_with(&folder, self.graders)?;
            let recordings = Recordings::load(set.dir(), &bindings(self.loaded)).map(|these| these.with_questions_of(&set));
            let recordings = if self.live { recordings.ok() } else { Some(recordings?) };
            self.read.push((folder, set, recordings));
            self.read.len() - 1
        };
        let (_, set, recordings) = &self.read[at];
        Ok((set, recordings.as_ref()))
    }
}

/// A segment without examples would be an expectation that nothing can break. A split without examples is told by what plays it.
pub(super) fn known_segment(loaded: &Loaded, expect: &Expect, set: &FixtureSet, split: &str) -> Result<(), Error> {
    let Some(wanted) = &expect.segment else { return Ok(()) };
    let of_split = set.examples().iter().filter(|example| *example.split == *split);
    let mut there: Vec<&str> = of_split.map(|example| &*example.segment).collect();
    there.sort_unstable();
    there.dedup();
    if there.is_empty() || there.contains(&&**wanted) {
        return Ok(());
    }
    let meant = config::nearest(wanted, there.iter().copied());
    let meant = meant.map_or_else(String::new, |near| format!("did you mean \"{near}\"? "));
    let place = format!("{}:{}", loaded.path.display(), expect.line);
    let what = format!("no example of {}, split {split}, is of the segment \"{wanted}\"", set.about().name);
    Err(Error::refused(format!("{place}: {what}")).with_hint(format!("{meant}its segments: {}", few(&there))))
}
