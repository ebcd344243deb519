//! Labelled examples → fit → judgement: calibrate, evaluate, advise, and what they refuse.

use std::collections::BTreeSet;
use std::path::Path;

use insta::assert_snapshot;
use serde_json::Value;

use crate::support::{Ran, Sandbox, lines};

const CASCADE: &str = "cascades/support.cascade.toml";
const SET: &str = "fixtures/support";

/// The cascade over three real models, with what they answered.
fn support() -> Sandbox {
    let sandbox = Sandbox::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for folder in ["cascades", "cascades/support", SET, "fixtures/support/recordings", "fixtures/support/grades"] {
        for entry in fs_err::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            // A fit or a ledger of the repository's own would be found, and counted.
            if path.is_file() && !name.ends_with(".fit.toml") && name != "ledger.toml" {
                sandbox.write(&format!("{folder}/{name}"), fs_err::read(&path).unwrap());
            }
        }
    }
    sandbox
}

fn calibrated(sandbox: &Sandbox, more: &[&str]) -> Ran {
    sandbox.run(&[&["calibrate", CASCADE, SET], more].concat())
}

/// Two tiers of which the first knows well when it is right: `n` rows from `first`.
fn observations(first: usize, n: usize) -> String {
    lines((first..first + n).map(|at| {
        let score = (at * 617 % 1000) as f64 / 1000.0;
        let (small, large) = (u8::from(score > 0.4 || at % 7 == 0), u8::from(at % 11 != 0));
        format!(
            "{{\"id\": \"q{at}\", \"segment\": \"{}\", \"tiers\": {{\
             \"small\": {{\"correct\": {small}, \"confidence\": {{\"sure\": {score}}}, \"cost_usd\": 0.0001}}, \
             \"large\": {{\"correct\": {large}, \"cost_usd\": 0.001}}}}}}",
            if at % 3 == 0 { "orders" } else { "refunds" }
        )
    }))
}

fn keys(object: &Value) -> BTreeSet<&str> {
    object.as_object().unwrap().keys().map(String::as_str).collect()
}

#[track_caller]
fn has_keys(object: &Value, wanted: &[&str]) {
    let there = keys(object);
    let missing: Vec<_> = wanted.iter().filter(|key| !there.contains(*key)).collect();
    assert!(missing.is_empty(), "{missing:?} are not among {there:?}");
}

#[test]
fn real_recordings_give_a_fit_and_a_report() {
    let sandbox = support();
    let ran = calibrated(&sandbox, &["--max-loss", "0.05", "--html", "report.html", "--json", "fit.json"]).exits(0);
    let json: Value = serde_json::from_str(&sandbox.read("fit.json")).unwrap();
    assert_eq!(json["status"], "certified");
    let sentence = json["guarantee"]["statement"].as_str().unwrap();
    assert!(sentence.contains("with probability >= 0.9 over the draw of the fixtures"), "{sentence}");
    // The promise in the terminal is set in lines.
    let said = ran.stdout().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.starts_with("✓ Certified: at most 5 points worse than always large") && said.contains(sentence), "{ran}");
    assert!(ran.stdout().lines().all(|line| line.chars().count() <= 100), "{ran}");
    let html = sandbox.read("report.html");
    assert!(html.contains(&sentence.replace('>', "&gt;").replace('<', "&lt;")), "the certificate is in the report");
    let about = format!(" · at most 5 points worse than always large · {} labelled examples ", json["n"]);
    assert!(html.contains(&(about + "<span class=\"badge good\">certified</span></p><h1>Certified: ")), "{html}");
    assert!(!html.contains("http") && !html.contains("<script"), "a report needs nothing from elsewhere");
    let fit = sandbox.read("cascades/support.fit.toml");
    assert!(fit.contains(sentence) && fit.contains("split = \"train\""), "{fit}");

    let ran = sandbox.run(&["evaluate", CASCADE, SET, "--html", "judged.html"]).exits(0);
    assert!(ran.stdout().contains("point default") && sandbox.read("judged.html").contains("split test"), "{ran}");
    assert_snapshot!(sandbox.run(&["evaluate", CASCADE, SET, "--split", "train"]), @"
    exit 2
    -- stderr
    error: 838 of 838 rows are among those that the fit was certified on, so they cannot judge it
    hint: name other rows with --split or other files; --allow-overlap judges all the same
    ");
    let ran = sandbox.run(&["evaluate", CASCADE, SET, "--split", "train", "--allow-overlap", "--quiet"]).exits(0);
    assert!(ran.stdout().contains("! "), "{ran}");
}

#[test]
fn json_is_all_that_is_printed_and_has_every_key() {
    let sandbox = support();
    let ran = calibrated(&sandbox, &["--max-loss", "0.05", "--point", "careful=0.03", "--json", "-", "--quiet"]);
    let json = ran.json();
    has_keys(
        &json,
        &[
            "chain",
            "declared_chain",
            "signals",
            "n",
            "n_excluded",
            "status",
            "thresholds",
            "raw_thresholds",
            "ties",
            "target",
            "guarantee",
            "estimate",
            "baselines",
            "frontier",
            "warnings",
        ],
    );
    has_keys(&json["guarantee"], &["delta", "method", "bound", "finite_sample", "statement"]);
    has_keys(&json["estimate"], &["method", "accuracy", "cost_usd", "cost_ratio", "coverage"]);
    has_keys(&json["frontier"][0], &["raw_thresholds", "accuracy", "cost_usd", "certified"]);
    let gated = json["chain"].as_array().unwrap().len() - 1;
    for list in ["thresholds", "raw_thresholds", "ties"] {
        assert_eq!(json[list].as_array().unwrap().len(), gated, "{list}");
    }
    assert_eq!(json["points"][1]["name"], "careful");
    assert_eq!(ran.stderr(), "");

    let json = sandbox.run(&["evaluate", CASCADE, SET, "--json", "-", "--quiet"]).exits(0).json();
    has_keys(
        &json,
        &[
            "n",
            "n_excluded",
            "accuracy",
            "accuracy_last",
            "loss_vs_last",
            "cost_usd",
            "cost_last",
            "cost_ratio",
            "coverage",
            "tiers",
            "baselines",
        ],
    );
    has_keys(&json["tiers"][0], &["tier", "auroc", "auroc_benefit", "aurc", "augrc", "ece", "brier", "selective_risk"]);
    has_keys(&json["loss_vs_last"], &["value", "low", "high"]);
    let json = sandbox.run(&["advise", CASCADE, SET, "--json", "-", "--quiet"]).exits(0).json();
    has_keys(&json, &["declared_chain", "chains", "baselines", "tiers", "advice"]);
}

#[test]
fn what_cannot_run_or_be_kept_spends_no_certificate() {
    let sandbox = support();
    fs_err::create_dir(sandbox.path("cascades/support.fit.toml")).unwrap();
    let ran = calibrated(&sandbox, &["--max-loss", "0.05"]).exits(2);
    assert!(ran.stderr().contains("support.fit.toml cannot be written") && ran.stdout().is_empty(), "{ran}");
    let row = |at| format!("{{\"id\":\"{at}\",\"tiers\":{{\"small\":{{\"correct\":1}},\"large\":{{\"correct\":1}}}}}}");
    sandbox.write("rows.jsonl", lines((0..40).map(row)));
    let files =
        ["calibrate", "--observations", "rows.jsonl", "--chain", "small,large", "--max-loss", "0.05", "--ledger", "l.toml"];
    for signal in [&[][..], &["--signal", "auto"]] {
        let ran = sandbox.run(&[&files, signal].concat()).exits(2);
        assert!(ran.stderr().contains("signal"), "{ran}");
    }
    assert!(!sandbox.path("l.toml").exists() && !sandbox.path("fixtures/support/ledger.toml").exists());
}

#[test]
fn a_ledgers_folder_is_made_when_the_first_certificate_is_entered() {
    let sandbox = Sandbox::new();
    sandbox.write("rows.jsonl", observations(0, 1500));
    let asked = ["--observations", "rows.jsonl", "--chain", "small,large", "--max-loss", "0.03", "--ledger", "kept/l.toml"];
    sandbox.run(&[&["calibrate"], &asked[..]].concat()).exits(0);
    assert!(sandbox.read("kept/l.toml").contains("[[certificate]]"));
}

#[test]
fn no_advice_is_given_where_no_cost_is_known() {
    let sandbox = Sandbox::new();
    let row = |at| {
        let (grade, p) = (u8::from(at % 3 > 0), f64::from(at) / 300.0);
        format!(r#"{{"id":"{at}","tiers":{{"small":{{"correct":{grade},"confidence":{{"p":{p}}}}},"large":{{"correct":1}}}}}}"#)
    };
    sandbox.write("rows.jsonl", lines((0..300).map(row)));
    let ran = sandbox.run(&["advise", "--observations", "rows.jsonl", "--chain", "small,large"]).exits(0);
    assert!(ran.stdout().starts_with("No advice: what the tiers save is unknown."), "{ran}");
}

#[test]
fn a_fit_made_twice_is_the_same_and_another_one_spends_more() {
    let sandbox = support();
    let fit = || sandbox.read("cascades/support.fit.toml");
    calibrated(&sandbox, &["--max-loss", "0.05"]).exits(0);
    let first = fit();
    calibrated(&sandbox, &["--max-loss", "0.05"]).exits(0);
    assert_eq!(fit(), first);
    let json = calibrated(&sandbox, &["--max-loss", "0.06", "--json", "-", "--quiet"]).json();
    assert!(fit().contains("earlier-certificates = 1"), "the ledger counts");
    if let Some(delta) = json["guarantee"]["delta"].as_f64() {
        assert!(delta < 0.1 / 6.0, "{delta}");
    }
    calibrated(&sandbox, &["--max-loss", "0.05", "--no-guarantee"]).exits(0);
    assert_eq!(sandbox.read("fixtures/support/ledger.toml").matches("[[certificate]]").count(), 2);
}

#[test]
fn a_certified_fit_gives_way_to_a_certified_one_or_to_force() {
    let sandbox = support();
    let fit = || sandbox.read("cascades/support.fit.toml");
    let first = calibrated(&sandbox, &["--max-loss", "0.05"]).exits(0);
    assert!(
        first.stderr().contains("first certificate on these examples may be wrong with all of the probability asked for: 0.1;"),
        "{first}"
    );
    assert!(
        first.stderr().contains(
            "the next one will have 0.0152, also with other prompts, models or graders on the same questions; while trying"
        ),
        "{first}"
    );
    let certified = fit();
    for (more, code) in [
        (&["--max-loss", "0.002"][..], 1),
        (&["--max-loss", "0.05", "--no-guarantee"], 0),
        (&["--max-loss", "0.002", "--no-guarantee"], 0),
    ] {
        let ran = calibrated(&sandbox, more).exits(code);
        assert_eq!(fit(), certified, "{ran}");
        assert!(ran.stderr().contains("support.fit.toml is certified and stays in force as it is"), "{ran}");
        assert!(ran.stdout().contains("--fit cascades/support.rejected.fit.toml"), "{ran}");
        assert!(!sandbox.read("cascades/support.rejected.fit.toml").contains("status = \"certified\""));
        fs_err::remove_file(sandbox.path("cascades/support.rejected.fit.toml")).unwrap();
    }
    let again = calibrated(&sandbox, &["--max-loss", "0.05"]).exits(0);
    assert!(again.stderr().contains("this very certificate was made before"), "{again}");
    calibrated(&sandbox, &["--max-loss", "0.002", "--force", "--no-guarantee"]).exits(0);
    assert!(fit().contains("status = \"uncertified\"") && !sandbox.path("cascades/support.rejected.fit.toml").exists());
}

#[test]
fn nothing_is_expected_where_no_fold_certifies() {
    let sandbox = Sandbox::new();
    let alike = |n: usize| {
        lines((0..n).map(|at| {
            let score = (at * 617 % 1009) as f64 / 1009.0;
            format!(
                "{{\"id\": \"q{at}\", \"tiers\": {{\"small\": {{\"correct\": 1, \"confidence\": {{\"sure\": {score}}}, \
                 \"cost_usd\": 0.0001}}, \"large\": {{\"correct\": 1, \"cost_usd\": 0.001}}}}}}"
            )
        }))
    };
    let calibrated = |n: usize, out: &[&str]| {
        sandbox.write("rows.jsonl", alike(n));
        let asked = ["calibrate", "--observations", "rows.jsonl", "--chain", "small,large", "--max-loss", "0.05"];
        sandbox.run(&[&asked[..], out].concat())
    };
    // The fewest rows that certify: without a tenth of them nothing is.
    let n = (20..200).step_by(2).find(|n| calibrated(*n, &["--json", "-"]).json()["status"] == "certified").unwrap();
    let json = calibrated(n, &["--json", "-"]).json();
    assert!(json["estimate"].is_null() && json["saves"] == true, "{json}");
    let ran = calibrated(n, &[]).exits(0);
    assert!(!ran.stdout().contains("(0 to 0)") && ran.stdout().contains("what to expect is not estimated"), "{ran}");
    assert!(!calibrated(3 * n, &["--json", "-"]).json()["estimate"].is_null());
}

#[test]
fn an_evaluation_that_speaks_against_the_promise_exits_with_1() {
    let sandbox = Sandbox::new();
    sandbox.write("rows.jsonl", observations(0, 2000));
    let ask =
        ["calibrate", "--observations", "rows.jsonl", "--chain", "small,large", "--max-loss", "0.05", "--fit-out", "a.fit.toml"];
    sandbox.run(&ask).exits(0);
    let evaluate =
        |rows: &str| sandbox.run(&["evaluate", "--observations", rows, "--chain", "small,large", "--fit", "a.fit.toml"]);
    sandbox.write("alike.jsonl", observations(2000, 1000));
    evaluate("alike.jsonl").exits(0);
    // The small model is wrong now wherever it is sure.
    sandbox.write("other.jsonl", observations(4000, 1000).replace("\"small\": {\"correct\": 1", "\"small\": {\"correct\": 0"));
    let ran = evaluate("other.jsonl").exits(1);
    assert!(ran.stdout().contains("✗ These requests speak against the promise"), "{ran}");
}

#[test]
fn what_cannot_be_promised_exits_with_1_and_the_fallback() {
    let sandbox = support();
    for (target, status, says) in [
        (
            ["--target-accuracy", "0.99"],
            "infeasible",
            "✗ Infeasible: no number of examples lets this chain promise at least 99 %",
        ),
        (["--max-loss", "0.002"], "inconclusive", "? Inconclusive: these examples do not show at most 0.2 points worse"),
    ] {
        let ran = calibrated(&sandbox, &[&target[..], &["--json", "out.json", "--fit-out", "out.fit.toml"]].concat()).exits(1);
        assert!(ran.stdout().starts_with(says), "{ran}");
        let json: Value = serde_json::from_str(&sandbox.read("out.json")).unwrap();
        assert_eq!((json["status"].as_str(), &json["guarantee"]), (Some(status), &Value::Null));
        assert!(sandbox.read("out.fit.toml").contains(&format!("status = \"{status}\"")));
        if status == "inconclusive" {
            assert_eq!(json["chain"], serde_json::json!(["large"]), "the fallback is always the last tier");
        } else {
            assert!(json["attainable"].as_f64().is_some_and(|attainable| attainable < 0.99), "{json}");
        }
    }
    // Nothing was asked to be promised, so nothing is missed.
    let json = calibrated(&sandbox, &["--max-loss", "0.002", "--no-guarantee", "--json", "-"]).exits(0).json();
    assert_eq!(json["status"], "uncertified");
}

#[test]
fn files_of_observations_do_as_well() {
    let sandbox = Sandbox::new();
    sandbox.write("a.jsonl", observations(0, 900) + "{\"id\": \"torn\", \"tiers\"\n");
    sandbox.write("b.jsonl", observations(900, 600));
    let asked = ["--observations", "a.jsonl", "--chain", "small,large"];
    let ran = sandbox.run(&[&["calibrate", "--max-loss", "0.03"], &asked[..]].concat()).exits(2);
    assert!(ran.stderr().contains("1 of 901 rows cannot be read") && ran.stderr().contains("a.jsonl:901"), "{ran}");
    let declared = [&asked[..], &["--bad-rows", "at-random"]].concat();
    let ran = sandbox.run(&[&["calibrate", "--max-loss", "0.03"], &declared[..]].concat()).exits(0);
    assert!(ran.stderr().contains("1 of 901 rows cannot be read and are left out, at random as --bad-rows says"), "{ran}");
    assert!(
        ran.stdout().contains("The fit is not kept") && ran.stdout().contains("nobody counts how often these rows were used"),
        "{ran}"
    );
    sandbox.run(&[&["calibrate", "--max-loss", "0.03", "--strict"], &declared[..]].concat()).exits(2);
    sandbox.write("a.jsonl", observations(0, 900));

    sandbox.run(&[&["calibrate", "--max-loss", "0.03", "--fit-out", "fit.toml", "--quiet"], &asked[..]].concat()).exits(0);
    let judged = |file: &str, more: &[&str]| {
        let args = ["evaluate", "--observations", file, "--chain", "small,large", "--fit", "fit.toml", "--json", "-"];
        sandbox.run(&[&args, more].concat())
    };
    let json = judged("b.jsonl", &[]).exits(0).json();
    assert_eq!((json["n"].as_u64(), json["promise"]["met"].as_bool()), (Some(600), Some(true)), "{json}");
    let ran = judged("a.jsonl", &[]).exits(2);
    assert!(ran.stderr().contains("900 of 900 rows are among those that the fit was certified on"), "{ran}");
    let ran = judged("b.jsonl", &["--point", "careless"]).exits(2);
    assert!(ran.stderr().contains("no operating point \"careless\""), "{ran}");
    let json = judged("a.jsonl", &["--allow-overlap"]).exits(0).json();
    assert_eq!(json["n"], 900);

    let ran = sandbox.run(&["advise", "--observations", "a.jsonl", "--chain", "small,large"]).exits(0);
    assert!(ran.stdout().contains("earns its call"), "{ran}");
}

#[test]
fn unknown_costs_stay_unknown_until_they_are_declared() {
    let sandbox = Sandbox::new();
    sandbox.write("a.jsonl", observations(0, 600).replace(", \"cost_usd\": 0.0001", "").replace(", \"cost_usd\": 0.001", ""));
    let args =
        ["calibrate", "--observations", "a.jsonl", "--chain", "small,large", "--max-loss", "0.05", "--json", "-", "--quiet"];
    assert_eq!(sandbox.run(&args).json()["estimate"]["cost_usd"], Value::Null);
    let declared = [&args[..], &["--cost", "small=0.0001", "--cost", "large=0.001"]].concat();
    let json = sandbox.run(&declared).exits(0).json();
    assert!(json["estimate"]["cost_ratio"].as_f64().is_some_and(|ratio| ratio < 1.0), "{json}");
}

#[test]
fn what_is_asked_wrongly_is_said_with_what_to_write() {
    let sandbox = Sandbox::new();
    sandbox.write("a.jsonl", observations(0, 50));
    let asked =
        |more: &[&str]| sandbox.run(&[&["calibrate", "--observations", "a.jsonl", "--chain", "small,large"], more].concat());
    assert_snapshot!(asked(&[]), @"
    exit 2
    -- stderr
    error: nothing is asked for
    hint: say what, beforehand: --max-loss 0.02, --target-accuracy 0.9 or --max-cost 0.0005; --plan says what is in reach
    ");
    assert_snapshot!(asked(&["--max-loss", "5"]), @"
    exit 2
    -- stderr
    error: invalid value '5' for '--max-loss <SHARE>': a share is from 0 to 1: for 5 % write 0.05

    For more information, try '--help'.
    ");
    assert_snapshot!(asked(&["--max-loss", "0.05", "--target-accuracy", "0.9"]), @"
    exit 2
    -- stderr
    error: the argument '--max-loss <SHARE>' cannot be used with '--target-accuracy <SHARE>'

    Usage: tierfall calibrate --observations <FILE>... --chain <A,B,C> --max-loss <SHARE> [CASCADE] [SET]

    For more information, try '--help'.
    ");
    assert_snapshot!(asked(&["--max-cost", "0.001", "--point", "careful=0.01"]), @"
    exit 2
    -- stderr
    error: --point adds promises, and none exists for --max-cost
    hint: give the main target as --max-loss or --target-accuracy
    ");
    assert_snapshot!(asked(&["--max-loss", "0.05", "--signal", "small=suer"]), @r#"
    exit 2
    -- stderr
    error: tier "small" has no signal "suer"
    hint: did you mean "sure"? its signals: sure
    "#);
    assert_snapshot!(asked(&["--max-loss", "0.05", "--signal", "large=sure"]), @r#"
    exit 2
    -- stderr
    error: --signal large=sure: there is no gated tier "large"
    hint: tiers with a gate: small; the last one has none
    "#);
    assert_snapshot!(sandbox.run(&["calibrate", "--max-loss", "0.05"]), @"
    exit 2
    -- stderr
    error: no labelled examples are named
    hint: name a cascade and its fixture set, or files: --observations FILE --chain SMALL,LARGE
    ");
    assert_snapshot!(sandbox.run(&["evaluate", "--observations", "a.jsonl", "--chain", "small,large"]), @"
    exit 2
    -- stderr
    error: which fit is to be judged?
    hint: name it with --fit FILE
    ");
    assert!(!sandbox.path("ledger.toml").exists());
}

#[test]
fn an_interruption_leaves_nothing_half_written() {
    let sandbox = Sandbox::new();
    sandbox.write("a.jsonl", observations(0, 100_000));
    let args = ["calibrate", "--observations", "a.jsonl", "--chain", "small,large", "--max-loss", "0.03", "--signal", "auto"];
    let outputs = ["--ledger", "ledger.toml", "--fit-out", "out.fit.toml", "--json", "out.json", "--html", "out.html"];
    // The ledger is written before the rows are looked at: what was spent stays spent.
    let entered = || fs_err::read_to_string(sandbox.path("ledger.toml")).is_ok_and(|text| text.contains("certificate"));
    let ran = sandbox.interrupt(&[&args[..], &outputs].concat(), entered).exits(130);
    assert_eq!(ran.stdout(), "");
    let mut left: Vec<String> =
        fs_err::read_dir(sandbox.path(".")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    left.sort();
    assert_eq!(left, ["a.jsonl", "ledger.toml"]);
}

#[test]
fn a_plan_says_how_many_labels_margins_need() {
    let sandbox = Sandbox::new();
    sandbox.write("a.jsonl", observations(0, 200));
    assert_snapshot!(sandbox.run(&["calibrate", "--plan", "--discordance", "0.05", "--max-loss", "0.025"]), @"
    exit 0
    -- stdout
    Labelled examples that a promise needs
    with probability 90 % (80 % power), where tiers differ in being right as often as was said.

    at most worse by  loses, points  differ  examples  never below
    0.5 points                    0     5 %     9,464          460
    0.5 points                  0.2     5 %    37,853          460
    1 point                       0     5 %     2,364          230
    1 point                     0.5     5 %     9,454          230
    2 points                      0     5 %       589          114
    2 points                      1     5 %     2,354          114
    2.5 points                    0     5 %       376           91
    2.5 points                  1.2     5 %     1,502           91
    3 points                      0     5 %       261           76
    3 points                    1.5     5 %     1,039           76
    5 points                      0     5 %        92           45
    5 points                    2.5     5 %       366           45
    10 points                     0     5 %        22           22
    10 points                     5     5 %        82           22
    ");
    assert_snapshot!(sandbox.run(&["calibrate", "--plan", "--observations", "a.jsonl", "--chain", "small,large"]), @"
    exit 0
    -- stdout
    Labelled examples that a promise needs
    with probability 90 % (80 % power), as a pilot of 200 items has it: for each margin the cheapest cut
    that loses at most half of it there. Examples: from how many are needed if all are like the pilot's,
    to how many if answers that lose are as frequent as the pilot leaves possible.

    at most worse by  chain          accepts  cost  loses, points  differ          examples  never below
    0.5 points        small → large     69 %  41 %              0    10 %    18,931 or more          460
    1 point           small → large     69 %  41 %              0    10 %     4,731 or more          230
    2 points          small → large     70 %  40 %            0.5  10.5 %     2,204 or more          114
    3 points          small → large     70 %  40 %              1    11 %  1,295 to 362,072           76
    5 points          small → large     72 %  38 %              2    12 %      623 to 6,117           45
    10 points         small → large     75 %  35 %            4.5  14.5 %        217 to 682           22
    ");
    let json = sandbox.run(&["calibrate", "--plan", "--discordance", "0.05", "--json", "-"]).exits(0).json();
    assert_eq!(json["margins"].as_array().unwrap().len(), 12);
}

#[test]
fn other_peoples_tables_become_observations() {
    let sandbox = Sandbox::new();
    let rows = (0..40).map(|at| format!("{at},{},{},0.{at:02}", at % 2, 1));
    sandbox.write("table.csv", lines(std::iter::once("question,cheap_ok,dear_ok,sure".to_owned()).chain(rows)));
    let map = ["question=id", "cheap_ok=small.correct", "dear_ok=large.correct", "sure=small.sure"];
    let map: Vec<&str> = map.iter().flat_map(|one| ["--map", one]).collect();
    assert_snapshot!(sandbox.run(&[&["import", "csv", "table.csv", "--out", "table.jsonl"], &map[..]].concat()), @"
    exit 0
    -- stderr
    40 examples in table.jsonl, signals sure
      large: 40 answers
      small: 40 answers
    ");
    let printed = sandbox.run(&[&["import", "csv", "table.csv", "--quiet"], &map[..]].concat()).exits(0);
    assert_eq!(printed.stdout(), sandbox.read("table.jsonl"));
    let args =
        ["calibrate", "--observations", "table.jsonl", "--chain", "small,large", "--max-loss", "0.05", "--json", "-", "--quiet"];
    assert_eq!(sandbox.run(&args).json()["n"], 40);
    sandbox.run(&["import", "parquet", "table.csv"]).exits(2);
}

#[test]
fn thresholds_by_segment_need_segments_that_are_known_before_any_call() {
    let sandbox = Sandbox::new();
    sandbox.write("plain.jsonl", observations(0, 400).replace("\"segment\"", "\"kind\""));
    let plain = ["calibrate", "--observations", "plain.jsonl", "--chain", "small,large", "--max-loss", "0.05", "--by-segment"];
    let refused = sandbox.run(&plain).exits(2);
    assert!(refused.stderr().contains("400 of 400 rows have no segment"), "{}", refused.stderr());
    let refused = sandbox.run(&[&plain[..], &["--unsegmented", "rest"]].concat()).exits(2);
    assert!(refused.stderr().contains("no request of plain.jsonl has a segment at run time"), "{}", refused.stderr());
    assert!(refused.stderr().contains("give each row a \"segment\""), "{}", refused.stderr());
    sandbox.write("rows.jsonl", observations(0, 400));
    let files = ["calibrate", "--observations", "rows.jsonl", "--chain", "small,large", "--max-loss", "0.05", "--by-segment"];
    let made = sandbox.run(&files);
    assert!(made.stdout().contains("by segment, as the table below says"), "{}", made.stdout());
}

#[test]
fn ids_that_stand_twice_are_said_wherever_the_report_goes() {
    let sandbox = Sandbox::new();
    sandbox.write("rows.jsonl", observations(0, 300) + &observations(10, 2));
    sandbox.write("later.jsonl", observations(300, 100) + &observations(300, 3));
    let args = |command: &'static str, file: &'static str| [command, "--observations", file, "--chain", "small,large", "--quiet"];
    let said = "of an earlier one: rows that repeat one item need the same \"group\"";
    // It is no error: only a group says that rows are of one item, and two users may ask the same.
    let made =
        [&args("calibrate", "rows.jsonl")[..], &["--strict", "--max-loss", "0.1", "--fit-out", "a.toml", "--html", "a.html"]];
    let made = sandbox.run(&made.concat());
    assert!(lines(made.stdout().split_whitespace().map(str::to_owned)).replace('\n', " ").contains(said), "{made}");
    assert!(sandbox.read("a.html").contains("2 of 302 rows have the id"));
    for (command, file, more) in [("advise", "rows.jsonl", &[][..]), ("evaluate", "later.jsonl", &["--fit", "a.toml"])] {
        let json = sandbox.run(&[&args(command, file)[..], more, &["--json", "-"]].concat()).exits(0).json();
        assert!(json["warnings"][0].as_str().is_some_and(|warning| warning.contains(said)), "{}", json["warnings"]);
    }
    let plan = ["calibrate", "--plan", "--observations", "rows.jsonl", "--chain", "small,large"];
    assert!(sandbox.run(&plan).exits(0).stderr().contains(said));
}

#[test]
fn files_that_cannot_be_written_are_refused_before_the_work() {
    let sandbox = Sandbox::new();
    // Nothing is read yet: the observations are not even there.
    for (flag, file) in [("--fit-out", "missing/a.fit.toml"), ("--json", "missing/a.json"), ("--html", ".")] {
        let args = ["calibrate", "--observations", "none.jsonl", "--chain", "small,large", "--max-loss", "0.1", flag, file];
        let ran = sandbox.run(&args).exits(2);
        assert!(ran.stderr().contains(&format!("{file} cannot be written")) && !ran.stderr().contains("none.jsonl"), "{ran}");
    }
}

#[test]
fn a_fit_is_stale_once_the_labels_that_it_was_made_on_are_others() {
    let sandbox = Sandbox::with_support();
    let regraded = |split: &str| {
        let grades = "fixtures/support/grades/medium.jsonl";
        let examples = sandbox.lines("fixtures/support/examples.jsonl");
        let id = examples.iter().find(|example| example["split"] == split).unwrap()["id"].clone();
        let line = serde_json::json!({"id": id, "correct": 0.25, "by": "Ada", "grader": "human"});
        sandbox.write(grades, format!("{}{line}\n", sandbox.read(grades)));
    };
    let check = |more: &[&str]| sandbox.run(&[&["check", CASCADE], more].concat());
    assert!(check(&[]).exits(0).stdout().contains("; a fresh fit on 838 rows"));
    // What it never saw may change.
    regraded("test");
    assert!(check(&[]).exits(0).stdout().contains("; a fresh fit on 838 rows"));
    regraded("train");
    let ran = check(&[]).exits(0);
    let changed = "the grades of support, split train, changed since the fit was made on them";
    for said in ["; a stale fit on 838 rows", "F057", changed, "calibrate again: tierfall calibrate"] {
        assert!(ran.stdout().contains(said), "{said}: {ran}");
    }
    check(&["--strict"]).exits(1);
    for args in [
        &["evaluate", CASCADE, SET][..],
        &["regress", CASCADE],
        &["diff", "cascades/support.fit.toml", "--threshold", "medium=0.4"],
    ] {
        let said = sandbox.run(args).stdout().split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.replace("! ", "").contains(changed), "{args:?}: {said}");
    }
}
