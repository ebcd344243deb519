//! What must not slip past `regress` as a gate: what is not known, not there, not its own, or not what it says.

use insta::assert_snapshot;

use crate::regress::{BASELINE, FILE, cascade, files, other_threshold, sandbox, with_baseline};
use crate::support::lines;

#[test]
fn a_price_that_is_taken_out_takes_no_limit_with_it() {
    let sandbox = with_baseline();
    let text = sandbox.read(FILE);
    let without: Vec<&str> = text.lines().filter(|line| !line.starts_with("price")).collect();
    sandbox.write(FILE, without.join("\n"));
    assert_snapshot!(sandbox.run(&["regress", FILE]), @r#"
    exit 1
    -- stdout
    ✗ fail: cascades/two.cascade.toml on orders, split test
      cost-ratio: not known, and so not kept: the cost of 80 of 80 examples is unknown: the tiers
      "small" and "large" have no price; declare them (line 18)
      quality-vs-baseline: no grade of 80 examples changed, and a loss of 2 points is not ruled out; a
      loss above 13 points would have been found with probability 0.8
      cost-vs-baseline: not judged: the cost of 80 of 80 examples is unknown, and the baseline knows
      that of 80 of them: declare the prices, or update the baseline

    ! the cost of 80 of 80 examples is unknown: a tier without a price, or a recorded answer without
      usage

    limit          now  must be          95 %  verdict
    accuracy    73.8 %   ≥ 50 %  63.2 to 82.1  pass
    cost-ratio       –   ≤ 95 %                fail

    vs baseline     now     was  95 % of change  by chance   mde  verdict
    quality      73.8 %  73.8 %    −4.6 to +4.6      1.000  12.5  inconclusive
    cost              –       –                                   inconclusive
    mde: of regressions of this size 4 in 5 would have failed; smaller ones may go unnoticed

    changes      no example changed
    "#);
    // Without limits, what the baseline knows and the cascade no longer says is told as such.
    sandbox.write(FILE, without.join("\n").replace("cost-ratio-at-most = 0.95", ""));
    let ran = sandbox.run(&["regress", FILE]).exits(0);
    assert!(ran.stdout().contains("that of 80 of them: declare the prices"), "{ran}");
    assert!(!ran.stderr().contains("too few"), "{ran}");
    sandbox.run(&["regress", FILE, "--strict"]).exits(1);
}

#[test]
fn a_verdict_stands_where_nobody_reads_it() {
    let sandbox = with_baseline();
    sandbox.write(FILE, cascade(0.99));
    // A pipe whose reader is gone before the command begins.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let status = sandbox.command(&["regress", FILE]).stdout(writer).status().unwrap();
    assert_eq!(status.code(), Some(1));
}

#[test]
fn a_limit_on_a_tier_that_nobody_reaches_is_not_kept() {
    let sandbox = sandbox();
    let between = "[[tier]]\nname = \"medium\"\nmodel = \"sim/large\"\ngate = { signal = \"mean-logprob\", threshold = 0.5 }\n\n";
    let cascade =
        cascade(0.1).replace("threshold = 0.85", "threshold = 0.0").replace("cost-ratio-at-most", "coverage.medium.at-least");
    sandbox.write(FILE, cascade.replace("[[tier]]\nname = \"large\"", &format!("{between}[[tier]]\nname = \"large\"")));
    sandbox.run(&["record", FILE, "orders", "--tier", "medium", "--quiet"]).exits(0);
    let ran = sandbox.run(&["regress", FILE]).exits(1);
    assert!(ran.stdout().contains("coverage.medium: not known, and so not kept: no example reaches tier \"medium\""), "{ran}");
}

#[test]
fn a_report_takes_the_place_of_nothing_that_it_is_made_from() {
    let sandbox = with_baseline();
    let before = files(&sandbox);
    let inputs = ["cascades/../cascades/two.cascade.toml", BASELINE, "cascades/two.fit.toml", "fixtures/orders/examples.jsonl"];
    for out in inputs {
        let ran = sandbox.run(&["regress", FILE, "--out", out]).exits(2);
        assert!(ran.stderr().contains(&format!("--out {out} would overwrite the ")), "{ran}");
    }
    assert_eq!(files(&sandbox), before);
    // Beside what is read a report may lie, and be written again.
    for _ in 0..2 {
        sandbox.run(&["regress", FILE, "--out", "fixtures/orders/report.txt"]).exits(0);
    }
    assert!(sandbox.path("fixtures/orders/report.txt").exists());
}

#[test]
fn a_baseline_that_is_missing_is_no_pass_where_it_was_asked_for() {
    let sandbox = sandbox();
    let ran = sandbox.run(&["regress", FILE, "--baseline", "x.json"]).exits(2);
    assert!(ran.stderr().contains("x.json: there is no such baseline"), "{ran}");
    sandbox.run(&["regress", FILE]).exits(0);
    let ran = sandbox.run(&["regress", FILE, "--strict"]).exits(1);
    assert!(ran.stdout().starts_with("? inconclusive") && ran.stdout().contains("there is no baseline"), "{ran}");
    sandbox.run(&["regress", FILE, "--strict", "--baseline", "x.json", "--update-baseline"]).exits(0);
    sandbox.run(&["regress", FILE, "--strict", "--baseline", "x.json"]).exits(0);
}

#[test]
fn no_name_is_a_command_or_steers_the_terminal() {
    let sandbox = with_baseline();
    let hostile = r"x\n::error::y\u001b[2J";
    let (examples, recordings) =
        ("fixtures/orders/examples.jsonl", ["small", "large"].map(|tier| format!("fixtures/orders/recordings/{tier}.jsonl")));
    for name in recordings.iter().map(String::as_str).chain([examples]) {
        sandbox.write(name, sandbox.read(name).replace("\"q19\"", &format!("\"{hostile}\"")));
    }
    sandbox.write(examples, sandbox.read(examples).replace("\"segment\": \"orders\"", "\"segment\": \"::error::s\""));
    let obeyed = |text: &str| text.contains('\u{1b}') || text.lines().any(|line| line.trim_start().starts_with("::"));
    sandbox.run(&["regress", FILE, "--update-baseline"]).exits(0);
    other_threshold(&sandbox);
    for format in ["text", "markdown", "junit"] {
        let ran = sandbox.run(&["regress", FILE, "--format", format]).exits(0);
        assert!(ran.stdout().contains("error::y"), "{ran}");
        assert!(!obeyed(ran.stdout()) && !obeyed(ran.stderr()), "{format}: {ran}");
    }
    let ran = sandbox.run(&["check", FILE, "fixtures/orders"]);
    assert!(!obeyed(ran.stdout()) && !obeyed(ran.stderr()), "{ran}");
    // What is missing is named as well.
    let small = sandbox.read(&recordings[0]);
    sandbox.write(&recordings[0], small.split_inclusive('\n').filter(|line| !line.contains("::error")).collect::<String>());
    let ran = sandbox.run(&["regress", FILE]).exits(2);
    assert!(ran.stderr().contains("error::y") && !obeyed(ran.stderr()), "{ran}");
}

#[test]
fn the_splits_of_a_cascade_share_the_level_and_other_cascades_take_nothing() {
    let sandbox = sandbox();
    sandbox.write("fixtures/more/set.toml", sandbox.read("fixtures/orders/set.toml").replace("\"orders\"", "\"more\""));
    for file in ["examples.jsonl", "recordings/small.jsonl", "recordings/large.jsonl"] {
        sandbox.write(&format!("fixtures/more/{file}"), sandbox.read(&format!("fixtures/orders/{file}")));
    }
    let p = |args: &[&str]| {
        let json = sandbox.run(&[&["regress", "--format", "json", FILE], args].concat()).exits(0).json();
        let checks = json["cascades"][0]["checks"].as_array().unwrap().clone();
        checks.iter().find(|check| check["name"] == "quality-vs-baseline").unwrap()["p"].as_f64().unwrap()
    };
    let both = cascade(0.5) + "\n[[expect]]\nfixtures = \"more\"\naccuracy-at-least = 0.5\n";
    sandbox.write(FILE, both);
    sandbox.run(&["regress", FILE, "--update-baseline", "--quiet"]).exits(0);
    sandbox.write("cascades/other.cascade.toml", sandbox.read(FILE));
    other_threshold(&sandbox);
    let shared = p(&[]);
    assert!((p(&["cascades/other.cascade.toml"]) - shared).abs() < 1e-15);
    sandbox.write(FILE, cascade(0.5).replace("threshold = 0.85", "threshold = 0.8"));
    let alone = p(&[]);
    assert!((shared - 2.0 * alone).abs() < 1e-12, "{shared} {alone}");
}

#[test]
fn what_is_agreed_with_is_weighted_as_the_report_is() {
    let sandbox = sandbox();
    let name = "fixtures/orders/examples.jsonl";
    let heavier =
        |(at, line): (usize, &str)| if at % 3 == 0 { line.replacen('{', "{\"weight\": 4, ", 1) } else { line.to_owned() };
    sandbox.write(name, lines(sandbox.read(name).lines().enumerate().map(heavier)));
    let ran = sandbox.run(&["regress", FILE, "--update-baseline", "--format", "json"]).exits(0);
    let right = ran.json()["cascades"][0]["checks"][0]["value"].as_f64().unwrap();
    assert!(ran.stderr().contains(&format!("{:.1} % right (weighted)", 100.0 * right)), "{ran}");
    let baseline: serde_json::Value = serde_json::from_str(&sandbox.read(BASELINE)).unwrap();
    assert!((baseline["entries"][0]["summary"]["correct"].as_f64().unwrap() - right).abs() > 0.001, "{baseline}");
}
