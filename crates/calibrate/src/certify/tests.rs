//! End to end: what is certified, and that it is what brute force certifies.

mod judged;

use std::borrow::Cow;

use proptest::prelude::*;
use serde_json::Value;
use tierfall_core::number::{Score, Threshold};

use super::sample::{table, tie};
use super::*;
use crate::ask::{Ask, BySegment, Delta, ExtraPoint, LatencyLimit};
use crate::observations::hashed;
use crate::policy::Thresholds;
use crate::quality::Quality;
use crate::stat::{binomial, trinomial};
use crate::table::Table;

fn ask(target: Target, delta: f64) -> Ask {
    Ask {
        target,
        delta: Delta::new(delta),
        signals: Vec::new(),
        points: Vec::new(),
        latency: None,
        by_segment: None,
        max_depth: 1,
        people_at_random: true,
        seed: 1,
        earlier: 0,
    }
}

fn input(table: Table<'_>) -> Input<'_> {
    Input { certify: table, tune: None, segments: None, labels: Labels::Human }
}

/// `n` rows of `tiers` tiers whose gate values are probabilities of being right, each tier better than the one before.
fn honest(n: usize, tiers: usize) -> Table<'static> {
    let uniform = |row: usize, salt: u64| hashed(salt, row as u64) as f64 / 2f64.powi(64);
    let p = |row: usize, tier: usize| {
        let hard = uniform(row, 1).powi(2);
        (1.0 - hard * (0.9 - 0.4 * tier as f64)).clamp(0.02, 0.99)
    };
    let values: Vec<Vec<f64>> = (0..tiers - 1).map(|tier| (0..n).map(|row| p(row, tier)).collect()).collect();
    let right: Vec<Vec<bool>> = (0..tiers).map(|tier| (0..n).map(|row| uniform(row, 2) < p(row, tier)).collect()).collect();
    let orders: Vec<f64> = (0..n).map(tie).collect();
    let (values, right): (Vec<&[f64]>, Vec<&[bool]>) =
        (values.iter().map(|v| &**v).collect(), right.iter().map(|r| &**r).collect());
    table(&values, &right, &orders)
}

#[test]
fn pairs_agree_with_the_reference_vectors() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/stat_vectors.json");
    let Ok(text) = std::fs::read_to_string(path) else {
        println!("skipped: no reference vectors beside the repository");
        return;
    };
    let vectors: Value = serde_json::from_str(&text).unwrap();
    let block = &vectors["calibrate_pairs_fst"];
    let column = |key: &str, at: usize| block[key].as_array().unwrap().iter().map(move |row| row[at].as_f64().unwrap());
    let values: Vec<Vec<f64>> = (0..2).map(|tier| column("scores", tier).collect()).collect();
    let right: Vec<Vec<bool>> = (0..3).map(|tier| column("quality", tier).map(|q| q > 0.5).collect()).collect();
    let (values, right): (Vec<&[f64]>, Vec<&[bool]>) =
        (values.iter().map(|v| &**v).collect(), right.iter().map(|r| &**r).collect());
    let mut table = table(&values, &right, &vec![0.0; right[0].len()]);
    for (tier, cost) in table.tiers.iter_mut().zip(block["tier_cost"].as_array().unwrap()) {
        tier.cost = Some(Cow::Owned(vec![usd(cost.as_f64().unwrap()).pico().try_into().unwrap(); right[0].len()]));
    }
    let (mut cases, mut beyond) = (0, 0);
    for case in block["cases"].as_array().unwrap() {
        let number = |key: &str| case[key].as_f64().unwrap();
        let target = match case["mode"].as_str().unwrap() {
            "rel" => Target::MaxLoss(number("target")),
            _ => Target::Accuracy(1.0 - number("target")),
        };
        let found = certify(&input(table.clone()), &ask(target, number("delta"))).unwrap().points.remove(0);
        let expected = &case["expected"];
        let pair: Vec<usize> =
            expected["pair"].as_array().unwrap().iter().map(|tier| usize::try_from(tier.as_u64().unwrap()).unwrap()).collect();
        let cut = Threshold::accept_from(Score::new(expected["t"].as_f64().unwrap()).unwrap());
        assert_eq!(found.pair_cuts[pair[0]], Some(cut), "{case}");
        let policy = Thresholds::pair(pair[0], pair[1], cut).unwrap();
        let tally = policy.tally(&table);
        if found.policy != policy {
            // The reference searches no pair that ends before the last tier; what goes on beyond it is cheaper still.
            assert_eq!(found.policy.tiers(), [0, 1], "{case}");
            assert!(found.policy.tally(&table).cost < tally.cost, "{case}");
            beyond += 1;
        }
        assert!((tally.cost_usd().unwrap() - expected["cost"].as_f64().unwrap()).abs() < 1e-9, "{case}");
        assert!((tally.accuracy() - expected["quality"].as_f64().unwrap()).abs() < 1e-9, "{case}");
        let job = Job { name: String::new(), target, delta: None };
        let labels = Labels::Human;
        let exact = test::Test::new(&table, &labels, job.goal().unwrap(), 1);
        let p = exact.p(&exact.of_policy(&policy), number("delta") / 2.0);
        let expected_p = expected["p_at_cut"].as_f64().unwrap();
        assert!((p - expected_p).abs() < 1e-7 * expected_p.max(1e-3), "{p} {expected_p}");
        assert_eq!(found.status, Status::Certified);
        cases += 1;
    }
    assert_eq!((cases, beyond), (block["cases"].as_array().unwrap().len(), 1));
}

/// The cheapest certified cut of every pair, cut by cut, without anything clever.
fn brute(table: &Table<'_>, target: Target, level: f64) -> Vec<Option<Threshold>> {
    let n = table.len() as u64;
    let cuts = |tier: usize| {
        let values = table.tiers[tier].values.as_ref().unwrap();
        let mut cuts: Vec<(Score, tierfall_core::number::Tie)> =
            (0..table.len()).filter_map(|row| Some((Score::new(values[row])?, table.ties[row].try_into().ok()?))).collect();
        cuts.sort_unstable_by(|a, b| b.cmp(a));
        cuts.dedup();
        let cuts = cuts.into_iter().map(|(score, tie)| Threshold::AcceptFrom { score, tie });
        let mut best = None;
        for cut in std::iter::once(Threshold::DeferAll).chain(cuts) {
            let tally = Thresholds::pair(tier, table.last(), cut).unwrap().tally(table);
            let p = match target {
                Target::MaxLoss(_) if cut == Threshold::DeferAll => 0.0,
                Target::MaxLoss(loss) => trinomial::p_value(tally.minus, tally.plus, n, loss, 0.05),
                Target::Accuracy(accuracy) => binomial::cdf(n - tally.quality / 1_000_000_000, n, 1.0 - accuracy),
                Target::MaxCost(_) => unreachable!("not certified"),
            };
            if p > level {
                break;
            }
            best = Some(cut);
        }
        best
    };
    (0..table.last()).map(cuts).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    #[test]
    fn a_walk_finds_what_brute_force_finds(
        rows in proptest::collection::vec((0..6u8, 0..6u8, 0..3u8, 0..10u8, 0..10u8), 30..120),
        limit in prop_oneof![Just(0.1), Just(0.3)],
        absolute in any::<bool>(),
    ) {
        let score = |v: u8| if v == 5 { f64::NAN } else { f64::from(v) };
        let a: Vec<f64> = rows.iter().map(|row| score(row.0)).collect();
        let b: Vec<f64> = rows.iter().map(|row| score(row.1)).collect();
        let ties: Vec<f64> = rows.iter().map(|row| f64::from(row.2) / 3.0).collect();
        let [cheap, middle, top]: [Vec<bool>; 3] = [
            rows.iter().map(|row| row.3 < 3 + row.0).collect(),
            rows.iter().map(|row| row.4 < 5 + row.1).collect(),
            rows.iter().map(|row| row.4 < 9).collect(),
        ];
        let table = table(&[&a, &b], &[&cheap, &middle, &top], &ties);
        let target = if absolute { Target::Accuracy(1.0 - limit) } else { Target::MaxLoss(limit) };
        let found = certify(&input(table.clone()), &ask(target, 0.2)).unwrap().points.remove(0);
        prop_assert_eq!(&found.pair_cuts, &brute(&table, target, 0.1));
        if found.status == Status::Certified {
            let cost = found.policy.tally(&table).cost.unwrap();
            for (tier, cut) in found.pair_cuts.iter().enumerate() {
                if let Some(cut @ Threshold::AcceptFrom { .. }) = cut {
                    prop_assert!(cost <= Thresholds::pair(tier, 2, *cut).unwrap().tally(&table).cost.unwrap());
                }
            }
            let bound = found.guarantee.as_ref().unwrap().bound;
            let kept = if absolute { bound >= 1.0 - limit - 1e-12 } else { bound <= limit };
            prop_assert!(kept);
            // What is certified is on the frontier unless a cut that is not beats it on these rows.
            let (cost, quality) = (found.policy.tally(&table).cost, found.policy.tally(&table).quality);
            let holds = found.frontier.iter().any(|spot| {
                let tally = spot.policy.tally(&table);
                spot.certified || (tally.cost <= cost && tally.quality >= quality)
            });
            prop_assert!(holds);
        } else {
            prop_assert!(found.guarantee.is_none());
            prop_assert_eq!(found.policy, Thresholds::always(2));
        }
    }
}

#[test]
fn the_sentence_is_word_for_word() {
    let table = honest(1000, 2);
    let found = certify(&input(table.clone()), &ask(Target::MaxLoss(0.05), 0.1)).unwrap().points.remove(0);
    let guarantee = found.guarantee.unwrap();
    assert_eq!(found.status, Status::Certified);
    assert_eq!(found.policy.tiers(), [0, 1]);
    assert_eq!(
        guarantee.statement,
        "If future requests are drawn from the same distribution as the 1000 fixtures, and quality labels are correct, then with \
         probability >= 0.9 over the draw of the fixtures the deployed policy satisfies E[quality(top) - quality(cascade)] <= 0.05."
    );
    assert_eq!((guarantee.method.as_str(), guarantee.finite_sample), ("trinomial-grid", true));
    // Too many rows for the exact test, of which none loses anything.
    let many = 100_001;
    let values: Vec<f64> = (0..many).map(tie).collect();
    let right = vec![true; many];
    let table = self::table(&[&values], &[&right, &right], &values);
    let guarantee = certify(&input(table.clone()), &ask(Target::MaxLoss(0.05), 0.1)).unwrap().points.remove(0).guarantee.unwrap();
    assert!(guarantee.statement.contains("with probability approximately >= 0.9 over"), "{}", guarantee.statement);
    assert_eq!((guarantee.method.as_str(), guarantee.finite_sample), ("tango-asymptotic", false));
    let table = honest(1000, 2);
    let judged = Input { labels: Labels::Judge { name: "J".into() }, ..input(table) };
    let guarantee = certify(&judged, &ask(Target::Accuracy(0.5), 0.05)).unwrap().points.remove(0).guarantee.unwrap();
    assert!(guarantee.statement.contains("with probability >= 0.95 over"), "{}", guarantee.statement);
    assert!(guarantee.statement.contains("satisfies E[quality] >= 0.5. Quality is what judge \"J\" says"));
    assert!(guarantee.statement.ends_with("relative to judge \"J\"."));
}

#[test]
fn three_verdicts() {
    let table = honest(400, 2);
    let accuracy = Thresholds::always(1).tally(&table).accuracy();
    let found = certify(&input(table.clone()), &ask(Target::Accuracy(0.999), 0.1)).unwrap().points.remove(0);
    assert_eq!(found.status, Status::Infeasible);
    let attainable = found.attainable.unwrap();
    assert!(attainable < accuracy && attainable > accuracy - 0.1, "{attainable} {accuracy}");
    assert!(found.needed_n.is_none() && found.guarantee.is_none() && found.policy == Thresholds::always(1));
    // What is attainable is attained.
    let again = certify(&input(table.clone()), &ask(Target::Accuracy(attainable - 1e-9), 0.1)).unwrap().points.remove(0);
    assert_eq!(again.status, Status::Certified);

    let found = certify(&input(table.clone()), &ask(Target::Accuracy(accuracy - 0.002), 0.1)).unwrap().points.remove(0);
    assert_eq!(found.status, Status::Inconclusive);
    assert!(found.needed_n.unwrap().from > 400 && found.attainable.is_none());

    let found = certify(&input(honest(40, 2)), &ask(Target::MaxLoss(0.02), 0.1)).unwrap().points.remove(0);
    assert_eq!((found.status, found.policy), (Status::Inconclusive, Thresholds::always(1)));
    assert!(found.needed_n.unwrap().from >= 114, "{:?}", found.needed_n);
    assert_eq!(found.pair_cuts, [Some(Threshold::DeferAll)]);

    let mut none = ask(Target::MaxLoss(0.02), 0.1);
    none.delta = None;
    let found = certify(&input(table.clone()), &none).unwrap().points.remove(0);
    assert_eq!(found.status, Status::Uncertified);
    assert!(found.policy.tally(&table).loss_vs_last() <= 0.02 + 1e-12 && found.guarantee.is_none());
}

#[test]
fn a_middle_tier_as_good_as_the_last_takes_its_place() {
    let table = honest(1500, 3);
    let mut equal = table.clone();
    equal.tiers[2].quality = equal.tiers[1].quality.clone();
    let wanted = ask(Target::MaxLoss(0.04), 0.1);
    let found = certify(&input(equal.clone()), &wanted).unwrap().points.remove(0);
    assert_eq!((found.status, found.policy.tiers()), (Status::Certified, &[0, 1][..]));
    // The pair (first, middle) is held to the same test as if the middle tier were the last one.
    let mut pair = equal.clone();
    pair.tiers.remove(2);
    pair.tiers[1].values = None;
    let alone = certify(&input(pair), &Ask { delta: Delta::new(0.05), ..wanted.clone() }).unwrap().points.remove(0);
    assert_eq!(found.policy.cuts(), alone.policy.cuts());
    assert_eq!(found.guarantee.unwrap().bound.to_bits(), alone.guarantee.unwrap().bound.to_bits());
    // A last tier that is better by more than the limit is kept.
    let found = certify(&input(table), &wanted).unwrap().points.remove(0);
    assert_eq!(found.policy.tiers().last(), Some(&2));
}

#[test]
fn extra_points_share_the_error_and_never_escalate_more_for_more_loss() {
    let table = honest(3000, 3);
    let mut wanted = ask(Target::MaxLoss(0.03), 0.1);
    let alone = certify(&input(table.clone()), &wanted).unwrap().points.remove(0);
    wanted.points = vec![ExtraPoint { name: "cheap".into(), target: 0.06 }];
    let points = certify(&input(table.clone()), &wanted).unwrap().points;
    assert_eq!(points.len(), 2);
    let cost = |point: &PointCertified| point.policy.tally(&table).cost.unwrap();
    assert!(cost(&points[0]) >= cost(&alone), "half the error certifies no more");
    assert!(cost(&points[1]) < cost(&points[0]));
    assert!(points.iter().all(|point| (point.guarantee.as_ref().unwrap().delta - 0.05).abs() < 1e-12));
    wanted.earlier = 1;
    assert!(certify(&input(table), &wanted).unwrap().points[0].guarantee.as_ref().unwrap().delta < 0.008);
}

#[test]
fn order_in_a_file_changes_nothing() {
    let table = honest(1500, 3);
    let rows: Vec<u32> = (0..1500).rev().collect();
    let mut wanted = ask(Target::MaxLoss(0.04), 0.1);
    wanted.max_depth = 2;
    let mirrored = rows::part(&table, &rows);
    assert_eq!(certify(&input(table), &wanted).unwrap().points, certify(&input(mirrored), &wanted).unwrap().points);
}

#[test]
fn graded_answers_are_certified_by_betting() {
    let mut table = honest(1500, 2);
    for tier in &mut table.tiers {
        let soft = |quality: &Quality| Quality::new(0.1 + 0.8 * quality.get()).unwrap();
        tier.quality = tier.quality.iter().map(soft).collect();
    }
    for target in [Target::MaxLoss(0.08), Target::Accuracy(0.7)] {
        let found = certify(&input(table.clone()), &ask(target, 0.1)).unwrap().points.remove(0);
        let guarantee = found.guarantee.unwrap();
        assert_eq!((guarantee.method.as_str(), found.status), ("betting", Status::Certified));
        assert_eq!(found.policy.tiers(), [0, 1], "{target:?}");
    }
    // Many rows: a grid from rows that are set apart.
    let mut table = honest(6000, 2);
    table.tiers[0].quality.to_mut()[0] = Quality::new(0.5).unwrap();
    let found = certify(&input(table), &ask(Target::MaxLoss(0.05), 0.1)).unwrap();
    assert_eq!(found.warnings.len(), 1);
    let text = &found.points[0].guarantee.as_ref().unwrap().statement;
    assert!(!text.contains("6000") && found.points[0].policy.tiers() == [0, 1], "{text}");
}

#[test]
fn weights_of_one_are_no_weights_but_bet() {
    let mut table = honest(1500, 2);
    let declared = |rows: Vec<f64>| Some(crate::table::Weights { rows: rows.into(), heaviest: Some(8.0) });
    table.weights = declared(vec![1.0; 1500]);
    let found = certify(&input(table.clone()), &ask(Target::MaxLoss(0.06), 0.1)).unwrap().points.remove(0);
    assert_eq!(found.guarantee.as_ref().unwrap().method, "betting");
    assert!(found.policy.tiers() == [0, 1]);
    // Rows that stand for many requests each and are the only ones that lose: the loss over traffic is more than over rows.
    let heavy: Vec<f64> =
        table.tiers[0].quality.iter().zip(table.tiers[1].quality.iter()).map(|(a, b)| if a < b { 8.0 } else { 1.0 }).collect();
    table.weights = declared(heavy);
    let weighted = certify(&input(table.clone()), &ask(Target::MaxLoss(0.06), 0.1)).unwrap().points.remove(0);
    let accepted =
        |point: &PointCertified| if point.policy.cuts().is_empty() { 0 } else { point.policy.tally(&table).accepted[0] };
    assert!(accepted(&weighted) < accepted(&found));
}

#[test]
fn a_weight_that_the_sampling_allows_counts_though_no_row_has_it() {
    let mut table = honest(1500, 2);
    let weights: Vec<f64> = (0..1500).map(|row| if row % 5 == 0 { 4.0 } else { 1.0 }).collect();
    let bound = |table: Table<'static>| {
        let found = certify(&input(table), &ask(Target::MaxLoss(0.06), 0.1)).unwrap().points.remove(0);
        found.policy.tally(&honest(1500, 2)).accepted[0]
    };
    table.weights = Some(weights.clone().into());
    let seen = bound(table.clone());
    table.weights = Some(crate::table::Weights { rows: weights.into(), heaviest: Some(40.0) });
    let declared = bound(table);
    assert!(declared < seen, "{declared} accepted where a row could weigh 40, {seen} where 4 is the most");
}

#[test]
fn a_latency_limit_is_certified_beside_the_target() {
    let mut table = honest(2000, 2);
    table.tiers[0].latency = Some(Cow::Owned(vec![100_000; 2000]));
    table.tiers[1].latency = Some(Cow::Owned(vec![900_000; 2000]));
    let mut wanted = ask(Target::MaxLoss(0.05), 0.1);
    let free = certify(&input(table.clone()), &wanted).unwrap().points.remove(0);
    wanted.latency = Some(LatencyLimit { over_ms: 950.0, share: 0.8 });
    let found = certify(&input(table.clone()), &wanted).unwrap().points.remove(0);
    assert_eq!(found.status, Status::Certified);
    let slow = |point: &PointCertified| 1.0 - point.policy.tally(&table).accepted[0] as f64 / table.len() as f64;
    assert!(slow(&found) < 0.8 && slow(&free) <= slow(&found));
    assert!(found.guarantee.unwrap().statement.contains("P(latency > 950 ms) <= 0.8"));
    // Cuts that defer more than that keep the loss and not the limit.
    assert!(found.frontier.iter().any(|spot| !spot.certified && spot.policy.tiers() == [0, 1]));
    wanted.latency = Some(LatencyLimit { over_ms: 950.0, share: 0.01 });
    let found = certify(&input(table), &wanted).unwrap().points.remove(0);
    // The last tier alone is fast enough, and the only one that is.
    assert_eq!(found.policy, Thresholds::always(1));
}

#[test]
fn deeper_chains_are_found_where_they_are_cheaper() {
    // The first gate knows a third of the rows, the second another third, and both tiers know nothing else.
    let n = 4000;
    let kind: Vec<usize> = (0..n).map(|row| (hashed(5, row as u64) % 3) as usize).collect();
    let values: Vec<Vec<f64>> =
        (0..2).map(|tier| (0..n).map(|row| f64::from(u8::from(kind[row] == tier)) + 0.3 * tie(row + n)).collect()).collect();
    let right: Vec<Vec<bool>> = (0..3).map(|tier| kind.iter().map(|kind| tier == 2 || *kind == tier).collect()).collect();
    let orders: Vec<f64> = (0..n).map(tie).collect();
    let table = table(&[&values[0], &values[1]], &[&right[0], &right[1], &right[2]], &orders);
    let mut wanted = ask(Target::MaxLoss(0.02), 0.1);
    let pairs = certify(&input(table.clone()), &wanted).unwrap().points.remove(0);
    wanted.max_depth = 2;
    let deep = certify(&input(table.clone()), &wanted).unwrap().points.remove(0);
    assert_eq!(pairs.policy.tiers().len(), 2);
    assert_eq!(deep.policy.tiers(), [0, 1, 2]);
    assert_eq!(deep.status, Status::Certified);
    assert!(deep.policy.tally(&table).cost < pairs.policy.tally(&table).cost);
    assert!(deep.policy.tally(&table).loss_vs_last() < 0.02);
    // What is said of it comes from the rows that certified it, not from those that it was searched on.
    let carved = rows::carve(&input(table), deep::TUNE, wanted.seed);
    let test = test::Test::new(&carved.certify, &Labels::Human, goal::Goal::Loss(0.02), wanted.seed);
    let bound = test.bound(&test.of_policy(&deep.policy), 0.05);
    assert!((deep.guarantee.unwrap().bound - bound).abs() < 1e-12);
}

/// Three segments: in `a` the first tier is as good as the last, in `b` it is not, and `c` has few rows.
fn segmented(n: usize) -> (Table<'static>, Segments<'static>) {
    let of = |row: usize| match hashed(9, row as u64) % 100 {
        0..55 => Some(0),
        55..97 => Some(1),
        _ => Some(2),
    };
    let segments: Vec<Option<u32>> = (0..n).map(of).collect();
    let uniform = |row: usize, salt: u64| hashed(salt, row as u64) as f64 / 2f64.powi(64);
    let values: Vec<f64> = (0..n).map(|row| uniform(row, 11)).collect();
    let right: Vec<bool> = (0..n).map(|row| segments[row] == Some(0) || values[row] > 0.6 || uniform(row, 12) < 0.5).collect();
    let last = vec![true; n];
    let orders: Vec<f64> = (0..n).map(tie).collect();
    let names = ["a", "b", "c"].map(Into::into).to_vec();
    (table(&[&values], &[&right, &last], &orders), Segments { names, certify: segments.into(), tune: Cow::Owned(Vec::new()) })
}

#[test]
fn every_segment_keeps_the_target_and_small_ones_are_pooled() {
    let (table, segments) = segmented(2000);
    let mut wanted = ask(Target::MaxLoss(0.05), 0.1);
    wanted.by_segment = Some(BySegment::Each);
    let found = certify(&Input { segments: Some(segments), ..input(table) }, &wanted).unwrap().points.remove(0);
    assert_eq!(found.status, Status::Certified);
    let names: Vec<&str> = found.segments.iter().map(|segment| &*segment.name).collect();
    assert_eq!(names, ["a", "b", "rest"]);
    assert_eq!(found.segments[2].pooled, ["c"]);
    assert_eq!((found.segments[2].status, &found.policy), (Status::Inconclusive, &Thresholds::always(1)));
    let lowest = |at: usize| match found.segments[at].policy.cuts() {
        [Threshold::AcceptFrom { score, .. }] => score.get(),
        _ => 9.0,
    };
    assert!(lowest(0) < 0.05 && lowest(1) > 0.45 && lowest(1) < 0.7, "{} {}", lowest(0), lowest(1));
    let guarantee = found.segments[0].guarantee.as_ref().unwrap();
    assert!((guarantee.delta - 0.1 / 3.0).abs() < 1e-12);
    assert!(guarantee.statement.contains("<= 0.05 in segment \"a\"."), "{}", guarantee.statement);
    let statement = found.guarantee.unwrap().statement;
    let scope =
        " in each of these segments by itself: \"a\" and \"b\"; and in the rest taken together (\"c\"), of no part of which";
    assert!(statement.contains(scope), "{statement}");
}

#[test]
fn segments_together_spend_the_loss_where_it_saves_most() {
    let (table, segments) = segmented(4000);
    let mut wanted = ask(Target::MaxLoss(0.05), 0.1);
    let global = certify(&input(table.clone()), &wanted).unwrap().points.remove(0);
    wanted.by_segment = Some(BySegment::Overall);
    let found = certify(&Input { segments: Some(segments.clone()), ..input(table.clone()) }, &wanted).unwrap().points.remove(0);
    assert_eq!(found.status, Status::Certified, "{}", found.why);
    let policy = |row: usize| {
        let segment = segments.certify[row].map(|ix| &*segments.names[ix as usize]);
        found.segments.iter().find(|s| Some(&*s.name) == segment).map_or(&found.policy, |segment| &segment.policy)
    };
    let prices = Prices::new(&table);
    let cost = prices.of_rows(|row| &policy(row).tiers()[..=policy(row).exit(&table, row)]);
    assert!(cost < prices.of(&global.policy), "{cost}");
    let lost = (0..4000)
        .filter(|row| table.tiers[policy(*row).tiers()[policy(*row).exit(&table, *row)]].quality[*row] == Quality::WRONG)
        .count();
    assert!(lost < 4000 / 20, "{lost}");
}

#[test]
fn the_best_of_several_signals_pays_for_the_choice() {
    let good = honest(2000, 2);
    let mut noise = good.clone();
    noise.tiers[0].values = Some((0..2000).map(|row| tie(row + 2000)).collect());
    let wanted = ask(Target::MaxLoss(0.04), 0.1);
    let (at, found) = certify_best(&[input(noise), input(good)], &wanted).unwrap().unwrap();
    assert_eq!(at, 1);
    let guarantee = found.points[0].guarantee.as_ref().unwrap();
    assert!((guarantee.delta - 0.1).abs() < 1e-12 && guarantee.statement.contains("probability >= 0.9 over"), "{guarantee:?}");
    assert!(found.points[0].why.contains("where 0.05 is allowed"), "{}", found.points[0].why);
}

#[test]
fn a_limit_on_cost_is_kept_on_the_rows_and_promises_nothing() {
    let table = honest(500, 3);
    let most = Money::from_pico(20);
    let found = certify(&input(table.clone()), &ask(Target::MaxCost(most), 0.1)).unwrap().points.remove(0);
    assert_eq!((found.status, found.guarantee.is_none()), (Status::Uncertified, true));
    let tally = found.policy.tally(&table);
    assert!(tally.cost.unwrap() <= 20 * 500);
    assert!(tally.quality >= Thresholds::always(1).tally(&table).quality);
}

#[test]
fn weighted_rows_are_bet_on_in_an_order_of_their_own() {
    // The slow requests come last in the file, as where it is sorted by time: bet on in that order, the fast ones alone would do.
    let n = 1500;
    let mut table = honest(n, 2);
    table.weights = Some(vec![1.0; n].into());
    table.tiers[0].latency = Some((0..n).map(|row| if row < n * 3 / 4 { 1_000 } else { 900_000 }).collect());
    table.tiers[1].latency = Some(Cow::Owned(vec![1_000; n]));
    let mut wanted = ask(Target::MaxLoss(0.2), 0.1);
    wanted.latency = Some(LatencyLimit { over_ms: 500.0, share: 0.2 });
    let found = certify(&input(table.clone()), &wanted).unwrap().points.remove(0);
    assert_eq!(found.policy, Thresholds::always(1), "a quarter of the requests that ask the first tier is slow");
    let mirrored = rows::part(&table, &(0..1500).rev().collect::<Vec<u32>>());
    assert_eq!(certify(&input(mirrored), &wanted).unwrap().points[0], found);
}

#[test]
fn a_segment_called_rest_is_not_mistaken_for_the_pooled_ones() {
    let (table, mut segments) = segmented(2000);
    segments.names = ["rest", "b", "c"].map(Into::into).to_vec();
    for by in [BySegment::Each, BySegment::Overall] {
        let mut wanted = ask(Target::MaxLoss(0.05), 0.1);
        wanted.by_segment = Some(by);
        let found =
            certify(&Input { segments: Some(segments.clone()), ..input(table.clone()) }, &wanted).unwrap().points.remove(0);
        let rest: Vec<&SegmentCertified> = found.segments.iter().filter(|segment| segment.name == "rest").collect();
        assert_eq!(rest.len(), 1);
        assert!(rest[0].pooled.contains(&"rest".to_owned()) && found.policy == rest[0].policy);
    }
}

#[test]
fn without_a_promise_the_best_signal_is_the_one_that_meets_the_target() {
    let good = honest(2000, 2);
    // Where nothing is read, one tier alone is all that keeps a limit on cost: cheaper than a pair, and worse.
    let mut noise = good.clone();
    noise.tiers[0].values = Some(vec![f64::NAN; 2000].into());
    let cost = |table: &Table<'_>, share: f64| {
        let [cheap, dear] = [0, 1].map(|tier| Thresholds::always(tier).tally(table).cost_usd().unwrap());
        usd(cheap + share * dear)
    };
    for target in [Target::MaxCost(cost(&good, 0.3)), Target::MaxLoss(0.01)] {
        let wanted = Ask { delta: None, ..ask(target, 0.1) };
        let quality = |at: usize| {
            let inputs = [&noise, &good].map(|table| input(table.clone()));
            let found = certify(&inputs[at], &wanted).unwrap().points.remove(0);
            found.policy.tally(&inputs[at].certify)
        };
        assert!(quality(1).quality > quality(0).quality || quality(1).cost < quality(0).cost);
        for (inputs, best) in [([&noise, &good], 1), ([&good, &noise], 0)] {
            let inputs = inputs.map(|table| input(table.clone()));
            assert_eq!(certify_best(&inputs, &wanted).unwrap().unwrap().0, best, "{target:?}");
        }
    }
}

#[test]
fn a_middle_tier_that_may_answer_everything_is_not_passed_over_for_a_dearer_pair() {
    // The first tier costs as much as the second and is right half of the time; the second is as good as the last.
    let n = 3000;
    let values: Vec<f64> = (0..n).map(|row| tie(row + n)).collect();
    let half: Vec<bool> = (0..n).map(|row| tie(row + 3 * n) < 0.5 || values[row] > 0.9).collect();
    let all = vec![true; n];
    let orders: Vec<f64> = (0..n).map(tie).collect();
    let mut table = table(&[&values, &values], &[&half, &all, &all], &orders);
    table.tiers[0].cost = Some(vec![10; n].into());
    let found = certify(&input(table), &ask(Target::MaxLoss(0.05), 0.1)).unwrap().points.remove(0);
    assert_eq!(found.policy, Thresholds::always(1), "{}", found.why);
}

#[test]
fn paths_that_show_nothing_leave_the_verdict_open() {
    let table = honest(60, 3);
    let mut wanted = ask(Target::MaxLoss(0.02), 0.1);
    for depth in [1, 2] {
        wanted.max_depth = depth;
        let found = certify(&input(table.clone()), &wanted).unwrap().points.remove(0);
        assert_eq!((found.status, found.guarantee), (Status::Inconclusive, None), "{depth}");
    }
}
