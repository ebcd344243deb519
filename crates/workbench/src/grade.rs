//! A set's recorded answers graded: by what compares, by programs and by models, as far as that is allowed.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use futures_util::future::BoxFuture;
use tierfall::{SystemClock, config};
use tierfall_core::cascade::Cascade;

use crate::Error;
use crate::fixture::grade::command::{self, CommandReport};
use crate::fixture::grade::judge::{self, JudgeReport, Standing};
use crate::fixture::grade::{GradeTable, RecordedSet, grade_set};
use crate::fixture::record::Stop;
use crate::progress::{Notice, Progress, Stage};

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
pub async fn grade(answers: &RecordedSet, ask: &Ask, progress: &dyn Progress, endings: Endings<'_>) -> Result<Graded, Error> {
    answers.check(ask.split.as_deref())?;
    let load = |path: &PathBuf| Ok(config::load_unfitted(path)?.cascade);
    let rules = ask.rules_of.iter().map(load).collect::<Result<Vec<_>, Error>>()?;
    let commands = run(answers, ask, progress, endings).await?;
    let mut graded = Graded { commands, judged: None, table: None, standings: BTreeMap::new() };
    if let Some(options) = ask.judges.as_ref().filter(|_| !graded.is_cut()) {
        graded.judged = Some(judged(answers, &rules, options, progress, endings).await?);
    }
    if !graded.is_cut() {
        let RecordedSet { set, recordings, tiers } = answers;
        graded.table = Some(grade_set(set, recordings, tiers, ask.split.as_deref())?);
        graded.standings = judge::standings(answers, &rules)?;
    }
    Ok(graded)
}

/// Runs the set's commands, where there are any and they may be run. Without leave they are not needed where every answer has
/// its grade on file.
async fn run(answers: &RecordedSet, ask: &Ask, progress: &dyn Progress, endings: Endings<'_>) -> Result<CommandReport, Error> {
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
    answers: &RecordedSet,
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
