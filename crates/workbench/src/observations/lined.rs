//! On which line a record of CSV begins, and whether the quotes of the file say where its cells end.
//!
//! The parser of CSV counts line breaks as it passes them, and stands before those that it has still to skip when it begins
//! a record: after the first half of a CRLF, or on blank lines. And it takes any bytes: a quote that never closes makes one cell of the rest
//! of the file, and a stray one hides the rows up to the next. Both would be rows lost in silence, so lines and quotes are followed here,
//! beneath it.

use std::collections::VecDeque;
use std::io::{self, Read};

/// Longest line, or row: none comes near it, and a wrong file must not fill the memory.
pub(super) const LONGEST_LINE: usize = 64 << 20;

/// Passes bytes through and notes where lines begin that are not empty.
pub(crate) struct Lined<R> {
    inner: R,
    delimiter: u8,
    /// Bytes that were passed through.
    at: u64,
    /// Where the row began that the next byte is of.
    row: u64,
    /// The line of the next byte, from 1.
    line: u64,
    /// The last byte; the file begins as a line does.
    last: u8,
    /// The first byte of lines that nobody has asked about yet, and the line's number.
    starts: VecDeque<(u64, u64)>,
    cell: Quoting,
    /// The line on which the last quoted cell began.
    opened: u64,
    /// The line on which a cell first goes on behind its closing quote.
    stray: Option<u64>,
}

/// Where in a cell the next byte stands.
#[derive(Clone, Copy)]
enum Quoting {
    /// A cell begins.
    Begin,
    /// In a cell without quotes.
    Bare,
    Quoted,
    /// Behind a quote in a quoted cell: its end, or half of a quote in it.
    Closed,
}

impl<R> Lined<R> {
    pub(crate) fn new(inner: R, delimiter: u8) -> Self {
        let (starts, cell) = (VecDeque::new(), Quoting::Begin);
        Self { inner, delimiter, at: 0, row: 0, line: 1, last: b'\n', starts, cell, opened: 1, stray: None }
    }

    /// The line of the first byte at or behind `byte` that begins one; lines before it are forgotten.
    pub(crate) fn line_from(&mut self, byte: u64) -> u64 {
        while self.starts.front().is_some_and(|(start, _)| *start < byte) {
            self.starts.pop_front();
        }
        self.starts.front().map_or(self.line, |(_, line)| *line)
    }

    /// Why it is not certain where rows end, if it is not; `whole`: no bytes follow.
    pub(crate) fn fault(&self, whole: bool) -> Option<String> {
        match (self.stray, self.cell) {
            (Some(line), _) => Some(format!(
                "line {line}: a cell goes on behind its closing quote, so where it ends is not certain; inside a quoted cell a quote is written \
                 twice"
            )),
            (None, Quoting::Quoted) if whole => Some(format!(
                "line {}: a quote opens and never closes, so all that follows would be one cell; write a cell that begins with a quote in \
                 quotes, and each quote in it twice",
                self.opened
            )),
            _ => None,
        }
    }

    fn note(&mut self, byte: u8) {
        let is_break = |byte: u8| matches!(byte, b'\n' | b'\r');
        // A line feed after a carriage return ends no further line.
        if is_break(byte) {
            self.line += u64::from(byte == b'\r' || self.last != b'\r');
        } else if is_break(self.last) {
            self.starts.push_back((self.at, self.line));
        }
        self.cell = match (self.cell, byte) {
            (Quoting::Quoted, b'"') => Quoting::Closed,
            (Quoting::Quoted, _) | (Quoting::Closed, b'"') => Quoting::Quoted,
            (Quoting::Begin, b'"') => {
                self.opened = self.line;
                Quoting::Quoted
            }
            _ if is_break(byte) || byte == self.delimiter => Quoting::Begin,
            (Quoting::Closed, _) => {
                self.stray.get_or_insert(self.line);
                Quoting::Bare
            }
            _ => Quoting::Bare,
        };
        (self.at, self.last) = (self.at + 1, byte);
        if is_break(byte) && matches!(self.cell, Quoting::Begin) {
            self.row = self.at;
        }
    }
}

impl<R: Read> Read for Lined<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        buf.get(..n).unwrap_or_default().iter().for_each(|byte| self.note(*byte));
        // The parser would keep all of it before anybody sees a row.
        if self.at - self.row > LONGEST_LINE as u64 {
            let why = format!("line {}: a row is longer than {} MiB", self.line, LONGEST_LINE >> 20);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
        }
        Ok(n)
    }
}

/// The lines of a piece that are not blank, with their numbers.
pub(crate) fn numbered(first: u64, piece: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    let ends = memchr::memchr_iter(b'\n', piece).chain([piece.len()]);
    let lines = ends.scan(0, |from, end| piece.get(std::mem::replace(from, end + 1)..end));
    (first..).zip(lines).filter(|(_, line)| !line.iter().all(u8::is_ascii_whitespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_counted_whatever_ends_them_and_however_they_arrive() {
        let text = b"a\r\nb\n\n\r\nc\rd\r\r\n\re";
        let expected = [(0, 1), (3, 2), (8, 5), (10, 6), (15, 9)];
        for step in 1..text.len() {
            let mut lined = Lined::new(&text[..], b',');
            let mut buf = vec![0; step];
            while lined.read(&mut buf).unwrap() > 0 {}
            assert_eq!(Vec::from(lined.starts.clone()), expected, "{step} bytes at once");
            assert_eq!((lined.line_from(1), lined.line_from(3), lined.line_from(11)), (2, 2, 9));
            assert_eq!(lined.line_from(16), 9, "the end of the file");
        }
    }

    #[test]
    fn a_row_without_end_ends() {
        for (begin, rest) in [("", b'a'), ("id,text\n1,\"", b'\n')] {
            let mut lined = Lined::new(io::Cursor::new(begin).chain(io::repeat(rest)), b',');
            let error = io::copy(&mut lined, &mut io::sink()).unwrap_err();
            assert!(error.kind() == io::ErrorKind::FileTooLarge && error.to_string().contains("longer than 64 MiB"), "{error}");
            assert!(lined.at < LONGEST_LINE as u64 + (1 << 20), "it is read no further");
        }
        let mut rows = Lined::new(io::Cursor::new("1,\"a\nb\"\r\n".repeat(9 << 20)), b',');
        io::copy(&mut rows, &mut io::sink()).unwrap();
    }

    #[test]
    fn what_hides_rows_is_found_on_its_line_however_the_bytes_arrive() {
        for (text, line) in [
            ("a,b\n1,\"x, \"\"y\"\"\nz\"\r\n2,5\" screen\n", None),
            ("a,b\r\n\r\n1,x\n2,\"y\n3,z\n", Some("line 4: a quote opens")),
            ("a\n\"two\r\nlines\"\n\"Paris\nrow\n\"Rome\n", Some("line 6: a cell goes on")),
            ("a\n\"x\" \n", Some("line 2: a cell goes on")),
            ("a,\"\"\n", None),
            ("", None),
        ] {
            for step in 1..=text.len().max(1) {
                let mut lined = Lined::new(text.as_bytes(), b',');
                let mut buf = vec![0; step];
                while lined.read(&mut buf).unwrap() > 0 {}
                let said = lined.fault(true);
                assert_eq!(said.is_some(), line.is_some(), "{text:?} by {step}: {said:?}");
                assert!(line.is_none_or(|line| said.is_some_and(|said| said.starts_with(line))), "{text:?} by {step}");
            }
        }
    }
}
