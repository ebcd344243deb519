//! Log-probabilities, in the shapes in use.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use tierfall_core::completion::{Token, Tokens};

use crate::view::{Object, Text};

/// What stands in the place for log-probabilities: an object with a list `content`; that list alone; or the lists of the old
/// completions, which Together, Fireworks and LM Studio send.
#[derive(Debug)]
pub(super) struct Logprobs<'a>(Lists<'a>);

type Rivals<'a> = BTreeMap<Cow<'a, str>, Option<f64>>;

#[derive(Debug, Default, Deserialize)]
#[serde(default, bound(deserialize = "'de: 'a"))]
struct Lists<'a> {
    content: Option<Vec<Object<TokenView<'a>>>>,
    tokens: Option<Vec<Option<Text<'a>>>>,
    token_logprobs: Option<Vec<Option<f64>>>,
    /// The alternatives of each token of the old lists, by their texts.
    top_logprobs: Option<Vec<Option<Rivals<'a>>>>,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct TokenView<'a> {
    token: Option<Text<'a>>,
    bytes: Option<&'a RawValue>,
    logprob: Option<f64>,
    top_logprobs: Option<Vec<Object<AlternativeView<'a>>>>,
}

#[derive(Debug, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct AlternativeView<'a> {
    token: Option<Text<'a>>,
    bytes: Option<&'a RawValue>,
    logprob: Option<f64>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Logprobs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ListsVisitor;
        impl<'de> Visitor<'de> for ListsVisitor {
            type Value = Lists<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Lists<'de>, A::Error> {
                Lists::deserialize(MapAccessDeserializer::new(map))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Lists<'de>, A::Error> {
                let content = Vec::deserialize(SeqAccessDeserializer::new(seq))?;
                Ok(Lists { content: Some(content), ..Lists::default() })
            }
        }
        deserializer.deserialize_any(ListsVisitor).map(Self)
    }
}

impl Logprobs<'_> {
    /// The tokens; `None` where the server gave none, which is not the same as an empty list.
    pub(super) fn tokens(&self) -> Option<Tokens> {
        let Lists { content, tokens, token_logprobs, top_logprobs } = &self.0;
        let mut read = Tokens::default();
        if let Some(content) = content {
            for Object(token) in content {
                read.push(&text(token.token.as_ref(), token.bytes).unwrap_or_default(), token.logprob.unwrap_or(f64::NAN));
                for Object(other) in token.top_logprobs.iter().flatten() {
                    // One without a text is no rival of anything.
                    if let Some(text) = text(other.token.as_ref(), other.bytes) {
                        read.push_alternative(&text, other.logprob.unwrap_or(f64::NAN));
                    }
                }
            }
            return Some(read);
        }
        let (tokens, logprobs) = (tokens.as_ref()?, token_logprobs.as_ref()?);
        for (at, token) in tokens.iter().enumerate() {
            let logprob = logprobs.get(at).copied().flatten().unwrap_or(f64::NAN);
            read.push(token.as_ref().map_or("", |Text(text)| text), logprob);
            for (text, logprob) in top_logprobs.iter().flatten().nth(at).into_iter().flatten().flatten() {
                read.push_alternative(text, logprob.unwrap_or(f64::NAN));
            }
        }
        Some(read)
    }
}

/// The tokens of the content alone, where a server lists those of what the model thought before it too, as vLLM's and `SGLang`'s reasoning
/// parsers do; `None` where the content is not found in them: then nobody can tell them apart.
pub(super) fn behind_reasoning(tokens: &Tokens, content: &str) -> Option<Tokens> {
    let content = content.trim();
    let joined: String = tokens.iter().map(Token::text).collect();
    let at = match joined.rfind(content).filter(|_| !content.is_empty()) {
        Some(at) => at,
        // A character in two tokens is in the text of neither. Of a list as long as the content all is of it.
        None if !content.is_empty() && joined.chars().count().abs_diff(content.chars().count()) <= content.len() / 8 => 0,
        None => return None,
    };
    let mut behind = Tokens::default();
    let mut end = 0;
    for token in tokens.iter() {
        end += token.text().len();
        if end > at {
            behind.push(token.text(), token.logprob());
            token.alternatives().for_each(|(text, logprob)| behind.push_alternative(text, logprob));
        }
    }
    Some(behind)
}

/// The text of a token. Where a server does not write it out but escapes it, names its number or leaves it out, its bytes say it.
fn text<'t>(token: Option<&'t Text<'_>>, bytes: Option<&RawValue>) -> Option<Cow<'t, str>> {
    let written = token.map(|Text(text)| &**text);
    let stands_for = written.is_none_or(|text| text.is_empty() || text.starts_with("token_id:") || text.contains("\\x"));
    let bytes = || serde_json::from_str::<Vec<u8>>(bytes?.get()).ok().filter(|bytes| !bytes.is_empty());
    match stands_for.then(bytes).flatten() {
        Some(bytes) => Some(Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())),
        None => written.map(Cow::Borrowed),
    }
}
