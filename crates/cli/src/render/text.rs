//! Paragraphs and tables in a terminal of at most 100 columns.

use std::fmt::Write as _;
use std::sync::OnceLock;

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, Width};

use super::printable;
use super::style::{DIM, STRONG, WARN, paint};

/// The longest line that reads well.
const WIDTH: usize = 100;
/// Below this, tables are no tables.
const NARROWEST: usize = 60;

/// Columns that there are: those of the terminal, where there is one and lines are not the shorter for it.
pub(crate) fn width() -> usize {
    static SEEN: OnceLock<usize> = OnceLock::new();
    *SEEN.get_or_init(|| {
        let terminal = if cfg!(test) { None } else { terminal_size::terminal_size_of(std::io::stdout()) };
        terminal.map_or(WIDTH, |(width, _)| usize::from(width.0).clamp(NARROWEST, WIDTH))
    })
}

/// `text` in lines of at most [`width`], each after `indent` blanks. A longer word has a line of its own.
pub(crate) fn wrapped(text: &str, indent: usize) -> String {
    wrapped_in(width(), text, indent)
}

fn wrapped_in(width: usize, text: &str, indent: usize) -> String {
    let mut out = String::new();
    let mut used = 0;
    for word in text.split_whitespace().map(printable::line) {
        let long = word.chars().count();
        if used > 0 && used + 1 + long > width.saturating_sub(indent) {
            out.push('\n');
            used = 0;
        }
        if used == 0 {
            let _ = write!(out, "{:indent$}{word}", "");
            used = long;
        } else {
            out.push(' ');
            out.push_str(&word);
            used += 1 + long;
        }
    }
    out.push('\n');
    out
}

/// Lines beside a name: `expected     75 % right`. Lines that are too long go on below their beginning.
pub(crate) fn block(name: &str, lines: &[String]) -> String {
    const BESIDE: usize = 13;
    let mut out = String::new();
    for (place, line) in lines.iter().enumerate() {
        // Blanks that align names stay; only the rest is set in lines.
        let (aligned, rest) = line.split_once(ALIGNED).unwrap_or(("", line));
        let aligned = printable::line(aligned);
        let indent = BESIDE + aligned.chars().count();
        let blanks = BESIDE.saturating_sub(name.chars().count());
        let head = if place == 0 { format!("{}{:blanks$}", paint(STRONG, name), "") } else { " ".repeat(BESIDE) };
        let _ = write!(out, "{head}{aligned}{}", wrapped(rest, indent).trim_start());
    }
    out
}

/// Ends what [`block`] leaves as it is at the beginning of a line.
const ALIGNED: char = '\u{1f}';

/// Lines for [`block`], each after a name, one below the other.
pub(crate) fn named(names: &[String], lines: impl Iterator<Item = String>) -> Vec<String> {
    let wide = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    names.iter().zip(lines).map(|(name, line)| format!("{name:wide$}  {ALIGNED}{line}")).collect()
}

/// A table with a name in its first head cell; nothing where it has no rows. The first columns are text, `numbers` the
/// places of those that are not.
pub(crate) fn table(head: &[&str], numbers: &[usize], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    table_or_less(head, numbers, &[], rows)
}

/// The same of which columns may be left out where there is no room, the least important first.
pub(crate) fn table_or_less(
    head: &[&str],
    numbers: &[usize],
    dispensable: &[usize],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> String {
    let printed = |row: Vec<String>| row.iter().map(|cell| printable::line(cell)).collect();
    let rows: Vec<Vec<String>> = rows.into_iter().map(printed).collect();
    within(width(), head, numbers, dispensable, &rows)
}

fn within(width: usize, head: &[&str], numbers: &[usize], dispensable: &[usize], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut kept: Vec<usize> = (0..head.len()).collect();
    let whole = drawn(head, numbers, &kept, rows);
    if whole.lines().all(|line| line.trim_end().chars().count() <= width + 1) {
        return dim_head(&lines(&whole));
    }
    let least: Vec<usize> = (0..head.len()).map(|at| least(at, numbers.contains(&at), head, rows)).collect();
    // A blank on both sides of each.
    let needs = |kept: &[usize]| kept.iter().map(|at| least[*at] + 2).sum::<usize>();
    for column in dispensable {
        if needs(&kept) > width {
            kept.retain(|at| at != column);
        }
    }
    if needs(&kept) > width {
        return list(width, head, rows);
    }
    let mut table = drawn(head, numbers, &kept, rows);
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(u16::try_from(width).unwrap_or(u16::MAX));
    for (column, at) in table.column_iter_mut().zip(kept) {
        let wide = u16::try_from(least[at] + 2).unwrap_or(u16::MAX);
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(wide)));
    }
    dim_head(&lines(&table))
}

fn drawn(head: &[&str], numbers: &[usize], kept: &[usize], rows: &[Vec<String>]) -> Table {
    let cell = |at: usize, text: &str| {
        let side = if numbers.contains(&at) { CellAlignment::Right } else { CellAlignment::Left };
        Cell::new(text).set_alignment(side)
    };
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_header(kept.iter().map(|at| cell(*at, head[*at])));
    for row in rows {
        table.add_row(kept.iter().filter_map(|at| Some(cell(*at, row.get(*at)?))));
    }
    table
}

/// Text reads badly in a column that is narrower than this.
const READABLE: usize = 20;

/// The least width of a column: numbers stay in one piece, and so do words; sentences have some room.
fn least(at: usize, number: bool, head: &[&str], rows: &[Vec<String>]) -> usize {
    let word = |text: &str| text.split_whitespace().map(|word| word.chars().count()).max().unwrap_or(0);
    let cells = rows.iter().filter_map(|row| row.get(at)).map(|cell| {
        let whole = cell.chars().count();
        if number { whole } else { word(cell).max(whole.min(READABLE)) }
    });
    cells.chain(head.get(at).map(|name| word(name))).max().unwrap_or(0)
}

fn dim_head(text: &str) -> String {
    match text.split_once('\n') {
        Some((head, rows)) => format!("{}\n{rows}", paint(DIM, head)),
        None => text.to_owned(),
    }
}

/// What a table says where it has no room: every row by itself, with the names of its columns.
fn list(width: usize, head: &[&str], rows: &[Vec<String>]) -> String {
    let mut out = String::new();
    for row in rows {
        let cells = head.iter().zip(row).enumerate().filter(|(_, (_, cell))| !cell.is_empty());
        let parts = cells.map(|(at, (name, cell))| match at {
            0 => cell.clone(),
            _ if name.is_empty() => cell.clone(),
            _ => format!("{name} {cell}"),
        });
        let mut used = 0;
        for (at, part) in parts.enumerate() {
            let long = part.chars().count();
            if at == 0 {
                let _ = writeln!(out, "{part}");
                continue;
            }
            // A part goes on a line of its own rather than to pieces, and to pieces between words alone.
            if used > 0 && used + 3 + long <= width {
                let _ = write!(out, " · {part}");
                used += 3 + long;
            } else {
                let begun = if used > 0 { "\n" } else { "" };
                let _ = write!(out, "{begun}{}", wrapped_in(width, &part, 2).trim_end_matches('\n'));
                used = 2 + long;
            }
        }
        if used > 0 {
            out.push('\n');
        }
    }
    out
}

/// A table without the blanks around it.
pub(crate) fn lines(table: &Table) -> String {
    let mut text = String::new();
    for line in table.lines() {
        let line = line.trim_end();
        text.push_str(line.strip_prefix(' ').unwrap_or(line));
        text.push('\n');
    }
    text
}

/// What the user should know.
pub(crate) fn warnings(warnings: &[String]) -> String {
    let mut out = String::new();
    for warning in warnings {
        let text = wrapped(&format!("! {warning}"), 0);
        let (first, rest) = text.split_at(1);
        let _ = write!(out, "{}{}", paint(WARN, first), rest.trim_end().replace('\n', "\n  "));
        out.push('\n');
    }
    out
}

/// Parts with a blank line between them; empty ones are left out.
pub(crate) fn parts(parts: &[String]) -> String {
    let there: Vec<&str> = parts.iter().map(String::as_str).filter(|part| !part.is_empty()).collect();
    there.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_too_long() {
        let text = "word ".repeat(90);
        for indent in [0, 13] {
            let text = wrapped(&text, indent);
            assert!(text.lines().all(|line| line.len() <= WIDTH && line.starts_with(&" ".repeat(indent))), "{text}");
            assert_eq!(text.split_whitespace().count(), 90);
        }
        let rows = vec![vec!["a".to_owned(), "long words ".repeat(12)], vec!["b".to_owned(), "c".to_owned()]];
        let table = table(&["x", "y"], &[], rows);
        assert!(table.lines().skip(1).all(|line| line.chars().count() <= WIDTH), "{table}");
    }

    #[test]
    fn a_name_stays_in_one_piece_where_there_is_room() {
        let name = "high_school_government_and_politics";
        let rows = vec![vec![name.to_owned(), "−3.7 (−18.2 to 9.5)".to_owned(), "worse than the last tier ".repeat(3)]];
        let table = table(&["segment", "points worse", ""], &[1], rows);
        assert!(table.contains(name) && table.contains("−3.7 (−18.2 to 9.5)"), "{table}");
        assert!(table.lines().skip(1).all(|line| line.chars().count() <= WIDTH), "{table}");
    }

    #[test]
    fn no_number_is_broken_in_a_narrow_terminal() {
        let head = ["tier", "gate value", "right", "AUROC", "wrong then", "abstained", ""];
        let row = |tier: &str| {
            let cells = [tier, "mean-logprob", "62.2 %", "0.871", "10.1 (8.9 to 11.4)", "1,006", "it does not beat the length"];
            cells.map(str::to_owned).to_vec()
        };
        let rows = [row("small"), row("medium")];
        for width in 20..110 {
            let text = anstream::adapter::strip_str(&within(width, &head, &[2, 3, 4, 5], &[5, 3], &rows)).to_string();
            for whole in ["mean-logprob", "62.2 %", "medium", "length"] {
                assert_eq!(text.matches(whole).count(), if whole == "medium" { 1 } else { 2 }, "{whole} at {width}:\n{text}");
            }
            let short = text.lines().all(|line| line.chars().count() <= width);
            assert!(short || width < 32, "{width}:\n{text}");
            assert!(text.contains("10.1 (8.9 to 11.4)") || width < 32, "{width}:\n{text}");
        }
    }

    #[test]
    fn what_can_be_spared_goes_before_the_table_does() {
        let (head, rows) = (["tier", "right", "spare"], [vec!["small".to_owned(), "62.2 %".to_owned(), "0.1234".to_owned()]]);
        let at = |width| anstream::adapter::strip_str(&within(width, &head, &[1, 2], &[2], &rows)).to_string();
        insta::assert_snapshot!(at(30), @"
        tier    right   spare
        small  62.2 %  0.1234
        ");
        insta::assert_snapshot!(at(17), @"
        tier    right
        small  62.2 %
        ");
        insta::assert_snapshot!(at(14), @"
        small
          right 62.2 %
          spare 0.1234
        ");
    }
}
