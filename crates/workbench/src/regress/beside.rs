//! A run held against the baseline: what changed exactly, and what that says of other requests.

use tierfall_calibrate::regress::{Changes, Check, Rules, Verdict, judge, limits};

use super::compare::compare;
use super::entry::{BaselineEntry, Mode};
use super::played::Played;
use super::rows;
use crate::Error;

/// What is said of a run beside a baseline.
pub(crate) struct Beside {
    pub(crate) changes: Changes,
    pub(crate) checks: Vec<Check>,
    pub(crate) warnings: Vec<String>,
}

/// Compares; nothing is judged without `rules`.
pub(crate) fn beside(entry: &BaselineEntry, now: &Played, rules: Option<&Rules>) -> Result<Beside, Error> {
    let compared = compare(entry, now)?;
    let mut warnings = Vec::new();
    if let n @ 1.. = compared.ungraded {
        warnings.push(format!(
            "{n} examples were never answered, then or now, and are not compared: errors of transport are no grade"
        ));
    }
    let checks = match rules {
        None => Vec::new(),
        // A live run samples providers anew: that they said the same so far is evidence, and no proof.
        Some(_) if now.mode == Mode::Replay && compared.same_system && compared.is_same() => unchanged(entry, now),
        Some(rules) => {
            let (pairs, segments) = rows::pairs(entry, now, &compared);
            let mut checks = judge(&pairs, &segments, rules);
            // Who was not answered may be who would have been answered worse: slow and long answers fail first.
            for check in checks.iter_mut().filter(|check| check.is_of_quality() && check.verdict == Verdict::Pass) {
                if let (Mode::Live, n @ 1..) = (now.mode, compared.ungraded) {
                    check.verdict = Verdict::Inconclusive;
                    check.why = format!("{}; {n} examples were never answered, and nothing is known of those", check.why);
                }
            }
            checks
        }
    };
    Ok(Beside { changes: compared.changes, checks, warnings })
}

/// Where nothing changed there is nothing to test: the system is the one that was agreed with.
fn unchanged(entry: &BaselineEntry, now: &Played) -> Vec<Check> {
    let samples = rows::samples(now, None);
    let same = |check: Check, value: Option<f64>| Check {
        value,
        baseline: value,
        verdict: Verdict::Pass,
        why: "nothing that decides how requests are served changed since the baseline, nor any answer".to_owned(),
        ..check
    };
    let n = now.items.len() as u64;
    let mut checks = vec![same(Check::of_quality(n), Some(limits::accuracy(&samples).value))];
    if entry.summary.cost.is_some() {
        checks.push(same(Check::of_cost(n), limits::cost(&samples).map(|cost| cost.value)));
    }
    checks
}
