//! Files that results go to: never one that is read, never two results in one, and nothing half-written.

use insta::assert_snapshot;

use crate::support::{Sandbox, lines};

const ROWS: [&str; 5] = ["--observations", "rows.jsonl", "--chain", "small,large", "--quiet"];

fn rows() -> Sandbox {
    let sandbox = Sandbox::new();
    let row = |at: usize| {
        let score = (at * 617 % 1000) as f64 / 1000.0;
        let (small, large) = (u8::from(score > 0.4), u8::from(!at.is_multiple_of(11)));
        format!(
            "{{\"id\":\"q{at}\",\"tiers\":{{\"small\":{{\"correct\":{small},\"confidence\":{{\"sure\":{score}}}}},\"large\":{{\"correct\":{large}}}}}}}"
        )
    };
    sandbox.write("rows.jsonl", lines((0..200).map(row)));
    sandbox
}

#[test]
fn results_never_overwrite_what_is_read_or_each_other() {
    let sandbox = rows();
    let before = sandbox.read("rows.jsonl");
    sandbox.run(&[&["calibrate", "--max-loss", "0.1", "--fit-out", "a.fit.toml"], &ROWS[..]].concat());
    let fit = sandbox.read("a.fit.toml");
    let calibrate = ["calibrate", "--max-loss", "0.1"];
    assert_snapshot!(sandbox.run(&[&calibrate[..], &ROWS, &["--json", "./rows.jsonl"]].concat()), @"
    exit 2
    -- stderr
    error: --json ./rows.jsonl would overwrite the observations
    hint: nothing was read and nothing written; name another file, one for each result
    ");
    assert_snapshot!(sandbox.run(&[&calibrate[..], &ROWS, &["--json", "o", "--html", "o"]].concat()), @"
    exit 2
    -- stderr
    error: --json and --html name one file, o: one would overwrite the other
    hint: nothing was read and nothing written; name another file, one for each result
    ");
    assert_snapshot!(sandbox.run(&[&calibrate[..], &ROWS, &["--fit-out", "-"]].concat()), @"
    exit 2
    -- stderr
    error: --fit-out -: a fit goes into a file; --json - prints the report
    ");
    let evaluate = ["evaluate", "--fit", "a.fit.toml", "--allow-overlap"];
    for (command, outputs) in [
        (&calibrate[..], &["--fit-out", "rows.jsonl"][..]),
        (&calibrate, &["--html", "rows.jsonl"]),
        (&calibrate, &["--ledger", "rows.jsonl"]),
        (&calibrate, &["--ledger", "o", "--fit-out", "o"]),
        (&calibrate, &["--plan", "--json", "rows.jsonl"]),
        (&evaluate, &["--json", "rows.jsonl"]),
        (&evaluate, &["--html", "a.fit.toml"]),
        (&["advise"], &["--html", "rows.jsonl"]),
        (&["advise"], &["--html", "o", "--json", "o"]),
    ] {
        let ran = sandbox.run(&[command, &ROWS, outputs].concat()).exits(2);
        assert!(ran.stderr().contains("would overwrite"), "{ran}");
    }
    let ran = sandbox.run(&["import", "csv", "rows.jsonl", "--out", "rows.jsonl"]).exits(2);
    assert!(ran.stderr().contains("--out rows.jsonl would overwrite the source"), "{ran}");
    assert_eq!((sandbox.read("rows.jsonl"), sandbox.read("a.fit.toml"), sandbox.path("o").exists()), (before, fit, false));
}

#[test]
fn results_never_overwrite_a_cascade_or_its_fixture_set() {
    let sandbox = Sandbox::with_support();
    let of = ["cascades/support.cascade.toml", "fixtures/support"];
    for file in [
        "cascades/support.cascade.toml",
        "cascades/support.fit.toml",
        "fixtures/support/set.toml",
        "fixtures/support/examples.jsonl",
        "fixtures/support/recordings/small.jsonl",
        "fixtures/support/ledger.toml",
    ] {
        let ran = sandbox.run(&[&["calibrate", "--max-loss", "0.1", "--json", file], &of[..]].concat()).exits(2);
        assert!(ran.stderr().contains(&format!("{file} would overwrite the")) || ran.stderr().contains("name one file"), "{ran}");
        sandbox.run(&[&["evaluate", "--html", file], &of[..]].concat()).exits(2);
    }
    for option in [["--price", "small=1/2"], ["--cost", "small=1"], ["--map", "a=id"], ["--heaviest-weight", "9"]] {
        for command in [&["calibrate", "--max-loss", "0.1"][..], &["evaluate"], &["advise"]] {
            let ran = sandbox.run(&[command, &of, &option].concat()).exits(2);
            assert!(ran.stderr().contains(&format!("{} is for rows from --observations", option[0])), "{ran}");
        }
    }
}

#[test]
fn rows_do_not_come_from_stdin() {
    let sandbox = Sandbox::new();
    for args in [&["advise", "--observations", "-", "--chain", "a,b"][..], &["import", "csv", "-"]] {
        let ran = sandbox.run(args).exits(2);
        assert!(ran.stderr().contains("from files, not from stdin"), "{ran}");
    }
}

#[cfg(unix)]
#[test]
fn an_import_that_is_told_to_end_leaves_nothing_half_written() {
    let sandbox = Sandbox::new();
    // Nobody writes to it, so the import never gets beyond opening it.
    assert!(std::process::Command::new("mkfifo").arg(sandbox.path("rows.csv")).status().unwrap().success());
    let there = || -> Vec<String> {
        let names = fs_err::read_dir(sandbox.path(".")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name != "rows.csv").collect()
    };
    for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        let ran = sandbox.signal(signal, &["import", "csv", "rows.csv", "--out", "o.jsonl"], || !there().is_empty()).exits(code);
        assert_eq!((ran.stdout(), ran.stderr(), there()), ("", "", vec![]), "{signal}");
    }
    let ran = sandbox.run(&["import", "csv", "rows.csv", "--out", "missing/o.jsonl"]).exits(2);
    assert!(ran.stderr().contains("missing/o.jsonl cannot be written"), "{ran}");
    assert!(!sandbox.path("missing").exists());
}

#[cfg(unix)]
#[test]
fn new_files_are_as_readable_as_others_and_old_ones_stay_so() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = rows();
    sandbox.write("table.csv", "id,a.correct\n1,1\n");
    let commands = [
        "umask 027",
        "tierfall -q import csv table.csv --out new.jsonl",
        "tierfall -q advise --observations rows.jsonl --chain small,large --json new.json >printed",
        "touch old.jsonl old.json && chmod 604 old.jsonl old.json",
        "tierfall -q import csv table.csv --out old.jsonl",
        "tierfall -q advise --observations rows.jsonl --chain small,large --json old.json >printed",
    ];
    let ran = sandbox.shell(&commands.join("\n"));
    assert!(ran.status.success(), "{ran:?}");
    let mode = |name: &str| fs_err::metadata(sandbox.path(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(["new.jsonl", "new.json", "old.jsonl", "old.json"].map(mode), [0o640, 0o640, 0o604, 0o604]);
    // A device is written through, and stays what it is.
}
