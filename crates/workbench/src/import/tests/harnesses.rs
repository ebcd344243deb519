//! Results of other programs: samples of the LM Evaluation Harness, logs of Inspect, results of promptfoo.

use serde_json::{Value, json};

use super::super::*;
use super::joined;
use crate::observations::BadRows;

fn with(columns: &[(&str, &str)]) -> ImportOptions {
    ImportOptions {
        columns: columns.iter().map(|(from, to)| ((*from).to_owned(), (*to).to_owned())).collect(),
        ..ImportOptions::default()
    }
}

fn with_random() -> ImportOptions {
    ImportOptions { bad_rows: BadRows::AtRandom, ..ImportOptions::default() }
}

fn lines(all: &[Value]) -> String {
    all.iter().map(|line| line.to_string() + "\n").collect()
}

/// Why the source is refused.
#[track_caller]
fn refused(name: &str, files: &[(&str, &str)], options: &ImportOptions) -> String {
    joined(name, files, options).unwrap_err().to_string()
}

/// By tier, the grade of each example.
fn grades(rows: &[Value], tier: &str) -> Vec<Option<f64>> {
    rows.iter().map(|row| row["tiers"][tier]["correct"].as_f64()).collect()
}

fn sample(doc: usize, filter: &str, metrics: &Value, said: &Value) -> Value {
    let mut sample = json!({
        "doc_id": doc, "doc": {"question": "?"}, "target": "1", "arguments": {"gen_args_0": {"arg_0": "?"}}, "resps": [said],
        "filtered_resps": said, "filter": filter, "doc_hash": "d", "prompt_hash": "p", "target_hash": "t",
    });
    sample.as_object_mut().unwrap().extend(metrics.as_object().unwrap().clone());
    sample
}

#[test]
fn samples_of_the_harness_are_joined_by_task_and_document() {
    let small = lines(&[
        sample(0, "none", &json!({"acc": 1.0}), &json!([["-1.0", "False"], ["-2.0", "False"]])),
        sample(1, "none", &json!({"acc": 0.0}), &json!([[-1.0, true], [-1.0, false]])),
    ]);
    let large = lines(&[
        sample(0, "none", &json!({"acc": 1.0, "metrics": ["acc"], "extra": 1}), &json!(["Paris"])),
        sample(1, "none", &json!({"acc": 1, "metrics": ["acc"]}), &json!([])),
    ]);
    let files = [
        ("small/samples_arc_easy_2024-05-01T10-00-00.123.jsonl", &*small),
        ("small/samples_mmlu_2024-05-01T10-00-00.123.jsonl", &small),
        ("org__large/samples_arc_easy_2024-06-01T10-00-00.123.jsonl", &large),
        ("org__large/samples_mmlu_2024-06-01T10-00-00.123.jsonl", &large),
    ];
    let options = ImportOptions { tiers: [("org__large".to_owned(), "large".to_owned())].into(), ..ImportOptions::default() };
    let (rows, report) = joined("lm-eval", &files, &options).unwrap();
    let ids: Vec<_> = rows.iter().map(|row| (row["id"].as_str().unwrap(), row["segment"].as_str().unwrap())).collect();
    assert_eq!(ids, [("arc_easy/0", "arc_easy"), ("arc_easy/1", "arc_easy"), ("mmlu/0", "mmlu"), ("mmlu/1", "mmlu")]);
    assert_eq!((grades(&rows[..2], "small"), grades(&rows[..2], "large")), (vec![Some(1.0), Some(0.0)], vec![Some(1.0); 2]));
    let sure = |row: &Value, signal: &str| row["tiers"]["small"]["confidence"][signal].as_f64().unwrap();
    assert!((sure(&rows[0], "choice-logprob") - -(1.0 + (-1.0_f64).exp()).ln()).abs() < 1e-9);
    assert!((sure(&rows[0], "choice-margin") - 1.0).abs() < 1e-9);
    assert!((sure(&rows[1], "choice-logprob") - -(2.0_f64.ln())).abs() < 1e-9);
    assert_eq!((report.read, report.written), (8, 4));

    // Two versions of a data set number other questions alike.
    let of = |hash: &str| lines(&[sample(0, "none", &json!({"acc": 1.0, "doc_hash": hash}), &json!(["x"]))]);
    let (one, other) = (of("1f"), of("2e"));
    let versions = refused("lm-eval", &[("a.jsonl", &one), ("b.jsonl", &other)], &ImportOptions::default());
    assert!(versions.contains("/doc_hash") && versions.contains("these are two questions"), "{versions}");
    joined("lm-eval", &[("a.jsonl", &one), ("b.jsonl", &one)], &ImportOptions::default()).unwrap();

    // What nobody can choose for the caller is asked, with the words to write.
    let two = lines(&[sample(0, "none", &json!({"acc": 1.0, "acc_norm": 0.0}), &json!(["x"]))]);
    let several = refused("lm-eval", &[("a.jsonl", &two)], &ImportOptions::default());
    assert!(
        several.ends_with("has several metrics, acc, acc_norm: say which is the grade, as in --map acc=correct"),
        "{several}"
    );
    let (rows, _) = joined("lm-eval", &[("a.jsonl", &two)], &with(&[("acc_norm", "correct")])).unwrap();
    assert_eq!(rows[0], json!({"id": "0", "tiers": {"a": {"correct": 0.0}}}));
    let filters = lines(&[
        sample(0, "strict-match", &json!({"exact_match": 0.0}), &json!(["1."])),
        sample(0, "flexible-extract", &json!({"exact_match": 1.0}), &json!(["1"])),
    ]);
    let which = refused("lm-eval", &[("a.jsonl", &filters)], &ImportOptions::default());
    assert!(which.contains("as in --map strict-match=filter"), "{which}");
    let (rows, report) = joined("lm-eval", &[("a.jsonl", &filters)], &with(&[("flexible-extract", "filter")])).unwrap();
    assert_eq!((grades(&rows, "a"), report.others, report.read), (vec![Some(1.0)], 1, 2), "what is passed over is counted");
    let none = joined("lm-eval", &[("a.jsonl", &filters)], &with(&[("x", "filter")])).unwrap_err().to_string();
    assert!(none.contains("none is of the filter that --map names"), "{none}");
    let field = joined("lm-eval", &[("a.jsonl", &filters)], &with(&[("x", "segment")])).unwrap_err().to_string();
    assert!(field.contains("of lm-eval it can name correct, filter"), "{field}");
}

fn log_of_inspect(model: &str, samples: &[Value]) -> Value {
    json!({
        "version": 2, "status": "success", "eval": {"task": "capitals", "model": model, "config": {}},
        "results": {"total_samples": samples.len(), "completed_samples": samples.len()}, "samples": samples,
    })
}

fn inspected(id: &Value, scores: &Value) -> Value {
    let tokens = json!([{"token": "Paris", "logprob": -0.25, "bytes": null, "top_logprobs": null}]);
    json!({
        "id": id, "epoch": 1, "input": "?", "target": "Paris", "scores": scores, "error": null, "working_time": 2.0,
        "output": {
            "model": "m", "time": 1.5, "usage": {"input_tokens": 7, "output_tokens": 1, "total_tokens": 8},
            "choices": [{
                "message": {"role": "assistant", "content": [{"type": "reasoning", "reasoning": "hm"}, {"type": "text", "text": "Paris"}]},
                "stop_reason": "stop", "logprobs": {"content": tokens},
            }],
        },
        "model_usage": {"openai/small": {"input_tokens": 7, "output_tokens": 1, "total_tokens": 18, "input_tokens_cache_read": 10}},
    })
}

#[test]
fn a_log_of_inspect_has_answers_scores_and_what_they_took() {
    let of = |score: &str| json!({"match": {"value": score, "answer": "Paris"}});
    let mut failed = inspected(&json!("q3"), &Value::Null);
    failed["error"] = json!({"message": "timeout"});
    failed["output"] = json!({"model": "", "choices": []});
    let samples = [inspected(&json!(1), &of("C")), inspected(&json!("q2"), &of("P")), failed, inspected(&json!("q4"), &of("N"))];
    let log = log_of_inspect("openai/small", &samples);
    let options = ImportOptions { tiers: [("openai/small".to_owned(), "small".to_owned())].into(), ..ImportOptions::default() };
    for text in [log.to_string(), serde_json::to_string_pretty(&log).unwrap()] {
        let (rows, report) = joined("inspect", &[("small.json", &text)], &options).unwrap();
        assert_eq!(grades(&rows, "small"), [Some(1.0), Some(0.5), Some(0.0), Some(0.0)], "what failed is a wrong answer");
        assert_eq!((&rows[0]["id"], &rows[0]["segment"]), (&json!("capitals/1"), &json!("capitals")));
        let cell = &rows[0]["tiers"]["small"];
        assert_eq!((&cell["input_tokens"], &cell["output_tokens"], &cell["latency_ms"]), (&json!(17), &json!(1), &json!(1500.0)));
        assert_eq!(cell["confidence"]["mean-logprob"], -0.25);
        assert_eq!((report.read, report.written), (4, 4));
    }
    // A run that came to no end has lost the samples that it did not reach.
    let mut torn = log.clone();
    torn["status"] = "cancelled".into();
    let why = refused("inspect", &[("a.json", &torn.to_string())], &options);
    assert!(why.contains("1 of 5 rows") && why.contains("/status: is \"cancelled\""), "{why}");
    let mut short = log.clone();
    short["results"]["total_samples"] = 6.into();
    assert!(refused("inspect", &[("a.json", &short.to_string())], &options).contains("2 samples are not"));
    let mut bare = log.clone();
    bare["samples"] = Value::Null;
    let why = joined("inspect", &[("a.json", &bare.to_string())], &options).unwrap_err().to_string();
    assert!(why.contains("a log without samples"), "{why}");
    // Several scorers, and what a model graded.
    let two = json!({"match": {"value": "C"}, "model_graded_qa": {"value": "I"}});
    let text = log_of_inspect("m", &[inspected(&json!(1), &two)]).to_string();
    let several = refused("inspect", &[("a.json", &text)], &ImportOptions::default());
    assert!(several.contains("match, model_graded_qa: say which grades, as in --map match=correct"), "{several}");
    let (rows, _) = joined("inspect", &[("a.json", &text)], &with(&[("model_graded_qa", "judged")])).unwrap();
    let cell = &rows[0]["tiers"]["m"];
    assert_eq!((&cell["judged"], &cell["judge"], &cell["correct"]), (&json!(0.0), &json!("model_graded_qa"), &Value::Null));
    let odd = log_of_inspect("m", &[inspected(&json!(1), &json!({"f": {"value": {"a": 1}}}))]).to_string();
    let why = refused("inspect", &[("a.json", &odd)], &with_random());
    assert!(why.contains("/scores/f/value: is a list or an object, not a grade"), "{why}");
    // A question of several epochs is one item.
    let (mut again, mut first) = (inspected(&json!(1), &of("I")), inspected(&json!(1), &of("C")));
    (again["epoch"], first["epoch"]) = (2.into(), 1.into());
    let mut log = log_of_inspect("m", &[first, again]);
    log["eval"]["config"] = json!({"epochs": 2});
    let (rows, _) = joined("inspect", &[("a.json", &log.to_string())], &ImportOptions::default()).unwrap();
    let ids: Vec<_> = rows.iter().map(|row| (row["id"].as_str().unwrap(), row["group"].as_str().unwrap())).collect();
    assert_eq!(ids, [("capitals/1#1", "capitals/1"), ("capitals/1#2", "capitals/1")]);
}

fn result(test: usize, provider: &Value, success: bool) -> Value {
    json!({
        "promptIdx": 0, "testIdx": test, "promptId": "p", "provider": provider, "prompt": {"raw": "?", "label": "?"}, "vars": {"n": test},
        "testCase": {"vars": {"n": test}}, "success": success, "score": if success { 1.0 } else { 0.25 }, "latencyMs": 12, "cost": 0.001,
        "failureReason": i32::from(!success), "error": if success { Value::Null } else { "Expected output to be".into() },
        "namedScores": {}, "gradingResult": {"pass": success, "score": 1, "reason": "", "componentResults": [{"assertion": {"type": "equals"}}]},
        "response": {"output": "Paris", "tokenUsage": {"prompt": 9, "completion": 2, "total": 11}, "logProbs": [-0.25, -0.75]},
    })
}

#[test]
fn results_of_promptfoo_are_read_in_every_layout() {
    let (small, large) = (json!({"id": "openai:small", "label": "small"}), json!({"id": "large", "label": ""}));
    let mut failed = result(1, &large, false);
    failed["response"] = json!({"error": "429"});
    failed["failureReason"] = 2.into();
    let all = [result(0, &small, true), result(0, &large, true), result(1, &small, false), failed];
    let old: Vec<Value> = all
        .iter()
        .map(|row| {
            let mut row = row.clone();
            row.as_object_mut()
                .unwrap()
                .retain(|key, _| !["testIdx", "promptIdx", "testCase", "failureReason", "promptId"].contains(&&**key));
            row["provider"] = row["provider"]["label"].as_str().filter(|label| !label.is_empty()).unwrap_or("large").into();
            row
        })
        .collect();
    let summary = |version: u32, rows: &[Value]| json!({"version": version, "timestamp": "t", "stats": {}, "results": rows});
    for (layout, text) in [
        ("current", json!({"evalId": "e", "results": summary(3, &all), "config": {}}).to_string()),
        ("current, in lines", serde_json::to_string_pretty(&json!({"results": summary(3, &all)})).unwrap()),
        ("rows", lines(&all)),
        ("old", json!({"results": summary(2, &old), "config": {}}).to_string()),
        ("a list", json!({"results": all}).to_string()),
    ] {
        let (rows, report) = joined("promptfoo", &[("results.json", &text)], &ImportOptions::default()).unwrap();
        assert_eq!(
            (grades(&rows, "small"), grades(&rows, "large")),
            (vec![Some(1.0), Some(0.0)], vec![Some(1.0), Some(0.0)]),
            "{layout}"
        );
        let cell = &rows[0]["tiers"]["small"];
        assert_eq!((&cell["cost_usd"], &cell["latency_ms"], &cell["input_tokens"]), (&json!(0.001), &json!(12.0), &json!(9)));
        assert_eq!((&cell["confidence"]["mean-logprob"], &cell["confidence"]["min-logprob"]), (&json!(-0.5), &json!(-0.75)));
        assert_eq!((report.read, report.written, report.ungraded), (4, 2, 0), "{layout}");
        assert_ne!(rows[0]["group"], rows[1]["group"]);
    }
    let read = |rows: &[Value], options: &ImportOptions| {
        joined("promptfoo", &[("r.json", &json!({"results": summary(3, rows)}).to_string())], options)
    };
    let (rows, _) = read(&all, &with(&[("score", "correct")])).unwrap();
    assert_eq!(grades(&rows, "small"), [Some(1.0), Some(0.25)]);
    // What came from a cache cost nothing this time, and a cost of 0 is one that nobody knows.
    let (mut cached, mut free) = (result(0, &small, true), result(1, &small, true));
    cached["response"]["cached"] = true.into();
    free["cost"] = 0.into();
    let (rows, _) = read(&[cached, free], &ImportOptions::default()).unwrap();
    assert_eq!(rows[0]["tiers"]["small"].get("latency_ms").or(rows[0]["tiers"]["small"].get("cost_usd")), None);
    assert_eq!(rows[1]["tiers"]["small"].get("cost_usd"), None);
    // One model with two prompts is two tiers; a model's verdict is judged; an answer whose grading failed has no grade.
    let (mut other, mut judged, mut ungraded) = (result(0, &small, true), result(0, &small, true), result(1, &small, false));
    other["promptIdx"] = 1.into();
    let (rows, _) = read(&[result(0, &small, true), other], &ImportOptions::default()).unwrap();
    assert_eq!(rows[0]["tiers"].as_object().unwrap().keys().collect::<Vec<_>>(), ["small#0", "small#1"]);
    judged["gradingResult"]["componentResults"][0]["assertion"]["type"] = "not-llm-rubric".into();
    ungraded["failureReason"] = 2.into();
    let (rows, report) = read(&[judged, ungraded], &ImportOptions::default()).unwrap();
    assert_eq!((&rows[0]["tiers"]["small"]["judged"], &rows[0]["tiers"]["small"]["judge"]), (&json!(1.0), &json!("promptfoo")));
    assert_eq!((rows[1]["tiers"]["small"].get("judged"), report.ungraded), (None, 1));
    let twice = read(&[result(0, &small, true), result(0, &small, false)], &ImportOptions::default());
    assert!(matches!(twice, Err(Error::Rows(_))), "which of two answers counts is not known");
    let Err(Error::Rows(lost)) = read(&[json!({"provider": "small"}), result(0, &small, true)], &ImportOptions::default()) else {
        panic!()
    };
    assert_eq!((lost.read, &*lost.first[0].field), (2, "/testIdx"));
    assert_eq!(read(&[json!({"provider": "small"}), result(0, &small, true)], &with_random()).unwrap().1.bad, 1);
}

#[test]
fn a_file_of_another_format_is_told_with_the_command_that_reads_it() {
    let samples = lines(&[sample(0, "none", &json!({"acc": 1.0}), &json!(["x"]))]);
    let log = serde_json::to_string_pretty(&log_of_inspect("m", &[])).unwrap();
    let results = json!({"results": {"version": 3, "results": []}}).to_string();
    for (text, format) in [(&samples, "lm-eval"), (&log, "inspect"), (&results, "promptfoo")] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs_err::write(&path, text).unwrap();
        let told = |error: Error| format!("{error} {}", error.hint().unwrap_or_default());
        let read = crate::observations::read(&[&path], &crate::observations::ReadOptions::new(["a", "b"]), &());
        let read = told(read.unwrap_err());
        assert!(read.contains(&format!("tierfall import {format} ")), "{read}");
        for other in FORMATS.iter().filter(|other| other.name != format && other.name != "openai-log") {
            let mut out = Vec::new();
            let options = ImportOptions { tier_column: None, ..ImportOptions::default() };
            let said = told(convert(other, std::slice::from_ref(&path), &options, &mut out).unwrap_err());
            assert!(said.contains(&format!("tierfall import {format} ")), "{}: {said}", other.name);
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log.eval");
    fs_err::write(&path, b"PK\x03\x04").unwrap();
    let mut out = Vec::new();
    let why = convert(format("inspect").unwrap(), &[path], &ImportOptions::default(), &mut out).unwrap_err().to_string();
    assert!(why.contains("inspect log dump"), "{why}");
}
