//! Deeper chains: a Pareto path over sub-chains is laid on one part of the rows and tested along itself on the other.

use super::Input;
use super::goal::Goal;
use super::ground::Ground;
use super::path::{self, Path};
use super::rows;
use super::test::Test;
use super::verdict::Beside;
use crate::ask::Ask;
use crate::policy::Thresholds;
use crate::sweep::frontier::thin;
use crate::sweep::path::path as pareto;
use crate::table::Table;

/// Where the caller has set no rows apart, this part of them is for laying paths.
pub(crate) const TUNE: f64 = 0.4;
/// Policies on a path: fewer are too coarse, more spend time alone.
pub(crate) const STEPS: usize = 60;

/// Whether deeper chains are asked for and there are tiers for them.
pub(crate) fn wanted(table: &Table<'_>, ask: &Ask) -> bool {
    ask.max_depth >= 2 && table.last() >= 2
}

/// Policies of up to `max_depth` gated tiers that are certified at `delta`, all at once; none where the rows that are left to certify them
/// cannot say what `whole`, the test on all rows, does.
pub(crate) fn certified(input: &Input<'_>, whole: &Test<'_>, delta: f64, ask: &Ask) -> Beside {
    let goal = whole.goal;
    let carved = input.tune.is_none().then(|| rows::carve(input, TUNE, ask.seed));
    let input = carved.as_ref().unwrap_or(input);
    let Some(tune) = input.tune.as_ref().filter(|tune| !tune.is_empty()) else { return Beside::default() };
    let places = lay(tune, goal, ask.max_depth);
    // Walks over pairs are not needed here, so no cut is ordered.
    let ground = Ground::bare(&input.certify, &input.labels, ask);
    let test = ground.test(goal);
    // The rows left may have too few grades by people to say anything of the truth. What a judge alone says is another promise.
    if test.humans().is_none() && whole.humans().is_some() {
        return Beside::default();
    }
    let (level, slow) = ground.shares(delta);
    let path = Path { table: &input.certify, group: None, places, goal };
    let certified = path::certified(&test, &path, level, (ground.latency, ground.slow.as_ref(), slow));
    Beside { policies: path.places[certified].concat(), level, on: carved }
}

/// Policies that no other of the searched ones beats on the tuning rows, best first, down to those that clearly miss the goal.
fn lay(tune: &Table<'_>, goal: Goal, depth: usize) -> Vec<Vec<Thresholds>> {
    let priced = tune.borrowed().priced();
    let last = Thresholds::always(tune.last());
    let reference = last.tally(&priced);
    let n = tune.len() as f64;
    // Loss has a standard deviation of at most this on so few rows; beyond three of them nothing is certified anyway.
    let slack = 3.0 * (0.1 / n).sqrt();
    let enough = match goal {
        Goal::Accuracy(accuracy) => accuracy * n * 1e9,
        Goal::Loss(loss) => reference.quality as f64 - loss * n * 1e9,
    } - slack * n * 1e9;
    let mut path = pareto(&priced, depth + 1);
    path.retain(|point| point.quality as f64 >= enough);
    if let Goal::Loss(_) = goal {
        // Nothing is gained by policies that cost more than what needs no test.
        let most = reference.cost.unwrap_or(u128::MAX);
        path.retain(|point| point.cost < most);
    }
    let steps = thin(&path, STEPS).into_iter().map(|point| vec![point.what]);
    matches!(goal, Goal::Loss(_)).then(|| vec![last]).into_iter().chain(steps).collect()
}
