//! Reads files in the observations form, one JSON object a line, gzip or not.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::GzDecoder;
use serde_json::Value;
use tierfall_calibrate::observations::fingerprint;

use super::curve::{Model, Part};

/// What −∞ is written as where JSON has no word for it.
const MINUS_INFINITY: f64 = -1e9;

/// The training and the test rows of a chain: by their `split`, or by a hash of their group or id where they have none. Rows that lack a
/// model of the chain are left out, and their number is given.
///
/// `prices` are USD per million tokens, by model; a model without one has the costs of its rows.
pub(crate) fn read(
    path: &Path,
    chain: &[&str],
    signal: &str,
    prices: &BTreeMap<String, f64>,
) -> Result<(Vec<Model>, usize), String> {
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let reader: Box<dyn Read> =
        if path.extension().is_some_and(|ext| ext == "gz") { Box::new(GzDecoder::new(file)) } else { Box::new(file) };
    let model = |name: &&str| Model { name: (*name).to_owned(), train: Part::default(), test: Part::default() };
    let mut models: Vec<Model> = chain.iter().map(model).collect();
    let mut skipped = 0;
    for (at, line) in BufReader::new(reader).lines().enumerate() {
        let wrong = |error: String| format!("{}, line {}: {error}", path.display(), at + 1);
        let row: Value = serde_json::from_str(&line.map_err(|e| wrong(e.to_string()))?).map_err(|e| wrong(e.to_string()))?;
        let cells: Option<Vec<(f64, f64, f64)>> =
            chain.iter().map(|name| cell(&row["tiers"][name], signal, prices.get(*name).copied())).collect();
        let Some(cells) = cells else {
            skipped += 1;
            continue;
        };
        let train = is_train(&row);
        for (model, (score, correct, cost)) in models.iter_mut().zip(cells) {
            let part = if train { &mut model.train } else { &mut model.test };
            part.scores.push(score);
            part.correct.push(correct);
            part.cost += cost;
        }
    }
    for part in models.iter_mut().flat_map(|model| [&mut model.train, &mut model.test]) {
        if part.correct.is_empty() {
            return Err(format!(
                "{}: no row is left to train or to test on; {skipped} lack a grade or a cost of one of {}",
                path.display(),
                chain.join(", ")
            ));
        }
        part.cost /= part.correct.len() as f64;
    }
    Ok((models, skipped))
}

/// Score, correctness and cost of one model; a score that is missing is NaN, and no reason to leave the row out.
fn cell(tier: &Value, signal: &str, price: Option<f64>) -> Option<(f64, f64, f64)> {
    let score = tier["confidence"][signal].as_f64().unwrap_or(f64::NAN);
    let score = if score <= MINUS_INFINITY { f64::NEG_INFINITY } else { score };
    let cost = match price {
        Some(price) => price / 1e6 * (tier["input_tokens"].as_f64()? + tier["output_tokens"].as_f64()?),
        None => tier["cost_usd"].as_f64()?,
    };
    Some((score, tier["correct"].as_f64()?, cost))
}

fn is_train(row: &Value) -> bool {
    match row["split"].as_str() {
        Some(split) => split == "train",
        None => fingerprint("split", row["group"].as_str().or(row["id"].as_str()).unwrap_or_default()).is_multiple_of(2),
    }
}
