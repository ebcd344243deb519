//! How long a call may take, and who says so.

use std::fmt;
use std::time::Duration;

use crate::request::Call;

/// How long a call may take with all its attempts and samples, from when it has its place at the provider; and who says so, as
/// [`Display`](fmt::Display) tells it: "the 500 ms that the tier has".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// The longest time.
    pub longest: Duration,
    whose: Whose,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Tier { total: Duration, samples: u8 },
    Share,
}

impl Limit {
    /// The tier's own limit, or the share that the request's deadline leaves it where that is less. Samples may be calls of their own,
    /// one after the other where there is one place: each has the tier's time, and all of them together one share.
    pub(crate) fn of(total: Option<Duration>, samples: u8, share: Option<Duration>) -> Option<Self> {
        let of_tier =
            |total: Duration| Self { longest: total.saturating_mul(samples.into()), whose: Whose::Tier { total, samples } };
        let share = share.map(|longest| Self { longest, whose: Whose::Share });
        share.into_iter().chain(total.map(of_tier)).min_by_key(|limit| limit.longest)
    }
}

impl Call {
    /// How long the call may take; `None` = as long as the request's deadline allows.
    pub fn limit(&self) -> Option<Limit> {
        Limit::of(self.timeouts.total, self.samples.get(), self.share)
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.whose {
            Whose::Tier { total, samples: 1 } => write!(f, "the {} ms that the tier has", total.as_millis()),
            Whose::Tier { total, samples } => {
                write!(f, "the {} ms that the tier has for each of {samples} samples", total.as_millis())
            }
            Whose::Share => write!(f, "the {} ms that the request's deadline leaves this tier", self.longest.as_millis()),
        }
    }
}
