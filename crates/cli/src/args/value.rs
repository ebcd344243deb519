//! Values of arguments. Every error says what to write instead.

use std::collections::BTreeMap;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use tierfall_core::money::{Money, Price, Rate};

/// One of several words: each with what it is for, and what it stands for.
pub(super) fn one_of<T: Clone + Send + Sync + 'static>(
    words: impl IntoIterator<Item = (&'static str, &'static str, T)>,
) -> impl TypedValueParser<Value = T> {
    let shown = words.into_iter().map(|(word, about, stands_for)| (PossibleValue::new(word).help(about), (word, stands_for)));
    let (shown, meanings): (Vec<_>, BTreeMap<_, _>) = shown.unzip();
    PossibleValuesParser::new(shown).try_map(move |word| meanings.get(&*word).cloned().ok_or("it is none of them"))
}

/// What is declared of rows that cannot be read, have no grade or were graded by people, and what that means for them.
pub(super) fn at_random<T: Clone + Send + Sync + 'static>(means: T) -> impl TypedValueParser<Value = T> {
    one_of([("at-random", "Which rows these are does not depend on whether their answers are right", means)])
}

/// What rows that name no segment are.
pub(super) fn rest() -> impl TypedValueParser<Value = ()> {
    one_of([("rest", "Requests without a segment, which count with the rest", ())])
}

/// `NAME=VALUE`; the last `=` counts, since names may have one.
fn named<'a>(text: &'a str, example: &str) -> Result<(&'a str, &'a str), String> {
    match text.rsplit_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => Ok((name, value)),
        _ => Err(format!("write it like {example}")),
    }
}

fn number(text: &str) -> Result<f64, String> {
    text.parse::<f64>().ok().filter(|value| value.is_finite()).ok_or_else(|| format!("\"{text}\" is no number"))
}

/// In [0, 1].
pub(super) fn share(text: &str) -> Result<f64, String> {
    let percent = text.strip_suffix('%').map(str::trim);
    let value = number(percent.unwrap_or(text))? / if percent.is_some() { 100.0 } else { 1.0 };
    match value {
        0.0..=1.0 => Ok(value),
        1.0..=100.0 => Err(format!("a share is from 0 to 1: for {value} % write {}", hundredth(value))),
        _ => Err("a share is from 0 to 1".to_owned()),
    }
}

/// A hundredth as a person writes it: 1.1 / 100 is 0.011000000000000001 in binary.
fn hundredth(value: f64) -> String {
    let text = format!("{:.12}", value / 100.0);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A weight: how many requests a row stands for.
pub(super) fn at_least_1(text: &str) -> Result<f64, String> {
    let weight: f64 = text.parse().map_err(|_| format!("\"{text}\" is no number"))?;
    only(weight, weight >= 1.0 && weight.is_finite(), "it is 1 over a probability: at least 1")
}

fn only(value: f64, holds: bool, else_why: &str) -> Result<f64, String> {
    if holds { Ok(value) } else { Err(else_why.to_owned()) }
}

/// A probability of being wrong: neither 0, which no number of examples allows, nor 1.
pub(super) fn above_0_below_1(text: &str) -> Result<f64, String> {
    let value = share(text)?;
    only(value, value > 0.0 && value < 1.0, "it must be above 0 and below 1")
}

/// A margin: none is no margin.
pub(super) fn above_0_to_1(text: &str) -> Result<f64, String> {
    let value = share(text)?;
    only(value, value > 0.0, "it must be above 0")
}

/// An amount.
pub(super) fn usd(text: &str) -> Result<Money, String> {
    text.trim_start_matches('$').parse().map_err(|error| format!("{error}"))
}

/// What a tier's tokens cost.
pub(super) fn tier_price(text: &str) -> Result<(String, Price), String> {
    let example = "small=0.10/0.40, USD per million tokens in and out";
    let (tier, rates) = named(text, example)?;
    let (input, output) = rates.split_once('/').ok_or_else(|| format!("write it like {example}"))?;
    let rate = |text: &str| text.trim_start_matches('$').parse::<Rate>().map_err(|error| format!("{text}: {error}"));
    Ok((tier.to_owned(), Price { input: rate(input)?, output: rate(output)?, cached_input: None, cached_write: None }))
}

/// What an answer of a tier costs.
pub(super) fn tier_cost(text: &str) -> Result<(String, Money), String> {
    let (tier, cost) = named(text, "small=0.0002, USD an answer")?;
    Ok((tier.to_owned(), usd(cost)?))
}

/// A column of a CSV file and what it is.
pub(super) fn column(text: &str) -> Result<(String, String), String> {
    named(text, "ok=small.correct").map(|(column, field)| (column.to_owned(), field.to_owned()))
}

/// A model and the tier that it is; of all models without one.
pub(super) fn renamed(text: &str) -> Result<(String, String), String> {
    if !text.is_empty() && !text.contains('=') {
        return Ok((String::new(), text.to_owned()));
    }
    named(text, "gpt-4o-mini=small").map(|(model, tier)| (model.to_owned(), tier.to_owned()))
}

/// An operating point.
pub(super) fn named_share(text: &str) -> Result<(String, f64), String> {
    let (name, value) = named(text, "careful=0.01")?;
    if name == "default" {
        return Err("the main target is the point named \"default\"; name this one otherwise".to_owned());
    }
    Ok((name.to_owned(), share(value)?))
}

/// A time in milliseconds, and the share of requests that may take longer.
pub(super) fn latency_limit(text: &str) -> Result<(f64, f64), String> {
    let (ms, over) = named(text, "2000=0.05: at most 5 % of the requests take longer than 2000 ms")?;
    let ms = number(ms)?;
    if ms <= 0.0 {
        return Err("the time must be above 0".to_owned());
    }
    match share(over)? {
        1.0.. => Err("a limit that every request may break is none".to_owned()),
        over => Ok((ms, over)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_may_be_percentages_but_never_by_mistake() {
        assert_eq!((share("0.05"), share("5%"), share("1")), (Ok(0.05), Ok(0.05), Ok(1.0)));
        assert!(share("5").unwrap_err().contains("write 0.05"));
        assert!(share("1.1").unwrap_err().ends_with("for 1.1 % write 0.011"));
        for wrong in ["-0.1", "nan", "inf", "101", "x", ""] {
            assert!(share(wrong).is_err(), "{wrong}");
        }
        assert!(above_0_below_1("0").is_err() && above_0_below_1("1").is_err());
    }

    #[test]
    fn named_values_say_how_they_are_written() {
        assert_eq!(named_share("a=b=0.1"), Ok(("a=b".to_owned(), 0.1)));
        assert_eq!(latency_limit("2000=0.05"), Ok((2000.0, 0.05)));
        for (error, hint) in [
            (named_share("careful").unwrap_err(), "careful=0.01"),
            (named_share("default=0.1").unwrap_err(), "otherwise"),
            (tier_cost("small").unwrap_err(), "small=0.0002"),
            (tier_price("small=1").unwrap_err(), "0.10/0.40"),
            (latency_limit("=1").unwrap_err(), "2000=0.05"),
            (latency_limit("10=1").unwrap_err(), "none"),
        ] {
            assert!(error.contains(hint), "{error}");
        }
        assert_eq!(tier_cost("a=$0.5").unwrap().1.pico(), 500_000_000_000);
        assert!(tier_price("a=0.1/0.4").is_ok());
    }
}
