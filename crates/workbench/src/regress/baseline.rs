//! What a cascade did when somebody last agreed with it: `NAME.baseline.json` beside `NAME.cascade.toml`, committed with it.

use std::io;
use std::path::{Path, PathBuf};

use super::baseline_file;
use super::entry::{BaselineEntry, Mode};
use super::played::Played;
use crate::{Error, whole};
use tierfall::files;

/// Baselines of one cascade, one entry a fixture set, split and mode.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Baseline {
    /// In the order of fixture set, split and mode, of which none stands twice.
    entries: Vec<BaselineEntry>,
}

impl Baseline {
    /// Where the baseline of a cascade file is: `NAME.baseline.json` beside `NAME.cascade.toml`.
    pub(crate) fn path_for(cascade: &Path) -> PathBuf {
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
    pub fn read(path: &Path) -> Result<Option<Self>, Error> {
        let bytes = match files::read(path, files::LONGEST) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(why) => return Err(Error::refused(why.to_string())),
        };
        Self::parse(&bytes, path).map(Some)
    }

    /// Reads a baseline from its bytes; `path` names it in messages.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self, Error> {
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        let entries = baseline_file::parse(bytes).map_err(|fault| baseline_file::broken(path, &fault))?;
        Ok(Self::sorted(entries))
    }

    fn sorted(mut entries: Vec<BaselineEntry>) -> Self {
        entries.sort_by(|a, b| a.key().cmp(&b.key()));
        Self { entries }
    }

    /// The entries, by fixture set, split and mode.
    pub fn entries(&self) -> &[BaselineEntry] {
        &self.entries
    }

    /// The entry of this fixture set, split and mode.
    pub(crate) fn find(&self, fixtures: &str, split: &str, mode: Mode) -> Option<&BaselineEntry> {
        self.entries.iter().find(|entry| entry.key() == (fixtures, split, mode.as_str()))
    }

    /// Replaces the entry of this run's fixture set, split and mode, or adds it; the others stay as they are.
    pub(crate) fn update(&mut self, played: &Played) {
        let new = BaselineEntry::from(played);
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
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let text = self.render();
        if std::fs::read(path).is_ok_and(|there| there == text.as_bytes()) {
            return Ok(());
        }
        whole::write(path, ".baseline", text.as_bytes()).map_err(|why| unusable(path, &why))
    }
}

fn unusable(path: &Path, why: &io::Error) -> Error {
    Error::refused(format!("{}: {why}", path.display()))
}

#[cfg(test)]
mod tests;
