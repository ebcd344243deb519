//! One run in words: which tier answered, how sure, the threshold, what it cost against always using the last tier.

use std::fmt::Write as _;
use std::time::Duration;

use anstyle::Style;
use tierfall_core::gate::{Accepted, Decision, Deferral};
use tierfall_core::money::Money;
use tierfall_core::number::{Confidence, Threshold};
use tierfall_core::plan::Skip;
use tierfall_core::provider::CallErrorKind;
use tierfall_core::trace::{CostBasis, Fallback, OutcomeKind, RouteTrace, RuleTrace, Step, Stopped, Trace};

use super::money::{cost, time, usd};
use super::printable;
use super::style::{BAD, DIM, GOOD, STRONG, WARN, paint};
use super::text::widths;

/// The whole report: how it ended, the steps where there is more to tell than one, and the cost.
pub(crate) fn report(trace: &Trace, every_step: bool) -> String {
    let mut text = headline(trace) + "\n";
    let failed = trace.outcome == OutcomeKind::Failed;
    let chosen = trace.route.point.as_deref().is_some_and(|point| point != "default");
    if every_step || failed || chosen || trace.steps.len() > 1 || !trace.route.rules.is_empty() {
        steps(trace, &mut text);
    }
    // What kept the cascade from going on as declared, where it is not the outcome itself.
    let _ = match trace.stopped.filter(|_| trace.fallback.is_none()) {
        Some(Stopped::Budget) => writeln!(text, "  no further tier: the next call could exceed the budget"),
        Some(Stopped::Deadline) => writeln!(text, "  no further tier: the deadline passed"),
        None => Ok(()),
    };
    // Where nothing was called, nothing was spent.
    if !trace.steps.is_empty() {
        let _ = writeln!(text, "{} · {}{}", spent(trace), time(trace.latency), queued(trace));
    }
    text.truncate(text.trim_end().len());
    text
}

fn headline(trace: &Trace) -> String {
    let tier = trace.tier.as_deref().unwrap_or("no tier");
    // Our own queue, and no tier that failed.
    let shed = Decision::Defer(Deferral::Failed(CallErrorKind::QueueFull));
    let is_shed = trace.steps.last().is_some_and(|step| step.decision == shed);
    let cancelled = Decision::Defer(Deferral::Failed(CallErrorKind::Cancelled));
    let is_cancelled = trace.steps.last().is_some_and(|step| step.decision == cancelled);
    let how = match (trace.outcome, trace.fallback.map(cut_short)) {
        (OutcomeKind::Answered, _) => accepted(trace),
        (OutcomeKind::Abstained, None) => "no tier was sure enough".to_owned(),
        (OutcomeKind::Abstained, Some(why)) => format!("{why}, and no tier before was sure enough"),
        (OutcomeKind::Review, None) => match &trace.route.review {
            Some(why) => format!("a person must look: {}", printable::line(why)),
            None => "a person must look".to_owned(),
        },
        (OutcomeKind::Review, Some(why)) => format!("a person must look: {why}"),
        (OutcomeKind::Refused, _) => trace.error.clone().unwrap_or_default(),
        (OutcomeKind::Failed, _) if is_shed => "there was no place for the call".to_owned(),
        (OutcomeKind::Failed, _) if is_cancelled => "the run was cancelled".to_owned(),
        (OutcomeKind::Failed, _) => "no tier could give one".to_owned(),
    };
    let what = match trace.outcome {
        OutcomeKind::Answered if trace.fallback.is_none() => paint(GOOD, format_args!("{tier} answered")),
        OutcomeKind::Answered => paint(WARN, format_args!("{tier} answered")),
        OutcomeKind::Failed => paint(BAD, "no answer"),
        other => paint(WARN, other.as_str()),
    };
    format!("{what} · {how}")
}

/// What the run fell back for.
fn cut_short(why: Fallback) -> &'static str {
    match why {
        Fallback::Failed => "the last tier failed",
        Fallback::NotWhole => "the last tier's answer is not whole",
        Fallback::Deadline => "the deadline passed",
        Fallback::Budget => "the next call could exceed the budget",
    }
}

/// Why the answer that is served was accepted.
fn accepted(trace: &Trace) -> String {
    let accepting = |step: &&Step| matches!(step.decision, Decision::Accept(_));
    let Some(step) = trace.steps.last().filter(accepting) else {
        let why = trace.fallback.map(|why| format!(": {}", cut_short(why))).unwrap_or_default();
        return format!("the best that was left, though no gate accepted it{why}");
    };
    match &step.decision {
        Decision::Accept(Accepted::LastTier(unusable)) => {
            // Where others are skipped, a tier of the middle may be the last, and its gate is not asked.
            let whole = trace.route.skipped.is_empty();
            let last = if whole { "the last tier, without a gate" } else { "the last tier that may answer, so no gate is asked" };
            match unusable {
                None => last.to_owned(),
                Some(why) => format!("{last}, though its answer is {}", printable::line(&why.to_string())),
            }
        }
        Decision::Accept(Accepted::AbstentionAllowed) => "without a score, as the policy allows".to_owned(),
        _ if step.confidence.is_some() => comparison(step),
        _ => format!("{} {}", comparison(step), paint(DIM, "(not calibrated)")),
    }
}

/// How long its calls waited for their places, where that is worth a word.
fn queued(trace: &Trace) -> String {
    if trace.queued < Duration::from_millis(1) { String::new() } else { format!(", after {} in a queue", time(trace.queued)) }
}

/// What was spent, beside what the last tier alone would have cost.
fn spent(trace: &Trace) -> String {
    let spent = cost(trace.cost);
    let (Some(last), Some(total)) = (trace.cost_if_last, trace.cost.total()) else { return spent };
    // Without an answer that somebody stands behind nothing was saved.
    let accepted = trace.outcome == OutcomeKind::Answered && trace.fallback.is_none();
    if !accepted || last == Money::ZERO {
        return spent;
    }
    let share = total.usd() / last.usd();
    let percent = (share - 1.0).abs() * 100.0;
    let compared = match share {
        _ if percent < 0.5 => "as much as".to_owned(),
        _ if share < 0.005 => "over 99 % less than".to_owned(),
        _ if share < 1.0 => format!("{percent:.0} % less than"),
        _ if share < 3.0 => format!("{percent:.0} % more than"),
        _ => format!("{share:.0} times"),
    };
    let about = if trace.cost_if_last_basis == Some(CostBasis::Estimated) { "about " } else { "" };
    format!("{spent}, {compared} always the last tier ({about}{})", usd(last))
}

/// A row of the table of steps: what colour its decision has; tier, decision, why, cost and time; and what was said about the call that
/// failed.
type Row = (Style, [String; 5], Option<String>);

fn steps(trace: &Trace, text: &mut String) {
    for line in rules(&trace.route).into_iter().chain(point(&trace.route)) {
        let _ = writeln!(text, "  {line}");
    }
    // What the rules say is on their own lines.
    let by_rule = |why: &Skip| matches!(why, Skip::NotAllowed | Skip::BeforeEntry);
    let skipped = trace.route.skipped.iter().filter(|(_, why)| !by_rule(why)).map(|(tier, why)| {
        let cells = [tier.to_string(), "skip".to_owned(), why.to_string(), String::new(), String::new()];
        (DIM, cells, None)
    });
    // How a run failed is told as its error.
    let told = |message: &str| trace.outcome == OutcomeKind::Failed && trace.error.as_deref() == Some(message);
    let rows: Vec<Row> = skipped.chain(trace.steps.iter().map(|step| row(step, told))).collect();
    let [tiers, decisions, whys, costs, times] = widths(&rows.iter().map(|(_, cells, _)| cells));
    for (style, [tier, decision, why, cost, time], said) in &rows {
        // Costs begin alike ("$0."), so that their points are aligned on the left; padding goes inside the colour.
        let decision = paint(*style, format_args!("{decision:decisions$}"));
        let line = format!("  {tier:tiers$}  {decision}  {why:whys$}  {cost:costs$}  {time:>times$}");
        let _ = writeln!(text, "{}", line.trim_end());
        if let Some(said) = said {
            let _ = writeln!(text, "  {:tiers$}  {said}", "");
        }
    }
}

/// Every rule that holds, and what it wants.
pub(crate) fn rules(route: &RouteTrace) -> Vec<String> {
    let wants = |one: &RuleTrace| {
        let only = one
            .only
            .as_ref()
            .map(|tiers| if tiers.is_empty() { "no tier".to_owned() } else { format!("only {}", tiers.join(", ")) });
        let enter_at = one.enter_at.as_ref().map(|tier| format!("enter at {tier}"));
        let point = one.point.as_ref().map(|point| format!("point {}", printable::line(point)));
        let review = one.review.as_ref().map(|why| format!("review ({})", printable::line(why)));
        let refuse = one.refuse.as_ref().map(|why| format!("refuse ({})", printable::line(why)));
        let said: Vec<String> = [only, enter_at, point, review, refuse].into_iter().flatten().collect();
        if said.is_empty() { "nothing".to_owned() } else { said.join(", ") }
    };
    route.rules.iter().map(|one| format!("rule {}: {}", paint(STRONG, &one.rule), wants(one))).collect()
}

/// The operating point in force with what is promised for it, and the request's segment.
pub(crate) fn point(route: &RouteTrace) -> Option<String> {
    let promise = route.promise.as_ref().map_or_else(String::new, |promise| format!(" ({promise})"));
    let point = |name: &str| format!("point {}{promise}", paint(STRONG, name));
    let segment = |segment: &str| format!("segment {}", paint(STRONG, segment));
    let said: Vec<String> = route.point.as_deref().map(point).into_iter().chain(route.segment.as_deref().map(segment)).collect();
    (!said.is_empty()).then(|| said.join(" · "))
}

fn row(step: &Step, told: impl Fn(&str) -> bool) -> Row {
    let (style, decision) = match &step.decision {
        Decision::Accept(_) => (GOOD, "accept"),
        Decision::Defer(Deferral::Failed(_)) => (BAD, "failed"),
        Decision::Defer(_) => (WARN, "defer"),
    };
    let said = step.message.as_deref().filter(|message| !told(message)).map(printable::line);
    (style, [step.tier.to_string(), decision.to_owned(), why(step), cost(step.cost()), time(step.latency)], said)
}

fn why(step: &Step) -> String {
    let attempts = step.calls.iter().filter(|call| call.attempt.error.is_some()).count();
    match &step.decision {
        Decision::Accept(Accepted::LastTier(None)) => "last tier".to_owned(),
        Decision::Accept(Accepted::LastTier(Some(why))) => format!("last tier, though {}", printable::line(&why.to_string())),
        Decision::Accept(Accepted::AboveThreshold) | Decision::Defer(Deferral::BelowThreshold) => comparison(step),
        Decision::Defer(Deferral::Failed(kind)) if attempts > 1 => format!("{kind}, {attempts} attempts"),
        Decision::Defer(Deferral::Failed(kind)) => kind.to_string(),
        decision => match decision.detail() {
            Some(detail) => format!("{}: {}", decision.reason(), printable::line(&detail)),
            None => decision.reason().to_owned(),
        },
    }
}

/// What the gate compared: `confidence 0.912 ≥ 0.850`.
fn comparison(step: &Step) -> String {
    let read = |(_, reading): &&(_, tierfall_core::signal::Reading)| reading.ok() == step.gate_value;
    let label =
        if step.confidence.is_some() { "confidence" } else { step.signals.iter().find(read).map_or("score", |(label, _)| label) };
    let Some(value) = step.confidence.map(Confidence::get).or(step.nominal) else { return label.to_owned() };
    let Some(cut) = step.threshold_display else { return format!("{label} {value:.3}, and the gate defers all") };
    let sign = if matches!(step.decision, Decision::Accept(_)) { '≥' } else { '<' };
    match step.threshold {
        Some(Threshold::AcceptFrom { score, tie }) if step.gate_value == Some(score) && tie.get() > 0.0 => {
            format!("{label} {value:.3} = {cut:.3}, tie {:.3} {sign} {:.3}", step.tie.get(), tie.get())
        }
        _ => {
            let (value, cut) = told_apart(value, cut);
            format!("{label} {value} {sign} {cut}")
        }
    }
}

/// Two numbers with three decimals, or as many as it takes to tell them apart.
fn told_apart(a: f64, b: f64) -> (String, String) {
    let shown = |decimals: usize| (format!("{a:.decimals$}"), format!("{b:.decimals$}"));
    (3..=9).map(shown).find(|(a, b)| a != b).unwrap_or_else(|| shown(3))
}

#[cfg(test)]
mod tests {
    use super::told_apart;

    #[test]
    fn close_numbers_do_not_look_equal() {
        let shown = |a, b| told_apart(a, b);
        assert_eq!(shown(0.5, 0.75), ("0.500".to_owned(), "0.750".to_owned()));
        assert_eq!(shown(0.849_96, 0.85), ("0.84996".to_owned(), "0.85000".to_owned()));
        assert_eq!(shown(0.85, 0.85), ("0.850".to_owned(), "0.850".to_owned()));
    }
}
