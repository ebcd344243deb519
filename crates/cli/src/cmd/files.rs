//! Files that a command reads and writes: what it reads is never overwritten, and no two results go to one file.

use std::path::{Path, PathBuf};

use tierfall::config;
use tierfall::fit;
use tierfall_workbench::ledger::Ledger;
use tierfall_workbench::{fixture_folder, whole};

use crate::args::{Inputs, Outputs};
use crate::exit::Failure;

/// A file or folder, and what it is to the command: `--json`, `the fixture set`.
pub(crate) type Named = (&'static str, PathBuf);

/// What a fixture set is called.
pub(crate) const SET: &str = "the fixture set";

/// What is read of labelled examples.
pub(crate) fn read_by(inputs: &Inputs) -> Vec<Named> {
    let mut all: Vec<Named> = inputs.observations.iter().map(|path| ("the observations", path.clone())).collect();
    let Some(cascade) = &inputs.cascade else { return all };
    all.push(("the cascade", cascade.clone()));
    if let Some(set) = &inputs.set {
        all.extend(parts_of_set(&fixture_folder(cascade, set)));
    }
    all
}

/// The files of a fixture set, and folders of which any file is one.
pub(crate) fn parts_of_set(folder: &Path) -> [Named; 5] {
    ["set.toml", "examples.jsonl", "recordings", "grades", Ledger::FILE].map(|part| (SET, folder.join(part)))
}

/// What is written besides the terminal.
pub(crate) fn written_by(outputs: &Outputs) -> Vec<Named> {
    let both = [("--json", &outputs.json), ("--html", &outputs.html)];
    both.into_iter().filter_map(|(name, path)| Some((name, path.clone()?))).collect()
}

/// Where a cascade's fit is, or would be; `None` where the cascade is wrong, which whoever reads it next will say.
pub(crate) fn fit_of(cascade: &Path) -> Option<PathBuf> {
    let loaded = config::load_unfitted(cascade).ok()?;
    Some(loaded.fit_path.clone().unwrap_or_else(|| fit::path_for(&loaded.path)))
}

/// Whether two names are of one file.
pub(crate) fn same(a: &Path, b: &Path) -> bool {
    place(a).is_some_and(|a| place(b).is_some_and(|b| a == b))
}

/// Refuses results that would overwrite what is read, a folder's files included, or each other.
pub(crate) fn apart(read: &[Named], written: &[Named]) -> Result<(), Failure> {
    let refused = |message: String| {
        Err(Failure::usage(message).with_hint("nothing was read and nothing written; name another file, one for each result"))
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
        let said = |written: &[Named]| apart(&read, written).err().map(|failure| failure.message);
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
