//! An engine that is loaded again while it is in use.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError, RwLock};

use crate::assemble::{LoadError, Pool};
use crate::builder::EngineBuilder;
use crate::engine::Engine;

type Open<E> = dyn Fn(&Pool) -> Result<EngineBuilder, E> + Send + Sync;

/// An engine that is loaded again while it is in use.
///
/// Runs that are under way end by what they began with. Providers that are declared as before keep their connections, their places and
/// their budget of retries; observers keep their queues; a request has the id that it would have had. What cannot be loaded changes
/// nothing.
///
/// ```no_run
/// use std::sync::Arc;
/// use tierfall::{Engine, JsonlSink, LoadError, Reloadable};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let log = Arc::new(JsonlSink::open("traces.jsonl")?);
/// let desk = Reloadable::<LoadError>::new(move |pool| Ok(Engine::open_in(pool, "desk.cascade.toml")?.observer(log.clone())))?;
/// let answer = desk.engine().complete("Where is my order 10234?").await;
/// desk.reload()?;
/// # Ok(())
/// # }
/// ```
pub struct Reloadable<E = LoadError> {
    open: Box<Open<E>>,
    pool: Pool,
    current: RwLock<Engine>,
    /// Held by who loads, so that of two the later one stays.
    loading: Mutex<()>,
}

impl Reloadable {
    /// Loads a cascade file, as [`Engine::load`] does.
    pub fn load(path: impl Into<PathBuf>) -> Result<Self, LoadError> {
        let path = path.into();
        Self::new(move |pool| Engine::open_in(pool, &path))
    }
}

impl<E: From<LoadError>> Reloadable<E> {
    /// Loads by a function, now and whenever it is loaded again: with observers, say, or by the workbench's `open_in`, which replays.
    pub fn new(open: impl Fn(&Pool) -> Result<EngineBuilder, E> + Send + Sync + 'static) -> Result<Self, E> {
        let pool = Pool::new();
        let current = RwLock::new(open(&pool)?.build().map_err(LoadError::from)?);
        Ok(Self { open: Box::new(open), pool, current, loading: Mutex::new(()) })
    }

    /// Loads again, and returns the engine that is in force from now on. An error leaves the one that is.
    ///
    /// Reads files, and blocks the thread meanwhile; nobody else waits for it.
    pub fn reload(&self) -> Result<Engine, E> {
        let _loading = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        let engine = (self.open)(&self.pool)?.after(&self.engine()).build().map_err(LoadError::from)?;
        let before = std::mem::replace(&mut *self.current.write().unwrap_or_else(PoisonError::into_inner), engine.clone());
        // Outside of the lock: an observer that is told no more takes what is waiting first.
        drop(before);
        Ok(engine)
    }
}

impl<E> Reloadable<E> {
    /// The engine in force. Take it anew for every request.
    pub fn engine(&self) -> Engine {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl<E> fmt::Debug for Reloadable<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloadable").field("engine", &self.engine()).field("pool", &self.pool).finish_non_exhaustive()
    }
}
