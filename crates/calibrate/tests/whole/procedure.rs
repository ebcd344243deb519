//! The procedure as a whole.

use tierfall_calibrate::ask::{Ask, BySegment, ExtraPoint, SignalChoice, Target};
use tierfall_calibrate::evaluate::evaluate;
use tierfall_calibrate::observations::{Builder, Cell, Observations, Row, TierSpec};
use tierfall_calibrate::procedure::{FitError, Outcome, calibrate, runnable};
use tierfall_calibrate::quality::Quality;
use tierfall_calibrate::view::{Held, View};
use tierfall_core::fit::{Fit, Provenance, Status};
use tierfall_core::number::Score;

use crate::population::{Population, ask, draw, named};

/// As the command makes it.
pub(crate) fn fit(outcome: &Outcome) -> Fit {
    Fit {
        version: 1,
        cascade: String::new(),
        salt: "salt".into(),
        provenance: Provenance { n: outcome.report.n, seen: outcome.seen.clone(), ..Provenance::default() },
        tier: outcome.tiers.clone(),
        point: outcome.points.clone(),
    }
}

fn run(observations: &Observations, ask: &Ask) -> Outcome {
    calibrate(observations, 0, ask, |_| {}).unwrap()
}

#[test]
fn what_is_expected_is_what_happens() {
    let outcome = run(&draw(Population::default()), &ask(0.02));
    let report = &outcome.report;
    assert_eq!(report.status, Status::Certified, "{}", report.why);
    let estimate = report.estimate.as_ref().unwrap();
    let fresh = draw(Population { items: 40_000, seed: 2, ..Population::default() });
    let held = Held::unseen(View::all(&fresh), &outcome.seen).unwrap();
    let truth = evaluate(&held, &fit(&outcome), None, 0).unwrap();
    assert!(truth.loss_vs_last.value <= 0.02, "{:?}", truth.loss_vs_last);
    assert!(truth.promise.as_ref().unwrap().met);
    assert!(
        estimate.accuracy.unwrap().low < truth.accuracy.value && truth.accuracy.value < estimate.accuracy.unwrap().high,
        "{estimate:?} {:?}",
        truth.accuracy
    );
    let (expected, real) = (estimate.cost_ratio.unwrap(), truth.cost_ratio.unwrap());
    assert!((expected - real).abs() < 0.1, "{expected} {real}");
    assert!(real < 0.8, "{real}");
}

#[test]
fn an_estimate_is_not_that_of_the_rows_that_were_fitted() {
    // The signal knows nothing, so a cut that loses nothing where it was chosen loses on other rows. 160 times, to average out luck.
    let (mut expected, mut truth) = (0.0, 0.0);
    for seed in 0..160 {
        let observations = draw(Population { items: 80, seed, ..Population::default() });
        let mut ask = ask(0.0);
        ask.delta = None;
        ask.signals = vec![named("noise"), named("noise")];
        let report = run(&observations, &ask).report;
        assert_eq!(report.status, Status::Uncertified);
        let estimate = report.estimate.unwrap();
        expected += estimate.loss_vs_last.unwrap().value / 160.0;
        truth += estimate.loss_vs_last.unwrap().high / 160.0;
    }
    assert!(expected > 0.003, "{expected}");
    assert!(truth < 0.5, "{truth}");
}

#[test]
fn the_result_is_the_same_for_any_number_of_threads_and_twice() {
    let observations = draw(Population { segments: 3, ..Population::default() });
    let mut ask = ask(0.03);
    ask.signals = vec![SignalChoice::Auto, SignalChoice::Fuse(vec!["sure".into(), "noise".into()])];
    ask.points = vec![ExtraPoint { name: "careful".into(), target: 0.01 }];
    ask.by_segment = Some(BySegment::Each);
    let on = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        format!("{:?}", pool.install(|| run(&observations, &ask)))
    };
    let one = on(1);
    assert_eq!(one, on(5));
    assert_eq!(one, on(1));
}

#[test]
fn rows_of_an_item_count_once() {
    let plain = run(&draw(Population { items: 300, ..Population::default() }), &ask(0.05)).report;
    let repeated = run(&draw(Population { items: 300, repeats: 5, ..Population::default() }), &ask(0.05)).report;
    assert_eq!((repeated.n, repeated.n_items, plain.n_items), (1500, 300, 300));
    let width = |report: &tierfall_calibrate::report::Calibration| {
        let accuracy = report.estimate.as_ref().unwrap().accuracy.unwrap();
        accuracy.high - accuracy.low
    };
    // Repeats average out slips, not the ease of the items.
    assert!(width(&repeated) > 0.7 * width(&plain), "{} {}", width(&repeated), width(&plain));
    assert!(repeated.warnings.iter().any(|warning| warning.contains("repeat")), "{:?}", repeated.warnings);
}

#[test]
fn unknown_costs_stay_unknown() {
    let report = run(&draw(Population { costs: false, ..Population::default() }), &ask(0.03)).report;
    let estimate = report.estimate.as_ref().unwrap();
    assert_eq!((estimate.cost_usd, estimate.cost_last, estimate.cost_ratio), (None, None, None));
    assert!(report.baselines.values().all(|spot| spot.cost_usd.is_none()));
    assert!(report.frontier.iter().all(|point| point.cost_usd.is_none()));
    assert!(report.warnings.iter().any(|warning| warning.contains("cost")), "{:?}", report.warnings);
}

#[test]
fn too_few_labels_leave_the_last_tier_in_force() {
    let outcome = run(&draw(Population { items: 40, ..Population::default() }), &ask(0.01));
    let report = &outcome.report;
    assert_eq!(report.status, Status::Inconclusive, "{}", report.why);
    assert_eq!(report.chain, ["large"]);
    let estimate = report.estimate.as_ref().unwrap();
    assert_eq!((estimate.loss_vs_last.unwrap().low, estimate.loss_vs_last.unwrap().high), (0.0, 0.0));
    assert!(estimate.cost_ratio.is_some_and(|ratio| (ratio - 1.0).abs() < 1e-12), "{estimate:?}");
    assert!(report.needed_n.is_some_and(|n| n.from > 40), "{:?}", report.needed_n);
    assert!(outcome.points[0].cuts.iter().all(|cut| !cut.asked));
}

#[test]
fn the_signal_that_knows_is_picked_and_noise_is_not() {
    let mut ask = ask(0.03);
    ask.signals = vec![SignalChoice::Auto, SignalChoice::Auto];
    for items in [600, 2000] {
        let report = run(&draw(Population { items, ..Population::default() }), &ask).report;
        let chosen: Vec<&str> =
            report.signal_table.iter().filter(|row| row.chosen && row.tier == "small").map(|row| row.signal.as_str()).collect();
        assert!(chosen.contains(&"sure"), "{items}: {chosen:?}");
        assert_eq!(report.status, Status::Certified, "{}", report.why);
    }
}

#[test]
fn fused_scores_are_certified_only_on_rows_that_did_not_train_them() {
    let mut ask = ask(0.03);
    let fused = SignalChoice::Fuse(vec!["sure".into(), "noise".into()]);
    ask.signals = vec![fused.clone(), fused];
    let few = run(&draw(Population { items: 900, ..Population::default() }), &ask).report;
    // Where a single signal ranks as well as its fusion with noise nothing was trained, but it was chosen on these rows.
    assert_eq!((few.status, few.guarantee), (Status::Uncertified, None), "{:?}", few.signals);
    let many = run(&draw(Population { items: 3000, ..Population::default() }), &ask).report;
    assert_eq!(many.status, Status::Certified, "{}", many.why);
    let statement = many.guarantee.unwrap().statement;
    let fixtures: usize = statement.split("the ").find_map(|part| part.split(' ').next()?.parse().ok()).unwrap();
    assert!((1600..2000).contains(&fixtures), "certified on 60 in 100 of 3000: {statement}");
}

#[test]
fn a_point_that_is_more_careful_escalates_more() {
    let mut ask = ask(0.05);
    ask.points = vec![ExtraPoint { name: "careful".into(), target: 0.02 }];
    let report = run(&draw(Population { items: 3000, ..Population::default() }), &ask).report;
    let ratio = |at: usize| report.points[at].estimate.as_ref().unwrap().cost_ratio.unwrap();
    assert_eq!(report.points[1].name, "careful");
    assert!(ratio(0) < ratio(1), "{} {}", ratio(0), ratio(1));
    assert!(report.frontier.iter().any(|point| point.certified) && report.frontier.len() <= 200);
}

#[test]
fn accuracy_targets_beyond_every_tier_are_infeasible() {
    let mut ask = ask(0.0);
    ask.target = Target::Accuracy(0.999);
    let report = run(&draw(Population::default()), &ask).report;
    assert_eq!(report.status, Status::Infeasible, "{}", report.why);
    assert!(report.attainable.is_some_and(|attainable| (0.5..0.95).contains(&attainable)), "{:?}", report.attainable);
}

#[test]
fn rows_that_were_fitted_on_cannot_judge() {
    let observations = draw(Population::default());
    let outcome = run(&observations, &ask(0.03));
    let overlap = Held::unseen(View::all(&observations), &outcome.seen).unwrap_err();
    assert_eq!((overlap.seen, overlap.n), (1500, 1500));
    let (held, _) = Held::overlapping(View::all(&observations), &outcome.seen);
    let told = evaluate(&held, &fit(&outcome), None, 0).unwrap();
    assert!(told.warnings[0].contains("1500"), "{:?}", told.warnings);
}

#[test]
fn what_cannot_be_asked_is_said() {
    let observations = draw(Population { items: 50, ..Population::default() });
    let mut wrong = ask(0.02);
    wrong.signals.pop();
    assert_eq!(calibrate(&observations, 0, &wrong, |_| {}).unwrap_err(), FitError::Signals { found: 1, expected: 2 });
    wrong.signals.push(named("margin"));
    let told = calibrate(&observations, 0, &wrong, |_| {}).unwrap_err().to_string();
    assert!(told.contains("margin") && told.contains("sure, noise"), "{told}");
}

#[test]
fn a_refused_signal_keeps_its_share_of_the_error() {
    // The lengths rank as well as any signal does: all are refused but perhaps one, which must not get the whole of δ for that.
    let mut ask = ask(0.1);
    ask.signals = vec![SignalChoice::Auto, SignalChoice::Auto];
    let shared = |lengths: bool| {
        let report = run(&draw(Population { items: 900, lengths, ..Population::default() }), &ask).report;
        report.warnings.iter().any(|warning| warning.contains("2 candidate signals share"))
    };
    assert!(shared(false) && shared(true));
}

#[test]
fn segments_pay_for_the_choice_of_a_signal_as_well() {
    let observations = draw(Population { items: 900, segments: 2, ..Population::default() });
    let mut ask = ask(0.1);
    ask.by_segment = Some(BySegment::Each);
    ask.signals = vec![SignalChoice::Auto, SignalChoice::Auto];
    let report = run(&observations, &ask).report;
    let delta = |guarantee: &Option<tierfall_core::fit::Guarantee>| guarantee.as_ref().map(|found| found.delta);
    assert_eq!(delta(&report.guarantee), Some(0.1));
    for segment in &report.segments {
        let (found, statement) = (delta(&segment.guarantee), &segment.guarantee.as_ref().unwrap().statement);
        assert!(found.is_some_and(|found| (found - 0.05).abs() < 1e-12) && statement.contains(">= 0.95 "), "{statement}");
    }
    let fused = SignalChoice::Fuse(vec!["sure".into(), "noise".into()]);
    ask.signals = vec![fused.clone(), fused];
    let report = run(&observations, &ask).report;
    let nothing =
        |segment: &tierfall_calibrate::report::SegmentReport| segment.guarantee.is_none() && segment.status != Status::Certified;
    assert!(report.segments.iter().all(nothing), "{:?}", report.segments);
}

#[test]
fn where_no_gate_ever_has_a_value_no_number_of_labels_is_asked_for() {
    let mute = |tiers: [bool; 2]| {
        let spec = |name: &str, signals: &[&str]| TierSpec {
            name: name.into(),
            signals: signals.iter().map(|signal| (*signal).into()).collect(),
            judge: None,
        };
        let mut table = Builder::new(vec![spec("small", &["sure"]), spec("medium", &["sure"]), spec("large", &[])], "salt");
        for at in 0..300_u32 {
            let right = |often: u32| Quality::new(f64::from(u8::from(at % often > 0))).unwrap();
            let score = |mute: bool| [Score::new(f64::from(at % 17)).filter(|_| !mute)];
            let (small, medium, id) = (score(tiers[0]), score(tiers[1]), at.to_string());
            let cells = [Cell::graded(right(3), &small), Cell::graded(right(5), &medium), Cell::graded(right(9), &[])];
            table.push(&Row { id: &id, segment: None, stratum: None, group: None, weight: None, tiers: &cells }).unwrap();
        }
        table.finish()
    };
    let asked = ask(0.05);
    let refused = runnable(&mute([true, true]), &asked).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "no gate ever has a value: tier \"small\" has `sure`, tier \"medium\" has `sure` in none of 300 rows. Such a gate passes \
         everything on, so that nothing is saved, and no number of labels changes that"
    );
    // The last tier alone may be right often enough, and without a promise whatever is best may be taken.
    for other in [Ask { target: Target::Accuracy(0.8), ..asked.clone() }, Ask { delta: None, ..asked.clone() }] {
        assert!(calibrate(&mute([true, true]), 0, &other, |_| {}).is_ok());
    }
    // One gate that has none is no more than that.
    let said = run(&mute([true, false]), &asked).report.warnings;
    let never = "tier \"small\" has `sure` in no row: its gate passes everything on, and no number of labels changes that";
    assert!(said.iter().any(|said| said == never), "{said:?}");
    assert!(run(&mute([false, false]), &asked).report.warnings.iter().all(|said| !said.contains("passes everything on")));
}

#[test]
fn of_free_tiers_the_last_is_asked_as_seldom_as_may_be() {
    let mut free = draw(Population { costs: false, ..Population::default() });
    assert!(run(&free, &ask(0.03)).report.saves);
    free = draw(Population { free: true, ..Population::default() });
    let report = run(&free, &ask(0.03)).report;
    assert!(report.saves, "{}", report.why);
    let estimate = report.estimate.unwrap();
    assert_eq!((estimate.cost_usd, estimate.cost_last, estimate.cost_ratio), (Some(0.0), Some(0.0), None));
}
