//! A provider whose answers the test wrote down.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use tierfall_core::completion::Completion;
use tierfall_core::provider::{CallError, CallErrorKind, Chunk, Provider, Reply};
use tierfall_core::request::{Call, RequestId};

use crate::sample;
use crate::server::Gate;

/// What a scripted call gives.
pub type Scripting = Result<Arc<Completion>, CallError>;

/// Answers from lists: first the request's own, then the common one, then the constant answer; else `NotRecorded`.
///
/// A call that asks for a stream gets one [piece a token](sample::deltas).
#[derive(Debug, Default)]
pub struct Scripted {
    lists: Mutex<Lists>,
    constant: Option<Scripting>,
    gate: Option<Gate>,
    calls: Mutex<Vec<Call>>,
    dropped: AtomicUsize,
}

#[derive(Debug, Default)]
struct Lists {
    own: HashMap<RequestId, VecDeque<Scripting>>,
    common: VecDeque<Scripting>,
}

impl Scripted {
    /// A provider without answers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives `answer` whenever no list has anything left.
    pub fn always(answer: Completion) -> Self {
        Self { constant: Some(Ok(Arc::new(answer))), ..Self::default() }
    }

    /// Fails with `error` whenever no list has anything left.
    pub fn always_fails(error: CallError) -> Self {
        Self { constant: Some(Err(error)), ..Self::default() }
    }

    /// Adds results for calls in order of their arrival.
    #[must_use]
    pub fn then(self, results: impl IntoIterator<Item = Scripting>) -> Self {
        self.lists().common.extend(results);
        self
    }

    /// Adds results for the calls of one request, its probes included, in order of their arrival.
    #[must_use]
    pub fn on(self, request: impl Into<RequestId>, results: impl IntoIterator<Item = Scripting>) -> Self {
        self.lists().own.entry(request.into()).or_default().extend(results);
        self
    }

    /// Holds every call at the gate.
    #[must_use]
    pub fn behind(mut self, gate: &Gate) -> Self {
        self.gate = Some(gate.clone());
        self
    }

    /// Every call so far, in order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many calls were dropped at the gate before they got their result.
    pub fn cancelled(&self) -> usize {
        self.dropped.load(Ordering::SeqCst)
    }

    fn lists(&self) -> std::sync::MutexGuard<'_, Lists> {
        self.lists.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self, call: &Call) -> Scripting {
        let mut lists = self.lists();
        let own = lists.own.get_mut(&call.request_id).and_then(VecDeque::pop_front);
        own.or_else(|| lists.common.pop_front()).or_else(|| self.constant.clone()).unwrap_or_else(|| {
            let message = format!("nothing is scripted for this call of request \"{}\"", call.request_id);
            Err(CallError::new(CallErrorKind::NotRecorded, message))
        })
    }
}

/// Counts a call as cancelled unless it is told otherwise.
struct Watch<'a>(Option<&'a AtomicUsize>);

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if let Some(dropped) = self.0 {
            dropped.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Provider for Scripted {
    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Reply, CallError>> {
        async move {
            self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call.clone());
            let result = self.next(call);
            if let Some(gate) = &self.gate {
                let mut watch = Watch(Some(&self.dropped));
                gate.pass().await;
                watch.0 = None;
            }
            let answer = result?;
            let chunks = if call.stream {
                stream::iter(sample::deltas(&answer).into_iter().map(|delta| Ok(Chunk::Delta(delta)))).boxed()
            } else {
                stream::iter([Ok(Chunk::Whole(answer))]).boxed()
            };
            Ok(Reply::new(chunks))
        }
        .boxed()
    }
}
