//! A problem in a cascade file, as plain data, and its rendering as plain text.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde::Serialize;

use super::code::Code;
use crate::fault::Fault;

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

    /// Notes what keeps parts from working together.
    pub(crate) fn fault(&mut self, span: Range<usize>, fault: Fault) -> &mut Diagnostic {
        self.error(fault.code, span, fault.message).maybe_help(fault.help)
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

    /// Draws the problem beneath its source line as compilers do, without colour.
    pub fn render(&self, path: &str, text: &str) -> String {
        self.draw(path, text, &Renderer::plain())
    }

    /// The same with the colours of a terminal, as ANSI escapes.
    pub fn render_styled(&self, path: &str, text: &str) -> String {
        self.draw(path, text, &Renderer::styled())
    }

    fn draw(&self, path: &str, text: &str, renderer: &Renderer) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let mut group = Group::with_title(level.primary_title(&self.message).id(self.code.id));
        // An empty text has no place that could be shown.
        if !text.is_empty() {
            let labels = self.labels.iter().map(|(span, label)| AnnotationKind::Context.span(within(text, span)).label(label));
            let primary = AnnotationKind::Primary.span(within(text, &self.span));
            group = group.element(Snippet::source(text).path(path).annotation(primary).annotations(labels));
        }
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help));
        }
        renderer.render(&[group])
    }
}

/// What of a span can be drawn: whole characters of the text, forwards.
fn within(text: &str, span: &Range<usize>) -> Range<usize> {
    let floor = |at: usize| text.floor_char_boundary(at);
    let (start, end) = (floor(span.start), floor(span.end));
    start..end.max(start)
}

/// A cascade file that cannot be used: every problem that was found, and the text that they point into. Its `Debug` is its message.
#[derive(Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The cascade file.
    pub path: PathBuf,
    /// Its text, with everything overwritten that looks like a secret; empty where it could not be read.
    pub text: String,
    /// The problems, in the order of the file.
    pub diagnostics: Vec<Diagnostic>,
}

tierfall_core::debug_is_message!(ConfigError);

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
            writeln!(f, "{}\n", diagnostic.render(&path, &self.text))?;
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
        3 |
        4 |     tabbed = 3
          |     ^^^^^^
          |
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
