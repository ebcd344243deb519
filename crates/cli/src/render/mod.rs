//! How things look in a terminal.

pub(crate) mod diagnostic;
pub(crate) mod money;
pub(crate) mod style;
pub(crate) mod trace;
