//! Why an answer ended, in the words of every server that is known.
//!
//! Servers of one dialect have words of their own, and proxies pass on those of other dialects. A word that is not in the
//! table is kept as it is: nobody knows whether the answer before it is whole, and no gate accepts it.

use serde::{Deserialize, Deserializer};
use tierfall_core::completion::Finish;
use tierfall_core::provider::{Billing, CallErrorKind};

use super::failure::{self, Failure};
use crate::view::Text;

/// What a word says of the answer before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The model ended it.
    Stop,
    /// The model ended it with calls to tools.
    ToolCalls,
    /// It was cut at a limit: of tokens, of the context, of time.
    Truncated,
    /// A filter or a guardrail withheld it.
    Filtered,
    /// The server broke off. The same call may succeed a little later.
    Failed,
    /// It has not ended, or the model broke off: what there is, is not the answer.
    Unfinished,
}

/// Every word that is known, by what it means; docs/reference/decisions.md says who sends it. Case, `-` and `_` make no difference.
pub const WORDS: &[(Meaning, &[&str])] = &[
    (Meaning::Stop, &["stop", "end_turn", "stop_sequence", "eos_token", "eos", "COMPLETE", "normal"]),
    (Meaning::ToolCalls, &["tool_calls", "tool_call", "function_call", "tool_use"]),
    (
        Meaning::Truncated,
        &[
            "length",
            "max_tokens",
            "max_output_tokens",
            "model_length",
            "model_context_window_exceeded",
            "max_len",
            "max_context",
            "token_limit",
            "time_limit",
            "ERROR_LIMIT",
        ],
    ),
    (
        Meaning::Filtered,
        &[
            "content_filter",
            "content_filtered",
            "guardrail_intervened",
            "refusal",
            "sensitive",
            "ERROR_TOXIC",
            "SAFETY",
            "RECITATION",
            "BLOCKLIST",
            "PROHIBITED_CONTENT",
            "SPII",
            "MODEL_ARMOR",
            "IMAGE_SAFETY",
            "IMAGE_PROHIBITED_CONTENT",
            "IMAGE_RECITATION",
        ],
    ),
    (
        Meaning::Failed,
        &[
            "error",
            "abort",
            "aborted",
            "cancelled",
            "USER_CANCEL",
            "TIMEOUT",
            "insufficient_system_resource",
            "network_error",
            "load",
            "unload",
        ],
    ),
    (
        Meaning::Unfinished,
        &[
            "null",
            "not_finished",
            "pause_turn",
            "compaction",
            "repetition",
            "malformed_model_output",
            "malformed_tool_use",
            "function_call_filter",
            "MALFORMED_FUNCTION_CALL",
            "MALFORMED_RESPONSE",
            "UNEXPECTED_TOOL_CALL",
            "TOO_MANY_TOOL_CALLS",
            "MISSING_THOUGHT_SIGNATURE",
            "LANGUAGE",
            "NO_IMAGE",
            "IMAGE_OTHER",
            "OTHER",
            "unspecified",
        ],
    ),
];

/// What a server's word means; `None` where it is not known.
fn meaning(word: &str) -> Option<Meaning> {
    // Gemini's compatible endpoint puts its own reason behind OpenAI's: `content_filter: RECITATION`.
    let plain = letters(word.split(':').next().unwrap_or_default());
    // How the names of protocol buffers' enumerations begin.
    let plain = ["finishreason", "reason"].iter().find_map(|prefix| plain.strip_prefix(prefix)).unwrap_or(&plain);
    WORDS.iter().find(|(_, words)| words.iter().any(|word| letters(word) == plain)).map(|(means, _)| *means)
}

fn letters(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).map(|c| c.to_ascii_lowercase()).collect()
}

/// The reason why an answer ended, from a word that stands beside it. A word that says that the server broke off, one
/// that is not known, and one without a place among the other reasons are kept as they are.
pub fn finish(word: &str) -> Finish {
    match meaning(word) {
        Some(Meaning::Stop) => Finish::Stop,
        Some(Meaning::ToolCalls) => Finish::ToolCalls,
        Some(Meaning::Truncated) => Finish::Length,
        Some(Meaning::Filtered) => Finish::ContentFilter,
        Some(Meaning::Failed | Meaning::Unfinished) | None => Finish::Other(word.to_owned()),
    }
}

/// As [`finish`], from a server, which may have written anything: only what looks like a word for an end is kept.
pub(super) fn told(word: &str) -> Finish {
    match finish(word) {
        Finish::Other(_) => Finish::Other(printable(word).to_owned()),
        known => known,
    }
}

/// What stands for a word that may be anything: a key, or a piece of the conversation.
const UNTOLD: &str = "a word that cannot be told";

/// A server's word, if it looks like one for the end of an answer: short, of letters, `_`, `-` and `:`, with digits at its
/// end alone. Anything else is not repeated.
fn printable(word: &str) -> &str {
    let plain = |part: &str| {
        let letters = part.trim_end_matches(|c: char| c.is_ascii_digit());
        part.len() - letters.len() <= 2 && letters.chars().all(|c| c.is_ascii_alphabetic())
    };
    let parts = || word.split(['_', '-', ':', ' ']);
    let known = meaning(word).is_some() && word.len() <= 80;
    let short = word.len() <= 40 && !word.is_empty() && !word.contains(' ') && parts().all(plain);
    let is_key = failure::looks_like_a_key(word);
    if !is_key && (short || (known && parts().all(plain))) { word } else { UNTOLD }
}

/// As [`told`], unless the word says that the server broke off: then what there is belongs to a failed call, with what
/// it cost, where that was told.
pub(super) fn end(word: &str, billing: Billing) -> Result<Finish, Failure> {
    match meaning(word) {
        Some(Meaning::Failed) => Err(Failure {
            kind: CallErrorKind::Overloaded,
            message: format!("the answer was broken off, for the reason \"{}\"", printable(word)),
            billing: Some(billing),
            retry_after: None,
        }),
        _ => Ok(told(word)),
    }
}

/// The member of a reply that says why the answer ended.
#[derive(Debug, Default)]
pub(super) enum Said<'a> {
    /// There is no such member.
    #[default]
    Nothing,
    /// There is one, but no reason yet.
    NotYet,
    /// The reason.
    Word(Text<'a>),
}

impl Said<'_> {
    /// The reason, if there is one.
    pub(super) fn word(&self) -> Option<&str> {
        match self {
            Self::Word(word) => Some(&word.0),
            Self::Nothing | Self::NotYet => None,
        }
    }
}

/// What stands for a reason that a server never gave though it had a place for one.
pub(super) fn never_said() -> Finish {
    Finish::Other("null".to_owned())
}

/// `null`, the empty text and the text `null` are in use for "not yet".
impl<'de: 'a, 'a> Deserialize<'de> for Said<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = Option::<Text<'a>>::deserialize(deserializer)?;
        Ok(word.filter(|word| !matches!(word.0.trim(), "" | "null")).map_or(Self::NotYet, Self::Word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> impl Iterator<Item = (&'static str, Meaning)> {
        WORDS.iter().flat_map(|(means, words)| words.iter().map(|word| (*word, *means)))
    }

    #[test]
    fn every_word_is_found_however_it_is_written() {
        let all: Vec<_> = known().collect();
        for (at, (word, means)) in all.iter().enumerate() {
            let spellings = [
                (*word).to_owned(),
                word.to_uppercase(),
                word.to_lowercase().replace('_', "-"),
                word.replace('_', ""),
                format!("FINISH_REASON_{}", word.to_uppercase()),
                format!("{word}: MORE"),
            ];
            for spelling in spellings {
                assert_eq!(meaning(&spelling), Some(*means), "{spelling}");
            }
            assert!(!all[..at].iter().any(|(other, _)| letters(other) == letters(word)), "{word} is there twice");
        }
    }

    #[test]
    fn only_what_the_model_ended_is_complete() {
        for (word, means) in known() {
            let ended = matches!(means, Meaning::Stop | Meaning::ToolCalls);
            assert_eq!(finish(word).is_complete(), ended, "{word}");
            assert_eq!(end(word, Billing::Unknown).is_err(), means == Meaning::Failed, "{word}");
        }
        for unknown in ["done", "stopped", "finish", "reason", "ok", "abort2", "new_reason:OTHER-WISE"] {
            assert_eq!((meaning(unknown), told(unknown)), (None, Finish::Other(unknown.to_owned())), "{unknown}");
        }
    }

    #[test]
    fn what_is_no_word_for_an_end_is_not_repeated() {
        let long = "stop".repeat(11);
        for said in [
            "",
            "stop!ped",
            "stop sequence found",
            "完了",
            "sk-SECRETKEYabcdef123456",
            "sk-abcdefghijklmnop",
            "AIzaSyAbcdefghijklmnop",
            "gsk_abcdefghijklmnopq",
            "content_filter: sk-SECRETKEYabcdef123456",
            "error: the user said 4111 1111 1111 1111",
            "a1b2c3d4e5f6a7b8",
            "0123456789abcdef",
            "550e8400-e29b-41d4-a716-446655440000",
            "stop\u{1b}[2J",
            "https://x.y/z?key=1",
            &long,
        ] {
            assert_eq!(printable(said), UNTOLD, "{said}");
            for told in [format!("{:?}", told(said)), format!("{:?}", end(said, Billing::Unknown))] {
                assert!(said.len() < 5 || !told.contains(said), "{told}");
            }
        }
        for (word, _) in known() {
            assert_eq!(printable(word), word);
        }
    }

    #[test]
    fn our_own_names_mean_themselves() {
        // A recording holds what was told.
        assert_eq!(finish(UNTOLD), Finish::Other(UNTOLD.to_owned()));
        for finish in [Finish::Stop, Finish::Length, Finish::ToolCalls, Finish::ContentFilter, never_said()] {
            assert_eq!(super::finish(finish.as_str()), finish);
        }
    }
}
