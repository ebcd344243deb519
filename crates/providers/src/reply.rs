//! Whole answers from replies.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tierfall_core::completion::{Completion, Delta, TooManyToolCalls};
use tierfall_core::provider::{Attempt, Billing, CallError, CallErrorKind, Chunk, Member, Provider, Reply};
use tierfall_core::request::Call;

/// Listens to an answer that comes in pieces, and puts it together.
pub trait Listener: Send {
    /// Takes the next piece. `Ok(false)`: no more is wanted.
    fn hear(&mut self, delta: Delta) -> impl Future<Output = Result<bool, TooManyToolCalls>> + Send;

    /// What was put together of the pieces so far, and is not needed any more.
    fn take(&mut self) -> Completion;
}

/// Listens to no piece by itself.
impl Listener for Completion {
    async fn hear(&mut self, delta: Delta) -> Result<bool, TooManyToolCalls> {
        self.push(&delta).map(|()| true)
    }

    fn take(&mut self) -> Completion {
        std::mem::take(self)
    }
}

/// How reading a reply ended.
#[derive(Debug)]
pub enum Heard {
    /// With the whole answer.
    Answer(Arc<Completion>),
    /// With an error.
    Broken(CallError),
    /// The listener wanted no more of it.
    Enough,
}

/// Reads the reply to a call to its end. A whole answer is passed on without a copy.
///
/// The attempts that failed before it come back beside the result; an error carries only its own. Where a provider told
/// none, that is one of `latency`; what it cost is [estimated](Attempt::estimate) by what had arrived, unless the provider told that. Where
/// there was nothing in the reply, it is truncated.
pub async fn collect(
    call: &Call,
    reply: Reply,
    latency: impl FnOnce() -> Duration,
) -> (Vec<Attempt>, Result<Arc<Completion>, CallError>) {
    match listen(call, reply, latency, &mut Completion::default()).await {
        (failed, Heard::Answer(answer)) => (failed, Ok(answer)),
        (failed, Heard::Broken(error)) => (failed, Err(error)),
        (_, Heard::Enough) => unreachable!("it hears everything"),
    }
}

/// Reads a reply as [`collect`] does, and gives its pieces to a listener as they come.
pub async fn listen(
    call: &Call,
    reply: Reply,
    latency: impl FnOnce() -> Duration,
    listener: &mut impl Listener,
) -> (Vec<Attempt>, Heard) {
    let Reply { failed, member, mut chunks, .. } = reply;
    let (mut whole, mut pieces): (Option<Arc<Completion>>, bool) = (None, false);
    let broken = loop {
        match chunks.next().await {
            Some(Ok(Chunk::Whole(answer))) => whole = Some(answer),
            Some(Ok(Chunk::Delta(delta))) => {
                pieces = true;
                match listener.hear(delta).await {
                    Ok(true) => {}
                    Ok(false) => return (failed, Heard::Enough),
                    Err(why) => break Some(CallError::new(CallErrorKind::Malformed, why.to_string())),
                }
            }
            Some(Err(error)) => break Some(error),
            None => break None,
        }
    };
    let answer = whole.or_else(|| pieces.then(|| Arc::new(listener.take())));
    let arrived = match (&broken, answer) {
        (None, Some(answer)) => return (failed, Heard::Answer(answer)),
        (_, arrived) => arrived,
    };
    let nothing = || CallError::new(CallErrorKind::Truncated, "the provider's reply ended before it began");
    let mut error = broken.unwrap_or_else(nothing);
    if error.attempts.is_empty() {
        error.attempts.push(Attempt::new(error.kind, Billing::Unknown, latency()));
    }
    // Usage that was told on the way is the least: such counts grow.
    error.attempts.iter_mut().for_each(|attempt| attempt.estimate(call, member.as_ref(), arrived.as_deref()));
    (failed, Heard::Broken(error))
}

/// [Estimates](Attempt::estimate) what attempts cost that a provider made, and before which there was no reply.
pub fn estimate(provider: &(impl Provider + ?Sized), call: &Call, attempts: &mut [Attempt]) {
    if !attempts.is_empty() {
        let member = Member::one_of(&provider.declares(&call.model).members);
        for attempt in attempts {
            attempt.estimate(call, member.as_ref(), None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_calls::{attempt, call};
    use futures_util::stream;
    use tierfall_core::completion::Usage;
    use tierfall_core::estimate::Count;
    use tierfall_core::provider::Charges;

    const TOOK: Duration = Duration::from_millis(40);

    async fn collected(chunks: Vec<Result<Chunk, CallError>>) -> (Vec<Attempt>, Result<Arc<Completion>, CallError>) {
        let failed = vec![attempt(CallErrorKind::Overloaded)];
        collect(&call("q"), Reply { failed, ..Reply::new(stream::iter(chunks).boxed()) }, || TOOK).await
    }

    fn piece(text: &str, usage: Option<Usage>) -> Chunk {
        Chunk::Delta(Delta { text: text.to_owned(), usage, ..Delta::default() })
    }

    #[tokio::test]
    async fn a_whole_answer_is_not_copied() {
        let answer = Arc::new(Completion::text("hello"));
        let (failed, result) = collected(vec![Ok(Chunk::Whole(answer.clone()))]).await;
        assert!(Arc::ptr_eq(&result.unwrap(), &answer));
        assert_eq!(failed.len(), 1);
    }

    #[tokio::test]
    async fn pieces_are_joined() {
        let (_, result) = collected(vec![Ok(piece("hel", None)), Ok(piece("lo", None))]).await;
        assert_eq!(result.unwrap().text, "hello");
    }

    #[tokio::test]
    async fn what_was_told_on_the_way_is_the_least_that_a_broken_reply_cost() {
        let unknown = Attempt::new(CallErrorKind::Timeout, Billing::Unknown, TOOK);
        let usage = Usage { input: 3, output: 2, ..Usage::default() };
        for (told, input, output) in [(None, 0, 1), (Some(usage), 3, 2)] {
            for attempts in [vec![], vec![unknown.clone()]] {
                let broke = CallError::new(CallErrorKind::Timeout, "cut").with_attempts(attempts);
                let (failed, result) = collected(vec![Ok(piece("he", told)), Err(broke)]).await;
                let own = result.unwrap_err().attempts.pop().unwrap();
                let Billing::Estimated(estimate) = own.billing else { panic!("{own:?}") };
                assert_eq!((failed.len(), own.error, own.latency), (1, Some(CallErrorKind::Timeout), TOOK));
                assert_eq!(
                    (estimate.input.least, estimate.output),
                    (input, Count { least: output, likeliest: output, most: None })
                );
            }
        }
    }

    #[tokio::test]
    async fn a_reply_that_broke_was_its_members() {
        let member = Some(Member { name: "dear".into(), charges: Charges::AsTheTier });
        let own = attempt(CallErrorKind::Truncated);
        let broke = CallError::new(CallErrorKind::Truncated, "cut").with_attempts(vec![own]);
        let reply = Reply { member: member.clone(), ..Reply::new(stream::iter([Ok(piece("he", None)), Err(broke)]).boxed()) };
        assert_eq!(collect(&call("q"), reply, || TOOK).await.1.unwrap_err().attempts[0].member, member);
    }

    #[tokio::test]
    async fn an_error_that_tells_its_attempt_keeps_it() {
        let own = attempt(CallErrorKind::Truncated);
        let error = CallError::new(CallErrorKind::Truncated, "cut").with_attempts(vec![own.clone()]);
        let (failed, result) = collected(vec![Ok(piece("he", None)), Err(error)]).await;
        assert_eq!((failed.len(), result.unwrap_err().attempts), (1, vec![own]));
    }

    #[tokio::test]
    async fn an_empty_reply_is_no_answer() {
        let error = collected(Vec::new()).await.1.unwrap_err();
        assert_eq!(error.kind, CallErrorKind::Truncated);
        assert!(matches!(error.attempts[0].billing, Billing::Estimated(_)), "{error:?}");
    }
}
