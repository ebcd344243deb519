//! A promise in words.

use std::fmt::Write as _;

use super::goal::Goal;
use super::test::{Test, TestKind};
use super::{BY_CONSTRUCTION, Labels};
use crate::ask::LatencyLimit;
use tierfall_core::fit::Guarantee;

/// What is promised, and on what it rests.
pub(crate) struct Promise<'p> {
    /// That certified it: its method is named, and whose grades it read.
    pub(crate) test: &'p Test<'p>,
    pub(crate) labels: &'p Labels<'p>,
    /// The gated tiers that the promised policy asks.
    pub(crate) asked: &'p [usize],
    /// At which it is made; the other gate values that share δ have as much.
    pub(crate) delta: f64,
    /// In the target's terms.
    pub(crate) bound: f64,
    pub(crate) latency: Option<LatencyLimit>,
    /// What the promise is about beside "the deployed policy", like one segment.
    pub(crate) scope: &'p str,
    /// Whether it is made for every segment by itself.
    pub(crate) each_segment: bool,
    pub(crate) seed: u64,
    /// Whether the policy is the last tier alone, which loses nothing against itself, whatever the rows are.
    pub(crate) by_construction: bool,
}

impl Promise<'_> {
    /// The promise, as it is kept in a fit.
    pub(crate) fn guarantee(&self) -> Guarantee {
        // Against itself no tier loses anything: that needs no rows.
        let (method, finite_sample) = if self.by_construction { (BY_CONSTRUCTION, true) } else { self.test.kind.name() };
        Guarantee {
            delta: self.stated_delta(),
            method: method.into(),
            bound: self.bound,
            finite_sample,
            judge: self.judge().map(str::to_owned),
            each_segment: self.each_segment,
            conditions: self.conditions().collect(),
            statement: self.statement(),
        }
    }

    /// All candidates hold together at this error, so whichever is chosen does.
    fn stated_delta(&self) -> f64 {
        self.delta * (1 + self.test.table.basis.rivals) as f64
    }

    /// Whose grades were taken for right, where they are not people's.
    fn judge(&self) -> Option<&str> {
        match self.labels {
            Labels::Judge { name } => Some(name),
            Labels::Ppi { judge, .. } if self.test.humans().is_none() => Some(judge),
            Labels::Human | Labels::Ppi { .. } => None,
        }
    }

    /// Whether it would not hold of any rows whatever.
    fn rests_on_rows(&self) -> bool {
        !self.by_construction || self.latency.is_some()
    }

    fn conditions(&self) -> impl Iterator<Item = String> {
        let all = if self.rests_on_rows() { self.test.table.conditions(self.asked) } else { Vec::new() };
        all.into_iter().map(|condition| condition.to_string())
    }

    fn statement(&self) -> String {
        let finite = self.by_construction || self.test.kind.name().1;
        let n = self.test.table.len();
        let goal = match self.test.goal {
            Goal::Accuracy(accuracy) => format!("E[quality] >= {}", number(accuracy)),
            Goal::Loss(loss) => format!("E[quality(top) - quality(cascade)] <= {}", number(loss)),
        };
        let basis = &self.test.table.basis;
        let mut text = format!(
            "If future {drawn} fixtures, {counted}and quality labels are correct, then with probability {about}>= {probability} \
             over the draw of the fixtures the deployed policy satisfies {goal}{scope}.",
            drawn = if basis.questions {
                format!("questions are drawn from the same distribution as the {n} different ones among the")
            } else {
                format!("requests are drawn from the same distribution as the {n}")
            },
            counted = if basis.questions { "each counted once however often it is asked, " } else { "" },
            about = if finite { "" } else { "approximately " },
            // Downward: never more than is promised.
            probability = number(((1.0 - self.stated_delta()) * 1e6 + 1e-6).floor() / 1e6),
            scope = self.scope,
        );
        // Writing to a string does not fail.
        let _ = self.write_more(&mut text);
        text
    }

    /// What the promise rests on, and what else it promises.
    fn write_more(&self, text: &mut String) -> std::fmt::Result {
        match (self.labels, self.test.humans()) {
            (Labels::Human, _) => {}
            (Labels::Ppi { judge, .. }, Some(humans)) => write!(
                text,
                " Quality is what people say: their grades of {humans} fixtures correct those of judge \"{judge}\". It supposes that \
                 people graded a random part of all."
            )?,
            (Labels::Judge { name: judge } | Labels::Ppi { judge, .. }, _) => {
                write!(text, " Quality is what judge \"{judge}\" says: the promise is relative to judge \"{judge}\".")?;
            }
        }
        if let Some(heaviest) = self.test.heaviest.filter(|_| self.rests_on_rows()) {
            let least = number(1.0 / heaviest);
            write!(text, " Fixtures count by 1/probability of being sampled, which is nowhere below {least}.")?;
        }
        if matches!(self.test.kind, TestKind::Betting | TestKind::PpiUnion) {
            write!(text, " Fixtures were bet on in the order that seed {} gives.", self.seed)?;
        }
        for condition in self.conditions() {
            write!(text, " {condition}")?;
        }
        if let Some(limit) = self.latency {
            let (over, share) = (number(limit.over_ms), number(limit.share));
            write!(text, " It also satisfies P(latency > {over} ms) <= {share}, with latencies as they were recorded.")?;
        }
        Ok(())
    }
}

/// Without the noise of binary fractions.
pub(crate) fn number(value: f64) -> String {
    let text = format!("{value:.6}");
    let short = text.trim_end_matches('0').trim_end_matches('.');
    if short.is_empty() || short == "-0" { "0".into() } else { short.into() }
}
