//! `diff`: the same traffic under two fits, a fit and a what-if, two cascade files.

use tierfall::fit;
use tierfall_core::number::{Score, Threshold};

use crate::support::{Sandbox, lines};

const FIT: &str = "cascades/support.fit.toml";
const SUPPORT: &str = "cascades/support.cascade.toml";

/// The fit of the repository's own cascade, with another cut of the medium tier.
fn other_fit(sandbox: &Sandbox) -> &'static str {
    let mut kept = fit::read(sandbox.path(FIT)).unwrap();
    kept.point[0].cuts[1].threshold = Threshold::accept_from(Score::new(-0.24).unwrap());
    tierfall_workbench::fit::write(sandbox.path("cascades/other.fit.toml"), &kept).unwrap();
    "cascades/other.fit.toml"
}

#[test]
fn a_fit_is_itself() {
    let sandbox = Sandbox::with_support();
    let json = sandbox.run(&["diff", FIT, FIT, "--json", "-"]).exits(0).json();
    for none in ["moved", "gained", "lost"] {
        assert_eq!(json[none], 0, "{json}");
    }
    assert_eq!((json["of"][0].as_str(), json["of"][1].as_str()), (Some(FIT), Some(FIT)));
    assert_eq!(json["changed"].as_array().map(Vec::len), Some(0));
    assert_eq!(json["a"], json["b"]);
    assert_eq!((json["loss"]["value"].as_f64(), json["cost_ratio"]["value"].as_f64()), (Some(0.0), Some(1.0)));
}

#[test]
fn a_comparison_fails_only_where_it_is_asked_to() {
    let sandbox = Sandbox::with_support();
    let worse = ["diff", FIT, "--threshold", "medium=0"];
    let ran = sandbox.run(&worse).exits(0);
    assert!(ran.stdout().contains('✗') && ran.stderr().contains("--strict makes it one: exit 1"), "{ran}");
    sandbox.run(&[&worse[..], &["--strict"]].concat()).exits(1);
    sandbox.run(&["diff", FIT, FIT, "--strict"]).exits(0);
}

#[test]
fn another_cut_moves_what_lies_between_and_the_numbers_agree() {
    let sandbox = Sandbox::with_support();
    let other = other_fit(&sandbox);
    let ran = sandbox.run(&["diff", FIT, other, "--json", "-"]).exits(0);
    assert_eq!(ran.stdout(), sandbox.run(&["diff", FIT, other, "--json", "-"]).exits(0).stdout(), "twice the same bytes");
    assert!(ran.stderr().starts_with("something got worse") && ran.stderr().lines().count() == 1, "{ran}");
    let json = ran.json();
    let number = |name: &str| json[name].as_u64().unwrap();
    assert_eq!(
        (number("n"), number("moved")),
        (842, json["moves"][2][1].as_u64().unwrap()),
        "all of them large → medium: {json}"
    );
    assert!(number("moved") > 0 && number("lost") > number("gained"), "{json}");
    let value = |side: &str| json[side]["accuracy"]["value"].as_f64().unwrap();
    let loss = (number("lost") as f64 - number("gained") as f64) / 842.0;
    assert!(
        (json["loss"]["value"].as_f64().unwrap() - loss).abs() < 1e-12 && (value("a") - value("b") - loss).abs() < 1e-9,
        "{json}"
    );
    assert!(json["cost_ratio"]["high"].as_f64() < Some(1.0), "fewer reach the large tier: {json}");
    let changed = json["changed"].as_array().unwrap();
    assert_eq!(changed.iter().filter(|row| row["correct"].as_f64() < row["was_correct"].as_f64()).count() as u64, number("lost"));
    let segments = json["segments"].as_array().unwrap();
    // Requests that no rule of a segment is about are in none.
    for sum in ["n", "moved", "gained", "lost"] {
        let within = segments.iter().map(|segment| segment[sum].as_u64().unwrap()).sum::<u64>();
        assert!(within > 0 && within <= number(sum), "{sum}: {json}");
    }
    // The same the other way round.
    let back = sandbox.run(&["diff", other, FIT, "--cascade", SUPPORT, "--json", "-"]).exits(0).json();
    assert_eq!((back["lost"].as_u64(), back["gained"].as_u64()), (Some(number("gained")), Some(number("lost"))));
    assert_eq!((&back["a"], &back["b"]), (&json["b"], &json["a"]));
    // For people, and into a file.
    let text = sandbox.run(&["diff", FIT, other, "--json", "out.json", "--max-changes", "3"]).exits(0);
    assert!(text.stdout().contains("worse than A") && text.stdout().contains("more: --max-changes"), "{text}");
    assert_eq!(sandbox.read("out.json"), ran.stdout());
}

#[test]
fn a_what_if_is_the_fit_with_that_cut() {
    let sandbox = Sandbox::with_support();
    let what_if = |cut: &str| sandbox.run(&["diff", FIT, "--threshold", cut, "--json", "-"]).exits(0).json();
    let lower = what_if("medium=raw:-0.3");
    assert!(lower["moves"][2][1].as_u64() > Some(0) && lower["moves"][1][2] == 0, "{lower}");
    assert_eq!(lower["of"][1], format!("{FIT} with medium from -0.3"));
    let always_last = what_if("medium=defer-all");
    assert_eq!((always_last["moves"][1][2].as_u64(), always_last["moves"][1][1].as_u64()), (Some(256), Some(0)), "{always_last}");
    let never_last = what_if("medium=0");
    assert_eq!(never_last["moves"][2][1].as_u64(), Some(586), "{never_last}");
    // Every cut on the confidence scale is a cut of the score.
    let shares = ["medium=0.3", "medium=0.5", "medium=0.7", "medium=0.9"];
    let answered = shares.map(|cut| what_if(cut)["b"]["coverage"][0].as_f64().unwrap());
    assert!(answered.is_sorted_by(|a, b| a >= b) && answered[0] > answered[3], "{answered:?}");
    for (args, said) in [
        (&["--threshold", "large=0.5"][..], "no tier \"large\" has a gate"),
        (&["--threshold", "medium=0.5", "--threshold", "medium=0.6"], "names the tier \"medium\" twice"),
        (&["--threshold", "medium=1.5"], "a confidence is from 0 to 1"),
        (&["--threshold", "medium=raw:NaN"], "write TIER=CONFIDENCE"),
        (&["--threshold", "medium=0.5", "--point", "other"], "other"),
        (&["--threshold", "medium=0.5", "--split", "none"], "no row is of the split \"none\""),
        (&["--threshold", "medium=0.5", "--json", "nowhere/out.json"], "cannot be written"),
        (&[], "required"),
    ] {
        let ran = sandbox.run(&[&["diff", FIT], args].concat()).exits(2);
        assert!(ran.stderr().contains(said) && ran.stdout().is_empty(), "{said}: {ran}");
    }
}

#[test]
fn rows_of_the_fit_are_told() {
    let sandbox = Sandbox::with_support();
    let json = sandbox.run(&["diff", FIT, "--threshold", "medium=0.5", "--split", "train", "--json", "-"]).exits(0).json();
    let warnings = json["warnings"].to_string();
    assert!(warnings.contains("the first fit was made on"), "{warnings}");
}

#[test]
fn observations_are_rows_as_well() {
    let sandbox = Sandbox::new();
    let row = |at: usize| {
        let sure = at % 10;
        let right = u8::from(sure > 3 || at.is_multiple_of(4));
        format!(
            "{{\"id\": \"r{at}\", \"tiers\": {{\"small\": {{\"correct\": {right}, \"cost_usd\": 0.001, \"confidence\": {{\"sure\": {}}}}}, \
             \"large\": {{\"correct\": 1, \"cost_usd\": 0.01}}}}}}",
            f64::from(u32::try_from(sure).unwrap()) / 10.0 - 1.0
        )
    };
    sandbox.write("rows.jsonl", lines((0..600).map(row)));
    let fit =
        ["calibrate", "--observations", "rows.jsonl", "--chain", "small,large", "--max-loss", "0.1", "--fit-out", "a.fit.toml"];
    sandbox.run(&fit).exits(0);
    let args = ["diff", "a.fit.toml", "--threshold", "small=defer-all", "--observations", "rows.jsonl", "--json", "-"];
    let json = sandbox.run(&args).exits(0).json();
    assert_eq!((json["n"].as_u64(), json["b"]["accuracy"]["value"].as_f64()), (Some(600), Some(1.0)), "{json}");
    assert!(json["warnings"].to_string().contains("was made on"), "{json}");
    assert_eq!(json["changed"].as_array().map(Vec::len), Some(0), "rows of files have no names");
    // Without rows there is nothing to play.
    let ran = sandbox.run(&["diff", "a.fit.toml", "--threshold", "small=defer-all"]).exits(2);
    assert!(ran.stderr().contains("--observations FILE"), "{ran}");
}

#[test]
fn two_cascade_files_are_replayed_as_they_are() {
    let sandbox = Sandbox::with_support();
    let dearer = sandbox
        .read(SUPPORT)
        .replace("price = { input = \"0.50\", output = \"1.00\" }", "price = { input = \"0.60\", output = \"1.20\" }");
    sandbox.write("cascades/dearer.cascade.toml", dearer);
    sandbox.write("cascades/dearer.fit.toml", sandbox.read(FIT));
    let args = ["diff", SUPPORT, "cascades/dearer.cascade.toml"];
    let json = sandbox.run(&[&args[..], &["--json", "-"]].concat()).exits(0).json();
    let section = &json["cascades"][0];
    assert_eq!((section["changes"]["tier"].as_u64(), section["changes"]["lost"].as_u64()), (Some(0), Some(0)), "{section}");
    let checks = section["checks"].as_array().unwrap();
    let verdict = |name: &str| checks.iter().find(|check| check["name"] == name).unwrap()["verdict"].clone();
    assert_eq!((verdict("quality-vs-baseline"), verdict("cost-vs-baseline")), ("pass".into(), "fail".into()), "{section}");
    let ran = sandbox.run(&[&args[..], &["--threshold", "medium=0.5"]].concat()).exits(2);
    assert!(ran.stderr().contains("--threshold medium=… is for fits"), "{ran}");
    for (a, b) in [(SUPPORT, FIT), (FIT, SUPPORT)] {
        sandbox.run(&["diff", a, b]).exits(2);
    }
}
