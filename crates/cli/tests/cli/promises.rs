//! What a promise is relative to, and that the one in the repository is the one that calibration makes.

use crate::support::{Sandbox, lines, of_the_repository};

/// Two tiers whose answers a judge graded, wrongly once in twenty; of every `people`-th row people say the truth.
fn judged(n: usize, people: Option<usize>) -> String {
    lines((0..n).map(|at| {
        let place = |salt: usize| (at * salt % 4001) as f64 / 4001.0;
        let tier = |right: bool, slips: bool, score: f64| {
            let human =
                people.filter(|every| at % every == 0).map_or(String::new(), |_| format!("\"correct\": {}, ", u8::from(right)));
            format!(
                "{{{human}\"judged\": {}, \"judge\": \"arbiter\", \"confidence\": {{\"sure\": {score}}}, \"cost_usd\": 0.001}}",
                u8::from(right != slips)
            )
        };
        let ease = place(617);
        let small = tier(ease > 0.4, place(2411) < 0.05, ease);
        let large = tier(ease > 0.1, place(1733) < 0.05, ease).replace("0.001", "0.02");
        format!("{{\"id\": \"q{at}\", \"tiers\": {{\"small\": {small}, \"large\": {large}}}}}")
    }))
}

#[test]
fn a_promise_from_judge_labels_says_whose_word_it_is() {
    let sandbox = Sandbox::new();
    sandbox.write("judge.jsonl", judged(4000, None));
    sandbox.write("people.jsonl", judged(4000, Some(8)));
    let calibrate = |file: &str, more: &[&str]| {
        let asked = ["calibrate", "--observations", file, "--chain", "small,large", "--max-loss", "0.06", "--json", "-"];
        let report = sandbox.run(&[&asked, more].concat()).json();
        assert_eq!(report["status"], "certified", "{report}");
        (report["guarantee"]["method"].clone(), report["guarantee"]["statement"].as_str().unwrap().to_owned())
    };
    let (method, statement) = calibrate("judge.jsonl", &[]);
    assert_eq!(method, "trinomial-grid");
    assert!(statement.contains("relative to judge \"arbiter\""), "{statement}");
    let (method, statement) = calibrate("people.jsonl", &[]);
    assert!(
        method == "trinomial-grid" && statement.contains("relative to judge"),
        "nobody says that people graded a random part"
    );
    let (method, statement) = calibrate("people.jsonl", &["--people", "at-random"]);
    assert!(method.as_str().unwrap().starts_with("ppi"), "{method}");
    assert!(
        statement.contains("their grades of 500 fixtures correct those of judge") && !statement.contains("relative to"),
        "{statement}"
    );
}

#[test]
fn the_fit_of_the_repository_is_what_calibration_makes() {
    let sandbox = Sandbox::with_support();
    // The ledger has this very certificate: it is found again, and nothing is spent.
    let ledger = of_the_repository("fixtures/support/ledger.toml");
    sandbox.run(&["calibrate", "cascades/support.cascade.toml", "fixtures/support", "--max-loss", "0.05"]).exits(0);
    assert_eq!(sandbox.read("fixtures/support/ledger.toml"), ledger);
    let decides = |text: &str| -> Vec<String> {
        let point = text.split_once("[[point]]").unwrap().1;
        point
            .lines()
            .filter(|line| ["cuts", "status", "{", "asked", "threshold"].iter().any(|key| line.trim_start().starts_with(key)))
            .map(str::to_owned)
            .collect()
    };
    let kept = of_the_repository("cascades/support.fit.toml");
    assert!(!decides(&kept).is_empty());
    assert_eq!(decides(&sandbox.read("cascades/support.fit.toml")), decides(&kept));
}
