//! One example as it is written.

use std::collections::BTreeMap;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use tierfall_core::number::Score;

use crate::observations::faults::Fault;

/// A value of a field, or what is wrong with it there.
pub(super) fn at<T>(field: &str, value: Result<T, String>) -> Result<T, Fault> {
    value.map_err(|reason| Fault::new(field, reason))
}

/// An example.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct ConvertedRow {
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
    pub(super) tiers: Vec<(String, ConvertedCell)>,
}

/// One tier's part.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct ConvertedCell {
    /// Whether the source says anything of it; where not, nothing is written in its place.
    #[serde(skip)]
    pub(super) said: bool,
    /// Written where there is none, too: an answer without a grade is one.
    pub(super) correct: Option<f64>,
    /// What was said; [left out](ConvertedRow::without_answers) where all answers have a grade.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) answer: Option<String>,
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

fn in_order<S: Serializer>(tiers: &[(String, ConvertedCell)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(tiers.len()))?;
    for (tier, cell) in tiers {
        if cell.said {
            map.serialize_entry(tier, cell)?;
        } else {
            map.serialize_entry(tier, &serde_json::Map::new())?;
        }
    }
    map.end()
}

impl ConvertedRow {
    /// Forgets what was said where every answer has a grade: only without one it matters whether two are the same.
    pub(super) fn without_answers(&mut self) {
        let graded = |cell: &ConvertedCell| !cell.said || cell.correct.is_some() || cell.judged.is_some();
        if self.tiers.iter().all(|(_, cell)| graded(cell)) {
            self.tiers.iter_mut().for_each(|(_, cell)| cell.answer = None);
        }
    }

    /// The part of a tier, which is added where there is none.
    pub(super) fn cell(&mut self, tier: &str) -> &mut ConvertedCell {
        let at = self.tiers.iter().position(|(known, _)| known == tier).unwrap_or_else(|| {
            self.tiers.push((tier.to_owned(), ConvertedCell::default()));
            self.tiers.len() - 1
        });
        &mut self.tiers[at].1
    }
}
