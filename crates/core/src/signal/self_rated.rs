//! `self-rated`: the confidence that the model states itself, in its answer or when asked about it.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::align::align;
use super::ask::about;
use super::options::{BadOption, Options};
use super::rating::{ANSWER, NoRating, Opening, Parts, RatingParser, Scale, Style};
use super::watch::{Bounds, Settles, Watch};
use super::{Abstain, Evidence, Needs, Probe, Reading, Signal};
use crate::completion::{Completion, Delta, Tokens};
use crate::number::Score;
use crate::request::{Call, Request};

/// The stated confidence, read strictly by [`RatingParser`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct SelfRated {
    /// ask with the answer and take the rating out again, or in a follow-up call
    pub mode: Mode,
    /// 0 to 100, 0 to 1 or 0 to 10; decides what "1" means
    pub scale: Scale,
    /// a line behind a marker, or a field of a JSON object
    pub style: Style,
    /// where the line stands: behind the answer, or before it, so that it is known before the answer
    pub at: Place,
}

/// Where the line with the rating stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// Behind the answer.
    #[default]
    End,
    /// Before the answer: its first line, which alone is read, whatever else the answer says of confidence.
    Start,
}

/// Where a rating is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// With the answer; it is taken out again before anyone else sees the answer.
    #[default]
    Answer,
    /// In a follow-up call.
    Probe,
}

const FIELD: &str = "confidence";

/// The signal that [`SelfRated`] builds.
#[derive(Clone, Debug)]
pub struct SelfRating {
    options: SelfRated,
    parser: RatingParser,
}

impl SelfRating {
    /// A reply, taken apart as the options ask for.
    fn parts(&self, reply: &str) -> Parts {
        match self.options.at {
            Place::End => self.parser.take_apart(reply),
            Place::Start => self.opened(reply, Opening::default().line(reply, true)),
        }
    }

    /// A reply that opens with this line; `None` where it has none.
    fn opened(&self, reply: &str, line: Option<Range<usize>>) -> Parts {
        line.map_or(Parts { rating: Err(NoRating::Missing), rest: None }, |line| self.parser.within(reply, line))
    }

    fn rated(parts: Parts) -> Reading {
        Score::new(parts.rating?.value).ok_or(Abstain::NotANumber)
    }

    fn range(&self) -> &'static str {
        match self.options.scale {
            Scale::Percent => "a whole number from 0 to 100",
            Scale::Unit => "a number from 0.0 to 1.0",
            Scale::Ten => "a whole number from 0 to 10",
        }
    }

    fn example(&self) -> &'static str {
        match self.options.scale {
            Scale::Percent => "65",
            Scale::Unit => "0.65",
            Scale::Ten => "6",
        }
    }

    fn instructions(&self) -> String {
        let (range, example) = (self.range(), self.example());
        match self.options.style {
            Style::Text => {
                let place = match self.options.at {
                    Place::End => "After your answer add one last line",
                    Place::Start => "Before your answer write one first line",
                };
                format!(
                    "{place} that states how likely your answer is to be correct, as {range}, in exactly this form:\n\
                     Confidence: {example}"
                )
            }
            Style::Json => format!(
                "Reply with one JSON object of exactly this form and nothing else, where \"{FIELD}\" states how likely \
                 your answer is to be correct, as {range}:\n{{\"{ANSWER}\": <your answer>, \"{FIELD}\": {example}}}"
            ),
        }
    }

    fn question(&self) -> String {
        let (range, example) = (self.range(), self.example());
        let form = match self.options.style {
            Style::Text => format!("Confidence: {example}"),
            Style::Json => format!("{{\"{FIELD}\": {example}}}"),
        };
        format!(
            "How likely is this answer to the last turn of the conversation to be correct? Reply with {range}, in exactly \
             this form and without another word:\n{form}"
        )
    }
}

/// The tokens with a byte in one of the `kept` parts of `text`, and those without text; `None` where tokens and text do
/// not line up: without places no rating can be told from the answer.
fn kept_tokens(text: &str, tokens: &Tokens, kept: &[Range<usize>]) -> Option<Tokens> {
    let places = align(text, tokens)?;
    let mut rest = Tokens::default();
    for (token, place) in tokens.iter().zip(places) {
        let inside = kept.iter().any(|span| place.start < span.end && span.start < place.end);
        if inside || token.text().is_empty() {
            rest.push(token.text(), token.logprob());
            for (text, logprob) in token.alternatives() {
                rest.push_alternative(text, logprob);
            }
        }
    }
    Some(rest)
}

impl Signal for SelfRating {
    fn needs(&self) -> Needs {
        Needs { probe: self.options.mode == Mode::Probe, ..Needs::default() }
    }

    fn version(&self) -> u32 {
        3
    }

    fn prepare(&self, call: &mut Call) {
        if self.options.mode == Mode::Answer {
            call.append_instructions(&self.instructions());
        }
    }

    fn probe(&self, request: &Request, answer: &Completion) -> Option<Probe> {
        (self.options.mode == Mode::Probe).then(|| about(request, answer, &self.question(), None))
    }

    fn read(&self, evidence: Evidence<'_>) -> Reading {
        let reply = match self.options.mode {
            Mode::Answer => evidence.answer,
            Mode::Probe => evidence.probe.ok_or(Abstain::ProbeFailed)?,
        };
        Self::rated(self.parts(&reply.text))
    }

    fn strip(&self, answer: &mut Completion) {
        if !self.strips() {
            return;
        }
        if let Some(rest) = self.parts(&answer.text).rest {
            answer.tokens = answer.tokens.take().and_then(|tokens| kept_tokens(&answer.text, &tokens, &rest.kept));
            answer.text = rest.text;
            // The provider's own body still holds the rating.
            answer.raw = None;
        }
        for sample in &mut answer.samples {
            if let Some(rest) = self.parts(&sample.text).rest {
                sample.text = rest.text;
            }
        }
    }

    fn strips(&self) -> bool {
        self.options.mode == Mode::Answer
    }

    fn watch(&self, _: &Request) -> Option<Box<dyn Watch>> {
        // Behind the answer, what follows may always be another rating.
        let watched = || Opened { signal: self.clone(), said: String::new(), opening: Opening::default() };
        (self.options.at == Place::Start).then(|| -> Box<dyn Watch> { Box::new(watched()) })
    }

    fn settles(&self) -> Settles {
        if self.options.at == Place::Start { Settles::Early } else { Settles::AtEnd }
    }
}

/// An answer that streams, until its first line is there.
#[derive(Debug)]
struct Opened {
    signal: SelfRating,
    said: String,
    opening: Opening,
}

impl Watch for Opened {
    fn push(&mut self, delta: &Delta) -> Bounds {
        self.said += &delta.text;
        let ended = delta.finish.is_some();
        match self.opening.line(&self.said, ended) {
            None if !ended => Bounds::within(0.0, 1.0),
            line => Bounds::settled(SelfRating::rated(self.signal.opened(&self.said, line))),
        }
    }
}

impl Options for SelfRated {
    fn build(&self) -> Result<impl Signal + 'static, BadOption> {
        let problem = match (self.at, self.mode, self.style) {
            (Place::Start, Mode::Probe, _) => Some("is \"start\", but a probe's reply is nothing but the rating; leave `at` out"),
            (Place::Start, _, Style::Json) => {
                Some("is \"start\", but style \"json\" has a field and no line; take style \"text\"")
            }
            _ => None,
        };
        if let Some(problem) = problem {
            return Err(BadOption::new("at", problem));
        }
        Ok(SelfRating { options: self.clone(), parser: RatingParser::new(self.style, self.scale, FIELD)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::completion::Sample;

    fn signal(style: Style) -> SelfRating {
        built(SelfRated { style, scale: Scale::Unit, ..SelfRated::default() })
    }

    fn built(options: SelfRated) -> SelfRating {
        SelfRating { parser: RatingParser::new(options.style, options.scale, FIELD).unwrap(), options }
    }

    fn answer(texts: &[&str]) -> Completion {
        let mut tokens = Tokens::default();
        for text in texts {
            tokens.push(text, -0.5);
        }
        Completion { tokens: Some(tokens), ..Completion::text(texts.concat()) }
    }

    fn stripped(style: Style, texts: &[&str]) -> (String, Option<Vec<String>>) {
        let mut answer = answer(texts);
        signal(style).strip(&mut answer);
        (answer.text, answer.tokens.map(|tokens| tokens.iter().map(|token| token.text().to_owned()).collect()))
    }

    fn owned(texts: &[&str]) -> Vec<String> {
        texts.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_rating_line_is_taken_out_with_its_tokens() {
        let (text, tokens) = stripped(Style::Text, &["Par", "is", ".", "\n\n", "Confidence", ":", " 0", ".9", ""]);
        assert_eq!((text.as_str(), tokens), ("Paris.", Some(owned(&["Par", "is", ".", ""]))));
        let (text, tokens) = stripped(Style::Text, &["Confidence:", " 0.9", "\n", "Par", "is"]);
        assert_eq!((text.as_str(), tokens), ("Paris", Some(owned(&["Par", "is"]))));
    }

    #[test]
    fn a_rating_that_cannot_be_read_is_no_part_of_the_answer_either() {
        assert_eq!(stripped(Style::Text, &["Paris", "\n", "**Confidence:**", " very high"]).0, "Paris");
        // Confidence as a topic stays.
        let topic = "Confidence: what it is and why\nIt is a feeling.";
        assert_eq!(stripped(Style::Text, &[topic]).0, topic);
        assert_eq!(stripped(Style::Text, &["Paris", "."]).0, "Paris.");
    }

    #[test]
    fn a_rating_before_the_answer_is_its_first_line_and_nothing_else() {
        let signal = built(SelfRated { at: Place::Start, ..SelfRated::default() });
        for (reply, value, rest) in [
            ("Confidence: 90\n\nParis", Some(0.9), "Paris"),
            ("\n**Confidence:** 90%\r\n  Paris\r\n", Some(0.9), "  Paris\r\n"),
            ("<think>Confidence: 10\n</think>\nConfidence: 90\nParis", Some(0.9), "<think>Confidence: 10\n</think>\nParis"),
            // What the answer says of confidence further down is the answer's.
            ("Confidence: 90\nParis\nConfidence: 20", Some(0.9), "Paris\nConfidence: 20"),
            ("Paris\nConfidence: 90", None, "Paris\nConfidence: 90"),
            ("Confidence: 80 to 90\nParis", None, "Paris"),
            ("Confidence: 90", Some(0.9), ""),
            ("<think>Confidence: 90\nParis", None, "<think>Confidence: 90\nParis"),
        ] {
            let mut answer = Completion::text(reply);
            let read = SelfRating::rated(signal.parts(reply)).ok().map(Score::get);
            signal.strip(&mut answer);
            assert_eq!((read, answer.text.as_str()), (value, rest), "{reply}");
        }
        assert!(signal.instructions().starts_with("Before your answer write one first line"));
    }

    #[test]
    fn what_has_no_first_line_cannot_open_with_a_rating() {
        for (mode, style, why) in [(Mode::Probe, Style::Text, "a probe's reply"), (Mode::Answer, Style::Json, "has a field")] {
            let problem = SelfRated { at: Place::Start, mode, style, scale: Scale::Percent }.build().err().unwrap();
            assert!(problem.option == "at" && problem.problem.contains(why), "{problem:?}");
        }
    }

    #[test]
    fn our_own_json_form_is_unwrapped() {
        let texts = ["{\"", "answer", "\": \"", "Par", "is", "\", \"", "confidence", "\": ", "0.9", "}", ""];
        assert_eq!(stripped(Style::Json, &texts), ("Paris".into(), Some(owned(&["Par", "is", ""]))));
        assert_eq!(stripped(Style::Json, &["```json\n{\"answer\": \"a \\\"b\\\"\", \"confidence\": 1}\n```"]).0, "a \"b\"");
        assert_eq!(stripped(Style::Json, &["{\"answer\": {\"n\": 1}, \"confidence\": 1}"]).0, "{\"n\": 1}");
    }

    #[test]
    fn the_clients_own_schema_keeps_its_shape() {
        for (reply, rest) in [
            (r#"{"id": 1, "city": "x", "confidence": 0.9}"#, r#"{"id": 1, "city": "x"}"#),
            (r#"{"confidence": 0.9, "id": 1, "city": "x"}"#, r#"{"id": 1, "city": "x"}"#),
            (r#"{"id": 1, "confidence": 0.9, "city": "x"}"#, r#"{"id": 1, "city": "x"}"#),
            // Nothing but a rating: nothing is answered.
            (r#"{"confidence": 0.9}"#, ""),
        ] {
            assert_eq!(stripped(Style::Json, &[reply]).0, rest);
        }
    }

    #[test]
    fn tokens_that_do_not_line_up_are_dropped_rather_than_mixed() {
        let mut answer = answer(&["Lon", "don"]);
        answer.text = "Paris\nConfidence: 0.9".into();
        answer.samples = vec![Sample { text: "Paris\nConfidence: 0.4".into(), ..Sample::default() }];
        signal(Style::Text).strip(&mut answer);
        assert_eq!((answer.text.as_str(), answer.tokens, answer.samples[0].text.as_str()), ("Paris", None, "Paris"));
    }

    #[test]
    fn what_is_asked_for_is_what_is_read() {
        for style in [Style::Text, Style::Json] {
            for scale in [Scale::Percent, Scale::Unit, Scale::Ten] {
                let signal = built(SelfRated { style, scale, mode: Mode::Probe, ..SelfRated::default() });
                let asked = signal.question();
                let form = asked.rsplit('\n').next().unwrap();
                let value = signal.parser.parse(form).unwrap().value;
                assert!((value - 0.65).abs() < 0.06, "{form}: {value}");
                assert!(!signal.strips() && signal.needs().probe);
            }
        }
    }

    #[test]
    fn a_failed_probe_is_no_reading() {
        let signal = SelfRated { mode: Mode::Probe, ..SelfRated::default() }.build().unwrap();
        let (request, answer) = (Request::new("1", "?"), Completion::text("Confidence: 90"));
        assert_eq!(signal.read(Evidence { request: &request, answer: &answer, probe: None }), Err(Abstain::ProbeFailed));
    }
}
