//! What is wrong before anything is asked: arguments, files, keys. And what needs no cascade at all.

use std::process::Stdio;

use insta::assert_snapshot;

use crate::support::{CASCADE, Sandbox, lines, of_the_repository};

#[test]
fn every_problem_of_a_file_is_drawn() {
    let sandbox = Sandbox::new();
    sandbox.write("syntax.toml", "version = 1\nname = \"x\n");
    sandbox.write("utf8.toml", b"version = 1\nname = \"\xff\"\n");
    let wrong = CASCADE.replace("mean-logprob", "mean-logprop").replace("\"sim/large\"", "\"sim/huge\"");
    sandbox.write("wrong.toml", wrong + "\n[[rule]]\nkeyword = { any = [\"x\"] }\nroute = { enter-at = \"lrage\" }\n");
    assert_snapshot!(sandbox.run(&["run", "syntax.toml", "Hi?"]), @r#"
    exit 2
    -- stderr
    error[C001]: invalid basic string, expected `"`
     --> syntax.toml:2:10
      |
    2 | name = "x
      |          ^
    error: syntax.toml has 1 problem
    "#);
    assert_snapshot!(sandbox.run(&["run", "utf8.toml", "Hi?"]), @"
    exit 2
    -- stderr
    error[C008]: utf8.toml cannot be read: line 2 is not UTF-8
    error: utf8.toml has 1 problem
    ");
    assert_snapshot!(sandbox.run(&["run", "wrong.toml", "Hi?"]), @r#"
    exit 2
    -- stderr
    error[C020]: there is no signal "mean-logprop"
      --> wrong.toml:13:19
       |
    13 | gate = { signal = "mean-logprop", threshold = 0.85 }
       |                   ^^^^^^^^^^^^^^
       |
       = help: did you mean `mean-logprob`?
    error[C005]: the simulated provider "sim" has no model "huge"
      --> wrong.toml:17:9
       |
    17 | model = "sim/huge"
       |         ^^^^^^^^^^
       |
       = help: there are `large`, `small`
    error[C013]: there is no tier "lrage"
      --> wrong.toml:22:22
       |
    22 | route = { enter-at = "lrage" }
       |                      ^^^^^^^
       |
       = help: did you mean `large`?
    error: wrong.toml has 3 problems
    "#);
    assert_snapshot!(sandbox.run(&["run", "missing.toml", "Hi?"]), @"
    exit 2
    -- stderr
    error[C008]: missing.toml cannot be read: there is no such file
    error: missing.toml has 1 problem
    ");
}

#[test]
fn check_tells_of_every_file() {
    let sandbox = Sandbox::with_cascade();
    sandbox.write("syntax.toml", "version = 1\nname = \"x\n");
    assert_snapshot!(sandbox.run(&["check", "two.cascade.toml"]), @"
    exit 0
    -- stdout
    ok two.cascade.toml: small → large
    ");
    assert_snapshot!(sandbox.run(&["check", "syntax.toml", "two.cascade.toml", "missing.toml"]), @r#"
    exit 2
    -- stdout
    ok two.cascade.toml: small → large
    -- stderr
    error[C001]: invalid basic string, expected `"`
     --> syntax.toml:2:10
      |
    2 | name = "x
      |          ^
    error: syntax.toml has 1 problem
    error[C008]: missing.toml cannot be read: there is no such file
    error: missing.toml has 1 problem
    "#);
}

#[test]
fn an_unset_key_is_named_and_never_shown() {
    let sandbox = Sandbox::new();
    let keyed = "version = 1\nname = \"keyed\"\n[provider.p.openai-chat]\nbase-url = \"http://127.0.0.1:9/v1\"\n\
        api-key = { env = \"TIERFALL_TEST_KEY\" }\n[[tier]]\nname = \"only\"\nmodel = \"p/m\"\n";
    sandbox.write("keyed.toml", keyed);
    assert_snapshot!(sandbox.run(&["run", "keyed.toml", "Hi?"]), @r#"
    exit 2
    -- stderr
    error: a key is not set: provider "p" needs TIERFALL_TEST_KEY
    hint: export TIERFALL_TEST_KEY=…, or answer from recordings with --replay SET
    "#);
    sandbox.fixture_set("orders", 1);
    assert_snapshot!(sandbox.run(&["record", "keyed.toml", "orders"]), @r#"
    exit 2
    -- stderr
    error: a key is not set: provider "p" needs TIERFALL_TEST_KEY
    hint: export TIERFALL_TEST_KEY=…
    "#);
    assert_snapshot!(sandbox.run(&["check", "keyed.toml"]), @"
    exit 0
    -- stdout
    ok keyed.toml: only
    -- stderr
    warning: keyed.toml: TIERFALL_TEST_KEY not set; calls will fail
    ");
}

#[test]
fn fixture_sets_that_are_not_there() {
    let sandbox = Sandbox::with_cascade();
    sandbox.fixture_set("unrecorded", 2);
    assert_snapshot!(sandbox.run(&["run", "two.cascade.toml", "Hi?", "--replay", "nowhere"]), @"
    exit 2
    -- stderr
    error: failed to open file `fixtures/nowhere/set.toml`: No such file or directory (os error 2)
    hint: a fixture set is a folder with set.toml and examples.jsonl: its path, or its name below fixtures/
    ");
    assert_snapshot!(sandbox.run(&["run", "two.cascade.toml", "Hi?", "--replay", "unrecorded"]), @r#"
    exit 2
    -- stderr
    error: fixtures/unrecorded/recordings/small.jsonl is missing: tier "small" has no recordings; `record` makes them
    fixtures/unrecorded/recordings/large.jsonl is missing: tier "large" has no recordings; `record` makes them
    "#);
    assert_snapshot!(sandbox.run(&["record", "two.cascade.toml", "nowhere"]), @"
    exit 2
    -- stderr
    error: failed to open file `fixtures/nowhere/set.toml`: No such file or directory (os error 2)
    hint: a fixture set is a folder with set.toml and examples.jsonl: its path, or its name below fixtures/
    ");
    assert_snapshot!(sandbox.run(&["grade", "nowhere"]), @"
    exit 2
    -- stderr
    error: failed to open file `nowhere/set.toml`: No such file or directory (os error 2)
    hint: a fixture set is a folder with set.toml and examples.jsonl: its path, or its name below fixtures/
    ");
    assert_snapshot!(sandbox.run(&["record", "two.cascade.toml", "unrecorded", "--tier", "huge"]), @r#"
    exit 2
    -- stderr
    error: there is no tier "huge" with a model in this cascade (tiers: small, large)
    "#);
    assert_snapshot!(sandbox.run(&["record", "two.cascade.toml", "unrecorded", "--max-spend", "lots"]), @r#"
    exit 2
    -- stderr
    error: --max-spend lots: not a plain decimal number like "0.04"
    "#);
}

#[test]
fn arguments_that_do_not_go_together() {
    let sandbox = Sandbox::with_cascade();
    for args in [
        &["run", "two.cascade.toml", "Hi?", "--replay", "x", "--live"][..],
        &["run", "two.cascade.toml", "Hi?", "--jsonl", "x"],
        &["run", "two.cascade.toml", "Hi?", "--out", "x"],
        &["run", "two.cascade.toml", "--jsonl", "x", "--id", "1"],
        &["run", "two.cascade.toml", "Hi?", "-v", "-q"],
        &["run"],
        &["simulate", "--model", "small"],
        &["simulate", "--rate-limited", "0.7", "--overloaded", "0.7"],
        &["simulate", "--jitter", "2"],
        &[],
    ] {
        let ran = sandbox.run(args).exits(2);
        assert!(ran.stdout().is_empty() && !ran.stderr().is_empty(), "{args:?}: {ran}");
    }
}

#[test]
fn help_is_there_for_everything() {
    let sandbox = Sandbox::new();
    assert_snapshot!(sandbox.run(&["--help"]), @"
    exit 0
    -- stdout
    Ask the cheapest model first; escalate when it is not sure

    Usage: tierfall [OPTIONS] <COMMAND>

    Commands:
      run          Answer one query, or a file of them
      explain      Say where a query would go and what it would cost; calls nothing
      check        Validate cascade files, their prompts, keys and recordings, and examine fixture sets
      record       Ask every tier every example of a fixture set and keep the answers
      grade        Grade the recorded answers of a fixture set
      calibrate    Fit thresholds to labelled examples, with a guarantee on new requests
      evaluate     Judge a fit by labelled examples that it has not seen
      advise       Say which tiers earn their cost
      regress      Replay fixtures, and fail where a cascade got worse or breaks a limit
      diff         Play the same traffic under two fits, two cascades, or one fit and a what-if
      import       Turn tables and logs into observations, captured traces into fixtures
      simulate     Serve a simulated OpenAI-compatible provider, for demos and tests
      schema       Print the JSON Schema of cascade files
      completions  Print shell completions
      help         Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Global options:
      -v, --verbose...            Say more on stderr: once for failed calls, twice for every call
      -q, --quiet                 Say nothing on stderr but errors
          --env-allow <NAME,...>  The only variables of the environment that cascade files may name as
                                  keys; a name may end in *
          --prompts-in <FOLDER>   Besides a cascade file's own folder, one whose files may be its
                                  prompts

    Results go to stdout, everything else to stderr.
    Exit codes: 0 fine; 1 a target could not be promised, something got worse, or (--strict) an answer
    fell back; 2 usage, configuration or data error; 3 a provider failed; 130 interrupted
    (143 by SIGTERM, 129 by SIGHUP).
    ");
    for command in [
        "run",
        "explain",
        "check",
        "record",
        "grade",
        "calibrate",
        "evaluate",
        "advise",
        "import",
        "simulate",
        "schema",
        "completions",
    ] {
        let ran = sandbox.run(&[command, "--help"]).exits(0);
        assert!(ran.stdout().contains(&format!("Usage: tierfall {command}")) && ran.stderr().is_empty(), "{ran}");
    }
}

#[test]
fn the_schema_is_the_one_beside_the_cascades() {
    let ran = Sandbox::new().run(&["schema"]).exits(0);
    assert_eq!(ran.stdout(), of_the_repository("cascades/cascade.schema.json"));
}

#[test]
fn a_folder_in_place_of_a_file() {
    let sandbox = Sandbox::with_cascade();
    sandbox.fixture_set("orders", 1);
    assert_snapshot!(sandbox.run(&["run", "fixtures", "Hi?"]), @"
    exit 2
    -- stderr
    error[C008]: fixtures cannot be read: is a directory
    error: fixtures has 1 problem
    ");
    assert_snapshot!(sandbox.run(&["run", "two.cascade.toml", "Hi?", "--trace-log", "fixtures"]), @"
    exit 2
    -- stderr
    error: failed to open file `fixtures`: Is a directory (os error 21)
    ");
    assert_snapshot!(sandbox.run(&["run", "two.cascade.toml", "--jsonl", "fixtures"]), @"
    exit 2
    -- stderr
    error: fixtures:1: failed to read from file `fixtures`: Is a directory (os error 21)
    ");
}

#[test]
fn no_trace_is_written_into_what_is_read_or_into_the_results() {
    let sandbox = Sandbox::with_cascade();
    sandbox.write("queries.jsonl", "{\"query\": \"Hi?\"}\n");
    let run = |log: &str| {
        let args = ["run", "two.cascade.toml", "--jsonl", "queries.jsonl", "--out", "out.jsonl", "--trace-log", log, "--quiet"];
        sandbox.run(&args)
    };
    let cascade = sandbox.read("two.cascade.toml");
    for (log, why) in [
        ("two.cascade.toml", "--trace-log two.cascade.toml would overwrite the cascade"),
        ("./queries.jsonl", "--trace-log ./queries.jsonl would overwrite the queries"),
        ("./out.jsonl", "--out and --trace-log name one file, ./out.jsonl"),
    ] {
        let ran = run(log).exits(2);
        assert!(ran.stderr().contains(why), "{ran}");
    }
    assert_eq!((sandbox.read("two.cascade.toml"), sandbox.read("queries.jsonl").lines().count()), (cascade, 1));
    assert!(!sandbox.path("out.jsonl").exists());
    // A log is added to.
    run("traces.jsonl").exits(0);
    run("traces.jsonl").exits(0);
    assert_eq!(
        (sandbox.lines("traces.jsonl").len(), sandbox.lines("out.jsonl").len()),
        (1, 1),
        "what has its answer is not asked again"
    );
}

/// What has no end, keeps whoever opens it waiting, or takes nothing: each is said, and nothing hangs.
#[cfg(unix)]
#[test]
fn devices_and_pipes_are_no_files() {
    let sandbox = Sandbox::with_cascade();
    sandbox.write("queries.jsonl", "{\"query\": \"Hi?\"}\n");
    assert!(std::process::Command::new("mkfifo").arg(sandbox.path("pipe")).status().unwrap().success());
    std::os::unix::fs::symlink("/dev/zero", sandbox.path("zero")).unwrap();
    for file in ["pipe", "zero"] {
        sandbox.write(
            &format!("{file}.toml"),
            CASCADE.replacen("price =", &format!("system-prompt = {{ file = \"{file}\" }}\nprice ="), 1),
        );
    }
    let no_file = "no file but a pipe or a device";
    let jsonl = |more: &[&'static str]| [&["run", "two.cascade.toml", "--jsonl", "queries.jsonl"], more].concat();
    for (args, why) in [
        (vec!["run", "/dev/zero", "Hi?"], no_file),
        (vec!["run", "pipe", "Hi?"], no_file),
        (vec!["check", "pipe"], no_file),
        (vec!["run", "pipe.toml", "Hi?"], no_file),
        (vec!["run", "zero.toml", "Hi?", "--prompts-in", "/dev"], no_file),
        (vec!["calibrate", "--observations", "/dev/zero", "--chain", "a,b", "--max-loss", "0.1"], "binary, not text in UTF-8"),
        (vec!["regress", "two.cascade.toml", "--baseline", "pipe"], "two.cascade.toml"),
        (vec!["run", "two.cascade.toml", "--jsonl", "/dev/zero"], "/dev/zero:1: it is longer than 16 MiB"),
        (jsonl(&["--out", "pipe"]), "it is a pipe that nobody reads"),
        (jsonl(&["--trace-log", "pipe"]), "it is a pipe that nobody reads"),
        (jsonl(&["--out", "/dev/full"]), "No space left on device"),
        (jsonl(&["--trace-log", "/dev/full"]), "No space left on device"),
    ] {
        let ran = sandbox.run(&args).exits(2);
        assert!(ran.stderr().contains(why), "{args:?}: {ran}");
    }
}

#[test]
fn a_file_of_others_gets_no_more_than_it_may_have() {
    let sandbox = Sandbox::new();
    let cascade = "version = 1\nname = \"x\"\n[provider.p.openai-chat]\nbase-url = \"http://127.0.0.1:9/v1\"\n\
        api-key = { env = \"DEPLOY_TOKEN\" }\n[[tier]]\nname = \"only\"\nmodel = \"p/m\"\nsystem-prompt = { file = \"../prompts/a.md\" }\n";
    sandbox.write("cascades/x.cascade.toml", cascade);
    sandbox.write("prompts/a.md", "Be brief.");
    let file = "cascades/x.cascade.toml";
    assert_snapshot!(sandbox.run(&["check", file, "--env-allow", "OPENAI_*,CI_KEY"]), @r#"
    exit 2
    -- stderr
    error[C053]: `env` names DEPLOY_TOKEN, which cascade files may not read here
     --> cascades/x.cascade.toml:5:19
      |
    5 | api-key = { env = "DEPLOY_TOKEN" }
      |                   ^^^^^^^^^^^^^^
      |
      = help: whoever runs the file says which they may: `--env-allow NAME`
    error[C053]: cascades/../prompts/a.md is outside the cascade file's folder, and would be sent to a model
     --> cascades/x.cascade.toml:9:17
      |
    9 | system-prompt = { file = "../prompts/a.md" }
      |                 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
      = help: keep prompts beside the cascade file; whoever runs it may allow another folder: `--prompts-in FOLDER`
    error: cascades/x.cascade.toml has 2 problems
    "#);
    sandbox.run(&["check", file, "--env-allow", "DEPLOY_*", "--prompts-in", "prompts"]).exits(0);
    sandbox.run(&["check", file, "--prompts-in", "."]).exits(0);
}

#[test]
fn shells_get_completions() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish"] {
        let ran = sandbox.run(&["completions", shell]).exits(0);
        assert!(ran.stdout().contains("simulate") && ran.stdout().contains("replay"), "{shell}: {ran}");
    }
}

#[test]
fn colours_only_where_they_are_wanted() {
    let sandbox = Sandbox::with_cascade();
    sandbox.write("syntax.toml", "version = 1\nname = \"x\n");
    let coloured = |args: &[&str], env: &[(&str, &str)]| {
        let output = sandbox.command(args).envs(env.iter().copied()).output().unwrap();
        String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).contains('\x1b')
    };
    for args in [
        &["run", "two.cascade.toml", "Hi?"][..],
        &["run", "syntax.toml", "Hi?"],
        &["explain", "two.cascade.toml", "Hi?"],
        &["check", "two.cascade.toml"],
        &["-vv", "run", "two.cascade.toml", "Hi?"],
    ] {
        assert!(!coloured(args, &[]), "{args:?}: a pipe is no terminal");
        assert!(coloured(args, &[("CLICOLOR_FORCE", "1")]), "{args:?}: colours can be forced");
        assert!(!coloured(args, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]), "{args:?}: NO_COLOR wins");
    }
}

#[test]
fn a_reader_that_goes_away_ends_the_output_quietly() {
    let sandbox = Sandbox::with_cascade();
    let queries = lines((0..500).map(|n| format!("{{\"query\": \"question {n}?\"}}")));
    sandbox.write("queries.jsonl", queries);
    for args in [&["schema"][..], &["completions", "zsh"], &["run", "two.cascade.toml", "--jsonl", "queries.jsonl", "--quiet"]] {
        let mut child = sandbox.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), &*String::from_utf8_lossy(&output.stderr)), (Some(0), ""), "{args:?}");
    }
}
