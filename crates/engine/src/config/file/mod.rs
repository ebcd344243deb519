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
use tierfall_core::cascade::{OnAbstain, OnError, OnExhausted};

use super::types::{Dollars, Name, Share, Spanned, Text, Wait};

pub(crate) use provider::{EnvFile, HeaderFile, HttpFile, ProviderFile, ProviderKind, SIMULATED, SimulatedFile};
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
    /// Where requests go before any call; the first rule that holds wins.
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
    pub(crate) replay: Option<ReplayFile>,
    /// What must hold on a fixture set.
    #[serde(default)]
    pub(crate) expect: Vec<Spanned<ExpectFile>>,
    /// How a regression run compares with the baseline.
    #[serde(default)]
    pub(crate) regress: RegressRules,
}

/// What happens when a gate cannot decide alone.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(title = "a policy")]
pub(crate) struct PolicyFile {
    /// After a failed call: go on with the next tier, or fail the run.
    #[serde(default)]
    pub(crate) on_error: Spanned<OnError>,
    /// After a signal that had nothing to read, or may not ask the tier that it asks.
    #[serde(default)]
    pub(crate) on_abstain: Spanned<OnAbstain>,
    /// When no further tier may be called and none accepted: serve the best answer, serve none, or let a person look.
    #[serde(default)]
    pub(crate) on_exhausted: OnExhausted,
    /// Most USD for one request: no call is begun that is expected to exceed it.
    pub(crate) budget: Option<Spanned<Dollars>>,
    /// Most time for one request, waiting for places included: no call is begun after it.
    pub(crate) deadline: Option<Wait>,
}

/// Answers from recordings in place of the providers; `run --live` ignores it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a replay")]
pub(crate) struct ReplayFile {
    /// The fixture set whose recordings answer.
    #[schemars(required)]
    pub(crate) fixtures: Option<Name>,
}

fn test_split() -> Name {
    Name("test".to_owned())
}

/// What must hold when a fixture set is replayed; at least one limit.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(title = "an expectation")]
pub(crate) struct ExpectFile {
    /// The fixture set.
    #[schemars(required)]
    pub(crate) fixtures: Option<Name>,
    /// Which of its splits.
    #[serde(default = "test_split")]
    pub(crate) split: Name,
    /// Only this segment.
    pub(crate) segment: Option<Text>,
    /// Mean grade of the served answers.
    pub(crate) accuracy_at_least: Option<Share>,
    /// Accuracy of always using the last tier, less the cascade's.
    #[schemars(range(min = -1, max = 1))]
    pub(crate) loss_vs_last_at_most: Option<f64>,
    /// Cost over that of always using the last tier.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub(crate) cost_ratio_at_most: Option<f64>,
    /// Share of requests that the first tier they reach does not answer.
    pub(crate) escalation_rate_at_least: Option<Share>,
    /// Share of requests that the first tier they reach does not answer.
    pub(crate) escalation_rate_at_most: Option<Share>,
    /// Milliseconds that 95 of 100 requests may take; `regress --live` alone checks it.
    #[schemars(range(min = 0, max = 1_000_000_000))]
    pub(crate) latency_p95_ms_at_most: Option<f64>,
    /// Share of the requests without an error of transport; `regress --live` alone checks it.
    pub(crate) availability_at_least: Option<Share>,
    /// By tier: the share of the requests that reach it which it accepts.
    #[serde(default)]
    pub(crate) coverage: BTreeMap<Spanned<String>, CoverageFile>,
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
}

/// Bounds on a tier's coverage.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(title = "limits of a coverage")]
pub(crate) struct CoverageFile {
    /// At least this share.
    pub(crate) at_least: Option<Share>,
    /// At most this share.
    pub(crate) at_most: Option<Share>,
}
