//! `[provider.NAME.KIND]`.

use std::collections::BTreeMap;
use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use tierfall_core::provider::CallErrorKind;
use tierfall_providers::simulated::SimulatedSettings;
use tierfall_providers::{BreakerPolicy, RetryPolicy};
use tierfall_wire::dialect::table as dialects;

use crate::config::types::{Share, Spanned, Text, Variable, Wait};

/// The name of the provider kind that invents its answers.
pub(crate) const SIMULATED: &str = "simulated";

/// `[provider.NAME.KIND]`; `None` where the kind was reported.
#[derive(Debug, Default)]
pub(crate) struct ProviderFile(pub(crate) Option<ProviderKind>);

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a handful a file, never moved")]
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

impl JsonSchema for ProviderFile {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ProviderFile".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut kinds = serde_json::Map::new();
        for dialect in dialects::DIALECTS {
            let mut kind = generator.subschema_for::<HttpFile>();
            kind.insert("description".to_owned(), dialect.about.into());
            kinds.insert(dialect.name.to_owned(), kind.to_value());
        }
        kinds.insert(SIMULATED.to_owned(), generator.subschema_for::<SimulatedFile>().to_value());
        json_schema!({
            "type": "object",
            "properties": kinds,
            "additionalProperties": false,
            "minProperties": 1,
            "maxProperties": 1,
            "x-kind": "provider",
        })
    }
}

fn whole<const N: u32>() -> u32 {
    N
}

fn seconds<const N: u64>() -> Wait {
    Wait(Duration::from_secs(N))
}

/// A model server or service over HTTP, in the dialect that its key names.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(title = "a provider")]
pub struct HttpFile {
    /// Where its API begins, like `https://api.openai.com/v1`.
    #[schemars(required)]
    pub(crate) base_url: Option<Spanned<Text>>,
    /// The key; only ever from the environment.
    pub(crate) api_key: Option<KeyRef>,
    /// Further headers of every call; secret ones from the environment.
    #[serde(default)]
    pub(crate) headers: BTreeMap<Spanned<String>, HeaderSource>,
    /// What stands in the query of every call's address, such as Azure's `api-version`. No secrets: a key goes into a header.
    #[schemars(with = "BTreeMap<String, Text>")]
    #[serde(default)]
    pub(crate) query: BTreeMap<Spanned<String>, Text>,
    /// The HTTP proxy that calls go through, like `http://proxy.example:3128`, or the environment variable that holds it:
    /// `{ env = "HTTPS_PROXY" }`. Without it calls go straight, whatever the environment says.
    pub(crate) proxy: Option<HeaderSource>,
    /// A file with certificates in PEM that are trusted besides the platform's; its path is relative to the cascade file.
    pub(crate) ca_file: Option<Spanned<Text>>,
    /// Most calls at a time; the others wait for a place.
    #[schemars(range(min = 1, max = 10_000))]
    #[serde(default = "whole::<32>")]
    pub(crate) max_concurrency: u32,
    /// Most calls that wait. One more is turned away as `queue-full`, which ends its run: a dearer tier would only be flooded in
    /// turn. A batch, `record`, `grade --judge` and `regress --live` are held by no such bound: they wait.
    #[schemars(range(max = 1_000_000))]
    #[serde(default = "whole::<1024>")]
    pub(crate) max_queue: u32,
    /// Longest wait for a place; then the call is `queue-full`, too. No tier's timeouts count it, the policy's `deadline` does.
    #[serde(default = "seconds::<600>")]
    pub(crate) queue_timeout: Wait,
    /// Most further attempts at a call that failed in passing; without it 2, and where another tier can be asked 1, which does not
    /// follow an attempt that timed out.
    #[schemars(range(max = 10))]
    pub(crate) retries: Option<u32>,
    /// Longest pause that is waited for where the provider asks for one (`Retry-After`); without it 30 s, and where another tier can be
    /// asked 3 s.
    pub(crate) max_retry_after: Option<Wait>,
    /// Calls in a row that come to nothing (no connection, 5xx, no reply in time, one that breaks off) before a model is left alone: for
    /// `breaker-pause` its calls are refused at once as `circuit-open` where another tier can be asked, and then one is made as a trial.
    /// 0 = never.
    #[schemars(range(max = 1_000))]
    #[serde(default = "whole::<5>")]
    pub(crate) breaker_failures: u32,
    /// How long a model is left alone before the next trial.
    #[serde(default = "seconds::<10>")]
    pub(crate) breaker_pause: Wait,
    /// Longest reply that is read, in MiB.
    #[schemars(range(min = 1, max = 1024))]
    #[serde(default = "whole::<16>")]
    pub(crate) max_body_mib: u32,
    /// Several samples are as many calls: for servers that do not take `n`, though their dialect has it.
    #[serde(default)]
    pub(crate) sample_by_calls: bool,
    /// Longest wait for a connection; without it 10 s, and where another tier can be asked 2 s.
    pub(crate) connect_timeout: Option<Wait>,
}

impl HttpFile {
    /// When and how often calls are tried again, those that fail over or the others.
    pub(crate) fn retry(&self, fails_over: bool) -> RetryPolicy {
        let mut policy = if fails_over { RetryPolicy::failing_over() } else { RetryPolicy::default() };
        if let Some(retries) = self.retries {
            policy.attempts = retries.saturating_add(1);
            policy.after_timeout = true;
        }
        policy.longest_hint = self.max_retry_after.as_deref().copied().unwrap_or(policy.longest_hint);
        policy
    }

    /// When a model is left alone.
    pub(crate) fn breaker(&self) -> Option<BreakerPolicy> {
        NonZeroU32::new(self.breaker_failures).map(|failures| BreakerPolicy { failures, pause: self.breaker_pause.0 })
    }
}

/// A value that never stands in the file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(
    rename = "EnvFile",
    title = "a value from the environment",
    extend("minProperties" = 1, "maxProperties" = 1)
)]
pub struct KeyRef {
    /// The environment variable that holds it.
    #[schemars(with = "Variable")]
    #[serde(default)]
    pub env: String,
}

// A header's value: as it stands in the file, or from the environment.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(crate) enum HeaderSource {
    Text(#[schemars(with = "Text")] String),
    Env(KeyRef),
}

/// Invented answers for demonstrations and tests; every one of them is marked as simulated.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(title = "a simulated provider")]
pub(crate) struct SimulatedFile {
    /// The same seed gives the same answers to requests of the same id.
    #[serde(default)]
    pub(crate) seed: u64,
    /// The models that it pretends to have.
    #[schemars(required)]
    pub(crate) models: Option<BTreeMap<Spanned<String>, SimulatedModelFile>>,
}

/// How good, how sure and how fast a simulated model is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(title = "a simulated model")]
pub(crate) struct SimulatedModelFile {
    /// A request of difficulty d in [0, 1) is answered rightly with probability σ(slope · (ability − d)).
    #[schemars(range(min = -100, max = 100))]
    pub(crate) ability: f64,
    /// How sharply ability divides right from wrong.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub(crate) slope: f64,
    /// How well it knows when it is right: the AUROC of its log-probabilities is Φ(separation / √2).
    #[schemars(range(min = 0, max = 100))]
    pub(crate) separation: f64,
    /// Fewest tokens of an answer.
    #[schemars(range(min = 1, max = 100_000))]
    pub(crate) min_tokens: u32,
    /// Most tokens of an answer.
    #[schemars(range(min = 1, max = 100_000))]
    pub(crate) max_tokens: u32,
    /// Whether it tells log-probabilities.
    pub(crate) logprobs: bool,
    /// How long it takes; nothing without it.
    pub(crate) latency: LatencyFile,
    /// How often a call fails in each way; together at most 1.
    #[schemars(with = "ErrorsFile")]
    pub(crate) errors: BTreeMap<CallErrorKind, Share>,
}

impl Default for SimulatedModelFile {
    fn default() -> Self {
        let usual = SimulatedSettings::new("", 0);
        Self {
            ability: usual.ability,
            slope: usual.slope,
            separation: usual.separation,
            min_tokens: usual.tokens.0,
            max_tokens: usual.tokens.1,
            logprobs: usual.gives_logprobs,
            latency: LatencyFile::default(),
            errors: BTreeMap::new(),
        }
    }
}

/// How long a simulated model takes.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(title = "a latency")]
pub(crate) struct LatencyFile {
    /// Until the first token.
    pub(crate) first: Option<Wait>,
    /// Between two tokens.
    pub(crate) per_token: Option<Wait>,
    /// All of it varies by this share up and down.
    #[serde(default)]
    pub(crate) jitter: Share,
}

/// Shares of calls that fail.
#[derive(JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(title = "error rates")]
#[expect(dead_code, reason = "the keys of `errors`, which are read as kinds of failure")]
struct ErrorsFile {
    /// No connection.
    connect: Option<Share>,
    /// The prompt is refused.
    content_filter: Option<Share>,
    /// The prompt is too long.
    context_length: Option<Share>,
    /// The request can never work.
    invalid_request: Option<Share>,
    /// The reply cannot be read.
    malformed: Option<Share>,
    /// 5xx.
    overloaded: Option<Share>,
    /// 429.
    rate_limited: Option<Share>,
    /// The time runs out.
    timeout: Option<Share>,
    /// The stream ends before the answer.
    truncated: Option<Share>,
}
