//! Paragraphs and tables in a terminal of at most 100 columns.

use std::fmt::Write as _;
use std::sync::OnceLock;

use comfy_table::presets::NOTHING;
use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table, Width};

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
    let mut out = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let long = word.chars().count();
        if used > 0 && used + 1 + long > width().saturating_sub(indent) {
            out.push('\n');
            used = 0;
        }
        if used == 0 {
            let _ = write!(out, "{:indent$}{word}", "");
            used = long;
        } else {
            out.push(' ');
            out.push_str(word);
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
    let mut table = Table::new();
    table.load_style(NOTHING);
    let aligned = |(place, text): (usize, String)| {
        let side = if numbers.contains(&place) { CellAlignment::Right } else { CellAlignment::Left };
        Cell::new(text).set_alignment(side)
    };
    table.set_header(head.iter().map(|name| (*name).to_owned()).enumerate().map(aligned));
    for row in rows {
        table.add_row(row.into_iter().enumerate().map(aligned));
    }
    if table.is_empty() {
        return String::new();
    }
    if table.lines().any(|line| line.trim_end().chars().count() > width() + 1) {
        table.set_content_arrangement(ContentArrangement::Dynamic).set_width(u16::try_from(width()).unwrap_or(u16::MAX));
        keep_words(&mut table, numbers);
    }
    let text = lines(&table);
    match text.split_once('\n') {
        Some((head, rows)) => format!("{}\n{rows}", paint(DIM, head)),
        None => text,
    }
}

/// Keeps the words of a table that is too wide in one piece, where there is room for that: text goes on below, names do not.
fn keep_words(table: &mut Table, numbers: &[usize]) {
    let longest = |at: usize, table: &Table| -> usize {
        let cells = table.header().into_iter().chain(table.row_iter()).filter_map(|row| row.cell_iter().nth(at));
        let whole = numbers.contains(&at);
        let words = |cell: &Cell| -> usize {
            let content = cell.content();
            let word = content.split_whitespace().map(|word| word.chars().count()).max().unwrap_or(0);
            if whole { content.chars().count() } else { word }
        };
        cells.map(words).max().unwrap_or(0)
    };
    let least: Vec<usize> = (0..table.column_count()).map(|at| longest(at, table)).collect();
    // A blank on both sides of each.
    if least.iter().map(|wide| wide + 2).sum::<usize>() > width() {
        return;
    }
    for (column, wide) in table.column_iter_mut().zip(least) {
        let wide = u16::try_from(wide + 2).unwrap_or(u16::MAX);
        column.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(wide)));
    }
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
}
