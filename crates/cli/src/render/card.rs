//! One answer as a person sees it who grades it: neither the tier nor what others said.

use std::fmt::Write as _;

use serde_json::Value;
use tierfall_core::request::{Content, Message, Role};
use tierfall_workbench::fixture::Example;
use tierfall_workbench::fixture::grade::{DistinctAnswer, said};

use super::printable;
use super::style::{DIM, STRONG, paint};

/// Lines of a question that are shown before it is asked for as a whole.
const LINES: usize = 12;
/// Characters of it.
const CHARS: usize = 1200;

/// The answer with its question and what is expected. `whole` shows the conversation, instructions included, and all of it.
pub(crate) fn card(answer: &DistinctAnswer<'_>, (at, of): (usize, usize), whole: bool) -> String {
    let example = answer.example;
    let place = format!("{at} of {of}");
    let names = printable::text(&format!(" · {} · {}", example.segment, example.id));
    let question = if whole { conversation(example) } else { question(example, "; m shows all") };
    format!(
        "{}{}\n\n{}{}{}",
        paint(STRONG, place),
        paint(DIM, names.trim_end()),
        part("question", &question),
        part(&format!("expected ({})", example.grader.name()), &expected(&example.expected)),
        part("answer", &something(&said(&answer.answer))),
    )
}

/// An answer that says nothing is told as such.
pub(super) fn something(said: &str) -> String {
    if said.is_empty() { "(nothing)".to_owned() } else { said.to_owned() }
}

/// What can be pressed.
const KEYS: [(&str, &str); 7] =
    [("y", "right"), ("n", "wrong"), ("h", "half right"), ("s", "skip"), ("u", "undo"), ("m", "whole question"), ("q", "quit")];

/// The same in a line.
pub(crate) fn keys() -> String {
    KEYS.map(|(key, what)| format!("{} {what}", paint(STRONG, key))).join("   ")
}

pub(super) fn part(name: &str, text: &str) -> String {
    let mut out = format!("{}\n", paint(DIM, name));
    for line in printable::text(text).trim_end().lines() {
        let _ = writeln!(out, "  {line}");
    }
    out + "\n"
}

/// The last turn of the person, cut where it is long, with what to do for `more`.
pub(super) fn question(example: &Example, more: &str) -> String {
    let asked = example.question().replace("\r\n", "\n");
    let end = asked.char_indices().nth(CHARS).map_or(asked.len(), |(end, _)| end);
    let cut = asked[..end].lines().take(LINES).collect::<Vec<_>>().join("\n");
    let turns = example.messages.iter().filter(|message| message.role != Role::System).count();
    let is_cut = (cut.trim_end().len() < asked.trim_end().len()).then(|| "cut".to_owned());
    let of_turns = (turns > 1).then(|| format!("the last of {turns} turns"));
    let hints: Vec<String> = is_cut.into_iter().chain(of_turns).collect();
    if hints.is_empty() { asked } else { format!("{cut}\n… ({}{more})", hints.join(", ")) }
}

fn conversation(example: &Example) -> String {
    match example.messages.as_slice() {
        [one] if one.role == Role::User => texts(one),
        turns => {
            let turn = |message: &Message| format!("[{}]\n{}\n", message.role.as_str(), texts(message));
            turns.iter().map(turn).collect::<Vec<_>>().join("\n")
        }
    }
}

/// What a turn says; what is no text by its type.
fn texts(message: &Message) -> String {
    let said = match &message.content {
        Some(Content::Text(text)) => text.clone(),
        Some(Content::Parts(parts)) => {
            let part = |part: &Value| match part.get("text").and_then(Value::as_str) {
                Some(text) => text.to_owned(),
                None => format!("[{}]", part.get("type").and_then(Value::as_str).unwrap_or("part")),
            };
            parts.iter().map(part).collect::<Vec<_>>().join("\n")
        }
        None => String::new(),
    };
    let calls = message.tool_calls.as_ref().map(|calls| format!("[tool calls] {calls}"));
    let there = [Some(said).filter(|said| !said.is_empty()), calls];
    there.into_iter().flatten().collect::<Vec<_>>().join("\n")
}

pub(super) fn expected(expected: &Value) -> String {
    match expected {
        Value::Null => "(nothing in particular)".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(all) if all.iter().all(Value::is_string) => {
            all.iter().filter_map(Value::as_str).map(|text| format!("- {text}")).collect::<Vec<_>>().join("\n")
        }
        other => serde_json::to_string_pretty(other).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn whatever_is_expected_is_shown() {
        let shown = |value: Value| expected(&value);
        assert_eq!(shown(json!("a")), "a");
        assert_eq!(shown(json!(["a", "b"])), "- a\n- b");
        assert_eq!(shown(json!({"a": 1})), "{\n  \"a\": 1\n}");
        assert_eq!(shown(json!(null)), "(nothing in particular)");
    }

    #[test]
    fn turns_are_told_apart() {
        let message = |json: Value| serde_json::from_value::<Message>(json).unwrap();
        let parts = message(json!({"role": "user", "content": [{"type": "text", "text": "What is it?"}, {"type": "image_url"}]}));
        assert_eq!(texts(&parts), "What is it?\n[image_url]");
        let calls = message(json!({"role": "assistant", "tool_calls": [{"id": "1"}]}));
        assert_eq!(texts(&calls), "[tool calls] [{\"id\":\"1\"}]");
    }
}
