//! A calibration made by hand, for tests of what is drawn from one. Its numbers are invented.

use std::collections::BTreeMap;

use tierfall_calibrate::report::{
    Advice, Bin, Calibration, ChainAdvice, Earns, Estimate, Evaluation, Expected, FrontierPoint, Latency, PointReport, Promise,
    RiskPoint, SegmentReport, SegmentScore, SignalRow, Spot, TierAdvice, TierReport, TierSegment,
};
use tierfall_core::fit::{Guarantee, Provenance, Status, TargetFit};
use tierfall_core::number::Score;

fn near(value: f64, spread: f64) -> Estimate {
    Estimate { value, low: value - spread, high: value + spread }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub(super) fn guarantee(bound: f64) -> Guarantee {
    Guarantee {
        delta: 0.1,
        method: "trinomial-grid".to_owned(),
        bound,
        finite_sample: true,
        judge: None,
        each_segment: false,
        conditions: Vec::new(),
        statement:
            "If future requests are drawn from the same distribution as the 840 fixtures, and quality labels are correct, \
                    then with probability >= 0.9 over the draw of the fixtures the deployed policy satisfies \
                    E[quality(large) - quality(cascade)] <= 0.05."
                .to_owned(),
    }
}

fn expected(accuracy: f64, ratio: f64) -> Expected {
    Expected {
        method: "5-fold: the whole procedure refitted a fold".to_owned(),
        accuracy: Some(near(accuracy, 0.028)),
        loss_vs_last: Some(near(0.776 - accuracy, 0.012)),
        cost_usd: Some(0.000_092 * ratio),
        cost_last: Some(0.000_092),
        cost_ratio: Some(ratio),
        coverage: vec![Some(0.478)],
    }
}

fn spot(chain: &[&str], accuracy: f64, ratio: f64) -> Spot {
    Spot { chain: names(chain), accuracy: near(accuracy, 0.03), cost_usd: Some(0.000_092 * ratio), cost_ratio: Some(ratio) }
}

fn baselines() -> BTreeMap<String, Spot> {
    let all = [
        ("always-small", spot(&["small"], 0.381, 0.022)),
        ("always-medium", spot(&["medium"], 0.622, 0.101)),
        ("always-large", spot(&["large"], 0.776, 1.0)),
        ("always-last", spot(&["large"], 0.776, 1.0)),
        ("best-single", spot(&["large"], 0.776, 1.0)),
        ("random-mix", spot(&["medium", "large"], 0.705, 0.57)),
        ("oracle", spot(&["small", "medium", "large"], 0.861, 0.332)),
    ];
    all.into_iter().map(|(name, spot)| (name.to_owned(), spot)).collect()
}

/// A frontier that bends like real ones.
fn frontier() -> Vec<FrontierPoint> {
    let point = |step: u32| {
        let share = f64::from(step) / 80.0;
        FrontierPoint {
            chain: names(&["medium", "large"]),
            raw_thresholds: vec![Score::new(-1.2 * (1.0 - share))],
            ties: vec![Some(0.0)],
            accuracy: 0.622 + (0.786 - 0.622) * (1.0 - (1.0 - share).powi(3)) - 0.01 * share.powi(8),
            cost_usd: Some(0.000_092 * (0.101 + share)),
            certified: share > 0.47,
            certified_for: if share > 0.47 { "loss at most 5 points".to_owned() } else { String::new() },
        }
    };
    (0..=80).map(point).collect()
}

fn tier(tier: &str, in_force: bool) -> TierReport {
    let bin = |step: u32| {
        let confidence = 0.05 + 0.09 * f64::from(step);
        let accuracy = (confidence - 0.04 + 0.03 * f64::from(step % 3)).min(1.0);
        Bin { confidence, accuracy, low: accuracy - 0.1, high: (accuracy + 0.1).min(1.0), n: 20 + 15 * u64::from(step) }
    };
    let risk = |step: u32| {
        let coverage = f64::from(step) / 100.0;
        RiskPoint { coverage, risk: 0.02 + 0.36 * coverage.powi(2) + 0.02 / f64::from(step) }
    };
    TierReport {
        tier: tier.to_owned(),
        signal: "mean-logprob".to_owned(),
        n: 834,
        abstained: 6,
        accuracy: near(0.622, 0.033),
        auroc: Some(0.871),
        auroc_benefit: Some(0.802),
        aurc: Some(0.161),
        augrc: Some(0.117),
        ece: Some(0.031),
        brier: Some(0.143),
        coverage: in_force.then_some(0.478),
        selective_risk: in_force.then(|| near(0.101, 0.028)),
        bins: (0..11).map(bin).collect(),
        risk_coverage: (1..=100).map(risk).collect(),
    }
}

fn signal(tier: &str, signal: &str, auroc: f64, chosen: bool, note: Option<&str>) -> SignalRow {
    SignalRow {
        tier: tier.to_owned(),
        signal: signal.to_owned(),
        auroc: Some(auroc),
        auroc_benefit: Some(auroc - 0.07),
        abstained: 0.007,
        chosen,
        note: note.map(str::to_owned),
    }
}

pub(crate) fn calibration() -> Calibration {
    let point = |name: &str, loss: f64, accuracy: f64, ratio: f64| PointReport {
        name: name.to_owned(),
        status: Status::Certified,
        target: TargetFit::MaxLoss(loss),
        guarantee: Some(guarantee(loss)),
        chain: names(&["medium", "large"]),
        raw_thresholds: vec![Score::new(-0.5 * ratio)],
        ties: vec![Some(0.0)],
        estimate: Some(expected(accuracy, ratio)),
        segments: Vec::new(),
    };
    let segment = |name: &str, n: u64, raw: Option<f64>, pooled: &[&str]| SegmentReport {
        segment: name.to_owned(),
        n,
        status: if raw.is_some() { Status::Certified } else { Status::Inconclusive },
        chain: if raw.is_some() { names(&["medium", "large"]) } else { names(&["large"]) },
        raw_thresholds: raw.map(|raw| vec![Score::new(raw)]).unwrap_or_default(),
        ties: raw.map(|_| vec![Some(0.0)]).unwrap_or_default(),
        guarantee: raw.map(|_| guarantee(0.05)),
        pooled: names(pooled),
    };
    Calibration {
        chain: names(&["medium", "large"]),
        declared_chain: names(&["small", "medium", "large"]),
        signals: [("small", "sum-logprob"), ("medium", "mean-logprob")].map(|(a, b)| (a.to_owned(), b.to_owned())).into(),
        n: 840,
        n_items: 840,
        n_excluded: 3,
        status: Status::Certified,
        saves: true,
        why: "The loss against always large is at most 4.6 points, at 90 %; 5 points were asked for.".to_owned(),
        needed_n: None,
        attainable: None,
        thresholds: vec![Some(0.783)],
        raw_thresholds: vec![Score::new(-0.197_345)],
        ties: vec![Some(0.0)],
        target: TargetFit::MaxLoss(0.05),
        guarantee: Some(guarantee(0.046)),
        estimate: Some(expected(0.752, 0.623)),
        baselines: baselines(),
        frontier: frontier(),
        points: vec![point("default", 0.05, 0.752, 0.623), point("careful", 0.03, 0.768, 0.781)],
        segments: vec![
            segment("orders", 312, Some(-0.31), &[]),
            segment("refunds", 240, Some(-0.11), &[]),
            segment("rest", 288, None, &["greetings", "invoices"]),
        ],
        tiers: vec![tier("small", false), tier("medium", true)],
        assumed: 0,
        signal_table: vec![
            signal("small", "sum-logprob", 0.781, true, None),
            signal("small", "length", 0.743, false, None),
            signal("medium", "mean-logprob", 0.871, true, None),
            signal("medium", "entropy", 0.521, false, Some("it does not beat the length of the answer")),
            signal("medium", "length", 0.612, false, None),
        ],
        warnings: vec![
            "Grades come from a grader that accepts any answer containing the expected words; 12 of them were checked by people."
                .to_owned(),
            "The tier \"small\" is not asked: it does not earn its call.".to_owned(),
        ],
    }
}

pub(crate) fn provenance() -> Provenance {
    Provenance {
        tierfall: "0.1.0".to_owned(),
        cascade_digest: "sha256:5e1f0c".to_owned(),
        source: "support".to_owned(),
        source_digest: "sha256:9ab3d2".to_owned(),
        split: Some("train".to_owned()),
        n: 840,
        n_excluded: 3,
        seed: 0,
        earlier_certificates: 0,
        ..Provenance::default()
    }
}

pub(crate) fn evaluation() -> Evaluation {
    let segment = |name: &str, loss: f64, p_worse: f64| SegmentScore {
        segment: name.to_owned(),
        n: 120,
        accuracy: near(0.75, 0.07),
        loss_vs_last: near(loss, 0.04),
        cost_ratio: Some(0.61),
        p_worse,
        worse: p_worse < 0.05,
    };
    Evaluation {
        chain: names(&["medium", "large"]),
        declared_chain: names(&["small", "medium", "large"]),
        point: "default".to_owned(),
        n: 840,
        n_items: 840,
        n_excluded: 0,
        accuracy: near(0.757, 0.029),
        accuracy_last: 0.781,
        loss_vs_last: near(0.024, 0.013),
        cost_usd: Some(0.000_057),
        cost_last: Some(0.000_092),
        cost_ratio: Some(0.62),
        coverage: vec![Some(0.481)],
        latency_ms: Some(Latency { mean: 412.0, p95: 1310.0, mean_last: 603.0, p95_last: 1405.0 }),
        tiers: vec![tier("small", false), tier("medium", true)],
        baselines: baselines(),
        segments: vec![segment("orders", 0.01, 0.6), segment("refunds", 0.09, 0.003)],
        conditions: Vec::new(),
        promise: Some(Promise {
            guarantee: guarantee(0.046),
            target: TargetFit::MaxLoss(0.05),
            met: true,
            p_broken: 0.97,
            parts: Vec::new(),
        }),
        warnings: vec!["A promise of one segment does not follow from that of all.".to_owned()],
    }
}

pub(crate) fn advice() -> Advice {
    let chain = |tiers: &[&str], accuracy: f64, ratio: f64, efficient: bool| ChainAdvice {
        chain: names(tiers),
        accuracy: near(accuracy, 0.03),
        loss_vs_last: near(0.776 - accuracy, 0.012),
        cost_ratio: Some(near(ratio, 0.03)),
        efficient,
    };
    let tier = |tier: &str, accuracy: f64, saving: f64, earns: Earns| TierAdvice {
        tier: tier.to_owned(),
        accuracy: near(accuracy, 0.03),
        cost_usd: Some(0.000_009),
        saving: Some(near(saving, 0.02)),
        earns,
        segments: [("greetings", 0.1, Earns::Yes), ("invoices", -0.02, Earns::Unclear)]
            .map(|(name, saving, earns)| {
                let part = TierSegment { n: 120, accuracy: near(accuracy, 0.07), saving: Some(near(saving, 0.05)), earns };
                (name.to_owned(), part)
            })
            .into(),
    };
    Advice {
        declared_chain: names(&["small", "medium", "large"]),
        n: 840,
        n_excluded: 0,
        chains: vec![
            chain(&["small", "medium", "large"], 0.771, 0.641, false),
            chain(&["medium", "large"], 0.772, 0.632, true),
            chain(&["large"], 0.776, 1.0, true),
        ],
        baselines: baselines(),
        tiers: vec![tier("small", 0.381, -0.009, Earns::No), tier("medium", 0.622, 0.37, Earns::Yes)],
        advice: vec![
            "Leave out small: medium → large costs 1 point less at equal quality.".to_owned(),
            "In greetings small earns its call: a rule that enters there at small saves 10 points.".to_owned(),
        ],
        warnings: vec![],
    }
}
