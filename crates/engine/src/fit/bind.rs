//! A fit and the cascade file that it is made for.

use tierfall_core::fit::Fit;

use super::fresh::{Bound, Difference, binding_of, differences};
use crate::config::Loaded;

impl<'a> From<&'a Loaded> for Bound<'a> {
    fn from(loaded: &'a Loaded) -> Self {
        Self { cascade: &loaded.cascade, tiers: &loaded.tiers, segment_digest: loaded.segment_digest.as_deref() }
    }
}

/// What changed since a fit was made; empty where it is fresh. Prices, timeouts, rules and comments may change freely.
pub fn stale(fit: &Fit, loaded: &Loaded) -> Vec<Difference> {
    differences(fit, loaded.into())
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
