//! Commands that are killed while they write, again and again: whoever starts them once more finds nothing torn, lost or doubled.
//!
//! `TIERFALL_KILLS=30 cargo test -p tierfall-cli --test cli killed -- --nocapture` kills each of them thirty times; `TIERFALL_SEED` has
//! other places.
#![cfg(unix)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Stdio;

use crate::support::{CASCADE, Sandbox, lines};

/// Examples and queries: each file is long enough to be hit in its middle.
const N: usize = 150;

#[expect(clippy::disallowed_methods, reason = "for whoever runs these tests")]
fn number(variable: &str, usual: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Numbers that look random, the same for one seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n.max(1)
    }
}

/// The files below the folder, but for temporary ones, which belong to nobody any more.
fn files(sandbox: &Sandbox) -> BTreeMap<String, Vec<u8>> {
    all(sandbox).into_iter().filter(|(name, _)| Path::new(name).extension().is_none_or(|kind| kind != "tmp")).collect()
}

fn all(sandbox: &Sandbox) -> BTreeMap<String, Vec<u8>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![sandbox.path("")]);
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(bytes) = fs_err::read(&path) {
                found.insert(path.strip_prefix(sandbox.path("")).unwrap().to_string_lossy().into_owned(), bytes);
            }
        }
    }
    found
}

fn copy(files: &BTreeMap<String, Vec<u8>>, folders: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new();
    for (name, bytes) in files {
        sandbox.write(name, bytes);
    }
    for folder in folders {
        fs_err::create_dir_all(sandbox.path(folder)).unwrap();
    }
    sandbox
}

/// Bytes and names that are there now, temporary files included; cheap enough to be asked in a loop.
fn extent(sandbox: &Sandbox, folders: &[&str]) -> u64 {
    let entries = folders.iter().filter_map(|folder| std::fs::read_dir(sandbox.path(folder)).ok()).flatten().flatten();
    entries.filter_map(|entry| entry.metadata().ok()).filter(std::fs::Metadata::is_file).map(|file| file.len() + 1).sum()
}

/// A command, and what it is to leave.
struct Case {
    args: &'static [&'static str],
    /// The folders that it writes into.
    folders: &'static [&'static str],
    begin: fn() -> Sandbox,
    /// Of a file that grows line by line, what names a line; the others are replaced whole.
    key: fn(&str) -> Option<&'static str>,
}

fn recorded() -> Sandbox {
    let sandbox = Sandbox::new();
    let slow = CASCADE.replace("ability = 0.4", "ability = 0.4, latency = { first = \"2ms\" }");
    let expect = "[[expect]]\nfixtures = \"orders\"\naccuracy-at-least = 0.1\n";
    sandbox.write("two.cascade.toml", slow + expect);
    sandbox.fixture_set("orders", N);
    sandbox.write("queries.jsonl", lines((0..N).map(|n| format!("{{\"id\": \"q{n}\", \"query\": \"Where is order {n}?\"}}"))));
    sandbox
}

fn answered() -> Sandbox {
    let sandbox = recorded();
    sandbox.run(&["record", "two.cascade.toml", "orders", "--quiet"]).exits(0);
    sandbox
}

fn graded() -> Sandbox {
    let sandbox = answered();
    sandbox.run(&["grade", "fixtures/orders", "--quiet"]).exits(0);
    sandbox
}

fn labelled() -> Sandbox {
    let sandbox = Sandbox::new();
    let row = |at: usize| {
        let score = (at * 617 % 1000) as f64 / 1000.0;
        let (small, large) = (u8::from(score > 0.4), u8::from(!at.is_multiple_of(11)));
        format!(
            "{{\"id\":\"q{at}\",\"tiers\":{{\"small\":{{\"correct\":{small},\"confidence\":{{\"sure\":{score}}}}},\"large\":{{\"correct\":{large}}}}}}}"
        )
    };
    sandbox.write("rows.jsonl", lines((0..2000).map(row)));
    fs_err::create_dir_all(sandbox.path("out")).unwrap();
    sandbox
}

const CASES: [(&str, Case); 5] = [
    (
        "record",
        Case {
            args: &["record", "two.cascade.toml", "orders", "--quiet"],
            folders: &["fixtures/orders/recordings"],
            begin: recorded,
            key: |file| file.contains("/recordings/").then_some("/id"),
        },
    ),
    (
        "run --jsonl --out",
        Case {
            args: &["run", "two.cascade.toml", "--jsonl", "queries.jsonl", "--out", "out.jsonl", "--quiet"],
            folders: &["."],
            begin: recorded,
            key: |file| (file == "out.jsonl").then_some("/key"),
        },
    ),
    (
        "grade",
        Case {
            args: &["grade", "fixtures/orders", "--quiet"],
            folders: &["fixtures/orders/grades", "fixtures/orders"],
            begin: answered,
            key: |file| file.contains("/grades/").then_some("/id"),
        },
    ),
    (
        "calibrate",
        Case {
            args: &[
                "calibrate",
                "--observations",
                "rows.jsonl",
                "--chain",
                "small,large",
                "--max-loss",
                "0.1",
                "--fit-out",
                "out/a.fit.toml",
                "--json",
                "out/report.json",
                "--html",
                "out/report.html",
                "--ledger",
                "out/ledger.toml",
                "--quiet",
            ],
            folders: &["out"],
            begin: labelled,
            key: |_| None,
        },
    ),
    (
        "regress --update-baseline",
        Case {
            args: &["regress", "two.cascade.toml", "--update-baseline", "--quiet"],
            folders: &["."],
            begin: graded,
            key: |_| None,
        },
    ),
];

#[test]
fn nothing_is_torn_lost_or_doubled() {
    let (rounds, seed) = (number("TIERFALL_KILLS", 3), number("TIERFALL_SEED", 1));
    for (name, case) in &CASES {
        let whole = (case.begin)();
        let begun = files(&whole);
        let before = extent(&whole, case.folders);
        whole.run(case.args).exits(0);
        let (expected, grown) = (files(&whole), extent(&whole, case.folders).saturating_sub(before));
        let mut numbers = Numbers(seed);
        let (mut killed, mut torn, mut kept) = (0, 0, 0);
        for round in 0..rounds {
            let what = format!("{name}, round {round}");
            let sandbox = copy(&begun, case.folders);
            // Twice in a row: what was killed once is killed again where it goes on.
            for _ in 0..=numbers.below(2) {
                killed += u64::from(kill(&sandbox, case, &mut numbers, grown));
                let left = files(&sandbox);
                let (cut, whole) = whole_or_lines(&what, case, &begun, &left, &expected);
                torn += cut;
                kept += whole;
            }
            let left = files(&sandbox);
            sandbox.run(case.args).exits(0);
            complete(&what, case, &left, &files(&sandbox), &expected);
        }
        eprintln!(
            "{name}: {rounds} rounds, killed {killed} times at work, {torn} files ended in half a line, {kept} whole lines were there"
        );
        assert!(killed > 0, "{name} was never hit");
    }
}

/// Kills the command once it has written so much, or so long after that; whether it was still at work.
fn kill(sandbox: &Sandbox, case: &Case, numbers: &mut Numbers, grown: u64) -> bool {
    let (begun, more) = (extent(sandbox, case.folders), numbers.below(grown + grown / 8));
    let later = numbers.below(400);
    let mut child = sandbox.command(case.args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let mut seen = false;
    loop {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        let now = extent(sandbox, case.folders);
        seen |= now != begun;
        if seen && now.abs_diff(begun) >= more.min(grown.saturating_sub(2)) {
            // A few looks more.
            (0..later).for_each(|_| std::hint::spin_loop());
            break;
        }
    }
    // One that has ended meanwhile cannot be killed.
    let _ = child.kill();
    !child.wait().unwrap().success()
}

/// What is there is as it was, or as it is to be; of a file that grows, whole lines, and at most half of one at its end. How many ended so,
/// and how many whole lines there are.
fn whole_or_lines(
    what: &str,
    case: &Case,
    before: &BTreeMap<String, Vec<u8>>,
    left: &BTreeMap<String, Vec<u8>>,
    expected: &BTreeMap<String, Vec<u8>>,
) -> (u64, u64) {
    let (mut torn, mut kept) = (0, 0);
    for (name, bytes) in left {
        let Some(key) = (case.key)(name) else {
            let is_known = before.get(name) == Some(bytes) || expected.get(name).is_some_and(|whole| alike(name, whole, bytes));
            assert!(is_known, "{what}: {name} is neither old nor new:\n{}", String::from_utf8_lossy(bytes));
            continue;
        };
        let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        torn += u64::from(end < bytes.len());
        kept += keys(what, name, key, &bytes[..end]).len() as u64;
    }
    let lost: Vec<_> = before.keys().filter(|name| !left.contains_key(*name)).collect();
    assert!(lost.is_empty(), "{what}: {lost:?} are gone");
    (torn, kept)
}

/// After one more run all is there, each once, and what was there stays.
fn complete(
    what: &str,
    case: &Case,
    left: &BTreeMap<String, Vec<u8>>,
    now: &BTreeMap<String, Vec<u8>>,
    expected: &BTreeMap<String, Vec<u8>>,
) {
    assert!(now.keys().eq(expected.keys()), "{what}: {:?} and not {:?}", now.keys(), expected.keys());
    for (name, whole) in expected {
        let bytes = &now[name];
        let Some(key) = (case.key)(name) else {
            assert!(alike(name, whole, bytes), "{what}: {name} is another file:\n{}", String::from_utf8_lossy(bytes));
            continue;
        };
        assert_eq!(keys(what, name, key, bytes), keys(what, name, key, whole), "{what}: {name}");
        let lines: BTreeSet<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        let old = left.get(name).map(Vec::as_slice).unwrap_or_default();
        for line in old.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")) {
            assert!(lines.contains(line), "{what}: {name} has lost {}", String::from_utf8_lossy(line));
        }
    }
}

/// The names of a file's lines, each of them once; a line without one is the file's head.
fn keys(what: &str, name: &str, key: &str, bytes: &[u8]) -> BTreeSet<String> {
    let mut keys = BTreeSet::new();
    for line in std::str::from_utf8(bytes).unwrap().lines() {
        let json: serde_json::Value =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{what}: {name}: {error}: {line}"));
        let key = json.pointer(key).map_or_else(|| "head".to_owned(), ToString::to_string);
        assert!(keys.insert(key.clone()), "{what}: {name} has {key} twice");
    }
    keys
}

/// Whether two files say the same, but for when they were made.
fn alike(name: &str, a: &[u8], b: &[u8]) -> bool {
    let timeless = |bytes: &[u8]| match serde_json::from_slice::<serde_json::Value>(bytes) {
        Ok(mut json) if Path::new(name).extension().is_some_and(|kind| kind == "json") => {
            without_times(&mut json);
            json.to_string()
        }
        _ => String::from_utf8_lossy(bytes).into_owned(),
    };
    a == b || timeless(a) == timeless(b)
}

fn without_times(json: &mut serde_json::Value) {
    match json {
        serde_json::Value::Object(map) => {
            map.retain(|name, _| !["created", "at", "made_at"].contains(&name.as_str()));
            map.values_mut().for_each(without_times);
        }
        serde_json::Value::Array(list) => list.iter_mut().for_each(without_times),
        _ => {}
    }
}
