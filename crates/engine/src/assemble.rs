//! From a cascade file to an engine: providers made, keys read, recordings loaded.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tierfall_core::provider::Provider;
use tierfall_providers::http::{HttpProvider, HttpSettings};
use tierfall_providers::queue::QueuePolicy;
use tierfall_providers::retry::RetryPolicy;
use tierfall_wire::dialect::table as dialects;

use crate::binding::TierBinding;
use crate::config::{ConfigError, HeaderSource, HttpSpec, Loaded, ProviderSpec, UnsetKey};
use crate::engine::{BuildError, Engine, EngineBuilder};
use crate::environment;
use crate::fixture::record::Source;
use crate::fixture::replay::Recordings;
use crate::fixture::{FixtureError, FixtureSet};
use crate::replaying::{Replaying, fixture_folder};
use crate::simulated::Models;

/// Where an engine's answers come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Answers {
    /// As the cascade file says: from `[replay]`, else from the providers.
    #[default]
    AsDeclared,
    /// From the providers, whatever `[replay]` says.
    Live,
    /// From the recordings of this fixture set.
    Replay(String),
}

/// Whose requests meet at the providers.
#[derive(Clone, Copy)]
enum Asker {
    /// Anybody's: the declared bounds keep them from piling up.
    Anybody,
    /// One caller's, who waits rather than be turned away by his own requests.
    Job,
}

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The cascade file has problems; all of them are in the error.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The recordings cannot be used.
    #[error(transparent)]
    Fixture(#[from] FixtureError),
    /// Keys are not in the environment.
    #[error("{}", unset(.0))]
    UnsetKeys(Vec<UnsetKey>),
    /// A provider cannot be set up.
    #[error("{0}")]
    Provider(String),
    /// The parts do not fit together.
    #[error(transparent)]
    Build(#[from] BuildError),
}

fn unset(keys: &[UnsetKey]) -> String {
    let keys: Vec<String> = keys.iter().map(|key| format!("provider \"{}\" needs {}", key.provider, key.env)).collect();
    format!("a key is not set: {}", keys.join(", "))
}

impl Engine {
    /// Loads a cascade file, and whatever it names.
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), tierfall::LoadError> {
    /// let engine = tierfall::Engine::load("cascades/support.cascade.toml")?;
    /// let answer = engine.complete("Where is my order 10234?").await;
    /// println!("{} ({})", answer.text().unwrap_or("no answer"), answer.trace.request_id);
    /// # Ok(())
    /// # }
    /// ```
    pub fn load(path: impl AsRef<Path>) -> Result<Self, LoadError> {
        Ok(Self::open(path, &Answers::AsDeclared)?.build()?)
    }

    /// Loads a cascade file into a builder, which takes sinks and other providers.
    pub fn open(path: impl AsRef<Path>, answers: &Answers) -> Result<EngineBuilder, LoadError> {
        Self::asked_by(path, answers, Asker::Anybody)
    }

    /// The same for whoever puts all the requests himself, and bounds how many of them are under way: the calls wait for
    /// their places as long as it takes, and no queue turns one away.
    pub fn open_for_job(path: impl AsRef<Path>, answers: &Answers) -> Result<EngineBuilder, LoadError> {
        Self::asked_by(path, answers, Asker::Job)
    }

    fn asked_by(path: impl AsRef<Path>, answers: &Answers, asker: Asker) -> Result<EngineBuilder, LoadError> {
        let loaded = crate::config::load(path)?;
        let declared = loaded.replay.as_ref().map(|replay| replay.fixtures.clone());
        let set = match answers {
            Answers::AsDeclared => declared,
            Answers::Live => None,
            Answers::Replay(set) => Some(set.clone()),
        };
        match set {
            Some(set) => replaying(loaded, &set),
            None => live(loaded, asker),
        }
    }
}

fn replaying(loaded: Loaded, set: &str) -> Result<EngineBuilder, LoadError> {
    let set = FixtureSet::load(fixture_folder(&loaded.path, set))?;
    let tiers = bindings(&loaded);
    let recordings = Arc::new(Recordings::load(set.dir(), &tiers)?.with_questions_of(&set));
    for tier in recordings.torn() {
        tracing::warn!(tier, "the last line of the recording was cut in the middle of a write and is missing");
    }
    let mut builder = fitted(loaded);
    for TierBinding { tier, .. } in tiers {
        builder = builder.provider(&*tier, Arc::new(recordings.provider(tier.clone())));
    }
    Ok(builder.replay(Arc::new(Replaying { set: Arc::new(set), recordings })))
}

fn live(loaded: Loaded, asker: Asker) -> Result<EngineBuilder, LoadError> {
    let providers = providers(&loaded, &loaded.used_providers(&[]), asker)?;
    let tiers = bindings(&loaded);
    let mut builder = fitted(loaded);
    for tier in &tiers {
        if let Some(provider) = providers.get(&*tier.provider) {
            builder = builder.provider(&*tier.tier, provider.clone());
        }
    }
    Ok(builder)
}

fn fitted(loaded: Loaded) -> EngineBuilder {
    let builder = Engine::builder(loaded.cascade).bindings(loaded.tiers.iter().flatten());
    match loaded.fit {
        Some(fit) => builder.fit(fit),
        None => builder,
    }
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
    let providers = providers(loaded, &loaded.used_providers(tiers), Asker::Job)?;
    let source = |tier: &TierBinding| {
        let spec = loaded.providers.get(&*tier.provider)?;
        let source = Source {
            provider: providers.get(&*tier.provider)?.clone(),
            binding: tier.clone(),
            top_logprobs: spec.gives(&tier.model).top_logprobs,
            attempts: match spec {
                ProviderSpec::Http(http) => http.retries.saturating_add(1),
                ProviderSpec::Simulated(_) => 1,
            },
        };
        Some((tier.tier.clone(), source))
    };
    Ok(loaded.tiers.iter().flatten().filter_map(source).collect())
}

/// The providers in use, by name; each is made once and shared.
fn providers(loaded: &Loaded, used: &BTreeSet<&str>, asker: Asker) -> Result<BTreeMap<String, Arc<dyn Provider>>, LoadError> {
    let unset = loaded.unset_keys_of(used, environment::is_set);
    if !unset.is_empty() {
        return Err(LoadError::UnsetKeys(unset));
    }
    let specs = loaded.providers.iter().filter(|(name, _)| used.contains(name.as_str()));
    specs.map(|(name, spec)| Ok((name.clone(), provider(name, spec, asker)?))).collect()
}

fn provider(name: &str, spec: &ProviderSpec, asker: Asker) -> Result<Arc<dyn Provider>, LoadError> {
    let failed = |why: &dyn std::fmt::Display| LoadError::Provider(format!("provider \"{name}\": {why}"));
    match spec {
        ProviderSpec::Http(http) => {
            let settings = settings(name, http, asker).map_err(|why| failed(&why))?;
            let provider = HttpProvider::new(settings).map_err(|error| LoadError::Provider(error.to_string()))?;
            Ok(Arc::new(provider))
        }
        ProviderSpec::Simulated(spec) => Ok(Arc::new(Models::new(name, spec).map_err(|why| failed(&why))?)),
    }
}

fn settings(name: &str, spec: &HttpSpec, asker: Asker) -> Result<HttpSettings, String> {
    let dialect = dialects::by_name(&spec.dialect).ok_or_else(|| format!("there is no dialect \"{}\"", spec.dialect))?;
    let mut settings = HttpSettings::new(name, dialect, spec.base_url.clone());
    if let Some(key) = &spec.api_key {
        settings.key = environment::secret(&key.env);
        settings.key_source = Some(key.env.clone());
    }
    for (header, source) in &spec.headers {
        let value = match source {
            HeaderSource::Text(text) => text.clone().into(),
            HeaderSource::Env(key) => environment::secret(&key.env).ok_or_else(|| format!("{} is not set", key.env))?,
        };
        settings.headers.push((header.clone(), value));
    }
    let (waiting, longest) = match asker {
        Asker::Anybody => (spec.max_queue as usize, spec.queue_timeout),
        Asker::Job => (usize::MAX, Duration::MAX),
    };
    let places = NonZeroUsize::new(spec.max_concurrency as usize);
    settings.queue = places.map(|places| QueuePolicy { places, waiting, longest });
    settings.sample_by_calls = spec.sample_by_calls;
    settings.max_body_bytes = usize::try_from(spec.max_body_bytes).unwrap_or(usize::MAX);
    settings.timeouts.connect = Some(spec.connect_timeout);
    settings.retry = RetryPolicy { attempts: spec.retries.saturating_add(1), ..RetryPolicy::default() };
    Ok(settings)
}
