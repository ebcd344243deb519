//! Ids for requests that came without one.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use tierfall_core::request::RequestId;

/// The standard library keys its hash maps from the operating system's randomness; an empty hash is that key.
static PROCESS: LazyLock<u64> = LazyLock::new(|| RandomState::new().build_hasher().finish());
static COUNT: AtomicU64 = AtomicU64::new(0);

/// A new id: ids differ within a process by counting, whichever engine gives them, and between processes by 64 random bits.
pub(crate) fn next() -> RequestId {
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    format!("req-{:016x}-{count}", *PROCESS).into()
}
