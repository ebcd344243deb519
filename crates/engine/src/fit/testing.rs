//! A fit for tests: every gate on its own signal, a point in force and a stricter one.

use tierfall_core::fusion::GateValue;
use tierfall_core::map::{ScoreMap, Transform};
use tierfall_core::number::{Score, Threshold, Tie};

use super::{Cut, Fit, Guarantee, Point, Provenance, Seen, Status, TargetFit, TierFit, bind};
use crate::config::Loaded;

pub(crate) fn from(score: f64) -> Cut {
    let threshold = Threshold::AcceptFrom { score: Score::new(score).unwrap(), tie: Tie::try_from(0.25).unwrap() };
    Cut { asked: true, threshold }
}

pub(crate) fn certified(name: &str, loss: f64, cuts: Vec<Cut>) -> Point {
    let guarantee = Guarantee {
        delta: 0.1,
        method: "trinomial-grid".into(),
        bound: loss - 0.002,
        finite_sample: true,
        judge: None,
        each_segment: false,
        conditions: Vec::new(),
        statement: "With probability 90 %, the loss is at most what it says.".into(),
    };
    let (status, target, segments) = (Status::Certified, TargetFit::MaxLoss(loss), [].into());
    Point { name: name.into(), status, target, guarantee: Some(guarantee), cuts, segments }
}

/// A fit of this cascade: the raw threshold −0.3 at every gate by default, −0.1 at the point `strict`.
pub(crate) fn fit_of(loaded: &Loaded) -> Fit {
    let tier = |tier: &tierfall_core::cascade::Tier| TierFit {
        name: tier.name.to_string(),
        binding: None,
        gate: tier.gate.as_ref().map(|gate| GateValue::Signal { signal: gate.signal.label.to_string(), negated: false }),
        map: tier.gate.as_ref().map(|_| ScoreMap::Platt {
            transform: Transform::Identity,
            low: -5.0,
            high: 0.0,
            intercept: 2.0,
            slope: 1.5,
        }),
    };
    let gated = loaded.cascade.tiers().len() - 1;
    let mut fit = Fit {
        version: 1,
        cascade: String::new(),
        salt: String::new(),
        provenance: Provenance {
            tierfall: "0.1.0".into(),
            source: "support".into(),
            source_digest: "ab".repeat(32),
            split: Some("train".into()),
            n: 4,
            seed: 7,
            seen: Seen::of([1 << 20, 2 << 20, 3 << 40, u64::MAX]),
            ..Provenance::default()
        },
        tier: loaded.cascade.tiers().iter().map(tier).collect(),
        point: vec![certified("default", 0.05, vec![from(-0.3); gated]), certified("strict", 0.02, vec![from(-0.1); gated])],
    };
    bind(&mut fit, loaded);
    fit
}
