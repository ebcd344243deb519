//! How many labelled examples promises need.

use tierfall_calibrate::ask::SignalChoice;
use tierfall_calibrate::observations::Observations;
use tierfall_calibrate::planner::{Plan, with_pilot, without_pilot};
use tierfall_core::fusion::GateValue;

use crate::Error;
use crate::inputs::Inputs;
use crate::progress::Progress;
use crate::results::{Named, ready};

/// What is to be promised, at most.
#[derive(Clone, Debug)]
pub struct Ask {
    /// A margin that is asked about beside the usual ones.
    pub max_loss: Option<f64>,
    /// A share of right answers that is asked about.
    pub target_accuracy: Option<f64>,
    /// The share of requests on which tiers differ in being right, in [0, 1], in place of what a pilot shows.
    pub discordance: Option<f64>,
    /// The probability that a promise may fail, in (0, 1).
    pub delta: f64,
    /// What gates compare, as in a calibration.
    pub signal: Option<String>,
    /// Whether thresholds are to depend on segments.
    pub by_segment: bool,
    /// Files that the caller writes with what comes of it.
    pub results: Vec<Named>,
}

/// How many examples promises need.
#[derive(Clone, Debug)]
pub struct Planned {
    /// Them.
    pub plan: Plan,
    /// The last tier, where there is a pilot.
    pub last: Option<String>,
    /// What was read of the pilot and matters.
    pub warnings: Vec<String>,
}

/// Margins that are asked about most.
const MARGINS: [f64; 6] = [0.005, 0.01, 0.02, 0.03, 0.05, 0.1];

/// Says how many labelled examples margins need, by what a pilot of labelled answers shows, else by the discordance that is named.
///
/// # Errors
/// There is neither, a result would overwrite the pilot, or its rows cannot be used.
pub fn plan(pilot: Option<&Inputs>, ask: &Ask, progress: &dyn Progress) -> Result<Planned, Error> {
    ready(&pilot.map(Inputs::reads).unwrap_or_default(), &ask.results)?;
    let mut margins: Vec<f64> = MARGINS.into_iter().chain(ask.max_loss.filter(|asked| *asked > 0.0)).collect();
    margins.sort_by(f64::total_cmp);
    margins.dedup_by(|a, b| a.total_cmp(b).is_eq());
    if let Some(share) = ask.discordance {
        return Ok(Planned { plan: without_pilot(&margins, share, ask.delta), last: None, warnings: Vec::new() });
    }
    let inputs = pilot.ok_or_else(|| {
        Error::refused("a plan needs labelled answers of a pilot, or the share of requests on which tiers differ")
            .with_hint("--discordance SHARE names it")
    })?;
    let (from, signals) = inputs.read_for(ask.signal.as_deref(), ask.by_segment, progress)?;
    let gates: Vec<Vec<GateValue>> =
        signals.iter().enumerate().map(|(tier, choice)| candidates(&from.observations, tier, choice)).collect();
    let accuracies: Vec<f64> = ask.target_accuracy.into_iter().collect();
    let plan = with_pilot(&from.observations, &gates, &margins, &accuracies, ask.delta)?;
    let last = from.observations.tiers().last().map(|tier| tier.name.to_string());
    Ok(Planned { plan, last, warnings: from.warnings() })
}

/// The gate values that a tier may use: one signal, or each of several that would be fused or picked from.
fn candidates(observations: &Observations, tier: usize, choice: &SignalChoice) -> Vec<GateValue> {
    let plain = |signal: &str| GateValue::Signal { signal: signal.to_owned(), negated: false };
    match choice {
        SignalChoice::Fixed(gate) => vec![gate.clone()],
        SignalChoice::Fuse(labels) => labels.iter().map(|label| plain(label)).collect(),
        SignalChoice::Auto => {
            let spec = observations.tiers().nth(tier);
            spec.map(|spec| spec.signals.iter().map(|label| plain(label)).collect()).unwrap_or_default()
        }
    }
}
