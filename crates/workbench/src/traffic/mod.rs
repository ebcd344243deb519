//! From production to fixtures: what was asked and answered is kept for a sample of the requests, with the probability of each
//! to be in it, and becomes a fixture set.
//!
//! Nothing here happens by itself. Traces hold no text; an engine keeps content only where it was given a [`Capture`].

mod capture;
mod import;
mod line;
mod place;
mod sampling;
#[cfg(test)]
mod tests;

pub use capture::Capture;
pub use import::{ImportedTraffic, Repeats, Splits, TrafficOptions, import};
pub use sampling::{Sampling, Stratum};
