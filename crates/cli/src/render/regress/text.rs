//! What `tierfall regress` says in a terminal, the verdict first.

use std::fmt::Write as _;

use tierfall_calibrate::regress::{Changes, Check, Section, Verdict};

use super::words::Column;
use super::{Says, Sheet, changes, words};
use crate::render::style::{BAD, DIM, GOOD, WARN, paint};
use crate::render::text::{block, parts, table, warnings, width, wrapped};

pub(super) fn text(sheet: &Sheet<'_>) -> String {
    let mut all = vec![together(sheet)];
    all.extend(sheet.report.cascades.iter().map(|section| self::section(sheet, section)));
    parts(&all)
}

/// One line on several sections; nothing on one.
fn together(sheet: &Sheet<'_>) -> String {
    let sections = &sheet.report.cascades;
    let judged = sections.len() + sheet.problems.len();
    if judged < 2 {
        return String::new();
    }
    let of = |verdict: Verdict| sections.iter().filter(|section| section.verdict == verdict).count();
    let counts = [
        (of(Verdict::Fail), "failed"),
        (of(Verdict::Inconclusive), "inconclusive"),
        (of(Verdict::Pass), "passed"),
        (sheet.problems.len(), "could not be judged"),
    ];
    let said: Vec<String> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    let verdict = sheet.verdict();
    format!("{}\n", paint(style(verdict), format_args!("{} {}: {}", words::mark(verdict), verdict.as_str(), said.join(", "))))
}

fn style(verdict: Verdict) -> anstyle::Style {
    match verdict {
        Verdict::Pass => GOOD,
        Verdict::Fail => BAD,
        Verdict::Inconclusive => WARN,
    }
}

fn section(sheet: &Sheet<'_>, section: &Section) -> String {
    parts(&[headline(sheet, section), warnings(&section.warnings), checks(sheet, section), changed(sheet, section)])
}

fn headline(sheet: &Sheet<'_>, section: &Section) -> String {
    let verdict = section.verdict;
    let head = wrapped(&format!("{} {}: {}", words::mark(verdict), verdict.as_str(), words::title(section)), 0);
    let mut text = format!("{}\n", paint(style(verdict), head.trim_end()));
    let mut speaking: Vec<&Check> = section.checks.iter().filter(|check| sheet.says(check) != Says::Fine).collect();
    if speaking.is_empty() {
        let counts = format!("{}, {}", words::examples(section.n), words::some(section.checks.len() as u64, "check"));
        // What a pass rules out is worth as much as that it passes.
        let compared = section.checks.iter().find(|check| check.decides && check.limit.is_none());
        let said = compared.map_or_else(String::new, |check| format!("; {}: {}", words::compared(check), check.why));
        text += &wrapped(&(counts + &said), 2);
    }
    if !speaking.is_empty() {
        // The table calls them inconclusive; why is said here.
        speaking.extend(section.checks.iter().filter(|check| words::is_undecided(check)));
    }
    // Failures first: they are what is to be done.
    for (wanted, style) in [(Verdict::Fail, BAD), (Verdict::Inconclusive, WARN)] {
        for check in speaking.iter().filter(|check| check.verdict == wanted) {
            let line = check.line.map_or_else(String::new, |line| format!(" (line {line})"));
            let sentence = wrapped(&format!("{}: {}{line}", words::name(check), check.why), 2);
            let (name, rest) = sentence.trim_start().split_once(':').unwrap_or((sentence.as_str(), ""));
            let _ = writeln!(text, "  {}:{}", paint(style, name), rest.trim_end());
        }
    }
    text
}

fn checks(sheet: &Sheet<'_>, section: &Section) -> String {
    let (mut left_out, mut mde) = (false, false);
    let drawn = words::tables(section).into_iter().map(|(mut columns, checks)| {
        left_out |= fit(&mut columns, &checks, width());
        mde |= columns.iter().any(|column| column.head == words::MDE);
        let head: Vec<&str> = columns.iter().map(|column| column.head).chain(["verdict"]).collect();
        let numbers: Vec<usize> = columns.iter().enumerate().filter(|(_, column)| column.number).map(|(at, _)| at).collect();
        let cells = |check: &Check| columns.iter().map(|column| (column.cell)(check)).collect::<Vec<_>>();
        let rows = checks.iter().map(|check| [cells(check), vec![check.verdict.as_str().to_owned()]].concat());
        coloured(&table(&head, &numbers, rows))
    });
    let mut text = parts(&drawn.collect::<Vec<_>>());
    let wider = "a wider terminal has more columns".to_owned();
    for note in words::notes(section, mde, sheet.all_checks).into_iter().chain(left_out.then_some(wider)) {
        let _ = writeln!(text, "{}", paint(DIM, wrapped(&note, 0).trim_end()));
    }
    text
}

/// Leaves out columns until a line has room, those first that are missed least; says whether any was.
fn fit(columns: &mut Vec<&Column>, checks: &[&Check], room: usize) -> bool {
    let verdict = checks.iter().map(|check| check.verdict.as_str().len()).fold("verdict".len(), usize::max);
    let wide = |column: &Column| {
        let cells = checks.iter().map(|check| (column.cell)(check).chars().count());
        2 + cells.max().unwrap_or(0).max(column.head.chars().count())
    };
    let before = columns.len();
    for spare in [words::MDE, "95 % of change", "95 %", "was", "p"] {
        if columns.iter().map(|column| wide(column)).sum::<usize>() + verdict <= room {
            break;
        }
        columns.retain(|column| column.head != spare);
    }
    columns.len() < before
}

/// A table's last column in colour; colours inside a table would count as letters.
fn coloured(table: &str) -> String {
    let mut text = String::new();
    for line in table.lines() {
        let verdict = [Verdict::Pass, Verdict::Fail, Verdict::Inconclusive].into_iter().find_map(|verdict| {
            let start = line.strip_suffix(verdict.as_str())?;
            start.ends_with(' ').then_some((start, verdict))
        });
        match verdict {
            Some((start, verdict)) => text += &(start.to_owned() + &paint(style(verdict), verdict.as_str())),
            None => text += line,
        }
        text.push('\n');
    }
    text
}

fn changed(sheet: &Sheet<'_>, section: &Section) -> String {
    section.changes.as_ref().map_or_else(String::new, |changes| changed_rows(changes, sheet.max_changes))
}

/// The counts of what changed, and the first of the examples.
pub(crate) fn changed_rows(changes: &Changes, max_changes: usize) -> String {
    let summary = block("changes", &[changes::summary(changes)]);
    let shown = changes::shown(changes, max_changes);
    let mut text = parts(&[summary, table(&changes::HEAD, &[], shown.into_iter().map(|item| changes::row(item).to_vec()))]);
    if let Some(hidden) = changes::hidden(changes, max_changes) {
        let _ = writeln!(text, "{}", paint(DIM, hidden));
    }
    text
}

/// What the tests conclude, a sentence each; of segments only what fails.
pub(crate) fn conclusions(checks: &[Check]) -> String {
    let mut text = String::new();
    for check in checks.iter().filter(|check| check.segment.is_none() || check.verdict == Verdict::Fail) {
        let said = format!("{} {}: {}", words::mark(check.verdict), words::name(check), check.why);
        let _ = write!(
            text,
            "{}",
            wrapped(&said, 0).replacen(words::mark(check.verdict), &paint(style(check.verdict), words::mark(check.verdict)), 1)
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use tierfall_calibrate::regress::Report;

    use super::super::sample;
    use super::*;

    fn plain(sheet: &Sheet<'_>) -> String {
        anstream::adapter::strip_str(&text(sheet)).to_string()
    }

    #[test]
    fn a_failure_says_what_got_worse_before_anything_else() {
        let report = Report::new(vec![sample::worse()]);
        let sheet = sample::sheet(&report, &[]);
        assert!(text(&sheet).contains(&paint(BAD, "fail")), "verdicts are coloured");
        insta::assert_snapshot!(plain(&sheet), @"
        ✗ fail: cascades/support.cascade.toml on support, split test
          accuracy in billing|arithmetic: 49.3 % of 140 examples, where at least 50 % are expected (line 86)
          quality-vs-baseline: 25 examples got worse and none better: that is no chance
          cost-vs-baseline: not concluded on: quality got worse

        limit       segment                now  must be          95 %  verdict
        accuracy    all                 68.6 %   ≥ 65 %  65.4 to 71.7  pass
        accuracy    billing|arithmetic  49.3 %   ≥ 50 %      41 to 57  fail
        cost-ratio  all                 79.2 %   ≤ 90 %      76 to 82  pass

        vs baseline        now        was    95 % of change        p  mde  verdict
        quality         68.6 %     71.6 %      −4.2 to −1.8  < 0.001  1.3  fail
        cost         $0.000453  $0.000448  −1.2 % to +3.4 %                inconclusive
        1 comparison of single segments: none failed, 0 ruled a loss out, 1 could not tell; worst: triage (2
        worse, 0 better of 120); --format json has them
        mde: of regressions of this size 4 in 5 would have failed; smaller ones may go unnoticed

        changes      2 got worse, 1 got better, 3 answered by another tier, 27 with another answer, 1 new, 2
                     edited and not compared

        example       segment  tier            answer
        billing-0007  billing  medium          right → wrong
        billing-0012  billing  large → medium  right → 0.25
        billing-0009  billing  medium → large  wrong → right
        and 1 more: --max-changes 4 shows all
        ");
    }

    #[test]
    fn several_are_counted_and_shown_one_by_one() {
        let report = sample::report();
        insta::assert_snapshot!(plain(&sample::sheet(&report, &sample::problems())), @"
        ✗ fail: 1 failed, 1 inconclusive, 1 passed, 1 could not be judged

        ? inconclusive: cascades/few.cascade.toml on few, split test
          quality-vs-baseline: a loss of 2 points is not ruled out: about 149 would do

        limit             now     must be     95 %  verdict
        loss-vs-last  1 point  ≤ 2 points  −1 to 3  pass

        vs baseline   now   was  95 % of change      p  mde  verdict
        quality      90 %  90 %        −4 to +4  0.500  8.1  inconclusive
        mde: of regressions of this size 4 in 5 would have failed; smaller ones may go unnoticed

        changes      no example changed

        ✗ fail: cascades/support.cascade.toml on support, split test
          accuracy in billing|arithmetic: 49.3 % of 140 examples, where at least 50 % are expected (line 86)
          quality-vs-baseline: 25 examples got worse and none better: that is no chance
          cost-vs-baseline: not concluded on: quality got worse

        limit       segment                now  must be          95 %  verdict
        accuracy    all                 68.6 %   ≥ 65 %  65.4 to 71.7  pass
        accuracy    billing|arithmetic  49.3 %   ≥ 50 %      41 to 57  fail
        cost-ratio  all                 79.2 %   ≤ 90 %      76 to 82  pass

        vs baseline        now        was    95 % of change        p  mde  verdict
        quality         68.6 %     71.6 %      −4.2 to −1.8  < 0.001  1.3  fail
        cost         $0.000453  $0.000448  −1.2 % to +3.4 %                inconclusive
        1 comparison of single segments: none failed, 0 ruled a loss out, 1 could not tell; worst: triage (2
        worse, 0 better of 120); --format json has them
        mde: of regressions of this size 4 in 5 would have failed; smaller ones may go unnoticed

        changes      2 got worse, 1 got better, 3 answered by another tier, 27 with another answer, 1 new, 2
                     edited and not compared

        example       segment  tier            answer
        billing-0007  billing  medium          right → wrong
        billing-0012  billing  large → medium  right → 0.25
        billing-0009  billing  medium → large  wrong → right
        and 1 more: --max-changes 4 shows all

        ✓ pass: cascades/new.cascade.toml on new, split test
          60 examples, 1 check

        ! there is no baseline: --update-baseline writes one

        limit             now     must be     95 %  verdict
        loss-vs-last  1 point  ≤ 2 points  −1 to 3  pass
        ");
    }

    #[test]
    fn a_narrow_terminal_has_fewer_columns_and_whole_words() {
        let section = sample::worse();
        let heads = |room: usize| {
            let mut tables = words::tables(&section);
            let (columns, checks) = &mut tables[1];
            let left_out = fit(columns, checks, room);
            (columns.iter().map(|column| column.head).collect::<Vec<_>>().join(" "), left_out)
        };
        assert_eq!(heads(100), ("vs baseline now was 95 % of change p mde".to_owned(), false));
        assert_eq!(heads(60), ("vs baseline now was p".to_owned(), true));
        assert_eq!(heads(1), ("vs baseline now".to_owned(), true));
    }

    #[test]
    fn the_number_of_changed_examples_is_bounded() {
        let report = Report::new(vec![sample::worse()]);
        let sheet = Sheet { max_changes: 0, ..sample::sheet(&report, &[]) };
        let text = plain(&sheet);
        assert!(text.contains("2 got worse, 1 got better") && !text.contains("right → wrong"), "{text}");
        assert!(text.contains("and 4 more: --max-changes 4 shows all"), "{text}");
    }
}
