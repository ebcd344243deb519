//! From a cascade file to an engine: providers made, keys read.

mod asker;
mod error;
#[cfg(feature = "http")]
mod http;
#[cfg(not(all(feature = "http", feature = "simulated")))]
mod left_out;
mod pool;
#[cfg(feature = "simulated")]
mod simulated;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use tierfall_core::provider::Provider;

use crate::binding::TierBinding;
use crate::builder::EngineBuilder;
use crate::config::{Loaded, ProviderSpec};
use crate::engine::Engine;
use crate::environment::{PROXIES, Secrets};
pub use asker::Asker;
pub use error::LoadError;
pub use pool::Pool;

impl Engine {
    /// Loads a cascade file, and whatever it names. One that replays recordings is opened by the workbench's `open`.
    ///
    /// Reads files, and blocks the thread meanwhile: where others run on it, [`load_async`](Self::load_async) does so elsewhere.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), tierfall::LoadError> {
    /// let engine = tierfall::Engine::load("desk.cascade.toml")?;
    /// let answer = engine.complete("Where is my order 10234?").await;
    /// println!("{} ({})", answer.text().unwrap_or("no answer"), answer.trace.request_id);
    /// # Ok(())
    /// # }
    /// ```
    pub fn load(path: impl AsRef<Path>) -> Result<Self, LoadError> {
        Ok(Self::open(path)?.build()?)
    }

    /// Loads a cascade file on one of the runtime's threads for what blocks.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn load_async(path: impl AsRef<Path> + Send + 'static) -> Result<Self, LoadError> {
        let loading = tokio::task::spawn_blocking(move || Self::load(path));
        loading.await.unwrap_or_else(|stopped| match stopped.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Err(LoadError::Stopped),
        })
    }

    /// Loads a cascade file into a builder, which takes observers and other providers.
    pub fn open(path: impl AsRef<Path>) -> Result<EngineBuilder, LoadError> {
        Self::open_in(&Pool::new(), path)
    }

    /// The same with the providers of a pool, which other engines share, and the one that is loaded after this.
    pub fn open_in(pool: &Pool, path: impl AsRef<Path>) -> Result<EngineBuilder, LoadError> {
        let loaded = crate::config::load(path)?;
        match loaded.replay {
            Some(replay) => Err(LoadError::Replays { path: loaded.path, fixtures: replay.fixtures }),
            None => Self::live_in(pool, loaded, Asker::Anybody),
        }
    }

    /// A cascade file's engine with the providers that it declares, whatever its `[replay]` says.
    pub fn live(loaded: Loaded, asker: Asker) -> Result<EngineBuilder, LoadError> {
        Self::live_in(&Pool::new(), loaded, asker)
    }

    /// The same with the providers of a pool.
    pub fn live_in(pool: &Pool, loaded: Loaded, asker: Asker) -> Result<EngineBuilder, LoadError> {
        let providers = providers(pool, &loaded, &loaded.used_providers(&[]), asker)?;
        let tiers = bindings(&loaded);
        let mut builder = Self::unprovided(loaded);
        for tier in &tiers {
            if let Some(provider) = providers.get(&*tier.provider) {
                builder = builder.provider(&*tier.tier, provider.clone());
            }
        }
        Ok(builder)
    }

    /// A cascade file's engine with its fit and without providers: each tier with a model is still to be given one.
    pub fn unprovided(loaded: Loaded) -> EngineBuilder {
        let builder = Self::builder(loaded.cascade);
        match loaded.fit {
            Some(fit) => builder.fit(fit),
            None => builder,
        }
    }
}

/// A tier's provider, and what its recordings are bound to.
#[derive(Clone)]
pub struct Source {
    /// Answers the tier's calls.
    pub provider: Arc<dyn Provider>,
    /// What the recordings are bound to.
    pub binding: TierBinding,
    /// The most alternatives a token that the tier's dialect can give; `None` = no log-probabilities.
    pub top_logprobs: Option<u8>,
    /// Most attempts that the provider makes at a call, the first included.
    pub attempts: u32,
}

/// What each tier's recordings are bound to, for every tier with a model.
pub fn bindings(loaded: &Loaded) -> Vec<TierBinding> {
    loaded.tiers.iter().flatten().cloned().collect()
}

/// What `record` asks, for every tier with a model.
pub fn sources(loaded: &Loaded) -> Result<BTreeMap<Arc<str>, Source>, LoadError> {
    sources_for(loaded, &[])
}

/// What `record` asks to record these tiers (none named = all that have a model): the tiers themselves, and those that
/// their signals put probes to. Nobody else's key is needed, and no queue turns a call away: who records bounds what is under
/// way.
pub fn sources_for(loaded: &Loaded, tiers: &[String]) -> Result<BTreeMap<Arc<str>, Source>, LoadError> {
    let providers = providers(&Pool::new(), loaded, &loaded.used_providers(tiers), Asker::Job)?;
    let source = |tier: &TierBinding| {
        let spec = loaded.providers.get(&*tier.provider)?;
        let source = Source {
            provider: providers.get(&*tier.provider)?.clone(),
            binding: tier.clone(),
            top_logprobs: spec.gives(&tier.model).top_logprobs,
            attempts: match spec {
                ProviderSpec::Http(http) => http.settings.retry(false).attempts,
                ProviderSpec::Simulated(_) => 1,
            },
        };
        Some((tier.tier.clone(), source))
    };
    Ok(loaded.tiers.iter().flatten().filter_map(source).collect())
}

/// The providers in use, by name; each is made once and shared.
fn providers(
    pool: &Pool,
    loaded: &Loaded,
    used: &BTreeSet<&str>,
    asker: Asker,
) -> Result<BTreeMap<String, Arc<dyn Provider>>, LoadError> {
    let specs = || loaded.providers.iter().filter(|(name, _)| used.contains(name.as_str()));
    let named = specs().flat_map(|(_, spec)| spec.keys()).map(|key| &*key.env);
    let secrets = Secrets::read(named.chain(PROXIES));
    let unset = loaded.unset_keys_of(used, |variable| secrets.get(variable).is_some());
    if !unset.is_empty() {
        return Err(LoadError::UnsetKeys(unset));
    }
    let shared = |name: &str, spec| pool.provider((name, spec), asker, &secrets, || provider(name, spec, asker, &secrets));
    specs().map(|(name, spec)| Ok((name.clone(), shared(name, spec)?))).collect()
}

#[cfg_attr(not(feature = "http"), expect(unused_variables, reason = "it matters to a client over HTTP alone"))]
fn provider(name: &str, spec: &ProviderSpec, asker: Asker, secrets: &Secrets) -> Result<Arc<dyn Provider>, LoadError> {
    match spec {
        #[cfg(feature = "http")]
        ProviderSpec::Http(spec) => http::provider(name, spec, asker, secrets),
        #[cfg(not(feature = "http"))]
        ProviderSpec::Http(_) => Err(left_out::provider(name, "is asked over HTTP", "http")),
        #[cfg(feature = "simulated")]
        ProviderSpec::Simulated(spec) => simulated::provider(name, spec),
        #[cfg(not(feature = "simulated"))]
        ProviderSpec::Simulated(_) => Err(left_out::provider(name, "is simulated", "simulated")),
    }
}
