//! Graders that ask somebody: programs and judges, only where that was said.

use insta::assert_snapshot;
use serde_json::{Value, json};
use tierfall_core::completion::{Completion, Tokens, Usage};
use tierfall_testkit::openai;
use wiremock::matchers::{header, method};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::support::{Sandbox, lines};

/// Two recorded tiers in `fixtures/orders`, whose answers say themselves whether they are right.
fn recorded(n: usize, set: &str) -> Sandbox {
    let sandbox = Sandbox::with_cascade();
    sandbox.fixture_set("orders", n);
    sandbox.run(&["record", "two.cascade.toml", "orders", "--quiet"]).exits(0);
    let about = format!("name = \"orders\"\nsplits = [\"test\"]\ntiers = [\"small\", \"large\"]\n{set}");
    sandbox.write("fixtures/orders/set.toml", about);
    sandbox
}

const COMMAND: &str = "grader = { command = { run = [\"sh\", \"check.sh\", \"a b\"] } }\n";

#[test]
fn a_program_is_run_only_where_that_is_allowed() {
    let sandbox = recorded(6, COMMAND);
    sandbox.write(
        "fixtures/orders/check.sh",
        "touch ran\nif grep -q right; then echo '{\"correct\": 1}'; else echo '{\"correct\": 0}'; fi\n",
    );
    assert_snapshot!(sandbox.run(&["grade", "fixtures/orders"]), @r#"
    exit 2
    -- stderr
    error: 12 answers are graded by commands, run in fixtures/orders: sh check.sh "a b" (12 answers)
    hint: read them, then allow them with --allow-commands: they run as you, without a sandbox
    "#);
    assert!(!sandbox.path("fixtures/orders/ran").exists() && !sandbox.path("fixtures/orders/grades").exists());
    let graded = sandbox.run(&["grade", "fixtures/orders", "--allow-commands"]).exits(0);
    assert!(sandbox.path("fixtures/orders/ran").exists());
    let file = sandbox.read("fixtures/orders/grades/small.jsonl");
    assert_eq!(sandbox.lines("fixtures/orders/grades/small.jsonl").len(), 6);
    // What is on file is enough, and two runs write one file.
    assert_eq!(sandbox.run(&["grade", "fixtures/orders"]).exits(0).stdout(), graded.stdout());
    sandbox.run(&["grade", "fixtures/orders", "--allow-commands", "--concurrency", "1"]).exits(0);
    assert_eq!(sandbox.read("fixtures/orders/grades/small.jsonl"), file);

    sandbox.write("fixtures/orders/check.sh", "echo oh >&2\nexit 7\n");
    let failed = sandbox.run(&["grade", "fixtures/orders", "--allow-commands", "--tier", "small"]).exits(2);
    let told =
        "error: a command could not grade 6 answers; they have no grade:\n  q00 (small): `sh` failed (exit status: 7): oh\n";
    assert!(failed.stderr().contains(told) && failed.stderr().contains("and 1 more"), "{failed}");
}

#[test]
fn a_program_that_runs_is_killed_with_ctrl_c() {
    let sandbox = recorded(3, COMMAND);
    sandbox.write("fixtures/orders/check.sh", "echo $$ >> pids\nsleep 1000\n");
    let pids = || std::fs::read_to_string(sandbox.path("fixtures/orders/pids")).unwrap_or_default();
    let ran = sandbox.interrupt(&["grade", "fixtures/orders", "--allow-commands"], || pids().lines().count() >= 2).exits(130);
    assert!(ran.stderr().contains("interrupted: 0 answers are graded, 6 are left"), "{ran}");
    for pid in pids().lines() {
        crate::support::until("the program ended", || {
            let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            state.is_empty() || state.contains(") Z ")
        });
    }
}

#[test]
fn a_torn_grades_file_says_the_way_out() {
    let sandbox = recorded(2, "grader = \"contains-all\"\n");
    sandbox.run(&["grade", "fixtures/orders", "--quiet"]).exits(0);
    let grades = sandbox.read("fixtures/orders/grades/small.jsonl");
    sandbox.write("fixtures/orders/grades/small.jsonl", &grades[..grades.len() - 20]);
    let ran = sandbox.run(&["grade", "fixtures/orders", "--quiet"]).exits(2);
    assert!(ran.stderr().contains("small.jsonl:2: ") && ran.stderr().contains("take the line out"), "{ran}");
    let end = grades.find('\n').unwrap() + 1;
    sandbox.write("fixtures/orders/grades/small.jsonl", &grades[..end]);
    sandbox.run(&["grade", "fixtures/orders", "--quiet"]).exits(0);
    assert_eq!(sandbox.read("fixtures/orders/grades/small.jsonl"), grades);
}

const JUDGE: &str = r#"grader = { judge = { name = "strict" } }
[judge.strict]
cascade = "../../judges/strict.cascade.toml"
rubric = "It is right."
[families]
small = "ours"
large = "ours"
"#;

/// A judge that believes what the answer says of itself, nine times out of ten sure.
struct Believer;

impl Respond for Believer {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let body: Value = request.body_json().unwrap();
        let asked = body["messages"][0]["content"].as_str().unwrap();
        if asked.contains("order 2?") {
            return ResponseTemplate::new(503).set_body_json(openai::error("too busy", "busy"));
        }
        let right = asked.rsplit_once("the answer to judge\n").unwrap().1.starts_with("[simulated: right]");
        let letter = if right == asked.contains("A: the answer meets") { "A" } else { "B" };
        let mut tokens = Tokens::default();
        tokens.push(letter, 0.9_f64.ln());
        for (text, p) in [(letter, 0.9_f64), (if letter == "A" { "B" } else { "A" }, 0.1)] {
            tokens.push_alternative(text, p.ln());
        }
        let usage = Some(Usage { input: 100, output: 1, ..Usage::default() });
        let reply = Completion { tokens: Some(tokens), usage, ..Completion::text(letter) };
        ResponseTemplate::new(200).set_body_json(openai::chat(&reply))
    }
}

async fn judge(sandbox: &Sandbox, model: &str) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST")).and(header("authorization", "Bearer k")).respond_with(Believer).mount(&server).await;
    let text = format!(
        "version = 1\nname = \"strict\"\n[provider.api.openai-chat]\nbase-url = \"{}/v1\"\napi-key = {{ env = \"JUDGE_KEY\" }}\n\
         retries = 0\n[[tier]]\nname = \"judge\"\nmodel = \"api/{model}\"\nprice = {{ input = 1, output = 10 }}\n\
         params = {{ temperature = 0, max-tokens = 1 }}\n",
        server.uri()
    );
    sandbox.write("judges/strict.cascade.toml", text);
    server
}

fn graded(sandbox: &Sandbox, more: &[&str]) -> crate::support::Ran {
    sandbox.run_with(&[&["grade", "fixtures/orders"], more].concat(), &[("JUDGE_KEY", "k")])
}

#[tokio::test]
async fn a_judge_is_asked_only_where_that_is_said_and_what_it_said_stays() {
    let sandbox = recorded(2, JUDGE);
    let server = judge(&sandbox, "claude-haiku").await;
    let calls = async || server.received_requests().await.unwrap().len();
    let told = graded(&sandbox, &[]).exits(0);
    assert!(
        told.stderr().contains("judge strict: 0 answers judged; 4 not judged (--judge asks about what it may see)"),
        "{told}"
    );
    let unset = sandbox.run(&["grade", "fixtures/orders", "--judge", "--for", "two.cascade.toml"]).exits(2);
    assert!(unset.stderr().contains("export JUDGE_KEY=…") && unset.stderr().contains("judge \"strict\""), "{unset}");
    assert_eq!(calls().await, 0);

    assert_snapshot!(graded(&sandbox, &["--judge", "--for", "two.cascade.toml"]), @"
    exit 0
    -- stdout
    right           small          large
    orders  1.000     2/2  1.000     2/2
    all     1.000     2/2  1.000     2/2

    right where wrong:  small  large
    small                   0      0
    large                   0      0
    -- stderr
    ✓ 4 judged · 800 tokens in, 8 out · $0.00088 · [time]
    judge strict: 4 answers judged, 0 (0.0 %) otherwise when the labels are swapped
    grades are in fixtures/orders/grades
    ");
    assert_eq!(calls().await, 8);
    let line = &sandbox.lines("fixtures/orders/grades/large.jsonl")[0];
    assert_eq!(
        (&line["by"], &line["correct"], &line["with"]["model"]),
        (&json!("judge strict"), &json!(1.0), &json!("claude-haiku"))
    );
    assert!(line["at"].as_str().unwrap().ends_with('Z'), "{line}");
    let again = graded(&sandbox, &["--judge", "--for", "two.cascade.toml", "--max-spend", "0.000001"]).exits(0);
    assert!(again.stderr().contains("0 judged, 4 were there already"), "{again}");
    assert_eq!(calls().await, 8);
}

#[tokio::test]
async fn a_judge_is_not_shown_what_a_rule_keeps_from_a_tier() {
    let sandbox = recorded(2, JUDGE);
    let server = judge(&sandbox, "claude-haiku").await;
    assert_snapshot!(graded(&sandbox, &["--judge"]), @r#"
    exit 2
    -- stderr
    error: judge "strict" sees the conversations that it grades, and nothing says which ones it may see: name the cascades whose rules hold for this set (--for CASCADE), or set allow-restricted = true in [judge.strict] of set.toml where it may see all of them
    "#);
    let rule = "[[rule]]\nregex = \"order 1[?]\"\nroute = { only = [\"small\"] }\n[[tier]]";
    sandbox.write("private.cascade.toml", sandbox.read("two.cascade.toml").replacen("[[tier]]", rule, 1));
    assert_snapshot!(graded(&sandbox, &["--judge", "--for", "private.cascade.toml"]), @"
    exit 0
    -- stdout
    right                       small                      large
    orders  1.000     1/1 (1 missing)  1.000     1/1 (1 missing)
    all     1.000     1/1 (1 missing)  1.000     1/1 (1 missing)

    right where wrong:  small  large
    small                   0      0
    large                   0      0
    -- stderr
    ✓ 2 judged · 400 tokens in, 4 out · $0.00044 · [time]
      2 not allowed: rules keep what they answer from a tier, and the judge is not shown it; people may grade them, or allow-restricted = true in [judge.NAME] of set.toml lets a judge see it
    judge strict: 2 answers judged, 0 (0.0 %) otherwise when the labels are swapped; 2 not judged, which it may not see
    grades are in fixtures/orders/grades
    ");
    let bodies = server.received_requests().await.unwrap();
    assert_eq!(bodies.len(), 4);
    assert!(bodies.iter().all(|request| !String::from_utf8_lossy(&request.body).contains("order 1?")));
}

#[tokio::test]
async fn a_judges_errors_are_told_and_its_limit_holds() {
    let sandbox = recorded(4, JUDGE);
    let server = judge(&sandbox, "claude-haiku").await;
    let stopped =
        graded(&sandbox, &["--judge", "--for", "two.cascade.toml", "--max-spend", "$0.0011", "--concurrency", "1"]).exits(2);
    assert!(stopped.stderr().contains("stopped: the next call could exceed the spending limit"), "{stopped}");
    let failed = graded(&sandbox, &["--judge", "--for", "two.cascade.toml"]).exits(3);
    assert!(
        failed.stderr().contains("error: the judge could not grade 2 answers; they have no grade:\n  q02 (small): "),
        "{failed}"
    );
    assert!(failed.stderr().contains("judge strict: 6 answers judged") && failed.stderr().contains("2 not judged"), "{failed}");
    assert!(failed.stdout().contains("(1 missing)"), "{failed}");
    drop(server);
    let down = graded(&sandbox, &["--judge", "--for", "two.cascade.toml", "--quiet"]).exits(3);
    assert!(!down.stderr().contains("judged"), "{down}");
}

#[tokio::test]
async fn a_judge_that_takes_one_letter_is_no_measurement() {
    let sandbox = recorded(8, JUDGE);
    let _server = judge(&sandbox, "claude-haiku").await;
    let one_letter = MockServer::start().await;
    let reply = ResponseTemplate::new(200).set_body_json(openai::chat(&Completion::text("A")));
    Mock::given(method("POST")).respond_with(reply).mount(&one_letter).await;
    let cascade = sandbox.read("judges/strict.cascade.toml");
    let (before, rest) = cascade.split_once("base-url = \"").unwrap();
    let after = rest.split_once("/v1\"").unwrap().1;
    sandbox.write("judges/strict.cascade.toml", format!("{before}base-url = \"{}/v1\"{after}", one_letter.uri()));
    let ran = graded(&sandbox, &["--judge", "--for", "two.cascade.toml", "--concurrency", "1"]).exits(3);
    for told in [
        "error: the judge could not grade 10 answers; they have no grade:",
        "the judge contradicts itself when the labels are swapped",
        "stopped: judge strict contradicts itself when the labels are swapped, on 10 of 10 answers",
        "judge strict: 10 answers judged, 10 (100.0 %) otherwise when the labels are swapped; on 10 the two cancel",
        "warning: judge strict contradicts itself on most answers",
    ] {
        assert!(ran.stderr().contains(told), "{told}: {ran}");
    }
    assert!(ran.stdout().contains("all         –      –"), "{ran}");
    assert_eq!(one_letter.received_requests().await.unwrap().len(), 20);
}

#[tokio::test]
async fn a_judge_of_the_tiers_own_family_is_refused() {
    let sandbox = recorded(2, &JUDGE.replace("large = \"ours\"", "large = \"claude\""));
    let server = judge(&sandbox, "claude-haiku").await;
    assert_snapshot!(graded(&sandbox, &["--judge", "--for", "two.cascade.toml"]), @r#"
    exit 2
    -- stderr
    error: judge "strict" (claude-haiku) must not grade the answers of these tiers: tier "large" (large) is of the family "claude" too; models grade their own family too kindly. Take a judge of another family, or set allow-same-family = true in [judge.strict]
    "#);
    assert!(server.received_requests().await.unwrap().is_empty());
    let none = recorded(2, "grader = \"contains-all\"\n").run(&["grade", "fixtures/orders", "--judge"]).exits(2);
    assert!(none.stderr().contains("no example of this set has a judge as its grader"), "{none}");
}

#[tokio::test]
async fn what_is_certified_by_a_judge_is_relative_to_it() {
    let sandbox = recorded(2, JUDGE);
    let set = sandbox.read("fixtures/orders/set.toml").replace("[\"test\"]", "[\"train\"]");
    sandbox.write("fixtures/orders/set.toml", set);
    let example = |n| {
        let query = format!("Where is parcel {n}?");
        json!({"id": format!("p{n:03}"), "segment": "s", "split": "train", "query": query, "expected": null}).to_string()
    };
    sandbox.write("fixtures/orders/examples.jsonl", lines((0..300).map(example)));
    let _server = judge(&sandbox, "claude-haiku").await;
    sandbox.run(&["record", "two.cascade.toml", "orders", "--quiet"]).exits(0);
    graded(&sandbox, &["--judge", "--for", "two.cascade.toml", "--quiet", "--concurrency", "8"]).exits(0);
    let calibrate = ["calibrate", "two.cascade.toml", "fixtures/orders", "--max-loss", "0.3"];
    let calibrated = sandbox.run(&calibrate);
    assert!(calibrated.stdout().contains("relative to judge \"strict\""), "{calibrated}");
}

#[test]
fn a_tier_or_split_that_is_not_there_is_no_empty_table() {
    let sandbox = recorded(3, "grader = \"exact\"\n");
    assert_snapshot!(sandbox.run(&["grade", "fixtures/orders", "--tier", "smal"]), @r#"
    exit 2
    -- stderr
    error: fixtures/orders/recordings/smal.jsonl is not there: tier "smal" has no recordings
    hint: recorded are small, large
    "#);
    assert!(!sandbox.path("fixtures/orders/grades").exists());
    let ran = sandbox.run(&["grade", "fixtures/orders", "--split", "tset"]).exits(2);
    assert!(ran.stderr().contains("no example of fixtures/orders is in the split \"tset\""), "{ran}");
    assert!(ran.stderr().contains("hint: there are test"), "{ran}");
}

/// Twelve answers that no number can be read off for certain, and twelve that miss a text by its case.
#[test]
fn what_graders_cannot_read_and_what_they_nearly_miss_is_told() {
    let sandbox = Sandbox::with_cascade();
    let (mut examples, mut answers) = (String::new(), String::new());
    answers += r#"{"tierfall": "recording", "version": 1, "tier": "small", "provider": "p", "model": "m", "parameters_digest": "d", "prompt_digest": "d", "recorded_by": "tests"}"#;
    answers.push('\n');
    for n in 0..24 {
        let (grader, expected, answer) =
            if n < 12 { ("numeric", json!(10), "between 5 and 10") } else { ("exact", json!("refund"), "REFUND.") };
        let example = json!({"id": format!("q{n:02}"), "segment": grader, "split": "test", "query": format!("Question {n}?"), "expected": expected, "grader": grader});
        examples += &(example.to_string() + "\n");
        answers += &(json!({"id": format!("q{n:02}"), "text": answer}).to_string() + "\n");
    }
    sandbox.write("fixtures/desk/set.toml", "name = \"desk\"\nsplits = [\"test\"]\n");
    sandbox.write("fixtures/desk/examples.jsonl", examples);
    sandbox.write("fixtures/desk/recordings/small.jsonl", answers);
    assert_snapshot!(sandbox.run(&["grade", "fixtures/desk"]), @r#"
    exit 0
    -- stdout
    right             small
    exact    0.000     0/12
    numeric  0.000     0/12
    all      0.000     0/24

    right where wrong:  small
    small                   0
    -- stderr
    grades are in fixtures/desk/grades
    answers that their graders could not read count as wrong: 12 of small; `reason` in their lines says why
    fixtures/desk: 2 warnings
      warning[F054] unreadable-answers: most answers of small cannot be read by their grader: 12 of 12
      under numeric
        at   fixtures/desk/grades/small.jsonl q00: what stands last is no number that is for certain the
             answer: 5 and 10: between 5 and 10
        at   fixtures/desk/grades/small.jsonl q01: what stands last is no number that is for certain the
             answer: 5 and 10: between 5 and 10
        at   fixtures/desk/grades/small.jsonl q02: what stands last is no number that is for certain the
             answer: 5 and 10: between 5 and 10
           and 9 more
        why  an answer that its grader cannot read counts as wrong, whatever it means: what is measured
             is how answers are written; at the last tier that flatters every cascade held against it
        do   look at the answers above, then ask for the answer alone in the prompt, read behind a
             marker (`after`), or take another grader
      warning[F056] near-misses: 12 wrong answers of small would be right under normalised in place of
      exact
        at   fixtures/desk/grades/small.jsonl q12: expected "refund", answered "REFUND."
        at   fixtures/desk/grades/small.jsonl q13: expected "refund", answered "REFUND."
        at   fixtures/desk/grades/small.jsonl q14: expected "refund", answered "REFUND."
           and 9 more
        why  answers that differ from what is expected by case, punctuation or words around it are wrong
             under a strict grader; quality looks lower than it is, and tiers differ by how they write
        do   look at the answers above: if they are right, take the grader that is named, or list them
             in `expected`
    "#);
    let told: Value = serde_json::from_str(sandbox.run(&["grade", "fixtures/desk", "--json"]).exits(0).stdout()).unwrap();
    assert_eq!((&told["total"][0]["unreadable"], &told["total"][0]["right"]), (&json!(12), &json!(0)));
    let codes: Vec<&Value> = told["findings"].as_array().unwrap().iter().map(|finding| &finding["code"]).collect();
    assert_eq!(codes, ["F054", "F056"]);
}

/// Two tiers, of which the small one is surest where it is wrong.
#[test]
fn the_answers_behind_the_counts_are_shown() {
    let sandbox = Sandbox::with_cascade();
    let header = |tier: &str| {
        format!(
            r#"{{"tierfall": "recording", "version": 1, "tier": "{tier}", "provider": "p", "model": "m", "parameters_digest": "d", "prompt_digest": "d", "recorded_by": "tests"}}"#
        ) + "\n"
    };
    let (mut examples, mut small, mut large) = (String::new(), header("small"), header("large"));
    for (id, text, logprob) in [("a", "no", -0.5), ("b", "yes", -0.1), ("c", "maybe\u{1b}[2J", -0.01)] {
        examples += &(json!({"id": id, "segment": "s", "split": "test", "query": format!("Is {id} late?"), "expected": "yes", "grader": "exact"}).to_string() + "\n");
        small += &(json!({"id": id, "text": text, "logprobs": [[text, logprob, []]]}).to_string() + "\n");
        large += &(json!({"id": id, "text": if id == "a" { "no" } else { "yes" }}).to_string() + "\n");
    }
    sandbox.write("fixtures/desk/set.toml", "name = \"desk\"\nsplits = [\"test\"]\ntiers = [\"small\", \"large\"]\n");
    sandbox.write("fixtures/desk/examples.jsonl", examples);
    sandbox.write("fixtures/desk/recordings/small.jsonl", small);
    sandbox.write("fixtures/desk/recordings/large.jsonl", large);
    assert_snapshot!(sandbox.run(&["grade", "fixtures/desk", "--show", "wrong", "--limit", "1"]), @"
    exit 0
    -- stdout
    1 of 2 · s · c

    question
      Is c late?

    expected (exact)
      yes

    small   ✗ wrong   score 0.990 (mean-logprob)
      maybe␛[2J

    large   ✓ right
      yes
    -- stderr
    1 more with a wrong answer: --limit 2 shows all
    ");
    assert_snapshot!(sandbox.run(&["grade", "fixtures/desk", "--show", "disagree"]), @"
    exit 0
    -- stdout
    1 of 1 · s · c

    question
      Is c late?

    expected (exact)
      yes

    small   ✗ wrong   score 0.990 (mean-logprob)
      maybe␛[2J

    large   ✓ right
      yes
    ");
    let told: Value =
        serde_json::from_str(sandbox.run(&["grade", "fixtures/desk", "--show", "wrong", "--json"]).exits(0).stdout()).unwrap();
    let ids: Vec<&Value> = told["examples"].as_array().unwrap().iter().map(|example| &example["id"]).collect();
    assert_eq!((&told["of"], ids), (&json!(2), vec![&json!("c"), &json!("a")]), "the surest of a wrong answer first");
    assert_eq!(told["examples"][0]["answers"][1]["correct"], json!(1.0));
    sandbox.run(&["grade", "fixtures/desk", "--limit", "3"]).exits(2);
}
