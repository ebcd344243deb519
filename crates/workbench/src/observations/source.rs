//! Files as pieces that can be parsed by themselves: whole lines of JSON, or records of CSV.

use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use ::csv::ByteRecord;
use flate2::read::MultiGzDecoder;

use super::ObservationsError;
use super::columns::Columns;
use super::lined::Lined;
use super::options::ReadOptions;

/// A piece of this many bytes is worth a task, and small enough that many of them are no burden.
const PIECE: usize = 512 << 10;
/// Records in a piece of CSV.
const RECORDS: usize = 2048;
/// Longest line: no row comes near it, and a wrong file must not fill the memory.
const LONGEST_LINE: usize = 64 << 20;

/// A piece of a file.
pub(crate) enum Piece {
    /// Whole lines of JSON.
    Lines(Vec<u8>),
    /// Records of CSV.
    Records(Arc<Columns>, Vec<ByteRecord>),
}

/// A file, piece by piece.
pub(super) struct Source {
    path: PathBuf,
    read: Arc<AtomicU64>,
    kind: Kind,
}

pub(crate) type Input = Box<dyn Read + Send>;

/// A file of CSV whose records know on which line they begin.
pub(crate) type Table = ::csv::Reader<Lined<Input>>;

enum Kind {
    Json(Lines),
    Csv { columns: Arc<Columns>, reader: Box<Table>, sample: Option<Vec<ByteRecord>> },
}

impl Source {
    pub(super) fn open(path: &Path, options: &ReadOptions) -> Result<Self, ObservationsError> {
        let read = Arc::new(AtomicU64::new(0));
        let (start, input) = open(path, &read)?;
        let format = |why: &str| ObservationsError::Format { path: path.to_owned(), why: why.to_owned() };
        let kind = match start.iter().find(|byte| !byte.is_ascii_whitespace()) {
            None => return Err(format("it is empty; it should hold one example a line")),
            Some(b'{') => match options.columns.keys().next() {
                None => Kind::Json(Lines { rest: start, input, ended: false }),
                // A name that is given to nothing would be dropped in silence.
                Some(column) => {
                    let why = format!("--map {column}=…: {} is JSON Lines, whose keys are given no other names", path.display());
                    return Err(ObservationsError::Options(why));
                }
            },
            Some(b'[') => return Err(format("it begins with a list; JSON Lines has one object a line")),
            Some(_) => {
                let mut reader = Box::new(csv_reader(path, start, input));
                let header = reader.headers().map_err(|error| csv_error(path, &error))?.clone();
                let sample = records(path, &mut reader)?;
                let columns = Arc::new(Columns::of(&header, &sample, options).map_err(|why| format(&why))?);
                Kind::Csv { columns, reader, sample: Some(sample) }
            }
        };
        Ok(Self { path: path.to_owned(), read, kind })
    }

    /// Bytes of the file that were read, as it lies on the disk.
    pub(super) fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What the columns of a CSV file made the reader think.
    pub(super) fn columns(&self) -> Option<&Columns> {
        match &self.kind {
            Kind::Json(_) => None,
            Kind::Csv { columns, .. } => Some(columns),
        }
    }

    /// At most `n` more pieces; none at the end of the file.
    pub(super) fn next(&mut self, n: usize) -> Result<Vec<Piece>, ObservationsError> {
        let mut pieces = Vec::new();
        while pieces.len() < n {
            match &mut self.kind {
                Kind::Json(lines) => match lines.next(&self.path)? {
                    Some(piece) => pieces.push(Piece::Lines(piece)),
                    None => break,
                },
                Kind::Csv { columns, reader, sample } => {
                    let records = match sample.take() {
                        Some(sample) => sample,
                        None => records(&self.path, reader)?,
                    };
                    if records.is_empty() {
                        break;
                    }
                    pieces.push(Piece::Records(columns.clone(), records));
                }
            }
        }
        Ok(pieces)
    }
}

/// Whole lines of a file, many at a time.
pub(crate) struct Lines {
    input: Input,
    rest: Vec<u8>,
    ended: bool,
}

impl Lines {
    pub(crate) fn open(path: &Path) -> Result<Self, ObservationsError> {
        let (rest, input) = open(path, &Arc::default())?;
        Ok(Self { input, rest, ended: false })
    }

    pub(crate) fn next(&mut self, path: &Path) -> Result<Option<Vec<u8>>, ObservationsError> {
        let mut piece = std::mem::take(&mut self.rest);
        // Up to here no line ends.
        let mut searched = 0;
        loop {
            let from = piece.len();
            let wanted = PIECE.saturating_sub(from).max(PIECE / 4) as u64;
            let read = if self.ended {
                0
            } else {
                (&mut self.input).take(wanted).read_to_end(&mut piece).map_err(|error| broken(path, &error))?
            };
            if read == 0 {
                self.ended = true;
                return Ok((!piece.is_empty()).then_some(piece));
            }
            if piece.len() < PIECE {
                continue;
            }
            if let Some(at) = piece[searched..].iter().rposition(|byte| *byte == b'\n') {
                self.rest = piece.split_off(searched + at + 1);
                return Ok(Some(piece));
            }
            searched = piece.len();
            if searched > LONGEST_LINE {
                let why = format!("a line is longer than {} MiB", LONGEST_LINE >> 20);
                return Err(ObservationsError::Format { path: path.to_owned(), why });
            }
        }
    }
}

/// A file's first bytes and the rest, unpacked where it is compressed, without a byte-order mark.
pub(crate) fn open(path: &Path, read: &Arc<AtomicU64>) -> Result<(Vec<u8>, Input), ObservationsError> {
    let file = fs_err::File::open(path)?;
    let mut input: Input = Box::new(Counting { inner: BufReader::with_capacity(PIECE, file), read: read.clone() });
    let mut start = first_bytes(&mut input)?;
    if start.starts_with(&[0x1f, 0x8b]) {
        input = Box::new(MultiGzDecoder::new(BufReader::with_capacity(PIECE, std::io::Cursor::new(start).chain(input))));
        start = first_bytes(&mut input).map_err(|error| broken(path, &error))?;
    }
    if start.starts_with(b"\xef\xbb\xbf") {
        start.drain(..3);
    }
    if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") || start.iter().take(2).any(|byte| *byte == 0) {
        let why = "it is UTF-16 or binary, not text in UTF-8; `iconv -f UTF-16 -t UTF-8` converts the former".to_owned();
        return Err(ObservationsError::Format { path: path.to_owned(), why });
    }
    Ok((start, input))
}

/// A file that ends or breaks in its middle: what was unpacked before is no sample of it.
fn broken(path: &Path, error: &std::io::Error) -> ObservationsError {
    ObservationsError::Broken { path: path.to_owned(), why: error.to_string() }
}

fn first_bytes(input: &mut Input) -> std::io::Result<Vec<u8>> {
    let mut start = Vec::new();
    input.take(4096).read_to_end(&mut start)?;
    Ok(start)
}

pub(crate) fn csv_reader(path: &Path, start: Vec<u8>, input: Input) -> Table {
    let tabs = path.file_name().is_some_and(|name| name.to_string_lossy().to_lowercase().contains(".tsv"));
    let input: Input = Box::new(std::io::Cursor::new(start).chain(input));
    let delimiter = if tabs { b'\t' } else { b',' };
    // Rows of another length are bad rows, not the end of reading.
    ::csv::ReaderBuilder::new().flexible(true).delimiter(delimiter).from_reader(Lined::new(input, delimiter))
}

/// The next records; none at the end.
pub(crate) fn records(path: &Path, reader: &mut Table) -> Result<Vec<ByteRecord>, ObservationsError> {
    let next: Result<Vec<ByteRecord>, _> = reader.byte_records().take(RECORDS).collect();
    let mut next = next.map_err(|error| csv_error(path, &error))?;
    if let Some(why) = reader.get_ref().quotes().fault(reader.is_done()) {
        return Err(ObservationsError::Format { path: path.to_owned(), why });
    }
    for record in &mut next {
        if let Some(mut position) = record.position().cloned() {
            position.set_line(reader.get_mut().line_from(position.byte()));
            record.set_position(Some(position));
        }
    }
    Ok(next)
}

pub(crate) fn csv_error(path: &Path, error: &::csv::Error) -> ObservationsError {
    match error.kind() {
        ::csv::ErrorKind::Io(error) => broken(path, error),
        _ => ObservationsError::Format { path: path.to_owned(), why: error.to_string() },
    }
}

/// Counts what is read.
struct Counting<R> {
    inner: R,
    read: Arc<AtomicU64>,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(buf)?;
        self.read.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_whole_lines_and_nothing_is_lost() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.jsonl");
        // Lines of many lengths, one of them longer than a piece, the last without a line break.
        let mut text = String::new();
        for n in 0..40_usize {
            let length = if n == 7 { 2 * PIECE } else { 1 + (n * 7919) % (PIECE / 3) };
            text.extend(["{", &"x".repeat(length), "}\n"]);
        }
        text.pop();
        fs_err::write(&path, &text).unwrap();
        let mut lines = Lines::open(&path).unwrap();
        let mut pieces = Vec::new();
        while let Some(piece) = lines.next(&path).unwrap() {
            pieces.push(piece);
        }
        assert!(pieces.len() > 3);
        assert!(pieces[..pieces.len() - 1].iter().all(|piece| piece.ends_with(b"\n")));
        assert!(pieces.concat() == text.as_bytes());
    }
}
