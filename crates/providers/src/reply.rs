//! Whole answers from replies.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tierfall_core::completion::{Completion, Delta, TooManyToolCalls};
use tierfall_core::provider::{Attempt, Billing, CallError, CallErrorKind, Chunk, Reply};

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

/// Reads a reply to its end. A whole answer is passed on without a copy.
///
/// The attempts that failed before it come back beside the result; an error carries only its own. Where a provider told
/// none, that is one of `latency`, billed as far as the reply told; where there was nothing in the reply, it is truncated.
pub async fn collect(reply: Reply, latency: impl FnOnce() -> Duration) -> (Vec<Attempt>, Result<Arc<Completion>, CallError>) {
    match listen(reply, latency, &mut Completion::default()).await {
        (failed, Heard::Answer(answer)) => (failed, Ok(answer)),
        (failed, Heard::Broken(error)) => (failed, Err(error)),
        (_, Heard::Enough) => unreachable!("it hears everything"),
    }
}

/// Reads a reply as [`collect`] does, and gives its pieces to a listener as they come.
pub async fn listen(reply: Reply, latency: impl FnOnce() -> Duration, listener: &mut impl Listener) -> (Vec<Attempt>, Heard) {
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
    let usage = match (&broken, answer) {
        (None, Some(answer)) => return (failed, Heard::Answer(answer)),
        (_, partial) => partial.and_then(|partial| partial.usage),
    };
    let nothing = || CallError::new(CallErrorKind::Truncated, "the provider's reply ended before it began");
    let mut error = broken.unwrap_or_else(nothing);
    if error.attempts.is_empty() {
        // Something was generated, and only the provider knows how much.
        let billing = Billing::told(usage);
        error.attempts.push(Attempt::new(error.kind, billing, latency()).by(member));
    }
    (failed, Heard::Broken(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_calls::attempt;
    use futures_util::stream;
    use tierfall_core::completion::Usage;

    const TOOK: Duration = Duration::from_millis(40);

    async fn collected(chunks: Vec<Result<Chunk, CallError>>) -> (Vec<Attempt>, Result<Arc<Completion>, CallError>) {
        let failed = vec![attempt(CallErrorKind::Overloaded)];
        collect(Reply { failed, ..Reply::new(stream::iter(chunks).boxed()) }, || TOOK).await
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
    async fn an_error_that_tells_no_attempt_is_billed_as_far_as_known() {
        let broke = || Err(CallError::new(CallErrorKind::Timeout, "cut"));
        let usage = Usage { input: 3, output: 1, ..Usage::default() };
        for (told, billing) in [(None, Billing::Unknown), (Some(usage), Billing::Metered(usage))] {
            let (failed, result) = collected(vec![Ok(piece("he", told)), broke()]).await;
            let own = Attempt::new(CallErrorKind::Timeout, billing, TOOK);
            assert_eq!((failed.len(), result.unwrap_err().attempts), (1, vec![own]));
        }
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
        assert_eq!((error.kind, error.attempts[0].billing), (CallErrorKind::Truncated, Billing::Unknown));
    }
}
