//! Calls over HTTP, in any dialect.

mod body;
mod endpoint;
mod failed;
mod live;
mod retry_after;
mod settings;
mod times;

use futures_util::future::BoxFuture;
use tierfall_core::provider::{CallError, Provider, Reply};
use tierfall_core::request::Call;

use self::endpoint::Endpoint;
pub use self::settings::{BaseUrl, BaseUrlError, BuildError, HttpSettings};
use crate::fan_out::FanOut;
use crate::retry::Retrying;

/// A provider at an HTTP address: one attempt after the other within the retry policy, several samples at once where the
/// dialect cannot ask for them.
///
/// All calls share one pool of connections, one concurrency limit and one retry budget, so a provider is made once and
/// shared. Redirects are not followed and the environment's proxies are not used: a call goes where the settings say.
/// Dropping a call or its reply closes the upstream connection at once.
///
/// ```
/// use tierfall_providers::{BaseUrl, HttpProvider, HttpSettings};
/// use tierfall_wire::dialect::table;
///
/// let dialect = table::by_name("openai-chat").ok_or("no such dialect")?;
/// let mut settings = HttpSettings::new("local", dialect, BaseUrl::parse("http://127.0.0.1:8101/v1")?);
/// settings.concurrency = std::num::NonZeroUsize::new(2);
/// let provider = HttpProvider::new(settings)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct HttpProvider(Layers);

/// The samples are outside, so that one failed sample is retried alone.
#[derive(Debug)]
enum Layers {
    ManySamples(Retrying<Endpoint>),
    OneSample(FanOut<Retrying<Endpoint>>),
}

impl HttpProvider {
    /// Sets the provider up. Connects to nothing yet.
    pub fn new(settings: HttpSettings) -> Result<Self, BuildError> {
        let many = settings.dialect.gives().samples && !settings.sample_by_calls;
        let (policy, total) = (settings.retry.clone(), settings.timeouts.total);
        let calls = Retrying::new(Endpoint::new(settings)?, policy).within(total);
        Ok(Self(if many { Layers::ManySamples(calls) } else { Layers::OneSample(FanOut::new(calls)) }))
    }
}

impl Provider for HttpProvider {
    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Reply, CallError>> {
        match &self.0 {
            Layers::ManySamples(calls) => calls.call(call),
            Layers::OneSample(calls) => calls.call(call),
        }
    }
}
