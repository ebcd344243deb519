//! A streamed reply on its way.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use reqwest::Response;
use tierfall_core::completion::{Delta, Usage};
use tierfall_core::provider::{Billing, CallErrorKind, Chunk, Chunks, Upstream};
use tierfall_wire::dialect::{Event, StreamDecoder};
use tierfall_wire::sse::{SseDecoder, SseError, SseEvent};
use tokio::time::timeout;

use super::body::{next, too_large};
use super::failed::Failed;
use super::secrets::Secrets;
use super::settings::HttpSettings;
use super::times::Times;
use crate::billing::billing_of;
use crate::meter::Uncounted;

/// How long the end of the body may lag behind the end of the answer; read to its end, the connection can be used again.
const DRAIN: Duration = Duration::from_millis(200);

/// How long usage and the end marker may lag behind the reason why the answer ended.
const LAG: Duration = Duration::from_secs(1);

/// Owns the connection: dropped, it closes it, unless the body was read to its end.
pub(super) struct Live {
    response: Response,
    head: Upstream,
    sse: SseDecoder,
    decoder: Box<dyn StreamDecoder>,
    events: VecDeque<SseEvent>,
    /// What made the event decoder give up, behind the events that came before it.
    broken: Option<SseError>,
    usage: Option<Usage>,
    any: bool,
    over: bool,
    left: usize,
    limit: usize,
    times: Times,
    name: Arc<str>,
    place: Arc<str>,
    secrets: Arc<Secrets>,
}

impl Live {
    pub(super) fn new(
        response: Response,
        head: &Upstream,
        settings: &HttpSettings,
        times: Times,
        place: Arc<str>,
        secrets: Arc<Secrets>,
    ) -> Self {
        Self {
            response,
            head: head.clone(),
            sse: SseDecoder::new(settings.max_event_bytes),
            decoder: settings.dialect.stream(),
            events: VecDeque::new(),
            broken: None,
            usage: None,
            any: false,
            over: false,
            left: settings.max_body_bytes,
            limit: settings.max_body_bytes,
            times,
            name: settings.name.clone(),
            place,
            secrets,
        }
    }

    /// Waits for the first piece that says something: until then the attempt may still fail as a whole, and be retried.
    pub(super) async fn begin(mut self) -> Result<Chunks, Failed> {
        let mut first = Vec::new();
        loop {
            let Some(delta) = self.next().await? else {
                if first.is_empty() {
                    return Err(Failed::new(CallErrorKind::Malformed, Billing::Unknown, "its stream held no answer"));
                }
                break;
            };
            let says_something = !is_preface(&delta);
            first.push(Ok(Chunk::Delta(delta)));
            if says_something {
                break;
            }
        }
        let rest = stream::unfold(self, |mut live| async move {
            match live.next().await {
                Ok(None) => None,
                Ok(Some(delta)) => Some((Ok(Chunk::Delta(delta)), live)),
                Err(failed) => {
                    live.over = true;
                    let error = failed.after(&live.head).into_error(&live.name, &live.secrets, live.times.elapsed());
                    Some((Err(error), live))
                }
            }
        });
        Ok(stream::iter(first).chain(rest).boxed())
    }

    /// The next piece of the answer; `None` at its end.
    async fn next(&mut self) -> Result<Option<Delta>, Failed> {
        while !self.over {
            if let Some(event) = self.events.pop_front() {
                match self.decoder.event(event.name.as_deref(), &event.data) {
                    Ok(Event::Delta(mut delta)) => {
                        delta.model = delta.model.map(|model| self.secrets.without(&model));
                        if let Some(finish) = &mut delta.finish {
                            self.secrets.told(finish);
                        }
                        self.any = true;
                        self.usage = delta.usage.or(self.usage);
                        return Ok(Some(delta));
                    }
                    Ok(Event::Nothing) => {}
                    Ok(Event::End(last)) => {
                        self.drain().await;
                        return Ok(last);
                    }
                    Ok(Event::Failed(failure)) => {
                        let message = format!("it failed in the middle of the answer: {}", self.secrets.quoted(&failure.message));
                        let begun = self.any.then(|| self.billing());
                        let billing = failure.billing.or(begun).unwrap_or_else(|| billing_of(failure.kind));
                        return Err(Failed { retry_after: failure.retry_after, ..Failed::new(failure.kind, billing, message) });
                    }
                    Err(error) => return Err(Failed { billing: self.billing(), ..Failed::malformed(&error) }),
                }
            } else if let Some(broken) = self.broken.take() {
                return Err(self.broken(broken));
            } else {
                self.read().await?;
            }
        }
        Ok(None)
    }

    /// Reads the next piece of the body into `events`.
    async fn read(&mut self) -> Result<(), Failed> {
        // An answer that said why it stopped is whole, however the connection ends, and whatever time is left.
        let piece = if self.decoder.finished() {
            let _uncounted = Uncounted::begin();
            timeout(LAG, self.response.chunk()).await.ok().and_then(Result::ok).flatten()
        } else {
            let piece = next(&mut self.response, &self.times, &self.place).await;
            piece.map_err(|failed| Failed { billing: self.billing(), ..failed })?
        };
        let Some(piece) = piece else {
            if let Some(event) = self.sse.finish() {
                self.events.push_back(event);
                return Ok(());
            }
            // Some servers leave the end marker out.
            self.over = self.decoder.finished();
            return if self.over { Ok(()) } else { Err(ended_early()) };
        };
        self.left = self.left.checked_sub(piece.len()).ok_or_else(|| too_large(self.limit))?;
        for event in self.sse.push(&piece) {
            match event {
                Ok(event) => self.events.push_back(event),
                Err(error) => self.broken = Some(error),
            }
        }
        Ok(())
    }

    async fn drain(&mut self) {
        self.over = true;
        let to_the_end = async { while let Ok(Some(_)) = self.response.chunk().await {} };
        let _uncounted = Uncounted::begin();
        let _ = timeout(DRAIN, to_the_end).await;
    }

    /// What was told counts only once the answer had ended: earlier counts grow.
    fn billing(&self) -> Billing {
        Billing::told(self.usage.filter(|_| self.decoder.finished()))
    }

    fn broken(&self, error: SseError) -> Failed {
        let kind = match error {
            SseError::TooLarge { .. } => CallErrorKind::TooLarge,
            SseError::NotUtf8 => CallErrorKind::Malformed,
        };
        Failed::new(kind, self.billing(), error.to_string())
    }
}

fn ended_early() -> Failed {
    Failed::new(CallErrorKind::Truncated, Billing::Unknown, "its stream ended before the answer did")
}

/// Whether a piece only announces the answer: who speaks, which model.
fn is_preface(delta: &Delta) -> bool {
    let Delta { text, refusal, tool_calls, tokens, finish, usage, model: _, raw: _ } = delta;
    text.is_empty() && refusal.is_none() && tool_calls.is_empty() && tokens.is_none() && finish.is_none() && usage.is_none()
}
