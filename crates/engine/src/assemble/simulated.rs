//! A declared simulated provider: its models by name.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tierfall_core::provider::{CallError, CallErrorKind, Declares, Provider, Reply};
use tierfall_core::request::Call;
use tierfall_providers::{Simulated, SimulatedSettings, Simulation};

use super::error::LoadError;
use crate::config::{SIMULATED, SimulatedSpec};

pub(super) fn provider(name: &str, spec: &SimulatedSpec) -> Result<Arc<dyn Provider>, LoadError> {
    let models = Models::new(name, spec).map_err(|why| LoadError::Provider(format!("provider \"{name}\": {why}")))?;
    Ok(Arc::new(models))
}

/// Several simulated models behind one name.
struct Models {
    provider: Arc<str>,
    by_name: BTreeMap<String, Simulated>,
    spec: SimulatedSpec,
}

impl Models {
    fn new(provider: &str, spec: &SimulatedSpec) -> Result<Self, String> {
        let model = |(name, settings): (&String, &SimulatedSettings)| {
            let simulation = Simulation::try_from(settings.clone()).map_err(|error| error.to_string())?;
            Ok((name.clone(), Simulated::new(simulation)))
        };
        let by_name = spec.models.iter().map(model).collect::<Result<_, String>>()?;
        Ok(Self { provider: provider.into(), by_name, spec: spec.clone() })
    }
}

impl Provider for Models {
    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Reply, CallError>> {
        if let Some(model) = self.by_name.get(&*call.model) {
            return model.call(call);
        }
        let known: Vec<&str> = self.by_name.keys().map(String::as_str).collect();
        let (provider, model, known) = (&self.provider, &call.model, known.join(", "));
        let message = format!("provider \"{provider}\" simulates no model \"{model}\" (it has: {known})");
        async { Err(CallError::new(CallErrorKind::InvalidRequest, message)) }.boxed()
    }

    fn declares(&self, model: &str) -> Declares {
        Declares::new(self.provider.clone(), SIMULATED, self.spec.gives(model))
    }
}
