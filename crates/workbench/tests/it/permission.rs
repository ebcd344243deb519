//! Who is shown what: no call of `record`, of a judge, of a live regression run or of an engine reaches a tier that a rule keeps the
//! request from. All of them ask servers that write down what they are shown.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use tierfall::config::{self, Loaded};
use tierfall::{Asker, Source, SystemClock, sources};
use tierfall_core::completion::{Completion, Tokens, Usage};
use tierfall_testkit::openai;
use tierfall_workbench::Answers;
use tierfall_workbench::fixture::FixtureSet;
use tierfall_workbench::fixture::grade::{RecordedSet, judge};
use tierfall_workbench::fixture::record::{RecordEvent, RecordOptions, RecordReport, record};
use tierfall_workbench::fixture::replay::Recordings;
use tierfall_workbench::regress::live::{LiveOptions, live};
use wiremock::matchers::method;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

const TIERS: usize = 4;
const EXAMPLES: usize = 6;
/// What `Seen` calls the judge.
const JUDGE: usize = TIERS;

/// Who was shown which example: pairs of tier and example.
type Pairs = BTreeSet<(usize, usize)>;

/// Answers as every tier and the judge, and writes down who was asked about which example.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Pairs>>);

impl Respond for Seen {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let tier: usize = request.url.path().trim_start_matches("/t").split('/').next().unwrap().parse().unwrap();
        let body = String::from_utf8(request.body.clone()).unwrap();
        let mut seen = self.0.lock().unwrap();
        let places =
            body.match_indices("<q").map(|(at, _)| body[at + 2..].chars().next().unwrap().to_digit(10).unwrap() as usize);
        seen.extend(places.map(|example| (tier, example)));
        drop(seen);
        let mut tokens = Tokens::default();
        // Whatever is asked finds something to read: a word, a verdict, a letter.
        let meets = if body.contains("A: the answer meets") { "A" } else { "B" };
        let text = if tier == JUDGE { meets } else { "True" };
        tokens.push(text, -0.7);
        for (other, logprob) in [(text, -0.7), ("False", -0.8)] {
            tokens.push_alternative(other, logprob);
        }
        let usage = Some(Usage { input: 10, output: 1, ..Usage::default() });
        let reply = Completion { tokens: Some(tokens), usage, ..Completion::text(text) };
        ResponseTemplate::new(200).set_body_json(openai::chat(&reply))
    }
}

impl Seen {
    fn take(&self) -> Pairs {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A rule for the examples with the tag of its place.
#[derive(Clone, Debug, PartialEq)]
enum Route {
    Only(BTreeSet<usize>),
    EnterAt(usize),
    Review,
    Refuse,
}

#[derive(Clone, Debug)]
enum Signal {
    Own,
    Asks(usize),
    AsksItself,
    Samples,
}

#[derive(Clone, Debug)]
struct Case {
    rules: Vec<Route>,
    /// One a gated tier: its signal, one that it requires, one that it observes; and where it cuts.
    gates: Vec<(Signal, Option<Signal>, Option<Signal>, f64)>,
    /// One an example: the rules whose tag it has.
    tags: Vec<BTreeSet<usize>>,
    on_exhausted: &'static str,
    /// Examples that the judge's own rule refuses.
    refused_by_judge: BTreeSet<usize>,
    allow_restricted: bool,
}

impl Case {
    /// By the rules as they stand: all that are about the example decide together.
    fn may_see(&self, example: usize) -> BTreeSet<usize> {
        let (mut allowed, mut from): (BTreeSet<usize>, _) = ((0..TIERS).collect(), 0);
        for route in self.tags[example].iter().filter_map(|tag| self.rules.get(*tag)) {
            match route {
                Route::Only(tiers) => allowed.retain(|tier| tiers.contains(tier)),
                Route::EnterAt(tier) => from = from.max(*tier),
                // There is no person in the chain.
                Route::Review | Route::Refuse => allowed.clear(),
            }
        }
        // Where all that may see it stand before its entry, it is refused.
        if allowed.iter().any(|tier| *tier >= from) { allowed } else { BTreeSet::new() }
    }

    fn judge_may_see(&self, example: usize) -> bool {
        (self.allow_restricted || self.may_see(example).len() == TIERS) && !self.refused_by_judge.contains(&example)
    }

    fn cascade(&self, uri: &str) -> String {
        let mut text = "version = 1\nname = \"ruled\"\n".to_owned();
        for (place, rule) in self.rules.iter().enumerate() {
            let route = match rule {
                Route::Only(tiers) => format!("only = {:?}", tiers.iter().map(|tier| format!("t{tier}")).collect::<Vec<_>>()),
                Route::EnterAt(tier) => format!("enter-at = \"t{tier}\""),
                Route::Review => "review = \"look\"".to_owned(),
                Route::Refuse => "refuse = \"no\"".to_owned(),
            };
            let _ = writeln!(text, "[[rule]]\nname = \"r{place}\"\ntag = {{ key = \"r{place}\" }}\nroute = {{ {route} }}");
        }
        let signal = |signal: &Signal| match signal {
            Signal::Own => "\"mean-logprob\"".to_owned(),
            Signal::Asks(tier) => format!("{{ p-true = {{ surrogate = \"t{tier}\", min-coverage = 0 }} }}"),
            Signal::AsksItself => "{ self-rated = { mode = \"probe\" } }".to_owned(),
            Signal::Samples => "{ agreement = { samples = 2 } }".to_owned(),
        };
        for tier in 0..TIERS {
            let _ = writeln!(
                text,
                "[provider.p{tier}.openai-chat]\nbase-url = \"{uri}/t{tier}/v1\"\nretries = 0\n[[tier]]\nname = \"t{tier}\"\nmodel = \"p{tier}/m\""
            );
            if let Some((own, require, observe, threshold)) = self.gates.get(tier) {
                let list = |signals: &Option<Signal>| {
                    // A validator's scores are on [0, 1].
                    signals.as_ref().map(&signal).unwrap_or_default()
                };
                let _ = writeln!(
                    text,
                    "gate = {{ signal = {}, threshold = {threshold}, require = [{}], observe = [{}] }}",
                    signal(own),
                    list(require),
                    list(observe)
                );
            }
        }
        let _ = writeln!(text, "[policy]\non-exhausted = \"{}\"", self.on_exhausted);
        text
    }

    fn set(&self, folder: &Path, uri: &str) {
        let allow = if self.allow_restricted { "allow-restricted = true\n" } else { "" };
        let judge = format!(
            "[judge.strict]\ncascade = \"judge.cascade.toml\"\nrubric = \"Is it right?\"\nallow-same-family = true\n{allow}"
        );
        fs_err::write(folder.join("set.toml"), format!("name = \"s\"\nsplits = [\"test\"]\n{judge}")).unwrap();
        let refuse = "[[rule]]\ntag = { key = \"hidden\" }\nroute = { refuse = \"no\" }";
        let provider = format!("[provider.api.openai-chat]\nbase-url = \"{uri}/t{JUDGE}/v1\"\nretries = 0");
        let cascade = format!("version = 1\nname = \"judge\"\n{provider}\n{refuse}\n[[tier]]\nname = \"j\"\nmodel = \"api/m\"\n");
        fs_err::write(folder.join("judge.cascade.toml"), cascade).unwrap();
        let mut lines = String::new();
        for (place, tags) in self.tags.iter().enumerate() {
            let mut all: BTreeMap<String, &str> = tags.iter().map(|tag| (format!("r{tag}"), "")).collect();
            if self.refused_by_judge.contains(&place) {
                all.insert("hidden".to_owned(), "");
            }
            // Half of them are graded in passing, as a live run needs it.
            let grader = if place % 2 == 0 { "\"exact\"" } else { "{\"judge\":{\"name\":\"strict\"}}" };
            let tags = serde_json::to_string(&all).unwrap();
            let _ = writeln!(
                lines,
                r#"{{"id":"q{place}","segment":"s","split":"test","query":"<q{place}> is it?","expected":"True","grader":{grader},"tags":{tags}}}"#
            );
        }
        fs_err::write(folder.join("examples.jsonl"), lines).unwrap();
    }
}

fn signals() -> impl Strategy<Value = Signal> {
    prop_oneof![
        1 => Just(Signal::Own),
        4 => (0..TIERS).prop_map(Signal::Asks),
        1 => Just(Signal::AsksItself),
        1 => Just(Signal::Samples),
    ]
}

fn cases() -> impl Strategy<Value = Case> {
    let route = prop_oneof![
        4 => proptest::collection::btree_set(0..TIERS, 1..TIERS).prop_map(Route::Only),
        1 => (0..TIERS).prop_map(Route::EnterAt),
        1 => prop_oneof![Just(Route::Review), Just(Route::Refuse)],
    ];
    let validator = proptest::option::weighted(0.3, (0..TIERS).prop_map(Signal::Asks));
    let observed = proptest::option::weighted(0.5, (0..TIERS).prop_map(Signal::Asks));
    let threshold = prop_oneof![Just(0.0), Just(0.5), Just(1.0)];
    let gates = proptest::collection::vec((signals(), validator, observed, threshold), TIERS - 1);
    let tags = proptest::collection::vec(proptest::collection::btree_set(0usize..3, 0..3), EXAMPLES);
    let on_exhausted = prop_oneof![Just("answer"), Just("abstain"), Just("review")];
    let refused = proptest::collection::btree_set(0..EXAMPLES, 0..3);
    (proptest::collection::vec(route, 1..4), gates, tags, on_exhausted, refused, any::<bool>()).prop_map(
        |(rules, mut gates, tags, on_exhausted, refused_by_judge, allow_restricted)| {
            // A label stands for one signal of a gate.
            for (own, require, observe, _) in &mut gates {
                let asked = |signal: &Signal| if let Signal::Asks(tier) = signal { Some(*tier) } else { None };
                *require = require.take().filter(|signal| asked(signal) != asked(own));
                *observe = observe
                    .take()
                    .filter(|signal| asked(signal) != asked(own) && asked(signal) != require.as_ref().and_then(asked));
            }
            Case { rules, gates, tags, on_exhausted, refused_by_judge, allow_restricted }
        },
    )
}

async fn recorded(loaded: &Loaded, sources: &BTreeMap<Arc<str>, Source>, set: &FixtureSet) -> RecordReport {
    let (options, clock, quiet) = (RecordOptions::default(), SystemClock::default(), |_: RecordEvent<'_>| ());
    record(&loaded.cascade, sources, set, &options, &clock, &quiet, std::future::pending()).await.unwrap()
}

/// Every pair that a case allows.
fn allowed(case: &Case) -> Pairs {
    (0..EXAMPLES).flat_map(|example| case.may_see(example).into_iter().map(move |tier| (tier, example))).collect()
}

async fn checked(case: &Case, server: &MockServer, seen: &Seen) {
    let (dir, uri) = (tempfile::tempdir().unwrap(), server.uri());
    let path = dir.path().join("ruled.cascade.toml");
    fs_err::write(&path, case.cascade(&uri)).unwrap();
    case.set(dir.path(), &uri);
    let loaded = config::load(&path).unwrap_or_else(|error| panic!("{error}"));
    let set = FixtureSet::load(dir.path()).unwrap();
    let may = allowed(case);

    // Recording asks all that may be asked and nothing else, and says what it left.
    let sources = sources(&loaded).unwrap();
    let report = recorded(&loaded, &sources, &set).await;
    assert_eq!(seen.take(), may, "record");
    for (tier, of_tier) in report.tiers.iter().enumerate() {
        let asked = may.iter().filter(|(one, _)| *one == tier).count();
        assert_eq!((of_tier.asked, of_tier.not_allowed), (asked, EXAMPLES - asked), "t{tier}: {of_tier:?}");
    }
    let again = recorded(&loaded, &sources, &set).await;
    assert_eq!((seen.take(), again.tiers.iter().all(|tier| tier.asked == 0)), (Pairs::new(), true), "recorded again");

    // The engine, and what drives it in a regression run.
    let engine = tierfall_workbench::open(&path, &Answers::Live, Asker::Anybody).unwrap().builder.build().unwrap();
    for example in set.examples() {
        engine.complete(example.request()).await;
    }
    assert!(seen.take().is_subset(&may), "the engine");
    let recordings = Recordings::open(dir.path(), &[]).unwrap();
    let options = LiveOptions { repeats: 2, ..LiveOptions::default() };
    let run = live(&loaded, &set, Some(&recordings), "test", &options, &mut |_, _| false).await.unwrap();
    assert!(seen.take().is_subset(&may), "regress --live");
    for item in &run.played.items {
        let example = set.position(&item.id).unwrap();
        let kept = !case.may_see(example).contains(&(TIERS - 1));
        assert_eq!(item.last == Err(tierfall_workbench::regress::NoLast::NotAllowed), kept, "{}", item.id);
    }

    // A judge, under the cascade's rules and its own.
    let tiers: Vec<Arc<str>> = recordings.tiers().cloned().collect();
    let answers = RecordedSet { set, recordings, tiers };
    let judges = judge::open(&answers, std::slice::from_ref(&loaded.cascade)).unwrap();
    let (clock, options) = (SystemClock::default(), judge::JudgeOptions::default());
    let report = judge::ask(&answers, &judges, &options, &clock, &|_, _, _| (), std::future::pending()).await.unwrap();
    let answered = |example: &usize| !case.may_see(*example).is_empty();
    let to_judge: BTreeSet<usize> =
        (1..EXAMPLES).step_by(2).filter(answered).filter(|example| case.judge_may_see(*example)).collect();
    assert_eq!(seen.take(), to_judge.iter().map(|example| (JUDGE, *example)).collect::<Pairs>(), "the judge");
    let withheld = (1..EXAMPLES).step_by(2).filter(|example| !case.judge_may_see(*example));
    assert_eq!(report.not_allowed, withheld.map(|example| case.may_see(example).len()).sum::<usize>());
    assert_eq!((report.left, report.errors.len()), (0, 0));
}

#[test]
fn nobody_is_shown_what_a_rule_keeps_from_them() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let seen = Seen::default();
    let server = runtime.block_on(async {
        let server = MockServer::start().await;
        Mock::given(method("POST")).respond_with(seen.clone()).mount(&server).await;
        server
    });
    proptest!(ProptestConfig::with_cases(12), |(case in cases())| {
        runtime.block_on(checked(&case, &server, &seen));
    });
}

#[test]
fn a_card_number_is_recorded_where_it_may_be_seen_alone() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (seen, server) = (Seen::default(), MockServer::start().await);
        Mock::given(method("POST")).respond_with(seen.clone()).mount(&server).await;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("support.cascade.toml");
        let tier = |at: usize, gate: &str| {
            format!(
                "[provider.p{at}.openai-chat]\nbase-url = \"{}/t{at}/v1\"\n[[tier]]\nname = \"t{at}\"\nmodel = \"p{at}/m\"\n{gate}\n",
                server.uri()
            )
        };
        let rule = "[[rule]]\npersonal-data = { any = [\"card\"] }\nroute = { only = [\"t0\", \"t1\"] }\n";
        let asks = "gate = { signal = { p-true = { surrogate = \"t2\" } }, threshold = 0.9 }";
        let text = format!("version = 1\nname = \"support\"\n{rule}{}{}{}", tier(0, asks), tier(1, asks), tier(2, ""));
        fs_err::write(&path, text).unwrap();
        fs_err::write(dir.path().join("set.toml"), "name = \"s\"\ngrader = \"exact\"\n").unwrap();
        let line = |at: usize, query: &str| {
            format!("{{\"id\":\"q{at}\",\"segment\":\"s\",\"split\":\"test\",\"query\":\"<q{at}> {query}\",\"expected\":\"True\"}}\n")
        };
        let examples = line(0, "My card is 4111 1111 1111 1111, is it valid?") + &line(1, "Where is my order?");
        fs_err::write(dir.path().join("examples.jsonl"), examples).unwrap();
        let loaded = config::load(&path).unwrap_or_else(|error| panic!("{error}"));
        recorded(&loaded, &sources(&loaded).unwrap(), &FixtureSet::load(dir.path()).unwrap()).await;
        assert_eq!(seen.take(), Pairs::from([(0, 0), (1, 0), (0, 1), (1, 1), (2, 1)]));
        let engine = tierfall_workbench::open(&path, &Answers::Live, Asker::Anybody).unwrap().builder.build().unwrap();
        let answer = engine.complete("<q0> My card is 4111 1111 1111 1111, is it valid?").await;
        assert_eq!((answer.trace.tier.as_deref(), seen.take()), (Some("t1"), Pairs::from([(0, 0), (1, 0)])));
        assert_eq!(answer.trace.steps[0].decision.detail().as_deref(), Some("not-allowed"));
    });
}
