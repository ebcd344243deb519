//! Calls to models: HTTP with retries, limits and timeouts; simulated answers.
//!
//! Every provider here is a [`Provider`](tierfall_core::provider::Provider), and so are the layers [`queue::Queued`],
//! [`retry::Retrying`], [`FanOut`] and [`breaker::Breaking`] that wrap one; [`Layers`] has their order. What arrives is bounded, what fails is told attempt by attempt, and dropping a
//! call ends it upstream.

mod base_url;
#[cfg(any(feature = "http", feature = "simulated"))]
mod billing;
pub mod breaker;
mod fan_out;
#[cfg(feature = "http")]
pub mod http;
mod layers;
pub mod meter;
pub mod queue;
mod reply;
pub mod retry;
pub mod simulated;
#[cfg(test)]
mod test_calls;

pub use base_url::{BaseUrl, BaseUrlError};
pub use breaker::{BreakerPolicy, Breaking};
pub use fan_out::FanOut;
#[cfg(feature = "http")]
pub use http::{Access, HttpProvider, HttpSettings, Sign, Signing};
pub use layers::Layers;
pub use queue::{QueuePolicy, Queued};
pub use reply::{Heard, Listener, collect, estimate, listen};
pub use retry::{RetryPolicy, Retrying};
#[cfg(feature = "simulated")]
pub use simulated::Simulated;
pub use simulated::{SimulatedSettings, Simulation};
