//! Files that are replaced whole or not at all.

use std::io::{self, Write as _};
use std::path::Path;

/// Writes a file beside its place, named `.PREFIX…` meanwhile, and puts it there in one step. Whoever reads it sees the old
/// file or the new one.
pub(crate) fn write(path: &Path, prefix: &str, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(prefix).tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    // A temporary file is its owner's alone; this one is as readable as what lies beside it.
    #[cfg(unix)]
    file.as_file().set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    file.persist(path).map(drop).map_err(|error| error.error)
}
