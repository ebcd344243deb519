//! `tierfall run --jsonl`: many queries, resumable. Results keep the order of the input on stdout, and come as they are
//! ready in a file.

mod latch;
mod queries;
mod resume;
mod tally;

use std::future::ready;
use std::io::Write as _;
use std::path::Path;

use fs_err::File;
use futures_util::{FutureExt as _, StreamExt as _};
use tierfall::{Answer, Engine};
use tierfall_core::trace::OutcomeKind;
use tokio::sync::watch;

use self::latch::{Latch, stopped};
use self::queries::Input;
use self::resume::Earlier;
use self::tally::Tally;
use super::log::Log;
use crate::args::{Format, Run};
use crate::input::Query;
use crate::interrupt::Ends;
use crate::{Exit, Failure, note, print, progress, tell};

/// A batch whose every line can be asked.
pub(crate) struct Batch<'a> {
    args: &'a Run,
    /// Whether the answers are recorded ones.
    recorded: bool,
    input: Input,
    out: Option<File>,
    earlier: Earlier,
    /// How many queries are to be asked; nobody knows of a stream.
    left: Option<usize>,
}

/// How a batch goes on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Going {
    On,
    /// What is under way is the last.
    Out,
    /// What is under way is cancelled.
    Cancelled,
}

impl<'a> Batch<'a> {
    /// Reads and checks the queries, and opens the output.
    pub(crate) fn open(engine: &Engine, recorded: bool, args: &'a Run, file: &Path) -> Result<Self, Failure> {
        let input = Input::open(file)?;
        let keys = input.check(engine)?;
        let (out, earlier) = args.out.as_deref().map(resume::open).transpose()?.unzip();
        let earlier = earlier.unwrap_or_default();
        let left = keys.map(|keys| keys.difference(&earlier.done).count());
        Ok(Self { args, recorded, input, out, earlier, left })
    }

    /// Asks them, and says how many runs that took, and how it ended.
    pub(crate) async fn run(mut self, engine: &Engine, log: Option<&Log>, ends: &mut Ends) -> (usize, Result<Exit, Failure>) {
        found(&self.earlier, self.left).into_iter().for_each(note);
        let (mut tally, mut latch) = (Tally::new(engine.cascade()), Latch::default());
        let asked = self.ask(engine, log, ends, &mut tally, &mut latch).await;
        let (interrupted, asked) = match asked {
            Ok(interrupted) => (interrupted, self.tidy()),
            Err(failure) => (false, Err(failure)),
        };
        // A reader that went away wants to know nothing more.
        if asked.as_ref().err().is_none_or(|failure| failure.exit != Exit::Fine) {
            note(tally.summary());
        }
        if interrupted && self.args.out.is_some() {
            note("interrupted; the same command goes on where it stopped");
        }
        let unlogged = || {
            let (why, n) = (log?.fails()?, tally.n);
            Some(Failure::usage(format!("{}: {why}", stopped(n, self.left)?)))
        };
        let exit = asked.map(|()| {
            let stopped = latch.failure(tally.n, self.left).or_else(unlogged);
            let exit = ended(&tally, stopped, interrupted, self.args);
            tally.notes().into_iter().for_each(note);
            exit
        });
        (tally.n, exit)
    }

    /// Asks until all is asked, or nothing more is to be; whether that was an interruption. Every run that was begun is in the tally.
    async fn ask(
        &mut self,
        engine: &Engine,
        log: Option<&Log>,
        ends: &mut Ends,
        tally: &mut Tally,
        latch: &mut Latch,
    ) -> Result<bool, Failure> {
        let Self { args, earlier, out, input, .. } = self;
        let bar = progress::bar(self.left.unwrap_or(0) as u64, "queries");
        let (going, seen) = watch::channel(Going::On);
        let at_least = |next: Going| going.send_modify(|now| *now = next.max(*now));
        let mut ending = seen.clone();
        let over = async move { drop(ending.wait_for(|going| *going != Going::On).await) };
        let asked = input.queries(engine)?.take_until(over.boxed());
        let asked = asked.filter(|query| ready(!matches!(query, Ok((_, query)) if earlier.done.contains(&query.key))));
        let answers = asked.take_while(|_| ready(*seen.borrow() == Going::On)).map(|query| async {
            let (_, Query { key, mut ask, point }) = query?;
            if let (None, Some(point)) = (point, &args.dial.point) {
                ask = ask.at_point(point.as_str());
            }
            let cancelled = || {
                let mut seen = seen.clone();
                async move { drop(seen.wait_for(|going| *going == Going::Cancelled).await) }
            };
            // Whoever begins waits for the log: it is never further behind than what is under way.
            if let Some(log) = log {
                let may_begin = tokio::select! {
                    keeps_up = log.keeps_up(engine) => keeps_up,
                    () = cancelled() => false,
                };
                if !may_begin {
                    at_least(Going::Out);
                    return Ok(None);
                }
            }
            Ok::<_, Failure>(Some((key, engine.complete_until(ask, cancelled()).await)))
        });
        let at_once = usize::from(args.concurrency);
        // A file takes each answer as it comes.
        let mut answers = match out {
            Some(_) => answers.buffer_unordered(at_once).boxed_local(),
            None => answers.buffered(at_once).boxed_local(),
        };
        let (mut interrupted, mut broken, mut unwritten) = (false, Ok(()), 0_usize);
        loop {
            let next = tokio::select! {
                next = answers.next() => next,
                () = ends.next(), if !interrupted => {
                    interrupted = true;
                    at_least(Going::Cancelled);
                    continue;
                }
            };
            let (key, answer) = match next {
                Some(Ok(Some(answered))) => answered,
                Some(Ok(None)) => continue,
                // What cannot be read or written ends the batch; what it has cost is known when all is back.
                Some(Err(failure)) => {
                    broken = broken.and(Err(failure));
                    at_least(Going::Cancelled);
                    continue;
                }
                None => break,
            };
            tally.add(&key, &answer);
            // What is recorded is as it was: a tier that failed then need not fail now.
            if !self.recorded {
                latch.see(&answer.trace);
            }
            if latch.is_closed() {
                at_least(Going::Out);
            }
            if tally::is_cut_off(&answer) {
                continue;
            }
            if broken.is_err() {
                unwritten += 1;
                continue;
            }
            let written = line(&key, &answer, args.trace).and_then(|line| match out {
                // A failure takes no answer's place, however that came about.
                Some(_) if answer.trace.outcome == OutcomeKind::Failed && earlier.fell_back.contains(&key) => Ok(()),
                // One write a line: an interruption leaves whole lines.
                Some(out) => Ok(out.write_all(line.as_bytes())?),
                None => bar.suspend(|| print(&line)),
            });
            if let Err(failure) = written {
                (broken, unwritten) = (Err(failure), 1);
                at_least(Going::Cancelled);
            }
            bar.inc(1);
        }
        drop(answers);
        bar.finish_and_clear();
        broken.map_err(|failure| match unwritten {
            0 => failure,
            _ if failure.exit == Exit::Fine => failure,
            n => Failure { message: format!("{}; answers that are lost with it: {n}", failure.message), ..failure },
        })?;
        Ok(interrupted)
    }

    /// Leaves one line a query in the output.
    fn tidy(&self) -> Result<(), Failure> {
        match self.args.out.as_deref().filter(|_| !self.earlier.fell_back.is_empty()) {
            Some(path) => resume::tidied(path).map(drop),
            None => Ok(()),
        }
    }
}

/// What an earlier run left, in words; `None` where there was none.
fn found(earlier: &Earlier, left: Option<usize>) -> Option<String> {
    let (done, fell_back) = (earlier.done.len(), earlier.fell_back.len());
    let again = if fell_back > 0 { format!(", {fell_back} fell back and are asked again") } else { String::new() };
    let left = left.map(|left| format!(", {left} left")).unwrap_or_default();
    (done + fell_back > 0).then(|| format!("{done} already answered{again}{left}"))
}

/// How the batch ends; what went wrong is told.
fn ended(tally: &Tally, stopped: Option<Failure>, interrupted: bool, args: &Run) -> Exit {
    let failed = tally.first_failure.as_ref().map(|(first, hint)| {
        let message = format!("{} of {} failed, the first one with {first}", tally.failed(), tally.n);
        Failure { hint: hint.clone(), ..Failure::provider(message) }
    });
    match stopped.or(failed) {
        _ if interrupted => Exit::Interrupted,
        Some(mut failure) => {
            let again = args.out.is_some().then(|| "the same command asks again what has no answer".to_owned());
            failure.hint = failure.hint.into_iter().chain(again).reduce(|hint, again| format!("{hint}; {again}"));
            tell(&failure);
            failure.exit
        }
        None if args.strict && tally.fell_back() > 0 => Exit::Unmet,
        None => Exit::Fine,
    }
}

fn line(key: &str, answer: &Answer, format: Option<Format>) -> Result<String, Failure> {
    let mut json = answer.to_json().map_err(Failure::usage)?;
    if let Some(map) = json.as_object_mut() {
        if format != Some(Format::Json) {
            map.retain(|name, _| KEPT.contains(&name.as_str()));
            map.entry("error").or_insert_with(|| ().into());
        }
        map.insert("key".to_owned(), key.into());
    }
    Ok(format!("{json}\n"))
}

/// What a line has of its query's trace.
const KEPT: [&str; 10] =
    ["answer", "attached", "confidence", "cost_usd", "error", "fallback", "outcome", "request_id", "tier", "unusable"];
