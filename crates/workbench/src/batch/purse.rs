//! Spending that cannot exceed its limit: every call in flight holds a reservation of the most it can cost.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tierfall_core::cascade::Model;
use tierfall_core::completion::{Completion, Usage};
use tierfall_core::money::{Cost, Money};
use tierfall_core::provider::{Attempt, Billing, CallError};
use tierfall_core::request::{Call, Prompt};
use tierfall_core::run::Took;
use tokio::sync::Notify;

use super::Halt;
use crate::Error;

/// How a call ended, and the time that it took.
pub(crate) type Called = (Result<Arc<Completion>, CallError>, Took);

/// The money that all calls of one batch share.
#[derive(Debug)]
pub(crate) struct Purse {
    limit: Option<Money>,
    /// What there is to ask less of at once where a queue is full, in advice.
    fewer: &'static str,
    state: Mutex<State>,
    released: Notify,
}

#[derive(Debug, Default)]
struct State {
    spent: Money,
    reserved: Money,
}

impl Purse {
    pub(crate) fn new(limit: Option<Money>, fewer: &'static str) -> Self {
        Self { limit, fewer, state: Mutex::default(), released: Notify::new() }
    }

    /// A limit can be kept only where every call of these tiers has a most that it can cost.
    pub(crate) fn bounds<'m>(&self, models: impl Iterator<Item = (&'m Arc<str>, &'m Model)>) -> Result<(), Error> {
        for (tier, model) in models.filter(|_| self.limit.is_some()) {
            let missing = match (model.price, model.params.max_tokens.map(u64::from).or(model.context_window)) {
                (None, _) => "price",
                (_, None) => "max-tokens",
                _ => continue,
            };
            return Err(Error::refused(format!(
                "spending cannot be limited: tier \"{tier}\" has no {missing}; declare it, or record without a limit"
            )));
        }
        Ok(())
    }

    /// The most that one attempt at a call can cost; nothing where there is no limit that it could exceed, and `None` where
    /// there is one and the call has no bound.
    pub(crate) fn most(&self, model: &Model, call: &Call) -> Option<Money> {
        if self.limit.is_some() { most(model, call) } else { Some(Money::ZERO) }
    }

    /// Reserves money for a call of up to `attempts` attempts that cost `most` each, waiting while calls in flight hold
    /// what may come back.
    async fn reserve(&self, most: Money, attempts: u32) -> Result<Reservation<'_>, Halt> {
        let Some(limit) = self.limit else { return Ok(Reservation { purse: self, most: Money::ZERO, held: Money::ZERO }) };
        let held = Money::from_pico(most.pico().saturating_mul(attempts.max(1).into()));
        loop {
            // Made before looking, so that a release in between is not missed.
            let released = self.released.notified();
            {
                let mut state = self.lock();
                if state.spent + held > limit {
                    return Err(Halt::Spend { spent: state.spent, limit });
                }
                if state.spent + state.reserved + held <= limit {
                    state.reserved += held;
                    return Ok(Reservation { purse: self, most, held });
                }
            }
            released.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The sums are whole even if a panic elsewhere poisoned the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Money held for one call.
#[derive(Debug)]
struct Reservation<'p> {
    purse: &'p Purse,
    /// What one attempt can cost.
    most: Money,
    /// What all attempts together can cost.
    held: Money,
}

impl Reservation<'_> {
    /// Books what the call cost. A charge of unknown size counts as the most that an attempt can be, an estimated one as its own most.
    fn settle(self, cost: Cost) {
        self.purse.lock().spent += cost.reserving(self.most);
    }
}

impl Drop for Reservation<'_> {
    fn drop(&mut self) {
        {
            let mut state = self.purse.lock();
            state.reserved = Money::from_pico(state.reserved.pico().saturating_sub(self.held.pico()));
        }
        self.purse.released.notify_waiters();
    }
}

/// What is charged to one payer from a purse: everything, failures and retries included, call by call.
#[derive(Debug)]
pub(crate) struct Account {
    purse: Arc<Purse>,
    /// Calls begun and not settled: when the batch is cancelled, nobody knows what these cost.
    in_flight: AtomicU32,
    charged: Mutex<(Cost, Usage)>,
}

impl Account {
    pub(crate) fn new(purse: &Arc<Purse>) -> Self {
        Self { purse: purse.clone(), in_flight: AtomicU32::new(0), charged: Mutex::default() }
    }

    pub(crate) fn purse(&self) -> &Purse {
        &self.purse
    }

    /// Makes a call of up to `attempts` attempts that cost `most` each, within the limit, and adds what it cost to `cost`.
    pub(crate) async fn pay(
        &self,
        model: &Model,
        most: Money,
        attempts: u32,
        call: impl Future<Output = Called>,
        cost: &mut Cost,
    ) -> Result<Called, Halt> {
        let reserved = self.purse.reserve(most, attempts).await?;
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        let (result, took) = call.await;
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        let attempts = made(&result, &took);
        let charge: Cost = attempts.iter().map(|attempt| attempt.cost(model.price)).sum();
        reserved.settle(charge);
        *cost += charge;
        let usage =
            attempts.iter().filter_map(|attempt| attempt.billing.usage()).fold(Usage::default(), |sum, usage| sum + usage);
        let mut charged = self.charged.lock().unwrap_or_else(PoisonError::into_inner);
        *charged = (charged.0 + charge, charged.1 + usage);
        match result.as_ref().err().and_then(|error| Halt::after(error, self.purse.fewer)) {
            Some(halt) => Err(halt),
            None => Ok((result, took)),
        }
    }

    /// What all settled calls cost, and the tokens of those that told.
    pub(crate) fn charged(&self) -> (Cost, Usage) {
        *self.charged.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same with the calls that were cut off, whose charges nobody knows.
    pub(crate) fn total(&self) -> (Cost, Usage) {
        let (cost, usage) = self.charged();
        (cost + (0..self.in_flight.load(Ordering::Relaxed)).map(|_| Cost::UNKNOWN).sum(), usage)
    }
}

/// The most that one attempt at a call can cost: a token is at least a byte, and at most `max-tokens` (or the context
/// window) are generated. `None` where the price is unknown or nothing bounds the answer.
fn most(model: &Model, call: &Call) -> Option<Money> {
    /// Tokens of the chat template around a message, and around the conversation.
    const TEMPLATE: u64 = 32;
    let price = model.price?;
    let messages = call.messages();
    let text = serde_json::to_vec(&messages).map_or(0, |json| json.len() as u64);
    let declared = match &call.prompt {
        Prompt::Request { request, .. } => [&request.tools, &request.response_format],
        Prompt::Probe(_) => [&None, &None],
    };
    let declared: u64 = declared.into_iter().flatten().map(|json| json.get().len() as u64).sum();
    let input = text + declared + TEMPLATE * (messages.len() as u64 + 1);
    let output = call.params.most_tokens().or(model.context_window)?;
    // A provider that cannot sample several answers at once asks, and charges, as many times.
    let once = price.of_prompt().1.of(input);
    let once = once + price.output.of(output);
    Some((0..call.samples.get()).map(|_| once).sum())
}

/// Every attempt made.
fn made(result: &Result<Arc<Completion>, CallError>, took: &Took) -> Vec<Attempt> {
    let mut attempts = took.failed.clone();
    let last = |error, billing| Attempt::new(error, billing, took.latency).by(took.member.clone());
    match result {
        Ok(answer) => attempts.push(last(None, Billing::told(answer.usage))),
        Err(error) if error.attempts.is_empty() => attempts.push(last(Some(error.kind), Billing::Unknown)),
        Err(error) => attempts.extend(error.attempts.iter().cloned()),
    }
    attempts
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use futures_util::poll;

    #[tokio::test]
    async fn calls_in_flight_hold_what_they_may_cost() {
        let pico = Money::from_pico;
        let purse = Purse::new(Some(pico(10)), "less");
        let first = purse.reserve(pico(6), 1).await.unwrap();
        let second = purse.reserve(pico(5), 1);
        tokio::pin!(second);
        assert!(poll!(&mut second).is_pending(), "6 are held and may all be spent");
        first.settle(Cost::known(pico(4)));
        let second = second.await.unwrap();
        second.settle(Cost::UNKNOWN);
        // The unknown charge counts as 5: 1 is left.
        assert_eq!(purse.reserve(pico(2), 1).await.unwrap_err(), Halt::Spend { spent: pico(9), limit: pico(10) });
        drop(purse.reserve(pico(1), 1).await.unwrap());
        assert!(purse.reserve(pico(1), 1).await.is_ok(), "a call that was dropped unsettled holds nothing");
    }

    #[test]
    fn a_call_holds_enough_for_every_attempt() {
        let dollar = Money::from_pico(1_000_000_000_000);
        let purse = Purse::new(Some(dollar + dollar), "less");
        let refused = purse.reserve(dollar, 3).now_or_never().map(|reserved| reserved.is_err());
        assert_eq!(refused, Some(true), "three attempts could cost three dollars of two");
        let held = purse.reserve(dollar, 2).now_or_never().and_then(Result::ok).unwrap();
        // Both attempts in flight: the next call has to wait, and then finds nothing left.
        assert!(purse.reserve(dollar, 1).now_or_never().is_none());
        held.settle(Cost::UNKNOWN + Cost::UNKNOWN);
        assert!(purse.reserve(dollar, 1).now_or_never().unwrap().is_err());
    }
}
