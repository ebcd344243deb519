//! Edits of a request that came as a body: what is edited is what is sent, what is not leaves as it came.

use std::borrow::Cow;
use std::sync::Arc;

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tierfall_core::request::{Call, Json, Message, Params, Preamble, Prompt, Request};
use tierfall_wire::body::Body;
use tierfall_wire::dialect::table::by_name;
use tierfall_wire::openai::parse_request;

/// Puts a request to a model of the same name as the client's, as a cascade does.
fn sent(request: Request, preamble: Vec<Message>) -> String {
    let params = request.params.clone();
    let prompt = Prompt::Request { preamble: Preamble::from(preamble), request: Arc::new(request), addendum: None };
    let call = Call { params, ..Call::new("id".into(), "m", prompt) };
    String::from_utf8(by_name("openai-chat").unwrap().encode(&call).unwrap().body).unwrap()
}

/// A turn with what the typed view does not hold, and in a spelling that writing it again would not give.
fn turn() -> impl Strategy<Value = String> {
    ("(system|user|assistant)", "[a-z\\\\\"é ]{0,6}", of("1e[1-9]")).prop_map(|(role, text, unknown)| {
        let unknown = unknown.map(|number| format!(", \"reasoning\" :{number}")).unwrap_or_default();
        format!("{{\"content\":{} ,  \"role\":\"{role}\"{unknown}}}", serde_json::to_string(&text).unwrap())
    })
}

/// The members of a body but the model, each there or not, null or not.
fn members() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let member = |name: &'static str, value: &'static str| {
        let value = prop_oneof![6 => value.prop_map(|text| text), 1 => Just("null".to_owned())];
        of(value).prop_map(move |value| value.map(|value| (name, value)))
    };
    let typed = (
        member("tools", "\\[ (\\{\"type\" : \"function\"\\})?\\]"),
        member("response_format", "\\{ \"type\":\"(text|json_object)\"\\}"),
        member("temperature", "(1e0|0\\.50|2)"),
        member("top_p", "(1\\.0|5e-1)"),
        member("max_tokens", "[1-9]{1,3}"),
        member("max_completion_tokens", "[1-9]{1,3}"),
        member("stop", "(\"x\"|\\[ \\]|\\[ \"x\",\"y\"\\])"),
        member("seed", "-?[1-9]{1,9}"),
    );
    let rest = (member("tool_choice", "\"auto\""), member("user", "\"u\\\\u0041\""), member("big", "[1-9]{23}"));
    (vec(turn(), 1..5), typed, rest)
        .prop_map(|(turns, (a, b, c, d, e, f, g, h), (i, j, k))| {
            let messages = ("messages", format!("[{}]", turns.join(" , ")));
            [Some(messages), a, b, c, d, e, f, g, h, i, j, k].into_iter().flatten().collect::<Vec<_>>()
        })
        .prop_shuffle()
}

/// An edit of each typed field: none, or the new value.
#[derive(Clone, Debug)]
#[expect(clippy::option_option, reason = "no edit, or one that takes something away")]
struct Edits {
    /// The turn to replace, by its place, and with what; nothing in place of it takes it out.
    turn: Option<(prop::sample::Index, Option<String>)>,
    tools: Option<Option<Value>>,
    format: Option<Option<Value>>,
    temperature: Option<Option<f64>>,
    top_p: Option<Option<f64>>,
    most: Option<Option<u32>>,
    stop: Option<Vec<String>>,
    seed: Option<Option<i64>>,
}

fn edits() -> impl Strategy<Value = Edits> {
    let turn = of((any::<prop::sample::Index>(), of("[A-Z]{1,5}")));
    let tools = of(of(Just(json!([{"type": "function", "function": {"name": "f"}}]))));
    let format = of(of(Just(json!({"type": "json_schema"}))));
    let stop = of(vec("[A-Z]", 0..2));
    (turn, tools, format, of(of(0.0..2.0)), of(of(0.0..1.0)), of(of(1000..9999u32)), stop, of(of(any::<i64>()))).prop_map(
        |(turn, tools, format, temperature, top_p, most, stop, seed)| Edits {
            turn,
            tools,
            format,
            temperature,
            top_p,
            most,
            stop,
            seed,
        },
    )
}

impl Edits {
    fn apply(&self, request: &mut Request) {
        let json = |value: &Option<Value>| value.as_ref().map(|value| Json::of(value).unwrap());
        if let Some((at, text)) = &self.turn {
            let at = at.index(request.messages.len());
            match text {
                Some(text) => request.messages[at] = Message::user(text.clone()).into(),
                None => _ = request.messages.remove(at),
            }
        }
        if let Some(tools) = &self.tools {
            request.tools = json(tools);
        }
        if let Some(format) = &self.format {
            request.response_format = json(format);
        }
        let Params { temperature, top_p, max_tokens, stop, seed, extra: _ } = &mut request.params;
        *temperature = self.temperature.unwrap_or(*temperature);
        *top_p = self.top_p.unwrap_or(*top_p);
        *max_tokens = self.most.unwrap_or(*max_tokens);
        stop.clone_from(self.stop.as_ref().unwrap_or(&stop.clone()));
        *seed = self.seed.unwrap_or(*seed);
    }

    fn touches(&self, member: &str) -> bool {
        match member {
            "messages" => self.turn.is_some(),
            "tools" => self.tools.is_some(),
            "tool_choice" => matches!(self.tools, Some(None)),
            "response_format" => self.format.is_some(),
            "temperature" => self.temperature.is_some(),
            "top_p" => self.top_p.is_some(),
            "max_tokens" | "max_completion_tokens" => self.most.is_some(),
            "stop" => self.stop.is_some(),
            "seed" => self.seed.is_some(),
            _ => false,
        }
    }
}

/// A request as a client might write it again from its typed fields.
fn typed(body: &str) -> Request {
    parse_request(body, "id".into()).unwrap().0
}

proptest! {
    #[test]
    fn an_edit_is_sent_and_all_else_is_as_it_came(members in members(), edits in edits()) {
        let fields: Vec<String> = members.iter().map(|(name, value)| format!("\"{name}\" : {value}")).collect();
        let text = format!("{{ \"model\":\"m\", {} }}", fields.join(",\n"));
        let mut request = typed(&text);
        prop_assert_eq!(&sent(request.clone(), Vec::new()), &text, "nobody touched it");

        edits.apply(&mut request);
        prop_assume!(!request.messages.is_empty());
        let written = sent(request.clone(), Vec::new());
        let again = typed(&written);
        let text_of = |json: &Option<Json>| json.as_ref().map(|json| json.get().to_owned());
        prop_assert_eq!(&again.messages, &request.messages);
        prop_assert_eq!(text_of(&again.tools), text_of(&request.tools));
        prop_assert_eq!(text_of(&again.response_format), text_of(&request.response_format));
        prop_assert_eq!(&again.params, &request.params);

        let body = Body::parse(&written).unwrap();
        for (name, value) in &members {
            if !edits.touches(name) {
                prop_assert_eq!(body.get(name).map(RawValue::get), Some(value.as_str()), "{}", name);
            }
        }
        // Turns that stayed are sent as the client wrote them, behind a preamble too.
        let before = Body::parse(&text).unwrap();
        let client: Vec<&RawValue> = before.read("messages").unwrap();
        let gone = edits.turn.as_ref().map(|(at, _)| at.index(client.len()));
        for preamble in [Vec::new(), vec![Message::system("Be kind.")]] {
            let skip = preamble.len();
            let written = sent(request.clone(), preamble);
            let body = Body::parse(&written).unwrap();
            let turns: Vec<Cow<'_, str>> =
                body.read::<Vec<&RawValue>>("messages").unwrap().into_iter().skip(skip).map(|turn| turn.get().into()).collect();
            for (place, turn) in client.iter().enumerate().filter(|(place, _)| Some(*place) != gone) {
                prop_assert!(turns.iter().any(|sent| sent == turn.get()), "turn {}: {:?}", place, turns);
            }
        }
    }
}

/// An edit of the list of turns, with places that are taken modulo its length.
#[derive(Clone, Debug)]
enum Turns {
    Remove(usize),
    Insert(usize, &'static str),
    Swap(usize, usize),
    /// Something else in its stead.
    Replace(usize, &'static str),
    /// It says something else now, or the same again.
    Edit(usize, &'static str),
}

fn turn_edit() -> impl Strategy<Value = Turns> {
    let (place, text) = (0..8_usize, prop_oneof![Just("a"), Just("b")]);
    prop_oneof![
        3 => place.clone().prop_map(Turns::Remove),
        1 => (place.clone(), text.clone()).prop_map(|(place, text)| Turns::Insert(place, text)),
        2 => (place.clone(), place.clone()).prop_map(|(one, other)| Turns::Swap(one, other)),
        1 => (place.clone(), text.clone()).prop_map(|(place, text)| Turns::Replace(place, text)),
        1 => (place, text).prop_map(|(place, text)| Turns::Edit(place, text)),
    ]
}

proptest! {
    /// Turns that say the same differ in what only the client's body says: which of them is meant is known by what was moved.
    #[test]
    fn a_turn_that_was_removed_is_not_sent(texts in vec("[ab]", 1..5), edits in vec(turn_edit(), 0..6)) {
        let written = |(place, text): (usize, &String)| format!("{{\"role\":\"user\", \"content\":\"{text}\", \"x_note\":\"hidden {place}\"}}");
        let written: Vec<String> = texts.iter().enumerate().map(written).collect();
        let mut request = typed(&format!("{{\"model\":\"m\",\"messages\":[{}]}}", written.join(",")));
        // What each turn is: one of the client's, by its place in the body, or another.
        let mut expected: Vec<Result<usize, &str>> = (0..texts.len()).map(Ok).collect();
        for edit in edits {
            let len = expected.len();
            match edit {
                Turns::Insert(place, text) => {
                    request.messages.insert(place % (len + 1), Message::user(text).into());
                    expected.insert(place % (len + 1), Err(text));
                }
                _ if len == 0 => {}
                Turns::Remove(place) => {
                    request.messages.remove(place % len);
                    _ = expected.remove(place % len);
                }
                Turns::Swap(one, other) => {
                    request.messages.swap(one % len, other % len);
                    expected.swap(one % len, other % len);
                }
                Turns::Replace(place, text) => {
                    request.messages[place % len] = Message::user(text).into();
                    expected[place % len] = Err(text);
                }
                Turns::Edit(place, text) => {
                    request.messages[place % len].content = Message::user(text).content;
                    expected[place % len] = Err(text);
                }
            }
        }
        prop_assume!(!expected.is_empty());
        let expected: Vec<String> = expected
            .into_iter()
            .map(|turn| turn.map_or_else(|text| format!("{{\"role\":\"user\",\"content\":\"{text}\"}}"), |place| written[place].clone()))
            .collect();
        prop_assert_eq!(sent(request, Vec::new()), format!("{{\"model\":\"m\",\"messages\":[{}]}}", expected.join(",")));
    }
}

#[test]
fn the_first_of_two_equal_turns_is_removed_with_all_that_it_held() {
    let mut request =
        typed(r#"{"model":"m","messages":[{"role":"user","content":"ok","x_note":"4111 1111"},{"role":"user","content":"ok"}]}"#);
    request.messages.remove(0);
    assert_eq!(sent(request, Vec::new()), r#"{"model":"m","messages":[{"role":"user","content":"ok"}]}"#);
}

#[test]
fn the_conversation_of_another_request_is_an_edit_too() {
    let body = |text: &str| format!("{{\"model\":\"m\",\"messages\":[{{\"role\":\"user\",\"content\":\"{text}\"}}]}}");
    let mut request = typed(&body("my card is 4111"));
    request.messages = typed(&body("my card is [card]")).messages;
    assert_eq!(sent(request, Vec::new()), body("my card is [card]"));
}

#[test]
fn without_tools_there_is_no_choice_of_them() {
    let text = r#"{"model":"m","messages":[{"role":"user","content":"q"}],"tools":[{"type":"function"}],"tool_choice":"required","user":"u"}"#;
    let mut request = typed(text);
    request.tools = None;
    assert_eq!(sent(request, Vec::new()), r#"{"model":"m","messages":[{"role":"user","content":"q"}],"user":"u"}"#);
}
