//! `tierfall run`: one query, or a file of them.

use std::io::IsTerminal as _;
use std::sync::Arc;

use tierfall::{Ask, Asker, Engine};
use tierfall_core::provider::{CallError, CallErrorKind};
use tierfall_core::request::Request;
use tierfall_core::run::Outcome;
use tierfall_workbench::{Opened, Replaying};

use super::batch::Batch;
use super::log::{Lacks, Log};
use crate::args::{Format, Run};
use crate::interrupt::Ends;
use crate::render::printable;
use crate::{Exit, Failure, input, load, print, print_data, quiet, render, say, tell};

pub(crate) async fn run(args: &Run) -> Result<Exit, Failure> {
    let asker = if args.jsonl.is_some() { Asker::Job } else { Asker::Anybody };
    let Opened { mut builder, replay, tiers } = load::engine(args, asker)?;
    let log = args.trace_log.as_deref().map(|path| Log::open(path, args, replay.as_deref(), &tiers)).transpose()?.map(Arc::new);
    if let Some(log) = &log {
        builder = builder.observer(log.clone());
    }
    let engine = builder.build().map_err(Failure::usage)?;
    if let Some(replay) = &replay
        && !quiet()
    {
        load::tell_torn(&replay.recordings);
    }
    if let Some(point) = &args.dial.point {
        engine.find_point(point).map_err(Failure::usage)?;
    }
    // What is asked is read first: nothing would end that.
    let (mut ends, runs, result);
    if let Some(file) = &args.jsonl {
        let batch = Batch::open(&engine, replay.is_some(), args, file)?;
        ends = Ends::listen();
        (runs, result) = batch.run(&engine, log.as_deref(), &mut ends).await;
    } else {
        let prompt = input::prompt(args.prompt.as_deref())?;
        ends = Ends::listen();
        (runs, result) = (1, one(&engine, replay.as_deref(), args, &prompt, &mut ends).await);
    }
    let Some(log) = log else { return result };
    let Some(Lacks { failure, given_up }) = log.close(&engine, runs as u64, &mut ends).await else { return result };
    tell(&failure);
    if given_up {
        // Who drops the engine waits for those who are told.
        std::mem::forget(engine);
    }
    // What went wrong before that counts.
    match result {
        Ok(Exit::Fine) | Err(Failure { exit: Exit::Fine, .. }) => Ok(failure.exit),
        result => result,
    }
}

async fn one(engine: &Engine, replay: Option<&Replaying>, args: &Run, prompt: &str, ends: &mut Ends) -> Result<Exit, Failure> {
    let mut ask = Ask::from(prompt);
    if let Some(id) = &args.id {
        ask = ask.with_id(id.as_str());
    }
    for (key, value) in &args.dial.tags {
        ask = ask.with_tag(key.as_str(), value.as_str());
    }
    if let Some(point) = &args.dial.point {
        ask = ask.at_point(point.as_str());
    }
    let answer = engine.complete_until(ask, ends.next()).await;
    if args.trace == Some(Format::Json) {
        print(format_args!("{}\n", answer.to_json().map_err(Failure::usage)?))?;
    } else {
        if let Outcome::Answered(served) = &answer.outcome {
            print_data(&(shown(&served.answer, std::io::stdout().is_terminal()) + "\n"))?;
        }
        if !quiet() {
            say(render::trace::report(&answer.trace, args.trace == Some(Format::Text)));
            if let Outcome::Abstained(Some(best)) | Outcome::Review(Some(best)) = &answer.outcome {
                let tier = &engine.cascade().tier(best.tier).name;
                say(format_args!(
                    "not served, since no gate accepted it: the best there was, from {tier}: {}",
                    shown(&best.answer, true)
                ));
            }
        }
    }
    match &answer.outcome {
        Outcome::Failed(error) if error.kind == CallErrorKind::Cancelled => Ok(Exit::Interrupted),
        Outcome::Failed(error) => Err(failed(replay, error, prompt)),
        _ if args.strict && answer.fallback().is_some() => Ok(Exit::Unmet),
        Outcome::Answered(_) | Outcome::Abstained(_) | Outcome::Review(_) | Outcome::Refused(_) => Ok(Exit::Fine),
    }
}

/// What to say of a run that no tier could answer; in a replay, which query may have been meant.
fn failed(replay: Option<&Replaying>, error: &CallError, question: &str) -> Failure {
    match replay {
        Some(replay) if error.kind == CallErrorKind::NotRecorded && replay.set.find(&Request::new("", question)).is_none() => {
            Failure::provider(replay.not_in_the_set(question)).with_hint("--live asks the providers")
        }
        _ => Failure::from(error),
    }
}

/// The answer as a person reads it: its text, or the tools that it wants called. A terminal would obey what a program only reads.
fn shown(answer: &tierfall_core::completion::Completion, terminal: bool) -> String {
    let calls = answer.tool_calls.iter().map(|call| format!("{}({})", call.name, call.arguments));
    let said = if answer.text.is_empty() { calls.collect::<Vec<_>>().join("\n") } else { answer.text.clone() };
    if terminal { printable::text(&said) } else { said }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_terminal_obeys_an_answer() {
        let answer = tierfall_core::completion::Completion::text("\x1b]0;owned\x07 paid\n");
        assert_eq!(shown(&answer, true), "␛]0;owned␇ paid\n");
        assert_eq!(shown(&answer, false), "\x1b]0;owned\x07 paid\n");
    }
}
