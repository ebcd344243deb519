use std::collections::BTreeMap;

use tierfall_core::fit::{Status, TargetFit};

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

/// What the header says: its tone, then a line for every badge, paragraph and number.
fn header(html: &str) -> String {
    let (tone, rest) = html.split_once("<header class=\"verdict ").unwrap().1.split_once("\">").unwrap();
    format!("{tone}\n{}", lines(rest.split_once("</header>").unwrap().0))
}

/// The text of markup, a line an element that is set on its own; words in a badge in brackets.
fn lines(html: &str) -> String {
    let mut text = String::new();
    for piece in html.split('<') {
        let (tag, said) = piece.split_once('>').unwrap_or(("", piece));
        text += match tag {
            badge if badge.contains("\"badge ") => "\n[",
            "h1" | "h2" | "p" | "li" | "blockquote" => "\n",
            open if open.starts_with("p ") => "\n",
            "/span" if text.rsplit('\n').next().is_some_and(|line| line.starts_with('[')) => "]",
            _ => "",
        };
        text += said;
    }
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// The numbers that stand large below a heading.
fn numbers(html: &str, heading: &str) -> String {
    let (_, rest) = html.split_once(&format!("<h2>{heading}</h2>")).unwrap();
    lines(rest.split_once("</ul>").unwrap().0)
}

#[test]
fn a_page_begins_with_what_it_is_about_what_it_comes_to_and_what_is_promised() {
    let html = calibration(&sample::calibration(), &sample::provenance(), "support");
    insta::assert_snapshot!(header(&html), @"
    good
    support · at most 5 points worse than always large · 840 labelled examples
    [certified]
    [inconclusive: rest]
    Certified: at most 5 points worse than always large
    The loss against always large is at most 4.6 points, at 90 %; 5 points were asked for. (840 labelled examples, 3 left out)
    If future requests are drawn from the same distribution as the 840 fixtures, and quality labels are correct, then with probability &gt;= 0.9 over the draw of the fixtures the deployed policy satisfies E[quality(large) - quality(cascade)] &lt;= 0.05.
    bound ≤ 4.6 points with probability 90 %, by an exact test of the requests on which the two differ
    ");
    insta::assert_snapshot!(numbers(&html, "expected"), @"
    75.2 % right (72.4 to 78)
    2.4 points worse than always large (1.2 to 3.6)
    would cost 62 % of always asking large: $0.0000573 a query instead of $0.000092
    ");
    let html = evaluation(&sample::evaluation(), false);
    insta::assert_snapshot!(header(&html), @"
    good
    support · point default · 840 requests of test
    75.7 % right, 2.4 points worse than always large, at 62 % of the cost
    ✓ These requests keep the promise of at most 5 points worse than always large.
    If future requests are drawn from the same distribution as the 840 fixtures, and quality labels are correct, then with probability &gt;= 0.9 over the draw of the fixtures the deployed policy satisfies E[quality(large) - quality(cascade)] &lt;= 0.05.
    ");
    insta::assert_snapshot!(numbers(&html, "measured"), @"
    75.7 % right (72.8 to 78.6); always large 78.1 %
    2.4 points worse than always large (1.1 to 3.7)
    costs 62 % of always asking large: $0.000057 a query instead of $0.000092
    takes 412 ms on average, 95 of 100 within 1310 ms; always large 603 ms, 1405 ms
    ");
    insta::assert_snapshot!(header(&advice(&sample::advice())), @"
    strong
    support · small → medium → large · 840 labelled examples
    Leave out small: medium → large costs 1 point less at equal quality.
    In greetings small earns its call: a rule that enters there at small saves 10 points.
    (840 labelled examples; everything is cross-fitted, and intervals hold 95 %)
    ");
}

#[test]
fn a_verdict_that_is_no_promise_has_no_badge_of_one() {
    let mut report = sample::calibration();
    report.guarantee = None;
    report.segments.clear();
    report.points.truncate(1);
    report.points[0].guarantee = None;
    let mut of = |status, target: TargetFit, needed_n, attainable| {
        (report.status, report.points[0].status) = (status, status);
        (report.target, report.needed_n, report.attainable) = (target, needed_n, attainable);
        header(&calibration(&report, &sample::provenance(), "support")).to_lowercase()
    };
    let inconclusive = of(
        Status::Inconclusive,
        TargetFit::MaxLoss(0.05),
        Some(tierfall_calibrate::stat::plan::Needed { from: 2_300, to: Some(2_300) }),
        None,
    );
    insta::assert_snapshot!(inconclusive, @"
    unsure
    support · at most 5 points worse than always large · 840 labelled examples
    [inconclusive]
    inconclusive: too few examples to promise at most 5 points worse than always large
    the loss against always large is at most 4.6 points, at 90 %; 5 points were asked for. (840 labelled examples, 3 left out)
    about 2,300 labelled examples would do, if they are like these.
    there is no promise about new requests.
    promised as a whole nothing
    examples needed about 2,300 for this target with 80 % probability
    ");
    let infeasible = of(Status::Infeasible, TargetFit::Accuracy(0.99), None, Some(0.866));
    insta::assert_snapshot!(infeasible, @"
    bad
    support · at least 99 % right · 840 labelled examples
    [infeasible]
    infeasible: no number of examples lets this chain promise at least 99 % right
    the loss against always large is at most 4.6 points, at 90 %; 5 points were asked for. (840 labelled examples, 3 left out)
    attainable here: ≥ 86.6 %.
    there is no promise about new requests.
    promised as a whole nothing
    attainable here ≥ 86.6 %
    ");
    let uncertified = of(Status::Uncertified, TargetFit::MaxCost(0.001), None, None);
    insta::assert_snapshot!(uncertified, @"
    strong
    support · at most $0.001 a query · 840 labelled examples
    [uncertified]
    uncertified: fitted for at most $0.001 a query, without a promise
    the loss against always large is at most 4.6 points, at 90 %; 5 points were asked for. (840 labelled examples, 3 left out)
    there is no promise about new requests.
    promised as a whole nothing
    ");
}

#[test]
fn parts_of_another_verdict_stand_beside_that_of_the_whole() {
    let mut report = sample::calibration();
    let badges = |report: &Calibration| {
        let text = header(&calibration(report, &sample::provenance(), "support"));
        text.lines().filter(|line| line.starts_with('[')).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(badges(&report), "[certified] [inconclusive: rest]");
    report.points[1].status = Status::Infeasible;
    assert_eq!(badges(&report), "[certified] [inconclusive: rest] [infeasible: careful]");
    report.segments = std::iter::repeat_n(report.segments[2].clone(), 5).collect();
    assert_eq!(badges(&report), "[certified] [inconclusive: rest, rest, rest, rest and rest] [infeasible: careful]");
    (report.status, report.guarantee, report.points[0].status) = (Status::Inconclusive, None, Status::Inconclusive);
    assert_eq!(badges(&report), "[inconclusive] [infeasible: careful]");
    report.points[1].status = Status::Certified;
    assert_eq!(badges(&report), "[inconclusive] [certified: careful]");
    report.points[1].guarantee = sample::calibration().guarantee;
    let page = calibration(&report, &sample::provenance(), "support");
    assert!(page.contains("There is no promise about new requests as a whole; the tables say where there is one."));
}

#[test]
fn a_page_of_an_evaluation_has_the_colour_of_what_it_says_of_the_promise() {
    let mut report = sample::evaluation();
    let mut tone = |met, p_broken| {
        if let Some(promise) = &mut report.promise {
            (promise.met, promise.p_broken) = (met, p_broken);
        }
        header(&evaluation(&report, false)).lines().next().unwrap().to_owned()
    };
    assert_eq!([tone(true, 0.9), tone(false, 0.3), tone(false, 0.01)], ["good", "unsure", "bad"]);
    report.promise = None;
    let html = evaluation(&report, false);
    assert!(header(&html).starts_with("strong\n") && html.contains("No promise of the fit was held"));
}

#[test]
fn no_number_is_no_frame_for_one() {
    let mut report = sample::calibration();
    if let Some(estimate) = &mut report.estimate {
        (estimate.accuracy, estimate.loss_vs_last, estimate.cost_ratio) = (None, None, None);
    }
    let html = calibration(&report, &sample::provenance(), "support");
    assert_eq!(html.matches("class=\"tiles\"").count(), 1, "the bound alone");
    assert!(html.contains("cannot be told: some answers have no grade") && html.contains("unknown cost"));
    for html in [html, evaluation(&sample::evaluation(), false), advice(&sample::advice())] {
        assert!(!html.contains("<strong></strong>") && !html.contains("<ul class=\"tiles\"></ul>"));
    }
}

/// The rows that are set off, by their names, a table each.
fn chosen(html: &str) -> BTreeMap<String, Vec<String>> {
    let tables = html.split("<h2>").filter_map(|part| part.split_once("</h2><div class=\"scroll\">"));
    let rows = |table: &str| -> Vec<String> {
        let rows = table.split("<tr class=\"chosen\"><th scope=\"row\">").skip(1);
        rows.map(|row| row.split_once("</th>").unwrap().0.to_owned()).collect()
    };
    tables.map(|(title, table)| (title.to_owned(), rows(table))).filter(|(_, rows)| !rows.is_empty()).collect()
}

#[test]
fn what_is_in_force_or_to_be_looked_at_is_set_off() {
    let all = [
        calibration(&sample::calibration(), &sample::provenance(), "support"),
        evaluation(&sample::evaluation(), false),
        advice(&sample::advice()),
    ];
    insta::assert_debug_snapshot!(all.map(|html| chosen(&html)), @r#"
    [
        {
            "Operating points": [
                "default",
            ],
            "Signals": [
                "small",
                "medium",
            ],
        },
        {
            "By segment": [
                "refunds",
            ],
        },
        {
            "Every sub-chain": [
                "medium → large",
                "large",
            ],
        },
    ]
    "#);
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
    (report.points[1].status, report.segments[0].status) = (Status::Infeasible, Status::Infeasible);
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
    report.needed_n = Some(tierfall_calibrate::stat::plan::Needed { from: 2_300, to: Some(2_300) });
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
