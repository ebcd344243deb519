//! The text of a baseline: written one line an example, read strictly.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use rayon::prelude::*;
use serde::Serialize;
use serde_json::value::RawValue;
use tierfall_core::money::Money;

use super::entry::{BaselineEntry, EntryItem, Mode, Summary, decimals};
use crate::Error;
use crate::located::{Fault, Located};

/// The version that this program writes and reads.
const VERSION: u64 = 1;
/// What the first key says.
const KIND: &str = "baseline";

fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("plain data with string keys is always JSON")
}

pub(super) fn render(entries: &[BaselineEntry]) -> String {
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
        for (place, line) in entry.items.par_iter().map(json).collect::<Vec<_>>().iter().enumerate() {
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

/// The entries of a file, in its order.
pub(super) fn parse(bytes: &[u8]) -> Result<Vec<BaselineEntry>, Fault> {
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
    let mut entries: Vec<BaselineEntry> = Vec::new();
    for (place, value) in list.parse::<Vec<&RawValue>>()?.into_iter().enumerate() {
        let located = list.part(&format!("/{place}"), value);
        let new = entry(&located)?;
        let same = |old: &BaselineEntry| (&old.fixtures, &old.split, old.mode) == (&new.fixtures, &new.split, new.mode);
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

fn entry(located: &Located<'_>) -> Result<BaselineEntry, Fault> {
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
    Ok(BaselineEntry { fixtures, split, mode, system, tiers, summary, items })
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
    let paid = money(&cost)?;
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

fn money(located: &Located<'_>) -> Result<Option<Money>, Fault> {
    let money = |raw: &RawValue| {
        raw.get().parse().map_err(|error| located.fault(format!("{} is no exact amount of USD: {error}", raw.get())))
    };
    located.parse::<Option<&RawValue>>()?.map(money).transpose()
}

fn items(list: &Located<'_>, tiers: &[Arc<str>]) -> Result<Vec<EntryItem>, Fault> {
    let values: Vec<&RawValue> = list.parse()?;
    if values.is_empty() {
        return Err(list.fault("there is not a single item"));
    }
    let at = |place: usize| list.part(&format!("/{place}"), values[place]);
    let item = |(place, value): (usize, &&RawValue)| {
        let item: EntryItem = serde_json::from_str(value.get()).or_else(|_| {
            // What is wrong with an amount is said where it begins.
            let cost = at(place).object().ok().and_then(|mut keys| keys.remove("cost_usd"));
            cost.as_ref().map(money).transpose().and_then(|_| at(place).parse())
        })?;
        check_item(&item, tiers).map_err(|(key, why)| at(place).key(key).fault(why))?;
        Ok(item)
    };
    let items = values.par_iter().enumerate().map(item).collect::<Vec<Result<EntryItem, Fault>>>();
    let mut places = HashMap::with_capacity(values.len());
    let fresh = |(place, item): (usize, Result<EntryItem, Fault>)| {
        let item = item?;
        if let Some(first) = places.insert(item.id.clone(), place) {
            let line = at(first).fault("").line;
            return Err(at(place).key("id").fault(format!("the id \"{}\" is taken by line {line}", item.id)));
        }
        Ok(item)
    };
    items.into_iter().enumerate().map(fresh).collect()
}

/// Whether an item says what one can; otherwise which key does not, and why.
fn check_item(item: &EntryItem, tiers: &[Arc<str>]) -> Result<(), (&'static str, String)> {
    let known = |tier: &Arc<str>| tiers.contains(tier);
    let wrong = match item {
        _ if item.id.is_empty() => ("id", "must not be empty"),
        _ if !(0.0..=1.0).contains(&item.correct) => ("correct", "a grade is from 0 to 1"),
        _ if item.latency_ms.is_some_and(|ms| ms < 0.0) => ("latency_ms", "must not be negative"),
        _ if item.repeats == 0 => ("repeats", "must be at least 1"),
        _ if item.errors > item.repeats => ("errors", "cannot be more than there are repeats"),
        EntryItem { tier: Some(name), .. } if !known(name) => {
            return Err(("tier", format!("\"{name}\" is none of the tiers of this entry ({})", tiers.join(", "))));
        }
        _ => return Ok(()),
    };
    Err((wrong.0, wrong.1.to_owned()))
}

/// What is said of a file that cannot be read.
pub(super) fn broken(path: &Path, Fault { line, column, pointer, why }: &Fault) -> Error {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let cascade = path.with_file_name(format!("{}.cascade.toml", name.strip_suffix(".baseline.json").unwrap_or(&name)));
    let at = if pointer.is_empty() { String::new() } else { format!("{pointer}: ") };
    Error::refused(format!("{}:{line}:{column}: {at}{why}", path.display())).with_hint(format!(
        "take the file back from version control, or delete it and write it anew with `tierfall regress {} --update-baseline`",
        cascade.display()
    ))
}
