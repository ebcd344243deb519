//! Whatever stands in a file of observations, JSON Lines, CSV or gzip, it is refused or read.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tierfall_workbench::observations::{ReadOptions, read};

fuzz_target!(|bytes: &[u8]| {
    // Each fuzzing process has a file of its own.
    let path = std::env::temp_dir().join(format!("tierfall-fuzz-observations-{}", std::process::id()));
    std::fs::write(&path, bytes).expect("the temporary folder can be written to");
    if let Ok(out) = read(&[&path], &ReadOptions::new(["small", "large"]), &()) {
        // Every row that is kept has been counted.
        assert_eq!(out.summary.used, out.observations.len() as u64);
    }
});
