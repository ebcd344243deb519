//! Queries from the command line, from stdin and from files.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Read as _};

use serde::Deserialize;
use tierfall::Ask;
use tierfall_core::request::Message;
use tierfall_workbench::json_reason;

use crate::Failure;

/// The longest query that is read, in bytes: all of stdin, or a line of a batch.
pub(crate) const LONGEST: u64 = 16 << 20;

/// The query of a command line: an argument, or stdin for `-` and for nothing.
pub(crate) fn prompt(argument: Option<&str>) -> Result<String, Failure> {
    match argument {
        Some("-") => stdin(),
        Some(prompt) if prompt.trim().is_empty() => Err(Failure::usage("the query is empty")),
        Some(prompt) => Ok(prompt.to_owned()),
        None if std::io::stdin().is_terminal() => Err(Failure::usage("there is no query")
            .with_hint("give one as an argument, or pipe it in: echo \"…\" | tierfall run CASCADE")),
        None => stdin(),
    }
}

fn stdin() -> Result<String, Failure> {
    let mut bytes = Vec::new();
    std::io::stdin().take(LONGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LONGEST {
        return Err(Failure::usage(format!("the query on stdin is longer than {} MiB", LONGEST >> 20)));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        Failure::usage(format!("the query on stdin is not UTF-8 from byte {}", error.utf8_error().valid_up_to()))
    })?;
    let text = text.trim_end_matches(['\n', '\r']);
    if text.trim().is_empty() { Err(Failure::usage("the query on stdin is empty")) } else { Ok(text.to_owned()) }
}

/// One line of a batch.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: Option<String>,
    query: Option<String>,
    messages: Option<Vec<Message>>,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    point: Option<String>,
}

/// One query of a batch.
#[derive(Debug)]
pub(crate) struct Query {
    /// Finds the query again in a resumed run: its id, or its line.
    pub(crate) key: String,
    /// What is asked.
    pub(crate) ask: Ask,
    /// The operating point that the line names.
    pub(crate) point: Option<String>,
}

/// Reads one line of a batch; the error says what is wrong with it, without file and line.
pub(crate) fn query(line: &str, number: usize) -> Result<Query, String> {
    let Line { id, query, messages, tags, point } =
        serde_json::from_str(line).map_err(|error| format!("{} at column {}", json_reason(&error), error.column()))?;
    let mut ask = match (query, messages) {
        (Some(query), None) => Ask::from(query),
        (None, Some(messages)) if !messages.is_empty() => Ask::from(messages),
        (None, Some(_)) => return Err("\"messages\" is empty".to_owned()),
        (Some(_), Some(_)) => return Err("it has both \"query\" and \"messages\"".to_owned()),
        (None, None) => return Err("it has neither \"query\" nor \"messages\"".to_owned()),
    };
    ask = tags.into_iter().fold(ask, |ask, (key, value)| ask.with_tag(key, value));
    if let Some(point) = &point {
        ask = ask.at_point(point.as_str());
    }
    if let Some(id) = &id {
        ask = ask.with_id(id.as_str());
    }
    Ok(Query { key: id.unwrap_or_else(|| format!("line {number}")), ask, point })
}

#[cfg(test)]
mod tests {
    use super::query;

    #[test]
    fn lines_say_what_is_wrong_with_them() {
        for (line, why) in [
            ("{}", "neither"),
            (r#"{"query": "a", "messages": []}"#, "both"),
            (r#"{"messages": []}"#, "empty"),
            (r#"{"query": "a", "idd": "b"}"#, "unknown field `idd`"),
            (r#"{"query": "a""#, "EOF"),
        ] {
            let error = query(line, 1).unwrap_err();
            assert!(error.contains(why), "{line}: {error}");
        }
        assert_eq!(query(r#"{"query": "a"}"#, 7).unwrap().key, "line 7");
        assert_eq!(query(r#"{"query": "a", "id": "x"}"#, 7).unwrap().key, "x");
    }
}
