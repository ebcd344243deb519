//! Writing fits.

use std::path::Path;

use tierfall::fit::{FitFileError, render};
use tierfall_core::fit::Fit;

use crate::whole;

/// Writes a fit; the file is replaced whole or not at all, and the same fit gives the same bytes.
pub fn write(path: impl AsRef<Path>, fit: &Fit) -> Result<(), FitFileError> {
    let path = path.as_ref();
    let text = render(fit).map_err(|why| FitFileError::Unwritable { path: path.to_owned(), why })?;
    whole::write(path, ".fit", text.as_bytes()).map_err(|why| FitFileError::Io { path: path.to_owned(), why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fit_written_twice_is_the_same_file_and_nothing_is_left_beside_it() {
        let fit = Fit {
            version: 1,
            cascade: "a".to_owned(),
            salt: "a".to_owned(),
            provenance: tierfall_core::fit::Provenance::default(),
            tier: Vec::new(),
            point: Vec::new(),
        };
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.fit.toml");
        write(&path, &fit).unwrap();
        let first = fs_err::read(&path).unwrap();
        write(&path, &fit).unwrap();
        assert_eq!(fs_err::read(&path).unwrap(), first);
        assert_eq!(fs_err::read_dir(dir.path()).unwrap().count(), 1);
        assert!(matches!(write(dir.path().join("no/such/folder.fit.toml"), &fit), Err(FitFileError::Io { .. })));
    }
}
