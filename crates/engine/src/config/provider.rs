//! Providers as a cascade file declares them: data, from which the engine makes the real ones.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tierfall_core::cascade::Capability;
use tierfall_providers::simulated::{Latency, SimulatedSettings, Simulation};
use tierfall_providers::{BaseUrl, BaseUrlError};
use tierfall_wire::dialect::{Auth, Dialect, Gives, table as dialects};

use super::code::Code;
use super::diagnostic::Found;
use super::file::{HeaderSource, HttpFile, KeyRef, ProviderFile, ProviderKind, SIMULATED, SimulatedFile};
use super::reading::ReadFile;
use super::types::{Spanned, Wait};

/// A declared provider.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "a handful a process, never moved")]
pub enum ProviderSpec {
    /// A server or service.
    Http(HttpSpec),
    /// Invented answers.
    Simulated(SimulatedSpec),
}

/// A model server or service over HTTP.
#[derive(Clone, Debug, PartialEq)]
pub struct HttpSpec {
    /// Its language.
    pub dialect: String,
    /// Where its API begins.
    pub base_url: BaseUrl,
    /// The certificates in PEM that are trusted besides the platform's.
    pub trusted: Option<Arc<str>>,
    /// What the file says of it.
    pub settings: HttpFile,
}

/// A simulated provider.
#[derive(Clone, Debug, PartialEq)]
pub struct SimulatedSpec {
    /// Its models, by name; all of one seed.
    pub models: BTreeMap<String, SimulatedSettings>,
}

impl SimulatedSpec {
    /// What it can give a signal that reads answers of `model`.
    pub(crate) fn gives(&self, model: &str) -> Gives {
        let tells = self.models.get(model).is_none_or(|model| model.gives_logprobs);
        Gives { top_logprobs: tells.then_some(20), samples: true }
    }
}

impl ProviderSpec {
    /// Its kind, as the file names it.
    pub(crate) fn kind(&self) -> &str {
        match self {
            Self::Http(http) => &http.dialect,
            Self::Simulated(_) => SIMULATED,
        }
    }

    /// The dialect that it speaks; `None` where there is no wire.
    pub(crate) fn dialect(&self) -> Option<Arc<dyn Dialect>> {
        match self {
            Self::Http(http) => dialects::by_name(&http.dialect),
            Self::Simulated(_) => None,
        }
    }

    /// What it can give a signal that reads answers of `model`.
    pub(crate) fn gives(&self, model: &str) -> Gives {
        match self {
            Self::Http(_) => self.dialect().map_or(Gives { top_logprobs: None, samples: false }, |dialect| dialect.gives()),
            Self::Simulated(simulated) => simulated.gives(model),
        }
    }

    /// What cannot be asked for in its dialect.
    pub(crate) fn lacks(&self) -> &'static [Capability] {
        self.dialect().map_or(&[], |dialect| dialect.lacks())
    }

    /// Every secret that it needs.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &KeyRef> {
        let settings = match self {
            Self::Http(http) => Some(&http.settings),
            Self::Simulated(_) => None,
        };
        let headers = settings.into_iter().flat_map(|settings| settings.headers.values());
        let proxy = settings.and_then(|settings| settings.proxy.as_ref());
        let in_places = headers.chain(proxy).filter_map(|source| match source {
            HeaderSource::Env(key) => Some(key),
            HeaderSource::Text(_) => None,
        });
        settings.and_then(|settings| settings.api_key.as_ref()).into_iter().chain(in_places)
    }
}

/// Reads a declared provider; `None` where something was wrong with it.
pub(super) fn resolve(file: &ProviderFile, (directory, read): (&Path, ReadFile<'_>), found: &mut Found) -> Option<ProviderSpec> {
    match file.0.as_ref()? {
        ProviderKind::Http { dialect, settings } => http(dialect, settings, (directory, read), found).map(ProviderSpec::Http),
        ProviderKind::Simulated(settings) => Some(ProviderSpec::Simulated(simulated(settings, found)?)),
    }
}

fn simulated(file: &SimulatedFile, found: &mut Found) -> Option<SimulatedSpec> {
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
            errors: model.errors.iter().map(|(kind, share)| (*kind, share.0)).collect(),
            ..SimulatedSettings::new(name.get_ref().as_str(), file.seed)
        };
        if let Err(why) = Simulation::try_from(settings.clone()) {
            found.error(Code::BAD_VALUE, name.span(), why.to_string());
        }
        models.insert(name.get_ref().clone(), settings);
    }
    (found.len() == before).then_some(SimulatedSpec { models })
}

fn http(dialect: &str, file: &HttpFile, (directory, read): (&Path, ReadFile<'_>), found: &mut Found) -> Option<HttpSpec> {
    let before = found.len();
    let url = file.base_url.as_ref();
    let base_url = url.and_then(|url| match usable_url(url.get_ref()) {
        Ok(usable) => {
            if usable.sends_in_clear() && file.api_key.is_some() {
                let message = "the key is sent unencrypted to another machine";
                found.warning(Code::KEY_IN_CLEAR, url.span(), message).help("use https");
            }
            Some(usable)
        }
        Err((why, hide)) => {
            if hide {
                found.secret.push(url.span());
            }
            found.error(Code::BAD_URL, url.span(), format!("`base-url` cannot be called: {why}"));
            None
        }
    });
    for (name, value) in &file.headers {
        if let Some(why) = bad_header(name.get_ref(), value) {
            found.error(Code::BAD_HEADER, name.span(), format!("the header `{}` {why}", name.get_ref()));
        }
    }
    let own = dialects::by_name(dialect).map(|dialect| dialect.auth());
    let key_header = own.as_ref().map(|auth| match auth {
        Auth::Bearer => "authorization",
        Auth::Header(name) => name,
    });
    let beside = |name: &&Spanned<String>| key_header.is_some_and(|key| name.get_ref().eq_ignore_ascii_case(key));
    if let (Some(name), Some(key)) = (file.headers.keys().find(beside), &file.api_key) {
        let message =
            format!("the header `{}` is what `api-key` is sent in, so that only one of the two could be", name.get_ref());
        found
            .error(Code::BAD_HEADER, name.span(), message)
            .help(format!("keep the header, or `api-key = {{ env = \"{}\" }}`", key.env));
    }
    let trusted = file.ca_file.as_ref().and_then(|at| {
        let path = directory.join(&**at.get_ref());
        match read(&path) {
            Ok(pem) => Some(pem.into()),
            Err(why) => {
                let message = format!("{} cannot be read: {why}", path.display());
                found.error(Code::UNREADABLE, at.span(), message).help("paths are relative to the cascade file");
                None
            }
        }
    });
    if found.refuses(before) {
        return None;
    }
    Some(HttpSpec { dialect: dialect.to_owned(), base_url: base_url?, trusted, settings: file.clone() })
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

fn bad_header(name: &str, value: &HeaderSource) -> Option<&'static str> {
    let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let lower = name.to_lowercase();
    if lower.is_empty() || !lower.bytes().all(token) {
        Some("is no header name")
    } else if ["content-type", "content-length", "host", "transfer-encoding", "connection"].contains(&lower.as_str()) {
        Some("is set by every call itself")
    } else if let HeaderSource::Text(text) = value
        && text.chars().any(|c| c.is_control() || !c.is_ascii())
    {
        Some("has a value that no header can carry; headers are plain ASCII on one line")
    } else {
        None
    }
}
