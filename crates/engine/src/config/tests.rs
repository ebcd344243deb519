//! What a user sees of the configuration.

mod bindings;
mod broken;
mod files;
mod fresh;
mod permission;
mod reference;
mod rules;
mod tables;
mod total;

use reference::EXAMPLE;

use super::{ConfigError, Loaded, parse_str};

fn good(text: &str) -> Loaded {
    match parse_str(text) {
        Ok(loaded) => loaded,
        Err(error) => panic!("{error}"),
    }
}

fn bad(text: &str) -> ConfigError {
    match parse_str(text) {
        Ok(_) => panic!("nothing is wrong with\n{text}"),
        Err(error) => error,
    }
}

/// The example with a piece of it replaced, which must be there.
fn edited(from: &str, to: &str) -> String {
    assert!(EXAMPLE.contains(from), "the example has no {from:?}");
    EXAMPLE.replacen(from, to, 1)
}
