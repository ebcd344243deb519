//! What recordings and fits are bound to: everything that shapes a tier's answers, and nothing else.

use std::sync::Arc;

use serde::Serialize;
use serde_json::json;
use tierfall_core::calls::without_request;
use tierfall_core::cascade::Model;
use tierfall_core::gate::Gate;
use tierfall_core::request::Params;

use crate::digest;

/// A tier's model, and digests of how it is asked.
///
/// Every digest is the SHA-256 of JSON without blanks, in lower-case hexadecimal.
/// Prices, timeouts, thresholds, capabilities, base URLs, headers and comments are in none of them: they change what an
/// answer costs or what is decided on it, not the answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TierBinding {
    /// The tier.
    pub tier: Arc<str>,
    /// The provider's declared name.
    pub provider: Arc<str>,
    /// The provider's kind: its dialect, or `simulated`.
    pub provider_kind: Arc<str>,
    /// The model's name at the provider.
    pub model: Arc<str>,
    /// The declared digest of the model's weights.
    pub model_digest: Option<Arc<str>>,
    /// The sampling parameters in force, signals' own wishes included.
    pub params: Params,
    /// Of `params`.
    pub params_digest: String,
    /// Of the messages that are put before the client's: system prompt, example turns and what signals append to them.
    pub prompt_digest: String,
    /// The labels of the gate's signals with their versions, in the order in which they are read.
    pub signals: Vec<(Arc<str>, u32)>,
    /// Samples a call that the gate's signals need, at least 1.
    pub samples: u8,
    /// Alternatives a token that the gate's signals need; `None` = no log-probabilities.
    pub top_logprobs: Option<u8>,
    /// The gate's signals that make the model add something and take it out again, as the cascade declares them.
    pub strips: Vec<Arc<serde_json::Value>>,
    /// Of `{provider, provider_kind, model, model_digest, params_digest, prompt_digest, signals}`, where `signals` holds the
    /// gate's own signal and its validators; observed ones decide nothing.
    pub digest: String,
}

impl TierBinding {
    /// The binding of a tier: its model and parameters, and the prompt that its gate's signals make of its preamble.
    pub fn of(
        tier: Arc<str>,
        (provider, provider_kind): (Arc<str>, Arc<str>),
        model: &Model,
        model_digest: Option<Arc<str>>,
        gate: Option<&Gate>,
    ) -> Self {
        let call = without_request(model, gate);
        let params_digest = digest::of(&call.params);
        let prompt_digest = digest::of(&call.messages());
        let version = |named: &tierfall_core::signal::NamedSignal| (named.label.clone(), named.version());
        let deciding: Vec<_> = gate.into_iter().flat_map(|gate| gate.require.iter().chain([&gate.signal])).map(version).collect();
        let digest = digest::of(&json!({
            "provider": provider,
            "provider_kind": provider_kind,
            "model": model.name,
            "model_digest": model_digest,
            "params_digest": params_digest,
            "prompt_digest": prompt_digest,
            "signals": deciding,
        }));
        Self {
            tier,
            provider,
            provider_kind,
            model: model.name.clone(),
            model_digest,
            params: call.params,
            params_digest,
            prompt_digest,
            signals: gate.into_iter().flat_map(Gate::signals).map(version).collect(),
            samples: call.samples.get(),
            top_logprobs: call.logprobs,
            strips: gate
                .into_iter()
                .flat_map(Gate::signals)
                .filter(|named| named.strips())
                .filter_map(|named| named.declared.clone())
                .collect(),
            digest,
        }
    }
}
