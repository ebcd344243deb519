//! Gates, and whether their tiers can feed them.

use std::ops::Range;

use tierfall_core::gate::Gate;
use tierfall_core::number::{Score, Threshold};
use tierfall_core::signal::table::SignalSpec;
use tierfall_core::signal::{NamedSignal, Needs};

use super::context::Context;
use crate::config::code::Code;
use crate::config::file::{GateFile, RawFile, ThresholdFile, ThresholdWord, TierFile};
use crate::config::provider::ProviderSpec;
use crate::config::types::Spanned;
use crate::fault;
use tierfall_core::nearest::suggestion;

/// The gate of a tier; `None` where something is wrong with it.
pub(super) fn resolve(context: &mut Context<'_>, tier: &TierFile, gate: &GateFile) -> Option<Gate> {
    let before = context.found.len();
    let mut build = |spec: &Spanned<SignalSpec>| {
        let named = spec.get_ref().build().ok()?;
        feed(context, tier, &named, spec.span());
        Some(named)
    };
    let signal = gate.signal.as_ref().and_then(&mut build);
    let require: Vec<_> = gate.require.iter().map(&mut build).collect();
    let observe: Vec<_> = gate.observe.iter().map(&mut build).collect();
    for (named, spec) in require.iter().zip(&gate.require) {
        if let Some(fault) = named.as_ref().and_then(fault::validator) {
            context.found.fault(spec.span(), fault);
        }
    }
    let (signal, place) = (signal?, gate.threshold.as_ref()?);
    if matches!(place.get_ref(), ThresholdFile::Word(ThresholdWord::Fit)) {
        context.fitted.push(place.span());
    } else {
        context.own.push(place.span());
    }
    let threshold = threshold(context, &signal, gate, place);
    (context.found.len() == before).then_some(())?;
    Some(Gate {
        threshold: threshold?,
        signal,
        require: require.into_iter().collect::<Option<_>>()?,
        observe: observe.into_iter().collect::<Option<_>>()?,
        value: None,
        map: None,
        on_truncated: gate.on_truncated,
    })
}

fn threshold(
    context: &mut Context<'_>,
    signal: &NamedSignal,
    gate: &GateFile,
    place: &Spanned<ThresholdFile>,
) -> Option<Threshold> {
    let nominal = signal.nominal();
    let signal_at = gate.signal.as_ref().map_or_else(|| place.span(), Spanned::span);
    match place.get_ref() {
        ThresholdFile::Nominal(value) => {
            let raw = nominal.raw(*value);
            if raw.is_none() {
                let message = format!("{value} is not on the nominal scale of {}, which goes from 0 to 1", signal.label);
                let help = format!("a threshold in the signal's own units is written `threshold = {{ raw = {value} }}`");
                context.found.error(Code::THRESHOLD_RANGE, place.span(), message).label(signal_at, "this signal").help(help);
            }
            raw.map(Threshold::accept_from)
        }
        ThresholdFile::Raw(RawFile { raw }) => {
            let raw = (*raw)?;
            let Some(fault) = fault::threshold(signal, raw) else { return Score::new(raw).map(Threshold::accept_from) };
            let help = "write a raw score of this signal, or a number from 0 to 1 on its nominal scale without `raw`";
            context.found.fault(place.span(), fault).label(signal_at, "this signal").help(help);
            None
        }
        // Until the fit is read, which needs the whole cascade.
        ThresholdFile::Word(ThresholdWord::DeferAll | ThresholdWord::Fit) => Some(Threshold::DeferAll),
    }
}

/// Checks that the tier, or the surrogate that is asked in its place, gives what the signal reads.
fn feed(context: &mut Context<'_>, tier: &TierFile, named: &NamedSignal, at: Range<usize>) {
    let needs = named.needs();
    if needs.logprobs {
        logprobs(context, tier, named, needs.top, &at);
    }
    if let Some(temperature) = tier.params.as_ref().and_then(|params| params.get_ref().temperature.as_ref())
        && let Some(fault) = fault::temperature(named, Some(*temperature.get_ref()))
    {
        context.found.fault(at.clone(), fault).label(temperature.span(), "the tier samples greedily");
    }
    let Needs { probe, probe_logprobs, .. } = needs;
    if !probe {
        return;
    }
    let asked = match named.surrogate() {
        None => tier,
        Some(name) => match context.tier_named(name) {
            Some((_, found)) if found.get_ref().review != Some(true) => found.get_ref(),
            _ => {
                let askable = context.tiers().iter().map(Spanned::get_ref).filter(|tier| tier.review != Some(true));
                let askable: Vec<&str> = askable.filter_map(|tier| Some(tier.name.as_ref()?.get_ref().as_str())).collect();
                let message = format!("{} asks the tier \"{name}\", and there is no such tier with a model", named.label);
                let help = suggestion(name, askable);
                context.found.error(Code::UNKNOWN_TIER, at, message).maybe_help(help);
                return;
            }
        },
    };
    if let Some(top) = probe_logprobs {
        logprobs(context, asked, named, top, &at);
    }
}

fn logprobs(context: &mut Context<'_>, asked: &TierFile, named: &NamedSignal, top: u8, at: &Range<usize>) {
    let Some(model) = &asked.model else { return };
    let Some((provider, model_name)) = model.get_ref().split_once('/') else { return };
    let Some(Some(spec)) = context.providers.get(provider) else { return };
    let declared = context.file.provider.keys().find(|name| name.get_ref() == provider).map(Spanned::span);
    let speaks = match spec {
        ProviderSpec::Http(http) => format!("it speaks {}", http.dialect),
        ProviderSpec::Simulated(_) => "it is simulated".into(),
    };
    let Some(fault) = fault::logprobs(named, top, provider, spec.gives(model_name)) else { return };
    let diagnostic = context.found.fault(at.clone(), fault).label(model.span(), "the model that is asked");
    if let Some(declared) = declared {
        diagnostic.label(declared, speaks);
    }
}
