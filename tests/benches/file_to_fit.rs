//! From a file on the disk to a fit on the disk, and which share of that reading the file takes.
//!
//! `cargo bench -p tierfall-tests --bench file_to_fit [-- ROWS]`: what `tierfall calibrate --observations FILE --max-loss 0.02 --fit-out FIT`
//! does, on a simulated file of a million examples and three tiers in a temporary folder.

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement, for people")]

use std::error::Error;
use std::sync::Mutex;
use std::time::Instant;

use tierfall_calibrate::ask::{Ask, Delta, SignalChoice, Target};
use tierfall_calibrate::procedure::{Progress, calibrate};
use tierfall_core::fit::{Fit, Provenance, Status};
use tierfall_core::fusion::GateValue;
use tierfall_testkit::simulated;
use tierfall_workbench::observations::{ReadOptions, digest, read};

/// The most memory that the process has held so far, in bytes; `None` where the system does not say.
fn peak() -> Option<f64> {
    let status = fs_err::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM"))?;
    line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kib| kib * 1024.0)
}

fn ask() -> Ask {
    let signal = || SignalChoice::Fixed(GateValue::Signal { signal: "mean-logprob".into(), negated: false });
    Ask {
        target: Target::MaxLoss(0.02),
        delta: Delta::new(0.1),
        signals: vec![signal(), signal()],
        points: Vec::new(),
        latency: None,
        by_segment: None,
        max_depth: 1,
        people_at_random: true,
        seed: 0,
        earlier: 0,
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let rows = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(1_000_000);
    let dir = tempfile::tempdir()?;
    let (path, fit_path) = (dir.path().join("simulated.jsonl"), dir.path().join("fit.toml"));
    simulated::write(fs_err::File::create(&path)?, rows)?;
    let megabytes = fs_err::metadata(&path)?.len() as f64 / 1e6;
    let cells = simulated::CHAIN.len() as f64 * rows as f64;
    println!("{rows} examples x 3 tiers, {megabytes:.0} MB of JSON Lines, {} cores", rayon::current_num_threads());

    let before = peak();
    let start = Instant::now();
    // When each stage ended; the estimate and the report are stages of the calibration.
    let ends = Mutex::new(Vec::new());
    let ended = |stage: &'static str| {
        if let Ok(mut ends) = ends.lock() {
            ends.push((stage, start.elapsed().as_secs_f64()));
        }
    };
    let out = read(&[&path], &ReadOptions::new(simulated::CHAIN), &())?;
    ended("reading the file");
    let after_reading = peak();
    let source_digest = digest(&out.observations);
    ended("digest of the rows");
    let made = calibrate(&out.observations, out.summary.n_excluded(), &ask(), |at| match at {
        Progress::Estimating { done: 1, .. } => ended("certifying, and the estimate's first fold"),
        Progress::Reporting => ended("the estimate's other folds"),
        Progress::Certifying | Progress::Estimating { .. } => {}
    })?;
    ended("the report");
    let provenance = Provenance { source_digest, n: made.report.n, seen: made.seen, ..Provenance::default() };
    let salt = out.observations.salt().to_owned();
    let fit = Fit { version: 1, cascade: String::new(), salt, provenance, tier: made.tiers, point: made.points };
    tierfall_workbench::fit::write(&fit_path, &fit)?;
    ended("writing the fit");
    let (total, after) = (start.elapsed().as_secs_f64(), peak());

    assert_eq!((made.report.n, made.report.status), (rows as u64, Status::Certified), "every row is used, and they are enough");
    let mut from = 0.0;
    for (stage, end) in ends.into_inner()? {
        println!("{:6.2} s  {:3.0} %  {stage}", end - from, 100.0 * (end - from) / total);
        from = end;
    }
    println!("{total:6.2} s         from the file to the fit of {}", made.report.chain.join(" -> "));
    if let (Some(before), Some(read), Some(after)) = (before, after_reading, after) {
        let each = |peak: f64| (peak - before) / cells;
        println!("bytes a row and tier (VmHWM less what it was before):");
        println!("{:6.1} at most, {:.1} of them while reading", each(after), each(read));
        println!("{:6.1} in the columns", out.observations.column_bytes() as f64 / cells);
    }
    Ok(())
}
