//! Files as pieces that can be parsed by themselves: whole lines of JSON, or records of CSV.

use std::fmt::Display;
use std::io::{BufReader, Read, Seek as _};
use std::path::Path;
use std::sync::Arc;

use ::csv::ByteRecord;
use flate2::read::MultiGzDecoder;

use super::columns::Columns;
use super::kinds::recognised;
use super::lined::{LONGEST_LINE, Lined};
use super::options::ReadOptions;
use crate::Error;

/// A piece of this many bytes is worth a task, and small enough that many of them are no burden.
const PIECE: usize = 512 << 10;
/// Records in a piece of CSV.
const RECORDS: usize = 2048;

/// A piece of a file.
pub(crate) enum Piece {
    /// Whole lines of JSON, and the number of the first.
    Lines(u64, Vec<u8>),
    /// Records of CSV.
    Records(Arc<Columns>, Vec<ByteRecord>),
}

/// A file, piece by piece.
pub(super) struct ObservationFile<'p> {
    path: &'p Path,
    file: fs_err::File,
    format: Format<'p>,
}

pub(crate) type Input = Box<dyn Read + Send>;

/// A file of CSV whose records know on which line they begin.
pub(crate) type CsvReader = ::csv::Reader<Lined<Input>>;

enum Format<'p> {
    Json(Lines<'p>),
    Csv { columns: Arc<Columns>, reader: Box<CsvReader>, sample: Option<Vec<ByteRecord>> },
}

impl<'p> ObservationFile<'p> {
    pub(super) fn open(path: &'p Path, options: &ReadOptions) -> Result<Self, Error> {
        let file = fs_err::File::open(path)?;
        let (start, input) = unpacked(path, file.try_clone()?)?;
        let format = match start.iter().find(|byte| !byte.is_ascii_whitespace()) {
            None => return Err(no_observations(path, "it is empty; it should hold one example a line")),
            Some(b'{') => match options.columns.keys().next() {
                None => Format::Json(Lines { path, input, rest: start, ended: false, before: 0 }),
                // A name that is given to nothing would be dropped in silence.
                Some(column) => {
                    let file = path.display();
                    let why = format!("--map {column}=…: {file} is JSON Lines, whose keys are given no other names");
                    return Err(Error::refused(why));
                }
            },
            Some(_) => {
                let mut reader = Box::new(csv_reader(path, start, input));
                let header = reader.headers().map_err(|error| csv_error(path, &error))?.clone();
                let sample = records(path, &mut reader)?;
                let columns = Columns::of(&header, &sample, options).map_err(|why| no_observations(path, why))?;
                Format::Csv { columns: Arc::new(columns), reader, sample: Some(sample) }
            }
        };
        Ok(Self { path, file, format })
    }

    /// Bytes of the file that were read, as it lies on the disk; none of a pipe.
    pub(super) fn bytes_read(&mut self) -> u64 {
        self.file.stream_position().unwrap_or(0)
    }

    /// What the columns of a CSV file made the reader think.
    pub(super) fn columns(&self) -> Option<&Columns> {
        match &self.format {
            Format::Json(_) => None,
            Format::Csv { columns, .. } => Some(columns),
        }
    }

    /// At most `n` more pieces; none at the end of the file.
    pub(super) fn next(&mut self, n: usize) -> Result<Vec<Piece>, Error> {
        (0..n).map_while(|_| self.piece().transpose()).collect()
    }

    fn piece(&mut self) -> Result<Option<Piece>, Error> {
        match &mut self.format {
            Format::Json(lines) => Ok(lines.next()?.map(|(first, bytes)| Piece::Lines(first, bytes))),
            Format::Csv { columns, reader, sample } => {
                let records = sample.take().map_or_else(|| records(self.path, reader), Ok)?;
                Ok((!records.is_empty()).then(|| Piece::Records(columns.clone(), records)))
            }
        }
    }
}

/// Whole lines of a file, many at a time.
pub(crate) struct Lines<'p> {
    path: &'p Path,
    input: Input,
    rest: Vec<u8>,
    ended: bool,
    /// Lines that were read.
    before: u64,
}

impl<'p> Lines<'p> {
    pub(crate) fn open(path: &'p Path) -> Result<Self, Error> {
        let (rest, input) = open(path)?;
        Ok(Self { path, input, rest, ended: false, before: 0 })
    }

    /// The next ones, and the number of the first of them, from 1.
    pub(crate) fn next(&mut self) -> Result<Option<(u64, Vec<u8>)>, Error> {
        let piece = self.piece()?;
        let first = self.before + 1;
        self.before += memchr::memchr_iter(b'\n', &piece).count() as u64;
        Ok((!piece.is_empty()).then_some((first, piece)))
    }

    fn piece(&mut self) -> Result<Vec<u8>, Error> {
        let mut piece = std::mem::take(&mut self.rest);
        // Up to here no line ends.
        let mut searched = 0;
        while !self.ended {
            let wanted = PIECE.saturating_sub(piece.len()).max(PIECE / 4) as u64;
            let read = (&mut self.input).take(wanted).read_to_end(&mut piece).map_err(|error| broken(self.path, &error))?;
            self.ended = read == 0;
            if self.ended || piece.len() < PIECE {
                continue;
            }
            if let Some(at) = memchr::memrchr(b'\n', &piece[searched..]) {
                self.rest = piece.split_off(searched + at + 1);
                break;
            }
            searched = piece.len();
            if searched > LONGEST_LINE {
                return Err(no_observations(self.path, format_args!("a line is longer than {} MiB", LONGEST_LINE >> 20)));
            }
        }
        Ok(piece)
    }
}

/// The file is something else: `why` says what it looks like, and what it should be.
pub(crate) fn no_observations(path: &Path, why: impl Display) -> Error {
    Error::refused(format!("{} is no file of observations: {why}", path.display()))
}

/// A file's first bytes and the rest, unpacked where it is compressed, without a byte-order mark.
pub(crate) fn open(path: &Path) -> Result<(Vec<u8>, Input), Error> {
    unpacked(path, fs_err::File::open(path)?)
}

fn unpacked(path: &Path, file: fs_err::File) -> Result<(Vec<u8>, Input), Error> {
    let (start, input) = text_of(path, file)?;
    match document(path, &start) {
        Some(why) => Err(no_observations(path, why)),
        None => Ok((start, input)),
    }
}

/// How a file begins; none of what is no file, as a pipe, which can be read only once.
pub(crate) fn start_of(path: &Path) -> Option<Vec<u8>> {
    fs_err::metadata(path).is_ok_and(|file| file.is_file()).then(|| open_any(path).ok()).flatten().map(|(start, _)| start)
}

/// The same, of a file that may be one document.
pub(crate) fn open_any(path: &Path) -> Result<(Vec<u8>, Input), Error> {
    text_of(path, fs_err::File::open(path)?)
}

fn text_of(path: &Path, file: fs_err::File) -> Result<(Vec<u8>, Input), Error> {
    let mut input: Input = Box::new(BufReader::with_capacity(PIECE, file));
    let mut start = first_bytes(&mut input)?;
    if start.starts_with(&[0x1f, 0x8b]) {
        input = Box::new(MultiGzDecoder::new(BufReader::with_capacity(PIECE, std::io::Cursor::new(start).chain(input))));
        start = first_bytes(&mut input).map_err(|error| broken(path, &error))?;
    }
    if start.starts_with(b"\xef\xbb\xbf") {
        start.drain(..3);
    }
    if start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") || start.iter().take(2).any(|byte| *byte == 0) {
        let why = "it is UTF-16 or binary, not text in UTF-8; `iconv -f UTF-16 -t UTF-8` converts the former";
        return Err(no_observations(path, why));
    }
    match binary(path, &start) {
        Some(why) => Err(no_observations(path, why)),
        None => Ok((start, input)),
    }
}

/// What a file is that begins so and is no text, with the command that makes one of it.
fn binary(path: &Path, start: &[u8]) -> Option<String> {
    const KINDS: [(&[u8], &str, &str); 5] = [
        (b"PAR1", "Parquet", "duckdb -c \"COPY (FROM 'FILE') TO 'FILE.csv'\""),
        (b"PK\x03\x04", "a ZIP archive, or a spreadsheet (xlsx)", "unzip FILE, or save the sheet as CSV"),
        (b"\x28\xb5\x2f\xfd", "packed by zstd", "zstd -d FILE"),
        (b"BZh", "packed by bzip2", "bunzip2 FILE"),
        (b"SQLite format 3", "an SQLite database", "sqlite3 -header -csv FILE 'SELECT * FROM results'"),
    ];
    let file = path.display().to_string();
    let (_, kind, command) = KINDS.iter().find(|(magic, ..)| start.starts_with(magic))?;
    if path.extension().is_some_and(|name| name == "eval") {
        return Some(format!(
            "it is a packed log of Inspect: inspect log dump {file} > {file}.json, and then tierfall import inspect {file}.json"
        ));
    }
    Some(format!("it is {kind}; read here are JSON Lines and CSV, also packed by gzip: {}", command.replace("FILE", &file)))
}

/// Whether a text is one document and no lines, and which command makes lines of it.
fn document(path: &Path, start: &[u8]) -> Option<String> {
    let text = start.trim_ascii_start();
    let (file, line) = (path.display(), "one object a line is read: jq -c");
    if text.starts_with(b"[") {
        return Some(format!("it begins with a list; {line} '.[]' {file}"));
    }
    let known = recognised(start).filter(|(format, _)| ["inspect", "promptfoo"].contains(format));
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    let over_lines = lines.next() == Some(b"{") && lines.next().is_some_and(|second| second.starts_with(b"\""));
    match known {
        Some((format, what)) if over_lines => Some(format!("it looks like {what}: tierfall import {format} {file}")),
        _ => over_lines.then(|| format!("it is one document over several lines; {line} . {file}")),
    }
}

/// A file that ends or breaks in its middle: what was unpacked before is no sample of it.
fn broken(path: &Path, error: &std::io::Error) -> Error {
    let file = path.display();
    Error::refused(format!("{file} cannot be read to its end ({error}): it is damaged or only a part of itself"))
}

fn first_bytes(input: &mut Input) -> std::io::Result<Vec<u8>> {
    let mut start = Vec::new();
    input.take(4096).read_to_end(&mut start)?;
    Ok(start)
}

pub(crate) fn csv_reader(path: &Path, start: Vec<u8>, input: Input) -> CsvReader {
    let tabs = path.file_name().is_some_and(|name| name.to_string_lossy().to_lowercase().contains(".tsv"));
    let header = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let parts = |mark: u8| !header.contains(&b',') && header.contains(&mark);
    // A header without a comma is parted by what spreadsheets write in its place.
    let delimiter = match (tabs || parts(b'\t'), parts(b';')) {
        (true, _) => b'\t',
        (false, true) => b';',
        (false, false) => b',',
    };
    let input: Input = Box::new(std::io::Cursor::new(start).chain(input));
    // Rows of another length are bad rows, not the end of reading.
    ::csv::ReaderBuilder::new().flexible(true).delimiter(delimiter).from_reader(Lined::new(input, delimiter))
}

/// The next records; none at the end.
pub(crate) fn records(path: &Path, reader: &mut CsvReader) -> Result<Vec<ByteRecord>, Error> {
    let next: Result<Vec<ByteRecord>, _> = reader.byte_records().take(RECORDS).collect();
    let mut next = next.map_err(|error| csv_error(path, &error))?;
    if let Some(why) = reader.get_ref().fault(reader.is_done()) {
        return Err(no_observations(path, why));
    }
    for record in &mut next {
        if let Some(mut position) = record.position().cloned() {
            position.set_line(reader.get_mut().line_from(position.byte()));
            record.set_position(Some(position));
        }
    }
    Ok(next)
}

pub(crate) fn csv_error(path: &Path, error: &::csv::Error) -> Error {
    match error.kind() {
        ::csv::ErrorKind::Io(error) if error.kind() != std::io::ErrorKind::FileTooLarge => broken(path, error),
        ::csv::ErrorKind::Io(error) => no_observations(path, error),
        _ => no_observations(path, error),
    }
}

#[cfg(test)]
mod tests {
    use super::super::lined::numbered;
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
        let mut before = 0;
        while let Some((first, piece)) = lines.next().unwrap() {
            assert_eq!(first, before + 1);
            before += numbered(first, &piece).count() as u64;
            pieces.push(piece);
        }
        assert!(pieces.len() > 3);
        assert!(pieces[..pieces.len() - 1].iter().all(|piece| piece.ends_with(b"\n")));
        assert!(pieces.concat() == text.as_bytes());
    }
}
