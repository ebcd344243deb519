//! The file, read with the line of whatever is wrong with it.

use std::io;
use std::path::{Path, PathBuf};

use tierfall_core::fit::Fit;
use tierfall_core::map::ScoreMap;

use crate::{digest, files};

/// The version of the format.
const VERSION: u32 = 1;

/// What a point is called that is in force where a request names none.
const DEFAULT: &str = "default";

pub(super) const HEADER: &str =
    "# Written by `tierfall calibrate`; do not edit: what is promised holds for these numbers alone.\n# sha256 ";

/// Why a fit cannot be read or written. Its `Debug` is its message.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum FitFileError {
    /// The file is not there.
    #[error("there is no {}", .0.display())]
    Missing(PathBuf),
    /// The file system refuses.
    #[error("{}: {why}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        why: io::Error,
    },
    /// What stands there is no fit.
    #[error("{}, line {line}: {why}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
    /// The fit has a number that TOML cannot say.
    #[error("{}: the fit cannot be written: {why}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What cannot be said.
        why: String,
    },
}

tierfall_core::debug_is_message!(FitFileError);

/// Reads a fit.
pub fn read(path: impl AsRef<Path>) -> Result<Fit, FitFileError> {
    let path = path.as_ref();
    match read_text(path) {
        Ok(text) => parse(&text, path),
        Err(why) if why.kind() == io::ErrorKind::NotFound => Err(FitFileError::Missing(path.to_owned())),
        Err(why) => Err(FitFileError::Io { path: path.to_owned(), why }),
    }
}

pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    String::from_utf8(files::bytes(path, files::LONGEST)?).map_err(|_| io::Error::other("it is not UTF-8"))
}

/// Reads a fit from its text; `path` names it in messages.
pub fn parse(text: &str, path: &Path) -> Result<Fit, FitFileError> {
    // A checkout may have other line ends than what was written.
    let text = text.replace("\r\n", "\n");
    let broken = |at: usize, why: String| {
        let line = text[..at.min(text.len())].matches('\n').count() + 1;
        FitFileError::Broken { path: path.to_owned(), line, why }
    };
    let fit: Fit = toml::from_str(&text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        broken(at, error.message().lines().map(str::trim).collect::<Vec<_>>().join("; "))
    })?;
    let Some((sum, body)) = text.strip_prefix(HEADER).and_then(|rest| rest.split_once('\n')) else {
        return Err(broken(0, "the first lines are not those that `tierfall calibrate` writes".to_owned()));
    };
    if sum != digest::of_bytes(body.as_bytes()) {
        return Err(broken(HEADER.len(), "the checksum is not that of what follows: the file was edited".to_owned()));
    }
    sound(&fit).map_err(|why| broken(HEADER.len(), why))?;
    Ok(fit)
}

/// What the types cannot promise.
pub(super) fn sound(fit: &Fit) -> Result<(), String> {
    if fit.version != VERSION {
        return Err(format!("it is of version {} of the format, and this program reads {VERSION}", fit.version));
    }
    let Some((last, gated)) = fit.tier.split_last() else { return Err("it has no tier".to_owned()) };
    if let Some(tier) = gated.iter().find(|tier| tier.gate.is_none()).or(Some(last).filter(|last| last.gate.is_some())) {
        return Err(format!("every tier but the last has a gate, and \"{}\" is not so", tier.name));
    }
    for (place, tier) in fit.tier.iter().enumerate() {
        if let Some(Err(why)) = tier.map.as_ref().map(ScoreMap::check) {
            return Err(format!("tier[{place}].map, of \"{}\": {why}", tier.name));
        }
    }
    if fit.point.first().is_none_or(|first| first.name != DEFAULT) {
        return Err(format!("its first operating point is not \"{DEFAULT}\""));
    }
    for (place, point) in fit.point.iter().enumerate() {
        if fit.point[..place].iter().any(|before| before.name == point.name) {
            return Err(format!("two operating points are named \"{}\"", point.name));
        }
        if point.segments.values().chain([&point.cuts]).any(|cuts| cuts.len() != gated.len()) {
            return Err(format!(
                "the operating point \"{}\" does not have one cut for each of the {} gates",
                point.name,
                gated.len()
            ));
        }
    }
    Ok(())
}
