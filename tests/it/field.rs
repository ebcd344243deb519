//! Every behaviour of the testkit's field, through a whole answer, a stream, a recording and its replay.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt;
use futures_util::future::join_all;
use tierfall::{Answer, Asker, Engine, Event};
use tierfall_core::completion::{Completion, Usage};
use tierfall_core::trace::{OutcomeKind, Step};
use tierfall_testkit::field::{self, Behaviour, Right};
use tierfall_testkit::server::Received;
use tierfall_testkit::{Script, Server, openai};
use tierfall_workbench::fixture::record::RecordOptions;
use tierfall_workbench::{Answers, open};

/// A cascade whose small tier behaves like this, in a folder with a set of one example.
struct Desk {
    folder: tempfile::TempDir,
    _small: Server,
    _large: Server,
}

/// One script after the other; the last one for ever.
fn in_turn(scripts: &[Script]) -> impl Fn(&Received) -> Script + Send + Sync + 'static {
    let (scripts, next) = (scripts.to_vec(), AtomicUsize::new(0));
    move |_| scripts[next.fetch_add(1, Ordering::SeqCst).min(scripts.len() - 1)].clone()
}

impl Desk {
    async fn of(scripts: &[Script]) -> Self {
        let large = Completion {
            usage: Some(Usage { input: 10, output: 2, ..Usage::default() }),
            ..Completion::text("from the large tier")
        };
        let small = Server::answering(in_turn(scripts)).await.unwrap();
        let large = Server::start(Script::json(openai::chat(&large).to_string())).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut text = "version = 1\nname = \"desk\"\n[replay]\nfixtures = \"set\"\n".to_owned();
        for (name, server) in [("cheap", &small), ("dear", &large)] {
            writeln!(text, "[provider.{name}.openai-chat]\nbase-url = \"{}/v1\"", server.url()).unwrap();
        }
        text.push_str(
            "[[tier]]\nname = \"small\"\nmodel = \"cheap/s\"\nprice = { input = \"1\", output = \"2\" }\n\
             gate = { signal = \"mean-logprob\", threshold = 0.8 }\n\
             [[tier]]\nname = \"large\"\nmodel = \"dear/l\"\nprice = { input = \"10\", output = \"20\" }\n",
        );
        std::fs::create_dir(folder.path().join("cascades")).unwrap();
        std::fs::write(folder.path().join("cascades/desk.cascade.toml"), text).unwrap();
        let set = folder.path().join("fixtures/set");
        std::fs::create_dir_all(&set).unwrap();
        std::fs::write(set.join("set.toml"), "name = \"set\"\nsplits = [\"train\"]\n").unwrap();
        std::fs::write(set.join("examples.jsonl"), "{\"id\": \"one\", \"query\": \"The capital of France?\", \"split\": \"train\", \"segment\": \"all\", \"expected\": [\"Paris\"], \"grader\": \"exact\"}\n").unwrap();
        Self { folder, _small: small, _large: large }
    }

    fn cascade(&self) -> PathBuf {
        self.folder.path().join("cascades/desk.cascade.toml")
    }

    fn set(&self) -> String {
        self.folder.path().join("fixtures/set").display().to_string()
    }

    fn engine(&self, answers: &Answers) -> Engine {
        open(self.cascade(), answers, Asker::Anybody).unwrap().builder.build().unwrap()
    }
}

/// What became of the small tier's step.
fn found(answer: &Answer) -> Right {
    let step = &answer.trace.steps[0];
    let served = answer.trace.tier.as_deref() == Some("small");
    Right {
        reason: reason(step),
        attempts: step.calls.len(),
        cost: step.cost().told().map(|cost| &*cost.to_string().leak()),
        text: if served { answer.text().unwrap_or_default().to_owned().leak() } else { "" },
    }
}

fn reason(step: &Step) -> String {
    match step.decision.detail() {
        Some(detail) => format!("{}: {detail}", step.decision.reason()),
        None => step.decision.reason().to_owned(),
    }
}

/// The differences, in words.
fn differs(way: &str, behaviour: &Behaviour, right: &Right, found: &Right, said: Option<&str>) -> Option<String> {
    let right = Right { text: if right.reason == "above-threshold" { right.text } else { "" }, ..right.clone() };
    (right != *found)
        .then(|| format!("{} ({way})\n  right {right:?}\n  found {found:?} {}", behaviour.name, said.unwrap_or_default()))
}

async fn whole(behaviour: &Behaviour) -> Option<String> {
    let desk = Desk::of(&behaviour.whole).await;
    let answer = desk.engine(&Answers::Live).complete("The capital of France?").await;
    // What one provider's filter refused no other one answers.
    let refused = behaviour.right.reason == "failed: content-filter";
    if answer.trace.outcome != if refused { OutcomeKind::Refused } else { OutcomeKind::Answered } {
        return Some(format!("{} (whole): the run ends as {}", behaviour.name, answer.trace.outcome));
    }
    differs("whole", behaviour, &behaviour.right, &found(&answer), answer.trace.steps[0].message.as_deref())
}

async fn streamed(behaviour: &Behaviour) -> Option<String> {
    let desk = Desk::of(&behaviour.streamed).await;
    let mut events = desk.engine(&Answers::Live).stream("The capital of France?");
    let mut text = String::new();
    let mut tiers = Vec::new();
    while let Some(event) = events.next().await {
        match event {
            Event::Delta { tier, delta } => {
                text += &delta.text;
                tiers.push(tier);
            }
            Event::Ended(answer) => {
                if tiers.windows(2).any(|pair| pair[0] != pair[1])
                    || answer.trace.tier.is_some() && text != answer.text().unwrap_or_default()
                {
                    return Some(format!("{}: streamed {text:?} of {tiers:?}, served {:?}", behaviour.name, answer.text()));
                }
                return differs(
                    "stream",
                    behaviour,
                    &behaviour.right_streamed,
                    &found(&answer),
                    answer.trace.steps[0].message.as_deref(),
                );
            }
            _ => {}
        }
    }
    Some(format!("{}: the stream has no end", behaviour.name))
}

async fn recorded(behaviour: &Behaviour) -> Option<String> {
    let desk = Desk::of(&behaviour.whole).await;
    let nobody = std::future::pending();
    let report = tierfall_workbench::record(&desk.cascade(), &desk.set(), &RecordOptions::default(), &|_| {}, nobody).await;
    if let Err(error) = report {
        return Some(format!("{} (record): {error}", behaviour.name));
    }
    let answer = desk.engine(&Answers::AsDeclared).complete("The capital of France?").await;
    let (found, mut right) = (found(&answer), behaviour.right.clone());
    // What fails for every example alike stops the tier: nothing is recorded, so that it is asked again.
    if ["failed: auth", "failed: not-found"].contains(&&*right.reason) {
        right.reason = "failed: not-recorded".to_owned();
    }
    // A recording keeps no attempts before the one that counts.
    if right.attempts > 1 {
        right.cost = found.cost;
    }
    right.attempts = found.attempts;
    differs("record and replay", behaviour, &right, &found, answer.trace.steps[0].message.as_deref())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_server_of_the_field_is_read_right() {
    let field = field::all();
    let asked = |scripts: fn(&Behaviour) -> &Vec<Script>| field.iter().filter(move |one| !scripts(one).is_empty());
    let whole = join_all(asked(|one| &one.whole).map(whole)).await;
    let streamed = join_all(asked(|one| &one.streamed).map(streamed)).await;
    let recorded = join_all(asked(|one| &one.whole).map(recorded)).await;
    let count = whole.len() + streamed.len() + recorded.len();
    let wrong: Vec<String> = [whole, streamed, recorded].into_iter().flatten().flatten().collect();
    assert!(wrong.is_empty(), "{} of {count} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}
