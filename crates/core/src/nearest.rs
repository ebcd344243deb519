//! Guesses at what was meant by a word that nobody knows.

/// The known word that `word` was probably meant to be.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A typing error leaves a word short; anything longer than this is no key.
    let folded: String = word.to_lowercase().replace('_', "-").chars().take(64).collect();
    let limit = (folded.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|candidate| (distance(&folded, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// "did you mean `…`?", or what there is.
pub fn suggestion<'a>(word: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> Option<String> {
    if let Some(near) = nearest(word, known.clone()) {
        return Some(format!("did you mean `{near}`?"));
    }
    let all: Vec<String> = known.into_iter().map(|name| format!("`{name}`")).collect();
    (!all.is_empty()).then(|| format!("there {} {}", if all.len() == 1 { "is" } else { "are" }, all.join(", ")))
}

/// How many characters are put in, taken out, exchanged, or swapped with their neighbours (optimal string alignment).
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut before = vec![0; other.len() + 1];
    let mut last: Vec<usize> = (0..=other.len()).collect();
    for i in 1..=one.len() {
        let mut row = vec![i];
        for j in 1..=other.len() {
            let exchanged = last[j - 1] + usize::from(one[i - 1] != other[j - 1]);
            let mut fewest = exchanged.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1] {
                fewest = fewest.min(before[j - 2] + 1);
            }
            row.push(fewest);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn typing_errors_are_recognised() {
        let known = ["threshold", "signal", "require", "observe", "base-url"];
        for (typed, meant) in [("treshold", "threshold"), ("singal", "signal"), ("requires", "require"), ("base_url", "base-url")]
        {
            assert_eq!(nearest(typed, known), Some(meant));
        }
        assert_eq!(nearest("temperature", known), None);
    }

    #[test]
    fn distances_are_those_of_the_books() {
        for (one, other, apart) in
            [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("ab", "ba", 1), ("ca", "abc", 3), ("größe", "grösse", 2)]
        {
            assert_eq!((distance(one, other), distance(other, one)), (apart, apart), "{one} {other}");
        }
    }

    proptest! {
        #[test]
        fn any_word_is_guessed_at(a in "\\PC{0,80}", b in "\\PC{0,80}") {
            prop_assert_eq!(distance(&a, &a), 0);
            prop_assert_eq!(distance(&a, &b), distance(&b, &a));
            let _ = nearest(&a, [b.as_str()]);
        }
    }
}
