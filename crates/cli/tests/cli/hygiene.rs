//! `check` on fixture sets: what it finds, how it says so, and that what it tells people to do mends it.

use insta::assert_snapshot;
use serde_json::Value;

use crate::support::{CASCADE, Ran, Sandbox, lines};

/// A set in which nothing is to be found: words that no two questions share.
fn clean(sandbox: &Sandbox, name: &str) {
    let set =
        format!("name = \"{name}\"\nsplits = [\"train\", \"test\"]\ntiers = [\"small\", \"large\"]\ngrader = \"contains-all\"\n");
    sandbox.write(&format!("fixtures/{name}/set.toml"), set);
    let example = |n: usize| {
        let words: Vec<String> = (0..5).map(|place| word(5 * n + place)).collect();
        let split = ["train", "test"][n % 2];
        let expected = ["right", "The answer", "real"][n % 3];
        format!(
            "{{\"id\": \"q{n:03}\", \"segment\": \"words\", \"split\": \"{split}\", \"query\": \"What of {}?\", \"expected\": [\"{expected}\"]}}",
            words.join(" ")
        )
    };
    sandbox.write(&format!("fixtures/{name}/examples.jsonl"), lines((0..120).map(example)));
}

fn word(seed: usize) -> String {
    let mut state = (seed as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let letter = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(b'a' + u8::try_from((state >> 59) % 26).unwrap())
    };
    (0..6).map(letter).collect()
}

const REPLAYED: &str = "\n[replay]\nfixtures = \"words\"\n";

/// A recorded set, and a cascade that replays it.
fn recorded() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("two.cascade.toml", CASCADE.to_owned() + REPLAYED);
    clean(&sandbox, "words");
    sandbox.run(&["record", "two.cascade.toml", "words", "--quiet", "--concurrency", "8"]).exits(0);
    sandbox
}

fn findings(ran: &Ran) -> Vec<(String, String)> {
    let json = ran.json();
    let sets = json["sets"].as_array().unwrap();
    let all = sets.iter().flat_map(|set| set["findings"].as_array().unwrap());
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    all.map(|finding| (text(&finding["code"]), text(&finding["severity"]))).collect()
}

/// The codes of the warnings and errors.
fn bad(sandbox: &Sandbox, args: &[&str]) -> Vec<String> {
    let ran = sandbox.run(&[&["check", "--format", "json"], args].concat());
    findings(&ran).into_iter().filter(|(_, severity)| severity != "note").map(|(code, _)| code).collect()
}

/// Changes the text of a file, which must change.
fn edit(sandbox: &Sandbox, file: &str, from: &str, to: &str) {
    let text = sandbox.read(file);
    assert!(text.contains(from), "{file} has no {from:?}");
    sandbox.write(file, text.replacen(from, to, 1));
}

const EXAMPLES: &str = "fixtures/words/examples.jsonl";

/// What a finding of this kind says is to be done, word by word, without the program's name.
fn remedies(sandbox: &Sandbox, code: &str) -> Vec<Vec<String>> {
    remedies_of(sandbox, &["two.cascade.toml"], code)
}

fn remedies_of(sandbox: &Sandbox, args: &[&str], code: &str) -> Vec<Vec<String>> {
    let json = sandbox.run(&[&["check", "--format", "json"], args].concat()).json();
    let all = json["sets"][0]["findings"].as_array().unwrap().clone();
    let of_code = all.into_iter().filter(|finding| finding["code"] == code);
    let words = |finding: Value| {
        let remedy = finding["remedy"].as_str().unwrap().to_owned();
        remedy.strip_prefix("tierfall ").unwrap().split(' ').map(str::to_owned).collect()
    };
    of_code.map(words).collect()
}

/// Does what the findings of this kind say.
fn mend(sandbox: &Sandbox, code: &str) -> Vec<Ran> {
    let remedies = remedies(sandbox, code);
    assert!(!remedies.is_empty(), "there is no {code}");
    let run = |words: &Vec<String>| sandbox.run(&words.iter().map(String::as_str).collect::<Vec<_>>()).exits(0);
    remedies.iter().map(run).collect()
}

#[test]
fn a_clean_set_is_not_talked_about() {
    let sandbox = recorded();
    assert_eq!(bad(&sandbox, &["two.cascade.toml"]), Vec::<String>::new());
    let ran = sandbox.run(&["check", "two.cascade.toml", "--strict"]).exits(0);
    assert!(ran.stdout().starts_with("ok two.cascade.toml: small → large; words: 120 examples\n"), "{ran}");
    sandbox.run(&["check", "fixtures/words", "--strict"]).exits(0);
}

#[test]
fn what_is_found_is_shown_once_a_set() {
    let sandbox = recorded();
    let first = sandbox.read(EXAMPLES).lines().next().unwrap().to_owned();
    let copy = first.replace("q000", "copy").replace("\"train\"", "\"test\"").replace('?', " ?");
    sandbox.write(EXAMPLES, sandbox.read(EXAMPLES) + &copy + "\n");
    sandbox.run(&["record", "two.cascade.toml", "words", "--quiet"]).exits(0);
    sandbox.write("other.cascade.toml", sandbox.read("two.cascade.toml"));
    let args = ["check", "two.cascade.toml", "other.cascade.toml", "fixtures/words"];
    let ran = sandbox.run(&args).exits(0);
    let (_, of_set) = ran.stdout().split_once("fixtures/words: ").unwrap();
    let (warning, _) = of_set.split_once("  note[").unwrap_or((of_set, ""));
    let warning = warning.split_once('\n').unwrap().1;
    assert_snapshot!(warning, @"
      warning[F001] copies-across-splits: 1 of the 61 examples of test repeat one of train with the same
      answer, nearly word for word
        at   fixtures/words/examples.jsonl:121 copy: is 0.92 like q000 of train (line 1): What of fvwxgm
             ihzcbh lzcmcb olfxwc sdccrx ?
        why  what is fitted on one split is judged by examples that it has seen, and looks better than
             it will be on new requests
        do   keep one of each, or move the copies to the split of what they repeat and give them its
             `group`
    ");
    // The findings are the result: they are there with --quiet, and tell scripts by the exit code if asked to.
    assert!(sandbox.run(&[&args[..], &["--quiet"]].concat()).exits(0).stdout().contains("F001"));
    sandbox.run(&[&args[..], &["--strict"]].concat()).exits(1);
    let ran = sandbox.run(&[&args[..], &["--format", "json"]].concat()).exits(0);
    let json = ran.json();
    assert_eq!((json["cascades"].as_array().unwrap().len(), json["sets"].as_array().unwrap().len()), (2, 1));
    let found = &json["sets"][0]["findings"][0];
    assert_eq!((&found["code"], &found["count"], &found["where"][0]["line"]), (&"F001".into(), &1.into(), &121.into()));
    assert_eq!(ran.stdout(), sandbox.run(&[&args[..], &["--format", "json"]].concat()).stdout());
}

#[test]
fn a_set_is_held_against_every_cascade_that_is_given_with_it() {
    let sandbox = recorded();
    sandbox.write("other.cascade.toml", CASCADE.replace("\ngate", "\nsystem-prompt = \"Be brief.\"\ngate"));
    assert_eq!(bad(&sandbox, &["other.cascade.toml"]), Vec::<String>::new(), "it names no set");
    for both in [["other.cascade.toml", "fixtures/words"], ["fixtures/words", "other.cascade.toml"]] {
        assert_eq!(bad(&sandbox, &both), ["F030"]);
    }
    let remedy = remedies_of(&sandbox, &["other.cascade.toml", "fixtures/words"], "F030")[0].join(" ");
    assert!(
        remedy.starts_with("record other.cascade.toml ") && remedy.ends_with("fixtures/words --tier small --stale"),
        "{remedy}"
    );
}

#[test]
fn a_changed_prompt_is_named_and_mended_as_it_says() {
    let sandbox = recorded();
    edit(&sandbox, "two.cascade.toml", "\ngate", "\nsystem-prompt = \"Be brief.\"\ngate");
    edit(&sandbox, "two.cascade.toml", "input = 2, output = 8 }", "input = 2, output = 8 }\nparams = { temperature = 0.5 }");
    let ran = sandbox.run(&["check", "two.cascade.toml"]).exits(2);
    assert!(ran.stderr().contains("small.jsonl is no recording of this tier: it was made with another prompt"), "{ran}");
    assert!(ran.stdout().contains("error[F030] stale-recording: the recording of small is not of two.cascade.toml"), "{ran}");
    let joined = ran.stdout().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(joined.contains("temperature unset, the cascade declares 0.5"), "{ran}");

    let files = || ["small", "large"].map(|tier| sandbox.read(&format!("fixtures/words/recordings/{tier}.jsonl")));
    let before = files();
    let refused = sandbox.run(&["record", "two.cascade.toml", "words", "--only-missing"]).exits(2);
    assert!(refused.stderr().contains("`record --stale` records it anew"), "{refused}");
    assert_eq!(files(), before, "nothing was touched");
    sandbox.run(&["record", "two.cascade.toml", "words", "--only-missing", "--stale"]).exits(2);

    assert_eq!(remedies(&sandbox, "F030")[0].join(" "), "record two.cascade.toml words --tier small --stale");
    assert_eq!(mend(&sandbox, "F030").len(), 2);
    assert_eq!(bad(&sandbox, &["two.cascade.toml"]), Vec::<String>::new());
    // Recording anew what is fresh asks nothing.
    let again = sandbox.run(&["record", "two.cascade.toml", "words", "--stale"]).exits(0);
    assert_eq!(again.stderr().matches("0 recorded, 120 were there already").count(), 2, "{again}");
}

#[test]
fn what_is_missing_is_asked_and_nothing_else() {
    let sandbox = recorded();
    let new = sandbox.read(EXAMPLES).lines().next().unwrap().replace("q000", "new").replace("What of", "What then of all of");
    sandbox.write(EXAMPLES, sandbox.read(EXAMPLES) + &new.replace("train", "test").replace("right", "wrong") + "\n");
    assert_eq!(bad(&sandbox, &["two.cascade.toml"]), ["F032", "F032"]);
    // A failure that is kept is not missing.
    let small = "fixtures/words/recordings/small.jsonl";
    let failed = sandbox.read(small);
    let kept: Vec<&str> = failed.lines().collect();
    let record: Value = serde_json::from_str(kept[1]).unwrap();
    let failure = serde_json::json!({"id": record["id"], "asked": record["asked"], "latency_ms": 1.0,
        "error": {"kind": "overloaded", "message": "no"}});
    sandbox.write(small, failed.replace(kept[1], &failure.to_string()));
    for ran in mend(&sandbox, "F032") {
        assert!(ran.stderr().contains(": 1 recorded, 120 were there already"), "{ran}");
    }
    assert!(sandbox.read(small).contains("overloaded"));
    assert_eq!(bad(&sandbox, &["two.cascade.toml"]), Vec::<String>::new());
    let ran = sandbox.run(&["record", "two.cascade.toml", "words", "--tier", "small"]).exits(0);
    assert!(ran.stderr().contains(": 1 recorded, 120 were there already"), "{ran}");
    assert!(!sandbox.read(small).contains("overloaded"));
}

#[test]
fn an_edited_question_is_asked_again() {
    let sandbox = recorded();
    edit(&sandbox, EXAMPLES, "What of", "And what of");
    assert_eq!(bad(&sandbox, &["two.cascade.toml"]), ["F033", "F033"]);
    for ran in mend(&sandbox, "F033") {
        assert!(ran.stderr().contains("1 recorded, 119 were there already"), "{ran}");
    }
    assert_eq!(bad(&sandbox, &["two.cascade.toml"]), Vec::<String>::new());
}

#[test]
fn a_stale_fit_does_not_hide_stale_recordings() {
    let sandbox = recorded();
    sandbox.write("fit.cascade.toml", sandbox.read("two.cascade.toml").replace("threshold = 0.85", "threshold = \"fit\""));
    let ran = sandbox.run(&["check", "fit.cascade.toml"]).exits(2);
    assert!(ran.stderr().contains("C026"), "there is no fit yet: {ran}");
    edit(&sandbox, "fit.cascade.toml", "\ngate", "\nsystem-prompt = \"Be brief.\"\ngate");
    let ran = sandbox.run(&["check", "fit.cascade.toml"]).exits(2);
    assert!(ran.stdout().contains("F030"), "{ran}");
}

#[test]
fn grades_of_other_answers_are_told_and_graded_again() {
    let sandbox = recorded();
    sandbox.run(&["grade", "fixtures/words", "--quiet"]).exits(0);
    assert_eq!(bad(&sandbox, &["two.cascade.toml"]), Vec::<String>::new());
    sandbox.write(EXAMPLES, sandbox.read(EXAMPLES).replace("[\"right\"]", "[\"nobody says this\"]"));
    assert!(bad(&sandbox, &["two.cascade.toml"]).contains(&"F051".to_owned()));
    mend(&sandbox, "F051");
    assert_eq!(bad(&sandbox, &["two.cascade.toml"]), Vec::<String>::new());
    edit(&sandbox, "two.cascade.toml", "seed = 7", "seed = 8");
    edit(&sandbox, "two.cascade.toml", "\ngate", "\nsystem-prompt = \"Be brief.\"\ngate");
    mend(&sandbox, "F030");
    assert_eq!(bad(&sandbox, &["two.cascade.toml"]), ["F050"]);
    mend(&sandbox, "F050");
    assert_eq!(bad(&sandbox, &["two.cascade.toml"]), Vec::<String>::new());
}

#[test]
fn what_cannot_be_read_is_an_error_with_its_place() {
    let sandbox = recorded();
    sandbox.write("empty/nothing", "");
    assert_snapshot!(sandbox.run(&["check", "empty", "nowhere"]), @"
    exit 2
    -- stderr
    error: failed to open file `empty/set.toml`: No such file or directory (os error 2)
    hint: a fixture set is a folder with set.toml and examples.jsonl: its path, or its name below fixtures/
    error[C008]: nowhere cannot be read: there is no such file
    error: nowhere has 1 problem
    ");
    let whole = sandbox.read(EXAMPLES);
    sandbox.write(EXAMPLES, &whole.as_bytes()[..whole.len() - 30]);
    let ran = sandbox.run(&["check", "fixtures/words", "--format", "json"]).exits(2);
    assert!(ran.stderr().contains("examples.jsonl:120: "), "{ran}");
    assert_eq!(ran.json()["sets"].as_array().unwrap().len(), 0);
    sandbox.write(EXAMPLES, whole);
    sandbox.write("fixtures/words/grades/small.jsonl", "{\"id\": \"q000\"}\n");
    let ran = sandbox.run(&["check", "two.cascade.toml"]).exits(2);
    assert!(ran.stderr().contains("grades/small.jsonl:1: "), "{ran}");
}

#[test]
fn our_own_set_is_examined() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/support");
    let ran = Sandbox::new().run(&["check", root, "--format", "json"]).exits(0);
    // The small model rambles on one message in twelve.
    assert_eq!(findings(&ran), [("F044".to_owned(), "warning".to_owned())]);
}
