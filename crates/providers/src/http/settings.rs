//! What an HTTP provider needs to know.

use std::sync::Arc;

use percent_encoding::percent_decode_str;
use reqwest::header::{AUTHORIZATION, HeaderMap};
use secrecy::{ExposeSecret, SecretString};
use tierfall_core::request::Timeouts;
use tierfall_wire::dialect::{Auth, Dialect};
use url::Url;

use super::access::Access;
use super::secrets::Secrets;
use super::sign::{header, secret_header};
use crate::base_url::BaseUrl;

/// Everything about one provider. Printing it never shows a key.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// The provider's name in configuration and messages.
    pub name: Arc<str>,
    /// The language that it speaks.
    pub dialect: Arc<dyn Dialect>,
    /// Where it lives.
    pub base_url: BaseUrl,
    /// How it knows who asks.
    pub access: Access,
    /// Headers sent with every request, in place of the dialect's own of these names. Their values, the words in them and
    /// what servers make of them are taken out of whatever is told of a call, from eight characters on.
    pub headers: Vec<(String, SecretString)>,
    /// The same with values that anybody may see.
    pub plain_headers: Vec<(String, String)>,
    /// What stands in the query of every call's address, in this order: no secrets, since addresses are logged everywhere.
    pub query: Vec<(String, String)>,
    /// The HTTP proxy that every call goes through, as a URL; it may hold credentials. Without one calls go straight, whatever the
    /// environment says.
    pub proxy: Option<SecretString>,
    /// What to say besides where no connection comes about.
    pub unreached: Option<String>,
    /// Certificates in PEM that are trusted besides the platform's.
    pub trusted: Option<Arc<str>>,
    /// What holds where a call says nothing; where neither does, what is [usual](Timeouts::USUAL), or
    /// [usual of a call that fails over](Timeouts::FAILING_OVER).
    pub timeouts: Timeouts,
    /// Most bytes of one reply.
    pub max_body_bytes: usize,
    /// Most bytes of one event of a stream.
    pub max_event_bytes: usize,
}

impl HttpSettings {
    /// A provider without key and with the usual limits: 16 MiB a reply, 1 MiB an event.
    pub fn new(name: impl Into<Arc<str>>, dialect: Arc<dyn Dialect>, base_url: BaseUrl) -> Self {
        Self {
            name: name.into(),
            dialect,
            base_url,
            access: Access::Open,
            headers: Vec::new(),
            plain_headers: Vec::new(),
            query: Vec::new(),
            proxy: None,
            unreached: None,
            trusted: None,
            timeouts: Timeouts::default(),
            max_body_bytes: 16 << 20,
            max_event_bytes: 1 << 20,
        }
    }

    /// The settings with a key.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<SecretString>) -> Self {
        self.access = Access::key(key);
        self
    }

    /// The headers of every request.
    pub(super) fn header_map(&self) -> Result<HeaderMap, BuildError> {
        let mut map = HeaderMap::new();
        for (name, value) in &self.plain_headers {
            let (known, value) = header(name, value).map_err(|what| self.bad_header(name, what))?;
            map.append(known, value);
        }
        for (name, value) in &self.headers {
            let (known, value) = secret_header(name, value).map_err(|what| self.bad_header(name, what))?;
            map.append(known, value);
        }
        if let Access::Key { key, .. } = &self.access {
            let bad_key = || BuildError::Key { provider: self.name.clone() };
            if key.expose_secret().is_empty() {
                return Err(bad_key());
            }
            let (name, value) = match self.dialect.auth() {
                Auth::Bearer => (AUTHORIZATION.as_str().into(), format!("Bearer {}", key.expose_secret()).into()),
                Auth::Header(name) => (name, key.clone()),
            };
            let known = secret_header(&name, &value);
            let (name, value) = known.map_err(|what| if what == "name" { self.bad_header(&name, what) } else { bad_key() })?;
            map.insert(name, value);
        }
        Ok(map)
    }

    fn bad_header(&self, name: &str, what: &'static str) -> BuildError {
        BuildError::Header { provider: self.name.clone(), header: name.to_owned(), what }
    }

    /// Everything that must never be shown.
    pub(super) fn secrets(&self) -> Secrets {
        let key = match &self.access {
            Access::Key { key, .. } => Some(key),
            Access::Open | Access::Signed(_) => None,
        };
        let sent = key.into_iter().chain(self.headers.iter().map(|(_, value)| value)).map(ExposeSecret::expose_secret);
        let proxy = self.proxy.iter().flat_map(|url| credentials(url.expose_secret())).collect::<Vec<_>>();
        Secrets::new(sent.chain(proxy.iter().map(String::as_str)))
    }
}

/// What lets somebody in at a proxy: the name and the password in its URL, as they stand there and as they are meant. Its address is no
/// secret.
fn credentials(proxy: &str) -> Vec<String> {
    // It need not have a scheme.
    let parsed = Url::parse(proxy).ok().filter(Url::has_host).or_else(|| Url::parse(&format!("http://{proxy}")).ok());
    let Some(url) = parsed else { return vec![proxy.to_owned()] };
    let parts = [url.username(), url.password().unwrap_or_default()];
    let meant = parts.map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned());
    let pair = meant.join(":");
    parts.map(str::to_owned).into_iter().chain(meant).chain([pair]).filter(|part| part.len() > 1).collect()
}

/// Why there is no provider. Its `Debug` is its message.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// The key cannot be sent.
    #[error("provider \"{provider}\": the key is empty or holds characters that no header can carry (a line break at its end?)")]
    Key {
        /// The provider.
        provider: Arc<str>,
    },
    /// A declared header cannot be sent.
    #[error("provider \"{provider}\": the {what} of the header \"{header}\" holds characters that no header can carry")]
    Header {
        /// The provider.
        provider: Arc<str>,
        /// The header.
        header: String,
        /// Name or value.
        what: &'static str,
    },
    /// The HTTP client could not be set up.
    #[error("provider \"{provider}\": the HTTP client cannot be set up: {why}")]
    Client {
        /// The provider.
        provider: Arc<str>,
        /// The cause.
        why: String,
    },
}

tierfall_core::debug_is_message!(BuildError);
