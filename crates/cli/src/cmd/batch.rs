//! `tierfall run --jsonl`: many queries, resumable. Results keep the order of the input on stdout, and come as they are
//! ready in a file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use fs_err::{File, OpenOptions};
use futures_util::StreamExt as _;
use serde::Deserialize;
use tierfall::{Answer, Engine};
use tierfall_core::money::Cost;
use tierfall_core::trace::OutcomeKind;

use crate::args::{Run, TraceFormat};
use crate::exit::{Exit, Failure};
use crate::input::{Query, query};
use crate::interrupt::interrupted;
use crate::render::money::{cost, usd};
use crate::{print, progress, say};

pub(crate) async fn batch(engine: &Engine, args: &Run, file: &Path, quiet: bool) -> Result<Exit, Failure> {
    let done = args.out.as_deref().map(resume).transpose()?.unwrap_or_default();
    let input = Input::open(file)?;
    let left = check(engine, &input, &done)?;
    if !done.is_empty() && !quiet {
        say(format_args!("{} already answered, {left} left", done.len()));
    }
    let mut out = args.out.as_deref().map(|path| OpenOptions::new().create(true).append(true).open(path)).transpose()?;
    let bar = progress::bar(left as u64, "queries", quiet);
    let mut totals = Totals::default();
    let left = queries(&input)?.filter(|query| !matches!(query, Ok((_, query)) if done.contains(&query.key)));
    let answers = futures_util::stream::iter(left.map(|query| async move {
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
        totals.add(&key, &answer);
        let line = line(&key, &answer, args.trace)?;
        match &mut out {
            // One write a line: an interruption leaves whole lines.
            Some(out) => out.write_all(line.as_bytes())?,
            None => bar.suspend(|| print(&line))?,
        }
        bar.inc(1);
    };
    drop(answers);
    bar.finish_and_clear();
    if !quiet {
        say(totals.summary());
    }
    if interrupted {
        if args.out.is_some() && !quiet {
            say("interrupted; the same command goes on where it stopped");
        }
        return Ok(Exit::Interrupted);
    }
    match totals.first_failure {
        Some(first) => Err(Failure::provider(format!("{} of {} failed, the first one with {first}", totals.failed, totals.n))),
        None => Ok(Exit::Fine),
    }
}

/// Where the queries come from. They are read twice, so stdin is kept in a file meanwhile.
struct Input {
    path: PathBuf,
    shown: String,
    _kept: Option<tempfile::NamedTempFile>,
}

impl Input {
    fn open(path: &Path) -> Result<Self, Failure> {
        if path != Path::new("-") {
            return Ok(Self { path: path.to_owned(), shown: path.display().to_string(), _kept: None });
        }
        let mut kept = tempfile::NamedTempFile::new()?;
        std::io::copy(&mut std::io::stdin().lock(), &mut kept)?;
        Ok(Self { path: kept.path().to_owned(), shown: "stdin".to_owned(), _kept: Some(kept) })
    }
}

/// The queries of a file with their lines, one at a time: a file of any length takes no more memory than what is under way.
fn queries(input: &Input) -> Result<impl Iterator<Item = Result<(usize, Query), Failure>> + use<>, Failure> {
    let shown = input.shown.clone();
    let at = move |number: usize, why: &dyn std::fmt::Display| Failure::usage(format!("{shown}:{number}: {why}"));
    let lines = BufReader::new(File::open(&input.path)?).lines().enumerate().map(|(place, line)| (place + 1, line));
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

/// Checks the whole file before the first call, so that a typing error in the last line costs nothing, and counts the
/// queries that are left.
fn check(engine: &Engine, input: &Input, done: &BTreeSet<String>) -> Result<usize, Failure> {
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
    Ok(keys.difference(done).count())
}

#[derive(Deserialize)]
struct Done {
    key: String,
    outcome: String,
}

/// The keys that an output file has. Failed ones are taken out, to be asked again; so is a line that was cut.
fn resume(path: &Path) -> Result<BTreeSet<String>, Failure> {
    let text = match fs_err::read(path) {
        Ok(bytes) => String::from_utf8(bytes).map_err(|_| Failure::usage(format!("{} is not UTF-8", path.display())))?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeSet::new()),
        Err(error) => return Err(error.into()),
    };
    let mut keys = BTreeSet::new();
    let mut kept = String::with_capacity(text.len());
    for (place, line) in text.split_inclusive('\n').enumerate() {
        let torn = !line.ends_with('\n');
        match serde_json::from_str::<Done>(line) {
            Ok(done) if !torn && done.outcome != "failed" => {
                keys.insert(done.key);
                kept.push_str(line);
            }
            Ok(_) => {}
            Err(_) if torn => {}
            Err(error) => {
                return Err(Failure::usage(format!(
                    "{}:{}: this is no result of an earlier run: {error}",
                    path.display(),
                    place + 1
                ))
                .with_hint("name another --out file; this one is left as it is"));
            }
        }
    }
    if kept.len() < text.len() {
        // The file itself, not a link to it, is replaced, by one with the same mode and nothing less on the disk.
        let real = fs_err::canonicalize(path)?;
        let mut file = tempfile::NamedTempFile::new_in(real.parent().unwrap_or(Path::new("/")))?;
        file.write_all(kept.as_bytes())?;
        file.as_file().set_permissions(fs_err::metadata(&real)?.permissions())?;
        file.as_file().sync_all()?;
        file.persist(&real)
            .map_err(|error| Failure::usage(format!("{} could not be replaced: {}", path.display(), error.error)))?;
    }
    Ok(keys)
}

fn line(key: &str, answer: &Answer, format: Option<TraceFormat>) -> Result<String, Failure> {
    let trace = &answer.trace;
    let mut json = match format {
        Some(TraceFormat::Json) => trace.to_json(answer.text()).map_err(Failure::usage)?,
        _ => serde_json::json!({
            "answer": answer.text(),
            "confidence": trace.confidence,
            "cost_usd": trace.cost,
            "error": trace.error,
            "outcome": trace.outcome,
            "request_id": trace.request_id,
            "tier": trace.tier,
        }),
    };
    if let Some(map) = json.as_object_mut() {
        map.insert("key".to_owned(), key.into());
    }
    Ok(format!("{json}\n"))
}

#[derive(Default)]
struct Totals {
    n: usize,
    failed: usize,
    cost: Cost,
    if_last: Cost,
    by_tier: BTreeMap<String, usize>,
    first_failure: Option<String>,
}

impl Totals {
    fn add(&mut self, key: &str, answer: &Answer) {
        self.n += 1;
        if answer.trace.outcome == OutcomeKind::Failed {
            self.failed += 1;
            self.first_failure.get_or_insert_with(|| format!("{key}: {}", answer.trace.error.as_deref().unwrap_or_default()));
        }
        self.cost += answer.trace.cost;
        self.if_last += Cost::from(answer.trace.cost_if_last);
        if let Some(tier) = &answer.trace.tier {
            *self.by_tier.entry(tier.to_string()).or_default() += 1;
        }
    }

    fn summary(&self) -> String {
        let mut counts: Vec<String> = self.by_tier.iter().map(|(tier, n)| format!("{tier} {n}")).collect();
        if self.failed > 0 {
            counts.push(format!("failed {}", self.failed));
        }
        let mut text = format!("{} quer{}", self.n, if self.n == 1 { "y" } else { "ies" });
        if !counts.is_empty() {
            let _ = write!(text, ": {}", counts.join(", "));
        }
        let _ = write!(text, " · {}", cost(self.cost));
        if let (Some(spent), Some(last)) = (self.cost.total(), self.if_last.total())
            && last > tierfall_core::money::Money::ZERO
        {
            let share = spent.usd() / last.usd();
            let _ = write!(
                text,
                " ({:.0} % of {} for always the last tier, estimated where it was not called)",
                share * 100.0,
                usd(last)
            );
        }
        text
    }
}
