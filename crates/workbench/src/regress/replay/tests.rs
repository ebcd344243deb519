use std::sync::Mutex;

use tierfall_core::money::Money;
use tierfall_core::trace::OutcomeKind;

use super::super::testing::{LARGE, SMALL, Shop, read};
use super::*;
use crate::regress::system::{asked, system};

#[test]
fn every_example_gets_what_the_cascade_serves() {
    let shop = Shop::new(10);
    let played = shop.replay("test").unwrap();
    let ids: Vec<&str> = played.items.iter().map(|item| &*item.id).collect();
    assert_eq!(ids, ["e0", "e1", "e2", "e3", "e5", "e6", "e7", "e8"]);
    assert_eq!((&*played.fixtures, &*played.split, played.mode), ("shop", "test", Mode::Replay));
    let seen: Vec<_> = played.items[..4]
        .iter()
        .map(|item| (item.tier.as_deref().unwrap(), item.correct, item.cost.unwrap().pico(), item.asked_tiers.clone()))
        .collect();
    let large = 10 * 10_000_000 + 3 * 20_000_000;
    let sure = 10 * 1_000_000 + 2_000_000;
    assert_eq!(
        seen,
        [
            ("small", 1.0, sure, vec![(0, true)]),
            ("small", 0.0, sure, vec![(0, true)]),
            ("large", 1.0, large + sure + 2_000_000, vec![(0, false), (1, true)]),
            ("large", 1.0, large, vec![(0, false), (1, true)]),
        ]
    );
    let last = Last { correct: 1.0, cost: Some(Money::from_pico(large)) };
    assert!(played.items.iter().all(|item| item.last == Ok(last) && item.outcome == OutcomeKind::Answered));
    assert!(played.items.iter().all(|item| (item.repeats, item.errors, item.flaky) == (1, 0, false)));
    let third = &played.items[3];
    assert_eq!((&*third.segment, third.group.as_deref()), ("s1", Some("g1")));
    assert!((third.weight - 1.75).abs() < 1e-12);
    assert!(third.latency_ms.is_none() && third.answer.is_some());
    assert_eq!(played.items[0].answer, third.answer, "the same text");
    assert_ne!(played.items[0].answer, played.items[1].answer);
    assert!(played.warnings.is_empty(), "{:?}", played.warnings);
    assert_eq!(shop.replay("train").unwrap().items.len(), 2);
}

#[test]
fn progress_is_told_once_an_example() {
    let shop = Shop::new(20);
    let (told, recordings) = (Mutex::new(Vec::new()), shop.recordings().unwrap());
    replay(&shop.loaded(), &shop.set(), &recordings, "test", &|done, of| told.lock().unwrap().push((done, of))).unwrap();
    let mut told = told.into_inner().unwrap();
    told.sort_unstable();
    assert_eq!(told, (1..=16).map(|done| (done, 16)).collect::<Vec<_>>());
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let shop = Shop::new(200);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| shop.replay("test").unwrap().items)
    };
    assert_eq!(with(1), with(7));
}

#[test]
fn everything_that_is_missing_is_named_at_once() {
    let shop = Shop::new(20);
    shop.record("small", 20, |k| (k % 2 == 1).then_some(SMALL[k % 4]));
    shop.examples(20, |k| if k == 3 { "is it still?" } else { "is it?" });
    shop.record("large", 20, |k| (k != 7).then_some(LARGE));
    assert_eq!(
        shop.replay("test").unwrap_err(),
        "DIR/recordings/small.jsonl: tier \"small\" has no recorded answer to 8 examples: e0, e2, e6, e8, e10 and 3 more; \
         `tierfall record DIR/shop.cascade.toml DIR --only-missing` records them\n\
         DIR/recordings/small.jsonl: tier \"small\" was recorded before the questions of 1 example were edited: e3; \
         `tierfall record DIR/shop.cascade.toml DIR --only-missing` records it\n\
         DIR/recordings/large.jsonl: tier \"large\" has no recorded answer to 1 example: e7; \
         `tierfall record DIR/shop.cascade.toml DIR --only-missing` records it"
    );
}

#[test]
fn a_last_tier_that_was_not_asked_is_a_warning() {
    let shop = Shop::new(8);
    shop.record("large", 8, |k| (k % 4 != 0).then_some(LARGE));
    let played = shop.replay("test").unwrap();
    assert_eq!(played.items.iter().filter(|item| item.last == Err(NoLast::NotRecorded)).count(), 1);
    assert!(played.warnings[0].contains("\"large\" has no recorded answer to 1 of 7 examples"), "{:?}", played.warnings);
}

#[test]
fn what_a_rule_keeps_from_the_last_tier_is_not_held_against_it() {
    let mut shop = Shop::new(8);
    let rule = "[[rule]]\ntag = { key = \"segment\", equals = \"s1\" }\nroute = { only = [\"small\"] }\n[[tier]]";
    shop.cascade = shop.cascade.replacen("[[tier]]", rule, 1);
    let played = shop.replay("test").unwrap();
    for item in &played.items {
        let kept = &*item.segment == "s1";
        assert_eq!(item.last == Err(NoLast::NotAllowed), kept, "recorded answers of before are not used: {}", item.id);
        assert!(!kept || item.asked_tiers.iter().all(|(tier, _)| *tier == 0), "{}", item.id);
    }
    assert_eq!(
        played.warnings,
        ["rules keep 4 of 7 examples from the last tier \"large\": what is said against always asking it is about the others"]
    );
    // Nor are they missed where they were never recorded.
    shop.record("large", 8, |k| (k % 2 == 0).then_some(LARGE));
    assert_eq!(shop.replay("test").unwrap().items, played.items);
}

#[test]
fn unknown_costs_stay_unknown() {
    let mut shop = Shop::new(8);
    shop.cascade = shop.cascade.replace("price = { input = \"10\", output = \"20\" }\n", "");
    let played = shop.replay("test").unwrap();
    assert_eq!(played.items.iter().filter(|item| item.cost.is_none()).count(), 4);
    assert!(played.items.iter().all(|item| item.last.unwrap().cost.is_none()));
    assert!(played.warnings[0].contains("cost of 4 of 7 examples is unknown"), "{:?}", played.warnings);
}

#[test]
fn a_split_that_is_not_there_is_told_with_those_that_are() {
    let error = Shop::new(8).replay("tset").unwrap_err();
    assert_eq!(error, "DIR/examples.jsonl has no split \"tset\"; did you mean \"test\"? There are test and train");
}

#[test]
fn what_recordings_were_made_with_is_told_tier_by_tier() {
    let mut shop = Shop::new(8);
    shop.cascade = shop.cascade.replacen("p/s", "p/t", 1).replace("temperature = 0", "temperature = 1, seed = 7");
    let error = shop.replay("test").unwrap_err();
    assert_eq!(
        error,
        "DIR/recordings/small.jsonl is no recording of this tier: it was made with model s, the cascade declares t; it was made \
         with seed unset, the cascade declares 7; it was made with temperature 0.0, the cascade declares 1.0; `record --stale` \
         records it anew"
    );
    shop.cascade = shop.cascade.replace("price = { input = \"10\"", "system-prompt = \"Be brief.\"\nprice = { input = \"10\"");
    fs_err::remove_file(shop.path("recordings/small.jsonl")).unwrap();
    let error = shop.replay("test").unwrap_err();
    assert!(error.starts_with("DIR/recordings/small.jsonl is missing: tier \"small\" has no recordings"), "{error}");
    assert!(
        error.contains("DIR/recordings/large.jsonl is no recording of this tier: it was made with another prompt"),
        "{error}"
    );
}

#[test]
fn the_digest_of_a_system_is_about_serving_alone() {
    let mut shop = Shop::new(5);
    let digest = |shop: &Shop| system(&shop.loaded());
    let before = digest(&shop);
    let plain = shop.cascade.clone();
    for same in [
        format!("# a comment\n{plain}\n"),
        format!("{plain}\n[[expect]]\nfixtures = \"shop\"\nsplit = \"test\"\naccuracy-at-least = 0.5\n"),
        format!("{plain}\n[replay]\nfixtures = \"shop\"\n"),
        plain.replace("price = { input = \"1\", output = \"2\" }", "price = { output = \"2\",   input = \"1\" }"),
    ] {
        shop.cascade = same;
        assert_eq!(digest(&shop), before, "{}", shop.cascade);
    }
    let mut others = BTreeSet::from([before]);
    for other in [
        plain.replace("threshold = 0.5", "threshold = 0.6"),
        plain.replace("\"20\"", "\"21\""),
        plain.replacen("p/s", "p/t", 1),
        plain.replace("params = { temperature = 0 }", "params = { temperature = 0.1 }"),
        plain.replacen("params", "system-prompt = { file = \"prompt.txt\" }\nparams", 1),
    ] {
        fs_err::write(shop.path("prompt.txt"), "Be brief.").unwrap();
        shop.cascade = other;
        assert!(others.insert(digest(&shop)), "{}", shop.cascade);
    }
    fs_err::write(shop.path("prompt.txt"), "Be very brief.").unwrap();
    assert!(others.insert(digest(&shop)), "a file that the cascade names");
}

#[test]
fn a_fit_decides_by_its_cuts_and_not_by_where_it_comes_from() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut loaded = tierfall::config::load(root.join("cascades/support.cascade.toml")).unwrap();
    let before = system(&loaded);
    let mut fit = loaded.fit.as_deref().unwrap().clone();
    fit.provenance.seed += 1;
    loaded.fit = Some(Arc::new(fit.clone()));
    assert_eq!(system(&loaded), before);
    fit.point[0].cuts[0].asked ^= true;
    loaded.fit = Some(Arc::new(fit));
    assert_ne!(system(&loaded), before);
}

#[test]
fn a_person_is_right_and_an_attached_answer_is_what_it_is() {
    let mut shop = Shop::new(8);
    let models = shop.cascade.clone();
    shop.cascade = format!(
        "{models}gate = {{ signal = \"mean-logprob\", threshold = 0.5 }}\n[[tier]]\nname = \"desk\"\nreview = true\ncost = \"0.5\"\n"
    );
    // The large tier's answers have no log-probabilities: its gate abstains, and a person looks.
    shop.record("large", 8, |_| Some(LARGE));
    shop.record("small", 8, |k| Some(SMALL[k % 4]));
    let played = shop.replay("test").unwrap();
    let item = &played.items[2];
    assert_eq!((item.outcome, item.tier.as_deref(), item.answer.as_deref()), (OutcomeKind::Review, Some("desk"), None));
    assert_eq!((item.correct, item.asked_tiers.last()), (1.0, Some(&(2, true))));
    assert_eq!(item.last, Ok(Last { correct: 1.0, cost: Some("0.5".parse().unwrap()) }));
    assert!(item.cost.unwrap() > "0.5".parse().unwrap());
    assert!(played.warnings[0].contains("\"desk\" is taken to be always right"), "{:?}", played.warnings);

    // Nobody is declared to look: where the last tier fails, the small one's answer is attached, right or wrong.
    let failed = r#""error":{"kind":"timeout","message":"late","free":true}"#;
    for (policy, tier, answered) in [("review", Some("small"), true), ("abstain", None, false), ("answer", Some("small"), true)] {
        shop.cascade = format!("{models}[policy]\non-exhausted = \"{policy}\"\n");
        shop.record("small", 8, |k| Some(if k == 0 { r#""text":"yes","logprobs":[["yes",-3.0,[]]]"# } else { SMALL[2] }));
        shop.record("large", 8, |_| Some(failed));
        let played = shop.replay("test").unwrap();
        let right: Vec<f64> = played.items.iter().take(3).map(|item| item.correct).collect();
        assert_eq!(right, [f64::from(u8::from(answered)), 0.0, 0.0], "{policy}");
        let item = &played.items[0];
        assert_eq!((item.tier.as_deref(), item.answer.is_some()), (tier, answered), "{policy}");
        assert_eq!((item.last.unwrap().correct, item.last.unwrap().cost), (0.0, Some(Money::ZERO)));
        assert_eq!(item.asked_tiers, [(0, false), (1, false)]);
    }
}

#[test]
fn grades_of_people_count() {
    let shop = Shop::new(4);
    fs_err::create_dir(shop.path("grades")).unwrap();
    let line =
        |id: &str, correct: f64| format!("{{\"id\":\"{id}\",\"correct\":{correct},\"by\":\"Ada\",\"grader\":\"human\"}}\n");
    fs_err::write(shop.path("grades/small.jsonl"), line("e0", 0.25) + &line("e1", 1.0)).unwrap();
    let right: Vec<f64> = shop.replay("test").unwrap().items.iter().map(|item| item.correct).collect();
    assert_eq!(right, [0.25, 1.0, 1.0, 1.0]);
    fs_err::write(shop.path("grades/small.jsonl"), line("e0", 1.5)).unwrap();
    fs_err::write(shop.path("grades/large.jsonl"), "{\"id\"").unwrap();
    let error = shop.replay("test").unwrap_err();
    assert!(error.contains("grades/small.jsonl:1: /correct: must be from 0 to 1"), "{error}");
    assert!(error.contains("grades/large.jsonl:1: the JSON ends too early"), "{error}");
}

#[test]
fn answers_that_only_a_person_can_grade_need_a_grade_of_that_very_answer() {
    let shop = Shop::new(4);
    let set = read(&shop.path("set.toml")).replace("\"exact\"", "\"human\"");
    fs_err::write(shop.path("set.toml"), set).unwrap();
    fs_err::create_dir(shop.path("grades")).unwrap();
    let line = r#"{"id":"e0","correct":1.0,"by":"Ada","grader":"human","answer":"of another"}"#;
    fs_err::write(shop.path("grades/small.jsonl"), line).unwrap();
    assert_eq!(
        shop.replay("test").unwrap_err(),
        "DIR/grades/small.jsonl: the answers of tier \"small\" to 1 example are not graded: e1; `tierfall grade DIR --tier small \
         --human` grades it\n\
         DIR/grades/small.jsonl: the answers of tier \"small\" to 1 example were recorded again since they were graded: e0; \
         `tierfall grade DIR --tier small --human` grades it\n\
         DIR/grades/large.jsonl: the answers of tier \"large\" to 4 examples are not graded: e0, e1, e2, e3; `tierfall grade DIR \
         --tier large --human` grades them"
    );
}

#[test]
fn each_grader_that_is_asked_only_where_that_is_said_has_its_command() {
    let shop = Shop::new(3);
    let graders = [r#"{"command": {"run": ["true"]}}"#, r#"{"judge": {"name": "strict"}}"#, r#""human""#];
    let judge = "\n[judge.strict]\ncascade = \"strict.cascade.toml\"\nrubric = \"Is it right?\"\n";
    fs_err::write(shop.path("set.toml"), read(&shop.path("set.toml")) + judge).unwrap();
    let with = |(line, grader): (&str, &str)| line.replacen('{', &format!("{{\"grader\":{grader},"), 1) + "\n";
    let lines: String = read(&shop.path("examples.jsonl")).lines().zip(graders).map(with).collect();
    fs_err::write(shop.path("examples.jsonl"), lines).unwrap();
    let error = shop.replay("test").unwrap_err();
    assert!(
        error.contains(
            "not graded: e0, e1, e2; `tierfall grade DIR --tier large --allow-commands; tierfall grade DIR --tier large --judge \
             --for DIR/shop.cascade.toml --max-spend USD; tierfall grade DIR --tier large --human` grades them"
        ),
        "{error}"
    );
}

#[test]
fn answers_without_a_grade_are_named_with_what_grades_them() {
    let problem = |kind, n| ReplayProblem {
        path: "fixtures/s/grades/small.jsonl".into(),
        tier: "small".into(),
        kind,
        examples: ["a", "b"][..n].iter().map(|id| Arc::from(*id)).collect(),
        command: "tierfall grade fixtures/s".to_owned(),
        why: String::new(),
    };
    assert_eq!(
        problem(ReplayProblemKind::NotGraded, 2).to_string(),
        "fixtures/s/grades/small.jsonl: the answers of tier \"small\" to 2 examples are not graded: a, b; `tierfall grade \
         fixtures/s` grades them"
    );
    assert!(problem(ReplayProblemKind::StaleGrade, 1).to_string().contains("1 example were recorded again since"));
}

#[test]
fn what_is_asked_is_told_apart() {
    let shop = Shop::new(3);
    let example = shop.set().examples()[0].clone();
    let before = asked(&example);
    let with = |change: &dyn Fn(&mut Example)| {
        let mut changed = example.clone();
        change(&mut changed);
        asked(&changed)
    };
    assert_eq!(with(&|example| example.segment = "other".into()), before);
    assert_eq!(with(&|example| example.weight = 9.0), before);
    assert_ne!(with(&|example| example.expected = "no".into()), before);
    assert_ne!(with(&|example| example.messages.truncate(0)), before);
    assert_ne!(with(&|example| example.tags.extend([("tenant".to_owned(), "t".to_owned())])), before);
    let regex = crate::fixture::grade::Graders::default().build("regex").unwrap();
    assert_ne!(with(&|example| example.grader = regex.clone()), before);
    let [one, two] = [mine::<1>(), mine::<2>()].map(|grader| with(&|example| example.grader = grader.clone()));
    assert_ne!(one, two, "a grader of another version is another grader");
}

fn mine<const VERSION: u32>() -> crate::fixture::grade::NamedGrader {
    use crate::fixture::grade::{Grade, Grader, Graders};
    #[derive(Debug)]
    struct Mine<const VERSION: u32>;
    impl<const VERSION: u32> Grader for Mine<VERSION> {
        fn check(&self, _: &serde_json::Value) -> Result<(), String> {
            Ok(())
        }

        fn grade(&self, _: &serde_json::Value, _: &tierfall_core::completion::Completion) -> Grade {
            Grade::RIGHT
        }

        fn version(&self) -> u32 {
            VERSION
        }
    }
    let graders = Graders::default().with("mine", |_: serde_json::Map<String, serde_json::Value>| Ok(Mine::<VERSION>)).unwrap();
    graders.build("mine").unwrap()
}
