//! Files that one process changes at a time, although they are replaced by others meanwhile.

use std::io;
use std::path::Path;

/// The file at `path`, begun where there is none; nobody else has it locked while the result lives. Waits for whoever has.
pub(crate) fn wait(path: &Path) -> io::Result<fs_err::File> {
    loop {
        let file = open(path)?;
        file.file().lock()?;
        if is_at(&file, path)? {
            return Ok(file);
        }
    }
}

/// The same without waiting: `None` while another process has it.
pub fn now(path: &Path) -> io::Result<Option<fs_err::File>> {
    loop {
        let file = open(path)?;
        match file.file().try_lock() {
            Err(std::fs::TryLockError::WouldBlock) => return Ok(None),
            Err(std::fs::TryLockError::Error(error)) => return Err(error),
            Ok(()) if is_at(&file, path)? => return Ok(Some(file)),
            Ok(()) => {}
        }
    }
}

fn open(path: &Path) -> io::Result<fs_err::File> {
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder)?;
    }
    fs_err::OpenOptions::new().read(true).append(true).create(true).open(path)
}

/// Whether a locked file is still the one at its path: whoever held the lock before may have put another one there, or removed it.
#[cfg(unix)]
fn is_at(file: &fs_err::File, path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::MetadataExt;
    let held = file.metadata()?;
    match fs_err::metadata(path) {
        Ok(there) => Ok((held.dev(), held.ino()) == (there.dev(), there.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(not(unix))]
fn is_at(_: &fs_err::File, _: &Path) -> io::Result<bool> {
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_had_by_one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("folder/file");
        let file = now(&path).unwrap().unwrap();
        assert!(now(&path).unwrap().is_none());
        drop(file);
        assert!(now(&path).unwrap().is_some());
    }

    #[cfg(unix)]
    #[test]
    fn what_was_replaced_or_removed_meanwhile_is_not_taken_for_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let old = open(&path).unwrap();
        assert!(is_at(&old, &path).unwrap());
        fs_err::rename(&path, dir.path().join("elsewhere")).unwrap();
        assert!(!is_at(&old, &path).unwrap());
        fs_err::write(&path, "another").unwrap();
        assert!(!is_at(&old, &path).unwrap());
    }

    #[test]
    fn whoever_waited_gets_the_file_that_is_there_by_then() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let first = wait(&path).unwrap();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| {
                use std::io::Write as _;
                wait(&path).unwrap().write_all(b"kept").unwrap();
            });
            // Whether or not the other one waits by now, what it writes must not go with the old file.
            crate::whole::write(&path, ".x", b"").unwrap();
            drop(first);
            second.join().unwrap();
        });
        assert_eq!(fs_err::read_to_string(&path).unwrap(), "kept");
    }
}
