//! Certificates made on a fixture set, in the order in which they were made.
//!
//! Whoever asks the same rows again and again will be told "certified" sooner or later. So the i-th certificate of a set after the first
//! gets δ·6/(π²i²), and this file counts. The identical request finds its entry again and spends nothing.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::Path;

use serde::{Deserialize, Serialize};
use tierfall_calibrate::ask::{Ask, BySegment, Delta, SignalChoice, Target};
use tierfall_calibrate::certify::ledger::discount;

use crate::{Error, locked, whole};
use tierfall::digest;

/// A request for a certificate: everything that decides what could be certified.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Certificate {
    /// Digest of the rows: [`observations::digest`](crate::observations::digest).
    pub(crate) rows: String,
    /// The declared tiers.
    pub(crate) chain: Vec<String>,
    /// The gate value of every tier but the last, in words.
    pub(crate) signals: Vec<String>,
    /// The target of the main point.
    pub(crate) target: String,
    /// The probability that the promise may fail, before any discount.
    pub(crate) delta: f64,
    /// Everything else that was asked for, in words.
    pub(crate) other: String,
}

impl Certificate {
    /// What is asked of these rows; how many certificates were made before is no part of it.
    pub(crate) fn new(rows: impl Into<String>, chain: impl IntoIterator<Item = impl AsRef<str>>, ask: &Ask) -> Self {
        let points =
            ask.points.iter().map(|point| format!(" point {}={}", point.name, point.target)).collect::<Vec<_>>().concat();
        let latency = ask.latency.map_or_else(String::new, |limit| format!(" latency {} of {} ms", limit.share, limit.over_ms));
        let segments = match ask.by_segment {
            None => "",
            Some(BySegment::Overall) => " by-segment overall",
            Some(BySegment::Each) => " by-segment each",
        };
        Self {
            rows: rows.into(),
            chain: chain.into_iter().map(|tier| tier.as_ref().to_owned()).collect(),
            signals: ask.signals.iter().map(signal).collect(),
            target: match ask.target {
                Target::Accuracy(accuracy) => format!("accuracy {accuracy}"),
                Target::MaxLoss(loss) => format!("max-loss {loss}"),
                Target::MaxCost(cost) => format!("max-cost {} pico-USD", cost.pico()),
            },
            delta: ask.delta.map_or(1.0, Delta::get),
            other: format!("depth {} exact seed {}{segments}{latency}{points}", ask.max_depth, ask.seed),
        }
    }

    /// What the request is known by.
    pub(crate) fn digest(&self) -> String {
        digest::of(self)
    }
}

fn signal(choice: &SignalChoice) -> String {
    match choice {
        // With the coefficients of a fusion, which its words leave out.
        SignalChoice::Fixed(value) => serde_json::to_string(value).unwrap_or_else(|_| value.to_string()),
        SignalChoice::Fuse(signals) => signals.join("+"),
        SignalChoice::Auto => "auto".to_owned(),
    }
}

/// The file. Its order is the order of making.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    version: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    certificate: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Entry {
    digest: String,
    request: Certificate,
}

const VERSION: u32 = 1;
const HEAD: &str =
    "# Certificates made on these rows, in order: each has less probability to spend than the one before. Not to be edited.\n";

/// Where a certificate stands among those that were made on the same rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Those made before it.
    pub earlier: u64,
    /// All that stand there before it is entered; more than `earlier` where it was made before and is made again, which spends nothing.
    pub made: u64,
}

/// What a certificate will spend, which is said before it is spent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spending {
    /// The probability of being wrong that was asked for, δ.
    pub asked: f64,
    /// Where it stands among the certificates made on these rows; `None` = nobody counts them.
    pub counted: Option<Counted>,
}

impl Spending {
    /// The probability with which this certificate may be wrong: all that was asked for where it is the first, less for each further one.
    pub fn now(&self) -> f64 {
        discount(self.asked, self.counted.map_or(0, |counted| counted.earlier))
    }

    /// What is left for the next certificate on these rows, at the same δ; `None` where nobody counts.
    pub fn left(&self) -> Option<f64> {
        self.counted.map(|counted| discount(self.asked, counted.made.max(counted.earlier + 1)))
    }
}

/// The name of a set's ledger in its folder.
pub(crate) const FILE: &str = "ledger.toml";

/// Enters a certificate, unless it is there already, and says how many others were made before it.
///
/// To be called before the rows are looked at: what was spent stays spent, whatever comes out. Other processes may enter
/// certificates at the same time; each gets a place of its own. `tell` is told what will be spent, before it is.
pub(crate) fn enter(path: &Path, certificate: &Certificate, tell: impl FnOnce(Counted)) -> Result<u64, Error> {
    // Released when dropped.
    let _lock = locked::wait(path)?;
    let mut certificates = parse(&fs_err::read_to_string(path)?).map_err(|why| corrupt(path, &why))?;
    let digest = certificate.digest();
    let place = certificates.iter().position(|entry| entry.digest == digest).unwrap_or(certificates.len());
    tell(Counted { earlier: place as u64, made: certificates.len() as u64 });
    if place == certificates.len() {
        certificates.push(Entry { digest, request: certificate.clone() });
        let file = File { version: VERSION, certificate: certificates };
        let text = toml::to_string(&file).map_err(|error| corrupt(path, &error))?;
        whole::write_named(path, format!("{HEAD}{text}").as_bytes())?;
    }
    Ok(place as u64)
}

/// A file that is no ledger, or was edited.
fn corrupt(path: &Path, why: &dyn Display) -> Error {
    Error::refused(format!(
        "{} is no ledger that can be trusted: {why}; it counts the certificates made on these rows, so take it back from version \
         control, or use --ledger with another file and other rows",
        path.display()
    ))
}

fn parse(text: &str) -> Result<Vec<Entry>, String> {
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
    if file.version != VERSION {
        return Err(format!("it is of version {}, this program knows version {VERSION}", file.version));
    }
    let mut known = BTreeSet::new();
    for (place, entry) in file.certificate.iter().enumerate() {
        let place = place + 1;
        if entry.request.digest() != entry.digest {
            return Err(format!("certificate {place} does not have the digest of its own request"));
        }
        if !known.insert(&entry.digest) {
            return Err(format!("certificate {place} stands there twice"));
        }
    }
    Ok(file.certificate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tierfall_core::fusion::GateValue;

    fn certificate(seed: u64) -> Certificate {
        let signal = GateValue::Signal { signal: "mean-logprob".to_owned(), negated: false };
        let ask = Ask {
            target: Target::MaxLoss(0.05),
            delta: Delta::new(0.1),
            signals: vec![SignalChoice::Fixed(signal), SignalChoice::Auto],
            points: Vec::new(),
            latency: None,
            by_segment: Some(BySegment::Each),
            max_depth: 2,
            people_at_random: true,
            seed,
            earlier: 7,
        };
        Certificate::new("rows", ["small", "medium", "large"], &ask)
    }

    #[test]
    fn the_identical_request_spends_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("set").join(FILE);
        assert_eq!([0, 1, 0, 2, 1].map(|seed| enter(&path, &certificate(seed), drop).unwrap()), [0, 1, 0, 2, 1]);
        let text = fs_err::read_to_string(&path).unwrap();
        assert_eq!(parse(&text).unwrap().len(), 3);
        let told = std::cell::Cell::new(None);
        for (seed, wanted) in [(1, Counted { earlier: 1, made: 3 }), (3, Counted { earlier: 3, made: 3 })] {
            let beside = dir.path().join("copy.toml");
            fs_err::copy(&path, &beside).unwrap();
            enter(&beside, &certificate(seed), |counted| {
                assert_eq!(fs_err::read_to_string(&beside).unwrap(), text, "it is said before it is spent");
                told.set(Some(counted));
            })
            .unwrap();
            assert_eq!(told.take(), Some(wanted));
        }
        assert_eq!(enter(&path, &certificate(2), drop).unwrap(), 2);
        assert_eq!(fs_err::read_to_string(&path).unwrap(), text, "not a byte changes");
    }

    #[test]
    fn everything_asked_for_is_in_the_digest_and_what_was_spent_is_not() {
        let base = certificate(0);
        let mut others = vec![certificate(1)];
        others.push(Certificate { rows: "others".to_owned(), ..base.clone() });
        others.push(Certificate { delta: 0.05, ..base.clone() });
        others.push(Certificate { target: "max-loss 0.02".to_owned(), ..base.clone() });
        others.push(Certificate { chain: vec!["small".to_owned()], ..base.clone() });
        assert!(others.iter().all(|other| other.digest() != base.digest()));
        assert!(base.other.contains("by-segment each") && !base.other.contains('7'));
    }

    #[test]
    fn processes_at_once_get_places_of_their_own() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        let record = |seed| enter(&path, &certificate(seed), drop).unwrap();
        let mut places: Vec<u64> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16).map(|seed| scope.spawn(move || record(seed))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        places.sort_unstable();
        assert_eq!(places, (0..16).collect::<Vec<u64>>());
        assert_eq!(parse(&fs_err::read_to_string(&path).unwrap()).unwrap().len(), 16);
    }

    #[test]
    fn what_is_no_ledger_is_not_begun_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        enter(&path, &certificate(0), drop).unwrap();
        let text = fs_err::read_to_string(&path).unwrap();
        let twice = format!("{text}\n{}", &text[text.find("[[certificate]]").unwrap()..]);
        for (broken, why) in [
            ("nonsense".to_owned(), "ledger.toml is no ledger"),
            (text.replace("version = 1", "version = 2"), "version 2"),
            (text.replace("max-loss 0.05", "max-loss 0.04"), "does not have the digest"),
            (twice, "stands there twice"),
        ] {
            fs_err::write(&path, broken).unwrap();
            let message = enter(&path, &certificate(1), drop).unwrap_err().to_string();
            assert!(message.contains(why), "{message}");
        }
    }
}
