use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use tierfall_core::request::{Json, Message, Request};
use tierfall_core::trace::Trace;

use super::*;
use crate::fixture::FixtureSet;
use crate::fixture::grade::Graders;
use crate::fixture::replay::Recordings;
use crate::{Answers, Error};
use tierfall::config::{self, Loaded};
use tierfall::{Ask, Asker, bindings};

const CASCADE: &str = r#"
version = 1
name = "shop"

[provider.sim.simulated]
seed = 3

[provider.sim.simulated.models]
small = { ability = 0.4, separation = 1.5 }
large = { ability = 0.9 }

[[tier]]
name = "small"
model = "sim/small"
price = { input = "0.1", output = "0.2" }
gate = { signal = "mean-logprob", threshold = 0.6 }

[[tier]]
name = "large"
model = "sim/large"
price = { input = "1", output = "2" }
"#;

struct Bench {
    dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { dir: tempfile::tempdir().unwrap() };
        std::fs::write(bench.cascade(), CASCADE).unwrap();
        bench
    }

    fn cascade(&self) -> PathBuf {
        self.dir.path().join("shop.cascade.toml")
    }

    fn log(&self) -> PathBuf {
        self.dir.path().join("traces.jsonl")
    }

    fn set(&self) -> PathBuf {
        self.dir.path().join("traffic")
    }

    fn loaded(&self) -> Loaded {
        config::load(self.cascade()).unwrap()
    }

    /// Answers and captures; question `n` is asked under the id `idN`.
    async fn serve(&self, sampling: &str, asks: impl IntoIterator<Item = Ask>) -> Vec<Trace> {
        let capture = Arc::new(Capture::open(self.log(), sampling.parse().unwrap(), &bindings(&self.loaded())).unwrap());
        let engine = crate::open(self.cascade(), &Answers::Live, Asker::Anybody)
            .unwrap()
            .builder
            .observer(capture.clone())
            .build()
            .unwrap();
        let mut traces = Vec::new();
        for ask in asks {
            traces.push(Arc::unwrap_or_clone(engine.complete(ask).await.trace));
        }
        engine.flush();
        capture.close().unwrap();
        assert_eq!(capture.lost(), 0);
        traces
    }

    fn lines(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.log()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn import(&self, append: bool) -> Result<ImportedTraffic, Error> {
        import(&[self.log()], &self.set(), &self.loaded(), &TrafficOptions { append, ..options() })
    }
}

fn options() -> TrafficOptions {
    TrafficOptions {
        splits: Splits::default(),
        repeats: Repeats::Each,
        grader: "human".into(),
        graders: Graders::default(),
        append: false,
        strict: false,
    }
}

fn ask(n: usize) -> Ask {
    Ask::from(format!("Where is order {n}?")).with_id(format!("id{n}")).with_tag("shop", "books").by(format!("u{n}"))
}

fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() { all.extend(files(&entry)) } else { all.push((entry.clone(), std::fs::read(&entry).unwrap())) }
    }
    all.sort();
    all
}

#[tokio::test]
async fn only_what_the_sampling_keeps_has_content() {
    let bench = Bench::new();
    let traces = bench.serve("accepted=0.1,escalated=0.5", (0..400).map(ask)).await;
    let (lines, sampling) = (bench.lines(), "accepted=0.1,escalated=0.5".parse::<Sampling>().unwrap());
    assert_eq!(lines.len(), traces.len());
    let mut kept = 0;
    for (line, trace) in lines.iter().zip(&traces) {
        let stratum = Stratum::of(trace).unwrap();
        let keeps = sampling.keeps("shop", &trace.request_id, stratum);
        assert_eq!(line.get("content").is_some(), keeps);
        let mut plain = line.clone();
        let parts = plain.as_object_mut().map(|map| (map.remove("content"), map.remove("sample"))).unwrap();
        // Without content and sample a line is the trace, in which there is no text of the conversation.
        assert_eq!(plain, serde_json::to_value(trace).unwrap());
        assert!(!plain.to_string().contains("order") && !plain.to_string().contains("books"));
        if let (Some(content), Some(sample)) = parts {
            kept += 1;
            assert_eq!(sample["stratum"], stratum.to_string());
            assert_eq!(sample["propensity"], sampling.rate(stratum));
            assert_eq!(sample["least"], 0.1);
            assert_eq!(content["tags"]["shop"], "books");
            let asked: Vec<&str> = trace.steps.iter().map(|step| &*step.tier).collect();
            assert!(asked.iter().all(|tier| content["answers"][tier]["text"].is_string()), "{content}");
        }
    }
    assert!((60..140).contains(&kept), "{kept}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(bench.log()).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn what_is_imported_replays_as_it_ran() {
    let bench = Bench::new();
    let traces = bench.serve("accepted=0.25,escalated=1", (0..200).map(ask)).await;
    let report = bench.import(false).unwrap();
    assert_eq!(report.read, 200);
    assert_eq!(report.written + report.without_content, 200);
    assert_eq!((report.bad, report.repeated, report.there, report.repeats), (0, 0, 0, 0));
    assert!((report.heaviest - 4.0).abs() < 1e-12);
    let (n, stand_for) = report.strata[&Stratum::Accepted];
    assert!((stand_for - 4.0 * n as f64).abs() < 1e-9);
    let loaded = bench.loaded();
    let set = FixtureSet::load(bench.set()).unwrap();
    assert_eq!(set.about().heaviest_weight, Some(4.0));
    let recordings = Recordings::load(set.dir(), &bindings(&loaded)).unwrap();
    for example in set.examples() {
        let ran = traces.iter().find(|trace| trace.request_id.as_str() == &*example.id).unwrap();
        let (_, replayed) = recordings.replay(&loaded.cascade, Arc::new(example.request()));
        assert_eq!((replayed.at, &replayed.principal), (ran.at, &ran.principal));
        assert!(ran.at.is_some() && ran.principal.as_deref().is_some_and(|who| who.starts_with('u')));
        assert_eq!(replayed.steps.len(), ran.steps.len());
        for (one, other) in replayed.steps.iter().zip(&ran.steps) {
            assert_eq!(
                (&one.tier, &one.decision, &one.gate_value, one.tie),
                (&other.tier, &other.decision, &other.gate_value, other.tie)
            );
            assert_eq!(one.cost(), other.cost());
        }
        assert_eq!(&*example.segment, "traffic");
        assert_eq!(example.tags["shop"], "books");
    }
    let splits = |name: &str| set.examples().iter().filter(|example| &*example.split == name).count();
    assert!(splits("train") > 20 && splits("test") > 20);
    // The same lines make the same files.
    let before = files(&bench.set());
    std::fs::remove_dir_all(bench.set()).unwrap();
    bench.import(false).unwrap();
    assert_eq!(files(&bench.set()), before);
}

#[tokio::test]
async fn a_set_grows_and_nothing_is_overwritten() {
    let bench = Bench::new();
    bench.serve("0.5", (0..60).map(ask)).await;
    let first = bench.import(false).unwrap();
    let before = files(&bench.set());
    assert!(bench.import(false).unwrap_err().to_string().ends_with("exists already"));
    assert_eq!(files(&bench.set()), before);
    bench.serve("0.5", (60..120).map(ask)).await;
    let second = bench.import(true).unwrap();
    assert_eq!(second.there, first.written);
    let set = FixtureSet::load(bench.set()).unwrap();
    assert_eq!(set.examples().len() as u64, first.written + second.written);
    let again = bench.import(true).unwrap();
    assert_eq!((again.written, again.there), (0, first.written + second.written));
    let before = files(&bench.set());
    bench.serve("accepted=0.2,escalated=0.3", (120..220).map(ask)).await;
    let error = bench.import(true).unwrap_err().to_string();
    assert!(error.contains("down to 1/5") && error.contains("heaviest-weight = 2"), "{error}");
    assert_eq!(files(&bench.set()), before);
}

#[tokio::test]
async fn questions_that_repeat_count_each_or_are_one_item() {
    let bench = Bench::new();
    let same = |n: usize| Ask::from(format!("Where is order {}?", n % 5)).with_id(format!("id{n}"));
    bench.serve("1", (0..30).map(same)).await;
    let once = TrafficOptions { repeats: Repeats::Once, ..options() };
    let report = import(&[bench.log()], &bench.set(), &bench.loaded(), &once).unwrap();
    assert_eq!((report.written, report.repeats), (30, 25));
    let set = FixtureSet::load(bench.set()).unwrap();
    let of = |question: usize| set.examples().iter().filter(move |example| example.question().contains(&format!(" {question}?")));
    for question in 0..5 {
        let first = of(question).next().unwrap();
        assert!(first.group.is_some());
        assert!(of(question).all(|example| example.group == first.group && example.split == first.split));
    }
    bench.serve("1", (30..40).map(same)).await;
    let counted = bench.import(true).unwrap_err().to_string();
    assert!(counted.ends_with("were counted otherwise"), "the set counts repeats once: {counted}");
    let more = TrafficOptions { append: true, ..once };
    assert_eq!(import(&[bench.log()], &bench.set(), &bench.loaded(), &more).unwrap().written, 10);
    std::fs::remove_dir_all(bench.set()).unwrap();
    bench.import(false).unwrap();
    let set = FixtureSet::load(bench.set()).unwrap();
    assert!(set.examples().iter().all(|example| example.group.is_none()));
}

#[tokio::test]
async fn of_a_sample_nobody_knows_how_likely_a_question_was_to_be_kept() {
    let bench = Bench::new();
    bench.serve("0.5", (0..60).map(ask)).await;
    let once = TrafficOptions { repeats: Repeats::Once, ..options() };
    let error = import(&[bench.log()], &bench.set(), &bench.loaded(), &once).unwrap_err().to_string();
    assert!(error.contains("probabilities down to 1/2, so how often"), "{error}");
    assert!(!bench.set().exists());
    assert!(bench.import(false).unwrap().written > 0);
}

#[tokio::test]
async fn lines_that_cannot_be_used_are_counted_with_their_place() {
    let bench = Bench::new();
    let mut with_tools = Request::from_messages("tools", vec![Message::user("Which tool?")]);
    with_tools.tools = Some(Json::of(&[1]).unwrap());
    bench.serve("1", [ask(1), with_tools.into(), ask(2), ask(3)]).await;
    let lines = bench.lines();
    let line = |change: &dyn Fn(&mut Value)| {
        let mut line = lines[2].clone();
        change(&mut line);
        line.to_string()
    };
    let text = [
        lines[0].to_string(),
        lines[1].to_string(),
        lines[0].to_string(),
        line(&|line| line["cascade"] = "another".into()),
        line(&|line| drop(line.as_object_mut().unwrap().remove("sample"))),
        line(&|line| line["sample"]["propensity"] = 0.into()),
        line(&|line| line["sample"]["least"] = 2.into()),
        line(&|line| line["content"]["answers"]["small"]["asked"] = "0".into()),
        line(&|line| line["content"]["bindings"]["small"] = "0".into()),
        line(&|line| drop(line["content"].as_object_mut().unwrap().remove("bindings"))),
        line(&|line| line["content"]["messages"] = Value::Array(Vec::new())),
        "not json".to_owned(),
        lines[3].to_string(),
        lines[2].to_string()[..200].to_owned(),
    ];
    std::fs::write(bench.log(), text.join("\n")).unwrap();
    let report = bench.import(false).unwrap();
    assert_eq!((report.read, report.written, report.bad), (14, 2, 10));
    assert_eq!((report.repeated, report.of_others), (1, 1));
    let strict =
        import(&[bench.log()], &bench.dir.path().join("strict"), &bench.loaded(), &TrafficOptions { strict: true, ..options() });
    assert!(strict.unwrap_err().to_string().contains("traces.jsonl:2: /content/beyond: the request brought tools"));
    assert!(!bench.dir.path().join("strict").exists());
    let mut seen = Vec::new();
    for bad in text.iter().skip(1) {
        std::fs::write(bench.log(), bad).unwrap();
        let into = bench.dir.path().join("one");
        match import(&[bench.log()], &into, &bench.loaded(), &options()) {
            Err(error) => seen.push(error.to_string()),
            Ok(_) => std::fs::remove_dir_all(into).unwrap(),
        }
    }
    let wanted = [
        "tools",
        "of other cascades",
        "/sample: is missing",
        "/sample/propensity: must be above 0",
        "/sample/least: must be above 0",
        "/content/answers/small: answers another question",
        "/content/answers/small: answered with another model",
        "nothing says with which model",
        "/messages",
        "expected",
        "cut in the middle of a write",
    ];
    assert_eq!(seen.len(), wanted.len(), "{seen:#?}");
    for (error, wanted) in seen.iter().zip(wanted) {
        assert!(error.contains(wanted), "{error} should say {wanted}");
    }
}

#[tokio::test]
async fn answers_to_another_prompt_are_no_answers_of_this_cascade() {
    let bench = Bench::new();
    bench.serve("1", (0..5).map(ask)).await;
    let changed = CASCADE.replace("model = \"sim/small\"", "model = \"sim/small\"\nsystem-prompt = \"Be brief.\"");
    std::fs::write(bench.cascade(), changed).unwrap();
    let error = bench.import(false).unwrap_err().to_string();
    assert!(error.contains("5 cannot be used") && error.contains("another model, prompt or parameters"), "{error}");
    assert!(!bench.set().exists());
    // Prices and thresholds change what is decided and paid, not what was answered.
    std::fs::write(bench.cascade(), CASCADE.replace("0.6", "0.7").replace("\"0.1\"", "\"0.3\"")).unwrap();
    assert_eq!(bench.import(false).unwrap().written, 5);
}

#[tokio::test]
async fn how_a_request_ended_last_counts() {
    let bench = Bench::new();
    bench.serve("1", [ask(1), ask(2), ask(3)]).await;
    let [answered, plain, other] = [0, 1, 2].map(|at| bench.lines()[at].clone());
    let mut failed = answered.clone();
    failed["outcome"] = "failed".into();
    failed["content"]["answers"] = serde_json::json!({});
    failed["sample"] = serde_json::json!({"propensity": 0.25, "stratum": "failed", "least": 0.25});
    let mut unsampled = plain.clone();
    unsampled.as_object_mut().unwrap().retain(|key, _| key != "content" && key != "sample");
    let missed = |line: &Value| {
        let mut line = line.clone();
        line["content"]["answers"] = serde_json::json!({});
        line["steps"] = serde_json::json!([{"tier": "small", "decision": "defer", "reason": "failed", "detail": "not-recorded"}]);
        line
    };
    let asked = missed(&other)["request_id"].clone();
    let text =
        [&failed, &answered, &plain, &unsampled, &other, &missed(&other), &missed(&answered)].map(Value::to_string).join("\n");
    std::fs::write(bench.log(), text).unwrap();
    let report = bench.import(false).unwrap();
    let ImportedTraffic { read, written, repeated, without_content, not_recorded, bad, .. } = report;
    assert_eq!((read, written, repeated, without_content, not_recorded, bad), (7, 2, 2, 1, 2, 0), "every line is one of them");
    assert_eq!(report.answers.get("small"), Some(&2), "the failed try hides no answer");
    assert!((report.heaviest - 1.0).abs() < 1e-12, "what no longer counts weighs nothing");
    let set = FixtureSet::load(bench.set()).unwrap();
    let ids: Vec<&str> = set.examples().iter().map(|example| &*example.id).collect();
    assert_eq!(ids, [answered["request_id"].as_str().unwrap(), asked.as_str().unwrap()]);
}
