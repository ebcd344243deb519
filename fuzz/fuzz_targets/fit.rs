//! Whatever stands in a fit file, it is refused or read; what was read is written as what reads the same.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use tierfall::fit::{parse, render};

fuzz_target!(|text: &str| {
    let path = Path::new("a.fit.toml");
    if let Ok(fit) = parse(text, path) {
        let written = render(&fit).expect("what was read can be written");
        assert_eq!(parse(&written, path).expect("what is written can be read"), fit);
    }
});
