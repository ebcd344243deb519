//! What became of a batch: what was served, what each tier did, and what only fell back.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use tierfall::Answer;
use tierfall_core::cascade::Cascade;
use tierfall_core::gate::{Accepted, Decision, Deferral};
use tierfall_core::money::{Cost, Money};
use tierfall_core::signal::Abstain;
use tierfall_core::trace::{Fallback, Step};

use crate::exit::Failure;
use crate::render::money::{cost, usd};
use crate::render::printable;
use crate::render::style::{WARN, paint};

pub(super) struct Tally {
    pub(super) n: usize,
    pub(super) failed: usize,
    /// What the first failure said, and what can be done about it.
    pub(super) first_failure: Option<(String, Option<String>)>,
    fell_back: BTreeMap<Fallback, usize>,
    cost: Cost,
    if_last: Cost,
    /// In the order of the chain.
    tiers: Vec<TierTally>,
}

#[derive(Default)]
struct TierTally {
    name: String,
    /// Whose answer is served or attached.
    answered: usize,
    asked: usize,
    failed: usize,
    /// Answers that the gate had nothing to read in, by why.
    abstained: BTreeMap<&'static str, usize>,
    /// What the provider said the first time that a call of a step failed.
    said: Option<String>,
}

impl Tally {
    pub(super) fn new(cascade: &Cascade) -> Self {
        let tier = |tier: &tierfall_core::cascade::Tier| TierTally { name: tier.name.to_string(), ..TierTally::default() };
        Self {
            n: 0,
            failed: 0,
            first_failure: None,
            fell_back: BTreeMap::new(),
            cost: Cost::ZERO,
            if_last: Cost::ZERO,
            tiers: cascade.tiers().iter().map(tier).collect(),
        }
    }

    pub(super) fn add(&mut self, key: &str, answer: &Answer) {
        let trace = &answer.trace;
        self.n += 1;
        if let Some(error) = answer.error() {
            self.failed += 1;
            let said = || format!("{key}: {}", trace.error.as_deref().unwrap_or_default());
            self.first_failure.get_or_insert_with(|| (said(), Failure::from(error).hint));
        }
        if let Some(why) = trace.fallback {
            *self.fell_back.entry(why).or_default() += 1;
        }
        self.cost += trace.cost;
        self.if_last += Cost::from(trace.cost_if_last);
        for tier in &mut self.tiers {
            tier.answered += usize::from(trace.tier.as_deref() == Some(&tier.name));
            for step in &trace.steps {
                if *step.tier == *tier.name {
                    tier.add(step);
                }
            }
        }
    }

    pub(super) fn fell_back(&self) -> usize {
        self.fell_back.values().sum()
    }

    /// How many queries there were, whose answers they got, what it cost, and what every tier that was asked did.
    pub(super) fn summary(&self) -> String {
        let answered = self.tiers.iter().filter(|tier| tier.answered > 0);
        let mut counts: Vec<String> = answered.map(|tier| format!("{} {}", tier.name, tier.answered)).collect();
        if self.failed > 0 {
            counts.push(format!("failed {}", self.failed));
        }
        let mut text = format!("{} quer{}", self.n, if self.n == 1 { "y" } else { "ies" });
        if !counts.is_empty() {
            let _ = write!(text, ": {}", counts.join(", "));
        }
        let _ = write!(text, " · {}", cost(self.cost));
        if let (Some(spent), Some(last)) = (self.cost.total(), self.if_last.total())
            && last > Money::ZERO
        {
            let share = spent.usd() / last.usd();
            let _ = write!(
                text,
                " ({:.0} % of {} for always the last tier, estimated where it was not called)",
                share * 100.0,
                usd(last)
            );
        }
        let width = self.tiers.iter().map(|tier| tier.name.chars().count()).max().unwrap_or(0);
        for tier in self.tiers.iter().filter(|tier| tier.asked > 0) {
            let _ = write!(text, "\n  {:width$}  {}", tier.name, tier.summary());
        }
        text
    }

    /// What stands behind answers that nobody accepted; `None` where there is none.
    pub(super) fn fallbacks(&self) -> Option<String> {
        let n = self.fell_back();
        let why = |(why, n): (&Fallback, &usize)| match why {
            Fallback::Failed => format!("{n} after the last tier failed"),
            Fallback::Deadline => format!("{n} at the deadline"),
            Fallback::Budget => format!("{n} at the budget"),
        };
        let whys: Vec<String> = self.fell_back.iter().map(why).collect();
        let fell_back = paint(WARN, format_args!("{n} of {} fell back", self.n));
        (n > 0).then(|| format!("{fell_back} on what was left, accepted by nobody: {}", whys.join(", ")))
    }
}

impl TierTally {
    fn add(&mut self, step: &Step) {
        let abstained = match &step.decision {
            Decision::Defer(Deferral::Review) => return,
            Decision::Defer(Deferral::Failed(_)) => {
                self.failed += 1;
                None
            }
            Decision::Defer(Deferral::Abstained(why)) => Some(*why),
            // The policy lets it pass, whatever the gate's signal had to read.
            Decision::Accept(Accepted::AbstentionAllowed) => step.signals.iter().find_map(|(_, reading)| reading.err()),
            _ => None,
        };
        self.asked += 1;
        if let Some(why) = abstained.map(Abstain::as_str) {
            *self.abstained.entry(why).or_default() += 1;
        }
        if let (None, Some(message)) = (&self.said, &step.message) {
            self.said = Some(printable::line(message));
        }
    }

    fn summary(&self) -> String {
        let mut text = format!("asked {}", self.asked);
        if self.failed > 0 {
            let _ = write!(text, ", {}", paint(WARN, format_args!("failed {}", self.failed)));
        }
        let abstained: usize = self.abstained.values().sum();
        if abstained > 0 {
            let whys = self.abstained.keys().copied().collect::<Vec<_>>().join(", ");
            let _ = write!(text, ", {}", paint(WARN, format_args!("abstained {abstained} ({whys})")));
        }
        if let Some(said) = &self.said {
            let _ = write!(text, ": {said}");
        }
        text
    }
}
