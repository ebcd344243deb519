//! Who answers: one method, so that everything composes. A whole answer is a reply of one chunk.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use futures_core::future::BoxFuture;

use crate::completion::{Completion, Delta, Usage};
use crate::estimate::Estimate;
use crate::money::{Cost, Price};
use crate::request::Call;
pub use crate::upstream::Upstream;

/// Answers calls.
///
/// Dropping the future or the reply cancels the upstream call. A provider reports every attempt that it made, the
/// failed ones in [`Reply::failed`] or [`CallError::attempts`], so that nothing is missing from the ledger. It does not panic.
///
/// The testkit's `conformance::provider` tries all that is promised here.
pub trait Provider: Send + Sync {
    /// Makes one call. Many are made at once; each gets its own answer.
    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Reply, CallError>>;

    /// What it says of itself when it is asked for answers of `model`; nothing by default, and what nobody says is not checked.
    fn declares(&self, _model: &str) -> Declares {
        Declares::default()
    }
}

macro_rules! pass_on {
    ($($of:ty),+) => {
        $(
            impl<P: Provider + ?Sized> Provider for $of {
                fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Reply, CallError>> {
                    (**self).call(call)
                }

                fn declares(&self, model: &str) -> Declares {
                    (**self).declares(model)
                }
            }
        )+
    };
}

pass_on!(Box<P>, Arc<P>);

/// What a provider says of itself: gates that it cannot feed, and fits that were made with another one, are refused before any call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Declares {
    /// Its name in cascade files, recordings and fits.
    pub name: Option<Arc<str>>,
    /// Its kind there: the dialect that it speaks, say.
    pub kind: Option<Arc<str>>,
    /// What it can give a signal.
    pub gives: Option<Gives>,
    /// Those behind it of whom one answers, where there are several: a call that is cut off before it is known who was asked is charged
    /// by [one of them](Member::one_of). Who was asked in vain should be in the [attempt](Attempt::member).
    pub members: Vec<Member>,
}

impl Declares {
    /// A provider of this name and kind, which gives this.
    pub fn new(name: impl Into<Arc<str>>, kind: impl Into<Arc<str>>, gives: Gives) -> Self {
        Self { name: Some(name.into()), kind: Some(kind.into()), gives: Some(gives), ..Self::default() }
    }

    /// What it can give alone: for a provider without a name.
    pub fn giving(gives: Gives) -> Self {
        Self { gives: Some(gives), ..Self::default() }
    }
}

/// What can be given to a signal, at most: a call gets no more than this, nor than it asks for. A gate that needs more is a
/// configuration error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gives {
    /// Alternatives a token, at most; `None` = no log-probabilities at all.
    pub top_logprobs: Option<u8>,
    /// Several samples in one call (`n`); without it the provider fans out.
    pub samples: bool,
}

/// A provider from a function: it answers each call with a text or a whole [`Completion`], or says why it cannot.
///
/// ```
/// use tierfall_core::provider::provider_fn;
///
/// let echo = provider_fn(|call| async move { Ok(call.messages().len().to_string()) });
/// ```
pub fn provider_fn<F, A, C>(answer: F) -> impl Provider
where
    F: Fn(Call) -> A + Send + Sync,
    A: Future<Output = Result<C, CallError>> + Send + 'static,
    C: Into<Completion>,
{
    Answering(answer)
}

struct Answering<F>(F);

impl<F, A, C> Provider for Answering<F>
where
    F: Fn(Call) -> A + Send + Sync,
    A: Future<Output = Result<C, CallError>> + Send + 'static,
    C: Into<Completion>,
{
    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Reply, CallError>> {
        let answer = (self.0)(call.clone());
        Box::pin(async move { Ok(Reply::whole(answer.await?.into())) })
    }
}

/// The pieces of an answer as they arrive.
pub type Chunks = Pin<Box<dyn Stream<Item = Result<Chunk, CallError>> + Send>>;

/// An answer under way.
pub struct Reply {
    /// Attempts that failed before this one.
    pub failed: Vec<Attempt>,
    /// How long the attempt took that gave the answer, where that is known from elsewhere (a recording, say); `None` = the
    /// driver's clock says.
    pub recorded: Option<Duration>,
    /// How long the call, with all its attempts, waited for a place at the provider. No attempt's latency includes it.
    pub queued: Duration,
    /// How long the call took with all its attempts, without the wait, where some of them ran side by side. `None` = one after
    /// the other: their latencies add up.
    pub wall: Option<Duration>,
    /// Who made the attempt that gave the answer.
    pub member: Option<Member>,
    /// What the server said around the answer, where there is one.
    pub upstream: Option<Box<Upstream>>,
    /// The answer: one [`Chunk::Whole`] and nothing else, or pieces, one of which says why it ended. Nothing comes after an error.
    pub chunks: Chunks,
}

impl Reply {
    /// An answer at the first attempt, which had not to wait.
    pub fn new(chunks: Chunks) -> Self {
        Self { failed: Vec::new(), recorded: None, queued: Duration::ZERO, wall: None, member: None, upstream: None, chunks }
    }

    /// An answer that comes whole, at the first attempt.
    pub fn whole(answer: impl Into<Arc<Completion>>) -> Self {
        Self::new(Box::pin(Once(Some(answer.into()))))
    }
}

/// One chunk, which is everything.
struct Once(Option<Arc<Completion>>);

impl Stream for Once {
    type Item = Result<Chunk, CallError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Poll::Ready(self.0.take().map(|answer| Ok(Chunk::Whole(answer))))
    }
}

/// One piece of an answer.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "one a stream event, moved once")]
pub enum Chunk {
    /// The whole answer at once; shared, so that a replay copies nothing.
    Whole(Arc<Completion>),
    /// A piece of a streamed answer.
    Delta(Delta),
}

/// What one attempt cost, before prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Billing {
    /// The provider never began to generate: nothing is charged.
    Free,
    /// The provider told the usage.
    Metered(Usage),
    /// The provider did not tell, and it was cut off, or may have cost so much at most: by what was sent and what had arrived.
    Estimated(Estimate),
    /// Something may have been generated, but nobody told how much: the cost is unknown, not zero.
    Unknown,
}

impl Billing {
    /// What a call costs that told this usage: unknown where it told none, or one that [no call has](Usage::plausible).
    pub fn told(usage: Option<Usage>) -> Self {
        usage.and_then(Usage::plausible).map_or(Self::Unknown, Self::Metered)
    }

    /// What a call costs that came to this answer: as the answer tells; where it does not, by what was sent and what it says, if
    /// there is a most; else unknown.
    pub fn of(call: &Call, answer: &Completion) -> Self {
        match Self::told(answer.metered()) {
            Self::Unknown => {
                Some(Estimate::of(call, Some(answer))).filter(Estimate::is_bounded).map_or(Self::Unknown, Self::Estimated)
            }
            told => told,
        }
    }

    /// The usage told, if it can be one.
    pub fn usage(self) -> Option<Usage> {
        match self {
            Self::Metered(usage) => usage.plausible(),
            Self::Free | Self::Estimated(_) | Self::Unknown => None,
        }
    }

    /// The charge at a price; unknown where there is no price, or no usage that can be one.
    pub fn cost(self, price: Option<Price>) -> Cost {
        match self {
            Self::Free => Cost::ZERO,
            Self::Estimated(estimate) => price.map_or(Cost::UNKNOWN, |price| estimate.cost(price)),
            Self::Metered(_) | Self::Unknown => price.zip(self.usage()).map(|(price, usage)| price.of(usage)).into(),
        }
    }
}

/// Who of several behind one tier answers: a deployment, say, or a member of a panel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name, as traces tell it.
    pub name: Arc<str>,
    /// What it charges.
    pub charges: Charges,
}

impl Member {
    /// One of these, of whom nobody knows which, or all of them: the charge is known where they all charge the same. `None` where
    /// there are none.
    pub fn one_of(members: &[Self]) -> Option<Self> {
        let (first, rest) = members.split_first()?;
        if rest.iter().all(|member| member == first) {
            return Some(first.clone());
        }
        let alike = rest.iter().all(|member| member.charges == first.charges);
        let mut names: Vec<&str> = members.iter().map(|member| &*member.name).collect();
        names.sort_unstable();
        names.dedup();
        Some(Self { name: names.join(", ").into(), charges: if alike { first.charges } else { Charges::Unknown } })
    }
}

/// What somebody behind a tier charges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Charges {
    /// The tier's price.
    #[default]
    AsTheTier,
    /// A price of its own.
    Own(Price),
    /// It is not known who of several it is, or several answered, at prices of their own.
    Unknown,
}

/// One attempt at a call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Attempt {
    /// Why it failed; `None` for the one that succeeded.
    pub error: Option<CallErrorKind>,
    /// What it cost.
    pub billing: Billing,
    /// How long it took, with the pauses that it caused: the latencies of a call's attempts add up to the call's, unless some ran
    /// side by side.
    pub latency: Duration,
    /// Who made it; `None` where the tier has one provider alone.
    pub member: Option<Member>,
}

impl Attempt {
    /// An attempt of a tier's only provider; `error` is `None` for one that succeeded.
    pub fn new(error: impl Into<Option<CallErrorKind>>, billing: Billing, latency: Duration) -> Self {
        Self { error: error.into(), billing, latency, member: None }
    }

    /// The attempt as one of this member's.
    #[must_use]
    pub fn by(mut self, member: Option<Member>) -> Self {
        self.member = member;
        self
    }

    /// The charge, at the member's own price where it has one, else at the tier's.
    pub fn cost(&self, tier: Option<Price>) -> Cost {
        self.billing.cost(self.price(tier))
    }

    /// That price; `None` where nobody knows it.
    pub(crate) fn price(&self, tier: Option<Price>) -> Option<Price> {
        match self.member.as_ref().map(|member| member.charges).unwrap_or_default() {
            Charges::AsTheTier => tier,
            Charges::Own(price) => Some(price),
            Charges::Unknown => None,
        }
    }

    /// Makes what an attempt cost that broke, and whose provider told neither that nor who made it, an estimate: by the call and what
    /// had arrived. What a provider had paid for that panicked stays unknown: it may have been several attempts.
    pub fn estimate(&mut self, call: &Call, member: Option<&Member>, arrived: Option<&Completion>) {
        if self.member.is_none() {
            self.member = member.cloned();
        }
        if self.billing == Billing::Unknown && self.error != Some(CallErrorKind::Panicked) {
            self.billing = Billing::Estimated(Estimate::of(call, arrived));
        }
    }

    /// How long attempts took together.
    pub fn time(attempts: &[Self]) -> Duration {
        attempts.iter().fold(Duration::ZERO, |sum, attempt| sum.saturating_add(attempt.latency))
    }
}

/// What a call took, beside its result.
#[derive(Clone, Debug, Default)]
pub struct Took {
    /// The time of the successful attempt; failed ones carry their own.
    pub latency: Duration,
    /// How long the call waited for a place at its provider, all attempts together: no latency, but the deadline counts it.
    pub queued: Duration,
    /// How long the call took with all its attempts, as in [`Reply::wall`].
    pub wall: Option<Duration>,
    /// Attempts that failed before the successful one.
    pub failed: Vec<Attempt>,
    /// Who made the successful one.
    pub member: Option<Member>,
    /// What the server said around the answer of the successful one; what it said around a failure is in the [error](CallError).
    pub upstream: Option<Box<Upstream>>,
}

impl Took {
    /// How long the call took with all its attempts, without the wait.
    pub fn time(&self) -> Duration {
        self.wall.unwrap_or_else(|| Attempt::time(&self.failed).saturating_add(self.latency))
    }
}

crate::words! {
    /// What went wrong with a call, by what a cascade can do about it.
    #[non_exhaustive]
    pub enum CallErrorKind {
        /// 401, 403, or no key: retrying cannot help.
        Auth = "auth",
        /// The caller went away.
        Cancelled = "cancelled",
        /// The provider has failed so often in a row that it is left alone for a while: the call was not made.
        CircuitOpen = "circuit-open",
        /// No connection.
        Connect = "connect",
        /// The provider refused the prompt.
        ContentFilter = "content-filter",
        /// The prompt is longer than the model's context.
        ContextLength = "context-length",
        /// The request's deadline passed.
        Deadline = "deadline",
        /// 400, 422: this request will never work here.
        InvalidRequest = "invalid-request",
        /// The reply could not be read.
        Malformed = "malformed",
        /// 404: the model, or the address, is not there.
        NotFound = "not-found",
        /// A replay has no recording for this call.
        NotRecorded = "not-recorded",
        /// Code that was called panicked: a provider, or a rule.
        Panicked = "panicked",
        /// 5xx.
        Overloaded = "overloaded",
        /// Our own queue before the provider is full, or the wait in it too long: the call was not made. A better tier would
        /// only be flooded in turn, so the run ends.
        QueueFull = "queue-full",
        /// 429.
        RateLimited = "rate-limited",
        /// Connect, idle or total time ran out.
        Timeout = "timeout",
        /// The reply exceeded the size limit.
        TooLarge = "too-large",
        /// The stream ended before the answer did.
        Truncated = "truncated",
    }
}

impl CallErrorKind {
    /// What the provider does, in words, where every call to the tier will fail like this one until somebody mends what is
    /// configured; `None` where the next call may fare better.
    pub fn lasting(self) -> Option<&'static str> {
        match self {
            Self::Auth => Some("refuses access"),
            Self::NotFound => Some("does not know the model"),
            _ => None,
        }
    }

    /// Whether the same call may succeed a little later.
    pub fn is_transient(self) -> bool {
        matches!(self, Self::Connect | Self::Overloaded | Self::RateLimited | Self::Timeout | Self::Truncated)
    }
}

/// A failed call.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct CallError {
    /// What went wrong.
    pub kind: CallErrorKind,
    /// What happened, for people; holds no key and no URL with a query. A provider's own words in it may quote the prompt.
    pub message: String,
    /// When the provider says to come back.
    pub retry_after: Option<Duration>,
    /// How long the call waited for a place, as in [`Reply::queued`].
    pub queued: Duration,
    /// How long it took with all its attempts, as in [`Reply::wall`].
    pub wall: Option<Duration>,
    /// What the server said, where the last attempt came as far as a reply.
    pub upstream: Option<Box<Upstream>>,
    /// Every attempt made, this one last. An error from the pieces of a reply carries only the attempt that broke; those
    /// before it are in [`Reply::failed`].
    pub attempts: Vec<Attempt>,
}

impl CallError {
    /// An error without attempts or a hint when to retry.
    pub fn new(kind: CallErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            retry_after: None,
            queued: Duration::ZERO,
            wall: None,
            upstream: None,
            attempts: Vec::new(),
        }
    }

    /// Adds the attempts made.
    #[must_use]
    pub fn with_attempts(mut self, attempts: Vec<Attempt>) -> Self {
        self.attempts = attempts;
        self
    }
}

#[cfg(test)]
fn _object_safe(_: Box<dyn Provider>) {}
