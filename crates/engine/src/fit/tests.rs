//! Fits as files, against their cascades, and in force.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::Path;

use proptest::prelude::*;
use tierfall_core::fusion::{FusedInput, Fusion, GateValue};
use tierfall_core::map::{ScoreMap, Transform};
use tierfall_core::number::{Confidence, Score, Threshold, Tie};
use tierfall_core::request::Request;

use super::testing::{certified, fit_of, from};
use super::{Cut, Fit, FitFileError, Status, TargetFit, find, meeting, parse, path_for, promise, read, render, stale, wanted};
use crate::config::{ConfigError, Loaded, load, load_unfitted, parse as parse_cascade, parse_unfitted};

const CASCADE: &str = r#"version = 1
name = "support"

[provider.local.openai-chat]
base-url = "http://127.0.0.1:8001/v1"

[replay]
fixtures = "support"

[segment]
tag = "topic"

[[segment.rule]]
name = "billing"
keyword = { any = ["invoice"] }

[[tier]]
name = "small"
model = "local/a"
model-digest = "sha256:1"
price = { input = "0.02", output = "0.04" }
system-prompt = "Be brief."
params = { temperature = 0 }
gate = { signal = "mean-logprob", threshold = "fit", require = ["non-empty"], observe = [{ margin = {} }] }

[[tier]]
name = "medium"
model = "local/b"
gate = { signal = "mean-logprob", threshold = "fit" }

[[tier]]
name = "large"
model = "local/c"
"#;

const PATH: &str = "cascades/support.cascade.toml";

fn none(_: &Path) -> io::Result<String> {
    Err(io::ErrorKind::NotFound.into())
}

fn unfitted(text: &str) -> Loaded {
    match parse_unfitted(text, Path::new(PATH), &none) {
        Ok(loaded) => loaded,
        Err(error) => panic!("{error}"),
    }
}

fn fitted(text: &str, fit: &Fit) -> Result<Loaded, ConfigError> {
    let rendered = render(fit).unwrap();
    let read = |path: &Path| {
        if path == Path::new("cascades/support.fit.toml") { Ok(rendered.clone()) } else { none(path) }
    };
    parse_cascade(text, Path::new(PATH), &read)
}

fn fit() -> Fit {
    fit_of(&unfitted(CASCADE))
}

fn edited(from: &str, to: &str) -> String {
    assert!(CASCADE.contains(from), "the cascade has no {from:?}");
    CASCADE.replacen(from, to, 1)
}

#[test]
fn a_fit_is_looked_for_beside_its_cascade() {
    for (cascade, fit) in [
        ("cascades/support.cascade.toml", "cascades/support.fit.toml"),
        ("odd.toml", "odd.fit.toml"),
        ("plain", "plain.fit.toml"),
    ] {
        assert_eq!(path_for(Path::new(cascade)), Path::new(fit));
    }
}

#[test]
fn a_fit_is_written_like_a_lockfile() {
    let mut fit = fit();
    fit.point[0].segments.insert("billing".into(), vec![Cut { asked: false, threshold: Threshold::DeferAll }, from(-0.25)]);
    insta::assert_snapshot!(render(&fit).unwrap());
}

#[test]
fn a_fit_written_twice_is_the_same_file_and_reads_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.fit.toml");
    let text = render(&fit()).unwrap();
    fs_err::write(&path, &text).unwrap();
    assert_eq!(read(&path).unwrap(), fit());
    assert_eq!(render(&read(&path).unwrap()).unwrap(), text);
    // Another line end is not an edit.
    fs_err::write(&path, text.replace('\n', "\r\n")).unwrap();
    assert_eq!(read(&path).unwrap(), fit());
    assert!(matches!(read(dir.path().join("none")), Err(FitFileError::Missing(_))));
}

#[test]
fn an_edited_fit_is_refused_with_the_line() {
    let whole = render(&fit()).unwrap();
    let edits: [(&str, &str); 8] = [
        ("score = -0.3", "score = -0.9"),
        ("# Written by", "# Edited by"),
        ("salt = \"support\"", "salt = \"support"),
        ("salt = \"support\"", "salt = 3"),
        ("split = \"train\"", "spilt = \"train\""),
        ("seen = \"", "seen = \"%"),
        ("intercept = 2.0", "intercept = \"high\""),
        ("tie = 0.25", "tie = 1.25"),
    ];
    let said: Vec<String> = edits
        .iter()
        .map(|(from, to)| {
            assert!(whole.contains(from), "the fit has no {from:?}");
            parse(&whole.replacen(from, to, 1), Path::new("a.fit.toml")).unwrap_err().to_string()
        })
        .collect();
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn a_fit_that_no_types_forbid_and_no_engine_could_use_is_refused() {
    let refused = |edit: fn(&mut Fit)| {
        let mut fit = fit();
        edit(&mut fit);
        parse(&render(&fit).unwrap(), Path::new("a.fit.toml")).unwrap_err().to_string()
    };
    let said = [
        refused(|fit| fit.version = 2),
        refused(|fit| fit.tier[0].gate = None),
        refused(|fit| fit.tier[2].gate = fit.tier[1].gate.clone()),
        refused(|fit| fit.point[0].name = "main".into()),
        refused(|fit| fit.point[1].name = "default".into()),
        refused(|fit| fit.point[1].cuts.truncate(1)),
        refused(|fit| fit.point[1].segments.extend([("billing".to_owned(), Vec::new())])),
    ];
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn the_thresholds_of_a_file_come_from_its_fit() {
    let unfitted = unfitted(CASCADE);
    assert!(unfitted.fit.is_none() && unfitted.cascade.points().is_empty());
    assert_eq!(unfitted.fit_path.as_deref(), Some(Path::new("cascades/support.fit.toml")));
    assert_eq!(unfitted.cascade.tiers()[0].gate.as_ref().unwrap().threshold, Threshold::DeferAll);
    let loaded = fitted(CASCADE, &fit()).unwrap();
    assert_eq!(loaded.fit.as_deref(), Some(&fit()));
    let points: Vec<(&str, &str)> = loaded.cascade.points().iter().map(|point| (&*point.name, &*point.promise)).collect();
    assert_eq!(points, [("default", "certified: loss ≤ 0.05 at 90 %"), ("strict", "certified: loss ≤ 0.02 at 90 %")]);
    assert!(loaded.cascade.tiers()[0].gate.as_ref().unwrap().map.is_some());
    // Another place, relative to the cascade file.
    let elsewhere = edited("name = \"support\"", "name = \"support\"\nsalt = \"support\"\nfit = \"../fits/a.fit.toml\"");
    assert_eq!(self::unfitted(&elsewhere).fit_path.as_deref(), Some(Path::new("cascades/../fits/a.fit.toml")));
}

#[test]
fn segments_are_found_with_or_without_a_fit() {
    let unfitted = unfitted(CASCADE);
    let mut request = Request::new("id", "Where is my invoice?");
    assert_eq!(unfitted.cascade.segment_of(&request), Some("billing"));
    request.tags.insert("topic".into(), "orders".into());
    assert_eq!(unfitted.cascade.segment_of(&request), Some("orders"));
}

#[test]
fn what_changes_no_answer_leaves_a_fit_fresh() {
    for (from, to) in [
        ("version = 1", "# a comment\nversion = 1"),
        ("\"0.02\"", "\"0.03\""),
        (
            "[[tier]]",
            "[policy]\ndeadline = \"9s\"\n\n[[rule]]\nkeyword = { any = [\"x\"] }\nroute = { enter-at = \"large\" }\n\n[[tier]]",
        ),
        ("127.0.0.1:8001", "127.0.0.1:9001"),
        ("[{ margin = {} }]", "[]"),
        // Thresholds by segment would be bound to it; these are not by segment.
        ("keyword = { any = [\"invoice\"] }", "keyword = { any = [\"bill\"] }"),
        ("[replay]\nfixtures = \"support\"\n", ""),
    ] {
        let text = edited(from, to);
        assert_eq!(stale(&fit(), &unfitted(&text)), [], "{from} -> {to}");
        assert!(fitted(&text, &fit()).is_ok());
    }
}

#[test]
fn a_stale_fit_is_refused_naming_what_changed() {
    let mut said = String::new();
    for (from, to) in [
        ("local/a", "local/z"),
        ("sha256:1", "sha256:2"),
        ("model-digest = \"sha256:1\"\n", ""),
        ("Be brief.", "Be polite."),
        ("temperature = 0", "temperature = 0.5"),
        ("require = [\"non-empty\"]", "require = []"),
        ("signal = \"mean-logprob\", threshold = \"fit\", require", "signal = { margin = {} }, threshold = \"fit\", require"),
        ("name = \"medium\"", "name = \"middle\""),
        ("name = \"support\"", "name = \"help\""),
        ("openai-chat]", "simulated]\nmodels = { a = {}, b = {}, c = {} }\n[provider.other.openai-chat]"),
    ] {
        let text = edited(from, to);
        writeln!(said, "{from:?} -> {to:?}").unwrap();
        for difference in stale(&fit(), &unfitted(&text.replace("base-url = \"http://127.0.0.1:8001/v1\"\n", BASE))) {
            writeln!(said, "    {difference}").unwrap();
        }
    }
    insta::assert_snapshot!(said);
    let changed = edited("local/a", "local/z").replace("Be brief.", "Be polite.").replace("local/c", "local/d");
    insta::assert_snapshot!(fitted(&changed, &fit()).unwrap_err());
}

const BASE: &str = "base-url = \"http://127.0.0.1:8001/v1\"\n";

#[test]
fn thresholds_by_segment_are_bound_to_how_segments_are_found() {
    let mut fit = fit();
    fit.point[1].segments.insert("billing".into(), vec![from(-0.2); 2]);
    assert_eq!(stale(&fit, &unfitted(CASCADE)), []);
    let spaced = edited("keyword = { any = [\"invoice\"] }", "keyword = { any = [  'invoice' ] } # as written");
    assert_eq!(stale(&fit, &unfitted(&spaced)), [], "what it says counts, not how it is written");
    let changed = edited("keyword = { any = [\"invoice\"] }", "keyword = { any = [\"bill\"] }");
    let found = stale(&fit, &unfitted(&changed));
    assert!(found.len() == 1 && found[0].tier.is_none() && found[0].what.contains("segment"), "{found:?}");
}

#[test]
fn a_gate_value_of_observed_signals_needs_them_to_stay_declared() {
    let margin = &unfitted(CASCADE).cascade.tiers()[0].gate.as_ref().unwrap().observe[0].label.to_string();
    let mut fit = fit();
    fit.tier[0].gate = Some(GateValue::Signal { signal: margin.clone(), negated: true });
    super::bind(&mut fit, &unfitted(CASCADE));
    let gate = fitted(CASCADE, &fit).unwrap().cascade.tiers()[0].gate.clone().unwrap();
    assert_eq!(gate.label(), format!("-{margin}"));
    let found = stale(&fit, &unfitted(&edited("[{ margin = {} }]", "[]")));
    let said: Vec<String> = found.iter().map(ToString::to_string).collect();
    let wanted =
        format!("tier \"small\": its gate value is made of `{margin}`, which its gate no longer reads; put it under `observe`");
    assert_eq!(said, [wanted]);
    // Its own signal then decides nothing.
    let other = edited(
        "signal = \"mean-logprob\", threshold = \"fit\", require",
        "signal = \"min-logprob\", threshold = \"fit\", require",
    );
    assert_eq!(stale(&fit, &unfitted(&other)), []);
}

#[test]
fn a_fit_of_observations_alone_is_of_no_cascade() {
    let mut fit = fit();
    fit.tier[1].binding = None;
    let found = stale(&fit, &unfitted(CASCADE));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].tier.as_deref(), Some("medium"));
}

#[test]
fn missing_broken_and_half_used_fits_are_configuration_errors() {
    let said = |text: &str, fit: Option<&str>| {
        let read = |path: &Path| fit.map(ToOwned::to_owned).ok_or(()).or_else(|()| none(path));
        match parse_cascade(text, Path::new(PATH), &read) {
            Ok(_) => panic!("nothing is wrong"),
            Err(error) => error.to_string(),
        }
    };
    let whole = render(&fit()).unwrap();
    insta::assert_snapshot!(
        [
            said(CASCADE, None),
            said(CASCADE, Some(&whole.replace("-0.3", "-0.4"))),
            said(&edited("threshold = \"fit\" }", "threshold = 0.5 }"), Some(&whole)),
            said(&edited("[[tier]]", "[policy]\non-abstain = \"accept\"\non-error = \"fail\"\n\n[[tier]]"), Some(&whole)),
            said(
                &edited("tag = \"topic\"\n\n", "")
                    .replace("keyword = { any = [\"invoice\"] }\n", "keyword = { any = [] }\nroute = { refuse = \"x\" }\n"),
                Some(&whole)
            ),
        ]
        .join("\n\n")
    );
}

#[test]
fn files_are_found_on_the_disk() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("support.cascade.toml");
    fs_err::write(&path, CASCADE).unwrap();
    let unfitted = load_unfitted(&path).unwrap();
    let error = load(&path).unwrap_err().to_string();
    assert!(error.contains("tierfall calibrate") && error.contains("support.fit.toml is not there"), "{error}");
    fs_err::write(unfitted.fit_path.as_ref().unwrap(), render(&fit_of(&unfitted)).unwrap()).unwrap();
    assert_eq!(load(&path).unwrap().cascade.points().len(), 2);
}

#[test]
fn a_named_fit_that_nothing_uses_is_a_warning() {
    let text = CASCADE.replace("\"fit\"", "0.5").replacen("version = 1", "version = 1\nfit = \"a.fit.toml\"", 1);
    let loaded = parse_cascade(&text, Path::new(PATH), &none).unwrap();
    assert_eq!(loaded.warnings.iter().map(|warning| warning.code.id).collect::<Vec<_>>(), ["C063"]);
}

#[test]
fn the_cheapest_certified_point_that_meets_a_target_is_taken() {
    let mut fit = fit();
    fit.point.push(certified("loose", 0.1, vec![from(-0.9); 2]));
    let failed = super::Point { status: Status::Inconclusive, ..certified("hopeful", 0.03, vec![from(-0.2); 2]) };
    fit.point.push(failed);
    let name = |target| meeting(&fit, target).map(|point| point.name.as_str());
    assert_eq!(name(TargetFit::MaxLoss(0.05)), Some("default"), "the least strict of those that are strict enough");
    assert_eq!(name(TargetFit::MaxLoss(0.04)), Some("strict"), "what is not certified does not count");
    assert_eq!(name(TargetFit::MaxLoss(0.5)), Some("loose"));
    assert_eq!(name(TargetFit::MaxLoss(0.01)), None);
    assert_eq!(name(TargetFit::Accuracy(0.9)), None, "a loss says nothing about accuracy");
    assert_eq!(find(&fit, "loss<=0.04").unwrap().name, "strict");
    assert_eq!(find(&fit, "hopeful").unwrap().name, "hopeful", "by name anything may be chosen");
    assert_eq!(wanted(" accuracy >= 0.9 "), Some(TargetFit::Accuracy(0.9)));
    for odd in ["loss>=0.1", "accuracy<=0.9", "loss<=2", "loss<=x", "default", "cost<=0.1"] {
        assert_eq!(wanted(odd), None, "{odd}");
    }
    insta::assert_snapshot!(find(&fit, "loss<=0.001").unwrap_err());
    insta::assert_snapshot!(find(&fit, "fast").unwrap_err());
}

#[test]
fn a_promise_is_said_in_a_few_words() {
    let mut point = certified("default", 0.05, Vec::new());
    let mut said = vec![promise(&point)];
    if let Some(guarantee) = &mut point.guarantee {
        (guarantee.finite_sample, guarantee.delta) = (false, 0.025);
        guarantee.conditions = vec!["It supposes that this is so.".into()];
    }
    said.push(promise(&point));
    point.guarantee = None;
    for status in [Status::Inconclusive, Status::Infeasible, Status::Uncertified] {
        point.status = status;
        said.push(promise(&point));
    }
    point.target = TargetFit::MaxCost(0.002);
    said.push(promise(&point));
    insta::assert_snapshot!(said.join("\n"), @"
    certified: loss ≤ 0.05 at 90 %
    certified: loss ≤ 0.05 at approximately 97.5 % under a condition that the fit states
    inconclusive: the fallback is in force, not loss ≤ 0.05
    infeasible: the fallback is in force, not loss ≤ 0.05
    uncertified: fitted for loss ≤ 0.05
    uncertified: fitted for cost ≤ $0.002
    ");
}

fn raw() -> impl Strategy<Value = f64> {
    prop_oneof![4 => any::<f64>().prop_filter("no score is NaN", |v| !v.is_nan()), 1 => Just(f64::INFINITY), 1 => Just(f64::NEG_INFINITY)]
}

fn real() -> impl Strategy<Value = f64> {
    proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL | proptest::num::f64::ZERO
}

proptest! {
    #[test]
    fn every_number_of_a_fit_survives_its_file(
        score in raw(), tie in 0.0..1.0f64, numbers in proptest::collection::vec(real(), 6), share in 0.0..1.0f64, segment in "[\\PC\"'\n\t\\\\\u{7f}]{1,12}",
    ) {
        let mut fit = fit();
        let threshold = Threshold::AcceptFrom { score: Score::new(score).unwrap(), tie: Tie::try_from(tie).unwrap() };
        fit.point[0].cuts[1] = Cut { asked: false, threshold };
        fit.point[0].segments = BTreeMap::from([(segment, vec![Cut { asked: true, threshold }; 2])]);
        let input = |signal: &str| FusedInput {
            signal: signal.into(),
            transform: Transform::NegLogComplement,
            low: numbers[0],
            high: numbers[1],
            mean: numbers[2],
            scale: numbers[3],
            weight: numbers[4],
            missing: numbers[5],
        };
        fit.tier[0].gate = Some(GateValue::Fused(Fusion { intercept: numbers[0], inputs: vec![input("mean-logprob"), input("b")] }));
        let confidence = Confidence::try_from(share).unwrap();
        fit.tier[1].map = Some(ScoreMap::Isotonic { knots: vec![(Score::new(score).unwrap(), confidence)] });
        if let Some(guarantee) = &mut fit.point[0].guarantee {
            guarantee.bound = score;
            guarantee.conditions = vec!["It supposes that \"a\" is b.".into()];
        }
        let text = render(&fit).unwrap();
        prop_assert_eq!(&parse(&text, Path::new("a.fit.toml")).unwrap(), &fit, "{}", text);
        prop_assert_eq!(render(&fit).unwrap(), text);
    }

    #[test]
    fn any_text_is_a_fit_or_refused(text in "\\PC{0,200}", at in 0usize..3000) {
        let whole = render(&fit()).unwrap();
        let at = (0..=at.min(whole.len())).rev().find(|at| whole.is_char_boundary(*at)).unwrap();
        for text in [text.clone(), format!("{}{text}{}", &whole[..at], &whole[at..])] {
            let _ = parse(&text, Path::new("a.fit.toml"));
        }
    }
}

#[test]
fn a_map_that_falls_is_not_taken_from_a_file() {
    let mut fit = fit();
    fit.tier[1].map = Some(ScoreMap::Platt { transform: Transform::Identity, low: 0.0, high: 1.0, intercept: 0.0, slope: -1.0 });
    let error = parse(&render(&fit).unwrap(), Path::new("support.fit.toml")).unwrap_err().to_string();
    assert!(["support.fit.toml", "tier[1].map", "\"medium\"", "falls"].iter().all(|part| error.contains(part)), "{error}");
}
