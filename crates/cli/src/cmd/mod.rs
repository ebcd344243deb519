//! One file a subcommand.

pub(crate) mod advise;
mod batch;
pub(crate) mod calibrate;
pub(crate) mod check;
pub(crate) mod diff;
pub(crate) mod evaluate;
pub(crate) mod explain;
pub(crate) mod grade;
mod graded;
pub(crate) mod import;
mod inputs;
mod log;
mod output;
mod questions;
pub(crate) mod record;
pub(crate) mod regress;
pub(crate) mod run;
pub(crate) mod simulate;
mod traffic;
mod watch;
