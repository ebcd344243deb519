//! Rows made ready for walking, and what pairs can be promised on them.

use rayon::prelude::*;
use tierfall_core::number::Threshold;

use super::Labels;
use super::descent::Descent;
use super::goal::Goal;
use super::latency::{self, Slow};
use super::price::Prices;
use super::test::{Test, TestKind};
use super::walk::walk;
use crate::ask::{Ask, LatencyLimit};
use crate::policy::Thresholds;
use crate::table::Table;

/// Up to as many rows a betting walk visits every distinct cut, which takes the square of their number; above, cuts at
/// quantiles of other rows.
pub(crate) const EVERY_CUT_ROWS: usize = 2_048;
/// How many of them.
const GRID: usize = 512;

/// Rows, and the cuts of every pair (tier, last) on them.
#[derive(Clone, Debug)]
pub(crate) struct Ground<'t> {
    pub(crate) table: &'t Table<'t>,
    pub(crate) labels: &'t Labels<'t>,
    pub(crate) descents: Vec<Descent<'t>>,
    /// By tier: the cuts that are walked; `None` = all.
    fixed: Option<Vec<Vec<Threshold>>>,
    pub(crate) prices: Prices<'t>,
    pub(crate) seed: u64,
    pub(crate) latency: Option<LatencyLimit>,
    /// `None` where there is no limit, or a latency is unknown.
    pub(crate) slow: Option<Slow<'t>>,
}

/// The certified cuts of all pairs; they hold all at once.
#[derive(Clone, Debug)]
pub(crate) struct Pairs<'t> {
    /// The share of the error that one pair's walk for the target got.
    pub(crate) level: f64,
    /// By tier: how many cuts from "defer all" on keep the target.
    pub(crate) certified: Vec<usize>,
    /// By tier: the first cut from which on downward the latency limit is kept; 0 where there is none.
    pub(crate) from: Vec<usize>,
    /// Whether asking the last tier alone is certified.
    pub(crate) last: bool,
    /// What follows on walks that came all the way down.
    pub(crate) beyond: Vec<Beyond<'t>>,
}

/// The walk of a pair (a, b), b before the last tier, which goes on where that of (b, last) ended.
///
/// Where every cut of (b, last) is certified, the same fixed sequence of hypotheses goes on with always asking b, and then with
/// the cuts of pairs (a, b) from "defer all to b" downward, on the same part of the error, split over the a. Nothing of it is
/// spent before, and where a middle tier is as good as the last one the last is dropped.
#[derive(Clone, Debug)]
pub(crate) struct Beyond<'t> {
    pub(crate) descent: Descent<'t>,
    /// How many of its cuts are certified, "defer all", that is always asking b, included; at least 1.
    pub(crate) certified: usize,
    pub(crate) level: f64,
}

/// Whether tests on these rows bet, on losses or on what people correct, so that a walk over many rows needs a grid from elsewhere.
pub(crate) fn needs_grid(table: &Table<'_>, labels: &Labels<'_>) -> bool {
    if table.len() <= EVERY_CUT_ROWS {
        return false;
    }
    let test = Test::new(table, labels, Goal::Loss(0.0), 0);
    match test.kind {
        TestKind::Betting => true,
        TestKind::PpiUnion => test.humans().is_some_and(|humans| humans > EVERY_CUT_ROWS),
        _ => false,
    }
}

impl<'t> Ground<'t> {
    /// `grid` is rows that are not in `table`.
    pub(crate) fn new(table: &'t Table<'t>, labels: &'t Labels<'t>, grid: Option<&Table<'_>>, ask: &Ask) -> Self {
        let coarse = grid.filter(|_| needs_grid(table, labels));
        let cuts = |grid: &Table<'_>, tier| Descent::every(grid, tier, table.last()).quantiles(GRID);
        let fixed = coarse.map(|grid| (0..table.last()).map(|tier| cuts(grid, tier)).collect());
        let mut ground = Self { fixed, ..Self::bare(table, labels, ask) };
        ground.descents = (0..table.last()).map(|tier| ground.descent(tier, table.last())).collect();
        ground
    }

    fn descent(&self, first: usize, second: usize) -> Descent<'t> {
        match &self.fixed {
            Some(cuts) => Descent::on(self.table, first, second, &cuts[first]),
            None => Descent::every(self.table, first, second),
        }
    }

    /// Without any pair's cuts.
    pub(crate) fn bare(table: &'t Table<'t>, labels: &'t Labels<'t>, ask: &Ask) -> Self {
        Self {
            table,
            labels,
            descents: Vec::new(),
            fixed: None,
            prices: Prices::new(table),
            seed: ask.seed,
            latency: ask.latency,
            slow: ask.latency.and_then(|limit| Slow::new(table, limit, ask.seed)),
        }
    }

    /// The test of a goal on these rows.
    pub(crate) fn test(&self, goal: Goal) -> Test<'t> {
        Test::new(self.table, self.labels, goal, self.seed)
    }

    /// The parts of an error that the target and the latency limit get.
    pub(crate) fn shares(&self, delta: f64) -> (f64, f64) {
        if self.latency.is_some() { (delta * (1.0 - latency::SHARE), delta * latency::SHARE) } else { (delta, 0.0) }
    }

    /// Walks every pair at an equal share of `delta`.
    pub(crate) fn pairs(&self, test: &Test<'_>, delta: f64) -> Pairs<'t> {
        let k = self.descents.len();
        let (target, slow) = self.shares(delta);
        let level = target / k.max(1) as f64;
        let certified: Vec<usize> = self.descents.par_iter().map(|descent| walk(test, descent, level)).collect();
        let kept = match test.goal {
            Goal::Loss(_) => true,
            Goal::Accuracy(_) if k == 0 => !self.table.is_empty() && test.certifies(&test.always_last(), level),
            Goal::Accuracy(_) => certified.iter().any(|n| *n > 0),
        };
        // The last tier alone is one more policy that the limit is tested on.
        let slow = slow / (k + 1) as f64;
        let last = [self.table.last()];
        let (from, in_time) = match (&self.slow, self.latency) {
            (Some(limit), _) => (
                self.descents.iter().map(|descent| limit.certified_from(descent, slow)).collect(),
                limit.holds_for(|_| &last, slow),
            ),
            (None, None) => (vec![0; k], true),
            (None, Some(_)) => (self.descents.iter().map(Descent::len).collect(), false),
        };
        let beyond = if self.latency.is_none() { self.beyond(test, level, &certified) } else { Vec::new() };
        Pairs { level, certified, from, last: kept && in_time, beyond }
    }

    /// Goes on from the pairs whose every cut is certified.
    fn beyond(&self, test: &Test<'_>, level: f64, certified: &[usize]) -> Vec<Beyond<'t>> {
        let ended = |second: &usize| certified[*second] == self.descents[*second].len();
        let mut all = Vec::new();
        for second in (1..self.descents.len()).filter(ended) {
            if !test.certifies(&test.of(|_| second), level) {
                continue;
            }
            let level = level / second as f64;
            for first in 0..second {
                let descent = self.descent(first, second);
                // Always asking the second tier is certified already, at more than this level.
                let certified = walk(test, &descent, level).max(1);
                all.push(Beyond { descent, certified, level });
            }
        }
        all
    }

    /// The cheapest certified policy of every pair, and the last tier alone where it is certified.
    pub(crate) fn candidates(&self, pairs: &Pairs<'_>) -> Vec<Thresholds> {
        let lowest = |descent: &Descent<'_>| {
            let tier = descent.tier();
            let at = pairs.certified[tier].checked_sub(1)?;
            (at > 0 && at >= pairs.from[tier]).then(|| descent.policy(at))
        };
        let last = pairs.last.then(|| Thresholds::always(self.table.last()));
        // Always asking the second tier is certified too, and may be cheaper than asking another one first.
        let beyond = pairs.beyond.iter().flat_map(|beyond| [0, beyond.certified - 1].map(|at| beyond.descent.policy(at)));
        last.into_iter().chain(self.descents.iter().filter_map(lowest)).chain(beyond).collect()
    }

    /// By tier: the lowest certified cut against the last tier.
    pub(crate) fn cuts(&self, pairs: &Pairs<'_>) -> Vec<Option<Threshold>> {
        let kept = |tier: usize| if pairs.certified[tier] > pairs.from[tier] { pairs.certified[tier] } else { 0 };
        // The lowest is the cheapest: a falling cut only ever saves calls of the last tier.
        self.descents.iter().map(|descent| kept(descent.tier()).checked_sub(1).map(|at| descent.cut(at))).collect()
    }
}

impl Pairs<'_> {
    /// The level at which a policy was tested, where it is one of pairs.
    pub(crate) fn level_of(&self, policy: &Thresholds) -> f64 {
        let beyond = self.beyond.iter().find(|beyond| {
            let tiers = (beyond.descent.tier(), beyond.descent.second());
            beyond.certified > 1 && policy.tiers() == [tiers.0, tiers.1]
        });
        beyond.map_or(self.level, |beyond| beyond.level)
    }

    /// Whether a cut is one of the certified ones.
    pub(crate) fn holds(&self, tier: usize, at: usize) -> bool {
        if at == 0 { self.last } else { (self.from[tier]..self.certified[tier]).contains(&at) }
    }
}
