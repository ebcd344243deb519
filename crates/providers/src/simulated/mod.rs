//! Answers from nobody: a seeded provider for demonstrations and load tests. Every answer says that it is simulated.

#[cfg(feature = "simulated")]
mod draw;
#[cfg(feature = "simulated")]
mod model;
#[cfg(feature = "simulated")]
mod provider;
mod settings;
#[cfg(feature = "simulated")]
mod wording;

#[cfg(feature = "simulated")]
pub use self::provider::Simulated;
pub use self::settings::{Latency, SimulatedSettings, Simulation, SimulationError};
