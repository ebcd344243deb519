//! `JUnit` XML: one test suite a section, one test case a check.
//!
//! There is no standard; the strictest description in use is junit-10.xsd of the Jenkins xUnit plugin, which GitLab's reader
//! accepts a superset of. Times are 0: two runs of the same tree are the same file.

use std::fmt::Write as _;

use tierfall_calibrate::regress::{Check, Section, Verdict};

use super::sheet::{Says, Sheet, Unjudged};
use super::{changes, words};
use crate::render::printable;

pub(super) fn junit(sheet: &Sheet<'_>) -> String {
    let sections = sheet.report.cascades.iter().map(|section| of_section(sheet, section));
    let suites: Vec<Suite> = sections.chain(sheet.problems.iter().map(of_problem)).collect();
    let all: Vec<&Case> = suites.iter().flat_map(|suite| &suite.cases).collect();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(xml, "<testsuites name=\"tierfall regress\"{} time=\"0\">", counts(&all, &ELEMENTS[..2]));
    for suite in &suites {
        suite.write(&mut xml);
    }
    xml + "</testsuites>\n"
}

struct Suite {
    name: String,
    class: String,
    cases: Vec<Case>,
    out: String,
}

struct Case {
    name: String,
    /// The element, its type, its message.
    result: Option<(&'static str, &'static str, String)>,
    /// The numbers.
    details: String,
}

/// How those that did not pass are counted, and the elements that say so.
const ELEMENTS: [(&str, &str); 3] = [("failures", "failure"), ("errors", "error"), ("skipped", "skipped")];

/// How many test cases there are, and how many of them have each of these elements.
fn counts(cases: &[&Case], elements: &[(&str, &str)]) -> String {
    let mut text = format!(" tests=\"{}\"", cases.len());
    for (name, element) in elements {
        let n = cases.iter().filter(|case| case.result.as_ref().is_some_and(|result| result.0 == *element)).count();
        let _ = write!(text, " {name}=\"{n}\"");
    }
    text
}

impl Suite {
    fn write(&self, xml: &mut String) {
        let (name, class) = (attribute(&self.name), attribute(&self.class));
        let counts = counts(&self.cases.iter().collect::<Vec<_>>(), &ELEMENTS);
        let _ = writeln!(xml, "  <testsuite name=\"{name}\"{counts} time=\"0\">");
        for Case { name, result, details } in &self.cases {
            let (name, details) = (attribute(name), content(details));
            let _ = writeln!(xml, "    <testcase name=\"{name}\" classname=\"{class}\" time=\"0\">");
            let _ = match result {
                Some((element, kind, message)) => {
                    let message = attribute(message);
                    writeln!(xml, "      <{element} type=\"{kind}\" message=\"{message}\">{details}</{element}>")
                }
                None => writeln!(xml, "      <system-out>{details}</system-out>"),
            };
            xml.push_str("    </testcase>\n");
        }
        if !self.out.is_empty() {
            let _ = writeln!(xml, "    <system-out>{}</system-out>", content(&self.out));
        }
        xml.push_str("  </testsuite>\n");
    }
}

fn of_section(sheet: &Sheet<'_>, section: &Section) -> Suite {
    let names: Vec<String> = section.checks.iter().map(words::full_name).collect();
    let cases = section.checks.iter().zip(&names).map(|(check, name)| {
        // Two limits on one metric are two test cases, which readers tell apart by name alone.
        let alone = names.iter().filter(|other| *other == name).count() == 1;
        let name = match check.line {
            Some(line) if !alone => format!("{name} (line {line})"),
            _ => name.clone(),
        };
        let result = match (sheet.says(check), check.verdict) {
            (Says::Bad, verdict) => Some(("failure", verdict.as_str(), check.why.clone())),
            // A test case without a result is a pass, and what is only watched has not passed either.
            (_, verdict @ Verdict::Inconclusive) => Some(("skipped", verdict.as_str(), check.why.clone())),
            _ => None,
        };
        Case { name, result, details: details(section, check) }
    });
    let mut out: Vec<String> = section.warnings.iter().map(|warning| format!("warning: {warning}")).collect();
    out.extend(section.changes.iter().flat_map(|changes| changes::plain(changes, sheet.max_changes)));
    Suite { name: words::title(section), class: class(section), cases: cases.collect(), out: out.join("\n") }
}

fn of_problem(problem: &Unjudged) -> Suite {
    let result = Some(("error", "unusable", problem.why.clone()));
    let case = Case { name: "can be judged".to_owned(), result, details: String::new() };
    Suite { name: problem.cascade.clone(), class: stem(&problem.cascade), cases: vec![case], out: String::new() }
}

/// Readers cut classes at dots, so there are none that a file's ending would bring in.
fn class(section: &Section) -> String {
    let live = if section.mode == "live" { "/live" } else { "" };
    format!("{} on {}/{}{live}", stem(&section.cascade), section.fixtures, section.split)
}

fn stem(cascade: &str) -> String {
    cascade.strip_suffix(".cascade.toml").or_else(|| cascade.strip_suffix(".toml")).unwrap_or(cascade).to_owned()
}

fn details(section: &Section, check: &Check) -> String {
    let mut text = words::examples(check.n);
    for (head, value) in words::numbers(check) {
        let _ = write!(text, "; {head} {value}");
    }
    if let Some(line) = check.line {
        let _ = write!(text, "; {}:{line}", section.cascade);
    }
    let _ = write!(text, "\n{}: {}", check.verdict.as_str(), check.why);
    text
}

/// Text between tags. Of a carriage return a reader would make a line feed.
fn content(text: &str) -> String {
    let legal: String =
        text.chars().map(|c| if is_legal(c) { printable::unless_it_steers(c) } else { char::REPLACEMENT_CHARACTER }).collect();
    legal.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('\r', "&#13;")
}

/// Text between quotation marks: a reader makes blanks of line feeds that are not written as numbers.
fn attribute(text: &str) -> String {
    content(text).replace('"', "&quot;").replace('\n', "&#10;").replace('\t', "&#9;")
}

/// `Char` of XML 1.0, 2.2.
fn is_legal(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use roxmltree::Node;
    use tierfall_calibrate::regress::{Check, Report, Section};

    use super::super::sample;
    use super::super::valid_junit::parse;
    use super::*;

    /// Elements of this name, at any depth.
    fn of<'a>(element: Node<'a, 'a>, name: &str) -> Vec<Node<'a, 'a>> {
        element.descendants().filter(|node| node.has_tag_name(name)).collect()
    }

    #[test]
    fn it_keeps_the_schema_and_counts_what_it_holds() {
        let report = sample::report();
        let problems = sample::problems();
        for strict in [false, true] {
            let xml = junit(&Sheet { strict, ..sample::sheet(&report, &problems) });
            let document = parse(&xml).unwrap();
            let root = document.root_element();
            for suite in std::iter::once(root).chain(of(root, "testsuite")) {
                let counts = [("tests", "testcase"), ("failures", "failure"), ("errors", "error"), ("skipped", "skipped")];
                // The root has no count of those that were skipped.
                for (attribute, element) in counts.into_iter().filter(|(name, _)| suite.has_attribute(*name)) {
                    assert_eq!(suite.attribute(attribute), Some(&*of(suite, element).len().to_string()), "{attribute} in {xml}");
                }
            }
            assert!(of(root, "testsuite").iter().all(|suite| suite.has_attribute("skipped")), "{xml}");
            // Segments and what was not concluded on decide nothing, under --strict either.
            assert_eq!(of(root, "skipped").len(), if strict { 2 } else { 3 }, "{xml}");
            let passed =
                |case: &Node<'_, '_>| case.children().all(|child| !child.is_element() || child.has_tag_name("system-out"));
            for case in of(root, "testcase").into_iter().filter(passed) {
                let says = |out: &Node<'_, '_>| out.text().is_some_and(|text| text.contains("\npass: "));
                assert!(of(case, "system-out").iter().all(says), "what has no result has passed: {xml}");
            }
        }
        assert_eq!(junit(&sample::sheet(&report, &problems)), junit(&sample::sheet(&report, &problems)));
    }

    #[test]
    fn test_cases_of_a_suite_have_names_of_their_own() {
        let mut section = sample::worse();
        let twice = section.checks[0].clone();
        section.checks.push(Check { line: Some(99), ..twice });
        let report = Report::new(vec![section]);
        let xml = junit(&sample::sheet(&report, &[]));
        let document = parse(&xml).unwrap();
        let mut names: Vec<&str> =
            of(document.root_element(), "testcase").iter().filter_map(|case| case.attribute("name")).collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all, "{names:?}");
    }

    #[test]
    fn anything_may_stand_in_a_name() {
        let nasty = "a\"b'<c>&d]]>\u{0}\u{b}\u{ffff}\n\te\u{1f600}\r\u{202e}f\u{9b}";
        let read = "a\"b'<c>&d]]>\u{fffd}\u{fffd}\u{fffd}\n\te\u{1f600}\r\u{fffd}f\u{fffd}";
        let mut section = Section { fixtures: nasty.to_owned(), warnings: vec![nasty.to_owned()], ..sample::worse() };
        section.checks[1].why = nasty.to_owned();
        let report = Report::new(vec![section]);
        let xml = junit(&sample::sheet(&report, &[]));
        let document = parse(&xml).unwrap();
        let root = document.root_element();
        assert!(of(root, "testsuite")[0].attribute("name").unwrap().contains(read));
        assert!(of(root, "failure").iter().any(|failure| failure.attribute("message") == Some(read)));
        assert!(of(root, "system-out").last().unwrap().text().unwrap().contains(read));
    }

    #[test]
    fn a_suite_reads_like_this() {
        let report = Report::new(vec![sample::worse()]);
        insta::assert_snapshot!(junit(&sample::sheet(&report, &sample::problems())), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="tierfall regress" tests="7" failures="2" errors="1" time="0">
          <testsuite name="cascades/support.cascade.toml on support, split test" tests="6" failures="2" errors="0" skipped="2" time="0">
            <testcase name="accuracy at least" classname="cascades/support on support/test" time="0">
              <system-out>842 examples; now 68.6 %; must be ≥ 65 %; 95 % 65.4 to 71.7; cascades/support.cascade.toml:79
        pass: 68.6 % is at least 65 %</system-out>
            </testcase>
            <testcase name="accuracy at least in billing|arithmetic" classname="cascades/support on support/test" time="0">
              <failure type="fail" message="49.3 % of 140 examples, where at least 50 % are expected">140 examples; now 49.3 %; must be ≥ 50 %; 95 % 41 to 57; cascades/support.cascade.toml:86
        fail: 49.3 % of 140 examples, where at least 50 % are expected</failure>
            </testcase>
            <testcase name="cost-ratio at most" classname="cascades/support on support/test" time="0">
              <system-out>842 examples; now 79.2 %; must be ≤ 90 %; 95 % 76 to 82; cascades/support.cascade.toml:79
        pass: 79 % is at most 90 %</system-out>
            </testcase>
            <testcase name="quality-vs-baseline" classname="cascades/support on support/test" time="0">
              <failure type="fail" message="25 examples got worse and none better: that is no chance">842 examples; now 68.6 %; was 71.6 %; 95 % of change −4.2 to −1.8; by chance &lt; 0.001; mde 1.3
        fail: 25 examples got worse and none better: that is no chance</failure>
            </testcase>
            <testcase name="quality-vs-baseline in triage" classname="cascades/support on support/test" time="0">
              <skipped type="inconclusive" message="too few examples">120 examples; now 90 %; was 90 %; 95 % of change −3 to +3; by chance 1.000
        inconclusive: too few examples</skipped>
            </testcase>
            <testcase name="cost-vs-baseline" classname="cascades/support on support/test" time="0">
              <skipped type="inconclusive" message="not concluded on: quality got worse">842 examples; now $0.000453; was $0.000448; 95 % of change −1.2 % to +3.4 %
        inconclusive: not concluded on: quality got worse</skipped>
            </testcase>
            <system-out>since the baseline: 2 got worse, 1 got better, 3 answered by another tier, 27 with another answer, 1 new, 2 asked or graded otherwise and not compared
        billing-0007  billing  medium  right → wrong
        billing-0012  billing  large → medium  right → 0.25
        billing-0009  billing  medium → large  wrong → right
        and 1 more: --max-changes 4 shows all</system-out>
          </testsuite>
          <testsuite name="cascades/broken.cascade.toml" tests="1" failures="0" errors="1" skipped="0" time="0">
            <testcase name="can be judged" classname="cascades/broken" time="0">
              <error type="unusable" message="cascades/broken.fit.toml is stale: &lt;prompt&gt; &amp; more"></error>
            </testcase>
          </testsuite>
        </testsuites>
        "#);
    }
}
