//! One file a subcommand.

mod batch;
pub(crate) mod check;
pub(crate) mod explain;
pub(crate) mod grade;
pub(crate) mod record;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod simulate;
