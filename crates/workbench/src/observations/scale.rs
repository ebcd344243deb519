//! What the grades of a column look like where some of them are no grades: on which scale they are, and how to bring them to 0 to 1.

use std::collections::BTreeSet;

use super::labels::{self, Label};
use super::scalar::Scalar;
use super::text::{self, Plain};
use super::value::wrong;

/// So many different values of a column are told.
const FEW: usize = 12;

/// The grades of a column, as far as they tell its scale.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// 0 and 1, which by far most grades are.
    plain: u64,
    others: u64,
    range: Option<(f64, f64)>,
    /// Different numbers; more than [`FEW`] besides 0 and 1 stand for many.
    numbers: Vec<f64>,
    /// Values that are neither numbers nor truths, and how many of the rows have one.
    texts: BTreeSet<String>,
    unread: u64,
    /// Letters for right and wrong, in capitals, and how many rows have one.
    letters: BTreeSet<char>,
    lettered: u64,
}

impl Seen {
    /// A grade from 0 to `most`, as one from 0 to 1. It is remembered, whatever it is.
    pub(crate) fn read(&mut self, value: &Scalar<'_>, most: f64) -> Result<Option<f64>, String> {
        let label = match value {
            Scalar::Text(text) => labels::read(text),
            other => Label::Plain(other.plain()),
        };
        let plain = match label {
            Label::Plain(plain) => plain,
            Label::Word(right) => Plain::Bool(right),
            Label::Letter(right, letter) => {
                self.letters.insert(letter);
                self.lettered += 1;
                Plain::Bool(right)
            }
        };
        match plain {
            Plain::Missing => return Ok(None),
            Plain::Bool(right) => {
                let grade = f64::from(u8::from(right));
                self.note(grade);
                return Ok(Some(grade));
            }
            Plain::Number(number) => {
                self.note(number);
                if (0.0..=most).contains(&number) {
                    return Ok(Some(number / most));
                }
            }
            Plain::Odd => {
                self.unread += 1;
                if self.texts.len() <= FEW {
                    self.texts.insert(match value {
                        Scalar::Text(text) => text.trim().chars().take(40).collect(),
                        other => other.shown(),
                    });
                }
            }
        }
        Err(wrong(value, format_args!("a grade from 0 to {most}")))
    }

    fn note(&mut self, number: f64) {
        let n = if is_plain(number) { &mut self.plain } else { &mut self.others };
        *n += 1;
        self.widen(number);
    }

    fn widen(&mut self, number: f64) {
        let (low, high) = self.range.unwrap_or((number, number));
        self.range = Some((low.min(number), high.max(number)));
        if !self.numbers.contains(&number) && (is_plain(number) || self.numbers.len() < FEW + 3) {
            self.numbers.push(number);
        }
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.plain += other.plain;
        self.others += other.others;
        other.range.iter().flat_map(|(low, high)| [low, high]).chain(&other.numbers).for_each(|number| self.widen(*number));
        self.unread += other.unread;
        self.letters.extend(&other.letters);
        self.lettered += other.lettered;
        self.texts.extend(other.texts.iter().take(FEW + 1).cloned());
    }

    /// What the grades look like, and what to do where not all of them are from 0 to `most`; `None` where they are.
    pub(crate) fn hint(&self, column: &str, most: f64) -> Option<String> {
        if self.unread > 0 {
            return Some(self.of_texts(column));
        }
        let (low, high) = self.range?;
        if low >= 0.0 && high <= most {
            return None;
        }
        let there = format!("{column} holds {}", self.values(low, high));
        Some(if most.total_cmp(&1.0).is_ne() {
            format!("{there}: not all of them are from 0 to {most}, as --max-score says")
        } else {
            format!("{there}: {}", self.scale(low, high))
        })
    }

    /// Why it is not certain that the letters of the column are grades, where it has some.
    pub(crate) fn unsure(&self, column: &str) -> Option<String> {
        if self.letters.is_empty() || labels::is_pair(&self.letters) {
            return None;
        }
        let letters: Vec<String> = self.letters.iter().map(char::to_string).collect();
        Some(format!(
            "{column} holds the letters {} in {} rows, which may be right or wrong, or choices: write 1 and 0; {}",
            letters.join(", "),
            self.lettered,
            labels::known()
        ))
    }

    fn of_texts(&self, column: &str) -> String {
        let shown: Vec<String> = self.texts.iter().take(FEW).map(|text| format!("{text:?}")).collect();
        let more = if self.texts.len() > FEW { " and others" } else { "" };
        let what = if self.texts.iter().all(|text| text::percentage(text).is_some()) {
            "these look like percentages: write 93% as 0.93".to_owned()
        } else {
            labels::known()
        };
        format!("{column} holds {}{more}: {what}", shown.join(", "))
    }

    /// The values that there are, or between what they lie.
    fn values(&self, low: f64, high: f64) -> String {
        if self.numbers.iter().filter(|number| !is_plain(**number)).count() > FEW {
            return format!("numbers from {low} to {high}");
        }
        let mut all = self.numbers.clone();
        all.sort_by(f64::total_cmp);
        all.iter().map(f64::to_string).collect::<Vec<_>>().join(", ")
    }

    /// What it is a scale of, and how to map it.
    #[expect(clippy::float_cmp, reason = "whole numbers below 1000")]
    fn scale(&self, low: f64, high: f64) -> String {
        if low == -1.0 && high == 1.0 && self.numbers.iter().all(|number| is_plain(*number) || *number == -1.0) {
            return if self.numbers.contains(&0.0) {
                "it looks like +1 for right, -1 for wrong and 0 for something between: write 1 and 0, and nothing where nobody \
                 could tell"
                    .to_owned()
            } else {
                "it looks like +1 for right and -1 for wrong: write 1 and 0".to_owned()
            };
        }
        let all = self.plain + self.others;
        let outside = |number: &f64| is_plain(*number) || !(0.0..=1.0).contains(number);
        let both = [0.0, 1.0].iter().all(|end| self.numbers.contains(end));
        if both && self.numbers.iter().all(outside) && self.others * 20 <= all {
            return format!("all but {} of {all} are 0 or 1, so it looks like a slip: correct it", self.others);
        }
        // Parts of hundred, points of five and so on; a scale that nobody has is only told.
        let top = [2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 10.0, 20.0, 100.0, 1000.0].into_iter().find(|top| high <= *top);
        match top {
            Some(top) if low == 1.0 => format!(
                "it looks like a scale from 1 to {top}: write (grade - 1) / {} in its place, or 1 for the grades that count as right and 0 \
                 for the others",
                top - 1.0
            ),
            Some(top) if low >= 0.0 => format!(
                "it looks like {}: divide by {top} (`tierfall import csv --max-score {top}` does), or write 1 for the grades that count as \
                 right and 0 for the others",
                if top == 100.0 { "percentages".to_owned() } else { format!("a scale up to {top}") }
            ),
            _ => "map them to 0 for wrong up to 1 for right".to_owned(),
        }
    }
}

#[expect(clippy::float_cmp, reason = "the values themselves are told apart")]
fn is_plain(number: f64) -> bool {
    number == 0.0 || number == 1.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(values: &[&str]) -> Option<String> {
        let mut halves = [Seen::default(), Seen::default()];
        for (at, value) in values.iter().enumerate() {
            let _ = halves[at % 2].read(&Scalar::of_cell(value), 1.0);
        }
        let mut seen = Seen::default();
        for half in &halves {
            seen.merge(half);
        }
        let mut whole = Seen::default();
        for value in values {
            let _ = whole.read(&Scalar::of_cell(value), 1.0);
        }
        assert_eq!(seen.hint("correct", 1.0), whole.hint("correct", 1.0), "pieces say what the whole says");
        seen.hint("correct", 1.0)
    }

    #[test]
    fn the_scale_is_told_by_all_that_there_is() {
        let slips: Vec<&str> = [["0", "1"]; 20].concat().into_iter().chain(["11"]).collect();
        let many: Vec<String> = (0..40).map(|n| (n * 2).to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        for (values, said) in [
            (&["1", "-1", "1"][..], "holds -1, 1: it looks like +1 for right and -1 for wrong"),
            (&["1", "-1", "0"], "nobody could tell"),
            (&["1", "2", "3", "5"], "holds 1, 2, 3, 5: it looks like a scale from 1 to 5: write (grade - 1) / 4"),
            (&["3", "9", "7"], "a scale up to 10: divide by 10"),
            (&["0", "3", "9", "7"], "a scale up to 10: divide by 10 (`tierfall import csv --max-score 10`"),
            (&many, "holds numbers from 0 to 78: it looks like percentages: divide by 100"),
            (&["93%", "7%"], "holds \"7%\", \"93%\": these look like percentages: write 93% as 0.93"),
            (&["good", "bad", "1"], "holds \"bad\", \"good\": read are numbers from 0 to 1, true/false, yes/no, pass/fail"),
            (&slips, "holds 0, 1, 11: all but 1 of 41 are 0 or 1, so it looks like a slip"),
            (&["0.5", "-3"], "holds -3, 0.5: map them"),
            (&["inf", "1"], "holds 1, inf: map them"),
        ] {
            let hint = hint(values).unwrap();
            assert!(hint.contains(said), "{values:?}: {hint}");
        }
        assert_eq!(hint(&["0", "1", "0.5", "true", "NaN", ""]), None);
        assert_eq!(hint(&["0,5", "1,0", "Yes"]), None);
        assert_eq!(hint(&[]), None);
    }
    /// What a column says, a grade a value; why it is not certain, where it is not.
    fn column(values: &[&str]) -> Result<Vec<Option<f64>>, String> {
        let mut seen = Seen::default();
        let grades: Result<Vec<_>, String> = values.iter().map(|value| seen.read(&Scalar::of_cell(value), 1.0)).collect();
        let grades = grades.map_err(|why| format!("{why}; {}", seen.hint("correct", 1.0).unwrap_or_default()))?;
        seen.unsure("correct").map_or(Ok(grades), Err)
    }

    #[test]
    fn labels_are_read_where_the_whole_column_leaves_no_doubt() {
        for (right, wrong) in [
            ("yes", "no"),
            ("PASS", "FAIL"),
            ("passed", "Failed"),
            ("correct", "incorrect"),
            ("Right", " wrong "),
            ("success", "failure"),
            ("\"true\"", "\"false\""),
            ("'1'", "'0'"),
            ("1,0", "0,0"),
            ("C", "I"),
            ("y", "n"),
            ("T", "F"),
            ("yes", "0"),
        ] {
            assert_eq!(column(&[right, wrong, "", right]), Ok(vec![Some(1.0), Some(0.0), None, Some(1.0)]), "{right} {wrong}");
        }
        assert_eq!(column(&["0,25", "0,250", "1"]), Ok(vec![Some(0.25), Some(0.25), Some(1.0)]));
        for (values, said) in [
            (&["C", "C"][..], "holds the letters C in 2 rows, which may be right or wrong, or choices"),
            (&["C", "I", "F"], "holds the letters C, F, I in 3 rows"),
            (&["A", "C", "I"], "holds \"A\": read are numbers from 0 to 1, true/false, yes/no"),
            (&["yes", "maybe"], "is the text \"maybe\", not a grade from 0 to 1; correct holds \"maybe\": read are"),
            (&["0,5", "1,250"], "1.25 or 1250, whichever it is"),
        ] {
            let why = column(values).unwrap_err();
            assert!(why.contains(said), "{values:?}: {why}");
        }
    }
}
