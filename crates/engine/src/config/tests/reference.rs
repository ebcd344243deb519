//! The reference of cascade files, in Markdown: from the same schema that the parser checks with.

use std::fmt::{self, Write};

use tierfall_core::rule::table::ConditionSpec;
use tierfall_core::signal::table::SignalSpec;
use tierfall_wire::dialect::table as dialects;

use crate::config::code::Code;
use crate::config::file::SIMULATED;
use crate::config::schema::{Schema, ValueKind};
use crate::fault::range;

/// A file that uses most of it.
pub(super) const EXAMPLE: &str = include_str!("../example.cascade.toml");

/// The reference of cascade files, in Markdown.
pub(super) fn reference() -> String {
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
    section(out, "The file", Schema::root())?;

    writeln!(out, "## `[provider.NAME.KIND]`\n\nThe kind of a provider is the key below its name.\n")?;
    writeln!(out, "| kind | |\n|---|---|")?;
    for dialect in dialects::DIALECTS {
        writeln!(out, "| `{}` | {} |", dialect.name, cell(dialect.about))?;
    }
    let simulated = Schema::definition("SimulatedFile");
    writeln!(out, "| `{SIMULATED}` | {} |\n", cell(simulated.about()))?;
    section(out, "`[provider.NAME.DIALECT]`", Schema::definition("HttpFile"))?;
    section(out, "`[provider.NAME.simulated]`", simulated)?;

    let rule = Schema::definition("RuleFile");
    section(out, "`[[rule]]`", rule)?;
    writeln!(out, "### Kinds of rule\n")?;
    for name in ConditionSpec::NAMES {
        let Some(settings) = rule.property(name) else { continue };
        writeln!(out, "#### `{name}`\n\n{}\n", settings.about())?;
        match settings.kind() {
            ValueKind::Table => rows(out, "option", settings)?,
            _ => writeln!(out, "Takes {}: `{name} = …`.\n", value(settings))?,
        }
    }

    section(out, "`[segment]`", Schema::definition("SegmentFile"))?;
    section(out, "`[[segment.rule]]`", Schema::definition("SegmentRuleFile"))?;
    section(out, "`[[tier]]`", Schema::definition("TierFile"))?;
    writeln!(
        out,
        "### Signals\n\nA signal is written as its name, or as its name with options: `\"mean-logprob\"`, \
         `{{ quantile-logprob = {{ alpha = 0.1 }} }}`.\n"
    )?;
    writeln!(
        out,
        "While an answer streams, its score is known before the end with `tokens = {{ first-n = … }}`, once those tokens have \
         come; with `tokens = {{ aligned-span = … }}`, once nothing can change the match; for `choice` at the first token, once the label \
         is told; for `self-rated` with `at = \"start\"`, once its line is there; and for validators other than `finish`, as soon as \
         nothing that follows can change it. Of all other signals the score is known when the answer has ended.\n"
    )?;
    for name in SignalSpec::NAMES {
        let options = Schema::of_signal(name);
        writeln!(out, "#### `{name}`\n\n{}.\n", sentence(options.about()))?;
        if !options.keys().is_empty() {
            rows(out, "option", options)?;
        }
    }

    for (heading, table) in
        [("[policy]", "PolicyFile"), ("[replay]", "ReplayFile"), ("[[expect]]", "ExpectFile"), ("[regress]", "RegressRules")]
    {
        section(out, &format!("`{heading}`"), Schema::definition(table))?;
    }

    writeln!(out, "## Problems\n\n| code | |\n|---|---|")?;
    for code in Code::ALL {
        writeln!(out, "| {} | {} |", code.id, cell(code.about))?;
    }
    Ok(())
}

/// A table, followed by its inner tables that have no heading of their own.
fn section(out: &mut String, heading: &str, table: Schema) -> fmt::Result {
    writeln!(out, "## {heading}\n\n{}\n", table.about_table())?;
    rows(out, "key", table)?;
    inner(out, table, "")
}

fn inner(out: &mut String, table: Schema, prefix: &str) -> fmt::Result {
    let own = ["provider", "rule", "segment", "tier", "policy", "replay", "expect", "regress"];
    for key in table.keys().into_iter().filter(|key| !own.contains(&key.name)) {
        let Some((name, next)) = nested(key.value) else { continue };
        // One key says enough of itself in the row above.
        if next.is_one() && next.keys().len() == 1 {
            continue;
        }
        let path = format!("{prefix}{}{name}", key.name);
        writeln!(out, "### `{path}`\n\n{}\n", next.about_table())?;
        rows(out, "key", next)?;
        inner(out, next, &format!("{path}."))?;
    }
    Ok(())
}

fn nested(schema: Schema) -> Option<(&'static str, Schema)> {
    match schema.kind() {
        ValueKind::Table => Some(("", schema)),
        ValueKind::List(of) => nested(of),
        ValueKind::Names(of) => nested(of).map(|(_, table)| (".NAME", table)),
        ValueKind::Either(several) => several.into_iter().filter_map(nested).find(|(_, table)| table.keys().len() > 1),
        _ => None,
    }
}

fn rows(out: &mut String, what: &str, table: Schema) -> fmt::Result {
    writeln!(out, "| {what} | value | default | |\n|---|---|---|---|")?;
    for key in table.keys() {
        let default = match key.value.get("default") {
            _ if table.is_one() => "one of these".to_owned(),
            Some(default) => format!("`{default}`"),
            None if key.required => "required".into(),
            None => String::new(),
        };
        writeln!(out, "| `{}` | {} | {default} | {} |", key.name, cell(&value(key.value)), cell(key.value.about()))?;
    }
    writeln!(out)
}

fn value(schema: Schema) -> String {
    match schema.kind() {
        ValueKind::Text if schema.get("format").is_some() => "a regular expression".into(),
        ValueKind::Text => "text".into(),
        ValueKind::Name => "name".into(),
        ValueKind::Variable => "environment variable".into(),
        ValueKind::Model => "`\"provider/model\"`".into(),
        ValueKind::Flag => "`true`, `false`".into(),
        ValueKind::Whole { min: i64::MIN, max: i64::MAX } => "whole number".into(),
        ValueKind::Whole { min, max } if min == max => format!("`{min}`"),
        ValueKind::Whole { min, max: i64::MAX } => format!("whole number from {min}"),
        ValueKind::Whole { min, max } => format!("whole number from {min} to {max}"),
        ValueKind::Number { min: f64::NEG_INFINITY, max: f64::INFINITY } => "number".into(),
        ValueKind::Number { min, max } => format!("number {}", range(min, max)),
        ValueKind::Nominal => "number from 0 to 1".into(),
        ValueKind::Duration => "`\"500ms\"`, `\"30s\"`, `\"2m\"`, `\"1h\"`".into(),
        ValueKind::Money { .. } => "USD, as `\"0.04\"` or a number".into(),
        ValueKind::Word(words) => words.iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(", "),
        ValueKind::List(of) => format!("list of: {}", value(of)),
        ValueKind::Table => match schema.keys().as_slice() {
            [key] if schema.is_one() => format!("`{{ {} = … }}`", key.name),
            _ => "table".into(),
        },
        ValueKind::Names(of) => format!("names, each with: {}", value(of)),
        ValueKind::Either(several) => several.into_iter().map(value).collect::<Vec<_>>().join(", or "),
        ValueKind::Json => "anything that JSON can say".into(),
        ValueKind::Provider => "provider".into(),
        ValueKind::Signal => "[signal](#signals)".into(),
        ValueKind::Rule => "rule".into(),
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
