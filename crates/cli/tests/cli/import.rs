//! The guide "You already have results": from each kind of results two commands lead to a calibration, as they are written there.

use serde_json::{Value, json};

use crate::support::{Sandbox, lines};

/// Examples, each with whether the small and the large tier are right and how sure the small one is.
fn examples() -> impl Iterator<Item = (usize, [bool; 2], f64)> {
    (0..400).map(|n| {
        let hard = n % 3 == 0;
        (n, [!hard, n % 10 != 9], if hard { -2.0 - (n % 7) as f64 / 10.0 } else { -0.1 - (n % 7) as f64 / 100.0 })
    })
}

/// A line an example of a tier, by its number, whether it is right, and how sure.
fn of_tier(tier: usize, line: impl Fn(usize, bool, f64) -> Value) -> String {
    lines(examples().map(|(n, right, sure)| line(n, right[tier], sure).to_string()))
}

fn said(right: bool) -> &'static str {
    if right { "Paris" } else { "Rome" }
}

/// A token with its log-probability.
fn token(right: bool, sure: f64) -> Value {
    json!({"content": [{"token": said(right), "logprob": sure, "bytes": null, "top_logprobs": []}]})
}

/// The files that a command of the guide reads.
fn prepare(sandbox: &Sandbox, command: &str) {
    let format = command.split(' ').nth(2).unwrap();
    let tiers = ["small", "large"];
    match format {
        "tidy" if command.contains("--tier-column") => {
            let row =
                |n, tier: usize, right, sure| format!("q{n};{};{right};{}", tiers[tier], f64::to_string(&sure).replace('.', ","));
            let rows = examples()
                .flat_map(|(n, right, sure)| [0, 1].map(|tier| row(n, tier, if right[tier] { "PASS" } else { "FAIL" }, sure)));
            sandbox.write("results.csv", lines(std::iter::once("id;model;correct;logprob".to_owned()).chain(rows)));
        }
        "tidy" => {
            let row = |(n, right, sure): (usize, [bool; 2], f64)| format!("q{n},{},{sure}", u8::from(right[0]));
            sandbox.write("small.csv", lines(std::iter::once("id,correct,confidence".to_owned()).chain(examples().map(row))));
            sandbox.write("large.jsonl", of_tier(1, |n, right, _| json!({"id": format!("q{n}"), "correct": right})));
        }
        "openai-log" => {
            let of_openai = |n: usize, right, sure| {
                let choice = json!({
                    "index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": said(right)}, "logprobs": token(right, sure),
                });
                let body =
                    json!({"model": "mini-2024", "choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 1}});
                json!({"id": format!("batch_req_{n}"), "custom_id": format!("q{n}"), "response": {"status_code": 200, "body": body}, "error": null})
            };
            let of_anthropic = |n: usize, right, _| {
                let message = json!({
                    "id": "msg", "type": "message", "role": "assistant", "model": "big-2024", "stop_reason": "end_turn",
                    "content": [{"type": "text", "text": said(right)}], "usage": {"input_tokens": 9, "output_tokens": 1},
                });
                json!({"custom_id": format!("q{n}"), "result": {"type": "succeeded", "message": message}})
            };
            sandbox.write("small.jsonl", of_tier(0, of_openai));
            sandbox.write("large.jsonl", of_tier(1, of_anthropic));
            let rows = examples().map(|(n, ..)| format!("q{n},paris"));
            sandbox.write("questions.csv", lines(std::iter::once("id,expected".to_owned()).chain(rows)));
        }
        "lm-eval" => {
            for (at, tier) in tiers.iter().enumerate() {
                let sample = |n: usize, right: bool, sure: f64| {
                    json!({
                        "doc_id": n, "doc": {}, "target": "0", "arguments": {}, "resps": [], "filtered_resps": [["-1.0", "True"], [-1.0 + 4.0 * sure, false]],
                        "filter": "none", "metrics": ["acc"], "doc_hash": "d", "prompt_hash": "p", "target_hash": "t", "acc": f64::from(u8::from(right)),
                    })
                };
                // How sure it is grows with the distance, which `sure` makes smaller where it is nearer to 0.
                let sample = |n, right, sure: f64| sample(n, right, 1.0 / sure);
                sandbox.write(&format!("{tier}/samples_arc_2024-05-01T10-00-00.1.jsonl"), of_tier(at, sample));
            }
        }
        "inspect" => {
            for (at, tier) in tiers.iter().enumerate() {
                let sample = |n: usize, right: bool, sure: f64| {
                    let message = json!({"role": "assistant", "content": said(right)});
                    json!({
                        "id": n, "epoch": 1, "input": "?", "target": "Paris", "scores": {"match": {"value": if right { "C" } else { "I" }}},
                        "output": {"model": "m", "choices": [{"message": message, "stop_reason": "stop", "logprobs": token(right, sure)}]},
                    })
                };
                let samples: Vec<Value> = examples().map(|(n, right, sure)| sample(n, right[at], sure)).collect();
                let log =
                    json!({"version": 2, "status": "success", "eval": {"task": "t", "model": "openai/m"}, "samples": samples});
                sandbox.write(&format!("{tier}.json"), serde_json::to_string_pretty(&log).unwrap());
            }
        }
        "promptfoo" => {
            let row = |at: usize, n: usize, right: bool, sure: f64| {
                json!({
                    "promptIdx": at, "testIdx": n, "provider": {"id": format!("openai:{}", tiers[at])}, "vars": {"n": n}, "success": right,
                    "failureReason": i32::from(!right), "response": {"output": said(right), "logProbs": [sure]},
                })
            };
            let rows: Vec<Value> = examples().flat_map(|(n, right, sure)| [0, 1].map(|at| row(at, n, right[at], sure))).collect();
            let results = json!({"evalId": "e", "results": {"version": 3, "timestamp": "t", "results": rows}});
            sandbox.write("results.json", results.to_string());
        }
        other => panic!("the guide shows {other}, and nothing here makes files of it"),
    }
}

#[test]
fn from_every_kind_of_results_two_commands_lead_to_a_calibration() {
    let guide = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide/observations.md");
    let guide = fs_err::read_to_string(guide).unwrap();
    let section = guide.split("## You already have results").nth(1).unwrap().split("\n## ").next().unwrap();
    let commands: Vec<&str> = section.lines().filter_map(|line| line.strip_prefix("    ")).collect();
    let mut formats = Vec::new();
    for pair in commands.chunks(2) {
        let [import, calibrate] = pair else { panic!("{pair:?}") };
        let sandbox = Sandbox::new();
        prepare(&sandbox, import);
        for command in pair {
            let out = sandbox.shell(command);
            let shown = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
            assert_eq!(out.status.code(), Some(0), "{command}\n{shown}");
        }
        assert!(calibrate.starts_with("tierfall calibrate --observations rows.jsonl"), "{calibrate}");
        let rows = sandbox.lines("rows.jsonl");
        assert_eq!(rows.len(), examples().count(), "{import}: no example is lost");
        let right = |tier: &str| rows.iter().filter(|row| row["tiers"][tier]["correct"] == 1.0).count();
        let truly = |tier: usize| examples().filter(|(_, right, _)| right[tier]).count();
        assert_eq!((right("small"), right("large")), (truly(0), truly(1)), "{import}");
        formats.push(import.split(' ').nth(2).unwrap().to_owned());
    }
    assert_eq!(formats, ["tidy", "tidy", "openai-log", "lm-eval", "inspect", "promptfoo"]);
}

#[test]
fn results_of_another_layout_are_told_with_the_command_that_reads_them() {
    let sandbox = Sandbox::new();
    for command in ["tierfall import tidy results.csv --tier-column model", "tierfall import promptfoo results.json"] {
        prepare(&sandbox, command);
    }
    sandbox.write("tidy.jsonl", "{\"id\": 1, \"model\": \"small\", \"correct\": 1}\n");
    let answers = "id,model,correct\nq1,small,1\nq1,large,1\n";
    sandbox.write("answers.csv", answers);
    for (file, told) in [
        ("results.csv", "tierfall import tidy FILE --tier-column model"),
        ("answers.csv", "tierfall import tidy FILE --tier-column model"),
        ("tidy.jsonl", "tierfall import tidy tidy.jsonl --tier-column COLUMN"),
        ("results.json", "tierfall import promptfoo results.json"),
    ] {
        let ran = sandbox.run(&["calibrate", "--observations", file, "--chain", "small,large", "--max-loss", "0.1"]).exits(2);
        assert!(ran.stderr().contains(told), "{file}: {ran}");
    }
}

#[test]
fn a_table_of_questions_becomes_a_set_that_can_be_recorded() {
    let sandbox = Sandbox::with_cascade();
    let rows = (0..40).map(|n| format!("q{n};\"What is {n} + 1; please?\";{};note", n + 1));
    sandbox.write("questions.csv", lines(std::iter::once("nr;question;expected;remark".to_owned()).chain(rows)));
    let map = ["--map", "nr=id", "--map", "question=query", "--into", "fixtures/mine", "--grader", "numeric"];
    let args = [&["import", "questions", "questions.csv"], &map[..]].concat();
    let ran = sandbox.run(&args).exits(0);
    for told in ["40 examples (test ", "not taken: remark", "tierfall record CASCADE fixtures/mine"] {
        assert!(ran.stderr().contains(told), "{ran}");
    }
    let examples = sandbox.lines("fixtures/mine/examples.jsonl");
    assert_eq!((&examples[3]["id"], &examples[3]["query"]), (&json!("q3"), &json!("What is 3 + 1; please?")));
    sandbox.run(&["check", "fixtures/mine"]);
    sandbox.run(&["record", "two.cascade.toml", "fixtures/mine", "--quiet"]).exits(0);
    assert_eq!(sandbox.lines("fixtures/mine/recordings/small.jsonl").len(), 41);
    let again = sandbox.run(&args).exits(2);
    assert!(again.stderr().contains("fixtures/mine exists already"), "{again}");
    // No question is left out in silence, and none is made up.
    for (text, why) in [
        ("query,expected\n,1\nx,2\n", "table.csv:2: query: is missing"),
        ("query,expected\nx,\n", "table.csv:2: expected: is missing"),
        ("question,expected\nx,1\n", "--map COLUMN=query. There are question, expected"),
        ("id,query,expected\na,x,1\n,y,2\n", "table.csv:3: id: is missing, and other rows have one"),
        ("id,query,expected\na,x,1\na,y,2\n", "\"a\" stands twice"),
        ("query,expected\nx,seven\n", "(grader numeric)"),
        ("query,expected\n", "it has no rows"),
    ] {
        sandbox.write("table.csv", text);
        let ran = sandbox.run(&["import", "questions", "table.csv", "--into", "fixtures/other", "--grader", "numeric"]).exits(2);
        assert!(ran.stderr().contains(why), "{text}: {ran}");
        assert!(!sandbox.path("fixtures/other").exists());
    }
    sandbox.write("table.csv", "query,expected\nx,1\n");
    let ran = sandbox.run(&["import", "questions", "table.csv", "--into", "fixtures/other"]).exits(0);
    assert!(ran.stderr().contains("rows are named by their lines"), "{ran}");
    sandbox.run(&["import", "questions", "table.csv", "--into", "more", "--out", "x.jsonl"]).exits(2);
}
