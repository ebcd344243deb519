//! What `tierfall regress` says, in the forms that people and CI systems read. Each is a pure function of the report.

mod changes;
mod github;
mod json;
mod junit;
mod markdown;
#[cfg(test)]
mod sample;
mod segments;
mod text;
#[cfg(test)]
mod valid_junit;
mod words;

pub(super) use text::{changes, conclusions};

use tierfall_calibrate::regress::{Check, Report, Verdict};

/// A form of the report.
pub(crate) struct Format {
    /// As it is asked for.
    pub(crate) name: &'static str,
    /// What it is for.
    pub(crate) about: &'static str,
    /// Draws it.
    pub(crate) draw: fn(&Sheet<'_>) -> String,
}

/// The forms, the default first.
pub(crate) const FORMATS: &[Format] = &[
    Format { name: "text", about: "For a terminal", draw: text::text },
    Format { name: "json", about: "Everything, for programs", draw: json::json },
    Format { name: "junit", about: "JUnit XML, for the test reports of GitLab, Jenkins and others", draw: junit::junit },
    Format { name: "markdown", about: "For the summary of a pull request", draw: markdown::markdown },
    Format { name: "github", about: "Workflow commands of GitHub Actions, which annotate the files", draw: github::github },
];

/// The form of that name; the default for others, which the command line does not let through.
pub(crate) fn format(name: &str) -> &'static Format {
    FORMATS.iter().find(|format| format.name == name).unwrap_or(&FORMATS[0])
}

/// What is drawn.
pub(crate) struct Sheet<'a> {
    pub(crate) report: &'a Report,
    /// The cascades that could not be judged.
    pub(crate) problems: &'a [Problem],
    /// Whether an inconclusive check fails.
    pub(crate) strict: bool,
    /// How many changed examples are shown a section, where not all are.
    pub(crate) max_changes: usize,
    /// Where the checks are that are not shown, in words.
    pub(crate) all_checks: &'static str,
}

/// A cascade that could not be judged, and why.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) cascade: String,
    pub(crate) why: String,
}

/// What a check comes to for those who wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    /// It holds, or it only watches and has seen nothing.
    Fine,
    /// Nothing is known, and that matters.
    Unsure,
    /// It fails.
    Bad,
}

impl Sheet<'_> {
    fn says(&self, check: &Check) -> Says {
        match check.verdict {
            Verdict::Fail => Says::Bad,
            Verdict::Inconclusive if check.decides && self.strict => Says::Bad,
            Verdict::Inconclusive if check.decides => Says::Unsure,
            Verdict::Inconclusive | Verdict::Pass => Says::Fine,
        }
    }

    /// Of everything together; a cascade that could not be judged does not pass.
    fn verdict(&self) -> Verdict {
        if self.problems.is_empty() { self.report.verdict } else { Verdict::Fail }
    }
}
