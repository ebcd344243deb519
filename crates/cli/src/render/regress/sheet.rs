//! What the forms of the report are drawn from.

use tierfall_calibrate::regress::{Check, Report, Verdict};

/// What is drawn.
pub(crate) struct Sheet<'a> {
    pub(crate) report: &'a Report,
    /// The cascades that could not be judged.
    pub(crate) problems: &'a [Unjudged],
    /// Whether an inconclusive check fails.
    pub(crate) strict: bool,
    /// How many changed examples are shown a section, where not all are.
    pub(crate) max_changes: usize,
    /// Where the checks are that are not shown, in words.
    pub(crate) all_checks: &'static str,
}

/// A cascade that could not be judged, and why.
#[derive(Clone, Debug)]
pub(crate) struct Unjudged {
    pub(crate) cascade: String,
    /// The line of its first problem, where that is known.
    pub(crate) line: Option<usize>,
    pub(crate) why: String,
}

/// What a check comes to for those who wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// It holds, or it only watches and has seen nothing.
    Fine,
    /// Nothing is known, and that matters.
    Unsure,
    /// It fails.
    Bad,
}

impl Sheet<'_> {
    pub(super) fn says(&self, check: &Check) -> Says {
        match check.verdict {
            Verdict::Fail => Says::Bad,
            Verdict::Inconclusive if check.decides && self.strict => Says::Bad,
            Verdict::Inconclusive if check.decides => Says::Unsure,
            Verdict::Inconclusive | Verdict::Pass => Says::Fine,
        }
    }

    /// Of everything together; a cascade that could not be judged does not pass.
    pub(super) fn verdict(&self) -> Verdict {
        if self.problems.is_empty() { self.report.verdict } else { Verdict::Fail }
    }
}
