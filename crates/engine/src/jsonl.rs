//! Traces as JSON Lines.

use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use fs_err::OpenOptions;
use serde::Serialize;
use tierfall_core::observer::{Ended, Observer, Room};

/// Appends one JSON object a trace to a file.
#[derive(Debug)]
pub struct JsonlSink(Lines);

impl JsonlSink {
    /// Appends to the file at `path`, which is made if it is not there.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        Lines::appending(OpenOptions::new().create(true), path.as_ref()).map(Self)
    }

    /// How many traces were lost, since the file could not be written.
    pub fn lost(&self) -> u64 {
        self.0.lost()
    }

    /// Closes the file; the first error that writing met comes back. What comes afterwards is lost, and counted.
    pub fn close(&self) -> io::Result<()> {
        self.0.close()
    }
}

impl Observer for JsonlSink {
    fn room(&self) -> Room {
        Room { calls: 0, ..Room::default() }
    }

    fn ended(&self, ended: &Ended) {
        self.0.put(&*ended.trace);
    }
}

/// Lines at the end of a file. A disk that is full now may have room later: an error costs its own line alone.
#[derive(Debug)]
pub struct Lines<W: Write = fs_err::File> {
    state: Mutex<State<W>>,
    /// Beside the rest: it can be read while a line is being written, however long that takes.
    lost: AtomicU64,
}

#[derive(Debug)]
struct State<W> {
    file: Option<W>,
    /// Whether the last line was cut in the middle.
    torn: bool,
    first: io::Result<()>,
}

impl Lines {
    /// Appends to the file at `path`. Where a process that was killed left its last line torn, the next one begins a new line.
    pub fn appending(options: &mut OpenOptions, path: &Path) -> io::Result<Self> {
        let file = options.append(true).open(path)?;
        // A file that cannot be read back, such as a pipe, has no end to look at.
        let torn = file.metadata()?.is_file() && ends_torn(path).unwrap_or(false);
        Ok(Self::to(file, torn))
    }
}

impl<W: Write> Lines<W> {
    fn to(file: W, torn: bool) -> Self {
        Self { state: Mutex::new(State { file: Some(file), torn, first: Ok(()) }), lost: AtomicU64::new(0) }
    }

    /// Writes one line; one that cannot be written is counted.
    pub fn put(&self, line: &impl Serialize) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let written = serde_json::to_vec(line).map_err(io::Error::from).and_then(|line| state.write(line));
        if let Err(error) = written {
            self.lost.fetch_add(1, Ordering::Relaxed);
            let first = std::mem::replace(&mut state.first, Ok(()));
            state.first = first.and(Err(error));
        }
    }

    /// How many lines were lost.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Closes the file; the first error that writing met comes back. What comes afterwards is lost.
    pub fn close(&self) -> io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let first = std::mem::replace(&mut state.first, Ok(()));
        let flushed = state.file.take().map_or(Ok(()), |mut file| file.flush());
        first.and(flushed)
    }
}

impl<W: Write> Drop for Lines<W> {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!(lost = self.lost(), "traces could not be written: {error}");
        }
    }
}

/// Whether the last line of a file lacks its line break.
fn ends_torn(path: &Path) -> io::Result<bool> {
    let mut file = fs_err::File::open(path)?;
    if file.seek(SeekFrom::End(0))? == 0 {
        return Ok(false);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

impl<W: Write> State<W> {
    fn write(&mut self, mut line: Vec<u8>) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Err(io::Error::other("the file is closed")) };
        line.push(b'\n');
        if self.torn {
            // What follows a torn line must begin on a line of its own.
            line.insert(0, b'\n');
        }
        let mut written = 0;
        while written < line.len() {
            match file.write(&line[written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => {
                    written += bytes;
                    self.torn = written < line.len();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;
    use std::sync::Arc;

    fn line(id: &str) -> serde_json::Value {
        serde_json::json!({ "request_id": id, "answer": "yes" })
    }

    fn ids(bytes: &[u8]) -> Vec<String> {
        let lines = std::str::from_utf8(bytes).unwrap().lines();
        let traces = lines.filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        traces.map(|trace| trace["request_id"].as_str().unwrap().to_owned()).collect()
    }

    /// A file that is full where the script says so, and takes `at_once` bytes a write.
    struct Scripted {
        room: VecDeque<bool>,
        at_once: usize,
        written: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Scripted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if !self.room.pop_front().unwrap_or(true) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let taken = bytes.len().min(self.at_once);
            self.written.lock().unwrap().extend(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn scripted(room: &[bool], at_once: usize) -> (Lines<Scripted>, Arc<Mutex<Vec<u8>>>) {
        let written = Arc::<Mutex<Vec<u8>>>::default();
        let file = Scripted { room: room.iter().copied().collect(), at_once, written: written.clone() };
        (Lines::to(file, false), written)
    }

    #[test]
    fn a_full_disk_costs_its_lines_alone() {
        let (lines, written) = scripted(&[true, false, false, true], usize::MAX);
        for id in ["1", "2", "3", "4"] {
            lines.put(&line(id));
        }
        assert_eq!(lines.close().unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!((lines.lost(), ids(&written.lock().unwrap())), (2, vec!["1".to_owned(), "4".to_owned()]));
        lines.put(&line("5"));
        assert_eq!(lines.lost(), 3, "after the end nothing is written");
    }

    #[test]
    fn what_follows_a_torn_line_begins_a_line() {
        let (lines, written) = scripted(&[true, false], 10);
        lines.put(&line("1"));
        lines.put(&line("2"));
        assert!(lines.close().is_err());
        let written = written.lock().unwrap();
        assert_eq!((lines.lost(), ids(&written)), (1, vec!["2".to_owned()]));
        assert_eq!(written.split(|byte| *byte == b'\n').next().unwrap().len(), 10);
    }

    #[test]
    fn what_a_killed_process_left_torn_costs_no_line_of_the_next_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("traces.jsonl");
        fs_err::write(&path, "{\"request_id\": \"torn").unwrap();
        for id in ["1", "2"] {
            JsonlSink::open(&path).unwrap().0.put(&line(id));
        }
        let written = fs_err::read_to_string(&path).unwrap();
        assert_eq!((ids(written.as_bytes()), written.lines().count()), (vec!["1".to_owned(), "2".to_owned()], 3));
    }
}
