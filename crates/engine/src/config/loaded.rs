//! What a cascade file says, once it says nothing wrong.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tierfall_core::cascade::{Answerer, Cascade, TierIx};
use tierfall_core::fit::Fit;
use tierfall_core::gate::Gate;
use tierfall_core::request::Timeouts;
use tierfall_providers::BreakerPolicy;

use super::diagnostic::Diagnostic;
use super::file::{Expect, RegressRules, Replay};
use super::provider::ProviderSpec;
use super::reading::ReadFile;
use crate::binding::TierBinding;

/// A cascade file, read and found right.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The cascade.
    pub cascade: Cascade,
    /// What each tier's answers are bound to, in the order of the cascade; `None` for a human tier.
    pub tiers: Vec<Option<TierBinding>>,
    /// The declared providers, by name.
    pub providers: BTreeMap<String, ProviderSpec>,
    /// Recordings that answer in place of the providers.
    pub replay: Option<Replay>,
    /// What must hold on fixture sets.
    pub expects: Vec<Expect>,
    /// How comparisons with the baseline are judged.
    pub regress: RegressRules,
    /// The fit's file, where the gates take their thresholds from it; `None` where they stand in the cascade file.
    pub fit_path: Option<PathBuf>,
    /// The fit in force; `None` where there is none to be, or the file was read without it ([`load_unfitted`](super::load_unfitted)).
    pub fit: Option<Arc<Fit>>,
    /// SHA-256 of how a request's segment is found; `None` where that is not declared.
    pub segment_digest: Option<String>,
    /// The file.
    pub path: PathBuf,
    /// SHA-256 of what the file says about how requests are served: neither comments nor layout, nor what is expected of it or
    /// replayed. Files that it names are not in it.
    pub serving_digest: String,
    /// SHA-256 of the file's bytes, in hexadecimal. Files that it names are not in it; the bindings cover those.
    pub digest: String,
    /// The file's text, with everything overwritten that looks like a secret.
    pub text: String,
    /// What is probably not as meant.
    pub warnings: Vec<Diagnostic>,
}

/// What is in force for a tier's calls.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Patience {
    /// The timeouts of answers that are asked for whole; none is absent.
    pub whole: Timeouts,
    /// Those of streamed answers.
    pub stream: Timeouts,
    /// Most attempts, the first included.
    pub attempts: u32,
    /// The longest pause that a provider may ask for and that is waited for.
    pub longest_pause: Duration,
    /// When the model is left alone; `None` = its calls are always made.
    pub breaker: Option<BreakerPolicy>,
}

/// A secret that a provider in use needs and the environment does not hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnsetKey {
    /// The provider.
    pub provider: String,
    /// The environment variable.
    pub env: String,
}

impl Loaded {
    /// Which secrets are absent for providers that a tier uses; `is_set` says whether an environment variable is there.
    pub fn unset_keys(&self, is_set: impl Fn(&str) -> bool) -> Vec<UnsetKey> {
        self.unset_keys_of(&self.used_providers(&[]), is_set)
    }

    /// Which secrets are absent for these providers.
    pub(crate) fn unset_keys_of(&self, used: &BTreeSet<&str>, is_set: impl Fn(&str) -> bool) -> Vec<UnsetKey> {
        let used = |name: &str| used.contains(name);
        let providers = self.providers.iter().filter(|(name, _)| used(name));
        let keys = providers.flat_map(|(name, spec)| spec.keys().map(move |key| (name, key)));
        let unset = keys.filter(|(_, key)| !is_set(&key.env));
        unset.map(|(provider, key)| UnsetKey { provider: provider.clone(), env: key.env.clone() }).collect()
    }

    /// How long a tier's calls are waited for and how often each is made, as declared or as is usual; those that
    /// [fail over](tierfall_core::request::Call::fails_over), or the others. `None` where the tier's provider is none over HTTP.
    pub fn patience(&self, tier: TierIx, fails_over: bool) -> Option<Patience> {
        let binding = self.tiers.get(tier.0)?.as_ref()?;
        let Some(ProviderSpec::Http(http)) = self.providers.get(&*binding.provider) else { return None };
        let Answerer::Model(model) = &self.cascade.tiers().get(tier.0)?.answerer else { return None };
        let connect = http.settings.connect_timeout.as_deref().copied();
        let timeouts = model.timeouts.or(Timeouts { connect, ..Timeouts::default() });
        let retry = http.settings.retry(fails_over);
        Some(Patience {
            whole: timeouts.in_force(fails_over, false),
            stream: timeouts.in_force(fails_over, true),
            attempts: retry.attempts,
            longest_pause: retry.longest_hint,
            breaker: http.settings.breaker().filter(|_| fails_over),
        })
    }

    /// The providers of these tiers, and of the tiers that the signals of their gates put probes to; no name means every
    /// tier.
    pub(crate) fn used_providers(&self, tiers: &[String]) -> BTreeSet<&str> {
        let chosen = |name: &str| tiers.is_empty() || tiers.iter().any(|tier| tier == name);
        let mut used = BTreeSet::new();
        for tier in self.cascade.tiers().iter().filter(|tier| chosen(&tier.name)) {
            used.insert(&*tier.name);
            used.extend(tier.gate.iter().flat_map(Gate::signals).filter_map(|named| named.surrogate()));
        }
        let of_used = self.tiers.iter().flatten().filter(|tier| used.contains(&*tier.tier));
        of_used.map(|tier| &*tier.provider).collect()
    }
}

/// What is done about a fit that thresholds are to come from.
#[derive(Clone, Copy)]
pub(crate) enum Fits<'a> {
    /// It is read, and must be of this cascade.
    Read(ReadFile<'a>),
    /// Nobody looks; the gates defer all.
    Ignore,
}
