//! What is behind a provider, as the test of it can see and move it; and a provider that needs nothing behind it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use tierfall_core::completion::{Completion, Delta, Finish, Sample, Tokens, Usage};
use tierfall_core::provider::{Attempt, Billing, CallError, CallErrorKind, Chunk, Declares, Gives, Provider, Reply};
use tierfall_core::request::Call;
use tokio::sync::watch;

use crate::sample;

/// What becomes of calls upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Fate {
    /// They are answered.
    #[default]
    Answered,
    /// They are taken, and nothing more comes.
    Silent,
    /// An answer begins, with one piece of it at least where it is streamed, and does not go on.
    Stalls,
    /// They fail before any answer, however often they are tried.
    Fails,
    /// An answer begins, and breaks off.
    Breaks,
}

/// What is behind a provider: a server, say. The author of its test says how to move it, and how to see what it does.
pub trait Upstream: Send + Sync {
    /// From now on this becomes of calls. `false` where it cannot be brought about; then it is not tried.
    fn bring_about(&self, fate: Fate) -> bool;

    /// Waits until so many calls are under way upstream.
    fn until_open(&self, calls: usize) -> BoxFuture<'_, ()>;
}

/// Nothing is behind a provider that answers by itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nothing;

impl Upstream for Nothing {
    fn bring_about(&self, fate: Fate) -> bool {
        fate == Fate::Answered
    }

    fn until_open(&self, _: usize) -> BoxFuture<'_, ()> {
        std::future::ready(()).boxed()
    }
}

/// A provider that says each question back, and does with calls what a test wants: what is behind a provider that passes calls on.
///
/// It keeps what providers owe, gives as many alternatives and samples as it is asked for, and shows how many calls are under way.
#[derive(Debug, Default)]
pub struct Echo {
    fate: Mutex<Fate>,
    open: watch::Sender<usize>,
}

/// Counts a call as under way until it is dropped.
#[derive(Debug)]
struct Open(watch::Sender<usize>);

impl Open {
    fn new(open: &watch::Sender<usize>) -> Self {
        open.send_modify(|open| *open += 1);
        Self(open.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.send_modify(|open| *open -= 1);
    }
}

impl Echo {
    /// It answers.
    pub fn new() -> Self {
        Self::default()
    }

    /// What it says to a call.
    pub fn answer(call: &Call) -> Completion {
        let question = call.messages().iter().rev().find_map(|message| message.texts().next().map(str::to_owned));
        Self::answer_to(&question.unwrap_or_default(), call.logprobs, call.samples.get())
    }

    /// What it says to a question of which so many alternatives a token are wanted, and so many samples.
    pub fn answer_to(question: &str, logprobs: Option<u8>, samples: u8) -> Completion {
        let tokens = logprobs.map(|top| {
            let mut tokens = Tokens::default();
            for word in question.split_inclusive(' ') {
                tokens.push(word, -0.5);
                (0..top).for_each(|rank| tokens.push_alternative(&rank.to_string(), -0.5 - f64::from(rank)));
            }
            tokens
        });
        let further = usize::from(samples.saturating_sub(1));
        Completion {
            tokens,
            usage: Some(Usage { input: 9, output: 9, ..Usage::default() }),
            samples: vec![Sample { text: question.to_owned(), finish: Finish::Stop }; further],
            ..Completion::text(question)
        }
    }
}

impl Upstream for Echo {
    fn bring_about(&self, fate: Fate) -> bool {
        *self.fate.lock().unwrap_or_else(PoisonError::into_inner) = fate;
        true
    }

    fn until_open(&self, calls: usize) -> BoxFuture<'_, ()> {
        let mut open = self.open.subscribe();
        async move {
            // It ends with the provider, which outlives this future.
            let _ = open.wait_for(|open| *open == calls).await;
        }
        .boxed()
    }
}

fn failed(kind: CallErrorKind) -> CallError {
    CallError::new(kind, "as it is told to").with_attempts(vec![Attempt::new(kind, Billing::Unknown, Duration::ZERO)])
}

impl Provider for Echo {
    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Reply, CallError>> {
        async move {
            let open = Open::new(&self.open);
            let fate = *self.fate.lock().unwrap_or_else(PoisonError::into_inner);
            // Others have their turn in between, as they do where something is waited for.
            tokio::task::yield_now().await;
            if fate == Fate::Fails {
                return Err(failed(CallErrorKind::Overloaded));
            }
            if fate == Fate::Silent || fate == Fate::Stalls && !call.stream {
                std::future::pending::<()>().await;
            }
            if fate == Fate::Breaks && !call.stream {
                return Err(failed(CallErrorKind::Truncated));
            }
            let answer = Self::answer(call);
            if !call.stream {
                return Ok(Reply::whole(answer));
            }
            let mut pieces: Vec<Result<Delta, CallError>> = sample::deltas(&answer).into_iter().map(Ok).collect();
            if fate != Fate::Answered {
                pieces.truncate(1);
            }
            if fate == Fate::Breaks {
                pieces.push(Err(failed(CallErrorKind::Truncated)));
            }
            let end = if fate == Fate::Stalls { stream::pending().boxed() } else { stream::empty().boxed() };
            let pieces = stream::iter(pieces)
                .then(|piece| async {
                    tokio::task::yield_now().await;
                    piece.map(Chunk::Delta)
                })
                .chain(end);
            // The call is under way for as long as somebody may read its pieces.
            Ok(Reply::new(
                pieces
                    .inspect(move |_| {
                        let _ = &open;
                    })
                    .boxed(),
            ))
        }
        .boxed()
    }

    fn declares(&self, _: &str) -> Declares {
        Declares::giving(Gives { top_logprobs: Some(20), samples: true })
    }
}
