//! One file a subcommand.

pub(crate) mod advise;
mod batch;
pub(crate) mod calibrate;
pub(crate) mod check;
pub(crate) mod diff;
pub(crate) mod evaluate;
pub(crate) mod explain;
mod files;
pub(crate) mod grade;
pub(crate) mod import;
mod ledger;
mod log;
mod observed;
mod output;
mod plan;
pub(crate) mod record;
pub(crate) mod regress;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod simulate;
mod traffic;
