//! What `tierfall regress` says, in the forms that people and CI systems read. Each is a pure function of the report.

mod changes;
mod github;
mod html;
mod json;
mod junit;
mod markdown;
#[cfg(test)]
mod sample;
mod segments;
mod sheet;
mod text;
#[cfg(test)]
mod valid_junit;
mod words;

pub(super) use changes::blocks;
pub(crate) use sheet::{Sheet, Unjudged};
pub(super) use words::conclusions;

/// A form of the report.
#[derive(Debug)]
pub(crate) struct Format {
    /// As it is asked for.
    pub(crate) name: &'static str,
    /// What it is for.
    pub(crate) about: &'static str,
    /// Draws it.
    pub(crate) draw: fn(&Sheet<'_>) -> String,
}

pub(crate) const TEXT: Format = Format { name: "text", about: "For a terminal", draw: text::text };

pub(crate) const HTML: Format =
    Format { name: "html", about: "A page in one file, with the texts of what changed", draw: html::html };

/// The forms, the default first.
pub(crate) const FORMATS: &[Format] = &[
    TEXT,
    Format { name: "json", about: "Everything, for programs", draw: json::json },
    HTML,
    Format { name: "junit", about: "JUnit XML, for the test reports of GitLab, Jenkins and others", draw: junit::junit },
    Format { name: "markdown", about: "For the summary of a pull request", draw: markdown::markdown },
    Format { name: "github", about: "Workflow commands of GitHub Actions, which annotate the files", draw: github::github },
];
