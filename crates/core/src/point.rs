//! Operating points: which tiers are asked and where their gates cut, chosen request by request.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::cascade::{Cascade, CascadeError, TierIx};
use crate::fusion::GateValue;
use crate::map::ScoreMap;
use crate::number::Threshold;

/// What a declared tier's gate does at an operating point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Cut {
    /// Whether the tier is in the sub-chain in force; one that is not is asked only where a rule enters at it.
    pub asked: bool,
    /// Where it cuts when it is asked. Where it accepts all ([`Threshold::accept_all`]) the sub-chain in force ends: its answer is
    /// served whatever is read, and the tiers after it are left out.
    pub threshold: Threshold,
}

/// One setting of all gates; a run uses exactly one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatingPoint {
    /// Its name.
    pub name: Arc<str>,
    /// What is promised for it, for people; as in `certified: loss ≤ 0.05 at 90 %`.
    pub promise: Arc<str>,
    /// One a declared tier but the last, for requests without a segment or of one that is not listed.
    pub cuts: Vec<Cut>,
    /// The same by run-time segment.
    pub segments: BTreeMap<Arc<str>, Vec<Cut>>,
}

impl OperatingPoint {
    /// The cuts for a request of this segment.
    pub fn cuts(&self, segment: Option<&str>) -> &[Cut] {
        segment.and_then(|segment| self.segments.get(segment)).unwrap_or(&self.cuts)
    }
}

/// How a fitted gate's value is read and shown.
#[derive(Clone, Debug, PartialEq)]
pub struct FittedGate {
    /// What the gate compares.
    pub value: GateValue,
    /// Shows it as a confidence; `None` where nothing could be fitted.
    pub map: Option<ScoreMap>,
}

/// There is no operating point of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no operating point \"{name}\"; {}", listed(.known))]
pub struct UnknownPoint {
    /// What was asked for.
    pub name: Arc<str>,
    /// Those that there are.
    pub known: Vec<Arc<str>>,
}

fn listed(names: &[Arc<str>]) -> String {
    match names {
        [] => "the cascade has no fit, so it has none".to_owned(),
        [only] => format!("there is \"{only}\" alone"),
        names => format!("there are {}", names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")),
    }
}

impl Cascade {
    /// The cascade with the gates and operating points of a fit: one gate for every tier but the last, and at least one
    /// point, of which the first is in force where a request names none. The gates' own thresholds no longer count.
    pub fn fitted(mut self, gates: Vec<FittedGate>, points: Vec<OperatingPoint>) -> Result<Self, CascadeError> {
        let deciding = self.tiers().len() - 1;
        let names: Vec<&Arc<str>> = points.iter().map(|point| &point.name).collect();
        if let Some(twice) = names.iter().enumerate().find_map(|(at, name)| names[..at].contains(name).then_some(*name)) {
            return Err(CascadeError::DuplicatePoint(twice.clone()));
        }
        let misshapen = |point: &&OperatingPoint| {
            point.segments.values().chain([&point.cuts]).any(|cuts| cuts.len() != deciding) || gates.len() != deciding
        };
        if let Some(point) = points.iter().find(misshapen) {
            return Err(CascadeError::PointShape { point: point.name.clone(), gated: deciding });
        }
        if points.is_empty() {
            return Err(CascadeError::NoPoint);
        }
        for (tier, fitted) in self.parts_mut().tiers.iter_mut().zip(gates) {
            let Some(gate) = &mut tier.gate else { return Err(CascadeError::Ungated(tier.name.clone())) };
            let missing = fitted.value.signals().into_iter().find(|label| gate.signals().all(|named| *named.label != **label));
            if let Some(missing) = missing {
                return Err(CascadeError::UnknownSignal { tier: tier.name.clone(), signal: missing.to_owned() });
            }
            let own = GateValue::Signal { signal: gate.signal.label.to_string(), negated: false };
            gate.value = Some(fitted.value).filter(|value| *value != own);
            gate.map = fitted.map;
        }
        self.set_points(points);
        Ok(self)
    }

    /// The operating point of this name, or the one in force by default; `None` where the cascade was not fitted.
    pub fn point(&self, name: Option<&str>) -> Result<Option<&OperatingPoint>, UnknownPoint> {
        let Some(name) = name else { return Ok(self.points().first()) };
        let unknown =
            || UnknownPoint { name: name.into(), known: self.points().iter().map(|point| point.name.clone()).collect() };
        self.points().iter().find(|point| &*point.name == name).map(Some).ok_or_else(unknown)
    }

    /// What every declared tier does for a request of this segment: the cuts of `point`, else the gates' own thresholds.
    /// The last tier is asked and cuts nothing.
    pub(crate) fn cuts(&self, point: Option<&OperatingPoint>, segment: Option<&str>) -> Vec<Option<Cut>> {
        let own = |ix: usize| {
            let gate = self.tier(TierIx(ix)).gate.as_ref()?;
            Some(Cut { asked: true, threshold: gate.threshold })
        };
        let cuts = point.map(|point| point.cuts(segment));
        (0..self.tiers().len()).map(|ix| cuts.map_or_else(|| own(ix), |cuts| cuts.get(ix).copied())).collect()
    }
}
