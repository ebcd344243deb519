//! A declared server or service as a provider.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use tierfall_core::provider::Provider;
use tierfall_providers::http::{Access, HttpProvider, HttpSettings};
use tierfall_providers::{Layers, QueuePolicy};
use tierfall_wire::dialect::table as dialects;

use super::asker::Asker;
use super::error::LoadError;
use crate::config::{HeaderSource, HttpFile, HttpSpec};
use crate::environment::{PROXIES, Secrets};

pub(super) fn provider(name: &str, spec: &HttpSpec, asker: Asker, secrets: &Secrets) -> Result<Arc<dyn Provider>, LoadError> {
    let settings = settings(name, spec, secrets).map_err(|why| LoadError::Provider(format!("provider \"{name}\": {why}")))?;
    let layered = HttpProvider::layered_by(settings, |usual| declare(usual, &spec.settings, asker));
    layered.map_err(|error| LoadError::Provider(error.to_string()))
}

/// Changes the usual layers into those that the file declares.
fn declare(layers: &mut Layers, file: &HttpFile, asker: Asker) {
    let (waiting, longest) = match asker {
        Asker::Anybody => (file.max_queue as usize, file.queue_timeout.0),
        Asker::Job => (usize::MAX, Duration::MAX),
    };
    layers.queue = NonZeroUsize::new(file.max_concurrency as usize).map(|places| QueuePolicy { places, waiting, longest });
    layers.breaker = file.breaker();
    layers.retry = file.retry(false);
    layers.retry_failing_over = file.retry(true);
    layers.fan_out |= file.sample_by_calls;
}

/// Whether a header of this name may let somebody in, though its value stands in a file.
fn may_be_secret(header: &str) -> bool {
    let header = header.to_lowercase();
    ["auth", "cookie", "key", "password", "secret", "signature", "token"].iter().any(|word| header.contains(word))
}

fn settings(name: &str, spec: &HttpSpec, secrets: &Secrets) -> Result<HttpSettings, String> {
    let secret = |env: &str| secrets.get(env).cloned().ok_or_else(|| format!("{env} is not set"));
    let dialect = dialects::by_name(&spec.dialect).ok_or_else(|| format!("there is no dialect \"{}\"", spec.dialect))?;
    let mut settings = HttpSettings::new(name, dialect, spec.base_url.clone());
    let file = &spec.settings;
    if let Some(key) = &file.api_key {
        settings.access = Access::Key { key: secret(&key.env)?, source: Some(key.env.clone()) };
    }
    for (header, source) in &file.headers {
        let name = header.get_ref().clone();
        match source {
            HeaderSource::Text(text) if !may_be_secret(&name) => settings.plain_headers.push((name, text.clone())),
            HeaderSource::Text(text) => settings.headers.push((name, text.clone().into())),
            HeaderSource::Env(key) => settings.headers.push((name, secret(&key.env)?)),
        }
    }
    settings.query = file.query.iter().map(|(name, value)| (name.get_ref().clone(), value.to_string())).collect();
    settings.proxy = match &file.proxy {
        Some(HeaderSource::Text(url)) => Some(url.clone().into()),
        Some(HeaderSource::Env(key)) => Some(secret(&key.env)?),
        None => None,
    };
    settings.trusted.clone_from(&spec.trusted);
    // Most programs would go through it without a word.
    let ignored = PROXIES.iter().find(|variable| file.proxy.is_none() && secrets.get(variable).is_some());
    settings.unreached = ignored.map(|variable| {
        format!("{variable} is set, but a provider uses no proxy that it does not declare: `proxy = {{ env = \"{variable}\" }}`")
    });
    settings.max_body_bytes = (file.max_body_mib as usize) << 20;
    settings.timeouts.connect = file.connect_timeout.as_deref().copied();
    Ok(settings)
}
