//! A report as data: what it says, in the order in which it is read. It is made in one place a report, and drawn by one writer a form:
//! [`super::text`] for a terminal, [`super::html`] for a file.

use std::collections::BTreeMap;

use tierfall_calibrate::report::{Estimate, FrontierPoint, Spot, TierReport};

/// A report.
pub(crate) struct Document<'a> {
    /// The name of the file's page.
    pub(crate) title: String,
    /// What it is about; on a page, where the command that asked does not stand above it.
    pub(crate) about: String,
    /// How a page means it as a whole.
    pub(super) tone: Tone,
    /// What a page says of it in a word: of the whole, then of parts of which that is not true.
    pub(super) badges: Vec<(Tone, String)>,
    blocks: Vec<(Form, Block<'a>)>,
}

/// Where a block is drawn.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Everywhere,
    Terminal,
    Page,
}

impl<'a> Document<'a> {
    pub(super) fn new(title: String, about: String, tone: Tone) -> Self {
        Self { title, about, tone, badges: Vec::new(), blocks: Vec::new() }
    }

    pub(super) fn add(&mut self, block: Block<'a>) {
        self.blocks.push((Form::Everywhere, block));
    }

    /// Adds what there is no room for in a terminal.
    pub(super) fn on_page(&mut self, block: Block<'a>) {
        self.blocks.push((Form::Page, block));
    }

    /// Adds what a page says in another way.
    pub(super) fn in_terminal(&mut self, block: Block<'a>) {
        self.blocks.push((Form::Terminal, block));
    }

    /// What is drawn in a form.
    pub(super) fn blocks(&self, form: Form) -> impl Iterator<Item = &Block<'a>> {
        self.blocks.iter().filter(move |(only, _)| [Form::Everywhere, form].contains(only)).map(|(_, block)| block)
    }
}

/// A part of a report; in a terminal a blank line is between two.
pub(super) enum Block<'a> {
    Conclusion(Conclusion),
    /// A promise in words, and its numbers.
    Promise {
        statement: &'a str,
        numbers: Vec<Fact>,
    },
    /// What each tier of the declared chain does: its name, whether it is asked, and what it does.
    Tiers {
        /// Of which requests this is said, where not of all.
        of: Option<&'static str>,
        tiers: Vec<(String, bool, String)>,
    },
    /// What was measured or is expected, beside a name.
    Facts {
        name: &'static str,
        facts: Vec<Fact>,
    },
    Lines(Vec<Line>),
    /// Blocks with no blank line between them.
    Joined(Vec<Block<'a>>),
    /// What the user should know.
    Warnings(&'a [String]),
    Table(Table),
    /// What to do now: what it is for, and the command.
    Steps(&'a [(String, String)]),
    /// Where it comes from, as names and values.
    Origin(Vec<(&'static str, String)>),
    Curve(Curve<'a>),
    /// How well a tier knows when it is right. `sees_all` is whether every request reaches it: only there is what it accepts a point of
    /// the curve over all requests.
    Tier {
        tier: &'a TierReport,
        sees_all: bool,
    },
    /// What goes without saying for those who know it.
    Footer(&'static str),
}

/// How something is meant: a colour in a terminal and on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tone {
    Good,
    Unsure,
    Bad,
    Strong,
    Soft,
    Plain,
}

impl Tone {
    /// A mark that needs no colour; empty where nothing is judged.
    pub(super) fn mark(self) -> &'static str {
        match self {
            Self::Good => "✓",
            Self::Unsure => "?",
            Self::Bad => "✗",
            Self::Strong | Self::Soft | Self::Plain => "",
        }
    }
}

/// What it all comes to, and why.
pub(super) struct Conclusion {
    pub(super) tone: Tone,
    /// A mark that needs no colour; may be empty.
    pub(super) mark: &'static str,
    pub(super) headline: String,
    /// Whether the headline is a sentence of any length, which a terminal sets in lines.
    pub(super) long: bool,
    pub(super) said: Vec<Line>,
}

impl Conclusion {
    pub(super) fn new(tone: Tone, headline: impl Into<String>, said: impl IntoIterator<Item = Line>) -> Self {
        Self { tone, mark: tone.mark(), headline: headline.into(), long: false, said: said.into_iter().collect() }
    }
}

/// A sentence, of which the beginning may have a tone.
pub(super) struct Line {
    pub(super) tone: Tone,
    pub(super) lead: String,
    pub(super) text: String,
    /// Blanks before it in a terminal.
    pub(super) indent: usize,
}

impl Line {
    pub(super) fn plain(indent: usize, text: impl Into<String>) -> Self {
        Self { tone: Tone::Plain, lead: String::new(), text: text.into(), indent }
    }

    /// What is worth saying in passing.
    pub(super) fn note(text: impl Into<String>) -> Self {
        Self::led(0, Tone::Soft, text, "")
    }

    pub(super) fn led(indent: usize, tone: Tone, lead: impl Into<String>, text: impl Into<String>) -> Self {
        Self { tone, lead: lead.into(), text: text.into(), indent }
    }
}

/// A sentence with the number that it is about.
pub(super) struct Fact {
    pub(super) before: &'static str,
    /// Empty in a sentence about no number.
    pub(super) value: String,
    pub(super) after: String,
}

impl Fact {
    pub(super) fn new(before: &'static str, value: impl Into<String>, after: impl Into<String>) -> Self {
        Self { before, value: value.into(), after: after.into() }
    }

    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self::new("", "", text)
    }

    pub(super) fn sentence(&self) -> String {
        format!("{}{}{}", self.before, self.value, self.after)
    }
}

/// A table whose first column names its rows; one that has no rows is not drawn.
#[derive(Default)]
pub(super) struct Table {
    /// Its name on a page; may be empty.
    pub(super) title: &'static str,
    /// What a page says above it; may be empty.
    pub(super) caption: String,
    pub(super) columns: Vec<Column>,
    /// The rows that a page sets off: what is in force or to be looked at.
    pub(super) chosen: Vec<bool>,
}

impl Table {
    /// One that needs no name.
    pub(super) fn of(columns: Vec<Column>) -> Self {
        Self::titled("", "", columns)
    }

    pub(super) fn titled(title: &'static str, caption: impl Into<String>, columns: Vec<Column>) -> Self {
        Self { title, caption: caption.into(), columns, chosen: Vec::new() }
    }

    pub(super) fn choosing<T>(self, rows: &[T], chosen: impl Fn(&T) -> bool) -> Self {
        Self { chosen: rows.iter().map(chosen).collect(), ..self }
    }

    pub(super) fn rows(&self) -> usize {
        self.columns.first().map_or(0, |column| column.cells.len())
    }
}

/// A column: its head, and a cell a row.
#[derive(Clone)]
pub(crate) struct Column {
    pub(super) head: String,
    pub(super) cells: Vec<String>,
    /// How each cell is meant, where that is known.
    pub(super) tones: Vec<Tone>,
    pub(super) number: bool,
    /// Whether a terminal has no room for it.
    pub(super) page_only: bool,
    /// The order in which columns go where there is no room, 1 first; 0 stays.
    pub(super) spare: u8,
}

impl Column {
    pub(super) fn number(self) -> Self {
        Self { number: true, ..self }
    }

    pub(super) fn on_page(self) -> Self {
        Self { page_only: true, ..self }
    }

    pub(super) fn spare(self, order: u8) -> Self {
        Self { spare: order, ..self }
    }
}

/// What columns are made of.
pub(crate) struct Rows<'r, T>(pub(crate) &'r [T]);

impl<'r, T> Rows<'r, T> {
    pub(crate) fn text(&self, head: impl Into<String>, cell: impl Fn(&'r T) -> String) -> Column {
        let cells = self.0.iter().map(cell).collect();
        Column { head: head.into(), cells, tones: Vec::new(), number: false, page_only: false, spare: 0 }
    }

    pub(crate) fn number(&self, head: impl Into<String>, cell: impl Fn(&'r T) -> String) -> Column {
        self.text(head, cell).number()
    }

    pub(super) fn toned(&self, head: impl Into<String>, cell: impl Fn(&'r T) -> (Tone, String)) -> Column {
        let (tones, cells) = self.0.iter().map(cell).unzip();
        Column { cells, tones, ..self.text(head, |_| String::new()) }
    }
}

/// Cost against quality: what was searched, what is promised, what is chosen, and what is had without a cascade.
pub(super) struct Curve<'a> {
    pub(super) last: &'a str,
    /// Mean cost of always asking the last tier, which costs are shown as shares of.
    pub(super) cost_last: Option<f64>,
    pub(super) frontier: &'a [FrontierPoint],
    pub(super) baselines: &'a BTreeMap<String, Spot>,
    /// The point in force: its share of right answers and its cost in USD.
    pub(super) chosen: Option<(Estimate, f64)>,
    /// What is to be said of the chosen point, like `as expected on new requests`.
    pub(super) chosen_is: &'static str,
    /// Further dots: a name, a cost in USD and a share of right answers.
    pub(super) points: Vec<(String, f64, f64)>,
    /// What these are, like `further operating points`.
    pub(super) points_are: &'static str,
    /// The quality that is asked for.
    pub(super) floor: Option<f64>,
}

impl<'a> Curve<'a> {
    /// What is had without a cascade; a cost of nothing is none to take shares of.
    pub(super) fn new(last: &'a str, cost_last: Option<f64>, baselines: &'a BTreeMap<String, Spot>) -> Self {
        let cost_last = cost_last.filter(|cost| *cost > 0.0);
        let (chosen, points, floor) = (None, Vec::new(), None);
        Self { last, cost_last, frontier: &[], baselines, chosen, chosen_is: "", points, points_are: "", floor }
    }
}
