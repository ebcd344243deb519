use std::fmt::Write as _;

use super::*;
use crate::regress::{EntryItem, Played};
use tierfall::config;
use tierfall_core::provider::CallErrorKind;

/// A cascade of simulated models whose answers say whether they are right, and `n` questions.
fn desk(dir: &std::path::Path, n: usize, small: &str) -> (Loaded, FixtureSet) {
    let text = format!(
        r#"
version = 1
name = "desk"
[provider.sim.simulated]
seed = 3
[provider.sim.simulated.models]
small = {small}
large = {{ ability = 0.9 }}
[[tier]]
name = "small"
model = "sim/small"
price = {{ input = "1", output = "2" }}
params = {{ max-tokens = 40 }}
gate = {{ signal = "mean-logprob", threshold = 0.6 }}
[[tier]]
name = "large"
model = "sim/large"
price = {{ input = "10", output = "20" }}
params = {{ max-tokens = 40 }}
"#
    );
    let path = dir.join("desk.cascade.toml");
    fs_err::write(&path, text).unwrap();
    fs_err::write(dir.join("set.toml"), "name = \"desk\"\ngrader = \"contains-all\"\n").unwrap();
    let lines = (0..n).fold(String::new(), |mut lines, k| {
        writeln!(lines, r#"{{"id":"q{k}","segment":"s","split":"test","query":"Question {k}?","expected":"simulated: right"}}"#)
            .unwrap();
        lines
    });
    fs_err::write(dir.join("examples.jsonl"), lines).unwrap();
    (config::load(&path).unwrap(), FixtureSet::load(dir).unwrap())
}

async fn run(loaded: &Loaded, set: &FixtureSet, options: &LiveOptions) -> LiveRun {
    live(loaded, set, None, "test", options, &mut |_, _| false).await.unwrap()
}

#[tokio::test]
async fn every_example_is_asked_and_graded_and_paid_for() {
    let dir = tempfile::tempdir().unwrap();
    let (loaded, set) = desk(dir.path(), 40, "{ ability = 0.4 }");
    let out = run(&loaded, &set, &LiveOptions::default()).await;
    assert_eq!((out.played.items.len(), out.left, &out.stopped), (40, 0, &None));
    let right = out.played.items.iter().filter(|item| item.correct > 0.5).count();
    assert!((20..40).contains(&right), "{right}");
    let sum: Money = out.played.items.iter().map(|item| item.cost.unwrap()).sum();
    assert_eq!(Some(sum), out.cost.total());
    let ids: Vec<&str> = out.played.items.iter().map(|item| &*item.id).collect();
    let in_the_set: Vec<&str> = set.examples().iter().map(|example| &*example.id).collect();
    assert_eq!(ids, in_the_set, "whatever the order in which they were asked");
    assert!(out.played.items.iter().all(|item| item.latency_ms.is_some() && item.is_graded()));
}

#[tokio::test]
async fn a_limit_is_never_exceeded_and_what_was_begun_in_vain_is_no_grade() {
    let dir = tempfile::tempdir().unwrap();
    let (loaded, set) = desk(dir.path(), 40, "{ ability = 0.4 }");
    let whole = run(&loaded, &set, &LiveOptions::default()).await.cost.total().unwrap();
    let most = Money::from_pico(whole.pico() * 9 / 10);
    let out = run(&loaded, &set, &LiveOptions { max_spend: Some(most), ..LiveOptions::default() }).await;
    assert!(matches!(out.stopped, Some(Halt::Spend { .. })), "{:?}", out.stopped);
    assert!(out.cost.total().unwrap() <= most);
    assert_eq!(out.left + out.played.items.len(), 40);
    assert!(!out.played.items.is_empty() && out.left > 0 && out.played.items.iter().all(|item| item.errors == 0));
    assert!(out.played.warnings.iter().any(|warning| warning.contains("were not asked")));
}

#[tokio::test]
async fn whoever_watches_sees_the_seeds_order_and_may_end_it() {
    let dir = tempfile::tempdir().unwrap();
    let (loaded, set) = desk(dir.path(), 30, "{ ability = 0.4 }");
    let order = |seed| {
        let (loaded, set) = (&loaded, &set);
        async move {
            let mut seen = Vec::new();
            let options = LiveOptions { seed, ..LiveOptions::default() };
            let mut watch = |item: &PlayedItem, _| {
                seen.push(item.id.to_string());
                seen.len() == 12
            };
            let out = live(loaded, set, None, "test", &options, &mut watch).await.unwrap();
            assert_eq!((out.left, out.stopped), (18, Some(Halt::Decided)));
            seen
        }
    };
    assert_eq!(order(1).await, order(1).await);
    assert_ne!(order(1).await, order(2).await);
}

#[tokio::test]
async fn failures_are_told_apart_from_wrong_answers() {
    let dir = tempfile::tempdir().unwrap();
    let (loaded, set) = desk(dir.path(), 30, "{ ability = 0.4 }");
    let text = loaded.text.replace("large = { ability = 0.9 }", "large = { ability = 0.9, errors = { overloaded = 0.5 } }");
    // One tier alone: no other one answers in its place.
    let (begin, end) = (text.find("[[tier]]").unwrap(), text.rfind("[[tier]]").unwrap());
    let text = text[..begin].to_owned() + &text[end..];
    let loaded = config::parse_str(&text).unwrap();
    let out = run(&loaded, &set, &LiveOptions { repeats: 3, ..LiveOptions::default() }).await;
    let errors: u32 = out.played.items.iter().map(|item| item.errors).sum();
    assert!(errors > 3, "{errors}");
    for item in out.played.items.iter().filter(|item| item.is_graded()) {
        // The simulation says the same whenever it says anything: errors do not lower its grade.
        assert!(item.correct < 1e-9 || item.correct > 1.0 - 1e-9, "{item:?}");
    }
}

#[tokio::test]
async fn a_baseline_counts_failures_apart() {
    let dir = tempfile::tempdir().unwrap();
    let (loaded, set) = desk(dir.path(), 30, "{ ability = 0.4, errors = { overloaded = 0.5 } }");
    let text = loaded.text.replace("large = { ability = 0.9 }", "large = { ability = 0.9, errors = { overloaded = 0.5 } }");
    let loaded = config::parse_str(&text).unwrap();
    let out = run(&loaded, &set, &LiveOptions::default()).await;
    let graded: Vec<&PlayedItem> = out.played.items.iter().filter(|item| item.is_graded()).collect();
    let failed = 30 - graded.len();
    assert!(failed > 0 && !graded.is_empty());
    let baseline = super::super::Baseline::of([&out.played]);
    let summary = &baseline.entries()[0].summary;
    let right = graded.iter().filter(|item| item.correct > 0.5).count();
    assert_eq!((summary.n, summary.failed), (30, failed));
    assert!((summary.correct - right as f64 / graded.len() as f64).abs() < 1e-12, "{summary:?}");
    let text = baseline.render();
    assert!(!text.contains("-0") && text.contains(&format!("\"failed\": {failed}, ")), "{text}");
    let read = |text: &str| super::super::Baseline::parse(text.as_bytes(), std::path::Path::new("desk.baseline.json"));
    assert_eq!(read(&text).unwrap(), baseline);
    let wrong = text.replace(&format!("\"failed\": {failed}, "), "");
    assert!(read(&wrong).is_err_and(|error| error.to_string().contains("the summary is not what the items come to")));
    // What was never answered is compared with nothing.
    let compared = super::super::compare(&baseline.entries()[0], &out.played).unwrap();
    assert_eq!((compared.pairs.len(), compared.ungraded), (graded.len(), failed));
}

#[tokio::test]
async fn a_provider_that_is_down_ends_the_run() {
    let dir = tempfile::tempdir().unwrap();
    let (loaded, set) = desk(dir.path(), 60, "{ ability = 0.4 }");
    let down = "{ ability = 0.9, errors = { overloaded = 1.0 } }";
    let text = loaded.text.replace("{ ability = 0.4 }", down).replace("large = { ability = 0.9 }", &format!("large = {down}"));
    let loaded = config::parse_str(&text).unwrap();
    let out = run(&loaded, &set, &LiveOptions::default()).await;
    assert!(out.stopped.as_ref().is_some_and(Halt::is_failure), "{:?}", out.stopped);
    assert!(out.left > 0 && out.played.items.iter().all(|item| !item.is_graded()));
}

/// An answer that is served because nobody better could be asked says nothing of what the cascade answers.
#[tokio::test]
async fn an_outage_behind_a_tier_that_is_not_sure_is_an_outage() {
    for (n, broken, left) in [(60, "errors = { overloaded = 1.0 }", true), (5, "errors = { overloaded = 1.0 }", false)] {
        let dir = tempfile::tempdir().unwrap();
        let (loaded, set) = desk(dir.path(), n, "{ ability = 0.4 }");
        let text = loaded.text.replace("large = { ability = 0.9 }", &format!("large = {{ ability = 0.9, {broken} }}"));
        let loaded = config::parse_str(&text.replace("threshold = 0.6", "threshold = 1.0")).unwrap();
        let out = run(&loaded, &set, &LiveOptions::default()).await;
        let Some(Halt::Storm { message, .. }) = &out.stopped else { panic!("{:?}", out.stopped) };
        assert!(message.contains("overloaded"), "{message}");
        assert!((out.left > 0) == left && out.played.items.iter().all(|item| !item.is_graded() && item.answer.is_none()));
        // Once is enough.
        let quoted = out.played.warnings.iter().filter(|warning| warning.contains("a simulated failure")).count();
        assert_eq!(quoted, usize::from(left), "{:?}", out.played.warnings);
    }
    let dir = tempfile::tempdir().unwrap();
    let (loaded, set) = desk(dir.path(), 60, "{ ability = 0.4 }");
    let text = loaded.text.replace("large = { ability = 0.9 }", "large = { ability = 0.9, errors = { overloaded = 0.3 } }");
    let out = run(&config::parse_str(&text).unwrap(), &set, &LiveOptions::default()).await;
    let failed = out.played.items.iter().filter(|item| !item.is_graded()).count();
    assert!(failed > 0 && out.stopped.is_none());
    let named = format!(
        "{failed} of 60 requests met a call that failed, the last one with: tier \"large\": simulated model \"large\": a simulated \
         failure (overloaded); what"
    );
    assert!(out.played.warnings.iter().any(|warning| warning.starts_with(&named)), "{:?}", out.played.warnings);
}

/// Each way in which a tier can fail while another one answers: what is served then is no grade, and counts as unavailable.
#[tokio::test]
async fn no_tier_fails_unseen_while_another_one_answers() {
    let of_the_question = [CallErrorKind::ContentFilter, CallErrorKind::ContextLength];
    let transport = [
        CallErrorKind::Connect,
        CallErrorKind::InvalidRequest,
        CallErrorKind::Malformed,
        CallErrorKind::Overloaded,
        CallErrorKind::RateLimited,
        CallErrorKind::Timeout,
        CallErrorKind::Truncated,
    ];
    for (tier, ability) in [("small", "0.4"), ("large", "0.9")] {
        for kind in transport.into_iter().chain(of_the_question) {
            let dir = tempfile::tempdir().unwrap();
            let (loaded, set) = desk(dir.path(), 60, "{ ability = 0.4 }");
            // Of small a part, or the run ends; of large all, which most questions do not reach.
            let (share, gate) = if tier == "small" { ("0.3", "0.6") } else { ("1.0", "0.45") };
            let broken = format!("{tier} = {{ ability = {ability}, errors = {{ {} = {share} }} }}", kind.as_str());
            let text = loaded
                .text
                .replace(&format!("{tier} = {{ ability = {ability} }}"), &broken)
                .replace("0.6 }", &format!("{gate} }}"));
            assert!(text.contains(&broken));
            let out = run(&config::parse_str(&text).unwrap(), &set, &LiveOptions::default()).await;
            assert_eq!(out.stopped, None, "{tier} {kind}");
            let met: u32 = out.played.items.iter().map(|item| item.errors).sum();
            let said = out.played.warnings.iter().any(|warning| warning.contains("met a call that failed"));
            let seen = transport.contains(&kind);
            assert_eq!((met > 0, said), (seen, seen), "{tier} {kind}: {met}");
            assert!(out.played.items.iter().all(|item| item.is_graded() == (item.errors == 0)));
        }
    }
}

#[tokio::test]
async fn what_says_nothing_of_an_answer_ends_the_run_and_grades_nobody() {
    for kind in [CallErrorKind::QueueFull, CallErrorKind::Auth, CallErrorKind::NotFound] {
        let dir = tempfile::tempdir().unwrap();
        let (mut loaded, set) = desk(dir.path(), 10, "{ ability = 0.4 }");
        let spec = loaded.providers.values_mut().find_map(|spec| match spec {
            config::ProviderSpec::Simulated(simulated) => Some(simulated),
            config::ProviderSpec::Http(_) => None,
        });
        for model in spec.unwrap().models.values_mut() {
            model.errors = [(kind, 1.0)].into();
        }
        let out = run(&loaded, &set, &LiveOptions::default()).await;
        let stop = out.stopped.unwrap();
        assert!(stop.is_failure() && (kind == CallErrorKind::QueueFull || matches!(stop, Halt::Lasting { .. })), "{stop:?}");
        assert_eq!((out.played.items.len(), out.left), (0, 10), "{kind}: nothing was learned of the answers");
    }
}

#[tokio::test]
async fn where_none_of_a_few_was_answered_the_provider_is_down_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let (loaded, set) = desk(dir.path(), 5, "{ ability = 0.4 }");
    let down = "{ ability = 0.9, errors = { overloaded = 1.0 } }";
    let one = loaded.text.replace("{ ability = 0.4 }", down);
    let both = config::parse_str(&one.replace("large = { ability = 0.9 }", &format!("large = {down}"))).unwrap();
    let out = run(&both, &set, &LiveOptions::default()).await;
    assert!(matches!(out.stopped, Some(Halt::Storm { count: 5, .. })), "{:?}", out.stopped);
    // That the other tier answers in its place says nothing of the cascade.
    let out = run(&config::parse_str(&one).unwrap(), &set, &LiveOptions::default()).await;
    assert!(matches!(out.stopped, Some(Halt::Storm { count: 5, .. })), "{:?}", out.stopped);
}

#[tokio::test]
async fn several_at_once_reach_as_far_with_the_money_as_one_by_one() {
    let dir = tempfile::tempdir().unwrap();
    let (loaded, set) = desk(dir.path(), 40, "{ ability = 0.4 }");
    let whole = run(&loaded, &set, &LiveOptions::default()).await.cost.total().unwrap();
    for tenths in 2..10 {
        let max_spend = Some(Money::from_pico(whole.pico() * tenths / 10));
        let of = |concurrency| LiveOptions { concurrency, max_spend, ..LiveOptions::default() };
        let one_by_one = run(&loaded, &set, &of(NonZeroUsize::MIN)).await;
        let out = run(&loaded, &set, &of(NonZeroUsize::MIN.saturating_add(7))).await;
        // Those under way together are cut off together, not those that were done.
        assert!(out.played.items.len() + 2 >= one_by_one.played.items.len(), "{tenths}: {}", out.played.items.len());
        assert!(out.left > 0 && out.played.items.iter().all(|item| item.is_graded()), "{tenths}");
    }
}

#[tokio::test]
async fn without_a_bound_no_limit_is_kept_so_nothing_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    let (loaded, set) = desk(dir.path(), 5, "{ ability = 0.4 }");
    let loaded = config::parse_str(&loaded.text.replace("params = { max-tokens = 40 }\n", "")).unwrap();
    let options = LiveOptions { max_spend: Some("1".parse().unwrap()), ..LiveOptions::default() };
    let out = run(&loaded, &set, &options).await;
    assert_eq!(out.stopped, Some(Halt::Unbounded("small".into())));
    assert_eq!((out.played.items.len(), out.cost.total()), (0, Some(Money::ZERO)));
}

#[tokio::test]
async fn a_live_run_is_what_the_replay_of_its_recording_is() {
    use crate::fixture::record::{RecordEvent, RecordOptions, record};
    let dir = tempfile::tempdir().unwrap();
    let (loaded, set) = desk(dir.path(), 40, "{ ability = 0.4 }");
    let sources = sources(&loaded).unwrap();
    let clock = SystemClock::default();
    let quiet = |_: RecordEvent<'_>| {};
    record(&loaded.cascade, &sources, &set, &RecordOptions::default(), &clock, &quiet, std::future::pending()).await.unwrap();
    let recordings = Recordings::load(set.dir(), &tierfall::bindings(&loaded)).unwrap();
    let replayed = super::super::replay(&loaded, &set, &recordings, "test", &|_, _| ()).unwrap();
    let run = live(&loaded, &set, Some(&recordings), "test", &LiveOptions::default(), &mut |_, _| false).await.unwrap();
    let timeless = |item: &PlayedItem| PlayedItem {
        entry: EntryItem { latency_ms: None, ..item.entry.clone() },
        turn: 0,
        // A recording keeps no raw body.
        answered: None,
        ..item.clone()
    };
    let all = |played: &Played| played.items.iter().map(timeless).collect::<Vec<_>>();
    assert_eq!(all(&run.played), all(&replayed));
    assert_eq!(run.played.system, replayed.system);
    let baseline = super::super::Baseline::of([&replayed]);
    let compared = super::super::compare(&baseline.entries()[0], &run.played).unwrap();
    assert!(compared.is_same() && compared.same_system);
}
