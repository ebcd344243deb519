//! The schema of cascade files, made once from the types that they are read into, and how the checker and the reference see it.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform, transform_subschemas};
use serde_json::{Value, json};

use super::file::CascadeFile;

/// What the annotations of ours mean: `x-kind` is a type that TOML has none for, `x-order` the keys as they were declared.
/// A `title` is what diagnostics call a table. They are for the checker and the reference alone.
const OWN: [&str; 3] = ["x-kind", "x-order", "title"];

static ROOT: LazyLock<Value> = LazyLock::new(|| {
    let read = SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<CascadeFile>();
    let written = SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<CascadeFile>();
    let mut root = read.to_value();
    order(&mut root, written.as_value());
    if let Ok(schema) = (&mut root).try_into() {
        RecursiveTransform(tidy).transform(schema);
    }
    root
});

/// The JSON Schema (2020-12) of cascade files, for editors.
pub fn json_schema() -> Value {
    fn publish(schema: &mut schemars::Schema) {
        for own in OWN {
            schema.remove(own);
        }
        transform_subschemas(&mut publish, schema);
    }
    let mut root = ROOT.clone();
    if let Ok(schema) = (&mut root).try_into() {
        publish(schema);
    }
    root["title"] = "Tierfall cascade".into();
    root
}

/// Notes the order in which keys were declared: whoever writes a value writes all keys, in that order, and JSON sorts properties.
fn order(read: &mut Value, written: &Value) {
    match (read, written) {
        (Value::Object(read), Value::Object(written)) => {
            if let Some(keys @ Value::Array(_)) = written.get("required").filter(|_| read.contains_key("properties")) {
                read.entry("x-order").or_insert_with(|| keys.clone());
            }
            for (key, value) in read {
                order(value, written.get(key).unwrap_or(&Value::Null));
            }
        }
        (Value::Array(read), Value::Array(written)) => {
            read.iter_mut().zip(written).for_each(|(read, written)| order(read, written));
        }
        _ => {}
    }
}

/// Leaves out what says nothing about TOML: null, which it does not have, sizes of Rust's numbers, and defaults that are empty, which
/// is what an absent key means. Words that are told one by one become one list.
fn tidy(schema: &mut schemars::Schema) {
    let Some(schema) = schema.as_object_mut() else { return };
    let is_null = |value: &Value| value == "null" || value["type"] == "null";
    for several in ["type", "anyOf"] {
        let Some(Value::Array(all)) = schema.get_mut(several) else { continue };
        all.retain(|one| !is_null(one));
        if all.len() > 1 {
            continue;
        }
        match all.pop() {
            // What stands beside it says more.
            Some(Value::Object(only)) => {
                schema.remove(several);
                for (key, value) in only {
                    schema.entry(key).or_insert(value);
                }
            }
            only => drop(schema.insert(several.to_owned(), only.into())),
        }
    }
    if let Some(Value::Array(all)) = schema.get_mut("oneOf") {
        let words = all.extract_if(.., |one| one.get("const").is_some() && one["type"] == "string");
        let words: Vec<Value> = words.map(|mut one| one["const"].take()).collect();
        if all.is_empty() {
            schema.remove("oneOf");
            schema.insert("enum".to_owned(), words.into());
        } else if !words.is_empty() {
            all.insert(0, json!({ "enum": words }));
        }
    }
    if schema.contains_key("enum") {
        schema.remove("type");
    }
    if schema.get("format").is_some_and(|format| format != "regex") {
        schema.remove("format");
    }
    let is_empty = |value: &Value| value.is_null() || value == "" || value == &json!([]) || value == &json!({});
    if schema.get("default").is_some_and(is_empty) {
        schema.remove("default");
    }
    if let Some(Value::String(text)) = schema.get_mut("description") {
        *text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    // A whole number is written as one.
    if let Some(number) =
        schema.get("default").and_then(Value::as_f64).filter(|number| number.fract() == 0.0 && number.abs() < 1e15)
    {
        #[expect(clippy::cast_possible_truncation, reason = "whole, and small")]
        schema.insert("default".to_owned(), json!(number as i64));
    }
}

/// A place in the schema.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schema(&'static Value);

/// One key of a table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) value: Schema,
    /// It must be given.
    pub(crate) required: bool,
}

/// What a value may be.
#[derive(Debug)]
pub(crate) enum ValueKind {
    /// A text that is not empty.
    Text,
    /// A name: letters, digits, `-`, `_` and `.`.
    Name,
    /// The name of an environment variable.
    Variable,
    /// `provider/model`.
    Model,
    /// `true` or `false`.
    Flag,
    /// A whole number, bounds included.
    Whole { min: i64, max: i64 },
    /// A number but NaN, bounds included.
    Number { min: f64, max: f64 },
    /// A number on a signal's nominal scale, from 0 to 1; its gate checks it, knowing the signal.
    Nominal,
    /// `"30s"`.
    Duration,
    /// US dollars as a decimal text or a number; a price is per million tokens.
    Money { is_price: bool },
    /// One of these words.
    Word(Vec<&'static str>),
    /// A list.
    List(Schema),
    /// A table of known keys.
    Table,
    /// A table of free names.
    Names(Schema),
    /// One of these, told apart by their TOML types.
    Either(Vec<Schema>),
    /// Anything that JSON can say.
    Json,
    /// A provider: one key, its kind.
    Provider,
    /// A signal: its name, or one key, its name, with its options.
    Signal,
    /// A condition: known keys, and one key more, its kind.
    Rule,
}

impl Schema {
    /// The file.
    pub(crate) fn root() -> Self {
        Self(&ROOT)
    }

    /// What the schema of this name says, wherever it is referred to.
    pub(crate) fn definition(name: &str) -> Self {
        Self(&ROOT["$defs"][name])
    }

    /// The options of a kind of signal.
    pub(crate) fn of_signal(name: &str) -> Self {
        Self(&Self::definition("Signal").0["anyOf"][1]["properties"][name])
    }

    fn refers(self) -> Option<&'static str> {
        self.0["$ref"].as_str()?.strip_prefix("#/$defs/")
    }

    /// What is said here, or where this refers to.
    pub(crate) fn get(self, keyword: &str) -> Option<&'static Value> {
        self.0.get(keyword).or_else(|| Self::definition(self.refers()?).get(keyword))
    }

    fn texts(self, keyword: &str) -> Vec<&'static str> {
        self.get(keyword).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// What diagnostics call a table: "a tier".
    pub(crate) fn title(self) -> &'static str {
        self.get("title").and_then(Value::as_str).unwrap_or_default()
    }

    /// What it means here.
    pub(crate) fn about(self) -> &'static str {
        self.get("description").and_then(Value::as_str).unwrap_or_default()
    }

    /// What such a table means anywhere.
    #[cfg(test)]
    pub(crate) fn about_table(self) -> &'static str {
        self.refers().map_or(self, Self::definition).about()
    }

    /// The keys of a table, as declared. Of a rule, those besides its kind.
    pub(crate) fn keys(self) -> Vec<Key> {
        let required = self.texts("required");
        let key = |name| Some(Key { name, value: self.property(name)?, required: required.contains(&name) });
        self.texts("x-order").into_iter().filter_map(key).collect()
    }

    /// The value of a key.
    pub(crate) fn property(self, name: &str) -> Option<Self> {
        self.get("properties")?.get(name).map(Self)
    }

    /// Whether a table takes exactly one of its keys.
    pub(crate) fn is_one(self) -> bool {
        // A variant of an enum stands where it is meant, and has one key.
        let is_variant = self.refers().is_none() && self.0.get("title").is_none();
        self.get("maxProperties").is_some() || is_variant && self.texts("required") == self.texts("x-order")
    }

    /// The keys of which a table needs at least one.
    pub(crate) fn some_of(self) -> Vec<&'static str> {
        let any = self.get("anyOf").and_then(Value::as_array);
        any.into_iter().flatten().filter_map(|one| one["required"][0].as_str()).collect()
    }

    fn alternatives(self) -> Option<Vec<Self>> {
        let several = self.get("anyOf").or_else(|| self.get("oneOf"))?.as_array()?;
        Some(several.iter().map(Self).collect())
    }

    pub(crate) fn kind(self) -> ValueKind {
        let bound = |keyword: &str| self.get(keyword).and_then(Value::as_f64);
        let whole = |keyword: &str| self.get(keyword).and_then(Value::as_i64);
        match self.get("x-kind").and_then(Value::as_str) {
            Some("name") => return ValueKind::Name,
            Some("variable") => return ValueKind::Variable,
            Some("model") => return ValueKind::Model,
            Some("duration") => return ValueKind::Duration,
            Some("dollars") => return ValueKind::Money { is_price: false },
            Some("dollars-per-million") => return ValueKind::Money { is_price: true },
            Some("nominal") => return ValueKind::Nominal,
            Some("provider") => return ValueKind::Provider,
            Some("rule") => return ValueKind::Rule,
            _ => {}
        }
        if self.refers() == Some("Signal") {
            return ValueKind::Signal;
        }
        if self.get("enum").is_some() {
            return ValueKind::Word(self.texts("enum"));
        }
        match self.get("type").and_then(Value::as_str) {
            Some("string") => ValueKind::Text,
            Some("boolean") => ValueKind::Flag,
            Some("integer") => {
                ValueKind::Whole { min: whole("minimum").unwrap_or(i64::MIN), max: whole("maximum").unwrap_or(i64::MAX) }
            }
            Some("number") => {
                let above = bound("exclusiveMinimum").map(|_| f64::MIN_POSITIVE);
                let min = above.or(bound("minimum")).unwrap_or(f64::NEG_INFINITY);
                ValueKind::Number { min, max: bound("maximum").unwrap_or(f64::INFINITY) }
            }
            Some("array") => ValueKind::List(self.get("items").map_or(self, Self)),
            Some("object") => match self.get("additionalProperties") {
                Some(of) if of != &Value::Bool(false) => ValueKind::Names(Self(of)),
                _ => ValueKind::Table,
            },
            _ => self.alternatives().map_or(ValueKind::Json, ValueKind::Either),
        }
    }

    /// What a value should have been, for "expected …".
    pub(crate) fn expected(self) -> String {
        match self.kind() {
            ValueKind::Text | ValueKind::Model => "a text".into(),
            ValueKind::Name => "a name".into(),
            ValueKind::Variable => "the name of an environment variable".into(),
            ValueKind::Flag => "true or false".into(),
            ValueKind::Whole { .. } => "a whole number".into(),
            ValueKind::Number { .. } | ValueKind::Nominal => "a number".into(),
            ValueKind::Duration => "a duration like \"30s\"".into(),
            ValueKind::Money { .. } => "an amount of money like \"0.04\"".into(),
            ValueKind::Word(words) => words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" or "),
            ValueKind::List(of) => format!("a list, each {}", of.expected()),
            ValueKind::Table if self.is_one() => {
                self.keys().iter().map(|key| format!("{{ {} = … }}", key.name)).collect::<Vec<_>>().join(" or ")
            }
            ValueKind::Table | ValueKind::Rule if !self.title().is_empty() => format!("a table ({})", self.title()),
            ValueKind::Table | ValueKind::Rule => {
                format!("a table of {}", self.keys().iter().map(|key| format!("`{}`", key.name)).collect::<Vec<_>>().join(", "))
            }
            ValueKind::Names(_) => "a table of names".into(),
            ValueKind::Either(several) => several.into_iter().map(Self::expected).collect::<Vec<_>>().join(", or "),
            ValueKind::Json => "a value that JSON can say".into(),
            ValueKind::Provider => "a table with the provider's kind as its key".into(),
            ValueKind::Signal => "a signal's name, or { name = { … } }".into(),
        }
    }
}
