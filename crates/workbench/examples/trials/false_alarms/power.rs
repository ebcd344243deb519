//! How often runs are called worse by the usual gates and by tests, over all cells.

use tierfall_calibrate::regress::Rules;
use tierfall_calibrate::stat::{mcnemar, normal};

use super::runs::{MidP, Setting, count, generator};

/// Churns of the runs in which nothing got worse.
pub(crate) const CHURNS: [f64; 5] = [0.02, 0.04, 0.06, 0.08, 0.1];
/// Their numbers of examples.
pub(crate) const SIZES: [u64; 5] = [200, 500, 1000, 2000, 3000];

/// Shares of runs that fail: by ours as a whole, by any drop of the score, by a drop of more than a point.
pub(crate) fn alarms(draws: u64, setting: Setting, cell: u64, mid: &MidP) -> [f64; 3] {
    let rules = Rules::default();
    count(draws, |draw| {
        let run = setting.draw(&mut generator(cell, draw));
        let (b, c) = run.counts();
        [run.fails(&rules, mid), b > c, more_than_a_point(b, c, setting.n)]
    })
}

/// The columns of the published table.
pub(crate) fn columns(draws: u64, setting: Setting, cell: u64, mid: &MidP) -> [f64; 5] {
    count(draws, |draw| {
        let (b, c) = setting.counts(&mut generator(cell, draw));
        let p = mid.get(b, c);
        let exact = p <= 0.05 && mcnemar::exact_greater(b, c) <= 0.05;
        [b > c, more_than_a_point(b, c, setting.n), exact, p <= 0.05, p <= 0.01]
    })
}

/// Of runs whose quality dropped by what ours says it finds with probability 0.8, the share that fails; and that drop.
pub(crate) fn found(draws: u64, n: u64, churn: f64, cell: u64, mid: &MidP) -> (f64, f64) {
    let rules = Rules::default();
    // Half of the level is quality's.
    let z = normal::quantile(1.0 - 0.5 * rules.level) + normal::quantile(rules.power);
    let drop = (z * (churn / n as f64).sqrt()).min(churn);
    let setting = Setting { n, churn, drop };
    let [power] = count(draws, |draw| [setting.draw(&mut generator(cell, draw)).fails(&rules, mid)]);
    (drop, power)
}

/// In whole examples, so that no rounding decides.
fn more_than_a_point(b: u64, c: u64, n: u64) -> bool {
    100 * b.saturating_sub(c) > n
}
