//! The arguments of what reads labelled observations: `calibrate`, `evaluate`, `advise`, `import`.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{ArgGroup, Args, ValueHint};
use tierfall_calibrate::ask::BySegment;
use tierfall_core::money::{Money, Price};
use tierfall_workbench::import::FORMATS;
use tierfall_workbench::observations::{BadRows, Ungraded};
use tierfall_workbench::results::Named;
use tierfall_workbench::traffic::{Repeats, Splits};

use super::value::{
    above_0_below_1, at_least_1, at_random, column, latency_limit, named_share, one_of, renamed, rest, share, tier_cost,
    tier_price, usd,
};

/// Labelled answers of every tier: a cascade and a fixture set, or files.
#[derive(Clone, Debug, Args)]
pub(crate) struct Inputs {
    /// The cascade file
    #[arg(value_hint = ValueHint::FilePath, requires = "set", conflicts_with_all = ["observations", "chain"])]
    pub(crate) cascade: Option<PathBuf>,
    /// The fixture set: a name beside the cascade's folder, or a path
    pub(crate) set: Option<String>,
    /// Files of observations in place of a cascade and a set: JSON Lines or CSV, also with gzip
    #[arg(long, value_name = "FILE", num_args = 1.., requires = "chain", value_hint = ValueHint::FilePath)]
    pub(crate) observations: Vec<PathBuf>,
    /// With --observations: the tiers, cheapest first
    #[arg(long, requires = "observations", value_name = "A,B,C", value_delimiter = ',')]
    pub(crate) chain: Vec<String>,
    /// Only rows of this split
    #[arg(long, value_name = "NAME")]
    pub(crate) split: Option<String>,
    /// With --observations: what a tier's tokens cost, in USD per million in and out, in place of what is recorded
    #[arg(long = "price", requires = "observations", value_name = "TIER=IN/OUT", value_parser = tier_price)]
    pub(crate) prices: Vec<(String, Price)>,
    /// With --observations: what every answer of a tier costs, in place of what is recorded
    #[arg(long = "cost", requires = "observations", value_name = "TIER=USD", value_parser = tier_cost)]
    pub(crate) costs: Vec<(String, Money)>,
    /// With --observations: how many requests a row can stand for at most, 1 over the least sampling rate
    #[arg(long, requires = "observations", value_name = "WEIGHT", value_parser = at_least_1)]
    pub(crate) heaviest_weight: Option<f64>,
    /// With a CSV file: what a column is that has another name, like ok=small.correct
    #[arg(long = "map", requires = "observations", value_name = "COLUMN=FIELD", value_parser = column)]
    pub(crate) columns: Vec<(String, String)>,
    /// With --observations: leave rows out that cannot be read, and count them, in place of failing. It declares that they are a random part of
    /// all rows, which promises then rest on
    #[arg(long, requires = "observations", value_parser = at_random(BadRows::AtRandom), value_name = "WHY", conflicts_with = "strict")]
    pub(crate) bad_rows: Option<BadRows>,
    /// Leave rows out whose answers have no grade, in place of counting those as the worst they can be. It declares that they are a random part
    /// of all rows, which promises then rest on
    #[arg(long, value_parser = at_random(Ungraded::AtRandom), value_name = "WHY", conflicts_with = "strict")]
    pub(crate) ungraded: Option<Ungraded>,
    /// With --observations, where thresholds depend on segments: rows that name no segment are requests that have none at run time
    #[arg(long, requires = "observations", value_parser = rest(), value_name = "WHERE")]
    pub(crate) unsegmented: Option<()>,
    /// Fail where examples would be left out, instead of counting them
    #[arg(long)]
    pub(crate) strict: bool,
}

/// Where results go besides the terminal.
#[derive(Clone, Debug, Args)]
pub(crate) struct Outputs {
    /// Write a report that a browser shows to this file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub(crate) html: Option<PathBuf>,
    /// Write the result as JSON to this file; `-` prints it, and nothing else
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub(crate) json: Option<PathBuf>,
}

impl Outputs {
    /// The files, each by its option.
    pub(crate) fn written(&self) -> Vec<Named> {
        let both = [("--json", &self.json), ("--html", &self.html)];
        both.into_iter().filter_map(|(name, path)| Some((name, path.clone()?))).collect()
    }
}

#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("target").args(["target_accuracy", "max_loss", "max_cost"]))]
#[command(group = ArgGroup::new("input").args(["cascade", "observations"]))]
#[command(
    after_help = "Examples:\n  tierfall calibrate support.cascade.toml support --max-loss 0.02 --no-guarantee\n  tierfall calibrate support.cascade.toml support --max-loss 0.02\n  tierfall calibrate --observations rows.jsonl --chain small,large --target-accuracy 0.9 --plan\n\nIterate, then certify: --no-guarantee spends nothing; every certificate on the same examples leaves less for the next.\n\nExit codes: 0 certified, or no guarantee was asked for and the target is met; 1 inconclusive or\n\
    infeasible, with the fallback in force, or promised only approximately; 2 usage, configuration or data error. The fit is written in all cases but the last."
)]
pub(crate) struct Calibrate {
    #[command(flatten)]
    pub(crate) inputs: Inputs,
    /// What gates compare: NAME for all tiers, A=NAME,B=NAME by tier, A=x+y fused, -NAME where lower is surer, or auto
    #[arg(long, value_name = "SIGNAL", allow_hyphen_values = true)]
    pub(crate) signal: Option<String>,
    /// Least cost at a share of right answers of at least this
    #[arg(long, value_name = "SHARE", value_parser = share, help_heading = "Target")]
    pub(crate) target_accuracy: Option<f64>,
    /// Least cost at most this much worse than always asking the last tier: 0.02 = 2 points
    #[arg(long, value_name = "SHARE", value_parser = share, help_heading = "Target")]
    pub(crate) max_loss: Option<f64>,
    /// Most right answers at a mean cost a query of at most this; nothing is certified
    #[arg(long, value_name = "USD", value_parser = usd, help_heading = "Target")]
    pub(crate) max_cost: Option<Money>,
    /// Promise it with probability 1 − DELTA
    #[arg(long, value_name = "DELTA", default_value = "0.1", value_parser = above_0_below_1, help_heading = "Guarantee")]
    pub(crate) delta: f64,
    /// Promise nothing: the best thresholds on these rows, uncertified
    #[arg(long, conflicts_with = "delta", help_heading = "Guarantee")]
    pub(crate) no_guarantee: bool,
    /// Correct a judge's grades by people's, so that the promise is about what people say. It declares that people graded a random part of what
    /// the judge graded, which the promise then rests on
    #[arg(long, value_parser = at_random(()), value_name = "WHICH", help_heading = "Guarantee")]
    pub(crate) people: Option<()>,
    /// Also promise that at most this share of requests takes longer: 2000=0.05
    #[arg(long, value_name = "MS=SHARE", value_parser = latency_limit, help_heading = "Guarantee")]
    pub(crate) max_latency: Option<(f64, f64)>,
    /// A further operating point with a target of the same kind; all share DELTA
    #[arg(long = "point", value_name = "NAME=TARGET", value_parser = named_share, help_heading = "Guarantee")]
    pub(crate) points: Vec<(String, f64)>,
    /// Thresholds by run-time segment; the target holds over all, or in each
    #[arg(long, value_parser = one_of([
        ("overall", "The target over all segments together", BySegment::Overall),
        ("each", "The target in every segment", BySegment::Each),
    ]), value_name = "PROMISE", num_args = 0..=1, default_missing_value = "overall", help_heading = "Guarantee")]
    pub(crate) by_segment: Option<BySegment>,
    /// Keeps count of the certificates made on these rows; beside a fixture set it is ledger.toml
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Guarantee")]
    pub(crate) ledger: Option<PathBuf>,
    /// Most gated tiers asked in a row; 1 = two-tier chains
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=6))]
    pub(crate) max_depth: u8,
    /// Decides splits and folds, never ties
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    /// Only say how many labelled examples margins need
    #[arg(long, help_heading = "Planning")]
    pub(crate) plan: bool,
    /// With --plan: the share of requests on which tiers differ in being right, in place of what a pilot shows
    #[arg(long, value_name = "SHARE", requires = "plan", value_parser = share, help_heading = "Planning")]
    pub(crate) discordance: Option<f64>,
    /// Write the fit to this file; beside a cascade it is NAME.fit.toml
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub(crate) fit_out: Option<PathBuf>,
    /// Replace a certified fit by one that is not; without this, such a fit goes to NAME.rejected.fit.toml
    #[arg(long, help_heading = "Output")]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) outputs: Outputs,
}

#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("input").required(true).args(["cascade", "observations"]))]
#[command(
    after_help = "Examples:\n  tierfall evaluate support.cascade.toml support\n  tierfall evaluate --observations test.jsonl --chain small,large --fit small.fit.toml\n\nExit codes: 0 measured; 1 these requests speak against the promise of the fit; 2 usage, configuration or data error."
)]
pub(crate) struct Evaluate {
    #[command(flatten)]
    pub(crate) inputs: Inputs,
    /// The fit; beside a cascade it is NAME.fit.toml
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) fit: Option<PathBuf>,
    /// The operating point; the fit's first by default
    #[arg(long, value_name = "NAME")]
    pub(crate) point: Option<String>,
    /// Judge the fit by rows that it was made on, too, with a warning
    #[arg(long)]
    pub(crate) allow_overlap: bool,
    #[command(flatten)]
    pub(crate) outputs: Outputs,
}

#[derive(Clone, Debug, Args)]
#[command(group = ArgGroup::new("input").required(true).args(["cascade", "observations"]))]
#[command(
    after_help = "Examples:\n  tierfall advise support.cascade.toml support\n  tierfall advise --observations rows.csv --chain small,large --html advice.html"
)]
pub(crate) struct Advise {
    #[command(flatten)]
    pub(crate) inputs: Inputs,
    /// What gates compare, as in calibrate
    #[arg(long, value_name = "SIGNAL", allow_hyphen_values = true)]
    pub(crate) signal: Option<String>,
    /// Decides folds
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) outputs: Outputs,
}

#[derive(Clone, Debug, Args)]
#[command(
    after_help = "Examples:\n  tierfall import csv table.csv --map ok_small=small.correct --map sure=small.sure --out rows.jsonl\n  tierfall import traces traces.jsonl --into fixtures/traffic --cascade support.cascade.toml\n\nOther people's files become one example a line, which calibrate, evaluate and advise read as --observations.\n\
    Captured traces become a fixture set: what was asked, what was answered, and how many requests each example stands for."
)]
pub(crate) struct Import {
    /// What the files are
    #[arg(value_parser = formats())]
    pub(crate) format: String,
    /// The file: JSON Lines or CSV, also with gzip; several where each record is one answer, and of traces
    #[arg(required = true, value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) table: Tables,
    #[command(flatten)]
    pub(crate) traffic: Traffic,
}

/// How other people's tables and logs are read.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Tables and logs")]
pub(crate) struct Tables {
    /// Write to this file instead of stdout
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) out: Option<PathBuf>,
    /// What a column is: a field of observations for csv, else the column that is looked for
    #[arg(long = "map", value_name = "COLUMN=FIELD", value_parser = column)]
    pub(crate) columns: Vec<(String, String)>,
    /// Call a model of the file by this name of a tier; where each record is one answer, FILE=TIER calls all of a file so, and TIER all of
    /// all files
    #[arg(long = "tier", value_name = "MODEL=TIER", value_parser = renamed)]
    pub(crate) tiers: Vec<(String, String)>,
    /// A table with `id` and `expected`: answers without a grade are graded by it, with --grader
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "into")]
    pub(crate) expected: Option<PathBuf>,
    /// The column that names the tier, for tidy: a table with one row an answer
    #[arg(long, value_name = "COLUMN")]
    pub(crate) tier_column: Option<String>,
    /// The greatest grade of the file, where grades do not go from 0 to 1
    #[arg(long, value_name = "GRADE")]
    pub(crate) max_score: Option<f64>,
    /// Write rows that cannot be converted as rows that cannot be read, and count them, in place of failing. It declares that they are a random
    /// part of all rows, and what reads the result has to declare it, too
    #[arg(long, value_parser = at_random(BadRows::AtRandom), value_name = "WHY")]
    pub(crate) bad_rows: Option<BadRows>,
}

/// What becomes of captured traces.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Traces and questions")]
pub(crate) struct Traffic {
    /// The folder of the fixture set that is made, of traces or questions
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) into: Option<PathBuf>,
    /// The cascade file whose traces these are; answers of other models, prompts or parameters are left out
    #[arg(long, value_name = "CASCADE", requires = "into", value_hint = ValueHint::FilePath)]
    pub(crate) cascade: Option<PathBuf>,
    /// The split of all examples, or shares by a hash [default: train=0.5,test=0.5]
    #[arg(long, value_name = "SPLIT", requires = "into")]
    pub(crate) split: Option<Splits>,
    /// Requests that ask the same, word for word, count each, or are one item [default: each]
    #[arg(long, value_parser = one_of([
        ("each", "Requests like any other: what is asked more often counts more", Repeats::Each),
        ("once", "One item: never parted by a split, and counted once; for logs that kept every request", Repeats::Once),
    ]), value_name = "HOW", requires = "cascade")]
    pub(crate) repeats: Option<Repeats>,
    /// The grader of --expected or of a new set. Production tells of no right answers, so of traces only those fit that need none [default:
    /// normalised; of traces human]
    #[arg(long, value_name = "GRADER")]
    pub(crate) grader: Option<String>,
    /// Add to a set that is there; requests that it has are passed over
    #[arg(long, requires = "cascade")]
    pub(crate) append: bool,
    /// Fail on the first line that cannot be used instead of passing over it
    #[arg(long, requires = "cascade")]
    pub(crate) strict: bool,
}

/// The format that becomes a fixture set.
pub(crate) const TRACES: &str = "traces";

/// The table that becomes one.
pub(crate) const QUESTIONS: &str = "questions";

fn formats() -> PossibleValuesParser {
    let questions = PossibleValue::new(QUESTIONS).help(
        "a table of questions (CSV or JSON Lines) for --into: `query`, `expected` and, where there are some, `id`, `segment`, `split`, `group`; \
         `tierfall record` asks them",
    );
    let traces = PossibleValue::new(TRACES).help("what `run --trace-log FILE --capture content` wrote, for --into and --cascade");
    PossibleValuesParser::new(
        FORMATS.iter().map(|format| PossibleValue::new(format.name).help(format.about)).chain([questions, traces]),
    )
}
