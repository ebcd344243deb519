//! Server-sent events from bytes that may be cut anywhere, and back.
//!
//! A push decoder of our own, since the crates for this wrap a stream of an async runtime: bytes go in, events come
//! out, nothing waits, and what one event may hold is bounded. Follows the WHATWG event stream format: LF, CR and CRLF
//! end a line, a byte order mark at the start is dropped, comments keep a connection alive and say nothing.
//! `id` and `retry` are read over: a reply is never resumed.

/// One server-sent event that carries data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SseEvent {
    /// The `event` field, where there was one.
    pub name: Option<String>,
    /// The `data` lines, joined by line feeds.
    pub data: String,
}

/// Bytes that are no event stream of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SseError {
    /// An event, or a line of it, is longer than the limit.
    #[error("a server-sent event exceeds {limit} bytes")]
    TooLarge {
        /// The most bytes an event may have.
        limit: usize,
    },
    /// A line is not UTF-8.
    #[error("a server-sent event is not UTF-8")]
    NotUtf8,
}

/// Decodes server-sent events.
///
/// After an error it yields nothing more: what follows a broken event cannot be trusted.
#[derive(Clone, Debug)]
pub struct SseDecoder {
    limit: usize,
    /// Bytes not yet read as lines, from `line_start`; none before `searched` ends the line.
    buffer: Vec<u8>,
    line_start: usize,
    searched: usize,
    /// The last line ended with CR: a LF that follows belongs to it.
    after_cr: bool,
    first_line: bool,
    failed: bool,
    name: Option<String>,
    data: Option<String>,
}

impl SseDecoder {
    /// A decoder for events of at most `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            buffer: Vec::new(),
            line_start: 0,
            searched: 0,
            after_cr: false,
            first_line: true,
            failed: false,
            name: None,
            data: None,
        }
    }

    /// Takes bytes and yields the events that they complete. Events not taken stay for the next call.
    pub fn push(&mut self, bytes: &[u8]) -> Events<'_> {
        if !self.failed {
            self.buffer.drain(..self.line_start);
            self.searched -= self.line_start;
            self.line_start = 0;
            self.buffer.extend_from_slice(bytes);
        }
        Events(self)
    }

    /// The event that the stream's end completes: one whose lines had all ended and only the blank line was missing.
    /// (The format would drop it; servers that close early would then lose their last piece.)
    pub fn finish(&mut self) -> Option<SseEvent> {
        let cut = self.failed || self.buffer.len() > self.line_start;
        self.failed = true;
        (!cut).then(|| self.dispatch()).flatten()
    }

    fn next_event(&mut self) -> Option<Result<SseEvent, SseError>> {
        while !self.failed {
            let Some(length) = self.buffer[self.searched..].iter().position(|&b| b == b'\n' || b == b'\r') else {
                self.searched = self.buffer.len();
                let partial = self.buffer.len() - self.line_start;
                return if self.fits(partial) { None } else { Some(Err(self.fail(SseError::TooLarge { limit: self.limit }))) };
            };
            let (start, end) = (self.line_start, self.searched + length);
            let after_cr = std::mem::replace(&mut self.after_cr, self.buffer[end] == b'\r');
            self.line_start = end + 1;
            self.searched = end + 1;
            if after_cr && start == end && self.buffer[end] == b'\n' {
                continue;
            }
            match self.line(start, end) {
                Ok(None) => {}
                Ok(Some(event)) => return Some(Ok(event)),
                Err(error) => return Some(Err(self.fail(error))),
            }
        }
        None
    }

    /// Whether `more` bytes still fit the event under way.
    fn fits(&self, more: usize) -> bool {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        length(&self.name) + length(&self.data) + more <= self.limit
    }

    fn fail(&mut self, error: SseError) -> SseError {
        self.failed = true;
        self.buffer = Vec::new();
        (self.line_start, self.searched) = (0, 0);
        error
    }

    /// Takes one line without its end.
    fn line(&mut self, start: usize, end: usize) -> Result<Option<SseEvent>, SseError> {
        if !self.fits(end - start) {
            return Err(SseError::TooLarge { limit: self.limit });
        }
        let mut line = std::str::from_utf8(&self.buffer[start..end]).map_err(|_| SseError::NotUtf8)?;
        if std::mem::take(&mut self.first_line) {
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        if line.is_empty() {
            return Ok(self.dispatch());
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => match &mut self.data {
                None => self.data = Some(value.to_owned()),
                Some(data) => {
                    data.push('\n');
                    data.push_str(value);
                }
            },
            "event" => self.name = (!value.is_empty()).then(|| value.to_owned()),
            _ => {}
        }
        Ok(None)
    }

    /// Ends the event under way; without data it was none.
    fn dispatch(&mut self) -> Option<SseEvent> {
        let name = self.name.take();
        self.data.take().map(|data| SseEvent { name, data })
    }
}

/// The events that a push completed.
#[derive(Debug)]
pub struct Events<'a>(&'a mut SseDecoder);

impl Iterator for Events<'_> {
    type Item = Result<SseEvent, SseError>;
    fn next(&mut self) -> Option<Self::Item> {
        self.0.next_event()
    }
}

/// Writes one event.
pub fn write_event(name: Option<&str>, data: &str) -> String {
    let mut text = String::with_capacity(data.len() + 16);
    if let Some(name) = name {
        text.push_str("event: ");
        text.push_str(name);
        text.push('\n');
    }
    for line in data.split('\n') {
        text.push_str("data: ");
        text.push_str(line);
        text.push('\n');
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type All = (Vec<SseEvent>, Option<SseError>);

    fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>, limit: usize) -> All {
        let mut decoder = SseDecoder::new(limit);
        let mut events = Vec::new();
        for chunk in chunks {
            for event in decoder.push(chunk) {
                match event {
                    Ok(event) => events.push(event),
                    Err(error) => return (events, Some(error)),
                }
            }
        }
        events.extend(decoder.finish());
        (events, None)
    }

    fn whole(text: &str) -> Vec<(Option<String>, String)> {
        let (events, error) = decode([text.as_bytes()], 1 << 20);
        assert_eq!(error, None);
        events.into_iter().map(|e| (e.name, e.data)).collect()
    }

    #[test]
    fn the_format() {
        let event = |name: Option<&str>, data: &str| (name.map(str::to_owned), data.to_owned());
        for (text, want) in [
            ("data: a\n\ndata:b\n\n", vec![event(None, "a"), event(None, "b")]),
            ("\u{feff}data: a\r\n\r\n", vec![event(None, "a")]),
            ("data: a\r\rdata: b\r\n\r\n", vec![event(None, "a"), event(None, "b")]),
            ("data: a\r\ndata: b\r\n\r\n", vec![event(None, "a\nb")]),
            (": ping\n\n:\ndata: a\ndata:\ndata:  c\n\n", vec![event(None, "a\n\n c")]),
            ("event: x\ndata\nid: 7\nretry: 1\nunknown\n\n", vec![event(Some("x"), "")]),
            ("event: gone\n\ndata: a\n\n", vec![event(None, "a")]),
            ("data: a\n", vec![event(None, "a")]),
            ("data: cut", vec![]),
        ] {
            assert_eq!(whole(text), want, "{text:?}");
        }
    }

    #[test]
    fn an_event_is_bounded_in_one_line_and_over_many() {
        let limit = 32;
        for text in [format!("data: {}", "x".repeat(40)), "data: 0123456789\n".repeat(5), format!(":{}\n", "c".repeat(40))] {
            let pieces: Vec<&[u8]> = text.as_bytes().chunks(3).collect();
            assert_eq!(decode(pieces, limit).1, Some(SseError::TooLarge { limit }), "{text:?}");
        }
        // Many small events are no large one.
        assert_eq!(decode(["data: 0123456789\n\n: keep\n".repeat(50).as_bytes()], limit).0.len(), 50);
    }

    #[test]
    fn bytes_that_are_not_utf8_end_the_stream() {
        let mut decoder = SseDecoder::new(100);
        let got: Vec<_> = decoder.push(b"data: a\n\ndata: \xff\n\ndata: b\n\n").collect();
        assert_eq!(got, [Ok(SseEvent { name: None, data: "a".into() }), Err(SseError::NotUtf8)]);
        assert_eq!(decoder.push(b"data: c\n\n").count(), 0);
        assert_eq!(decoder.finish(), None);
    }

    #[test]
    fn events_not_taken_wait() {
        let mut decoder = SseDecoder::new(100);
        assert_eq!(decoder.push(b"data: a\n\ndata: b\n\n").next().unwrap().unwrap().data, "a");
        assert_eq!(decoder.push(b"data: c\n\n").map(|e| e.unwrap().data).collect::<Vec<_>>(), ["b", "c"]);
    }

    #[test]
    fn written_events_read_back() {
        assert_eq!(whole(&write_event(Some("delta"), "{\n}")), [(Some("delta".to_owned()), "{\n}".to_owned())]);
    }

    proptest! {
        #[test]
        fn cutting_anywhere_changes_nothing(
            lines in proptest::collection::vec("(data|event|:|id|x)?:? ?[aé€🦀\u{feff}]{0,5}(\r|\n|\r\n|\n\n|\r\n\r\n)", 0..12),
            limit in 8usize..64,
        ) {
            let text = lines.concat();
            let bytes = text.as_bytes();
            let want = decode([bytes], limit);
            prop_assert_eq!(&decode(bytes.chunks(1), limit), &want);
            for cut in 0..=bytes.len() {
                prop_assert_eq!(&decode([&bytes[..cut], &bytes[cut..]], limit), &want, "cut at {}", cut);
            }
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200), size in 1usize..20) {
            prop_assert_eq!(decode(bytes.chunks(size), 50), decode([bytes.as_slice()], 50));
        }
    }
}
