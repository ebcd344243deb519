//! Logs of chat completions: what was asked, what came back, and whether it was right.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

use serde::Deserialize;
use serde_json::value::RawValue;
use tierfall_core::calls::worth_probing;
use tierfall_core::completion::Completion;
use tierfall_core::gate::Gate;
use tierfall_core::number::Threshold;
use tierfall_core::request::Request;
use tierfall_core::signal::table::SignalSpec;
use tierfall_core::signal::{Evidence, NamedSignal};
use tierfall_wire::dialect::openai_chat::OpenAiChat;
use tierfall_wire::dialect::{Dialect, NoAnswer};
use tierfall_wire::openai::parse_request;

use super::grades::Grades;
use super::records::lines;
use super::row::{ConvertedCell, ConvertedRow, at};
use super::{Converted, ImportOptions};
use crate::Error;
use crate::observations::faults::Fault;
use crate::observations::scalar::Scalar;
use crate::observations::{BadRows, as_python, json_error, value};

/// The signals that an answer alone gives.
const SIGNALS: [&str; 5] = ["mean-logprob", "sum-logprob", "min-logprob", "margin", "entropy"];

/// One line. Keys that are not here are passed over.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Entry<'a> {
    #[serde(borrow)]
    id: Scalar<'a>,
    custom_id: Scalar<'a>,
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
    /// Batch files say here what became of a request that was never answered.
    error: Option<&'a RawValue>,
}

/// What one line says.
struct Answer {
    /// The example, without its tiers.
    row: ConvertedRow,
    /// Who answered; a call that failed in a batch names nobody.
    tier: Option<String>,
    cell: ConvertedCell,
    /// Whether there is a request that cannot be read.
    unread: bool,
}

/// What is read of a request or response besides what `wire` reads.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Envelope<'a> {
    #[serde(borrow)]
    model: Scalar<'a>,
    /// Batch files wrap the body of a response.
    body: Option<&'a RawValue>,
}

pub(super) fn convert(path: &Path, options: &ImportOptions, converted: &mut Converted<'_>) -> Result<(), Error> {
    let specs = SIGNALS.iter().filter_map(|name| SignalSpec::by_name(name)?.build().ok());
    let signals: Vec<NamedSignal> = specs.collect();
    let grades = Grades::new(options);
    // Tiers that answered one example stand on lines of their own.
    let mut examples = Examples::default();
    let mut nobodys = Vec::new();
    lines(path, |line, text| {
        converted.report.read += 1;
        let of_line = as_python(text, |text| {
            let entry: Entry<'_> = serde_json::from_slice(text)?;
            let id = id(&entry);
            Ok((id.clone().ok(), id.and_then(|id| answer(&entry, id, options, &grades, &signals))))
        });
        let (id, answer) = of_line.unwrap_or_else(|error| (None, Err(Fault::new("", json_error(&error)))));
        match answer {
            Ok(Answer { row, tier: Some(tier), cell, unread }) => {
                converted.report.unread_requests += u64::from(unread);
                examples.put(line, row, tier, cell).or_else(|fault| converted.bad(line, fault))
            }
            Ok(Answer { row, tier: None, cell, .. }) => {
                nobodys.push((line, row, cell));
                Ok(())
            }
            Err(fault) => {
                examples.lost.push(id);
                converted.bad(line, fault)
            }
        }
    })?;
    converted.judge(&grades);
    let only = examples.only_tier();
    for (line, row, cell) in nobodys {
        let put = if let Some(tier) = &only {
            examples.put(line, row, tier.clone(), cell)
        } else {
            examples.lost.push(Some(row.id));
            Err(Fault::new("/tier", "is missing: the call failed, and it is not one tier alone that answered others"))
        };
        put.or_else(|fault| converted.bad(line, fault))?;
    }
    let torn = if options.bad_rows == BadRows::AtRandom { examples.torn() } else { HashSet::new() };
    for (line, example) in &examples.rows {
        match torn.get(&*example.id) {
            Some(_) => converted.bad(
                *line,
                Fault::new("/id", format!("{:?} may have another answer on a line that cannot be read", example.id)),
            )?,
            None => converted.write(example)?,
        }
    }
    Ok(())
}

/// The examples so far, in the order in which they came.
#[derive(Default)]
struct Examples {
    /// Each with the first of its lines.
    rows: Vec<(u64, ConvertedRow)>,
    places: HashMap<String, usize>,
    /// The ids of lines that cannot be read, as far as these tell them.
    lost: Vec<Option<String>>,
}

impl Examples {
    fn put(&mut self, line: u64, row: ConvertedRow, tier: String, cell: ConvertedCell) -> Result<(), Fault> {
        let place = *self.places.entry(row.id.clone()).or_insert(self.rows.len());
        if place == self.rows.len() {
            self.rows.push((line, row));
        }
        let known = &mut self.rows[place].1;
        if known.tiers.iter().any(|(there, _)| *there == tier) {
            let reason =
                format!("tier {tier:?} has answered {:?} before; give repeats ids of their own and one `group`", known.id);
            return Err(Fault::new("/id", reason));
        }
        known.tiers.push((tier, cell));
        Ok(())
    }

    fn tiers(&self) -> BTreeSet<&str> {
        self.rows.iter().flat_map(|(_, row)| row.tiers.iter().map(|(tier, _)| &**tier)).collect()
    }

    /// The tier of all answers, where there is only one.
    fn only_tier(&self) -> Option<String> {
        let tiers = self.tiers();
        tiers.first().filter(|_| tiers.len() == 1).map(|tier| (*tier).to_owned())
    }

    /// The examples that an answer is lost of, or may be: what a tier has answered would seem not to be there, and a tier that is not there
    /// loses nothing.
    fn torn(&self) -> HashSet<&str> {
        let (nameless, tiers) = (self.lost.contains(&None), self.tiers().len());
        let named: HashSet<&str> = self.lost.iter().flatten().map(String::as_str).collect();
        let torn = self.rows.iter().filter(|(_, row)| named.contains(&*row.id) || nameless && row.tiers.len() < tiers);
        torn.map(|(_, row)| &*row.id).collect()
    }
}

fn name(field: &str, value: &Scalar<'_>) -> Result<Option<String>, Fault> {
    at(field, value::name(value).map(|name| name.map(str::to_owned)))
}

fn missing(field: &str, why: &str) -> Fault {
    Fault::new(field, format!("is missing: {why}"))
}

/// The example that a line is of.
fn id(entry: &Entry<'_>) -> Result<String, Fault> {
    match name("/id", &entry.id)? {
        Some(id) => Ok(id),
        None => name("/custom_id", &entry.custom_id)?.ok_or_else(|| missing("/id", "it names the example")),
    }
}

/// One line as an example with one tier.
fn answer(
    entry: &Entry<'_>,
    id: String,
    options: &ImportOptions,
    grades: &Grades<'_>,
    signals: &[NamedSignal],
) -> Result<Answer, Fault> {
    let amount = |field: &str, value: &Scalar<'_>| at(field, value::amount(value, 0.0));
    // Some logs write an empty one beside every answer.
    let is_error =
        |error: Option<&RawValue>| error.is_some_and(|error| !["null", "false", "\"\"", "{}"].contains(&error.get().trim()));
    let answered = entry.response.is_some_and(|response| response.get() != "null");
    let never_answered = is_error(entry.error) && !answered;
    let (body, inner) = match entry.response {
        Some(response) => {
            if !response.get().starts_with('{') {
                return Err(Fault::new("/response", "is no object"));
            }
            let outer: Envelope<'_> =
                serde_json::from_str(response.get()).map_err(|error| Fault::new("/response", json_error(&error)))?;
            match outer.body {
                None => (response, outer),
                Some(body) => {
                    let inner = serde_json::from_str(body.get());
                    (body, inner.map_err(|error| Fault::new("/response/body", json_error(&error)))?)
                }
            }
        }
        None if never_answered => (RawValue::NULL, Envelope::default()),
        None => return Err(missing("/response", "there is no answer")),
    };
    let request = entry.request.filter(|request| request.get() != "null");
    let asked: Option<Envelope<'_>> = request.and_then(|request| serde_json::from_str(request.get()).ok());
    let parsed = request.map(|raw| parse_request(raw.get(), id.clone().into()));
    let unread = matches!(parsed, Some(Err(_)));
    let model = match (name("/tier", &entry.tier)?, &asked) {
        (Some(tier), _) => Some(tier),
        (None, Some(asked)) => name("/request/model", &asked.model)?.or(name("/response/model", &inner.model)?),
        (None, None) => name("/response/model", &inner.model)?,
    };
    let decoded = (!never_answered).then(|| OpenAiChat.decode(body.get().as_bytes()));
    let failed = matches!(&decoded, None | Some(Err(NoAnswer::Failed(_))));
    let tier = model.map(|model| options.tier(&model));
    if tier.is_none() && !failed {
        return Err(missing("/tier", "neither `tier` nor a model says who answered"));
    }
    let correct = match grades.read("/correct", &entry.correct)? {
        Some(grade) => Some(grade),
        None => grades.read("/label", &entry.label)?,
    };
    let mut cell = ConvertedCell {
        said: true,
        correct,
        judged: grades.read("/judged", &entry.judged)?,
        judge: name("/judge", &entry.judge)?,
        cost_usd: amount("/cost_usd", &entry.cost_usd)?,
        latency_ms: amount("/latency_ms", &entry.latency_ms)?,
        ..ConvertedCell::default()
    };
    // A failed call is a wrong answer that no signal says anything of.
    match decoded {
        None | Some(Err(NoAnswer::Failed(_))) => (cell.correct, cell.judged, cell.judge) = (Some(0.0), None, None),
        Some(Err(NoAnswer::Unreadable(error))) => return Err(Fault::new(format!("/response{}", error.at), error.why)),
        Some(Ok(completion)) => {
            let request = parsed.and_then(Result::ok);
            let request = request.map_or_else(|| Request::from_messages(id.clone(), Vec::new()), |(request, _)| request);
            read(&mut cell, &request, &completion, signals);
        }
    }
    let (segment, group, split) =
        (name("/segment", &entry.segment)?, name("/group", &entry.group)?, name("/split", &entry.split)?);
    Ok(Answer { row: ConvertedRow { id, segment, group, split, ..ConvertedRow::default() }, tier, cell, unread })
}

fn read(cell: &mut ConvertedCell, request: &Request, completion: &Completion, signals: &[NamedSignal]) {
    (cell.input_tokens, cell.output_tokens) = completion.usage.map(|usage| (usage.input, usage.output)).unzip();
    for named in signals {
        // Whether a gate would let its threshold decide at all.
        let counts = worth_probing(&Gate::new(named.clone(), Threshold::DeferAll), request, completion);
        let reading = named.read(Evidence { request, answer: completion, probe: None });
        cell.confidence.insert(named.label.to_string(), reading.ok().filter(|_| counts));
    }
}
