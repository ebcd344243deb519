//! `tierfall explain`: route and plan only.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tierfall::config::{Loaded, Patience};
use tierfall::{BreakerPolicy, fit};
use tierfall_core::cascade::{Answerer, Tier, TierIx};
use tierfall_core::gate::Gate;
use tierfall_core::money::Money;
use tierfall_core::number::Threshold;
use tierfall_core::outset::Uncalled;
use tierfall_core::permit::Unread;
use tierfall_core::plan::{Plan, Skip};
use tierfall_core::provider::CallError;
use tierfall_core::request::{Request, Timeouts};
use tierfall_core::trace::RouteTrace;

use crate::args::Explain;
use crate::render::money::usd;
use crate::render::style::{DIM, STRONG, WARN, paint};
use crate::render::{printable, text, trace, words};
use crate::{Exit, Failure, input, load, print};

pub(crate) fn explain(args: &Explain) -> Result<Exit, Failure> {
    // Neither providers nor recordings are made or read: a plan needs no key.
    let loaded = load::cascade(&args.cascade)?;
    let cascade = &loaded.cascade;
    let mut request = Request::new("explain", input::prompt(args.prompt.as_deref())?);
    request.tags.extend(args.dial.tags.iter().cloned());
    request.point = args.dial.point.as_deref().map(|point| found(&loaded, point)).transpose()?;
    let plan = Plan::new(cascade, request);
    let failed = if let Some(Uncalled::Failed { error, .. }) = plan.uncalled() { Some(error) } else { None };
    let (request, route) = (plan.request(), RouteTrace::of(&plan));
    let asked = if failed.is_some() { &[] } else { &plan.tiers[..] };
    let tiers = asked.iter().enumerate().map(|(place, ix)| {
        let tier = cascade.tier(*ix);
        let expected = match &tier.answerer {
            Answerer::Model(_) => plan.may_see(*ix).and_then(|permit| permit.answering_call().expected_cost()),
            Answerer::Human { cost } => *cost,
        };
        let patience = loaded.patience(*ix, plan.fails_over(place));
        (tier, expected, plan.gate(place), plan.thresholds[ix.0], (plan.unread(place), patience))
    });
    let tier_name = |ix: TierIx| &*cascade.tier(ix).name;
    if args.json {
        let tiers: Vec<_> = tiers
            .map(|(tier, expected, gate, threshold, (unread, patience))| {
                let not_allowed = unread.iter().map(|one| json!({ "signal": one.signal, "asks": tier_name(one.asks) }));
                json!({
                    "tier": tier.name,
                    "expected_cost_usd": expected,
                    "signal": gate.map(Gate::label),
                    "threshold": gate.and_then(|gate| cut(gate, threshold)),
                    "not_allowed": not_allowed.collect::<Vec<_>>(),
                    "patience": patience.as_ref().map(as_json),
                })
            })
            .collect();
        let mut told = json!({ "route": route, "tiers": tiers });
        if let Some(error) = &failed {
            told["error"] = error.message.as_str().into();
        }
        print(format_args!("{told}\n"))?;
        return as_it_ends(failed.as_ref());
    }
    let mut said = trace::rules(&route);
    if said.is_empty() {
        said.push("no rule holds".to_owned());
    }
    said.extend(trace::point(&route));
    said.extend(by_segment(&loaded, &route));
    said.extend(route.refused.as_ref().map(|why| format!("{}: {}", paint(WARN, "nothing is called"), printable::line(why))));
    said.extend(route.review.as_ref().map(|why| format!("{}: {}", paint(WARN, "no model is called"), printable::line(why))));
    let mut out = said.join("\n") + "\n";
    let rows: Vec<_> = tiers
        .map(|(tier, expected, gate, threshold, more)| {
            ([tier.name.to_string(), accepts(tier, gate, threshold), price(tier, request, expected)], more)
        })
        .collect();
    let [names, gates, _] = text::widths(&rows.iter().map(|(cells, _)| cells));
    for (place, ([name, gate, price], (unread, patience))) in rows.iter().enumerate() {
        let name = paint(STRONG, format_args!("{name:names$}"));
        let _ = writeln!(out, "{}. {name}  {gate:gates$}  {}", place + 1, paint(DIM, price));
        if let Some(patience) = patience {
            let _ = writeln!(out, "   {}", paint(DIM, in_words(patience)));
        }
        for Unread { signal, asks, then, .. } in unread {
            let why = format!("{signal} would ask {}, which may not see this: {then}", tier_name(*asks));
            let _ = writeln!(out, "   {}", paint(WARN, why));
        }
    }
    for (ix, why) in &plan.skipped {
        let (tier, constraints) = (tier_name(*ix), plan.constraints());
        let _ = match why {
            Skip::NotAllowed => writeln!(out, "   {tier} may not see it{}", by(&constraints.kept_from(*ix))),
            Skip::BeforeEntry => writeln!(out, "   {tier} is skipped{}", by(&constraints.entering_behind(*ix))),
            _ => writeln!(out, "   {tier} is skipped ({why})"),
        };
    }
    print(out)?;
    as_it_ends(failed.as_ref())
}

/// That the point in force has thresholds by segment, and whether this request's are such.
fn by_segment(loaded: &Loaded, route: &RouteTrace) -> Option<String> {
    let points = &loaded.fit.as_ref()?.point;
    let point = points.iter().find(|point| Some(&*point.name) == route.point.as_deref()).or(points.first())?;
    let names: Vec<String> = point.segments.keys().map(|name| printable::line(name)).collect();
    if names.is_empty() {
        return None;
    }
    Some(match route.segment.as_deref().filter(|segment| point.segments.contains_key(*segment)) {
        Some(segment) => format!("its thresholds are those of the segment {}", printable::line(segment)),
        None => format!("segments with thresholds of their own: {}; this request is of none of them", words::few(&names)),
    })
}

/// How long a tier is waited for.
fn in_words(patience: &Patience) -> String {
    let Patience { whole, stream, attempts, longest_pause, breaker, .. } = patience;
    let [connect, total, idle] = [whole.connect, whole.total, stream.idle].map(|limit| seconds(limit.unwrap_or_default()));
    let attempts = if *attempts == 1 { "1 attempt".to_owned() } else { format!("{attempts} attempts") };
    let breaker = breaker.map_or_else(String::new, |BreakerPolicy { failures, pause, .. }| {
        format!(", left alone for {} after {failures} failures in a row", seconds(pause))
    });
    format!(
        "waits {connect} to connect, {total} in all, {idle} for a stream to begin; {attempts}, no pause beyond {}{breaker}",
        seconds(*longest_pause)
    )
}

fn as_json(patience: &Patience) -> serde_json::Value {
    let Patience { whole, stream, attempts, longest_pause, breaker, .. } = patience;
    let ms = |limit: Option<Duration>| limit.map(|limit| limit.as_millis());
    let timeouts = |of: &Timeouts| json!({ "connect_ms": ms(of.connect), "idle_ms": ms(of.idle), "total_ms": ms(of.total) });
    json!({
        "whole": timeouts(whole),
        "stream": timeouts(stream),
        "attempts": attempts,
        "longest_pause_ms": longest_pause.as_millis(),
        "breaker": breaker.map(|of| json!({ "failures": of.failures, "pause_ms": of.pause.as_millis() })),
    })
}

fn seconds(time: Duration) -> String {
    format!("{} s", time.as_secs_f64())
}

/// As `run` ends: a plan that fails before any call is a failure of the same kind.
fn as_it_ends(failed: Option<&CallError>) -> Result<Exit, Failure> {
    failed.map_or(Ok(Exit::Fine), |error| Err(Failure::from(error)))
}

/// The rules by which something is so; nothing where none is named.
fn by(rules: &[&Arc<str>]) -> String {
    let names = || rules.iter().map(|rule| &***rule).collect::<Vec<_>>().join(", ");
    match rules.len() {
        0 => String::new(),
        1 => format!(" (by the rule {})", names()),
        _ => format!(" (by the rules {})", names()),
    }
}

/// The operating point of this name, or the one that meets this target.
fn found(loaded: &Loaded, point: &str) -> Result<Arc<str>, Failure> {
    match &loaded.fit {
        Some(fit) => fit::find(fit, point).map(|point| point.name.as_str().into()).map_err(Failure::usage),
        None => Err(Failure::usage(format!("there is no operating point \"{point}\"; the cascade has no fit"))),
    }
}

/// What the tier accepts by the gate in force.
fn accepts(tier: &Tier, gate: Option<&Gate>, threshold: Option<Threshold>) -> String {
    match (&tier.answerer, gate.map(|gate| (gate, cut(gate, threshold)))) {
        (Answerer::Human { .. }, _) => "a person looks".to_owned(),
        (_, Some((gate, Some(cut)))) if gate.map.is_some() => format!("accepts from confidence {cut:.3} by {}", gate.label()),
        (_, Some((gate, Some(cut)))) => format!("accepts from {} {cut:.3}", gate.label()),
        (_, Some((gate, None))) => format!("{}: defers all", gate.label()),
        (_, None) => "accepts all".to_owned(),
    }
}

/// What one call is expected to cost. Without max-tokens only the prompt's part is known.
fn price(tier: &Tier, request: &Request, expected: Option<Money>) -> String {
    let bounded = match &tier.answerer {
        Answerer::Model(model) => model.params.max_tokens.or(request.params.max_tokens).is_some(),
        Answerer::Human { .. } => true,
    };
    match expected {
        None => "cost unknown".to_owned(),
        Some(money) if bounded => format!("about {}", usd(money)),
        Some(money) => format!("about {} and the answer", usd(money)),
    }
}

fn cut(gate: &Gate, threshold: Option<Threshold>) -> Option<f64> {
    match threshold? {
        Threshold::AcceptFrom { score, .. } => Some(gate.display(score)),
        Threshold::DeferAll => None,
    }
}
