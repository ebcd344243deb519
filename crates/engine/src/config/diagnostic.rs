//! A problem in a cascade file, as plain data, and its rendering as plain text.

use std::fmt::{self, Write};
use std::ops::Range;
use std::path::PathBuf;

use serde::Serialize;

use super::code::Code;

tierfall_core::words! {
    /// How bad a problem is.
    pub enum Severity {
        /// The cascade cannot run.
        Error = "error",
        /// It can, but probably not as meant.
        Warning = "warning",
    }
}

/// One problem. Byte ranges refer to [`ConfigError::text`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// What kind of problem.
    pub code: Code,
    /// How bad.
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// Where.
    pub span: Range<usize>,
    /// Other places that matter, and what they have to do with it.
    pub labels: Vec<(Range<usize>, String)>,
    /// What to do.
    pub help: Option<String>,
}

/// What is found wrong on the way through a file.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Where secrets stand that nobody may be shown.
    pub(crate) secret: Vec<Range<usize>>,
}

impl Found {
    /// Notes an error, to which labels and help may be added.
    pub(crate) fn error(&mut self, code: Code, span: Range<usize>, message: impl Into<String>) -> &mut Diagnostic {
        self.note(Severity::Error, code, span, message.into())
    }

    pub(crate) fn warning(&mut self, code: Code, span: Range<usize>, message: impl Into<String>) -> &mut Diagnostic {
        self.note(Severity::Warning, code, span, message.into())
    }

    fn note(&mut self, severity: Severity, code: Code, span: Range<usize>, message: String) -> &mut Diagnostic {
        let at = self.diagnostics.len();
        self.diagnostics.push(Diagnostic { code, severity, message, span, labels: Vec::new(), help: None });
        &mut self.diagnostics[at]
    }

    /// How many problems were found so far.
    pub(crate) fn len(&self) -> usize {
        self.diagnostics.len()
    }

    /// Whether one of them, after the first so many, is an error.
    pub(crate) fn refuses(&self, after: usize) -> bool {
        self.diagnostics[after..].iter().any(|diagnostic| diagnostic.severity == Severity::Error)
    }
}

impl Diagnostic {
    pub(crate) fn label(&mut self, span: Range<usize>, text: impl Into<String>) -> &mut Self {
        self.labels.push((span, text.into()));
        self
    }

    pub(crate) fn help(&mut self, text: impl Into<String>) -> &mut Self {
        self.maybe_help(Some(text.into()))
    }

    pub(crate) fn maybe_help(&mut self, text: Option<String>) -> &mut Self {
        self.help = text.or(self.help.take());
        self
    }

    /// Line and column of the problem in `text`, both from 1; the column counts characters.
    fn line_and_column(&self, text: &str) -> (usize, usize) {
        let at = Place::of(text, &self.span);
        (at.line, at.column + 1)
    }

    /// Draws the problem beneath its source line, without colour.
    pub fn render(&self, path: &str, text: &str) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = self.draw(&mut out, path, text);
        out
    }

    fn draw(&self, out: &mut String, path: &str, text: &str) -> fmt::Result {
        writeln!(out, "{}[{}]: {}", self.severity, self.code.id, self.message)?;
        if text.is_empty() {
            writeln!(out, " --> {path}")?;
        } else {
            self.excerpt(out, path, text)?;
        }
        if let Some(help) = &self.help {
            writeln!(out, "  = help: {help}")?;
        }
        Ok(())
    }

    fn excerpt(&self, out: &mut String, path: &str, text: &str) -> fmt::Result {
        let mut marks = vec![(Place::of(text, &self.span), '^', "")];
        marks.extend(self.labels.iter().map(|(span, label)| (Place::of(text, span), '-', label.as_str())));
        marks.sort_by_key(|(place, ..)| place.line);
        let (line, column) = self.line_and_column(text);
        let width = marks.last().map_or(1, |(place, ..)| place.line.to_string().len());
        writeln!(out, "{:width$}--> {path}:{line}:{column}", "")?;
        writeln!(out, "{:width$} |", "")?;
        let mut before: Option<usize> = None;
        for (place, mark, label) in &marks {
            if before != Some(place.line) {
                if before.is_some_and(|before| before + 1 < place.line) {
                    writeln!(out, "{:.<width$}...", "")?;
                }
                writeln!(out, "{:>width$} | {}", place.line, place.shown)?;
            }
            before = Some(place.line);
            let underline: String = std::iter::repeat_n(*mark, place.length.max(1)).collect();
            writeln!(out, "{:width$} | {}{underline} {label}", "", place.padding)?;
            // An underline without a label would end in a blank.
            if label.is_empty() {
                out.truncate(out.trim_end().len());
                out.push('\n');
            }
        }
        Ok(())
    }
}

/// Where a span begins, and what is shown of its line.
struct Place {
    line: usize,
    column: usize,
    length: usize,
    shown: String,
    /// Blanks, with the tabs of the line, up to the span.
    padding: String,
}

impl Place {
    /// Most characters of a line that are shown before and after the beginning of a span.
    const BEFORE: usize = 90;
    const AFTER: usize = 70;

    fn of(text: &str, span: &Range<usize>) -> Self {
        let floor = |at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let (start, end) = (floor(span.start), floor(span.end));
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let line = text[line_start..line_end].trim_end_matches('\r');
        let column = text[line_start..start].chars().count();
        let length = text.get(start..end.min(line_end)).unwrap_or_default().chars().count();
        let (from, to) = (column.saturating_sub(Self::BEFORE), column.max(Self::BEFORE) + Self::AFTER);
        let mut shown: String = line.chars().skip(from).take(to - from).collect();
        let mut padding: String =
            line.chars().skip(from).take(column - from).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        if from > 0 {
            shown.insert(0, '…');
            padding.insert(0, ' ');
        }
        if line.chars().count() > to {
            shown.push('…');
        }
        Self { line: text[..start].matches('\n').count() + 1, column, length: length.min(to - column), shown, padding }
    }
}

/// A cascade file that cannot be used: every problem that was found, and the text that they point into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The cascade file.
    pub path: PathBuf,
    /// Its text, with everything overwritten that looks like a secret; empty where it could not be read.
    pub text: String,
    /// The problems, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

impl ConfigError {
    /// How many problems are errors.
    pub(crate) fn errors(&self) -> usize {
        self.diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error).count()
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display().to_string();
        for diagnostic in &self.diagnostics {
            writeln!(f, "{}", diagnostic.render(&path, &self.text))?;
        }
        match self.errors() {
            1 => write!(f, "1 problem in {path}"),
            n => write!(f, "{n} problems in {path}"),
        }
    }
}

impl std::error::Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn several_places_share_one_drawing() {
        let text = "a = 1\nbb = 2\n\n\ttabbed = 3\n";
        let drawn = Found::default()
            .error(Code::BAD_VALUE, 15..21, "two disagree")
            .label(6..8, "with this")
            .help("agree")
            .render("f.toml", text);
        insta::assert_snapshot!(drawn, @r"
        error[C005]: two disagree
         --> f.toml:4:2
          |
        2 | bb = 2
          | -- with this
        ....
        4 | 	tabbed = 3
          | 	^^^^^^
          = help: agree
        ");
    }

    #[test]
    fn long_lines_are_cut_around_the_problem() {
        let text = format!("prompt = \"{}\", x = 1 # {}", "p".repeat(500), "c".repeat(500));
        let at = text.find("x = 1").unwrap();
        let drawn = Found::default().error(Code::UNKNOWN_KEY, at..at + 1, "unknown").render("f.toml", &text);
        let lines: Vec<&str> = drawn.lines().collect();
        assert!(lines[3].chars().count() < 180, "{drawn}");
        assert_eq!(lines[3].chars().position(|c| c == 'x'), lines[4].chars().position(|c| c == '^'), "{drawn}");
    }

    proptest! {
        #[test]
        fn any_span_of_any_text_is_drawn(text in "[a-zäß\\t\\n\\r ]{0,60}", start in 0usize..70, end in 0usize..70) {
            Found::default().error(Code::BAD_VALUE, start..end, "m").label(end..start, "l").render("f", &text);
        }
    }
}
