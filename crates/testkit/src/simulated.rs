//! A file of observations of three tiers, as large as is wanted: for measurements.

use std::fmt::Write as _;
use std::io::{self, BufWriter, Write};

/// The chain whose observations [`write()`] simulates, cheapest first.
pub const CHAIN: [&str; 3] = ["small", "medium", "large"];

/// By tier: how often it is right where nothing is hard, and what it takes for an output token, in USD.
const TIERS: [(&str, f64, f64); 3] = [(CHAIN[0], 0.6, 1e-5), (CHAIN[1], 0.8, 7e-5), (CHAIN[2], 0.95, 9e-4)];

/// What a splitmix64 generator gives next, in [0, 1).
fn draw(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// Writes as many rows as JSON Lines, the same ones every time: right or wrong, one signal, cost, latency and length of every tier.
pub fn write(to: impl Write, rows: usize) -> io::Result<()> {
    let mut file = BufWriter::with_capacity(1 << 20, to);
    let (mut state, mut line) = (1, String::new());
    for row in 0..rows {
        line.clear();
        let hard = draw(&mut state);
        let _ = write!(line, r#"{{"id":"sim-{row:07}","segment":"s{}","split":"train","tiers":{{"#, row % 5);
        for (tier, (name, skill, usd)) in TIERS.iter().enumerate() {
            let right = u8::from(draw(&mut state) < skill - 0.4 * hard);
            let score = (draw(&mut state) * (1.0 - 0.5 * hard)).ln();
            let comma = if tier == 0 { "" } else { "," };
            let (tokens, ms) = ((1.0 + 30.0 * draw(&mut state)).floor(), 300.0 * draw(&mut state));
            let _ = write!(
                line,
                r#"{comma}"{name}":{{"correct":{right},"confidence":{{"mean-logprob":{score}}},"cost_usd":{},"latency_ms":{ms:.3},"output_tokens":{tokens}}}"#,
                usd * tokens,
            );
        }
        line.push_str("}}\n");
        file.write_all(line.as_bytes())?;
    }
    file.flush()
}
