//! A cascade file as it is written, after everything unusable was taken out: whatever is absent here was either left out
//! or already reported.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, de};
use tierfall_core::cascade::{Capability, OnAbstain, OnError, OnExhausted};
use tierfall_core::provider::CallErrorKind;
use tierfall_core::request::Params;
use tierfall_core::rule::table::ConditionSpec;
use tierfall_core::signal::table::SignalSpec;
use toml::Spanned;

use super::check::SIMULATED;

/// The file.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct CascadeFile {
    #[serde(rename = "version")]
    _version: Option<i64>,
    pub(crate) name: Option<String>,
    pub(crate) salt: Option<String>,
    pub(crate) fit: Option<Spanned<String>>,
    pub(crate) segment: Option<SegmentFile>,
    pub(crate) provider: BTreeMap<Spanned<String>, ProviderFile>,
    pub(crate) rule: Vec<RuleFile>,
    pub(crate) tier: Option<Vec<Spanned<TierFile>>>,
    pub(crate) policy: PolicyFile,
    pub(crate) replay: Option<ReplayFile>,
    pub(crate) expect: Vec<Spanned<ExpectFile>>,
    pub(crate) regress: RegressFile,
}

/// `[provider.NAME.KIND]`; `None` where the kind was reported.
#[derive(Debug, Default)]
pub(crate) struct ProviderFile(pub(crate) Option<ProviderKind>);

#[derive(Debug)]
pub(crate) enum ProviderKind {
    Http { dialect: String, settings: HttpFile },
    Simulated(SimulatedFile),
}

impl<'de> Deserialize<'de> for ProviderFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Kinds;
        impl<'de> Visitor<'de> for Kinds {
            type Value = ProviderFile;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a kind of provider")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ProviderFile, A::Error> {
                let Some(kind) = map.next_key::<String>()? else { return Ok(ProviderFile(None)) };
                let kind = if kind == SIMULATED {
                    ProviderKind::Simulated(map.next_value()?)
                } else {
                    ProviderKind::Http { dialect: kind, settings: map.next_value()? }
                };
                Ok(ProviderFile(Some(kind)))
            }
        }
        deserializer.deserialize_map(Kinds)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct HttpFile {
    pub(crate) base_url: Option<Spanned<String>>,
    pub(crate) api_key: Option<EnvFile>,
    pub(crate) headers: BTreeMap<Spanned<String>, HeaderFile>,
    pub(crate) max_concurrency: Option<u32>,
    pub(crate) max_queue: Option<u32>,
    pub(crate) queue_timeout: Option<String>,
    pub(crate) retries: Option<u32>,
    pub(crate) max_body_mib: Option<u32>,
    pub(crate) connect_timeout: Option<String>,
    pub(crate) sample_by_calls: bool,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct EnvFile {
    pub(crate) env: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum HeaderFile {
    Text(String),
    Env(EnvFile),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct SimulatedFile {
    pub(crate) seed: u64,
    pub(crate) models: BTreeMap<Spanned<String>, SimulatedModelFile>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct SimulatedModelFile {
    pub(crate) ability: Option<f64>,
    pub(crate) slope: Option<f64>,
    pub(crate) separation: Option<f64>,
    pub(crate) min_tokens: Option<u32>,
    pub(crate) max_tokens: Option<u32>,
    pub(crate) logprobs: Option<bool>,
    pub(crate) latency: LatencyFile,
    pub(crate) errors: BTreeMap<CallErrorKind, f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct LatencyFile {
    pub(crate) first: Option<String>,
    pub(crate) per_token: Option<String>,
    pub(crate) jitter: f64,
}

/// `[segment]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct SegmentFile {
    pub(crate) tag: Option<String>,
    pub(crate) rule: Vec<RuleFile>,
}

/// `[[rule]]`, and `[[segment.rule]]`, which has no route.
#[derive(Debug, Default)]
pub(crate) struct RuleFile {
    pub(crate) name: Option<String>,
    pub(crate) route: Option<RouteFile>,
    pub(crate) condition: Option<Spanned<ConditionSpec>>,
}

impl<'de> Deserialize<'de> for RuleFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = RuleFile;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a rule")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RuleFile, A::Error> {
                let mut rule = RuleFile::default();
                while let Some(key) = map.next_key::<Spanned<String>>()? {
                    match key.get_ref().as_str() {
                        "name" => rule.name = Some(map.next_value()?),
                        "route" => rule.route = Some(map.next_value()?),
                        kind => {
                            let settings = map.next_value_seed(Condition(kind))?;
                            rule.condition = Some(Spanned::new(key.span(), settings));
                        }
                    }
                }
                Ok(rule)
            }
        }
        deserializer.deserialize_map(Keys)
    }
}

struct Condition<'k>(&'k str);

impl<'de> DeserializeSeed<'de> for Condition<'_> {
    type Value = ConditionSpec;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<ConditionSpec, D::Error> {
        ConditionSpec::deserialize(self.0, deserializer)
            .unwrap_or_else(|| Err(de::Error::unknown_variant(self.0, ConditionSpec::NAMES)))
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct RouteFile {
    pub(crate) enter_at: Option<Spanned<String>>,
    pub(crate) only: Option<Vec<Spanned<String>>>,
    pub(crate) refuse: Option<String>,
}

/// `[[tier]]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct TierFile {
    pub(crate) name: Option<Spanned<String>>,
    pub(crate) model: Option<Spanned<String>>,
    pub(crate) model_digest: Option<String>,
    pub(crate) price: Option<Spanned<PriceFile>>,
    pub(crate) context_window: Option<u64>,
    pub(crate) capabilities: Option<Vec<Capability>>,
    pub(crate) system_prompt: Option<Spanned<PromptFile>>,
    pub(crate) example_turns: Option<Spanned<TurnsFile>>,
    pub(crate) params: Option<Spanned<ParamsFile>>,
    pub(crate) timeouts: TimeoutsFile,
    pub(crate) gate: Option<Spanned<GateFile>>,
    pub(crate) review: Option<bool>,
    pub(crate) cost: Option<Spanned<String>>,
}

/// Amounts, as exact decimal texts.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct PriceFile {
    pub(crate) input: Option<String>,
    pub(crate) output: Option<String>,
    pub(crate) cached_input: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct FileFile {
    pub(crate) file: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum PromptFile {
    Text(String),
    File(FileFile),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum TurnsFile {
    Turns(Vec<TurnFile>),
    File(FileFile),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TurnFile {
    pub(crate) user: String,
    pub(crate) assistant: String,
}

/// Sampling parameters, with the places of those that can contradict a gate.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct ParamsFile {
    pub(crate) temperature: Option<Spanned<f64>>,
    pub(crate) top_p: Option<f64>,
    pub(crate) max_tokens: Option<u32>,
    pub(crate) stop: Vec<String>,
    pub(crate) seed: Option<i64>,
    pub(crate) extra: BTreeMap<Spanned<String>, serde_json::Value>,
}

impl ParamsFile {
    pub(crate) fn params(&self) -> Params {
        Params {
            temperature: self.temperature.as_ref().map(|temperature| *temperature.get_ref()),
            top_p: self.top_p,
            max_tokens: self.max_tokens,
            stop: self.stop.clone(),
            seed: self.seed,
            extra: self.extra.iter().map(|(key, value)| (key.get_ref().clone(), value.clone())).collect(),
        }
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TimeoutsFile {
    pub(crate) connect: Option<String>,
    pub(crate) idle: Option<String>,
    pub(crate) total: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct GateFile {
    pub(crate) signal: Option<Spanned<SignalSpec>>,
    pub(crate) threshold: Option<Spanned<ThresholdFile>>,
    pub(crate) require: Vec<Spanned<SignalSpec>>,
    pub(crate) observe: Vec<Spanned<SignalSpec>>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum ThresholdFile {
    Nominal(f64),
    Raw(RawFile),
    Word(ThresholdWord),
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct RawFile {
    pub(crate) raw: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ThresholdWord {
    Fit,
    DeferAll,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct PolicyFile {
    pub(crate) on_error: Option<Spanned<OnError>>,
    pub(crate) on_abstain: Option<Spanned<OnAbstain>>,
    pub(crate) on_exhausted: OnExhausted,
    pub(crate) budget: Option<Spanned<String>>,
    pub(crate) deadline: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ReplayFile {
    pub(crate) fixtures: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct ExpectFile {
    pub(crate) fixtures: Option<String>,
    pub(crate) split: Option<String>,
    pub(crate) segment: Option<String>,
    pub(crate) accuracy_at_least: Option<f64>,
    pub(crate) loss_vs_last_at_most: Option<f64>,
    pub(crate) cost_ratio_at_most: Option<f64>,
    pub(crate) escalation_rate_at_least: Option<f64>,
    pub(crate) escalation_rate_at_most: Option<f64>,
    pub(crate) latency_p95_ms_at_most: Option<f64>,
    pub(crate) availability_at_least: Option<f64>,
    pub(crate) coverage: BTreeMap<Spanned<String>, CoverageFile>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct RegressFile {
    pub(crate) level: Option<f64>,
    pub(crate) margin: Option<f64>,
    pub(crate) cost_rise: Option<f64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct CoverageFile {
    pub(crate) at_least: Option<f64>,
    pub(crate) at_most: Option<f64>,
}
