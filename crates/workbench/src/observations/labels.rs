//! Words that say of an answer whether it is right. No other place reads any.

use std::collections::BTreeSet;

use super::text::{self, Plain};

/// Words for right and wrong that say the same whatever else stands in their column, in any case.
const WORDS: [(&str, &str); 6] =
    [("yes", "no"), ("pass", "fail"), ("passed", "failed"), ("correct", "incorrect"), ("right", "wrong"), ("success", "failure")];

/// Letters for right and wrong. A letter may as well be the answer to a question with choices, so both of a pair have to be there, and no
/// other.
const LETTERS: [(&str, &str); 3] = [("c", "i"), ("y", "n"), ("t", "f")];

/// What a text says where a grade is expected.
pub(super) enum Label {
    /// What is no word for right or wrong.
    Plain(Plain),
    /// A word.
    Word(bool),
    /// A letter, which is one if its column says so.
    Letter(bool, char),
}

/// Reads a text, quotes around it aside: some programs write `"true"` with them.
pub(super) fn read(text: &str) -> Label {
    let bare = text.trim();
    let bare = ['"', '\''].into_iter().find_map(|quote| bare.strip_prefix(quote)?.strip_suffix(quote)).unwrap_or(bare);
    let plain = text::plain(bare);
    if plain != Plain::Odd {
        return Label::Plain(plain);
    }
    let which = |pairs: &[(&str, &str)]| {
        let is = |word: &str| bare.trim().eq_ignore_ascii_case(word);
        pairs.iter().find_map(|(right, wrong)| if is(right) { Some(true) } else { is(wrong).then_some(false) })
    };
    // Truths in odd writings, as `tRUE`, are words, too.
    if let Some(right) = which(&WORDS).or_else(|| which(&[("true", "false")])) {
        return Label::Word(right);
    }
    match (which(&LETTERS), bare.trim().chars().next()) {
        (Some(right), Some(letter)) => Label::Letter(right, letter.to_ascii_uppercase()),
        _ => Label::Plain(Plain::Odd),
    }
}

/// Whether the letters of a column are one pair and nothing else.
pub(super) fn is_pair(letters: &BTreeSet<char>) -> bool {
    LETTERS.iter().any(|(right, wrong)| {
        let pair: BTreeSet<char> = right.chars().chain(wrong.chars()).map(|letter| letter.to_ascii_uppercase()).collect();
        *letters == pair
    })
}

/// All that is read as a grade, for people.
pub(super) fn known() -> String {
    let words: Vec<String> = WORDS.iter().map(|(right, wrong)| format!("{right}/{wrong}")).collect();
    let letters: Vec<String> = LETTERS.iter().map(|(right, wrong)| format!("{right}/{wrong}").to_uppercase()).collect();
    format!(
        "read are numbers from 0 to 1, true/false, {}, and the letters {} where both of a pair and no other stand in the column; leave the \
         cell empty where there is no grade",
        words.join(", "),
        letters.join(", ")
    )
}
