//! What became of a batch: how its queries ended, what each tier did, and what was served that nobody accepted.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use tierfall::Answer;
use tierfall_core::cascade::Cascade;
use tierfall_core::gate::{Accepted, Decision, Deferral};
use tierfall_core::money::{Cost, Money};
use tierfall_core::provider::{Attempt, Billing, CallErrorKind};
use tierfall_core::signal::Abstain;
use tierfall_core::trace::{Fallback, OutcomeKind, Step};

use crate::Failure;
use crate::render::money::{cost_within, usd};
use crate::render::printable;
use crate::render::style::{WARN, paint};

/// The ways to end that are no answer, failures last.
const UNANSWERED: [OutcomeKind; 4] = [OutcomeKind::Abstained, OutcomeKind::Review, OutcomeKind::Refused, OutcomeKind::Failed];

#[derive(Default)]
pub(super) struct Tally {
    pub(super) n: usize,
    /// What the first failure said, and what can be done about it.
    pub(super) first_failure: Option<(String, Option<String>)>,
    /// How many queries ended in each of [`UNANSWERED`].
    unanswered: [usize; 4],
    /// Queries whose runs were cancelled: they cost what they had cost by then, and count for nothing else.
    cut_off: usize,
    fell_back: BTreeMap<Fallback, usize>,
    /// Answers served that no gate could accept, by what is the matter with them.
    unusable: BTreeMap<&'static str, usize>,
    cost: Cost,
    /// The answers that a gate or the last tier stands behind, what they cost, and what the last tier alone would have.
    accepted: (usize, Cost, Cost),
    /// In the order of the chain.
    tiers: Vec<TierTally>,
}

#[derive(Default)]
struct TierTally {
    name: String,
    /// Whose answer is served.
    answered: usize,
    /// Queries with which its provider was called.
    asked: usize,
    /// Queries with which the provider failed.
    failed: usize,
    /// Queries that we ourselves kept from the provider, or took back.
    kept_back: BTreeMap<CallErrorKind, usize>,
    /// Answers that the gate had nothing to read in, by why.
    abstained: BTreeMap<&'static str, usize>,
    /// What the provider said the first time that a call of a step failed.
    said: Option<String>,
}

impl Tally {
    pub(super) fn new(cascade: &Cascade) -> Self {
        let tier = |tier: &tierfall_core::cascade::Tier| TierTally { name: tier.name.to_string(), ..TierTally::default() };
        Self { tiers: cascade.tiers().iter().map(tier).collect(), ..Self::default() }
    }

    pub(super) fn add(&mut self, key: &str, answer: &Answer) {
        let trace = &answer.trace;
        self.n += 1;
        let is_cut_off = is_cut_off(answer);
        self.cut_off += usize::from(is_cut_off);
        if let Some(error) = answer.error().filter(|_| !is_cut_off) {
            let said = || format!("{key}: {}", trace.error.as_deref().unwrap_or_default());
            self.first_failure.get_or_insert_with(|| (said(), Failure::from(error).hint));
        }
        let answered = trace.outcome == OutcomeKind::Answered;
        for (kind, n) in UNANSWERED.iter().zip(&mut self.unanswered) {
            *n += usize::from(*kind == trace.outcome && !is_cut_off);
        }
        match trace.fallback {
            Some(why) => *self.fell_back.entry(why).or_default() += 1,
            None if answered => {
                let (n, spent, if_last) = &mut self.accepted;
                *n += 1;
                *spent += trace.cost;
                *if_last += Cost::from(trace.cost_if_last);
            }
            None => {}
        }
        if let Some(why) = trace.unusable().filter(|_| answered) {
            *self.unusable.entry(why.as_str()).or_default() += 1;
        }
        self.cost += trace.cost;
        for tier in &mut self.tiers {
            tier.answered += usize::from(answered && trace.tier.as_deref() == Some(&tier.name));
            for step in &trace.steps {
                if *step.tier == *tier.name {
                    tier.add(step);
                }
            }
        }
    }

    pub(super) fn failed(&self) -> usize {
        let [.., failed] = self.unanswered;
        failed
    }

    pub(super) fn fell_back(&self) -> usize {
        self.fell_back.values().sum()
    }

    /// How the queries ended, one count each, what they cost, and what every tier that was asked did.
    pub(super) fn summary(&self) -> String {
        let answered = self.tiers.iter().map(|tier| (tier.name.as_str(), tier.answered));
        let unanswered = UNANSWERED.iter().map(|kind| kind.as_str()).zip(self.unanswered);
        let counts: Vec<String> = answered
            .chain(unanswered)
            .chain([("cut off", self.cut_off)])
            .filter(|(_, n)| *n > 0)
            .map(|(what, n)| format!("{what} {n}"))
            .collect();
        let mut text = format!("{} quer{}", self.n, if self.n == 1 { "y" } else { "ies" });
        let ended = if counts.is_empty() { String::new() } else { format!(": {}", counts.join(", ")) };
        let _ = write!(text, "{ended} · {}", cost_within(self.cost));
        let (n, spent, if_last) = self.accepted;
        let about = if spent.told().is_some() { "" } else { "about " };
        if let (Some(spent), Some(last)) = (spent.total(), if_last.total())
            && last > Money::ZERO
        {
            // Who got no answer, or one that nobody stands behind, would have had to ask the last tier for more.
            let of = if n == self.n { String::new() } else { format!("the {n} accepted: ") };
            let (share, last) = (spent.usd() / last.usd() * 100.0, usd(last));
            let _ =
                write!(text, " ({of}{about}{share:.0} % of {last} for always the last tier, estimated where it was not called)");
        }
        let met = |tier: &&TierTally| tier.asked > 0 || !tier.kept_back.is_empty();
        let width = self.tiers.iter().map(|tier| tier.name.chars().count()).max().unwrap_or(0);
        for tier in self.tiers.iter().filter(met) {
            let _ = write!(text, "\n  {:width$}  {}", tier.name, tier.summary());
        }
        text
    }

    /// What was served, or ended, and should be known of.
    pub(super) fn notes(&self) -> Vec<String> {
        let why = |(why, n): (&Fallback, &usize)| match why {
            Fallback::Failed => format!("{n} after the last tier failed"),
            Fallback::NotWhole => format!("{n} since the last tier's answer was not whole"),
            Fallback::Deadline => format!("{n} at the deadline"),
            Fallback::Budget => format!("{n} at the budget"),
        };
        let fell_back = self.fell_back.iter().map(why).collect();
        let unusable = self.unusable.iter().map(|(why, n)| format!("{n} {why}")).collect();
        let note = |n: usize, what: &str, rest: &str, whys: Vec<String>| {
            let what = paint(WARN, format_args!("{n} of {} {what}", self.n));
            (n > 0).then(|| format!("{what}{rest}: {}", whys.join(", ")))
        };
        [
            note(self.fell_back(), "fell back", " on what was left, accepted by nobody", fell_back),
            note(self.unusable.values().sum(), "served as they came", ", though no gate could accept them", unusable),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

/// Whether a run was cancelled by whoever runs the batch.
pub(super) fn is_cut_off(answer: &Answer) -> bool {
    answer.error().is_some_and(|error| error.kind == CallErrorKind::Cancelled)
}

impl TierTally {
    fn add(&mut self, step: &Step) {
        let abstained = match &step.decision {
            Decision::Defer(Deferral::Review) => return,
            Decision::Defer(Deferral::Failed(kind)) => {
                let last = step.calls.iter().rev().find(|call| call.attempt.error == Some(*kind));
                let ours = match kind {
                    CallErrorKind::CircuitOpen | CallErrorKind::QueueFull | CallErrorKind::Cancelled => true,
                    CallErrorKind::Deadline => last.is_some_and(|call| !was_made(&call.attempt)),
                    _ => false,
                };
                *(if ours { self.kept_back.entry(*kind).or_default() } else { &mut self.failed }) += 1;
                None
            }
            Decision::Defer(Deferral::Abstained(why)) => Some(*why),
            // The policy lets it pass, whatever the gate's signal had to read.
            Decision::Accept(Accepted::AbstentionAllowed) => step.signals.iter().find_map(|(_, reading)| reading.err()),
            _ => None,
        };
        let mut own = step.calls.iter().filter(|call| call.probe.is_none()).peekable();
        self.asked += usize::from(own.peek().is_none() || own.any(|call| was_made(&call.attempt)));
        if let Some(why) = abstained.map(Abstain::as_str) {
            *self.abstained.entry(why).or_default() += 1;
        }
        if let (None, Some(message)) = (&self.said, &step.message) {
            self.said = Some(printable::line(message));
        }
    }

    fn summary(&self) -> String {
        let mut met = Vec::new();
        if self.failed > 0 {
            met.push(format!("failed {}", self.failed));
        }
        met.extend(self.kept_back.iter().map(|(kind, n)| match kind {
            CallErrorKind::CircuitOpen => format!("left alone for {n}"),
            CallErrorKind::QueueFull => format!("no place for {n}"),
            CallErrorKind::Deadline => format!("no place before the deadline for {n}"),
            _ => format!("taken back {n}"),
        }));
        let whys: Vec<&str> = self.abstained.keys().copied().collect();
        if !whys.is_empty() {
            met.push(format!("abstained {} ({})", self.abstained.values().sum::<usize>(), whys.join(", ")));
        }
        let met = met.into_iter().map(|met| paint(WARN, met));
        let all = std::iter::once(format!("asked {}", self.asked)).chain(met).collect::<Vec<_>>().join(", ");
        match &self.said {
            Some(said) => format!("{all}: {said}"),
            None => all,
        }
    }
}

/// Whether a provider was asked: what our own queue turns away, or a breaker, takes no time and no money.
fn was_made(attempt: &Attempt) -> bool {
    let ours = matches!(
        attempt.error,
        Some(CallErrorKind::CircuitOpen | CallErrorKind::QueueFull | CallErrorKind::Deadline | CallErrorKind::Cancelled)
    );
    !ours || attempt.billing != Billing::Free || !attempt.latency.is_zero()
}

#[cfg(test)]
mod tests;
