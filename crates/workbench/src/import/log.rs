//! Logs of chat completions: what was asked, what came back, and whether it was right.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::value::RawValue;
use tierfall_core::completion::Completion;
use tierfall_core::request::Request;
use tierfall_wire::dialect::anthropic::Anthropic;
use tierfall_wire::dialect::openai_chat::OpenAiChat;
use tierfall_wire::dialect::{Dialect, NoAnswer};
use tierfall_wire::openai::parse_request;

use super::chat::{Reader, of_responses};
use super::grades::Grades;
use super::joined::{Answer, Joined, Lacking};
use super::records::lines;
use super::row::{ConvertedCell, ConvertedRow, at};
use super::{Converted, ImportOptions};
use crate::Error;
use crate::observations::faults::Fault;
use crate::observations::scalar::Scalar;
use crate::observations::text::Plain;
use crate::observations::{as_python, json_error, value};

/// One line. Keys that are not here are passed over.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry<'a> {
    #[serde(borrow)]
    id: Scalar<'a>,
    custom_id: Scalar<'a>,
    /// What Gemini's batches call it.
    key: Scalar<'a>,
    segment: Scalar<'a>,
    group: Scalar<'a>,
    split: Scalar<'a>,
    tier: Scalar<'a>,
    correct: Scalar<'a>,
    label: Scalar<'a>,
    judged: Scalar<'a>,
    judge: Scalar<'a>,
    latency_ms: Scalar<'a>,
    cost_usd: Scalar<'a>,
    request: Option<&'a RawValue>,
    response: Option<&'a RawValue>,
    /// Batches of Anthropic's messages say here what became of a request
    /// (`docs.anthropic.com/en/api/retrieving-message-batch-results`).
    result: Option<&'a RawValue>,
    /// OpenAI's batch files say here what became of a request that was never answered (`platform.openai.com/docs/guides/batch`).
    error: Option<&'a RawValue>,
}

/// What is read of a request or response besides what `wire` reads.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Envelope<'a> {
    #[serde(borrow)]
    model: Scalar<'a>,
    object: Scalar<'a>,
    status_code: Scalar<'a>,
    /// Batch files wrap the body of a response.
    body: Option<&'a RawValue>,
}

/// What came of a request of a batch.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Outcome<'a> {
    #[serde(borrow)]
    r#type: Scalar<'a>,
    message: Option<&'a RawValue>,
}

pub(super) fn convert(paths: &[PathBuf], options: &ImportOptions, converted: &mut Converted<'_>) -> Result<(), Error> {
    let reader = Reader::new();
    let mut joined = Joined::default();
    for path in paths {
        let grades = Grades::new(options);
        joined.begin(path, converted);
        lines(path, |line, text| {
            converted.report.read += 1;
            let of_line = as_python(text, |text| {
                let entry: Entry<'_> = serde_json::from_slice(text)?;
                let id = id(&entry);
                Ok((id.clone().ok(), id.and_then(|id| answer(&entry, id, (path, options), &grades, &reader))))
            });
            let (id, answer) = of_line.unwrap_or_else(|error| (None, Err(Fault::new("", json_error(&error)))));
            let answer = answer.map(|(answer, unread)| {
                converted.report.unread_requests += u64::from(unread);
                answer
            });
            joined.add(line, id, answer).or_else(|fault| converted.bad(line, fault))
        })?;
        converted.judge(&grades);
        joined.end(converted)?;
    }
    joined.write(Lacking::Nothing, converted)
}

fn name(field: &str, value: &Scalar<'_>) -> Result<Option<String>, Fault> {
    at(field, value::name(value).map(|name| name.map(str::to_owned)))
}

fn missing(field: &str, why: &str) -> Fault {
    Fault::new(field, format!("is missing: {why}"))
}

/// The example that a line is of. A batch has an `id` of its own for each of its lines, which is another in every batch.
fn id(entry: &Entry<'_>) -> Result<String, Fault> {
    match name("/custom_id", &entry.custom_id)? {
        Some(id) => Ok(id),
        None => name("/id", &entry.id)?.ok_or_else(|| {
            missing(
                "/id",
                if entry.key.is_absent() {
                    "it names the example"
                } else {
                    "it names the example; a `key` in its place is of Gemini's batches, whose replies are not read: write `id`, `answer` and \
                     `correct` of each line, which `tierfall import tidy` joins"
                },
            )
        }),
    }
}

/// What came back.
#[derive(Default)]
struct Came<'a> {
    /// The model that answered, as the reply names it.
    model: Option<String>,
    /// The reply, in a dialect, and where it stands; none where the request failed.
    reply: Option<(&'static dyn Dialect, &'a RawValue, &'static str)>,
}

fn came<'a>(entry: &Entry<'a>) -> Result<Came<'a>, Fault> {
    // Some logs write an empty one beside every answer.
    let is_error =
        |error: Option<&RawValue>| error.is_some_and(|error| !["null", "false", "\"\"", "{}"].contains(&error.get().trim()));
    let answered = entry.response.is_some_and(|response| response.get() != "null");
    if let Some(result) = entry.result.filter(|_| !answered) {
        return of_batch(result);
    }
    let Some(response) = entry.response.filter(|_| answered || !is_error(entry.error)) else {
        return if is_error(entry.error) { Ok(Came::default()) } else { Err(missing("/response", "there is no answer")) };
    };
    let outer = envelope("/response", response)?;
    if matches!(outer.status_code.plain(), Plain::Number(status) if status >= 400.0) {
        return Ok(Came::default());
    }
    let (at, body, inner) = match outer.body {
        None => ("/response", response, outer),
        Some(body) => ("/response", body, envelope("/response/body", body)?),
    };
    let model = name("/response/model", &inner.model)?;
    Ok(Came { model, reply: Some((&OpenAiChat, body, at)) })
}

fn of_batch(result: &RawValue) -> Result<Came<'_>, Fault> {
    let outcome: Outcome<'_> = serde_json::from_str(result.get()).map_err(|error| Fault::new("/result", json_error(&error)))?;
    match (outcome.r#type.as_text(), outcome.message) {
        (Some("succeeded"), Some(message)) => {
            let model = name("/result/message/model", &envelope("/result/message", message)?.model)?;
            Ok(Came { model, reply: Some((&Anthropic, message, "/result/message")) })
        }
        (Some("errored" | "canceled" | "expired"), _) => Ok(Came::default()),
        _ => Err(Fault::new("/result/type", "is not \"succeeded\" with a `message`, \"errored\", \"canceled\" or \"expired\"")),
    }
}

fn envelope<'a>(field: &str, raw: &'a RawValue) -> Result<Envelope<'a>, Fault> {
    if !raw.get().starts_with('{') {
        return Err(Fault::new(field, "is no object"));
    }
    serde_json::from_str(raw.get()).map_err(|error| Fault::new(field, json_error(&error)))
}

/// The answer that a reply is; none where it tells of a failure.
fn decoded(came: &Came<'_>) -> Result<Option<Completion>, Fault> {
    let Some((dialect, body, at)) = came.reply else { return Ok(None) };
    let object = serde_json::from_str::<Envelope<'_>>(body.get()).ok().and_then(|body| body.object.as_text().map(str::to_owned));
    // As embeddings come.
    if object.as_deref() == Some("list") {
        return Err(Fault::new(
            at,
            "is a list, and no answer: it is of another endpoint; read are chat completions, Responses and messages",
        ));
    }
    let decoded = if object.as_deref() == Some("response") {
        let reply = serde_json::from_str(body.get()).map_err(|error| Fault::new(at, json_error(&error)))?;
        dialect.decode(of_responses(&reply).to_string().as_bytes())
    } else {
        dialect.decode(body.get().as_bytes())
    };
    match decoded {
        Ok(completion) => Ok(Some(completion)),
        Err(NoAnswer::Failed(_)) => Ok(None),
        Err(NoAnswer::Unreadable(error)) => Err(Fault::new(format!("{at}{}", error.at), error.why)),
    }
}

/// One line as an answer, and whether it has a request that cannot be read.
fn answer(
    entry: &Entry<'_>,
    id: String,
    (path, options): (&Path, &ImportOptions),
    grades: &Grades<'_>,
    reader: &Reader,
) -> Result<(Answer, bool), Fault> {
    let amount = |field: &str, value: &Scalar<'_>| at(field, value::amount(value, 0.0));
    let came = came(entry)?;
    let request = entry.request.filter(|request| request.get() != "null");
    let asked: Option<Envelope<'_>> = request.and_then(|request| serde_json::from_str(request.get()).ok());
    let parsed = request.map(|raw| parse_request(raw.get(), id.clone().into()));
    let unread = matches!(parsed, Some(Err(_)));
    let completion = decoded(&came)?;
    let model = match (name("/tier", &entry.tier)?, &asked) {
        (Some(tier), _) => Some(tier),
        (None, Some(asked)) => name("/request/model", &asked.model)?.or(came.model),
        (None, None) => came.model,
    };
    let tier = options.tier_of(path, model);
    if tier.is_none() && completion.is_some() {
        return Err(missing("/tier", "neither `tier` nor a model says who answered; --tier NAME does for the whole file"));
    }
    let correct = match grades.read("/correct", &entry.correct)? {
        Some(grade) => Some(grade),
        None => grades.read("/label", &entry.label)?,
    };
    let mut cell = ConvertedCell {
        correct,
        judged: grades.read("/judged", &entry.judged)?,
        judge: name("/judge", &entry.judge)?,
        cost_usd: amount("/cost_usd", &entry.cost_usd)?,
        latency_ms: amount("/latency_ms", &entry.latency_ms)?,
        ..ConvertedCell::default()
    };
    match completion {
        // A failed call is a wrong answer that no signal says anything of.
        None => (cell.correct, cell.judged, cell.judge) = (Some(0.0), None, None),
        Some(completion) => {
            let request = parsed.and_then(Result::ok);
            let request = request.map_or_else(|| Request::from_messages(id.clone(), Vec::new()), |(request, _)| request);
            reader.read(&mut cell, &request, &completion);
        }
    }
    let (segment, group, split) =
        (name("/segment", &entry.segment)?, name("/group", &entry.group)?, name("/split", &entry.split)?);
    Ok((Answer { row: ConvertedRow { id, segment, group, split, ..ConvertedRow::default() }, tier, cell }, unread))
}
