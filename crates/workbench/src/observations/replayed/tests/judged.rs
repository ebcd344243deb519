use super::*;
use serde_json::{Value, json};
use std::path::Path;
use tierfall::config::parse_str;
use tierfall_calibrate::quality::Quality;

const CASCADE: &str = r#"
version = 1
name = "two"
[provider.p.simulated]
models.s = { ability = 0.5 }
[[tier]]
name = "small"
model = "p/s"
gate = { signal = "mean-logprob", threshold = 0.5 }
[[tier]]
name = "large"
model = "p/s"
"#;

/// Who said what of the answers of a tier: (example, who, grade).
type Said<'a> = &'a [(usize, &'a str, f64)];

/// Six judged examples, of which the small tier fails on the last; those in `exact` have a grader of their own.
fn read(dir: &Path, exact: &[usize], small: Said<'_>, large: Said<'_>) -> ReadOut {
    let loaded = parse_str(CASCADE).unwrap();
    let set = "name = \"s\"\ngrader = { judge = { name = \"j\", rubric = \"r\" } }\n[judge.j]\ncascade = \"j.cascade.toml\"\n";
    fs_err::write(dir.join("set.toml"), set).unwrap();
    let lines = |line: &dyn Fn(usize) -> Value| (0..6).map(|k| line(k).to_string() + "\n").collect::<String>();
    let example = |k: usize| {
        let mut example =
            json!({"id": format!("e{k}"), "segment": "s", "split": "test", "query": format!("{k}?"), "expected": "x"});
        if exact.contains(&k) {
            example["grader"] = json!("exact");
        }
        example
    };
    fs_err::write(dir.join("examples.jsonl"), lines(&example)).unwrap();
    for folder in ["recordings", "grades"] {
        fs_err::create_dir_all(dir.join(folder)).unwrap();
    }
    for (binding, said) in tierfall::bindings(&loaded).into_iter().zip([small, large]) {
        let header = serde_json::to_string(&Header::new(&binding)).unwrap() + "\n";
        let answer = |k: usize| {
            if k == 5 && &*binding.tier == "small" {
                json!({"id": "e5", "error": {"kind": "timeout", "message": "late"}})
            } else {
                json!({"id": format!("e{k}"), "text": "x", "logprobs": [["x", -0.1, []]], "usage": {"input": 1, "output": 1}})
            }
        };
        fs_err::write(dir.join(format!("recordings/{}.jsonl", binding.tier)), header + &lines(&answer)).unwrap();
        let grade = |(k, by, correct): &(usize, &str, f64)| {
            json!({"id": format!("e{k}"), "correct": correct, "by": by, "grader": "judge"}).to_string() + "\n"
        };
        fs_err::write(dir.join(format!("grades/{}.jsonl", binding.tier)), said.iter().map(grade).collect::<String>()).unwrap();
    }
    let set = FixtureSet::load(dir).unwrap();
    let recordings = Recordings::load(dir, &tierfall::bindings(&loaded)).unwrap();
    from_fixtures(&loaded.cascade, &set, &recordings, None, Ungraded::AtWorst).unwrap()
}

fn judged(tiers: usize) -> Vec<(usize, &'static str, f64)> {
    (0..tiers).map(|k| (k, "judge j", 1.0)).collect()
}

fn columns(out: &ReadOut, tier: usize) -> Vec<(f64, Option<f64>)> {
    let rows = 0..out.observations.len();
    rows.map(|row| (out.observations.quality(tier)[row].get(), out.observations.human(tier, row).map(Quality::get))).collect()
}

#[test]
fn the_judge_grades_and_people_check_it() {
    let dir = tempfile::tempdir().unwrap();
    let (mut small, mut large) = (judged(5), judged(6));
    small.extend([(0, "Ada", 0.0), (0, "Ben", 1.0), (1, "Ada", 1.0)]);
    large.extend([(0, "Ada", 1.0), (5, "Ada", 0.0)]);
    let out = read(dir.path(), &[], &small, &large);
    let one = |human| (1.0, human);
    let rest = [one(None), one(None), one(None)];
    assert_eq!(
        columns(&out, 0),
        [[one(Some(0.5)), one(Some(1.0)), one(None)].as_slice(), &rest[..2], &[(0.0, Some(0.0))]].concat()
    );
    assert_eq!(columns(&out, 1), [[one(Some(1.0)), one(None), one(None)].as_slice(), &rest[..2], &[one(Some(0.0))]].concat());
    assert!(out.observations.tiers().all(|spec| spec.judge.as_deref() == Some("j")));
    assert_eq!(out.summary.warnings, Vec::<String>::new());
}

#[test]
fn people_alone_are_no_judge() {
    let dir = tempfile::tempdir().unwrap();
    let people: Vec<_> = (0..6).map(|k| (k, "Ada", 1.0)).collect();
    let out = read(dir.path(), &[], &people, &people);
    assert!(out.observations.tiers().all(|spec| spec.judge.is_none()));
    assert_eq!(columns(&out, 1), [(1.0, None); 6]);
}

#[test]
fn what_the_judge_did_not_grade_stays_and_has_no_grade() {
    let dir = tempfile::tempdir().unwrap();
    let mut small = judged(4);
    small.push((4, "Ada", 1.0));
    // Of both tiers' equal answers to example 4 the judge graded the large one's alone, and none of the large tier's to example 5.
    let out = read(dir.path(), &[], &small, &judged(5));
    assert!(out.summary.left_out.is_empty() && out.observations.len() == 6);
    assert_eq!(out.observations.ungraded_rows(0).collect::<Vec<_>>(), []);
    assert_eq!(out.observations.ungraded_rows(1).collect::<Vec<_>>(), [(5, true)]);
    assert_eq!(columns(&out, 0)[4], (1.0, Some(1.0)), "the judge's, since the answers are the same, and a person's beside it");

    let set = FixtureSet::load(dir.path()).unwrap();
    let loaded = parse_str(CASCADE).unwrap();
    let recordings = Recordings::load(dir.path(), &tierfall::bindings(&loaded)).unwrap();
    let declared = from_fixtures(&loaded.cascade, &set, &recordings, None, Ungraded::AtRandom).unwrap();
    let left: Vec<_> = declared.summary.left_out.iter().map(|left| (&*left.reason, left.rows)).collect();
    assert_eq!((left, declared.observations.len()), (vec![("some answer has no grade", 1)], 5));
    assert_eq!(declared.observations.conditions(), [Condition::UngradedAtRandom { rows: 1 }]);
}

#[test]
fn people_do_not_correct_a_judge_that_grades_a_part() {
    let dir = tempfile::tempdir().unwrap();
    let (mut small, large) = (judged(5), judged(6));
    small.push((0, "Ada", 0.0));
    small.retain(|(k, ..)| *k != 3);
    let out = read(dir.path(), &[3], &small, &large);
    assert_eq!(columns(&out, 0)[0], (1.0, None), "relative to the judge all the same");
    assert_eq!(columns(&out, 0)[3], (1.0, None), "its own grader is asked on the spot");
    assert_eq!(out.observations.spec(0).judge.as_deref(), Some("j"));
    assert!(
        out.summary.warnings[0].contains("1 answers are graded by the judge \"j\" and by people"),
        "{:?}",
        out.summary.warnings
    );
}
