//! Files into a table: pieces are parsed in parallel and put together in order.

use std::fmt::Display;
use std::io::ErrorKind;
use std::path::Path;

use rayon::prelude::*;

use super::ReadOut;
use super::chunk::Chunk;
use super::collect::Collector;
use super::kinds::recognised;
use super::options::{Config, ReadOptions};
use super::source::{ObservationFile, Piece, start_of};
use crate::Error;
use crate::progress::Progress;

/// Reads files of observations, one after the other: JSON Lines or CSV, either of them compressed with gzip or not.
///
/// What a file is shows in its first bytes, not in its name. Rows are in the files' order on any number of cores.
/// `progress` is told from time to time how many bytes of the files were read, as they lie on the disk.
pub fn read(paths: &[impl AsRef<Path>], options: &ReadOptions, progress: &dyn Progress) -> Result<ReadOut, Error> {
    options.check()?;
    let mut judged = vec![false; options.chain.len()];
    loop {
        match pass(paths, options, &judged, progress).map_err(|error| told(error, paths))? {
            Pass::Done(read) => return Ok(*read),
            // Who graded a tier decides what every row of it means, and shows only in the rows.
            Pass::Judged(tiers) => tiers.into_iter().for_each(|tier| judged[tier] = true),
        }
    }
}

/// The error, with the command that makes observations of a file which looks like something else, where no row could be read.
fn told(error: Error, paths: &[impl AsRef<Path>]) -> Error {
    let nothing = match &error {
        Error::Rows(rows) => rows.bad == rows.read,
        Error::Refused { hint, .. } => hint.is_none(),
        _ => false,
    };
    let kind = |path: &Path| start_of(path).and_then(|start| recognised(&start));
    let other = paths.iter().map(AsRef::as_ref).find_map(|path| Some((path, kind(path)?))).filter(|_| nothing);
    let Some((path, (format, what))) = other else { return error };
    let (file, more) = (path.display(), if format == "tidy" { " --tier-column COLUMN" } else { "" });
    error.with_hint(format!(
        "by its keys {file} is {what}: tierfall import {format} {file}{more} --out rows.jsonl makes observations of it"
    ))
}

enum Pass {
    Done(Box<ReadOut>),
    /// These tiers are judged, which was not known.
    Judged(Vec<usize>),
}

fn pass(paths: &[impl AsRef<Path>], options: &ReadOptions, judged: &[bool], progress: &dyn Progress) -> Result<Pass, Error> {
    let config = Config { options, judged: judged.to_vec() };
    let mut collector = Collector::new(options);
    let mut total = 0;
    for (at, path) in paths.iter().enumerate() {
        total += size(path.as_ref())?;
        // What is there and has no place is a pipe without a name.
        let place = fs_err::canonicalize(path.as_ref()).map_err(|_| unrepeatable(path.as_ref().display(), "a pipe"))?;
        if paths[..at].iter().any(|before| fs_err::canonicalize(before.as_ref()).is_ok_and(|before| before == place)) {
            let path = path.as_ref().display();
            return Err(Error::refused(format!("{path} is given twice, and its rows would count twice: name it once")));
        }
    }
    let pieces_at_once = 2 * rayon::current_num_threads();
    let mut before = 0;
    for path in paths {
        let path = path.as_ref();
        let mut source = ObservationFile::open(path, options)?;
        collector.begin(path, source.columns());
        let mut pieces = source.next(pieces_at_once)?;
        let mut parsed: Vec<Chunk<'_>> = Vec::new();
        while !(pieces.is_empty() && parsed.is_empty()) {
            // One core reads on and puts together what is parsed, the others parse.
            let (chunks, next) = rayon::join(
                || pieces.par_iter().map(|piece| parse(piece, path, &config)).collect::<Vec<_>>(),
                || -> Result<_, Error> {
                    parsed.iter().try_for_each(|chunk| collector.add(chunk))?;
                    source.next(pieces_at_once)
                },
            );
            (parsed, pieces) = (chunks, next?);
            let newly: Vec<usize> = parsed.iter().flat_map(|chunk| chunk.judged.iter().copied()).collect();
            if !newly.is_empty() {
                return Ok(Pass::Judged(newly));
            }
            progress.at(before + source.bytes_read(), total);
        }
        before += source.bytes_read();
    }
    progress.at(total, total);
    collector.finish().map(|read| Pass::Done(Box::new(read)))
}

/// Rows that are not in a file.
pub(crate) fn unrepeatable(what: impl Display, kind: &str) -> Error {
    Error::refused(format!("{what}: rows are read from files, not from {kind}, for they may have to be read twice"))
        .with_hint("write them to a file first and name that")
}

/// The bytes of a file. A pipe may be one, and must not be opened twice.
fn size(path: &Path) -> Result<u64, Error> {
    match fs_err::metadata(path) {
        Ok(file) => Ok(file.len()),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(Error::refused(format!("there is no file {}", path.display()))),
        Err(error) => Err(error.into()),
    }
}

fn parse<'p>(piece: &Piece, path: &'p Path, config: &Config<'_>) -> Chunk<'p> {
    match piece {
        Piece::Lines(first, bytes) => Chunk::of_lines(path, *first, bytes, config),
        Piece::Records(columns, records) => columns.parse(path, records, config),
    }
}
