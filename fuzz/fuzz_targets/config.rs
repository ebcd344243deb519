//! Whatever stands in a cascade file, the parser returns a cascade or diagnostics inside the file.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(error) = tierfall::config::parse_str(text) {
        for diagnostic in &error.diagnostics {
            assert!(diagnostic.span.end <= text.len());
        }
    }
});
