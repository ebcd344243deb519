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
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use crate::args::{Cli, Command};
pub(crate) use crate::exit::{Exit, Failure};
pub(crate) use crate::out::{print, print_verdict, printed, say, tell, warn};

fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr(cli.verbose, cli.quiet);
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
        Command::Run(args) => cmd::run::run(args, cli.quiet).await,
        Command::Explain(args) => cmd::explain::explain(args),
        Command::Check(args) => cmd::check::check(args, cli.quiet),
        Command::Record(args) => cmd::record::record(args, cli.quiet).await,
        Command::Grade(args) => cmd::grade::grade(args, cli.quiet).await,
        Command::Calibrate(args) => cmd::calibrate::calibrate(args, cli.quiet).await,
        Command::Evaluate(args) => cmd::evaluate::evaluate(args, cli.quiet).await,
        Command::Advise(args) => cmd::advise::advise(args, cli.quiet).await,
        Command::Regress(args) => cmd::regress::regress(args, cli.quiet).await,
        Command::Diff(args) => cmd::diff::diff(args, cli.quiet).await,
        Command::Import(args) => cmd::import::import(args, cli.quiet).await,
        Command::Simulate(args) => cmd::simulate::simulate(args, cli.quiet).await,
        Command::Schema => cmd::schema::schema(),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut <Cli as clap::CommandFactory>::command(), "tierfall", &mut script);
            print(String::from_utf8_lossy(&script)).map(|()| Exit::Fine)
        }
    }
}

/// `-v` shows failed calls, `-vv` every call and its time; `RUST_LOG` wins over both.
fn log_to_stderr(verbose: u8, quiet: bool) {
    let level = match verbose {
        _ if quiet => "off",
        0 => "error",
        1 => "warn",
        2 => "info",
        _ => "debug",
    };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(format!("tierfall={level}")));
    let spans = if verbose > 1 { FmtSpan::CLOSE } else { FmtSpan::NONE };
    let colours = anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours).without_time();
    log.with_span_events(spans).init();
}

fn report(failure: &Failure) -> Exit {
    if failure.message.is_empty() {
        return failure.exit;
    }
    tell(failure);
    failure.exit
}
