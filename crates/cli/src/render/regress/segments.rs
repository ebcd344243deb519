//! What is said of the segments that have no row of their own.

use tierfall_calibrate::regress::{Check, Section, Verdict};

use super::words;
use crate::render::words::{few, some};

/// The comparisons of single segments that are not in the tables, in a sentence: that none of them fails does not say that nothing got
/// worse there. `more` says where all of them are. Nothing where there is none.
pub(super) fn unshown(section: &Section, more: &str) -> Option<String> {
    let quiet: Vec<&Check> = section.checks.iter().filter(|check| words::is_quiet(check)).collect();
    if quiet.is_empty() {
        return None;
    }
    let unsure = quiet.iter().filter(|check| check.verdict == Verdict::Inconclusive).count();
    let failed =
        section.checks.iter().any(|check| check.segment.is_some() && check.limit.is_none() && check.verdict == Verdict::Fail);
    let (other, none) = if failed { ("other ", "") } else { ("", "none failed, ") };
    let of = some(quiet.len() as u64, &format!("{other}comparison"));
    let (passed, unsure) = (quiet.len() - unsure, if unsure == 0 { String::new() } else { format!(", {unsure} could not tell") });
    Some(format!("{of} of single segments: {none}{passed} ruled a loss out{unsure}; {}; {more}", worst(&quiet)))
}

/// The segments that lost most on balance.
fn worst(quiet: &[&Check]) -> String {
    let balance = |check: &Check| check.moved.map_or(0, |moved| moved.lost.saturating_sub(moved.gained));
    let mut worse: Vec<&&Check> = quiet.iter().filter(|check| balance(check) > 0).collect();
    worse.sort_by_key(|check| std::cmp::Reverse(balance(check)));
    let named = worse.iter().filter_map(|check| {
        let moved = check.moved?;
        Some(format!("{} ({} worse, {} better of {})", words::segment(check), moved.lost, moved.gained, check.n))
    });
    let named: Vec<String> = named.collect();
    if named.is_empty() {
        return "in none of them more got worse than better".to_owned();
    }
    format!("worst: {}", few(&named))
}

/// What stands below the tables: what is not in them, and what a head means to those who see it for the first time, where `mde` is one.
pub(super) fn notes(section: &Section, mde: bool, all_checks: &str) -> Vec<String> {
    let mut notes: Vec<String> = unshown(section, all_checks).into_iter().collect();
    if mde && section.checks.iter().any(|check| !words::is_quiet(check) && check.mde.is_some()) {
        notes.push("mde: of regressions of this size 4 in 5 would have failed; smaller ones may go unnoticed".to_owned());
    }
    notes
}

#[cfg(test)]
mod tests {
    use tierfall_calibrate::regress::Moved;

    use super::super::sample;
    use super::*;

    fn section(moved: &[(u64, u64)], verdict: Verdict) -> Section {
        let mut section = sample::worse();
        let one = section.checks.iter().find(|check| words::is_quiet(check)).cloned().unwrap();
        section.checks.retain(|check| check.limit.is_some());
        section.checks.extend(moved.iter().enumerate().map(|(at, (lost, gained))| Check {
            segment: Some(format!("s{at}")),
            verdict,
            moved: Some(Moved { lost: *lost, gained: *gained }),
            ..one.clone()
        }));
        section
    }

    #[test]
    fn what_got_worse_without_failing_is_named() {
        let said = |moved: &[(u64, u64)], verdict| unshown(&section(moved, verdict), "see json").unwrap();
        assert_eq!(
            said(&[(1, 0), (9, 0), (2, 2), (5, 1), (3, 0)], Verdict::Inconclusive),
            "5 comparisons of single segments: none failed, 0 ruled a loss out, 5 could not tell; worst: s1 (9 worse, 0 better of \
             120), s3 (5 worse, 1 better of 120), s4 (3 worse, 0 better of 120) and s0 (1 worse, 0 better of 120); see json"
        );
        assert_eq!(
            said(&[(1, 2)], Verdict::Pass),
            "1 comparison of single segments: none failed, 1 ruled a loss out; in none of them more got worse than better; see json"
        );
        assert_eq!(unshown(&section(&[], Verdict::Pass), "see json"), None);
        assert_eq!(unshown(&section(&[(9, 0)], Verdict::Fail), "see json"), None, "it has a row");
    }
}
