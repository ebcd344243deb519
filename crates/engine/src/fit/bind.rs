//! A fit and the cascade file that it is made for.

use std::sync::Arc;

use tierfall_core::cascade::{Answerer, Cascade, Tier};
use tierfall_core::fit::Fit;
use tierfall_core::provider::Declares;

use super::file::sound;
use super::fresh::{Bound, Difference, binding_of, differences};
use crate::binding::TierBinding;
use crate::config::{Code, Loaded};
use crate::fault::Fault;

impl<'a> From<&'a Loaded> for Bound<'a> {
    fn from(loaded: &'a Loaded) -> Self {
        Self { cascade: &loaded.cascade, tiers: &loaded.tiers, segment_digest: loaded.segment_digest.as_deref() }
    }
}

/// What changed since a fit was made; empty where it is fresh. Prices, timeouts, rules and comments may change freely.
pub fn stale(fit: &Fit, loaded: &Loaded) -> Vec<Difference> {
    differences(fit, loaded.into())
}

/// What shows that a fit is of another cascade than one that was made in code, where nobody says of every provider which it is.
pub(crate) fn foreign(fit: &Fit, cascade: &Cascade, declared: &[Declares]) -> Vec<Fault> {
    if let Err(why) = sound(fit) {
        return vec![Fault::new(Code::BAD_FIT, format!("the fit is broken: {why}"))];
    }
    let binding = |(place, tier): (usize, &Tier)| {
        let Answerer::Model(model) = &tier.answerer else { return None };
        let was = fit.tier.get(place).and_then(|tier| tier.binding.as_ref());
        let or =
            |own: &Option<Arc<str>>, was: Option<&String>| own.clone().unwrap_or_else(|| was.map_or("", String::as_str).into());
        let declared = declared.get(place).cloned().unwrap_or_default();
        let provider = or(&declared.name, was.map(|was| &was.provider));
        let kind = or(&declared.kind, was.map(|was| &was.provider_kind));
        let weights = was.and_then(|was| was.model_digest.as_deref()).map(Into::into);
        Some(TierBinding::of(tier.name.clone(), (provider, kind), model, weights, tier.gate.as_ref()))
    };
    let tiers: Vec<_> = cascade.tiers().iter().enumerate().map(binding).collect();
    let segment_digest = fit.provenance.segment_digest.as_deref().filter(|_| !cascade.segments().is_empty());
    let stale = differences(fit, Bound { cascade, tiers: &tiers, segment_digest });
    let fault = |difference: Difference| Fault {
        tier: difference.tier,
        ..Fault::new(Code::STALE_FIT, format!("the fit is stale: {}", difference.what)).help("calibrate again")
    };
    stale.into_iter().map(fault).collect()
}

/// Binds a fit to the cascade that it was made for: its name and salt, and what each tier's numbers depend on.
pub fn bind(fit: &mut Fit, loaded: &Loaded) {
    fit.cascade = loaded.cascade.name().to_string();
    loaded.cascade.salt().clone_into(&mut fit.salt);
    fit.provenance.cascade_digest.clone_from(&loaded.digest);
    fit.provenance.segment_digest.clone_from(&loaded.segment_digest);
    for tier in &mut fit.tier {
        let found = loaded.cascade.tiers().iter().zip(&loaded.tiers).find(|(declared, _)| *declared.name == *tier.name);
        let bound = found.and_then(|(declared, binding)| Some((declared.gate.as_ref(), binding.as_ref()?)));
        tier.binding = bound.map(|(gate, binding)| binding_of(binding, gate, tier.gate.as_ref()));
    }
}
