//! Workflow commands of GitHub Actions: annotations on the lines that demand what does not hold.
//!
//! The command language escapes `%`, carriage return and line feed in messages, in properties `:` and `,` as well.

use std::fmt::Write as _;

use tierfall_calibrate::regress::{Section, Verdict};

use super::sheet::{Says, Sheet};
use super::{changes, segments, words};

pub(super) fn github(sheet: &Sheet<'_>) -> String {
    let mut out = String::new();
    for problem in sheet.problems {
        command(&mut out, "error", &problem.cascade, None, "tierfall regress: not judged", &problem.why);
    }
    // A step shows its first ten errors and warnings: every failure comes before any doubt.
    for (wanted, level) in [(Says::Bad, "error"), (Says::Unsure, "warning")] {
        for section in &sheet.report.cascades {
            for check in section.checks.iter().filter(|check| sheet.says(check) == wanted) {
                let title = format!("tierfall regress: {}", words::name(check));
                command(&mut out, level, &section.cascade, check.line, &title, &check.why);
            }
        }
    }
    for section in &sheet.report.cascades {
        for warning in &section.warnings {
            command(&mut out, "warning", &section.cascade, None, "tierfall regress", warning);
        }
        let title = format!("tierfall regress: {}", section.verdict.as_str());
        command(&mut out, "notice", &section.cascade, None, &title, &summary(sheet, section));
    }
    out
}

fn summary(sheet: &Sheet<'_>, section: &Section) -> String {
    let mut text = format!("{}, split {}: {}", section.fixtures, section.split, changes::examples(section));
    let n = |verdict: Verdict| section.checks.iter().filter(|check| check.verdict == verdict && !words::is_quiet(check)).count();
    let _ = write!(text, "; {} pass, {} fail, ", n(Verdict::Pass), n(Verdict::Fail));
    let _ = write!(text, "{} inconclusive", n(Verdict::Inconclusive));
    if let Some(segments) = segments::unshown(section, sheet.all_checks) {
        let _ = write!(text, "; {segments}");
    }
    text
}

fn command(out: &mut String, level: &str, file: &str, line: Option<usize>, title: &str, message: &str) {
    let _ = write!(out, "::{level} file={}", property(file));
    if let Some(line) = line {
        let _ = write!(out, ",line={line}");
    }
    let _ = writeln!(out, ",title={}::{}", property(title), data(message));
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn every_failure_is_an_annotation_of_its_line() {
        let report = sample::report();
        insta::assert_snapshot!(github(&sample::sheet(&report, &sample::problems())), @"
        ::error file=cascades/broken.cascade.toml,title=tierfall regress%3A not judged::cascades/broken.fit.toml is stale: <prompt> & more
        ::error file=cascades/support.cascade.toml,line=86,title=tierfall regress%3A accuracy in billing|arithmetic::49.3 %25 of 140 examples, where at least 50 %25 are expected
        ::error file=cascades/support.cascade.toml,title=tierfall regress%3A quality-vs-baseline::25 examples got worse and none better: that is no chance
        ::warning file=cascades/few.cascade.toml,title=tierfall regress%3A quality-vs-baseline::a loss of 2 points is not ruled out: about 149 would do
        ::notice file=cascades/few.cascade.toml,title=tierfall regress%3A inconclusive::few, split test: 60 examples; no example changed; 1 pass, 0 fail, 1 inconclusive
        ::notice file=cascades/support.cascade.toml,title=tierfall regress%3A fail::support, split test: 842 examples; 2 got worse, 1 got better, 3 answered by another tier, 27 with another answer, 1 new, 2 edited and not compared; 2 pass, 2 fail, 1 inconclusive; 1 comparison of single segments: none failed, 0 ruled a loss out, 1 could not tell; worst: triage (2 worse, 0 better of 120); --format json has them
        ::warning file=cascades/new.cascade.toml,title=tierfall regress::there is no baseline: --update-baseline writes one
        ::notice file=cascades/new.cascade.toml,title=tierfall regress%3A pass::new, split test: 60 examples; 1 pass, 0 fail, 0 inconclusive
        ");
        let strict = github(&Sheet { strict: true, ..sample::sheet(&report, &[]) });
        assert!(!strict.contains("::warning file=cascades/few.cascade.toml,title"), "{strict}");
    }

    #[test]
    fn no_text_begins_a_command_of_its_own() {
        let mut section = sample::worse();
        section.cascade = "a,line=1:b%.toml".to_owned();
        section.checks[1].why = "50 %\r\n::error::mine".to_owned();
        let report = tierfall_calibrate::regress::Report::new(vec![section]);
        let text = github(&sample::sheet(&report, &[]));
        assert!(text.contains("::50 %25%0D%0A::error::mine\n"), "{text}");
        assert!(text.lines().all(|line| line.starts_with("::")), "{text}");
        assert!(text.contains("file=a%2Cline=1%3Ab%25.toml,"), "{text}");
    }
}
