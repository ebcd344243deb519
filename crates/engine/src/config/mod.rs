//! Cascade files: `*.cascade.toml`, read in two stages.
//!
//! The text is checked against the schema that the types of [file](self), of signals, rules and dialects declare; whatever cannot be used is
//! reported and taken out, and the rest is resolved to a [`Cascade`](tierfall_core::cascade::Cascade). So every problem of a file is found in one go, each
//! with its place. Nothing here reads the environment: which secrets are absent is asked with [`Loaded::unset_keys`].

mod check;
mod code;
mod diagnostic;
mod file;
mod loaded;
mod provider;
mod reading;
mod resolve;
mod schema;
mod types;
mod values;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::Path;

use serde::Deserialize;
use serde::de::IntoDeserializer as _;
use toml::de::DeTable;

use crate::{digest, files, fit};

pub use code::Code;
use diagnostic::Found;
pub use diagnostic::{ConfigError, Diagnostic, Severity};
#[cfg(feature = "http")]
pub(crate) use file::HeaderSource;
#[cfg(feature = "simulated")]
pub(crate) use file::SIMULATED;
pub use file::{CoverageLimit, Expect, HttpFile, KeyRef, RegressRules, Replay};
use loaded::Fits;
pub use loaded::{Loaded, Patience, UnsetKey};
pub use provider::{HttpSpec, ProviderSpec, SimulatedSpec};
use reading::ReadFile;
pub use schema::json_schema;
pub use tierfall_core::nearest::nearest;

/// Longest cascade file, and longest file that one names: far beyond any prompt, small enough to hold.
const LONGEST_FILE: u64 = 4 << 20;

/// Reads a cascade file and the files that it names, its fit among them.
pub fn load(path: impl AsRef<Path>) -> Result<Loaded, ConfigError> {
    load_with(path.as_ref(), Fits::Read(&fit::read_text))
}

/// Reads a cascade file without its fit: for what comes before there is one, or does not depend on it. Gates whose
/// threshold is to come from the fit defer all.
pub fn load_unfitted(path: impl AsRef<Path>) -> Result<Loaded, ConfigError> {
    load_with(path.as_ref(), Fits::Ignore)
}

fn load_with(path: &Path, fits: Fits<'_>) -> Result<Loaded, ConfigError> {
    match read_text(path) {
        Ok(text) => parse_with(&text, path, &read_text, fits),
        Err(why) => {
            let mut found = Found::default();
            found.error(Code::UNREADABLE, 0..0, format!("{} cannot be read: {why}", path.display()));
            Err(ConfigError { path: path.to_owned(), text: String::new(), diagnostics: found.diagnostics })
        }
    }
}

fn read_text(path: &Path) -> io::Result<String> {
    let plain = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => io::Error::new(io::ErrorKind::NotFound, "there is no such file"),
        io::ErrorKind::Other => error,
        kind => io::Error::from(kind),
    };
    let bytes = files::bytes(path, LONGEST_FILE).map_err(plain)?;
    String::from_utf8(bytes).map_err(|error| {
        let line = error.as_bytes()[..error.utf8_error().valid_up_to()].split(|b| *b == b'\n').count();
        io::Error::other(format!("line {line} is not UTF-8"))
    })
}

/// Reads a cascade from its text. `path` names it in messages and is where files are looked for, through `read`.
pub fn parse(text: &str, path: &Path, read: ReadFile<'_>) -> Result<Loaded, ConfigError> {
    parse_with(text, path, read, Fits::Read(read))
}

/// Reads a cascade from its text, without its fit; see [`load_unfitted`].
pub fn parse_unfitted(text: &str, path: &Path, read: ReadFile<'_>) -> Result<Loaded, ConfigError> {
    parse_with(text, path, read, Fits::Ignore)
}

fn parse_with(text: &str, path: &Path, read: ReadFile<'_>, fits: Fits<'_>) -> Result<Loaded, ConfigError> {
    let mut checker = check::Checker::default();
    let (mut table, errors) = DeTable::parse_recoverable(text);
    let mut loaded = None;
    if errors.is_empty() {
        let at = table.span();
        checker.table(schema::Schema::root(), table.get_mut(), &(at.start..at.start));
        let fits = (fits, table.get_ref().get("segment").and_then(digest_of));
        let serving_digest = serving_digest_of(table.get_ref());
        match file::CascadeFile::deserialize(toml::de::Deserializer::from(table)) {
            Ok(file) => {
                let resolved = resolve::resolve(&file, (text, path), read, fits, &mut checker.found);
                loaded = resolved.map(|loaded| Loaded { serving_digest, ..loaded });
            }
            Err(error) => note(&mut checker.found, Code::BAD_VALUE, &error),
        }
    } else {
        for error in &errors {
            note(&mut checker.found, Code::SYNTAX, error);
        }
    }
    let refused = checker.found.refuses(0);
    let mut diagnostics = checker.found.diagnostics;
    diagnostics.sort_by(|a, b| (a.span.start, a.code.id).cmp(&(b.span.start, b.code.id)));
    let text = masked(text, &checker.found.secret);
    if refused {
        // What is broken elsewhere may be all that they are about.
        diagnostics.retain(|diagnostic| diagnostic.severity == Severity::Error);
    }
    match loaded {
        Some(loaded) if !refused => Ok(Loaded { text, warnings: diagnostics, ..loaded }),
        _ => Err(ConfigError { path: path.to_owned(), text, diagnostics }),
    }
}

/// Notes what the TOML reader says, on one line.
fn note(found: &mut Found, code: Code, error: &toml::de::Error) {
    let message = error.message().lines().map(str::trim).collect::<Vec<_>>().join("; ");
    found.error(code, error.span().unwrap_or(0..0), message);
}

/// Reads a cascade that names no files.
pub fn parse_str(text: &str) -> Result<Loaded, ConfigError> {
    let none = |_: &Path| Err(io::Error::other("a cascade without a file of its own cannot name files"));
    parse(text, Path::new("<cascade>"), &none)
}

/// Of what a value says, not of how it is written.
fn digest_of(value: &toml::Spanned<toml::de::DeValue<'_>>) -> Option<String> {
    Some(digest::of(&serde_json::Value::deserialize(value.clone().into_deserializer()).ok()?))
}

fn serving_digest_of(table: &DeTable<'_>) -> String {
    let serves = |key: &str| !["allow", "expect", "regress", "replay"].contains(&key);
    let said = table.iter().filter(|(key, _)| serves(key.get_ref()));
    digest::of(&said.map(|(key, value)| (key.get_ref().to_string(), digest_of(value))).collect::<BTreeMap<_, _>>())
}

/// The text with secrets overwritten, every byte in its place. Where the text is no TOML, whatever follows a telling key
/// counts as a secret.
fn masked(text: &str, secret: &[Range<usize>]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let mut hide = |range: Range<usize>| {
        for byte in bytes.get_mut(range).into_iter().flatten().filter(|byte| **byte != b'\n') {
            *byte = b'*';
        }
    };
    secret.iter().cloned().for_each(&mut hide);
    let mut from = 0;
    for line in text.split_inclusive('\n') {
        let (start, lower) = (from, line.to_ascii_lowercase());
        from += line.len();
        for word in ["api-key", "api_key", "apikey", "authorization", "secret", "token\"", "-token"] {
            let Some(after) = lower.find(word).map(|at| at + word.len()) else { continue };
            let Some(equals) = lower[after..].find('=').map(|at| after + at + 1) else { continue };
            let value = lower[equals..].trim_start();
            if value.starts_with(['"', '\'']) {
                hide(start + lower.len() - value.len()..start + line.trim_end().len());
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_default()
}
