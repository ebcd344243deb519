//! The committed recordings go on standing for the committed cascades.

use std::path::{Path, PathBuf};

use tierfall::{bindings, config};
use tierfall_workbench::fixture::replay::Recordings;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The three tiers are asked in the same way. A change of these digests makes every recording of the set stale.
const PARAMETERS: &str = "eef3dd86fd7a3b8ed71b6da4d90cc034211d5b67b08be0a4e793dd86874074b3";
const PROMPT: &str = "6e085101da7917c74162fd5ec4dac3cc698d2631bcf67c444e7ae2de3c646376";

#[test]
fn the_digests_of_the_support_cascade_stay_what_was_recorded() {
    let loaded = config::load(root().join("cascades/support.cascade.toml")).unwrap();
    let bindings = bindings(&loaded);
    let names: Vec<_> = bindings.iter().map(|binding| &*binding.tier).collect();
    assert_eq!(names, ["small", "medium", "large"]);
    for binding in &bindings {
        assert_eq!((binding.params_digest.as_str(), binding.prompt_digest.as_str()), (PARAMETERS, PROMPT), "{}", binding.tier);
    }
}

#[test]
fn what_is_recorded_of_the_support_set_stands_for_its_tiers() {
    let loaded = config::load(root().join("cascades/support.cascade.toml")).unwrap();
    let set = root().join("fixtures/support");
    let recorded = |tier: &str| set.join("recordings").join(format!("{tier}.jsonl")).exists();
    let tiers: Vec<_> = bindings(&loaded).into_iter().filter(|binding| recorded(&binding.tier)).collect();
    let recordings = Recordings::load(&set, &tiers).unwrap();
    assert_eq!(recordings.tiers().count(), tiers.len());
    assert_eq!(recordings.torn().collect::<Vec<_>>(), Vec::new());
}
