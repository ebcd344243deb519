//! Files into a table: pieces are parsed in parallel and put together in order.

use std::io::ErrorKind;
use std::path::Path;

use rayon::prelude::*;

use super::chunk::Chunk;
use super::collect::Collector;
use super::config::Config;
use super::options::ReadOptions;
use super::source::{Piece, Source};
use super::{ObservationsError, ReadOut};

/// How far reading has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the files that were read, as they lie on the disk.
    pub bytes: u64,
    /// Bytes of the files.
    pub total: u64,
    /// Rows that were read.
    pub rows: u64,
}

/// Reads files of observations, one after the other: JSON Lines or CSV, either of them compressed with gzip or not.
///
/// What a file is shows in its first bytes, not in its name. Rows are in the files' order on any number of cores.
/// `progress` is called from time to time.
pub fn read(
    paths: &[impl AsRef<Path>],
    options: &ReadOptions,
    mut progress: impl FnMut(Progress),
) -> Result<ReadOut, ObservationsError> {
    options.check()?;
    let mut judged = vec![false; options.chain.len()];
    loop {
        match pass(paths, options, &judged, &mut progress)? {
            Pass::Done(read) => return Ok(*read),
            // Who graded a tier decides what every row of it means, and shows only in the rows.
            Pass::Judged(tiers) => tiers.into_iter().for_each(|tier| judged[tier] = true),
        }
    }
}

enum Pass {
    Done(Box<ReadOut>),
    /// These tiers are judged, which was not known.
    Judged(Vec<usize>),
}

fn pass(
    paths: &[impl AsRef<Path>],
    options: &ReadOptions,
    judged: &[bool],
    progress: &mut impl FnMut(Progress),
) -> Result<Pass, ObservationsError> {
    let config = Config::new(options, judged.to_vec());
    let mut collector = Collector::new(options);
    let mut total = 0;
    for (at, path) in paths.iter().enumerate() {
        total += size(path.as_ref())?;
        let place = fs_err::canonicalize(path.as_ref())?;
        if paths[..at].iter().any(|before| fs_err::canonicalize(before.as_ref()).is_ok_and(|before| before == place)) {
            let path = path.as_ref().display();
            return Err(ObservationsError::Options(format!(
                "{path} is given twice, and its rows would count twice: name it once"
            )));
        }
    }
    let pieces_at_once = 2 * rayon::current_num_threads();
    let mut before = 0;
    for path in paths {
        let mut source = Source::open(path.as_ref(), options)?;
        collector.begin(&source);
        let mut pieces = source.next(pieces_at_once)?;
        let mut parsed: Vec<Chunk> = Vec::new();
        while !(pieces.is_empty() && parsed.is_empty()) {
            // One core reads on and puts together what is parsed, the others parse.
            let (chunks, next) = rayon::join(
                || pieces.par_iter().map(|piece| parse(piece, &config)).collect::<Vec<_>>(),
                || -> Result<_, ObservationsError> {
                    parsed.iter().try_for_each(|chunk| collector.add(chunk))?;
                    source.next(pieces_at_once)
                },
            );
            (parsed, pieces) = (chunks, next?);
            let newly: Vec<usize> = parsed.iter().flat_map(|chunk| chunk.judged.iter().copied()).collect();
            if !newly.is_empty() {
                return Ok(Pass::Judged(newly));
            }
            progress(Progress { bytes: before + source.bytes_read(), total, rows: collector.rows() });
        }
        before += source.bytes_read();
    }
    progress(Progress { bytes: total, total, rows: collector.rows() });
    collector.finish().map(|read| Pass::Done(Box::new(read)))
}

/// The bytes of a file. A pipe may be one, and must not be opened twice.
fn size(path: &Path) -> Result<u64, ObservationsError> {
    match fs_err::metadata(path) {
        Ok(file) => Ok(file.len()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(std::io::Error::new(ErrorKind::NotFound, format!("there is no file {}", path.display())).into())
        }
        Err(error) => Err(error.into()),
    }
}

fn parse(piece: &Piece, config: &Config<'_>) -> Chunk {
    match piece {
        Piece::Lines(bytes) => Chunk::of_lines(bytes, config),
        Piece::Records(columns, records) => columns.parse(records, config),
    }
}
