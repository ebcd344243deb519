//! Rows in the observations form: JSON Lines, gzipped where the name ends in `.gz`.

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;
use serde_json::Value;
use tierfall_calibrate::observations::Basis;
use tierfall_calibrate::quality::Quality;
use tierfall_calibrate::table::{Column, Table};
use tierfall_core::number::Tie;

/// The rows of a file that have all tiers of a chain; `signal` with a leading minus is negated.
pub(crate) fn table(path: &str, chain: &[&str], signal: &str) -> Result<Table<'static>, String> {
    let file = File::open(path).map_err(|error| format!("{path}: {error}"))?;
    let reader: Box<dyn Read> = if Path::new(path).extension().is_some_and(|ending| ending == "gz") {
        Box::new(MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    };
    let (name, sign) = signal.strip_prefix('-').map_or((signal, 1.0), |name| (name, -1.0));
    let mut ties = Vec::new();
    let mut columns = vec![(Vec::new(), Vec::new(), Vec::new()); chain.len()];
    for (at, line) in BufReader::new(reader).lines().enumerate() {
        let line = line.map_err(|error| format!("{path}:{}: {error}", at + 1))?;
        let row: Value = serde_json::from_str(&line).map_err(|error| format!("{path}:{}: {error}", at + 1))?;
        let cells: Option<Vec<_>> = chain.iter().map(|tier| cell(&row["tiers"][*tier], name, sign)).collect();
        let (Some(cells), Some(id)) = (cells, row["id"].as_str()) else { continue };
        for ((values, quality, cost), (value, grade, price)) in columns.iter_mut().zip(cells) {
            values.push(value);
            quality.push(grade);
            cost.push(price);
        }
        ties.push(Tie::of("validity", id).get());
    }
    if ties.is_empty() {
        return Err(format!("{path} has no row with all of {}", chain.join(", ")));
    }
    let last = chain.len() - 1;
    let columns = chain.iter().zip(columns).enumerate().map(|(ix, (name, (values, quality, cost)))| Column {
        name: (*name).into(),
        values: (ix < last).then_some(Cow::Owned(values)),
        partial: None,
        quality: Cow::Owned(quality),
        cost: Some(Cow::Owned(cost)),
        latency: None,
    });
    Ok(Table { tiers: columns.collect(), ties: Cow::Owned(ties), weights: None, basis: Basis::default() })
}

/// Gate value (NaN where there is none), grade and cost in pico-USD.
fn cell(tier: &Value, signal: &str, sign: f64) -> Option<(f64, Quality, u64)> {
    let quality = Quality::new(tier["correct"].as_f64().or_else(|| tier["correct"].as_bool().map(|b| f64::from(u8::from(b))))?)?;
    let value = match &tier["confidence"][signal] {
        Value::String(text) => text.parse().unwrap_or(f64::NAN),
        number => number.as_f64().map_or(f64::NAN, |value| if value <= -1e9 { f64::NEG_INFINITY } else { value }),
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cost of one query in pico-USD")]
    let cost = (tier["cost_usd"].as_f64()? * 1e12).round() as u64;
    Some((sign * value, quality, cost))
}
