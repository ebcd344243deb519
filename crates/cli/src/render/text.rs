//! Documents in a terminal of at most 100 columns.

use std::fmt::Write as _;
use std::sync::OnceLock;

use anstyle::Style;
use comfy_table::presets::NOTHING;
use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Table as Drawn, Width};

use super::document::{Block, Column, Conclusion, Document, Fact, Form, Line, Table, Tone};
use super::printable;
use super::style::{BAD, DIM, GOOD, HINT, STRONG, WARN, paint};

/// The whole document.
pub(crate) fn document(document: &Document<'_>) -> String {
    blocks(document.blocks(Form::Terminal))
}

/// Blocks with a blank line between them; empty ones are left out.
pub(super) fn blocks<'b, 'a: 'b>(blocks: impl IntoIterator<Item = &'b Block<'a>>) -> String {
    let drawn: Vec<String> = blocks.into_iter().map(block).filter(|block| !block.is_empty()).collect();
    drawn.join("\n")
}

fn block(block: &Block<'_>) -> String {
    match block {
        Block::Conclusion(verdict) => self::verdict(verdict),
        Block::Promise { statement, numbers } => {
            let number = |fact: &Fact| line(&Line::led(2, Tone::Soft, fact.sentence(), ""));
            wrapped(statement, 2) + &numbers.iter().map(number).collect::<String>()
        }
        Block::Tiers { of, tiers } => in_force(*of, tiers),
        Block::Facts { name, facts } => beside(name, facts.iter().map(|fact| (String::new(), fact.sentence()))),
        Block::Joined(all) => all.iter().map(self::block).collect(),
        Block::Lines(lines) => lines.iter().map(line).collect(),
        Block::Warnings(all) => all.iter().map(|one| hanging(WARN, "!", one)).collect(),
        Block::Table(table) => self::table(table),
        Block::Steps(steps) => steps.iter().map(step).collect(),
        // Drawings, and what they stand among.
        Block::Origin(_) | Block::Curve(_) | Block::Tier { .. } | Block::Footer(_) => String::new(),
    }
}

fn style(tone: Tone) -> Style {
    match tone {
        Tone::Good => GOOD,
        Tone::Unsure => WARN,
        Tone::Bad => BAD,
        Tone::Strong => STRONG,
        Tone::Soft => DIM,
        Tone::Plain => Style::new(),
    }
}

fn verdict(verdict: &Conclusion) -> String {
    let Conclusion { tone, mark, headline, long, said } = verdict;
    let blank = if mark.is_empty() { "" } else { " " };
    let headline = format!("{mark}{blank}{headline}");
    let headline = if *long { wrapped(&headline, 0) } else { printable::line(&headline) };
    format!("{}\n{}", paint(style(*tone), headline.trim_end()), said.iter().map(line).collect::<String>())
}

/// A sentence in lines, its lead in colour.
fn line(line: &Line) -> String {
    let Line { tone, lead, text, indent } = line;
    if *tone == Tone::Plain {
        return wrapped(&format!("{lead}{text}"), *indent);
    }
    let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).count();
    let drawn = wrapped(&format!("{lead}{text}"), *indent);
    // The lead ends behind as many letters as it has: blanks in it may have become line ends.
    let last = letters(&wrapped(lead, 0)).saturating_sub(1);
    let end = drawn.char_indices().filter(|(_, c)| !c.is_whitespace()).nth(last).map_or(0, |(at, c)| at + c.len_utf8());
    let begin = if text.is_empty() { 0 } else { *indent };
    format!("{}{}{}", &drawn[..begin], paint(style(*tone), &drawn[begin..end]), &drawn[end..])
}

fn in_force(of: Option<&str>, tiers: &[(String, bool, String)]) -> String {
    let wide = tiers.iter().map(|(name, ..)| name.chars().count()).max().unwrap_or(0);
    let of = of.map(|of| (String::new(), of.to_owned()));
    beside("in force", of.into_iter().chain(tiers.iter().map(|(name, _, does)| (format!("{name:wide$}  "), does.clone()))))
}

/// What to do now.
fn step((what_for, command): &(String, String)) -> String {
    let command = if command.is_empty() { String::new() } else { format!("  {}\n", paint(HINT, command)) };
    wrapped(what_for, 0) + &command
}

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

/// Lines beside a name: `expected     75 % right`. Lines that are too long go on below their beginning, and what is set before one of
/// them keeps its blanks.
fn beside(name: &str, lines: impl IntoIterator<Item = (String, String)>) -> String {
    const BESIDE: usize = 13;
    let mut out = String::new();
    for (place, (before, line)) in lines.into_iter().enumerate() {
        let before = printable::line(&before);
        let indent = BESIDE + before.chars().count();
        let blanks = BESIDE.saturating_sub(name.chars().count());
        let head = if place == 0 { format!("{}{:blanks$}", paint(STRONG, name), "") } else { " ".repeat(BESIDE) };
        let _ = write!(out, "{head}{before}{}", wrapped(&line, indent).trim_start());
    }
    out
}

/// A table; nothing where it has no rows.
fn table(table: &Table) -> String {
    let printed =
        |column: &Column| Column { cells: column.cells.iter().map(|cell| printable::line(cell)).collect(), ..column.clone() };
    let columns: Vec<Column> = table.columns.iter().filter(|column| !column.page_only).map(printed).collect();
    let text = within(width(), &columns);
    columns.last().map_or_else(String::new, |last| coloured(&text, last))
}

fn within(width: usize, columns: &[Column]) -> String {
    if columns.first().is_none_or(|first| first.cells.is_empty()) {
        return String::new();
    }
    let whole = set(columns);
    if whole.lines().all(|line| line.trim_end().chars().count() <= width + 1) {
        return lines(&whole, DIM);
    }
    // A blank on both sides of each.
    let needs = |kept: &[Column]| kept.iter().map(|column| least(column) + 2).sum::<usize>();
    let mut kept = columns.to_vec();
    for order in 1..=columns.iter().map(|column| column.spare).max().unwrap_or(0) {
        if needs(&kept) > width {
            kept.retain(|column| column.spare != order);
        }
    }
    if needs(&kept) > width {
        return list(width, columns);
    }
    let mut table = set(&kept);
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(u16::try_from(width).unwrap_or(u16::MAX));
    for (drawn, column) in table.column_iter_mut().zip(&kept) {
        let wide = u16::try_from(least(column) + 2).unwrap_or(u16::MAX);
        drawn.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(wide)));
    }
    lines(&table, DIM)
}

/// How wide columns are that have room for their cells.
pub(crate) fn widths<'c, const N: usize>(rows: &(impl Iterator<Item = &'c [String; N]> + Clone)) -> [usize; N] {
    std::array::from_fn(|at| rows.clone().map(|cells| cells[at].chars().count()).max().unwrap_or(0))
}

/// A table as wide as it is, in one colour.
pub(crate) fn unbounded(columns: &[Column]) -> String {
    lines(&set(columns), Style::new())
}

fn set(columns: &[Column]) -> Drawn {
    let cell = |column: &Column, text: &str| {
        Cell::new(text).set_alignment(if column.number { CellAlignment::Right } else { CellAlignment::Left })
    };
    let mut table = Drawn::new();
    table.load_style(NOTHING);
    table.set_header(columns.iter().map(|column| cell(column, &column.head)));
    for row in 0..columns[0].cells.len() {
        table.add_row(columns.iter().map(|column| cell(column, &column.cells[row])));
    }
    table
}

/// A drawn table's last column in colour; colours inside a table would count as letters.
fn coloured(table: &str, last: &Column) -> String {
    let mut cells = last.cells.iter().zip(&last.tones).peekable();
    let mut text = String::new();
    for line in table.lines() {
        let before = cells.peek().and_then(|(cell, _)| line.strip_suffix(cell.as_str())).filter(|before| before.ends_with(' '));
        let painted = before.and_then(|before| {
            let (cell, tone) = cells.next()?;
            Some(format!("{before}{}", paint(style(*tone), cell)))
        });
        let _ = writeln!(text, "{}", painted.as_deref().unwrap_or(line));
    }
    text
}

/// Text reads badly in a column that is narrower than this.
const READABLE: usize = 20;

/// The least width of a column: numbers stay in one piece, and so do words; sentences have some room.
fn least(column: &Column) -> usize {
    let word = |text: &str| text.split_whitespace().map(|word| word.chars().count()).max().unwrap_or(0);
    let cells = column.cells.iter().map(|cell| {
        let whole = cell.chars().count();
        if column.number { whole } else { word(cell).max(whole.min(READABLE)) }
    });
    cells.chain([word(&column.head)]).max().unwrap_or(0)
}

/// What a table says where it has no room: every row by itself, with the names of its columns.
fn list(width: usize, columns: &[Column]) -> String {
    let mut out = String::new();
    for row in 0..columns[0].cells.len() {
        let cells = columns.iter().map(|column| (&column.head, &column.cells[row])).enumerate();
        let parts = cells.filter(|(_, (_, cell))| !cell.is_empty()).map(|(at, (name, cell))| match at {
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

/// A table without the blanks around it, its head in a style.
fn lines(table: &Drawn, head: Style) -> String {
    let line = |(place, line): (usize, String)| {
        let line = line.trim_end();
        let line = line.strip_prefix(' ').unwrap_or(line);
        if place == 0 { paint(head, line) + "\n" } else { format!("{line}\n") }
    };
    table.lines().enumerate().map(line).collect()
}

/// Text after a word in colour, its further lines set in.
pub(crate) fn hanging(style: Style, lead: &str, text: &str) -> String {
    let text = wrapped(&format!("{lead} {text}"), 0);
    format!("{}{}\n", paint(style, lead), text[lead.len()..].trim_end().replace('\n', "\n  "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::document::Rows;

    /// Rows with these heads, `numbers` and `spare` being places of columns.
    fn drawn<const N: usize>(
        width: usize,
        head: &[&'static str; N],
        numbers: &[usize],
        spare: &[usize],
        rows: &[[&str; N]],
    ) -> String {
        let of = Rows(rows);
        let column = |at: usize| {
            let order = spare.iter().position(|spare| *spare == at).map_or(0, |place| place + 1);
            let column = of.text(head[at], |row| row[at].to_owned()).spare(u8::try_from(order).unwrap());
            if numbers.contains(&at) { column.number() } else { column }
        };
        let columns: Vec<Column> = (0..N).map(column).collect();
        anstream::adapter::strip_str(&within(width, &columns)).to_string()
    }

    #[test]
    fn no_line_is_too_long() {
        let text = "word ".repeat(90);
        for indent in [0, 13] {
            let text = wrapped(&text, indent);
            assert!(text.lines().all(|line| line.len() <= WIDTH && line.starts_with(&" ".repeat(indent))), "{text}");
            assert_eq!(text.split_whitespace().count(), 90);
        }
        let table = drawn(WIDTH, &["x", "y"], &[], &[], &[["a", &"long words ".repeat(12)], ["b", "c"]]);
        assert!(table.lines().skip(1).all(|line| line.chars().count() <= WIDTH), "{table}");
    }

    #[test]
    fn a_name_stays_in_one_piece_where_there_is_room() {
        let name = "high_school_government_and_politics";
        let row = [name, "−3.7 (−18.2 to 9.5)", &"worse than the last tier ".repeat(3)];
        let table = drawn(WIDTH, &["segment", "points worse", ""], &[1], &[], &[row]);
        assert!(table.contains(name) && table.contains("−3.7 (−18.2 to 9.5)"), "{table}");
        assert!(table.lines().skip(1).all(|line| line.chars().count() <= WIDTH), "{table}");
    }

    #[test]
    fn no_number_is_broken_in_a_narrow_terminal() {
        let head = ["tier", "gate value", "right", "AUROC", "wrong then", "abstained", ""];
        let row = |tier| [tier, "mean-logprob", "62.2 %", "0.871", "10.1 (8.9 to 11.4)", "1,006", "it does not beat the length"];
        let rows = [row("small"), row("medium")];
        for width in 20..110 {
            let text = drawn(width, &head, &[2, 3, 4, 5], &[5, 3], &rows);
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
        let at = |width| drawn(width, &["tier", "right", "spare"], &[1, 2], &[2], &[["small", "62.2 %", "0.1234"]]);
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
