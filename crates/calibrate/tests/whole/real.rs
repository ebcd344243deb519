//! Public results of real models, in the observations form; they lie beside the repository and are not part of it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use flate2::read::GzDecoder;
use serde_json::Value;
use tierfall_calibrate::observations::{Builder, Cell, Observations, Row, TierSpec};
use tierfall_calibrate::quality::Quality;
use tierfall_core::money::Money;
use tierfall_core::number::Score;

/// The rows of a file that `keep` holds for, for a chain with one signal; `None`, and a word about it, where the file is absent.
pub(crate) fn observations(file: &str, chain: &[&str], signal: &str, keep: impl Fn(&Value) -> bool) -> Option<Observations> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(file);
    let Ok(open) = File::open(&path) else {
        println!("skipped: there is no {file} beside the repository");
        return None;
    };
    let spec = |name: &&str| TierSpec { name: (*name).into(), signals: vec![Arc::from(signal)], judge: None };
    let mut table = Builder::new(chain.iter().map(spec).collect(), "salt");
    for line in BufReader::new(GzDecoder::new(open)).lines() {
        let row: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let tiers: Option<Vec<&Value>> = chain.iter().map(|name| row["tiers"].get(name)).collect();
        let (Some(tiers), true) = (tiers, keep(&row)) else { continue };
        let scores: Vec<[Option<Score>; 1]> = tiers.iter().map(|tier| [score(&tier["confidence"][signal])]).collect();
        let cells: Vec<Cell<'_>> = tiers.iter().zip(&scores).map(|(tier, scores)| cell(tier, scores)).collect();
        let row = Row {
            id: row["id"].as_str().unwrap(),
            segment: row["segment"].as_str(),
            stratum: None,
            group: row["group"].as_str(),
            weight: None,
            tiers: &cells,
        };
        table.push(&row).unwrap();
    }
    Some(table.finish())
}

fn score(value: &Value) -> Option<Score> {
    let value = value.as_f64()?;
    Score::new(if value <= -1e9 { f64::NEG_INFINITY } else { value })
}

fn cell<'a>(tier: &Value, scores: &'a [Option<Score>]) -> Cell<'a> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "costs are small and above 0")]
    let cost = tier["cost_usd"].as_f64().map(|usd| Money::from_pico((usd * 1e12).round() as u128));
    Cell {
        cost,
        latency_ms: tier["latency_ms"].as_f64(),
        length: tier["output_tokens"].as_u64().and_then(|tokens| u32::try_from(tokens).ok()),
        ..Cell::graded(Quality::new(tier["correct"].as_f64().unwrap()).unwrap(), scores)
    }
}
