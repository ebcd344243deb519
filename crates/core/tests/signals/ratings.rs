//! The self-rating parser against real replies, where they are at hand.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tierfall_core::signal::rating::{NoRating, Rating, RatingParser, Scale, Style};

/// 4,014 replies of eleven models that were asked for JSON.
const SELF_RATINGS: &str = "lifeeval_raw_selfrating_texts";

/// The replies lie beside the repository, never in it.
fn replies(set: &str) -> Option<Vec<Value>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../../shared/data/{set}.jsonl.gz"));
    if !file.exists() {
        println!("skipped: the replies are not beside the repository ({})", file.display());
        return None;
    }
    let Ok(output) = Command::new("gzip").arg("-dc").arg(&file).output() else {
        println!("skipped: there is no gzip to read {}", file.display());
        return None;
    };
    let text = String::from_utf8(output.stdout).unwrap();
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

/// One parser a field: `confidence`, or the letter of a multiple-choice answer, for which those replies state a
/// probability each.
#[derive(Default)]
struct Parsers(BTreeMap<String, RatingParser>);

impl Parsers {
    fn of(&mut self, field: &str) -> &RatingParser {
        let new = || RatingParser::new(Style::Json, Scale::Unit, field).unwrap();
        self.0.entry(field.to_owned()).or_insert_with(new)
    }

    fn parse(&mut self, field: &str, reply: &str) -> Result<Rating, NoRating> {
        self.of(field).parse(reply)
    }
}

/// The field in which a reply states its rating.
fn field<'r>(reply: &'r Value, text: &str) -> &'r str {
    let letter = reply["parsed_answer"].as_str().filter(|answer| ["A", "B", "C", "D", "E"].contains(answer));
    if text.contains("onfidence\":") { "confidence" } else { letter.unwrap_or("confidence") }
}

#[test]
fn real_replies_are_read_as_their_authors_read_them() {
    let Some(replies) = replies(SELF_RATINGS) else { return };
    let mut parsers = Parsers::default();
    let (mut known, mut same, mut missed, mut beside, mut clear) = (0, 0, 0, 0, 0);
    for reply in &replies {
        let text = reply["raw_content"].as_str().unwrap_or_default();
        let letter = reply["parsed_answer"].as_str().filter(|answer| ["A", "B", "C", "D", "E"].contains(answer));
        let field = field(reply, text);
        let rating = parsers.parse(field, text);
        match (reply["author_confidence"].as_f64(), rating) {
            (Some(author), Ok(rating)) => {
                known += 1;
                // The authors divided the letters' probabilities by their sum where that is not 1.
                let letters: f64 =
                    ["A", "B", "C", "D", "E"].iter().filter_map(|l| Some(parsers.parse(l, text).ok()?.value)).sum();
                let agrees = |value: f64| (value - author).abs() < 1e-6;
                let alike = agrees(rating.value) || (field == letter.unwrap_or_default() && agrees(rating.value / letters));
                assert!(alike, "{author}, but read {rating:?} in {text}");
                same += 1;
            }
            (Some(_), Err(why)) => {
                known += 1;
                if says_more(text) {
                    beside += 1;
                } else {
                    missed += 1;
                    println!("not read ({why:?}): {}", &text[text.len().saturating_sub(120)..]);
                }
            }
            (None, Ok(rating)) => {
                // The authors could not use the answer; the rating itself stands in the reply, behind its name.
                let before = text[..rating.span.end].trim_end_matches(|c: char| c.is_ascii_digit() || "\".%".contains(c));
                let before = before.trim_end_matches([' ', ':', '"']).to_lowercase();
                assert!(before.ends_with(&field.to_lowercase()), "{rating:?} in {text}");
                clear += 1;
            }
            (None, Err(_)) => {}
        }
    }
    println!(
        "{} replies: of {known} that their authors could use, {same} read alike, {missed} not, and {beside} say more than their \
         object; of {} others, {clear} state a clear rating",
        replies.len(),
        replies.len() - known,
    );
    // Five say "wait" or "however" behind the object, and take it back.
    assert!(same >= 2641 && missed <= 1 && beside <= 5, "{same} read alike, {missed} not read, {beside} say more");
}

/// Whether a reply says more than the object in it.
fn says_more(text: &str) -> bool {
    let around = text.split('{').next().unwrap_or_default().to_owned() + text.rsplit('}').next().unwrap_or_default();
    let around = around.replace("```json", "").replace("```", "").replace("Response:", "");
    !around.trim().is_empty()
}

/// The `Answer` of the JSON that a reply is, or has in its last code fence or braces.
fn answer_of_json(text: &str) -> Option<String> {
    let fenced = text.rsplit("```").nth(1).map(|block| block.trim_start_matches("json"));
    let braces = text.find('{').zip(text.rfind('}')).map(|(start, end)| &text[start..=end]);
    let value =
        [Some(text), fenced, braces].into_iter().flatten().find_map(|json| serde_json::from_str::<Value>(json.trim()).ok())?;
    match &value["Answer"] {
        Value::String(answer) => Some(answer.clone()),
        Value::Null => Some(String::new()),
        other => Some(other.to_string()),
    }
}

#[test]
fn what_is_served_of_real_replies_is_what_they_say() {
    let Some(replies) = replies(SELF_RATINGS) else { return };
    let mut parsers = Parsers::default();
    let (mut answers, mut mended, mut lines, mut whole) = (0, 0, 0, 0);
    for reply in &replies {
        let text = reply["raw_content"].as_str().unwrap_or_default();
        let parts = parsers.of(field(reply, text)).take_apart(text);
        let Some(rest) = parts.rest else {
            whole += 1;
            continue;
        };
        let kept: String = rest.kept.iter().map(|span| &text[span.clone()]).collect();
        if answer_of_json(text).is_some_and(|answer| answer == rest.text) {
            answers += 1;
        } else if let [span] = &rest.kept[..]
            && text[..span.start].trim_end_matches(['"', '\'']).trim_end().to_lowercase().ends_with("answer\":")
        {
            // The value behind the name `Answer`, in an object that is no JSON as a whole.
            assert!(kept == rest.text || kept.contains('\\'), "{kept:?} is not {:?}", rest.text);
            assert!(text[span.end..].starts_with(['"', ',', '\n', '}', '\'']), "{}", &text[span.end..]);
            mended += 1;
        } else {
            assert_eq!(kept, rest.text, "of {text}");
            let at_line_breaks = rest.kept.iter().all(|span| {
                let ends = |c: Option<char>| c.is_none_or(|c| matches!(c, '\n' | '\r'));
                let (start, end) = (&text[..span.start], &text[span.end..]);
                (ends(start.chars().next_back()) || ends(text[span.start..].chars().next()))
                    && (ends(end.chars().next()) || ends(text[..span.end].chars().next_back()))
            });
            assert!(at_line_breaks, "{:?} of {text}", rest.text);
            lines += 1;
        }
    }
    println!(
        "{} replies: of {answers} the parsed answer is served, of {mended} the answer of an object with faults, of {lines} the \
         reply without whole lines; {whole} as they were said",
        replies.len(),
    );
    assert_eq!(answers + mended + lines + whole, replies.len());
    assert!(answers + mended > 3570, "{answers} and {mended}");
}

/// What every tier of a set of observations replied, with the confidence that its authors read.
fn responses(set: &str) -> Option<Vec<(String, Option<f64>)>> {
    let replies = replies(set)?;
    let tiers = replies.iter().filter_map(|reply| reply["tiers"].as_object()).flat_map(serde_json::Map::values);
    let said = |tier: &Value| Some((tier["response"].as_str()?.to_owned(), tier["confidence"]["verbalized"].as_f64()));
    Some(tiers.filter_map(said).collect())
}

#[test]
fn the_lines_of_real_replies_go_whole() {
    let Some(responses) = responses("anytime_gsm8k") else { return };
    let parser = RatingParser::new(Style::Text, Scale::Unit, "conf").unwrap();
    let (mut read, mut none, mut elsewhere) = (0, 0, 0);
    for (text, confidence) in &responses {
        let parts = parser.take_apart(text);
        let Some(confidence) = confidence else {
            // Some were cut in the middle of the number.
            assert!(parts.rest.is_none() || text.ends_with("CONF: 0.") || text.ends_with("CONF: 0"), "{text}");
            none += 1;
            continue;
        };
        let Ok(rating) = parts.rating else {
            // Some go on behind the rating, or open a code block that they do not close.
            assert!(parts.rest.is_none() && text.contains("```"), "{text}");
            elsewhere += 1;
            continue;
        };
        assert!((rating.value - confidence).abs() < 1e-9, "{text}");
        let (others, _) = text.trim_end().rsplit_once("CONF:").unwrap();
        assert_eq!(parts.rest.unwrap().text, others.trim_end_matches('\n'), "{text}");
        read += 1;
    }
    println!(
        "{} replies: of {read} the line of the rating goes, {none} have none, {elsewhere} have it elsewhere",
        responses.len()
    );
    assert!(elsewhere <= 5, "{elsewhere}");
}

#[test]
fn real_objects_of_another_form_lose_the_rating_alone() {
    let Some(responses) = responses("deductive_coding") else { return };
    let parser = RatingParser::new(Style::Json, Scale::Unit, "confidence").unwrap();
    let object = |text: &str| {
        let inside = text.trim().trim_start_matches("```json").trim_end_matches("```");
        serde_json::from_str::<serde_json::Map<String, Value>>(inside.trim()).ok()
    };
    let (mut strict, mut others) = (0, 0);
    for (text, confidence) in &responses {
        let parts = parser.take_apart(text);
        let Some(mut said) = object(text) else {
            println!("no JSON: {text}");
            assert!(parts.rest.is_none() || parts.rating.is_ok(), "{text}");
            others += 1;
            continue;
        };
        if let (Some(confidence), Ok(rating)) = (confidence, &parts.rating) {
            assert!((rating.value - confidence).abs() < 1e-9, "{text}");
        }
        said.remove("confidence");
        assert_eq!(object(&parts.rest.unwrap().text), Some(said), "{text}");
        strict += 1;
    }
    println!("{} replies: {strict} objects without their rating, {others} that are no JSON", responses.len());
}
