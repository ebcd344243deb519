//! Providers as a cascade file declares them: data, from which the engine makes the real ones.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tierfall_providers::simulated::{Latency, SimulatedSettings, Simulation};
use tierfall_providers::{BaseUrl, BaseUrlError};
use tierfall_wire::dialect::{Dialect, Gives, table as dialects};

use super::code::Code;
use super::diagnostic::{Diagnostic, Severity};
use super::file::{EnvFile, HeaderFile, HttpFile, ProviderFile, ProviderKind, SIMULATED, SimulatedFile};
use super::types::{Spanned, Variable, Wait};

/// A secret's place in the environment. The secret itself is read by whoever uses the provider.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyRef {
    /// The environment variable.
    pub env: String,
}

/// A header's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderSource {
    /// Written in the file.
    Text(String),
    /// From the environment.
    Env(KeyRef),
}

/// A declared provider.
#[derive(Clone, Debug, PartialEq)]
pub enum ProviderSpec {
    /// A server or service.
    Http(HttpSpec),
    /// Invented answers.
    Simulated(SimulatedSpec),
}

/// A model server or service over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSpec {
    /// The dialect's name in the table of dialects.
    pub dialect: String,
    /// Where the API begins.
    pub base_url: BaseUrl,
    /// The key, if calls need one.
    pub api_key: Option<KeyRef>,
    /// Further headers, by name.
    pub headers: BTreeMap<String, HeaderSource>,
    /// Most calls at a time.
    pub max_concurrency: u32,
    /// Most calls that wait for their turn.
    pub max_queue: u32,
    /// Longest wait for it.
    pub queue_timeout: Duration,
    /// Most further attempts at a call.
    pub retries: u32,
    /// Longest reply, in bytes.
    pub max_body_bytes: u64,
    /// Take several samples by as many calls.
    pub sample_by_calls: bool,
    /// Longest wait for a connection.
    pub connect_timeout: Duration,
}

/// A simulated provider.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedSpec {
    /// Its models, by name; all of one seed.
    pub models: BTreeMap<String, SimulatedSettings>,
}

impl ProviderSpec {
    /// Its kind, as the file names it.
    pub fn kind(&self) -> &str {
        match self {
            Self::Http(http) => &http.dialect,
            Self::Simulated(_) => SIMULATED,
        }
    }

    /// The dialect that it speaks; `None` where there is no wire.
    pub fn dialect(&self) -> Option<Arc<dyn Dialect>> {
        match self {
            Self::Http(http) => dialects::by_name(&http.dialect),
            Self::Simulated(_) => None,
        }
    }

    /// What it can give a signal that reads answers of `model`.
    pub fn gives(&self, model: &str) -> Gives {
        match self {
            Self::Http(_) => self.dialect().map_or(Gives { top_logprobs: None, samples: false }, |dialect| dialect.gives()),
            Self::Simulated(simulated) => {
                let tells = simulated.models.get(model).is_none_or(|model| model.gives_logprobs);
                Gives { top_logprobs: tells.then_some(20), samples: true }
            }
        }
    }

    /// Every secret that it needs.
    pub fn keys(&self) -> impl Iterator<Item = &KeyRef> {
        let (key, headers) = match self {
            Self::Http(http) => (http.api_key.as_ref(), Some(&http.headers)),
            Self::Simulated(_) => (None, None),
        };
        let in_headers = headers.into_iter().flat_map(BTreeMap::values).filter_map(|header| match header {
            HeaderSource::Env(key) => Some(key),
            HeaderSource::Text(_) => None,
        });
        key.into_iter().chain(in_headers)
    }
}

/// Reads a declared provider; `None` where something was wrong with it.
pub(super) fn resolve(
    file: &ProviderFile,
    found: &mut Vec<Diagnostic>,
    secret: &mut Vec<std::ops::Range<usize>>,
) -> Option<ProviderSpec> {
    match file.0.as_ref()? {
        ProviderKind::Http { dialect, settings } => http(dialect, settings, found, secret).map(ProviderSpec::Http),
        ProviderKind::Simulated(settings) => Some(ProviderSpec::Simulated(simulated(settings, found)?)),
    }
}

fn simulated(file: &SimulatedFile, found: &mut Vec<Diagnostic>) -> Option<SimulatedSpec> {
    let before = found.len();
    let mut models = BTreeMap::new();
    for (name, model) in file.models.iter().flatten() {
        let time = |wait: &Option<Wait>| wait.as_deref().copied().unwrap_or_default();
        let settings = SimulatedSettings {
            ability: model.ability,
            slope: model.slope,
            separation: model.separation,
            tokens: (model.min_tokens, model.max_tokens),
            gives_logprobs: model.logprobs,
            latency: Latency {
                first: time(&model.latency.first),
                per_token: time(&model.latency.per_token),
                jitter: model.latency.jitter.0,
            },
            errors: model.errors.rates(),
            ..SimulatedSettings::new(name.get_ref().as_str(), file.seed)
        };
        if let Err(why) = Simulation::try_from(settings.clone()) {
            found.push(Diagnostic::error(Code::BAD_VALUE, name.span(), why.to_string()));
        }
        models.insert(name.get_ref().clone(), settings);
    }
    (found.len() == before).then_some(SimulatedSpec { models })
}

fn http(
    dialect: &str,
    file: &HttpFile,
    found: &mut Vec<Diagnostic>,
    secret: &mut Vec<std::ops::Range<usize>>,
) -> Option<HttpSpec> {
    let before = found.len();
    let url = file.base_url.as_ref();
    let base_url = url.and_then(|url| match usable_url(url.get_ref()) {
        Ok(usable) => {
            if usable.sends_in_clear() && file.api_key.is_some() {
                let message = "the key is sent unencrypted to another machine";
                found.push(Diagnostic::warning(Code::KEY_IN_CLEAR, url.span(), message).help("use https"));
            }
            Some(usable)
        }
        Err((why, hide)) => {
            if hide {
                secret.push(url.span());
            }
            found.push(Diagnostic::error(Code::BAD_URL, url.span(), format!("`base-url` cannot be called: {why}")));
            None
        }
    });
    let mut headers = BTreeMap::new();
    for (name, value) in &file.headers {
        if let Some(diagnostic) = bad_header(name, value) {
            found.push(diagnostic);
            continue;
        }
        let value = match value {
            HeaderFile::Text(text) => HeaderSource::Text(text.0.clone()),
            HeaderFile::Env(EnvFile { env: Some(env) }) => HeaderSource::Env(key_ref(env)),
            HeaderFile::Env(_) => continue,
        };
        headers.insert(name.get_ref().clone(), value);
    }
    if found[before..].iter().any(|diagnostic| diagnostic.severity == Severity::Error) {
        return None;
    }
    Some(HttpSpec {
        dialect: dialect.to_owned(),
        base_url: base_url?,
        api_key: file.api_key.as_ref().and_then(|key| key.env.as_ref()).map(key_ref),
        headers,
        max_concurrency: file.max_concurrency,
        max_queue: file.max_queue,
        queue_timeout: file.queue_timeout.0,
        retries: file.retries,
        max_body_bytes: u64::from(file.max_body_mib) * 1024 * 1024,
        sample_by_calls: file.sample_by_calls,
        connect_timeout: file.connect_timeout.0,
    })
}

fn key_ref(variable: &Variable) -> KeyRef {
    KeyRef { env: variable.0.clone() }
}

/// What is wrong with a base URL, and whether it must not be shown.
fn usable_url(url: &str) -> Result<BaseUrl, (String, bool)> {
    match BaseUrl::parse(url) {
        Err(why @ (BaseUrlError::Credentials | BaseUrlError::Query)) => Err((why.to_string(), true)),
        // What cannot be taken apart may hold anything.
        Err(why) => Err((why.to_string(), url.contains(['@', '?']))),
        Ok(_) if url.trim_end_matches('/').ends_with("/chat/completions") || url.trim_end_matches('/').ends_with("/messages") => {
            let why =
                "it is the address of one call; leave out what the dialect appends, and end it with the version, like \"…/v1\"";
            Err((why.into(), false))
        }
        Ok(usable) => Ok(usable),
    }
}

fn bad_header(name: &Spanned<String>, value: &HeaderFile) -> Option<Diagnostic> {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let lower = name.get_ref().to_lowercase();
    let why = if lower.is_empty() || !lower.bytes().all(token) {
        "is no header name".into()
    } else if ["content-type", "content-length", "host", "transfer-encoding", "connection"].contains(&lower.as_str()) {
        "is set by every call itself".into()
    } else if let HeaderFile::Text(text) = value
        && text.chars().any(|c| c.is_control() || !c.is_ascii())
    {
        "has a value that no header can carry; headers are plain ASCII on one line".to_owned()
    } else {
        return None;
    };
    Some(Diagnostic::error(Code::BAD_HEADER, name.span(), format!("the header `{}` {why}", name.get_ref())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_checked_without_calling_them() {
        for good in ["http://127.0.0.1:8001/v1", "https://api.openai.com/v1/", "http://[::1]:8080", "https://host"] {
            assert!(usable_url(good).is_ok(), "{good}");
        }
        for bad in
            ["", "localhost:8000", "ftp://host", "https://", "https://:80/v1", "https://a b", "https://h/v1/chat/completions/"]
        {
            assert!(usable_url(bad).is_err_and(|(_, hide)| !hide), "{bad}");
        }
        for secret in ["https://user:pass@host/v1", "https://host/v1?key=abc"] {
            assert!(usable_url(secret).is_err_and(|(_, hide)| hide), "{secret}");
        }
    }
}
