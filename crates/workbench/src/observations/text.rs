//! What a text says where a number or a truth is expected: a cell of CSV is such a text, and so is a JSON value in quotes.

/// What stands where a number or a truth is expected.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Plain {
    /// Nothing, or a word for it.
    Missing,
    /// Never NaN: that is a word for nothing.
    Number(f64),
    Bool(bool),
    /// Something else.
    Odd,
}

/// Words for a missing value: those that pandas takes for one by default, among them R's `NA` and what spreadsheets show where a value is
/// not available.
///
/// `-` is none of them: the accounting format of spreadsheets shows a zero like that. Nor are `.` and `?`, which are missing values to some
/// programs and slips to others.
pub(super) const MISSING: [&str; 19] = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA", "NULL",
    "NaN", "None", "n/a", "nan", "null",
];

/// What spreadsheets show in place of a value that a formula could not give. The value is lost, and was not missing.
const SHEET_ERRORS: [&str; 13] = [
    "#DIV/0!",
    "#VALUE!",
    "#REF!",
    "#NUM!",
    "#NAME?",
    "#NULL!",
    "#ERROR!",
    "#SPILL!",
    "#CALC!",
    "#FIELD!",
    "#BLOCKED!",
    "#CONNECT!",
    "#GETTING_DATA",
];

/// Reads a text as a number, a truth or nothing.
pub(crate) fn plain(text: &str) -> Plain {
    if let Some(number) = digits(text) {
        return Plain::Number(number);
    }
    match text.trim() {
        "" => Plain::Missing,
        "true" | "True" | "TRUE" => Plain::Bool(true),
        "false" | "False" | "FALSE" => Plain::Bool(false),
        "inf" | "Inf" | "+inf" | "Infinity" => Plain::Number(f64::INFINITY),
        "-inf" | "-Inf" | "-Infinity" => Plain::Number(f64::NEG_INFINITY),
        text if is_missing(text) => Plain::Missing,
        text => digits(text).or_else(|| with_comma(text)).map_or(Plain::Odd, Plain::Number),
    }
}

/// A number that is written in digits. Rust reads more words as numbers than these, and numbers that are too large as infinite.
fn digits(text: &str) -> Option<f64> {
    let begins = text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
    begins.then(|| text.parse().ok()).flatten().filter(|number: &f64| number.is_finite())
}

/// A number with a comma in place of its point. `1,250` is none: to some it is a thousand and more.
fn with_comma(text: &str) -> Option<f64> {
    let (whole, part) = text.split_once(',')?;
    let thousands = part.len() == 3 && !matches!(whole.trim_start_matches(['+', '-']), "" | "0");
    let is_number = !thousands && !whole.contains('.') && part.starts_with(|c: char| c.is_ascii_digit());
    is_number.then(|| digits(&format!("{whole}.{part}"))).flatten()
}

/// Whether a text is nothing, or a word for it.
pub(crate) fn is_missing(text: &str) -> bool {
    may_begin(text, b"#-1<Nn") && MISSING.contains(&text.trim())
}

/// What programs write where there was no answer.
const PLACEHOLDERS: [&str; 10] =
    ["empty", "error", "failed", "missing", "nil", "none", "null", "timeout", "undefined", "unknown"];

/// Whether a text may stand for an answer that is not there: then nobody knows whether it is that of another one that says the same.
pub(crate) fn may_be_none(text: &str) -> bool {
    let said = text.trim_matches(|c: char| !c.is_alphanumeric());
    said.is_empty() || is_missing(text) || is_sheet_error(text) || PLACEHOLDERS.contains(&said.to_lowercase().as_str())
}

/// Whether a text is what a spreadsheet shows for a failed formula.
pub(crate) fn is_sheet_error(text: &str) -> bool {
    may_begin(text, b"#E") && {
        let text = text.trim();
        SHEET_ERRORS.contains(&text) || text.strip_prefix("Err:").is_some_and(|code| code.parse::<u16>().is_ok())
    }
}

/// Whether a text may begin with one of these once blanks are off it: most names do not, and are compared with nothing.
fn may_begin(text: &str, with: &[u8]) -> bool {
    text.bytes().next().is_none_or(|first| !first.is_ascii_graphic() || with.contains(&first))
}

/// The share that a percentage is, as it should be written.
pub(crate) fn percentage(text: &str) -> Option<String> {
    let Plain::Number(percent) = plain(text.trim().strip_suffix('%')?) else { return None };
    let share = format!("{:.12}", percent / 100.0);
    percent.is_finite().then(|| share.trim_end_matches('0').trim_end_matches('.').to_owned())
}

/// How to write what a text that is no number was probably to say.
pub(crate) fn advice(text: &str) -> Option<String> {
    let text = text.trim();
    if is_sheet_error(text) {
        return Some(
            "it is an error of the spreadsheet: mend the formula, or leave the cell empty where there is no value".to_owned(),
        );
    }
    if let Some(share) = percentage(text) {
        return Some(format!("write {share}"));
    }
    let grouped = |text: &str| digits(text).filter(|_| !text.contains('.'));
    if let Some((whole, part)) = text.split_once(',')
        && let (Some(decimal), Some(thousands)) = (digits(&text.replacen(',', ".", 1)), grouped(&format!("{whole}{part}")))
    {
        return Some(format!("write {decimal} or {thousands}, whichever it is"));
    }
    if let Some(rest) = text.strip_prefix('\u{2212}')
        && let Plain::Number(number) = plain(rest)
    {
        return Some(format!("write -{number}, with the minus sign of ASCII"));
    }
    matches!(text, "-" | "--" | "\u{2013}" | "\u{2014}" | "." | "?")
        .then(|| "write 0 where it means that, and leave the cell empty where there is no value".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_nothing_are_nothing_and_no_others_are() {
        for word in MISSING {
            assert_eq!(plain(word), Plain::Missing, "{word:?}");
            assert_eq!(plain(&format!(" {word}\u{a0}")), Plain::Missing, "{word:?} among blanks");
        }
        for word in
            SHEET_ERRORS.into_iter().chain(["Err:502", "-", "--", ".", "?", "missing", "none", "NAN", "Na", "n.a.", "nil", "\\N"])
        {
            assert_eq!(plain(word), Plain::Odd, "{word:?}");
        }
    }

    #[test]
    fn numbers_are_what_reads_as_one_everywhere() {
        let numbers = [("1", 1.0), ("-.5", -0.5), ("+1e-3", 0.001), (" 7 ", 7.0), ("1.", 1.0), ("-Inf", f64::NEG_INFINITY)];
        let with_commas = [
            ("0,93", 0.93),
            ("-1,5", -1.5),
            ("0,250", 0.25),
            ("1,0", 1.0),
            ("1234,5", 1234.5),
            ("1,25e-3", 0.00125),
            (",5", 0.5),
        ];
        for (text, number) in with_commas {
            assert_eq!(plain(text), Plain::Number(number), "{text:?}");
        }
        for (text, number) in numbers {
            assert_eq!(plain(text), Plain::Number(number), "{text:?}");
        }
        for (text, truth) in [("TRUE", true), ("false", false)] {
            assert_eq!(plain(text), Plain::Bool(truth));
        }
        // Rust reads the first three, and none of the others.
        for odd in [
            "infinity",
            "-infinity",
            "1e400",
            "1_000",
            "1,000.5",
            "0x1f",
            "1 000",
            "$1",
            "93%",
            "1,250",
            "-12,000",
            "1,2,3",
            "1.2,3",
            ",",
            "1,",
            "1,x",
            "yes",
            "\u{2212}1",
        ] {
            assert_eq!(plain(odd), Plain::Odd, "{odd:?}");
        }
    }

    #[test]
    fn what_was_meant_is_said_where_it_is_plain() {
        for (text, said) in [
            ("93%", "write 0.93"),
            ("7.25 %", "write 0.0725"),
            ("100%", "write 1"),
            ("1,250", "write 1.25 or 1250, whichever it is"),
            ("\u{2212}0.1", "write -0.1,"),
            ("#DIV/0!", "mend the formula"),
            ("Err:502", "mend the formula"),
            ("-", "write 0 where"),
        ] {
            assert!(advice(text).is_some_and(|advice| advice.contains(said)), "{text}: {:?}", advice(text));
        }
        for text in ["high", "1,000,000", "%", "inf%", "1,5.0"] {
            assert_eq!(advice(text), None, "{text}");
        }
    }
}
