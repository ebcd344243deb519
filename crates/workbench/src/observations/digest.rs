//! What a certificate was made from, in 64 digits.

use sha2::{Digest, Sha256};
use tierfall_calibrate::observations::Observations;

struct Feed(Sha256);

impl Feed {
    fn u64(&mut self, value: u64) {
        self.0.update(value.to_le_bytes());
    }

    fn text(&mut self, text: &str) {
        self.u64(text.len() as u64);
        self.0.update(text);
    }

    fn all(&mut self, values: impl ExactSizeIterator<Item = u64>) {
        self.u64(values.len() as u64);
        values.for_each(|value| self.u64(value));
    }

    fn labels<'a>(&mut self, rows: usize, label: impl Fn(usize) -> Option<&'a std::sync::Arc<str>>) {
        for row in 0..rows {
            match label(row) {
                None => self.u64(u64::MAX),
                Some(label) => self.text(label),
            }
        }
    }
}

/// SHA-256 of every row of a table, in lower-case hexadecimal: equal rows have equal digests on every machine, however they were read.
///
/// What is supposed beside the rows is no part of it: under another condition the same rows are no fresh ones, and a further certificate on
/// them spends error all the same.
pub fn digest(observations: &Observations) -> String {
    let mut feed = Feed(Sha256::new());
    feed.text("tierfall observations 1");
    feed.text(observations.salt());
    let rows = observations.len();
    feed.all(observations.ids().iter().copied());
    feed.all(observations.items().iter().map(|item| u64::from(*item)));
    feed.all(observations.groups());
    let weights = observations.weights().unwrap_or_default();
    feed.all(weights.iter().map(|weight| weight.to_bits()));
    if observations.weights().is_some() {
        // The greatest of the rows, where none is declared.
        let greatest = || weights.iter().copied().fold(1.0, f64::max);
        feed.u64(observations.heaviest().unwrap_or_else(greatest).to_bits());
    }
    feed.labels(rows, |row| observations.segment(row));
    feed.labels(rows, |row| observations.stratum(row));
    for (tier, spec) in observations.tiers().enumerate() {
        feed.text(&spec.name);
        feed.text(spec.judge.as_deref().unwrap_or_default());
        feed.all(observations.quality(tier).iter().map(|quality| u64::from(quality.nano())));
        if observations.ungraded(tier) > 0 {
            feed.all(observations.ungraded_rows(tier).map(|(row, as_last)| (row as u64) << 1 | u64::from(as_last)));
        }
        for row in 0..rows {
            feed.u64(observations.human(tier, row).map_or(u64::MAX, |human| u64::from(human.nano())));
            feed.u64(observations.length_of(tier, row).map_or(u64::MAX, u64::from));
        }
        feed.u64(spec.signals.len() as u64);
        for signal in &spec.signals {
            feed.text(signal);
            // One NaN stands for all: what abstains has no other bits.
            let bits = |score: &f64| if score.is_nan() { u64::MAX } else { score.to_bits() };
            feed.all(observations.scores(tier, signal).unwrap_or_default().iter().map(bits));
        }
        feed.all(observations.costs(tier).unwrap_or_default().iter().copied());
        feed.all(observations.latencies(tier).unwrap_or_default().iter().map(|latency| u64::from(*latency)));
    }
    tierfall::digest::hex(&feed.0.finalize())
}
