//! Files of others, read within limits: whatever stands at a path, or comes to stand there while it is read, neither fills the memory
//! nor keeps the reader for ever.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// The longest file that is read whole where nothing else is said, in bytes.
pub const LONGEST: u64 = 1 << 30;

/// Opens a file to read. A device, or a pipe with a name, may have no end or keep whoever opens it waiting: it is refused, unless it is
/// what the process [has open](is_open) already, as a shell's `<(…)` is.
///
/// # Errors
/// They name the file.
pub fn open(path: &Path) -> io::Result<fs_err::File> {
    match plainly(path) {
        Ok(file) => Ok(fs_err::File::from_parts(file, path)),
        Err(error) => Err(named(path, &error)),
    }
}

/// Reads a whole file of at most so many bytes.
///
/// # Errors
/// They name the file; a longer one is an error.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    bytes(path, most).map_err(|error| named(path, &error))
}

/// Whether a path names what a process has open: a terminal, a pipe, or a file that may hold more than ours.
pub fn is_open(path: &Path) -> bool {
    let name = path.to_string_lossy();
    ["/dev/stdin", "/dev/stdout", "/dev/stderr"].contains(&&*name)
        || name.starts_with("/dev/fd/")
        || (name.starts_with("/proc/") && name.contains("/fd/"))
}

/// As [`read`], with errors for whoever names the file.
pub(crate) fn bytes(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    plainly(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::other(format!("it is longer than {} MiB", most >> 20)));
    }
    Ok(bytes)
}

fn plainly(path: &Path) -> io::Result<File> {
    let there = std::fs::metadata(path)?;
    if !there.is_file() && !there.is_dir() && !is_open(path) {
        return Err(io::Error::other(
            "it is no file but a pipe or a device; put what it gives into a file, or name it by <(cat …)",
        ));
    }
    File::open(path)
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("failed to open file `{}`: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_far_as_it_may_be_long() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs_err::write(&path, [b'x'; 9]).unwrap();
        assert_eq!(read(&path, 9).unwrap(), [b'x'; 9]);
        let error = read(&path, 8).unwrap_err().to_string();
        assert!(error.contains("file`: it is longer than 0 MiB"), "{error}");
        assert_eq!(open(&dir.path().join("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[cfg(unix)]
    #[test]
    fn what_has_no_end_is_not_begun() {
        use std::io::Write as _;
        for device in ["/dev/zero", "/dev/null"] {
            let error = open(Path::new(device)).unwrap_err().to_string();
            assert!(error.contains("no file but a pipe or a device"), "{error}");
        }
        let (reader, mut writer) = io::pipe().unwrap();
        let open = format!("/dev/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&reader));
        if Path::new(&open).exists() {
            writer.write_all(b"streamed").unwrap();
            drop(writer);
            assert_eq!(read(Path::new(&open), 8).unwrap(), b"streamed");
        }
    }
}
