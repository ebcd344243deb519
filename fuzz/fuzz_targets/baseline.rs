//! Whatever stands in a baseline file, it is refused or read; what was read is written as what reads the same.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use tierfall_workbench::regress::Baseline;

fuzz_target!(|bytes: &[u8]| {
    let path = Path::new("a.baseline.json");
    if let Ok(read) = Baseline::parse(bytes, path) {
        let written = read.render();
        let again = Baseline::parse(written.as_bytes(), path).expect("what is written can be read");
        assert_eq!(again.render(), written);
    }
});
