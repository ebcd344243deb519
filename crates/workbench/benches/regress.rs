//! How fast a fixture set is read, replayed, graded and held against its baseline.
//!
//! `cargo bench -p tierfall-workbench --bench regress [-- EXAMPLES]`: a simulated set of ten thousand examples and three tiers, with the
//! log-probabilities of 20 tokens and 5 alternatives each, is written to a temporary folder, read, and thrown away.

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement, for people")]

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use tierfall::{bindings, config};
use tierfall_workbench::fixture::FixtureSet;
use tierfall_workbench::fixture::grade::grade_set;
use tierfall_workbench::fixture::recording::Header;
use tierfall_workbench::fixture::replay::Recordings;
use tierfall_workbench::regress::{Baseline, compare, replay};

const CASCADE: &str = r#"
version = 1
name = "bench"
[provider.p.simulated]
[provider.p.simulated.models]
s = { ability = 0.5 }
[[tier]]
name = "small"
model = "p/s"
price = { input = "0.1", output = "0.2" }
gate = { signal = "mean-logprob", threshold = 0.6 }
[[tier]]
name = "medium"
model = "p/s"
price = { input = "1", output = "2" }
gate = { signal = "margin", threshold = 0.5, observe = ["entropy"] }
[[tier]]
name = "large"
model = "p/s"
price = { input = "10", output = "20" }
"#;

const TOKENS: usize = 20;
const ALTERNATIVES: usize = 5;
const WORDS: [&str; 8] = ["the", " order", " was", " shipped", "12", ".", " Tuesday", " \\\"x\\\""];

/// What a splitmix64 generator gives next, in [0, 1).
fn draw(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

fn word(state: &mut u64) -> &'static str {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at least 0, below 8")]
    let place = (draw(state) * WORDS.len() as f64) as usize;
    WORDS[place]
}

fn simulate(dir: &Path, n: usize) -> std::io::Result<u64> {
    fs_err::write(dir.join("bench.cascade.toml"), CASCADE)?;
    fs_err::write(dir.join("set.toml"), "name = \"bench\"\ngrader = \"normalised\"\n")?;
    fs_err::create_dir(dir.join("recordings"))?;
    let mut state = 1;
    let mut out = std::io::BufWriter::new(fs_err::File::create(dir.join("examples.jsonl"))?);
    for k in 0..n {
        let (segment, number) = (k % 7, draw(&mut state));
        writeln!(
            out,
            r#"{{"id":"bench-{k:06}","segment":"s{segment}","split":"test","query":"Order {number}: shipped last week by {k}, not yet here. Which day, and by whom?","expected":["Tuesday {k}"]}}"#
        )?;
    }
    out.flush()?;
    let set = FixtureSet::load(dir).expect("the simulated set is right");
    let loaded = config::load(dir.join("bench.cascade.toml")).expect("the simulated cascade is right");
    let mut bytes = 0;
    for (tier, binding) in bindings(&loaded).iter().enumerate() {
        let path = dir.join(format!("recordings/{}.jsonl", binding.tier));
        let mut out = std::io::BufWriter::with_capacity(1 << 20, fs_err::File::create(&path)?);
        serde_json::to_writer(&mut out, &Header::new(binding))?;
        let mut line = String::new();
        for (k, example) in set.examples().iter().enumerate() {
            line.clear();
            let right = draw(&mut state) < [0.6, 0.8, 0.95][tier];
            let day = if right { "Tuesday" } else { "Monday" };
            let _ = write!(line, "\n{{\"id\":\"{}\",\"asked\":\"{}\",\"text\":\"{day} {k}\"", example.id, example.digest());
            let _ = write!(line, ",\"finish\":\"stop\",\"logprobs\":[");
            for token in 0..TOKENS {
                let comma = if token == 0 { "" } else { "," };
                let (text, surest) = (word(&mut state), draw(&mut state).ln() / 2.0);
                let _ = write!(line, "{comma}[\"{text}\",{surest},[[\"{text}\",{surest}]");
                for place in 1..ALTERNATIVES {
                    let (text, logprob) = (word(&mut state), surest - place as f64 * 3.0 * draw(&mut state) - 0.1);
                    let _ = write!(line, ",[\"{text}\",{logprob}]");
                }
                line.push_str("]]");
            }
            let _ = write!(
                line,
                "],\"usage\":{{\"input\":400,\"output\":{TOKENS}}},\"latency_ms\":{:.3}}}",
                draw(&mut state) * 300.0
            );
            out.write_all(line.as_bytes())?;
        }
        out.write_all(b"\n")?;
        out.flush()?;
        bytes += fs_err::metadata(&path)?.len();
    }
    let recordings = Recordings::load(dir, &bindings(&loaded)).expect("the simulated recordings are right");
    let tiers: Vec<Arc<str>> = loaded.cascade.tiers().iter().map(|tier| tier.name.clone()).collect();
    grade_set(&set, &recordings, &tiers, None).expect("everything can be graded");
    Ok(bytes)
}

fn main() -> std::io::Result<()> {
    let n = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(10_000);
    let dir = tempfile::tempdir()?;
    let bytes = simulate(dir.path(), n)?;
    println!("{n} examples × 3 tiers, {:.0} MB of recordings, {} threads", bytes as f64 / 1e6, rayon::current_num_threads());
    let baseline = dir.path().join("bench.baseline.json");
    for round in 1..=3 {
        let mut since = Instant::now();
        let (begun, mut lap) = (since, || {
            let took = since.elapsed().as_secs_f64();
            since = Instant::now();
            took
        });
        let loaded = config::load(dir.path().join("bench.cascade.toml")).expect("the simulated cascade is right");
        let set = FixtureSet::load(dir.path()).expect("the simulated set is right");
        let read_set = lap();
        let recordings = Recordings::load(dir.path(), &bindings(&loaded)).expect("the simulated recordings are right");
        let read_recordings = lap();
        let played = replay(&loaded, &set, &recordings, "test", &|_, _| ()).expect("everything is recorded and graded");
        let replayed = lap();
        let before = Baseline::read(&baseline).expect("the baseline is right");
        let read_baseline = lap();
        let compared = before.as_ref().map(|before| compare(&before.entries()[0], &played).expect("the same set"));
        let compared_in = lap();
        Baseline::of([&played]).write(&baseline).expect("a temporary folder can be written");
        let written = lap();
        assert!(compared.is_none_or(|compared| compared.is_same()), "the same replay is the same");
        println!(
            "round {round}: set {read_set:.3} s, recordings {read_recordings:.3} s, replay and grades {replayed:.3} s, \
             baseline {read_baseline:.3} s, compare {compared_in:.3} s, write {written:.3} s; all {:.3} s",
            begun.elapsed().as_secs_f64()
        );
    }
    Ok(())
}
