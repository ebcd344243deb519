//! Problems in cascade files, drawn as compilers do.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use tierfall::config::{Diagnostic, Severity};

/// One problem with its source line, its place underlined, and what to do.
pub(crate) fn draw(diagnostic: &Diagnostic, path: &str, text: &str) -> String {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(&diagnostic.message).id(diagnostic.code.id);
    let mut snippet = Snippet::source(text).path(path).fold(true);
    // A span past the end cannot be drawn; the message alone still helps.
    if diagnostic.span.end <= text.len() && !text.is_empty() {
        snippet = snippet.annotation(AnnotationKind::Primary.span(diagnostic.span.clone()));
        let labels = diagnostic.labels.iter().filter(|(span, _)| span.end <= text.len());
        for (span, label) in labels {
            snippet = snippet.annotation(AnnotationKind::Context.span(span.clone()).label(label));
        }
    }
    let mut group = Group::with_title(title);
    if !text.is_empty() {
        group = group.element(snippet);
    }
    if let Some(help) = &diagnostic.help {
        group = group.element(Level::HELP.message(help));
    }
    // Colours are always drawn here and dropped on the way out where they are not wanted.
    Renderer::styled().render(&[group])
}
