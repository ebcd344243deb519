//! A report made by hand, for tests of what is drawn from one. Its numbers are invented.

use tierfall_calibrate::regress::{Changed, Changes, Check, Limit, Moved, Report, Section, Side, Unit, Verdict};

use super::sheet::{Sheet, Unjudged};

pub(super) fn sheet<'a>(report: &'a Report, problems: &'a [Unjudged]) -> Sheet<'a> {
    Sheet { report, problems, strict: false, max_changes: 3, all_checks: "--format json has them" }
}

pub(super) fn problems() -> Vec<Unjudged> {
    let why = "cascades/broken.fit.toml is stale: <prompt> & more".to_owned();
    vec![Unjudged { cascade: "cascades/broken.cascade.toml".to_owned(), line: None, why }]
}

fn check(name: &str, n: u64, value: f64, verdict: Verdict, why: &str) -> Check {
    let unit = match name {
        "loss-vs-last" => Unit::Points,
        "cost-vs-baseline" => Unit::Usd,
        _ => Unit::Share,
    };
    Check { value: Some(value), verdict, why: why.to_owned(), ..Check::new(name, unit, n) }
}

fn changed(id: &str, tiers: (&str, &str), grades: (f64, f64)) -> Changed {
    Changed {
        id: id.to_owned(),
        segment: "billing".to_owned(),
        was_tier: Some(tiers.0.to_owned()),
        tier: Some(tiers.1.to_owned()),
        was_correct: grades.0,
        correct: grades.1,
        texts: None,
    }
}

/// A cascade that got worse.
pub(super) fn worse() -> Section {
    let checks = vec![
        Check {
            limit: Some(Limit { limit: 0.65, limit_is: Side::AtLeast }),
            interval: Some([0.654, 0.717]),
            line: Some(79),
            ..check("accuracy", 842, 0.686, Verdict::Pass, "68.6 % is at least 65 %")
        },
        Check {
            segment: Some("billing|arithmetic".to_owned()),
            limit: Some(Limit { limit: 0.5, limit_is: Side::AtLeast }),
            interval: Some([0.41, 0.57]),
            line: Some(86),
            ..check("accuracy", 140, 0.493, Verdict::Fail, "49.3 % of 140 examples, where at least 50 % are expected")
        },
        Check {
            limit: Some(Limit { limit: 0.9, limit_is: Side::AtMost }),
            interval: Some([0.76, 0.82]),
            line: Some(79),
            ..check("cost-ratio", 842, 0.792, Verdict::Pass, "79 % is at most 90 %")
        },
        Check {
            baseline: Some(0.716),
            p: Some(0.000_04),
            interval: Some([-0.042, -0.018]),
            mde: Some(0.013),
            ..check("quality-vs-baseline", 842, 0.686, Verdict::Fail, "25 examples got worse and none better: that is no chance")
        },
        Check {
            segment: Some("triage".to_owned()),
            baseline: Some(0.9),
            p: Some(1.0),
            interval: Some([-0.03, 0.03]),
            moved: Some(Moved { lost: 2, gained: 0 }),
            decides: false,
            ..check("quality-vs-baseline", 120, 0.9, Verdict::Inconclusive, "too few examples")
        },
        Check {
            baseline: Some(0.000_448),
            interval: Some([-0.012, 0.034]),
            decides: false,
            ..check("cost-vs-baseline", 842, 0.000_453, Verdict::Inconclusive, "not concluded on: quality got worse")
        },
    ];
    let items = vec![
        changed("billing-0003", ("large", "medium"), (1.0, 1.0)),
        changed("billing-0007", ("medium", "medium"), (1.0, 0.0)),
        changed("billing-0009", ("medium", "large"), (0.0, 1.0)),
        changed("billing-0012", ("large", "medium"), (1.0, 0.25)),
    ];
    Section {
        cascade: "cascades/support.cascade.toml".to_owned(),
        fixtures: "support".to_owned(),
        split: "test".to_owned(),
        mode: "replay",
        n: 842,
        verdict: Verdict::Fail,
        changes: Some(Changes { tier: 3, gained: 1, lost: 2, answer: 27, added: 1, removed: 0, edited: 2, items }),
        checks,
        warnings: Vec::new(),
        line: Some(79),
    }
}

/// One with too few examples, one that passes without a baseline, and [`worse`] between them.
pub(super) fn report() -> Report {
    let quality = Check {
        baseline: Some(0.9),
        p: Some(0.5),
        interval: Some([-0.04, 0.04]),
        mde: Some(0.081),
        ..check("quality-vs-baseline", 60, 0.9, Verdict::Inconclusive, "a loss of 2 points is not ruled out: about 149 would do")
    };
    let few = Section {
        cascade: "cascades/few.cascade.toml".to_owned(),
        fixtures: "few".to_owned(),
        n: 60,
        verdict: Verdict::Inconclusive,
        changes: Some(Changes::default()),
        checks: vec![
            Check {
                limit: Some(Limit { limit: 0.02, limit_is: Side::AtMost }),
                interval: Some([-0.01, 0.03]),
                line: Some(40),
                ..check("loss-vs-last", 60, 0.01, Verdict::Pass, "1 point is at most 2 points")
            },
            quality,
        ],
        ..worse()
    };
    let alone = Section {
        cascade: "cascades/new.cascade.toml".to_owned(),
        fixtures: "new".to_owned(),
        n: 60,
        verdict: Verdict::Pass,
        changes: None,
        checks: few.checks[..1].to_vec(),
        warnings: vec!["there is no baseline: --update-baseline writes one".to_owned()],
        ..worse()
    };
    Report::new(vec![few, worse(), alone])
}
