//! The models that are simulated.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tierfall_providers::simulated::SimulationError;
use tierfall_providers::{Simulated, SimulatedSettings, Simulation};

/// Most names that are remembered where any name is a model; beyond it all are forgotten.
const REMEMBERED: usize = 1024;

/// The models by name: declared ones, or one for every name that is asked for.
#[derive(Debug)]
pub struct Models {
    /// What all have in common.
    usual: SimulatedSettings,
    declared: BTreeMap<String, Arc<Simulated>>,
    /// Made on demand; empty where models are declared.
    made: Mutex<BTreeMap<String, Arc<Simulated>>>,
}

impl Models {
    /// Models that have `usual` in common: those that are declared with their abilities, or where none is, one for every name that is
    /// asked for. Settings that describe no model are told before the first request.
    pub fn new(usual: SimulatedSettings, declared: &[(String, f64)]) -> Result<Self, SimulationError> {
        Simulation::try_from(usual.clone())?;
        let declare = |(name, ability): &(String, f64)| Ok((name.clone(), make(&usual, name, *ability)?));
        let declared = declared.iter().map(declare).collect::<Result<_, SimulationError>>()?;
        Ok(Self { usual, declared, made: Mutex::default() })
    }
}

fn make(usual: &SimulatedSettings, name: &str, ability: f64) -> Result<Arc<Simulated>, SimulationError> {
    let settings = SimulatedSettings { name: name.into(), ability, ..usual.clone() };
    Ok(Arc::new(Simulated::new(Simulation::try_from(settings)?)))
}

impl Models {
    /// The model of this name; `None` where others are declared.
    pub(crate) fn get(&self, name: &str) -> Option<Arc<Simulated>> {
        if !self.declared.is_empty() {
            return self.declared.get(name).cloned();
        }
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(model) = made.get(name) {
            return Some(model.clone());
        }
        let model = make(&self.usual, name, self.usual.ability).ok()?;
        if made.len() >= REMEMBERED {
            made.clear();
        }
        made.insert(name.to_owned(), model.clone());
        Some(model)
    }

    /// The names to list; where any name is a model, one that says so.
    pub(crate) fn names(&self) -> Vec<&str> {
        if self.declared.is_empty() { vec!["any"] } else { self.declared.keys().map(String::as_str).collect() }
    }
}

impl fmt::Display for Models {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.declared.is_empty() { f.write_str("any model") } else { f.write_str(&self.names().join(", ")) }
    }
}
