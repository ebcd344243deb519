//! A simulated model as a provider.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use tierfall_core::completion::{Completion, Delta, Tokens};
use tierfall_core::provider::{Attempt, CallError, CallErrorKind, Chunk, Chunks, Provider, Reply};
use tierfall_core::request::{Call, Purpose, RequestId};
use tokio::time::{Instant, sleep, timeout_at};

use super::settings::Simulation;
use crate::billing::billing_of;

/// Most calls whose failed attempts are remembered; beyond it all are forgotten, and begin at their first attempt again.
const REMEMBERED: usize = 1 << 16;

/// A [`Simulation`] as a provider: it takes time, fails as often as declared, and streams.
///
/// ```
/// use tierfall_providers::{Simulated, SimulatedSettings, Simulation};
///
/// let settings = SimulatedSettings { ability: 0.8, ..SimulatedSettings::new("large", 7) };
/// let provider = Simulated::new(Simulation::try_from(settings)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The same call fails or succeeds in the same way each time, attempt by attempt: a call that failed is at its next
/// attempt when it comes again, one that succeeded begins anew.
#[derive(Debug)]
pub struct Simulated {
    simulation: Simulation,
    /// Failed attempts so far.
    failures: Mutex<BTreeMap<Key, u32>>,
}

/// A request, and for a probe its label.
type Key = (RequestId, Option<Arc<str>>);

impl Simulated {
    /// A provider that answers from `simulation`.
    pub fn new(simulation: Simulation) -> Self {
        Self { simulation, failures: Mutex::default() }
    }

    /// The model behind it.
    pub fn simulation(&self) -> &Simulation {
        &self.simulation
    }

    /// Draws the call's next attempt: its number, and what comes of it. Takes no time; [`Simulation::latency`] says how much
    /// it would.
    pub fn draw(&self, call: &Call) -> (u32, Result<Completion, CallErrorKind>) {
        let label = match &call.purpose {
            Purpose::Answer => None,
            Purpose::Probe(label) => Some(label.clone()),
        };
        let key = (call.request_id.clone(), label);
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let attempt = failures.get(&key).copied().unwrap_or(0);
        let drawn = self.simulation.draw(call, attempt);
        if drawn.is_err() {
            if failures.len() >= REMEMBERED {
                failures.clear();
            }
            failures.insert(key, attempt.wrapping_add(1));
        } else {
            failures.remove(&key);
        }
        (attempt, drawn)
    }

    async fn reply(&self, call: &Call) -> Result<Reply, CallError> {
        let began = Instant::now();
        let ends = call.timeouts.total.and_then(|total| began.checked_add(total));
        let (attempt, drawn) = self.draw(call);
        let (first, per_token) = self.simulation.latency(call, attempt);
        let name = &self.simulation.settings().name;
        let mut pace = Pace { name: name.clone(), began, ends, per_token };
        match drawn {
            // A stream that is cut has begun.
            Err(CallErrorKind::Truncated) if call.stream => {
                pace.wait(first).await?;
                let mut pieces = deltas(&self.simulation.answer(call));
                pieces.truncate(pieces.len().div_ceil(2));
                let cut = pace.error(CallErrorKind::Truncated);
                Ok(Reply::new(pace.stream(pieces, Some(cut))))
            }
            Err(kind) => {
                pace.wait(first).await?;
                Err(pace.error(kind))
            }
            Ok(answer) if call.stream => {
                pace.wait(first).await?;
                Ok(Reply::new(pace.stream(deltas(&answer), None)))
            }
            Ok(answer) => {
                let tokens = answer.usage.map_or(0, |usage| u32::try_from(usage.output).unwrap_or(u32::MAX));
                pace.wait(first.saturating_add(per_token.saturating_mul(tokens))).await?;
                Ok(Reply::whole(answer))
            }
        }
    }
}

impl Provider for Simulated {
    fn call<'a>(&'a self, call: &'a Call) -> BoxFuture<'a, Result<Reply, CallError>> {
        self.reply(call).boxed()
    }
}

/// How fast one reply comes.
struct Pace {
    name: Arc<str>,
    began: Instant,
    ends: Option<Instant>,
    per_token: Duration,
}

impl Pace {
    async fn wait(&mut self, time: Duration) -> Result<(), CallError> {
        if time.is_zero() {
            return Ok(());
        }
        match self.ends {
            None => sleep(time).await,
            Some(ends) => timeout_at(ends, sleep(time)).await.map_err(|_| self.error(CallErrorKind::Timeout))?,
        }
        Ok(())
    }

    fn error(&self, kind: CallErrorKind) -> CallError {
        let attempt = Attempt::new(kind, billing_of(kind), self.began.elapsed());
        CallError::new(kind, format!("simulated model \"{}\": a simulated failure ({kind})", self.name))
            .with_attempts(vec![attempt])
    }

    fn stream(self, pieces: Vec<Delta>, end: Option<CallError>) -> Chunks {
        let items = pieces.into_iter().map(Ok).chain(end.map(Err));
        stream::unfold((self, items, true, false), |(mut pace, mut items, first, over)| async move {
            let item = items.next().filter(|_| !over)?;
            // The first token was waited for before the reply began.
            let waited = if first { Ok(()) } else { pace.wait(pace.per_token).await };
            let item = match (waited, item) {
                (Err(error), _) => Err(error),
                (Ok(()), Err(_)) => Err(pace.error(CallErrorKind::Truncated)),
                (Ok(()), Ok(delta)) => Ok(Chunk::Delta(delta)),
            };
            let over = item.is_err();
            Some((item, (pace, items, false, over)))
        })
        .boxed()
    }
}

/// The answer piece by piece: a token each where there are tokens, then what ends it.
fn deltas(answer: &Completion) -> Vec<Delta> {
    let mut pieces: Vec<Delta> = match &answer.tokens {
        None => answer.text.split_inclusive(' ').map(|text| Delta { text: text.to_owned(), ..Delta::default() }).collect(),
        Some(tokens) => tokens
            .iter()
            .map(|token| {
                let mut one = Tokens::default();
                one.push(token.text(), token.logprob());
                for (text, logprob) in token.alternatives() {
                    one.push_alternative(text, logprob);
                }
                Delta { text: token.text().to_owned(), tokens: Some(one), ..Delta::default() }
            })
            .collect(),
    };
    pieces.push(Delta {
        finish: Some(answer.finish.clone()),
        usage: answer.usage,
        model: answer.model.clone(),
        ..Delta::default()
    });
    pieces
}

#[cfg(test)]
mod tests;
