//! Whether the quotes of a CSV file say where its cells end.
//!
//! The parser of CSV takes any bytes: a quote that never closes makes one cell of the rest of the file, and a stray one hides the rows up to
//! the next. Both would be rows lost in silence, so quotes are followed here, beneath it.

use std::io::BufRead as _;

/// Follows them over the bytes of a file.
#[derive(Debug)]
pub(crate) struct Quotes {
    delimiter: u8,
    state: State,
    /// The line on which the last quoted cell began.
    opened: u64,
    /// The line on which a cell first goes on behind its closing quote.
    stray: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A cell begins.
    Begin,
    /// In a cell without quotes.
    Bare,
    Quoted,
    /// Behind a quote in a quoted cell: its end, or half of a quote in it.
    Closed,
}

impl Quotes {
    pub(crate) fn new(delimiter: u8) -> Self {
        Self { delimiter, state: State::Begin, opened: 1, stray: None }
    }

    /// Passes over bytes, of which the first is on this line; `after_return`: one that ended the line before it.
    pub(crate) fn note(&mut self, bytes: &[u8], line: u64, after_return: bool) {
        let ends = |byte: u8| byte == self.delimiter || byte == b'\n' || byte == b'\r';
        let mut opened = None;
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            // A quote counts where a cell begins, and in a quoted cell: what lies between quotes is passed over at once.
            let quote = if self.state == State::Closed { Some(at) } else { next_quote(bytes, at) };
            let Some(place) = quote else {
                if self.state != State::Quoted {
                    self.state = if bytes.last().copied().is_some_and(ends) { State::Begin } else { State::Bare };
                }
                break;
            };
            self.state = match self.state {
                State::Quoted => State::Closed,
                State::Closed if byte == b'"' => State::Quoted,
                State::Closed if ends(byte) => State::Begin,
                State::Closed => {
                    self.stray.get_or_insert_with(|| line + lines(&bytes[..at], after_return));
                    State::Bare
                }
                State::Begin | State::Bare => {
                    let begins = if place == at { self.state == State::Begin } else { ends(bytes[place - 1]) };
                    if begins {
                        opened = Some(place);
                    }
                    if begins { State::Quoted } else { State::Bare }
                }
            };
            at = place + 1;
        }
        if let Some(at) = opened.filter(|_| matches!(self.state, State::Quoted | State::Closed)) {
            self.opened = line + lines(&bytes[..at], after_return);
        }
    }

    /// Why it is not certain where rows end, if it is not; `whole`: no bytes follow.
    pub(crate) fn fault(&self, whole: bool) -> Option<String> {
        match (self.stray, self.state) {
            (Some(line), _) => Some(format!(
                "line {line}: a cell goes on behind its closing quote, so where it ends is not certain; inside a quoted cell a quote is written \
                 twice"
            )),
            (None, State::Quoted) if whole => Some(format!(
                "line {}: a quote opens and never closes, so all that follows would be one cell; write a cell that begins with a quote in \
                 quotes, and each quote in it twice",
                self.opened
            )),
            _ => None,
        }
    }
}

/// The place of the first quote from `at` on.
fn next_quote(bytes: &[u8], at: usize) -> Option<usize> {
    let mut rest = bytes.get(at..)?;
    // Quicker than a look at byte after byte; a slice has no errors.
    let passed = rest.skip_until(b'"').ok()?;
    let last = (at + passed).checked_sub(1)?;
    (bytes.get(last) == Some(&b'"')).then_some(last)
}

/// Lines that end in these bytes; `after_return`: a line feed at their beginning ends none.
fn lines(bytes: &[u8], after_return: bool) -> u64 {
    let mut before = after_return;
    let ends = bytes.iter().filter(|byte| {
        let halved = std::mem::replace(&mut before, **byte == b'\r');
        **byte == b'\r' || **byte == b'\n' && !halved
    });
    ends.count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

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
                let (mut quotes, mut at, mut before) = (Quotes::new(b','), 1, false);
                for bytes in text.as_bytes().chunks(step) {
                    quotes.note(bytes, at, before);
                    at += lines(bytes, before);
                    before = bytes.ends_with(b"\r");
                }
                let said = quotes.fault(true);
                assert_eq!(said.is_some(), line.is_some(), "{text:?} by {step}: {said:?}");
                assert!(line.is_none_or(|line| said.is_some_and(|said| said.starts_with(line))), "{text:?} by {step}");
            }
        }
    }
}
