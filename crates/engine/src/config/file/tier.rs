//! `[[tier]]`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use tierfall_core::cascade::Capability;
use tierfall_core::gate::OnTruncated;
use tierfall_core::request::Params;
use tierfall_core::signal::table::SignalSpec;

use crate::config::types::{Dollars, DollarsPerMillion, ModelName, Name, Spanned, Text, Wait};
use crate::fault::MOST_TEMPERATURE;

/// One rung: a model at a provider, or, as the last, a person.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(title = "a tier", extend("anyOf" = [{ "required": ["model"] }, { "required": ["review"] }]))]
pub(crate) struct TierFile {
    /// The tier's name in traces, recordings and fits.
    #[schemars(required)]
    pub(crate) name: Option<Spanned<Name>>,
    /// The provider's name and the model's name there: "provider/model".
    pub(crate) model: Option<Spanned<ModelName>>,
    /// A digest of the model's weights, where it is known: recordings and fits are bound to it.
    pub(crate) model_digest: Option<Text>,
    /// USD per million tokens; without it costs are unknown, never zero.
    pub(crate) price: Option<Spanned<PriceFile>>,
    /// Most tokens of prompt and answer together; longer requests skip the tier.
    #[schemars(range(min = 1))]
    pub(crate) context_window: Option<u64>,
    /// What the model can do; requests that need more skip the tier. Without it everything is tried that its
    /// provider's dialect can ask for.
    pub(crate) capabilities: Option<Vec<Capability>>,
    /// Put before the client's messages.
    pub(crate) system_prompt: Option<Spanned<PromptFile>>,
    /// Put between system prompt and client's messages; a file holds one {"role", "content"} a line.
    pub(crate) example_turns: Option<Spanned<TurnsFile>>,
    /// Sampling parameters; they take precedence over the client's, since the gate is bound to them.
    pub(crate) params: Option<Spanned<ParamsFile>>,
    /// How long a call may take.
    #[serde(default)]
    pub(crate) timeouts: TimeoutsFile,
    /// When the tier's answer is good enough; required on every tier but the last, which has none.
    pub(crate) gate: Option<Spanned<GateFile>>,
    /// `true`: a person looks at what no tier before accepted. Only as the last tier, and without a model.
    pub(crate) review: Option<bool>,
    /// What one review costs in USD.
    pub(crate) cost: Option<Spanned<Dollars>>,
}

/// USD per million tokens, exact to six places.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(title = "a price")]
pub(crate) struct PriceFile {
    /// Prompt tokens.
    #[schemars(required)]
    pub(crate) input: Option<DollarsPerMillion>,
    /// Generated tokens, reasoning tokens included.
    #[schemars(required)]
    pub(crate) output: Option<DollarsPerMillion>,
    /// Prompt tokens from the provider's cache; the price of `input` without it.
    pub(crate) cached_input: Option<DollarsPerMillion>,
    /// Prompt tokens written into the provider's cache, where it tells them (Anthropic, and proxies of it); the price of `input` without it.
    pub(crate) cached_write: Option<DollarsPerMillion>,
}

/// A file beside the cascade file.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a file", extend("minProperties" = 1, "maxProperties" = 1))]
pub(crate) struct FileFile {
    /// Its path, relative to the cascade file.
    pub(crate) file: Option<Text>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(crate) enum PromptFile {
    Text(Text),
    File(FileFile),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(crate) enum TurnsFile {
    Turns(Vec<TurnFile>),
    File(FileFile),
}

/// A question and how it should be answered.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "an example turn")]
pub(crate) struct TurnFile {
    /// What the person says.
    #[schemars(required)]
    pub(crate) user: Option<Text>,
    /// What the model should answer.
    #[schemars(required)]
    pub(crate) assistant: Option<Text>,
}

/// What is left out is the provider's default.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(title = "sampling parameters")]
pub(crate) struct ParamsFile {
    /// Sampling temperature; 0 is greedy.
    #[schemars(range(min = 0, max = MOST_TEMPERATURE))]
    pub(crate) temperature: Option<Spanned<f64>>,
    /// Nucleus sampling mass.
    #[schemars(extend("exclusiveMinimum" = 0), range(max = 1))]
    pub(crate) top_p: Option<f64>,
    /// Most tokens to generate.
    #[schemars(range(min = 1, max = u32::MAX))]
    pub(crate) max_tokens: Option<u32>,
    /// Texts at which the answer ends.
    #[serde(default)]
    pub(crate) stop: Vec<Text>,
    /// The provider's sampling seed.
    pub(crate) seed: Option<i64>,
    /// Any other field of the provider's request body, sent as written; docs/guide/setups.md has examples by provider.
    #[serde(default)]
    pub(crate) extra: BTreeMap<Spanned<String>, serde_json::Value>,
}

impl ParamsFile {
    pub(crate) fn params(&self) -> Params {
        Params {
            temperature: self.temperature.as_ref().map(|temperature| *temperature.get_ref()),
            top_p: self.top_p,
            max_tokens: self.max_tokens,
            stop: self.stop.iter().map(|text| text.0.clone()).collect(),
            seed: self.seed,
            extra: self.extra.iter().map(|(key, value)| (key.get_ref().clone(), value.clone())).collect(),
        }
    }
}

/// How long a call may take.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "timeouts")]
pub(crate) struct TimeoutsFile {
    /// To open a connection; the provider's `connect-timeout` without it.
    pub(crate) connect: Option<Wait>,
    /// Until a streamed answer begins, and between two pieces of any answer; without it 1 min, and where another tier can be asked 8 s.
    pub(crate) idle: Option<Wait>,
    /// In all, retries included; it begins when the call has its place at the provider. Without it 10 min, and for an answer that is
    /// asked for whole, where another tier can be asked, 8 s.
    pub(crate) total: Option<Wait>,
}

/// A tier's deferral rule.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(title = "a gate")]
pub(crate) struct GateFile {
    /// How the answer's confidence is read.
    #[schemars(with = "SignalSpec")]
    pub(crate) signal: Option<Spanned<SignalSpec>>,
    /// Accept from here on: a number on the signal's nominal scale, `{ raw = … }` in its own units, "defer-all", or "fit": all
    /// gates of a file take their thresholds from the fit, or none does.
    #[schemars(required)]
    pub(crate) threshold: Option<Spanned<ThresholdFile>>,
    /// Validators that every accepted answer must pass.
    #[serde(default)]
    pub(crate) require: Vec<Spanned<SignalSpec>>,
    /// Signals that are recorded; they decide nothing, unless a fit makes the gate value of them.
    #[serde(default)]
    pub(crate) observe: Vec<Spanned<SignalSpec>>,
    /// What becomes of an answer that was cut at a limit: deferred, or read like any other. With "accept" a gate whose signal
    /// settles before the end commits to a streamed answer as soon as it is sure.
    #[serde(default)]
    pub(crate) on_truncated: OnTruncated,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[schemars(inline)]
pub(crate) enum ThresholdFile {
    // Its gate checks the range, knowing the signal.
    #[schemars(extend("minimum" = 0, "maximum" = 1, "x-kind" = "nominal"))]
    Nominal(f64),
    Raw(RawFile),
    Word(ThresholdWord),
}

/// A threshold in the signal's own units.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "a raw threshold", extend("minProperties" = 1, "maxProperties" = 1))]
pub(crate) struct RawFile {
    /// The lowest accepted score.
    pub(crate) raw: Option<f64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(crate) enum ThresholdWord {
    Fit,
    DeferAll,
}
