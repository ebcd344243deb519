//! Calls over HTTP, in any dialect.

mod access;
mod body;
mod endpoint;
mod failed;
mod live;
mod retry_after;
mod said;
mod settings;
mod sign;
mod times;
mod tls;

use futures_util::future::BoxFuture;
use tierfall_core::provider::{CallError, Provider, Reply};
use tierfall_core::request::Call;

pub use self::access::Access;
use self::endpoint::Endpoint;
pub use self::settings::{BuildError, HttpSettings};
pub use self::sign::{Sign, Signing};
use crate::fan_out::FanOut;
use crate::queue::Queued;
use crate::retry::Retrying;

/// A provider at an HTTP address: one attempt after the other within the retry policy, several samples at once where the
/// dialect cannot ask for them.
///
/// All calls share one pool of connections, one queue and one retry budget, so a provider is made once and shared. Redirects are not followed and the environment's proxies are not used: a call goes where the settings say.
/// Dropping a call or its reply closes the upstream connection at once.
///
/// ```
/// use std::num::NonZeroUsize;
/// use tierfall_providers::{BaseUrl, HttpProvider, HttpSettings, QueuePolicy};
/// use tierfall_wire::dialect::table;
///
/// let dialect = table::by_name("openai-chat").ok_or("no such dialect")?;
/// let mut settings = HttpSettings::new("local", dialect, BaseUrl::parse("http://127.0.0.1:8101/v1")?);
/// settings.queue = Some(QueuePolicy::new(NonZeroUsize::MIN));
/// let provider = HttpProvider::new(settings)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct HttpProvider(Box<dyn Provider>);

impl HttpProvider {
    /// Sets the provider up. Connects to nothing yet.
    pub fn new(settings: HttpSettings) -> Result<Self, BuildError> {
        let many = settings.dialect.gives().samples && !settings.sample_by_calls;
        let (policy, total) = (settings.retry.clone(), settings.timeouts.total);
        let (name, queue) = (settings.name.clone(), settings.queue);
        let endpoint = Endpoint::new(settings)?;
        // The queue is inside, so that every attempt has a place, and the pause before the next one has none.
        let attempts: Box<dyn Provider> = match queue {
            Some(queue) => Box::new(Queued::new(endpoint, name, queue)),
            None => Box::new(endpoint),
        };
        let calls = Retrying::new(attempts, policy).within(total);
        // The samples are outside, so that one failed sample is retried alone.
        Ok(Self(if many { Box::new(calls) } else { Box::new(FanOut::new(calls)) }))
    }
}

impl Provider for HttpProvider {
    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Reply, CallError>> {
        self.0.call(call)
    }
}
