//! People who grade: one line a verdict here, where no terminal is; blind, resumed, taken back; and how far they agree.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::support::{Ran, Sandbox, lines, until};

/// Six questions; both tiers say the same to the first two, and `large` fails at the last.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(
        "s/set.toml",
        "name = \"s\"\nsplits = [\"train\", \"test\"]\ntiers = [\"small\", \"large\"]\ngrader = \"contains-all\"\n",
    );
    let example = |n: usize| {
        let split = if n < 4 { "test" } else { "train" };
        let messages = json!([{"role": "system", "content": "SECRET"}, {"role": "user", "content": format!("Question {n}?")}]);
        json!({"id": format!("q{n}"), "segment": "x", "split": split, "messages": messages, "expected": "yes"}).to_string()
    };
    sandbox.write("s/examples.jsonl", lines((0..6).map(example)));
    for (tier, says) in [("small", "no, small"), ("large", "yes, large")] {
        let header = json!({"tierfall": "recording", "version": 1, "tier": tier, "provider": "p", "model": format!("model-{tier}"),
            "parameters_digest": "d", "prompt_digest": "d", "recorded_by": "t"});
        let answer = |n: usize| match n {
            0 | 1 => json!({"id": format!("q{n}"), "text": format!("both {n}: yes")}),
            5 if tier == "large" => json!({"id": "q5", "error": {"kind": "timeout", "message": "late"}}),
            n => json!({"id": format!("q{n}"), "text": says.replace(", ", &format!(" {n} ")).replace(tier, "sir")}),
        };
        let all = std::iter::once(header.to_string()).chain((0..6).map(|n| answer(n).to_string()));
        sandbox.write(&format!("s/recordings/{tier}.jsonl"), lines(all));
    }
    sandbox
}

/// Grades with these keys, from a file: a command that ends early breaks no pipe.
fn grade(sandbox: &Sandbox, who: &str, more: &[&str], keys: &str) -> Ran {
    sandbox.write("keys", lines(keys.split_whitespace().map(str::to_owned)));
    let mut command = sandbox.command(&[&["grade", "s", "--human", "--by", who], more].concat());
    command.stdin(fs_err::File::open(sandbox.path("keys")).unwrap().into_parts().0);
    Ran::of(command)
}

/// The grades of people, as `tier id grade name`.
fn of_people(sandbox: &Sandbox) -> Vec<String> {
    let of = |tier: &'static str| {
        let all = sandbox.lines(&format!("s/grades/{tier}.jsonl")).into_iter().filter(|line| line["grader"] == "human");
        all.map(move |line| format!("{tier} {} {} {}", line["id"], line["correct"], line["by"]).replace('"', ""))
    };
    of("small").chain(of("large")).collect()
}

#[test]
fn one_answer_after_the_other_blind() {
    let sandbox = sandbox();
    let ran = grade(&sandbox, "Ada", &["--split", "test", "--limit", "2"], "m h n").exits(0);
    assert_snapshot!(ran, @"
    exit 0
    -- stdout
    1 of 2 · x · q0

    question
      Question 0?

    expected (contains-all)
      yes

    answer
      both 0: yes

    y right   n wrong   h half right   s skip   u undo   m whole question   q quit

    1 of 2 · x · q0

    question
      [system]
      SECRET
      
      [user]
      Question 0?

    expected (contains-all)
      yes

    answer
      both 0: yes

    y right   n wrong   h half right   s skip   u undo   m whole question   q quit

    → half right

    2 of 2 · x · q3

    question
      Question 3?

    expected (contains-all)
      yes

    answer
      yes 3 sir

    y right   n wrong   h half right   s skip   u undo   m whole question   q quit

    → wrong

    There is nothing after this.

    y right   n wrong   h half right   s skip   u undo   m whole question   q quit


    against people       both graded               errors missed       right called wrong
    grader contains-all            2  1 of 1, 100 % (2.5 to 100)  0 of 1, 0 % (0 to 97.5)

    people and grader contains-all differ on q3.

    Intervals of 95 % in brackets. Kappa and alpha: 1 is full agreement, 0 what chance alone would give.
    -- stderr
    ✓ 2 graded by Ada, and with them all 2
    ");
    let all = grade(&sandbox, "Bo", &[], &"y ".repeat(8)).exits(0);
    for told in ["small", "large", "model", "p/", "tierfall", "Ada", "SECRET", "0.5"] {
        assert!(!all.stdout().contains(told), "{told} in {all}");
    }
    // Both said it, and it is shown once.
    assert_eq!(all.stdout().matches("both 0").count(), 1);
    // At the end, and not before, it is told what others said.
    let end = grade(&sandbox, "Bo", &[], "y").exits(0);
    assert!(end.stdout().contains("Ada"), "{end}");
    let bo = of_people(&sandbox).into_iter().filter(|line| line.ends_with("Bo")).count();
    assert_eq!(bo, 11, "nine answers, two of them of both tiers");
    let line = &sandbox.lines("s/grades/small.jsonl")[0];
    let at = line["at"].as_str().unwrap();
    assert!(at.starts_with("20") && at.ends_with('Z') && at.len() == 20, "{at}");
    assert_eq!(line["answer"].as_str().unwrap().len(), 16);
}

#[test]
fn the_same_command_goes_on() {
    let sandbox = sandbox();
    let ran = grade(&sandbox, "Ada", &[], "y s n").exits(0);
    assert!(ran.stderr().contains("2 graded by Ada, 7 of 9 left; the same command goes on from here"), "{ran}");
    let before = of_people(&sandbox);
    let ran = grade(&sandbox, "Ada", &[], "q").exits(0);
    assert!(ran.stdout().contains("3 of 9"), "{ran}");
    assert_eq!(of_people(&sandbox), before);
    let ran = grade(&sandbox, "Ada", &[], &"1 ".repeat(7)).exits(0);
    assert!(ran.stderr().contains("7 graded by Ada, and with them all 9"), "{ran}");
    let ran = grade(&sandbox, "Ada", &[], "n").exits(0);
    assert!(ran.stderr().contains("Ada has graded all 9 answers; --again asks them again"), "{ran}");
    let ran = grade(&sandbox, "Ada", &["--again"], "0 q").exits(0);
    assert!(ran.stderr().contains("1 graded again by Ada, 8 left"), "{ran}");
    assert_eq!(of_people(&sandbox).len(), 11);
    // What the program grades is beside it, and people count.
    let table = sandbox.run(&["grade", "s", "--json"]).exits(0).json();
    assert_eq!((&table["total"][1]["n"], &table["total"][1]["failed"]), (&json!(6), &json!(1)));
    assert_eq!(of_people(&sandbox).len(), 11);
}

#[test]
fn verdicts_are_taken_back() {
    let sandbox = sandbox();
    let ran = grade(&sandbox, "Ada", &[], "y y s u u u u").exits(0);
    assert!(ran.stdout().contains("nothing to take back in this session"), "{ran}");
    assert!(ran.stderr().contains("0 graded by Ada, 9 of 9 left"), "{ran}");
    assert_eq!(of_people(&sandbox), Vec::<String>::new());
    // The last one, too.
    let ran = grade(&sandbox, "Ada", &["--limit", "1", "--json"], "y u n").exits(0);
    assert_eq!(ran.json()["graded"], 1);
    assert!(of_people(&sandbox).iter().all(|line| line.contains(" 0.0 ")), "{:?}", of_people(&sandbox));
}

#[test]
fn a_line_that_is_no_key_ends_it() {
    let sandbox = sandbox();
    let ran = grade(&sandbox, "Ada", &[], "y maybe y y").exits(2);
    assert!(ran.stderr().contains("stdin:2: \"maybe\" is no verdict; what stands above it is saved"), "{ran}");
    assert!(ran.stderr().contains("1 graded by Ada"), "{ran}");
}

#[test]
fn who_grades_must_be_somebody() {
    let sandbox = sandbox();
    for name in ["judge strict", "tierfall 0.1.0", " "] {
        let ran = grade(&sandbox, name, &[], "y").exits(2);
        assert!(ran.stderr().contains("--by NAME says who grades"), "{ran}");
    }
    let mut command = sandbox.command(&["grade", "s", "--human"]);
    command.env_remove("USER").env("USERNAME", "");
    let ran = Ran::of(command).exits(2);
    assert!(ran.stderr().contains("the name of who grades is empty"), "{ran}");
    let mut command = sandbox.command(&["grade", "s", "--human", "--json"]);
    command.env("USER", "ada");
    let ran = Ran::of(command).exits(0);
    assert_eq!(ran.json(), json!({"by": "ada", "graded": 0, "left": 9, "total": 9}));
    assert!(grade(&sandbox, "Ada", &["--split", "none"], "y").exits(2).stderr().contains("no answer to the split \"none\""));
    assert!(grade(&sandbox, "Ada", &["--tier", "huge"], "y").exits(2).stderr().contains("tier \"huge\" has no recordings"));
    assert_eq!(of_people(&sandbox), Vec::<String>::new());
}

#[test]
fn ctrl_c_loses_nothing() {
    let sandbox = sandbox();
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let before = of_people(&sandbox).len();
        let mut child = begin(&sandbox);
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(b"y\nn\n").unwrap();
        let mut shown = BufReader::new(child.stdout.take().unwrap()).lines();
        // Both verdicts are on file before the next answer is shown, and it waits for a verdict now.
        let asked = format!("{} of 9", before_answers(before) + 3);
        assert!(shown.any(|line| line.unwrap().starts_with(&asked)), "{asked}");
        let now = of_people(&sandbox).len();
        assert!(now >= before + 2);
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
        until("it has ended", || child.try_wait().unwrap().is_some());
        assert_eq!(child.wait().unwrap().code(), Some(code));
        assert_eq!(of_people(&sandbox).len(), now);
        drop(stdin);
    }
    grade(&sandbox, "Ada", &[], &"y ".repeat(5)).exits(0);
    assert_eq!(of_people(&sandbox).len(), 11);
}

/// Distinct answers that were graded before: two each round.
fn before_answers(lines: usize) -> usize {
    if lines == 0 { 0 } else { 2 }
}

fn begin(sandbox: &Sandbox) -> Child {
    let mut command = sandbox.command(&["grade", "s", "--human", "--by", "Ada"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap()
}

/// The verdicts of a person in the order of the queue, from what the answers are.
fn as_meant(sandbox: &Sandbox, who: &str, verdict: impl Fn(&str) -> char) {
    // The same seed, so the same order; skipping shows it.
    let shown = grade(sandbox, "nobody", &[], &"s ".repeat(9)).exits(0);
    let answers = shown.stdout().split("answer\n  ").skip(1).map(|rest| rest.lines().next().unwrap().to_owned());
    let keys = answers.map(|answer| verdict(&answer).to_string()).collect::<Vec<_>>().join(" ");
    grade(sandbox, who, &[], &keys).exits(0);
}

#[test]
fn people_agree_and_graders_miss_errors() {
    let sandbox = sandbox();
    let ran = sandbox.run(&["grade", "s", "--agreement"]).exits(0);
    assert!(ran.stdout().starts_with("There is nothing to compare: no person has graded these answers"), "{ran}");
    as_meant(&sandbox, "Ada", |answer| if answer.starts_with("yes 3") || answer.starts_with("no") { 'n' } else { 'y' });
    as_meant(&sandbox, "Bo", |answer| if answer.starts_with("no") { 'n' } else { 'y' });
    as_meant(&sandbox, "Cy", |answer| if answer.starts_with("no") { 'h' } else { 'y' });
    let judge = |id: &str, right: f64| {
        let answer = sandbox.lines("s/grades/small.jsonl").into_iter().find(|line| line["id"] == id).unwrap()["answer"].clone();
        json!({"id": id, "correct": right, "by": "judge strict", "grader": "judge", "answer": answer}).to_string()
    };
    let judged = lines([judge("q2", 1.0), judge("q3", 0.0), judge("q4", 0.2), judge("q0", 0.9)].into_iter());
    let file = sandbox.read("s/grades/small.jsonl");
    sandbox.write("s/grades/small.jsonl", file + &judged);
    assert_snapshot!(sandbox.run(&["grade", "s", "--agreement"]).exits(0), @"
    exit 0
    -- stdout
    person  and person  both graded             same grade                 kappa
    Ada     Bo                    9  88.9 % (51.8 to 99.7)   0.78 (0.05 to 1.00)
    Ada     Cy                    9  44.4 % (13.7 to 78.8)  0.47 (−0.43 to 0.93)
    Bo      Cy                    9  55.6 % (21.2 to 86.3)  0.69 (−0.35 to 0.99)

    Krippendorff's alpha of 3 people, 9 answers and 27 grades: 0.65, or 0.40 where half right is as far
    from right as wrong is.

    against people       both graded                 errors missed       right called wrong
    judge strict                   4  1 of 3, 33.3 % (0.8 to 90.6)  0 of 1, 0 % (0 to 97.5)
    grader contains-all            9       0 of 4, 0 % (0 to 60.2)  0 of 5, 0 % (0 to 52.2)

    Ada and Bo differ on q3.
    Ada and Cy differ on q2, q3, q4 and q5.
    Bo and Cy differ on q2, q3, q4 and q5.
    people and judge strict differ on q2.

    Intervals of 95 % in brackets. Kappa and alpha: 1 is full agreement, 0 what chance alone would give.
    ");
    let report = sandbox.run(&["grade", "s", "--agreement", "--json"]).exits(0).json();
    let pair = &report["pairs"][0];
    assert_eq!((&pair["a"], &pair["b"], &pair["n"], &pair["differ"]), (&json!("Ada"), &json!("Bo"), &json!(9), &json!(["q3"])));
    let of = |rater: &str| -> Value {
        report["against_people"].as_array().unwrap().iter().find(|one| one["rater"] == rater).unwrap().clone()
    };
    let strict = of("judge strict");
    assert_eq!((&strict["n"], &strict["false_positives"], &strict["both_wrong"]), (&json!(4), &json!(1), &json!(2)));
    assert_eq!((&of("grader contains-all")["n"], &report["answers"]), (&json!(9), &json!(9)));
    assert_eq!(sandbox.run(&["grade", "s", "--agreement", "--json"]).json(), report);
}

#[test]
fn examples_that_only_people_grade() {
    let sandbox = sandbox();
    let examples = sandbox.read("s/examples.jsonl").replacen("\"id\":\"q3\"", "\"grader\":\"human\",\"id\":\"q3\"", 1);
    sandbox.write("s/examples.jsonl", examples);
    let missing = |sandbox: &Sandbox| sandbox.run(&["grade", "s", "--json"]).exits(0).json()["total"][0]["missing"].clone();
    assert_eq!(missing(&sandbox), 1);
    let ran = grade(&sandbox, "Ada", &["--needed"], "y y").exits(0);
    assert!(ran.stderr().contains("2 graded by Ada, and with them all 2"), "{ran}");
    assert_eq!(missing(&sandbox), 0);
    let ran = grade(&sandbox, "Bo", &["--needed"], "").exits(0);
    assert!(ran.stderr().contains("✓ no recorded answer needs the verdict of Bo"), "{ran}");
}

#[test]
fn of_what_is_not_there_nothing_is_called_graded() {
    let sandbox = sandbox();
    fs_err::remove_dir_all(sandbox.path("s/recordings")).unwrap();
    for args in [&["grade", "s"][..], &["grade", "s", "--human", "--by", "Ada"]] {
        let ran = sandbox.run(args).exits(2);
        assert!(ran.stderr().contains("nothing was recorded, so there is nothing to grade"), "{ran}");
        assert!(ran.stderr().contains("hint: `tierfall record CASCADE SET`"), "{ran}");
    }
}
