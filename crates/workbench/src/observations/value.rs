//! What the fields of a row may hold, wherever the row is from. An error is the reason alone: the caller knows the place.

use std::fmt::Display;

use super::scalar::Scalar;
use super::text::{self, Plain};

/// What is wrong with a value, and how to write it where that is plain.
pub(crate) fn wrong(found: &Scalar<'_>, wanted: impl Display) -> String {
    let advice = match found {
        Scalar::Text(text) => text::advice(text),
        _ => None,
    };
    let advice = advice.map(|advice| format!("; {advice}")).unwrap_or_default();
    format!("is {}, not {wanted}{advice}", found.shown())
}

/// A finite number of at least `least`.
pub(crate) fn amount(value: &Scalar<'_>, least: f64) -> Result<Option<f64>, String> {
    match value.plain() {
        Plain::Missing => Ok(None),
        Plain::Number(number) if number.is_finite() && number >= least => Ok(Some(number)),
        _ => Err(wrong(value, format_args!("a number of at least {least}"))),
    }
}

/// A number of tokens.
pub(crate) fn tokens(value: &Scalar<'_>) -> Result<Option<u32>, String> {
    match amount(value, 0.0)? {
        Some(number) if number >= 4e9 => Err(wrong(value, "a number of tokens")),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 4e9")]
        number => Ok(number.map(|number| number.round() as u32)),
    }
}

/// A score; NaN = it abstained.
pub(crate) fn score(value: &Scalar<'_>) -> Result<f64, String> {
    match value.plain() {
        Plain::Missing => Ok(f64::NAN),
        Plain::Number(number) => Ok(number),
        Plain::Bool(_) | Plain::Odd => Err(wrong(value, "a number")),
    }
}

/// A name, blanks around it aside: rows are told apart or put together by it. A word for a missing value may be a name or none, and would put all rows that have it
/// together.
pub(crate) fn name<'v>(value: &'v Scalar<'_>) -> Result<Option<&'v str>, String> {
    match value.as_text() {
        None if value.is_absent() => Ok(None),
        None => Err(wrong(value, "a text")),
        Some("") => Ok(None),
        Some(text) if text::is_sheet_error(text) => Err(wrong(value, "a name")),
        Some(text) if text::is_missing(text) => Err(format!(
            "is {text:?}, a name or a missing value: leave it empty where there is none, and write another name where it is one"
        )),
        name => Ok(name.map(str::trim)),
    }
}
