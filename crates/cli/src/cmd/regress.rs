//! `tierfall regress`: did a change make a cascade worse?

use std::num::NonZeroUsize;

use tierfall::LoadError;
use tierfall::config::ConfigError;
use tierfall_calibrate::regress::Verdict;
use tierfall_workbench::Error;
use tierfall_workbench::fixture::grade::Graders;
use tierfall_workbench::regress::live::LiveOptions;
use tierfall_workbench::regress::{Ask, Regressed, Summary, UpdatedEntry};

use super::output::{interruptible, write};
use super::watch::Watch;
use crate::args::Regress;
use crate::render::regress::{Sheet, TEXT, Unjudged};
use crate::render::style::{BAD, paint};
use crate::render::{printable, words};
use crate::{Exit, Failure, note, print_verdict, quiet, say, warn};

pub(crate) async fn regress(args: &Regress) -> Result<Exit, Failure> {
    let ask = ask(args);
    // Where the calculation is waits for providers, too, and holds up nobody.
    let here = tokio::runtime::Handle::current();
    let work = move || here.block_on(tierfall_workbench::regress(&ask, &Watch::default()));
    let Regressed { report, broken, updates } = interruptible(work).await?;
    if broken.is_empty() {
        for update in updates {
            update.write().map_err(Failure::usage)?;
            note(printable::line(&format!("the baseline is {}", update.path.display())));
            update.entries.iter().for_each(|entry| note(printable::line(&line(entry))));
        }
    } else if args.update_baseline {
        say(format_args!("{} no baseline is written: not every cascade could be replayed", paint(BAD, "error:")));
    }
    let problem = |(path, error): &(std::path::PathBuf, Error)| {
        let (line, why) = match error {
            Error::Load(LoadError::Config(error)) => {
                (error.diagnostics.first().map(|found| line_of(error, found.span.start)), in_words(error))
            }
            _ => (None, error.to_string()),
        };
        Unjudged { cascade: path.display().to_string(), line, why }
    };
    let problems: Vec<Unjudged> = broken.iter().map(problem).collect();
    let sheet = Sheet {
        report: &report,
        problems: &problems,
        strict: args.strict,
        max_changes: args.max_changes,
        all_checks: "--format json has them",
    };
    deliver(args, &sheet)?;
    if !broken.is_empty() {
        // Files are to be mended before providers are asked again.
        let of_provider = broken.iter().all(|(_, error)| matches!(error, Error::Provider(_)));
        return Ok(if of_provider { Exit::Provider } else { Exit::Usage });
    }
    Ok(match report.verdict {
        Verdict::Pass => Exit::Fine,
        Verdict::Fail => Exit::Unmet,
        Verdict::Inconclusive if args.strict => Exit::Unmet,
        Verdict::Inconclusive => {
            warn("inconclusive: the report says why; --strict fails on that");
            Exit::Fine
        }
    })
}

fn ask(args: &Regress) -> Ask {
    let asking = &args.asking;
    let options = LiveOptions {
        repeats: asking.repeats.get(),
        concurrency: NonZeroUsize::new(asking.concurrency.into()).unwrap_or(NonZeroUsize::MIN),
        max_spend: asking.max_spend,
        limit: asking.limit,
        seed: asking.seed,
        early_stop: asking.early_stop,
    };
    Ask {
        cascades: args.cascades.clone(),
        baseline: args.baseline.clone(),
        update_baseline: args.update_baseline,
        strict: args.strict,
        level: args.level,
        margin: args.margin,
        live: args.live.then_some(options),
        graders: Graders::default(),
        results: args.out.clone().map(|path| ("--out", path)).into_iter().collect(),
    }
}

/// The report where it is wanted; beside a file, the text for people.
fn deliver(args: &Regress, sheet: &Sheet<'_>) -> Result<(), Failure> {
    let drawn = (args.format.draw)(sheet);
    let Some(path) = &args.out else { return print_verdict(drawn) };
    write(path, &anstream::adapter::strip_str(&drawn).to_string())?;
    if !quiet() {
        print_verdict((TEXT.draw)(sheet))?;
        say(format_args!("the report is {}", path.display()));
    }
    Ok(())
}

/// The line of a place in a cascade file, from 1.
fn line_of(error: &ConfigError, at: usize) -> usize {
    error.text.get(..at).map_or(1, |before| before.matches('\n').count() + 1)
}

/// The problems of a cascade file without their drawings.
fn in_words(error: &ConfigError) -> String {
    let said = error.diagnostics.iter().map(|found| format!("line {}: {}", line_of(error, found.span.start), found.message));
    said.collect::<Vec<_>>().join("\n")
}

/// `support, split test: 842 examples (840 before), 71.6 % right (70.2 % before), $0.000448 a query`; `right` is the share that the
/// report and limits have, in which examples weigh what they stand for and those of a group share one item.
fn line(entry: &UpdatedEntry) -> String {
    let UpdatedEntry { was, now, right } = entry;
    let numbers = |summary: &Summary, right: f64| {
        let cost = summary.cost.map(|cost| cost.usd() / summary.n.max(1) as f64);
        [words::count(summary.n as u64), words::percent(right), words::usd(cost)]
    };
    // A baseline has no weights: where they matter, its share is another number than this one.
    let weighted = (*right - now.summary.correct).abs() > 1e-9;
    let numbers_now = numbers(&now.summary, *right);
    let before = was.as_ref().map(|was| numbers(&was.summary, was.summary.correct));
    let differ = |place: usize| match &before {
        Some(before) if before[place] != numbers_now[place] => format!(" ({} before)", before[place]),
        _ => String::new(),
    };
    let of_right = if weighted { " (weighted)".to_owned() } else { differ(1) };
    let failed = match now.summary.failed {
        0 => String::new(),
        n => format!(", {} never answered and without a grade", words::count(n as u64)),
    };
    let ends = match was {
        None => "; new",
        Some(was) if was == now => "; unchanged",
        Some(_) => "",
    };
    let ([examples, right, cost], set, split) = (&numbers_now, &now.fixtures, &now.split);
    let (of_examples, of_cost) = (differ(0), differ(2));
    format!(
        "  {set}, split {split}: {examples} examples{of_examples}{failed}, {right} right{of_right}, {cost} a query{of_cost}{ends}"
    )
}
