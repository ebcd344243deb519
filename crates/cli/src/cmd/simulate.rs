//! `tierfall simulate`: a simulated provider on a port, as its clients see a real one.

use std::net::Ipv4Addr;
use std::time::Duration;

use tierfall_core::provider::CallErrorKind;
use tierfall_gateway::{Models, serve};
use tierfall_providers::SimulatedSettings;
use tokio::net::TcpListener;

use crate::args::Simulate;
use crate::interrupt::interrupted;
use crate::{Exit, Failure, note, print};

pub(crate) async fn simulate(args: &Simulate) -> Result<Exit, Failure> {
    // What the models have in common.
    let mut usual = SimulatedSettings::new("any", args.seed);
    usual.ability = args.ability;
    usual.separation = args.separation;
    usual.gives_logprobs = !args.no_logprobs;
    usual.latency.first = Duration::from_millis(args.latency_ms);
    usual.latency.per_token = Duration::from_millis(args.token_ms);
    usual.latency.jitter = args.jitter;
    let errors = [
        (CallErrorKind::RateLimited, args.rate_limited),
        (CallErrorKind::Overloaded, args.overloaded),
        (CallErrorKind::Truncated, args.truncated),
    ];
    usual.errors = errors.into_iter().collect();
    for (place, (name, _)) in args.models.iter().enumerate() {
        if args.models[..place].iter().any(|(other, _)| other == name) {
            return Err(
                Failure::usage(format!("--model names \"{name}\" twice")).with_hint("give each model once, with one ability")
            );
        }
    }
    let models = Models::new(usual, &args.models).map_err(Failure::usage)?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).await.map_err(|error| {
        Failure::usage(format!("port {} on 127.0.0.1 cannot be used: {error}", args.port)).with_hint("--port 0 picks a free one")
    })?;
    let base_url = format!("http://{}/v1", listener.local_addr()?);
    let interrupted = interrupted();
    print(format_args!("{base_url}\n"))?;
    note(format_args!("simulating {models} at {base_url}; Ctrl-C ends it"));
    // Whoever is still being answered is cut off: nobody waits for a simulation.
    tokio::select! {
        served = serve(listener, models) => served.map(|()| Exit::Fine).map_err(Failure::usage),
        () = interrupted => Ok(Exit::Fine),
    }
}
