//! Labelled answers of every tier, from a cascade and its fixture set or from files; what `calibrate`, `evaluate` and
//! `advise` begin with.

mod signals;

use std::path::{Path, PathBuf};

use tierfall::config::Loaded;
use tierfall::{bindings, fit};
use tierfall_calibrate::observations::Observations;
use tierfall_core::fit::Fit;
use tierfall_workbench::fixture::replay::Recordings;
use tierfall_workbench::fixture_folder;
use tierfall_workbench::observations::{self, BadRow, ObservationsError, ReadOptions, ReadOut, Summary, Unreadable};

use crate::args::{Chance, Inputs};
use crate::exit::Failure;
use crate::progress::Late;
use crate::render::printable;
use crate::render::words::count;
use crate::{load, say, warn};

pub(crate) use signals::{Named, choices, named, named_by};

/// Them, and where they are from.
pub(crate) struct Observed {
    pub(crate) observations: Observations,
    pub(crate) summary: Summary,
    /// The cascade; `None` for files.
    pub(crate) loaded: Option<Loaded>,
    /// The fixture set's folder; `None` for files.
    pub(crate) set: Option<PathBuf>,
    /// What they are observations of: a cascade, or a file.
    pub(crate) name: String,
    /// The fixture set's name, or the files.
    pub(crate) source: String,
    /// The split they were taken from; `None` = all rows.
    pub(crate) split: Option<String>,
}

impl Observed {
    /// The labels that the gates of a cascade read by themselves; nothing for files.
    pub(crate) fn own_signals(&self) -> Vec<String> {
        let tiers = self.loaded.iter().flat_map(|loaded| loaded.cascade.tiers());
        tiers.filter_map(|tier| Some(tier.gate.as_ref()?.signal.label.to_string())).collect()
    }

    /// Where the cascade's fit is, or would be; `None` for files.
    pub(crate) fn fit_path(&self) -> Option<PathBuf> {
        let loaded = self.loaded.as_ref()?;
        Some(loaded.fit_path.clone().unwrap_or_else(|| fit::path_for(&loaded.path)))
    }

    /// What they are, for reports: `support, split test`.
    pub(crate) fn shown(&self) -> String {
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

    /// The arguments that name the same rows again, for commands that are suggested.
    pub(crate) fn again(inputs: &Inputs) -> String {
        let quoted = |path: &Path| shell_word(&path.display().to_string());
        let ungraded = inputs.ungraded.map(|_| "--ungraded at-random".to_owned());
        if let (Some(cascade), Some(set)) = (&inputs.cascade, &inputs.set) {
            let rows = format!("{} {}", quoted(cascade), shell_word(set));
            return std::iter::once(rows).chain(ungraded).collect::<Vec<_>>().join(" ");
        }
        let files: Vec<String> = inputs.observations.iter().map(|path| quoted(path)).collect();
        let mut words = vec![format!("--observations {} --chain {}", files.join(" "), shell_word(&inputs.chain.join(",")))];
        words.extend(inputs.columns.iter().map(|(column, field)| format!("--map {}", shell_word(&format!("{column}={field}")))));
        words.extend(inputs.bad_rows.map(|_| "--bad-rows at-random".to_owned()));
        words.extend(ungraded);
        words.join(" ")
    }
}

/// A word that a shell takes as it is.
pub(crate) fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-./,:=+@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// What a command wants of the rows.
pub(crate) struct Asked<'a> {
    /// Of a fixture set, where none is named.
    pub(crate) split: &'a str,
    /// The signals that are asked for, by tier.
    pub(crate) signals: Named,
    /// Whether thresholds depend on segments: each row of a file has to name its own then. A row that lost it would count in another one, and
    /// which rows did may depend on what they say.
    pub(crate) segments: bool,
}

/// Whether any of these fits has thresholds by segment.
pub(crate) fn by_segment<'f>(fits: impl IntoIterator<Item = &'f Fit>) -> bool {
    fits.into_iter().flat_map(|fit| &fit.point).any(|point| !point.segments.is_empty())
}

/// Reads them. What was left out is said, never silent.
pub(crate) fn observed(inputs: &Inputs, asked: Asked<'_>, quiet: bool) -> Result<Observed, Failure> {
    if let Some(option) = for_files_alone(inputs).filter(|_| inputs.cascade.is_some()) {
        return Err(Failure::usage(format!("{option} is for rows from --observations and does nothing here"))
            .with_hint(
                "a cascade's prices stand in its file, the weights of its examples in the fixture set, and lines of that are read or an error",
            ));
    }
    if inputs.unsegmented.is_some() && !asked.segments {
        return Err(Failure::usage("--unsegmented: no threshold depends on segments here, so it does nothing"));
    }
    let observed = match (&inputs.cascade, &inputs.set) {
        (Some(cascade), Some(set)) => from_fixtures(cascade, set, inputs, asked.split, quiet)?,
        _ if inputs.observations.is_empty() => {
            return Err(Failure::usage("no labelled examples are named")
                .with_hint("name a cascade and its fixture set, or files: --observations FILE --chain SMALL,LARGE"));
        }
        _ => from_files(inputs, asked, quiet)?,
    };
    refuse_left_out(inputs, &observed.summary)?;
    if !quiet {
        tell(&observed.summary);
    }
    Ok(observed)
}

/// The first option that is given and concerns files alone. The parser lets it pass beside a cascade: what an option requires
/// is dropped where that contradicts what is there.
fn for_files_alone(inputs: &Inputs) -> Option<&'static str> {
    let given = [
        ("--price", !inputs.prices.is_empty()),
        ("--cost", !inputs.costs.is_empty()),
        ("--map", !inputs.columns.is_empty()),
        ("--heaviest-weight", inputs.heaviest_weight.is_some()),
        ("--bad-rows", inputs.bad_rows.is_some()),
        ("--unsegmented", inputs.unsegmented.is_some()),
    ];
    given.into_iter().find(|(_, given)| *given).map(|(option, _)| option)
}

fn from_fixtures(cascade: &Path, set: &str, inputs: &Inputs, default_split: &str, quiet: bool) -> Result<Observed, Failure> {
    let loaded = load::unfitted(cascade)?;
    let reading = Late::new("reading", quiet);
    let set = load::fixture_set(fixture_folder(cascade, set))?;
    let recordings = Recordings::load(set.dir(), &bindings(&loaded)).map_err(|error| load::fixture(&error))?;
    drop(reading);
    load::tell_torn(&recordings);
    let grading = Late::new("grading", quiet);
    let split = inputs.split.as_deref().unwrap_or(default_split);
    let recordings = recordings.with_questions_of(&set);
    let read = observations::from_fixtures(&loaded, &set, &recordings, Some(split), Chance::ungraded(inputs.ungraded))
        .map_err(|error| failure(&error))?;
    drop(grading);
    let ReadOut { observations, summary } = read;
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

/// With --strict nothing is left out.
fn refuse_left_out(inputs: &Inputs, summary: &Summary) -> Result<(), Failure> {
    match summary.left_out.first() {
        Some(left) if inputs.strict => {
            let all = count(summary.n_excluded());
            Err(Failure::usage(format!("{all} examples would be left out, {} because {}", count(left.rows), left.reason))
                .with_hint("without --strict they are left out and counted"))
        }
        _ => Ok(()),
    }
}

fn from_files(inputs: &Inputs, asked: Asked<'_>, quiet: bool) -> Result<Observed, Failure> {
    no_stdin(&inputs.observations)?;
    let options = ReadOptions {
        split: inputs.split.clone(),
        prices: inputs.prices.iter().cloned().collect(),
        costs: inputs.costs.iter().cloned().collect(),
        columns: inputs.columns.iter().cloned().collect(),
        signals: asked.signals,
        bad_rows: Chance::bad_rows(inputs.bad_rows),
        ungraded: Chance::ungraded(inputs.ungraded),
        segments: asked.segments && inputs.unsegmented.is_none(),
        ..ReadOptions::new(inputs.chain.iter().map(String::as_str))
    };
    let bar = Late::new("reading", quiet);
    let read = observations::read(&inputs.observations, &options, |at| bar.at(at.bytes, at.total));
    drop(bar);
    let ReadOut { mut observations, summary } = read.map_err(|error| failure(&error))?;
    if let Some(heaviest) = inputs.heaviest_weight {
        if observations.weights().is_none() {
            return Err(Failure::usage(format!(
                "--heaviest-weight {heaviest}: no row has a weight, so there is nothing that it limits"
            ))
            .with_hint("the field is \"weight\"; --map COLUMN=weight reads a column of another name"));
        }
        observations.declare_heaviest(heaviest).map_err(|heavier| {
            Failure::usage(format!("a row weighs {}, more than --heaviest-weight {heaviest}", heavier.seen))
                .with_hint("it is 1 over the least probability with which any request was sampled")
        })?;
    }
    let names = inputs.observations.iter().map(|path| path.file_name().unwrap_or(path.as_os_str()).to_string_lossy());
    let source = names.collect::<Vec<_>>().join(" ");
    let name = inputs.chain.join(" → ");
    Ok(Observed { observations, summary, loaded: None, set: None, name, source, split: inputs.split.clone() })
}

fn failure(error: &ObservationsError) -> Failure {
    match error {
        ObservationsError::Fixture(error) => load::fixture(error),
        ObservationsError::Rows(rows) => unreadable(rows),
        _ => Failure::usage(error),
    }
}

/// Rows that cannot be read, with what to do about it.
pub(crate) fn unreadable(rows: &Unreadable) -> Failure {
    Failure::usage(rows).with_hint(rows.advice())
}

/// What was left out and why.
fn tell(summary: &Summary) {
    for left in &summary.left_out {
        warn(format_args!("{} of {} rows are left out: {}", count(left.rows), count(summary.read), left.reason));
    }
    tell_bad(summary.bad, summary.read, LEFT_OUT, &summary.first_bad);
}

/// Warnings that no report has.
pub(crate) fn tell_warnings(warnings: &[String]) {
    for warning in warnings {
        warn(warning);
    }
}

/// Refuses `-` as a file.
pub(crate) fn no_stdin(files: &[PathBuf]) -> Result<(), Failure> {
    if files.iter().any(|path| path == Path::new("-")) {
        return Err(Failure::usage("`-`: rows are read from files, not from stdin, for they may have to be read twice")
            .with_hint("write them to a file first and name that"));
    }
    Ok(())
}

/// What becomes of rows that cannot be read, where that was declared.
const LEFT_OUT: &str = "cannot be read and are left out, at random as --bad-rows says";

/// Rows that are passed over and why, the first of them word for word.
pub(crate) fn tell_bad(bad: u64, read: u64, what: &str, first: &[BadRow]) {
    if bad == 0 {
        return;
    }
    warn(format_args!("{} of {} rows {what}:", count(bad), count(read)));
    for row in first.iter().take(SHOWN) {
        say(printable::lines(&format!("  {row}")));
    }
    let more = bad.saturating_sub(SHOWN as u64);
    if more > 0 {
        say(format_args!("  and {} more", count(more)));
    }
}

/// How many bad rows are shown.
const SHOWN: usize = 5;

#[cfg(test)]
mod tests {
    use super::shell_word;

    #[test]
    fn suggested_commands_can_be_pasted() {
        assert_eq!(shell_word("fixtures/support"), "fixtures/support");
        assert_eq!(shell_word("it's here"), r"'it'\''s here'");
        assert_eq!(shell_word(""), "''");
    }
}
