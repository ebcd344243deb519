//! Workflow commands of GitHub Actions: annotations on the lines that demand what does not hold.
//!
//! The command language escapes `%`, carriage return and line feed in messages, in properties `:` and `,` as well.

use std::fmt::Write as _;

use tierfall_calibrate::regress::{Section, Verdict};

use super::sheet::{Says, Sheet};
use super::{changes, segments, words};
use crate::render::printable;

/// As many annotations of a level are shown a step.
const SHOWN: usize = 10;

/// One annotation.
struct Said<'a> {
    file: &'a str,
    line: Option<usize>,
    title: String,
    text: String,
}

pub(super) fn github(sheet: &Sheet<'_>) -> String {
    let sections = || sheet.report.cascades.iter();
    let problems = sheet.problems.iter().map(|problem| Said {
        file: &problem.cascade,
        line: problem.line,
        title: "tierfall regress: not judged".to_owned(),
        text: problem.why.clone(),
    });
    let checks = |wanted: Says| {
        let mut checks: Vec<_> = sections()
            .flat_map(|section| section.checks.iter().map(move |check| (section, check)))
            .filter(|(_, check)| sheet.says(check) == wanted)
            .collect();
        // What is said of all comes before what is said of one segment.
        checks.sort_by_key(|(_, check)| check.segment.is_some());
        checks.into_iter().map(|(section, check)| Said {
            file: &section.cascade,
            line: check.line.or(section.line),
            title: format!("tierfall regress: {}", words::name(check)),
            text: check.why.clone(),
        })
    };
    let warnings = sections().flat_map(|section| {
        let said = |text: &String| Said {
            file: &section.cascade,
            line: section.line,
            title: "tierfall regress".to_owned(),
            text: text.clone(),
        };
        section.warnings.iter().map(said)
    });
    let notices = sections().map(|section| Said {
        file: &section.cascade,
        line: section.line,
        title: format!("tierfall regress: {}", section.verdict.as_str()),
        text: summary(sheet, section),
    });
    let mut out = String::new();
    commands(&mut out, "error", problems.chain(checks(Says::Bad)).collect(), sheet.all_checks);
    commands(&mut out, "warning", checks(Says::Unsure).chain(warnings).collect(), sheet.all_checks);
    commands(&mut out, "notice", notices.collect(), sheet.all_checks);
    out
}

/// All of a level, or the first of them and how many more there are.
fn commands(out: &mut String, level: &str, mut all: Vec<Said<'_>>, elsewhere: &str) {
    let more = all.len().saturating_sub(SHOWN);
    if let (1.., Some(last)) = (more, all.get_mut(SHOWN - 1)) {
        (last.title, last.text) = ("tierfall regress".to_owned(), format!("and {} more; {elsewhere}", more + 1));
        all.truncate(SHOWN);
    }
    for Said { file, line, title, text } in all {
        // Where no line is told, an annotation is of the file, which is its first line.
        let _ = writeln!(
            out,
            "::{level} file={},line={},title={}::{}",
            property(file),
            line.unwrap_or(1),
            property(&title),
            data(&text)
        );
    }
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

fn data(text: &str) -> String {
    // Logs show what they are given, a line that runs backwards too.
    let text: String = text.chars().map(printable::unless_it_steers).collect();
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
        ::error file=cascades/broken.cascade.toml,line=1,title=tierfall regress%3A not judged::cascades/broken.fit.toml is stale: <prompt> & more
        ::error file=cascades/support.cascade.toml,line=79,title=tierfall regress%3A quality-vs-baseline::25 examples got worse and none better: that is no chance
        ::error file=cascades/support.cascade.toml,line=86,title=tierfall regress%3A accuracy in billing|arithmetic::49.3 %25 of 140 examples, where at least 50 %25 are expected
        ::warning file=cascades/few.cascade.toml,line=79,title=tierfall regress%3A quality-vs-baseline::a loss of 2 points is not ruled out: about 149 would do
        ::warning file=cascades/new.cascade.toml,line=79,title=tierfall regress::there is no baseline: --update-baseline writes one
        ::notice file=cascades/few.cascade.toml,line=79,title=tierfall regress%3A inconclusive::few, split test: 60 examples; no example changed; 1 pass, 0 fail, 1 inconclusive
        ::notice file=cascades/support.cascade.toml,line=79,title=tierfall regress%3A fail::support, split test: 842 examples; 2 got worse, 1 got better, 3 answered by another tier, 27 with another answer, 1 new, 2 asked or graded otherwise and not compared; 2 pass, 2 fail, 1 inconclusive; 1 comparison of single segments: none failed, 0 ruled a loss out, 1 could not tell; worst: triage (2 worse, 0 better of 120); --format json has them
        ::notice file=cascades/new.cascade.toml,line=79,title=tierfall regress%3A pass::new, split test: 60 examples; 1 pass, 0 fail, 0 inconclusive
        ");
        let strict = github(&Sheet { strict: true, ..sample::sheet(&report, &[]) });
        assert!(!strict.contains("::warning file=cascades/few.cascade.toml,title"), "{strict}");
    }

    #[test]
    fn of_more_than_ten_the_last_says_how_many_more_and_what_is_of_all_comes_first() {
        let mut section = sample::worse();
        let (all, part) = (section.checks[3].clone(), section.checks[1].clone());
        let parts = (0..80).map(|n| tierfall_calibrate::regress::Check { segment: Some(format!("s{n}")), ..part.clone() });
        section.checks = parts.chain([all]).collect();
        let text = github(&sample::sheet(&tierfall_calibrate::regress::Report::new(vec![section]), &[]));
        let errors: Vec<&str> = text.lines().filter(|line| line.starts_with("::error ")).collect();
        assert_eq!(errors.len(), 10);
        assert!(errors[0].contains("quality-vs-baseline") && errors[1].contains("accuracy in s0"), "{text}");
        assert!(errors[9].ends_with("::and 72 more; --format json has them"), "{text}");
        assert!(text.lines().all(|line| line.contains(",line=")), "{text}");
    }

    #[test]
    fn no_text_begins_a_command_of_its_own() {
        let mut section = sample::worse();
        section.cascade = "a,line=1:b%.toml".to_owned();
        section.checks[1].why = "50 %\r\n::error::mine\u{202e}".to_owned();
        let report = tierfall_calibrate::regress::Report::new(vec![section]);
        let text = github(&sample::sheet(&report, &[]));
        assert!(text.contains("::50 %25%0D%0A::error::mine\u{fffd}\n"), "{text}");
        assert!(text.lines().all(|line| line.starts_with("::")), "{text}");
        assert!(text.contains("file=a%2Cline=1%3Ab%25.toml,line=86,"), "{text}");
    }
}
