//! Programs that grade: run only where that is allowed.

use std::num::NonZeroUsize;

use tierfall_workbench::fixture::grade::ToGrade;
use tierfall_workbench::fixture::grade::command::{ask, needed};

use super::tell;
use crate::args::Grade;
use crate::exit::{Exit, Failure};
use crate::interrupt::{interrupted, told_to_end};
use crate::{load, progress, say};

/// Runs the set's commands, where there are any and they may be run. Without leave they are not needed where every answer has
/// its grade on file.
pub(super) async fn run(answers: ToGrade<'_>, args: &Grade, quiet: bool) -> Result<Exit, Failure> {
    let commands = needed(answers, !args.allow_commands).map_err(|error| load::fixture(&error))?;
    if commands.is_empty() {
        return Ok(Exit::Fine);
    }
    let total: usize = commands.values().sum();
    if !args.allow_commands {
        let list: Vec<String> = commands.iter().map(|(line, n)| format!("{} ({n} answers)", shown(line))).collect();
        let folder = answers.set.dir().display();
        return Err(Failure::usage(format!("{total} answers are graded by commands, run in {folder}: {}", list.join("; ")))
            .with_hint("read them, then allow them with --allow-commands: they run as you, without a sandbox"));
    }
    let bar = progress::bar(total as u64, "commands", quiet);
    let watch = |done: usize, _: usize| bar.set_position(done as u64);
    let concurrency = NonZeroUsize::new(usize::from(args.concurrency)).unwrap_or(NonZeroUsize::MIN);
    // Whatever ends this program ends those that it runs.
    let ended = futures_util::future::select(interrupted(), told_to_end());
    let report = ask(answers, concurrency, &watch, async { drop(ended.await) }).await;
    bar.finish_and_clear();
    let report = report.map_err(|error| load::fixture(&error))?;
    tell(&report.errors, "a command");
    if report.left > 0 {
        say(format_args!("interrupted: {} answers are graded, {} are left", report.graded, report.left));
        return Ok(Exit::Interrupted);
    }
    Ok(if report.errors.is_empty() { Exit::Fine } else { Exit::Usage })
}

/// A command line as it could be typed; what a terminal could take for an instruction is escaped.
fn shown(line: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    let word = |word: &String| {
        if !word.is_empty() && word.chars().all(plain) { word.clone() } else { format!("{word:?}") }
    };
    line.iter().map(word).collect::<Vec<_>>().join(" ")
}
