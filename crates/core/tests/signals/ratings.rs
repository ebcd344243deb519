//! The self-rating parser against 4,014 real replies, where they are at hand.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tierfall_core::signal::rating::{NoRating, Rating, RatingParser, Scale, Style};

/// The replies lie beside the repository, never in it.
fn replies() -> Option<Vec<Value>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/lifeeval_raw_selfrating_texts.jsonl.gz");
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
    fn parse(&mut self, field: &str, reply: &str) -> Result<Rating, NoRating> {
        let new = || RatingParser::new(Style::Json, Scale::Unit, field).unwrap();
        self.0.entry(field.to_owned()).or_insert_with(new).parse(reply)
    }
}

#[test]
fn real_replies_are_read_as_their_authors_read_them() {
    let Some(replies) = replies() else { return };
    let mut parsers = Parsers::default();
    let (mut known, mut same, mut missed, mut clear) = (0, 0, 0, 0);
    for reply in &replies {
        let text = reply["raw_content"].as_str().unwrap_or_default();
        let letter = reply["parsed_answer"].as_str().filter(|answer| ["A", "B", "C", "D", "E"].contains(answer));
        let field = if text.contains("onfidence\":") { "confidence" } else { letter.unwrap_or("confidence") };
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
                missed += 1;
                println!("not read ({why:?}): {}", &text[text.len().saturating_sub(120)..]);
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
        "{} replies: of {known} that their authors could use, {same} read alike and {missed} not; of {} others, {clear} state \
         a clear rating",
        replies.len(),
        replies.len() - known,
    );
    // Those few correct themselves, or list "A: …" in their reasoning: two numbers behind one name are none.
    assert!(same >= 2643 && missed <= 4, "{same} read alike, {missed} not read");
}
