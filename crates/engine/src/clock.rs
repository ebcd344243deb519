//! Time as an argument: what took how long is measured, never guessed, and tests turn the clock by hand.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Tells the time since some fixed moment of its own.
///
/// Latencies, and how much of a deadline they leave, are measured by it. When a call that hangs is cut off is decided by tokio's clock,
/// which a test pauses and turns by its own means: turning this one alone ends no wait.
pub trait Clock: Send + Sync {
    /// The time since that moment; never goes back.
    fn now(&self) -> Duration;

    /// What time it is: what is written beside a request, and decides nothing.
    fn time_of_day(&self) -> SystemTime {
        time_of_day()
    }
}

/// What time it is. Nothing that is replayed asks: it is written beside what people and models said, and decides nothing.
pub fn time_of_day() -> SystemTime {
    #[expect(clippy::disallowed_methods, reason = "the one place where the time of day is read")]
    SystemTime::now()
}

/// A moment as RFC 3339 writes it, in UTC and to the second; what lies before 1970 is the beginning of 1970, what lies after 9999 its end.
pub fn rfc3339(time: SystemTime) -> String {
    // The last second of the year 9999, after which RFC 3339 has no form.
    let last = UNIX_EPOCH + Duration::from_secs(253_402_300_799);
    humantime::format_rfc3339_seconds(time.clamp(UNIX_EPOCH, last)).to_string()
}

/// The machine's monotonic clock. Follows tokio's time where a test pauses it.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self { start: Instant::now() }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.start.elapsed()
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug, Default)]
pub struct ManualClock {
    nanos: AtomicU64,
}

impl ManualClock {
    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        let nanos = u64::try_from(by.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Ordering::Relaxed))
    }

    /// Its time since 1970 began.
    fn time_of_day(&self) -> SystemTime {
        UNIX_EPOCH + self.now()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_the_calendar_has_them() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_709_164_800, "2024-02-29T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
    }
}
