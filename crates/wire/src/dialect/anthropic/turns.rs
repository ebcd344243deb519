//! Messages in Anthropic's form: the system prompt apart, user and assistant in turns, content as blocks.

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tierfall_core::request::{Content, Message, Role};

use crate::dialect::EncodeError;

/// The system prompt, and the turns.
pub(super) fn turns(messages: &[Message]) -> Result<(String, Vec<Value>), EncodeError> {
    let mut system: Vec<&str> = Vec::new();
    let mut turns: Vec<(&str, Vec<Value>)> = Vec::new();
    for message in messages {
        let (role, blocks) = match &message.role {
            Role::System => {
                system.extend(message.texts());
                continue;
            }
            Role::Other(role) if role == "developer" => {
                system.extend(message.texts());
                continue;
            }
            Role::User => ("user", content(message)?),
            Role::Assistant => ("assistant", assistant(message)?),
            Role::Tool => ("user", vec![tool_result(message)?]),
            Role::Other(role) => return Err(EncodeError(format!("the role {role:?} has no counterpart at Anthropic"))),
        };
        match turns.last_mut() {
            // Tool results of one round, in particular, must share a turn.
            Some((last, before)) if *last == role => before.extend(blocks),
            _ => turns.push((role, blocks)),
        }
    }
    turns.retain(|(_, blocks)| !blocks.is_empty());
    if turns.is_empty() {
        return Err(EncodeError("there is no message besides the system prompt: Anthropic needs one".to_owned()));
    }
    Ok((system.join("\n\n"), turns.into_iter().map(turn).collect()))
}

fn turn((role, blocks): (&str, Vec<Value>)) -> Value {
    match blocks.as_slice() {
        [only] if only["type"] == "text" => json!({ "role": role, "content": only["text"] }),
        _ => json!({ "role": role, "content": blocks }),
    }
}

/// The blocks of a message. Empty texts are refused by the protocol and say nothing.
fn content(message: &Message) -> Result<Vec<Value>, EncodeError> {
    match &message.content {
        None => Ok(Vec::new()),
        Some(Content::Text(text)) => Ok(text_block(text).into_iter().collect()),
        Some(Content::Parts(parts)) => parts.iter().filter_map(|part| block(part).transpose()).collect(),
    }
}

fn text_block(text: &str) -> Option<Value> {
    (!text.is_empty()).then(|| json!({ "type": "text", "text": text }))
}

fn block(part: &Value) -> Result<Option<Value>, EncodeError> {
    match part["type"].as_str() {
        Some("text") => Ok(text_block(part["text"].as_str().unwrap_or_default())),
        Some("image_url") => {
            let url = part["image_url"]["url"].as_str().unwrap_or_default();
            let embedded = url.strip_prefix("data:").and_then(|data| data.split_once(";base64,"));
            let source = match embedded {
                Some((media_type, data)) => json!({ "type": "base64", "media_type": media_type, "data": data }),
                None => json!({ "type": "url", "url": url }),
            };
            Ok(Some(json!({ "type": "image", "source": source })))
        }
        kind => {
            let kind = kind.unwrap_or("without a type");
            Err(EncodeError(format!("a message part {kind:?} has no counterpart at Anthropic")))
        }
    }
}

#[derive(Deserialize)]
struct Called {
    id: String,
    function: Function,
}

#[derive(Deserialize)]
struct Function {
    name: String,
    #[serde(default)]
    arguments: String,
}

fn assistant(message: &Message) -> Result<Vec<Value>, EncodeError> {
    let mut blocks = content(message)?;
    let Some(calls) = message.tool_calls.as_ref().filter(|calls| !calls.is_null()) else { return Ok(blocks) };
    let calls = Vec::<Called>::deserialize(calls)
        .map_err(|_| EncodeError("an assistant message has tool_calls without id, function name or arguments".to_owned()))?;
    for Called { id, function } in calls {
        let arguments = if function.arguments.trim().is_empty() { "{}" } else { &function.arguments };
        let input: Value = serde_json::from_str(arguments)
            .map_err(|_| EncodeError(format!("the arguments of a call to {:?} are not JSON", function.name)))?;
        blocks.push(json!({ "type": "tool_use", "id": id, "name": function.name, "input": input }));
    }
    Ok(blocks)
}

fn tool_result(message: &Message) -> Result<Value, EncodeError> {
    let id = message.tool_call_id.as_deref();
    let id = id.ok_or_else(|| EncodeError("a tool message has no tool_call_id: which call does it answer?".to_owned()))?;
    Ok(json!({ "type": "tool_result", "tool_use_id": id, "content": content(message)? }))
}

#[derive(Deserialize)]
struct Declared<'a> {
    #[serde(borrow)]
    function: DeclaredFunction<'a>,
}

#[derive(Deserialize)]
struct DeclaredFunction<'a> {
    name: String,
    description: Option<String>,
    #[serde(borrow, default)]
    parameters: Option<&'a RawValue>,
}

/// Tool declarations; a schema's text is kept as it came.
#[derive(serde::Serialize)]
pub(super) struct Tool<'a> {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    input_schema: Schema<'a>,
}

#[derive(serde::Serialize)]
#[serde(untagged)]
enum Schema<'a> {
    Given(&'a RawValue),
    Empty { r#type: &'static str },
}

/// OpenAI's tool declarations in Anthropic's form.
pub(super) fn tools(declared: &str) -> Result<Vec<Tool<'_>>, EncodeError> {
    let declared: Vec<Declared<'_>> = serde_json::from_str(declared)
        .map_err(|_| EncodeError("the tools are not all functions with a name: Anthropic takes no others".to_owned()))?;
    let tools = declared.into_iter().map(|Declared { function }| Tool {
        name: function.name,
        description: function.description,
        input_schema: function.parameters.map_or(Schema::Empty { r#type: "object" }, Schema::Given),
    });
    Ok(tools.collect())
}

/// OpenAI's `tool_choice` and `parallel_tool_calls` in Anthropic's form; `None` for the default.
pub(super) fn tool_choice(choice: Option<&Value>, parallel: Option<bool>) -> Result<Option<Value>, EncodeError> {
    let mut chosen = match choice {
        None | Some(Value::Null) => None,
        Some(Value::String(word)) => match word.as_str() {
            "auto" => Some(json!({ "type": "auto" })),
            "none" => Some(json!({ "type": "none" })),
            "required" => Some(json!({ "type": "any" })),
            other => return Err(EncodeError(format!("the tool_choice {other:?} has no counterpart at Anthropic"))),
        },
        Some(choice) => match choice["function"]["name"].as_str() {
            Some(name) => Some(json!({ "type": "tool", "name": name })),
            None => return Err(EncodeError("the tool_choice names no function: Anthropic takes no other".to_owned())),
        },
    };
    if parallel == Some(false) {
        let chosen = chosen.get_or_insert_with(|| json!({ "type": "auto" }));
        if chosen["type"] != "none" {
            chosen["disable_parallel_tool_use"] = Value::Bool(true);
        }
    }
    Ok(chosen)
}
