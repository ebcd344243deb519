//! The arguments of `regress`.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::builder::TypedValueParser;
use clap::{Args, ValueHint};
use tierfall_core::money::Money;

use super::value::{above_0_below_1, above_0_to_1, one_of, usd};
use crate::render::regress::{FORMATS, Format};

#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  tierfall regress support.cascade.toml\n  tierfall regress support.cascade.toml --update-baseline\n  tierfall regress support.cascade.toml --format junit --out report.xml\n\nWhat is held against what:\n  \
    limits     each [[expect]] of a cascade file, by the replayed value itself\n  \
    baseline   NAME.baseline.json beside NAME.cascade.toml, by paired tests on the same examples;\n             \
    --update-baseline writes it, and it is committed like any other file\n\n\
    Exit codes: 0 pass, or inconclusive with a warning; 1 a limit does not hold or something got worse (with --strict\n\
    also where too few examples say); 2 usage, configuration or data error; 3 a provider failed (--live). Of several\n\
    cascades the gravest counts."
)]
pub(crate) struct Regress {
    /// The cascade files
    #[arg(required = true, value_hint = ValueHint::FilePath)]
    pub(crate) cascades: Vec<PathBuf>,
    /// How the report is written
    #[arg(long, value_name = "FORMAT", default_value = FORMATS[0].name, value_parser = formats(), help_heading = "Output")]
    pub(crate) format: &'static Format,
    /// Write the report to this file, and the text for people to stdout
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub(crate) out: Option<PathBuf>,
    /// Changed examples shown a cascade, those that got worse first; JSON has all of them
    #[arg(long, value_name = "N", default_value_t = 10, help_heading = "Output")]
    pub(crate) max_changes: usize,
    /// Keep what is replayed now as the baseline, and hold it against the limits alone
    #[arg(long, help_heading = "Baseline")]
    pub(crate) update_baseline: bool,
    /// The baseline of a single cascade; NAME.baseline.json beside it by default
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Baseline")]
    pub(crate) baseline: Option<PathBuf>,
    /// Fail where too few examples say anything, or no baseline is there; a single segment fails on evidence alone
    #[arg(long, help_heading = "Verdict")]
    pub(crate) strict: bool,
    /// The chance, at most, that a change which makes nothing worse fails a cascade, all its sets and splits together; [regress] level
    /// in the file, else 0.01
    #[arg(long, value_name = "SHARE", value_parser = above_0_below_1, help_heading = "Verdict")]
    pub(crate) level: Option<f64>,
    /// The loss of right answers that is still no regression; [regress] margin in the file, else 0.02
    #[arg(long, value_name = "SHARE", value_parser = above_0_to_1, help_heading = "Verdict")]
    pub(crate) margin: Option<f64>,
    /// Ask the real providers in place of the recordings
    #[arg(long, help_heading = "Live")]
    pub(crate) live: bool,
    #[command(flatten)]
    pub(crate) asking: LiveArgs,
}

/// How the real providers are asked.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Live")]
pub(crate) struct LiveArgs {
    /// Make no call that could cost more than this in all, a cascade and split
    #[arg(long, value_name = "USD", requires = "live", value_parser = usd)]
    pub(crate) max_spend: Option<Money>,
    /// Ask every example so often; its grade is the mean
    #[arg(long, value_name = "N", default_value = "1", requires = "live")]
    pub(crate) repeats: NonZeroU32,
    /// Stop as soon as the comparison with the baseline is clear
    #[arg(long, requires = "live")]
    pub(crate) early_stop: bool,
    /// Ask only N examples, drawn by --seed
    #[arg(long, value_name = "N", requires = "live", value_parser = above_0)]
    pub(crate) limit: Option<usize>,
    /// Decides the order in which examples are asked
    #[arg(long, value_name = "N", default_value_t = 0, requires = "live")]
    pub(crate) seed: u64,
    /// Examples under way at once
    #[arg(long, value_name = "N", default_value_t = 4, requires = "live", value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) concurrency: u16,
}

fn above_0(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| "must be a whole number above 0".to_owned())
}

fn formats() -> impl TypedValueParser<Value = &'static Format> {
    one_of(FORMATS.iter().map(|format| (format.name, format.about, format)))
}
