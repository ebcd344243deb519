use tierfall_core::fit::Status;

use tierfall_calibrate::report::{Advice, Calibration, Evaluation};
use tierfall_core::fit::Provenance;

use super::page;
use crate::render::{self, sample};

fn calibration(report: &Calibration, provenance: &Provenance, name: &str) -> String {
    page(&render::calibration::calibration(report, provenance, name, &[]))
}

fn evaluation(report: &Evaluation, by_segment: bool) -> String {
    page(&render::evaluation::evaluation(report, &sample::provenance(), "support", "test", by_segment))
}

fn advice(report: &Advice) -> String {
    page(&render::advice::advice(report, "support"))
}

/// What the report of a calibration must never lose.
#[test]
fn the_certificate_stands_before_everything_else() {
    let report = sample::calibration();
    let html = calibration(&report, &sample::provenance(), "support");
    let place = |text: &str| html.find(text).unwrap_or_else(|| panic!("{text} is not in the report"));
    let statement = report.guarantee.unwrap().statement.replace(">=", "&gt;=").replace("<=", "&lt;=");
    assert!(place("<h1>Certified") < place(&statement));
    assert!(place(&statement) < place("class=\"tiles\"") && place("class=\"tiles\"") < place("<svg"));
    for text in
        ["Warnings", "oracle", "careful", "greetings and invoices", "entropy", "sha256:9ab3d2", "62 %", "class=\"promised\""]
    {
        place(text);
    }
}

#[test]
fn a_report_needs_nothing_from_elsewhere() {
    let all = [
        calibration(&sample::calibration(), &sample::provenance(), "support"),
        evaluation(&sample::evaluation(), false),
        advice(&sample::advice()),
    ];
    for html in all {
        for forbidden in ["http", "<script", "url(", "@import", "src=", "<link"] {
            assert!(!html.contains(forbidden), "{forbidden}");
        }
        assert_eq!(html.matches("<svg").count(), html.matches("role=\"img\"").count(), "every drawing has a name");
        assert_eq!(html.matches("<svg").count(), html.matches("<desc").count());
        balanced(&html);
    }
}

#[test]
fn names_cannot_become_markup() {
    let mut report = sample::calibration();
    let evil = "<script>alert(1)</script>\" onload=\"x";
    for tier in report.chain.iter_mut().chain(&mut report.declared_chain).filter(|tier| *tier == "large") {
        evil.clone_into(tier);
    }
    report.warnings.push(evil.to_owned());
    report.segments[0].segment = evil.to_owned();
    report.tiers[0].tier = evil.to_owned();
    report.frontier[0].chain = vec![evil.to_owned()];
    report.baselines = report.baselines.into_iter().map(|(name, spot)| (format!("{name}{evil}"), spot)).collect();
    report.points[1].name = evil.to_owned();
    let html = calibration(&report, &sample::provenance(), evil);
    assert!(!html.contains("<script") && !html.contains("\" onload=\""), "markup got through");
    assert!(html.contains("&lt;script&gt;alert(1)"));
    balanced(&html);
}

#[test]
fn what_is_unknown_is_said_and_not_drawn() {
    let mut report = sample::calibration();
    report.status = Status::Inconclusive;
    report.guarantee = None;
    report.needed_n = Some(2_300);
    report.chain = vec!["large".to_owned()];
    (report.thresholds, report.raw_thresholds, report.ties) = (vec![], vec![], vec![]);
    for spot in report.baselines.values_mut() {
        (spot.cost_usd, spot.cost_ratio) = (None, None);
    }
    for point in &mut report.frontier {
        point.cost_usd = None;
    }
    report.estimate = None;
    report.tiers[0].bins.clear();
    report.tiers[0].risk_coverage.clear();
    let html = calibration(&report, &sample::provenance(), "support");
    for text in ["Costs are unknown", "There is no promise", "About 2,300", "answers everything", "No score map"] {
        assert!(html.contains(text), "{text}");
    }
    assert!(!html.contains("NaN") && !html.contains(">inf"));
    balanced(&html);
}

#[test]
fn thresholds_by_segment_are_not_shown_as_one_policy() {
    let mut report = sample::calibration();
    let render = |report: &Calibration| calibration(report, &sample::provenance(), "support");
    let html = render(&report);
    assert!(html.find("<p class=\"soft\">by segment, as the table below says").unwrap() < html.find("class=\"chain\"").unwrap());
    assert!(html.contains("by segment, else medium") && html.contains("of what reaches it, 10.1 % of them wrong"));
    assert!(!html.contains("its cut<"), "no gate sees all requests, so what one accepts is no point of a curve over all");
    report.segments.clear();
    let html = render(&report);
    assert!(!html.contains("by segment, else") && !html.contains("by segment, as"));
    assert_eq!(html.matches("its cut<").count(), 1, "the first gate in force");
    assert!(html.contains("At its cut it accepts 47.8 % of the requests"));
    // The second gate of a longer chain sees what the first one passes on.
    report.chain.insert(0, "small".to_owned());
    assert!(!render(&report).contains("its cut<"));
    let judged = |by_segment| evaluation(&sample::evaluation(), by_segment);
    assert!(judged(true).contains("by segment, as the fit has it") && !judged(true).contains("its cut<"));
    assert!(!judged(false).contains("by segment, as the fit has it") && judged(false).contains("its cut<"));
}

#[test]
fn a_drawing_says_what_its_dots_are() {
    let html = advice(&sample::advice());
    assert!(html.contains("<b>chains of several tiers, each at its best trade-off</b>"));
    assert!(
        !html.contains("of 0 policies") && html.contains("small → medium → large: 77.1 % right, 64 % of always asking large.")
    );
    let html = calibration(&sample::calibration(), &sample::provenance(), "support");
    let curve = html.split("</svg>").next().unwrap();
    let last = |class: &str| curve.rfind(&format!("class=\"{class}\"")).unwrap();
    assert!(last("dot-chosen") > last("dot-point") && last("dot-chosen") > last("dot"), "nothing hides what is in force");
    assert!(html.contains("<b>further operating points, as expected on new requests</b>"));
}

/// Every element ends, in order.
#[track_caller]
fn balanced(html: &str) {
    let mut open: Vec<&str> = Vec::new();
    let body = html.split_once("</style>").map_or(html, |(_, body)| body);
    for tag in body.split('<').skip(1).map(|rest| rest.split('>').next().unwrap_or_default()) {
        let name = tag.trim_start_matches('/').split(' ').next().unwrap_or_default();
        if tag.starts_with('/') {
            let expected = if ["head", "html"].contains(&name) { name } else { open.pop().unwrap_or("nothing") };
            assert_eq!(name, expected, "</{name}> closes <{expected}>");
        } else {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "{open:?} stay open");
}
