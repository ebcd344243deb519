//! The arguments of `diff`.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use tierfall_workbench::diff::Cut;
use tierfall_workbench::observations::{BadRows, Ungraded};

use super::value::{above_0_below_1, above_0_to_1, at_random, rest};

#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  tierfall diff support.fit.toml other.fit.toml\n  tierfall diff support.fit.toml --threshold small=0.7\n  tierfall diff old.cascade.toml new.cascade.toml --strict\n\nTwo fits (NAME.fit.toml) are played over the same labelled answers; with one fit, --threshold says what the\n\
    other one is. Two cascade files are replayed on the same fixture set, each as it is.\n\n\
    The rows are those of the cascade beside the first fit and of the set that it replays, unless they are named."
)]
pub(crate) struct Diff {
    /// The first fit, or cascade file
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) a: PathBuf,
    /// The second one; the first with other thresholds where there is none
    #[arg(value_hint = ValueHint::FilePath, required_unless_present = "thresholds")]
    pub(crate) b: Option<PathBuf>,
    /// What if: in the second one this tier answers from this confidence on; raw:X in its gate value's own units, or defer-all
    #[arg(long = "threshold", value_name = "TIER=X", value_parser = cut, allow_hyphen_values = true)]
    pub(crate) thresholds: Vec<(String, Cut)>,
    /// The operating point of both; the first of each by default
    #[arg(long, value_name = "NAME")]
    pub(crate) point: Option<String>,
    /// The operating point of the second one
    #[arg(long, value_name = "NAME")]
    pub(crate) point_b: Option<String>,
    /// The cascade file whose recordings are played; beside the first fit by default
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Rows", conflicts_with = "observations")]
    pub(crate) cascade: Option<PathBuf>,
    /// The fixture set; the one that the cascade replays or expects something of by default
    #[arg(long, value_name = "SET", help_heading = "Rows", conflicts_with = "observations")]
    pub(crate) fixtures: Option<String>,
    /// Only rows of this split; test in a fixture set
    #[arg(long, value_name = "NAME", help_heading = "Rows")]
    pub(crate) split: Option<String>,
    /// Files of observations in place of a cascade and a set: JSON Lines or CSV, also with gzip
    #[arg(long, value_name = "FILE", num_args = 1.., value_hint = ValueHint::FilePath, help_heading = "Rows")]
    pub(crate) observations: Vec<PathBuf>,
    /// With --observations: leave rows out that cannot be read, and count them, in place of failing
    #[arg(long, requires = "observations", value_parser = at_random(BadRows::AtRandom), value_name = "WHY", help_heading = "Rows")]
    pub(crate) bad_rows: Option<BadRows>,
    /// Leave rows out whose answers have no grade, and count them, in place of failing
    #[arg(long, value_parser = at_random(Ungraded::AtRandom), value_name = "WHY", help_heading = "Rows")]
    pub(crate) ungraded: Option<Ungraded>,
    /// With --observations, where thresholds depend on segments: rows that name no segment are requests that have none at run time
    #[arg(long, requires = "observations", value_parser = rest(), value_name = "WHERE", help_heading = "Rows")]
    pub(crate) unsegmented: Option<()>,
    /// The level of the tests
    #[arg(long, value_name = "SHARE", value_parser = above_0_below_1, default_value = "0.01", help_heading = "Verdict")]
    pub(crate) level: f64,
    /// The loss of right answers that is still none
    #[arg(long, value_name = "SHARE", value_parser = above_0_to_1, default_value = "0.02", help_heading = "Verdict")]
    pub(crate) margin: f64,
    /// Exit with 1 where something got worse, or too few examples say whether
    #[arg(long, help_heading = "Verdict")]
    pub(crate) strict: bool,
    /// Changed examples that are shown
    #[arg(long, value_name = "N", default_value_t = 10, help_heading = "Output")]
    pub(crate) max_changes: usize,
    /// Write a page in one file, with the texts of what changed
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub(crate) html: Option<PathBuf>,
    /// Write the result as JSON to this file; `-` prints it, and nothing else
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub(crate) json: Option<PathBuf>,
}

fn cut(text: &str) -> Result<(String, Cut), String> {
    let how = "write TIER=CONFIDENCE, as in medium=0.6, TIER=raw:SCORE or TIER=defer-all";
    let (tier, cut) = text.split_once('=').filter(|(tier, _)| !tier.is_empty()).ok_or(how)?;
    let number = |text: &str| text.parse::<f64>().ok().filter(|number| !number.is_nan()).ok_or(how);
    let cut = match (cut, cut.strip_prefix("raw:")) {
        ("defer-all", _) => Cut::DeferAll,
        (_, Some(raw)) => Cut::Raw(number(raw)?),
        _ => Cut::Confidence(
            number(cut)
                .ok()
                .filter(|share| (0.0..=1.0).contains(share))
                .ok_or("a confidence is from 0 to 1; raw:X is a score")?,
        ),
    };
    Ok((tier.to_owned(), cut))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ifs_are_read() {
        assert_eq!(cut("medium=0.6"), Ok(("medium".to_owned(), Cut::Confidence(0.6))));
        assert_eq!(cut("medium=raw:-0.3"), Ok(("medium".to_owned(), Cut::Raw(-0.3))));
        assert_eq!(cut("m=defer-all"), Ok(("m".to_owned(), Cut::DeferAll)));
        for bad in ["0.6", "m=7", "m=x", "=0.5", "m=raw:NaN"] {
            assert!(cut(bad).is_err(), "{bad}");
        }
    }
}
