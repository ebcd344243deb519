//! What a call has cost that was cut off before anybody told.

use std::borrow::Borrow;

use crate::completion::{Completion, Usage};
use crate::money::{Cost, Price};
use crate::request::{Call, Content, Message, Prompt, estimated_tokens};

/// A number of tokens that nobody told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// At least so many.
    pub least: u64,
    /// Most likely so many.
    pub likeliest: u64,
    /// At most so many; `None` = nobody knows.
    pub most: Option<u64>,
}

impl Count {
    fn told(tokens: u64) -> Self {
        Self { least: tokens, likeliest: tokens, most: Some(tokens) }
    }
}

/// The usage of a call that was cut off, by what was sent and what had arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Prompt tokens: as the provider told them before the cut, else between nothing (it may not have begun) and the bytes of what
    /// was sent, each of which is a token at most, as often as there are samples, which may be calls of their own.
    pub input: Count,
    /// Generated tokens: what had arrived at least, since it was generated; at most what the call allows, since the provider may go
    /// on for a while before it notices.
    pub output: Count,
}

impl Estimate {
    /// Of a call, and of what had arrived when it was cut off.
    pub fn of(call: &Call, arrived: Option<&Completion>) -> Self {
        let told = arrived.and_then(|answer| answer.usage).and_then(Usage::plausible);
        let input = match told.map(|usage| usage.input).filter(|input| *input > 0) {
            Some(input) => Count::told(input),
            None => sent(call),
        };
        let (tokens, text) = arrived.map_or((0, 0), |answer| {
            let calls = answer.tool_calls.iter().map(|call| call.name.len() + call.arguments.len());
            let text = answer.text.len() + answer.refusal.as_ref().map_or(0, String::len) + calls.sum::<usize>();
            (answer.tokens.as_ref().map_or(0, |tokens| tokens.len() as u64), text as u64)
        });
        // Providers that tell usage as they go count what they have sent.
        let least = tokens.max(told.map_or(0, |usage| usage.output)).max(u64::from(text > 0));
        let limit = call.params.max_tokens.map(|limit| u64::from(limit) * u64::from(call.samples.get()));
        let likeliest = least.max(text.div_ceil(4));
        Self { input, output: Count { least, likeliest, most: limit.map(|limit| limit.max(likeliest)) } }
    }

    /// The likeliest usage.
    pub fn usage(&self) -> Usage {
        Usage { input: self.input.likeliest, output: self.output.likeliest, ..Usage::default() }
    }

    /// The charge at a price. What the provider may have served from its cache is at its cheapest in the least.
    pub fn cost(&self, price: Price) -> Cost {
        let cheapest = price.cached_input.map_or(price.input, |cached| cached.min(price.input));
        let dearest = price.cached_input.map_or(price.input, |cached| cached.max(price.input));
        let least = cheapest.of(self.input.least) + price.output.of(self.output.least);
        let most = self.input.most.zip(self.output.most).map(|(input, output)| dearest.of(input) + price.output.of(output));
        Cost::estimated(least, price.of(self.usage()), most)
    }
}

/// The prompt of a call by its bytes; of several samples each may be a call of its own.
fn sent(call: &Call) -> Count {
    // A turn's frame is a few tokens in every chat template that we know of; this is far above them.
    const FRAME: u64 = 64;
    fn bytes(messages: &[impl Borrow<Message>]) -> u64 {
        messages.iter().map(|message| FRAME + length(message.borrow())).sum()
    }
    let (likeliest, most, readable) = match &call.prompt {
        Prompt::Probe(messages) => (estimated_tokens(messages), bytes(messages), messages.iter().all(is_text)),
        Prompt::Request { preamble, request, addendum } => {
            let declared = [&request.tools, &request.response_format].into_iter().flatten().map(|json| json.get().len() as u64);
            let addendum = addendum.as_ref().map_or(0, |text| text.len() as u64);
            let likeliest = request.estimated_tokens() + estimated_tokens(preamble) + addendum / 4;
            // A client's body is passed on with whatever else it holds, and so is what the tier adds to it.
            let body = request.body().map_or(0, |body| body.len() as u64);
            let extra: u64 = call.params.extra.iter().map(|(name, value)| (name.len() + value.to_string().len()) as u64).sum();
            let most = bytes(preamble) + bytes(&request.messages) + declared.sum::<u64>() + addendum + body + extra + FRAME;
            (likeliest, most, preamble.iter().all(is_text) && request.messages.iter().all(|turn| is_text(turn)))
        }
    };
    // What an image or a recording is charged as has nothing to do with its bytes.
    let most = most.max(likeliest).saturating_mul(call.samples.get().into());
    Count { least: 0, likeliest, most: readable.then_some(most) }
}

fn length(message: &Message) -> u64 {
    let calls = message.tool_calls.as_ref().map_or(0, |calls| calls.to_string().len());
    let parts = match &message.content {
        Some(Content::Parts(parts)) => parts.iter().map(|part| part.to_string().len()).sum(),
        _ => message.texts().map(str::len).sum::<usize>(),
    };
    (parts + calls + message.name.as_ref().map_or(0, String::len)) as u64
}

fn is_text(message: &Message) -> bool {
    match &message.content {
        Some(Content::Parts(parts)) => parts.iter().all(|part| part.get("text").is_some()),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calls::without_request;
    use crate::cascade::Model;
    use crate::completion::Tokens;
    use crate::request::Request;
    use proptest::prelude::*;

    fn price() -> Price {
        Price { input: "1".parse().unwrap(), output: "2".parse().unwrap(), cached_input: Some("0.1".parse().unwrap()) }
    }

    fn call(question: &str, limit: Option<u32>) -> Call {
        let mut call = without_request(&Model::new("m"), None);
        call.prompt = Prompt::Request { preamble: [].into(), request: Request::new("q", question).into(), addendum: None };
        call.params.max_tokens = limit;
        call
    }

    #[test]
    fn what_arrived_was_generated_and_what_may_come_is_bounded_by_the_limit() {
        let mut tokens = Tokens::default();
        for _ in 0..5 {
            tokens.push("word", -0.1);
        }
        let arrived = Completion { text: "word".repeat(5), tokens: Some(tokens), ..Completion::default() };
        let estimate = Estimate::of(&call("How deep?", Some(40)), Some(&arrived));
        assert_eq!(estimate.output, Count { least: 5, likeliest: 5, most: Some(40) });
        assert_eq!((estimate.input.least, estimate.input.likeliest), (0, 6));
        let cost = estimate.cost(price());
        assert_eq!(cost.at_least().pico(), 10_000_000);
        assert_eq!(cost.total().unwrap().pico(), 6_000_000 + 10_000_000);
        assert!(cost.at_most().unwrap() > cost.total().unwrap());
        assert_eq!((cost.estimated_charges(), cost.unknown_charges()), (1, 0));
    }

    #[test]
    fn what_only_the_body_holds_is_sent_too() {
        let body = format!("{{\"messages\": [], \"functions\": [\"{}\"]}}", "word ".repeat(100));
        let request = Request::new("q", "How deep?").read_from(body.as_str());
        let mut call = call("How deep?", None);
        call.prompt = Prompt::Request { preamble: [].into(), request: request.into(), addendum: None };
        assert!(Estimate::of(&call, None).input.most >= Some(body.len() as u64));
        call.params.extra.insert("documents".to_owned(), "word ".repeat(1000).into());
        assert!(Estimate::of(&call, None).input.most >= Some(5000));
    }

    #[test]
    fn several_samples_may_send_their_prompt_as_often() {
        let (one, mut several) = (call("How deep?", Some(40)), call("How deep?", Some(40)));
        several.want_samples(std::num::NonZeroU8::new(3).unwrap());
        let [one, three] = [one, several].map(|call| Estimate::of(&call, None));
        assert_eq!(three.input, Count { most: one.input.most.map(|most| 3 * most), ..one.input });
        assert_eq!((one.output.most, three.output.most), (Some(40), Some(120)));
    }

    #[test]
    fn a_prompt_that_the_provider_told_is_believed() {
        let usage = Usage { input: 70, output: 1, ..Usage::default() };
        let arrived = Completion { usage: Some(usage), ..Completion::text("twelve bytes") };
        let estimate = Estimate::of(&call("How deep?", None), Some(&arrived));
        assert_eq!(estimate.input, Count { least: 70, likeliest: 70, most: Some(70) });
        assert_eq!(estimate.output, Count { least: 1, likeliest: 3, most: None });
        assert_eq!(estimate.cost(price()).at_most(), None, "without a limit nobody knows how long the provider goes on");
    }

    proptest! {
        #[test]
        fn the_interval_holds_what_was_likely(text in ".{0,80}", limit in proptest::option::of(0u32..100), asked in ".{0,80}") {
            let estimate = Estimate::of(&call(&asked, limit), Some(&Completion::text(text)));
            let cost = estimate.cost(price());
            prop_assert!(cost.at_least() <= cost.total().unwrap());
            prop_assert!(cost.at_most().is_none_or(|most| most >= cost.total().unwrap()));
            prop_assert_eq!(cost.at_most().is_some(), limit.is_some());
        }
    }
}
