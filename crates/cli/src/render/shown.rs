//! Examples with the answers of all tiers, as `grade --show` prints them.

use tierfall_workbench::fixture::grade::{ShownAnswer, ShownExample};

use super::card::{expected, part, question, something};
use super::printable;
use super::style::{BAD, DIM, GOOD, STRONG, paint};

/// Each example with its question, what is expected, and every tier's answer under its grade and how sure the tier was.
pub(crate) fn shown(examples: &[ShownExample<'_>], of: usize) -> String {
    let one = |(at, shown): (usize, &ShownExample<'_>)| {
        let example = shown.example;
        let names = printable::line(&format!(" · {} · {}", example.segment, example.id));
        let answers: String = shown.answers.iter().map(answer).collect();
        format!(
            "{}{}\n\n{}{}{answers}",
            paint(STRONG, format!("{} of {of}", at + 1)),
            paint(DIM, names),
            part("question", &question(example, "")),
            part(&format!("expected ({})", example.grader.name()), &expected(&example.expected)),
        )
    };
    examples.iter().enumerate().map(one).collect()
}

fn answer(answer: &ShownAnswer) -> String {
    let grade = match answer.correct {
        None => paint(DIM, "– no grade"),
        Some(correct) if correct < 0.5 => paint(BAD, graded("✗ wrong", correct)),
        Some(correct) => paint(GOOD, graded("✓ right", correct)),
    };
    let sure = answer.sure.as_ref().map(|sure| {
        let what = if sure.calibrated { "confidence" } else { "score" };
        format!("   {what} {:.3} ({})", sure.value, printable::line(&sure.by))
    });
    let reason = answer.reason.as_ref().map(|reason| format!("   {}", printable::line(reason)));
    let said = match (&answer.answer, &answer.error) {
        (Some(text), _) => something(text),
        (None, error) => format!("(failed) {}", error.as_deref().unwrap_or_default()),
    };
    let aside = sure.into_iter().chain(reason).collect::<String>();
    part(&format!("{}   {grade}{}", printable::line(&answer.tier), paint(DIM, aside)), &said)
}

/// A grade between right and wrong is told as it is.
fn graded(word: &str, correct: f64) -> String {
    if correct > 0.0 && correct < 1.0 { format!("{word} ({correct})") } else { word.to_owned() }
}
