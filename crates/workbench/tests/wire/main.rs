//! The promise through the wire: fixtures are recorded over HTTP from servers whose truth is known, graded and calibrated, and the
//! fitted cascade is then asked live. What it serves, escalates and costs is what calibration said and what a replay says.
#![expect(clippy::unwrap_used, reason = "what cannot be set up fails the test")]

mod population;
mod servers;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rand::seq::SliceRandom;
use tierfall::clock::ManualClock;
use tierfall::config::{Loaded, load_unfitted};
use tierfall::{Answer, Ask as Put, Asker, Engine, bindings, fit, sources};
use tierfall_calibrate::ask::{Ask, Delta, SignalChoice, Target};
use tierfall_calibrate::evaluate::evaluate;
use tierfall_calibrate::observations::Observations;
use tierfall_calibrate::procedure::{Outcome as Calibrated, calibrate};
use tierfall_calibrate::report::Expected;
use tierfall_calibrate::view::{Held, View};
use tierfall_core::fit::{Fit, Provenance, Status};
use tierfall_core::fusion::GateValue;
use tierfall_core::money::Money;
use tierfall_core::run::Outcome;
use tierfall_workbench::fixture::FixtureSet;
use tierfall_workbench::fixture::grade::grade_set;
use tierfall_workbench::fixture::record::{RecordEvent, RecordOptions, record};
use tierfall_workbench::fixture::replay::Recordings;
use tierfall_workbench::{Answers, observations};
use wiremock::MockServer;

use crate::population::{Manner, Question, TIERS, questions};

const QUESTIONS: usize = 1200;
const TRAIN: usize = 400;
const LIVE: usize = 300;
const SEEDS: u64 = 40;
const DELTA: f64 = 0.1;
const LOSS: f64 = 0.05;

/// Everything that is there: the population, its servers, and a folder with the cascade and its fixture set.
struct World {
    questions: Vec<Question>,
    clock: Arc<ManualClock>,
    servers: Vec<MockServer>,
    dir: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let (questions, clock) = (questions(QUESTIONS), Arc::new(ManualClock::default()));
        let running = servers::start(&questions, &clock).await;
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("set")).unwrap();
        let world = Self { questions, clock, servers: running, dir };
        std::fs::write(world.cascade(), world.cascade_text()).unwrap();
        let about = "name = \"colours\"\nsplits = [\"train\", \"test\"]\ntiers = [\"small\", \"medium\", \"large\"]\ngrader = \"exact\"\n";
        std::fs::write(world.set().join("set.toml"), about).unwrap();
        world.deal(0);
        world
    }

    fn cascade(&self) -> PathBuf {
        self.dir.path().join("colours.cascade.toml")
    }

    fn set(&self) -> PathBuf {
        self.dir.path().join("set")
    }

    fn cascade_text(&self) -> String {
        let mut text = "version = 1\nname = \"colours\"\n".to_owned();
        for (tier, server) in TIERS.iter().zip(&self.servers) {
            let uri = server.uri();
            write!(text, "\n[provider.{tier}.openai-chat]\nbase-url = \"{uri}/v1\"\nretries = 1\n").unwrap();
        }
        for (tier, (input, output)) in TIERS.iter().zip([("0.1", "0.2"), ("0.5", "1"), ("5", "15")]) {
            write!(text, "\n[[tier]]\nname = \"{tier}\"\nmodel = \"{tier}/{tier}-model\"\n").unwrap();
            writeln!(text, "price = {{ input = \"{input}\", output = \"{output}\" }}").unwrap();
            if *tier != "large" {
                text.push_str("gate = { signal = \"mean-logprob\", threshold = \"fit\" }\n");
            }
        }
        text
    }

    /// Deals the questions to the splits.
    fn deal(&self, seed: u64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.questions.len()).collect();
        order.shuffle(&mut ChaCha8Rng::seed_from_u64(seed));
        let mut text = String::new();
        for (place, at) in order.iter().enumerate() {
            let Question { id, text: query, expected, .. } = &self.questions[*at];
            let split = if place < TRAIN { "train" } else { "test" };
            let line = serde_json::json!({"id": id, "segment": "all", "split": split, "query": query, "expected": expected});
            writeln!(text, "{line}").unwrap();
        }
        std::fs::write(self.set().join("examples.jsonl"), text).unwrap();
        order.split_off(TRAIN)
    }

    fn loaded(&self) -> Loaded {
        load_unfitted(self.cascade()).unwrap()
    }

    /// Asks every tier every question, one after the other.
    async fn record(&self) {
        let (loaded, set) = (self.loaded(), FixtureSet::load(self.set()).unwrap());
        let sources = sources(&loaded).unwrap();
        for tier in TIERS {
            let options =
                RecordOptions { concurrency: NonZeroUsize::MIN, tiers: vec![tier.to_owned()], ..RecordOptions::default() };
            let (quiet, never) = (|_: RecordEvent<'_>| {}, std::future::pending());
            record(&loaded.cascade, &sources, &set, &options, &*self.clock, &quiet, never).await.unwrap();
        }
        let recordings = Recordings::open(set.dir(), &set.about().tiers).unwrap();
        let tiers = TIERS.map(Arc::from);
        grade_set(&set, &recordings, &tiers, None).unwrap();
    }

    fn observed(&self, split: Option<&str>) -> Observations {
        let (loaded, set) = (self.loaded(), FixtureSet::load(self.set()).unwrap());
        let recordings = Recordings::load(set.dir(), &bindings(&loaded)).unwrap().with_questions_of(&set);
        observations::from_fixtures(&loaded.cascade, &set, &recordings, split, observations::Ungraded::AtWorst)
            .unwrap()
            .observations
    }

    /// Calibrates on the train split, and puts the fit beside the cascade.
    fn calibrate(&self) -> (Calibrated, Fit) {
        let signal = || SignalChoice::Fixed(GateValue::Signal { signal: "mean-logprob".into(), negated: false });
        let ask = Ask {
            target: Target::MaxLoss(LOSS),
            delta: Delta::new(DELTA),
            signals: vec![signal(), signal()],
            points: Vec::new(),
            latency: None,
            by_segment: None,
            max_depth: 1,
            people_at_random: true,
            seed: 0,
            earlier: 0,
        };
        let outcome = calibrate(&self.observed(Some("train")), 0, &ask, |_| {}).unwrap();
        let loaded = self.loaded();
        let mut fit = Fit {
            version: 1,
            cascade: String::new(),
            salt: loaded.cascade.salt().to_owned(),
            provenance: Provenance { seen: outcome.seen.clone(), split: Some("train".into()), ..Provenance::default() },
            tier: outcome.tiers.clone(),
            point: outcome.points.clone(),
        };
        fit::bind(&mut fit, &loaded);
        tierfall_workbench::fit::write(fit::path_for(&self.cascade()), &fit).unwrap();
        (outcome, fit)
    }

    fn engine(&self, answers: &Answers) -> Engine {
        tierfall_workbench::open(self.cascade(), answers, Asker::Anybody)
            .unwrap()
            .builder
            .clock(self.clock.clone())
            .build()
            .unwrap()
    }
}

fn fixtures(dir: &Path) -> String {
    dir.to_string_lossy().into_owned()
}

/// What a run did, but for the time that failed attempts took.
fn told(answer: &Answer) -> (Option<String>, Option<String>, Option<u128>, Vec<String>) {
    let steps =
        answer.trace.steps.iter().map(|step| {
            format!("{} {:?} {:?} {:?} {:?}", step.tier, step.decision, step.gate_value, step.tie, step.cost().total())
        });
    let tier = answer.trace.tier.as_deref().map(str::to_owned);
    (answer.text().map(str::to_owned), tier, answer.trace.cost.total().map(Money::pico), steps.collect())
}

/// Whether two means differ by no more than chance makes of samples this large.
fn near(one: f64, other: f64, spread: f64, n: [usize; 2]) -> bool {
    (one - other).abs() <= 3.5 * spread * (1.0 / n[0] as f64 + 1.0 / n[1] as f64).sqrt()
}

fn spread(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_promised_from_recordings_is_what_is_served_live() {
    let world = World::new().await;
    world.record().await;

    // What was recorded and graded is the truth, tier by tier.
    let whole = world.observed(None);
    for (row, question) in world.questions.iter().enumerate() {
        for tier in 0..3 {
            assert_eq!(whole.quality(tier).len(), QUESTIONS);
            let at = row_of(&whole, question).unwrap_or(row);
            assert_eq!(whole.quality(tier)[at].get() > 0.5, question.is_right(tier), "{question:?}");
            let silent = !matches!(question.parts[tier].manner, Manner::Plain | Manner::BusyOnce);
            if let Some(scores) = whole.scores(tier, "mean-logprob") {
                let score = scores[at];
                assert!(if silent { score.is_nan() } else { (score - question.parts[tier].logprob).abs() < 1e-9 });
            }
        }
    }

    // A promise, as good as it says: the cascade is asked live about questions that it was not fitted on.
    let fresh = world.deal(1);
    let (outcome, _) = world.calibrate();
    let report = &outcome.report;
    assert_eq!(report.status, Status::Certified, "{}", report.why);
    assert!(report.chain.len() > 1, "nothing is saved, so that nothing is shown");
    let live = world.engine(&Answers::Live);
    let replayed = world.engine(&Answers::Replay(fixtures(&world.set())));
    let mut served = Vec::new();
    for at in fresh.iter().take(LIVE) {
        let question = &world.questions[*at];
        let answer = live.complete(Put::from(question.text.as_str()).with_id(question.id.as_str())).await;
        let again = replayed.complete(Put::from(question.text.as_str())).await;
        assert_eq!(told(&answer), told(&again), "{question:?}");
        served.push((question, answer));
    }
    as_expected(&served, report.estimate.as_ref().unwrap());

    // Over many draws of the fixtures it is broken at most as often as it may be.
    let mut broken: BTreeMap<bool, u32> = BTreeMap::new();
    for seed in 0..SEEDS {
        world.deal(100 + seed);
        let (outcome, fit) = world.calibrate();
        if outcome.report.status != Status::Certified {
            continue;
        }
        let held = Held::overlapping(View::all(&whole), &fit.provenance.seen).0;
        let loss = evaluate(&held, &fit, None, 0).unwrap().loss_vs_last.value;
        *broken.entry(loss > LOSS).or_default() += 1;
    }
    let [kept, broken] = [false, true].map(|broken_| broken.get(&broken_).copied().unwrap_or(0));
    let most = DELTA * SEEDS as f64 + 3.0 * (DELTA * (1.0 - DELTA) * SEEDS as f64).sqrt();
    assert!(f64::from(broken) <= most && kept > 0, "{broken} of {SEEDS} promises are broken, {kept} kept");
}

/// The row of a question; rows are in the order of the set.
fn row_of(whole: &Observations, question: &Question) -> Option<usize> {
    let id = tierfall_calibrate::observations::fingerprint("id", &question.id);
    whole.ids().iter().position(|known| *known == id)
}

/// Accuracy, cost and coverage are what calibration expects, as far as so many questions can tell.
fn as_expected(served: &[(&Question, Answer)], expected: &Expected) {
    let n = [served.len(), TRAIN];
    let right: Vec<f64> = served
        .iter()
        .map(|(question, answer)| {
            let Outcome::Answered(_) = answer.outcome else { return 0.0 };
            f64::from(u8::from(answer.text() == Some(&*question.expected)))
        })
        .collect();
    let cost: Vec<f64> = served.iter().map(|(_, answer)| answer.trace.cost.total().unwrap().usd()).collect();
    let first: Vec<f64> = served.iter().map(|(_, answer)| f64::from(u8::from(answer.trace.steps.len() == 1))).collect();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let accuracy = expected.accuracy.unwrap();
    assert!(near(mean(&right), accuracy.value, spread(&right), n), "{} {accuracy:?}", mean(&right));
    assert!(near(mean(&cost), expected.cost_usd.unwrap(), spread(&cost), n), "{} {expected:?}", mean(&cost));
    assert!(near(mean(&first), expected.coverage[0].unwrap(), spread(&first), n), "{} {expected:?}", mean(&first));
}
