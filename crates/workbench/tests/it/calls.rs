//! What the command's subcommands do, done without the command.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, pending};
use tierfall_calibrate::ask::{Delta, Target};
use tierfall_calibrate::regress::Verdict;
use tierfall_core::fit::Status;
use tierfall_workbench::diff::{Cut, Diffed};
use tierfall_workbench::fixture::grade::{Graders, RecordedSet};
use tierfall_workbench::fixture::record::{RecordEvent, RecordOptions};
use tierfall_workbench::grade::Endings;
use tierfall_workbench::progress::{Progress, Stage};
use tierfall_workbench::{Error, Inputs, advise, calibrate, diff, evaluate, grade, plan, record, regress};

use crate::load::folder;

/// A copy of the repository's own cascade, fit, baseline and fixture set.
fn support() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    copy(&repository().join("cascades"), &dir.path().join("cascades"));
    copy(&repository().join("fixtures/support"), &dir.path().join("fixtures/support"));
    dir
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn copy(from: &Path, to: &Path) {
    fs_err::create_dir_all(to).unwrap();
    for entry in fs_err::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let there = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &there);
        } else {
            fs_err::copy(&path, &there).unwrap();
        }
    }
}

fn support_inputs(dir: &Path) -> Inputs {
    Inputs::fixtures(dir.join("cascades/support.cascade.toml"), dir.join("fixtures/support").to_str().unwrap())
}

/// A file of rows: the small tier is right where it is sure, the large one nearly always and at twenty times the cost.
fn rows(dir: &Path) -> Inputs {
    let row = |at: usize| {
        let ease = (at * 617 % 401) as f64 / 401.0;
        let small =
            format!("{{\"correct\": {}, \"confidence\": {{\"sure\": {ease}}}, \"cost_usd\": 0.001}}", u8::from(ease > 0.4));
        let large = format!("{{\"correct\": {}, \"cost_usd\": 0.02}}", u8::from(ease > 0.05));
        format!("{{\"id\": \"q{at}\", \"tiers\": {{\"small\": {small}, \"large\": {large}}}}}\n")
    };
    let path = dir.join("rows.jsonl");
    fs_err::write(&path, (0..400).map(row).collect::<String>()).unwrap();
    Inputs::files([path], ["small", "large"])
}

/// Keeps the stages.
#[derive(Default)]
struct Stages(Mutex<Vec<Stage>>);

impl Progress for Stages {
    fn begins(&self, stage: Stage) {
        self.0.lock().unwrap().push(stage);
    }
}

fn hint_of<T>(result: Result<T, Error>) -> (String, String) {
    let error = result.err().unwrap();
    (error.to_string(), error.hint().unwrap_or_default())
}

#[test]
fn calibrate_makes_the_fit_of_the_repository_byte_for_byte() {
    let dir = support();
    let (fit, ledger) = ("cascades/support.fit.toml", "fixtures/support/ledger.toml");
    fs_err::remove_file(dir.path().join(fit)).unwrap();
    let stages = Stages::default();
    let ask = calibrate::Ask::new(Target::MaxLoss(0.05), Delta::new(0.1));
    let made = calibrate(&support_inputs(dir.path()), &ask, &stages).unwrap();
    assert!(made.met && made.report.status == Status::Certified, "{:?}", made.report.status);
    assert_eq!(*stages.0.lock().unwrap(), [Stage::Reading, Stage::Grading, Stage::Calibrating]);
    let file = made.fit_file.unwrap();
    assert!(!file.exists(), "who asks writes it");
    tierfall_workbench::fit::write(&file, &made.fit).unwrap();
    for same in [fit, ledger] {
        let (kept, now) = (repository().join(same), dir.path().join(same));
        assert_eq!(fs_err::read_to_string(kept).unwrap(), fs_err::read_to_string(now).unwrap(), "{same}");
    }
}

#[test]
fn evaluate_judges_a_fit_by_rows_that_it_has_not_seen() {
    let inputs = support_inputs(&repository());
    let made = evaluate(&inputs, &evaluate::Ask::default(), &()).unwrap();
    assert_eq!((made.from.split.as_deref(), made.report.n), (Some("test"), made.from.summary.used));
    let seen = Inputs { split: Some("train".to_owned()), ..inputs };
    let result = evaluate(&seen, &evaluate::Ask::default(), &());
    assert!(matches!(result, Err(Error::Seen(_))));
    assert!(hint_of(result).1.contains("--allow-overlap"));
    let allowed = evaluate::Ask { allow_overlap: true, ..evaluate::Ask::default() };
    assert!(evaluate(&seen, &allowed, &()).is_ok());
}

#[test]
fn files_are_calibrated_and_then_judged_by_a_fit_that_was_written() {
    let dir = tempfile::tempdir().unwrap();
    let inputs = rows(dir.path());
    let fit = dir.path().join("rows.fit.toml");
    let ask = calibrate::Ask { fit_out: Some(fit.clone()), ..calibrate::Ask::new(Target::MaxLoss(0.3), Delta::new(0.1)) };
    let made = calibrate(&inputs, &ask, &()).unwrap();
    assert!(made.report.warnings.iter().any(|warning| warning.starts_with("nobody counts")), "{:?}", made.report.warnings);
    tierfall_workbench::fit::write(&fit, &made.fit).unwrap();
    let judged = evaluate(&inputs, &evaluate::Ask { fit: Some(fit), allow_overlap: true, ..evaluate::Ask::default() }, &());
    assert_eq!(judged.unwrap().report.n, 400);
}

#[test]
fn nothing_that_is_read_is_overwritten_and_nothing_is_spent_on_what_cannot_be() {
    let dir = tempfile::tempdir().unwrap();
    let inputs = rows(dir.path());
    let ask = calibrate::Ask::new(Target::MaxLoss(0.3), Delta::new(0.1));
    let onto = calibrate::Ask { fit_out: Some(dir.path().join("rows.jsonl")), ..ask.clone() };
    let (what, _) = hint_of(calibrate(&inputs, &onto, &()));
    assert!(what.contains("would overwrite the observations"), "{what}");
    let ledger = dir.path().join("ledger.toml");
    let nowhere = Some(dir.path().join("no/such/folder.toml"));
    let ask = calibrate::Ask { ledger: Some(ledger.clone()), fit_out: nowhere, ..ask };
    assert!(hint_of(calibrate(&inputs, &ask, &())).1.contains("nothing was calculated"));
    assert!(!ledger.exists());
}

#[test]
fn advise_and_plan_say_what_tiers_and_margins_cost() {
    let dir = tempfile::tempdir().unwrap();
    let inputs = rows(dir.path());
    let advised = advise(&inputs, &advise::Ask::default(), &()).unwrap();
    assert_eq!((advised.report.n, advised.from.name.as_str()), (400, "small → large"));
    let (what, hint) = hint_of(advise(&inputs, &advise::Ask { signal: Some("sur".to_owned()), ..advise::Ask::default() }, &()));
    assert!(what.contains("has no signal \"sur\"") && hint.starts_with("did you mean \"sure\"?"), "{what}; {hint}");
    let ask = plan::Ask {
        max_loss: Some(0.04),
        target_accuracy: None,
        discordance: None,
        delta: 0.1,
        signal: None,
        by_segment: false,
        results: Vec::new(),
    };
    let planned = plan(Some(&inputs), &ask, &()).unwrap();
    assert_eq!((planned.last.as_deref(), planned.plan.margins.len()), (Some("large"), 7));
    let without = plan::Ask { discordance: Some(0.2), results: vec![("--json", dir.path().join("rows.jsonl"))], ..ask };
    assert_eq!(plan(None, &without, &()).unwrap().last, None);
    assert!(hint_of(plan(Some(&inputs), &without, &())).0.contains("would overwrite the observations"));
}

#[tokio::test]
async fn regress_holds_a_cascade_against_its_baseline_and_names_what_is_broken() {
    let dir = support();
    let of = |name: &str| dir.path().join("cascades").join(name);
    fs_err::write(of("broken.cascade.toml"), "version = 1\n").unwrap();
    let ask = regress::Ask {
        cascades: vec![of("support.cascade.toml"), of("broken.cascade.toml")],
        strict: true,
        update_baseline: true,
        ..regress::Ask::default()
    };
    let made = regress(&ask, &()).await.unwrap();
    assert_eq!(made.report.verdict, Verdict::Pass);
    let [(path, Error::Load(_))] = made.broken.as_slice() else { panic!("{:?}", made.broken) };
    assert!(path.ends_with("broken.cascade.toml"));
    // Nothing changed, so neither does the baseline.
    let [update] = made.updates.as_slice() else { panic!("one set, one baseline") };
    assert!(update.entries.iter().all(|entry| entry.was.as_ref() == Some(&entry.now)));
    update.write().unwrap();
    let baseline = |root: &Path| fs_err::read(root.join("cascades/support.baseline.json")).unwrap();
    assert!(baseline(dir.path()) == baseline(&repository()));
}

#[test]
fn diff_plays_the_same_requests_under_a_what_if() {
    let root = repository();
    let ask = diff::Ask {
        a: root.join("cascades/support.fit.toml"),
        b: None,
        cuts: vec![("medium".to_owned(), Cut::DeferAll)],
        point: None,
        point_b: None,
        cascade: None,
        set: Some(root.join("fixtures/support").to_str().unwrap().to_owned()),
        files: None,
        split: None,
        graders: Graders::default(),
        ungraded: tierfall_workbench::observations::Ungraded::AtWorst,
        level: 0.01,
        margin: 0.02,
        results: Vec::new(),
    };
    let Diffed::Fits(made) = diff(&ask, &()).unwrap() else { panic!("two fits") };
    assert!(made.of[1].ends_with("support.fit.toml with medium deferring all") && !made.changed.is_empty(), "{:?}", made.of);
    let unknown = diff::Ask { cuts: vec![("smal".to_owned(), Cut::DeferAll)], ..ask };
    assert!(hint_of(diff(&unknown, &())).0.contains("no tier \"smal\" has a gate in this fit"));
}

#[tokio::test]
async fn answers_are_recorded_and_graded() {
    let (dir, path) = folder();
    let set = dir.path().join("fixtures/places");
    let quiet = |_: RecordEvent<'_>| ();
    let made = record(&path, set.to_str().unwrap(), &RecordOptions::default(), &quiet, pending()).await.unwrap();
    assert!(made.is_complete(), "{made:?}");
    let recorded = RecordedSet::open(&set, &[]).unwrap();
    let ask = |split: &str| grade::Ask {
        allow_commands: false,
        concurrency: NonZeroUsize::MIN,
        judges: None,
        rules_of: Vec::new(),
        split: Some(split.to_owned()),
    };
    let never = || -> BoxFuture<'static, ()> { pending().boxed() };
    let endings = Endings { commands: &never, judges: &never };
    let graded = grade(&recorded, &ask("test"), &(), endings).await.unwrap();
    assert_eq!(graded.table.unwrap().total.iter().map(|cell| cell.n).collect::<Vec<_>>(), [3, 3]);
    let (what, hint) = hint_of(grade(&recorded, &ask("tets"), &(), endings).await);
    assert!(what.contains("is in the split \"tets\"") && hint == "there are test", "{what}; {hint}");
}
