//! The queries of a batch: of a file, which is checked before the first call, or of a stream, each as it comes.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use tierfall::{Engine, files};
use tierfall_workbench::whole;
use tokio::sync::mpsc;

use crate::Failure;
use crate::input::{LONGEST, Query, query};

/// A query and its line, or what is wrong with one.
type Line = Result<(usize, Query), Failure>;

/// Where the queries come from.
pub(super) struct Input {
    shown: String,
    from: From,
}

enum From {
    /// It can be read twice.
    File(PathBuf),
    /// It cannot, and may have no end: stdin, or a pipe.
    Stream(Box<dyn Read + Send>),
}

impl Input {
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let stdin = path == Path::new("-");
        let shown = if stdin { "stdin".to_owned() } else { path.display().to_string() };
        let from = match whole::is_stream(path) {
            _ if stdin => From::Stream(Box::new(std::io::stdin())),
            true => From::Stream(Box::new(fs_err::File::open(path)?)),
            false => From::File(path.to_owned()),
        };
        Ok(Self { shown, from })
    }

    /// Checks a whole file, so that a typing error in its last line costs nothing, and gives the keys of its queries. Those of a stream
    /// are not known.
    pub(super) fn check(&self, engine: &Engine) -> Result<Option<BTreeSet<String>>, Failure> {
        let From::File(path) = &self.from else { return Ok(None) };
        let mut known = Known { engine, shown: &self.shown, keys: BTreeSet::new() };
        lines(files::open(path)?, self.shown.clone()).try_for_each(|query| known.take(query).map(drop))?;
        if known.keys.is_empty() { Err(empty(&self.shown)) } else { Ok(Some(known.keys)) }
    }

    /// The queries, one at a time: a file of any length takes no more memory than what is under way.
    pub(super) fn queries<'e>(&'e mut self, engine: &'e Engine) -> Result<BoxStream<'e, Line>, Failure> {
        let shown = &self.shown;
        let from = match &mut self.from {
            From::File(path) => return Ok(stream::iter(lines(files::open(path)?, shown.clone())).boxed()),
            From::Stream(from) => std::mem::replace(from, Box::new(std::io::empty())),
        };
        let (send, receive) = mpsc::channel(1);
        let mut all = lines(from, shown.clone());
        // It may wait for its next line for ever, and ends with the program.
        std::thread::spawn(move || all.all(|query| send.blocking_send(query).is_ok()));
        let known = Known { engine, shown, keys: BTreeSet::new() };
        let next = async |(mut receive, mut known): (mpsc::Receiver<Line>, Known<'e>)| match receive.recv().await {
            Some(query) => Some((known.take(query), (receive, known))),
            None if known.keys.is_empty() => {
                let error = Err(empty(known.shown));
                known.keys.insert(String::new());
                Some((error, (receive, known)))
            }
            None => None,
        };
        Ok(stream::unfold((receive, known), next).boxed())
    }
}

fn empty(shown: &str) -> Failure {
    Failure::usage(format!("{shown} has no query in it"))
}

/// What is known of the queries so far.
struct Known<'e> {
    engine: &'e Engine,
    shown: &'e str,
    keys: BTreeSet<String>,
}

impl Known<'_> {
    /// One more of them, unless it cannot be asked.
    fn take(&mut self, query: Line) -> Line {
        let (number, query) = query?;
        let at = |why: &dyn Display| Failure::usage(format!("{}:{number}: {why}", self.shown));
        if let Some(Err(error)) = query.point.as_deref().map(|point| self.engine.find_point(point).map(|_| ())) {
            return Err(at(&error));
        }
        if !self.keys.insert(query.key.clone()) {
            return Err(at(&format_args!("the id \"{}\" stands in an earlier line too", query.key)));
        }
        Ok((number, query))
    }
}

/// The queries with their lines.
fn lines(from: impl Read, shown: String) -> impl Iterator<Item = Line> {
    let at = move |number: usize, why: &dyn Display| Failure::usage(format!("{shown}:{number}: {why}"));
    let mut reader = BufReader::new(from);
    let mut next = move || {
        let mut line = Vec::new();
        let read = reader.by_ref().take(LONGEST + 1).read_until(b'\n', &mut line);
        read.map(|read| (read > 0).then_some(line)).transpose()
    };
    let (mut number, mut over) = (0, false);
    std::iter::from_fn(move || {
        loop {
            let line = if over { None } else { next() }?;
            number += 1;
            let line = match line {
                Ok(line) if line.len() as u64 > LONGEST => Err(format!("it is longer than {} MiB", LONGEST >> 20)),
                Ok(line) => String::from_utf8(line).map_err(|_| "it is not UTF-8".to_owned()),
                Err(error) => Err(error.to_string()),
            };
            let line = match line {
                Ok(line) => line,
                Err(why) => {
                    over = true;
                    return Some(Err(at(number, &why)));
                }
            };
            // Some editors put a byte-order mark before a text in UTF-8.
            let line = line.strip_prefix('\u{feff}').filter(|_| number == 1).unwrap_or(&line).trim();
            if !line.is_empty() {
                return Some(query(line, number).map(|query| (number, query)).map_err(|why| {
                    at(number, &why).with_hint("a line is {\"id\"?, \"query\" | \"messages\", \"tags\"?, \"point\"?}")
                }));
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_end_ends() {
        let mut all = lines(std::io::repeat(b'x'), "zero".to_owned());
        let error = all.next().unwrap().map(drop).unwrap_err();
        assert_eq!(error.message, "zero:1: it is longer than 16 MiB");
        assert!(all.next().is_none(), "what follows is no line");
    }
}
