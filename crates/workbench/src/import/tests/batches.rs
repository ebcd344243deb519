//! Output files of batches, and grades for answers without any.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::*;
use super::{at_random, joined, run};
/// A reply to a request of a batch, with one token.
fn chat(text: &str) -> Value {
    let tokens = json!([{"token": text, "logprob": -0.25, "bytes": null, "top_logprobs": []}]);
    json!({
        "model": "mini-2024", "usage": {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10},
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}, "logprobs": {"content": tokens}}],
    })
}

fn batch_line(n: usize, custom_id: &str, status: u16, body: &Value) -> String {
    let response = json!({"status_code": status, "request_id": "r", "body": body});
    json!({"id": format!("batch_req_{n}"), "custom_id": custom_id, "response": response, "error": null}).to_string() + "\n"
}

#[test]
fn output_files_of_batches_are_joined_by_what_the_caller_called_the_requests() {
    let expired = |id: &str| {
        json!({"id": "batch_req_9", "custom_id": id, "response": null, "error": {"code": "batch_expired", "message": "late"}})
            .to_string()
            + "\n"
    };
    let responses = json!({
        "object": "response", "status": "completed", "model": "mini-2024", "error": null,
        "output": [
            {"type": "reasoning", "summary": []},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Paris", "logprobs": [
                {"token": "Paris", "logprob": -0.25, "bytes": null, "top_logprobs": []}]}]},
        ],
        "usage": {"input_tokens": 9, "output_tokens": 1, "total_tokens": 10},
    });
    let down = json!({"error": {"message": "down", "type": "server_error"}});
    let small = batch_line(1, "q1", 200, &chat("Paris"))
        + &batch_line(2, "q2", 200, &responses)
        + &expired("q3")
        + &batch_line(3, "q4", 500, &down);
    let of_claude = |id: &str, text: &str| {
        let message = json!({
            "id": "msg_1", "type": "message", "role": "assistant", "model": "big-2024", "stop_reason": "end_turn",
            "content": [{"type": "text", "text": text}], "usage": {"input_tokens": 8, "output_tokens": 2},
        });
        json!({"custom_id": id, "result": {"type": "succeeded", "message": message}}).to_string() + "\n"
    };
    let lost = |id: &str, kind: &str| json!({"custom_id": id, "result": {"type": kind}}).to_string() + "\n";
    let large = of_claude("q1", "Paris.") + &of_claude("q2", "Rome") + &lost("q3", "errored") + &lost("q4", "expired");
    let dir = tempfile::tempdir().unwrap();
    let table = dir.path().join("expected.csv");
    fs_err::write(&table, "id,expected\nq1,paris\nq2,paris\nq3,x\nq4,x\nq5,x\n").unwrap();
    let options = ImportOptions {
        tiers: [("mini-2024".to_owned(), "small".to_owned()), ("large.jsonl".to_owned(), "large".to_owned())].into(),
        expected: Some(expected(&table, "normalised").unwrap()),
        ..ImportOptions::default()
    };
    let (rows, report) = joined("openai-log", &[("small.jsonl", &small), ("large.jsonl", &large)], &options).unwrap();
    let graded = |row: &Value| ["small", "large"].map(|tier| row["tiers"][tier]["correct"].as_f64());
    let all: Vec<_> = rows.iter().map(|row| (row["id"].as_str().unwrap(), graded(row))).collect();
    let (right, wrong) = (Some(1.0), Some(0.0));
    assert_eq!(
        all,
        [("q1", [right, right]), ("q2", [right, wrong]), ("q3", [wrong, wrong]), ("q4", [wrong, wrong])],
        "a failed request is a wrong answer of its file's tier"
    );
    for row in &rows[..2] {
        let small = &row["tiers"]["small"];
        assert_eq!((&small["confidence"]["mean-logprob"], &small["input_tokens"]), (&json!(-0.25), &json!(9)), "{row}");
        assert_eq!(row["tiers"]["large"]["output_tokens"], 2);
    }
    assert_eq!((report.read, report.written, report.unanswered, report.ungraded), (8, 4, 1, 0));
    // Without grades the answers are told apart, and a file with failures alone is somebody's if that is said.
    let bare = ImportOptions { expected: None, ..options.clone() };
    let (rows, report) = joined("openai-log", &[("small.jsonl", &small), ("large.jsonl", &large)], &bare).unwrap();
    assert_eq!((&rows[0]["tiers"]["small"]["answer"], report.ungraded), (&json!("Paris"), 4));
    let errors = &[("small.jsonl", &*batch_line(1, "q1", 200, &chat("x"))), ("errors.jsonl", &expired("q3"))];
    let Err(Error::Rows(rows)) = joined("openai-log", errors, &ImportOptions::default()) else { panic!() };
    assert!(rows.first[0].field == "tier" && rows.first[0].reason.contains("--tier FILE=NAME"), "{rows}");
    let all = ImportOptions { tiers: [(String::new(), "small".to_owned())].into(), ..ImportOptions::default() };
    assert_eq!(joined("openai-log", errors, &all).unwrap().1.tiers, [("small".to_owned(), 2)].into());
    let wide = run("csv", "id,a.correct\n1,1\n", &all).unwrap_err().to_string();
    assert!(wide.contains("--tier NAME is for files whose records are one answer each"), "{wide}");
}

#[test]
fn what_the_grader_cannot_read_is_counted_and_an_answer_that_says_nothing_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let table = dir.path().join("expected.csv");
    fs_err::write(&table, "id,expected\nq1,5\nq2,5\nq3,5\n").unwrap();
    let options = ImportOptions { expected: Some(expected(&table, "numeric").unwrap()), ..ImportOptions::default() };
    let said = ["5", "between 4 and 5", ""];
    let log: String = (1..).zip(said).map(|(at, text)| batch_line(at, &format!("q{at}"), 200, &chat(text))).collect();
    let (rows, report) = joined("openai-log", &[("a.jsonl", &log)], &options).unwrap();
    let grades: Vec<_> =
        rows.iter().map(|row| row["tiers"].as_object().unwrap().values().next().unwrap()["correct"].as_f64()).collect();
    assert_eq!((grades, report.ungraded), (vec![Some(1.0), Some(0.0), Some(0.0)], 0));
    assert_eq!(report.unreadable, 2, "the range, and the answer without a number");
}

#[test]
fn what_is_mapped_to_a_tier_that_is_not_there_is_told() {
    let columns = [("ok", "Mini.correct"), ("sure", "mini.sure")];
    let options = ImportOptions {
        columns: columns.map(|(column, field)| (column.to_owned(), field.to_owned())).into(),
        ..ImportOptions::default()
    };
    let told = run("csv", "id,ok,sure\n1,1,0.5\n", &options).unwrap_err().to_string();
    assert!(told.contains("sure: is named by --map, and there is no such tier"), "{told}");
}

#[test]
fn what_is_expected_has_the_graders_form_and_stands_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("expected");
    let read = |text: &str, grader: &str| {
        fs_err::write(&path, text).unwrap();
        expected(&path, grader).map(|_| ()).map_err(|error| error.to_string())
    };
    for text in ["id,expected\n1,7\n", "{\"id\": 1, \"expected\": 7, \"query\": \"?\"}\n", "id,expected\n1,\"[7, 8]\"\n"] {
        assert_eq!(read(text, "numeric"), Ok(()), "{text}");
    }
    for (text, grader, said) in [
        ("id,expected\n1,x\n1,y\n", "exact", "stands twice"),
        ("id,expected\n1,\n", "exact", "expected: is missing"),
        ("{\"expected\": 7}\n", "exact", "id: is missing"),
        ("id,expected\n1,seven\n", "numeric", "(grader numeric)"),
        ("id,expected\n", "exact", "it has no rows"),
        ("id,expected\n1,x\n", "human", "has to ask somebody"),
        ("id,expected\n1,x\n", "nobody", "there is no grader"),
    ] {
        let why = read(text, grader).unwrap_err();
        assert!(why.contains(said), "{text}: {why}");
    }
}

#[test]
fn what_is_no_answer_of_a_known_kind_is_told_as_such() {
    let embedded = batch_line(1, "q1", 200, &json!({"object": "list", "model": "e", "data": [{"embedding": [1]}]}));
    let of_gemini = json!({"key": "q1", "response": {"candidates": []}}).to_string();
    for (name, text, said) in [
        ("openai-log", &*embedded, "/response: is a list, and no answer: it is of another endpoint"),
        ("openai-log", &of_gemini, "is of Gemini's batches, whose replies are not read"),
        ("openai-log", "id,correct\n1,1\n", "it is no JSON, and openai-log is; tables are `tidy` or `csv`"),
        ("inspect", "id,correct\n1,1\n", "it is no JSON, and inspect is"),
        ("tidy", &embedded, "no row has a column correct, judged, answer: nothing says which answers are right"),
        ("tidy", "id,right\n1,1\n", "no row has a column correct, judged, answer"),
    ] {
        let why = run(name, text, &ImportOptions::default()).unwrap_err().to_string();
        assert!(why.contains(said), "{name}: {why}");
    }
}

/// A line of a log: what it is of, and what is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Line {
    Answer,
    Failed,
    /// The id can be read, and the rest cannot.
    Odd,
    Torn,
}

proptest! {
    /// Whatever becomes of a line is said: it is part of an example, or a row that cannot be read.
    #[test]
    fn no_line_of_a_log_vanishes(
        lines in proptest::collection::vec(
            (0..8_u8, any::<bool>(), proptest::sample::select(&[Line::Answer, Line::Answer, Line::Answer, Line::Failed, Line::Odd, Line::Torn][..])),
            1..24,
        ),
    ) {
        let text: String = lines.iter().map(|(id, large, line)| {
            let (id, tier) = (format!("q{id}"), if *large { "large" } else { "small" });
            let line = match line {
                Line::Answer => json!({"custom_id": id, "tier": tier, "correct": 1, "response": chat("Paris")}).to_string(),
                Line::Failed => json!({"custom_id": id, "tier": tier, "response": null, "error": {"code": "late"}}).to_string(),
                Line::Odd => json!({"custom_id": id, "tier": tier, "response": []}).to_string(),
                Line::Torn => "{\"custom".to_owned(),
            };
            line + "\n"
        }).collect();
        let sound = |line: &Line| matches!(line, Line::Answer | Line::Failed);
        let mut answers: BTreeMap<String, Vec<bool>> = BTreeMap::new();
        lines.iter().filter(|(.., line)| sound(line)).for_each(|(id, large, _)| answers.entry(format!("q{id}")).or_default().push(*large));
        let doubled = |all: &Vec<bool>| all.iter().collect::<BTreeSet<_>>().len() < all.len();
        let is_whole = lines.iter().all(|(.., line)| sound(line)) && !answers.values().any(doubled);
        prop_assert_eq!(run("openai-log", &text, &ImportOptions::default()).is_ok(), is_whole);
        // Where nothing is left there is no result.
        let Ok((rows, report)) = run("openai-log", &text, &at_random()) else { return Ok(()) };
        prop_assert_eq!((report.read, report.written + report.bad), (lines.len() as u64, rows.len() as u64));
        let told: String = rows.iter().filter_map(|row| row["unreadable"].as_str()).collect::<Vec<_>>().join("\n");
        for (at, (.., line)) in lines.iter().enumerate().filter(|(_, (.., line))| !sound(line)) {
            prop_assert!(told.contains(&format!("source:{}: ", at + 1)), "{line:?} of line {}: {told}", at + 1);
        }
        for (id, all) in &answers {
            let of: Vec<&Value> = rows.iter().filter(|row| row["id"] == id.as_str()).collect();
            match of[..] {
                [] => prop_assert!(told.contains(&format!("\"{id}\"")), "{id} is lost: {told}"),
                [row] => {
                    let odd = lines.iter().any(|(other, _, line)| *line == Line::Odd && format!("q{other}") == *id);
                    prop_assert!(!odd && !doubled(all) && row["tiers"].as_object().unwrap().len() == all.len(), "{row}");
                }
                _ => prop_assert!(false, "{id} stands twice"),
            }
        }
    }
}
