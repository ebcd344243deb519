//! One attempt at one call.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::num::NonZeroU8;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::{Client, Proxy, Response, StatusCode, redirect};
use rustls::ClientConfig;
use secrecy::ExposeSecret;
use tierfall_core::completion::Completion;
use tierfall_core::provider::{Billing, CallError, CallErrorKind, Declares, Provider, Reply, Upstream};
use tierfall_core::request::{Call, Timeouts};
use tierfall_core::trace_context::TraceContext;
use tierfall_wire::dialect::{Encoded, NoAnswer};
use tokio::time::Instant;

use super::access::Access;
use super::body;
use super::failed::Failed;
use super::live::Live;
use super::retry_after::pause;
use super::reuse::{Noting, died, watching};
use super::said;
use super::secrets::Secrets;
use super::settings::{BuildError, HttpSettings};
use super::sign::{Sign, Signing, header, secret_header};
use super::times::Times;
use super::tls::tls;
use crate::billing::billing_of;
use crate::breaker::BreakerPolicy;
use crate::layers::Layers;
use crate::retry::RetryPolicy;

/// A kept connection that is gone says so at once. One that dies later may have died of the call, and what that had cost nobody knows.
const AT_ONCE: Duration = Duration::from_secs(1);

/// An HTTP address that answers calls, each by one attempt; [`layered`](Self::layered), it tries again, waits in line and takes samples.
///
/// All calls share one pool of connections, so a provider is made once and shared. Redirects are not followed and the environment's
/// proxies are not used unless the [settings](HttpSettings::proxy) say so: a call goes where they say. Dropping a call or its reply closes the upstream connection at once.
///
/// ```
/// use tierfall_providers::{BaseUrl, HttpProvider, HttpSettings, QueuePolicy};
/// use tierfall_wire::dialect::table;
///
/// let dialect = table::by_name("openai-chat").ok_or("no such dialect")?;
/// let settings = HttpSettings::new("local", dialect, BaseUrl::parse("http://127.0.0.1:8101/v1")?);
/// let provider = HttpProvider::layered(settings.clone())?;
///
/// let four_places = QueuePolicy::new(4.try_into()?);
/// let one_retry_four_at_once = HttpProvider::layered_by(settings, |layers| {
///     layers.retry.attempts = 2;
///     layers.queue = Some(four_places);
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct HttpProvider {
    settings: HttpSettings,
    headers: HeaderMap,
    secrets: Arc<Secrets>,
    place: Arc<str>,
    tls: ClientConfig,
    proxy: Option<Proxy>,
    /// One client for each connect timeout in use, since that timeout belongs to the client and not to the request.
    clients: Mutex<BTreeMap<Option<Duration>, Client>>,
}

impl HttpProvider {
    /// Sets the endpoint up. Connects to nothing yet.
    pub fn new(settings: HttpSettings) -> Result<Self, BuildError> {
        let failed = |why: String| BuildError::Client { provider: settings.name.clone(), why };
        // To the proxy itself, too.
        let encrypted = settings.base_url.is_encrypted() || settings.proxy.is_some();
        let tls = tls(encrypted, settings.trusted.as_deref()).map_err(failed)?;
        let proxy = settings.proxy.as_ref().map(|url| Proxy::all(url.expose_secret()));
        // The cause may repeat the URL, and credentials in it.
        let proxy = proxy.transpose().map_err(|_| failed("the proxy is no URL like http://proxy.example:3128".to_owned()))?;
        let client = client(settings.timeouts.connect, &tls, proxy.as_ref()).map_err(|why| failed(why.to_string()))?;
        Ok(Self {
            headers: settings.header_map()?,
            secrets: settings.secrets().into(),
            place: settings.base_url.place().into(),
            clients: Mutex::new(BTreeMap::from([(settings.timeouts.connect, client)])),
            tls,
            proxy,
            settings,
        })
    }

    /// The endpoint with its usual layers around it.
    pub fn layered(settings: HttpSettings) -> Result<Arc<dyn Provider>, BuildError> {
        Self::layered_by(settings, |_| {})
    }

    /// The endpoint with its [usual layers](Self::layers), as `change` leaves them.
    pub fn layered_by(settings: HttpSettings, change: impl FnOnce(&mut Layers)) -> Result<Arc<dyn Provider>, BuildError> {
        let endpoint = Self::new(settings)?;
        let mut layers = endpoint.layers();
        change(&mut layers);
        Ok(layers.around(endpoint))
    }

    /// The usual layers: three attempts, two where another model is ready, any concurrency, a breaker, several samples by as many calls
    /// where the dialect cannot ask for them in one.
    pub fn layers(&self) -> Layers {
        let HttpSettings { name, dialect, timeouts, .. } = &self.settings;
        let fan_out = !dialect.gives().samples;
        Layers {
            name: name.clone(),
            breaker: Some(BreakerPolicy::default()),
            fan_out,
            retry: RetryPolicy::default(),
            retry_failing_over: RetryPolicy::failing_over(),
            total: timeouts.total.or(Timeouts::USUAL.total),
            queue: None,
        }
    }

    async fn attempt(&self, call: &Call) -> Result<Reply, CallError> {
        let times = Times::start(call, self.settings.timeouts);
        let mut secrets = self.secrets.clone();
        let answer = self.answer(call, times.clone(), &mut secrets).await;
        answer.map_err(|failed| failed.into_error(&self.settings.name, &secrets, times.elapsed()))
    }

    /// Puts into `secrets` what a signer adds to them.
    async fn answer(&self, call: &Call, times: Times, secrets: &mut Arc<Secrets>) -> Result<Reply, Failed> {
        // Several samples would arrive interleaved, and only the first could be passed on.
        let stream = call.stream && call.samples == NonZeroU8::MIN;
        let encoded = if stream == call.stream {
            self.settings.dialect.encode(call)
        } else {
            self.settings.dialect.encode(&Call { stream, ..call.clone() })
        };
        let mut encoded = encoded.map_err(|why| {
            let message = format!("this call cannot be put in the dialect {}: {why}", self.settings.dialect.name());
            Failed::new(CallErrorKind::InvalidRequest, Billing::Free, message)
        })?;
        encoded.headers.extend(call.context.iter().flat_map(standing_in));
        let response = self.send(encoded, stream, &times, secrets).await?;
        let head = said::head(&response, secrets);
        let reply = self.read(response, &head, stream, times, secrets).await.map_err(|failed| failed.after(&head))?;
        Ok(Reply { upstream: Some(Box::new(head)), ..reply })
    }

    async fn read(
        &self,
        mut response: Response,
        head: &Upstream,
        stream: bool,
        times: Times,
        secrets: &Arc<Secrets>,
    ) -> Result<Reply, Failed> {
        if !response.status().is_success() {
            return Err(self.refused(&mut response, head, &times, secrets).await);
        }
        if let Some(packed) = response.headers().get(CONTENT_ENCODING).filter(|encoding| *encoding != "identity") {
            return Err(unasked(packed));
        }
        let kind = |name: &[u8]| response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(name));
        // Some servers do not stream, whatever they are asked, and some always do.
        if kind(b"application/json") || !(stream || kind(b"text/event-stream")) {
            let body = body::read(&mut response, self.settings.max_body_bytes, &times, &self.place).await?;
            let unread = |failed| Failed { upstream: Some(Box::new(said::whole(head, &body, secrets))), ..failed };
            return self.decode(&body, secrets).map(Reply::whole).map_err(unread);
        }
        let live = Live::new(response, head, &self.settings, times, self.place.clone(), secrets.clone());
        let chunks = live.begin().await?;
        Ok(Reply::new(chunks))
    }

    async fn send(&self, encoded: Encoded, stream: bool, times: &Times, secrets: &mut Arc<Secrets>) -> Result<Response, Failed> {
        let accept = if stream { "text/event-stream" } else { "application/json" };
        let mut headers = self.headers.clone();
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static(accept));
        headers.entry(ACCEPT_ENCODING).or_insert(HeaderValue::from_static("identity"));
        for (name, value) in &encoded.headers {
            let (name, value) = header(name, value).map_err(|what| unsendable(name, what))?;
            // What is declared of this server knows better than what its dialect says of all.
            if !self.headers.contains_key(&name) {
                headers.append(name, value);
            }
        }
        let mut url = self.settings.base_url.join(&encoded.path);
        if !self.settings.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.settings.query);
        }
        if let Access::Signed(signer) = &self.settings.access {
            self.sign(&**signer, url.as_str(), &mut headers, &encoded.body, times, secrets).await?;
        }
        let client = self.client(times.connect())?;
        let body = Bytes::from(encoded.body);
        let what = "waiting for the reply to begin";
        loop {
            let sent = Instant::now();
            let reply = watching(client.post(url.clone()).headers(headers.clone()).body(body.clone()).send());
            // An unstreamed reply begins when the answer is complete: only the total time can limit that.
            let (came, opened) =
                if stream { times.read(what, reply).await? } else { times.in_all(what, Billing::Unknown, reply).await? };
            match came {
                // Each time one of the connections that were kept is gone; one that is opened ends this.
                Err(error) if !opened && sent.elapsed() < AT_ONCE && died(&error) => {
                    tracing::debug!("a kept connection was gone: sent again");
                }
                came => return came.map_err(|error| self.unsent(&error, times)),
            }
        }
    }

    /// Why a call came to no reply.
    fn unsent(&self, error: &reqwest::Error, times: &Times) -> Failed {
        let mut failed = Failed::transport(error, &self.place, times.connect());
        if let (true, Some(hint)) = (error.is_connect(), &self.settings.unreached) {
            failed.message = format!("{}; {hint}", failed.message);
        }
        failed
    }

    /// Has a request signed; what is added to it is a secret of this attempt.
    async fn sign(
        &self,
        signer: &dyn Sign,
        url: &str,
        headers: &mut HeaderMap,
        body: &[u8],
        times: &Times,
        secrets: &mut Arc<Secrets>,
    ) -> Result<(), Failed> {
        let mut signing = Signing::new(url, headers, body);
        let outcome = times.in_all("signing the request", Billing::Free, signer.sign(&mut signing)).await?;
        let added = signing.added();
        if !added.is_empty() {
            *secrets = Arc::new(secrets.and(added.iter().map(|(_, value)| value.expose_secret())));
        }
        outcome.map_err(|error| Failed {
            retry_after: error.retry_after,
            ..Failed::new(error.kind, Billing::Free, format!("the request cannot be signed: {}", secrets.quoted(&error.message)))
        })?;
        for (name, value) in &added {
            let (name, value) = secret_header(name, value).map_err(|what| unsendable(name, what))?;
            headers.insert(name, value);
        }
        Ok(())
    }

    fn client(&self, connect: Option<Duration>) -> Result<Client, Failed> {
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&connect) {
            return Ok(client.clone());
        }
        let client =
            client(connect, &self.tls, self.proxy.as_ref()).map_err(|error| Failed::transport(&error, &self.place, connect))?;
        Ok(clients.entry(connect).or_insert(client).clone())
    }

    async fn refused(&self, response: &mut Response, head: &Upstream, times: &Times, secrets: &Secrets) -> Failed {
        let (status, asked) = (response.status(), pause(response.headers()));
        let body = body::read_error(response, times, &self.place).await;
        let failure = self.settings.dialect.classify(status.as_u16(), &body);
        let retry_after = asked.or(failure.retry_after);
        let mut message = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or("(no standard status)"));
        if !failure.message.is_empty() {
            message.push_str(": ");
            message.push_str(&secrets.quoted(&failure.message));
        }
        if let Some(advice) = self.advice(status, failure.kind) {
            message.push_str("; ");
            message.push_str(&advice);
        }
        let upstream = Some(Box::new(said::whole(head, &body, secrets)));
        Failed { retry_after, upstream, ..Failed::new(failure.kind, billing_of(failure.kind), message) }
    }

    /// What to do about a refusal.
    fn advice(&self, status: StatusCode, kind: CallErrorKind) -> Option<String> {
        Some(match (kind, status.as_u16()) {
            (CallErrorKind::Auth, 401 | 403) => match &self.settings.access {
                Access::Open => "no key is configured for this provider".to_owned(),
                Access::Key { source: Some(source), .. } => format!("check the key in {source}"),
                Access::Key { source: None, .. } => "check the key".to_owned(),
                Access::Signed(_) => "check what the requests are signed with".to_owned(),
            },
            (CallErrorKind::Auth, _) => "check the account's quota and billing".to_owned(),
            (CallErrorKind::InvalidRequest, 403) => {
                "the reply is a page and none of the API's: a firewall or a proxy may have refused the request".to_owned()
            }
            (_, 300..=399) => "redirects are not followed: write the final address as the base URL".to_owned(),
            (CallErrorKind::NotFound, _) | (CallErrorKind::InvalidRequest, 405) => {
                format!("check the model's name and the base URL {}", self.settings.base_url)
            }
            (CallErrorKind::RateLimited, _) => "lower the provider's concurrency or wait".to_owned(),
            _ => return None,
        })
    }

    fn decode(&self, body: &[u8], secrets: &Secrets) -> Result<Completion, Failed> {
        let mut answer = self.settings.dialect.decode(body).map_err(|why| match why {
            NoAnswer::Unreadable(error) => Failed::malformed(&error),
            NoAnswer::Failed(failure) => {
                let message = format!("it reports an error: {}", secrets.quoted(&failure.message));
                let billing = failure.billing.unwrap_or_else(|| billing_of(failure.kind));
                Failed { retry_after: failure.retry_after, ..Failed::new(failure.kind, billing, message) }
            }
        })?;
        answer.model = answer.model.map(|model| secrets.without(&model));
        for finish in answer.samples.iter_mut().map(|sample| &mut sample.finish).chain([&mut answer.finish]) {
            secrets.told(finish);
        }
        Ok(answer)
    }
}

/// What a call says of the distributed trace that it stands in.
fn standing_in(context: &TraceContext) -> impl Iterator<Item = (Cow<'static, str>, String)> {
    let state = context.tracestate().map(|state| ("tracestate".into(), state.to_owned()));
    [("traceparent".into(), context.traceparent().to_owned())].into_iter().chain(state)
}

/// A body that is packed though it was not to be.
fn unasked(packed: &HeaderValue) -> Failed {
    let packed = packed.to_str().ok().filter(|name| name.len() <= 20).unwrap_or("in an unknown way");
    let message = format!(
        "its reply is packed ({packed}) though it was asked not to be: have the server, or the proxy before it, send replies unpacked"
    );
    Failed::new(CallErrorKind::Malformed, Billing::Unknown, message)
}

fn unsendable(header: &str, what: &str) -> Failed {
    let message = format!("the {what} of the header {header:?} holds characters that no header can carry");
    Failed::new(CallErrorKind::InvalidRequest, Billing::Free, message)
}

fn client(connect: Option<Duration>, tls: &ClientConfig, proxy: Option<&Proxy>) -> Result<Client, reqwest::Error> {
    let builder = Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .user_agent(concat!("tierfall/", env!("CARGO_PKG_VERSION")))
        // A redirected POST would lose its body or take the key elsewhere.
        .redirect(redirect::Policy::none())
        .no_proxy()
        .tcp_nodelay(true)
        // Many servers keep a connection for 5 s: it should be us who close it.
        .pool_idle_timeout(Duration::from_secs(4))
        .connector_layer(Noting)
        // Every attempt has to be seen and told.
        .retry(reqwest::retry::never());
    let builder = proxy.cloned().into_iter().fold(builder, reqwest::ClientBuilder::proxy);
    match connect {
        Some(connect) => builder.connect_timeout(connect),
        None => builder,
    }
    .build()
}

impl Provider for HttpProvider {
    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Reply, CallError>> {
        self.attempt(call).boxed()
    }

    fn declares(&self, _: &str) -> Declares {
        let Self { settings, .. } = self;
        Declares::new(settings.name.clone(), settings.dialect.name(), settings.dialect.gives())
    }
}
