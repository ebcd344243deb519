//! Files that are replaced whole or not at all.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use tierfall::files;

/// Writes a file beside its place and puts it there in one step. Whoever reads it sees the old file or the new one, and of
/// several who write it at once, each writes its own. A link goes on pointing to where it did, and a file that was there keeps its
/// permissions. What is no file, like a pipe or a terminal, is written into: it cannot be replaced.
///
/// Meanwhile it is named `PREFIX….tmp`.
pub fn write(path: &Path, prefix: &str, bytes: &[u8]) -> io::Result<()> {
    let file = Beside::open(path, prefix)?;
    file.handle()?.write_all(bytes)?;
    file.put()
}

/// A file that is written beside its place, and put there in one step, as [`write()`] does. Dropped before that it leaves nothing, not
/// even where somebody still writes to it: whoever holds it when a command is told to end cleans up.
#[derive(Debug)]
pub struct Beside {
    /// Where the file really is, or will be.
    place: PathBuf,
    written: Written,
}

#[derive(Debug)]
enum Written {
    Whole(NamedTempFile),
    /// A device or a pipe, whose place no file may take.
    Through(File),
}

impl Beside {
    /// Begins one under a name that nobody else has.
    pub fn open(path: &Path, prefix: &str) -> io::Result<Self> {
        if is_stream(path) {
            return Ok(Self { place: path.to_owned(), written: Written::Through(through(path)?) });
        }
        let place = place(path)?;
        let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        // A temporary file is its owner's alone unless that is said; this one is as readable as any that its owner makes.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.prefix(prefix).suffix(".tmp").tempfile_in(folder)?;
        Ok(Self { place, written: Written::Whole(file) })
    }

    /// To write to.
    pub fn handle(&self) -> io::Result<File> {
        match &self.written {
            Written::Whole(file) => file.as_file().try_clone(),
            Written::Through(file) => file.try_clone(),
        }
    }

    /// Puts it in its place. Who may read a file that was there may read this one.
    pub fn put(self) -> io::Result<()> {
        let Written::Whole(file) = self.written else { return Ok(()) };
        if let Ok(before) = std::fs::metadata(&self.place) {
            file.as_file().set_permissions(before.permissions())?;
        }
        file.as_file().sync_all()?;
        file.persist(&self.place).map(drop).map_err(|error| error.error)
    }
}

/// Whether there is something at a path that cannot be replaced: neither a file nor a folder, or what a process has open, which may be a
/// file that holds more than ours.
pub fn is_stream(path: &Path) -> bool {
    files::is_open(path) || std::fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir())
}

/// Where a file really is, or will be: links are followed, also those to what is not there yet.
pub(crate) fn place(path: &Path) -> io::Result<PathBuf> {
    /// As many as systems follow.
    const LINKS: usize = 40;
    let mut at = path.to_owned();
    for _ in 0..LINKS {
        let folder = at.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // Of a folder that is not there it is for the one who writes to say so.
        let folder = std::fs::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        let Some(name) = at.file_name() else { return std::fs::canonicalize(&at) };
        at = folder.join(name);
        match std::fs::read_link(&at) {
            Ok(next) => at = folder.join(next),
            Err(_) => return Ok(at),
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "links lead around in a circle"))
}

/// Opens what cannot be replaced, to add to it. A pipe that nobody reads is an error: waiting for a reader could not be interrupted.
#[cfg(unix)]
pub fn through(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};

    use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};

    if !std::fs::metadata(path)?.file_type().is_fifo() {
        return OpenOptions::new().append(true).open(path);
    }
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = OpenOptions::new().append(true).custom_flags(flags).open(path).map_err(|error| match error.raw_os_error() {
        Some(code) if code == rustix::io::Errno::NXIO.raw_os_error() => {
            io::Error::new(error.kind(), "it is a pipe that nobody reads")
        }
        _ => error,
    })?;
    fcntl_setfl(&file, fcntl_getfl(&file)?.difference(OFlags::NONBLOCK))?;
    Ok(file)
}

#[cfg(not(unix))]
pub fn through(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).open(path)
}

/// The same, with an error that names the file.
pub(crate) fn write_named(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write(path, ".tierfall", bytes)
        .map_err(|error| io::Error::new(error.kind(), format!("{} could not be written: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_alike_names_are_written_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let paths = ["certs.train", "certs.test"].map(|name| dir.path().join(name));
        std::thread::scope(|scope| {
            for path in &paths {
                scope.spawn(move || {
                    for n in 0..50 {
                        write(path, ".x", format!("{} {n}", path.display()).as_bytes()).unwrap();
                    }
                });
            }
        });
        for path in &paths {
            assert_eq!(fs_err::read_to_string(path).unwrap(), format!("{} 49", path.display()));
        }
        assert_eq!(fs_err::read_dir(dir.path()).unwrap().count(), 2, "nothing is left beside them");
    }

    #[cfg(unix)]
    #[test]
    fn it_is_as_readable_as_any_other_file() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let mode = |name: &str| fs_err::metadata(dir.path().join(name)).unwrap().permissions().mode();
        fs_err::write(dir.path().join("plain"), "").unwrap();
        write(&dir.path().join("whole"), "", b"").unwrap();
        assert_eq!(mode("whole"), mode("plain"));
    }

    #[cfg(unix)]
    #[test]
    fn what_is_there_stays_what_it_was() {
        use std::io::Read as _;
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs_err::write(path("target"), "old").unwrap();
        fs_err::set_permissions(path("target"), std::fs::Permissions::from_mode(0o640)).unwrap();
        fs_err::os::unix::fs::symlink("target", path("link")).unwrap();
        write(&path("link"), ".x", b"new").unwrap();
        assert!(fs_err::symlink_metadata(path("link")).unwrap().is_symlink());
        assert_eq!(fs_err::read_to_string(path("target")).unwrap(), "new");
        assert_eq!(fs_err::metadata(path("target")).unwrap().permissions().mode() & 0o777, 0o640);
        // A link to what is not there yet, and one that leads nowhere.
        fs_err::create_dir(path("o")).unwrap();
        fs_err::os::unix::fs::symlink("o/later", path("early")).unwrap();
        write(&path("early"), ".x", b"new").unwrap();
        assert!(fs_err::symlink_metadata(path("early")).unwrap().is_symlink() && path("o/later").is_file());
        fs_err::os::unix::fs::symlink("around", path("around")).unwrap();
        assert!(write(&path("around"), ".x", b"").unwrap_err().to_string().contains("circle"));
        // Nobody reads a pipe: that is said, and not waited for.
        let made = std::process::Command::new("mkfifo").arg(path("fifo")).status().is_ok_and(|status| status.success());
        if made {
            assert!(write(&path("fifo"), ".x", b"").unwrap_err().to_string().contains("nobody reads"));
        }
        // What a process has open may be a log with more in it.
        let log = fs_err::OpenOptions::new().append(true).create(true).open(path("log")).unwrap();
        fs_err::write(path("log"), "before\n").unwrap();
        let open = PathBuf::from(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(log.file())));
        if open.exists() {
            write(&open, ".x", b"after\n").unwrap();
            assert_eq!(fs_err::read_to_string(path("log")).unwrap(), "before\nafter\n");
        }

        let (mut reader, writer) = io::pipe().unwrap();
        let pipe = PathBuf::from(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&writer)));
        if pipe.exists() {
            write(&pipe, ".x", b"streamed").unwrap();
            drop(writer);
            let mut read = String::new();
            reader.read_to_string(&mut read).unwrap();
            assert_eq!(read, "streamed");
        }
    }

    #[test]
    fn an_error_names_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let error = write_named(&dir.path().join("none/file"), b"").unwrap_err().to_string();
        assert!(error.contains("none/file could not be written: "), "{error}");
    }
}
