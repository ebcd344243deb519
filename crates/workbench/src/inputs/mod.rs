//! Labelled answers of every tier, from a cascade and its fixture set or from files: what `calibrate`, `evaluate`, `advise` and `diff`
//! begin with.

mod observed;
mod signals;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tierfall::{bindings, config};
use tierfall_calibrate::ask::SignalChoice;
use tierfall_core::fit::Fit;
use tierfall_core::money::{Money, Price};
use tierfall_core::text::count;

use crate::fixture::FixtureSet;
use crate::fixture::grade::Graders;
use crate::fixture::replay::Recordings;
use crate::observations::{self, BadRows, ReadOptions, ReadOut, Ungraded};
use crate::progress::{Notice, Progress, Stage};
use crate::results::{Named, parts_of_set};
use crate::{Error, given_folder};

pub use observed::Observed;
pub(crate) use signals::named_by;

/// Where labelled answers of every tier are, and which of them count.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// Where they are.
    pub rows: Rows,
    /// Only those of this split; `None` = of a fixture set the one that the call is about, all rows of files.
    pub split: Option<String>,
    /// What becomes of answers without a grade.
    pub ungraded: Ungraded,
    /// Whether rows that would be left out are an error.
    pub strict: bool,
    /// The graders that a fixture set may name.
    pub graders: Graders,
}

/// Where labelled answers are.
#[derive(Clone, Debug)]
pub enum Rows {
    /// In the recordings and grades of a fixture set, replayed under a cascade.
    Fixtures {
        /// The cascade's file. Its fit may be stale or missing.
        cascade: PathBuf,
        /// The set's name beside the cascade's folder, or its path.
        set: String,
    },
    /// In files of observations.
    Files(Files),
}

/// Files of observations: JSON Lines or CSV, also with gzip.
#[derive(Clone, Debug, Default)]
pub struct Files {
    /// Them. No pipe: they may be read twice.
    pub paths: Vec<PathBuf>,
    /// The tiers, cheapest first.
    pub chain: Vec<String>,
    /// What a tier's tokens cost, in place of what is recorded.
    pub prices: BTreeMap<String, Price>,
    /// What every answer of a tier costs, in place of what is recorded.
    pub costs: BTreeMap<String, Money>,
    /// The columns of a CSV file under other names, as in [`ReadOptions::columns`].
    pub columns: BTreeMap<String, String>,
    /// How many requests a row can stand for at most: 1 over the least sampling rate.
    pub heaviest_weight: Option<f64>,
    /// What becomes of rows that cannot be read.
    pub bad_rows: BadRows,
    /// Whether rows that name no segment are requests without one; otherwise they are an error where thresholds depend on segments.
    pub unsegmented: bool,
}

impl Inputs {
    /// The recordings of a fixture set under a cascade.
    pub fn fixtures(cascade: impl Into<PathBuf>, set: impl Into<String>) -> Self {
        Rows::Fixtures { cascade: cascade.into(), set: set.into() }.into()
    }

    /// Files of observations of these tiers, cheapest first.
    pub fn files<P: Into<PathBuf>, T: Into<String>>(
        paths: impl IntoIterator<Item = P>,
        chain: impl IntoIterator<Item = T>,
    ) -> Self {
        let paths = paths.into_iter().map(Into::into).collect();
        Rows::Files(Files { paths, chain: chain.into_iter().map(Into::into).collect(), ..Files::default() }).into()
    }

    /// The cascade's file; `None` for files.
    pub fn cascade(&self) -> Option<&Path> {
        match &self.rows {
            Rows::Fixtures { cascade, .. } => Some(cascade),
            Rows::Files(_) => None,
        }
    }

    /// The tiers that files are of; none are known of a cascade yet.
    pub(crate) fn chain(&self) -> &[String] {
        match &self.rows {
            Rows::Fixtures { .. } => &[],
            Rows::Files(files) => &files.chain,
        }
    }

    /// The files that are read, and folders of which any file may be.
    pub(crate) fn reads(&self) -> Vec<Named> {
        match &self.rows {
            Rows::Files(files) => files.paths.iter().map(|path| ("the observations", path.clone())).collect(),
            Rows::Fixtures { cascade, set } => {
                [("the cascade", cascade.clone())].into_iter().chain(parts_of_set(&given_folder(cascade, set))).collect()
            }
        }
    }

    /// Reads them for gates on the signals that `signal` asks for, as `--signal` says it; with one choice a gated tier.
    pub(crate) fn read_for(
        &self,
        signal: Option<&str>,
        segments: bool,
        progress: &dyn Progress,
    ) -> Result<(Observed, Vec<SignalChoice>), Error> {
        let signals = signals::named(signal, self.chain());
        let observed = self.read("train", signals, segments, progress)?;
        let choices = signals::choices(signal, &observed)?;
        Ok((observed, choices))
    }

    /// Reads them for what these fits do with them.
    pub(crate) fn read_of<'f>(
        &self,
        fits: impl IntoIterator<Item = &'f Fit> + Clone,
        progress: &dyn Progress,
    ) -> Result<Observed, Error> {
        let segments = fits.clone().into_iter().flat_map(|fit| &fit.point).any(|point| !point.segments.is_empty());
        self.read("test", named_by(fits, self.chain()), segments, progress)
    }

    /// Reads them: of a fixture set `split`, where none is named; of files the columns that `signals` names, too. With `segments`
    /// thresholds depend on them, and each row of a file has to name its own: one that lost it would count in another, and which
    /// rows did may depend on what they say.
    fn read(&self, split: &str, signals: signals::Named, segments: bool, progress: &dyn Progress) -> Result<Observed, Error> {
        let observed = match &self.rows {
            Rows::Fixtures { cascade, set } => self.replayed(cascade, set, self.split.as_deref().unwrap_or(split), progress)?,
            Rows::Files(files) => {
                if files.unsegmented && !segments {
                    return Err(Error::refused("--unsegmented: no threshold depends on segments here, so it does nothing"));
                }
                self.of_files(files, signals, segments, progress)?
            }
        };
        if let Some(left) = observed.summary.left_out.first().filter(|_| self.strict) {
            let (all, rows) = (count(observed.summary.n_excluded()), count(left.rows));
            return Err(Error::refused(format!("{all} examples would be left out, {rows} because {}", left.reason))
                .with_hint("without --strict they are left out and counted"));
        }
        progress.notice(Notice::Read(&observed.summary));
        Ok(observed)
    }

    fn replayed(&self, cascade: &Path, set: &str, split: &str, progress: &dyn Progress) -> Result<Observed, Error> {
        let loaded = config::load_unfitted(cascade)?;
        progress.begins(Stage::Reading);
        let set = FixtureSet::load_with(given_folder(cascade, set), &self.graders)?;
        let recordings = Recordings::load(set.dir(), &bindings(&loaded))?;
        progress.notice(Notice::Recordings(&recordings));
        progress.begins(Stage::Grading);
        let recordings = recordings.with_questions_of(&set);
        let ReadOut { observations, summary } =
            observations::from_fixtures(&loaded.cascade, &set, &recordings, Some(split), self.ungraded)?;
        Ok(Observed {
            observations,
            summary,
            name: loaded.cascade.name().to_string(),
            source: set.about().name.clone(),
            split: Some(split.to_owned()),
            set: Some(set.dir().to_owned()),
            loaded: Some(loaded),
        })
    }

    fn of_files(
        &self,
        files: &Files,
        signals: signals::Named,
        segments: bool,
        progress: &dyn Progress,
    ) -> Result<Observed, Error> {
        no_stdin(&files.paths)?;
        let options = ReadOptions {
            split: self.split.clone(),
            prices: files.prices.clone(),
            costs: files.costs.clone(),
            columns: files.columns.clone(),
            signals,
            bad_rows: files.bad_rows,
            ungraded: self.ungraded,
            segments: segments && !files.unsegmented,
            ..ReadOptions::new(files.chain.iter().map(String::as_str))
        };
        progress.begins(Stage::Reading);
        let ReadOut { mut observations, summary } = observations::read(&files.paths, &options, progress)?;
        if let Some(heaviest) = files.heaviest_weight {
            if observations.weights().is_none() {
                return Err(Error::refused(format!(
                    "--heaviest-weight {heaviest}: no row has a weight, so there is nothing that it limits"
                ))
                .with_hint("the field is \"weight\"; --map COLUMN=weight reads a column of another name"));
            }
            observations.declare_heaviest(heaviest).map_err(|heavier| {
                Error::refused(format!("a row weighs {}, more than --heaviest-weight {heaviest}", heavier.seen))
                    .with_hint("it is 1 over the least probability with which any request was sampled")
            })?;
        }
        let names = files.paths.iter().map(|path| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy());
        let source = names.collect::<Vec<_>>().join(" ");
        let name = files.chain.join(" → ");
        Ok(Observed { observations, summary, loaded: None, set: None, name, source, split: self.split.clone() })
    }
}

impl From<Rows> for Inputs {
    fn from(rows: Rows) -> Self {
        Self { rows, split: None, ungraded: Ungraded::default(), strict: false, graders: Graders::default() }
    }
}

/// Refuses `-` as a file.
///
/// # Errors
/// One of the files is `-`.
pub fn no_stdin(files: &[PathBuf]) -> Result<(), Error> {
    if files.iter().any(|path| path == Path::new("-")) {
        return Err(observations::unrepeatable("`-`", "stdin"));
    }
    Ok(())
}
