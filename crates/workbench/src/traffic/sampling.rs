//! Which requests are kept: by what became of them, and a hash of their ids.

use std::str::FromStr;

use tierfall_core::number::Tie;
use tierfall_core::request::RequestId;
use tierfall_core::trace::{OutcomeKind, Trace};

tierfall_core::words! {
    /// What became of a request, as far as sampling tells requests apart.
    pub enum Stratum {
        /// The first tier that was asked answered it.
        Accepted = "accepted",
        /// A later tier answered it.
        Escalated = "escalated",
        /// The cascade abstained, or left it to a person.
        Unresolved = "unresolved",
        /// No tier could answer it.
        Failed = "failed",
    }
}

impl Stratum {
    /// Of a run; `None` where no tier was asked: there is nothing to keep.
    pub fn of(trace: &Trace) -> Option<Self> {
        let first = trace.steps.first()?;
        match trace.outcome {
            // An answer that nobody accepted decides nothing.
            OutcomeKind::Answered if trace.fallback.is_some() => Some(Self::Unresolved),
            OutcomeKind::Answered if trace.tier.as_ref() == Some(&first.tier) => Some(Self::Accepted),
            OutcomeKind::Answered => Some(Self::Escalated),
            OutcomeKind::Abstained | OutcomeKind::Review => Some(Self::Unresolved),
            OutcomeKind::Failed => Some(Self::Failed),
            OutcomeKind::Refused => None,
        }
    }
}

/// The probability with which a request is kept, by stratum. All are above 0: what is never kept cannot be weighed up again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    rates: [f64; Stratum::ALL.len()],
}

impl Sampling {
    /// Every request.
    pub const ALL: Self = Self { rates: [1.0; Stratum::ALL.len()] };

    /// The probability for a stratum, in (0, 1].
    pub(crate) fn rate(&self, stratum: Stratum) -> f64 {
        self.rates[stratum as usize]
    }

    /// The least probability of any stratum: no kept request can weigh more than 1 over it.
    pub(crate) fn least(&self) -> f64 {
        self.rates.iter().copied().fold(1.0, f64::min)
    }

    /// Whether a request is kept: by a hash of its id under a salt that is derived from the cascade's and differs from it, so
    /// that the choice is the same in every run and unrelated to how ties fall.
    pub(crate) fn keeps(&self, salt: &str, id: &RequestId, stratum: Stratum) -> bool {
        Tie::of(&format!("capture of {salt}"), id.as_str()).get() < self.rate(stratum)
    }
}

/// `0.1` for all, `accepted=0.02,escalated=0.2` by stratum, or both: `0.05,failed=1`. A stratum that is not named has the
/// plain rate, and without one the highest rate named.
impl FromStr for Sampling {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (mut plain, mut named) = (None, [None; Stratum::ALL.len()]);
        for part in text.split(',').map(str::trim) {
            let (place, number) = match part.split_once('=') {
                None => (&mut plain, part),
                Some((name, number)) => {
                    let known = || Stratum::ALL.iter().map(|stratum| stratum.as_str()).collect::<Vec<_>>().join(", ");
                    let stratum = Stratum::ALL
                        .iter()
                        .find(|stratum| stratum.as_str() == name.trim())
                        .ok_or_else(|| format!("there is no stratum \"{}\"; there are {}", name.trim(), known()))?;
                    (&mut named[*stratum as usize], number.trim())
                }
            };
            let rate: f64 =
                number.parse().map_err(|_| format!("\"{part}\" is no rate; write 0.1, or accepted=0.02,escalated=0.2"))?;
            if !(rate > 0.0 && rate <= 1.0) {
                return Err(format!(
                    "\"{part}\": a rate is above 0 and at most 1, since what is never kept cannot be weighed up"
                ));
            }
            if place.replace(rate).is_some() {
                return Err(format!("\"{part}\" is said twice"));
            }
        }
        let highest = named.iter().flatten().copied().fold(0.0, f64::max);
        let other = plain.unwrap_or(highest);
        Ok(Self { rates: named.map(|rate| rate.unwrap_or(other)) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tierfall_core::provider::{CallError, CallErrorKind};
    use tierfall_core::replay::replay;
    use tierfall_core::request::Request;
    use tierfall_core::run::Took;
    use tierfall_testkit::sample;

    fn rates(text: &str) -> [f64; 4] {
        let sampling: Sampling = text.parse().unwrap();
        Stratum::ALL.map(|stratum| sampling.rate(stratum))
    }

    fn close(found: [f64; 4], wanted: [f64; 4]) {
        assert!(found.iter().zip(wanted).all(|(found, wanted)| (found - wanted).abs() < 1e-15), "{found:?}");
    }

    #[test]
    fn rates_are_read_as_they_are_written() {
        close(rates("0.1"), [0.1; 4]);
        close(rates("accepted=0.02, escalated=0.2"), [0.02, 0.2, 0.2, 0.2]);
        close(rates("0.05,failed=1"), [0.05, 0.05, 0.05, 1.0]);
        for (text, why) in [
            ("", "no rate"),
            ("0", "above 0"),
            ("accepted=0", "above 0"),
            ("1.5", "at most 1"),
            ("NaN", "above 0"),
            ("refused=0.1", "no stratum"),
            ("0.1,0.2", "twice"),
            ("accepted=0.1,accepted=0.1", "twice"),
        ] {
            let error = text.parse::<Sampling>().unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn an_answer_that_nobody_accepted_is_unresolved() {
        let cascade = sample::cascade(&[("small", 0.8), ("large", 0.0)]).unwrap();
        let stratum = |small: f64, large: Option<f64>| {
            let trace = replay(&cascade, Request::new("1", "?"), |tier, _| match if tier.0 == 0 { Some(small) } else { large } {
                Some(sure) => (Ok(sample::sure("yes", sure).into()), Took::default()),
                None => (Err(CallError::new(CallErrorKind::Connect, "down")), Took::default()),
            });
            Stratum::of(&trace.1)
        };
        assert_eq!(stratum(0.9, None), Some(Stratum::Accepted));
        assert_eq!(stratum(0.1, Some(0.1)), Some(Stratum::Escalated));
        assert_eq!(stratum(0.1, None), Some(Stratum::Unresolved));
    }

    #[test]
    fn who_is_kept_follows_the_rate_and_not_the_tie() {
        let sampling: Sampling = "accepted=0.1,escalated=0.5".parse().unwrap();
        let ids: Vec<RequestId> = (0..20_000).map(|n| format!("req-{n}").into()).collect();
        for (stratum, rate) in [(Stratum::Accepted, 0.1), (Stratum::Escalated, 0.5)] {
            let kept: Vec<&RequestId> = ids.iter().filter(|id| sampling.keeps("salt", id, stratum)).collect();
            let share = kept.len() as f64 / ids.len() as f64;
            assert!((share - rate).abs() < 4.0 * (rate * (1.0 - rate) / ids.len() as f64).sqrt(), "{stratum}: {share}");
            let tie = kept.iter().map(|id| Tie::of("salt", id.as_str()).get()).sum::<f64>() / kept.len() as f64;
            assert!((tie - 0.5).abs() < 4.0 / (12.0 * kept.len() as f64).sqrt(), "{stratum}: mean tie {tie}");
        }
        // A higher rate keeps whatever a lower one does.
        assert!(
            ids.iter()
                .all(|id| { !sampling.keeps("salt", id, Stratum::Accepted) || sampling.keeps("salt", id, Stratum::Escalated) })
        );
    }
}
