//! Validators: 1 where an answer passes a check, 0 where it does not. Made for a gate's `require`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Signal;
use super::check::{Check, Validator, plain_quotes};
use super::options::{BadOption, Options, regex};
use super::schema::Schema;
use super::search::Searcher;

/// `non-empty`: there is a text or a tool call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct NonEmpty {}

/// `regex`: the text matches a pattern, or must not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Pattern {
    /// a regular expression, searched anywhere in the text
    pub pattern: String,
    /// what the text must do
    pub must: Must,
}

/// What the text must do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Must {
    /// Match.
    #[default]
    Match,
    /// Not match.
    NotMatch,
}

/// `json-schema`: the text is JSON and fits a schema.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct JsonSchema {
    /// a JSON Schema that refers to no file and no address
    #[cfg_attr(feature = "schema", schemars(extend("type" = "object")))]
    pub schema: Value,
}

/// `not-refusal`: the provider marks no refusal, and the text does not open with one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct NotRefusal {
    /// phrases of refusals
    pub phrases: Vec<String>,
    /// how many characters at the start of the text are searched
    // A refusal opens an answer, a quotation may follow.
    #[cfg_attr(feature = "schema", schemars(range(min = 0, max = u32::MAX)))]
    pub within: u32,
}

impl Default for NotRefusal {
    fn default() -> Self {
        let phrases = [
            "i can't assist",
            "i can't help",
            "i can't provide",
            "i cannot assist",
            "i cannot help",
            "i cannot provide",
            "i am unable to",
            "i'm unable to",
            "i'm not able to",
            "i am not able to",
            "i won't be able to",
            "i'm sorry, but i can",
            "as an ai",
        ];
        Self { phrases: phrases.map(str::to_owned).to_vec(), within: 200 }
    }
}

/// `finish`: the model stopped for an allowed reason.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct FinishReason {
    /// the reasons to stop that pass, by their names on the wire
    // An answer that ended for any other reason than `stop` and `tool_calls` is deferred whatever stands here.
    pub allowed: Vec<String>,
}

impl Default for FinishReason {
    fn default() -> Self {
        Self { allowed: vec!["stop".into(), "tool_calls".into()] }
    }
}

impl Options for NonEmpty {
    fn build(&self) -> Result<impl Signal + 'static, BadOption> {
        Ok(Validator::new(Check::NonEmpty))
    }
}

impl Options for Pattern {
    fn build(&self) -> Result<impl Signal + 'static, BadOption> {
        let pattern = regex("pattern", &self.pattern)?;
        Ok(Validator::new(Check::Pattern { search: Searcher::new(&pattern), pattern, must: self.must == Must::Match }))
    }
}

impl Options for JsonSchema {
    fn build(&self) -> Result<impl Signal + 'static, BadOption> {
        if !self.schema.is_object() {
            return Err(BadOption::new("schema", "is missing, but must be a JSON Schema, written as a table"));
        }
        let schema = Schema::new(&self.schema).map_err(|problem| BadOption::new("schema", problem))?;
        Ok(Validator::new(Check::Schema(schema)))
    }
}

impl Options for NotRefusal {
    fn build(&self) -> Result<impl Signal + 'static, BadOption> {
        if self.phrases.iter().any(|phrase| phrase.trim().is_empty()) {
            return Err(BadOption::new("phrases", "holds an empty phrase, which every answer would hold"));
        }
        let phrases = self.phrases.iter().map(|phrase| plain_quotes(phrase)).collect();
        Ok(Validator::new(Check::NotRefusal { phrases, within: self.within as usize }))
    }
}

impl Options for FinishReason {
    fn build(&self) -> Result<impl Signal + 'static, BadOption> {
        if self.allowed.is_empty() {
            return Err(BadOption::new("allowed", "is empty, so no answer could pass"));
        }
        Ok(Validator::new(Check::Finish { allowed: self.allowed.clone() }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::completion::{Completion, Finish, ToolCall};
    use crate::request::Request;
    use crate::signal::{Abstain, Evidence, Reading};

    fn read(options: &impl Options, answer: &Completion) -> Reading {
        options.build().unwrap().read(Evidence { request: &Request::new("1", "?"), answer, probe: None })
    }

    fn passes(options: &impl Options, text: &str) -> bool {
        read(options, &Completion::text(text)).unwrap().get() > 0.5
    }

    #[test]
    fn a_tool_call_without_text_is_an_answer() {
        assert!(passes(&NonEmpty {}, "x") && !passes(&NonEmpty {}, " \n"));
        let call = Completion { tool_calls: vec![ToolCall::default()], ..Completion::default() };
        assert_eq!(read(&NonEmpty {}, &call).unwrap().get().to_bits(), 1f64.to_bits());
    }

    #[test]
    fn patterns_hold_both_ways() {
        let letter = Pattern { pattern: "^[A-D]$".into(), ..Pattern::default() };
        assert!(passes(&letter, "B") && !passes(&letter, "The answer is B"));
        let not = Pattern { pattern: "(?i)lorem".into(), must: Must::NotMatch };
        assert!(passes(&not, "fine") && !passes(&not, "Lorem ipsum"));
        assert!(Pattern::default().build().is_err() && Pattern { pattern: "(".into(), ..letter }.build().is_err());
    }

    #[test]
    fn schemas_are_inline_or_refused() {
        let schema =
            JsonSchema { schema: json!({ "type": "object", "required": ["n"], "properties": { "n": { "type": "integer" } } }) };
        assert!(passes(&schema, "{\"n\": 3}"));
        for text in ["{\"n\": \"3\"}", "{}", "n", "", "```json\n{\"n\": 3}\n```"] {
            assert!(!passes(&schema, text), "{text}");
        }
        for bad in [
            json!(null),
            json!({ "type": "nothing" }),
            json!({ "$ref": "https://example.com/s.json" }),
            json!({ "$ref": "file:///etc/passwd" }),
        ] {
            assert_eq!(JsonSchema { schema: bad }.build().unwrap_err().option, "schema");
        }
    }

    #[test]
    fn refusals_are_marked_or_open_the_text() {
        let options = NotRefusal::default();
        assert!(passes(&options, "Your order is on its way."));
        assert!(!passes(&options, "I\u{2019}m sorry, but I can\u{2019}t help with that."));
        assert!(passes(&options, &format!("{} He wrote: I can't help.", "It was a long day. ".repeat(20))));
        let marked = Completion { refusal: Some("no".into()), ..Completion::default() };
        assert_eq!(read(&options, &marked).unwrap().get().to_bits(), 0f64.to_bits());
        assert_eq!(read(&options, &Completion::text("")), Err(Abstain::EmptyAnswer));
    }

    #[test]
    fn reasons_to_stop() {
        let cut = Completion { finish: Finish::Length, ..Completion::text("x") };
        assert!(read(&FinishReason::default(), &cut).unwrap().get() < 0.5);
        assert!(passes(&FinishReason::default(), "x"));
        let other = Completion { finish: Finish::Other("eos".into()), ..Completion::text("x") };
        assert!(read(&FinishReason { allowed: vec!["eos".into()] }, &other).unwrap().get() > 0.5);
    }
}
