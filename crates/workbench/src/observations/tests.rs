mod odd;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tierfall_calibrate::observations::Condition;
use tierfall_calibrate::quality::Quality;
use tierfall_core::money::{Money, Price};

use super::*;
use crate::Error;

fn file(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    fs_err::write(&path, text).unwrap();
    path
}

fn take(text: &str, options: &ReadOptions) -> Result<ReadOut, Error> {
    let dir = tempfile::tempdir().unwrap();
    read(&[file(dir.path(), "a.jsonl", text)], options, &())
}

fn two() -> ReadOptions {
    ReadOptions::new(["small", "large"])
}

fn at_random() -> ReadOptions {
    ReadOptions { bad_rows: BadRows::AtRandom, ..two() }
}

fn unreadable(text: &str, options: &ReadOptions) -> Unreadable {
    match take(text, options) {
        Err(Error::Rows(rows)) => *rows,
        other => panic!("{other:?}"),
    }
}

fn asked(tier: &str, signal: &str) -> BTreeMap<String, BTreeSet<String>> {
    [(tier.to_owned(), [signal.to_owned()].into())].into()
}

/// A row with a grade and a signal for `small`, and a grade for `large`.
fn line(id: &str, small: &str, large: &str) -> String {
    format!(r#"{{"id":"{id}","tiers":{{"small":{small},"large":{large}}}}}"#) + "\n"
}

fn bits(scores: &[f64]) -> Vec<u64> {
    scores.iter().map(|score| score.to_bits()).collect()
}

#[test]
fn every_field_arrives() {
    let text = r#"{"id":"a","dataset":"d","segment":"s","group":"g","split":"train","weight":2.5,"query":{"x":[1]},"tiers":{
        "other":{"correct":1},
        "small":{"correct":0.25,"confidence":{"mean-logprob":-0.1,"p":null},"cost_usd":0.000013,"latency_ms":1.5,"output_tokens":7,"answer":"A"},
        "large":{"correct":true,"cost_usd":2e-6,"input_tokens":3}}}"#
        .replace('\n', "");
    let ReadOut { observations, summary } = take(&text, &two()).unwrap();
    assert_eq!((summary.read, summary.used, summary.bad, summary.n_excluded()), (1, 1, 0, 0));
    assert_eq!(summary.splits["train"], 1);
    assert_eq!(observations.quality(0)[0].nano(), 250_000_000);
    assert_eq!(observations.costs(0).unwrap(), [13_000_000]);
    assert_eq!(observations.costs(1).unwrap(), [2_000_000]);
    assert_eq!(observations.latencies(0).unwrap(), [1500]);
    assert_eq!(observations.latencies(1), None);
    assert_eq!((observations.length_of(0, 0), observations.length_of(1, 0)), (Some(7), None));
    assert_eq!(bits(observations.scores(0, "mean-logprob").unwrap()), bits(&[-0.1]));
    assert_eq!(observations.scores(0, "p"), None, "it never has a number");
    assert_eq!(bits(observations.weights().unwrap()), bits(&[2.5]));
    assert_eq!((&**observations.segment(0).unwrap(), &**observations.stratum(0).unwrap()), ("s", "s"));
    assert!(observations.group_of(0).is_some());
}

#[test]
fn what_a_row_lacks_is_never_a_reason_to_leave_it_out_but_for_the_last_tier() {
    let ok = r#"{"correct":1}"#;
    let text = [
        line("a", ok, ok),
        r#"{"id":"b","tiers":{"small":{"correct":1}}}"#.to_owned() + "\n",
        line("c", ok, "null"),
        line("d", r#"{"correct":null,"confidence":{}}"#, ok),
        r#"{"id":"e"}"#.to_owned() + "\n\n",
    ];
    let ReadOut { observations, summary } = take(&text.concat(), &two()).unwrap();
    assert_eq!((summary.read, summary.used, summary.bad, summary.n_excluded()), (5, 2, 0, 3));
    assert_eq!(summary.left_out, [LeftOut { reason: "no tier \"large\"".to_owned(), rows: 3 }]);
    assert_eq!(observations.conditions(), [Condition::WithoutLast { tier: "large".into(), rows: 3 }]);
    assert_eq!((observations.ungraded(0), observations.ungraded(1)), (1, 0));
    // A tier that a row says nothing of is passed over there.
    let lacking = take(&(line("a", ok, ok) + r#"{"id":"f","tiers":{"large":{"correct":1}}}"#), &two()).unwrap();
    assert_eq!((lacking.summary.used, lacking.observations.quality(0)[1]), (2, Quality::WRONG));
    assert!(lacking.observations.all_graded().is_ok());
    assert_eq!(lacking.summary.warnings, ["1 rows say nothing of tier \"small\": they escalate there"]);
    // Where none has it, its name is wrong.
    let never = take(&line("a", ok, ok).replace("small", "smal"), &two()).unwrap_err().to_string();
    assert!(never.contains("no row has the tier \"small\"; did you mean \"smal\"?"), "{never}");
}

#[test]
fn equal_answers_need_one_grade() {
    let cell = |correct: &str, answer: &str| format!(r#"{{"correct":{correct},"answer":{answer}}}"#);
    let text = [
        line("a", &cell("null", "\"Paris\""), &cell("1", "\" Paris \"")),
        line("b", &cell("null", "\"Rome\""), &cell("1", "\"Paris\"")),
        line("c", &cell("0", "7"), &cell("null", "7")),
        line("d", &cell("null", "\"x\""), &cell("null", "\"x\"")),
        line("e", &cell("null", "\"N/A\""), &cell("1", "\"N/A\"")),
        line("f", &cell("null", "null"), &cell("1", "null")),
        line("g", &cell("null", "[1]"), &cell("1", "[1]")),
    ];
    let table = take(&text.concat(), &two()).unwrap().observations;
    let quality = |tier: usize| table.quality(tier).iter().map(|quality| quality.get() > 0.5).collect::<Vec<_>>();
    assert_eq!(table.ungraded_rows(0).collect::<Vec<_>>(), [(1, false), (3, true), (4, false), (5, false), (6, false)]);
    assert_eq!(table.ungraded_rows(1).collect::<Vec<_>>(), [(3, true)]);
    assert_eq!((quality(0)[0], quality(1)[2]), (true, false), "each is worth what the other is");
}

#[test]
fn answers_are_the_same_only_where_they_are_surely_the_same_text() {
    let answers = [
        "1",
        "1.0",
        "1e0",
        "\"1\"",
        "\"1.0\"",
        "true",
        "\"true\"",
        "false",
        "9007199254740992",
        "9007199254740993",
        "0.1",
        "0.1000000000000000055511151231257827",
        "\"Paris\"",
        "\"paris\"",
        "1e400",
        "-0",
        "0",
    ];
    for (at, small) in answers.iter().enumerate() {
        for (other, large) in answers.iter().enumerate() {
            let row =
                line("a", &format!(r#"{{"correct":null,"answer":{small}}}"#), &format!(r#"{{"correct":1,"answer":{large}}}"#));
            let graded = take(&row, &two()).unwrap().observations.ungraded(0) == 0;
            assert_eq!(graded, at == other, "{small} and {large}");
        }
    }
}

#[test]
fn what_may_stand_for_no_answer_is_no_answer_that_two_tiers_gave() {
    for word in ["-", "...", "none", "None", "nil", "undefined", "<timeout>", "ERROR", "#REF!", "\u{200b}", " n/a "] {
        let cell = |correct: &str| format!(r#"{{"correct":{correct},"answer":{}}}"#, serde_json::Value::from(word));
        let table = take(&line("a", &cell("null"), &cell("1")), &two()).unwrap().observations;
        assert_eq!(table.ungraded_rows(0).collect::<Vec<_>>(), [(0, false)], "{word:?}");
    }
}

#[test]
fn blanks_around_a_name_make_no_other_name() {
    let row = |id: &str, group: &str| {
        format!(
            r#"{{"id":"{id}","group":"{group}","split":"train ","tiers":{{"small":{{"correct":1}},"large":{{"correct":1}}}}}}"#
        ) + "\n"
    };
    let options = ReadOptions { split: Some("train".into()), ..two() };
    let read = take(&[row("a", "g"), row("a ", " g")].concat(), &options).unwrap();
    assert_eq!((read.observations.len(), read.observations.groups().len(), read.summary.repeated_ids), (2, 1, 0));
    assert_eq!(read.observations.ids()[0], read.observations.ids()[1]);
}

#[test]
fn a_column_that_differs_in_case_alone_is_no_unknown_one() {
    for column in ["Weight", "Small.correct", "SEGMENT", "small.Correct"] {
        let text = format!("id,large.correct,{column}\na,1,1\n");
        let error = {
            let dir = tempfile::tempdir().unwrap();
            read(&[file(dir.path(), "rows.csv", &text)], &two(), &()).unwrap_err()
        }
        .to_string();
        assert!(error.contains("would be read if it were called"), "{column}: {error}");
    }
}

#[test]
fn a_file_is_read_once() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs_err::write(file.path(), line("a", r#"{"correct":1}"#, r#"{"correct":1}"#)).unwrap();
    let error = read(&[file.path(), file.path()], &two(), &()).unwrap_err().to_string();
    assert!(error.contains("is given twice"), "{error}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_pipe_without_a_name_is_told_from_a_file_that_is_not_there() {
    use std::os::fd::AsRawFd as _;
    let (pipe, _writer) = std::io::pipe().unwrap();
    let said = |path: &str| read(&[path], &two(), &()).unwrap_err().to_string();
    assert!(said(&format!("/dev/fd/{}", pipe.as_raw_fd())).contains("rows are read from files, not from a pipe"));
    assert!(said("/no/such/file").contains("there is no file"));
}

#[test]
fn a_line_that_is_no_json_names_nothing() {
    let sure = r#"{"correct":1,"confidence":{"sure":0.5}}"#;
    let torn = r#"{"id":"b","tiers":{"other":{},"small":{"confidence":{"phantom":0.3,"sure":0.2"#;
    let text = format!("{torn}\n{}", line("a", sure, r#"{"correct":1}"#));
    let summary = take(&text, &ReadOptions { bad_rows: BadRows::AtRandom, ..two() }).unwrap().summary;
    assert_eq!((summary.used, summary.bad, summary.warnings.len()), (1, 1, 0), "{:?}", summary.warnings);
    assert_eq!((&*summary.tiers[0].signals, summary.tiers[0].silent.len()), (&["sure".into()][..], 0));
}

#[test]
fn a_weight_or_a_segment_that_is_lost_is_an_error() {
    let ok = r#"{"correct":1}"#;
    let with = |id: &str, field: &str| line(id, ok, ok).replacen('{', &format!("{{{field},"), 1);
    let weights = with("a", r#""weight":4"#) + &line("b", ok, ok) + &with("c", r#""weight":1"#) + &line("d", ok, ok);
    let error = take(&weights, &two()).unwrap_err().to_string();
    assert!(error.contains("2 of 4 rows have no weight, the first of them") && error.contains(":2: "), "{error}");
    let segments = with("a", r#""segment":"s""#) + &line("b", ok, ok);
    assert_eq!(take(&segments, &two()).unwrap().summary.used, 2);
    let needed = ReadOptions { segments: true, ..two() };
    let error = take(&segments, &needed).unwrap_err().to_string();
    assert!(error.contains("1 of 2 rows have no segment") && error.contains(":2: "), "{error}");
    assert!(error.contains("--unsegmented rest"), "{error}");
    let error = take(&line("b", ok, ok), &needed).unwrap_err().to_string();
    assert!(error.contains("1 of 1 rows have no segment") && error.contains("--unsegmented rest"), "{error}");
}

#[test]
fn signals_that_say_nothing_abstain_and_infinities_are_scores() {
    let ok = r#"{"correct":1}"#;
    let row = |id: &str, confidence: &str| line(id, &format!(r#"{{"correct":1,"confidence":{confidence}}}"#), ok);
    let text = [
        row("a", r#"{"sum_logprob":null,"p":0.5}"#),
        row("b", r#"{"sum_logprob":-1e9,"p":-1e9}"#),
        row("c", r#"{"sum_logprob":"-inf","p":"inf"}"#),
        row("d", r#"{"sum_logprob":NaN,"p":-Infinity}"#),
        row("e", r#"{"sum_logprob":-0.0,"p":"NaN"}"#),
        row("f", "null"),
        line("g", ok, ok),
    ];
    let ReadOut { observations, summary } = take(&text.concat(), &two()).unwrap();
    assert_eq!((summary.used, summary.bad), (7, 0));
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    assert_eq!(bits(observations.scores(0, "sum_logprob").unwrap()), bits(&[nan, -inf, -inf, nan, 0.0, nan, nan]));
    assert_eq!(bits(observations.scores(0, "p").unwrap()), bits(&[0.5, -1e9, inf, -inf, nan, nan, nan]));
    assert_eq!(summary.tiers[0].signals.iter().map(|signal| &**signal).collect::<Vec<_>>(), ["sum_logprob", "p"]);
}

#[test]
fn bad_rows_are_named_with_line_field_and_reason() {
    let ok = r#"{"correct":1}"#;
    let cases = [
        ("{\"id\":\"x\", nonsense\n".to_owned(), "", "no JSON"),
        ("[1,2]\n".to_owned(), "", "expected an object"),
        (r#"{"tiers":{}}"#.to_owned() + "\n", "/id", "is missing"),
        (line("x", r#"{"correct":1.5}"#, ok), "/tiers/small/correct", "is 1.5, not a grade"),
        (line("x", r#"{"correct":"perhaps"}"#, ok), "/tiers/small/correct", "the text \"perhaps\""),
        (line("x", ok, r#"{"judged":-1,"judge":"J"}"#), "/tiers/large/judged", "is -1, not a grade"),
        (line("x", ok, r#"{"correct":1,"confidence":{"a/b~":"high"}}"#), "/tiers/large/confidence/a~1b~0", "not a number"),
        (line("x", ok, r#"{"correct":1,"confidence":0.3}"#), "/tiers/large/confidence", "no object"),
        (line("x", ok, "7"), "/tiers/large", "no object"),
        (line("x", ok, r#"{"correct":1,"cost_usd":-1}"#), "/tiers/large/cost_usd", "at least 0"),
        (line("x", ok, r#"{"correct":1,"output_tokens":"many"}"#), "/tiers/large/output_tokens", "\"many\""),
        (line("x", ok, r#"{"judged":1}"#), "/tiers/large/judge", "is missing"),
        (line("x", ok, ok).replacen('{', r#"{"weight":0.5,"#, 1), "/weight", "at least 1"),
        (line("x", ok, ok).replacen('{', r#"{"segment":[],"#, 1), "/segment", "a list"),
    ];
    for (bad, field, reason) in cases {
        let text = line("a", ok, ok) + "\n" + &bad + &line("b", ok, ok);
        let rows = unreadable(&text, &two());
        assert_eq!((rows.read, rows.bad), (3, 1), "{bad}");
        let first = &rows.first[0];
        assert_eq!((first.line, &*first.field), (3, field), "{bad}");
        assert!(first.reason.contains(reason), "{bad}: {first}");
        assert!(rows.to_string().contains("a.jsonl:3: "), "{rows}");
        let left_out = take(&text, &at_random());
        if rows.bad_grades > 0 {
            assert!(matches!(left_out, Err(Error::Rows(_))), "{bad}");
        } else {
            let summary = left_out.unwrap().summary;
            assert_eq!((summary.used, summary.bad, summary.n_excluded()), (2, 1, 1), "{bad}");
            assert_eq!(summary.first_bad[0].reason, first.reason, "{bad}");
        }
    }
}

#[test]
fn only_the_first_bad_rows_are_kept_and_all_are_counted() {
    let text = line("a", r#"{"correct":1}"#, r#"{"correct":1}"#) + &"{\n".repeat(100);
    let summary = take(&text, &at_random()).unwrap().summary;
    assert_eq!((summary.bad, summary.first_bad.len()), (100, Summary::SHOWN));
    assert_eq!(summary.first_bad[19].line, 21);
    let rows = unreadable(&text, &two());
    assert_eq!((rows.bad, rows.first.len(), rows.first[19].line), (100, Summary::SHOWN, 21));
    assert!(rows.to_string().ends_with("and 80 more"), "{rows}");
}

#[test]
fn an_error_says_what_there_is_instead() {
    let ok = r#"{"correct":1,"confidence":{"margin":1}}"#;
    let text = line("a", ok, ok).replace(r#"{"id""#, r#"{"split":"train","id""#);
    let message = |options: &ReadOptions| take(&text, options).unwrap_err().to_string();
    let tier = message(&ReadOptions::new(["small", "larg"]));
    assert!(tier.contains("no row has the tier \"larg\"; did you mean \"large\"?"), "{tier}");
    let signal = message(&ReadOptions { signals: asked("mall", "margin"), ..two() });
    assert!(signal.contains("a signal is given for \"mall\", which is not in the chain"), "{signal}");
    let split = message(&ReadOptions { split: Some("test".to_owned()), ..two() });
    assert!(split.contains("the split \"test\"; there is only train"), "{split}");
    assert!(message(&ReadOptions::new([] as [&str; 0])).contains("chain is empty"));
    assert!(message(&ReadOptions::new(["small", "small"])).contains("twice"));
    let nothing = take("{\n{\n", &at_random()).unwrap_err().to_string();
    assert!(nothing.contains("2 rows are bad, the first of them") && nothing.contains("a.jsonl:1"), "{nothing}");
    assert!(take("", &two()).unwrap_err().to_string().contains("it is empty"));
    assert!(take("[{}]", &two()).unwrap_err().to_string().contains("begins with a list"));
}

#[test]
fn only_rows_of_the_split_are_taken() {
    let ok = r#"{"correct":1}"#;
    let split = |id: &str, split: &str| line(id, ok, ok).replace(r#"{"id""#, &format!(r#"{{"split":{split},"id""#));
    let text = [split("a", "\"train\""), split("b", "\"test\""), split("c", "null"), split("d", r#"{"seed0":"test"}"#)];
    let all = take(&text.concat(), &two()).unwrap().summary;
    assert_eq!((all.used, all.without_split, all.splits.len()), (4, 2, 2));
    // Which rows name one may depend on how their answers are, too.
    let train = |options| ReadOptions { split: Some("train".to_owned()), ..options };
    let rows = unreadable(&text.concat(), &train(two()));
    let places: Vec<_> = rows.first.iter().map(|row| (row.line, &*row.field)).collect();
    assert_eq!(places, [(3, "/split"), (4, "/split")]);
    assert!(rows.to_string().contains("/split: is missing, and rows are taken by their split"), "{rows}");
    let summary = take(&text.concat(), &train(at_random())).unwrap().summary;
    assert_eq!((summary.used, summary.other_splits, summary.bad), (1, 1, 2));
    let none = take(&line("a", ok, ok), &train(two())).unwrap_err().to_string();
    assert!(none.contains("no row is of the split \"train\"; the rows have no splits at all"), "{none}");
}

#[test]
fn costs_are_known_where_they_are_declared_or_written() {
    let text = line("a", r#"{"correct":1,"cost_usd":5,"input_tokens":10,"output_tokens":2}"#, r#"{"correct":1,"cost_usd":5}"#)
        + &line("b", r#"{"correct":1,"input_tokens":20}"#, r#"{"correct":1}"#);
    let plain = take(&text, &two()).unwrap();
    assert_eq!((plain.observations.costs(0), plain.observations.costs(1)), (None, None));
    let mut options = two();
    options.costs.insert("large".to_owned(), Money::from_pico(7));
    let price = Price { input: "1".parse().unwrap(), output: "2".parse().unwrap(), cached_input: None, cached_write: None };
    options.prices.insert("small".to_owned(), price);
    let declared = take(&text, &options).unwrap();
    assert_eq!(declared.observations.costs(1).unwrap(), [7, 7]);
    assert_eq!(declared.observations.costs(0), None, "b does not tell its output");
    assert!(
        declared.summary.warnings.iter().any(|said| said.starts_with("--price small: some row does not tell how many tokens"))
    );
    options.costs.insert("medium".to_owned(), Money::ZERO);
    assert!(take(&text, &options).unwrap_err().to_string().contains("\"medium\", which is not in the chain"));
}

#[test]
fn a_judges_grades_count_as_the_judges_however_late_they_come() {
    let ok = r#"{"correct":1}"#;
    let text: String = (0..30_000).map(|n| line(&n.to_string(), ok, r#"{"correct":1,"confidence":{"a":1}}"#)).collect();
    let late = line("j", ok, r#"{"correct":0,"judged":1,"judge":"J"}"#) + &line("k", ok, r#"{"judged":0.5,"judge":"K"}"#);
    let ReadOut { observations, summary } = take(&(text + &late), &two()).unwrap();
    assert_eq!((summary.used, observations.len()), (30_002, 30_002));
    // What people said before is what they said beside the judge, who has not graded it.
    assert_eq!((observations.ungraded(1), observations.human(1, 7)), (30_000, Some(Quality::RIGHT)));
    assert_eq!([0, 1].map(|tier| observations.spec(tier).judge.as_deref()), [None, Some("J, K")]);
    assert_eq!((0..30_002).filter(|row| observations.human(1, *row).is_some()).count(), 30_001);
    assert_eq!(observations.quality(1)[30_000..].iter().map(|q| q.nano()).collect::<Vec<_>>(), [1_000_000_000, 500_000_000]);
    assert_eq!(observations.human(1, 30_000).map(Quality::nano), Some(0));
}

/// What was told last.
#[derive(Default)]
struct Last(std::sync::Mutex<(u64, u64)>);

impl crate::Progress for Last {
    fn at(&self, done: u64, of: u64) {
        *self.0.lock().unwrap() = (done, of);
    }
}

#[test]
fn compressed_and_plain_files_give_the_same_table() {
    let dir = tempfile::tempdir().unwrap();
    let row =
        |n: usize| line(&format!("r{n}"), &format!(r#"{{"correct":{},"confidence":{{"p":0.{n}}}}}"#, n % 2), r#"{"correct":1}"#);
    let text: String = (0..500).map(row).collect();
    let plain = file(dir.path(), "plain", &format!("\u{feff}{text}"));
    let packed = dir.path().join("packed");
    let mut bytes = Vec::new();
    // Two members, as `cat a.gz b.gz` makes them.
    for part in [&text[..9000], &text[9000..]] {
        let mut encoder = flate2::write::GzEncoder::new(&mut bytes, flate2::Compression::fast());
        encoder.write_all(part.as_bytes()).unwrap();
        encoder.finish().unwrap();
    }
    fs_err::write(&packed, bytes).unwrap();
    let last = Last::default();
    let one = read(&[&plain], &two(), &last).unwrap();
    assert_eq!(*last.0.lock().unwrap(), (text.len() as u64 + 3, text.len() as u64 + 3));
    let other = read(&[&packed], &two(), &()).unwrap();
    assert_eq!(digest(&one.observations), digest(&other.observations));
    assert_eq!(one.summary, other.summary);
    let both = read(&[&plain, &packed], &two(), &()).unwrap();
    assert_eq!((both.summary.used, both.summary.repeated_ids), (1000, 500));
}

#[test]
fn csv_gives_the_same_table_as_json() {
    let dir = tempfile::tempdir().unwrap();
    let csv = "id,segment,group,weight,split,l.2.correct,l.2.cost_usd,small.correct,small.p,small.answer,small.confidence.q,x.correct\n\
               007,s,,2,train,1,0.5,0,-inf,\"Paris, France\",,1\n\
               b,,g,3,test,True,,0.5,nan,B,1e-3,0\n\
               c,,g,1,test,1,,,,,,0\n";
    let json = r#"{"id":"007","segment":"s","weight":2,"split":"train","tiers":{"small":{"correct":0,"confidence":{"p":"-inf"}},"l.2":{"correct":1,"cost_usd":0.5}}}
{"id":"b","group":"g","weight":3,"split":"test","tiers":{"small":{"correct":0.5,"confidence":{"p":null,"q":0.001}},"l.2":{"correct":1}}}
{"id":"c","group":"g","weight":1,"tiers":{"l.2":{"correct":1}}}
"#;
    let options = ReadOptions { signals: asked("small", "p"), ..ReadOptions::new(["small", "l.2"]) };
    let one = read(&[file(dir.path(), "a.csv", csv)], &options, &()).unwrap();
    let other = read(&[file(dir.path(), "a.json", json)], &options, &()).unwrap();
    assert_eq!(digest(&one.observations), digest(&other.observations));
    assert_eq!(one.summary.left_out, other.summary.left_out);
    assert_eq!(one.summary.warnings, ["1 rows say nothing of tier \"small\": they escalate there"]);
}

#[test]
fn csv_columns_may_have_names_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let text = "question,ok_small,ok_large,sure\nq1,0,1,0.5\nq2,1,1,high\nq3,1\n";
    let path = file(dir.path(), "a.csv", text);
    let mut options = at_random();
    for (column, field) in [("question", "id"), ("ok_small", "small.correct"), ("ok_large", "large.correct"), ("sure", "small.p")]
    {
        options.columns.insert(column.to_owned(), field.to_owned());
    }
    let ReadOut { observations, summary } = read(&[&path], &options, &()).unwrap();
    assert_eq!((observations.len(), summary.bad), (1, 2));
    assert_eq!(bits(observations.scores(0, "p").unwrap()), bits(&[0.5]), "what is called a signal is one");
    let bad: Vec<_> = summary.first_bad.iter().map(|bad| (bad.line, &*bad.field)).collect();
    assert_eq!(bad, [(3, "sure"), (4, "")]);
    options.columns.insert("missing".to_owned(), "split".to_owned());
    assert!(read(&[&path], &options, &()).unwrap_err().to_string().contains("no column \"missing\""));
    let no_id = read(&[&path], &two(), &()).unwrap_err().to_string();
    assert!(no_id.contains("neither JSON Lines nor CSV with a column \"id\""), "{no_id}");
}

#[test]
fn any_number_of_cores_gives_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let mut text = String::new();
    for n in 0..40_000 {
        // Signals that come and go, groups, bad rows.
        let signal = format!("s{}", n / 9000);
        let small = format!(r#"{{"correct":{},"confidence":{{"{signal}":{n}}},"latency_ms":{n}}}"#, n % 2);
        text += &if n % 97 == 0 { "{\n".to_owned() } else { line(&format!("r{n}"), &small, r#"{"correct":1}"#) };
    }
    let path = file(dir.path(), "a", &text);
    let on = |cores| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(cores).build().unwrap();
        let ReadOut { observations, summary } = pool.install(|| read(&[&path], &at_random(), &())).unwrap();
        (digest(&observations), summary)
    };
    let one = on(1);
    assert_eq!(one.1.tiers[0].signals.len(), 5);
    assert_eq!(one, on(5));
}

/// Real rows, where they are at hand: (file, chain, rows used, rows left out, a signal of the first tier, abstentions).
#[test]
fn real_tables_are_read() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if !folder.is_dir() {
        println!("skipped: {} is absent", folder.display());
        return;
    }
    let cases: &[(&str, &[&str], u64, u64, &str)] = &[
        ("zellinger_mmlu", &["gpt-4o-mini", "gpt-4o"], 1816, 0, "logprob_answer_token"),
        ("deductive_coding", &["gpt-4o-mini-2024-07-18", "claude-haiku-4-5-20251001"], 3390, 0, "verbalized"),
        ("lifeeval_boolq", &["claude-3-haiku-20240307", "gpt-4o"], 3270, 0, "verbalized"),
        ("streaming_p_true", &["llama-3.1-8b", "llama-3.3-70b"], 17697, 0, "p_true"),
        ("anytime_gsm8k", &["budget_96", "budget_160"], 1319, 0, "verbalized"),
    ];
    for (name, chain, used, left, signal) in cases {
        let path = folder.join(format!("{name}.jsonl.gz"));
        let ReadOut { observations, summary } = read(&[path], &ReadOptions::new(chain.iter().copied()), &()).unwrap();
        println!("{name}: {summary:?}");
        assert_eq!((summary.used, summary.n_excluded(), summary.bad), (*used, *left, 0), "{name}");
        assert!(observations.scores(0, signal).is_some(), "{name}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), braces in any::<bool>()) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        let mut all = if braces { b"{\"id\":1,\"tiers\":".to_vec() } else { b"id,small.correct\n".to_vec() };
        all.extend(bytes);
        fs_err::write(&path, all).unwrap();
        let _ = read(&[path], &two(), &());
    }

    #[test]
    fn numbers_arrive_bit_for_bit(numbers in proptest::collection::vec(-1e6..1e6f64, 1..20)) {
        let row = |(n, number): (usize, &f64)| {
            line(&n.to_string(), &format!(r#"{{"correct":1,"confidence":{{"p":{number:?}}}}}"#), r#"{"correct":1}"#)
        };
        let text: String = numbers.iter().enumerate().map(row).collect();
        let observations = take(&text, &two()).unwrap().observations;
        let expected: Vec<f64> = numbers.iter().map(|number| number + 0.0).collect();
        prop_assert_eq!(bits(observations.scores(0, "p").unwrap()), bits(&expected));
    }
}

#[test]
fn a_damaged_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    // Ids that do not pack well, so that the cut is in the middle of rows.
    for n in 0..500_u64 {
        let id = n.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_string();
        packed.write_all(line(&id, r#"{"correct":1}"#, r#"{"correct":1}"#).as_bytes()).unwrap();
    }
    let packed = packed.finish().unwrap();
    for length in [5, packed.len() / 2] {
        let path = dir.path().join("part.jsonl.gz");
        fs_err::write(&path, &packed[..length]).unwrap();
        let error = read(&[&path], &two(), &()).unwrap_err();
        assert!(error.to_string().contains("damaged or only a part") && error.to_string().contains("part.jsonl.gz"), "{error}");
    }
}

#[test]
fn bad_rows_of_csv_are_found_on_their_lines_whatever_ends_these() {
    let text = "id,note,small.correct,large.correct\n1,x,1,1\n\n2,\"two\n\nlines\",1,1\n3,x,hm,1\n4,\"a\nb\",1,nor this\n5,x\n";
    for end in ["\n", "\r\n"] {
        let rows = unreadable(&text.replace('\n', end), &two());
        assert_eq!(rows.first.iter().map(|bad| bad.line).collect::<Vec<_>>(), [7, 8, 10], "{end:?}");
    }
}

#[test]
fn what_is_wrong_is_named_as_it_is_written() {
    let error = |small: &str| take(&line("a", small, r#"{"correct":1}"#), &two()).unwrap_err().to_string();
    for (small, said) in [
        (r#"{"correct":Infinity}"#, "is Infinity, not a grade"),
        (r#"{"correct":1e300}"#, "is 1e300, not a grade"),
        (r#"{"correct":-0.25}"#, "is -0.25, not a grade"),
        (r#"{"correct":"inf"}"#, "is inf, not a grade"),
        (r#"{"correct":" -1 "}"#, "is -1, not a grade"),
    ] {
        assert!(error(small).contains(said), "{}", error(small));
    }
    let utf16: Vec<u8> = "\u{feff}{\"id\"".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let dir = tempfile::tempdir().unwrap();
    for bytes in [&utf16[..], &utf16[2..]] {
        let path = dir.path().join("a.jsonl");
        fs_err::write(&path, bytes).unwrap();
        let error = read(&[path], &two(), &()).unwrap_err().to_string();
        assert!(error.contains("UTF-16") && error.contains("iconv"), "{error}");
    }
}
