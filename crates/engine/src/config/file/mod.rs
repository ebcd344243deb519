//! A cascade file as it is written: every key with its type, its default and what it means. Parser, JSON Schema and reference are
//! made from these types.
//!
//! What is read here had everything unusable taken out before: whatever is absent was either left out or already reported. So a
//! key that must be given is an `Option` that is `required`.

mod provider;
mod rule;
mod tier;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use tierfall_core::cascade::{OnAbstain, OnError, OnExhausted, OnFilter};

use super::types::{Dollars, Name, Spanned, Text, Wait, Warning};

pub(crate) use provider::{HeaderSource, ProviderFile, ProviderKind, SIMULATED, SimulatedFile};
pub use provider::{HttpFile, KeyRef};
pub(crate) use rule::{RouteFile, RuleFile, SegmentFile};
pub(crate) use tier::{
    FileFile, GateFile, ParamsFile, PriceFile, PromptFile, RawFile, ThresholdFile, ThresholdWord, TierFile, TimeoutsFile,
    TurnsFile,
};

/// A cascade: providers, rules, tiers, policy, expectations.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(title = "a cascade")]
pub(crate) struct CascadeFile {
    /// The version of this file format.
    #[schemars(required, range(min = 1, max = 1))]
    #[serde(rename = "version")]
    _version: Option<i64>,
    /// The cascade's name in traces and reports.
    #[schemars(required)]
    pub(crate) name: Option<Name>,
    /// Keys the ties between equal gate values; the cascade's name without it. Changing it makes fits stale.
    pub(crate) salt: Option<Text>,
    /// Who answers calls, by name; the key below the name is the provider's kind.
    #[serde(default)]
    pub(crate) provider: BTreeMap<Spanned<String>, ProviderFile>,
    /// Where requests go, before any call. All rules that hold for a request are in force together: the tiers that may see it are those
    /// that every rule allows, and none left is a refusal; it enters at the latest tier that a rule names; `refuse` beats `review`, and
    /// `review` the rest; the first rule that names a `point` decides it.
    #[serde(default)]
    pub(crate) rule: Vec<RuleFile>,
    /// The rungs, cheapest first.
    #[schemars(required)]
    pub(crate) tier: Option<Vec<Spanned<TierFile>>>,
    /// What happens when a gate cannot decide alone.
    #[serde(default)]
    pub(crate) policy: PolicyFile,
    /// How a request's segment is found, which fitted thresholds may depend on.
    pub(crate) segment: Option<SegmentFile>,
    /// The file that thresholds written `"fit"` come from; without it `NAME.fit.toml` beside `NAME.cascade.toml`.
    pub(crate) fit: Option<Spanned<Text>>,
    /// Answers from recordings in place of the providers.
    pub(crate) replay: Option<Replay>,
    /// What must hold on a fixture set.
    #[serde(default)]
    pub(crate) expect: Vec<Spanned<Expect>>,
    /// How a regression run compares with the baseline.
    #[serde(default)]
    pub(crate) regress: RegressRules,
    /// Warnings about this file that were looked at and are not to be told again.
    #[serde(default)]
    pub(crate) allow: Vec<Warning>,
}

/// What happens when a gate cannot decide alone.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(title = "a policy")]
pub(crate) struct PolicyFile {
    /// After a failed call: go on with the next tier, or fail the run.
    #[serde(default)]
    pub(crate) on_error: Spanned<OnError>,
    /// After a prompt that the filter of a tier's provider refused: refuse the request, so that no other provider answers what one refused,
    /// or go on with the next tier, whatever `on-error` says. An answer that a filter cut is deferred.
    #[serde(default)]
    pub(crate) on_filter: OnFilter,
    /// After a signal that had nothing to read, or may not ask the tier that it asks.
    #[serde(default)]
    pub(crate) on_abstain: Spanned<OnAbstain>,
    /// When no further tier may be called and none accepted: serve the best answer, serve none, or let a person look. The
    /// best is one that a gate could read, of the latest tier that has one; gate values of different tiers are not compared. The last tier's
    /// answer is accepted whatever it looks like, but with `best-whole`: where it is cut off, filtered, refused or empty, an earlier tier's whole
    /// answer is served instead. Nothing of the last tier's answer is then passed on before its end.
    #[serde(default)]
    pub(crate) on_exhausted: OnExhausted,
    /// Most USD for one request: no call is begun that is expected to exceed it, by its prompt's estimated tokens and the most that it may
    /// generate. Where nobody told what a call before it cost, that is taken for the most that it can be. A review is held against nothing:
    /// its cost is in the trace.
    pub(crate) budget: Option<Spanned<Dollars>>,
    /// Most time for one request, waiting for places included: no call is begun after it. Each model that may still be asked has
    /// an equal share of what is left, so that one that hangs leaves room for those after it.
    pub(crate) deadline: Option<Wait>,
}

/// Answers from recordings in place of the providers; `run --live` ignores it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ReplayFile", title = "a replay", transform = needs_fixtures)]
pub struct Replay {
    /// The fixture set whose recordings answer.
    #[schemars(with = "Name")]
    #[serde(default)]
    pub fixtures: String,
}

// What is missing is told with its place, and then read as empty.
fn needs_fixtures(schema: &mut schemars::Schema) {
    schema.ensure_object().entry("required").or_insert_with(|| serde_json::json!(["fixtures"]));
}

fn test_split() -> String {
    "test".to_owned()
}

/// What must hold when a fixture set is replayed; at least one limit.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "ExpectFile", title = "an expectation", transform = needs_fixtures)]
pub struct Expect {
    /// The fixture set.
    #[schemars(with = "Name")]
    #[serde(default)]
    pub fixtures: String,
    /// Which of its splits.
    #[schemars(with = "Name")]
    #[serde(default = "test_split")]
    pub split: String,
    /// Only this segment.
    #[schemars(with = "Option<Text>")]
    pub segment: Option<String>,
    /// Mean grade of the served answers.
    #[schemars(range(min = 0, max = 1))]
    pub accuracy_at_least: Option<f64>,
    /// Accuracy of always using the last tier, less the cascade's.
    #[schemars(range(min = -1, max = 1))]
    pub loss_vs_last_at_most: Option<f64>,
    /// Cost over that of always using the last tier.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub cost_ratio_at_most: Option<f64>,
    /// Share of requests that the first tier they reach does not answer.
    #[schemars(range(min = 0, max = 1))]
    pub escalation_rate_at_least: Option<f64>,
    /// Share of requests that the first tier they reach does not answer.
    #[schemars(range(min = 0, max = 1))]
    pub escalation_rate_at_most: Option<f64>,
    /// Milliseconds that 95 of 100 requests may take; `regress --live` alone checks it.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub latency_p95_ms_at_most: Option<f64>,
    /// Share of the requests without an error of transport; `regress --live` alone checks it.
    #[schemars(range(min = 0, max = 1))]
    pub availability_at_least: Option<f64>,
    /// By tier: the share of the requests that reach it which it accepts.
    #[serde(default)]
    pub coverage: BTreeMap<Spanned<String>, CoverageLimit>,
    /// Where it stands in the file, from 1.
    #[serde(skip)]
    pub line: usize,
}

/// How `tierfall regress` compares with the baseline.
// What is not declared has the defaults of that command, which the schema repeats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(title = "rules of a regression run")]
pub struct RegressRules {
    /// The chance, at most, that a change which makes nothing worse fails this cascade: all fixture sets and splits share it.
    #[schemars(range(min = 0, max = 1), extend("default" = 0.01))]
    pub level: Option<f64>,
    /// The loss of quality that is still no regression; a pass rules it out.
    #[schemars(range(min = 0, max = 1), extend("default" = 0.02))]
    pub margin: Option<f64>,
    /// The relative rise in cost that is still no regression.
    #[schemars(range(min = 0, max = 1_000_000), extend("default" = 0.05))]
    pub cost_rise: Option<f64>,
    /// The relative rise in latency that is still no regression, as is one of 10 ms; `regress --live` alone checks it.
    #[schemars(range(min = 0, max = 1_000_000), extend("default" = 0.2))]
    pub latency_rise: Option<f64>,
}

/// Bounds on a tier's coverage.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(rename = "CoverageFile", title = "limits of a coverage")]
pub struct CoverageLimit {
    /// At least this share.
    #[schemars(range(min = 0, max = 1))]
    pub at_least: Option<f64>,
    /// At most this share.
    #[schemars(range(min = 0, max = 1))]
    pub at_most: Option<f64>,
}
