//! Providers that keep what providers owe pass, and each that breaks a rule is found by that rule.

#![expect(clippy::unwrap_used, reason = "a wrong example should stop the test")]

use std::mem::ManuallyDrop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use tierfall_core::completion::{Completion, Delta, Finish, Usage};
use tierfall_core::provider::{Attempt, Billing, CallError, CallErrorKind, Chunk, Declares, Gives, Provider, Reply, provider_fn};
use tierfall_core::request::{Call, Prompt, Request};
use tierfall_testkit::conformance::{self, Echo, Fate, Nothing, Upstream};
use tierfall_testkit::{Scripted, sample};

fn call(id: &str, question: &str) -> Call {
    let request = Arc::new(Request::new(id, question));
    let prompt = Prompt::Request { preamble: Arc::new([]), request, addendum: None };
    Call { logprobs: Some(2), ..Call::new(id.into(), "model", prompt) }
}

fn calls() -> [(Call, &'static str); 3] {
    ["Where is it?", "And the other one?", "Über alles"].map(|question| (call(question, question), question))
}

#[tokio::test(start_paused = true)]
async fn providers_that_are_built_in_keep_what_they_owe() {
    let echo = Echo::new();
    conformance::provider(&echo, &calls(), &echo).await.unwrap();
    let echo = provider_fn(|call| async move { Ok(Echo::answer(&call).text) });
    conformance::provider(&echo, &calls(), &Nothing).await.unwrap();
    let same = [(call("a", "?"), "yes"), (call("b", "??"), "yes")];
    conformance::provider(&Scripted::always(sample::scored(&[("yes", -0.5)])), &same, &Nothing).await.unwrap();
    let boxed: Arc<dyn Provider> = Arc::new(Box::new(Scripted::always(Completion::text("yes"))));
    conformance::provider(&boxed, &same, &Nothing).await.unwrap();
}

/// What is wrong with a provider.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wrong {
    Nothing,
    // The form of an answer.
    WholeAfterPieces,
    TwoWholes,
    Empty,
    Unfinished,
    GoesOn,
    GoesOnAfterAnError,
    NeverEnds,
    Endless,
    // What it tells.
    Absurd,
    Undeclared,
    TooManyAlternatives,
    MoreThanDeclared,
    TooManySamples,
    // How it fails.
    NoAttempts,
    OtherKind,
    SuccessAmongFailures,
    NoMessage,
    EveryAttemptInAPiece,
    AnswersWhatFails,
    // What it does with others.
    MixesUp,
    AnswersNobodyAfterADrop,
    GoesOnUpstream,
    GoesOnUpstreamAmongPieces,
    Panics,
    PanicsAmongPieces,
    PanicsWhenDropped,
}

/// An [`Echo`] with something wrong.
struct Broken {
    echo: Arc<Echo>,
    wrong: Wrong,
    last: std::sync::Mutex<Option<Call>>,
    dropped: AtomicBool,
}

impl Broken {
    fn new(wrong: Wrong) -> Self {
        Self { echo: Arc::default(), wrong, last: std::sync::Mutex::default(), dropped: AtomicBool::new(false) }
    }
}

impl Upstream for Broken {
    fn bring_about(&self, fate: Fate) -> bool {
        self.echo.bring_about(fate)
    }

    fn until_open(&self, calls: usize) -> BoxFuture<'_, ()> {
        self.echo.until_open(calls)
    }
}

/// Tells when it was dropped before it was over.
struct Dropped<'a> {
    told: &'a AtomicBool,
    panics: bool,
    over: bool,
}

impl Drop for Dropped<'_> {
    fn drop(&mut self) {
        self.told.fetch_or(!self.over, Ordering::SeqCst);
        assert!(self.over || !self.panics, "dropped too early");
    }
}

fn piece(text: &str, finish: Option<Finish>) -> Chunk {
    Chunk::Delta(Delta { text: text.to_owned(), finish, ..Delta::default() })
}

fn error() -> CallError {
    let kind = CallErrorKind::Truncated;
    CallError::new(kind, "cut").with_attempts(vec![Attempt::new(kind, Billing::Unknown, Duration::ZERO)])
}

impl Broken {
    /// The same reply, broken.
    fn reply(&self, call: &Call, mut reply: Reply) -> Reply {
        let text = Echo::answer(call).text;
        let chunks: Vec<Result<Chunk, CallError>> = match self.wrong {
            Wrong::WholeAfterPieces => vec![Ok(piece(&text, Some(Finish::Stop))), Ok(Chunk::Whole(Arc::new(Echo::answer(call))))],
            Wrong::TwoWholes => vec![Ok(Chunk::Whole(Arc::new(Echo::answer(call)))); 2],
            Wrong::Empty => Vec::new(),
            Wrong::Unfinished => vec![Ok(piece(&text, None))],
            Wrong::GoesOn => vec![Ok(piece(&text, Some(Finish::Stop))), Ok(piece("!", None))],
            Wrong::GoesOnAfterAnError => vec![Ok(piece(&text, None)), Err(error()), Ok(piece("!", Some(Finish::Stop)))],
            Wrong::NeverEnds => {
                reply.chunks = stream::iter([Ok(piece(&text, Some(Finish::Stop)))]).chain(stream::pending()).boxed();
                return reply;
            }
            Wrong::Endless => {
                reply.chunks = stream::repeat_with(|| Ok(piece("", None))).boxed();
                return reply;
            }
            Wrong::Absurd => {
                let usage = Usage { input: 3, output: 2, reasoning: 5, ..Usage::default() };
                vec![Ok(Chunk::Whole(Arc::new(Completion { usage: Some(usage), ..Echo::answer(call) })))]
            }
            Wrong::TooManyAlternatives => {
                let more = Call { logprobs: call.logprobs.map(|top| top + 1), ..call.clone() };
                vec![Ok(Chunk::Whole(Arc::new(Echo::answer(&more))))]
            }
            Wrong::TooManySamples => {
                let more = Call { samples: call.samples.saturating_add(1), ..call.clone() };
                vec![Ok(Chunk::Whole(Arc::new(Echo::answer(&more))))]
            }
            Wrong::PanicsAmongPieces => {
                reply.chunks = stream::once(async move {
                    assert!(text.is_empty(), "among the pieces");
                    Ok(piece(&text, None))
                })
                .boxed();
                return reply;
            }
            _ => return reply,
        };
        reply.chunks = stream::iter(chunks).boxed();
        reply
    }

    fn error(&self, mut error: CallError) -> CallError {
        match self.wrong {
            Wrong::NoAttempts => error.attempts.clear(),
            Wrong::OtherKind => error.kind = CallErrorKind::Auth,
            Wrong::SuccessAmongFailures => error.attempts.insert(0, Attempt::new(None, Billing::Free, Duration::ZERO)),
            Wrong::NoMessage => error.message.clear(),
            _ => {}
        }
        error
    }
}

impl Provider for Broken {
    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Reply, CallError>> {
        async move {
            let mut watch = Dropped { told: &self.dropped, panics: self.wrong == Wrong::PanicsWhenDropped, over: false };
            *self.last.lock().unwrap() = Some(call.clone());
            if self.wrong == Wrong::GoesOnUpstream {
                let (echo, call) = (self.echo.clone(), call.clone());
                // Whoever drops this does not drop what is in it.
                let mut made = ManuallyDrop::new(Box::pin(async move { echo.call(&call).await }));
                let reply = made.as_mut().await;
                drop(ManuallyDrop::into_inner(made));
                watch.over = true;
                return reply;
            }
            assert!(self.wrong != Wrong::Panics, "in the call");
            let dropped = self.dropped.load(Ordering::SeqCst);
            let reply = self.echo.call(call).await;
            watch.over = true;
            if self.wrong == Wrong::AnswersNobodyAfterADrop && dropped {
                return Err(CallError::new(CallErrorKind::Overloaded, "a lock is poisoned"));
            }
            if self.wrong == Wrong::MixesUp {
                let last = self.last.lock().unwrap().clone().unwrap();
                return Ok(Reply::whole(Echo::answer(&Call { logprobs: call.logprobs, samples: call.samples, ..last })));
            }
            match reply {
                Err(_) if self.wrong == Wrong::AnswersWhatFails => Ok(Reply::whole(Echo::answer(call))),
                Err(error) => Err(self.error(error)),
                Ok(reply) if self.wrong == Wrong::GoesOnUpstreamAmongPieces => {
                    let kept = stream::unfold(ManuallyDrop::new(reply.chunks), |mut kept| async move {
                        let chunk = kept.next().await;
                        if chunk.is_none() {
                            drop(ManuallyDrop::into_inner(kept));
                            return None;
                        }
                        chunk.map(|chunk| (chunk, kept))
                    });
                    Ok(Reply::new(kept.boxed()))
                }
                Ok(mut reply) if self.wrong == Wrong::EveryAttemptInAPiece => {
                    let twice = |mut error: CallError| {
                        error.attempts.extend(error.attempts.clone());
                        error
                    };
                    reply.chunks = reply.chunks.map(move |chunk| chunk.map_err(twice)).boxed();
                    Ok(reply)
                }
                Ok(reply) => Ok(self.reply(call, reply)),
            }
        }
        .boxed()
    }

    fn declares(&self, model: &str) -> Declares {
        let top = match self.wrong {
            Wrong::Undeclared => None,
            Wrong::MoreThanDeclared => Some(1),
            _ => return self.echo.declares(model),
        };
        Declares::new("broken", "pretended", Gives { top_logprobs: top, samples: true })
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_breaks_a_rule_is_found_by_that_rule() {
    let of_rules = [
        ("", vec![Wrong::Nothing]),
        ("one-form", vec![Wrong::WholeAfterPieces, Wrong::TwoWholes]),
        (
            "ends",
            vec![Wrong::Empty, Wrong::Unfinished, Wrong::GoesOn, Wrong::GoesOnAfterAnError, Wrong::NeverEnds, Wrong::Endless],
        ),
        ("usage", vec![Wrong::Absurd]),
        ("gives", vec![Wrong::Undeclared, Wrong::TooManyAlternatives, Wrong::MoreThanDeclared, Wrong::TooManySamples]),
        (
            "attempts",
            vec![Wrong::NoAttempts, Wrong::OtherKind, Wrong::SuccessAmongFailures, Wrong::NoMessage, Wrong::EveryAttemptInAPiece],
        ),
        ("answers", vec![Wrong::AnswersWhatFails, Wrong::AnswersNobodyAfterADrop]),
        ("own-answer", vec![Wrong::MixesUp]),
        ("cancels", vec![Wrong::GoesOnUpstream, Wrong::GoesOnUpstreamAmongPieces]),
        ("no-panic", vec![Wrong::Panics, Wrong::PanicsAmongPieces, Wrong::PanicsWhenDropped]),
    ];
    for (rule, wrongs) in of_rules {
        for wrong in wrongs {
            let provider = Broken::new(wrong);
            let found = conformance::provider(&provider, &calls(), &provider).await.err();
            let said = found.as_ref().map(ToString::to_string).unwrap_or_default();
            assert_eq!(found.map(|broken| broken.rule.name).unwrap_or_default(), rule, "{wrong:?}: {said}");
            assert!(rule.is_empty() || said.contains(&format!("({rule}): ")) && said.contains(", see tierfall_core::"), "{said}");
        }
    }
}
