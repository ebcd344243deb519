//! A cascade in code: providers from functions, a signal of one's own, limits of one request, and the answer as it streams.

use std::error::Error;
use std::io::{Write as _, stdout};
use std::time::Duration;

use futures_util::StreamExt as _;
use tierfall::{
    Abstain, Ask, CallError, CallErrorKind, Engine, Event, Evidence, Gate, Model, NamedSignal, Price, Reading, Score, Signal,
    Tier, provider_fn,
};

/// Sure of answers that name a day, and of no other.
#[derive(Debug)]
struct NamesADay;

impl Signal for NamesADay {
    fn read(&self, evidence: Evidence<'_>) -> Reading {
        let named = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"].iter().any(|day| evidence.answer.text.contains(day));
        Score::new(f64::from(u8::from(named))).ok_or(Abstain::NotANumber)
    }
}

fn desk() -> Result<Engine, Box<dyn Error>> {
    let small = provider_fn(|call| async move {
        let question = call.messages().pop().and_then(|turn| turn.texts().next().map(str::to_owned)).unwrap_or_default();
        match question.contains("10234") {
            true => Ok("Your order arrives on Tuesday."),
            false if question.is_empty() => Err(CallError::new(CallErrorKind::InvalidRequest, "nothing is asked")),
            false => Ok("It should be there soon."),
        }
    });
    let large = provider_fn(|_| async { Ok("It was sent on Monday, and arrives on Thursday.") });
    let gate = Gate::nominal_from(NamedSignal::new("names-a-day", NamesADay), 0.5)?;
    let priced = |name: &str, input, output| Ok::<_, Box<dyn Error>>(Model::new(name).priced(Price::per_million(input, output)?));
    Ok(Engine::named("desk")
        .tier(Tier::new("small", priced("small-1", "0.05", "0.08")?).gated(gate), small)
        .tier(Tier::new("large", priced("large-1", "3", "15")?), large)
        .build()?)
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let engine = desk()?;
    let ask = Ask::from("Where is my order 10234?").with_deadline(Duration::from_secs(5)).with_budget("0.01".parse()?);
    let answer = engine.complete(ask).await.into_result()?;
    assert_eq!(answer.text, "Your order arrives on Tuesday.");
    writeln!(stdout(), "{}", answer.text)?;

    let mut events = engine.stream("And my order 10235?");
    while let Some(event) = events.next().await {
        match event {
            Event::Decided(step) => writeln!(stdout(), "({}: {})", step.tier, step.decision.reason())?,
            Event::Delta { delta, .. } => writeln!(stdout(), "{}", delta.text)?,
            Event::Ended(answer) => assert_eq!(answer.trace.tier.as_deref(), Some("large")),
            _ => {}
        }
    }
    Ok(())
}
