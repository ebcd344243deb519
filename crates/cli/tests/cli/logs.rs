//! The trace log of `run`: nothing is lost to it, and what is not in it is said. How runs end that are told to.
#![cfg(unix)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};

use insta::assert_snapshot;
use tierfall_testkit::{Script, Server};

use crate::support::{Ran, Sandbox, lines, signal, until};

/// What fits into a pipe that nobody reads.
const PIPE: usize = 1 << 16;

const RUN: [&str; 8] = ["run", "two.cascade.toml", "--jsonl", "queries.jsonl", "--out", "out.jsonl", "--trace-log", "log"];

fn queries(sandbox: &Sandbox, n: usize) {
    let query = |n| format!("{{\"id\": \"q{n:04}\", \"query\": \"Where is order {n}?\"}}");
    sandbox.write("queries.jsonl", lines((0..n).map(query)));
}

/// A pipe with a name, and who may read it: at first nobody does.
fn pipe(sandbox: &Sandbox) -> std::fs::File {
    assert!(Command::new("mkfifo").arg(sandbox.path("log")).status().unwrap().success());
    // With both ends open it waits for nobody.
    std::fs::File::options().read(true).write(true).open(sandbox.path("log")).unwrap()
}

fn answered(sandbox: &Sandbox) -> usize {
    fs_err::read_to_string(sandbox.path("out.jsonl")).unwrap_or_default().lines().count()
}

fn begin(sandbox: &Sandbox, args: &[&str]) -> Child {
    sandbox.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Waits for a line of stderr that has these words in it.
fn says(child: &mut Child, words: &str) -> String {
    let mut said = String::new();
    let stderr = BufReader::new(child.stderr.as_mut().unwrap());
    for line in stderr.lines() {
        said += &(line.unwrap() + "\n");
        if said.contains(words) {
            return said;
        }
    }
    panic!("it ended without \"{words}\":\n{said}");
}

/// Its exit code, where it ends within the patience of tests, and what it said from now on.
fn ends(mut child: Child) -> (Option<i32>, String) {
    until("it has ended", || child.try_wait().unwrap().is_some());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    (child.wait().unwrap().code(), said)
}

#[test]
fn a_batch_waits_for_its_log() {
    const N: usize = 1500;
    let sandbox = Sandbox::with_cascade();
    queries(&sandbox, N);
    let pipe = pipe(&sandbox);
    let child = begin(&sandbox, &[&RUN[..], &["--concurrency", "64"]].concat());
    // As many as fit the pipe, and at least those that are under way at once.
    until("there are answers", || answered(&sandbox) >= 64);
    let mut traces = BufReader::new(pipe).lines();
    for read in 0..N {
        let ahead = answered(&sandbox).saturating_sub(read);
        assert!(ahead < 300, "{ahead} answers are ahead of the log: what it loses is paid for");
        let trace: serde_json::Value = serde_json::from_str(&traces.next().unwrap().unwrap()).unwrap();
        assert!(trace["steps"].is_array());
    }
    let (code, said) = ends(child);
    assert_eq!((code, answered(&sandbox)), (Some(0), N), "{said}");
    assert!(!said.contains("not in"), "{said}");
}

#[test]
fn a_batch_whose_log_cannot_be_written_stops() {
    let sandbox = Sandbox::with_cascade();
    queries(&sandbox, 50);
    std::os::unix::fs::symlink("/dev/full", sandbox.path("log")).unwrap();
    let one = |more: &[&str]| sandbox.run(&[&RUN[..], &["--concurrency", "1"], more].concat());
    assert_snapshot!(one(&[]), @"
    exit 2
    -- stderr
    1 query: small 1 · $0.000008 (3 % of $0.000304 for always the last tier, estimated where it was not called)
      small  asked 1
    error: stopped after 1 of 50 queries: log cannot be written
    hint: the same command asks again what has no answer
    error: 1 of 1 traces are not in log: failed to write to file `log`: No space left on device (os error 28)
    ");
    assert_eq!(answered(&sandbox), 1, "what was paid for is kept");
    // A failure of its own counts before that of its log.
    let cascade = sandbox.read("two.cascade.toml").replace("ability = 0.4", "ability = 0.4, errors = { overloaded = 1.0 }");
    let cascade = cascade.replace("ability = 0.9", "ability = 0.9, errors = { overloaded = 1.0 }");
    let whole = sandbox.read("two.cascade.toml");
    sandbox.write("two.cascade.toml", cascade);
    let ran = one(&[]).exits(2);
    assert!(ran.stderr().contains("1 of 1 traces are not in log"), "{ran}");
    let alone = ["run", "two.cascade.toml", "Hi?", "--trace-log", "log", "--quiet"];
    let ran = sandbox.run(&alone).exits(3);
    assert!(ran.stderr().contains("1 of 1 traces are not in log"), "{ran}");
    sandbox.write("two.cascade.toml", whole);
    sandbox.run(&alone).exits(2);

    fs_err::remove_file(sandbox.path("log")).unwrap();
    one(&[]).exits(0);
    assert_eq!((answered(&sandbox), sandbox.lines("log").len()), (50, 49));
}

#[test]
fn both_files_that_are_full_are_named() {
    let sandbox = Sandbox::with_cascade();
    queries(&sandbox, 50);
    let line = "tierfall run two.cascade.toml --jsonl queries.jsonl --concurrency 1 --trace-log /dev/full >/dev/full";
    let ran = sandbox.shell(line);
    assert_eq!(ran.status.code(), Some(2));
    assert_snapshot!(String::from_utf8(ran.stderr).unwrap(), @"
    1 query: small 1 · $0.000008 (3 % of $0.000304 for always the last tier, estimated where it was not called)
      small  asked 1
    error: 1 of 1 traces are not in /dev/full: failed to write to file `/dev/full`: No space left on device (os error 28)
    error: stdout could not be written: No space left on device (os error 28); answers that are lost with it: 1
    ");
}

#[test]
fn a_log_that_nobody_reads_is_given_up() {
    let sandbox = Sandbox::with_cascade();
    queries(&sandbox, 5);
    let mut pipe = pipe(&sandbox);
    pipe.write_all("\n".repeat(PIPE).as_bytes()).unwrap();
    let mut child = begin(&sandbox, &[&RUN[..], &["--concurrency", "1"]].concat());
    until("there is an answer", || answered(&sandbox) == 1);
    signal("INT", &child);
    let said = says(&mut child, "goes on where it stopped");
    assert!(said.starts_with("1 query"), "{said}");
    signal("INT", &child);
    let (code, said) = ends(child);
    assert_eq!(code, Some(130));
    assert!(said.contains("1 of 1 traces are not in log: whoever reads it did not take them"), "{said}");

    // One that ended by itself says for what it waits.
    let mut child = begin(&sandbox, &["run", "two.cascade.toml", "Hi?", "--trace-log", "log"]);
    says(&mut child, "waiting until log has taken 1 more of 1 traces; Ctrl-C gives them up");
    signal("TERM", &child);
    let (code, said) = ends(child);
    assert_eq!(code, Some(143));
    assert!(said.contains("1 of 1 traces are not in log"), "{said}");
    drop(pipe);
}

#[test]
fn an_output_that_nobody_reads_ends_with_the_second_signal() {
    let sandbox = Sandbox::with_cascade();
    queries(&sandbox, 5);
    let mut pipe = pipe(&sandbox);
    pipe.write_all("\n".repeat(PIPE).as_bytes()).unwrap();
    let args = ["run", "two.cascade.toml", "--jsonl", "queries.jsonl", "--out", "log", "--trace-log", "traces"];
    let mut child = begin(&sandbox, &args);
    until("there is a trace", || !sandbox.lines("traces").is_empty());
    // Its first answer does not fit the pipe. Before it comes there, one signal is enough.
    until("it has ended", || {
        let ended = child.try_wait().unwrap().is_some();
        if !ended {
            signal("INT", &child);
        }
        ended
    });
    assert_eq!(child.wait().unwrap().code(), Some(130));
    drop(pipe);
}

/// A cascade whose one provider never answers.
async fn silent() -> (Server, Sandbox) {
    let server = Server::start(Script::silent()).await.unwrap();
    let sandbox = Sandbox::new();
    let url = server.url();
    let provider = format!("version = 1\nname = \"silent\"\n[provider.p.openai-chat]\nbase-url = \"{url}/v1\"\n");
    let tier = "[[tier]]\nname = \"only\"\nmodel = \"p/m\"\nprice = { input = 2, output = 8 }\nparams = { max-tokens = 100 }\n";
    sandbox.write("two.cascade.toml", provider + tier);
    (server, sandbox)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_cancelled_runs_had_cost_is_counted() {
    let (server, sandbox) = silent().await;
    queries(&sandbox, 20);
    let ran = sandbox.interrupt(&RUN, || server.received().len() == 8).exits(130);
    assert_snapshot!(ran, @"
    exit 130
    -- stderr
    8 queries: cut off 8 · about $0.000128 ($0 to $0.0241)
      only  asked 8, taken back 8: the caller went away
    interrupted; the same command goes on where it stopped
    ");
    let traces = sandbox.lines("log");
    assert!(traces.len() == 8 && traces.iter().all(|trace| trace["cost_basis"] == "estimated"), "{traces:?}");
    assert_eq!(answered(&sandbox), 0, "they are asked again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_run_that_is_told_to_end_says_what_it_did() {
    let (server, sandbox) = silent().await;
    for (at, (name, code)) in [("INT", 130), ("TERM", 143), ("HUP", 129)].into_iter().enumerate() {
        let asked = || server.received().len() == at + 1;
        let ran = sandbox.signal(name, &["run", "two.cascade.toml", "Hi?", "--trace", "json", "--trace-log", "log"], asked);
        let trace = ran.exits(code).json();
        assert_eq!((&trace["outcome"], &trace["steps"][0]["calls"][0]["error"]), (&"failed".into(), &"cancelled".into()));
        let log = sandbox.lines("log");
        assert_eq!((log.len(), &log[at]["request_id"]), (at + 1, &trace["request_id"]));
    }
}

/// As under `nohup`.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn who_ignores_hangups_goes_on() {
    let (server, sandbox) = silent().await;
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' HUP; exec \"$0\" run two.cascade.toml Hi?", env!("CARGO_BIN_EXE_tierfall")]);
    command.current_dir(sandbox.path("")).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    until("it asked", || server.received().len() == 1);
    signal("HUP", &child);
    signal("INT", &child);
    let ran = Ran::from(child.wait_with_output().unwrap());
    assert_snapshot!(ran.exits(130), @"
    exit 130
    -- stderr
    no answer · the run was cancelled
      only  failed  cancelled  about $0.000008 [time]
    about $0.000008 · [time]
    ");
}
