//! The reference of cascade files, in Markdown: from the same tables that the parser checks with.

use std::fmt::{self, Write};

use serde_json::Value;
use tierfall_core::rule::table as rules;
use tierfall_wire::dialect::table as dialects;

use super::check::SIMULATED;
use super::code::Code;
use super::shape::{Key, Kind, Need, Shape, Together, range};
use super::{keys, signals};

/// A file that uses most of it.
pub(crate) const EXAMPLE: &str = include_str!("example.cascade.toml");

/// The reference of cascade files, in Markdown.
pub fn reference() -> String {
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut out);
    out
}

fn write(out: &mut String) -> fmt::Result {
    writeln!(out, "# Cascade files\n")?;
    writeln!(out, "<!-- Written by a test from the parser's own tables; UPDATE_SCHEMA=1 cargo test -p tierfall config -->\n")?;
    writeln!(
        out,
        "A cascade is one TOML file, `NAME.cascade.toml`. Keys that nothing reads are errors. Paths are relative to the file; \
         secrets only ever come from the environment.\n"
    )?;
    writeln!(out, "```toml\n#:schema ./cascade.schema.json\n{EXAMPLE}```\n")?;
    shape(out, "The file", &keys::CASCADE)?;

    writeln!(out, "## `[provider.NAME.KIND]`\n\nThe kind of a provider is the key below its name.\n")?;
    writeln!(out, "| kind | |\n|---|---|")?;
    for dialect in dialects::DIALECTS {
        writeln!(out, "| `{}` | {} |", dialect.name, cell(dialect.about))?;
    }
    writeln!(out, "| `{SIMULATED}` | {} |\n", cell(keys::SIMULATED.about))?;
    shape(out, "`[provider.NAME.DIALECT]`", &keys::HTTP)?;
    shape(out, "`[provider.NAME.simulated]`", &keys::SIMULATED)?;

    shape(out, "`[[rule]]`", &keys::RULE)?;
    writeln!(out, "### Kinds of rule\n")?;
    for kind in rules::KINDS {
        let schema: Value = serde_json::from_str(kind.schema).unwrap_or_default();
        writeln!(out, "#### `{}`\n\n{}\n", kind.name, kind.about)?;
        match schema["properties"].as_object() {
            Some(_) => options(out, &schema["properties"], &schema["required"])?,
            None => writeln!(out, "Takes {}: `{} = …`.\n", described(&schema), kind.name)?,
        }
    }

    shape(out, "`[segment]`", &keys::SEGMENT)?;
    shape(out, "`[[segment.rule]]`", &keys::SEGMENT_RULE)?;
    shape(out, "`[[tier]]`", &keys::TIER)?;
    writeln!(
        out,
        "### Signals\n\nA signal is written as its name, or as its name with options: `\"mean-logprob\"`, \
         `{{ quantile-logprob = {{ alpha = 0.1 }} }}`.\n"
    )?;
    for known in signals::all() {
        writeln!(out, "#### `{}`\n\n{}.\n", known.name, sentence(known.about))?;
        if known.options.as_object().is_some_and(|options| !options.is_empty()) {
            options(out, &known.options, &known.required)?;
        }
    }

    shape(out, "`[policy]`", &keys::POLICY)?;
    for key in keys::CASCADE.keys {
        if let ("replay" | "expect" | "regress", Some((_, inner))) = (key.name, nested(&key.kind)) {
            let heading = if key.name == "expect" { "`[[expect]]`".to_owned() } else { format!("`[{}]`", key.name) };
            shape(out, &heading, inner)?;
        }
    }

    writeln!(out, "## Problems\n\n| code | |\n|---|---|")?;
    for code in Code::ALL {
        writeln!(out, "| {} | {} |", code.id, cell(code.about))?;
    }
    Ok(())
}

/// The table of a shape, followed by those of its inner tables that have no heading of their own.
fn shape(out: &mut String, heading: &str, shape: &'static Shape) -> fmt::Result {
    writeln!(out, "## {heading}\n")?;
    rows(out, shape)?;
    let mut open: Vec<(String, &'static Shape)> = inner(shape, "");
    while !open.is_empty() {
        let (path, next) = open.remove(0);
        writeln!(out, "### `{path}`\n")?;
        rows(out, next)?;
        let deeper = inner(next, &format!("{path}."));
        open.splice(0..0, deeper);
    }
    Ok(())
}

fn inner(shape: &'static Shape, prefix: &str) -> Vec<(String, &'static Shape)> {
    let own = ["provider", "rule", "segment", "tier", "policy", "replay", "expect", "regress"];
    let keys = shape.keys.iter().filter(|key| !own.contains(&key.name));
    // One key says enough of itself in the row above.
    keys.filter_map(|key| nested(&key.kind).map(|(name, inner)| (format!("{prefix}{}{name}", key.name), inner)))
        .filter(|(_, inner)| !(inner.rule == Together::One && inner.keys.len() == 1))
        .collect()
}

fn nested(kind: &Kind) -> Option<(&'static str, &'static Shape)> {
    match kind {
        Kind::Table(shape) => Some(("", shape)),
        Kind::List(of) => nested(of),
        Kind::Names(of) => nested(of).map(|(_, shape)| (".NAME", shape)),
        Kind::Either(kinds) => kinds.iter().filter_map(nested).find(|(_, shape)| shape.keys.len() > 1),
        _ => None,
    }
}

fn rows(out: &mut String, shape: &Shape) -> fmt::Result {
    writeln!(out, "{}\n\n| key | value | default | |\n|---|---|---|---|", shape.about)?;
    for Key { name, kind, need, about } in shape.keys {
        let default = match (need, shape.rule) {
            (_, Together::One) => "one of these".to_owned(),
            (Need::Required, _) => "required".into(),
            (Need::Optional, _) => String::new(),
            (Need::Default(default), _) => format!("`{default}`"),
        };
        writeln!(out, "| `{name}` | {} | {default} | {} |", cell(&value(kind)), cell(about))?;
    }
    writeln!(out)
}

fn value(kind: &Kind) -> String {
    match kind {
        Kind::Text => "text".into(),
        Kind::Name => "name".into(),
        Kind::Variable => "environment variable".into(),
        Kind::Model => "`\"provider/model\"`".into(),
        Kind::Flag => "`true`, `false`".into(),
        Kind::Whole { min: i64::MIN, max: i64::MAX } => "whole number".into(),
        Kind::Whole { min, max } if min == max => format!("`{min}`"),
        Kind::Whole { min, max: i64::MAX } => format!("whole number from {min}"),
        Kind::Whole { min, max } => format!("whole number from {min} to {max}"),
        Kind::Number { min, max } => format!("number {}", range(*min, *max)),
        Kind::Nominal => "number from 0 to 1".into(),
        Kind::Score => "number".into(),
        Kind::Duration => "`\"500ms\"`, `\"30s\"`, `\"2m\"`, `\"1h\"`".into(),
        Kind::Money { .. } => "USD, as `\"0.04\"` or a number".into(),
        Kind::Word(words) => words.iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(", "),
        Kind::List(of) => format!("list of: {}", value(of)),
        Kind::Table(Shape { rule: Together::One, keys: [key], .. }) => format!("`{{ {} = … }}`", key.name),
        Kind::Table(_) => "table".into(),
        Kind::Names(of) => format!("names, each with: {}", value(of)),
        Kind::Either(kinds) => kinds.iter().map(value).collect::<Vec<_>>().join(", or "),
        Kind::Json => "anything that JSON can say".into(),
        Kind::Provider => "provider".into(),
        Kind::Signal => "[signal](#signals)".into(),
        Kind::Rule(_) => "rule".into(),
    }
}

fn options(out: &mut String, properties: &Value, required: &Value) -> fmt::Result {
    writeln!(out, "| option | value | default | |\n|---|---|---|---|")?;
    for (name, schema) in properties.as_object().into_iter().flatten() {
        let must = required.as_array().is_some_and(|all| all.iter().any(|one| one == name));
        let default = match schema.get("default") {
            Some(default) => format!("`{default}`"),
            None if must => "required".into(),
            None => String::new(),
        };
        let about = schema["description"].as_str().unwrap_or_default();
        writeln!(out, "| `{name}` | {} | {default} | {} |", cell(&described(schema)), cell(about))?;
    }
    writeln!(out)
}

/// A JSON Schema in a few words.
fn described(schema: &Value) -> String {
    if let Some(only) = schema.get("const") {
        return format!("`{only}`");
    }
    if let Some(words) = schema["enum"].as_array() {
        return words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    }
    let bound = |key: &str| schema.get(key).map(Value::to_string);
    let bounds = match (bound("minimum"), bound("maximum")) {
        (Some(min), Some(max)) => format!(" from {min} to {max}"),
        (Some(min), None) => format!(" from {min}"),
        (None, Some(max)) => format!(" up to {max}"),
        (None, None) => String::new(),
    };
    match schema["type"].as_str() {
        Some("string") if schema["format"] == "regex" => "a regular expression".into(),
        Some("string") => "text".into(),
        Some("boolean") => "`true` or `false`".into(),
        Some("integer") => format!("whole number{bounds}"),
        Some("number") => format!("number{bounds}"),
        Some("array") => format!("list of: {}", described(&schema["items"])),
        Some("object") => match schema["properties"].as_object() {
            Some(keys) => keys.keys().map(|key| format!("`{{ {key} = … }}`")).collect::<Vec<_>>().join(", "),
            None => "table".into(),
        },
        _ => match schema["oneOf"].as_array().or(schema["anyOf"].as_array()) {
            Some(several) => several.iter().map(described).collect::<Vec<_>>().join(", or "),
            None => "any value".into(),
        },
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
