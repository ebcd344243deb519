//! When two systems are one, and two examples.

use std::collections::BTreeMap;

use serde::Serialize;
use tierfall::config::Loaded;
use tierfall::digest;
use tierfall_core::fit::{Cut, Fit, TierFit};

use crate::fixture::Example;

/// Digest of everything that decides how a request is served: what the cascade file says about it, the bindings of its tiers
/// (with the files that it names), and what is in force of its fit, wherever that was made.
pub(super) fn system(loaded: &Loaded) -> String {
    #[derive(Serialize)]
    struct Serving<'a> {
        file: &'a str,
        tiers: Vec<Option<&'a str>>,
        fit: Option<String>,
    }
    let tiers = loaded.tiers.iter().map(|tier| tier.as_ref().map(|tier| tier.digest.as_str())).collect();
    digest::of(&Serving { file: &loaded.serving_digest, tiers, fit: loaded.fit.as_deref().map(in_force) })
}

/// What a fit decides: neither where its numbers come from, nor what is promised of them.
fn in_force(fit: &Fit) -> String {
    #[derive(Serialize)]
    struct InForce<'a> {
        salt: &'a str,
        tiers: &'a [TierFit],
        points: Vec<InForcePoint<'a>>,
    }
    #[derive(Serialize)]
    struct InForcePoint<'a> {
        name: &'a str,
        cuts: &'a [Cut],
        segments: &'a BTreeMap<String, Vec<Cut>>,
    }
    let points = fit.point.iter().map(|point| InForcePoint { name: &point.name, cuts: &point.cuts, segments: &point.segments });
    digest::of(&InForce { salt: &fit.salt, tiers: &fit.tier, points: points.collect() })
}

/// Digest of what an example asks, and of what a right answer is: items are compared only where it is the same.
pub(super) fn asked(example: &Example) -> String {
    let asked = (example.digest(), &example.expected, example.grader.spec(), &example.tags);
    match example.grader.version() {
        1 => digest::short_of(&asked),
        version => digest::short_of(&(asked, version)),
    }
}
