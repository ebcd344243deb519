//! A row as it is written to a file of observations.

use serde_json::{Map, Value, json};

use super::world::Item;

/// The names of the tiers of a chain, cheapest first.
pub(crate) const NAMES: [&str; 3] = ["small", "medium", "large"];

/// The tiers of a world of that many.
pub(crate) fn chain(tiers: usize) -> Vec<&'static str> {
    if tiers == 2 { vec![NAMES[0], NAMES[2]] } else { NAMES.to_vec() }
}

/// Everything that is known of a request.
pub(crate) fn line(id: impl Into<String>, item: &Item) -> Value {
    let cell = |answer: &super::world::Answer| {
        let [a, b] = answer.scores.map_or([None, None], |scores| scores.map(Some));
        json!({
            "correct": answer.right,
            "confidence": {"a": a, "b": b},
            "cost_usd": answer.cost_usd,
            "latency_ms": answer.latency_ms,
        })
    };
    let tiers: Map<String, Value> =
        chain(item.tiers.len()).into_iter().zip(&item.tiers).map(|(name, answer)| (name.to_owned(), cell(answer))).collect();
    json!({"id": id.into(), "tiers": tiers})
}

/// The part of a tier in a row.
pub(crate) fn tier<'l>(line: &'l mut Value, name: &str) -> &'l mut Value {
    &mut line["tiers"][name]
}

/// Leaves a field of a row, or of a tier in it, out.
pub(crate) fn without(of: &mut Value, field: &str) {
    if let Some(map) = of.as_object_mut() {
        map.remove(field);
    }
}
