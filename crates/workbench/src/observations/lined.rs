//! On which line a record of CSV begins.
//!
//! The parser of CSV counts line breaks as it passes them, and stands before those that it has still to skip when it begins
//! a record: after the first half of a CRLF, or on blank lines. So where lines begin is noted here, beneath it.

use std::collections::VecDeque;
use std::io::{self, Read};

use super::quotes::Quotes;

/// Passes bytes through and notes where lines begin that are not empty.
pub(crate) struct Lined<R> {
    inner: R,
    /// Bytes that were passed through.
    at: u64,
    /// The line of the next byte, from 1.
    line: u64,
    /// The last byte was a carriage return: a line feed after it ends no further line.
    after_return: bool,
    /// No byte of this line was passed through.
    fresh: bool,
    /// The first byte of lines that nobody has asked about yet, and the line's number.
    starts: VecDeque<(u64, u64)>,
    quotes: Quotes,
}

impl<R> Lined<R> {
    pub(crate) fn new(inner: R, delimiter: u8) -> Self {
        let quotes = Quotes::new(delimiter);
        Self { inner, at: 0, line: 1, after_return: false, fresh: true, starts: VecDeque::new(), quotes }
    }

    /// The quotes so far.
    pub(crate) fn quotes(&self) -> &Quotes {
        &self.quotes
    }

    /// The line of the first byte at or behind `byte` that begins one; lines before it are forgotten.
    pub(crate) fn line_from(&mut self, byte: u64) -> u64 {
        while self.starts.front().is_some_and(|(start, _)| *start < byte) {
            self.starts.pop_front();
        }
        self.starts.front().map_or(self.line, |(_, line)| *line)
    }

    fn note(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(byte) = rest.first() {
            let passed = match byte {
                b'\n' if self.after_return => {
                    self.after_return = false;
                    1
                }
                b'\n' | b'\r' => {
                    self.line += 1;
                    (self.after_return, self.fresh) = (*byte == b'\r', true);
                    1
                }
                _ => {
                    if self.fresh {
                        self.starts.push_back((self.at, self.line));
                    }
                    (self.after_return, self.fresh) = (false, false);
                    rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len())
                }
            };
            self.at += passed as u64;
            rest = &rest[passed..];
        }
    }
}

impl<R: Read> Read for Lined<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.inner.read(buf)?;
        let bytes = buf.get(..n).unwrap_or_default();
        self.quotes.note(bytes, self.line, self.after_return);
        self.note(bytes);
        Ok(n)
    }
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
}
