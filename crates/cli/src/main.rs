//! The `tierfall` command.

mod args;
mod cmd;
mod exit;
mod input;
mod interrupt;
mod load;
mod out;
mod progress;
mod render;

use std::process::ExitCode;

use clap::Parser as _;
use tierfall::Trust;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::args::{Cli, Command};
pub(crate) use crate::exit::{Exit, Failure};
pub(crate) use crate::out::{note, print, print_data, print_verdict, printed, quiet, say, tell, warn};

fn main() -> ExitCode {
    let cli = Cli::parse();
    out::hush(cli.quiet);
    tierfall::trust(Trust { variables: cli.env_allow.clone(), folders: cli.prompts_in.clone() });
    log_to_stderr(cli.verbose);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return report(&Failure::usage(format!("the asynchronous runtime did not start: {error}"))).into(),
    };
    let result = runtime.block_on(dispatch(&cli));
    // Blocking reads of stdin must not hold up the end of the process.
    runtime.shutdown_background();
    result.unwrap_or_else(|failure| report(&failure)).into()
}

async fn dispatch(cli: &Cli) -> Result<Exit, Failure> {
    match &cli.command {
        Command::Run(args) => cmd::run::run(args).await,
        Command::Explain(args) => cmd::explain::explain(args),
        Command::Check(args) => cmd::check::check(args),
        Command::Record(args) => cmd::record::record(args).await,
        Command::Grade(args) => cmd::grade::grade(args).await,
        Command::Calibrate(args) => cmd::calibrate::calibrate(args).await,
        Command::Evaluate(args) => cmd::evaluate::evaluate(args).await,
        Command::Advise(args) => cmd::advise::advise(args).await,
        Command::Regress(args) => cmd::regress::regress(args).await,
        Command::Diff(args) => cmd::diff::diff(args).await,
        Command::Import(args) => cmd::import::import(args).await,
        Command::Simulate(args) => cmd::simulate::simulate(args).await,
        Command::Schema => print(serde_json::to_string_pretty(&tierfall::config::json_schema())? + "\n").map(|()| Exit::Fine),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut <Cli as clap::CommandFactory>::command(), "tierfall", &mut script);
            print(String::from_utf8_lossy(&script)).map(|()| Exit::Fine)
        }
    }
}

/// `-v` shows failed calls, `-vv` every call; `RUST_LOG` wins over both.
fn log_to_stderr(verbose: u8) {
    let level = match verbose {
        _ if quiet() => "off",
        0 => "error",
        1 => "warn",
        2 => "info",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(format!("tierfall={level}")));
    let colours = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
    if verbose > 1 {
        log.with_span_events(FmtSpan::CLOSE).init();
    } else {
        log.without_time().init();
    }
}

fn report(failure: &Failure) -> Exit {
    if !failure.message.is_empty() {
        tell(failure);
    }
    failure.exit
}
