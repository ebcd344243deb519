//! The file, written like a lockfile.

use std::fmt::Write as _;

use tierfall_core::fit::Fit;
use toml::{Table, Value};

use super::file::HEADER;
use crate::digest;

/// The text of a fit's file; an error says what TOML cannot express.
pub fn render(fit: &Fit) -> Result<String, String> {
    let table = Table::try_from(fit).map_err(|error| error.to_string())?;
    let mut body = String::new();
    let top = ["version", "cascade", "salt"];
    for key in top {
        line(&mut body, key, &table[key]);
    }
    for key in table.keys().filter(|key| !top.contains(&key.as_str())) {
        // The numbers come last: they are what most changes.
        if !matches!(key.as_str(), "tier" | "point") {
            section(&mut body, key, false, &table[key]);
        }
    }
    for key in ["tier", "point"] {
        for entry in table[key].as_array().into_iter().flatten() {
            section(&mut body, key, true, entry);
        }
    }
    Ok(format!("{HEADER}{}\n{body}", digest::of_bytes(body.as_bytes())))
}

/// A table under a heading of its own. Of the tables in it, those that have many lines get headings too.
fn section(out: &mut String, path: &str, repeated: bool, value: &Value) {
    let Some(table) = value.as_table() else { return };
    // Writing to a string cannot fail.
    let _ = if repeated { writeln!(out, "\n[[{path}]]") } else { writeln!(out, "\n[{path}]") };
    let long = |key: &str| matches!(key, "binding" | "guarantee" | "segments" | "require" | "signals");
    // `name` first, whatever the alphabet says: it is what one looks for.
    for (key, value) in table.iter().filter(|(key, _)| *key == "name").chain(table.iter().filter(|(key, _)| *key != "name")) {
        if !(long(key) && value.is_table()) {
            line(out, key, value);
        }
    }
    for (key, value) in table.iter().filter(|(key, value)| long(key) && value.is_table()) {
        section(out, &format!("{path}.{key}"), false, value);
    }
}

/// A key as a basic string, which unlike a value can never be one of several lines.
fn quoted(key: &str) -> String {
    let escaped = key.chars().fold(String::new(), |mut escaped, letter| {
        let _ = match letter {
            '"' | '\\' => write!(escaped, "\\{letter}"),
            control if control.is_control() => write!(escaped, "\\u{:04X}", u32::from(control)),
            letter => write!(escaped, "{letter}"),
        };
        escaped
    });
    format!("\"{escaped}\"")
}

fn line(out: &mut String, key: &str, value: &Value) {
    let bare = !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    let key = if bare { key.to_owned() } else { quoted(key) };
    let _ = match value {
        Value::Array(items) if items.iter().any(Value::is_table) => {
            let _ = writeln!(out, "{key} = [");
            let _ = items.iter().try_for_each(|item| writeln!(out, "    {item},"));
            writeln!(out, "]")
        }
        value => writeln!(out, "{key} = {value}"),
    };
}
