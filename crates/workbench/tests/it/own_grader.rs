//! A grader of whoever uses the library.

use std::num::NonZeroUsize;
use std::path::Path;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, pending};
use serde::Deserialize;
use serde_json::{Value, json};
use tierfall::Completion;
use tierfall_workbench::fixture::FixtureSet;
use tierfall_workbench::fixture::grade::{Grade, GradeTable, Grader, Graders, RecordedSet, grade_set, ratings};
use tierfall_workbench::fixture::record::{RecordEvent, RecordOptions};
use tierfall_workbench::grade::{Ask, Endings};
use tierfall_workbench::{Inputs, grade, plan, record};

use crate::load::folder;

/// The answer has the expected number of words, more or less.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    #[serde(default)]
    slack: u64,
}

impl Grader for Words {
    fn check(&self, expected: &Value) -> Result<(), String> {
        expected.as_u64().map(|_| ()).ok_or_else(|| "must be a number of words".to_owned())
    }

    fn grade(&self, expected: &Value, answer: &Completion) -> Grade {
        let said = answer.text.split_whitespace().count() as u64;
        match expected.as_u64() {
            Some(wanted) if wanted.abs_diff(said) <= self.slack => Grade::RIGHT,
            Some(wanted) if wanted.abs_diff(said) == self.slack + 1 => {
                Grade::new(0.5).unwrap().because("one word too many or too few")
            }
            _ => Grade::WRONG.because(format!("{said} words")),
        }
    }
}

fn graders() -> Graders {
    let made = |words: Words| if words.slack > 9 { Err("`slack` is from 0 to 9".to_owned()) } else { Ok(words) };
    Graders::default().with("words", made).unwrap()
}

/// A set of examples, each with its grader and what is expected, and one tier's answers to them; `None` is a failed call.
fn set(folder: &Path, examples: &[(Value, Value)], answers: &[Option<&str>]) {
    let example = |(at, (grader, expected)): (usize, &(Value, Value))| {
        json!({"id": at.to_string(), "segment": "s", "split": "test", "query": format!("{at}?"), "expected": expected, "grader": grader})
            .to_string()
            + "\n"
    };
    let head = json!({"tierfall": "recording", "version": 1, "tier": "small", "provider": "p", "model": "m", "parameters_digest": "d",
        "prompt_digest": "d", "recorded_by": "tests"});
    let answer = |(at, answer): (usize, Option<&str>)| match answer {
        Some(text) => json!({"id": at.to_string(), "text": text}).to_string() + "\n",
        None => json!({"id": at.to_string(), "error": {"kind": "timeout", "message": "late"}}).to_string() + "\n",
    };
    fs_err::create_dir_all(folder.join("recordings")).unwrap();
    fs_err::write(folder.join("set.toml"), "name = \"s\"\n").unwrap();
    fs_err::write(folder.join("examples.jsonl"), examples.iter().enumerate().map(example).collect::<String>()).unwrap();
    let recorded = answers.iter().copied().enumerate().map(answer).collect::<String>();
    fs_err::write(folder.join("recordings/small.jsonl"), format!("{head}\n{recorded}")).unwrap();
}

/// The grades on file: of which example, how right, by which grader, and why.
fn on_file(folder: &Path) -> Vec<(String, f64, String, Option<String>)> {
    let text = fs_err::read_to_string(folder.join("grades/small.jsonl")).unwrap();
    let line = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        assert!(line["by"].as_str().unwrap().starts_with("tierfall "), "{line}");
        let text = |key: &str| line[key].as_str().map(str::to_owned);
        (text("id").unwrap(), line["correct"].as_f64().unwrap(), text("grader").unwrap(), text("reason"))
    };
    text.lines().map(line).collect()
}

fn graded(folder: &Path) -> GradeTable {
    let recorded = RecordedSet::of(FixtureSet::load_with(folder, &graders()).unwrap(), &[]).unwrap();
    grade_set(&recorded.set, &recorded.recordings, &recorded.tiers, None).unwrap()
}

#[test]
fn its_grades_are_written_under_its_name_and_count_beside_those_of_others() {
    let dir = tempfile::tempdir().unwrap();
    let words = || json!("words");
    let examples = [
        (words(), json!(2)),
        (json!({"words": {"slack": 1}}), json!(1)),
        (words(), json!(2)),
        (words(), json!(1)),
        (json!("exact"), json!("yes")),
        (words(), json!(9)),
    ];
    set(dir.path(), &examples, &[Some("two words"), Some("two words"), Some("three of them"), None, Some("yes"), Some("few")]);
    let table = graded(dir.path());
    let total = table.total[0];
    assert_eq!((total.n, total.right, total.failed, total.missing), (6, 4, 1, 0));
    let grade = |id: &str, correct: f64, grader: &str, reason: Option<&str>| {
        (id.to_owned(), correct, grader.to_owned(), reason.map(str::to_owned))
    };
    let expected = [
        grade("0", 1.0, "words", None),
        grade("1", 1.0, "words", None),
        grade("2", 0.5, "words", Some("one word too many or too few")),
        grade("3", 0.0, "words", Some("failed")),
        grade("4", 1.0, "exact", None),
        grade("5", 0.0, "words", Some("1 words")),
    ];
    assert_eq!(on_file(dir.path()), expected);
    // Read back, and graded again: nothing changes.
    assert_eq!(graded(dir.path()), table);
    assert_eq!(on_file(dir.path()), expected);
    let recorded = RecordedSet::of(FixtureSet::load_with(dir.path(), &graders()).unwrap(), &[]).unwrap();
    let raters: Vec<String> =
        ratings(&recorded, None).unwrap().iter().flat_map(|rated| rated.grades.keys()).map(|by| format!("{by:?}")).collect();
    assert_eq!(raters.iter().filter(|by| by.contains("words")).count(), 4, "{raters:?}");
}

#[test]
fn who_does_not_know_it_refuses_the_set_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    set(dir.path(), &[(json!("words"), json!(2))], &[Some("two words")]);
    graded(dir.path());
    let before = on_file(dir.path());
    let said = FixtureSet::load(dir.path()).unwrap_err().to_string();
    let rest = said.split_once("examples.jsonl:1: /grader: ").unwrap_or_else(|| panic!("{said}")).1;
    assert!(rest.starts_with("there is no grader \"words\" (choice, command, "), "{rest}");
    assert!(rest.ends_with("one of your own is known to the program that brings it, and to no other"), "{rest}");
    assert!(RecordedSet::open(dir.path(), &[]).is_err());
    assert_eq!(on_file(dir.path()), before, "nothing is graded by another");
    // In set.toml, too.
    fs_err::write(dir.path().join("set.toml"), "name = \"s\"\n[segments.s]\ngrader = \"words\"\n").unwrap();
    let said = FixtureSet::load(dir.path()).unwrap_err().to_string();
    assert!(said.contains("set.toml: segments.s.grader: there is no grader \"words\""), "{said}");
    assert!(FixtureSet::load_with(dir.path(), &graders()).is_ok());
}

#[test]
fn its_grades_are_not_those_of_the_grader_that_an_example_has_now() {
    let dir = tempfile::tempdir().unwrap();
    set(dir.path(), &[(json!("words"), json!(2))], &[Some("two words")]);
    graded(dir.path());
    set(dir.path(), &[(json!("human"), json!(2))], &[Some("two words")]);
    let recorded = RecordedSet::open(dir.path(), &[]).unwrap();
    let total = grade_set(&recorded.set, &recorded.recordings, &recorded.tiers, None).unwrap().total[0];
    assert_eq!((total.n, total.missing), (0, 1), "neither right nor wrong");
}

#[test]
fn what_it_does_not_take_is_said_at_the_example() {
    let dir = tempfile::tempdir().unwrap();
    let error = |grader: Value, expected: Value| {
        set(dir.path(), &[(grader, expected)], &[]);
        FixtureSet::load_with(dir.path(), &graders()).unwrap_err().to_string().split_once("jsonl:1: ").unwrap().1.to_owned()
    };
    assert_eq!(error(json!("words"), json!("two")), "/expected: must be a number of words (grader words)");
    assert_eq!(error(json!({"words": {"slack": 10}}), json!(1)), "/grader: grader words: `slack` is from 0 to 9");
    assert!(error(json!({"words": {"slak": 1}}), json!(1)).starts_with("/grader: grader words: unknown field `slak`"));
    let taken = Graders::default().with("exact", |words: Words| Ok(words)).unwrap_err().to_string();
    assert!(taken.starts_with("there is a grader \"exact\" already"), "{taken}");
}

#[tokio::test]
async fn a_set_that_names_it_is_recorded_graded_and_used() {
    let (dir, cascade) = folder();
    let places = dir.path().join("fixtures/places");
    let declared = fs_err::read_to_string(places.join("set.toml")).unwrap().replace("\"exact\"", "\"words\"");
    fs_err::write(places.join("set.toml"), declared).unwrap();
    let examples = fs_err::read_to_string(places.join("examples.jsonl")).unwrap();
    let numbers = (1..=3).fold(examples, |text, n| text.replace(&format!("\"expected\":\"{n}\""), &format!("\"expected\":{n}")));
    fs_err::write(places.join("examples.jsonl"), numbers).unwrap();
    let (name, quiet) = (places.to_str().unwrap(), |_: RecordEvent<'_>| ());
    let refused = record(&cascade, name, &RecordOptions::default(), &quiet, pending()).await.unwrap_err();
    assert!(refused.to_string().contains("there is no grader \"words\""), "{refused}");
    let options = RecordOptions { graders: graders(), ..RecordOptions::default() };
    assert!(record(&cascade, name, &options, &quiet, pending()).await.unwrap().is_complete());
    let recorded = RecordedSet::of(FixtureSet::load_with(&places, &graders()).unwrap(), &[]).unwrap();
    let ask = Ask {
        allow_commands: false,
        concurrency: NonZeroUsize::MIN,
        judges: None,
        rules_of: Vec::new(),
        split: Some("test".to_owned()),
    };
    let never = || -> BoxFuture<'static, ()> { pending().boxed() };
    let graded = grade(&recorded, &ask, &(), Endings { commands: &never, judges: &never }).await.unwrap();
    let table = graded.table.unwrap();
    assert_eq!(table.total.iter().map(|cell| cell.n).collect::<Vec<_>>(), [3, 3]);
    let wanted = plan::Ask {
        max_loss: None,
        target_accuracy: None,
        discordance: None,
        delta: 0.1,
        signal: None,
        by_segment: false,
        results: Vec::new(),
    };
    let plain = Inputs { split: Some("test".to_owned()), ..Inputs::fixtures(&cascade, name) };
    assert!(plan(Some(&plain), &wanted, &()).unwrap_err().to_string().contains("there is no grader \"words\""));
    let planned = plan(Some(&Inputs { graders: graders(), ..plain }), &wanted, &()).unwrap();
    assert_eq!(planned.last.as_deref(), Some("large"));
}
