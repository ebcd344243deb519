//! The JSON Schema of cascade files, for editors: from the same tables that the parser checks with.

use serde_json::{Map, Value, json};
use tierfall_core::rule::table as rules;
use tierfall_wire::dialect::table as dialects;

use super::check::SIMULATED;
use super::keys;
use super::shape::{Key, Kind, Need, Shape, Together};
use super::signals;

/// The JSON Schema (2020-12) of cascade files.
pub fn json_schema() -> Value {
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Tierfall cascade",
    });
    merge(&mut schema, table(&keys::CASCADE));
    let defs = json!({ "signal": signal(), "provider": provider(), "rule": rule(&keys::RULE), "segment-rule": rule(&keys::SEGMENT_RULE) });
    merge(&mut schema, json!({ "$defs": defs }));
    schema
}

fn table(shape: &Shape) -> Value {
    let properties: Map<String, Value> = shape.keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    let required: Vec<_> = shape.keys.iter().filter(|key| key.need == Need::Required).map(|key| key.name).collect();
    let mut schema = json!({
        "type": "object",
        "description": shape.about,
        "properties": properties,
        "additionalProperties": false,
    });
    if shape.rule == Together::One {
        merge(&mut schema, json!({ "minProperties": 1, "maxProperties": 1 }));
    } else if !required.is_empty() {
        merge(&mut schema, json!({ "required": required }));
    }
    if let Together::Some(either) = shape.rule {
        let any: Vec<Value> = either.iter().map(|name| json!({ "required": [name] })).collect();
        merge(&mut schema, json!({ "anyOf": any }));
    }
    schema
}

fn property(key: &Key) -> Value {
    let mut schema = value(&key.kind);
    merge(&mut schema, json!({ "description": key.about }));
    if let Need::Default(default) = key.need {
        // Defaults are written as TOML, which for plain values is JSON.
        merge(&mut schema, json!({ "default": serde_json::from_str::<Value>(default).unwrap_or_default() }));
    }
    schema
}

fn value(kind: &Kind) -> Value {
    match kind {
        Kind::Text => json!({ "type": "string", "minLength": 1 }),
        Kind::Name => json!({ "type": "string", "pattern": "^[\\p{L}\\p{N}_-][\\p{L}\\p{N}._-]*$" }),
        Kind::Variable => json!({ "type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" }),
        Kind::Model => json!({ "type": "string", "pattern": "^[^/]+/.+$" }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Whole { min, max } => {
            let mut schema = json!({ "type": "integer" });
            if *min != i64::MIN {
                merge(&mut schema, json!({ "minimum": min }));
            }
            if *max != i64::MAX {
                merge(&mut schema, json!({ "maximum": max }));
            }
            schema
        }
        Kind::Number { min, max } => {
            // Written out, the least positive number would be a riddle.
            let (low, min) = if super::shape::is_open(*min) { ("exclusiveMinimum", 0.0) } else { ("minimum", *min) };
            json!({ "type": "number", low: min, "maximum": max })
        }
        Kind::Nominal => json!({ "type": "number", "minimum": 0, "maximum": 1 }),
        Kind::Score => json!({ "type": "number" }),
        Kind::Duration => json!({ "type": "string", "pattern": "^[0-9.]+ ?(ms|s|m|h)$" }),
        Kind::Money { places } => json!({
            "anyOf": [
                { "type": "string", "pattern": format!("^[0-9]+(\\.[0-9]{{1,{places}}})?$") },
                { "type": "number", "minimum": 0 },
            ]
        }),
        Kind::Word(words) => json!({ "enum": words }),
        Kind::List(of) => json!({ "type": "array", "items": value(of) }),
        Kind::Table(shape) => table(shape),
        Kind::Names(of) => json!({ "type": "object", "additionalProperties": value(of) }),
        Kind::Either(kinds) => json!({ "anyOf": kinds.iter().map(value).collect::<Vec<_>>() }),
        Kind::Json => json!({}),
        Kind::Provider => json!({ "$ref": "#/$defs/provider" }),
        Kind::Signal => json!({ "$ref": "#/$defs/signal" }),
        Kind::Rule(shape) if std::ptr::eq(*shape, &raw const keys::RULE) => json!({ "$ref": "#/$defs/rule" }),
        Kind::Rule(_) => json!({ "$ref": "#/$defs/segment-rule" }),
    }
}

fn provider() -> Value {
    let mut kinds = Map::new();
    for dialect in dialects::DIALECTS {
        let mut schema = table(&keys::HTTP);
        merge(&mut schema, json!({ "description": dialect.about }));
        kinds.insert(dialect.name.into(), schema);
    }
    kinds.insert(SIMULATED.into(), table(&keys::SIMULATED));
    json!({
        "type": "object",
        "properties": kinds,
        "additionalProperties": false,
        "minProperties": 1,
        "maxProperties": 1,
    })
}

fn signal() -> Value {
    let (mut with_options, mut names) = (Map::new(), Vec::new());
    for known in signals::all() {
        names.push(json!({ "const": known.name, "description": known.about }));
        let mut schema = json!({ "type": "object", "description": known.about, "additionalProperties": false });
        merge(&mut schema, json!({ "properties": known.options }));
        if known.required.is_array() {
            merge(&mut schema, json!({ "required": known.required }));
        }
        with_options.insert(known.name.into(), schema);
    }
    json!({
        "anyOf": [
            { "oneOf": names },
            {
                "type": "object",
                "properties": with_options,
                "additionalProperties": false,
                "minProperties": 1,
                "maxProperties": 1,
            },
        ]
    })
}

fn rule(shape: &Shape) -> Value {
    let mut schema = table(shape);
    let mut one = Vec::new();
    for kind in rules::KINDS {
        let mut settings: Value = serde_json::from_str(kind.schema).unwrap_or_default();
        merge(&mut settings, json!({ "description": kind.about }));
        if let Some(properties) = schema["properties"].as_object_mut() {
            properties.insert(kind.name.into(), settings);
        }
        one.push(json!({ "required": [kind.name] }));
    }
    merge(&mut schema, json!({ "oneOf": one }));
    schema
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}
