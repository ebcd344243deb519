//! The command line, as clap reads it.

mod calibrate;
mod diff;
mod people;
mod regress;
mod value;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};
use tierfall_workbench::fixture::grade::Show;
use tierfall_workbench::traffic::Sampling;

pub(crate) use calibrate::{Advise, Calibrate, Evaluate, Import, Inputs, Outputs, QUESTIONS, TRACES};
pub(crate) use diff::Diff;
pub(crate) use people::People;
pub(crate) use regress::Regress;

/// Ask the cheapest model first; escalate when it is not sure.
#[derive(Debug, Parser)]
#[command(name = "tierfall", version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Results go to stdout, everything else to stderr.\n\
    Exit codes: 0 fine; 1 a target could not be promised, something got worse, or (--strict) an answer\n\
    fell back; 2 usage, configuration or data error; 3 a provider failed; 130 interrupted\n\
    (143 by SIGTERM, 129 by SIGHUP).")]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Say more on stderr: once for failed calls, twice for every call
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Global options")]
    pub(crate) verbose: u8,
    /// Say nothing on stderr but errors
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = "Global options")]
    pub(crate) quiet: bool,
    /// The only variables of the environment that cascade files may name as keys; a name may end in *
    #[arg(long, value_name = "NAME,...", global = true, value_delimiter = ',', help_heading = "Global options")]
    pub(crate) env_allow: Option<Vec<String>>,
    /// Besides a cascade file's own folder, one whose files may be its prompts
    #[arg(long, value_name = "FOLDER", global = true, value_hint = ValueHint::DirPath, help_heading = "Global options")]
    pub(crate) prompts_in: Vec<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Answer one query, or a file of them
    Run(Run),
    /// Say where a query would go and what it would cost; calls nothing
    Explain(Explain),
    /// Validate cascade files, their prompts, keys and recordings, and examine fixture sets
    Check(Check),
    /// Ask every tier every example of a fixture set and keep the answers
    Record(Record),
    /// Grade the recorded answers of a fixture set
    Grade(Grade),
    /// Fit thresholds to labelled examples, with a guarantee on new requests
    Calibrate(Box<Calibrate>),
    /// Judge a fit by labelled examples that it has not seen
    Evaluate(Evaluate),
    /// Say which tiers earn their cost
    Advise(Advise),
    /// Replay fixtures, and fail where a cascade got worse or breaks a limit
    Regress(Regress),
    /// Play the same traffic under two fits, two cascades, or one fit and a what-if
    Diff(Diff),
    /// Turn tables and logs into observations, captured traces into fixtures
    Import(Import),
    /// Serve a simulated OpenAI-compatible provider, for demos and tests
    Simulate(Simulate),
    /// Print the JSON Schema of cascade files
    #[command(after_help = "Examples:\n  tierfall schema")]
    Schema,
    /// Print shell completions
    #[command(after_help = "Examples:\n  tierfall completions bash")]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tierfall run support.cascade.toml \"Where is my parcel?\"\n  tierfall run support.cascade.toml --replay support --trace text \"Where is my parcel?\"\n  tierfall run support.cascade.toml --jsonl questions.jsonl --out answers.jsonl"
)]
pub(crate) struct Run {
    /// The cascade file
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) cascade: PathBuf,
    /// The query; `-` or nothing reads it from stdin
    #[arg(conflicts_with_all = ["jsonl", "out"])]
    pub(crate) prompt: Option<String>,
    /// Answer every line of this file, or of stdin for `-`: {"id"?, "query" | "messages", "tags"?, "point"?}
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) jsonl: Option<PathBuf>,
    /// With --jsonl: append each result to this file as it comes, and skip the ids that are already there
    #[arg(long, value_name = "FILE", requires = "jsonl", value_hint = ValueHint::FilePath)]
    pub(crate) out: Option<PathBuf>,
    /// With --jsonl: how many queries are under way at once
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) concurrency: u16,
    /// Answer from the recordings of this fixture set: a name beside the cascade's folder, or a path
    #[arg(long, value_name = "SET", conflicts_with = "live")]
    pub(crate) replay: Option<String>,
    /// Ask the real providers, whatever [replay] says in the cascade file
    #[arg(long)]
    pub(crate) live: bool,
    /// Exit with 1 where an answer only fell back: it is served, or attached, since the chain could not go on, and was accepted by
    /// neither a gate nor the last tier
    #[arg(long)]
    pub(crate) strict: bool,
    /// How to print the trace: text to stderr, or one JSON object a query to stdout in place of the answer
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) trace: Option<Format>,
    /// Append every trace to this JSON Lines file. A batch waits for it, and stops where it cannot be written
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) trace_log: Option<PathBuf>,
    /// Keep in the trace log what was asked and answered, for fixtures to be made of it; without this it holds no text
    #[arg(long, value_name = "WHAT", requires = "trace_log", value_parser = value::one_of([
        ("content", "Messages, tags and every tier's answer", ()),
    ]))]
    pub(crate) capture: Option<()>,
    /// With --capture: for what share of the requests, by what becomes of them: 0.1, or accepted=0.02,escalated=0.2; the others
    /// are unresolved and failed. Each line says how likely it was
    #[arg(long, value_name = "RATES", requires = "capture")]
    pub(crate) sample: Option<Sampling>,
    /// The request id, which decides ties
    #[arg(long, value_name = "ID", conflicts_with = "jsonl")]
    pub(crate) id: Option<String>,
    #[command(flatten)]
    pub(crate) dial: Dial,
}

/// What a request brings beside its text, and which of the fit's operating points decides.
#[derive(Debug, Args)]
pub(crate) struct Dial {
    /// The operating point of the fit: its name, or a target like `loss<=0.02`, for which the cheapest certified point that
    /// meets it is taken
    #[arg(long, value_name = "NAME")]
    pub(crate) point: Option<String>,
    /// A tag of the query, which rules and segments read; may be repeated. The lines of a batch have their own
    #[arg(long = "tag", value_name = "KEY=VALUE", value_parser = tag)]
    pub(crate) tags: Vec<(String, String)>,
}

fn tag(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE, as in topic=billing".to_owned()),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tierfall explain support.cascade.toml \"Where is my parcel?\"\n  tierfall explain support.cascade.toml --point cheap --json \"Where is my parcel?\""
)]
pub(crate) struct Explain {
    /// The cascade file
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) cascade: PathBuf,
    /// The query; `-` or nothing reads it from stdin
    pub(crate) prompt: Option<String>,
    #[command(flatten)]
    pub(crate) dial: Dial,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tierfall check support.cascade.toml\n  tierfall check support.cascade.toml fixtures/support --strict\n\nWhat can be found in a fixture set, and what to do about it, is told in docs/guide/fixtures.md.\n\
    Exit codes: 0 fine, or only warned; 1 warned, with --strict; 2 something cannot be run."
)]
pub(crate) struct Check {
    /// Cascade files, whose fixture sets are examined too, and folders of fixture sets
    #[arg(required = true, value_name = "CASCADE|SET", value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,
    /// Exit with 1 where anything is warned of, keys aside that are not set; notes are no warnings
    #[arg(long)]
    pub(crate) strict: bool,
    /// How to print what was found
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tierfall record support.cascade.toml support --max-spend 5\n  tierfall record support.cascade.toml support --tier small"
)]
pub(crate) struct Record {
    /// The cascade file
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) cascade: PathBuf,
    /// The fixture set: a name beside the cascade's folder, or a path
    pub(crate) set: String,
    /// Calls under way at once, a tier
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) concurrency: u16,
    /// Stop before the recording would cost more
    #[arg(long, value_name = "USD")]
    pub(crate) max_spend: Option<String>,
    /// Only these tiers
    #[arg(long = "tier", value_name = "TIER")]
    pub(crate) tiers: Vec<String>,
    /// Only N examples, spread evenly over the set
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<usize>,
    /// Ask only what has no recording of what it asks now; recorded failures are otherwise asked again
    #[arg(long, conflicts_with = "stale")]
    pub(crate) only_missing: bool,
    /// Record again what was recorded with another model, prompt or parameters; the old recording stays until the new one has
    /// all its examples
    #[arg(long)]
    pub(crate) stale: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  tierfall grade fixtures/support\n  tierfall grade fixtures/support --human --tier small")]
pub(crate) struct Grade {
    /// The fixture set's folder
    #[arg(value_hint = ValueHint::DirPath)]
    pub(crate) set: PathBuf,
    /// Only these tiers, in this order; all that are recorded by default, cheapest first
    #[arg(long = "tier", value_name = "TIER")]
    pub(crate) tiers: Vec<String>,
    /// Count only this split, and show people its answers alone; what grades without people grades all
    #[arg(long)]
    pub(crate) split: Option<String>,
    /// Run the commands that grade answers: they run as you, without a sandbox
    #[arg(long)]
    pub(crate) allow_commands: bool,
    /// Ask the judges about the answers that they did not grade yet; this costs money
    #[arg(long)]
    pub(crate) judge: bool,
    /// The cascade that the set's requests are under, where its rules keep some of them from some tier: judges do not see those. May
    /// be repeated; needed with --judge, unless the judges are declared with allow-restricted
    #[arg(long = "for", value_name = "CASCADE", value_hint = ValueHint::FilePath)]
    pub(crate) rules_of: Vec<PathBuf>,
    /// Stop before the judges would cost more
    #[arg(long, value_name = "USD", requires = "judge")]
    pub(crate) max_spend: Option<String>,
    /// Show the answers in place of the counts: examples with a wrong one, or where one tier is right and another is not. How sure a tier
    /// was is read by the gates of the cascade named by --for, else by the mean log-probability
    #[arg(long, value_name = "WHICH", group = "one_by_one", value_parser = value::one_of([("wrong", "Some tier is wrong", Show::Wrong), ("disagree", "One tier is right, and another is wrong", Show::Disagree)]))]
    pub(crate) show: Option<Show>,
    /// Commands or judgements under way at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) concurrency: u16,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) people: People,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  tierfall simulate --port 8100\n  tierfall simulate --model small=0.3 --model large=0.8 --latency-ms 200"
)]
pub(crate) struct Simulate {
    /// The port on 127.0.0.1; 0 picks a free one
    #[arg(long, default_value_t = 8100)]
    pub(crate) port: u16,
    /// Decides every answer
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// How able every model is: requests are evenly difficult from 0 to 1, and half of those at the ability are answered rightly
    #[arg(long, default_value_t = 0.5, allow_negative_numbers = true)]
    pub(crate) ability: f64,
    /// A model and its ability, for several in one server; others are then unknown (404). Any name is a model without it
    #[arg(long = "model", value_name = "NAME=ABILITY", value_parser = named_ability)]
    pub(crate) models: Vec<(String, f64)>,
    /// How well models know when they are right: 0 not at all, 1 a little, 2 well
    #[arg(long, default_value_t = 2.0)]
    pub(crate) separation: f64,
    /// Give no log-probabilities, whatever is asked
    #[arg(long)]
    pub(crate) no_logprobs: bool,
    /// The time until the first token, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(crate) latency_ms: u64,
    /// The time from token to token, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub(crate) token_ms: u64,
    /// Vary all times by this share up and down, in [0, 1]
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub(crate) jitter: f64,
    /// The share of calls that fail with 429, in [0, 1]
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub(crate) rate_limited: f64,
    /// The share of calls that fail with 503, in [0, 1]
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub(crate) overloaded: f64,
    /// The share of answers that are cut in the middle, in [0, 1]
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub(crate) truncated: f64,
}

fn named_ability(text: &str) -> Result<(String, f64), String> {
    let (name, ability) = text.rsplit_once('=').ok_or("write NAME=ABILITY, as in small=0.3")?;
    let ability = ability.parse().map_err(|_| format!("\"{ability}\" is no number"))?;
    if name.is_empty() { Err("the model has no name".to_owned()) } else { Ok((name.to_owned(), ability)) }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// The words of a line as a shell passes them on; examples quote with `"` alone.
    fn words(line: &str) -> Vec<String> {
        let mut words = Vec::new();
        for (place, part) in line.split('"').enumerate() {
            if place % 2 == 1 {
                words.push(part.to_owned());
            } else {
                words.extend(part.split_whitespace().map(str::to_owned));
            }
        }
        words
    }

    #[test]
    fn every_command_has_examples_that_it_takes() {
        for command in Cli::command().get_subcommands() {
            let name = command.get_name();
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let examples: Vec<&str> = help.lines().map(str::trim).filter(|line| line.starts_with("tierfall ")).collect();
            assert!(!examples.is_empty(), "tierfall {name} --help has no example");
            for example in examples {
                let words = words(example);
                assert_eq!(words[1], name, "{example}");
                if let Err(error) = Cli::try_parse_from(&words) {
                    unreachable!("{example}: {error}");
                }
            }
        }
    }
}
