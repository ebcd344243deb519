//! The text of a baseline: written one line an example, read strictly.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tierfall_core::money::Money;
use tierfall_core::trace::OutcomeKind;

use super::entry::{Entry, EntryItem, Summary};
use super::error::BaselineError;
use super::played::Mode;
use crate::located::{Fault, Located};

/// The version that this program writes and reads.
const VERSION: u64 = 1;
/// What the first key says.
const KIND: &str = "baseline";

const OUTCOMES: [OutcomeKind; 5] =
    [OutcomeKind::Answered, OutcomeKind::Abstained, OutcomeKind::Review, OutcomeKind::Refused, OutcomeKind::Failed];

/// An item as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    asked: Cow<'a, str>,
    #[serde(borrow)]
    segment: Cow<'a, str>,
    /// Absent where it is `answered`.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    outcome: Option<Cow<'a, str>>,
    #[serde(borrow)]
    tier: Option<Cow<'a, str>>,
    correct: f64,
    /// Digit by digit: money is exact.
    #[serde(borrow)]
    cost_usd: Option<&'a RawValue>,
    #[serde(borrow)]
    answer: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    latency_ms: Option<f64>,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    repeats: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    errors: u32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    flaky: bool,
}

fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
fn is_one(n: &u32) -> bool {
    *n == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's skip_serializing_if passes a reference")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// USD as plain decimals, with as many places as there are.
fn decimals(money: Money) -> String {
    const PICO: u128 = 1_000_000_000_000;
    let (usd, pico) = (money.pico() / PICO, money.pico() % PICO);
    if pico == 0 {
        return usd.to_string();
    }
    format!("{usd}.{}", format!("{pico:012}").trim_end_matches('0'))
}

fn raw(money: Money) -> Box<RawValue> {
    RawValue::from_string(decimals(money)).expect("plain decimals are a JSON number")
}

fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("plain data with string keys is always JSON")
}

pub(super) fn render(entries: &[Entry]) -> String {
    let mut out = format!("{{\n\"tierfall\": \"{KIND}\",\n\"version\": {VERSION},\n\"entries\": [");
    for (place, entry) in entries.iter().enumerate() {
        let (fixtures, split, mode) = (json(&entry.fixtures), json(&entry.split), json(&entry.mode));
        let (system, tiers, summary) = (json(&entry.system), json(&entry.tiers), summary(&entry.summary));
        // Writing to a string cannot fail.
        let _ = write!(
            out,
            "{}\n{{\n\"fixtures\": {fixtures},\n\"split\": {split},\n\"mode\": {mode},\n\"system\": {system},\n\"tiers\": {tiers},\n\
             \"summary\": {summary},\n\"items\": [",
            if place == 0 { "" } else { "," },
        );
        for (place, line) in entry.items.par_iter().map(row).collect::<Vec<_>>().iter().enumerate() {
            out.push_str(if place == 0 { "\n" } else { ",\n" });
            out.push_str(line);
        }
        out.push_str("\n]\n}");
    }
    out.push_str("\n]\n}\n");
    out
}

fn summary(summary: &Summary) -> String {
    let served: Vec<String> = summary.served.iter().map(|(tier, n)| format!("{}: {n}", json(tier))).collect();
    let cost = summary.cost.map_or_else(|| "null".to_owned(), decimals);
    let failed = if summary.failed == 0 { String::new() } else { format!("\"failed\": {}, ", summary.failed) };
    format!(
        "{{\"n\": {}, {failed}\"correct\": {}, \"cost_usd\": {cost}, \"served\": {{{}}}}}",
        summary.n,
        json(&summary.correct),
        served.join(", ")
    )
}

fn row(item: &EntryItem) -> String {
    let cost = item.cost.map(raw);
    json(&Row {
        id: Cow::Borrowed(&item.id),
        asked: Cow::Borrowed(&item.asked),
        segment: Cow::Borrowed(&item.segment),
        outcome: (item.outcome != OutcomeKind::Answered).then(|| Cow::Borrowed(item.outcome.as_str())),
        tier: item.tier.as_deref().map(Cow::Borrowed),
        correct: item.correct,
        cost_usd: cost.as_deref(),
        answer: item.answer.as_deref().map(Cow::Borrowed),
        latency_ms: item.latency_ms,
        repeats: item.repeats,
        errors: item.errors,
        flaky: item.flaky,
    })
}

/// The entries of a file, in its order.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<Entry>, Fault> {
    let text = std::str::from_utf8(bytes).map_err(|error| not_utf8(bytes, error.valid_up_to()))?;
    let whole = Located::new(text);
    let mut keys = Keys::of(&whole).map_err(|fault| conflict(text).unwrap_or(fault))?;
    // What it is comes first: the rest may have another form then.
    let kind = keys.take("tierfall")?;
    if kind.parse::<Cow<'_, str>>()? != KIND {
        return Err(kind.fault(format!("this is no baseline: it says \"tierfall\": {}", kind.as_written())));
    }
    let version = keys.take("version")?;
    if version.parse::<u64>()? != VERSION {
        let why = format!("it is of version {} of the format, and this program reads {VERSION}", version.as_written());
        return Err(version.fault(why));
    }
    let list = keys.take("entries")?;
    keys.end()?;
    let mut entries: Vec<Entry> = Vec::new();
    for (place, value) in list.parse::<Vec<&RawValue>>()?.into_iter().enumerate() {
        let located = list.part(&format!("/{place}"), value);
        let new = entry(&located)?;
        let same = |old: &Entry| (&old.fixtures, &old.split, old.mode) == (&new.fixtures, &new.split, new.mode);
        if entries.iter().any(same) {
            let (fixtures, split, mode) = (&new.fixtures, &new.split, new.mode.as_str());
            return Err(located.fault(format!("the {mode} of split \"{split}\" of \"{fixtures}\" stands there twice")));
        }
        entries.push(new);
    }
    Ok(entries)
}

fn not_utf8(bytes: &[u8], valid: usize) -> Fault {
    let before = String::from_utf8_lossy(&bytes[..valid]);
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    Fault { line, column, pointer: String::new(), why: "not UTF-8".to_owned() }
}

/// Version control leaves these where two branches changed the same lines.
fn conflict(text: &str) -> Option<Fault> {
    let line = text.lines().position(|line| line.starts_with("<<<<<<< "))? + 1;
    Some(Fault { line, column: 1, pointer: String::new(), why: "an unresolved merge conflict".to_owned() })
}

/// The values of an object, taken out key by key.
struct Keys<'l, 't> {
    of: &'l Located<'t>,
    left: BTreeMap<String, Located<'t>>,
    known: Vec<&'static str>,
}

impl<'l, 't> Keys<'l, 't> {
    fn of(of: &'l Located<'t>) -> Result<Self, Fault> {
        Ok(Self { of, left: of.object()?, known: Vec::new() })
    }

    fn take(&mut self, key: &'static str) -> Result<Located<'t>, Fault> {
        self.known.push(key);
        self.left.remove(key).ok_or_else(|| self.of.fault(format!("the key \"{key}\" is missing")))
    }

    fn take_if_there(&mut self, key: &'static str) -> Option<Located<'t>> {
        self.known.push(key);
        self.left.remove(key)
    }

    fn text(&mut self, key: &'static str) -> Result<String, Fault> {
        let value = self.take(key)?;
        let text: String = value.parse()?;
        if text.is_empty() { Err(value.fault("must not be empty")) } else { Ok(text) }
    }

    fn end(self) -> Result<(), Fault> {
        match self.left.into_values().next() {
            Some(unknown) => Err(unknown.fault(format!("unknown key; the keys here are {}", self.known.join(", ")))),
            None => Ok(()),
        }
    }
}

fn entry(located: &Located<'_>) -> Result<Entry, Fault> {
    let mut keys = Keys::of(located)?;
    let (fixtures, split) = (keys.text("fixtures")?, keys.text("split")?);
    let mode: Mode = keys.take("mode")?.parse()?;
    let system = keys.text("system")?;
    let tiers: Vec<Arc<str>> = keys.take("tiers")?.parse()?;
    let (told, list) = (keys.take("summary")?, keys.take("items")?);
    keys.end()?;
    let mut items = items(&list, &tiers)?;
    items.sort_by(|a, b| a.id.cmp(&b.id));
    let summary = Summary::of(&tiers, &items);
    check(&told, &summary)?;
    Ok(Entry { fixtures, split, mode, system, tiers, summary, items })
}

/// The summary is what the items come to; otherwise somebody, or a merge of two branches, took lines from elsewhere.
fn check(told: &Located<'_>, summary: &Summary) -> Result<(), Fault> {
    let mut keys = Keys::of(told)?;
    let (n, correct, cost, served) = (keys.take("n")?, keys.take("correct")?, keys.take("cost_usd")?, keys.take("served")?);
    let failed = keys.take_if_there("failed");
    keys.end()?;
    let n_failed = failed.as_ref().map_or(Ok(0), Located::parse::<usize>)?;
    let counts: BTreeMap<String, usize> = served.parse()?;
    let same_served =
        counts.len() == summary.served.len() && summary.served.iter().all(|(tier, count)| counts.get(&**tier) == Some(count));
    let paid = cost.parse::<Option<&RawValue>>()?.map(|raw| money(&cost, raw)).transpose()?;
    let checks = [
        (&n, n.parse::<usize>()? == summary.n),
        (failed.as_ref().unwrap_or(told), n_failed == summary.failed),
        // Bit for bit: it is the same sum in the same order.
        (&correct, correct.parse::<f64>()?.to_bits() == summary.correct.to_bits()),
        (&cost, paid == summary.cost),
        (&served, same_served),
    ];
    match checks.into_iter().find(|(_, same)| !same) {
        None => Ok(()),
        Some((value, _)) => Err(value.fault(
            "the summary is not what the items come to: lines were taken out, edited, or merged from two branches".to_owned(),
        )),
    }
}

fn money(located: &Located<'_>, raw: &RawValue) -> Result<Money, Fault> {
    raw.get().parse().map_err(|error| located.fault(format!("{} is no exact amount of USD: {error}", raw.get())))
}

fn items(list: &Located<'_>, tiers: &[Arc<str>]) -> Result<Vec<EntryItem>, Fault> {
    let values: Vec<&RawValue> = list.parse()?;
    if values.is_empty() {
        return Err(list.fault("there is not a single item"));
    }
    let at = |place: usize| list.part(&format!("/{place}"), values[place]);
    let rows: Vec<Result<Row<'_>, Fault>> = values
        .par_iter()
        .enumerate()
        .map(|(place, value)| serde_json::from_str(value.get()).or_else(|_| at(place).parse()))
        .collect();
    let (mut items, mut segments) = (Vec::with_capacity(values.len()), Names::default());
    let mut places: HashMap<Arc<str>, usize> = HashMap::with_capacity(values.len());
    for (place, row) in rows.into_iter().enumerate() {
        let item = item(&at(place), row?, tiers, &mut segments)?;
        if let Some(first) = places.insert(item.id.clone(), place) {
            let line = at(first).fault("").line;
            return Err(at(place).key("id").fault(format!("the id \"{}\" is taken by line {line}", item.id)));
        }
        items.push(item);
    }
    Ok(items)
}

/// Names that repeat, each kept once.
#[derive(Default)]
struct Names(BTreeMap<String, Arc<str>>);

impl Names {
    fn keep(&mut self, name: &str) -> Arc<str> {
        if let Some(known) = self.0.get(name) {
            return known.clone();
        }
        let new: Arc<str> = name.into();
        self.0.insert(name.to_owned(), new.clone());
        new
    }
}

fn item(located: &Located<'_>, row: Row<'_>, tiers: &[Arc<str>], segments: &mut Names) -> Result<EntryItem, Fault> {
    let fault = |key: &str, why: &str| Err(located.key(key).fault(why));
    if row.id.is_empty() {
        return fault("id", "must not be empty");
    }
    if !(0.0..=1.0).contains(&row.correct) {
        return fault("correct", "a grade is from 0 to 1");
    }
    if row.latency_ms.is_some_and(|ms| ms < 0.0) {
        return fault("latency_ms", "must not be negative");
    }
    if row.repeats == 0 {
        return fault("repeats", "must be at least 1");
    }
    if row.errors > row.repeats {
        return fault("errors", "cannot be more than there are repeats");
    }
    let tier = match row.tier.as_deref() {
        None => None,
        Some(name) => match tiers.iter().find(|tier| ***tier == *name) {
            Some(tier) => Some(tier.clone()),
            None => return fault("tier", &format!("\"{name}\" is none of the tiers of this entry ({})", tiers.join(", "))),
        },
    };
    let outcome = match row.outcome.as_deref() {
        None => OutcomeKind::Answered,
        Some(name) => match OUTCOMES.into_iter().find(|outcome| outcome.as_str() == name) {
            Some(outcome) => outcome,
            None => {
                return fault("outcome", &format!("\"{name}\" is no outcome ({})", OUTCOMES.map(OutcomeKind::as_str).join(", ")));
            }
        },
    };
    Ok(EntryItem {
        id: row.id.into(),
        asked: row.asked.into_owned(),
        segment: segments.keep(&row.segment),
        outcome,
        tier,
        correct: row.correct,
        cost: row.cost_usd.map(|raw| money(&located.key("cost_usd"), raw)).transpose()?,
        answer: row.answer.map(Cow::into_owned),
        latency_ms: row.latency_ms,
        repeats: row.repeats,
        errors: row.errors,
        flaky: row.flaky,
    })
}

/// What is said of a file that cannot be read.
pub(super) fn broken(path: &Path, fault: Fault) -> BaselineError {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let cascade = path.with_file_name(format!("{}.cascade.toml", name.strip_suffix(".baseline.json").unwrap_or(&name)));
    let Fault { line, column, pointer, why } = fault;
    let mend = format!(
        "take the file back from version control, or delete it and write it anew with `tierfall regress {} --update-baseline`",
        cascade.display()
    );
    BaselineError::Broken { path: path.to_owned(), line, column, pointer, why, mend }
}
