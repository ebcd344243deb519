//! The product of calibration: gate values, maps, operating points with what is promised for each, and where they come from.

use std::collections::BTreeMap;

use crate::fusion::GateValue;
use crate::gate::OnTruncated;
use crate::map::ScoreMap;
pub use crate::point::Cut;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A fit, as it is written to `*.fit.toml` beside its cascade.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Fit {
    /// Of this format: 1.
    pub version: u32,
    /// The cascade's name; empty for observations without one.
    pub cascade: String,
    /// Keys the ties.
    pub salt: String,
    /// Where the numbers come from.
    pub provenance: Provenance,
    /// The declared chain, cheapest first; the last has no gate.
    pub tier: Vec<TierFit>,
    /// Never empty; the first is the one in force by default and named `default`.
    pub point: Vec<Point>,
}

/// One declared tier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TierFit {
    /// Its name.
    pub name: String,
    /// What its numbers are bound to; `None` for a human tier, and for observations without a cascade.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<BindingFit>,
    /// What its gate compares; absent exactly on the last tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<GateValue>,
    /// Shows gate values as confidences; absent where nothing could be fitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<ScoreMap>,
}

/// What a tier's answers, and what its gate reads in them, depend on. Where any of it changes, the fit no longer holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct BindingFit {
    /// The provider's declared name.
    pub provider: String,
    /// The provider's kind: its dialect, or `simulated`.
    pub provider_kind: String,
    /// The model's name there.
    pub model: String,
    /// The declared digest of the model's weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model_digest: Option<String>,
    /// Digest of the sampling parameters in force.
    pub params: String,
    /// Digest of what is put before the client's messages.
    pub prompt: String,
    /// The gate's validators with their versions, by label.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub require: BTreeMap<String, u32>,
    /// Whether answers that were cut at a limit are read; absent where they are deferred.
    #[serde(default, skip_serializing_if = "OnTruncated::is_defer")]
    pub on_truncated: OnTruncated,
    /// The signals that the gate value is made of, with their versions, by label.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub signals: BTreeMap<String, u32>,
}

/// An operating point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Point {
    /// Its name.
    pub name: String,
    /// Whether and what is promised.
    pub status: Status,
    /// What it was fitted for.
    pub target: TargetFit,
    /// The promise; absent where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guarantee: Option<Guarantee>,
    /// One a declared tier but the last, for requests of a segment that is not listed.
    pub cuts: Vec<Cut>,
    /// The same by run-time segment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub segments: BTreeMap<String, Vec<Cut>>,
}

crate::words! {
    /// What calibration can say.
    pub enum Status {
        /// The promise holds on new data with probability 1 − δ.
        Certified = "certified",
        /// More labels may help; the fallback is in force.
        Inconclusive = "inconclusive",
        /// No number of labels helps; the fallback is in force.
        Infeasible = "infeasible",
        /// No guarantee was asked for, or none exists for the objective.
        Uncertified = "uncertified",
    }
}

/// An objective, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TargetFit {
    /// Mean quality at least this.
    Accuracy(f64),
    /// Mean quality at most this much below the last declared tier's.
    MaxLoss(f64),
    /// Mean cost a query at most this, in USD.
    MaxCost(f64),
}

/// A promise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Guarantee {
    /// The probability that it does not hold, over the draw of the examples; discounts for earlier certificates included.
    pub delta: f64,
    /// `exact-binomial`, `trinomial-grid`, `tango-asymptotic`, `betting`, `ppi-union` …
    pub method: String,
    /// A 1 − δ bound in the target's terms: an upper one on the loss, a lower one on the accuracy. Never looser than the target.
    pub bound: f64,
    /// Whether the promise holds in finite samples and not only approximately.
    pub finite_sample: bool,
    /// The judge whose grades are what it calls right; absent where people's are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge: Option<String>,
    /// Whether it is made for every listed run-time segment by itself, and for what is not listed taken together, instead of for the
    /// mean over all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub each_segment: bool,
    /// What it supposes beside the examples being drawn as requests are, a sentence each; each stands in the statement, too. Empty where
    /// that is all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<String>,
    /// The promise in words.
    pub statement: String,
}

impl Guarantee {
    /// Where it has conditions, that it has: for whoever says it in a few words.
    pub fn under(&self) -> String {
        match self.conditions.len() {
            0 => String::new(),
            1 => " under a condition that the fit states".to_owned(),
            several => format!(" under {several} conditions that the fit states"),
        }
    }
}

/// Where a fit comes from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Provenance {
    /// The version of Tierfall.
    pub tierfall: String,
    /// Digest of the cascade file; empty for observations.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cascade_digest: String,
    /// Digest of how the cascade finds a request's run-time segment; absent where it declares none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment_digest: Option<String>,
    /// The fixture set's name, or the observation file's.
    pub source: String,
    /// Digest of the observations that were used.
    pub source_digest: String,
    /// The split, where one was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub split: Option<String>,
    /// Rows.
    pub n: u64,
    /// Rows that were left out: a tier was missing, or a rule routes them elsewhere.
    pub n_excluded: u64,
    /// The seed.
    pub seed: u64,
    /// Certificates made before on the same rows.
    #[serde(default)]
    pub earlier_certificates: u64,
    /// The rows that were used.
    pub seen: Seen,
    /// What of the fixture set they were made of; absent for observations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labels: Option<Labels>,
}

/// Digests of the labelled examples of a split. Where one is another now, a promise is of examples that are no longer there.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Labels {
    /// What is asked, with what decides how an example counts: its group, its weight and what rules read.
    pub examples: String,
    /// What the tiers answered, failures included.
    pub answers: String,
    /// The grade of each answer that counts, and who gave it.
    pub grades: String,
}

impl Labels {
    /// What is another now than it was, in a few words: `the examples and the grades`; `None` where nothing is.
    pub fn changed(&self, now: &Self) -> Option<String> {
        let of = [
            ("the examples", &self.examples, &now.examples),
            ("the answers", &self.answers, &now.answers),
            ("the grades", &self.grades, &now.grades),
        ];
        let changed: Vec<&str> = of.into_iter().filter(|(_, was, is)| was != is).map(|(what, ..)| what).collect();
        (!changed.is_empty()).then(|| crate::text::list(&changed))
    }
}

/// Fingerprints of the ids and groups that a fit was made on; ascending, 48 bits each.
///
/// As text: the differences of neighbours as LEB128 varints, in unpadded base64. Two rows in a hundred million share one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen(Vec<u64>);

impl Seen {
    /// Of these 64-bit fingerprints.
    pub fn of(fingerprints: impl IntoIterator<Item = u64>) -> Self {
        let mut all: Vec<u64> = fingerprints.into_iter().map(|full| full >> 16).collect();
        all.sort_unstable();
        all.dedup();
        Self(all)
    }

    /// Whether the row or group of this 64-bit fingerprint was seen.
    pub fn contains(&self, fingerprint: u64) -> bool {
        self.0.binary_search(&(fingerprint >> 16)).is_ok()
    }
}

impl Serialize for Seen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (mut bytes, mut before) = (Vec::new(), 0);
        for value in &self.0 {
            let mut rest = value - before;
            before = *value;
            while rest >= 0x80 {
                bytes.push(rest.to_le_bytes()[0] | 0x80);
                rest >>= 7;
            }
            bytes.push(rest.to_le_bytes()[0]);
        }
        serializer.serialize_str(&STANDARD_NO_PAD.encode(bytes))
    }
}

impl<'de> Deserialize<'de> for Seen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let edited = |_| D::Error::custom("`seen` is not base64; the fit was edited, make it again");
        let bytes = STANDARD_NO_PAD.decode(text).map_err(edited)?;
        let (mut all, mut value, mut shift, mut before) = (Vec::new(), 0_u64, 0, 0_u64);
        for byte in bytes {
            if shift > 42 {
                return Err(D::Error::custom("`seen` has a number that is too large; the fit was edited, make it again"));
            }
            value |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 {
                before += value;
                all.push(before);
                (value, shift) = (0, 0);
            }
        }
        Ok(Self(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn seen_rows_survive_text(ids in proptest::collection::vec(any::<u64>(), 0..50)) {
            let seen = Seen::of(ids.iter().copied());
            let text = serde_json::to_string(&seen).unwrap();
            let back: Seen = serde_json::from_str(&text).unwrap();
            prop_assert!(ids.iter().all(|id| back.contains(*id)));
            prop_assert_eq!(back, seen);
        }
    }
}
