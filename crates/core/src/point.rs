//! Operating points: which tiers are asked and where their gates cut, chosen request by request.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

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

/// There is no operating point of this name. Its `Debug` is its message.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}; {}", unknown(.name), listed(.known))]
pub struct UnknownPoint {
    /// What was asked for.
    pub name: Arc<str>,
    /// Those that there are.
    pub known: Vec<Arc<str>>,
}

crate::debug_is_message!(UnknownPoint);

/// That there is no such point, or none that meets such a target.
pub(crate) fn unknown(name: &str) -> String {
    let is_target = name.contains("<=") || name.contains(">=");
    let what = if is_target { "no operating point is certified for" } else { "there is no operating point" };
    format!("{what} \"{name}\"")
}

fn listed(names: &[Arc<str>]) -> String {
    match names {
        [] => "the cascade has no fit, so it has none".to_owned(),
        [only] => format!("there is \"{only}\" alone"),
        names => format!("there are {}", names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")),
    }
}
