//! Calibration, evaluation and advice as wholes: on populations with known truth, and on public results of real models.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "helpers of tests: what cannot be read fails them, what is absent is told"
)]

mod advice;
mod comparison;
mod evaluation;
mod graders;
mod known;
mod labels;
mod population;
mod procedure;
mod promises;
mod real;
mod rows;
mod ungraded;
