//! Why an answer ended, in the words of every server that is known.
//!
//! Servers of one dialect have words of their own, and proxies pass on those of other dialects. A word that is not in the
//! table is kept as it is: nobody knows whether the answer before it is whole, and no gate accepts it.

use serde::{Deserialize, Deserializer};
use tierfall_core::completion::Finish;
use tierfall_core::provider::{Billing, CallErrorKind};

use super::{Failure, failure};
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

/// A word, what it means, and who sends it.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// As the server writes it.
    pub word: &'static str,
    /// What it means.
    pub means: Meaning,
    /// The servers.
    pub by: &'static str,
}

const fn word(word: &'static str, means: Meaning, by: &'static str) -> Word {
    Word { word, means, by }
}

/// Every word that is known. Case, `-` and `_` make no difference.
pub const WORDS: &[Word] = &[
    word(
        "stop",
        Meaning::Stop,
        "OpenAI, Azure, Mistral, DeepSeek, Groq, Fireworks, vLLM, SGLang, llama.cpp, Ollama; Gemini: STOP",
    ),
    word("end_turn", Meaning::Stop, "Anthropic, Bedrock"),
    word("stop_sequence", Meaning::Stop, "Anthropic, Bedrock, TGI, watsonx; Cohere: STOP_SEQUENCE"),
    word("eos_token", Meaning::Stop, "TGI, watsonx"),
    word("eos", Meaning::Stop, "Together"),
    word("COMPLETE", Meaning::Stop, "Cohere"),
    word("normal", Meaning::Stop, "Baidu"),
    word("tool_calls", Meaning::ToolCalls, "OpenAI and servers of its dialect"),
    word("tool_call", Meaning::ToolCalls, "Cohere: TOOL_CALL"),
    word("function_call", Meaning::ToolCalls, "OpenAI, before tool_calls"),
    word("tool_use", Meaning::ToolCalls, "Anthropic, Bedrock"),
    word("length", Meaning::Truncated, "OpenAI and servers of its dialect, TGI, Ollama"),
    word("max_tokens", Meaning::Truncated, "Anthropic, Bedrock, watsonx; Cohere, Gemini: MAX_TOKENS"),
    word("max_output_tokens", Meaning::Truncated, "OpenAI's responses, through proxies"),
    word("model_length", Meaning::Truncated, "Mistral"),
    word("model_context_window_exceeded", Meaning::Truncated, "Anthropic, Bedrock, GLM"),
    word("max_len", Meaning::Truncated, "xAI: REASON_MAX_LEN"),
    word("max_context", Meaning::Truncated, "xAI: REASON_MAX_CONTEXT"),
    word("token_limit", Meaning::Truncated, "watsonx"),
    word("time_limit", Meaning::Truncated, "watsonx; xAI: REASON_TIME_LIMIT"),
    word("ERROR_LIMIT", Meaning::Truncated, "Cohere"),
    word("content_filter", Meaning::Filtered, "OpenAI, Azure; Gemini's compatible endpoint: content_filter: RECITATION"),
    word("content_filtered", Meaning::Filtered, "Bedrock"),
    word("guardrail_intervened", Meaning::Filtered, "Bedrock"),
    word("refusal", Meaning::Filtered, "Anthropic"),
    word("sensitive", Meaning::Filtered, "GLM"),
    word("ERROR_TOXIC", Meaning::Filtered, "Cohere"),
    word("SAFETY", Meaning::Filtered, "Gemini"),
    word("RECITATION", Meaning::Filtered, "Gemini"),
    word("BLOCKLIST", Meaning::Filtered, "Gemini"),
    word("PROHIBITED_CONTENT", Meaning::Filtered, "Gemini"),
    word("SPII", Meaning::Filtered, "Gemini"),
    word("MODEL_ARMOR", Meaning::Filtered, "Gemini"),
    word("IMAGE_SAFETY", Meaning::Filtered, "Gemini"),
    word("IMAGE_PROHIBITED_CONTENT", Meaning::Filtered, "Gemini"),
    word("IMAGE_RECITATION", Meaning::Filtered, "Gemini"),
    word("error", Meaning::Failed, "OpenRouter, Mistral, vLLM, watsonx; Cohere: ERROR"),
    word("abort", Meaning::Failed, "SGLang, vLLM"),
    word("aborted", Meaning::Failed, "DeepSeek"),
    word("cancelled", Meaning::Failed, "watsonx"),
    word("USER_CANCEL", Meaning::Failed, "Cohere"),
    word("TIMEOUT", Meaning::Failed, "Cohere"),
    word("insufficient_system_resource", Meaning::Failed, "DeepSeek"),
    word("network_error", Meaning::Failed, "GLM"),
    word("load", Meaning::Failed, "Ollama, which has loaded the model and generated nothing"),
    word("unload", Meaning::Failed, "Ollama, which has unloaded the model and generated nothing"),
    word("null", Meaning::Unfinished, "DashScope; Azure, watsonx and OpenAI as JSON's null: the answer is still under way"),
    word("not_finished", Meaning::Unfinished, "watsonx"),
    word("pause_turn", Meaning::Unfinished, "Anthropic"),
    word("compaction", Meaning::Unfinished, "Anthropic"),
    word("repetition", Meaning::Unfinished, "vLLM, which stops a model that repeats itself"),
    word("malformed_model_output", Meaning::Unfinished, "Bedrock"),
    word("malformed_tool_use", Meaning::Unfinished, "Bedrock"),
    word(
        "function_call_filter",
        Meaning::Unfinished,
        "Gemini's compatible endpoint: function_call_filter: MALFORMED_FUNCTION_CALL",
    ),
    word("MALFORMED_FUNCTION_CALL", Meaning::Unfinished, "Gemini"),
    word("MALFORMED_RESPONSE", Meaning::Unfinished, "Gemini"),
    word("UNEXPECTED_TOOL_CALL", Meaning::Unfinished, "Gemini"),
    word("TOO_MANY_TOOL_CALLS", Meaning::Unfinished, "Gemini"),
    word("MISSING_THOUGHT_SIGNATURE", Meaning::Unfinished, "Gemini"),
    word("LANGUAGE", Meaning::Unfinished, "Gemini"),
    word("NO_IMAGE", Meaning::Unfinished, "Gemini"),
    word("IMAGE_OTHER", Meaning::Unfinished, "Gemini"),
    word("OTHER", Meaning::Unfinished, "Gemini"),
    word("unspecified", Meaning::Unfinished, "Gemini: FINISH_REASON_UNSPECIFIED"),
];

/// What a server's word means; `None` where it is not known.
pub fn meaning(word: &str) -> Option<Meaning> {
    // Gemini's compatible endpoint puts its own reason behind OpenAI's: `content_filter: RECITATION`.
    let plain = letters(word.split(':').next().unwrap_or_default());
    // How the names of protocol buffers' enumerations begin.
    let plain = ["finishreason", "reason"].iter().find_map(|prefix| plain.strip_prefix(prefix)).unwrap_or(&plain);
    WORDS.iter().find(|known| letters(known.word) == plain).map(|known| known.means)
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

    #[test]
    fn every_word_is_found_however_it_is_written() {
        for (at, known) in WORDS.iter().enumerate() {
            let spellings = [
                known.word.to_owned(),
                known.word.to_uppercase(),
                known.word.to_lowercase().replace('_', "-"),
                known.word.replace('_', ""),
                format!("FINISH_REASON_{}", known.word.to_uppercase()),
                format!("{}: MORE", known.word),
            ];
            for spelling in spellings {
                assert_eq!(meaning(&spelling), Some(known.means), "{spelling}");
            }
            assert!(!known.by.is_empty());
            assert!(!WORDS[..at].iter().any(|other| letters(other.word) == letters(known.word)), "{} is there twice", known.word);
        }
    }

    #[test]
    fn only_what_the_model_ended_is_complete() {
        for known in WORDS {
            let ended = matches!(known.means, Meaning::Stop | Meaning::ToolCalls);
            assert_eq!(finish(known.word).is_complete(), ended, "{}", known.word);
            assert_eq!(end(known.word, Billing::Unknown).is_err(), known.means == Meaning::Failed, "{}", known.word);
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
        for known in WORDS {
            assert_eq!(printable(known.word), known.word);
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
