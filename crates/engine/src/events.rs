//! A run as its events, as they happen.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures_util::Stream;
use futures_util::future::BoxFuture;
use tierfall_core::completion::Delta;
use tierfall_core::trace::Step;
use tierfall_providers::meter::Uncounted;

use crate::answer::Answer;

/// What happens in a run.
///
/// All [deltas](Self::Delta) of a run are of one tier: the one whose answer is served. Those of a gated tier come after its step is
/// decided, unless its gate [may commit](tierfall_core::gate::Gate::may_commit) before the end of the answer; those of a tier without
/// a gate as the provider sends them. A run that abstains, goes to review, is refused or fails before has none.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event {
    /// A call begins.
    Began {
        /// The tier that is asked.
        tier: Arc<str>,
        /// The model's name at its provider.
        model: Arc<str>,
        /// The label of the signal whose probe it is; `None` for an answering call.
        probe: Option<Arc<str>>,
    },
    /// A piece of the answer that is served.
    Delta {
        /// The tier that answers.
        tier: Arc<str>,
        /// The piece.
        delta: Delta,
    },
    /// A tier's part is over.
    Decided(Step),
    /// The run is over: the last event, and the only one that there always is.
    Ended(Answer),
}

/// Hands events out of a run while it is under way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hand(Arc<Mutex<VecDeque<Event>>>);

impl Hand {
    /// Hands out an event, and goes on when the next one is asked for: who reads slowly is not overrun.
    pub(crate) async fn give(&self, event: Event) {
        self.events(|events| events.push_back(event));
        let _uncounted = Uncounted::begin();
        let mut given = false;
        std::future::poll_fn(|_| {
            // Nobody has to be woken: whoever takes the event polls again for the next one.
            if std::mem::replace(&mut given, true) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    fn events<T>(&self, act: impl FnOnce(&mut VecDeque<Event>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The events of a run. Nothing happens while nobody asks for the next one; dropping it cancels the call in flight.
///
/// The reader's time is nobody else's: no latency, no timeout and no deadline counts it. Meanwhile the call keeps its place at its
/// provider and its connection, so who may be kept waiting by a client of its own drops the stream after a while.
#[must_use = "a run goes on only while its events are read"]
pub struct Events {
    hand: Hand,
    run: Option<BoxFuture<'static, Answer>>,
}

impl Events {
    pub(crate) fn of(run: impl FnOnce(Hand) -> BoxFuture<'static, Answer>) -> Self {
        let hand = Hand::default();
        Self { run: Some(run(hand.clone())), hand }
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        if let Some(event) = self.hand.events(VecDeque::pop_front) {
            return Poll::Ready(Some(event));
        }
        let Some(run) = &mut self.run else { return Poll::Ready(None) };
        let polled = run.as_mut().poll(context);
        if let Poll::Ready(answer) = polled {
            self.run = None;
            self.hand.events(|events| events.push_back(Event::Ended(answer)));
        }
        self.hand.events(VecDeque::pop_front).map_or(Poll::Pending, |event| Poll::Ready(Some(event)))
    }
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").field("over", &self.run.is_none()).finish_non_exhaustive()
    }
}
