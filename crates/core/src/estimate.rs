//! What a call costs of which nobody has told the usage: before it is made, where it was cut off, and where its answer does not say.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::completion::{Completion, Usage};
use crate::fields::is_typed;
use crate::money::{Cost, Money, Price};
use crate::request::{Call, Content, Message, Prompt, estimated_tokens};

/// What servers call the most tokens that they are to generate. Dialects send one of them; the others may stand in a tier's `extra` or in a client's body.
const LIMITS: [&str; 6] =
    ["max_tokens", "max_completion_tokens", "max_output_tokens", "max_new_tokens", "n_predict", "num_predict"];

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

/// The usage of a call that nobody told, by what is sent and what had arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Prompt tokens: as the provider told them before the cut, else between nothing (it may not have begun) and the bytes of what
    /// was sent, each of which is a token at most, as often as there are samples, since each may be a call of its own.
    pub input: Count,
    /// Generated tokens: what had arrived at least, since it was generated; at most the largest limit that is sent, or what the
    /// model can hold, since the provider may go on for a while before it notices.
    pub output: Count,
}

impl Estimate {
    /// Of a call, and of what had arrived of its answer.
    pub fn of(call: &Call, arrived: Option<&Completion>) -> Self {
        let told = arrived.and_then(|answer| answer.usage).and_then(Usage::plausible);
        let input = match told.map(|usage| usage.input).filter(|input| *input > 0) {
            Some(input) => Count::told(input),
            None => sent(call),
        };
        let (tokens, text) = arrived.map_or((0, 0), |answer| {
            let calls = answer.tool_calls.iter().map(|call| call.name.len() + call.arguments.len());
            let samples = answer.samples.iter().map(|sample| sample.text.len());
            let text = answer.text.len() + answer.refusal.as_ref().map_or(0, String::len) + calls.chain(samples).sum::<usize>();
            (answer.tokens.as_ref().map_or(0, |tokens| tokens.len() as u64), text as u64)
        });
        // Providers that tell usage as they go count what they have sent.
        let least = tokens.max(told.map_or(0, |usage| usage.output)).max(u64::from(text > 0));
        let each = limit(call).into_iter().chain(call.context_window).min();
        let likeliest = least.max(text.div_ceil(4));
        let most = each.map(|each| each.saturating_mul(call.samples.get().into()).max(likeliest));
        Self { input, output: Count { least, likeliest, most } }
    }

    /// Whether there is a most.
    pub fn is_bounded(&self) -> bool {
        self.input.most.and(self.output.most).is_some()
    }

    /// What a call is expected to cost: the likeliest prompt, and as many tokens as it may generate; where nothing limits these, the
    /// prompt alone.
    pub fn expected(&self, price: Price) -> Money {
        price.input.of(self.input.likeliest) + price.output.of(self.output.most.unwrap_or(self.output.likeliest))
    }

    /// The likeliest usage.
    pub fn usage(&self) -> Usage {
        Usage { input: self.input.likeliest, output: self.output.likeliest, ..Usage::default() }
    }

    /// The charge at a price. What the provider may have served from its cache, or written into it, is at its cheapest in the least
    /// and at its dearest in the most.
    pub fn cost(&self, price: Price) -> Cost {
        let (cheapest, dearest) = price.of_prompt();
        let least = cheapest.of(self.input.least) + price.output.of(self.output.least);
        let most = self.input.most.zip(self.output.most).map(|(input, output)| dearest.of(input) + price.output.of(output));
        Cost::estimated(least, price.of(self.usage()), most)
    }
}

/// The largest limit on the tokens of an answer that a call may send; `None` = none, or one that says nothing.
fn limit(call: &Call) -> Option<u64> {
    let params = &call.params;
    let mut limits: Vec<Option<u64>> = params.max_tokens.map(|limit| Some(limit.into())).into_iter().collect();
    limits.extend(params.extra.iter().flat_map(|(name, value)| limits_in(name, value)));
    // What there are typed fields for is in the parameters.
    if let Prompt::Request { request, .. } = &call.prompt
        && let Some(body) = request.body().filter(|body| LIMITS.iter().any(|name| !is_typed(name) && body.contains(name)))
        && let Ok(members) = serde_json::from_str::<BTreeMap<String, Value>>(body)
    {
        let untyped = members.iter().filter(|(name, _)| !is_typed(name));
        limits.extend(untyped.flat_map(|(name, value)| limits_in(name, value)));
    }
    limits.into_iter().collect::<Option<Vec<u64>>>()?.into_iter().max()
}

/// The limits in a member of a request's body; some servers have theirs in an object with other options.
fn limits_in(name: &str, value: &Value) -> Vec<Option<u64>> {
    match value {
        Value::Object(members) => members.iter().flat_map(|(name, value)| limits_in(name, value)).collect(),
        _ if LIMITS.contains(&name) => vec![value.as_u64()],
        _ => Vec::new(),
    }
}

/// The prompt of a call by its bytes; of several samples each may be a call of its own, as many servers take no `n`.
fn sent(call: &Call) -> Count {
    // A turn's frame is a few tokens in the chat templates that we know of; this is far above them.
    const FRAME: u64 = 64;
    fn bytes(messages: &[impl Borrow<Message>]) -> u64 {
        messages.iter().map(|message| FRAME + length(message.borrow())).sum()
    }
    // What a template may say before all turns, where nobody else gives a system prompt: some hundred tokens with some models.
    const BEFORE: u64 = 1024;
    let (likeliest, most, readable) = match &call.prompt {
        Prompt::Probe(messages) => (estimated_tokens(messages), bytes(messages), messages.iter().all(is_text)),
        Prompt::Request { preamble, request, addendum } => {
            let declared = [&request.tools, &request.response_format].into_iter().flatten().map(|json| json.get().len() as u64);
            let addendum = addendum.as_ref().map_or(0, |text| text.len() as u64);
            let likeliest = request.estimated_tokens() + estimated_tokens(preamble) + addendum / 4;
            // A client's body is passed on with whatever else it holds, and so is what the tier adds to it.
            let body = request.body().map_or(0, |body| body.len() as u64);
            let extra: u64 = call.params.extra.iter().map(|(name, value)| (name.len() + value.to_string().len()) as u64).sum();
            let most = bytes(preamble) + bytes(&request.messages) + declared.sum::<u64>() + addendum + body + extra;
            // Tools come with a prompt that the provider writes, and changes: Anthropic tells of 159 to 804 tokens, by model
            // (https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview), others tell nothing.
            let text_alone = preamble.iter().all(is_text) && request.messages.iter().all(|turn| is_text(turn));
            (likeliest, most, text_alone && !request.has_tools())
        }
    };
    // What an image or a recording is charged as has nothing to do with its bytes. More than the model can hold, no prompt is.
    let most = readable.then_some(most + BEFORE).into_iter().chain(call.context_window).min();
    let samples = u64::from(call.samples.get());
    let likeliest = likeliest.saturating_mul(samples);
    Count { least: 0, likeliest, most: most.map(|most| most.saturating_mul(samples).max(likeliest)) }
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
        Price {
            input: "1".parse().unwrap(),
            output: "2".parse().unwrap(),
            cached_input: Some("0.1".parse().unwrap()),
            cached_write: None,
        }
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
        let thrice = |count: Count| Count { likeliest: 3 * count.likeliest, most: count.most.map(|most| 3 * most), ..count };
        assert_eq!(three.input, thrice(one.input));
        assert_eq!((one.output.most, three.output.most), (Some(40), Some(120)));
        assert_eq!(three.expected(price()).pico(), 3 * one.expected(price()).pico(), "budgets see each of them");
    }

    #[test]
    fn the_largest_limit_that_is_sent_counts() {
        let most = |typed: Option<u32>, extra: Value, body: Option<&str>| {
            let mut call = call("How deep?", typed);
            call.params.extra = serde_json::from_value(extra).unwrap();
            if let Some(body) = body {
                let request = Request::new("q", "How deep?").read_from(body);
                call.prompt = Prompt::Request { preamble: [].into(), request: request.into(), addendum: None };
            }
            Estimate::of(&call, None).output.most
        };
        for (extra, limit) in [
            (serde_json::json!({}), Some(10)),
            (serde_json::json!({"max_completion_tokens": 1000}), Some(1000)),
            (serde_json::json!({"max_completion_tokens": 5}), Some(10)),
            (serde_json::json!({"max_completion_tokens": null}), None),
            (serde_json::json!({"n_predict": -1}), None),
            (serde_json::json!({"options": {"num_predict": 70}}), Some(70)),
            (serde_json::json!({"reasoning_effort": "high"}), Some(10)),
        ] {
            assert_eq!(most(Some(10), extra.clone(), None), limit, "{extra}");
        }
        assert_eq!(most(None, serde_json::json!({"max_completion_tokens": 1000}), None), Some(1000));
        // What the typed fields say of a body is in the parameters already.
        let body = r#"{"messages": [{"role": "user", "content": "n_predict"}], "max_tokens": 5000, "n_predict": 90}"#;
        assert_eq!(most(Some(10), serde_json::json!({}), Some(body)), Some(90));
    }

    #[test]
    fn what_a_provider_adds_for_tools_nobody_knows_but_no_prompt_is_longer_than_the_window() {
        let mut request = Request::new("q", "How deep?");
        request.tools = Some(serde_json::json!([{"type": "function", "function": {"name": "sound"}}]).into());
        let mut call = call("", Some(40));
        call.prompt = Prompt::Request { preamble: [].into(), request: request.into(), addendum: None };
        let open = Estimate::of(&call, None);
        assert_eq!((open.input.most, open.is_bounded(), open.cost(price()).at_most()), (None, false, None));
        call.context_window = Some(8000);
        assert_eq!(Estimate::of(&call, None).input.most, Some(8000));
        call.params.max_tokens = None;
        assert_eq!(Estimate::of(&call, None).output.most, Some(8000));
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
