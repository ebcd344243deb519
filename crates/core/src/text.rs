//! Words: those of others, as far as they are repeated, and how names and numbers are said.

/// One line of plain text of at most `most` characters: what providers, programs and models write may hold anything.
pub fn one_line(text: &str, most: usize) -> String {
    let plain: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let words = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}

/// Names in a row: `a, b and c`.
pub fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

/// Names in a row, the first few of many: `a, b and c`, or `a, b, c, d, e and 71 more`.
pub fn few(names: &[impl AsRef<str>]) -> String {
    const MOST: usize = 5;
    let shown: Vec<&str> = names.iter().take(MOST).map(AsRef::as_ref).collect();
    match names.len() - shown.len() {
        0 => list(&shown),
        more => format!("{} and {} more", shown.join(", "), count(more as u64)),
    }
}

/// A count with its digits in threes.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_names_the_first_are_said() {
        let names = |n: usize| (1..=n).map(|n| format!("n{n}")).collect::<Vec<_>>();
        assert_eq!([0, 1, 2, 5].map(|n| few(&names(n))), ["", "n1", "n1 and n2", "n1, n2, n3, n4 and n5"]);
        assert_eq!(few(&names(1_076)), "n1, n2, n3, n4, n5 and 1,071 more");
    }
}
