//! What HTTP clients see: OpenAI's routes, errors and event streams.
//!
//! So far it serves [simulated models](Models), as `tierfall simulate` does.

mod ask;
mod models;
mod reply;
mod server;

pub use models::Models;
pub use server::serve;
