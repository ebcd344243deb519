//! What is concluded from which pairs.

use proptest::prelude::*;

use super::*;
use crate::regress::Item;

fn pair(at: usize, base: f64, now: f64) -> Pair {
    let item = |quality| Item { quality, cost_usd: Some(0.01), latency_ms: None };
    Pair {
        segment: 0,
        cluster: u32::try_from(at).unwrap(),
        weight: 1.0,
        turn: u32::try_from(at).unwrap(),
        base: item(base),
        now: item(now),
    }
}

/// `lost` examples, then `gained` ones, the rest right under both.
fn pairs(n: usize, lost: usize, gained: usize) -> Vec<Pair> {
    let of = |at| {
        let (base, now) = if at < lost {
            (1.0, 0.0)
        } else if at < lost + gained {
            (0.0, 1.0)
        } else {
            (1.0, 1.0)
        };
        pair(at, base, now)
    };
    (0..n).map(of).collect()
}

fn swapped(pairs: &[Pair]) -> Vec<Pair> {
    pairs.iter().map(|pair| Pair { base: pair.now, now: pair.base, ..*pair }).collect()
}

fn find<'a>(judged: &'a [Check], name: &str, segment: Option<&str>) -> &'a Check {
    judged.iter().find(|check| check.name == name && check.segment.as_deref() == segment).unwrap()
}

#[test]
fn costs_that_did_not_move_pass_where_examples_are_enough() {
    let cost = |n: usize| find(&judge(&pairs(n, 0, 0), &[], &Rules::default()), "cost-vs-baseline", None).clone();
    // 0.95^58 > 0.05 ≥ 0.95^59.
    assert_eq!([2, 58, 59].map(|n| cost(n).verdict), [Verdict::Inconclusive, Verdict::Inconclusive, Verdict::Pass]);
    let [low, high] = cost(59).interval.unwrap();
    assert!((high - (1.0 - 0.025f64.powf(1.0 / 59.0))).abs() < 1e-12 && (low + high).abs() < 1e-15, "{low} {high}");
    assert!(quality(&pairs(2, 0, 0)).why.contains("of so few examples no loss would have been found"));
}

#[test]
fn what_is_not_concluded_on_decides_nothing() {
    let timed = |pair: Pair| {
        let item = |item: Item| Item { latency_ms: Some(5.0), ..item };
        Pair { base: item(pair.base), now: item(pair.now), ..pair }
    };
    let decides = |lost: usize, cost: f64| {
        let mut pairs: Vec<Pair> = pairs(400, lost, 0).into_iter().map(timed).collect();
        for pair in &mut pairs {
            pair.now.cost_usd = Some(cost);
        }
        let judged = judge(&pairs, &[], &Rules::default());
        ["quality", "cost", "latency"].map(|name| find(&judged, &format!("{name}-vs-baseline"), None).decides)
    };
    assert_eq!(decides(0, 0.01), [true; 3]);
    assert_eq!(decides(0, 0.02), [true, true, false]);
    assert_eq!(decides(40, 0.01), [true, false, false]);
}

fn quality(pairs: &[Pair]) -> Check {
    find(&judge(pairs, &[], &Rules::default()), "quality-vs-baseline", None).clone()
}

#[test]
fn the_three_verdicts() {
    let fail = quality(&pairs(842, 14, 1));
    assert_eq!((fail.verdict, fail.mde), (Verdict::Fail, None));
    assert!(
        fail.why.starts_with("14 examples lost, 1 gained of 842: chance alone would do as much with probability 0.000"),
        "{}",
        fail.why
    );
    let pass = quality(&pairs(842, 3, 2));
    assert_eq!(pass.verdict, Verdict::Pass);
    assert!(pass.why.contains("a loss of 2 points is ruled out; a loss above"), "{}", pass.why);
    assert!(pass.mde.is_some_and(|mde| mde > 0.005 && mde < 0.02), "{pass:?}");
    let unsure = quality(&pairs(100, 3, 2));
    assert_eq!(unsure.verdict, Verdict::Inconclusive);
    assert!(unsure.interval.is_some_and(|[low, high]| low < -0.01 && high > 0.01));
    assert!(unsure.why.contains("is not ruled out"), "{}", unsure.why);
}

#[test]
fn comparisons_that_share_the_level_have_a_part_of_it() {
    let with = |share| {
        let judged = judge(&pairs(842, 9, 0), &[], &Rules { share, ..Rules::default() });
        find(&judged, "quality-vs-baseline", None).clone()
    };
    let (alone, third) = (with(1.0), with(1.0 / 3.0));
    assert_eq!((alone.verdict, third.verdict), (Verdict::Fail, Verdict::Fail));
    let (p, p_third) = (alone.p.unwrap(), third.p.unwrap());
    assert!((p_third - 3.0 * p).abs() < 1e-12, "{p} {p_third}");
    assert!(with(0.05).verdict != Verdict::Fail && with(0.05).p.is_some_and(|p| p > 0.01), "{:?}", with(0.05));
    let mde = |share| find(&judge(&pairs(842, 0, 0), &[], &Rules { share, ..Rules::default() }), "quality-vs-baseline", None).mde;
    assert!(mde(0.1) > mde(1.0), "what has less of the level finds less");
}

#[test]
fn an_unchanged_system_passes_from_149_examples_on_and_could_have_missed_something() {
    assert_eq!(quality(&pairs(148, 0, 0)).verdict, Verdict::Inconclusive);
    let passed = quality(&pairs(150, 0, 0));
    assert_eq!(passed.verdict, Verdict::Pass);
    // A loss that 7 lost examples show, which 0.8 of the draws with a rate of 6 % have.
    assert!(passed.mde.is_some_and(|mde| mde > 0.05 && mde < 0.1), "{passed:?}");
    let none = judge(&[], &[], &Rules::default());
    assert_eq!(none.len(), 1);
    assert_eq!((none[0].verdict, none[0].n), (Verdict::Inconclusive, 0));
}

#[test]
fn a_segment_that_fails_fails_alone_and_others_decide_nothing() {
    let names: Vec<Arc<str>> = ["a", "b"].map(Arc::from).to_vec();
    let mut pairs = pairs(400, 15, 0);
    for pair in pairs.iter_mut().skip(15) {
        pair.segment = 1;
    }
    // Fifteen gains elsewhere hide it from the whole.
    for pair in pairs.iter_mut().skip(385) {
        pair.base.quality = 0.0;
    }
    let judged = judge(&pairs, &names, &Rules::default());
    let (all, a, b) = (
        find(&judged, "quality-vs-baseline", None),
        find(&judged, "quality-vs-baseline", Some("a")),
        find(&judged, "quality-vs-baseline", Some("b")),
    );
    assert_ne!(all.verdict, Verdict::Fail);
    assert_eq!((a.verdict, a.decides, b.decides, all.decides), (Verdict::Fail, false, false, true));
    assert_ne!(b.verdict, Verdict::Fail);
    let cost = find(&judged, "cost-vs-baseline", None);
    assert!(cost.verdict == Verdict::Inconclusive && cost.why.contains("because quality fails"), "{}", cost.why);
    // One segment is all there is.
    assert_eq!(judge(&pairs[..15], &names, &Rules::default()).len(), 2);
}

#[test]
fn costs_fail_where_they_rise_by_more_than_allowed_and_surely() {
    let rules = Rules::default();
    let cost = |pairs: &[Pair]| find(&judge(pairs, &[], &rules), "cost-vs-baseline", None).clone();
    let mut pairs = pairs(300, 0, 0);
    assert_eq!(cost(&pairs).verdict, Verdict::Pass);
    for pair in pairs.iter_mut().take(60) {
        pair.now.cost_usd = Some(0.02);
    }
    let fail = cost(&pairs);
    assert_eq!(fail.verdict, Verdict::Fail);
    assert!(
        fail.why.starts_with("cost rose by 20 %, more than 5 %: chance alone would do as much with probability below 0.0001"),
        "{}",
        fail.why
    );
    assert!(fail.interval.is_some_and(|[low, high]| low > 0.1 && high < 0.3), "{fail:?}");
    // Sure, and of no account.
    for pair in &mut pairs {
        pair.now.cost_usd = Some(0.0103);
    }
    assert_eq!(cost(&pairs).verdict, Verdict::Pass);
    // Much, and by chance.
    for (at, pair) in pairs.iter_mut().enumerate() {
        pair.now.cost_usd = Some(if at < 3 { 1.0 } else { 0.01 });
    }
    let unsure = cost(&pairs);
    assert_eq!(unsure.verdict, Verdict::Inconclusive);
    assert!(unsure.mde.is_some_and(|mde| mde > rules.cost_rise), "{unsure:?}");
    pairs[7].base.cost_usd = None;
    let unknown = cost(&pairs);
    assert_eq!((unknown.verdict, unknown.decides, unknown.value), (Verdict::Inconclusive, false, None));
    assert_eq!(unknown.why, "not judged: the cost of 1 of 300 examples is unknown");
    // A price that was removed is no way past the gate.
    pairs[8].now.cost_usd = None;
    let lost = cost(&pairs);
    assert_eq!((lost.verdict, lost.decides), (Verdict::Inconclusive, true));
    assert!(lost.why.contains("the baseline knows that of 1 of them"), "{}", lost.why);
}

#[test]
fn slower_answers_fail_unless_something_before_does() {
    let mut pairs = pairs(400, 0, 0);
    for (at, pair) in pairs.iter_mut().enumerate() {
        let time = 100.0 + (at * 7919 % 400) as f64;
        pair.base.latency_ms = Some(time);
        pair.now.latency_ms = Some(time + if at % 5 == 0 { 300.0 } else { 0.0 });
    }
    let latency = |pairs: &[Pair]| find(&judge(pairs, &[], &Rules::default()), "latency-vs-baseline", None).clone();
    let slow = latency(&pairs);
    assert_eq!(slow.verdict, Verdict::Fail, "{}", slow.why);
    assert!(slow.value > slow.baseline && slow.why.contains("took more than"));
    assert_ne!(latency(&swapped(&pairs)).verdict, Verdict::Fail);
    for pair in pairs.iter_mut().take(200) {
        pair.now.cost_usd = Some(0.05);
    }
    let shown = latency(&pairs);
    assert!(shown.verdict == Verdict::Inconclusive && shown.why.ends_with("because cost fails"), "{}", shown.why);
    assert_eq!(judge(&pairs, &[], &Rules::default()), judge(&pairs, &[], &Rules::default()));
}

#[test]
fn repeats_of_one_item_count_once() {
    // Twelve rows of one item are lost: one item is.
    let mut clustered = pairs(500, 12, 0);
    for pair in clustered.iter_mut().take(12) {
        pair.cluster = 0;
    }
    let (clustered, plain) = (quality(&clustered), quality(&pairs(500, 12, 0)));
    assert_eq!(plain.verdict, Verdict::Fail);
    assert!(clustered.p.is_some_and(|p| p >= 0.2), "{clustered:?}");
    assert!(clustered.why.starts_with("12 examples fell, 0 rose of 500 in 489 groups"), "{}", clustered.why);
}

#[test]
fn graded_losses_are_found_and_ruled_out() {
    let shifted = |n: usize, by: f64| -> Vec<Pair> {
        (0..n)
            .map(|at| (at, 0.3 + (at * 7919 % 97) as f64 / 200.0))
            .map(|(at, base)| {
                let noise = ((at * 104_729 % 89) as f64 / 89.0 - 0.5) * 0.1;
                pair(at, base, base + noise - by)
            })
            .collect()
    };
    assert_eq!(quality(&shifted(300, 0.03)).verdict, Verdict::Fail);
    assert_eq!(quality(&shifted(600, 0.0)).verdict, Verdict::Pass);
    assert_eq!(quality(&shifted(30, 0.0)).verdict, Verdict::Inconclusive);
    let [low, high] = quality(&shifted(300, 0.03)).interval.unwrap();
    assert!(low < -0.03 && -0.03 < high && high < -0.02, "{low} {high}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    #[test]
    fn equal_weights_are_none(lost in 0usize..40, gained in 0usize..40) {
        let plain = pairs(300, lost, gained);
        let weighted: Vec<Pair> = plain.iter().map(|pair| Pair { weight: 2.0, ..*pair }).collect();
        let rules = Rules::default();
        let of = |pairs: &[Pair]| Quality::of(&pairs.iter().collect::<Vec<_>>(), &rules);
        let (plain, weighted) = (of(&plain), of(&weighted));
        prop_assert!(plain.whole && !weighted.whole);
        prop_assert!((plain.test.p - weighted.test.p).abs() < 1e-12);
        prop_assert!((plain.detectable(0.01, 0.8) - weighted.detectable(0.01, 0.8)).abs() < 1e-12);
    }

    #[test]
    fn exchanging_base_and_now_turns_directions_around(lost in 0usize..30, gained in 0usize..30, extra in 0usize..300) {
        let pairs = pairs(lost + gained + 60 + extra, lost, gained);
        let (there, back) = (quality(&pairs), quality(&swapped(&pairs)));
        let ([low, high], [other_low, other_high]) = (there.interval.unwrap(), back.interval.unwrap());
        prop_assert!((low + other_high).abs() < 1e-9 && (high + other_low).abs() < 1e-9);
        prop_assert!(there.verdict != Verdict::Fail || back.verdict != Verdict::Fail);
        prop_assert!(there.value == back.baseline);
        prop_assert!(there.mde.is_none() || back.mde.is_none() || there.mde == back.mde);
    }

    #[test]
    fn verdicts_are_monotone_in_losses_and_gains(n in 60usize..600, lost in 0usize..25, gained in 0usize..25) {
        let rank = |verdict| match verdict { Verdict::Pass => 0, Verdict::Inconclusive => 1, Verdict::Fail => 2 };
        let of = |lost, gained| rank(quality(&pairs(n, lost, gained)).verdict);
        prop_assert!(of(lost + 1, gained) >= of(lost, gained));
        prop_assert!(of(lost, gained + 1) <= of(lost, gained));
    }

    #[test]
    fn unchanged_examples_never_make_a_loss_less_significant(n in 60usize..300, lost in 0usize..25, gained in 0usize..25) {
        prop_assert!(quality(&pairs(n + 50, lost, gained)).p == quality(&pairs(n, lost, gained)).p);
        let (few, many) = (quality(&pairs(n, lost, gained)).mde, quality(&pairs(n + 50, lost, gained)).mde);
        prop_assert!(few.zip(many).is_none_or(|(few, many)| many <= few));
    }
}
