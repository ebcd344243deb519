//! One test, with a known size, of one goal on one policy.

use super::Labels;
use super::counts::Counts;
use super::evidence::{Evidence, Gather};
use super::goal::Goal;
use super::ppi::Humans;
use crate::policy::Thresholds;
use crate::quality::Quality;
use crate::stat::bisection::halved;
use crate::stat::trinomial::{self, Exactness};
use crate::stat::{betting, binomial, proportion};
use crate::table::Table;

/// Halvings when a test is inverted into a bound.
const HALVINGS: usize = 14;

/// Which p-values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TestKind {
    /// Wrong answers against Clopper–Pearson.
    ExactBinomial,
    /// Discordant rows, exact, unconditional.
    Trinomial,
    /// Discordant rows, Tango's score test.
    Tango,
    /// Bounded losses, by betting (arXiv 2010.09686).
    Betting,
    /// Prediction-powered, a union of two finite-sample bounds.
    PpiUnion,
}

impl TestKind {
    /// As it is written in a fit, and whether it holds in finite samples.
    pub(crate) fn name(self) -> (&'static str, bool) {
        match self {
            Self::ExactBinomial => ("exact-binomial", true),
            Self::Trinomial => ("trinomial-grid", true),
            Self::Tango => ("tango-asymptotic", false),
            Self::Betting => ("betting", true),
            Self::PpiUnion => ("ppi-union", true),
        }
    }
}

/// A goal on the rows of a table.
#[derive(Clone, Debug)]
pub(crate) struct Test<'t> {
    pub(crate) table: &'t Table<'t>,
    pub(crate) goal: Goal,
    pub(crate) kind: TestKind,
    pub(crate) gather: Gather,
    /// The greatest weight that the sampling allows; `None` = every row counts once, or nothing can be shown.
    pub(crate) heaviest: Option<f64>,
    /// Why nothing can be shown on these rows.
    pub(crate) unproven: Option<String>,
    /// Weights in the order of betting.
    weights: Vec<f64>,
}

impl<'t> Test<'t> {
    /// The test that fits the rows: exact where there is one.
    pub(crate) fn new(table: &'t Table<'t>, labels: &Labels<'_>, goal: Goal, seed: u64) -> Self {
        let weighted = table.weights.is_some();
        let heaviest = table.weights.as_ref().and_then(|weights| weights.heaviest);
        let humans = match labels {
            Labels::Ppi { human, .. } if !weighted => {
                let human: Vec<&[Option<Quality>]> = human.iter().map(|tier| &**tier).collect();
                Humans::new(table, &human, seed)
            }
            _ => None,
        };
        let (kind, gather) = match (humans, goal) {
            (Some(humans), _) => (TestKind::PpiUnion, Gather::Judged(humans)),
            (None, _) if weighted || !table.is_binary() => (TestKind::Betting, Gather::losses(table, seed)),
            (None, Goal::Accuracy(_)) => (TestKind::ExactBinomial, Gather::Counts),
            (None, Goal::Loss(_)) if Exactness::of(table.len() as u64) == Exactness::Exact => {
                (TestKind::Trinomial, Gather::Counts)
            }
            (None, Goal::Loss(_)) => (TestKind::Tango, Gather::Counts),
        };
        let mut weights = Vec::new();
        if let (Some(given), Gather::Losses(places)) = (table.weights.as_deref(), &gather) {
            weights.resize(given.len(), 1.0);
            for (place, weight) in places.iter().zip(given) {
                weights[*place as usize] = *weight;
            }
        }
        Self { table, goal, kind, gather, heaviest, unproven: unproven(table), weights }
    }

    /// On always asking the last tier.
    pub(crate) fn always_last(&self) -> Evidence {
        self.gather.always_last(self.table, self.goal)
    }

    /// Lets the second of two tiers answer a row that the first answered before.
    pub(crate) fn replace(&self, evidence: &mut Evidence, row: usize, tiers: (usize, usize)) {
        self.gather.replace(evidence, self.table, self.goal, row, tiers);
    }

    /// On the tier that answers each row.
    pub(crate) fn of(&self, answers: impl Fn(usize) -> usize) -> Evidence {
        let mut evidence = self.always_last();
        for row in 0..self.table.len() {
            let tier = answers(row);
            if tier != self.table.last() {
                self.replace(&mut evidence, row, (self.table.last(), tier));
            }
        }
        evidence
    }

    /// On a policy.
    pub(crate) fn of_policy(&self, policy: &Thresholds) -> Evidence {
        self.of(|row| policy.answers(self.table, row))
    }

    /// The p-value of "the goal is missed".
    pub(crate) fn p(&self, evidence: &Evidence, level: f64) -> f64 {
        self.p_at(evidence, self.goal, level)
    }

    fn p_at(&self, evidence: &Evidence, goal: Goal, level: f64) -> f64 {
        let (n, limit) = (self.table.len(), goal.limit());
        if n == 0 || self.unproven.is_some() {
            return 1.0;
        }
        match evidence {
            Evidence::Counts(counts) => self.p_counts(*counts, limit, level),
            Evidence::Losses(losses) => self.p_losses(losses, goal, level),
            // The smallest level at which it certifies, to a factor of 2 from the given one: only for display, the walk asks
            // `certifies`.
            Evidence::Judged(judged) => {
                let holds = |level: &f64| judged.certifies_by_union(n, goal, limit, *level);
                let down = (0..40).map(|halvings| level * 0.5_f64.powi(halvings)).take_while(holds).last();
                down.or_else(|| (1..40).map(|times| level * 2f64.powi(times)).take_while(|level| *level < 1.0).find(holds))
                    .unwrap_or(1.0)
            }
        }
    }

    fn p_counts(&self, counts: Counts, limit: f64, level: f64) -> f64 {
        let n = self.table.len() as u64;
        match self.kind {
            TestKind::ExactBinomial => binomial::cdf(counts.wrong, n, limit),
            TestKind::Trinomial => trinomial::p_value(counts.minus, counts.plus, n, limit, level),
            _ => trinomial::asymptotic(counts.minus, counts.plus, n, limit),
        }
    }

    fn p_losses(&self, losses: &[f64], goal: Goal, level: f64) -> f64 {
        let limit = goal.limit();
        match (self.heaviest, goal) {
            (None, Goal::Accuracy(_)) => betting::mean_at_most(losses, limit, level).p(),
            (None, Goal::Loss(_)) => betting::difference(losses, limit, level).p(),
            // Mean loss over traffic is E[w · loss] / E[w], which exceeds the limit iff E[w · (loss − limit)] > 0.
            (Some(heaviest), _) => betting::weighted_difference(losses, &self.weights, heaviest, limit, level).p(),
        }
    }

    /// As [`Self::p_losses`] at most `level`, by as few rows as it takes.
    fn rejects_losses(&self, losses: &[f64], goal: Goal, level: f64) -> bool {
        let limit = goal.limit();
        match (self.heaviest, goal) {
            (None, Goal::Accuracy(_)) => betting::mean_at_most(losses, limit, level).rejects(level),
            (None, Goal::Loss(_)) => betting::difference(losses, limit, level).rejects(level),
            (Some(heaviest), _) => betting::weighted_difference(losses, &self.weights, heaviest, limit, level).rejects(level),
        }
    }

    /// Whether "the goal is missed" is rejected at a level.
    pub(crate) fn certifies(&self, evidence: &Evidence, level: f64) -> bool {
        self.certifies_at(evidence, self.goal, level)
    }

    fn certifies_at(&self, evidence: &Evidence, goal: Goal, level: f64) -> bool {
        if self.unproven.is_some() {
            return false;
        }
        match (evidence, self.kind) {
            (Evidence::Counts(counts), TestKind::Trinomial) => {
                trinomial::certifies(counts.minus, counts.plus, self.table.len() as u64, goal.limit(), level)
            }
            (Evidence::Losses(losses), _) => !losses.is_empty() && self.rejects_losses(losses, goal, level),
            (Evidence::Judged(judged), _) => judged.certifies_by_union(self.table.len(), goal, goal.limit(), level),
            _ => self.p_at(evidence, goal, level) <= level,
        }
    }

    /// A 1 − `level` bound by inverting the test, in the target's terms and never looser than the target, for evidence that
    /// certifies it. Of this policy by itself: over the search it is the target that is promised.
    pub(crate) fn bound(&self, evidence: &Evidence, level: f64) -> f64 {
        let limit = self.goal.limit();
        self.goal.terms(self.inverted(evidence, level, limit).min(limit))
    }

    /// The least limit on the loss that would be certified; `None` where none is.
    pub(crate) fn least_limit(&self, evidence: &Evidence, level: f64) -> Option<f64> {
        let most = 1.0 - f64::EPSILON;
        self.certifies_at(evidence, self.goal.with_limit(most), level).then(|| self.inverted(evidence, level, most))
    }

    fn inverted(&self, evidence: &Evidence, level: f64, passed: f64) -> f64 {
        let n = self.table.len() as u64;
        match (self.kind, evidence) {
            (TestKind::ExactBinomial, Evidence::Counts(counts)) => return proportion::upper(counts.wrong, n, level),
            (TestKind::Trinomial, Evidence::Counts(counts)) => return trinomial::upper(counts.minus, counts.plus, n, level),
            _ => {}
        }
        let failed = self.estimate(evidence).clamp(0.0, passed);
        halved(failed, passed, HALVINGS, |limit| self.certifies_at(evidence, self.goal.with_limit(limit), level)).1
    }

    /// The mean loss on these rows.
    pub(crate) fn estimate(&self, evidence: &Evidence) -> f64 {
        let n = self.table.len() as f64;
        match evidence {
            Evidence::Counts(counts) => match self.goal {
                Goal::Accuracy(_) => counts.wrong as f64 / n,
                Goal::Loss(_) => (counts.minus as f64 - counts.plus as f64) / n,
            },
            Evidence::Losses(losses) if self.weights.is_empty() => losses.iter().sum::<f64>() / n,
            Evidence::Losses(losses) => {
                let weighted: f64 = losses.iter().zip(&self.weights).map(|(loss, weight)| loss * weight).sum();
                weighted / self.weights.iter().sum::<f64>()
            }
            Evidence::Judged(judged) => judged.estimate(self.table.len()),
        }
    }

    /// Mean square of the difference to the last tier on these rows: the share of discordant rows where grades are binary.
    pub(crate) fn discordance(&self, evidence: &Evidence) -> f64 {
        let n = self.table.len() as f64;
        match evidence {
            Evidence::Counts(counts) => (counts.minus + counts.plus) as f64 / n,
            Evidence::Losses(losses) => losses.iter().map(|loss| loss * loss).sum::<f64>() / n,
            Evidence::Judged(judged) => judged.square(),
        }
    }

    /// How many rows people graded, where that is what the truth is inferred from.
    pub(crate) fn humans(&self) -> Option<usize> {
        match &self.gather {
            Gather::Judged(humans) => Some(humans.len()),
            _ => None,
        }
    }
}

/// Why a test proves nothing on weighted rows: the greatest weight is not known, or an item has several.
fn unproven(table: &Table<'_>) -> Option<String> {
    let weights = table.weights.as_ref()?;
    if table.basis.questions {
        return Some(
            "rows repeat items and have weights: one row of an item stands for it, and which of its requests were kept decides which that \
             can be"
                .to_owned(),
        );
    }
    let none_declared = weights.heaviest.is_none();
    none_declared.then(|| {
        format!(
            "nothing says how heavy a row can be at most. The heaviest of these weighs {}, but requests that are kept more seldom may \
             stand for more and not be among them. Declare the greatest weight that the sampling allows: heaviest-weight in set.toml, \
             --heaviest-weight for files",
            weights.iter().copied().fold(1.0, f64::max)
        )
    })
}
