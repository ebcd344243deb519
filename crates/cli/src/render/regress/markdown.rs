//! Markdown for the summary of a pull request, as GitHub and GitLab draw it.

use std::fmt::Write as _;

use tierfall_calibrate::regress::{Section, Verdict};

use super::sheet::{Says, Sheet};
use super::{changes, segments, words};
use crate::render::document::{Column, Table, Tone};
use crate::render::printable;
use crate::render::words::count;

pub(super) fn markdown(sheet: &Sheet<'_>) -> String {
    let mut text = format!("## {}: tierfall regress\n", icon(sheet.verdict()));
    for problem in sheet.problems {
        let _ = write!(text, "\n**{}** could not be judged: {}\n", escaped(&problem.cascade), escaped(&problem.why));
    }
    for section in &sheet.report.cascades {
        text += &self::section(sheet, section);
    }
    text
}

/// A sign that is seen and a word that is read.
fn icon(verdict: Verdict) -> String {
    format!("{} {}", sign(words::tone(verdict)), verdict.as_str())
}

fn sign(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "✅",
        Tone::Bad => "❌",
        _ => "⚠️",
    }
}

fn section(sheet: &Sheet<'_>, section: &Section) -> String {
    let head = format!("{}: {}", icon(section.verdict), escaped(&words::title(section)));
    let mut text = format!("\n### {head}\n\n{}\n\n", changes::examples(section));
    for check in section.checks.iter().filter(|check| sheet.says(check) != Says::Fine) {
        let _ = writeln!(text, "- {} **{}**: {}", icon(check.verdict), escaped(&words::name(check)), escaped(&check.why));
    }
    for warning in &section.warnings {
        let _ = writeln!(text, "- ⚠️ {}", escaped(warning));
    }
    if !text.ends_with("\n\n") {
        text.push('\n');
    }
    text += &words::tables(section).iter().map(table).collect::<Vec<_>>().join("\n");
    for note in segments::notes(section, true, sheet.all_checks) {
        let _ = write!(text, "\n<sub>{}</sub>\n", escaped(&note));
    }
    if let Some(changes) = section.changes.as_ref().filter(|changes| !changes.items.is_empty()) {
        let shown = table(&changes::table(changes, sheet.max_changes));
        let all = count(changes.items.len() as u64);
        let _ = write!(text, "\n<details>\n<summary>{all} changed examples</summary>\n\n{shown}");
        if let Some(hidden) = changes::hidden(changes, sheet.max_changes) {
            let _ = write!(text, "\n{hidden}\n");
        }
        text.push_str("\n</details>\n");
    }
    text
}

/// A table; a sign stands before a cell that has a tone.
fn table(table: &Table) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let columns = || table.columns.iter();
    let mut text = line(columns().map(|column| column.head.clone()).collect());
    text += &line(columns().map(|column| if column.number { "---:" } else { "---" }.to_owned()).collect());
    let cell = |column: &Column, row: usize| match column.tones.get(row) {
        Some(tone) => format!("{} {}", sign(*tone), escaped(&column.cells[row])),
        None => escaped(&column.cells[row]),
    };
    for row in 0..table.rows() {
        text += &line(columns().map(|column| cell(column, row)).collect());
    }
    text
}

/// Text that Markdown shows as it is, in a table as well: no markup, no mention of a person, no line of its own.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in printable::text(text).replace('\n', " ").chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '@' => out.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '$' => out.extend(['\\', character]),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use tierfall_calibrate::regress::Report;

    use super::super::sample;
    use super::*;

    #[test]
    fn a_summary_of_a_pull_request() {
        let report = Report::new(vec![sample::worse()]);
        insta::assert_snapshot!(markdown(&sample::sheet(&report, &sample::problems())), @r#"
        ## ❌ fail: tierfall regress

        **cascades/broken.cascade.toml** could not be judged: cascades/broken.fit.toml is stale: &lt;prompt&gt; &amp; more

        ### ❌ fail: cascades/support.cascade.toml on support, split test

        842 examples; 2 got worse, 1 got better, 3 answered by another tier, 27 with another answer, 1 new, 2 asked or graded otherwise and not compared

        - ❌ fail **accuracy in billing\|arithmetic**: 49.3 % of 140 examples, where at least 50 % are expected
        - ❌ fail **quality-vs-baseline**: 25 examples got worse and none better: that is no chance

        | limit | segment | now | must be | 95 % | verdict |
        | --- | --- | ---: | ---: | ---: | --- |
        | accuracy | all | 68.6 % | ≥ 65 % | 65.4 to 71.7 | ✅ pass |
        | accuracy | billing\|arithmetic | 49.3 % | ≥ 50 % | 41 to 57 | ❌ fail |
        | cost-ratio | all | 79.2 % | ≤ 90 % | 76 to 82 | ✅ pass |

        | vs baseline | now | was | 95 % of change | by chance | mde | verdict |
        | --- | ---: | ---: | ---: | ---: | ---: | --- |
        | quality | 68.6 % | 71.6 % | −4.2 to −1.8 | &lt; 0.001 | 1.3 | ❌ fail |
        | cost | \$0.000453 | \$0.000448 | −1.2 % to +3.4 % |  |  | ⚠️ inconclusive |

        <sub>1 comparison of single segments: none failed, 0 ruled a loss out, 1 could not tell; worst: triage (2 worse, 0 better of 120); --format json has them</sub>

        <sub>mde: of regressions of this size 4 in 5 would have failed; smaller ones may go unnoticed</sub>

        <details>
        <summary>4 changed examples</summary>

        | example | segment | tier | answer |
        | --- | --- | --- | --- |
        | billing-0007 | billing | medium | right → wrong |
        | billing-0012 | billing | large → medium | right → 0.25 |
        | billing-0009 | billing | medium → large | wrong → right |

        and 1 more: --max-changes 4 shows all

        </details>
        "#);
    }

    #[test]
    fn names_cannot_break_a_table() {
        let mut section = sample::worse();
        section.checks[1].segment = Some("a|b`c\n<i>@all".to_owned());
        let rows = |section: Section| {
            let report = Report::new(vec![section]);
            let text = markdown(&sample::sheet(&report, &[]));
            let cells = |line: &str| line.replace("\\|", "").matches('|').count();
            text.lines().filter(|line| line.starts_with('|')).map(cells).collect::<Vec<_>>()
        };
        assert_eq!(rows(section), rows(sample::worse()));
    }
}
