//! The answers of every tier of a cascade to the examples of a fixture set, asked and kept.

use std::future::Future;
use std::path::Path;

use tierfall::{SystemClock, config, sources_for};

use crate::fixture::FixtureSet;
use crate::fixture::record::{Progress, RecordOptions, RecordReport, record as record_set};
use crate::{Error, given_folder};

/// Asks every tier of a cascade's file every example of a set that is not recorded yet. The set is named as in
/// [`given_folder`].
///
/// # Errors
/// The cascade or the set cannot be used, a key is not set, or the options contradict them. Failures of providers are in the report.
pub async fn record(
    cascade: &Path,
    set: &str,
    options: &RecordOptions,
    progress: Progress<'_>,
    cancel: impl Future<Output = ()> + Send,
) -> Result<RecordReport, Error> {
    let loaded = config::load_unfitted(cascade)?;
    let set = FixtureSet::load_with(given_folder(cascade, set), &options.graders)?;
    let sources = sources_for(&loaded, &options.tiers)?;
    record_set(&loaded.cascade, &sources, &set, options, &SystemClock::default(), progress, cancel).await
}
