//! `regress`: what it says, in every form, and what it refuses.

use std::collections::BTreeMap;
use std::process::Command;

use insta::assert_snapshot;
use tierfall::config::load_unfitted;
use tierfall::fit;

use crate::support::{CASCADE, Sandbox, lines, of_the_repository};

pub(crate) const FILE: &str = "cascades/two.cascade.toml";
pub(crate) const BASELINE: &str = "cascades/two.baseline.json";

pub(crate) fn cascade(limit: f64) -> String {
    format!("{CASCADE}\n[[expect]]\nfixtures = \"orders\"\naccuracy-at-least = {limit}\ncost-ratio-at-most = 0.95\n")
}

/// A cascade that expects something of a recorded set of 80 questions, without a baseline.
pub(crate) fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(FILE, cascade(0.5));
    sandbox.fixture_set("orders", 80);
    sandbox.run(&["record", FILE, "orders", "--quiet"]).exits(0);
    sandbox.run(&["grade", "fixtures/orders", "--quiet"]).exits(0);
    sandbox
}

pub(crate) fn with_baseline() -> Sandbox {
    let sandbox = sandbox();
    sandbox.run(&["regress", FILE, "--update-baseline", "--quiet"]).exits(0);
    sandbox
}

/// Every file below a folder of the sandbox, byte for byte.
pub(crate) fn files(sandbox: &Sandbox) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![sandbox.path(".")];
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(sandbox.path(".")).unwrap().display().to_string();
                found.insert(name, fs_err::read(&path).unwrap());
            }
        }
    }
    found
}

fn copy(of: &Sandbox) -> Sandbox {
    let copy = Sandbox::new();
    for (name, bytes) in files(of) {
        copy.write(&name, bytes);
    }
    copy
}

/// Something else decides which questions the small tier answers.
pub(crate) fn other_threshold(sandbox: &Sandbox) {
    sandbox.write(FILE, sandbox.read(FILE).replace("threshold = 0.85", "threshold = 0.8"));
}

#[test]
fn without_a_baseline_limits_alone_decide() {
    let sandbox = sandbox();
    assert_snapshot!(sandbox.run(&["regress", FILE]), @"
    exit 0
    -- stdout
    ✓ pass: cascades/two.cascade.toml on orders, split test
      80 examples, 2 checks

    ! there is no baseline of orders, split test, in cascades/two.baseline.json: only limits are
      checked; --update-baseline writes it

    limit          now  must be          95 %  verdict
    accuracy    73.8 %   ≥ 50 %  63.2 to 82.1  pass
    cost-ratio  61.8 %   ≤ 95 %  50.4 to 73.3  pass
    ");
}

#[test]
fn a_baseline_is_written_and_held_against() {
    let sandbox = sandbox();
    assert_snapshot!(sandbox.run(&["regress", FILE, "--update-baseline"]), @"
    exit 0
    -- stdout
    ✓ pass: cascades/two.cascade.toml on orders, split test
      80 examples, 2 checks

    limit          now  must be          95 %  verdict
    accuracy    73.8 %   ≥ 50 %  63.2 to 82.1  pass
    cost-ratio  61.8 %   ≤ 95 %  50.4 to 73.3  pass
    -- stderr
    the baseline is cascades/two.baseline.json
      orders, split test: 80 examples, 73.8 % right, $0.000148 a query; new
    ");
    let written = sandbox.read(BASELINE);
    assert_snapshot!(sandbox.run(&["regress", FILE]), @"
    exit 0
    -- stdout
    ✓ pass: cascades/two.cascade.toml on orders, split test
      80 examples, 4 checks; quality: nothing that decides how requests are served changed since the
      baseline, nor any answer

    limit          now  must be          95 %  verdict
    accuracy    73.8 %   ≥ 50 %  63.2 to 82.1  pass
    cost-ratio  61.8 %   ≤ 95 %  50.4 to 73.3  pass

    vs baseline        now        was  verdict
    quality         73.8 %     73.8 %  pass
    cost         $0.000148  $0.000148  pass

    changes      no example changed
    ");
    // What is said of the file but does not serve changes nothing.
    sandbox.write(FILE, format!("# A comment.\n{}", sandbox.read(FILE)));
    let ran = sandbox.run(&["regress", FILE]).exits(0);
    assert!(ran.stdout().contains("nothing that decides how requests are served changed"), "{ran}");
    let ran = sandbox.run(&["regress", FILE, "--update-baseline"]).exits(0);
    assert!(ran.stderr().contains("unchanged"), "{ran}");
    assert_eq!(sandbox.read(BASELINE), written);

    other_threshold(&sandbox);
    assert_snapshot!(sandbox.run(&["regress", FILE, "--max-changes", "2"]), @"
    exit 0
    -- stdout
    ? inconclusive: cascades/two.cascade.toml on orders, split test
      quality-vs-baseline: 5 examples lost, 0 gained of 80: chance alone would do as much with
      probability 0.022, and a loss of 2 points is not ruled out; a loss above 14 points would have been
      found with probability 0.8

    limit          now  must be          95 %  verdict
    accuracy    67.5 %   ≥ 50 %  56.6 to 76.8  pass
    cost-ratio  52.1 %   ≤ 95 %  40.4 to 63.7  pass

    vs baseline        now        was   95 % of change  by chance     mde  verdict
    quality         67.5 %     73.8 %    −13.8 to −1.4      0.022    13.5  inconclusive
    cost         $0.000124  $0.000148  −28.3 % to −7 %      1.000  20.9 %  pass
    mde: of regressions of this size 4 in 5 would have failed; smaller ones may go unnoticed

    changes      5 got worse, 8 answered by another tier, 8 with another answer

    example  segment  tier           answer
    q19      orders   large → small  right → wrong
    q20      orders   large → small  right → wrong
    and 6 more: --max-changes 8 shows all

    worse q19
      question Where is order 19?
      expected right
      was large: [simulated: right] The answer is 5251. This is no real model. This is no
      now small: [simulated: wrong] The answer is 6485. This is
    worse q20
      question Where is order 20?
      expected right
      was large: [simulated: right] The answer is 0803. This is no real model. This is no real model.
      This is no real model. This is no real model.
      now small: [simulated: wrong] The answer is 4259. This is no real model. This is no real model.
      This is no real model. This is no real model. This is no
    -- stderr
    warning: inconclusive: the report says why; --strict fails on that
    ");
    sandbox.run(&["regress", FILE, "--strict"]).exits(1);
    assert_snapshot!(sandbox.run(&["regress", FILE, "--update-baseline", "--max-changes", "0"]), @"
    exit 0
    -- stdout
    ✓ pass: cascades/two.cascade.toml on orders, split test
      80 examples, 2 checks

    limit          now  must be          95 %  verdict
    accuracy    67.5 %   ≥ 50 %  56.6 to 76.8  pass
    cost-ratio  52.1 %   ≤ 95 %  40.4 to 63.7  pass

    changes      5 got worse, 8 answered by another tier, 8 with another answer
    and 8 more: --max-changes 8 shows all
    -- stderr
    the baseline is cascades/two.baseline.json
      orders, split test: 80 examples, 67.5 % right (73.8 % before), $0.000124 a query ($0.000148 before)
    ");
    assert_ne!(sandbox.read(BASELINE), written);
    sandbox.run(&["regress", FILE]).exits(0);
}

#[test]
fn a_broken_limit_fails_whatever_the_baseline_says() {
    let sandbox = with_baseline();
    sandbox.write(FILE, cascade(0.99));
    let ran = sandbox.run(&["regress", FILE]).exits(1);
    assert!(ran.stdout().contains("✗ fail") && ran.stdout().contains("(line 20)"), "{ran}");
    // Agreeing with the answers is not agreeing with a broken limit.
    sandbox.run(&["regress", FILE, "--update-baseline"]).exits(1);
    let ran = sandbox.run(&["regress", FILE, "--format", "github"]).exits(1);
    assert!(
        ran.stdout().starts_with("::error file=cascades/two.cascade.toml,line=20,title=tierfall regress%3A accuracy::"),
        "{ran}"
    );
}

#[test]
fn every_format_is_the_same_twice() {
    let sandbox = with_baseline();
    other_threshold(&sandbox);
    for format in ["text", "json", "junit", "markdown", "github"] {
        let once = sandbox.run(&["regress", FILE, "--format", format]).exits(0);
        let again = sandbox.run(&["regress", FILE, "--format", format, "--out", "out.txt"]).exits(0);
        assert_eq!(once.stdout(), sandbox.read("out.txt"), "{format}");
        assert!(again.stdout().starts_with("? inconclusive"), "beside a file, the text is for people: {again}");
        assert!(again.stderr().contains("--strict fails on that") && again.stderr().contains("out.txt"), "{again}");
    }
    let json = sandbox.run(&["regress", FILE, "--format", "json"]).json();
    assert_eq!(json["verdict"], "inconclusive");
    let section = &json["cascades"][0];
    assert_eq!((section["fixtures"].as_str(), section["n"].as_u64()), (Some("orders"), Some(80)));
    assert!(section["changes"]["tier"].as_u64() > Some(0), "{section}");
    let names: Vec<&str> = section["checks"].as_array().unwrap().iter().map(|check| check["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["accuracy", "cost-ratio", "quality-vs-baseline", "cost-vs-baseline"]);
    sandbox.run(&["regress", FILE, "--format", "yaml"]).exits(2);
}

#[test]
fn several_cascades_are_all_judged_and_the_gravest_counts() {
    let sandbox = with_baseline();
    sandbox.write("cascades/strict.cascade.toml", cascade(0.99));
    sandbox.write("cascades/plain.cascade.toml", CASCADE);
    sandbox.write("cascades/broken.cascade.toml", cascade(0.5).replace("[[expect]]", "[[expects]]"));
    let name = |name: &str| format!("cascades/{name}.cascade.toml");
    let (strict, plain, broken) = (name("strict"), name("plain"), name("broken"));
    sandbox.run(&["regress", FILE, &strict]).exits(1);
    let before = files(&sandbox);
    let ran = sandbox.run(&["regress", &plain, FILE, &broken, &strict, "--update-baseline"]).exits(2);
    assert!(ran.stdout().starts_with("✗ fail: 1 failed, 1 passed, 2 could not be judged"), "{ran}");
    for said in ["plain.cascade.toml expects nothing", "a cascade has no key `expects`", "no baseline is written"] {
        assert!(ran.stderr().contains(said), "{said}: {ran}");
    }
    assert_eq!(files(&sandbox), before);
    let ran = sandbox.run(&["regress", &broken, "--format", "github"]).exits(2);
    assert!(
        ran.stdout()
            .contains("::error file=cascades/broken.cascade.toml,line=20,title=tierfall regress%3A not judged::line 20: "),
        "{ran}"
    );
    let json = sandbox.run(&["regress", &broken, FILE, "--format", "json"]).exits(2).json();
    assert_eq!(json["verdict"], "fail", "what was not judged did not pass: {json}");
    let ran = sandbox.run(&["regress", FILE, &strict, "--baseline", BASELINE]).exits(2);
    assert!(ran.stderr().contains("--baseline names the baseline of one cascade"), "{ran}");
}

#[test]
fn a_cascade_that_expects_nothing_is_told_how_to_begin() {
    let sandbox = Sandbox::with_cascade();
    assert_snapshot!(sandbox.run(&["regress", "two.cascade.toml"]), @r#"
    exit 2
    -- stderr
    error: two.cascade.toml expects nothing: it has no [[expect]]
    hint: add one, with limits of your own:

    [[expect]]
    fixtures = "NAME"
    accuracy-at-least = 0.9
    cost-ratio-at-most = 0.8
    "#);
}

#[test]
fn a_segment_without_examples_is_a_mistake() {
    let sandbox = sandbox();
    sandbox.write(FILE, cascade(0.5).replace("accuracy", "segment = \"order\"\naccuracy"));
    assert_snapshot!(sandbox.run(&["regress", FILE]), @r#"
    exit 2
    -- stderr
    error: cascades/two.cascade.toml:20: no example of orders, split test, is of the segment "order"
    hint: did you mean "orders"? its segments: orders
    "#);
}

/// What a broken file is told with; no run with it touches any file.
#[test]
fn broken_files_are_named_and_left_alone() {
    let good = with_baseline();
    let recording = "fixtures/orders/recordings/small.jsonl";
    let examples = "fixtures/orders/examples.jsonl";
    let edit = |name: &str, change: &dyn Fn(String) -> Vec<u8>| (name.to_owned(), change(good.read(name)));
    let line = |text: &str, at: usize| text.lines().nth(at).unwrap().to_owned();
    let cases = [
        ("a torn line", edit(examples, &|text| text[..text.len() - 30].into()), "examples.jsonl:80"),
        ("a torn line within", edit(examples, &|text| text.replacen("\"split\"", "", 3).into()), "examples.jsonl:1"),
        ("two of one id", edit(examples, &|text| (line(&text, 4) + "\n" + &text).into()), "examples.jsonl:6"),
        ("no UTF-8", edit(examples, &|text| [text.as_bytes(), b"\xff\xfe\n"].concat()), "examples.jsonl:81"),
        (
            "a recording that is gone",
            edit(recording, &|text| {
                text.split_inclusive('\n').filter(|line| !line.contains("\"q07\"")).collect::<String>().into()
            }),
            "q07",
        ),
        ("a torn recording", edit(recording, &|text| text[..text.len() - 30].into()), "small.jsonl"),
        ("a broken recording", edit(recording, &|text| text.replacen("\"id\":\"q07\"", "\"id\":q07", 1).into()), "small.jsonl:"),
        (
            "another model",
            edit(recording, &|text| text.replacen("\"model\":\"small\"", "\"model\":\"other\"", 1).into()),
            "model",
        ),
        (
            "a broken baseline",
            edit(BASELINE, &|text| text.replacen("\"tier\":\"small\"", "\"tier\":small", 1).into()),
            "two.baseline.json:",
        ),
        ("a cut baseline", edit(BASELINE, &|text| text[..text.len() / 2].into()), "two.baseline.json:"),
        (
            "a baseline of another set",
            edit(BASELINE, &|text| text.replacen("\"orders\"", "\"others\"", 1).into()),
            "is a baseline of others",
        ),
        ("one of other examples", edit(BASELINE, &|text| text.replace("\"id\":\"q", "\"id\":\"x").into()), "another fixture set"),
        ("a changed question", edit(examples, &|text| text.replacen("Where is order 3?", "Where is order 33?", 1).into()), "q03"),
    ];
    for (what, (name, bytes), said) in cases {
        let sandbox = copy(&good);
        sandbox.write(&name, bytes);
        let before = files(&sandbox);
        let ran = sandbox.run(&["regress", FILE]);
        assert_eq!(ran.code(), 2, "{what}: {ran}");
        assert!(ran.stderr().contains(said), "{what}: {ran}");
        assert!(ran.stdout().is_empty(), "{what}: {ran}");
        // A baseline that cannot be read is not written over, one of other examples is what an update is for.
        let update = sandbox.run(&["regress", FILE, "--update-baseline"]);
        let replaced = what.contains("of another set") || what.contains("of other examples");
        assert_eq!(update.code(), if replaced { 0 } else { 2 }, "{what}: {update}");
        if !replaced {
            assert_eq!(files(&sandbox), before, "{what}");
        }
    }
}

const SUPPORT: &str = "cascades/support.cascade.toml";

/// The repository's own cascade with a worse prompt for the medium tier, recorded and graded with it: `worse` of the answers that it
/// serves are wrong and were right.
fn worsened(worse: usize) -> Sandbox {
    let sandbox = Sandbox::with_support();
    let served: Vec<String> = {
        let baseline: serde_json::Value = serde_json::from_str(&sandbox.read("cascades/support.baseline.json")).unwrap();
        let items = baseline["entries"][0]["items"].as_array().unwrap();
        let right = items.iter().filter(|item| item["tier"] == "medium" && item["correct"] == 1.0);
        right.map(|item| item["id"].as_str().unwrap().to_owned()).take(worse).collect()
    };
    assert_eq!(served.len(), worse);
    let (head, rest) = {
        let text = sandbox.read(SUPPORT);
        let (head, rest) = text.split_once("name = \"medium\"").unwrap();
        (head.to_owned(), rest.replacen("support/system.txt", "support/medium.txt", 1))
    };
    sandbox.write("cascades/support/medium.txt", "Answer with the first word that comes to mind.\n");
    sandbox.write(SUPPORT, format!("{head}name = \"medium\"{rest}"));
    let loaded = load_unfitted(sandbox.path(SUPPORT)).unwrap();
    let prompt = |tier: usize| loaded.tiers[tier].as_ref().unwrap().prompt_digest.clone();
    let recording = "fixtures/support/recordings/medium.jsonl";
    let answer = |line: &str| {
        let mut record: serde_json::Value = serde_json::from_str(line).unwrap();
        if served.iter().any(|id| record["id"] == id.as_str()) {
            record["text"] = "perhaps".into();
        }
        record.to_string()
    };
    let (header, records) = {
        let text = sandbox.read(recording);
        let (header, records) = text.split_once('\n').unwrap();
        (header.replace(&prompt(0), &prompt(1)), lines(records.lines().map(answer)))
    };
    sandbox.write(recording, format!("{header}\n{records}"));
    sandbox.run(&["grade", "fixtures/support", "--quiet"]).exits(0);
    // The thresholds stay: the same scores are accepted as before.
    let path = sandbox.path("cascades/support.fit.toml");
    let mut kept = fit::read(&path).unwrap();
    fit::bind(&mut kept, &loaded);
    tierfall_workbench::fit::write(&path, &kept).unwrap();
    sandbox
}

#[test]
fn the_repositorys_own_baseline_holds() {
    let sandbox = Sandbox::with_support();
    let before = files(&sandbox);
    let ran = sandbox.run(&["regress", SUPPORT]).exits(0);
    assert!(ran.stdout().starts_with("✓ pass") && ran.stdout().contains("nothing that decides how requests are served"), "{ran}");
    let text = sandbox.read(SUPPORT);
    sandbox.write(SUPPORT, format!("# Nothing but a comment.\n{text}"));
    let commented = sandbox.run(&["regress", SUPPORT, "--strict"]).exits(0);
    assert_eq!(commented.stdout(), ran.stdout());
    sandbox.write(SUPPORT, text);
    sandbox.run(&["regress", SUPPORT, "--update-baseline"]).exits(0);
    assert_eq!(files(&sandbox), before, "the committed baseline is what an update writes");
}

#[test]
fn a_worse_prompt_fails_and_what_it_made_worse_is_named() {
    // 26 of 842: three points.
    let sandbox = worsened(26);
    let ran = sandbox.run(&["regress", SUPPORT, "--max-changes", "3"]).exits(1);
    assert_snapshot!(ran, @r#"
    exit 1
    -- stdout
    ✗ fail: cascades/support.cascade.toml on support, split test
      loss-vs-last: 0.0594 is not at most 0.05 (line 91)
      accuracy in data-extraction: 0.7417 is not at least 0.75 (line 99)
      quality-vs-baseline: 26 examples lost, 0 gained of 842: chance alone would do as much with
      probability below 0.0001
      quality-vs-baseline in data-extraction: 11 examples lost, 0 gained of 120: chance alone would do
      as much with probability 0.00049
      quality-vs-baseline in complaint-care: 15 examples lost, 0 gained of 120: chance alone would do as
      much with probability below 0.0001
      cost-vs-baseline: cost did not change; not concluded on, because quality fails

    ! answers that their graders could not read count as wrong, whatever they mean: 74 of 842 of small,
      26 of 842 of medium, 10 of 842 of large; `tierfall grade fixtures/support` says why

    limit            segment                 now     must be          95 %  verdict
    accuracy         all                  68.6 %      ≥ 68 %  65.4 to 71.7  pass
    loss-vs-last     all              5.9 points  ≤ 5 points    3.6 to 8.2  fail
    cost-ratio       all                  79.4 %      ≤ 85 %  76.2 to 82.5  pass
    coverage.medium  all                  30.4 %      ≥ 20 %  27.4 to 33.6  pass
    coverage.medium  all                  30.4 %      ≤ 40 %  27.4 to 33.6  pass
    accuracy         data-extraction      74.2 %      ≥ 75 %  65.7 to 81.2  fail

    vs baseline  segment                now        was    95 % of change  by chance  mde  verdict
    quality      all                 68.6 %     71.7 %      −4.5 to −2.1    < 0.001       fail
    quality      data-extraction     74.2 %     83.3 %     −15.7 to −5.2    < 0.001       fail
    quality      complaint-care        60 %     72.5 %     −19.6 to −7.7    < 0.001       fail
    cost         all              $0.000448  $0.000448  −0.4 % to +0.4 %      1.000  5 %  inconclusive
    5 other comparisons of single segments: 0 ruled a loss out, 5 could not tell; in none of them more
    got worse than better; --format json has them
    mde: of regressions of this size 4 in 5 would have failed; smaller ones may go unnoticed

    changes      26 got worse, 26 with another answer

    example               segment          tier    answer
    data-extraction-0001  data-extraction  medium  right → wrong
    data-extraction-0003  data-extraction  medium  right → wrong
    data-extraction-0004  data-extraction  medium  right → wrong
    and 23 more: --max-changes 26 shows all

    worse data-extraction-0001
      question JSON with day, order: day Monday, order 29900.
      expected {"day":"Monday","order":"29900"}
      was medium: (no longer on record)
      now medium: perhaps
    worse data-extraction-0003
      question JSON with name, city: Ulla from Hull gave my address to Oscar in Krakow; write to the one
      in Krakow.
      expected {"city":"Krakow","name":"Oscar"}
      was medium: (no longer on record)
      now medium: perhaps
    worse data-extraction-0004
      question JSON with order, city: Please send order 75361 to Krakow.
      expected {"city":"Krakow","order":"75361"}
      was medium: (no longer on record)
      now medium: perhaps
    "#);
    let json = sandbox.run(&["regress", SUPPORT, "--format", "json"]).exits(1).json();
    assert_eq!(json["cascades"][0]["changes"]["lost"], 26, "{json}");
    // A single answer is a change, and no evidence of a worse system.
    worsened(1).run(&["regress", SUPPORT, "--strict"]).exits(0);
}

#[test]
fn what_was_not_recorded_or_fitted_again_is_named() {
    let sandbox = Sandbox::with_support();
    sandbox.write("cascades/support/system.txt", "Be brief.\n");
    let before = files(&sandbox);
    let ran = sandbox.run(&["regress", SUPPORT]).exits(2);
    for said in ["stale", "small", "medium", "large", "prompt"] {
        assert!(ran.stderr().contains(said), "{said}: {ran}");
    }
    sandbox.run(&["regress", SUPPORT, "--update-baseline"]).exits(2);
    assert_eq!(files(&sandbox), before);
}

#[test]
fn the_action_annotates_and_summarises() {
    let sandbox = with_baseline();
    sandbox.write("cascades/strict.cascade.toml", cascade(0.99));
    let action = of_the_repository("action.yml");
    let script: String = action
        .split_once("      run: |\n")
        .unwrap()
        .1
        .lines()
        .map(|line| line.strip_prefix("        ").unwrap_or(line))
        .flat_map(|line| [line, "\n"])
        .collect();
    let run = |cascades: &str| {
        for file in ["summary.md", "output"] {
            sandbox.write(file, "before\n");
        }
        let mut command = Command::new("bash");
        // As the runner calls it where a step says `shell: bash`.
        command.args(["--noprofile", "--norc", "-e", "-o", "pipefail", "-c", &script]).current_dir(sandbox.path("."));
        command.env("TIERFALL", env!("CARGO_BIN_EXE_tierfall")).env("CASCADES", cascades).env("STRICT", "false");
        command.env("GITHUB_STEP_SUMMARY", sandbox.path("summary.md")).env("GITHUB_OUTPUT", sandbox.path("output"));
        let output = command.output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, said) = run("cascades/*.cascade.toml");
    let annotation = format!("::error file={},line=20,", sandbox.path("cascades/strict.cascade.toml").display());
    assert!(code == 1 && said.starts_with(&annotation), "{code}: {said}");
    let summary = sandbox.read("summary.md");
    assert!(summary.starts_with("before\n## ❌ fail") && summary.contains("cascades/strict.cascade.toml on orders"), "{summary}");
    assert_eq!(sandbox.read("output"), "before\nexit-code=1\n");
    assert_eq!(run(FILE).0, 0);
    assert_eq!(run("cascades/none.cascade.toml").0, 2);
}
