//! What the server and its connections share: the scripts, what was received, and the counts.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;

use super::script::Script;

/// A request as the server received it.
#[derive(Clone, Debug)]
pub struct Received {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Bytes,
}

impl Received {
    /// The first header of this name, given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null where it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// What has happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections accepted.
    pub connections: usize,
    /// Whole requests received.
    pub requests: usize,
    /// Connections that the client closed.
    pub closed: usize,
    /// Requests being answered right now.
    pub in_flight: usize,
    /// The most that were ever answered at once.
    pub peak: usize,
    /// Bytes of body written to sockets.
    pub sent: usize,
}

/// Which script answers a request.
pub(super) type Answers = Box<dyn Fn(&Received) -> Script + Send + Sync>;

pub(super) struct Shared {
    /// Those of the next requests.
    pub(super) next: Mutex<VecDeque<Script>>,
    /// That of any other.
    answers: Answers,
    pub(super) received: Mutex<Vec<Received>>,
    pub(super) counts: watch::Sender<Counts>,
}

impl Shared {
    pub(super) fn new(answers: Answers) -> Self {
        Self { next: Mutex::default(), answers, received: Mutex::default(), counts: watch::Sender::default() }
    }

    pub(super) fn note(&self, change: impl FnOnce(&mut Counts)) {
        self.counts.send_modify(change);
    }

    /// Keeps the request and takes the script that answers it.
    pub(super) fn take(&self, request: Received) -> Script {
        let next = self.next.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let script = next.unwrap_or_else(|| (self.answers)(&request));
        self.received.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        self.note(|counts| {
            counts.requests += 1;
            counts.in_flight += 1;
            counts.peak = counts.peak.max(counts.in_flight);
        });
        script
    }
}
