//! A provider that keeps books of its own, beside the engine's ledger.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::{FutureExt, StreamExt};
use tierfall_core::completion::Usage;
use tierfall_core::provider::{Attempt, Billing, CallError, Chunk, Provider, Reply};
use tierfall_core::request::Call;

/// What was asked of providers, and what that cost at prices given in pico-dollars a token.
#[derive(Default)]
pub(crate) struct Books {
    /// Calls begun.
    pub(crate) calls: AtomicUsize,
    /// Calls begun and neither answered, failed nor dropped.
    pub(crate) in_flight: AtomicUsize,
    /// Calls dropped before their end.
    pub(crate) dropped: AtomicUsize,
    sums: Mutex<Sums>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    /// In pico-dollars.
    pub(crate) known: u128,
    /// Charges that nobody knows.
    pub(crate) unknown: u64,
}

impl Books {
    pub(crate) fn sums(&self) -> Sums {
        *self.sums.lock().unwrap()
    }

    fn book(&self, billing: Billing, price: (u128, u128)) {
        let mut sums = self.sums.lock().unwrap();
        match billing {
            Billing::Free => {}
            Billing::Metered(usage) => sums.known += cost(usage, price),
            // Here a provider charges what it tells, or nobody knows.
            Billing::Estimated(_) | Billing::Unknown => sums.unknown += 1,
        }
    }
}

fn cost(usage: Usage, (input, output): (u128, u128)) -> u128 {
    u128::from(usage.input) * input + u128::from(usage.output) * output
}

/// Books every call to `inner`.
pub(crate) struct Counting {
    pub(crate) inner: Arc<dyn Provider>,
    pub(crate) books: Arc<Books>,
    /// Pico-dollars for a token in and out.
    pub(crate) price: (u128, u128),
}

/// A call that is dropped while this lives.
struct InFlight {
    books: Arc<Books>,
    over: bool,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.books.in_flight.fetch_sub(1, Ordering::SeqCst);
        if !self.over {
            self.books.dropped.fetch_add(1, Ordering::SeqCst);
        }
    }
}

impl Provider for Counting {
    fn call<'a>(&'a self, call: &'a Call) -> futures_util::future::BoxFuture<'a, Result<Reply, CallError>> {
        async move {
            let (books, price) = (&self.books, self.price);
            books.calls.fetch_add(1, Ordering::SeqCst);
            books.in_flight.fetch_add(1, Ordering::SeqCst);
            let mut flight = InFlight { books: books.clone(), over: false };
            let book = move |attempt: &Attempt, books: &Books| books.book(attempt.billing, price);
            match self.inner.call(call).await {
                Err(error) => {
                    flight.over = true;
                    for attempt in &error.attempts {
                        book(attempt, books);
                    }
                    Err(error)
                }
                Ok(Reply { failed, recorded, queued, wall, member, upstream, chunks }) => {
                    for attempt in &failed {
                        book(attempt, books);
                    }
                    let chunks = chunks.inspect(move |chunk| match chunk {
                        Ok(Chunk::Whole(answer)) => {
                            flight.over = true;
                            flight.books.book(Billing::told(answer.usage), price);
                        }
                        Ok(Chunk::Delta(delta)) => {
                            if let Some(usage) = delta.usage {
                                flight.over = true;
                                flight.books.book(Billing::Metered(usage), price);
                            }
                        }
                        Err(error) => {
                            flight.over = true;
                            for attempt in &error.attempts {
                                book(attempt, &flight.books);
                            }
                        }
                    });
                    Ok(Reply { failed, recorded, queued, wall, member, upstream, chunks: chunks.boxed() })
                }
            }
        }
        .boxed()
    }
}
