//! `tierfall run --jsonl`: many queries.

use std::collections::BTreeSet;

use insta::assert_snapshot;

use crate::support::{CASCADE, Sandbox, lines, until};

const N: usize = 40;

fn queries(n: usize) -> String {
    lines((0..n).map(|n| format!("{{\"id\": \"q{n:02}\", \"query\": \"Where is order {n}?\"}}")))
}

fn keys(sandbox: &Sandbox, file: &str) -> Vec<String> {
    sandbox.lines(file).iter().map(|line| line["key"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn stdout_keeps_the_order() {
    let sandbox = Sandbox::with_cascade();
    sandbox.write("queries.jsonl", queries(3));
    assert_snapshot!(sandbox.run(&["run", "two.cascade.toml", "--jsonl", "queries.jsonl"]), @r#"
    exit 0
    -- stdout
    {"answer":"[simulated: right] The answer is 0155. This is no real model. This is no real model. This is no real model. This is no real model. This","confidence":null,"cost_usd":0.0003046,"error":null,"key":"q00","outcome":"answered","request_id":"q00","tier":"large"}
    {"answer":"[simulated: right] The answer is 5255. This is no real model. This is no real model. This is","confidence":null,"cost_usd":5.6e-6,"error":null,"key":"q01","outcome":"answered","request_id":"q01","tier":"small"}
    {"answer":"[simulated: wrong] The answer is 8453. This is no real model. This is no real model. This is no real model. This is no real model.","confidence":null,"cost_usd":7.6e-6,"error":null,"key":"q02","outcome":"answered","request_id":"q02","tier":"small"}
    -- stderr
    3 queries: small 2, large 1 · $0.000318 (40 % of $0.000792 for always the last tier, estimated where it was not called)
      small  asked 3
      large  asked 1
    "#);
}

#[test]
fn what_is_printed_is_what_was_given() {
    let sandbox = Sandbox::with_cascade();
    sandbox.write("queries.jsonl", "{\"id\": \"a\u{7f}b\", \"query\": \"Where is order 1?\"}\n");
    let ran = sandbox.run(&["run", "two.cascade.toml", "--jsonl", "queries.jsonl", "--quiet"]).exits(0);
    let line: serde_json::Value = serde_json::from_str(ran.stdout()).unwrap();
    assert_eq!(line["key"], "a\u{7f}b");
}

#[test]
fn traces_a_line() {
    let sandbox = Sandbox::with_cascade();
    sandbox.write("queries.jsonl", queries(3));
    let ran = sandbox.run(&["run", "two.cascade.toml", "--jsonl", "queries.jsonl", "--trace", "json", "--quiet"]).exits(0);
    assert_eq!(ran.stderr(), "");
    for (n, line) in ran.stdout().lines().enumerate() {
        let trace: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(trace["request_id"], format!("q{n:02}"));
        assert!(trace["steps"].is_array());
    }
}

#[test]
fn a_wrong_line_is_found_before_the_first_call() {
    let sandbox = Sandbox::with_cascade();
    sandbox.write("marked.jsonl", "\u{feff}".to_owned() + &queries(2));
    sandbox.run(&["run", "two.cascade.toml", "--jsonl", "marked.jsonl", "--quiet"]).exits(0);
    sandbox.write("typo.jsonl", queries(2) + "{\"querry\": \"Hi?\"}\n");
    sandbox.write("twice.jsonl", queries(2) + &queries(1));
    sandbox.write("empty.jsonl", "\n");
    sandbox.write("utf8.jsonl", b"{\"query\": \"\xff\"}\n");
    for file in ["typo", "twice", "empty", "utf8", "missing"] {
        let args = ["run", "two.cascade.toml", "--jsonl", &format!("{file}.jsonl"), "--out", "out.jsonl"];
        assert!(sandbox.run(&args).exits(2).stdout().is_empty());
        assert!(!sandbox.path("out.jsonl").exists());
    }
    assert_snapshot!(sandbox.run(&["run", "two.cascade.toml", "--jsonl", "typo.jsonl"]), @r#"
    exit 2
    -- stderr
    error: typo.jsonl:3: unknown field `querry`, expected one of `id`, `query`, `messages`, `tags`, `point` at column 9
    hint: a line is {"id"?, "query" | "messages", "tags"?, "point"?}
    "#);
    assert_snapshot!(sandbox.run(&["run", "two.cascade.toml", "--jsonl", "twice.jsonl"]), @r#"
    exit 2
    -- stderr
    error: twice.jsonl:3: the id "q00" stands in an earlier line too
    "#);
    assert_snapshot!(sandbox.run(&["run", "two.cascade.toml", "--jsonl", "utf8.jsonl"]), @"
    exit 2
    -- stderr
    error: utf8.jsonl:1: it is not UTF-8
    ");
    assert_snapshot!(sandbox.run(&["run", "two.cascade.toml", "--jsonl", "missing.jsonl"]), @"
    exit 2
    -- stderr
    error: failed to open file `missing.jsonl`: No such file or directory (os error 2)
    ");
}

#[test]
fn an_interrupted_batch_goes_on_where_it_stopped() {
    let sandbox = Sandbox::new();
    let slow = CASCADE.replace("ability = 0.4", "ability = 0.4, latency = { first = \"20ms\" }");
    sandbox.write("slow.toml", slow);
    sandbox.write("queries.jsonl", queries(N));
    let args = ["run", "slow.toml", "--jsonl", "queries.jsonl", "--out", "out.jsonl", "--concurrency", "2"];
    let far_enough = || fs_err::read_to_string(sandbox.path("out.jsonl")).is_ok_and(|text| text.lines().count() >= 5);
    let ran = sandbox.interrupt(&args, far_enough).exits(130);
    assert!(ran.stderr().contains("the same command goes on where it stopped"), "{ran}");
    let (first, before) = (sandbox.read("out.jsonl"), keys(&sandbox, "out.jsonl").len());
    assert!((5..N).contains(&before), "it was interrupted in the middle, after {before}");

    let ran = sandbox.run(&args).exits(0);
    assert!(ran.stderr().contains(&format!("{before} already answered, {} left", N - before)), "{ran}");
    assert!(sandbox.read("out.jsonl").starts_with(&first), "nothing that was answered is asked or written again");
    let keys = keys(&sandbox, "out.jsonl");
    assert_eq!((keys.len(), keys.into_iter().collect::<BTreeSet<_>>().len()), (N, N));
}

#[test]
fn one_run_at_a_time_writes_to_a_file() {
    let sandbox = Sandbox::new();
    let slow = CASCADE.replace("ability = 0.4", "ability = 0.4, latency = { first = \"20ms\" }");
    sandbox.write("slow.toml", slow);
    sandbox.write("queries.jsonl", queries(N));
    // A line that failed: the file is replaced once before anything is added.
    sandbox.write("out.jsonl", "{\"key\": \"q00\", \"outcome\": \"failed\"}\n");
    let args = ["run", "slow.toml", "--jsonl", "queries.jsonl", "--out", "out.jsonl", "--concurrency", "1"];
    let mut first = sandbox.command(&args).stderr(std::process::Stdio::null()).spawn().unwrap();
    until("the first run wrote", || {
        fs_err::read_to_string(sandbox.path("out.jsonl")).is_ok_and(|text| text.contains("answered"))
    });
    assert_snapshot!(sandbox.run(&args), @"
    exit 2
    -- stderr
    error: another run is writing to out.jsonl
    hint: name another --out file, or wait until it has ended
    ");
    assert!(first.wait().unwrap().success());
    let keys = keys(&sandbox, "out.jsonl");
    assert_eq!((keys.len(), keys.into_iter().collect::<BTreeSet<_>>().len()), (N, N));
    sandbox.run(&args).exits(0);
}

#[test]
fn failures_and_torn_lines_are_asked_again() {
    let sandbox = Sandbox::with_cascade();
    sandbox.write("queries.jsonl", queries(3));
    sandbox.write(
        "out.jsonl",
        "{\"key\": \"q00\", \"outcome\": \"answered\"}\n{\"key\": \"q01\", \"outcome\": \"failed\"}\n{\"key\": \"q0",
    );
    sandbox.run(&["run", "two.cascade.toml", "--jsonl", "queries.jsonl", "--out", "out.jsonl", "--concurrency", "1"]).exits(0);
    assert_eq!(keys(&sandbox, "out.jsonl"), ["q00", "q01", "q02"]);
    sandbox.write("notes.txt", "buy milk\n");
    assert_snapshot!(sandbox.run(&["run", "two.cascade.toml", "--jsonl", "queries.jsonl", "--out", "notes.txt"]), @"
    exit 2
    -- stderr
    error: notes.txt:1: this is no result of an earlier run: expected value at line 1 column 1
    hint: name another --out file; this one is left as it is
    ");
    assert_eq!(sandbox.read("notes.txt"), "buy milk\n");
}

#[test]
fn a_batch_with_failures_says_so() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "broken.toml",
        CASCADE.replace("ability = 0.9", "ability = 0.9, errors = { overloaded = 1.0 }").replace("0.85", "1.0"),
    );
    sandbox.write("queries.jsonl", queries(2));
    let policy = sandbox.read("broken.toml") + "\n[policy]\non-error = \"fail\"\n";
    sandbox.write("broken.toml", policy);
    assert_snapshot!(sandbox.run(&["run", "broken.toml", "--jsonl", "queries.jsonl"]), @r#"
    exit 3
    -- stdout
    {"answer":null,"confidence":null,"cost_usd":8.6e-6,"error":"simulated model \"large\": a simulated failure (overloaded)","key":"q00","outcome":"failed","request_id":"q00","tier":null}
    {"answer":null,"confidence":null,"cost_usd":5.6e-6,"error":"simulated model \"large\": a simulated failure (overloaded)","key":"q01","outcome":"failed","request_id":"q01","tier":null}
    -- stderr
    2 queries: failed 2 · $0.0000142
      small  asked 2
      large  asked 2, failed 2: simulated model "large": a simulated failure (overloaded)
    error: 2 of 2 failed, the first one with q00: simulated model "large": a simulated failure (overloaded)
    "#);
}

#[test]
fn a_batch_may_come_from_stdin() {
    let sandbox = Sandbox::with_cascade();
    sandbox.write("queries.jsonl", queries(3));
    let file = sandbox.run(&["run", "two.cascade.toml", "--jsonl", "queries.jsonl"]).exits(0);
    let piped = sandbox.pipe(&["run", "two.cascade.toml", "--jsonl", "-"], queries(3)).exits(0);
    assert_eq!(piped.stdout(), file.stdout());
    let wrong = sandbox.pipe(&["run", "two.cascade.toml", "--jsonl", "-"], queries(1) + "{}\n").exits(2);
    assert!(wrong.stderr().contains("stdin:2: "), "{wrong}");
}

/// Who asks one thing after the other gets one answer after the other.
#[test]
fn a_query_of_stdin_is_answered_before_the_next_one_is_there() {
    use std::io::{BufRead as _, Write as _};
    use std::process::Stdio;

    let sandbox = Sandbox::with_cascade();
    let mut command = sandbox.command(&["run", "two.cascade.toml", "--jsonl", "-", "--quiet"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut answers = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
    for query in queries(3).lines() {
        writeln!(stdin, "{query}").unwrap();
        assert!(answers.next().unwrap().unwrap().contains("\"outcome\":\"answered\""));
    }
    drop(stdin);
    assert!(answers.next().is_none() && child.wait().unwrap().success());
    for (text, why) in
        [("", "stdin has no query in it"), (&(queries(1) + &queries(1)), "stdin:2: the id \"q00\" stands in an earlier")]
    {
        let ran = sandbox.pipe(&["run", "two.cascade.toml", "--jsonl", "-"], text).exits(2);
        assert!(ran.stderr().contains(why), "{ran}");
    }
}

/// A pipe has no name of its own that could be read twice.
#[cfg(unix)]
#[test]
fn a_batch_may_come_from_a_pipe_with_a_name() {
    let sandbox = Sandbox::with_cascade();
    let by_name = sandbox.pipe(&["run", "two.cascade.toml", "--jsonl", "/dev/stdin"], queries(3)).exits(0);
    let piped = sandbox.pipe(&["run", "two.cascade.toml", "--jsonl", "-"], queries(3)).exits(0);
    assert_eq!(by_name.stdout(), piped.stdout());
    assert_eq!(by_name.stdout().lines().count(), 3, "{by_name}");
}

#[cfg(unix)]
#[test]
fn a_resumed_file_stays_where_and_what_it_is() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    let sandbox = Sandbox::with_cascade();
    sandbox.write("queries.jsonl", queries(2));
    sandbox.write("elsewhere/real.jsonl", "{\"key\": \"q00\", \"outcome\": \"failed\"}\n");
    let (real, link) = (sandbox.path("elsewhere/real.jsonl"), sandbox.path("out.jsonl"));
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o640)).unwrap();
    symlink("elsewhere/real.jsonl", &link).unwrap();
    sandbox.run(&["run", "two.cascade.toml", "--jsonl", "queries.jsonl", "--out", "out.jsonl"]).exits(0);
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(std::fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(sandbox.lines("elsewhere/real.jsonl").len(), 2);
}
