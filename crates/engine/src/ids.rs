//! Ids for requests that came without one.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};

use tierfall_core::request::RequestId;

/// Makes ids that differ within a process by counting, and between processes by 64 random bits.
#[derive(Debug)]
pub(crate) struct Ids {
    process: u64,
    count: AtomicU64,
}

impl Ids {
    pub(crate) fn new() -> Self {
        // The standard library keys its hash maps from the operating system's randomness; an empty hash is that key.
        Self { process: RandomState::new().build_hasher().finish(), count: AtomicU64::new(0) }
    }

    pub(crate) fn next(&self) -> RequestId {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        format!("req-{:016x}-{count}", self.process).into()
    }
}

#[cfg(test)]
mod tests {
    use super::Ids;

    #[test]
    fn ids_differ() {
        let (a, b) = (Ids::new(), Ids::new());
        assert_ne!(a.next(), a.next());
        assert_ne!(a.next(), b.next());
    }
}
