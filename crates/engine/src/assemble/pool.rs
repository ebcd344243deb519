//! Providers that several engines share.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use secrecy::{ExposeSecret, SecretString};
use tierfall_core::provider::Provider;

use super::asker::Asker;
use super::error::LoadError;
use crate::config::ProviderSpec;
use crate::environment::Secrets;

/// The providers of all engines that were opened with it: cascades that declare the same provider share its connections, its places
/// and its budget of retries, and an engine that is loaded again finds them as they are.
///
/// The same is declared under the same name, with the same settings, and has the same keys; another limit, or a changed key, is another
/// provider. A provider that no engine holds any more is dropped: load the new engine before the old one goes.
#[derive(Default)]
pub struct Pool {
    made: Mutex<Vec<Made>>,
    /// Keyed by chance anew for every pool, so that what is kept of a key says nothing about it.
    hasher: RandomState,
}

struct Made {
    declared: Declared,
    provider: Weak<dyn Provider>,
}

impl Made {
    fn is_held(&self) -> bool {
        self.provider.strong_count() > 0
    }
}

/// What makes a provider the same one.
#[derive(PartialEq)]
struct Declared {
    name: String,
    spec: ProviderSpec,
    asker: Asker,
    /// A keyed hash of each secret, in the order in which they are declared.
    secrets: Vec<Option<u64>>,
}

impl Pool {
    /// A pool without providers.
    pub fn new() -> Self {
        Self::default()
    }

    /// The provider that is there, or a new one.
    pub(super) fn provider(
        &self,
        (name, spec): (&str, &ProviderSpec),
        asker: Asker,
        secrets: &Secrets,
        make: impl FnOnce() -> Result<Arc<dyn Provider>, LoadError>,
    ) -> Result<Arc<dyn Provider>, LoadError> {
        let hashed = |value: &SecretString| self.hasher.hash_one(value.expose_secret());
        let secrets = spec.keys().map(|key| secrets.get(&key.env).map(hashed)).collect();
        let declared = Declared { name: name.to_owned(), spec: spec.clone(), asker, secrets };
        // Held while one is made, which waits for nothing: two who load at once must not both make it.
        let mut known = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(Made::is_held);
        if let Some(provider) = known.iter().filter(|made| made.declared == declared).find_map(|made| made.provider.upgrade()) {
            return Ok(provider);
        }
        let provider = make()?;
        known.push(Made { declared, provider: Arc::downgrade(&provider) });
        Ok(provider)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let held = known.iter().filter(|made| made.is_held());
        let names: Vec<&str> = held.map(|made| made.declared.name.as_str()).collect();
        f.debug_struct("Pool").field("providers", &names).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::parse_str;
    use tierfall_core::completion::Completion;
    use tierfall_testkit::Scripted;

    fn spec(provider: &str) -> ProviderSpec {
        let text = format!("version = 1\nname = \"a\"\n{provider}\n[[tier]]\nname = \"t\"\nmodel = \"p/m\"\n");
        parse_str(&text).unwrap().providers["p"].clone()
    }

    /// The provider's address in memory, while it is held.
    fn get(pool: &Pool, spec: &ProviderSpec, key: &'static str, held: &mut Vec<Arc<dyn Provider>>) -> usize {
        let make = || Ok(Arc::new(Scripted::always(Completion::text("yes"))) as Arc<dyn Provider>);
        let provider =
            pool.provider(("p", spec), Asker::Anybody, &[("K".to_owned(), key.into())].into_iter().collect(), make).unwrap();
        let address = Arc::as_ptr(&provider).addr();
        held.push(provider);
        address
    }

    #[test]
    fn the_same_is_the_same_name_spec_and_key() {
        let keyed = "[provider.p.openai-chat]\nbase-url = \"http://127.0.0.1:1/v1\"\napi-key = { env = \"K\" }\n";
        let (pool, mut held) = (Pool::new(), Vec::new());
        let first = get(&pool, &spec(keyed), "k1", &mut held);
        assert_eq!(get(&pool, &spec(&format!("# moved down\n\n{keyed}")), "k1", &mut held), first);
        assert_ne!(get(&pool, &spec(keyed), "k2", &mut held), first, "another key");
        let limited = format!("{keyed}max-concurrency = 1\n");
        assert_ne!(get(&pool, &spec(&limited), "k1", &mut held), first, "another limit");
        assert_eq!(get(&pool, &spec(keyed), "k1", &mut held), first, "all of them are there");
        let shown = format!("{pool:?}");
        assert!(shown.contains("\"p\"") && !shown.contains("k1"), "{shown}");
    }

    #[test]
    fn what_nobody_holds_is_dropped() {
        let spec = spec("[provider.p.openai-chat]\nbase-url = \"http://127.0.0.1:1/v1\"\n");
        let (pool, mut held) = (Pool::new(), Vec::new());
        get(&pool, &spec, "", &mut held);
        let weak = Arc::downgrade(&held[0]);
        held.clear();
        assert!(weak.upgrade().is_none());
        assert!(!format!("{pool:?}").contains("\"p\""));
        get(&pool, &spec, "", &mut held);
        assert_eq!(pool.made.lock().unwrap().len(), 1);
    }
}
