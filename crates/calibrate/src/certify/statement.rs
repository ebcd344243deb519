//! A promise in words.

use std::fmt::Write as _;

use super::Labels;
use super::evidence::Goal;
use super::test::{Kind, Test};
use crate::ask::LatencyLimit;
use crate::fit::Guarantee;

/// What is promised, and on what it rests.
pub(crate) struct Promise<'p> {
    /// That certified it: its method is named, and whose grades it read.
    pub(crate) test: &'p Test<'p>,
    pub(crate) labels: &'p Labels<'p>,
    /// The gated tiers that the promised policy asks.
    pub(crate) asked: &'p [usize],
    /// In all.
    pub(crate) delta: f64,
    /// In the target's terms.
    pub(crate) bound: f64,
    pub(crate) latency: Option<LatencyLimit>,
    /// What the promise is about beside "the deployed policy", like one segment.
    pub(crate) scope: &'p str,
    /// Whether it is made for every segment by itself.
    pub(crate) each_segment: bool,
    pub(crate) seed: u64,
}

impl Promise<'_> {
    /// The promise, as it is kept in a fit.
    pub(crate) fn guarantee(&self) -> Guarantee {
        let (method, finite_sample) = self.test.kind.name();
        Guarantee {
            delta: self.delta,
            method: method.into(),
            bound: self.bound,
            finite_sample,
            judge: self.judge().map(str::to_owned),
            each_segment: self.each_segment,
            statement: self.statement(),
        }
    }

    /// Whose grades were taken for right, where they are not people's.
    fn judge(&self) -> Option<&str> {
        match self.labels {
            Labels::Judge { name } => Some(name),
            Labels::Ppi { judge, .. } if self.test.humans().is_none() => Some(judge),
            Labels::Human | Labels::Ppi { .. } => None,
        }
    }

    /// By asked tier: in how many rows its gate read nothing, where there are any and what was read may have been lost.
    fn without_value(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        let given = !self.test.table.basis.replayed;
        self.asked.iter().filter(move |_| given).filter_map(|tier| {
            let values = self.test.table.tiers[*tier].values.as_deref()?;
            let none = values.iter().filter(|value| value.is_nan()).count();
            (none > 0).then_some((*tier, none))
        })
    }

    fn statement(&self) -> String {
        let finite = self.test.kind.name().1;
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
            probability = number(((1.0 - self.delta) * 1e6 + 1e-6).floor() / 1e6),
            scope = self.scope,
        );
        let add = |text: &mut String, more: std::fmt::Arguments<'_>| {
            // Writing to a string does not fail.
            let _ = text.write_fmt(more);
        };
        match (self.labels, self.test.humans()) {
            (Labels::Human, _) => {}
            (Labels::Ppi { judge, .. }, Some(humans)) => add(
                &mut text,
                format_args!(
                    " Quality is what people say: their grades of {humans} fixtures correct those of judge \"{judge}\". It supposes that \
                     people graded a random part of all."
                ),
            ),
            (Labels::Judge { name: judge } | Labels::Ppi { judge, .. }, _) => {
                add(
                    &mut text,
                    format_args!(" Quality is what judge \"{judge}\" says: the promise is relative to judge \"{judge}\"."),
                );
            }
        }
        if let Some(heaviest) = self.test.heaviest {
            let least = number(1.0 / heaviest);
            add(&mut text, format_args!(" Fixtures count by 1/probability of being sampled, which is nowhere below {least}."));
        }
        if matches!(self.test.kind, Kind::Betting | Kind::PpiUnion) {
            add(&mut text, format_args!(" Fixtures were bet on in the order that seed {} gives.", self.seed));
        }
        for (tier, rows) in self.without_value() {
            let name = &self.test.table.tiers[tier].name;
            add(
                &mut text,
                format_args!(
                    " The gate of \"{name}\" has no value in {rows} of the fixtures, which escalate: it supposes that requests lack one \
                     as these do."
                ),
            );
        }
        for condition in basis.conditions.iter() {
            add(&mut text, format_args!(" {condition}"));
        }
        if let Some(limit) = self.latency {
            let (over, share) = (number(limit.over_ms), number(limit.share));
            add(
                &mut text,
                format_args!(" It also satisfies P(latency > {over} ms) <= {share}, with latencies as they were recorded."),
            );
        }
        text
    }
}

/// Without the noise of binary fractions.
pub(crate) fn number(value: f64) -> String {
    let text = format!("{value:.6}");
    let short = text.trim_end_matches('0').trim_end_matches('.');
    if short.is_empty() || short == "-0" { "0".into() } else { short.into() }
}
