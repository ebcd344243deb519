//! How fast files of observations are read, beside a pass of `serde_json` over the same bytes on the same cores.
//!
//! `cargo bench -p tierfall-workbench --bench observations [-- ROWS]`: a simulated file of a million examples and three tiers is written
//! to a temporary folder, read, and thrown away.

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement, for people")]

use std::time::Instant;

use rayon::prelude::*;
use serde::Deserialize;
use serde::de::IgnoredAny;
use tierfall_testkit::simulated;
use tierfall_workbench::observations::{ReadOptions, digest, read};

/// Only lines and values: what any reader of JSON has to do.
fn plain_pass(bytes: &[u8]) -> usize {
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    lines
        .par_chunks(1500)
        .map(|lines| lines.iter().filter(|line| serde_json::from_slice::<IgnoredAny>(line).is_ok()).count())
        .sum()
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "parsing is what is measured")]
struct Typed<'a> {
    id: &'a str,
    segment: &'a str,
    split: &'a str,
    tiers: Tiers,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "parsing is what is measured")]
struct Tiers {
    small: Tier,
    medium: Tier,
    large: Tier,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "parsing is what is measured")]
struct Tier {
    correct: f64,
    confidence: Confidence,
    cost_usd: f64,
    latency_ms: f64,
    output_tokens: u32,
}

#[derive(Deserialize)]
#[expect(dead_code, reason = "parsing is what is measured")]
struct Confidence {
    #[serde(rename = "mean-logprob")]
    mean_logprob: f64,
}

/// Into plain structs that know this one file's names: every number converted, nothing checked or kept.
fn typed_pass(bytes: &[u8]) -> usize {
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    lines
        .par_chunks(1500)
        .map(|lines| lines.iter().filter(|line| serde_json::from_slice::<Typed<'_>>(line).is_ok()).count())
        .sum()
}

fn peak() -> Option<f64> {
    let status = fs_err::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kib| kib * 1024.0)
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let made = work();
    (made, start.elapsed().as_secs_f64())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let rows = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(1_000_000);
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("simulated.jsonl");
    simulated::write(fs_err::File::create(&path)?, rows)?;
    let megabytes = fs_err::metadata(&path)?.len() as f64 / 1e6;
    let cells = 3.0 * rows as f64;
    println!("{rows} examples x 3 tiers, {megabytes:.0} MB of JSON Lines, {} cores", rayon::current_num_threads());

    let before = peak();
    let options = ReadOptions::new(simulated::CHAIN);
    // Once for the page cache and the thread pool, once to count.
    read(&[&path], &options, &())?;
    let after = peak();
    let (out, seconds) = timed(|| read(&[&path], &options, &()));
    let out = out?;
    assert_eq!(out.summary.used, rows as u64);
    println!("read:        {seconds:.2} s, {:.0} rows/s, {:.0} MB/s", rows as f64 / seconds, megabytes / seconds);
    println!("columns:     {:.1} bytes a row and tier", out.observations.column_bytes() as f64 / cells);
    if let (Some(before), Some(after)) = (before, after) {
        println!("peak memory: {:.1} bytes a row and tier (VmHWM less what it was before)", (after - before) / cells);
    }
    let (_, hashing) = timed(|| digest(&out.observations));
    println!("digest:      {hashing:.2} s");
    drop(out);

    let (bytes, loading) = timed(|| fs_err::read(&path));
    let bytes = bytes?;
    let (plain, plain_seconds) = timed(|| plain_pass(&bytes));
    let (typed, typed_seconds) = timed(|| typed_pass(&bytes));
    assert_eq!((plain, typed), (rows, rows));
    let parsing = loading + typed_seconds;
    println!("reference:   {parsing:.2} s for serde_json into plain structs, {:.0} % of the read", 100.0 * parsing / seconds);
    println!("             (file into memory {loading:.2} s, structs {typed_seconds:.2} s; syntax alone {plain_seconds:.2} s)");
    Ok(())
}
