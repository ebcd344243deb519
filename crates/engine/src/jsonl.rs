//! Traces as JSON Lines, written by a thread of its own: a slow disk never holds up a run.

use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use fs_err::OpenOptions;
use serde::Serialize;
use tierfall_core::observer::{Ended, Observer};
use tierfall_core::trace::Trace;

/// Appends one JSON object a trace to a file.
pub type JsonlSink = Queue<Trace>;

impl JsonlSink {
    /// Appends to the file at `path`, which is made if it is not there, with room for `capacity` waiting traces, at least
    /// one.
    pub fn open(path: impl AsRef<Path>, capacity: usize) -> io::Result<Self> {
        Self::appending(OpenOptions::new().create(true), path.as_ref(), capacity)
    }
}

impl Observer for JsonlSink {
    fn ended(&self, ended: &Ended<'_>) {
        self.put(ended.trace.clone());
    }
}

/// Lines that wait for the disk. There is room for so many: what does not fit is counted in [`lost`](Self::lost), never waited for.
#[derive(Debug)]
pub struct Queue<T> {
    waiting: Mutex<Option<SyncSender<T>>>,
    writer: Mutex<Option<JoinHandle<io::Result<()>>>>,
    lost: Arc<AtomicU64>,
}

impl<T: Serialize + Send + 'static> Queue<T> {
    /// Appends to the file at `path`. Where a process that was killed left its last line torn, the next one begins a new line.
    pub fn appending(options: &mut OpenOptions, path: &Path, capacity: usize) -> io::Result<Self> {
        let file = options.append(true).open(path)?;
        // A file that cannot be read back, such as a pipe, has no end to look at.
        let torn = file.metadata()?.is_file() && ends_torn(path).unwrap_or(false);
        Self::to(file, capacity, torn)
    }

    fn to(file: impl Write + Send + 'static, capacity: usize, torn: bool) -> io::Result<Self> {
        let (queue, waiting) = sync_channel(capacity.max(1));
        let lost = Arc::<AtomicU64>::default();
        let mut lines = Lines { file, torn };
        let counter = lost.clone();
        let thread = std::thread::Builder::new().name("trace-writer".to_owned());
        let writer = thread.spawn(move || write_all(&waiting, &mut lines, &counter))?;
        Ok(Self { waiting: Mutex::new(Some(queue)), writer: Mutex::new(Some(writer)), lost })
    }

    /// Takes one line; one that does not fit is counted.
    pub fn put(&self, line: T) {
        let queue = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.as_ref().is_none_or(|queue| queue.try_send(line).is_err()) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl<T> Queue<T> {
    /// How many lines were lost: the queue was full, or the file could not be written.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Writes what is waiting and closes the file; the first error that writing met comes back.
    pub fn close(&self) -> io::Result<()> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        writer.map_or(Ok(()), |thread| thread.join().unwrap_or_else(|_| Err(io::Error::other("the trace writer panicked"))))
    }
}

impl<T> Drop for Queue<T> {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::error!(lost = self.lost(), "traces could not be written: {error}");
        }
    }
}

/// Writes until the queue is closed. A disk that is full now may have room later: an error costs its own line alone.
fn write_all<T: Serialize>(waiting: &Receiver<T>, lines: &mut Lines<impl Write>, lost: &AtomicU64) -> io::Result<()> {
    let mut first = Ok(());
    while let Ok(waiting) = waiting.recv() {
        let line = serde_json::to_vec(&waiting).map_err(io::Error::from);
        if let Err(error) = line.and_then(|line| lines.write(line)) {
            lost.fetch_add(1, Ordering::Relaxed);
            first = first.and(Err(error));
        }
    }
    first.and(lines.file.flush())
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

struct Lines<W> {
    file: W,
    /// Whether the last line was cut in the middle.
    torn: bool,
}

impl<W: Write> Lines<W> {
    fn write(&mut self, mut line: Vec<u8>) -> io::Result<()> {
        line.push(b'\n');
        if self.torn {
            // What follows a torn line must begin on a line of its own.
            line.insert(0, b'\n');
        }
        let mut written = 0;
        while written < line.len() {
            match self.file.write(&line[written..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(bytes) => {
                    written += bytes;
                    self.torn = written < line.len();
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Sender, channel};
    use tierfall_core::replay::replay;
    use tierfall_core::request::Request;
    use tierfall_core::run::Took;
    use tierfall_testkit::sample;

    fn trace(id: &str) -> Trace {
        let cascade = sample::cascade(&[("only", 0.0)]).unwrap();
        let answer = Arc::new(sample::sure("yes", 0.9));
        replay(&cascade, Request::new(id, "?"), |_, _| (Ok(answer.clone()), Took::default())).1
    }

    fn ids(bytes: &[u8]) -> Vec<String> {
        let lines = std::str::from_utf8(bytes).unwrap().lines();
        let traces = lines.filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        traces.map(|trace| trace["request_id"].as_str().unwrap().to_owned()).collect()
    }

    /// A file that says when a write has begun and waits until it may end, that is full where the script says so, and
    /// takes `at_once` bytes a write.
    struct Scripted {
        begun: Sender<()>,
        go: Receiver<bool>,
        at_once: usize,
        written: Arc<Mutex<Vec<u8>>>,
        flushed: Arc<AtomicU64>,
    }

    impl Write for Scripted {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.begun.send(());
            if !self.go.recv().unwrap_or(true) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let taken = bytes.len().min(self.at_once);
            self.written.lock().unwrap().extend(&bytes[..taken]);
            Ok(taken)
        }

        fn flush(&mut self) -> io::Result<()> {
            self.flushed.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }
    }

    struct Bench {
        sink: JsonlSink,
        begun: Receiver<()>,
        go: Sender<bool>,
        written: Arc<Mutex<Vec<u8>>>,
        flushed: Arc<AtomicU64>,
    }

    fn bench(capacity: usize, at_once: usize) -> Bench {
        let ((begun, has_begun), (go, may_go)) = (channel(), channel());
        let (written, flushed) = (Arc::default(), Arc::default());
        let file = Scripted { begun, go: may_go, at_once, written: Arc::clone(&written), flushed: Arc::clone(&flushed) };
        Bench { sink: JsonlSink::to(file, capacity, false).unwrap(), begun: has_begun, go, written, flushed }
    }

    #[test]
    fn a_writer_that_stalls_costs_traces_and_no_time() {
        let Bench { sink, begun, go, written, flushed } = bench(2, usize::MAX);
        sink.put(trace("1"));
        begun.recv().unwrap();
        // The writer holds the first; the queue takes two more, and whatever comes then is lost at once.
        for id in ["2", "3", "4", "5", "6"] {
            sink.put(trace(id));
        }
        assert_eq!(sink.lost(), 3);
        drop(go);
        sink.close().unwrap();
        assert_eq!(ids(&written.lock().unwrap()), ["1", "2", "3"]);
        assert!(flushed.load(Ordering::SeqCst) >= 1);
        sink.put(trace("7"));
        assert_eq!(sink.lost(), 4, "after the end nothing is written");
        sink.close().unwrap();
    }

    #[test]
    fn a_full_disk_costs_its_traces_alone() {
        let Bench { sink, begun: _begun, go, written, .. } = bench(10, usize::MAX);
        for (id, room) in [("1", true), ("2", false), ("3", false), ("4", true)] {
            go.send(room).unwrap();
            sink.put(trace(id));
        }
        assert_eq!(sink.close().unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!((sink.lost(), ids(&written.lock().unwrap())), (2, vec!["1".to_owned(), "4".to_owned()]));
    }

    #[test]
    fn what_follows_a_torn_line_begins_a_line() {
        let Bench { sink, begun: _begun, go, written, .. } = bench(10, 100);
        for room in [true, false] {
            go.send(room).unwrap();
        }
        drop(go);
        sink.put(trace("1"));
        sink.put(trace("2"));
        assert!(sink.close().is_err());
        let written = written.lock().unwrap();
        assert_eq!((sink.lost(), ids(&written)), (1, vec!["2".to_owned()]));
        assert_eq!(written.split(|byte| *byte == b'\n').next().unwrap().len(), 100);
    }

    #[test]
    fn a_file_is_appended_to_and_complete_after_a_drop() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("traces.jsonl");
        for id in ["1", "2"] {
            let sink = JsonlSink::open(&path, 1).unwrap();
            sink.put(trace(id));
            drop(sink);
        }
        assert_eq!(ids(&fs_err::read(&path).unwrap()), ["1", "2"]);
    }

    #[test]
    fn what_a_killed_process_left_torn_costs_no_line_of_the_next_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("traces.jsonl");
        fs_err::write(&path, "{\"request_id\": \"torn").unwrap();
        for id in ["1", "2"] {
            JsonlSink::open(&path, 1).unwrap().put(trace(id));
        }
        let written = fs_err::read_to_string(&path).unwrap();
        assert_eq!((ids(written.as_bytes()), written.lines().count()), (vec!["1".to_owned(), "2".to_owned()], 3));
    }
}
