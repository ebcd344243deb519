//! What every provider owes, tried on calls that its author names.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use futures_util::future::{Either, join_all, poll_fn, select};
use futures_util::{FutureExt, StreamExt};
use tierfall_core::caught::Panicked;
use tierfall_core::completion::{Completion, Tokens, Usage};
use tierfall_core::provider::{Attempt, CallError, Chunk, Provider};
use tierfall_core::request::Call;
use tokio::time::timeout;

use super::{Broken, Fate, Rule, Upstream};

const ANSWERS: Rule = Rule {
    name: "answers",
    asks: "a call that is answered upstream comes to an answer, also after others were dropped or failed",
    documented: "tierfall_core::provider::Provider::call",
};

const OWN_ANSWER: Rule = Rule {
    name: "own-answer",
    asks: "each call gets its own answer, however many are made at once",
    documented: "tierfall_core::provider::Provider::call",
};

const ONE_FORM: Rule = Rule {
    name: "one-form",
    asks: "an answer comes as one `Whole` or in pieces, never as both, and once",
    documented: "tierfall_core::provider::Reply::chunks",
};

const ENDS: Rule = Rule {
    name: "ends",
    asks: "the pieces end, and one of them has said why the answer did; after that, or after an error, nothing more of it comes",
    documented: "tierfall_core::provider::Reply::chunks",
};

const USAGE: Rule = Rule {
    name: "usage",
    asks: "usage that is told is one that a call can have",
    documented: "tierfall_core::completion::Usage::plausible",
};

const GIVES: Rule = Rule {
    name: "gives",
    asks: "who declares what it gives gives no log-probabilities or alternatives beyond that, and no more than are asked for",
    documented: "tierfall_core::provider::Gives",
};

const CANCELS: Rule = Rule {
    name: "cancels",
    asks: "dropping the future or the reply cancels the call upstream",
    documented: "tierfall_core::provider::Provider",
};

const ATTEMPTS: Rule = Rule {
    name: "attempts",
    asks: "every attempt that was made is told, each failed one with its error, the last with the error's own kind; an error among the pieces tells the one attempt that broke",
    documented: "tierfall_core::provider::CallError::attempts",
};

const NO_PANIC: Rule = Rule {
    name: "no-panic",
    asks: "neither a call, nor a reply, nor dropping one panics",
    documented: "tierfall_core::provider::Provider",
};

/// How long anything is waited for that a broken provider may never do.
const PATIENCE: Duration = Duration::from_secs(20);

/// More pieces than any answer here has.
const ENDLESS: usize = 100_000;

/// Tries a provider on calls that it answers, each with the text of its answer.
///
/// The calls are made one by one and all at once, whole and streamed, and dropped wherever they wait. What is behind the provider is then
/// made to fall silent, to stall, to fail and to break off, as far as it can be; without anything behind it that is
/// [`Nothing`](super::Nothing). Several calls show more than one: let them ask different things.
///
/// What a broken provider may never do is waited for for 20 seconds, which a test that pauses tokio's clock need not have.
///
/// # Errors
/// The first rule that it does not keep.
pub async fn provider(provider: &dyn Provider, calls: &[(Call, &str)], upstream: &dyn Upstream) -> Result<(), Broken> {
    Trial { provider, calls, upstream, pieces: AtomicUsize::new(0) }.all().await
}

/// What a call came to.
enum Came {
    Answer(Completion),
    Failed {
        before: Vec<Attempt>,
        error: CallError,
        /// Whether pieces of an answer were expected already.
        begun: bool,
    },
}

struct Trial<'t> {
    provider: &'t dyn Provider,
    calls: &'t [(Call, &'t str)],
    upstream: &'t dyn Upstream,
    /// How many pieces have come in all.
    pieces: AtomicUsize,
}

impl Trial<'_> {
    async fn all(&self) -> Result<(), Broken> {
        self.upstream.bring_about(Fate::Answered);
        for (call, says) in self.calls {
            for call in both(call) {
                self.answered(&call, says).await?;
            }
        }
        let Some((first, says)) = self.calls.first() else { return Ok(()) };
        self.asked_for_more(first).await?;
        self.at_once().await?;
        for call in both(first) {
            self.dropped(&call).await?;
            let before = self.pieces.load(Ordering::SeqCst);
            self.answered(&call, says).await?;
            let comes_in_pieces = self.pieces.load(Ordering::SeqCst) > before;
            for fate in [Fate::Silent, Fate::Stalls, Fate::Fails, Fate::Breaks] {
                if self.upstream.bring_about(fate) {
                    match fate {
                        Fate::Fails | Fate::Breaks => self.failed(&call, fate).await?,
                        _ => self.held(&call, fate, comes_in_pieces).await?,
                    }
                    self.idle(&format!("a call that {}", met(fate))).await?;
                    self.upstream.bring_about(Fate::Answered);
                    self.answered(&call, says).await?;
                }
            }
        }
        Ok(())
    }

    fn broken<T>(&self, call: &Call, rule: &'static Rule, what: impl Into<String>) -> Result<T, Broken> {
        let name = self.provider.declares(&call.model).name;
        let who = name.map_or_else(|| "the provider".to_owned(), |name| format!("provider `{name}`"));
        let how = if call.stream { "streamed" } else { "not streamed" };
        Err(Broken { who, rule, what: what.into(), on: format!("on the call `{}`, {how}", call.request_id) })
    }

    /// Makes a call whose answer has to come, and to be its own.
    async fn answered(&self, call: &Call, says: &str) -> Result<(), Broken> {
        match self.read(call).await? {
            Came::Answer(answer) if answer.text == says => Ok(()),
            Came::Answer(answer) => self.broken(call, &OWN_ANSWER, format!("said {:?} in place of {says:?}", answer.text)),
            Came::Failed { error, .. } => self.broken(call, &ANSWERS, format!("failed ({}): {error}", error.kind)),
        }
    }

    /// With log-probabilities and without, and with more samples: it may refuse, but not give what it does not declare.
    async fn asked_for_more(&self, first: &Call) -> Result<(), Broken> {
        for (logprobs, samples) in [(None, 1), (Some(0), 1), (Some(2), 1), (Some(20), 1), (None, 3)] {
            let samples = std::num::NonZeroU8::new(samples).unwrap_or(std::num::NonZeroU8::MIN);
            for call in both(&Call { logprobs, samples, ..first.clone() }) {
                self.read(&call).await?;
            }
        }
        Ok(())
    }

    /// Every call four times, whole and streamed, all at once.
    async fn at_once(&self) -> Result<(), Broken> {
        let four = self.calls.iter().cycle().take(4 * self.calls.len());
        let calls: Vec<(Call, &str)> = four.flat_map(|(call, says)| both(call).map(|call| (call, *says))).collect();
        join_all(calls.iter().map(|(call, says)| self.answered(call, says))).await.into_iter().collect()
    }

    /// Drops a call wherever it waits on its way to its answer, once each.
    async fn dropped(&self, call: &Call) -> Result<(), Broken> {
        for waits in 0_usize.. {
            let over = {
                let mut reading = Box::pin(self.read(call));
                let mut left = waits;
                let over = self.patiently(
                    call,
                    "that was to be dropped",
                    poll_fn(|context| {
                        if left == 0 {
                            return Poll::Ready(None);
                        }
                        let polled = reading.poll_unpin(context).map(Some);
                        left -= 1;
                        if left == 0 && polled.is_pending() { Poll::Ready(None) } else { polled }
                    }),
                );
                let over = over.await?;
                self.dropping(call, reading)?;
                over.transpose()?.is_some()
            };
            self.idle(&format!("a call that was dropped when it had waited {waits} times")).await?;
            if over {
                break;
            }
        }
        Ok(())
    }

    /// Drops a call that waits upstream for what never comes; where its answer has begun to come, when that is there.
    async fn held(&self, call: &Call, fate: Fate, comes_in_pieces: bool) -> Result<(), Broken> {
        let before = self.pieces.load(Ordering::SeqCst);
        let reading = Box::pin(self.read(call));
        let begun = async {
            self.upstream.until_open(1).await;
            if comes_in_pieces && fate == Fate::Stalls {
                // It is looked at whenever the reading has gone on.
                poll_fn(|_| if self.pieces.load(Ordering::SeqCst) > before { Poll::Ready(()) } else { Poll::Pending }).await;
            }
        };
        match self.patiently(call, &format!("that {} to arrive upstream", met(fate)), select(reading, pin!(begun))).await? {
            Either::Left((came, _)) => match came? {
                Came::Answer(_) => self.broken(call, &ANSWERS, format!("answers a call that {}", met(fate))),
                Came::Failed { .. } => Ok(()),
            },
            Either::Right(((), reading)) => self.dropping(call, reading),
        }
    }

    /// Makes a call that fails upstream.
    async fn failed(&self, call: &Call, fate: Fate) -> Result<(), Broken> {
        let Came::Failed { before, error, begun } = self.read(call).await? else {
            return self.broken(call, &ANSWERS, format!("answers a call that {}", met(fate)));
        };
        let CallError { kind, message, attempts, .. } = &error;
        let last = attempts.last().and_then(|attempt| attempt.error);
        let succeeded = before.iter().chain(attempts).any(|attempt| attempt.error.is_none());
        if last != Some(*kind) || succeeded || begun && attempts.len() != 1 || message.trim().is_empty() {
            return self.broken(
                call,
                &ATTEMPTS,
                format!("{} and failed ({kind}): {message:?}, with these attempts: {attempts:?}, after {before:?}", met(fate)),
            );
        }
        Ok(())
    }

    fn dropping<T>(&self, call: &Call, reading: T) -> Result<(), Broken> {
        tierfall_core::caught::caught(|| drop(reading))
            .or_else(|panicked| self.broken(call, &NO_PANIC, format!("{panicked} when it was dropped")))
    }

    async fn patiently<F: Future>(&self, call: &Call, what: &str, future: F) -> Result<F::Output, Broken> {
        match timeout(PATIENCE, future).await {
            Ok(output) => Ok(output),
            Err(_) => self.broken(call, &ANSWERS, format!("waited in vain for a call {what}")),
        }
    }

    /// Waits until nothing is under way upstream.
    async fn idle(&self, after: &str) -> Result<(), Broken> {
        match (timeout(PATIENCE, self.upstream.until_open(0)).await, self.calls.first()) {
            (Err(_), Some((call, _))) => self.broken(call, &CANCELS, format!("is still being answered upstream after {after}")),
            _ => Ok(()),
        }
    }

    /// Makes a call and reads its reply to the end, with an eye on everything.
    async fn read(&self, call: &Call) -> Result<Came, Broken> {
        let reading = AssertUnwindSafe(self.reading(call)).catch_unwind();
        match timeout(PATIENCE, reading).await {
            Ok(Ok(came)) => came,
            Ok(Err(panic)) => self.broken(call, &NO_PANIC, Panicked::from(panic).to_string()),
            Err(_) => self.broken(call, &ENDS, "waited in vain for the end of the answer"),
        }
    }

    async fn reading(&self, call: &Call) -> Result<Came, Broken> {
        let mut reply = match self.provider.call(call).await {
            Ok(reply) => reply,
            Err(error) => return Ok(Came::Failed { before: Vec::new(), error, begun: false }),
        };
        if let Some(attempt) = reply.failed.iter().find(|attempt| attempt.error.is_none()) {
            return self.broken(call, &ATTEMPTS, format!("an attempt among those that failed has no error: {attempt:?}"));
        }
        let (mut whole, mut pieces, mut finished, mut number) = (None, Completion::default(), false, 0);
        while let Some(chunk) = reply.chunks.next().await {
            number += 1;
            match chunk {
                Err(error) => {
                    if reply.chunks.next().await.is_some() {
                        return self.broken(call, &ENDS, format!("goes on after the error {error}"));
                    }
                    return Ok(Came::Failed { before: reply.failed, error, begun: true });
                }
                Ok(_) if number > ENDLESS => return self.broken(call, &ENDS, format!("has sent {number} pieces, and no end")),
                Ok(_) if whole.is_some() => return self.broken(call, &ONE_FORM, "something comes after the whole answer"),
                Ok(Chunk::Whole(_)) if number > 1 => return self.broken(call, &ONE_FORM, "a whole answer comes after pieces"),
                Ok(Chunk::Whole(answer)) => whole = Some((*answer).clone()),
                Ok(Chunk::Delta(delta)) => {
                    self.pieces.fetch_add(1, Ordering::SeqCst);
                    if finished && delta.says_something() {
                        return self.broken(
                            call,
                            &ENDS,
                            format!("goes on with {:?} after it said why the answer ended", delta.text),
                        );
                    }
                    finished |= delta.finish.is_some();
                    self.usage(call, delta.usage)?;
                    if let Err(error) = pieces.push(&delta) {
                        return self.broken(call, &ENDS, error.to_string());
                    }
                }
            }
        }
        let answer = match whole {
            Some(whole) => whole,
            None if finished => pieces,
            None if number == 0 => return self.broken(call, &ENDS, "the reply holds nothing"),
            None => return self.broken(call, &ENDS, "no piece says why the answer ended"),
        };
        self.usage(call, answer.usage)?;
        self.gives(call, &answer)?;
        Ok(Came::Answer(answer))
    }

    fn usage(&self, call: &Call, told: Option<Usage>) -> Result<(), Broken> {
        match told {
            Some(usage) if usage.plausible().is_none() => self.broken(call, &USAGE, format!("tells {usage:?}")),
            _ => Ok(()),
        }
    }

    fn gives(&self, call: &Call, answer: &Completion) -> Result<(), Broken> {
        // What nobody says is not checked.
        let Some(declared) = self.provider.declares(&call.model).gives else { return Ok(()) };
        let tokens = answer.tokens.as_ref();
        if declared.top_logprobs.is_none() && tokens.is_some() {
            return self.broken(call, &GIVES, "gives log-probabilities, and declares none");
        }
        let given = tokens.into_iter().flat_map(Tokens::iter).map(|token| token.alternatives().count()).max().unwrap_or(0);
        for (most, by) in [(declared.top_logprobs, "declared"), (call.logprobs, "asked for")] {
            if let Some(most) = most.filter(|most| given > usize::from(*most)) {
                return self.broken(call, &GIVES, format!("gives {given} alternatives a token where {most} are {by}"));
            }
        }
        let (further, asked) = (answer.samples.len(), usize::from(call.samples.get()) - 1);
        if further > asked {
            return self.broken(call, &GIVES, format!("gives {further} further samples where {asked} are asked for"));
        }
        Ok(())
    }
}

/// The call whole and streamed.
fn both(call: &Call) -> [Call; 2] {
    [false, true].map(|stream| Call { stream, ..call.clone() })
}

fn met(fate: Fate) -> &'static str {
    match fate {
        Fate::Answered => "was answered upstream",
        Fate::Silent => "was taken upstream without a word",
        Fate::Stalls => "stalled upstream",
        Fate::Fails => "failed upstream",
        Fate::Breaks => "broke off upstream",
    }
}
