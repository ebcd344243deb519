//! What the configuration asks of the table of signals.

use serde_json::Value;
use tierfall_core::signal::table::SignalSpec;

/// A kind of signal, for schema and reference.
pub(crate) struct Known {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// JSON Schema of each option, by its name.
    pub(crate) options: Value,
    /// The options that have no default that works; null where there are none.
    pub(crate) required: Value,
}

/// Every kind of signal.
pub(crate) fn all() -> impl Iterator<Item = Known> {
    SignalSpec::options().map(|(name, about, defaults, mut schema)| {
        for (option, property) in schema["properties"].as_object_mut().into_iter().flatten() {
            if let (Some(default), Some(property)) = (defaults.get(option), property.as_object_mut()) {
                property.entry("default").or_insert_with(|| default.clone());
            }
        }
        Known { name, about, required: schema["required"].take(), options: schema["properties"].take() }
    })
}

/// The options that a signal takes.
pub(crate) fn option_names(signal: &str) -> Vec<String> {
    let options = all().find(|known| known.name == signal).map(|known| known.options);
    options.and_then(|options| Some(options.as_object()?.keys().cloned().collect())).unwrap_or_default()
}
