//! Three servers that answer from the population in OpenAI's form, and turn the clock on by what that takes.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tierfall::clock::ManualClock;
use tierfall_core::completion::{Completion, Tokens};
use tierfall_testkit::openai;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::population::{Manner, Question};

/// One tier's.
struct Tier {
    place: usize,
    by_text: HashMap<String, Question>,
    clock: Arc<ManualClock>,
    /// Questions that were turned away and not asked again since.
    turned_away: Mutex<HashSet<String>>,
}

impl Respond for Tier {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let asked = body["messages"].as_array().and_then(|messages| messages.last()?["content"].as_str());
        let Some(question) = asked.and_then(|text| self.by_text.get(text)) else {
            return ResponseTemplate::new(400).set_body_json(openai::error("no such question", "unknown_question"));
        };
        let part = &question.parts[self.place];
        let busy = || {
            let body = openai::error("too many requests at once", "rate_limit_exceeded");
            ResponseTemplate::new(429).insert_header("retry-after", "0").set_body_json(body)
        };
        let mut turned_away = self.turned_away.lock().unwrap_or_else(PoisonError::into_inner);
        match part.manner {
            Manner::Busy => return busy(),
            Manner::BusyOnce if turned_away.insert(question.id.clone()) => return busy(),
            Manner::BusyOnce => drop(turned_away.remove(&question.id)),
            Manner::Plain | Manner::Unsure | Manner::Refuses => {}
        }
        self.clock.advance(Duration::from_millis(part.latency_ms));
        let mut answer = Completion::text(part.text.clone());
        answer.usage = Some(part.usage);
        match part.manner {
            Manner::Refuses => (answer.text, answer.refusal) = (String::new(), Some("I would rather not say.".to_owned())),
            Manner::Unsure => {}
            _ => {
                let mut tokens = Tokens::default();
                tokens.push(&part.text, part.logprob);
                answer.tokens = Some(tokens);
            }
        }
        ResponseTemplate::new(200).set_body_json(openai::chat(&answer))
    }
}

/// The servers, cheapest first.
pub(crate) async fn start(questions: &[Question], clock: &Arc<ManualClock>) -> Vec<MockServer> {
    let mut servers = Vec::new();
    for tier in 0..3 {
        let server = MockServer::builder().disable_request_recording().start().await;
        let by_text = questions.iter().map(|question| (question.text.clone(), question.clone())).collect();
        let responder = Tier { place: tier, by_text, clock: clock.clone(), turned_away: Mutex::default() };
        Mock::given(wiremock::matchers::method("POST")).respond_with(responder).mount(&server).await;
        servers.push(server);
    }
    servers
}
