mod judged;

use std::collections::BTreeMap;

use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use tierfall_calibrate::ask::{Ask, Delta, SignalChoice, Target};
use tierfall_calibrate::policy;
use tierfall_calibrate::procedure::calibrate;
use tierfall_calibrate::quality::Quality;
use tierfall_calibrate::table::Table;
use tierfall_calibrate::view::View;
use tierfall_core::cascade::Policy;
use tierfall_core::fusion::GateValue;
use tierfall_core::number::{Score, Tie};

use super::super::digest;
use tierfall::config::Loaded;

use super::*;
use crate::fixture::recording::Header;
use crate::fixture::recording_file::{Writer, path_of};
use tierfall::config::parse_str;

struct Bench {
    loaded: Loaded,
    set: FixtureSet,
    recordings: Recordings,
    out: ReadOut,
}

impl Bench {
    /// What the cascade with these gate values and thresholds does is what a policy does on the table.
    fn agrees(&self, gates: &[GateValue], cuts: &[Threshold]) -> Result<(), TestCaseError> {
        let mut tiers = self.loaded.cascade.tiers().to_vec();
        for ((tier, value), cut) in tiers.iter_mut().zip(gates).zip(cuts) {
            let gate = tier.gate.as_mut().unwrap();
            (gate.value, gate.threshold) = (Some(value.clone()), *cut);
        }
        let cascade = &self.loaded.cascade;
        let policy = Policy { ..*cascade.policy() };
        let (name, salt) = (cascade.name().clone(), cascade.salt().into());
        let cut_cascade = Cascade::try_from(Parts { name, salt, tiers, rules: cascade.rules().to_vec(), policy }).unwrap();
        let view = View::all(&self.out.observations);
        let table = Table::new(&view, gates).unwrap();
        let all: Vec<usize> = (0..cascade.tiers().len()).collect();
        let policy = policy::Thresholds::new(all, cuts.to_vec()).unwrap();
        let ids: BTreeMap<u64, &Example> = self.set.examples().iter().map(|e| (fingerprint(&e.id), e)).collect();
        for (row, id) in self.out.observations.ids().iter().enumerate() {
            let (outcome, trace) = self.recordings.replay(&cut_cascade, ids[id].request());
            let exit = policy.exit(&table, row);
            let last = trace.steps.last().unwrap();
            // A replay ends where nothing is recorded. What the table then says is that a tier without an answer is passed over.
            if last.decision.detail().as_deref() == Some("not-recorded") {
                prop_assert!(exit >= trace.steps.len());
                continue;
            }
            prop_assert_eq!(trace.steps.len(), exit + 1, "{}: {:?}", ids[id].id, last.decision);
            // Where the last call fails, an earlier answer is served, and the table counts it as wrong.
            if last.decision.reason() != "failed" {
                prop_assert_eq!(outcome.served().map(|served| served.tier.0), Some(exit));
            }
        }
        Ok(())
    }

    /// A gate value of a tier, and a cut among its values, by two numbers.
    fn gate(&self, tier: usize, signal: usize, negated: bool, cut: usize, tie: f64) -> (GateValue, Threshold) {
        let observations = &self.out.observations;
        let spec = observations.tiers().nth(tier).unwrap();
        let signal = &spec.signals[signal % spec.signals.len()];
        let scores = observations.scores(tier, signal).unwrap();
        let value = scores[cut % scores.len()];
        let sign = if negated { -1.0 } else { 1.0 };
        let cut = Score::new(sign * value)
            .map_or(Threshold::DeferAll, |score| Threshold::AcceptFrom { score, tie: Tie::try_from(tie).unwrap() });
        (GateValue::Signal { signal: signal.to_string(), negated }, cut)
    }
}

fn fingerprint(id: &str) -> u64 {
    tierfall_calibrate::observations::fingerprint("id", id)
}

static SUPPORT: LazyLock<Bench> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let loaded = tierfall::config::load(root.join("cascades/support.cascade.toml")).unwrap();
    let set = FixtureSet::load(root.join("fixtures/support")).unwrap();
    let recordings = Recordings::load(set.dir(), &tierfall::bindings(&loaded)).unwrap();
    let out = from_fixtures(&loaded.cascade, &set, &recordings, Some("train"), Ungraded::AtWorst).unwrap();
    Bench { loaded, set, recordings, out }
});

const HARD_CASCADE: &str = r#"
version = 1
name = "hard"
[provider.p.simulated]
[provider.p.simulated.models]
s = { ability = 0.5, latency = { first = "1ms" } }
[[rule]]
name = "long"
length = { min = 15 }
route = { enter-at = "large" }
[[tier]]
name = "small"
model = "p/s"
price = { input = "1", output = "2" }
gate = { signal = "mean-logprob", threshold = 0.5, observe = ["min-logprob"], require = ["non-empty", { regex = { pattern = "^[a-z ]*$" } }] }
[[tier]]
name = "large"
model = "p/s"
price = { input = "10", output = "20" }
"#;

/// What a tier may answer that no threshold has a say in, and what one has.
const HARD_ANSWERS: [&str; 10] = [
    r#""text":"fine","logprobs":[["fine",-0.5,[]]],"usage":{"input":10,"output":5},"latency_ms":3"#,
    r#""text":"fine","logprobs":[["f",-0.1,[]],["ine",-2.0,[]]],"usage":{"input":10,"output":5}"#,
    r#""text":"cut","finish":"length","logprobs":[["cut",0.0,[]]],"usage":{"input":10,"output":5}"#,
    r#""text":"","finish":"content_filter","usage":{"input":10,"output":0}"#,
    r#""text":"no","refusal":"no","logprobs":[["no",0.0,[]]],"usage":{"input":10,"output":1}"#,
    r#""text":"INVALID","logprobs":[["INVALID",0.0,[]]],"usage":{"input":10,"output":1}"#,
    r#""text":"bare","usage":{"input":10,"output":1}"#,
    r#""text":"odd","logprobs":[["o",-0.1,[]],["dd",null,[]]],"usage":{"input":10,"output":1}"#,
    r#""text":"floor","logprobs":[["fl",-0.1,[]],["oor","-inf",[]]]"#,
    r#""error":{"kind":"timeout","message":"late","free":true},"latency_ms":9"#,
];

/// A set whose small tier gives these answers in turn; every 13th is not recorded, every 17th is a long question.
fn hard(dir: &Path, n: usize) -> (Loaded, FixtureSet, Recordings) {
    hard_under(HARD_CASCADE, dir, n)
}

fn hard_under(cascade: &str, dir: &Path, n: usize) -> (Loaded, FixtureSet, Recordings) {
    let loaded = parse_str(cascade).unwrap();
    fs_err::write(dir.join("set.toml"), "name = \"hard\"\ngrader = \"exact\"\nsplits = [\"train\"]\n").unwrap();
    let question = |k: usize| format!("{k}{}", if k % 17 == 16 { "?".repeat(60) } else { String::new() });
    let example = |k: usize| {
        let group = k / 2;
        format!(
            r#"{{"id":"h{k}","segment":"s{}","split":"train","group":"g{group}","query":"{}","expected":"x"}}"#,
            k % 3,
            question(k)
        )
    };
    let lines = |line: &dyn Fn(usize) -> Option<String>| (0..n).filter_map(line).map(|line| line + "\n").collect::<String>();
    fs_err::write(dir.join("examples.jsonl"), lines(&|k| Some(example(k)))).unwrap();
    for folder in ["recordings", "grades"] {
        fs_err::create_dir(dir.join(folder)).unwrap();
    }
    for binding in tierfall::bindings(&loaded) {
        let header = serde_json::to_string(&Header::new(&binding)).unwrap() + "\n";
        let small = &*binding.tier == "small";
        let answer = |k: usize| {
            let body = if small { HARD_ANSWERS[k % 10] } else { r#""text":"x","usage":{"input":10,"output":7},"latency_ms":50"# };
            (!small || k % 13 != 12).then(|| format!(r#"{{"id":"h{k}",{body}}}"#))
        };
        let grade = |k: usize| Some(format!(r#"{{"id":"h{k}","correct":1,"by":"me","grader":"exact"}}"#)).filter(|_| k != 1);
        fs_err::write(dir.join(format!("recordings/{}.jsonl", binding.tier)), header + &lines(&answer)).unwrap();
        fs_err::write(dir.join(format!("grades/{}.jsonl", binding.tier)), lines(&grade)).unwrap();
    }
    let set = FixtureSet::load(dir).unwrap();
    let recordings = Recordings::load(dir, &tierfall::bindings(&loaded)).unwrap();
    (loaded, set, recordings)
}

#[test]
fn answers_that_no_threshold_judges_have_no_score() {
    let dir = tempfile::tempdir().unwrap();
    let (loaded, set, recordings) = hard(dir.path(), 60);
    let ReadOut { observations, summary } = from_fixtures(&loaded.cascade, &set, &recordings, None, Ungraded::AtWorst).unwrap();
    let left: Vec<_> = summary.left_out.iter().map(|left| (&*left.reason, left.rows)).collect();
    assert_eq!(left, [("rule \"long\" enters behind tier \"small\"", 3)]);
    assert_eq!((summary.read, summary.used, summary.n_excluded()), (60, 57, 3));
    let why = "rule \"long\" enters behind tier \"small\"".to_owned();
    assert_eq!(observations.conditions(), [Condition::Elsewhere { why, rows: 3 }]);
    // What the cheap tier has no recording of escalates there, and that is said.
    assert!(summary.warnings.iter().any(|warning| warning.starts_with("4 examples have no recording of tier \"small\"")));
    let row = |k: usize| observations.ids().iter().position(|id| *id == fingerprint(&format!("h{k}"))).unwrap();
    let scores = |signal, k| Score::new(observations.scores(0, signal).unwrap()[row(k)]).map(Score::get);
    assert_eq!((scores("mean-logprob", 0), scores("min-logprob", 0)), (Some(-0.5), Some(-0.5)));
    assert_eq!((scores("mean-logprob", 11), scores("min-logprob", 11)), (Some(-1.05), Some(-2.0)));
    for k in [2, 3, 4, 5, 6, 9, 12] {
        assert_eq!((scores("mean-logprob", k), scores("min-logprob", k)), (None, None), "{k}");
    }
    // Its mean is none, but its least is one.
    assert_eq!((scores("mean-logprob", 8), scores("min-logprob", 8)), (None, Some(f64::NEG_INFINITY)));
    assert_eq!(scores("mean-logprob", 7), None);
    assert_eq!(observations.quality(0)[row(9)], Quality::WRONG, "a failed call, whatever its grade");
    assert_eq!(observations.quality(0)[row(12)], Quality::WRONG, "nothing is no right answer");
    assert_eq!(observations.quality(0)[row(0)], Quality::RIGHT);
    assert_eq!(observations.quality(1)[row(1)], Quality::RIGHT, "ungraded: its grader is asked on the spot");
    assert_eq!(observations.costs(0), None, "without usage no cost, nor without an answer");
    assert_eq!(observations.costs(1).unwrap()[0], 10 * 10_000_000 + 7 * 20_000_000);
    assert_eq!((observations.latencies(0), observations.latencies(1).unwrap()[row(0)]), (None, 50_000));
    assert_eq!((observations.length_of(0, row(0)), observations.length_of(0, row(9))), (Some(5), None));
    assert_eq!((observations.segment(0), observations.stratum(row(4)).map(|s| &**s)), (None, Some("s1")));
    assert_eq!(observations.group_of(row(2)), observations.group_of(row(3)));
    assert_eq!(observations.salt(), loaded.cascade.salt());
}

#[test]
fn an_estimate_is_no_cost_of_an_answer() {
    let cascade = HARD_CASCADE.replacen("price = {", "params = { max-tokens = 64 }\nprice = {", 1);
    // The ninth answer tells no usage: it costs something between nothing and 64 tokens.
    for (n, known) in [(8, true), (9, false)] {
        let dir = tempfile::tempdir().unwrap();
        let (loaded, set, recordings) = hard_under(&cascade, dir.path(), n);
        let out = from_fixtures(&loaded.cascade, &set, &recordings, None, Ungraded::AtWorst).unwrap();
        assert_eq!(out.observations.costs(0).is_some(), known, "{n}");
    }
}

#[test]
fn unfinished_and_empty_answers_have_no_score_and_the_grade_of_what_they_say() {
    let dir = tempfile::tempdir().unwrap();
    // Without the validator that defers empty answers on its own.
    let loaded = parse_str(&HARD_CASCADE.replace("\"non-empty\", ", "")).unwrap();
    hard(dir.path(), 5);
    let answers = [
        r#""text":"x","finish":"eos_token""#,
        r#""text":"x","finish":"MAX_TOKENS""#,
        r#""text":"x","finish":"abort""#,
        r#""text":"x","finish":"abort2""#,
        r#""text":" ","finish":"stop""#,
    ];
    for binding in tierfall::bindings(&loaded) {
        let header = serde_json::to_string(&Header::new(&binding)).unwrap();
        let line = |(k, answer)| format!(r#"{{"id":"h{k}",{answer},"logprobs":[["x",-0.5,[]]],"latency_ms":1}}"#);
        let lines: Vec<String> = answers.iter().enumerate().map(line).collect();
        let path = dir.path().join(format!("recordings/{}.jsonl", binding.tier));
        fs_err::write(path, format!("{header}\n{}\n", lines.join("\n"))).unwrap();
        let grades: Vec<String> = (0..5).map(|k| format!(r#"{{"id":"h{k}","correct":1,"by":"me","grader":"exact"}}"#)).collect();
        fs_err::write(dir.path().join(format!("grades/{}.jsonl", binding.tier)), grades.join("\n") + "\n").unwrap();
    }
    let set = FixtureSet::load(dir.path()).unwrap();
    let recordings = Recordings::load(dir.path(), &tierfall::bindings(&loaded)).unwrap();
    let out = from_fixtures(&loaded.cascade, &set, &recordings, None, Ungraded::AtWorst).unwrap().observations;
    let scored: Vec<bool> = out.scores(0, "mean-logprob").unwrap().iter().map(|score| !score.is_nan()).collect();
    assert_eq!(scored, [true, false, false, false, false]);
    assert_eq!(out.quality(0), [Quality::RIGHT; 5], "graded as any other");
    let reasons: Vec<String> = (set.examples().iter())
        .map(|example| {
            let decision = &recordings.replay(&loaded.cascade, example.request()).1.steps[0].decision;
            format!("{} {:?}", decision.reason(), decision.detail().as_deref())
        })
        .collect();
    let unfinished = |word| format!("unfinished Some(\"{word}\")");
    assert_eq!(reasons, ["above-threshold None", "truncated None", &unfinished("abort"), &unfinished("abort2"), "empty None"]);
}

/// A cascade whose small tier rates itself, and recordings with headers that end so.
fn self_rated(dir: &Path, ending: impl Fn(&mut Header)) -> Loaded {
    let rated = r#"{ self-rated = { scale = "percent" } }"#;
    let text = HARD_CASCADE.replace("\"mean-logprob\", threshold = 0.5", &format!("{rated}, threshold = 0.5"));
    let loaded = parse_str(&text.replace(", require = [\"non-empty\", { regex = { pattern = \"^[a-z ]*$\" } }]", "")).unwrap();
    hard(dir, 3);
    fs_err::remove_dir_all(dir.join("grades")).unwrap();
    for binding in tierfall::bindings(&loaded) {
        let mut header = Header::new(&binding);
        ending(&mut header);
        let header = serde_json::to_string(&header).unwrap();
        let rating = if &*binding.tier == "small" {
            [r"\nConfidence: 90", r"\n\n**Confidence:** 40%", " (Confidence: 70)"]
        } else {
            [""; 3]
        };
        let lines: Vec<String> = (0..3).map(|k| format!(r#"{{"id":"h{k}","text":"x{}","latency_ms":1}}"#, rating[k])).collect();
        let path = dir.join(format!("recordings/{}.jsonl", binding.tier));
        fs_err::write(path, format!("{header}\n{}\n", lines.join("\n"))).unwrap();
    }
    loaded
}

#[test]
fn what_an_old_header_does_not_say_of_its_answers_is_named_and_written() {
    let dir = tempfile::tempdir().unwrap();
    let loaded = self_rated(dir.path(), |header| header.strips.clear());
    let bindings = tierfall::bindings(&loaded);
    let error = Recordings::load(dir.path(), &bindings).unwrap_err().to_string();
    assert!(error.contains(r#"what nothing made the model add, the cascade takes out that of "self-rated""#), "{error}");
    for binding in &bindings {
        let path = path_of(dir.path(), &binding.tier).unwrap();
        let opened = Writer::open(&path, Header::new(binding), |there| there.other_answers(binding)).unwrap();
        opened.writer.finish(opened.records.values(), &path).unwrap();
    }
    let set = FixtureSet::load(dir.path()).unwrap();
    let recordings = Recordings::load(dir.path(), &bindings).unwrap();
    let tiers: Vec<_> = recordings.tiers().cloned().collect();
    let table = crate::fixture::grade::grade_set(&set, &recordings, &tiers, None).unwrap();
    assert_eq!(table.total.iter().map(|cell| (cell.n, cell.right)).collect::<Vec<_>>(), [(3, 3); 2]);
}

#[test]
fn what_is_graded_is_what_is_served() {
    let dir = tempfile::tempdir().unwrap();
    let loaded = self_rated(dir.path(), |header| {
        let strips = serde_json::to_string(&header.strips).unwrap();
        assert_eq!(strips, if header.tier == "small" { r#"["self-rated"]"# } else { "[]" });
    });
    let set = FixtureSet::load(dir.path()).unwrap();
    let recordings = Recordings::load(dir.path(), &tierfall::bindings(&loaded)).unwrap();
    let tiers: Vec<_> = recordings.tiers().cloned().collect();
    let table = crate::fixture::grade::grade_set(&set, &recordings, &tiers, None).unwrap();
    assert_eq!(table.total.iter().map(|cell| (cell.n, cell.right)).collect::<Vec<_>>(), [(3, 3); 2]);
    let out = from_fixtures(&loaded.cascade, &set, &recordings, None, Ungraded::AtWorst).unwrap().observations;
    assert_eq!(out.quality(0), [Quality::RIGHT; 3]);
    assert_eq!(out.scores(0, "self-rated").unwrap(), [0.9, 0.4, 0.7]);
    for example in set.examples() {
        let (outcome, _) = recordings.replay(&loaded.cascade, example.request());
        let served = outcome.served().unwrap();
        let name = &loaded.cascade.tier(served.tier).name;
        let recorded = recordings.answer_for(name, example).unwrap();
        assert_eq!((recorded.seen().unwrap().text.as_str(), served.answer.text.as_str()), ("x", "x"));
        // A grade is about what was served, and the recording has what was said.
        let digest = crate::fixture::grade::answer_digest(recorded);
        assert_eq!(digest, crate::fixture::grade::digest_of_completion(&served.answer));
        assert_eq!(recorded.answer.as_ref().unwrap().text.contains("Confidence"), &**name == "small");
    }
}

#[test]
fn cost_and_grade_are_of_one_answer_where_an_edited_example_asks_what_another_asks() {
    let dir = tempfile::tempdir().unwrap();
    let (loaded, set, _) = hard(dir.path(), 2);
    let asked = |k: usize| set.examples()[k].digest();
    for binding in tierfall::bindings(&loaded) {
        let header = serde_json::to_string(&Header::new(&binding)).unwrap();
        let line = |k: usize, text: &str, output: u32| {
            format!(
                r#"{{"id":"h{k}","asked":"{}","text":"{text}","usage":{{"input":3,"output":{output}}},"latency_ms":1}}"#,
                asked(k)
            )
        };
        let text = format!("{header}\n{}\n{}\n", line(0, "x", 7), line(1, "wrong", 9));
        fs_err::write(dir.path().join(format!("recordings/{}.jsonl", binding.tier)), text).unwrap();
    }
    let path = dir.path().join("examples.jsonl");
    let edited = fs_err::read_to_string(&path).unwrap().replace(r#""query":"1""#, r#""query":"0""#);
    fs_err::write(&path, edited).unwrap();
    let set = FixtureSet::load(dir.path()).unwrap();
    let recordings = Recordings::load(dir.path(), &tierfall::bindings(&loaded)).unwrap();
    let tiers: Vec<_> = recordings.tiers().cloned().collect();
    let table = crate::fixture::grade::grade_set(&set, &recordings, &tiers, None).unwrap();
    let out = from_fixtures(&loaded.cascade, &set, &recordings, None, Ungraded::AtWorst).unwrap().observations;
    for tier in 0..2 {
        assert_eq!(out.quality(tier), [Quality::RIGHT; 2], "not what was answered to the old question");
        assert_eq!(out.length_of(tier, 1), Some(7));
        assert_eq!((table.total[tier].n, table.total[tier].right), (2, 2), "what is measured is graded");
    }
}

#[test]
fn nothing_is_promised_of_prompts_that_a_filter_before_the_last_tier_refuses() {
    let dir = tempfile::tempdir().unwrap();
    let (loaded, set, _) = hard(dir.path(), 12);
    for (tier, ids) in [("small", &["h3", "h5"][..]), ("large", &["h4"])] {
        let path = dir.path().join(format!("recordings/{tier}.jsonl"));
        let edited = |line: &str| match ids.iter().find(|id| line.contains(&format!("\"id\":\"{id}\""))) {
            Some(id) => format!(
                r#"{{"id":"{id}","error":{{"kind":"content-filter","message":"no to {id}","free":true}},"latency_ms":9}}"#
            ),
            None => line.to_owned(),
        };
        let text = fs_err::read_to_string(&path).unwrap();
        fs_err::write(&path, text.lines().map(|line| edited(line) + "\n").collect::<String>()).unwrap();
    }
    let recordings = Recordings::load(dir.path(), &tierfall::bindings(&loaded)).unwrap();
    let out = |policy: &str| {
        let loaded = parse_str(&format!("{HARD_CASCADE}\n[policy]\n{policy}\n")).unwrap();
        from_fixtures(&loaded.cascade, &set, &recordings, None, Ungraded::AtWorst).unwrap()
    };
    let refuses = out("on-filter = \"refuse\"");
    let why = "the provider of tier \"small\" refuses their prompts (on-filter = \"refuse\")".to_owned();
    assert_eq!(refuses.observations.conditions(), [Condition::Elsewhere { why, rows: 2 }]);
    assert_eq!(refuses.summary.used, 10, "what the last tier's filter refuses is wrong there, and stays");
    let escalates = out("on-filter = \"escalate\"");
    assert_eq!((escalates.summary.used, escalates.observations.conditions()), (12, &[][..]));
}

#[test]
fn what_a_table_cannot_show_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (_, set, recordings) = hard(dir.path(), 20);
    let with = |policy: &str| {
        let loaded = parse_str(&format!("{HARD_CASCADE}\n[policy]\n{policy}\n")).unwrap();
        from_fixtures(&loaded.cascade, &set, &recordings, None, Ungraded::AtWorst)
    };
    assert!(with("on-abstain = \"accept\"").unwrap_err().to_string().contains("escalate on abstention"));
    assert!(with("on-error = \"fail\"").unwrap_err().to_string().contains("failed call"));
    assert!(
        with("deadline = \"1m\"").unwrap().summary.warnings.iter().any(|warning| warning.contains("deadline is not simulated"))
    );
    let loaded = parse_str(HARD_CASCADE).unwrap();
    let split = from_fixtures(&loaded.cascade, &set, &recordings, Some("trian"), Ungraded::AtWorst).unwrap_err().to_string();
    assert!(split.contains("did you mean \"train\"?"), "{split}");
    fs_err::remove_file(dir.path().join("grades/large.jsonl")).unwrap();
    let grades = from_fixtures(&loaded.cascade, &set, &recordings, None, Ungraded::AtWorst).unwrap_err().to_string();
    assert!(grades.contains("tier \"large\" has no grades") && grades.contains("tierfall grade"), "{grades}");
}

#[test]
fn a_set_whose_last_tier_was_not_asked_everything_says_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (loaded, set, _) = hard(dir.path(), 20);
    let path = dir.path().join("recordings/large.jsonl");
    let text = fs_err::read_to_string(&path).unwrap();
    let fewer: String = text.split_inclusive('\n').filter(|line| !line.contains("\"h3\"")).collect();
    fs_err::write(&path, fewer).unwrap();
    let recordings = Recordings::load(dir.path(), &tierfall::bindings(&loaded)).unwrap();
    let error = from_fixtures(&loaded.cascade, &set, &recordings, None, Ungraded::AtRandom).unwrap_err().to_string();
    assert!(
        error.starts_with("1 of 20 examples have no recording of tier \"large\"") && error.contains("tierfall record"),
        "{error}"
    );
}

#[test]
fn a_person_is_always_right_at_the_declared_cost() {
    let dir = tempfile::tempdir().unwrap();
    let (_, set, recordings) = hard(dir.path(), 20);
    let text = HARD_CASCADE.replace(
        "price = { input = \"10\", output = \"20\" }",
        "gate = { signal = \"non-empty\", threshold = 0.5 }\n[[tier]]\nname = \"desk\"\nreview = true\ncost = 2.5",
    );
    let Ok(loaded) = parse_str(&text) else { panic!("{:?}", parse_str(&text).unwrap_err().diagnostics) };
    let ReadOut { observations, summary } = from_fixtures(&loaded.cascade, &set, &recordings, None, Ungraded::AtWorst).unwrap();
    assert!(observations.quality(2).iter().all(|quality| *quality == Quality::RIGHT));
    assert!(observations.costs(2).unwrap().iter().all(|cost| *cost == 2_500_000_000_000));
    assert!(summary.warnings[0].contains("\"desk\" is taken to be always right"));
}

#[test]
fn our_own_recordings_become_a_whole_table() {
    let summary = &SUPPORT.out.summary;
    let train = SUPPORT.set.examples().iter().filter(|example| &*example.split == "train").count() as u64;
    assert_eq!((summary.used, summary.read), (train, SUPPORT.set.examples().len() as u64));
    assert_eq!(summary.tiers[0].signals.len(), 5);
    let observations = &SUPPORT.out.observations;
    assert!((0..3).all(|tier| observations.latencies(tier).is_some()));
    let again =
        from_fixtures(&SUPPORT.loaded.cascade, &SUPPORT.set, &SUPPORT.recordings, Some("train"), Ungraded::AtWorst).unwrap();
    assert_eq!(digest(&again.observations), digest(observations));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_policy_on_the_table_serves_what_the_cascade_serves(
        choices in proptest::array::uniform2((0..5_usize, any::<bool>(), any::<usize>(), 0.0..1.0f64)),
    ) {
        let gates = choices.iter().enumerate();
        let (gates, cuts): (Vec<_>, Vec<_>) = gates.map(|(tier, (s, neg, cut, tie))| SUPPORT.gate(tier, *s, *neg, *cut, *tie)).unzip();
        SUPPORT.agrees(&gates, &cuts)?;
    }

    #[test]
    fn so_it_does_on_answers_of_every_kind(signal in 0..2_usize, negated in any::<bool>(), cut in any::<usize>(), tie in 0.0..1.0f64) {
        let dir = tempfile::tempdir().unwrap();
        let (loaded, set, recordings) = hard(dir.path(), 60);
        let out = from_fixtures(&loaded.cascade, &set, &recordings, None, Ungraded::AtWorst).unwrap();
        let bench = Bench { loaded, set, recordings, out };
        let (gate, cut) = bench.gate(0, signal, negated, cut, tie);
        bench.agrees(&[gate], &[cut])?;
    }
}

#[test]
fn why_a_tier_is_not_asked_is_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    let rule = |key: &str, route: &str| {
        format!("[[rule]]\nname = \"{key}\"\ntag = {{ key = \"segment\", equals = \"{key}\" }}\nroute = {{ {route} }}\n")
    };
    let rules = rule("s0", "only = [\"small\"]") + &rule("s1", "refuse = \"no\"") + "[[rule]]\nname = \"long\"";
    let cascade = HARD_CASCADE
        .replacen("[[rule]]\nname = \"long\"", &rules, 1)
        .replace("price = { input = \"10\"", "context-window = 18\nprice = { input = \"10\"");
    let (loaded, set, recordings) = hard_under(&cascade.replace("min = 15", "min = 1000"), dir.path(), 60);
    let ReadOut { observations, summary } = from_fixtures(&loaded.cascade, &set, &recordings, None, Ungraded::AtWorst).unwrap();
    let left: BTreeMap<_, _> = summary.left_out.iter().map(|left| (&*left.reason, left.rows)).collect();
    let expected = [
        ("rule \"s0\" does not let tier \"large\" see them", 20),
        ("rule \"s1\" refuses them", 20),
        ("tier \"large\" is skipped (context-window)", 1),
    ];
    assert_eq!(left, expected.into());
    assert_eq!((summary.used, summary.n_excluded(), observations.len()), (19, 41, 19));
}

#[test]
fn log_probabilities_that_a_recording_lacks_are_a_condition() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/support");
    let dir = tempfile::tempdir().unwrap();
    for folder in ["recordings", "grades"] {
        fs_err::create_dir_all(dir.path().join(folder)).unwrap();
    }
    let tiers = ["small", "medium", "large"].map(|tier| ["recordings", "grades"].map(|folder| format!("{folder}/{tier}.jsonl")));
    for name in tiers.iter().flatten().map(String::as_str).chain(["set.toml", "examples.jsonl"]) {
        fs_err::copy(root.join(name), dir.path().join(name)).unwrap();
    }
    let ask = Ask {
        target: Target::MaxLoss(0.05),
        delta: Delta::new(0.1),
        signals: SUPPORT.loaded.cascade.tiers()[..2]
            .iter()
            .map(|tier| {
                let signal = tier.gate.as_ref().unwrap().signal.label.to_string();
                SignalChoice::Fixed(GateValue::Signal { signal, negated: false })
            })
            .collect(),
        points: Vec::new(),
        latency: None,
        by_segment: None,
        max_depth: 1,
        people_at_random: false,
        seed: 0,
        earlier: 0,
    };
    let statement = |out: &ReadOut| {
        let made = calibrate(&out.observations, 0, &ask, |_| {}).unwrap();
        made.report.guarantee.unwrap().statement
    };
    assert!(
        !statement(&SUPPORT.out).contains("lacks something"),
        "what signals make of a whole recording is what they make of it live"
    );
    for tier in ["small", "medium"] {
        let path = dir.path().join(format!("recordings/{tier}.jsonl"));
        let thinned = |(at, line): (usize, &str)| {
            let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
            if at % 4 == 1 {
                line.as_object_mut().unwrap().remove("logprobs");
            }
            format!("{line}\n")
        };
        let lost: String = fs_err::read_to_string(&path).unwrap().lines().enumerate().map(thinned).collect();
        fs_err::write(&path, lost).unwrap();
    }
    let set = FixtureSet::load(dir.path()).unwrap();
    let recordings = Recordings::load(dir.path(), &tierfall::bindings(&SUPPORT.loaded)).unwrap();
    let out = from_fixtures(&SUPPORT.loaded.cascade, &set, &recordings, Some("train"), Ungraded::AtWorst).unwrap();
    let said = statement(&out);
    assert!(said.contains("lacks something that it reads in") && said.contains("it supposes that requests lack it"), "{said}");
}
