//! Reference values computed by other statistical software, which are kept beside the repository. Where the file is
//! absent the tests say so and pass.

#![expect(
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests: a wrong reference file fails them, a missing one is told"
)]

mod reference;

mod bounded;
mod cascades;
mod maps;
mod means;
mod metrics;
mod pairs;
mod planning;
mod tails;
