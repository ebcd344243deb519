//! Operating points as they are written to a fit and as they are printed.

use tierfall_core::number::{Score, Threshold};

use crate::certify::PointCertified;
use crate::evaluate::{Cuts, chain_of};
use crate::policy::Thresholds;
use crate::report::SegmentReport;
use tierfall_core::fit::{Cut, Point};

/// As it is written.
pub(super) fn written(point: &PointCertified, cuts: &Cuts) -> Point {
    Point {
        name: point.name.clone(),
        status: point.status,
        target: point.target,
        guarantee: point.guarantee.clone(),
        cuts: cuts.overall.clone(),
        segments: cuts.segments.clone(),
    }
}

/// The sub-chain in force, its raw cuts and their ties.
pub(super) fn read_off(cuts: &[Cut], names: &[String]) -> (Vec<String>, Vec<Option<Score>>, Vec<Option<f64>>) {
    let chain = chain_of(cuts);
    let (mut raw, mut ties) = (Vec::new(), Vec::new());
    for tier in &chain[..chain.len() - 1] {
        let (score, tie) = match cuts[*tier].threshold {
            Threshold::AcceptFrom { score, tie } => (Some(score), Some(tie.get())),
            Threshold::DeferAll => (None, None),
        };
        raw.push(score);
        ties.push(tie);
    }
    (chain.iter().map(|tier| names[*tier].clone()).collect(), raw, ties)
}

/// Thresholds by segment.
pub(super) fn segments(point: &PointCertified, names: &[String]) -> Vec<SegmentReport> {
    let report = |segment: &crate::certify::SegmentCertified| {
        let (chain, raw_thresholds, ties) = of_policy(&segment.policy, names);
        SegmentReport {
            segment: segment.name.clone(),
            n: segment.n,
            status: segment.status,
            chain,
            raw_thresholds,
            ties,
            guarantee: segment.guarantee.clone(),
            pooled: segment.pooled.clone(),
        }
    };
    point.segments.iter().map(report).collect()
}

/// A policy's sub-chain, raw cuts and ties.
pub(super) fn of_policy(policy: &Thresholds, names: &[String]) -> (Vec<String>, Vec<Option<Score>>, Vec<Option<f64>>) {
    read_off(&Cuts::of(policy, names.len()).overall, names)
}
