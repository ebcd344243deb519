//! What a regression run says, as data: the JSON of the command, and what every other format is drawn from.

use serde::Serialize;

tierfall_core::words! {
    /// What is concluded.
    pub enum Verdict {
        /// A limit holds; or worse by the margin is ruled out.
        Pass = "pass",
        /// A limit does not hold; or there is evidence of a regression.
        Fail = "fail",
        /// Neither: too few examples for either claim.
        Inconclusive = "inconclusive",
    }
}

impl Verdict {
    /// Of two verdicts together: a failure before doubt before a pass.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Fail, _) | (_, Self::Fail) => Self::Fail,
            (Self::Inconclusive, _) | (_, Self::Inconclusive) => Self::Inconclusive,
            (Self::Pass, Self::Pass) => Self::Pass,
        }
    }
}

/// What a metric is measured in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// A share of the examples; differences in points.
    Share,
    /// A difference of shares.
    Points,
    /// USD a query; differences relative to what it was.
    Usd,
    /// Milliseconds.
    Ms,
}

/// One metric of one segment, held against a limit or a baseline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    /// What is checked: `accuracy`, `loss-vs-last`, `cost-ratio`, `escalation-rate`, `coverage.TIER`, `latency-p95-ms`,
    /// `availability` (limits of an `[[expect]]`); `quality-vs-baseline`, `cost-vs-baseline`, `latency-vs-baseline`.
    pub name: String,
    /// What its value is measured in.
    #[serde(skip)]
    pub unit: Unit,
    /// The segment; `None` = all examples.
    pub segment: Option<String>,
    /// How many examples say so.
    pub n: u64,
    /// The metric's value now.
    pub value: Option<f64>,
    /// What the value must be at least or at most.
    #[serde(flatten)]
    pub limit: Option<Limit>,
    /// The metric's value under the baseline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<f64>,
    /// How many examples moved, where quality is compared.
    #[serde(flatten)]
    pub moved: Option<Moved>,
    /// The p-value of "it is no worse", adjusted for all other tests of the run: to be compared with `level` as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub p: Option<f64>,
    /// A two-sided 95 % interval: of the value under a limit; of `value − baseline` (relative to the baseline for cost) else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<[f64; 2]>,
    /// The smallest regression that this check would have found with the power of [`Rules`](super::Rules): a regression
    /// below it may go unnoticed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mde: Option<f64>,
    /// What is concluded.
    pub verdict: Verdict,
    /// Whether an inconclusive verdict makes the whole inconclusive: false for segments, which are watched for failures only, and
    /// for what is not concluded on because something before it fails.
    #[serde(skip)]
    pub decides: bool,
    /// Why, in one sentence for people.
    pub why: String,
    /// The line of the cascade file that demands it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
}

impl Check {
    /// One of all examples, `n`, about which nothing is known.
    pub fn new(name: &str, unit: Unit, n: u64) -> Self {
        Self {
            name: name.to_owned(),
            unit,
            segment: None,
            n,
            value: None,
            limit: None,
            baseline: None,
            moved: None,
            p: None,
            interval: None,
            mde: None,
            verdict: Verdict::Inconclusive,
            decides: true,
            why: String::new(),
            line: None,
        }
    }

    /// One of the grades of all examples, `n`, held against those under a baseline.
    pub fn of_quality(n: u64) -> Self {
        Self::new("quality-vs-baseline", Unit::Share, n)
    }

    /// Whether it compares quality with the baseline, over all examples or in a segment.
    pub fn is_of_quality(&self) -> bool {
        self.name == Self::of_quality(0).name
    }

    /// The same of costs.
    pub fn of_cost(n: u64) -> Self {
        Self::new("cost-vs-baseline", Unit::Usd, n)
    }
}

/// How many examples got worse or better than under the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// Those whose grade fell.
    pub lost: u64,
    /// Those whose grade rose.
    pub gained: u64,
}

/// A bound on a value; its key says which, as in `"limit": 0.9, "limit_is": "at-least"`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Limit {
    /// The bound.
    pub limit: f64,
    /// On which side.
    pub limit_is: Side,
}

/// On which side a bound is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The value may not be below it.
    AtLeast,
    /// The value may not be above it.
    AtMost,
}

/// How the examples' answers changed since the baseline; exact.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Changes {
    /// How many are answered by another tier.
    pub tier: u64,
    /// How many were wrong and are right: whose grade rose.
    pub gained: u64,
    /// How many were right and are wrong: whose grade fell.
    pub lost: u64,
    /// How many get another text.
    pub answer: u64,
    /// Examples that the baseline does not have.
    pub added: u64,
    /// Examples of the baseline that are gone.
    pub removed: u64,
    /// Examples whose question, expectation, grader or tags changed; they are not compared.
    pub edited: u64,
    /// Every example whose tier or grade changed, in the order of the set.
    pub items: Vec<Changed>,
}

/// One example that changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Changed {
    /// The example.
    pub id: String,
    /// Its segment.
    pub segment: String,
    /// The tier that answered it under the baseline; `None` = none did.
    pub was_tier: Option<String>,
    /// The tier that answers it now.
    pub tier: Option<String>,
    /// Its grade under the baseline.
    pub was_correct: f64,
    /// Its grade now.
    pub correct: f64,
    /// What was asked and said; `None` where nobody knows.
    #[serde(flatten)]
    pub texts: Option<Texts>,
}

/// What was asked and said in an example that changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Texts {
    /// The last turn of the person.
    pub question: String,
    /// What a right answer says, a text an entry.
    pub expected: Vec<String>,
    /// What was served under the baseline; `None` = nothing, or it is no longer on record.
    pub was_answer: Option<String>,
    /// What is served now; `None` = nothing is.
    pub answer: Option<String>,
}

/// One cascade on one split of one fixture set.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Section {
    /// The cascade file.
    pub cascade: String,
    /// The fixture set.
    pub fixtures: String,
    /// The split.
    pub split: String,
    /// `replay` or `live`.
    pub mode: &'static str,
    /// Examples that were judged.
    pub n: u64,
    /// This section's verdict.
    pub verdict: Verdict,
    /// How answers changed since the baseline; `None` without one.
    pub changes: Option<Changes>,
    /// Limits first, in the order of the file; then the comparison with the baseline.
    pub checks: Vec<Check>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// The line of the cascade file that first asks for it; `None` where no file does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
}

/// What `tierfall regress --format json` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The verdict on all cascades together.
    pub verdict: Verdict,
    /// One entry a cascade, fixture set and split.
    pub cascades: Vec<Section>,
}

impl Report {
    /// The verdict of the sections together.
    pub fn new(cascades: Vec<Section>) -> Self {
        Self { verdict: cascades.iter().map(|section| section.verdict).fold(Verdict::Pass, Verdict::and), cascades }
    }
}
