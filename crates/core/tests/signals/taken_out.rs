//! What is left of a reply without its self-rating is what the model said.

use std::sync::LazyLock;

use proptest::prelude::*;
use tierfall_core::signal::rating::{NoRating, RatingParser, Scale, Style};

static PARSERS: LazyLock<Vec<(Style, Scale, RatingParser)>> = LazyLock::new(|| {
    let each = |style, scale| (style, scale, RatingParser::new(style, scale, "confidence").unwrap());
    [Style::Text, Style::Json]
        .into_iter()
        .flat_map(|style| [Scale::Percent, Scale::Unit].map(|scale| each(style, scale)))
        .collect()
});

fn parser(style: Style, scale: Scale) -> &'static RatingParser {
    &PARSERS.iter().find(|parser| (parser.0, parser.1) == (style, scale)).unwrap().2
}

/// The rating, and what is served.
pub(crate) fn taken(style: Style, scale: Scale, reply: &str) -> (Result<f64, NoRating>, String) {
    let parts = parser(style, scale).take_apart(reply);
    (parts.rating.map(|rating| rating.value), parts.rest.map_or_else(|| reply.to_owned(), |rest| rest.text))
}

pub(crate) fn reads(style: Style, scale: Scale, cases: &[(&str, f64, &str)]) {
    for (reply, value, served) in cases {
        let (rating, rest) = taken(style, scale, reply);
        assert!(rating.is_ok_and(|read| (read - value).abs() < 1e-9), "{reply:?}: {rating:?}, not {value}");
        assert_eq!(rest, *served, "{reply:?}");
    }
}

#[test]
fn whole_lines_and_clauses_go() {
    reads(
        Style::Text,
        Scale::Percent,
        &[
            ("Paris\nConfidence: 85 (high)", 0.85, "Paris"),
            ("Paris (Confidence: 85)", 0.85, "Paris"),
            ("Confidence: 90\nParis", 0.9, "Paris"),
            ("Confidence: 90\r\n\r\nParis\r\n", 0.9, "Paris\r\n"),
            ("Paris\r\nConfidence: 90\r\n", 0.9, "Paris"),
            ("Paris\rConfidence: 90", 0.9, "Paris"),
            ("Paris\u{2028}Confidence: 90", 0.9, "Paris"),
            ("Paris\n\n\nConfidence: 90\n\n", 0.9, "Paris"),
            ("Paris. Confidence: 85%", 0.85, "Paris."),
            ("Paris! **Confidence: 85%**", 0.85, "Paris!"),
            ("Paris, confidence: 85", 0.85, "Paris"),
            ("Paris — Confidence: 85", 0.85, "Paris"),
            ("Paris - Confidence: 85", 0.85, "Paris"),
            ("Paris | Confidence: 85", 0.85, "Paris"),
            ("巴黎。Confidence：90", 0.9, "巴黎。"),
            ("巴黎（Confidence：９０％）", 0.9, "巴黎"),
            ("Paris *(confidence: 85)*", 0.85, "Paris"),
            ("Paris (confidence: 85, high).", 0.85, "Paris."),
            ("(Confidence: 85) Paris", 0.85, "Paris"),
            ("Confidence: 90. Paris", 0.9, "Paris"),
            ("Paris\n- **Confidence:** 85%", 0.85, "Paris"),
            ("Paris\n* Confidence: 85", 0.85, "Paris"),
            ("Paris\n> Confidence: 85", 0.85, "Paris"),
            ("Paris\nMy confidence level is 85%.", 0.85, "Paris"),
            ("Paris\n<confidence>90</confidence>", 0.9, "Paris"),
            ("<answer>Paris</answer><confidence>\n90\n</confidence>", 0.9, "<answer>Paris</answer>"),
            ("```yaml\nconfidence: 30\n```\nConfidence: 90", 0.9, "```yaml\nconfidence: 30\n```"),
            ("Confidence: 90", 0.9, ""),
            // The last line is the rating, and nothing else is.
            ("Confidence: 80%\nParis\nConfidence: 80", 0.8, "Confidence: 80%\nParis"),
            ("model: a\nconfidence: 0.9\nthreshold: 3\n\nConfidence: 80", 0.8, "model: a\nconfidence: 0.9\nthreshold: 3"),
            ("x = 1\nconfidence = 90\nprint(x)\nConfidence: 80", 0.8, "x = 1\nconfidence = 90\nprint(x)"),
            ("Paris (confidence: 80) it is.\nConfidence: 80", 0.8, "Paris (confidence: 80) it is."),
            ("1. Paris\n2. Confidence: 80\n3. Rome\n\nConfidence: 80", 0.8, "1. Paris\n2. Confidence: 80\n3. Rome"),
            ("~~~\n```\n~~~\nConfidence: 80", 0.8, "~~~\n```\n~~~"),
            ("````\n```\nConfidence: 10\n```\n````\nConfidence: 80", 0.8, "````\n```\nConfidence: 10\n```\n````"),
            // Reasoning stays as it is.
            ("<think>Confidence: 99</think>Paris\nConfidence: 20", 0.2, "<think>Confidence: 99</think>Paris"),
            ("<think>\n```\n</think>\nParis\nConfidence: 20", 0.2, "<think>\n```\n</think>\nParis"),
            ("<think>x</think>\n\nConfidence: 20\nParis", 0.2, "<think>x</think>\n\nParis"),
            ("Confidence: 99\n</think>\nParis\nConfidence: 20", 0.2, "Confidence: 99\n</think>\nParis"),
        ],
    );
}

#[test]
fn what_stands_anywhere_else_is_no_rating_and_stays() {
    for reply in [
        "x = 1\nconfidence = 90\nprint(x, confidence)",
        "confidence = 90\nprint(confidence)",
        "[x]\nconfidence = 90",
        "model: a\nconfidence: 90\nthreshold: 3",
        "confidence: 90\nmodel: a",
        "model: a\nconfidence: 90",
        "<r>\n<confidence>90</confidence>\n<a>Paris</a>\n</r>",
        "Paris <confidence>90</confidence> is the capital",
        "Survey results:\nTrust: 60\nConfidence: 90\nHope: 30",
        "We report (confidence: 95%) the mean.",
        "1. Paris\n2. Confidence: 90\n3. Rome",
        "1. Paris\n2. Confidence: 90",
        "a. Paris\nb. Confidence: 90",
        "A\n\nConfidence: 90\n\nB",
        "Paris.\n\nConfidence: 90\n\nNote: the capital moved in 1940.",
        "Write: Hello\nConfidence: 90\nto the file",
        "Q: How sure? Confidence: 95\nA: No idea",
        // Code and reasoning.
        "```\nParis\nConfidence: 90\n```",
        "```\nConfidence: 90\n```",
        "~~~\nConfidence: 90\n~~~",
        "```\ncode\nConfidence: 90",
        "~~~\ncode\n```\nConfidence: 90\n~~~",
        "Paris\n\n    Confidence: 90",
        "<think>I must end with\nConfidence: 95\n</think>\nParis",
        "<think>I must end with\nConfidence: 95",
        "Paris\n<think>\nConfidence: 95\n</think>",
        "Confidence: 95\n</think>\nParis",
        // Numbers that rate nothing.
        "The result has Confidence: 95% interval [1,2]",
        "The test was run at Confidence: 95%.",
        "Paris\nNo confidence: 90",
        "Paris\nLack of confidence: 90",
        "Paris\nConsumer confidence: 90",
        "Paris\nConfidence: 90 years",
        "Paris\nConfidence: 90% sure that it is wrong",
        "Paris\nConfidence: 90 if the year is 2020, otherwise 5",
        "Paris\nSet Confidence: 85 in the config file.",
        "Paris\nConfidence: 90 out of 95",
        "Paris\nConfidence: 90/95",
        "Paris\nConfidence: 90 (that it is wrong)",
        "Paris\nConfidence: 5% (95% unsure)",
        "Paris (confidence: 90, if I read it right)",
        "Paris\nConfidence (that it is wrong): 90",
        "Paris\nI state my confidence: 85",
    ] {
        for style in [Style::Text, Style::Json] {
            let (rating, served) = taken(style, Scale::Percent, reply);
            assert!(rating.is_err(), "{reply:?}: {rating:?}");
            assert_eq!(served, reply);
        }
    }
}

#[test]
fn further_ways_to_write_a_number_are_read() {
    reads(
        Style::Text,
        Scale::Percent,
        &[
            ("Paris\nConfidence：90", 0.9, "Paris"),
            ("Paris\nConfidence： ９０", 0.9, "Paris"),
            ("Paris\nConfidence: 0.95 (95%)", 0.95, "Paris"),
            ("Paris\nConfidence: 95% (0.95)", 0.95, "Paris"),
            ("Paris\nConfidence: 9/10 (90%)", 0.9, "Paris"),
            ("Paris\nConfidence: ~90", 0.9, "Paris"),
            ("Paris\nConfidence: about 90%", 0.9, "Paris"),
            ("Paris\nConfidence: \\boxed{90}", 0.9, "Paris"),
            ("Paris\nConfidence: $\\boxed{90\\%}$", 0.9, "Paris"),
            ("Paris\n**Confidence**: **90**", 0.9, "Paris"),
            ("Paris\nConfidence (0-100): [90]", 0.9, "Paris"),
            ("Paris\nConfidence: 85 [2]", 0.85, "Paris"),
        ],
    );
    reads(
        Style::Text,
        Scale::Unit,
        &[("Paris\nConfidence: 0.95 (95%)", 0.95, "Paris"), ("Paris\nConfidence: 95 (0.95)", 0.95, "Paris")],
    );
    for (reply, why) in [
        ("Paris\nConfidence: 9 (90%)", NoRating::Contradictory),
        ("Paris\nConfidence: 0.95 (80%)", NoRating::Contradictory),
        ("Paris\nConfidence: 8 (0.8)", NoRating::OutOfScale),
        ("Paris\n\\boxed{90}", NoRating::Missing),
        ("Paris\n<confidence>90 or so</confidence>", NoRating::NotANumber),
    ] {
        assert_eq!(taken(Style::Text, Scale::Percent, reply).0, Err(why), "{reply}");
    }
}

#[test]
fn what_is_no_whole_line_or_clause_stays() {
    for reply in [
        // A sentence would be torn.
        "I state my confidence: 85",
        "Paris, with an overall confidence: 85 because I looked",
        "Paris\nConfidence: 90% because it is well known",
        "Paris Confidence: 85",
        "well-confidence: 85",
        // A bracket or a pair of stars would be torn, or words glued.
        "(Paris. Confidence: 85)",
        "**Paris. Confidence: 85**",
        "**Paris\nConfidence: 85**",
        "Paris(Confidence: 85)is",
        // Code, data, and numbers that contradict each other.
        "```python\nconfidence = 85\n```",
        "```yaml\nlabel: cat\nconfidence: 85\n```\nDone.",
        "Confidence: 70\nParis\nConfidence: 90",
        "{\n  \"answer\": \"Paris\",\n  \"confidence\": 85\n}",
        "{\n  answer: Paris\n  confidence: 85\n}",
        "```xml\n<confidence>85</confidence>\n```",
        "<confidence>it grows with practice</confidence>",
        "Confidence is 90 percent preparation.",
        // Confidence as a topic.
        "Confidence: the band's 2003 album",
        "Albums:\nConfidence: the band's 2003 album",
        "Confidence: 90\nConfidence: the band's 2003 album",
        "Confidence: 2003 album by the band",
        "Confidence: what it is and why\nIt is a feeling.",
        "Confidence: high",
        "Paris.",
        "",
    ] {
        assert_eq!(taken(Style::Text, Scale::Percent, reply).1, reply);
    }
}

#[test]
fn a_rating_that_says_no_number_goes_as_a_whole_line_too() {
    for line in [
        "**Confidence:** very high",
        "Confidence: high to very high.",
        "Confidence: 70–80%",
        "Confidence: 120",
        "(Confidence: low)",
    ] {
        let (rating, served) = taken(Style::Text, Scale::Percent, &format!("Paris\n{line}"));
        assert!(rating.is_err(), "{line}");
        assert_eq!(served, "Paris", "{line}");
    }
}

#[test]
fn a_model_that_repeats_itself_without_end_costs_no_time() {
    for piece in [
        "Confidence: 90. ",
        "Confidence: 90\n",
        "{\"confidence\": 0.9, ",
        "\"answer\": \"a, \"b, ",
        "(Confidence: ",
        "{'a': 'b', ",
    ] {
        let endless = piece.repeat(20_000);
        for style in [Style::Text, Style::Json] {
            let (rating, served) = taken(style, Scale::Percent, &endless);
            assert!(rating.is_err(), "{piece}");
            assert!(served == endless, "{piece}");
        }
    }
}

/// Answers in several scripts, with what tempts a reader: brackets, quotes, numbers, markup, JSON, the word itself.
fn answers() -> impl Strategy<Value = String> {
    let known = [
        "Paris",
        "It is 42 (forty-two).",
        "The answer is \"yes\", of course",
        "巴黎是首都",
        "答えは東京です。",
        "Париж, конечно!",
        "باريس",
        "- one\n- two\n\n- three",
        "**Paris**\n\nIt is *the* capital.",
        "```python\nconfidence = 0.3\n```\nDone",
        "{\"city\": \"Paris\"}",
        "I have confidence in this.",
        "Self-confidence: a feeling\nIt grows.",
        "$x = 5$",
        "a | b\n1 | 2",
        "🙂",
    ];
    let plain =
        "[a-zA-Z0-9 ,.;:!?()'\"*é京-]{0,30}".prop_filter("says nothing of a rating", |text: &String| !text.contains("onfidence"));
    prop_oneof![3 => proptest::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => plain]
}

/// A rating on the scale to 100, as models write it.
fn phrases() -> impl Strategy<Value = String> {
    let shape = [
        "Confidence: {}",
        "Confidence: {}%",
        "**Confidence:** {}",
        "**Confidence: {}%**",
        "Confidence：{}",
        "Confidence: ~{}%",
        "Confidence: {}/100",
        "Confidence: {} (high)",
        "Confidence level: {}",
        "Confidence (0-100): {}",
        "Confidence: \\boxed{{}}",
        "Confidence: [{}]%",
        "<confidence>{}</confidence>",
        "My confidence is {}%",
        "Overall confidence: {}.",
        "`Confidence: {}`",
    ];
    (proptest::sample::select(shape.to_vec()), 1..=100_u32).prop_map(|(shape, n)| shape.replacen("{}", &n.to_string(), 1))
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Last,
    LastBlank,
    LastEnded,
    First,
    FirstBlank,
    Both,
}

fn places() -> impl Strategy<Value = Place> {
    proptest::sample::select(vec![Place::Last, Place::LastBlank, Place::LastEnded, Place::First, Place::FirstBlank, Place::Both])
}

/// Pieces of replies in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => answers(),
        3 => phrases(),
        2 => proptest::sample::select(vec!["\n", "\n\n", "\r\n", " ", ". ", ", ", "(", ")", "**", "```", "\n```\n", "~~~", "<think>", "</think>", "\"", "{", "}", " — ", "> ", "- ", "2. ", "。", "（", "）"])
            .prop_map(str::to_owned),
    ];
    proptest::collection::vec(piece, 0..7).prop_map(|pieces| pieces.concat())
}

fn words(c: Option<char>) -> bool {
    c.is_some_and(char::is_alphanumeric)
}

/// What holds whatever the reply is: the rest is made of parts of the reply, no two words meet that were apart, no bracket
/// loses its partner, and what was taken out is one part, which holds the rating that was read, at the end or the start of
/// what is said.
fn is_sound(reply: &str, style: Style) -> Result<(), TestCaseError> {
    let parts = parser(style, Scale::Percent).take_apart(reply);
    let Some(rest) = parts.rest else { return Ok(()) };
    let joined: String = rest.kept.iter().map(|span| &reply[span.clone()]).collect();
    if style == Style::Text {
        prop_assert_eq!(&joined, &rest.text);
        let mut cut = Vec::new();
        let mut at = 0;
        for span in &rest.kept {
            prop_assert!(at <= span.start);
            if at > 0 && at < span.start {
                prop_assert!(
                    !(words(reply[..at].chars().next_back()) && words(reply[span.start..].chars().next())),
                    "glued: {:?}",
                    rest.text
                );
            }
            cut.push(&reply[at..span.start]);
            at = span.end;
        }
        cut.push(&reply[at..]);
        for part in cut.iter().filter(|part| !part.trim().is_empty()) {
            prop_assert!(part.to_lowercase().contains("confidence"), "{part:?} says nothing of a rating");
            for (open, close) in [('(', ')'), ('（', '）'), ('[', ']'), ('{', '}')] {
                prop_assert_eq!(part.matches(open).count(), part.matches(close).count(), "torn: {:?}", part);
            }
        }
        let gaps: Vec<&&str> = cut.iter().filter(|part| !part.trim().is_empty()).collect();
        prop_assert_eq!(gaps.len(), 1, "cut out of {:?}", reply);
        if let Ok(rating) = &parts.rating {
            prop_assert!(gaps[0].contains(&reply[rating.span.clone()]), "{:?} was read, but {:?} cut", rating, gaps);
        }
        let (before, behind) = reply.split_once(*gaps[0]).unwrap();
        let before = before.rsplit("</think>").next().unwrap();
        let behind = behind.trim_start_matches(['.', '。', '!', '?']);
        prop_assert!(before.trim().is_empty() || behind.trim().is_empty() || reply.matches(*gaps[0]).count() > 1, "{:?}", gaps);
        for kept in ["<think>", "</think>"] {
            prop_assert_eq!(reply.matches(kept).count(), rest.text.matches(kept).count());
        }
        for (fence, longer) in [("```", "````"), ("~~~", "~~~~")] {
            // Of a longer row the one that quotes the rating goes with it, and the rest is a fence or none, as one takes it.
            // A pair inside the rating's own line fences nothing, and goes with the line.
            let torn = gaps[0].matches(fence).count() % 2 == 1 || gaps[0].trim().contains('\n');
            prop_assert!(!torn || reply.contains(longer) || reply.matches(fence).count() == rest.text.matches(fence).count());
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn what_is_left_is_the_answer(answer in answers(), phrase in phrases(), place in places(), ending in proptest::sample::select(vec!["\n", "\r\n", "\r"])) {
        prop_assume!(!answer.trim().is_empty() && answer.trim_end() == answer && answer.trim_start() == answer);
        let line = |text: &str| text.replace('\n', ending);
        let said = line(&answer);
        let reply = match place {
            Place::Last => format!("{said}{ending}{phrase}"),
            Place::LastBlank => format!("{said}{ending}{ending}{phrase}{ending}{ending}"),
            Place::LastEnded => format!("{said}{ending}{phrase}{ending}"),
            Place::First => format!("{phrase}{ending}{said}"),
            Place::FirstBlank => format!("{phrase}{ending}{ending}{said}"),
            Place::Both => format!("{phrase}{ending}{said}{ending}{phrase}"),
        };
        let said = if matches!(place, Place::Both) { format!("{phrase}{ending}{said}") } else { said };
        let parts = parser(Style::Text, Scale::Percent).take_apart(&reply);
        prop_assert!(parts.rating.is_ok(), "{reply:?}: {:?}", parts.rating);
        prop_assert_eq!(parts.rest.map(|rest| rest.text), Some(said), "{:?}", reply);
    }

    #[test]
    fn what_is_said_beside_an_object_keeps_it_from_being_read(said in "[a-zA-Z.!,é ]{0,20}[a-zA-Zé][.!:]?", first in any::<bool>(), fenced in any::<bool>(), own in any::<bool>()) {
        let word = said.trim_end_matches([':', ' ']).trim().to_lowercase();
        prop_assume!(!["answer", "response", "reply", "output", "result", "json"].iter().any(|label| word.ends_with(label)));
        let object = if own { r#"{"id": 1, "confidence": 90}"# } else { r#"{"answer": "Rome", "confidence": 90}"# };
        let object = if fenced { format!("```json\n{object}\n```") } else { object.to_owned() };
        let reply = if first { format!("{said}\n{object}") } else { format!("{object}\n{said}") };
        // Lines that lead up to our own form are no answer yet.
        let expected = if first && !own { (Ok(0.9), "Rome".to_owned()) } else { (Err(NoRating::Unclear), reply.clone()) };
        prop_assert_eq!(taken(Style::Json, Scale::Percent, &reply), expected);
        let inside = format!("{said} {object} {said}");
        prop_assert_eq!(taken(Style::Json, Scale::Percent, &inside), (Err(NoRating::Unclear), inside));
    }

    #[test]
    fn what_leads_up_to_an_object_and_a_note_on_it_are_no_answer(lead in "[a-zA-Z.!,é ]{0,20}", note in "[a-zA-Z.!,é ]{0,20}", fenced in any::<bool>()) {
        let object = r#"{"answer": "Rome", "confidence": 90}"#;
        let object = if fenced { format!("```json\n{object}\n```") } else { object.to_owned() };
        for reply in [format!("{lead}\n\n{object}"), format!("{object}\n\nNote: {note}"), format!("{lead}\n{object}\n**Note:** {note}")] {
            prop_assert_eq!(taken(Style::Json, Scale::Percent, &reply), (Ok(0.9), "Rome".to_owned()), "{}", reply);
        }
    }

    #[test]
    fn reasoning_is_never_read_and_never_edited(answer in answers(), phrase in phrases(), thought in pieces(), json in any::<bool>(), n in 0..100_u32) {
        prop_assume!(!answer.trim().is_empty() && !thought.contains("think>") && !thought.contains('\r'));
        let (style, said) = if json {
            (Style::Json, format!("{{\"answer\": {}, \"confidence\": {n}}}", serde_json::to_string(&answer).unwrap()))
        } else {
            (Style::Text, format!("{answer}\n{phrase}"))
        };
        let without = taken(style, Scale::Percent, &said);
        for thought in [format!("<think>{thought}\n{phrase}\n</think>\n"), format!("<think>{{\"answer\": \"no\", \"confidence\": 1}}{phrase}</think>\n")] {
            let (rating, served) = taken(style, Scale::Percent, &format!("{thought}{said}"));
            let expected = if json { without.1.clone() } else { format!("{thought}{}", without.1) };
            prop_assert_eq!(&rating, &without.0, "{}{}", thought, said);
            prop_assert_eq!(served, expected);
            let alone = taken(style, Scale::Percent, &format!("{thought}{answer}"));
            prop_assert!(alone.0.is_err() && alone.1 == format!("{thought}{answer}"), "{alone:?}");
        }
    }

    #[test]
    fn a_reply_that_states_no_rating_stays_as_it_is(answer in answers()) {
        for style in [Style::Text, Style::Json] {
            let parts = parser(style, Scale::Percent).take_apart(&answer);
            prop_assert!(parts.rest.is_none() && parts.rating.is_err(), "{answer:?}: {parts:?}");
        }
    }

    #[test]
    fn whatever_is_said_only_whole_parts_go(reply in pieces()) {
        is_sound(&reply, Style::Text)?;
        is_sound(&reply, Style::Json)?;
    }

    #[test]
    fn the_answer_of_an_object_is_what_is_served(answer in answers(), n in 0..=100_u32, more in any::<bool>(), fault in 0..4_usize) {
        let reason = if more { r#""reason": "so", "# } else { "" };
        let quoted = serde_json::to_string(&answer).unwrap();
        let reply = match fault {
            0 => format!(r#"{{{reason}"answer": {quoted}, "confidence": {n}}}"#),
            1 => format!(r#"{{{reason}"answer": {quoted}, "confidence": {n},}}"#),
            2 => format!(r#"{{{reason}"answer": {quoted}, "confidence": {n}"#),
            // As the model would write it that does not know of escapes.
            _ => format!(r#"{{{reason}"answer": "{answer}", "confidence": {n}}}"#),
        };
        let parts = parser(Style::Json, Scale::Percent).take_apart(&reply);
        match parts.rest {
            Some(rest) => prop_assert_eq!(rest.text, answer, "{}", reply),
            // What is not written as JSON may be unclear; then it is not rated either.
            None => prop_assert!(fault == 3 && parts.rating.is_err(), "{reply}: {parts:?}"),
        }
    }

    #[test]
    fn an_object_of_the_clients_own_loses_one_member_and_no_other(
        values in proptest::collection::vec(("[b-z]{1,6}", prop_oneof![Just("1"), Just("\"x, y\""), Just("[1, {\"confidence\": 2}]"), Just("null")]), 1..5),
        at in 0..5_usize, spaced in any::<bool>(), fenced in any::<bool>(),
    ) {
        let at = at.min(values.len());
        let (comma, colon) = if spaced { (",\n  ", ": ") } else { (",", ":") };
        let write = |with: bool| {
            let mut members: Vec<String> = values.iter().enumerate().map(|(n, (name, value))| format!("\"{name}{n}\"{colon}{value}")).collect();
            if with {
                members.insert(at, format!("\"Confidence\"{colon}85"));
            }
            format!("{{{}}}", members.join(comma))
        };
        let reply = if fenced { format!("```json\n{}\n```", write(true)) } else { write(true) };
        let parts = parser(Style::Json, Scale::Percent).take_apart(&reply);
        let served = parts.rest.unwrap().text;
        let object = served.trim_start_matches("```json").trim_end_matches("```").trim();
        prop_assert_eq!(object, write(false));
    }
}
