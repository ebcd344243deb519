//! Several samples from providers that give one answer a call.

use std::num::NonZeroU8;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tierfall_core::completion::{Completion, Sample, Usage};
use tierfall_core::provider::{Attempt, Billing, CallError, CallErrorKind, Charges, Declares, Member, Provider, Reply};
use tierfall_core::request::Call;
use tokio::time::Instant;

use crate::reply::{collect, estimate};

/// A provider that makes as many calls to another one as there are samples to take, all at once.
///
/// The first answer that came through, in order of the calls, is the answer; the others are its samples. Where some
/// calls fail there are fewer samples; only where all fail does the whole call. Where one has no place in time, nor has the
/// whole call, and the others are dropped: how busy we are must not decide what a gate reads. What a dropped one
/// is charged for is estimated. A declared sampling seed is counted up, since equal seeds would give equal answers.
#[derive(Debug)]
pub struct FanOut<P> {
    inner: P,
}

impl<P: Provider> FanOut<P> {
    /// Fans out calls to `inner`.
    pub fn new(inner: P) -> Self {
        Self { inner }
    }

    async fn sample(&self, call: &Call) -> Result<Reply, CallError> {
        let calls: Vec<Call> = (0..call.samples.get()).map(|sample| single(call, sample)).collect();
        let began = Instant::now();
        let (asked, mut ended) = (&AtomicUsize::new(0), 0);
        let mut under_way: FuturesUnordered<_> = calls
            .iter()
            .enumerate()
            .map(|(place, call)| async move {
                asked.fetch_add(1, Ordering::Relaxed);
                (place, self.take(call, began).await)
            })
            .collect();
        // In order of the calls.
        let mut results: Vec<Option<(Taken, Duration)>> = calls.iter().map(|_| None).collect();
        while let Some((place, taken)) = under_way.next().await {
            let turned_away = taken.result.as_ref().is_err_and(no_place);
            results[place] = Some((taken, began.elapsed()));
            ended += 1;
            if turned_away {
                break;
            }
        }
        drop(under_way);
        let dropped = asked.load(Ordering::Relaxed) - ended;
        let mut failed: Vec<Attempt> = Vec::new();
        let (mut answers, mut errors) = (Vec::new(), Vec::new());
        let (mut longest, mut last) = (Duration::ZERO, Duration::ZERO);
        for (Taken { before, result, queued, member }, elapsed) in results.into_iter().flatten() {
            let wall = elapsed.saturating_sub(queued);
            longest = longest.max(wall);
            last = last.max(elapsed);
            let own = wall.saturating_sub(Attempt::time(&before));
            failed.extend(before);
            match result {
                Ok(answer) => answers.push(Answered { answer, latency: own, member }),
                Err(mut error) => {
                    failed.append(&mut error.attempts);
                    errors.push(error);
                }
            }
        }
        // The samples waited side by side: what the slowest of them did not take, waiting did.
        let queued = last.saturating_sub(longest);
        let wall = Some(longest);
        if let Some(at) = errors.iter().position(no_place) {
            let kind = errors[at].kind;
            let wasted = |Answered { answer, latency, member }: &Answered| {
                Attempt::new(kind, Billing::of(&calls[0], answer), *latency).by(member.clone())
            };
            failed.splice(0..0, answers.iter().map(wasted));
            let mut cut = [Attempt::new(CallErrorKind::Cancelled, Billing::Unknown, Duration::ZERO)];
            estimate(&self.inner, &calls[0], &mut cut);
            let [cut] = cut;
            failed.splice(0..0, std::iter::repeat_n(cut, dropped));
            return Err(CallError { queued, wall, ..errors.swap_remove(at) }.with_attempts(failed));
        }
        let recorded = answers.iter().map(|answered| answered.latency).max();
        match (merge(&answers), errors.into_iter().next()) {
            (Some((answer, member)), _) => Ok(Reply { failed, recorded, queued, wall, member, ..Reply::whole(answer) }),
            (None, Some(error)) => Err(CallError { queued, wall, ..error }.with_attempts(failed)),
            (None, None) => unreachable!("there is at least one sample, and it succeeded or failed"),
        }
    }

    async fn take(&self, call: &Call, began: Instant) -> Taken {
        match self.inner.call(call).await {
            Ok(mut reply) => {
                let (queued, member) = (reply.queued, reply.member.clone());
                let before = Attempt::time(&reply.failed).saturating_add(queued);
                estimate(&self.inner, call, &mut reply.failed);
                let (before, result) = collect(call, reply, || began.elapsed().saturating_sub(before)).await;
                Taken { before, result, queued, member }
            }
            Err(mut error) => {
                estimate(&self.inner, call, &mut error.attempts);
                Taken { before: Vec::new(), queued: error.queued, result: Err(error), member: None }
            }
        }
    }
}

/// Whether a call was not made for want of a place. Only a queue says of a call that the request's deadline passed.
fn no_place(error: &CallError) -> bool {
    matches!(error.kind, CallErrorKind::QueueFull | CallErrorKind::Deadline)
}

/// One sample.
struct Taken {
    /// The attempts that failed before it.
    before: Vec<Attempt>,
    result: Result<Arc<Completion>, CallError>,
    queued: Duration,
    member: Option<Member>,
}

/// One sample that came through.
struct Answered {
    answer: Arc<Completion>,
    latency: Duration,
    member: Option<Member>,
}

fn single(call: &Call, sample: u8) -> Call {
    let mut call = Call { samples: NonZeroU8::MIN, stream: false, ..call.clone() };
    call.params.seed = call.params.seed.map(|seed| seed.wrapping_add(i64::from(sample)));
    call
}

fn merge(answers: &[Answered]) -> Option<(Completion, Option<Member>)> {
    let (first, rest) = answers.split_first()?;
    let nobody = || Member { name: "the others".into(), charges: Charges::AsTheTier };
    let told = answers.iter().any(|one| one.member.is_some());
    let members: Vec<Member> = answers.iter().filter(|_| told).map(|one| one.member.clone().unwrap_or_else(nobody)).collect();
    let member = Member::one_of(&members);
    let usage = answers.iter().map(|one| one.answer.usage).try_fold(Usage::default(), |sum, one| Some(sum + one?));
    // Tokens that several charge for at prices of their own have no price together.
    let usage = usage.filter(|_| member.as_ref().is_none_or(|member| member.charges != Charges::Unknown));
    let samples = rest.iter().map(|one| Sample { text: one.answer.text.clone(), finish: one.answer.finish.clone() });
    // The body of one call is not the body of them all.
    Some((Completion { usage, samples: samples.collect(), raw: None, ..Completion::clone(&first.answer) }, member))
}

impl<P: Provider> Provider for FanOut<P> {
    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Reply, CallError>> {
        if call.samples == NonZeroU8::MIN { self.inner.call(call) } else { self.sample(call).boxed() }
    }

    fn declares(&self, model: &str) -> Declares {
        self.inner.declares(model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_calls::call;
    use tierfall_core::money::Price;
    use tierfall_testkit::{Scripted, sample};

    fn sampling(samples: u8) -> Call {
        let mut call = call("q");
        call.samples = NonZeroU8::new(samples).unwrap();
        call
    }

    fn text(text: &str) -> Arc<Completion> {
        Arc::new(sample::scored(&[(text, -0.1)]))
    }

    fn down() -> Result<Arc<Completion>, CallError> {
        let attempt = crate::test_calls::attempt(CallErrorKind::Overloaded);
        Err(CallError::new(CallErrorKind::Overloaded, "down").with_attempts(vec![attempt]))
    }

    #[tokio::test]
    async fn the_first_is_the_answer_and_usage_adds_up() {
        let provider = FanOut::new(Scripted::new().then([Ok(text("a")), Ok(text("b")), Ok(text("a"))]));
        let mut call = sampling(3);
        call.params.seed = Some(5);
        call.stream = true;
        let (failed, answer) = collect(&call, provider.call(&call).await.unwrap(), || Duration::ZERO).await;
        let answer = answer.unwrap();
        assert_eq!((answer.text.as_str(), answer.samples.len(), failed.len()), ("a", 2, 0));
        assert_eq!(answer.samples[0].text, "b");
        assert_eq!(answer.usage.unwrap(), Usage { input: 30, output: 3, ..Usage::default() });
        let asked = provider.inner.calls();
        assert!(asked.iter().all(|call| call.samples.get() == 1 && !call.stream));
        assert_eq!(asked.iter().map(|call| call.params.seed).collect::<Vec<_>>(), [Some(5), Some(6), Some(7)]);
    }

    #[tokio::test]
    async fn a_failed_sample_is_missing_and_told() {
        let provider = FanOut::new(Scripted::new().then([down(), Ok(text("b")), Ok(text("c"))]));
        let (failed, answer) = collect(&sampling(3), provider.call(&sampling(3)).await.unwrap(), || Duration::ZERO).await;
        let answer = answer.unwrap();
        assert_eq!((answer.text.as_str(), answer.samples.len(), failed.len()), ("b", 1, 1));
    }

    #[tokio::test]
    async fn a_sample_that_broke_may_have_cost_what_one_call_does() {
        let unknown = Attempt::new(CallErrorKind::Timeout, Billing::Unknown, Duration::ZERO);
        let broke = Err(CallError::new(CallErrorKind::Timeout, "late").with_attempts(vec![unknown]));
        let provider = FanOut::new(Scripted::new().then([broke, Ok(text("b")), Ok(text("c"))]));
        let mut call = sampling(3);
        call.params.max_tokens = Some(50);
        let reply = provider.call(&call).await.unwrap();
        let Billing::Estimated(estimate) = reply.failed[0].billing else { panic!("{:?}", reply.failed) };
        assert_eq!(estimate.output.most, Some(50));
    }

    /// Fails the calls for the first samples, a given time later; answers the others.
    struct Later(&'static [(u64, bool)]);

    impl Provider for Later {
        fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Reply, CallError>> {
            let (after, fails) = self.0[usize::try_from(call.params.seed.unwrap()).unwrap()];
            async move {
                let latency = Duration::from_millis(after);
                tokio::time::sleep(latency).await;
                let down = Attempt::new(CallErrorKind::Overloaded, Billing::Free, latency);
                let down = CallError::new(CallErrorKind::Overloaded, "down").with_attempts(vec![down]);
                if fails { Err(down) } else { Ok(Reply::whole(text("yes"))) }
            }
            .boxed()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn parallel_samples_take_their_time_once() {
        let mut call = sampling(3);
        call.params.seed = Some(0);
        let reply = FanOut::new(Later(&[(600, true), (600, true), (700, false)])).call(&call).await.unwrap();
        let near = |time: Option<Duration>, ms| time.unwrap().abs_diff(Duration::from_millis(ms)) < Duration::from_millis(5);
        assert!(near(reply.wall, 700) && near(reply.recorded, 700), "{:?} {:?}", reply.wall, reply.recorded);
        assert_eq!(reply.failed.len(), 2, "every attempt is told");
        let error = FanOut::new(Later(&[(600, true), (500, true), (400, true)])).call(&call).await.err().unwrap();
        assert!(near(error.wall, 600) && error.attempts.len() == 3, "{:?}", error.wall);
    }

    #[tokio::test]
    async fn all_failed_is_a_failed_call_with_every_attempt() {
        let provider = FanOut::new(Scripted::new().then([down(), down()]));
        let error = provider.call(&sampling(2)).await.err().unwrap();
        assert_eq!((error.kind, error.attempts.len()), (CallErrorKind::Overloaded, 2));
    }

    /// Answers as the member of the sample's number, over and over.
    struct Members(usize, AtomicUsize);

    impl Provider for Members {
        fn call<'a>(&'a self, _: &'a Call) -> BoxFuture<'a, Result<Reply, CallError>> {
            let name: Arc<str> = (self.1.fetch_add(1, Ordering::Relaxed) % self.0).to_string().into();
            let charges = Charges::Own(Price::per_million(&name, "1").unwrap());
            let member = Some(Member { name, charges });
            std::future::ready(Ok(Reply { member, ..Reply::whole(text("yes")) })).boxed()
        }
    }

    #[tokio::test]
    async fn samples_of_several_members_have_no_price_together() {
        for (members, is_one) in [(1, true), (2, false)] {
            let reply = FanOut::new(Members(members, AtomicUsize::new(0))).call(&sampling(2)).await.unwrap();
            assert_eq!(reply.member.as_ref().unwrap().charges != Charges::Unknown, is_one, "{:?}", reply.member);
            let (_, answer) = collect(&sampling(2), reply, || Duration::ZERO).await;
            assert_eq!(answer.unwrap().usage.is_some(), is_one);
        }
    }

    #[tokio::test]
    async fn a_sum_with_an_unknown_part_is_unknown() {
        let provider = FanOut::new(Scripted::new().then([Ok(text("a")), Ok(Arc::new(Completion::text("b")))]));
        let (_, answer) = collect(&sampling(2), provider.call(&sampling(2)).await.unwrap(), || Duration::ZERO).await;
        assert_eq!(answer.unwrap().usage, None);
    }
}
