//! A set's recorded answers graded: by what compares, by programs and by models, as far as that is allowed.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tierfall::{SystemClock, config};
use tierfall_core::cascade::Cascade;

use crate::Error;
use crate::fixture::FixtureSet;
use crate::fixture::grade::command::{self, CommandReport};
use crate::fixture::grade::judge::{self, JudgeReport, Standing};
use crate::fixture::grade::{GradeTable, ToGrade, grade_set};
use crate::fixture::record::Stop;
use crate::fixture::replay::Recordings;
use crate::progress::{Notice, Progress, Stage};

/// A fixture set, what was recorded of it, and whose answers are to be graded.
#[derive(Debug)]
pub struct Recorded {
    /// The set.
    pub set: FixtureSet,
    /// Every recording, whatever it was made with.
    pub recordings: Recordings,
    /// The tiers that are graded, in this order.
    pub tiers: Vec<Arc<str>>,
}

impl Recorded {
    /// Reads a set's folder; without `tiers` it is about all that are recorded.
    ///
    /// # Errors
    /// The set or its recordings cannot be read.
    pub fn open(folder: &Path, tiers: &[String]) -> Result<Self, Error> {
        let set = FixtureSet::load(folder)?;
        let recordings = Recordings::open(set.dir(), &set.about().tiers)?;
        let tiers = match tiers {
            [] => recordings.tiers().cloned().collect(),
            named => named.iter().map(|name| name.as_str().into()).collect(),
        };
        Ok(Self { set, recordings, tiers })
    }

    /// A tier or split by a name that is not there has no answers, and would be taken for one with nothing wrong.
    ///
    /// # Errors
    /// One of the tiers is not recorded, or no example is in the split.
    pub fn check(&self, split: Option<&str>) -> Result<(), Error> {
        let recorded: Vec<&str> = self.recordings.tiers().map(|tier| &**tier).collect();
        if let Some(tier) = self.tiers.iter().find(|tier| !recorded.contains(&&***tier)) {
            let path = self.set.dir().join("recordings").join(format!("{tier}.jsonl"));
            return Err(Error::refused(format!("{} is not there: tier \"{tier}\" has no recordings", path.display()))
                .with_hint(format!("recorded are {}", recorded.join(", "))));
        }
        let splits: BTreeSet<&str> = self.set.examples().iter().map(|example| &*example.split).collect();
        let Some(split) = split.filter(|split| !splits.contains(split)) else { return Ok(()) };
        let names = splits.into_iter().collect::<Vec<_>>().join(", ");
        Err(Error::refused(format!("no example of {} is in the split \"{split}\"", self.set.dir().display()))
            .with_hint(format!("there are {names}")))
    }

    fn to_grade(&self) -> ToGrade<'_> {
        ToGrade { set: &self.set, recordings: &self.recordings, tiers: &self.tiers }
    }
}

/// Who may grade besides what compares, and what is counted.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Whether programs may run: they run as the user, without a sandbox.
    pub allow_commands: bool,
    /// Programs at once.
    pub concurrency: NonZeroUsize,
    /// How models are asked; `None` = they are not, for it costs money.
    pub judges: Option<judge::JudgeOptions>,
    /// The cascades that the set's requests are under: judges are not shown what their rules keep from some tier.
    pub rules_of: Vec<PathBuf>,
    /// Only this split is counted; all are graded.
    pub split: Option<String>,
}

/// What becomes of programs and judges when they are told to end: each is asked for when they begin.
#[derive(Clone, Copy)]
pub struct Endings<'a> {
    /// Completes when programs are to be killed.
    pub commands: &'a (dyn Fn() -> BoxFuture<'static, ()> + Sync),
    /// Completes when judges are not to be asked further.
    pub judges: &'a (dyn Fn() -> BoxFuture<'static, ()> + Sync),
}

/// What became of the answers.
#[derive(Debug)]
pub struct Graded {
    /// What programs did.
    pub commands: CommandReport,
    /// What judges did, where they were asked.
    pub judged: Option<JudgeReport>,
    /// How the tiers compare; `None` where it was told to end before that.
    pub table: Option<GradeTable>,
    /// How far every judge of the set has come.
    pub standings: BTreeMap<String, Standing>,
}

impl Graded {
    /// Whether it was told to end.
    fn is_cut(&self) -> bool {
        self.commands.left > 0 || self.judged.as_ref().is_some_and(|report| matches!(report.stopped, Some(Stop::Cancelled)))
    }
}

/// Grades what was recorded, writes the grades, and counts.
///
/// # Errors
/// Programs are needed and not allowed, judges are asked for and cannot be, or a file cannot be used.
pub async fn grade(recorded: &Recorded, ask: &Ask, progress: &dyn Progress, endings: Endings<'_>) -> Result<Graded, Error> {
    recorded.check(ask.split.as_deref())?;
    let answers = recorded.to_grade();
    let load = |path: &PathBuf| Ok(config::load_unfitted(path)?.cascade);
    let rules = ask.rules_of.iter().map(load).collect::<Result<Vec<_>, Error>>()?;
    let commands = run(answers, ask, progress, endings).await?;
    let mut graded = Graded { commands, judged: None, table: None, standings: BTreeMap::new() };
    if let Some(options) = ask.judges.as_ref().filter(|_| !graded.is_cut()) {
        graded.judged = Some(judged(answers, &rules, options, progress, endings).await?);
    }
    if !graded.is_cut() {
        let Recorded { set, recordings, tiers } = recorded;
        graded.table = Some(grade_set(set, recordings, tiers, ask.split.as_deref())?);
        graded.standings = judge::standings(answers, &rules)?;
    }
    Ok(graded)
}

/// Runs the set's commands, where there are any and they may be run. Without leave they are not needed where every answer has
/// its grade on file.
async fn run(answers: ToGrade<'_>, ask: &Ask, progress: &dyn Progress, endings: Endings<'_>) -> Result<CommandReport, Error> {
    let commands = command::needed(answers, !ask.allow_commands)?;
    if commands.is_empty() {
        return Ok(CommandReport::default());
    }
    if !ask.allow_commands {
        let total: usize = commands.values().sum();
        let list: Vec<String> = commands.iter().map(|(line, n)| format!("{} ({n} answers)", shown(line))).collect();
        let folder = answers.set.dir().display();
        return Err(Error::refused(format!("{total} answers are graded by commands, run in {folder}: {}", list.join("; ")))
            .with_hint("read them, then allow them with --allow-commands: they run as you, without a sandbox"));
    }
    progress.begins(Stage::Commands);
    let watch = |done: usize, of: usize| progress.at(done as u64, of as u64);
    let report = command::ask(answers, ask.concurrency, &watch, (endings.commands)()).await?;
    progress.notice(Notice::Ran(&report));
    Ok(report)
}

/// A command line as it could be typed; what a terminal could take for an instruction is escaped.
fn shown(line: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    let word = |word: &String| {
        if !word.is_empty() && word.chars().all(plain) { word.clone() } else { format!("{word:?}") }
    };
    line.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// Asks the judges about every answer that they did not grade yet.
async fn judged(
    answers: ToGrade<'_>,
    rules: &[Cascade],
    options: &judge::JudgeOptions,
    progress: &dyn Progress,
    endings: Endings<'_>,
) -> Result<JudgeReport, Error> {
    let judges = judge::open(answers, rules)?;
    if judges.is_empty() {
        return Err(Error::refused("no example of this set has a judge as its grader").with_hint(
            "grader = { judge = { name = \"strict\" } }, and [judge.strict] with its cascade and rubric, in set.toml",
        ));
    }
    progress.begins(Stage::Judges);
    let watch = |done, of, spent| {
        progress.spent(spent);
        progress.at(done, of);
    };
    let report = judge::ask(answers, &judges, options, &SystemClock::default(), &watch, (endings.judges)()).await?;
    progress.notice(Notice::Judged(&report));
    Ok(report)
}
