//! `tierfall calibrate --plan`: how many labelled examples promises need.

use tierfall_calibrate::ask::SignalChoice;
use tierfall_calibrate::observations::Observations;
use tierfall_calibrate::planner::{Plan, with_pilot, without_pilot};
use tierfall_core::fusion::GateValue;

use super::files::{apart, read_by, written_by};
use super::observed::{Asked, choices, named, observed, tell_warnings};
use super::output::{check, interruptible, write};
use crate::args::Calibrate;
use crate::exit::{Exit, Failure};
use crate::{print, render};

/// Margins that are asked about most.
const MARGINS: [f64; 6] = [0.005, 0.01, 0.02, 0.03, 0.05, 0.1];

pub(crate) async fn plan(args: &Calibrate, quiet: bool) -> Result<Exit, Failure> {
    if let Some(path) = &args.outputs.html {
        return Err(Failure::usage(format!("a plan is a table: --html {} has nothing to draw", path.display())));
    }
    let written = written_by(&args.outputs);
    apart(&read_by(&args.inputs), &written)?;
    check(written.iter().map(|(_, path)| path.as_path()))?;
    let owned = args.clone();
    let (plan, last) = interruptible(move || made(&owned, quiet)).await?;
    let json = serde_json::to_string(&plan).map_err(Failure::usage)?;
    match &args.outputs.json {
        Some(path) if path.as_os_str() == "-" => return print(format_args!("{json}\n")).map(|()| Exit::Fine),
        Some(path) => write(path, &format!("{json}\n"))?,
        None => {}
    }
    print(render::plan::plan(&plan, last.as_deref())).map(|()| Exit::Fine)
}

/// The plan, and the last tier where there is a pilot.
fn made(args: &Calibrate, quiet: bool) -> Result<(Plan, Option<String>), Failure> {
    let margins = with(args.max_loss, &MARGINS);
    if let Some(discordance) = args.discordance {
        return Ok((without_pilot(&margins, discordance, args.delta), None));
    }
    let signals = named(args.signal.as_deref(), &args.inputs.chain);
    let from = observed(&args.inputs, Asked { split: "train", signals, segments: args.by_segment.is_some() }, quiet)?;
    if !quiet {
        tell_warnings(&from.warnings());
    }
    let signals = choices(args.signal.as_deref(), &from)?;
    let gates: Vec<Vec<GateValue>> =
        signals.iter().enumerate().map(|(tier, choice)| candidates(&from.observations, tier, choice)).collect();
    let accuracies: Vec<f64> = args.target_accuracy.into_iter().collect();
    let plan = with_pilot(&from.observations, &gates, &margins, &accuracies, args.delta).map_err(Failure::usage)?;
    let last = from.observations.tiers().last().map(|tier| tier.name.to_string());
    Ok((plan, last))
}

/// The usual values and the one that was asked for, each once and in order.
fn with(asked: Option<f64>, usual: &[f64]) -> Vec<f64> {
    let mut all: Vec<f64> = usual.iter().copied().chain(asked.filter(|asked| *asked > 0.0)).collect();
    all.sort_by(f64::total_cmp);
    all.dedup_by(|a, b| a.total_cmp(b).is_eq());
    all
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
