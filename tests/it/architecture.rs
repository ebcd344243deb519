//! Dependency edges run one way, as ARCHITECTURE.md draws them.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Which of our crates a crate may depend on.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("tierfall-core", &[]),
    ("tierfall-wire", &["tierfall-core"]),
    ("tierfall-providers", &["tierfall-core", "tierfall-wire"]),
    ("tierfall-calibrate", &["tierfall-core"]),
    ("tierfall", &["tierfall-core", "tierfall-wire", "tierfall-providers"]),
    ("tierfall-gateway", &["tierfall-core", "tierfall-wire", "tierfall-providers", "tierfall"]),
    ("tierfall-workbench", &["tierfall-core", "tierfall-wire", "tierfall-providers", "tierfall-calibrate", "tierfall"]),
    (
        "tierfall-cli",
        &[
            "tierfall-core",
            "tierfall-wire",
            "tierfall-providers",
            "tierfall-calibrate",
            "tierfall",
            "tierfall-gateway",
            "tierfall-workbench",
        ],
    ),
    ("tierfall-testkit", &["tierfall-core", "tierfall-wire"]),
    ("tierfall-tests", &[]),
];

/// What a crate must never depend on, directly.
const MUST_NOT_KNOW: &[(&str, &[&str])] = &[
    ("tierfall-core", &["tokio", "reqwest", "http", "toml", "rand", "fs-err", "axum", "tracing"]),
    ("tierfall-wire", &["tokio", "reqwest", "toml", "rand", "fs-err", "axum", "secrecy"]),
    ("tierfall-providers", &["toml", "axum", "fs-err", "clap"]),
    ("tierfall-calibrate", &["tokio", "reqwest", "toml", "fs-err", "csv", "flate2", "serde_json", "regex", "clap"]),
    ("tierfall", &["axum", "clap", "indicatif", "anstream", "reqwest", "csv", "flate2", "rayon", "statrs", "tempfile"]),
    ("tierfall-gateway", &["clap", "indicatif", "anstream", "toml", "csv", "tempfile"]),
    ("tierfall-workbench", &["axum", "clap", "indicatif", "anstream", "reqwest"]),
];

fn dependencies(kinds: &[DependencyKind]) -> BTreeMap<String, BTreeSet<String>> {
    let metadata = MetadataCommand::new().no_deps().other_options(["--offline".to_owned()]).exec().unwrap();
    let of = |package: &cargo_metadata::Package| {
        package.dependencies.iter().filter(|d| kinds.contains(&d.kind)).map(|d| d.name.clone()).collect()
    };
    metadata.packages.iter().map(|package| (package.name.to_string(), of(package))).collect()
}

#[test]
fn edges_between_our_crates_run_one_way() {
    for (package, known) in dependencies(&[DependencyKind::Normal, DependencyKind::Build]) {
        let ours: BTreeSet<_> = known.iter().filter(|name| name.starts_with("tierfall")).map(String::as_str).collect();
        let Some((_, allowed)) = MAY_KNOW.iter().find(|(name, _)| *name == package) else {
            panic!("{package} is not in the table of this test nor, probably, in ARCHITECTURE.md");
        };
        let forbidden: Vec<_> = ours.iter().filter(|name| !allowed.contains(name)).collect();
        assert!(forbidden.is_empty(), "{package} must not depend on {forbidden:?}");
    }
}

#[test]
fn the_testkit_is_for_tests_alone() {
    for (package, known) in dependencies(&[DependencyKind::Normal, DependencyKind::Build]) {
        assert!(!known.contains("tierfall-testkit"), "{package} ships the testkit");
    }
}

#[test]
fn crates_do_not_know_what_they_must_not() {
    let known = dependencies(&[DependencyKind::Normal, DependencyKind::Build]);
    for (package, forbidden) in MUST_NOT_KNOW {
        for name in *forbidden {
            assert!(!known[*package].contains(*name), "{package} must not know {name}");
        }
    }
}

/// Production code in which a model may be asked: where everybody's calls go through, and a provider that passes on to another.
const MAY_ASK: &[&str] =
    &["crates/engine/src/timed.rs", "crates/engine/src/assemble/simulated.rs", "crates/workbench/src/regress/live/bounded.rs"];

#[test]
fn models_are_asked_in_one_place_with_calls_that_a_plan_permits() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut asking = Vec::new();
    let mut folders: Vec<_> =
        ["engine", "workbench", "gateway", "cli"].map(|name| root.join("crates").join(name).join("src")).into();
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !name.contains("test") {
                let text = fs_err::read_to_string(&path).unwrap();
                // A method of a provider, and not one of the same name.
                if ["provider.call(", "inner.call(", "model.call(", "passed_on("].iter().any(|call| text.contains(call)) {
                    asking.push(name);
                }
            }
        }
    }
    asking.sort();
    let allowed: BTreeSet<_> = MAY_ASK.iter().copied().collect();
    assert_eq!(asking.iter().map(String::as_str).collect::<BTreeSet<_>>(), allowed);
}
