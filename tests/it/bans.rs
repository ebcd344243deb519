//! The bans of deny.toml, held without cargo-deny: crates, features, licences and sources of the locked graph.

use std::process::Command;

use cargo_metadata::{CargoOpt, Metadata, MetadataCommand};

/// The graph that this machine builds; what only others build is not at hand, and cannot be fetched.
fn built_here() -> Metadata {
    let version = Command::new("rustc").arg("-vV").output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let options = ["--offline", "--locked", "--filter-platform", host].map(str::to_owned);
    MetadataCommand::new().features(CargoOpt::AllFeatures).other_options(options).exec().unwrap()
}

/// Every package of the lock file, of whatever platform.
fn locked() -> Vec<toml::Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.lock");
    let lock: toml::Table = fs_err::read_to_string(path).unwrap().parse().unwrap();
    lock["package"].as_array().unwrap().clone()
}

fn deny() -> toml::Table {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../deny.toml");
    fs_err::read_to_string(path).unwrap().parse().unwrap()
}

fn strings<'a>(list: &'a toml::Value, key: Option<&str>) -> Vec<&'a str> {
    let entry = |value: &'a toml::Value| match key {
        Some(key) => value[key].as_str().unwrap(),
        None => value.as_str().unwrap(),
    };
    list.as_array().unwrap().iter().map(entry).collect()
}

#[test]
fn no_banned_crate_is_in_the_graph() {
    let deny = deny();
    let banned = strings(&deny["bans"]["deny"], Some("crate"));
    assert!(banned.len() > 3);
    for package in locked() {
        let name = package["name"].as_str().unwrap();
        assert!(!banned.contains(&name), "{name} is banned in deny.toml");
    }
}

#[test]
fn serde_json_keeps_floats_exact_and_plain() {
    let metadata = built_here();
    let id = &metadata.packages.iter().find(|package| package.name.as_str() == "serde_json").unwrap().id;
    let resolve = metadata.resolve.as_ref().unwrap();
    let node = resolve.nodes.iter().find(|node| node.id == *id).unwrap();
    let on = |feature: &str| node.features.iter().any(|name| **name == *feature);
    assert!(on("float_roundtrip"), "log-probabilities would change in one write and read");
    assert!(!on("arbitrary_precision"), "floats inside tagged types would no longer parse");
}

#[test]
fn every_licence_is_allowed() {
    let (deny, metadata) = (deny(), built_here());
    let allowed = strings(&deny["licenses"]["allow"], None);
    for package in &metadata.packages {
        let Some(licence) = &package.license else {
            assert!(package.license_file.is_some(), "{} names no licence", package.name);
            continue;
        };
        // Enough of SPDX for what crates write: one alternative of each AND term must be allowed.
        let ok = licence.split(" AND ").all(|term| {
            let term = term.trim_matches(['(', ')', ' ']);
            term.split(" OR ").flat_map(|name| name.split('/')).any(|name| allowed.contains(&name.trim_matches(['(', ')', ' '])))
        });
        assert!(ok, "{} is under {licence}, which deny.toml does not allow", package.name);
    }
}

#[test]
fn every_source_is_the_registry_or_ours() {
    for package in locked() {
        let from_registry = package.get("source").is_none_or(|source| source.as_str().unwrap().starts_with("registry+"));
        assert!(from_registry, "{package} comes from neither");
    }
}
