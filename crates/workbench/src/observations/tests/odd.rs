//! What stands in tables that people bring: odd cells, columns that mean something else, grades on other scales.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::Error;
use tierfall_calibrate::observations::Condition;

/// A table whose signal of the small tier is asked for by this name.
fn options(signal: &str) -> ReadOptions {
    let signals = if signal.is_empty() { BTreeMap::new() } else { [("small".to_owned(), [signal.to_owned()].into())].into() };
    ReadOptions { signals, ..ReadOptions::new(["small", "large"]) }
}

fn at_random(signal: &str) -> ReadOptions {
    ReadOptions { bad_rows: BadRows::AtRandom, ..options(signal) }
}

fn take(text: &str, options: &ReadOptions) -> Result<ReadOut, Error> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("rows");
    fs_err::write(&path, text).unwrap();
    read(&[path], options, &())
}

#[track_caller]
fn unreadable(text: &str, options: &ReadOptions) -> Unreadable {
    match take(text, options) {
        Err(Error::Rows(rows)) => *rows,
        other => panic!("{other:?}"),
    }
}

fn signals(out: &ReadOut) -> Vec<&str> {
    out.summary.tiers[0].signals.iter().map(|signal| &**signal).collect()
}

fn abstained(out: &ReadOut, signal: &str) -> usize {
    out.observations.scores(0, signal).unwrap().iter().filter(|score| score.is_nan()).count()
}

/// 60 rows; `small.logprob` of the last one is this.
fn with_last_score(last: &str) -> String {
    let row = |n: usize| {
        let score = if n == 59 { last.to_owned() } else { format!("-0.{n:02}") };
        format!("{n},{},1,{score},{}", n % 2, 100 + n)
    };
    of_lines(std::iter::once("id,small.correct,large.correct,small.logprob,small.chars".to_owned()).chain((0..60).map(row)))
}

fn of_lines(lines: impl Iterator<Item = String>) -> String {
    lines.flat_map(|line| [line, "\n".to_owned()]).collect()
}

#[test]
fn one_missing_word_does_not_replace_the_signal_by_another_column() {
    for word in ["N/A", "NA", "#N/A", "nan", "None", "NULL", "<NA>", "-1.#IND", " n/a ", ""] {
        let out = take(&with_last_score(word), &options("logprob")).unwrap();
        assert_eq!((signals(&out), abstained(&out, "logprob")), (vec!["logprob"], 1), "{word:?}");
        assert_eq!((out.summary.used, &*out.summary.tiers[0].candidates), (60, &["chars".to_owned()][..]));
    }
}

#[test]
fn a_number_that_nobody_calls_a_signal_is_none() {
    let lone = "id,small.correct,large.correct,small.timestamp\n1,1,1,1732900000\n2,0,1,1732900060\n";
    let out = take(lone, &options("")).unwrap();
    assert_eq!((signals(&out), &*out.summary.tiers[0].candidates), (vec![], &["timestamp".to_owned()][..]));
    assert!(out.summary.warnings[0].ends_with("columns that nobody calls signals are not read: small.timestamp"));
    // Called one by the command, by the file, or by a name that is given to its column.
    let mapped = ReadOptions { columns: [("small.timestamp".to_owned(), "small.at".to_owned())].into(), ..options("") };
    for (text, options, name) in [
        (lone.to_owned(), options("timestamp"), "timestamp"),
        (lone.replace("small.timestamp", "small.confidence.sure"), options(""), "sure"),
        (lone.to_owned(), mapped, "at"),
    ] {
        assert_eq!(signals(&take(&text, &options).unwrap()), [name]);
    }
    let twice = lone.replace("id,", "small.confidence.timestamp,").replace("small.correct", "id");
    let twice = take(&twice, &options("timestamp")).unwrap_err().to_string();
    assert!(twice.contains(r#""small.confidence.timestamp" and "small.timestamp" stand for the same"#), "{twice}");
}

#[test]
fn a_declared_signal_without_numbers_is_told() {
    let csv = "id,small.correct,large.correct,small.confidence.logprob,small.confidence.chars\n1,1,1,N/A,7\n2,1,1,,9\n";
    let json = r#"{"id":1,"tiers":{"small":{"correct":1,"confidence":{"logprob":null,"chars":7}},"large":{"correct":1}}}"#;
    for text in [csv, json] {
        let out = take(text, &options("")).unwrap();
        assert_eq!((signals(&out), &*out.summary.tiers[0].silent), (vec!["chars"], &["logprob".to_owned()][..]));
    }
}

#[test]
fn text_in_a_signal_is_refused_with_its_place_and_what_to_write() {
    for (word, said) in [
        ("93%", "is the text \"93%\", not a number; write 0.93"),
        ("\"1,250\"", "is the text \"1,250\", not a number; write 1.25 or 1250, whichever it is"),
        ("#DIV/0!", "it is an error of the spreadsheet: mend the formula"),
        ("-", "write 0 where it means that, and leave the cell empty where there is no value"),
        ("high", "is the text \"high\", not a number"),
        ("1e999", "is the text \"1e999\", not a number"),
        ("TRUE", "is TRUE, not a number"),
    ] {
        let rows = unreadable(&with_last_score(word), &options("logprob"));
        let first = &rows.first[0];
        assert_eq!((first.line, &*first.field, rows.bad, rows.bad_grades), (61, "small.logprob", 1, 0), "{word}");
        assert!(first.reason.contains(said), "{word}: {first}");
        // Nobody asked for it here, so it is not read.
        assert_eq!(signals(&take(&with_last_score(word), &options("chars")).unwrap()), ["chars"]);
    }
    let json = r#"{"id":1,"tiers":{"small":{"correct":1,"confidence":{"p":"93%"}},"large":{"correct":1}}}"#;
    let first = &unreadable(json, &options("")).first[0];
    assert_eq!((&*first.field, &*first.reason), ("/tiers/small/confidence/p", "is the text \"93%\", not a number; write 0.93"));
}

#[test]
fn text_is_found_behind_the_first_records_too() {
    let rows = |word: &str| {
        let row = |n| format!("{n},1,1,{}", if n == 4999 { word.to_owned() } else { format!("0.{n}") });
        of_lines(std::iter::once("id,small.correct,large.correct,small.p".to_owned()).chain((0..5000).map(row)))
    };
    assert_eq!(unreadable(&rows("oops"), &options("p")).first[0].line, 5001);
    assert_eq!(abstained(&take(&rows("N/A"), &options("p")).unwrap(), "p"), 1);
}

#[test]
fn columns_that_are_called_signals_hold_no_text() {
    let text = "id,small.correct,large.correct,small.confidence.note,sure\n1,1,1,,0.5\n2,1,1,fine,0.5\n3,1,1,,very\n";
    let mapped = ReadOptions { columns: [("sure".to_owned(), "small.p".to_owned())].into(), ..options("") };
    let places: Vec<_> = unreadable(text, &mapped).first.into_iter().map(|row| (row.line, row.field)).collect();
    assert_eq!(places, [(3, "small.confidence.note".to_owned()), (4, "sure".to_owned())]);
}

#[test]
fn texts_that_nobody_asked_for_are_passed_over_and_told() {
    let text = "id,small.correct,large.correct,small.note,small.p\n1,1,1,fine,0.5\n2,1,1,12,0.7\n";
    let out = take(text, &options("p")).unwrap();
    assert_eq!((signals(&out), out.summary.tiers[0].candidates.len()), (vec!["p"], 0));
    assert!(out.summary.warnings[0].contains("small.note"), "{:?}", out.summary.warnings);
}

fn graded(grades: &[&str]) -> String {
    let rows = grades.iter().enumerate().map(|(n, grade)| format!("{n},{grade},1,0.5"));
    of_lines(std::iter::once("id,small.correct,large.correct,small.confidence.p".to_owned()).chain(rows))
}

#[test]
fn grades_on_another_scale_are_refused_and_never_left_out() {
    for (grades, line, said) in [
        (
            &["1", "-1", "1", "-1"][..],
            3,
            "\"correct\" of tier \"small\" holds -1, 1: it looks like +1 for right and -1 for wrong: write 1 and 0",
        ),
        (&["1", "5", "3", "2", "4"], 3, "holds 1, 2, 3, 4, 5: it looks like a scale from 1 to 5"),
        (&["0", "1", "10", "7"], 4, "it looks like a scale up to 10: divide by 10"),
        (&["1", "0.5", "87", "100"], 4, "it looks like percentages"),
        (&["93%", "12%"], 2, "holds \"12%\", \"93%\": these look like percentages: write 93% as 0.93"),
        (&["1", "0", "perhaps"], 4, "holds \"perhaps\": read are numbers from 0 to 1, true/false, yes/no, pass/fail"),
        (&["1", "#REF!"], 3, "holds \"#REF!\""),
    ] {
        // Nothing makes a reader leave out what it does not like: those are the wrong answers.
        for options in [options(""), at_random("")] {
            let rows = unreadable(&graded(grades), &options);
            assert_eq!((rows.first[0].line, &*rows.first[0].field), (line, "small.correct"), "{grades:?}");
            assert!(rows.scales.len() == 1 && rows.scales[0].contains(said), "{grades:?}: {:?}", rows.scales);
            assert!(
                rows.bad == rows.bad_grades && rows.advice().contains("no row is left out for its grade"),
                "{}",
                rows.advice()
            );
        }
    }
    // What is bad besides does not hide a grade, and is not counted with it where it is declared.
    let mixed = graded(&["1", "-1"]).replace("1,-1,1,0.5", "1,-1,1,high") + "2,1,1,high\n";
    assert_eq!((unreadable(&mixed, &options("")).bad, unreadable(&mixed, &at_random("")).bad), (2, 1));
    let judged = r#"{"id":1,"tiers":{"small":{"judged":7,"judge":"J"},"large":{"correct":1}}}"#;
    let rows = unreadable(judged, &at_random(""));
    assert_eq!(&*rows.first[0].field, "/tiers/small/judged");
    assert!(rows.scales[0].starts_with("\"judged\" of tier \"small\" holds 7"), "{:?}", rows.scales);
}

#[test]
fn letters_are_grades_where_both_of_a_pair_stand_there() {
    let out = take(&graded(&["C", "I", "C"]), &options("")).unwrap();
    assert_eq!(out.summary.used, 3);
    let why = take(&graded(&["C", "C"]), &options("")).unwrap_err().to_string();
    assert!(why.contains("\"correct\" of tier \"small\" holds the letters C in 2 rows"), "{why}");
}

#[test]
fn a_missing_word_is_no_grade_and_truths_are_grades() {
    let out = take(&graded(&["NaN", "1", "true", "FALSE", "N/A", "0.5", ""]), &options("")).unwrap();
    assert_eq!((out.summary.used, out.summary.bad), (7, 0));
    assert_eq!(out.observations.ungraded_rows(0).map(|(row, _)| row).collect::<Vec<_>>(), [0, 4, 6]);
    assert!(out.summary.left_out.is_empty() && out.observations.conditions().is_empty());
    let declared = ReadOptions { ungraded: Ungraded::AtRandom, ..options("") };
    let out = take(&graded(&["NaN", "1", "true", "FALSE", "N/A", "0.5", ""]), &declared).unwrap();
    assert_eq!(out.summary.left_out, [LeftOut { reason: "some answer has no grade".to_owned(), rows: 3 }]);
    assert_eq!(out.observations.conditions(), [Condition::UngradedAtRandom { rows: 3 }]);
    // Whatever a row says of a tier tells that it has answered.
    let out = take(&(graded(&["1"]) + "7,,1,0.5\n"), &options("")).unwrap();
    assert_eq!(out.observations.ungraded_rows(0).collect::<Vec<_>>(), [(1, false)]);
    let last = take("id,small.correct,large.correct,small.confidence.p\n1,1,,0.5\n2,1,1,0.6\n", &options("")).unwrap();
    assert_eq!((last.summary.used, last.observations.ungraded(1)), (2, 1), "the last tier's least of all");
    let beside = "id,small.correct,large.correct,small.answer\n1,1,1,Paris\n2,,1,Rome\n3,,1,\n";
    let out = take(beside, &options("")).unwrap();
    assert_eq!(out.observations.ungraded_rows(0).collect::<Vec<_>>(), [(1, false)], "the third row says nothing of the tier");
    assert_eq!(out.summary.warnings, ["1 rows say nothing of tier \"small\": they escalate there"]);
    // A text in JSON is read as a cell of CSV is.
    let json = |grade: &str| {
        format!("{{\"id\":1,\"tiers\":{{\"small\":{{\"correct\":{grade},\"cost_usd\":\"N/A\"}},\"large\":{{\"correct\":1}}}}}}\n")
    };
    let out = take(&["\"1\"", "\"n/a\"", "\"True\"", "null", "NaN"].map(json).concat(), &options("")).unwrap();
    assert_eq!((out.summary.used, out.observations.ungraded(0), out.observations.costs(0)), (5, 3, None));
}

#[test]
fn a_tier_that_nothing_is_said_of_lacks_a_grade_where_it_is_the_last_and_is_passed_over_before() {
    let csv =
        |cell: &str| format!("id,small.correct,small.confidence.p,large.correct\n1,1,0.5,1\n2,{cell},{cell},1\n3,1,0.5,{cell}\n");
    let json = |cell: &str| {
        let row =
            |at: usize, small: &str, large: &str| format!("{{\"id\":{at},\"tiers\":{{\"small\":{small},\"large\":{large}}}}}\n");
        let (small, large) = (r#"{"correct":1,"confidence":{"p":0.5}}"#, r#"{"correct":1}"#);
        row(1, small, large) + &row(2, cell, large) + &row(3, small, cell)
    };
    let words = text::MISSING.into_iter().chain([" "]);
    for text in words.map(csv).chain([json("{}")]) {
        let out = take(&text, &options("")).unwrap();
        let ungraded = [0, 1].map(|tier| out.observations.ungraded_rows(tier).map(|(row, _)| row).collect::<Vec<_>>());
        assert_eq!((out.summary.used, ungraded), (3, [vec![], vec![2]]), "{text}");
        assert!(out.observations.conditions().is_empty(), "{text}");
        assert_eq!(out.summary.warnings, ["1 rows say nothing of tier \"small\": they escalate there"], "{text}");
    }
    let unread = take(&json(r#"{"correct":null}"#), &options("")).unwrap().observations;
    assert_eq!([0, 1].map(|tier| unread.ungraded(tier)), [1, 1], "a key says that there is an answer");
}

#[test]
fn a_row_that_could_not_be_read_where_it_is_from_is_a_bad_row() {
    let csv = "id,split,small.correct,large.correct,unreadable\n1,a,1,1,\n2,b,0,1,torn\n3,a,1,1,NaN\n";
    let json = r#"{"id":1,"split":"a","tiers":{"small":{"correct":1},"large":{"correct":1}}}
{"unreadable":"torn"}
{"id":3,"split":"a","unreadable":null,"tiers":{"small":{"correct":1},"large":{"correct":1}}}
"#;
    for (text, line, field) in [(csv, 3, "unreadable"), (json, 2, "/unreadable")] {
        // Of which split it was may be what could not be read.
        for split in [None, Some("a".to_owned())] {
            let of = |options: ReadOptions| ReadOptions { split: split.clone(), ..options };
            let rows = unreadable(text, &of(options("")));
            assert_eq!((rows.bad, rows.bad_grades, rows.first[0].line, &*rows.first[0].field), (1, 0, line, field));
            assert!(rows.first[0].reason.ends_with("could not be read where it is from: torn"), "{rows}");
            let declared = take(text, &of(at_random(""))).unwrap();
            assert_eq!(
                (declared.summary.used, declared.observations.conditions()),
                (2, &[Condition::BadAtRandom { rows: 1 }][..])
            );
        }
    }
    let odd = json.replace("\"torn\"", "false");
    assert!(unreadable(&odd, &options("")).first[0].reason.starts_with("is false, not a text that says why"));
}

#[test]
fn what_is_given_to_a_file_and_fits_nothing_there_is_an_error() {
    let json = r#"{"id":1,"ok":1,"tiers":{"small":{"correct":1},"large":{"correct":1}}}"#;
    let mapped = ReadOptions { columns: [("ok".to_owned(), "segment".to_owned())].into(), ..options("") };
    let error = take(json, &mapped).unwrap_err().to_string();
    assert!(error.contains("--map ok=…: ") && error.contains("is JSON Lines"), "{error}");
    let nowhere = read(&["nowhere.csv"], &options(""), &()).unwrap_err().to_string();
    assert_eq!(nowhere, "there is no file nowhere.csv");
}

#[test]
fn rows_that_cannot_be_read_are_an_error_that_says_what_to_do() {
    let ok = "id,small.correct,large.correct,small.cost_usd\n1,1,1,0.1\n";
    let text = ok.to_owned() + "2,1,1\n3,1,1,cheap\n,1,1,0.1\n5,1,1,-2\n";
    let rows = unreadable(&text, &options(""));
    assert_eq!((rows.read, rows.bad), (5, 4));
    let shown = rows.to_string();
    for said in [
        "4 of 5 rows cannot be read as they are written:\n",
        "rows:3: has 3 columns, and the header has 4",
        "rows:4: small.cost_usd: is the text \"cheap\", not a number of at least 0",
        "rows:5: id: is missing",
        "rows:6: small.cost_usd: is -2,",
    ] {
        assert!(shown.contains(said), "{shown}");
    }
    assert!(
        rows.advice().contains("may depend on whether its answers are right") && rows.advice().contains("--bad-rows at-random")
    );
    let summary = take(&text, &at_random("")).unwrap().summary;
    assert_eq!((summary.used, summary.bad, summary.first_bad.len(), summary.n_excluded()), (1, 4, 4, 4));
    let bytes = [ok.as_bytes(), b"2,1,1,\xff\n"].concat();
    let dir = tempfile::tempdir().unwrap();
    fs_err::write(dir.path().join("rows"), bytes).unwrap();
    let error = read(&[dir.path().join("rows")], &options(""), &()).unwrap_err().to_string();
    assert!(error.contains("rows:3: small.cost_usd: is not UTF-8"), "{error}");
}

#[test]
fn a_key_that_stands_twice_is_in_doubt() {
    let tiers = r#""tiers":{"small":{"correct":1},"large":{"correct":1}}"#;
    for (line, field) in [
        (format!(r#"{{"id":"a","id":"b",{tiers}}}"#), "/id"),
        (format!(r#"{{"id":"a","split":"x","split":null,{tiers}}}"#), "/split"),
        (format!(r#"{{"id":"a",{tiers},{tiers}}}"#), "/tiers"),
        (r#"{"id":"a","tiers":{"small":{"correct":1},"large":{"correct":1},"small":{"correct":1}}}"#.to_owned(), "/tiers/small"),
        (r#"{"id":"a","tiers":{"small":{"correct":1,"correct":0},"large":{"correct":1}}}"#.to_owned(), "/tiers/small/correct"),
        (r#"{"id":"a","tiers":{"small":{"correct":1,"correct":null},"large":{"correct":1}}}"#.to_owned(), "/tiers/small/correct"),
        (
            r#"{"id":"a","tiers":{"small":{"correct":1,"confidence":{"a/b":1,"q":2,"a/b":3}},"large":{"correct":1}}}"#.to_owned(),
            "/tiers/small/confidence/a~1b",
        ),
        (
            r#"{"id":"a","tiers":{"small":{"confidence":{"p":1},"correct":1,"confidence":{"p":2}},"large":{"correct":1}}}"#
                .to_owned(),
            "/tiers/small/confidence",
        ),
    ] {
        let rows = unreadable(&line, &options(""));
        assert_eq!((&*rows.first[0].field, rows.bad), (field, 1), "{line}");
        assert!(rows.first[0].reason.starts_with("stands twice"), "{line}");
    }
    // What is not read cannot be in doubt, and keys may come in any order.
    let fine = r#"{"x":1,"x":2,"id":"a","tiers":{"other":{},"other":{},"large":{"correct":1},"small":{"confidence":{"q":2,"p":1},"x":1,"x":1,"correct":1}}}
{"id":"b","tiers":{"small":{"correct":1,"confidence":{"p":1,"q":2}},"large":{"correct":1}}}"#;
    assert_eq!(take(fine, &options("")).unwrap().summary.used, 2);
}

#[test]
fn long_numbers_stay_different_names() {
    let row = |id: &str, group: &str| {
        format!("{{\"id\":{id},\"group\":{group},\"tiers\":{{\"small\":{{\"correct\":1}},\"large\":{{\"correct\":1}}}}}}\n")
    };
    let ids = ["9007199254740992", "9007199254740993", "123456789012345678901", "123456789012345678902"];
    let json = take(&ids.map(|id| row(id, id)).concat(), &options("")).unwrap();
    let items: BTreeSet<u32> = json.observations.items().iter().copied().collect();
    assert_eq!((json.summary.repeated_ids, items.len()), (0, 4));
    let csv = "id,group,small.correct,large.correct\n".to_owned() + &of_lines(ids.iter().map(|id| format!("{id},{id},1,1")));
    let csv = take(&csv, &options("")).unwrap();
    assert_eq!(digest(&json.observations), digest(&csv.observations), "a name is the same wherever it stands");
}

#[test]
fn what_nobody_reads_is_not_looked_into_and_the_rest_is_told_at_its_field() {
    let row = |more: &[u8], small: &str| {
        let tiers = format!(r#""tiers":{{"small":{{{small}}},"large":{{"judged":1,"judge":12}}}}}}"#);
        [br#"{"id":"a","#, more, tiers.as_bytes()].concat()
    };
    let dir = tempfile::tempdir().unwrap();
    let take = |bytes: Vec<u8>| {
        fs_err::write(dir.path().join("rows"), bytes).unwrap();
        read(&[dir.path().join("rows")], &options(""), &())
    };
    let out = take(row(b"\"note\":\"\xff\",", r#""correct":1"#)).unwrap();
    assert_eq!((out.summary.used, out.observations.spec(1).judge.as_deref()), (1, Some("12")), "a number is its digits");
    for (more, small, said) in [
        (&b"\"group\":\"\xff\","[..], r#""correct":1"#, "rows:1: no JSON: invalid unicode code point (column 20)"),
        (b"", r#""correct":1,"cost_usd":1e400"#, "rows:1: /tiers/small/cost_usd: is 1e400, not a number"),
        (b"", r#""correct":1e400"#, "rows:1: /tiers/small/correct: is 1e400, not a grade"),
        (
            b"\"weight\":-1234567890123456789012345678901234567890,",
            "",
            "/weight: is -123456789012345678901234567890123456789…, not a number",
        ),
        (b"\"tiers\":7,", r#""correct":1"#, "rows:1: /tiers: stands twice"),
    ] {
        let error = take(row(more, small)).unwrap_err().to_string();
        assert!(error.contains(said), "{said}: {error}");
    }
}

#[test]
fn a_word_for_nothing_puts_no_rows_together() {
    for field in ["id", "group", "split", "segment"] {
        for word in text::MISSING.into_iter().filter(|word| !word.is_empty()).chain([" ", " nan "]) {
            let options = ReadOptions { split: (field == "split").then(|| "train".to_owned()), ..options("") };
            let head = format!("{field},{},small.correct,large.correct\n", if field == "id" { "note" } else { "id" });
            let csv = format!("{head}\"{word}\",7,1,1\ntrain,8,1,1\n");
            let tiers = r#""tiers":{"small":{"correct":1},"large":{"correct":1}}"#;
            let id = if field == "id" { String::new() } else { r#""id":7,"#.to_owned() };
            let row = |value: &str| format!("{{{id}{field:?}:{value:?},{tiers}}}\n");
            for (text, place) in [(csv, field.to_owned()), (row(word) + &row("train"), format!("/{field}"))] {
                let rows = unreadable(&text, &options);
                assert_eq!((&rows.first[0].field, rows.bad), (&place, 1), "{text}");
                assert!(rows.first[0].reason.contains(&format!("is {word:?}, a name or a missing value")), "{rows}");
            }
        }
    }
    // Empty cells are none.
    let text = "id,group,segment,small.correct,large.correct\n1,,,1,1\n2,,EU,1,1\n3,,#REF!,1,1\n";
    assert_eq!(unreadable(text, &options("")).first[0].line, 4);
    let out = take(&text.replace("3,,#REF!,1,1\n", ""), &options("")).unwrap().observations;
    assert_eq!((out.segment(0), out.segment(1).map(|name| &**name), out.group_of(0)), (None, Some("EU"), None));
}

#[test]
fn blank_rows_below_a_table_are_none() {
    let out = take(&(graded(&["1", "0"]) + ",,,\n\n, ,,\n,,\n" + &",,,\n".repeat(5000) + "9,1,1,0.5\n"), &options("")).unwrap();
    assert_eq!((out.summary.read, out.summary.used, out.summary.bad), (3, 3, 0));
}

#[test]
fn quotes_hide_no_rows() {
    let head = "id,small.correct,large.correct,small.answer\n";
    for (rows, said) in [
        ("1,1,1,\"Paris\n2,0,1,Rome\n3,0,1,Oslo\n", "line 2: a quote opens and never closes"),
        ("1,1,1,\"Paris\n2,0,1,\"Rome\n3,0,1,Oslo\n", "line 3: a cell goes on behind its closing quote"),
    ] {
        let error = take(&(head.to_owned() + rows), &options("")).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    let fine = "1,1,1,\"Paris,\nthe \"\"city\"\"\"\n2,0,1,5\" wide\n";
    assert_eq!(take(&(head.to_owned() + fine), &options("")).unwrap().summary.used, 2);
}

/// A cell that somebody wrote into a column of numbers, and what it means there.
#[derive(Clone, Debug, PartialEq)]
enum Cell {
    Number(f64),
    Missing(&'static str),
    Odd(&'static str),
}

impl Cell {
    fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Missing(text) | Self::Odd(text) => (*text).to_owned(),
        }
    }

    /// As JSON has it: a number, null or a text.
    fn json(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Missing("") => "null".to_owned(),
            Self::Missing(text) | Self::Odd(text) => format!("{text:?}"),
        }
    }
}

fn cell(numbers: std::ops::RangeInclusive<f64>, odd: &'static [&'static str]) -> impl Strategy<Value = Cell> {
    prop_oneof![
        40 => numbers.prop_map(Cell::Number),
        5 => proptest::sample::select(&["", "N/A", "NaN", "#N/A", "null", "<NA>", "None"][..]).prop_map(Cell::Missing),
        1 => proptest::sample::select(odd).prop_map(Cell::Odd),
    ]
}

/// One row: a grade and a score of the small tier, a number that is no signal, a grade of the large one, and whether its last cell is lost.
type Line = (Cell, Cell, i64, Cell, bool);

fn lines() -> impl Strategy<Value = Vec<Line>> {
    let grade = || cell(0.0..=1.0, &["-1", "5", "93%", "perhaps", "1.0001", "#REF!", "inf"]);
    let score = cell(-9.0..=9.0, &["93%", "high", "-", "#VALUE!", "0;5", "True", "."]);
    let lost = prop_oneof![60 => Just(false), 1 => Just(true)];
    proptest::collection::vec((grade(), score, any::<i64>(), grade(), lost), 1..40)
}

/// The column of a row that cannot be read, empty for the whole row, and whether it is a grade.
fn fault((grade, score, _, large, lost): &Line) -> Option<(&'static str, bool)> {
    let odd = |cell: &Cell| matches!(cell, Cell::Odd(_));
    let cells = [
        ("", *lost, false),
        ("small.correct", odd(grade), true),
        ("large.correct", odd(large), true),
        ("small.p", odd(score), false),
    ];
    cells.into_iter().find(|(_, odd, _)| *odd).map(|(column, _, of_grade)| (column, of_grade))
}

fn written(lines: &[Line], csv: bool) -> String {
    let row = |(at, (grade, score, chars, large, lost)): (usize, &Line)| {
        if csv {
            let last = if *lost { String::new() } else { format!(",{}", large.text()) };
            return format!("r{at},{},{},{chars}{last}", grade.text(), score.text());
        }
        let (grade, score, large) = (grade.json(), score.json(), large.json());
        let small = format!("{{\"correct\":{grade},\"confidence\":{{\"p\":{score}}},\"chars\":{chars}}}");
        let last = if *lost { "" } else { "}" };
        format!("{{\"id\":\"r{at}\",\"tiers\":{{\"small\":{small},\"large\":{{\"correct\":{large}}}}}{last}")
    };
    let head = csv.then(|| "id,small.correct,small.p,small.chars,large.correct".to_owned());
    of_lines(head.into_iter().chain(lines.iter().enumerate().map(row)))
}

proptest! {
    /// Either the table holds exactly what the cells say that can be read, or the first odd place is named; the number beside is never a signal.
    #[test]
    fn cells_are_used_as_they_read_or_named(lines in lines(), csv in any::<bool>(), declared in any::<bool>()) {
        let options = if declared { at_random("p") } else { options("p") };
        let read = take(&written(&lines, csv), &options);
        let number = |cell: &Cell| match cell { Cell::Number(number) => Some(*number), _ => None };
        let faults = lines.iter().map(|line| fault(line).filter(|(_, of_grade)| *of_grade || !declared));
        let first = faults.enumerate().find_map(|(at, fault)| Some((at, fault?.0)));
        if let Some((at, column)) = first {
            let Err(Error::Rows(rows)) = &read else { panic!("{read:?}") };
            let pointer = match column {
                "" => String::new(),
                "small.p" => "/tiers/small/confidence/p".to_owned(),
                _ => format!("/tiers/{}", column.replace('.', "/")),
            };
            prop_assert_eq!(rows.first[0].line, at as u64 + 1 + u64::from(csv));
            prop_assert_eq!(&rows.first[0].field, if csv { column } else { &*pointer });
            return Ok(());
        }
        let expected: Vec<(Option<f64>, f64, Option<f64>)> = lines
            .iter()
            .filter(|line| fault(line).is_none())
            .map(|(grade, score, _, large, _)| (number(grade), number(score).unwrap_or(f64::NAN), number(large)))
            .collect();
        let out = match read {
            Ok(out) => out,
            Err(error) => {
                prop_assert!(expected.is_empty(), "{}", error);
                return Ok(());
            }
        };
        prop_assert_eq!(out.summary.used, expected.len() as u64);
        let scores = out.observations.scores(0, "p").map_or_else(|| vec![f64::NAN; expected.len()], <[f64]>::to_vec);
        for (row, (grade, score, large)) in expected.into_iter().enumerate() {
            for (tier, grade) in [(0, grade), (1, large)] {
                // What has no grade has none in the table either, and its row is there all the same.
                let known = (!out.observations.ungraded_rows(tier).any(|(ungraded, _)| ungraded == row))
                    .then(|| out.observations.quality(tier)[row].get());
                prop_assert!(known.zip(grade).map_or(known == grade, |(known, grade)| (known - grade).abs() < 1e-9));
            }
            prop_assert_eq!(scores[row].to_bits(), (score + 0.0).to_bits());
        }
        prop_assert!(signals(&out).iter().all(|signal| *signal == "p"));
    }
}
