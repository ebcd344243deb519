//! A log-probability is the same number after the wire as before it.

use serde::Deserialize;
use tierfall_core::completion::{Completion, Tokens};
use tierfall_wire::dialect::table::by_name;
use tierfall_wire::openai::{ClientAsked, Head, whole};

/// `SplitMix64` (Steele, Lea, Flood 2014): numbers without a pattern, the same everywhere.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[test]
fn ten_thousand_log_probabilities_keep_every_bit() {
    let mut state = 1;
    let mut logprobs = vec![0.0, -0.0, -9999.0, f64::MIN_POSITIVE, -f64::MAX, -5e-324];
    while logprobs.len() < 10_000 {
        let bits = split_mix(&mut state);
        let any = f64::from_bits(bits);
        let likely = -((bits >> 11) as f64 / (1u64 << 53) as f64) * 20.0;
        logprobs.push(if logprobs.len() % 2 == 0 && any.is_finite() { any } else { likely });
    }
    let mut tokens = Tokens::default();
    for pair in logprobs.chunks(2) {
        tokens.push("t", pair[0]);
        tokens.push_alternative("u", pair[1]);
    }
    let completion = Completion { tokens: Some(tokens), ..Completion::text("t") };
    let asked = ClientAsked { logprobs: true, top_logprobs: 1, ..ClientAsked::default() };
    let body = whole(&completion, &Head { id: "i", created: 1, model: "m" }, &asked).unwrap();
    let back = by_name("openai-chat").unwrap().decode(body.as_bytes()).unwrap().tokens.unwrap();
    let read: Vec<u64> = back
        .iter()
        .flat_map(|token| std::iter::once(token.logprob()).chain(token.alternatives().map(|(_, logprob)| logprob)))
        .map(f64::to_bits)
        .collect();
    assert_eq!(read, logprobs.iter().map(|l| l.to_bits()).collect::<Vec<_>>());
}

/// Fails the day that anything in the graph turns on `serde_json/arbitrary_precision`, which hands numbers to tagged
/// types as maps.
#[test]
fn a_float_parses_inside_a_tagged_type() {
    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(tag = "type")]
    enum Tagged {
        #[serde(rename = "a")]
        A { logprob: f64 },
    }
    assert_eq!(serde_json::from_str::<Tagged>(r#"{"type":"a","logprob":-0.5}"#).unwrap(), Tagged::A { logprob: -0.5 });
}
