//! One captured request as a line of `examples.jsonl`.

use std::collections::BTreeMap;
use std::str::FromStr;

use serde::Serialize;
use serde_json::Value;
use tierfall_core::number::Tie;
use tierfall_core::request::{Content as Said, Message, Role, UnixMillis};

use super::line::{Content, Read};
use crate::fixture::{Example, FixtureSet};
use tierfall::digest;

/// Where examples go.
#[derive(Clone, Debug, PartialEq)]
pub struct Splits(Vec<(String, f64)>);

impl Splits {
    /// The names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The split of what has this key: the same in every run.
    pub(crate) fn of(&self, key: &str) -> &str {
        let at = Tie::of("split of traffic", key).get() * self.0.iter().map(|(_, share)| share).sum::<f64>();
        let mut below = 0.0;
        let found = self.0.iter().find(|(_, share)| {
            below += share;
            at < below
        });
        found.or(self.0.last()).map_or("", |(name, _)| name)
    }
}

/// Half to calibrate on, half to evaluate on.
impl Default for Splits {
    fn default() -> Self {
        Self(vec![("train".to_owned(), 0.5), ("test".to_owned(), 0.5)])
    }
}

/// `NAME` for all examples, or shares by a hash: `train=0.6,test=0.4`.
impl FromStr for Splits {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" names no splits; write one name, or shares as in train=0.6,test=0.4");
        if !text.contains('=') {
            let one = text.trim();
            return if one.is_empty() || one.contains(',') { Err(wrong()) } else { Ok(Self(vec![(one.to_owned(), 1.0)])) };
        }
        let mut shares: Vec<(String, f64)> = Vec::new();
        for part in text.split(',') {
            let (name, share) = part.split_once('=').ok_or_else(wrong)?;
            let (name, share) = (name.trim(), share.trim().parse::<f64>().map_err(|_| wrong())?);
            if name.is_empty() || !(share > 0.0 && share.is_finite()) || shares.iter().any(|(known, _)| known == name) {
                return Err(wrong());
            }
            shares.push((name.to_owned(), share));
        }
        Ok(Self(shares))
    }
}

/// What requests are that ask the same question, word for word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Repeats {
    /// Requests like any other: what is asked more often counts more, and what is promised is about requests. Sound where one
    /// request does not bring about the next.
    #[default]
    Each,
    /// One item: its rows are never parted and count once. Somebody who asks again and again is no new evidence, and what is
    /// promised is about different questions. Only where every request was kept: of a sample nobody knows how often a question was
    /// asked, and so how likely it was to be kept.
    Once,
}

/// What the groups of imported questions begin with.
const ASKS: &str = "asks ";

/// How a set counts questions that repeat; `None` where it has no example.
pub(super) fn repeats_of(set: &FixtureSet) -> Option<Repeats> {
    let once = |example: &Example| example.group.as_deref().is_some_and(|group| group.starts_with(ASKS));
    let examples = set.examples();
    (!examples.is_empty()).then(|| if examples.iter().any(once) { Repeats::Once } else { Repeats::Each })
}

/// An example as it is written. What is right is not known yet.
#[derive(Serialize)]
struct Written<'a> {
    id: &'a str,
    segment: &'a str,
    split: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    weight: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    messages: Option<&'a [Message]>,
    expected: Value,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<UnixMillis>,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<&'a str>,
}

/// The segment of requests that have none.
const SEGMENT: &str = "traffic";

/// The line of `examples.jsonl` for a captured request, without its line break.
pub(super) fn example(read: &Read, content: &Content, weight: f64, splits: &Splits, repeats: Repeats) -> Vec<u8> {
    let Content { messages, tags, .. } = content;
    let question = digest::of_question(messages);
    let group = (repeats == Repeats::Once).then(|| format!("{ASKS}{question}"));
    let split = splits.of(group.as_deref().unwrap_or(&read.request_id));
    let plain = match messages.as_slice() {
        [Message { role: Role::User, content: Some(Said::Text(text)), tool_calls: None, tool_call_id: None, name: None }] => {
            Some(text.as_str())
        }
        _ => None,
    };
    let segment = tags.get("segment").or(read.route.segment.as_ref());
    let written = Written {
        id: &read.request_id,
        segment: segment.map_or(SEGMENT, String::as_str),
        split,
        group,
        weight,
        query: plain,
        messages: plain.is_none().then_some(messages),
        expected: Value::Null,
        tags: tags.iter().filter(|(key, _)| *key != "segment").map(|(key, value)| (key.as_str(), value.as_str())).collect(),
        at: read.at,
        principal: read.principal.as_deref(),
    };
    serde_json::to_vec(&written).expect("text and finite numbers are always JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_are_shares_or_one_name() {
        let splits: Splits = "train=0.75, test=0.25".parse().unwrap();
        let train = (0..10_000).filter(|n| splits.of(&format!("id-{n}")) == "train").count();
        assert!((7300..7700).contains(&train), "{train}");
        assert_eq!("pilot".parse::<Splits>().unwrap().of("any"), "pilot");
        for wrong in ["", "a,b", "a=0", "a=1,b", "a=1,a=1", "=1", "a=x"] {
            assert!(wrong.parse::<Splits>().is_err(), "{wrong}");
        }
    }
}
