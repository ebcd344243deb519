//! Code of others that may panic. A signal, a rule, a provider or an observer of the user's own that does ends neither the
//! process nor the run of anybody else: every call into one goes through here, and its caller says what a panic means.
//!
//! Where a program is built with `panic = "abort"`, nothing can be caught.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::text::one_line;

/// What code of others panicked with, on one line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("panicked: {0}")]
pub struct Panicked(String);

/// Runs code of others.
///
/// What it leaves half done is its own: nothing that it may have changed is looked at after a panic.
pub fn caught<T>(run: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(run)).map_err(Panicked::from)
}

impl From<Box<dyn Any + Send>> for Panicked {
    fn from(payload: Box<dyn Any + Send>) -> Self {
        let said = payload.downcast_ref::<String>().map(String::as_str).or(payload.downcast_ref::<&str>().copied());
        Self(one_line(said.unwrap_or("it did not say why"), 300))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_comes_back_on_one_line() {
        assert_eq!(caught(|| 7), Ok(7));
        let said = |run: fn()| caught(run).unwrap_err().to_string();
        assert_eq!(said(|| panic!("a {}\n\tb", 1)), "panicked: a 1 b");
        assert_eq!(said(|| panic!("plain")), "panicked: plain");
        assert_eq!(said(|| std::panic::panic_any(7)), "panicked: it did not say why");
    }
}
