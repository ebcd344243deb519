//! Reads the reference values and compares with them.

use std::path::Path;

use serde_json::Value;

/// The block of this name; `None`, having said so, where the reference values are absent.
///
/// # Panics
/// If the file is there but is no JSON, or has no such block.
pub(crate) fn block(name: &str) -> Option<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/stat_vectors.json");
    let Ok(text) = std::fs::read_to_string(&path) else {
        println!("skipped: no reference values at {}", path.display());
        return None;
    };
    let mut all: Value = serde_json::from_str(&text).expect("the reference values are JSON");
    let block = all.get_mut(name).map(Value::take);
    Some(block.unwrap_or_else(|| panic!("the reference values have no block {name:?}")))
}

/// The entries of a list in a block.
pub(crate) fn cases<'a>(block: &'a Value, list: &str) -> &'a [Value] {
    block[list].as_array().unwrap_or_else(|| panic!("{list:?} is no list"))
}

/// A number of a case.
pub(crate) fn number(case: &Value, key: &str) -> f64 {
    case[key].as_f64().unwrap_or_else(|| panic!("{key:?} is no number in {case}"))
}

/// A count of a case.
pub(crate) fn count(case: &Value, key: &str) -> u64 {
    case[key].as_u64().unwrap_or_else(|| panic!("{key:?} is no count in {case}"))
}

/// A list of numbers of a case.
pub(crate) fn numbers(case: &Value, key: &str) -> Vec<f64> {
    let list = case[key].as_array().unwrap_or_else(|| panic!("{key:?} is no list in {case}"));
    list.iter().map(|value| value.as_f64().unwrap_or_else(|| panic!("{key:?} holds something else than numbers"))).collect()
}

/// Whether `ours` is within `tol`, relative or absolute, of `theirs`.
#[track_caller]
pub(crate) fn close(ours: f64, theirs: f64, tol: f64, what: &str) {
    let off = (ours - theirs).abs();
    assert!(off <= tol * theirs.abs().max(1e-12) || off <= tol * 1e-6, "{what}: ours {ours:e}, theirs {theirs:e}");
}
