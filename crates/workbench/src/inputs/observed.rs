//! Labelled answers as they were read.

use std::path::PathBuf;

use tierfall::config::Loaded;
use tierfall::fit;
use tierfall_calibrate::observations::Observations;
use tierfall_core::fit::Fit;
use tierfall_core::text::count;

use crate::Error;
use crate::fixture::labels;
use crate::observations::Summary;

/// Labelled answers that were read, and where they are from.
#[derive(Clone, Debug)]
pub struct Observed {
    /// Them.
    pub observations: Observations,
    /// What was read, and what was left out.
    pub summary: Summary,
    /// The cascade; `None` for files.
    pub loaded: Option<Loaded>,
    /// The fixture set's folder; `None` for files.
    pub set: Option<PathBuf>,
    /// What they are observations of: a cascade, or a chain.
    pub name: String,
    /// The fixture set's name, or the files.
    pub source: String,
    /// The split they were taken from; `None` = all rows.
    pub split: Option<String>,
}

impl Observed {
    /// The labels that the gates of a cascade read by themselves; nothing for files.
    pub(super) fn own_signals(&self) -> Vec<String> {
        let tiers = self.loaded.iter().flat_map(|loaded| loaded.cascade.tiers());
        tiers.filter_map(|tier| Some(tier.gate.as_ref()?.signal.label.to_string())).collect()
    }

    /// Where the cascade's fit is, or would be; `None` for files.
    pub fn fit_path(&self) -> Option<PathBuf> {
        let loaded = self.loaded.as_ref()?;
        Some(loaded.fit_path.clone().unwrap_or_else(|| fit::path_for(&loaded.path)))
    }

    /// What they are, for reports: `support, split test`.
    pub fn shown(&self) -> String {
        match &self.split {
            Some(split) => format!("{}, split {split}", self.source),
            None => self.source.clone(),
        }
    }

    /// What was read and matters for what is concluded from it: it belongs to the report, wherever that goes.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let repeated = (self.summary.repeated_ids > 0).then(|| {
            format!(
                "{} of {} rows have the id of an earlier one: rows that repeat one item need the same \"group\", or each counts as \
                 an item and promises rest on fewer examples than they say.",
                count(self.summary.repeated_ids),
                count(self.summary.used)
            )
        });
        repeated.into_iter().chain(self.summary.warnings.iter().cloned()).collect()
    }

    /// Thresholds by segment where no request says what it is of.
    pub(crate) fn no_segments(&self) -> Error {
        let hint = match &self.loaded {
            Some(loaded) => format!(
                "declare how one is found before any call, in {}: [segment] tag = \"topic\", or [[segment.rule]]; the segments of a \
                 fixture set are its author's knowledge and serve reports alone",
                loaded.path.display()
            ),
            None => "give each row a \"segment\"".to_owned(),
        };
        Error::refused(format!("--by-segment: no request of {} has a segment at run time", self.shown())).with_hint(hint)
    }

    /// What of the examples that a fit was made on changed since; nothing for files, and where they are of another set.
    pub(crate) fn relabelled(&self, fit: &Fit) -> Option<String> {
        let what = labels::changed(fit, &self.source, &self.summary.labels)?;
        Some(format!("{what}: what it promises is about what was there then; calibrate again"))
    }

    /// What of the cascade changed since a fit was made; nothing for files.
    pub(crate) fn stale(&self, fit: &Fit) -> Option<String> {
        let changed: Vec<String> = fit::stale(fit, self.loaded.as_ref()?).iter().map(ToString::to_string).collect();
        (!changed.is_empty()).then(|| changed.join("; "))
    }
}
