//! What `tierfall regress` says in a terminal, the verdict first.

use tierfall_calibrate::regress::{Check, Section, Verdict as Judged};

use super::sheet::{Says, Sheet};
use super::{changes, segments, words};
use crate::render::document::{Block, Conclusion, Line, Table};
use crate::render::text::{blocks, width};
use crate::render::words::some;

pub(super) fn text(sheet: &Sheet<'_>) -> String {
    blocks(&together(sheet).into_iter().chain(sections(sheet)).collect::<Vec<_>>())
}

/// What is said of each section.
pub(super) fn sections<'a>(sheet: &Sheet<'a>) -> impl Iterator<Item = Block<'a>> {
    sheet.report.cascades.iter().flat_map(|section| self::section(sheet, section))
}

/// One line on several sections; nothing on one.
fn together(sheet: &Sheet<'_>) -> Option<Block<'static>> {
    let sections = &sheet.report.cascades;
    let of = |verdict: Judged| sections.iter().filter(|section| section.verdict == verdict).count();
    let counts = [
        (of(Judged::Fail), "failed"),
        (of(Judged::Inconclusive), "inconclusive"),
        (of(Judged::Pass), "passed"),
        (sheet.problems.len(), "could not be judged"),
    ];
    let said: Vec<String> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    let several = sections.len() + sheet.problems.len() > 1;
    several.then(|| Block::Conclusion(verdict(sheet.verdict(), &said.join(", "), Vec::new())))
}

fn verdict(verdict: Judged, of: &str, said: Vec<Line>) -> Conclusion {
    Conclusion::new(words::tone(verdict), format!("{}: {of}", verdict.as_str()), said)
}

fn section<'a>(sheet: &Sheet<'_>, section: &'a Section) -> Vec<Block<'a>> {
    let headline = verdict(section.verdict, &words::title(section), said(sheet, section));
    let mut all = vec![Block::Conclusion(Conclusion { long: true, ..headline }), Block::Warnings(&section.warnings)];
    all.extend(checks(sheet, section));
    all.extend(section.changes.iter().flat_map(|changes| changes::blocks(changes, sheet.max_changes)));
    all
}

fn said(sheet: &Sheet<'_>, section: &Section) -> Vec<Line> {
    let mut speaking: Vec<&Check> = section.checks.iter().filter(|check| sheet.says(check) != Says::Fine).collect();
    if speaking.is_empty() {
        let counts = format!("{}, {}", words::examples(section.n), some(section.checks.len() as u64, "check"));
        // What a pass rules out is worth as much as that it passes.
        let compared = section.checks.iter().find(|check| check.decides && check.limit.is_none());
        let said = compared.map_or_else(String::new, |check| format!("; {}: {}", words::compared(check), check.why));
        return vec![Line::plain(2, counts + &said)];
    }
    // The table calls them inconclusive; why is said here.
    speaking.extend(section.checks.iter().filter(|check| words::is_undecided(check)));
    // Failures first: they are what is to be done.
    let ordered = [Judged::Fail, Judged::Inconclusive].into_iter().flat_map(|wanted| {
        speaking.iter().filter(move |check| check.verdict == wanted).map(move |check| {
            let line = check.line.map_or_else(String::new, |line| format!(" (line {line})"));
            Line::led(2, words::tone(wanted), words::name(check), format!(": {}{line}", check.why))
        })
    });
    ordered.collect()
}

fn checks(sheet: &Sheet<'_>, section: &Section) -> Vec<Block<'static>> {
    let mut tables = words::tables(section);
    let left_out = tables.iter_mut().map(|table| fit(table, width())).fold(false, |any, left_out| any | left_out);
    let mde = tables.iter().flat_map(|table| &table.columns).any(|column| column.head == words::MDE);
    let wider = left_out.then(|| "a wider terminal has more columns".to_owned());
    let notes = segments::notes(section, mde, sheet.all_checks).into_iter().chain(wider);
    let notes = Block::Lines(notes.map(Line::note).collect());
    let last = tables.pop().into_iter().map(Block::Table).chain([notes]).collect();
    tables.into_iter().map(Block::Table).chain([Block::Joined(last)]).collect()
}

/// Leaves out columns until a line has room, those first that are missed least; says whether any was.
fn fit(table: &mut Table, room: usize) -> bool {
    let before = table.columns.len();
    for order in 1..=5 {
        let wide = table
            .columns
            .iter()
            .map(|column| 2 + column.cells.iter().map(|cell| cell.chars().count()).fold(column.head.chars().count(), usize::max));
        if wide.sum::<usize>() <= room + 2 {
            break;
        }
        table.columns.retain(|column| column.spare != order);
    }
    table.columns.len() < before
}

#[cfg(test)]
mod tests {
    use tierfall_calibrate::regress::Report;

    use super::super::sample;
    use super::*;
    use crate::render::style::{BAD, paint};

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

        vs baseline        now        was    95 % of change  by chance  mde  verdict
        quality         68.6 %     71.6 %      −4.2 to −1.8    < 0.001  1.3  fail
        cost         $0.000453  $0.000448  −1.2 % to +3.4 %                  inconclusive
        1 comparison of single segments: none failed, 0 ruled a loss out, 1 could not tell; worst: triage (2
        worse, 0 better of 120); --format json has them
        mde: of regressions of this size 4 in 5 would have failed; smaller ones may go unnoticed

        changes      2 got worse, 1 got better, 3 answered by another tier, 27 with another answer, 1 new, 2
                     asked or graded otherwise and not compared

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

        vs baseline   now   was  95 % of change  by chance  mde  verdict
        quality      90 %  90 %        −4 to +4      0.500  8.1  inconclusive
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

        vs baseline        now        was    95 % of change  by chance  mde  verdict
        quality         68.6 %     71.6 %      −4.2 to −1.8    < 0.001  1.3  fail
        cost         $0.000453  $0.000448  −1.2 % to +3.4 %                  inconclusive
        1 comparison of single segments: none failed, 0 ruled a loss out, 1 could not tell; worst: triage (2
        worse, 0 better of 120); --format json has them
        mde: of regressions of this size 4 in 5 would have failed; smaller ones may go unnoticed

        changes      2 got worse, 1 got better, 3 answered by another tier, 27 with another answer, 1 new, 2
                     asked or graded otherwise and not compared

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
            let left_out = fit(&mut tables[1], room);
            (tables[1].columns.iter().map(|column| &*column.head).collect::<Vec<_>>().join(" "), left_out)
        };
        assert_eq!(heads(100), ("vs baseline now was 95 % of change by chance mde verdict".to_owned(), false));
        assert_eq!(heads(60), ("vs baseline now was by chance verdict".to_owned(), true));
        assert_eq!(heads(1), ("vs baseline now verdict".to_owned(), true));
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
