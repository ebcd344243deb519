//! Files of observations as people bring them: what is read, what is refused, and what is said about it.

use insta::assert_snapshot;

use crate::support::{Ran, Sandbox, lines};

/// A table of two tiers whose columns are these; `cell` writes each but the id, by the row's number and the column's.
fn table(columns: &str, cell: impl Fn(usize, &str) -> String) -> String {
    let rows = (0..400).map(|at| {
        let cells = columns.split(',').map(|column| if column == "id" { format!("q{at}") } else { cell(at, column) });
        cells.collect::<Vec<_>>().join(",")
    });
    lines(std::iter::once(columns.to_owned()).chain(rows))
}

/// The small tier is right where it is sure, and its answers have lengths that say nothing.
fn plain(at: usize, column: &str) -> String {
    let sure = (at * 617 % 1000) as f64 / 1000.0;
    match column {
        "small.correct" => u8::from(sure > 0.3).to_string(),
        "large.correct" => u8::from(!at.is_multiple_of(11)).to_string(),
        "small.chars" => (40 + at * 29 % 300).to_string(),
        "small.timestamp" => (1_732_900_000 + 60 * at).to_string(),
        "small.answer" => format!("answer {at}"),
        _ => sure.to_string(),
    }
}

const COLUMNS: &str = "id,small.correct,large.correct,small.logprob,small.chars,small.answer";

fn calibrate(sandbox: &Sandbox, more: &[&str]) -> Ran {
    let args = ["calibrate", "--observations", "rows.csv", "--chain", "small,large", "--max-loss", "0.1", "--quiet"];
    sandbox.run(&[&args, more].concat())
}

#[test]
fn a_gate_is_what_somebody_calls_a_signal() {
    let sandbox = Sandbox::new();
    sandbox.write("rows.csv", table(COLUMNS, plain));
    assert_snapshot!(calibrate(&sandbox, &[]), @r#"
    exit 2
    -- stderr
    error: the observations of tier "small" declare no signal
    hint: numeric columns of small: logprob, chars; say which is the signal, as in --signal logprob
    "#);
    assert_snapshot!(calibrate(&sandbox, &["--signal", "logprop"]), @r#"
    exit 2
    -- stderr
    error: tier "small" has no signal "logprop"
    hint: did you mean "logprob"? its signals: none; other numeric columns: logprob, chars
    "#);
    assert_snapshot!(calibrate(&sandbox, &["--signal", "auto"]), @r#"
    exit 2
    -- stderr
    error: the observations of tier "small" declare no signal
    hint: numeric columns of small: logprob, chars; say which is the signal, as in --signal logprob
    "#);
    sandbox.write("rows.csv", table("id,small.correct,large.correct,small.timestamp", plain));
    assert_snapshot!(calibrate(&sandbox, &[]), @r#"
    exit 2
    -- stderr
    error: the observations of tier "small" declare no signal
    hint: numeric columns of small: timestamp; say which is the signal, as in --signal timestamp
    "#);
    // Named by the command, or declared by the file.
    let signals = |ran: Ran| ran.json()["signals"].clone();
    sandbox.write("rows.csv", table(COLUMNS, plain));
    let named = signals(calibrate(&sandbox, &["--signal", "logprob", "--json", "-"]));
    assert!(named.to_string().contains("logprob") && !named.to_string().contains("chars"), "{named}");
    sandbox.write("rows.csv", table(&COLUMNS.replace("small.logprob", "small.confidence.logprob"), plain));
    assert_eq!(signals(calibrate(&sandbox, &["--json", "-"])), named);
    assert_eq!(signals(calibrate(&sandbox, &["--signal", "auto", "--json", "-"])), named);
}

#[test]
fn one_odd_cell_neither_changes_the_gate_nor_is_passed_over() {
    let sandbox = Sandbox::new();
    let json = |ran: Ran| ran.exits(0).json();
    let with = |odd: &'static str| {
        move |at: usize, column: &str| if (at, column) == (17, "small.logprob") { odd.to_owned() } else { plain(at, column) }
    };
    let asked = ["--signal", "logprob", "--json", "-"];
    sandbox.write("rows.csv", table(COLUMNS, with("N/A")));
    assert_eq!(json(calibrate(&sandbox, &asked))["n"], 400);
    sandbox.write("rows.csv", table(COLUMNS, with("93%")));
    assert_snapshot!(calibrate(&sandbox, &asked), @r#"
    exit 2
    -- stderr
    error: 1 of 400 rows cannot be read as they are written:
      rows.csv:19: small.logprob: is the text "93%", not a number; write 0.93
    hint: mend the rows: whether one can be read may depend on whether its answers are right, so none is left out by itself. `--bad-rows at-random` declares that it does not, and leaves them out
    "#);
    sandbox.write("rows.csv", table(COLUMNS, with("#DIV/0!")));
    assert_snapshot!(calibrate(&sandbox, &asked), @r##"
    exit 2
    -- stderr
    error: 1 of 400 rows cannot be read as they are written:
      rows.csv:19: small.logprob: is the text "#DIV/0!", not a number; it is an error of the spreadsheet: mend the formula, or leave the cell empty where there is no value
    hint: mend the rows: whether one can be read may depend on whether its answers are right, so none is left out by itself. `--bad-rows at-random` declares that it does not, and leaves them out
    "##);
    assert_snapshot!(calibrate(&sandbox, &["--signal", "logprob", "--bad-rows", "at-random", "--strict"]), @"
    exit 2
    -- stderr
    error: the argument '--bad-rows <WHY>' cannot be used with '--strict'

    Usage: tierfall calibrate --observations <FILE>... --chain <A,B,C> --max-loss <SHARE> --quiet --signal <SIGNAL> --bad-rows <WHY> [CASCADE] [SET]

    For more information, try '--help'.
    ");
    assert_eq!(json(calibrate(&sandbox, &["--signal", "logprob", "--bad-rows", "at-random", "--json", "-"]))["n_excluded"], 1);
}

#[test]
fn grades_on_another_scale_are_no_grades() {
    let sandbox = Sandbox::new();
    let columns = "id,small.correct,large.correct,small.confidence.sure";
    let graded = |grade: fn(usize, bool) -> String| {
        table(columns, |at, column| {
            let text = plain(at, column);
            if column.ends_with("correct") { grade(at, text == "1") } else { text }
        })
    };
    sandbox.write("rows.csv", graded(|_, right| if right { "1" } else { "-1" }.to_owned()));
    assert_snapshot!(calibrate(&sandbox, &[]), @r#"
    exit 2
    -- stderr
    error: 146 of 400 rows cannot be read as they are written:
      rows.csv:2: small.correct: is -1, not a grade from 0 to 1
      rows.csv:4: small.correct: is -1, not a grade from 0 to 1
      rows.csv:7: small.correct: is -1, not a grade from 0 to 1
      rows.csv:12: small.correct: is -1, not a grade from 0 to 1
      rows.csv:13: large.correct: is -1, not a grade from 0 to 1
      rows.csv:15: small.correct: is -1, not a grade from 0 to 1
      rows.csv:17: small.correct: is -1, not a grade from 0 to 1
      rows.csv:20: small.correct: is -1, not a grade from 0 to 1
      rows.csv:24: large.correct: is -1, not a grade from 0 to 1
      rows.csv:25: small.correct: is -1, not a grade from 0 to 1
      rows.csv:28: small.correct: is -1, not a grade from 0 to 1
      rows.csv:30: small.correct: is -1, not a grade from 0 to 1
      rows.csv:33: small.correct: is -1, not a grade from 0 to 1
      rows.csv:35: large.correct: is -1, not a grade from 0 to 1
      rows.csv:38: small.correct: is -1, not a grade from 0 to 1
      rows.csv:41: small.correct: is -1, not a grade from 0 to 1
      rows.csv:43: small.correct: is -1, not a grade from 0 to 1
      rows.csv:46: small.correct: is -1, not a grade from 0 to 1
      rows.csv:51: small.correct: is -1, not a grade from 0 to 1
      rows.csv:54: small.correct: is -1, not a grade from 0 to 1
      and 126 more
    hint: "correct" of tier "small" holds -1, 1: it looks like +1 for right and -1 for wrong: write 1 and 0
    "correct" of tier "large" holds -1, 1: it looks like +1 for right and -1 for wrong: write 1 and 0
    a grade is a number from 0 to 1, true or false, or nothing; no row is left out for its grade
    "#);
    let [declared, plain] = [&["--bad-rows", "at-random"][..], &[]].map(|more| calibrate(&sandbox, more).to_string());
    assert_eq!(declared, plain, "no row is left out for its grade");
    sandbox.write("rows.csv", graded(|at, right| (if right { 4 + at % 2 } else { 1 + at % 3 }).to_string()));
    assert_snapshot!(calibrate(&sandbox, &[]), @r#"
    exit 2
    -- stderr
    error: 396 of 400 rows cannot be read as they are written:
      rows.csv:3: small.correct: is 5, not a grade from 0 to 1
      rows.csv:4: small.correct: is 3, not a grade from 0 to 1
      rows.csv:5: small.correct: is 5, not a grade from 0 to 1
      rows.csv:6: small.correct: is 4, not a grade from 0 to 1
      rows.csv:7: small.correct: is 3, not a grade from 0 to 1
      rows.csv:8: small.correct: is 4, not a grade from 0 to 1
      rows.csv:9: small.correct: is 5, not a grade from 0 to 1
      rows.csv:10: small.correct: is 4, not a grade from 0 to 1
      rows.csv:11: small.correct: is 5, not a grade from 0 to 1
      rows.csv:12: small.correct: is 2, not a grade from 0 to 1
      rows.csv:13: small.correct: is 5, not a grade from 0 to 1
      rows.csv:14: small.correct: is 4, not a grade from 0 to 1
      rows.csv:15: small.correct: is 2, not a grade from 0 to 1
      rows.csv:16: small.correct: is 4, not a grade from 0 to 1
      rows.csv:17: large.correct: is 5, not a grade from 0 to 1
      rows.csv:18: small.correct: is 4, not a grade from 0 to 1
      rows.csv:19: small.correct: is 5, not a grade from 0 to 1
      rows.csv:20: large.correct: is 4, not a grade from 0 to 1
      rows.csv:21: small.correct: is 5, not a grade from 0 to 1
      rows.csv:22: small.correct: is 4, not a grade from 0 to 1
      and 376 more
    hint: "correct" of tier "small" holds 1, 2, 3, 4, 5: it looks like a scale from 1 to 5: write (grade - 1) / 4 in its place, or 1 for the grades that count as right and 0 for the others
    "correct" of tier "large" holds 1, 2, 3, 4, 5: it looks like a scale from 1 to 5: write (grade - 1) / 4 in its place, or 1 for the grades that count as right and 0 for the others
    a grade is a number from 0 to 1, true or false, or nothing; no row is left out for its grade
    "#);
    sandbox.write(
        "rows.csv",
        graded(|at, right| if at % 7 == 0 && !right { "NaN".to_owned() } else { u8::from(right).to_string() }),
    );
    // Answers that nobody graded count as the worst they can be, unless it is declared that which ones these are is chance.
    let ran = calibrate(&sandbox, &[]);
    assert!(ran.stdout().contains("answers without a grade: ") && !ran.stdout().contains("% right ("), "{ran}");
    let declared = calibrate(&sandbox, &["--ungraded", "at-random"]);
    assert!(declared.stdout().contains("lack it by chance"), "{declared}");
}

#[test]
fn rows_that_cannot_be_read_are_listed() {
    let sandbox = Sandbox::new();
    let row = |at: usize| match at {
        100..130 => format!("{{\"id\":\"{at}\",\"tiers\":"),
        200 => "{\"id\":\"200\",\"id\":\"201\"}".to_owned(),
        _ => format!(
            "{{\"id\":\"{at}\",\"tiers\":{{\"small\":{{\"correct\":1,\"confidence\":{{\"sure\":0.5}}}},\"large\":{{\"correct\":1}}}}}}"
        ),
    };
    sandbox.write("rows.csv", lines((0..300).map(row)));
    assert_snapshot!(calibrate(&sandbox, &[]), @"
    exit 2
    -- stderr
    error: 31 of 300 rows cannot be read as they are written:
      rows.csv:101: no JSON: EOF while parsing a value (column 20)
      rows.csv:102: no JSON: EOF while parsing a value (column 20)
      rows.csv:103: no JSON: EOF while parsing a value (column 20)
      rows.csv:104: no JSON: EOF while parsing a value (column 20)
      rows.csv:105: no JSON: EOF while parsing a value (column 20)
      rows.csv:106: no JSON: EOF while parsing a value (column 20)
      rows.csv:107: no JSON: EOF while parsing a value (column 20)
      rows.csv:108: no JSON: EOF while parsing a value (column 20)
      rows.csv:109: no JSON: EOF while parsing a value (column 20)
      rows.csv:110: no JSON: EOF while parsing a value (column 20)
      rows.csv:111: no JSON: EOF while parsing a value (column 20)
      rows.csv:112: no JSON: EOF while parsing a value (column 20)
      rows.csv:113: no JSON: EOF while parsing a value (column 20)
      rows.csv:114: no JSON: EOF while parsing a value (column 20)
      rows.csv:115: no JSON: EOF while parsing a value (column 20)
      rows.csv:116: no JSON: EOF while parsing a value (column 20)
      rows.csv:117: no JSON: EOF while parsing a value (column 20)
      rows.csv:118: no JSON: EOF while parsing a value (column 20)
      rows.csv:119: no JSON: EOF while parsing a value (column 20)
      rows.csv:120: no JSON: EOF while parsing a value (column 20)
      and 11 more
    hint: mend the rows: whether one can be read may depend on whether its answers are right, so none is left out by itself. `--bad-rows at-random` declares that it does not, and leaves them out
    ");
    let advised = ["advise", "--observations", "rows.csv", "--chain", "small,large", "--bad-rows", "at-random"];
    assert_snapshot!(sandbox.run(&advised).exits(0).stderr(), @"
    warning: 31 of 300 rows cannot be read and are left out, at random as --bad-rows says:
      rows.csv:101: no JSON: EOF while parsing a value (column 20)
      rows.csv:102: no JSON: EOF while parsing a value (column 20)
      rows.csv:103: no JSON: EOF while parsing a value (column 20)
      rows.csv:104: no JSON: EOF while parsing a value (column 20)
      rows.csv:105: no JSON: EOF while parsing a value (column 20)
      and 26 more
    ");
    assert_snapshot!(sandbox.run(&["calibrate", "--bad-rows", "at-random", "a.cascade.toml", "a", "--max-loss", "0.1"]), @"
    exit 2
    -- stderr
    error: --bad-rows is for rows from --observations and does nothing here
    hint: a cascade's prices stand in its file, the weights of its examples in the fixture set, and lines of that are read or an error
    ");
}

#[test]
fn a_fit_names_the_columns_of_its_signals() {
    let sandbox = Sandbox::new();
    sandbox.write("rows.csv", table(COLUMNS, plain));
    calibrate(&sandbox, &["--signal", "logprob", "--fit-out", "a.fit.toml"]).exits(0);
    sandbox.write("later.csv", table(COLUMNS, plain).replace("\nq", "\nlater-"));
    let rows = ["--observations", "later.csv", "--quiet", "--json", "-"];
    let judged =
        sandbox.run(&[&["evaluate", "--chain", "small,large", "--fit", "a.fit.toml"], &rows[..]].concat()).exits(0).json();
    let played = sandbox.run(&[&["diff", "a.fit.toml", "--threshold", "small=defer-all"], &rows[..]].concat()).exits(0).json();
    assert_eq!((&judged["n"], &played["n"]), (&400.into(), &400.into()));
}

#[test]
fn an_import_writes_all_or_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("rows.csv", table(COLUMNS, plain) + "q400,5,1,0.5,40,x\n");
    assert_snapshot!(sandbox.run(&["import", "csv", "rows.csv"]), @r#"
    exit 2
    -- stderr
    error: 1 of 401 rows cannot be read as they are written:
      rows.csv:402: small.correct: is 5, not a grade from 0 to 1
    hint: "small.correct" holds 0, 1, 5: all but 1 of 401 are 0 or 1, so it looks like a slip: correct it
    a grade is a number from 0 to 1, true or false, or nothing; no row is left out for its grade
    "#);
    sandbox.write("rows.csv", table(COLUMNS, plain) + "q400,1,1\n");
    assert_snapshot!(sandbox.run(&["import", "csv", "rows.csv", "--out", "rows.jsonl"]), @"
    exit 2
    -- stderr
    error: 1 of 401 rows cannot be read as they are written:
      rows.csv:402: has 3 columns, and the header has 6
    hint: mend the rows: whether one can be read may depend on whether its answers are right, so none is left out by itself. `--bad-rows at-random` declares that it does not, and leaves them out
    ");
    assert!(!sandbox.path("rows.jsonl").exists());
    assert_snapshot!(sandbox.run(&["import", "csv", "rows.csv", "--out", "rows.jsonl", "--bad-rows", "at-random"]), @"
    exit 0
    -- stderr
    warning: 1 of 401 rows cannot be read and are written as such: what is made of the result needs --bad-rows at-random, too:
      rows.csv:402: has 3 columns, and the header has 6
    400 examples in rows.jsonl, no signals
      large: 400 answers
      small: 400 answers
      not taken, for nobody calls them signals: small.chars and small.logprob; --map COLUMN=TIER.SIGNAL does
    ");
    // The declaration goes with the rows: what is made of them has to repeat it, and its promise has it as a condition.
    assert_eq!(sandbox.lines("rows.jsonl").len(), 401);
    sandbox.run(&[
        "import",
        "csv",
        "rows.csv",
        "--map",
        "small.logprob=small.logprob",
        "--out",
        "b.jsonl",
        "--bad-rows",
        "at-random",
    ]);
    let args = ["calibrate", "--observations", "b.jsonl", "--chain", "small,large", "--max-loss", "0.1"];
    assert_snapshot!(sandbox.run(&args), @"
    exit 2
    -- stderr
    error: 1 of 401 rows cannot be read as they are written:
      b.jsonl:401: /unreadable: says that the row could not be read where it is from: rows.csv:402: has 3 columns, and the header has 6
    hint: mend the rows: whether one can be read may depend on whether its answers are right, so none is left out by itself. `--bad-rows at-random` declares that it does not, and leaves them out
    ");
    let declared = sandbox.run(&[&args[..], &["--bad-rows", "at-random", "--json", "-", "--quiet"]].concat()).exits(0).json();
    let statement = declared["guarantee"]["statement"].as_str().unwrap();
    assert!(statement.ends_with("It supposes that the 1 rows that could not be read, and were left out, are so by chance."));
    assert_snapshot!(sandbox.run(&["import", "csv", "rows.csv", "--strict"]), @"
    exit 2
    -- stderr
    error: the following required arguments were not provided:
      --into <DIR>
      --cascade <CASCADE>

    Usage: tierfall import --into <DIR> --cascade <CASCADE> --strict <FORMAT> <FILES>...

    For more information, try '--help'.
    ");
}

#[test]
fn a_segment_that_is_a_word_for_nothing_is_no_segment() {
    // Where b is wrong, its segment is lost.
    let sandbox = Sandbox::new();
    let cell = |at: usize, column: &str| match column {
        "segment" if at.is_multiple_of(2) => "a".to_owned(),
        "segment" if plain(at, "small.correct") == "0" => "nan".to_owned(),
        "segment" => "b".to_owned(),
        _ => plain(at, column),
    };
    sandbox.write("rows.csv", table("id,segment,small.correct,large.correct,small.logprob", cell));
    let ran = calibrate(&sandbox, &["--signal", "logprob", "--by-segment", "each"]).exits(2);
    let said = "rows.csv:7: segment: is \"nan\", a name or a missing value: leave it empty where there is none";
    assert!(ran.stderr().contains(said), "{ran}");
}

#[test]
fn a_fit_by_segment_is_judged_by_rows_that_name_theirs() {
    let columns = "id,segment,small.correct,large.correct,small.confidence.sure";
    let sandbox = Sandbox::new();
    let cell = |lost: fn(usize) -> bool| {
        move |at: usize, column: &str| match column {
            "segment" if lost(at) => String::new(),
            "segment" => if at.is_multiple_of(3) { "a" } else { "b" }.to_owned(),
            _ => plain(at, column),
        }
    };
    sandbox.write("rows.csv", table(columns, cell(|_| false)));
    calibrate(&sandbox, &["--by-segment", "--fit-out", "a.fit.toml"]).exits(0);
    sandbox.write("some.csv", table(columns, cell(|at| at % 7 == 1)).replace("\nq", "\nlater-"));
    sandbox.write("all.csv", table(columns, cell(|_| true)).replace("\nq", "\nlater-"));
    let judge = ["evaluate", "--chain", "small,large", "--fit", "a.fit.toml", "--observations"];
    let diff = ["diff", "a.fit.toml", "--threshold", "small=defer-all", "--observations"];
    for (file, lost) in [("some.csv", "57 of 400"), ("all.csv", "400 of 400")] {
        for command in [&judge[..], &diff] {
            let ran = sandbox.run(&[command, &[file]].concat()).exits(2);
            let said = format!("{lost} rows have no segment");
            assert!(ran.stderr().contains(&said) && ran.stderr().contains("--unsegmented rest"), "{ran}");
            sandbox.run(&[command, &[file, "--unsegmented", "rest"]].concat()).exits(0);
        }
    }
    // Where nothing depends on segments the declaration would be dropped in silence.
    calibrate(&sandbox, &["--fit-out", "plain.fit.toml"]).exits(0);
    let plain = ["evaluate", "--chain", "small,large", "--fit", "plain.fit.toml", "--observations", "some.csv"];
    sandbox.run(&plain).exits(0);
    let ran = sandbox.run(&[&plain[..], &["--unsegmented", "rest"]].concat()).exits(2);
    assert!(ran.stderr().contains("--unsegmented: no threshold depends on segments here"), "{ran}");
}

#[test]
fn a_heaviest_weight_of_rows_without_weights_is_an_error() {
    let sandbox = Sandbox::new();
    sandbox.write("rows.csv", table("id,weights,small.correct,large.correct,small.confidence.sure", plain));
    assert_snapshot!(calibrate(&sandbox, &["--heaviest-weight", "20"]), @r#"
    exit 2
    -- stderr
    error: --heaviest-weight 20: no row has a weight, so there is nothing that it limits
    hint: the field is "weight"; --map COLUMN=weight reads a column of another name
    "#);
}
