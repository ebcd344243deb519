//! Whether a fit still is of its cascade: tier by tier, what changed since it was made.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use tierfall_core::cascade::Cascade;
use tierfall_core::fit::{BindingFit, Fit, TierFit};
use tierfall_core::fusion::GateValue;
use tierfall_core::gate::Gate;
use tierfall_core::signal::NamedSignal;

use crate::binding::TierBinding;

/// Something that changed since a fit was made, so that its numbers no longer hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The tier; `None` where it is about the whole cascade.
    pub tier: Option<Arc<str>>,
    /// What changed, as a clause: `its prompt changed`.
    pub what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.tier {
            Some(tier) => write!(f, "tier \"{tier}\": {}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

/// What of a cascade a fit is held against.
#[derive(Clone, Copy)]
pub(crate) struct Bound<'a> {
    pub(crate) cascade: &'a Cascade,
    /// In the order of the cascade; `None` for a human tier.
    pub(crate) tiers: &'a [Option<TierBinding>],
    /// Of the declaration of segments.
    pub(crate) segment_digest: Option<&'a str>,
}

/// What a tier's numbers depend on under a gate value; a signal of it that the gate does not read is left out.
pub(super) fn binding_of(binding: &TierBinding, gate: Option<&Gate>, value: Option<&GateValue>) -> BindingFit {
    let version = |named: &NamedSignal| (named.label.to_string(), named.version());
    let wanted = value.map(GateValue::signals).unwrap_or_default();
    let deciding = |named: &&NamedSignal| wanted.contains(&&*named.label);
    BindingFit {
        provider: binding.provider.to_string(),
        provider_kind: binding.provider_kind.to_string(),
        model: binding.model.to_string(),
        model_digest: binding.model_digest.as_deref().map(Into::into),
        params: binding.params_digest.clone(),
        prompt: binding.prompt_digest.clone(),
        require: gate.into_iter().flat_map(|gate| &gate.require).map(version).collect(),
        on_truncated: gate.map(|gate| gate.on_truncated).unwrap_or_default(),
        signals: gate.into_iter().flat_map(Gate::signals).filter(deciding).map(version).collect(),
    }
}

/// What changed since a fit was made; empty where it is fresh.
pub(crate) fn differences(fit: &Fit, bound: Bound<'_>) -> Vec<Difference> {
    let mut found = Vec::new();
    let whole = |what: String| Difference { tier: None, what };
    let (was, is) = (chain(fit.tier.iter().map(|tier| &*tier.name)), chain(bound.cascade.tiers().iter().map(|t| &*t.name)));
    if was != is {
        // Which tier is which would be a guess.
        return vec![whole(format!("the fit is of the chain {was}, and the cascade declares {is}"))];
    }
    if fit.salt != bound.cascade.salt() {
        found.push(whole(format!("the salt was \"{}\" and is \"{}\", so ties fall otherwise", fit.salt, bound.cascade.salt())));
    }
    let by_segment = fit.point.iter().any(|point| !point.segments.is_empty());
    if by_segment && fit.provenance.segment_digest.as_deref() != bound.segment_digest {
        found.push(whole("the thresholds are by segment, and how a request's segment is found changed".to_owned()));
    }
    for ((fitted, declared), binding) in fit.tier.iter().zip(bound.cascade.tiers()).zip(bound.tiers) {
        let found = &mut found;
        let mut tier = |what: String| found.push(Difference { tier: Some(declared.name.clone()), what });
        match (&fitted.binding, binding) {
            (Some(was), Some(binding)) => {
                compare(was, &binding_of(binding, declared.gate.as_ref(), fitted.gate.as_ref()), fitted, &mut tier);
            }
            (None, None) => {}
            (None, Some(_)) => tier("the fit does not say which model it was made with".to_owned()),
            (Some(_), None) => tier("it was a model and is a person".to_owned()),
        }
    }
    found
}

fn chain<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names.collect::<Vec<_>>().join(" → ")
}

fn compare(was: &BindingFit, is: &BindingFit, fitted: &TierFit, tier: &mut dyn FnMut(String)) {
    let mut named = |what: &str, was: &str, is: &str| {
        if was != is {
            tier(format!("the {what} was {was} and is {is}"));
        }
    };
    named("provider", &was.provider, &is.provider);
    named("provider's kind", &was.provider_kind, &is.provider_kind);
    named("model", &was.model, &is.model);
    let weights = |binding: &BindingFit| binding.model_digest.clone().unwrap_or_else(|| "not declared".to_owned());
    named("digest of the model's weights", &weights(was), &weights(is));
    if was.params != is.params {
        tier("its sampling parameters changed".to_owned());
    }
    if was.prompt != is.prompt {
        tier("its prompt changed: the system prompt, the example turns, or what signals append".to_owned());
    }
    for label in fitted.gate.as_ref().map(GateValue::signals).unwrap_or_default() {
        if !is.signals.contains_key(label) {
            tier(format!("its gate value is made of `{label}`, which its gate no longer reads; put it under `observe`"));
        }
    }
    if was.on_truncated != is.on_truncated {
        tier("what becomes of answers that are cut at a limit (on-truncated) changed".to_owned());
    }
    versions("signal", &was.signals, &is.signals, tier);
    versions("validator", &was.require, &is.require, tier);
    let labels = |signals: &BTreeMap<String, u32>| match signals.keys().map(String::as_str).collect::<Vec<_>>() {
        labels if labels.is_empty() => "none".to_owned(),
        labels => labels.join(", "),
    };
    if !was.require.keys().eq(is.require.keys()) {
        tier(format!("its validators were {} and are {}", labels(&was.require), labels(&is.require)));
    }
}

fn versions(kind: &str, was: &BTreeMap<String, u32>, is: &BTreeMap<String, u32>, tier: &mut dyn FnMut(String)) {
    for (label, before) in was {
        if let Some(now) = is.get(label)
            && now != before
        {
            tier(format!("the {kind} `{label}` reads otherwise: it was version {before} and is {now}"));
        }
    }
}
