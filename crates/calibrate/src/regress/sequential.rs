//! Stop a run early: when it is plainly worse, or plainly not worse by the margin.
//!
//! Examples are asked in an order that a seed decides, and after each the evidence may be looked at: two e-processes,
//! one against "no worse" and one against "worse by the margin or more". Whenever one stops, the first is wrong with probability at
//! most `level` and the second with at most `margin_level`. That freedom costs two to three times the examples of the tests with a fixed
//! number, so that it pays for gross regressions; a run that reaches its end is judged by those. Both together keep the levels
//! where each has its part of them, [`Rules::split`].

use crate::stat::eprocess::Mixture;

use super::{Rules, Verdict};

/// Bets on a loss, as shares of the most that one example can cost the bettor: small ones for few losses in much churn, bold ones for
/// losses that no gain makes up for.
const WORSE: [f64; 4] = [0.1, 0.3, 0.6, 0.95];

/// Bets on the margin, likewise.
const NOT_WORSE: [f64; 4] = [0.1, 0.25, 0.5, 0.95];

/// Watches the grades of examples as they come, one push an example: repeats averaged before, of a cluster only one example.
#[derive(Clone, Debug)]
pub struct Watch {
    worse: Mixture,
    not_worse: Mixture,
    margin: f64,
    /// The evidence that is enough.
    fail_at: f64,
    pass_at: f64,
    verdict: Option<Verdict>,
    seen: u64,
}

impl Watch {
    /// Fails at evidence of 1/[`own_level`](Rules::own_level) and passes at 1/`margin_level`.
    pub fn new(rules: &Rules) -> Self {
        let not_worse = NOT_WORSE.map(|share| share / (1.0 - rules.margin).max(f64::EPSILON));
        Self {
            worse: Mixture::new(&WORSE),
            not_worse: Mixture::new(&not_worse),
            margin: rules.margin,
            fail_at: 1.0 / rules.own_level(),
            pass_at: 1.0 / rules.margin_level,
            verdict: None,
            seen: 0,
        }
    }

    /// The grades of one more example, in [0, 1]. What is concluded, if anything is; a conclusion stays.
    pub fn push(&mut self, base_quality: f64, now_quality: f64) -> Option<Verdict> {
        let fall = base_quality.clamp(0.0, 1.0) - now_quality.clamp(0.0, 1.0);
        let (worse, not_worse) = (self.worse.push(fall), self.not_worse.push(self.margin - fall));
        self.seen += 1;
        if self.verdict.is_none() {
            self.verdict = if worse >= self.fail_at {
                Some(Verdict::Fail)
            } else if not_worse >= self.pass_at {
                Some(Verdict::Pass)
            } else {
                None
            };
        }
        self.verdict
    }

    /// How many examples were pushed.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// Evidence that it is worse: 1 over it bounds the p-value of "no worse", whenever one looks.
    pub fn evidence_worse(&self) -> f64 {
        self.worse.value()
    }
}

#[cfg(test)]
mod tests {
    use rand::rngs::ChaCha8Rng;
    use rand::{RngExt, SeedableRng};

    use super::*;

    /// Where runs of at most `n` examples stop, with these probabilities of loss and gain.
    fn runs(draws: u64, n: u64, (loss, gain): (f64, f64), rules: &Rules) -> Vec<(Option<Verdict>, u64)> {
        let run = |draw: u64| {
            let mut rng = ChaCha8Rng::seed_from_u64(draw);
            let mut watch = Watch::new(rules);
            for _ in 0..n {
                let u = rng.random::<f64>();
                let (base, now) = if u < loss {
                    (1.0, 0.0)
                } else if u < loss + gain {
                    (0.0, 1.0)
                } else {
                    (1.0, 1.0)
                };
                if let Some(verdict) = watch.push(base, now) {
                    return (Some(verdict), watch.seen());
                }
            }
            (None, n)
        };
        (0..draws).map(run).collect()
    }

    fn share(runs: &[(Option<Verdict>, u64)], of: Verdict) -> f64 {
        runs.iter().filter(|(verdict, _)| *verdict == Some(of)).count() as f64 / runs.len() as f64
    }

    #[test]
    fn false_alarms_stay_below_the_level_whenever_one_looks() {
        // Without a pass every run is watched to its end.
        let rules = Rules { level: 0.05, margin_level: 1e-12, ..Rules::default() };
        for churn in [0.02, 0.1, 0.5] {
            let alarms = share(&runs(2000, 2000, (churn / 2.0, churn / 2.0), &rules), Verdict::Fail);
            assert!(alarms <= 0.05, "{churn}: {alarms}");
        }
    }

    #[test]
    fn a_loss_of_the_margin_seldom_passes() {
        let rules = Rules { level: 1e-12, ..Rules::default() };
        for gain in [0.0, 0.02, 0.1] {
            let passed = share(&runs(2000, 2000, (gain + rules.margin, gain), &rules), Verdict::Pass);
            assert!(passed <= rules.margin_level, "{gain}: {passed}");
        }
    }

    #[test]
    fn gross_regressions_stop_early_and_unchanged_systems_pass() {
        let rules = Rules::default();
        let gross = runs(500, 2000, (0.22, 0.02), &rules);
        assert!(share(&gross, Verdict::Fail) > 0.99);
        let mut stops: Vec<u64> = gross.iter().map(|(_, at)| *at).collect();
        stops.sort_unstable();
        assert!(stops[250] < 80, "{}", stops[250]);
        let same = runs(20, 2000, (0.0, 0.0), &rules);
        assert!(same.iter().all(|(verdict, at)| *verdict == Some(Verdict::Pass) && *at < 300), "{same:?}");
    }

    #[test]
    fn both_looks_share_the_levels() {
        let rules = Rules::default();
        let (early, late) = rules.split();
        assert!((early.own_level() + late.own_level() - rules.level).abs() < 1e-15);
        assert!((early.margin_level + late.margin_level - rules.margin_level).abs() < 1e-15);
        let mut order = crate::regress::quality::shuffled(100, 4);
        assert_ne!(order, (0..100).collect::<Vec<_>>());
        order.sort_unstable();
        assert_eq!(order, (0..100).collect::<Vec<_>>());
    }
}
