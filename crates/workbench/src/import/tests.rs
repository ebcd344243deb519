mod batches;
mod harnesses;

use proptest::prelude::*;
use serde_json::{Value, json};
use tierfall_calibrate::observations::Condition;

use super::*;
use crate::observations::{BadRows, ReadOptions, ReadOut, Unreadable, digest, read};

fn run(name: &str, text: &str, options: &ImportOptions) -> Result<(Vec<Value>, Imported), Error> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("source");
    fs_err::write(&path, text).unwrap();
    let mut out = Vec::new();
    let report = convert(format(name).unwrap(), std::slice::from_ref(&path), options, &mut out)?;
    let lines = std::str::from_utf8(&out).unwrap().lines();
    Ok((lines.map(|line| serde_json::from_str(line).unwrap()).collect(), report))
}

/// Rows that cannot be converted are left out.
fn at_random() -> ImportOptions {
    ImportOptions { bad_rows: BadRows::AtRandom, ..ImportOptions::default() }
}

#[track_caller]
fn refused(name: &str, text: &str, options: &ImportOptions) -> Unreadable {
    match run(name, text, options) {
        Err(Error::Rows(rows)) => *rows,
        other => panic!("{other:?}"),
    }
}

/// The rows of a result that can be read.
fn examples(rows: Vec<Value>) -> Vec<Value> {
    rows.into_iter().filter(|row| row.get("unreadable").is_none()).collect()
}

fn places(rows: &Unreadable) -> Vec<(u64, &str)> {
    rows.first.iter().map(|bad| (bad.line, &*bad.field)).collect()
}

fn bad(report: &Imported) -> Vec<(u64, &str)> {
    report.first_bad.iter().map(|bad| (bad.line, &*bad.field)).collect()
}

fn tidy(files: &[(&str, &str)], options: &ImportOptions) -> Result<Vec<Value>, Error> {
    joined("tidy", files, options).map(|(rows, _)| rows)
}

fn joined(name: &str, files: &[(&str, &str)], options: &ImportOptions) -> Result<(Vec<Value>, Imported), Error> {
    let dir = tempfile::tempdir().unwrap();
    let paths: Vec<_> = files.iter().map(|(name, _)| dir.path().join(name)).collect();
    for (path, (_, text)) in paths.iter().zip(files) {
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }
    let mut out = Vec::new();
    let report = convert(format(name).unwrap(), &paths, options, &mut out)?;
    Ok((std::str::from_utf8(&out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect(), report))
}

#[test]
fn a_file_a_model_is_joined_by_id() {
    let small = "id,correct,confidence,note\nq1,1,0.9,x\nq2,0,0.2,y\n";
    let large =
        "{\"id\": \"q2\", \"correct\": true, \"cost_usd\": 0.02, \"segment\": \"a\"}\n{\"id\": \"q3\", \"correct\": false}\n";
    let rows = tidy(&[("small.csv", small), ("large.results.jsonl", large)], &ImportOptions::default()).unwrap();
    assert_eq!(
        rows,
        [
            json!({"id": "q1", "tiers": {"small": {"correct": 1.0, "confidence": {"confidence": 0.9}}, "large": {}}}),
            json!({"id": "q2", "segment": "a", "tiers": {"small": {"correct": 0.0, "confidence": {"confidence": 0.2}}, "large": {"correct": 1.0, "cost_usd": 0.02}}}),
            json!({"id": "q3", "tiers": {"small": {}, "large": {"correct": 0.0}}}),
        ]
    );
}

#[test]
fn a_tidy_table_names_its_tiers_in_a_column() {
    let options = ImportOptions {
        tier_column: Some("model".to_owned()),
        tiers: [("big/model".to_owned(), "large".to_owned())].into(),
        columns: [("sure".to_owned(), "logprob".to_owned())].into(),
        ..ImportOptions::default()
    };
    for mark in [",", ";", "\t"] {
        let text = "id,model,correct,sure\nq1,small,1,-0.1\nq1,big/model,1,\n".replace(',', mark);
        let rows = tidy(&[("results.csv", &text)], &options).unwrap();
        assert_eq!(
            rows,
            [
                json!({"id": "q1", "tiers": {"small": {"correct": 1.0, "confidence": {"logprob": -0.1}}, "large": {"correct": 1.0}}})
            ]
        );
    }
    let twice = "id,model,correct,sure\nq1,small,1,\nq1,small,0,\nq2,,1,\nq1,big/model,1,\nq3,small,1,\nq3,big/model,0,\n";
    let Err(Error::Rows(rows)) = tidy(&[("results.csv", twice)], &options) else { panic!() };
    // Whoever declares that chance decides which rows are lost has no example with an answer too few.
    let left = tidy(&[("results.csv", twice)], &ImportOptions { bad_rows: BadRows::AtRandom, ..options }).unwrap();
    assert_eq!(left.iter().map(|row| row["id"].as_str()).collect::<Vec<_>>(), [None, None, None, Some("q3")], "{left:?}");
    assert_eq!(places(&rows), [(3, "id"), (4, "model")]);
    assert!(
        rows.first[0].reason.contains("has an answer of the tier \"small\" already, in ")
            && rows.first[0].reason.contains("--tier-column")
    );
}

#[test]
fn one_table_of_several_models_is_never_one_tier() {
    let text = "id,model,correct\nq1,small,1\nq1,large,1\n";
    let Err(Error::Rows(rows)) = tidy(&[("results.csv", text)], &ImportOptions::default()) else { panic!() };
    assert!(rows.first[0].reason.contains("--tier-column"), "{rows:?}");
    let segments = [("a.csv", "id,correct,segment\nq1,1,x\n"), ("b.csv", "id,correct,segment\nq1,1,y\n")];
    let Err(error) = tidy(&segments, &ImportOptions::default()) else { panic!() };
    assert!(error.to_string().contains("is \"y\" here and \"x\" beside another answer"), "{error}");
    let error =
        run("csv", "id,small.correct\nq1,1\n", &ImportOptions { tier_column: Some("m".to_owned()), ..ImportOptions::default() });
    assert!(error.unwrap_err().to_string().contains("for tables with one row an answer"));
}

#[test]
fn what_is_no_table_is_recognised_and_the_command_that_makes_one_is_told() {
    for (start, told) in [
        ("PAR1\u{15}\u{4}", "it is Parquet; read here are JSON Lines and CSV, also packed by gzip: duckdb"),
        ("PK\u{3}\u{4}", "a spreadsheet (xlsx)"),
        ("BZh91AY", "bunzip2"),
        ("SQLite format 3", "sqlite3 -header -csv"),
        ("[\n{\"id\": 1}]", "jq -c '.[]'"),
        ("{\n  \"id\": 1\n}", "jq -c ."),
    ] {
        let error = run("tidy", start, &ImportOptions::default()).unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn a_wide_table_of_grades_and_costs() {
    let text = "sample_id,prompt,eval_name,tiny,big/model,tiny|model_response,tiny|total_cost,big/model|total_cost,oracle_model_to_route_to\n\
                q.1,\"two, words\",maths,0.0,1,hm,0.00001,0.002,big/model\n\
                q.2,x,maths,0.25,,hm,2e-5,,tiny\n\
                q.3,x,law,7,1,hm,0.1,0.2,tiny\n";
    let options = ImportOptions { tiers: [("big/model".to_owned(), "big".to_owned())].into(), ..ImportOptions::default() };
    let strict = run("routerbench", text, &options).unwrap_err().to_string();
    assert!(
        strict.contains("1 of 3 rows cannot be read") && strict.contains("source:4: tiny: is 7, not a grade from 0 to 1"),
        "{strict}"
    );
    let (rows, report) = run("routerbench", text.split("q.3").next().unwrap(), &options).unwrap();
    let tiny = |correct: f64, cost: f64| json!({"correct": correct, "cost_usd": cost});
    assert_eq!(rows[0], json!({"id": "q.1", "segment": "maths", "tiers": {"tiny": tiny(0.0, 1e-5), "big": tiny(1.0, 0.002)}}));
    assert_eq!(rows[1], json!({"id": "q.2", "segment": "maths", "tiers": {"tiny": tiny(0.25, 2e-5), "big": {}}}));
    assert_eq!((report.read, report.written, report.bad, report.ungraded, report.unsaid), (2, 2, 0, 0, 1));
    assert_eq!(report.tiers, [("big".to_owned(), 1), ("tiny".to_owned(), 2)].into());
    let other = run("routerbench", "sample_id,a\n1,2\n", &ImportOptions::default()).unwrap_err().to_string();
    assert!(other.contains("no column is named MODEL|total_cost"), "{other}");
}

#[test]
fn preferences_become_two_tiers() {
    let text = r#"{"question_id":"x","prompt":"p ","model_a":"m1","model_b":"m2","winner":"model_b"}
{"prompt":"p","model_a":"m2","model_b":"m1","winner":"tie"}
{"id":3,"prompt":"q","model_a":"m1","model_b":"m2","winner":"tie (bothbad)","judge":"J"}
{"id":4,"model_a":"m1","model_b":"m2","score_a":5,"score_b":2.5,"cost_a":0.1}

{"id":5,"model_a":"m1","model_b":"m1","winner":"tie"}
{"id":6,"model_a":"m1","model_b":"m2","winner":"m1"}
{"id":7,"model_a":"m1","model_b":"m2","winner":null}
{"id":8,"model_a":"m1","model_b":"m2","winner_model_a":0,"winner_model_b":1,"winner_tie":0}
{"id":9,"model_a":"m1","winner":"tie"}
"#;
    let options = ImportOptions { max_score: Some(5.0), ..at_random() };
    let (rows, report) = run("routellm", text, &options).unwrap();
    let grades = |row: &Value| [&row["tiers"]["m1"]["correct"], &row["tiers"]["m2"]["correct"]].map(Value::as_f64);
    assert_eq!((&rows[0]["id"], grades(&rows[0])), (&json!("x"), [Some(0.0), Some(1.0)]));
    assert_eq!((&rows[1]["id"], grades(&rows[1])), (&json!("row-2"), [Some(1.0), Some(1.0)]));
    assert_eq!(rows[0]["group"], rows[1]["group"], "the same prompt is the same item");
    let judged = json!({"correct": null, "judged": 0.0, "judge": "J"});
    assert_eq!(rows[2]["tiers"], json!({"m1": judged, "m2": judged}));
    assert_eq!((grades(&rows[3]), &rows[3]["tiers"]["m1"]["cost_usd"]), ([Some(1.0), Some(0.5)], &json!(0.1)));
    let bad_rows: Vec<&Value> = rows.iter().filter(|row| row.get("unreadable").is_some()).collect();
    assert_eq!((&rows[4], bad_rows.len()), (bad_rows[0], 2));
    assert_eq!((grades(&rows[5]), grades(&rows[7])), ([Some(1.0), Some(0.0)], [Some(0.0), Some(1.0)]));
    assert_eq!((grades(&rows[6]), report.ungraded), ([None, None], 2), "nobody compared them");
    assert_eq!((report.read, report.written, bad(&report)), (9, 7, vec![(6, "model_b"), (10, "model_b")]));
    assert_eq!(refused("routellm", text, &ImportOptions { bad_rows: BadRows::Refuse, ..options.clone() }).bad, 2);
    // A verdict that cannot be read is a grade that cannot be.
    for row in [
        r#"{"id":7,"model_a":"m1","model_b":"m2","winner":"nobody"}"#,
        r#"{"id":7,"model_a":"m1","model_b":"m2","winner":3}"#,
        r#"{"id":7,"model_a":"m1","model_b":"m2","winner_model_a":1,"winner_model_b":1}"#,
        r#"{"id":7,"model_a":"m1","model_b":"m2","winner_model_a":0,"winner_model_b":0,"winner_tie":0}"#,
        r#"{"id":7,"model_a":"m1","model_b":"m2","winner_model_a":"yes"}"#,
        r#"{"id":7,"model_a":"m1","model_b":"m2","score_a":6,"score_b":1}"#,
    ] {
        let rows = refused("routellm", &format!("{text}{row}\n"), &options);
        assert_eq!((rows.bad, rows.bad_grades, rows.first[0].line), (1, 1, 11), "{row}");
    }
}

fn log_line(id: &str, model: &str, rest: &Value, logprobs: &[f64], finish: &str) -> String {
    let token = |logprob: &f64| json!({"token": "t", "logprob": logprob, "top_logprobs": [{"token": "t", "logprob": logprob}, {"token": "u", "logprob": -3.0}]});
    let choice = json!({
        "index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": "t".repeat(logprobs.len())},
        "logprobs": {"content": logprobs.iter().map(token).collect::<Vec<_>>()},
    });
    let mut line = json!({
        "id": id,
        "request": {"model": model, "messages": [{"role": "user", "content": "?"}]},
        "response": {"model": format!("{model}-2024"), "choices": [choice], "usage": {"prompt_tokens": 9, "completion_tokens": 2}},
    });
    for (key, value) in rest.as_object().unwrap() {
        line[key] = value.clone();
    }
    line.to_string() + "\n"
}

#[test]
fn a_log_of_completions_becomes_signals() {
    let text = [
        log_line("a", "mini", &json!({"correct": true, "latency_ms": 12.5, "segment": "s"}), &[-0.5, -0.25], "stop"),
        log_line("a", "big", &json!({"label": "incorrect"}), &[-0.125], "stop"),
        log_line("b", "mini", &json!({"label": 1}), &[-0.5], "length"),
        log_line("f", "mini", &json!({}), &[-0.5], "stop"),
        r#"{"custom_id":"c","tier":"mini","response":{"status_code":500,"body":{"error":{"message":"down"}}},"label":1}"#
            .to_owned()
            + "\n",
        r#"{"id":"d","tier":"mini","response":{"choices":[]},"label":1}"#.to_owned() + "\n",
        log_line("f", "mini", &json!({}), &[-0.5], "stop"),
        log_line("g", "mini", &json!({}), &[-0.5], "stop"),
    ];
    let (rows, report) = run("openai-log", &text.concat(), &at_random()).unwrap();
    let rows = examples(rows);
    let mini = &rows[0]["tiers"]["mini"];
    assert_eq!((&mini["correct"], &mini["latency_ms"], &mini["input_tokens"]), (&json!(1.0), &json!(12.5), &json!(9)));
    let confidence = &mini["confidence"];
    assert_eq!((&confidence["mean-logprob"], &confidence["sum-logprob"]), (&json!(-0.375), &json!(-0.75)));
    assert_eq!(confidence["min-logprob"], json!(-0.5));
    assert!(confidence["margin"].as_f64().unwrap() > 0.5 && confidence["entropy"].as_f64().unwrap() < 0.0, "{confidence}");
    assert_eq!((&rows[0]["tiers"]["big"]["correct"], &rows[0]["segment"]), (&json!(0.0), &json!("s")));
    assert_eq!(
        rows[1]["tiers"]["mini"]["confidence"]["mean-logprob"],
        Value::Null,
        "a gate defers what is cut, whatever its score"
    );
    assert_eq!(rows[2], json!({"id": "c", "tiers": {"mini": {"correct": 0.0}}}), "a failed call is wrong");
    assert_eq!(bad(&report), [(6, "/response/choices"), (7, "id"), (4, "id")], "which of two answers counts is not known");
    assert_eq!((report.read, report.written, report.ungraded, report.signals.len()), (8, 4, 1, 5));
    assert_eq!(places(&refused("openai-log", &text.concat(), &ImportOptions::default())), [(6, "/response/choices"), (7, "id")]);
    let odd = log_line("e", "mini", &json!({"label": "perhaps"}), &[-0.5], "stop");
    let rows = refused("openai-log", &(text.concat() + &odd), &at_random());
    assert_eq!((places(&rows), rows.bad_grades), (vec![(9, "/label")], 1));
    assert!(rows.scales[0].starts_with("\"/label\" holds \"perhaps\""), "{:?}", rows.scales);
}

#[test]
fn a_logged_answer_is_read_as_it_ended() {
    let ended = [("a", "stop"), ("b", "EOS"), ("c", "MAX_TOKENS"), ("d", "abort2"), ("e", "abort"), ("f", "error")];
    let text: String = ended.map(|(id, finish)| log_line(id, "mini", &json!({"correct": 1}), &[-0.5], finish)).concat();
    let (rows, report) = run("openai-log", &text, &ImportOptions::default()).unwrap();
    let tiers: Vec<&Value> = rows.iter().map(|row| &row["tiers"]["mini"]).collect();
    let scored: Vec<bool> = tiers.iter().map(|tier| tier["confidence"]["mean-logprob"].is_number()).collect();
    assert_eq!(scored, [true, true, false, false, false, false]);
    let correct: Vec<f64> = tiers.iter().map(|tier| tier["correct"].as_f64().unwrap()).collect();
    assert_eq!(correct, [1.0, 1.0, 1.0, 1.0, 0.0, 0.0], "what broke off is a failed call, whatever it is labelled");
    assert!(bad(&report).is_empty());
}

#[test]
fn a_batch_that_failed_in_part() {
    let error = r#""error":{"code":"batch_expired","message":"late"}"#;
    let failed = |id: &str, more: &str| format!("{{\"id\":\"{id}\",\"response\":null,{error}{more}}}\n");
    let unread = log_line("b", "mini", &json!({"correct": 1, "request": {"model": "mini", "messages": "?"}}), &[-0.5], "stop");
    let one = log_line("a", "mini", &json!({"correct": 1, "error": null}), &[-0.5], "stop") + &unread;
    let text =
        one.clone() + &failed("c", "") + &failed("d", r#","tier":"mini","correct":1"#) + "{\"id\":\"e\",\"response\":null}\n";
    let (rows, report) = run("openai-log", &text, &at_random()).unwrap();
    let rows = examples(rows);
    assert_eq!(rows.iter().map(|row| row["id"].as_str().unwrap()).collect::<Vec<_>>(), ["a", "b", "d", "c"]);
    for row in &rows[2..] {
        assert_eq!(row["tiers"], json!({"mini": {"correct": 0.0}}), "a failed call is wrong, whatever it is labelled");
    }
    assert_eq!((bad(&report), report.unread_requests, report.read), (vec![(5, "/response")], 1, 5));
    // Nobody knows which of several tiers failed.
    let two = one + &log_line("a", "big", &json!({"correct": 1}), &[-0.5], "stop") + &failed("c", "");
    let (rows, report) = run("openai-log", &two, &at_random()).unwrap();
    assert_eq!((examples(rows).len(), bad(&report)), (2, vec![(4, "tier")]));
}

#[test]
fn any_table_by_a_mapping_of_columns() {
    let text = "Question,Kind,ok 4b,ok big,p 4b,usd,note,4b.answer\n8,law,TRUE,0,,1e-3,y,12\n9,law,false,1,-inf,,z,\n";
    let map = [
        ("Question", "id"),
        ("Kind", "segment"),
        ("ok 4b", "m.4b.correct"),
        ("ok big", "big.correct"),
        ("p 4b", "m.4b.p"),
        ("usd", "big.cost_usd"),
    ];
    let columns = map.into_iter().map(|(column, field)| (column.to_owned(), field.to_owned())).collect();
    let options = ImportOptions { columns, ..at_random() };
    let (rows, report) = run("csv", text, &options).unwrap();
    assert_eq!(
        rows[0],
        json!({"id": "8", "segment": "law", "tiers": {"m.4b": {"correct": 1.0}, "big": {"correct": 0.0, "cost_usd": 0.001}}})
    );
    assert_eq!(rows[1]["tiers"]["m.4b"], json!({"correct": 0.0, "confidence": {"p": "-inf"}}));
    assert_eq!(report.bad, 0);
    // Places and scales have the file's own names.
    let odd = refused("csv", &(text.to_owned() + "7,maths,hm,1,0.5,0.001,x,Paris\n7,maths,1,1,high,0.001,x,Paris\n"), &options);
    assert_eq!(places(&odd), [(4, "ok 4b")]);
    assert!(odd.scales[0].starts_with("\"ok 4b\" holds \"hm\""), "{:?}", odd.scales);
    let (_, report) = run("csv", &(text.to_owned() + "7,maths,1,1,high,0.001,x,Paris\n"), &options).unwrap();
    assert_eq!(bad(&report), [(4, "p 4b")]);
    let unmapped = run("csv", text, &ImportOptions::default()).unwrap_err().to_string();
    assert!(unmapped.contains("--map COLUMN=TIER.correct") && unmapped.contains("Question, Kind"), "{unmapped}");
}

#[test]
fn what_is_imported_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let (input, output) = (dir.path().join("log"), dir.path().join("observations.jsonl"));
    let rows = |n: usize| {
        let label = json!({"label": n % 2});
        log_line(&n.to_string(), "mini", &label, &[-0.5], "stop") + &log_line(&n.to_string(), "big", &label, &[], "stop")
    };
    fs_err::write(&input, (0..50).map(rows).collect::<String>()).unwrap();
    let mut out = Vec::new();
    let report =
        convert(format("openai-log").unwrap(), std::slice::from_ref(&input), &ImportOptions::default(), &mut out).unwrap();
    fs_err::write(&output, out).unwrap();
    assert_eq!((report.read, report.written), (100, 50));
    let read = read(&[&output], &ReadOptions::new(["mini", "big"]), &()).unwrap();
    assert_eq!((read.summary.used, read.summary.bad, read.summary.tiers[0].signals.len()), (50, 0, 5));
}

#[test]
fn a_table_without_one_sound_row_says_what_is_wrong_with_the_first() {
    let error = run("csv", "id,a.correct\n1,nonsense\n", &ImportOptions::default()).unwrap_err().to_string();
    assert!(error.contains("none of the 1 rows") && error.contains("source:2: a.correct"), "{error}");
    assert!(format("xml").unwrap_err().to_string().contains("there are routerbench, routellm, openai-log, lm-eval"));
}

#[test]
fn bad_rows_are_found_on_their_lines_whatever_ends_these() {
    let text = "id,note,a.correct\n1,x,1\n\n2,\"two\n\nlines\",1\n3,x,hm\n4,\"a\nb\",nor this\n5,x,never\n";
    let lines = |text: &str| places(&refused("csv", text, &ImportOptions::default())).iter().map(|bad| bad.0).collect::<Vec<_>>();
    for end in ["\n", "\r\n"] {
        let text = text.replace('\n', end);
        assert_eq!(lines(&text), [7, 8, 10], "{end:?}");
        assert_eq!(lines(text.trim_end()), [7, 8, 10], "{end:?} and an open end");
    }
    // Ends of both kinds, and more rows than are read at once.
    let many: String = (0..5_000).map(|n| if n % 2 == 0 { "1,x,1\r\n" } else { "1,x,1\n" }).collect();
    assert_eq!(lines(&format!("id,note,a.correct\r\n{many}2,x,hm\n")), [5_002]);
}

#[test]
fn options_that_fit_nothing_in_the_source_are_errors() {
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    let mapped =
        |columns: &[(String, String)]| ImportOptions { columns: columns.iter().cloned().collect(), ..ImportOptions::default() };
    let called =
        |tiers: &[(String, String)]| ImportOptions { tiers: tiers.iter().cloned().collect(), ..ImportOptions::default() };
    let error = |name: &str, text: &str, options: &ImportOptions| run(name, text, options).unwrap_err().to_string();
    let (csv, json) = ("id,topic,a.correct\n1,x,1\n", "{\"id\":\"1\",\"topic\":\"x\",\"a.correct\":1}\n");
    for text in [csv, json] {
        let said = error("csv", text, &mapped(&[pair("topci", "segment")]));
        assert!(said.contains("has no column \"topci\"; did you mean \"topic\"?"), "{said}");
        assert_eq!(run("csv", text, &mapped(&[pair("topic", "segment")])).unwrap().0[0]["segment"], "x");
    }
    let wide = "sample_id,gpt,mix,gpt|total_cost,mix|total_cost\n1,1,0,0.1,0.2\n";
    let said = error("routerbench", wide, &called(&[pair("gtp", "big")]));
    assert!(said.contains("no row of") && said.contains("has a model \"gtp\"; did you mean \"gpt\"?"), "{said}");
    for tiers in [&[pair("gpt", "a"), pair("mix", "a")][..], &[pair("gpt", "mix")]] {
        let said = error("routerbench", wide, &called(tiers));
        assert!(said.contains("mix: is the tier") && said.contains("as \"gpt\" is"), "{said}");
    }
    let said = error("csv", "id,x.correct,y.correct\n1,1,0\n", &called(&[pair("x", "a"), pair("y", "a")]));
    assert!(said.contains("y: is the tier \"a\""), "{said}");
    let log = log_line("a", "mini", &json!({"label": 1}), &[-0.5], "stop");
    let said = error("openai-log", &log, &called(&[pair("mni", "small")]));
    assert!(said.contains("nothing in") && said.contains("did you mean \"mini\""), "{said}");
    assert!(error("openai-log", &log, &mapped(&[pair("a", "b")])).contains("has none"));
}

#[test]
fn a_number_that_nobody_calls_a_signal_becomes_none() {
    let text = "id,a.correct,a.chars,a.answer,a.confidence.p,b.correct\n1,1,120,Paris,0.5,1\n2,,80,Rome,N/A,0\n3,,,,,1\n";
    let (rows, report) = run("csv", text, &ImportOptions::default()).unwrap();
    assert_eq!(rows[0]["tiers"]["a"], json!({"correct": 1.0, "confidence": {"p": 0.5}}));
    assert_eq!(
        rows[1]["tiers"]["a"],
        json!({"correct": null, "answer": "Rome", "confidence": {"p": null}}),
        "an answer without a grade is one"
    );
    assert_eq!(rows[2]["tiers"], json!({"a": {}, "b": {"correct": 1.0}}));
    assert_eq!((report.ungraded, report.passed_over), (1, ["a.chars".to_owned()].into()));
    let odd = refused("csv", &text.replace("0.5", "93%"), &ImportOptions::default());
    assert_eq!(&*odd.first[0].reason, "is the text \"93%\", not a number; write 0.93");
}

#[test]
fn grades_of_a_source_have_a_scale() {
    let scale = |name: &str, text: &str, options: &ImportOptions| refused(name, text, options).scales.concat();
    let csv = "id,a.correct\n1,1\n2,5\n3,4\n";
    let said = scale("csv", csv, &at_random());
    assert!(said.contains("\"a.correct\" holds 1, 4, 5: it looks like a scale from 1 to 5"), "{said}");
    let most = |most| ImportOptions { max_score: Some(most), ..at_random() };
    assert_eq!(run("csv", csv, &most(5.0)).unwrap().0[2]["tiers"]["a"]["correct"], 0.8);
    assert!(scale("csv", csv, &most(4.0)).contains("not all of them are from 0 to 4, as --max-score says"));
    for none in [0.0, -1.0, f64::INFINITY] {
        assert!(run("csv", csv, &most(none)).unwrap_err().to_string().contains("is above 0"));
    }
    let wide = "sample_id,m,m|total_cost\n1,1,0\n2,-1,0\n";
    assert!(scale("routerbench", wide, &at_random()).contains("\"m\" holds -1, 1: it looks like +1"));
    // What was not asked has neither grade nor cost; an answer without a grade stays.
    let some = "sample_id,m,n,m|total_cost,n|total_cost,m|model_response\n1,NaN,1,,0,\n2,,1,,0,hm\n3,,1,,0,\n";
    let (rows, report) = run("routerbench", some, &ImportOptions::default()).unwrap();
    assert_eq!((report.ungraded, report.unsaid), (1, 2));
    let of_m: Vec<&Value> = rows.iter().map(|row| &row["tiers"]["m"]).collect();
    assert_eq!(of_m, [&json!({}), &json!({"correct": null}), &json!({})]);
}

#[test]
fn flat_lines_of_json_are_read_as_they_are_written() {
    let options = ImportOptions { columns: [("ok".to_owned(), "a.correct".to_owned())].into(), ..ImportOptions::default() };
    let text = "{\"id\": 9007199254740993, \"ok\": NaN, \"a.confidence.p\": -Infinity}\n{\"id\": \"b\", \"ok\": \"1\"}\n";
    let (rows, _) = run("csv", text, &options).unwrap();
    assert_eq!(rows[0], json!({"id": "9007199254740993", "tiers": {"a": {"correct": null, "confidence": {"p": "-inf"}}}}));
    assert_eq!(rows[1], json!({"id": "b", "tiers": {"a": {"correct": 1.0}}}));
    for (header, options) in [("id,a.correct,a.correct", &ImportOptions::default()), ("id,ok,a.correct", &options)] {
        let said = run("csv", &format!("{header}\n1,1,0\n"), options).unwrap_err().to_string();
        assert!(said.contains("several columns stand for \"a.correct\""), "{said}");
    }
    for twice in [r#"{"id":"c","ok":1,"ok":0}"#, r#"{"id":"c","ok":1,"a.correct":0}"#] {
        let rows = refused("csv", &format!("{text}{twice}\n"), &options);
        assert_eq!((places(&rows), rows.first[0].reason.starts_with("stands twice")), (vec![(3, "ok")], true));
    }
    let log = r#"{"id":1,"id":2,"response":{"choices":[]}}"#;
    assert!(run("openai-log", log, &ImportOptions::default()).unwrap_err().to_string().contains("duplicate field `id`"));
}

#[test]
fn no_import_takes_a_word_for_nothing_for_a_name() {
    let csv = ["id", "segment", "group", "split", "tiny.judge"].map(|field| {
        let id = if field == "id" { "tiny.cost_usd" } else { "id" };
        ("csv", field, format!("{id},{field},tiny.judged\n1,nan,1\n2,x,1\n"))
    });
    let wide = ["sample_id", "eval_name", "split"].map(|field| {
        let id = if field == "sample_id" { "prompt" } else { "sample_id" };
        ("routerbench", field, format!("{id},{field},m,m|total_cost\n1,nan,1,1\n2,x,1,1\n"))
    });
    let pairs = ["id", "prompt", "segment", "split", "judge", "model_a", "model_b"].map(|field| {
        let of = |word: &str| {
            let mut row = json!({"id": "1", "model_a": "a", "model_b": "b", "winner": "tie"});
            row[field] = word.into();
            format!("{row}\n")
        };
        ("routellm", field, of("nan") + &of("x"))
    });
    let logs = ["id", "segment", "group", "split", "judge", "tier"].map(|field| {
        let of = |word: &str| log_line("1", "m", &json!({field: word}), &[-0.5], "stop");
        ("openai-log", field, of("nan") + &of("x"))
    });
    for (format, field, text) in csv.into_iter().chain(wide).chain(pairs).chain(logs) {
        let rows = refused(format, &text, &ImportOptions::default());
        assert_eq!((rows.bad, rows.first[0].field.trim_start_matches('/')), (1, field), "{text}");
        assert!(rows.first[0].reason.contains("is \"nan\", a name or a missing value"), "{rows}");
    }
}

/// What is read of a text, of a chain.
fn observed(text: &[u8], chain: [&str; 2], bad_rows: BadRows) -> Result<ReadOut, Error> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rows");
    fs_err::write(&path, text).unwrap();
    read(&[path], &ReadOptions { bad_rows, ..ReadOptions::new(chain) }, &())
}

fn imported(name: &str, text: &str, options: &ImportOptions) -> Result<Vec<u8>, Error> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("source");
    fs_err::write(&path, text).unwrap();
    let mut out = Vec::new();
    convert(format(name).unwrap(), std::slice::from_ref(&path), options, &mut out).map(|_| out)
}

#[test]
fn what_an_import_leaves_out_is_a_condition_of_what_is_made_of_it() {
    let log = |id: &str, tier: &str| log_line(id, tier, &json!({"correct": 1}), &[-0.5], "stop");
    let whole = log("1", "a") + &log("1", "b");
    for (name, text) in [
        ("csv", "id,a.correct,b.correct,a.cost_usd\n1,1,1,\n2,0,1,cheap\n3,0,1\n".to_owned()),
        ("routerbench", "sample_id,a,b,a|total_cost,b|total_cost\n1,1,1,,\n2,0,1,cheap,\n,0,1,1,1\n".to_owned()),
        (
            "routellm",
            [r#"{"id":1,"model_a":"a","model_b":"b","winner":"tie"}"#, r#"{"id":2,"model_a":"a","winner":"tie"}"#, "{torn"]
                .join("\n"),
        ),
        ("openai-log", whole.clone() + "{\"id\":2}\n" + "{torn\n"),
    ] {
        let out = imported(name, &text, &at_random()).unwrap();
        let Err(Error::Rows(rows)) = observed(&out, ["a", "b"], BadRows::Refuse) else { panic!("{name}") };
        assert_eq!((rows.read, rows.bad, &*rows.first[0].field), (3, 2, "/unreadable"), "{name}");
        assert!(rows.first[0].reason.contains("source:"), "the line of the source is told: {rows}");
        let declared = observed(&out, ["a", "b"], BadRows::AtRandom).unwrap();
        assert_eq!(declared.observations.conditions(), [Condition::BadAtRandom { rows: 2 }], "{name}");
    }
}

#[test]
fn an_example_that_an_answer_is_lost_of_is_none() {
    let of = |id: &str, tier: &str| log_line(id, tier, &json!({"correct": 1}), &[-0.5], "stop");
    let torn = |id: &str| format!("{{\"id\":\"{id}\",\"tier\":\"a\",\"response\":null}}\n");
    // Without its line of the small tier, an example would seem to have been escalated there.
    let known = of("1", "a") + &of("1", "b") + &of("2", "b") + &torn("2") + &of("3", "b");
    let unknown = of("1", "a") + &of("1", "b") + &of("2", "b") + "{torn\n" + &of("3", "b");
    let ids = |text: &str| {
        let (rows, report) = run("openai-log", text, &at_random()).unwrap();
        let ids = examples(rows).iter().map(|row| row["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        (ids, bad(&report).into_iter().map(|(line, _)| line).collect::<Vec<_>>())
    };
    assert_eq!(ids(&known), (vec!["1".to_owned(), "3".to_owned()], vec![4, 3]));
    assert_eq!(ids(&unknown), (vec!["1".to_owned()], vec![4, 3, 5]), "whose line it was is not known");
    assert_eq!(refused("openai-log", &known, &ImportOptions::default()).bad, 1, "what follows from it is no fault of its own");
}

/// The columns of tables, besides their ids.
const TABLES: [&[&str]; 4] = [
    &["a.correct", "b.correct"],
    &["a.correct", "b.correct", "a.confidence.p"],
    &["b.correct", "a.confidence.p", "a.cost_usd", "a.correct", "b.cost_usd", "a.chars"],
    &["a.correct", "c.d.correct", "b.correct", "c.d.confidence.p", "b.latency_ms", "b.output_tokens"],
];

proptest! {
    /// A table says the same whether it is read or imported and then read, whichever of its tiers is the last.
    #[test]
    fn what_is_imported_says_what_the_table_says(
        rows in proptest::collection::vec(
            proptest::collection::vec(
                prop_oneof![
                    4 => (0..=4_u8).prop_map(|quarters| (f64::from(quarters) / 4.0).to_string()),
                    3 => proptest::sample::select(&["", "NaN", "N/A", " ", "null"][..]).prop_map(str::to_owned),
                ],
                8,
            ),
            1..30,
        ),
        columns in proptest::sample::select(&TABLES[..]),
    ) {
        let mut text = format!("id,{}\n", columns.join(","));
        text.extend(rows.iter().enumerate().map(|(at, row)| format!("{at},{}\n", row[..columns.len()].join(","))));
        let out = imported("csv", &text, &ImportOptions::default()).unwrap();
        for chain in [["a", "b"], ["b", "a"]] {
            let [table, import] =
                [text.as_bytes(), &out].map(|text| observed(text, chain, BadRows::Refuse).map_err(|error| error.to_string()));
            match (table, import) {
                (Ok(table), Ok(import)) => {
                    prop_assert_eq!(digest(&table.observations), digest(&import.observations));
                    prop_assert_eq!(table.observations.conditions(), import.observations.conditions());
                    for tier in 0..2 {
                        let ungraded = |out: &ReadOut| out.observations.ungraded_rows(tier).collect::<Vec<_>>();
                        prop_assert_eq!(ungraded(&table), ungraded(&import));
                    }
                    // A table has other columns, too.
                    let warnings = |out: &ReadOut| {
                        let all = out.summary.warnings.iter();
                        all.filter(|warning| !warning.contains("columns")).cloned().collect::<Vec<_>>()
                    };
                    prop_assert_eq!(warnings(&table), warnings(&import));
                    prop_assert_eq!(table.summary.used, rows.len() as u64, "no row is left out");
                }
                (table, import) => prop_assert_eq!(table.map(drop), import.map(drop)),
            }
        }
    }
}
