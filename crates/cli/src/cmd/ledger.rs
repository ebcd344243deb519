//! How many certificates were made on the same rows before: each further one has less error to spend.

use std::path::{Path, PathBuf};

use tierfall_calibrate::ask::Ask;
use tierfall_workbench::ledger::{Certificate, Ledger};

use super::observed::Observed;
use crate::exit::Failure;

/// Enters the certificate that is asked for, before the rows are looked at, and says how many others were made before it.
/// `None` where no ledger is kept: nothing is promised, or files without `--ledger`.
pub(crate) fn enter(file: Option<&Path>, from: &Observed, rows: &str, ask: &Ask) -> Result<Option<u64>, Failure> {
    let beside = || from.set.as_deref().map(|set| set.join(Ledger::FILE));
    let Some(path) = file.map(PathBuf::from).or_else(beside).filter(|_| ask.delta.is_some()) else { return Ok(None) };
    let chain = from.observations.tiers().map(|tier| tier.name.clone());
    let certificate = Certificate::new(rows, chain, ask);
    let mut ledger = Ledger::open(path).map_err(Failure::usage)?;
    ledger.record(&certificate).map(Some).map_err(Failure::usage)
}
