//! The report as it is.

use serde::Serialize;
use tierfall_calibrate::regress::{Section, Verdict};

use super::sheet::Sheet;

#[derive(Serialize)]
struct Told<'a> {
    verdict: Verdict,
    cascades: &'a [Section],
    /// Whoever reads only the verdict must not take what could not be judged for a pass.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<String>,
}

pub(super) fn json(sheet: &Sheet<'_>) -> String {
    let problems = sheet.problems.iter().map(|problem| format!("{}: {}", problem.cascade, problem.why)).collect();
    let told = Told { verdict: sheet.verdict(), cascades: &sheet.report.cascades, problems };
    // Numbers, strings and lists: nothing that JSON cannot say.
    let text = serde_json::to_string(&told).expect("a report has string keys alone");
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn it_is_the_report_itself() {
        let report = sample::report();
        let told: serde_json::Value = serde_json::from_str(&json(&sample::sheet(&report, &[]))).unwrap();
        assert_eq!(told, serde_json::to_value(&report).unwrap());
        assert_eq!(told["cascades"][0]["checks"][0]["limit_is"], "at-most");
    }

    #[test]
    fn what_was_not_judged_does_not_pass() {
        let report = tierfall_calibrate::regress::Report::new(Vec::new());
        let told: serde_json::Value = serde_json::from_str(&json(&sample::sheet(&report, &sample::problems()))).unwrap();
        assert_eq!(told["verdict"], "fail");
        assert_eq!(told["problems"][0], "cascades/broken.cascade.toml: cascades/broken.fit.toml is stale: <prompt> & more");
    }
}
