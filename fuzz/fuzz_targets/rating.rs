//! Whatever a model writes about its confidence, the parser returns a rating in [0, 1] inside the text, or none, and parts of the
//! text as what is left.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tierfall_core::signal::rating::{RatingParser, Scale, Style};

fuzz_target!(|text: &str| {
    for style in [Style::Text, Style::Json] {
        for scale in [Scale::Percent, Scale::Unit, Scale::Ten] {
            let parser = RatingParser::new(style, scale, "confidence").expect("a plain word is a field");
            if let Ok(rating) = parser.parse(text) {
                assert!((0.0..=1.0).contains(&rating.value), "{}", rating.value);
                assert!(text.get(rating.span).is_some());
            }
            if let Some(rest) = parser.take_apart(text).rest {
                assert!(rest.kept.into_iter().all(|span| text.get(span).is_some()));
            }
        }
    }
});
