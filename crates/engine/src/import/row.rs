//! One example as it is written.

use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use tierfall_core::number::Score;

use crate::observations::scalar::Scalar;

/// A field and what is wrong with it.
pub(super) type Fault = (String, String);

/// An example.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Row {
    pub(super) id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) segment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) split: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) weight: Option<f64>,
    /// In the source's order.
    #[serde(serialize_with = "in_order")]
    pub(super) tiers: Vec<(String, Cell)>,
}

/// One tier's part.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Cell {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) correct: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) judged: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) judge: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) confidence: BTreeMap<String, Option<Score>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) cost_usd: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) latency_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) input_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output_tokens: Option<u64>,
}

fn in_order<S: Serializer>(tiers: &[(String, Cell)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(tiers.len()))?;
    for (tier, cell) in tiers {
        map.serialize_entry(tier, cell)?;
    }
    map.end()
}

impl Row {
    /// The part of a tier, which is added where there is none.
    pub(super) fn cell(&mut self, tier: &str) -> &mut Cell {
        let at = self.tiers.iter().position(|(known, _)| known == tier).unwrap_or_else(|| {
            self.tiers.push((tier.to_owned(), Cell::default()));
            self.tiers.len() - 1
        });
        &mut self.tiers[at].1
    }
}

fn wrong(field: &str, found: &Scalar<'_>, wanted: &str) -> Fault {
    (field.to_owned(), format!("is {}, not {wanted}", found.shown()))
}

/// A grade from 0 to `most`, as one from 0 to 1.
pub(super) fn grade(field: &str, value: &Scalar<'_>, most: Option<f64>) -> Result<Option<f64>, Fault> {
    let most = most.unwrap_or(1.0);
    match value {
        Scalar::Absent => Ok(None),
        Scalar::Bool(right) => Ok(Some(f64::from(u8::from(*right)))),
        Scalar::Number(number) if (0.0..=most).contains(number) => Ok(Some(number / most)),
        other => Err(wrong(field, other, &format!("a grade from 0 to {most}"))),
    }
}

/// A finite number of at least `least`.
pub(super) fn amount(field: &str, value: &Scalar<'_>, least: f64) -> Result<Option<f64>, Fault> {
    match value {
        Scalar::Absent => Ok(None),
        Scalar::Number(number) if number.is_finite() && *number >= least => Ok(Some(*number)),
        other => Err(wrong(field, other, &format!("a number of at least {least}"))),
    }
}

/// A number of tokens.
pub(super) fn tokens(field: &str, value: &Scalar<'_>) -> Result<Option<u64>, Fault> {
    match amount(field, value, 0.0)? {
        Some(number) if number >= 4e9 => Err(wrong(field, value, "a number of tokens")),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 4e9")]
        number => Ok(number.map(|number| number.round() as u64)),
    }
}

/// A score; `None` = it abstained.
pub(super) fn score(field: &str, value: &Scalar<'_>) -> Result<Option<Score>, Fault> {
    match value {
        Scalar::Absent => Ok(None),
        Scalar::Number(number) => Ok(Score::new(*number)),
        other => Err(wrong(field, other, "a number")),
    }
}

/// A text; a number stands for its digits.
pub(super) fn text(field: &str, value: &Scalar<'_>) -> Result<Option<String>, Fault> {
    match value {
        Scalar::Absent => Ok(None),
        Scalar::Text(text) if text.is_empty() => Ok(None),
        Scalar::Text(text) => Ok(Some(text.clone().into_owned())),
        Scalar::Number(number) => Ok(Some(number.to_string())),
        other => Err(wrong(field, other, "a text")),
    }
}
