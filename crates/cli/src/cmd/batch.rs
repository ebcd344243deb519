//! `tierfall run --jsonl`: many queries, resumable. Results keep the order of the input on stdout, and come as they are
//! ready in a file.

mod latch;
mod resume;
mod tally;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::{Path, PathBuf};

use fs_err::File;
use futures_util::StreamExt as _;
use tierfall::{Answer, Engine};
use tierfall_core::trace::OutcomeKind;
use tierfall_workbench::whole;

use self::latch::Latch;
use self::resume::Earlier;
use self::tally::Tally;
use crate::args::{Format, Run};
use crate::input::{Query, query};
use crate::interrupt::interrupted;
use crate::{Exit, Failure, note, print, progress, tell};

pub(crate) async fn batch(engine: &Engine, recorded: bool, args: &Run, file: &Path) -> Result<Exit, Failure> {
    let input = Input::open(file)?;
    let keys = check(engine, &input)?;
    let (mut out, earlier) = args.out.as_deref().map(resume::open).transpose()?.unzip();
    let earlier = earlier.unwrap_or_default();
    let left = keys.difference(&earlier.done).count();
    found(&earlier, left).into_iter().for_each(note);
    let bar = progress::bar(left as u64, "queries");
    let (mut tally, mut latch) = (Tally::new(engine.cascade()), Latch::default());
    let stop = Cell::new(false);
    let queries = queries(&input)?.filter(|query| !matches!(query, Ok((_, query)) if earlier.done.contains(&query.key)));
    let answers = futures_util::stream::iter(queries.take_while(|_| !stop.get()).map(|query| async move {
        let (_, Query { key, mut ask, point }) = query?;
        if let (None, Some(point)) = (point, &args.dial.point) {
            ask = ask.at_point(point.as_str());
        }
        Ok::<_, Failure>((key, engine.complete(ask).await))
    }));
    let at_once = usize::from(args.concurrency);
    // An answer that waits for its turn would be lost, paid for, in an interruption: a file takes each as it comes.
    let mut answers = match out {
        Some(_) => answers.buffer_unordered(at_once).boxed_local(),
        None => answers.buffered(at_once).boxed_local(),
    };
    let mut pressed = interrupted();
    let interrupted = loop {
        let (key, answer): (String, Answer) = tokio::select! {
            next = answers.next() => match next {
                Some(next) => next?,
                None => break false,
            },
            () = &mut pressed => break true,
        };
        tally.add(&key, &answer);
        // What is recorded is as it was: a tier that failed then need not fail now.
        if !recorded {
            latch.see(&answer.trace);
            stop.set(latch.is_closed());
        }
        let line = line(&key, &answer, args.trace)?;
        match &mut out {
            // A failure takes no answer's place, however that came about.
            Some(_) if answer.trace.outcome == OutcomeKind::Failed && earlier.fell_back.contains(&key) => {}
            // One write a line: an interruption leaves whole lines.
            Some(out) => out.write_all(line.as_bytes())?,
            None => bar.suspend(|| print(&line))?,
        }
        bar.inc(1);
    };
    drop(answers);
    bar.finish_and_clear();
    if let Some(path) = args.out.as_deref().filter(|_| !earlier.fell_back.is_empty()) {
        resume::tidied(path)?;
    }
    note(tally.summary());
    if interrupted && args.out.is_some() {
        note("interrupted; the same command goes on where it stopped");
    }
    let exit = ended(&tally, latch.failure(tally.n, left), interrupted, args);
    tally.notes().into_iter().for_each(note);
    Ok(exit)
}

/// What an earlier run left, in words; `None` where there was none.
fn found(earlier: &Earlier, left: usize) -> Option<String> {
    let (done, fell_back) = (earlier.done.len(), earlier.fell_back.len());
    let again = if fell_back > 0 { format!(", {fell_back} fell back and are asked again") } else { String::new() };
    (done + fell_back > 0).then(|| format!("{done} already answered{again}, {left} left"))
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

/// Where the queries come from. They are read twice, so stdin is kept in a file meanwhile, and so is a pipe.
struct Input {
    path: PathBuf,
    shown: String,
    _kept: Option<tempfile::NamedTempFile>,
}

impl Input {
    fn open(path: &Path) -> Result<Self, Failure> {
        let stdin = path == Path::new("-");
        let shown = if stdin { "stdin".to_owned() } else { path.display().to_string() };
        if !stdin && !whole::is_stream(path) {
            return Ok(Self { path: path.to_owned(), shown, _kept: None });
        }
        let mut from: Box<dyn Read> = if stdin { Box::new(std::io::stdin()) } else { Box::new(File::open(path)?) };
        let mut kept = tempfile::NamedTempFile::new()?;
        std::io::copy(&mut from, &mut kept)?;
        Ok(Self { path: kept.path().to_owned(), shown, _kept: Some(kept) })
    }
}

/// The queries of a file with their lines, one at a time: a file of any length takes no more memory than what is under way.
fn queries(input: &Input) -> Result<impl Iterator<Item = Result<(usize, Query), Failure>> + use<>, Failure> {
    let shown = input.shown.clone();
    let at = move |number: usize, why: &dyn std::fmt::Display| Failure::usage(format!("{shown}:{number}: {why}"));
    let lines = BufReader::new(File::open(&input.path)?).lines().enumerate().map(|(place, line)| (place + 1, line));
    // Some editors put a byte-order mark before a text in UTF-8.
    let lines = lines.map(|(number, line)| match line {
        Ok(line) if number == 1 && line.starts_with('\u{feff}') => (number, Ok(line['\u{feff}'.len_utf8()..].to_owned())),
        line => (number, line),
    });
    Ok(lines.filter_map(move |(number, line)| match line {
        Ok(line) if line.trim().is_empty() => None,
        Ok(line) => {
            Some(query(&line, number).map(|query| (number, query)).map_err(|why| {
                at(number, &why).with_hint("a line is {\"id\"?, \"query\" | \"messages\", \"tags\"?, \"point\"?}")
            }))
        }
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => Some(Err(at(number, &"it is not UTF-8"))),
        Err(error) => Some(Err(at(number, &error))),
    }))
}

/// Checks the whole file before the first call, so that a typing error in the last line costs nothing, and gives the keys of
/// its queries.
fn check(engine: &Engine, input: &Input) -> Result<BTreeSet<String>, Failure> {
    let mut keys = BTreeSet::new();
    for query in queries(input)? {
        let (number, Query { key, point, .. }) = query?;
        if let Some(Err(error)) = point.map(|point| engine.find_point(&point).map(|_| ())) {
            return Err(Failure::usage(format!("{}:{number}: {error}", input.shown)));
        }
        if let Some(twice) = keys.replace(key) {
            let place = format!("{}:{number}", input.shown);
            return Err(Failure::usage(format!("{place}: the id \"{twice}\" stands in an earlier line too")));
        }
    }
    if keys.is_empty() {
        return Err(Failure::usage(format!("{} has no query in it", input.shown)));
    }
    Ok(keys)
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
