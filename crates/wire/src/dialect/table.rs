//! The one list of dialects: configuration, schema, reference and conformance tests read it.

use std::sync::Arc;

use super::{Dialect, anthropic::Anthropic, openai_chat::OpenAiChat};

/// One dialect of the list.
#[derive(Clone, Copy, Debug)]
pub struct DialectSpec {
    /// Its name in configuration.
    pub name: &'static str,
    /// Who speaks it, and what it gives, in a sentence.
    pub about: &'static str,
    /// Makes it.
    pub make: fn() -> Arc<dyn Dialect>,
}

/// Every dialect.
pub const DIALECTS: &[DialectSpec] = &[
    DialectSpec {
        name: OpenAiChat::NAME,
        about: "OpenAI's chat completions, as spoken by OpenAI, vLLM, llama.cpp, Ollama, Gemini's compatible endpoint and \
                many more. Gives log-probabilities with up to 20 alternatives a token and several samples a call, where the \
                server does.",
        make: || Arc::new(OpenAiChat),
    },
    DialectSpec {
        name: Anthropic::NAME,
        about: "Anthropic's messages. Gives no log-probabilities and one sample a call.",
        make: || Arc::new(Anthropic),
    },
];

/// Their names, in the order of the list.
pub fn names() -> impl Iterator<Item = &'static str> + Clone {
    DIALECTS.iter().map(|spec| spec.name)
}

/// The dialect of that name.
pub fn by_name(name: &str) -> Option<Arc<dyn Dialect>> {
    DIALECTS.iter().find(|spec| spec.name == name).map(|spec| (spec.make)())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tierfall_core::cascade::Capability;
    use tierfall_core::request::{Call, Prompt, Request};

    #[test]
    fn names_are_unique_and_lead_to_their_dialects() {
        for (index, name) in names().enumerate() {
            assert_eq!(by_name(name).unwrap().name(), name);
            assert!(names().take(index).all(|before| before != name));
        }
        assert!(by_name("telepathy").is_none());
    }

    #[test]
    fn a_dialect_refuses_the_formats_that_it_says_it_lacks_and_no_others() {
        for spec in DIALECTS {
            let dialect = (spec.make)();
            for (format, structured) in [("text", false), ("json_object", true), ("json_schema", true)] {
                let mut request = Request::new("id", "q");
                request.response_format = Some(serde_json::json!({ "type": format }).into());
                let prompt = Prompt::Request { preamble: [].into(), request: request.into(), addendum: None };
                let refused = dialect.encode(&Call::new("id".into(), "m", prompt)).is_err();
                let lacking = structured && dialect.lacks().contains(&Capability::StructuredOutput);
                assert_eq!(refused, lacking, "{} {format}", spec.name);
            }
        }
    }
}
