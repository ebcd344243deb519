//! Calls over HTTP, in any dialect.

mod access;
mod body;
mod endpoint;
mod failed;
mod live;
mod retry_after;
mod reuse;
mod said;
mod secrets;
mod settings;
mod sign;
mod times;
mod tls;

pub use self::access::Access;
pub use self::endpoint::HttpProvider;
pub use self::settings::{BuildError, HttpSettings};
pub use self::sign::{Sign, Signing};
