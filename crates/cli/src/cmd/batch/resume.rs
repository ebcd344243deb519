//! The results of an earlier run: what need not be asked again, and what is.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;

use fs_err::File;
use serde::Deserialize;
use tierfall::files;
use tierfall_core::trace::Fallback;
use tierfall_workbench::locked;
use tierfall_workbench::whole::{self, Beside};

use crate::Failure;

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
            // Older files have no word for it, but the error of the call that ended the chain.
            (outcome, None) if outcome != "refused" && self.error.is_some() => Worth::FellBack,
            _ => Worth::Done,
        }
    }
}

/// Opens an output file to add to it, and says what it holds. While it is open, no other run has it.
pub(super) fn open(path: &Path) -> Result<(File, Earlier), Failure> {
    // What is no file cannot be read again.
    if whole::is_stream(path) {
        let through = whole::through(path).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
        return Ok((File::from_parts(through, path), Earlier::default()));
    }
    let held = hold(path)?;
    let (earlier, replaced) = tidied(path)?;
    Ok((if replaced { hold(path)? } else { held }, earlier))
}

fn hold(path: &Path) -> Result<File, Failure> {
    let used = || Failure::usage(format!("another run is writing to {}", path.display()));
    locked::now(path)?.ok_or_else(|| used().with_hint("name another --out file, or wait until it has ended"))
}

/// Reads an output file, and leaves one line a query in it: of several the best, of equals the last. Failures are taken out,
/// to be asked again; so is a line that was cut. Also says whether another file was put in its place.
pub(super) fn tidied(path: &Path) -> Result<(Earlier, bool), Failure> {
    // By key: how much its best line is worth, and where that is.
    let mut best: BTreeMap<String, (Worth, usize)> = BTreeMap::new();
    let mut n = 0;
    for line in lines(path)? {
        let line = line?;
        match serde_json::from_slice::<Line>(&line) {
            _ if !line.ends_with(b"\n") => {}
            Ok(line) => {
                let this = (line.worth(), n);
                let known = best.entry(line.key).or_insert(this);
                *known = (*known).max(this);
            }
            Err(error) => {
                return Err(Failure::usage(format!(
                    "{}:{}: this is no result of an earlier run: {error}",
                    path.display(),
                    n + 1
                ))
                .with_hint("name another --out file; this one is left as it is"));
            }
        }
        n += 1;
    }
    best.retain(|_, (worth, _)| *worth > Worth::Failed);
    let replaced = best.len() < n;
    if replaced {
        let places: BTreeSet<usize> = best.values().map(|(_, place)| *place).collect();
        let beside = Beside::open(path, ".tierfall")?;
        let mut file = BufWriter::new(beside.handle()?);
        for (_, line) in lines(path)?.enumerate().filter(|(place, _)| places.contains(place)) {
            file.write_all(&line?)?;
        }
        file.flush()?;
        beside.put()?;
    }
    let of = |wanted: Worth| best.iter().filter(|(_, (worth, _))| *worth == wanted).map(|(key, _)| key.clone()).collect();
    Ok((Earlier { done: of(Worth::Done), fell_back: of(Worth::FellBack) }, replaced))
}

/// The lines of a file with their ends, one at a time; the last one may have none.
fn lines(path: &Path) -> Result<impl Iterator<Item = std::io::Result<Vec<u8>>> + use<>, Failure> {
    let mut file = BufReader::new(files::open(path)?);
    Ok(std::iter::from_fn(move || {
        let mut line = Vec::new();
        let read = file.read_until(b'\n', &mut line);
        read.map(|n| (n > 0).then_some(line)).transpose()
    }))
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
        // Cut in the middle of a character.
        fs_err::write(&path, [lines.concat().as_bytes(), b"{\"key\": \"to\xc3"].concat()).unwrap();
        let (earlier, replaced) = tidied(&path).unwrap();
        assert!(replaced);
        assert_eq!(earlier.done.iter().collect::<Vec<_>>(), ["better", "budget", "refused"]);
        assert_eq!(earlier.fell_back.iter().collect::<Vec<_>>(), ["again", "old", "worse"]);
        let kept = [1, 3, 4, 5, 7, 9].map(|place| lines[place].as_str()).concat();
        assert_eq!(fs_err::read_to_string(&path).unwrap(), kept);
        assert!(!tidied(&path).unwrap().1);
        assert_eq!(fs_err::read_to_string(&path).unwrap(), kept);
    }
}
