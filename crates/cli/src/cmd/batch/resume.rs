//! The results of an earlier run: what need not be asked again, and what is.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::Path;

use serde::Deserialize;
use tierfall_core::trace::Fallback;

use crate::exit::Failure;

/// What an output file holds.
#[derive(Default)]
pub(super) struct Earlier {
    /// Queries that need not be asked again.
    pub(super) done: BTreeSet<String>,
    /// Queries whose answers only fell back. They are asked again, and what there is stays until there is better.
    pub(super) fell_back: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Line {
    key: String,
    outcome: String,
    #[serde(default)]
    fallback: Option<Fallback>,
    #[serde(default)]
    error: Option<String>,
}

/// How much a line is worth keeping.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Worth {
    Failed,
    FellBack,
    Done,
}

impl Line {
    fn worth(&self) -> Worth {
        match (self.outcome.as_str(), self.fallback) {
            ("failed", _) => Worth::Failed,
            (_, Some(fallback)) if fallback.may_pass() => Worth::FellBack,
            (_, Some(_)) | ("refused", None) => Worth::Done,
            // Older files have no word for it, but the error of the call that ended the chain.
            (_, None) if self.error.is_some() => Worth::FellBack,
            (_, None) => Worth::Done,
        }
    }
}

/// Reads an output file, and leaves one line a query in it: of several the best, of equals the last. Failures are taken out,
/// to be asked again; so is a line that was cut.
pub(super) fn tidied(path: &Path) -> Result<Earlier, Failure> {
    let text = match fs_err::read(path) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|_| Failure::usage(format!("{} is not UTF-8", path.display())))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Earlier::default()),
        Err(error) => return Err(error.into()),
    };
    // By key: how much its best line is worth, and where that is.
    let mut best: BTreeMap<String, (Worth, usize)> = BTreeMap::new();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    for (place, line) in lines.iter().enumerate() {
        let torn = !line.ends_with('\n');
        match serde_json::from_str::<Line>(line) {
            Ok(line) if !torn => {
                let this = (line.worth(), place);
                let known = best.entry(line.key).or_insert(this);
                *known = (*known).max(this);
            }
            Ok(_) => {}
            Err(_) if torn => {}
            Err(error) => {
                return Err(Failure::usage(format!(
                    "{}:{}: this is no result of an earlier run: {error}",
                    path.display(),
                    place + 1
                ))
                .with_hint("name another --out file; this one is left as it is"));
            }
        }
    }
    best.retain(|_, (worth, _)| *worth > Worth::Failed);
    let mut places: Vec<usize> = best.values().map(|(_, place)| *place).collect();
    places.sort_unstable();
    let kept: String = places.iter().map(|place| lines[*place]).collect();
    if kept.len() < text.len() {
        replace(path, &kept)?;
    }
    let of = |wanted: Worth| best.iter().filter(|(_, (worth, _))| *worth == wanted).map(|(key, _)| key.clone()).collect();
    Ok(Earlier { done: of(Worth::Done), fell_back: of(Worth::FellBack) })
}

/// The file itself, not a link to it, is replaced, by one with the same mode and nothing less on the disk.
fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    let real = fs_err::canonicalize(path)?;
    let mut file = tempfile::NamedTempFile::new_in(real.parent().unwrap_or(Path::new("/")))?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(fs_err::metadata(&real)?.permissions())?;
    file.as_file().sync_all()?;
    file.persist(&real).map_err(|error| Failure::usage(format!("{} could not be replaced: {}", path.display(), error.error)))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_line_of_a_query_stays_and_the_later_of_equals() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("out.jsonl");
        let line = |key: &str, rest: &str| format!("{{\"key\": \"{key}\", {rest}}}\n");
        let (done, fell) = ("\"outcome\": \"answered\"", "\"outcome\": \"answered\", \"fallback\": \"failed\"");
        let lines = [
            line("better", fell),
            line("worse", fell),
            line("again", &format!("{fell}, \"n\": 1")),
            line("old", "\"outcome\": \"abstained\", \"error\": \"down\""),
            line("budget", "\"outcome\": \"answered\", \"fallback\": \"budget\""),
            line("refused", "\"outcome\": \"refused\", \"error\": \"a rule\""),
            line("failed", "\"outcome\": \"failed\", \"error\": \"down\""),
            line("better", done),
            line("worse", "\"outcome\": \"failed\""),
            line("again", &format!("{fell}, \"n\": 2")),
        ];
        fs_err::write(&path, lines.concat() + "{\"key\": \"to").unwrap();
        let earlier = tidied(&path).unwrap();
        assert_eq!(earlier.done.iter().collect::<Vec<_>>(), ["better", "budget", "refused"]);
        assert_eq!(earlier.fell_back.iter().collect::<Vec<_>>(), ["again", "old", "worse"]);
        let kept = [1, 3, 4, 5, 7, 9].map(|place| lines[place].as_str()).concat();
        assert_eq!(fs_err::read_to_string(&path).unwrap(), kept);
        tidied(&path).unwrap();
        assert_eq!(fs_err::read_to_string(&path).unwrap(), kept);
    }
}
