//! Files that a call reads, and those that are written from what it returns: what is read is never overwritten, no two results go to
//! one file, and whether they can be written shows before anything is calculated.

use std::io;
use std::path::{Path, PathBuf};

use tierfall::{config, fit};

use crate::Error;
use crate::ledger;
use crate::whole::{self, Beside};

/// A file or folder, and what it is: `--json`, `the fixture set`.
pub type Named = (&'static str, PathBuf);

/// What temporary files begin with.
pub const PREFIX: &str = ".tierfall";

/// What a fixture set is called.
const SET: &str = "the fixture set";

/// The files of a fixture set by its folder, and folders of which any file is one.
pub fn parts_of_set(folder: &Path) -> [Named; 5] {
    ["set.toml", "examples.jsonl", "recordings", "grades", ledger::FILE].map(|part| (SET, folder.join(part)))
}

/// Where a cascade's fit is, or would be; `None` where the cascade is wrong, which whoever reads it next will say.
pub fn fit_of(cascade: &Path) -> Option<PathBuf> {
    let loaded = config::load_unfitted(cascade).ok()?;
    Some(loaded.fit_path.clone().unwrap_or_else(|| fit::path_for(&loaded.path)))
}

/// What is read, without the set's own files under the name of `ledger`: a set's ledger may be named.
pub(crate) fn without_ledger(read: &mut Vec<Named>, ledger: &Path) {
    read.retain(|(what, path)| *what != SET || !same(path, ledger));
}

/// Whether two names are of one file.
fn same(a: &Path, b: &Path) -> bool {
    place(a).is_some_and(|a| place(b).is_some_and(|b| a == b))
}

/// Refuses results that cannot be written, or would overwrite what is read, a folder's files included, or each other.
///
/// # Errors
/// It names the results as `written` does, and what they would take the place of.
pub fn ready(read: &[Named], written: &[Named]) -> Result<(), Error> {
    apart(read, written)?;
    // Who enters a certificate makes the ledger's folder.
    written.iter().filter(|(name, _)| *name != "--ledger").try_for_each(|(_, path)| writable(path))
}

/// The same of files that are added to, which need not be replaced.
///
/// # Errors
/// It names the results as `written` does, and what they would take the place of.
pub fn apart(read: &[Named], written: &[Named]) -> Result<(), Error> {
    let refused = |why: String| {
        Err(Error::refused(why).with_hint("nothing was read and nothing written; name another file, one for each result"))
    };
    for (at, (name, path)) in written.iter().enumerate() {
        let Some(place) = place(path) else { continue };
        let below = |(_, other): &&Named| self::place(other).is_some_and(|other| place.starts_with(other));
        if let Some((what, _)) = read.iter().find(below) {
            return refused(format!("{name} {} would overwrite {what}", path.display()));
        }
        if let Some((other, _)) = written[..at].iter().find(|(_, other)| same(other, path)) {
            return refused(format!("{other} and {name} name one file, {}: one would overwrite the other", path.display()));
        }
    }
    Ok(())
}

/// Whether a file can be put where it is wanted; nothing is left there.
pub(crate) fn writable(path: &Path) -> Result<(), Error> {
    // What cannot be replaced is written into, and opening it now might wait for a reader.
    if path == Path::new("-") || whole::is_stream(path) {
        return Ok(());
    }
    let tried =
        if path.is_dir() { Err(io::Error::from(io::ErrorKind::IsADirectory)) } else { Beside::open(path, PREFIX).map(drop) };
    tried.map_err(|error| {
        Error::refused(format!("{} cannot be written: {error}", path.display()))
            .with_hint("nothing was calculated; name a file in a folder that exists and may be written to")
    })
}

/// The one path of a file under whatever name; `None` for what nothing overwrites: stdout, devices and pipes.
fn place(path: &Path) -> Option<PathBuf> {
    if path == Path::new("-") || whole::is_stream(path) {
        return None;
    }
    whole::place(path).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_under_two_names_is_found_out() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs_err::create_dir_all(at("set/recordings")).unwrap();
        fs_err::write(at("rows.jsonl"), "").unwrap();
        let read = [("the observations", at("rows.jsonl")), ("the fixture set", at("set/recordings"))];
        let said = |written: &[Named]| ready(&read, written).err().map(|error| error.to_string());
        let json = |path: PathBuf| ("--json", path);
        assert_eq!(said(&[json(at("new.json")), ("--html", at("new.html")), ("--fit-out", "-".into())]), None);
        for same in [at("rows.jsonl"), at("set/../rows.jsonl"), at("set/recordings/small.jsonl")] {
            let message = said(&[json(same)]).unwrap();
            assert!(message.contains("would overwrite the"), "{message}");
        }
        let message = said(&[json(at("new")), ("--html", at("./set/../new"))]).unwrap();
        assert!(message.contains("--json and --html name one file"), "{message}");
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(at("rows.jsonl"), at("link")).unwrap();
            assert!(said(&[json(at("link"))]).is_some());
            let null = || PathBuf::from("/dev/null");
            assert_eq!(said(&[json(null()), ("--html", null())]), None, "nothing is lost there that was not to be");
        }
    }
}
