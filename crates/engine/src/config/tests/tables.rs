//! The tables of keys and the types that are read into say the same.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::config::file;
use crate::config::keys;
use crate::config::shape::{Kind, Shape};

/// The fields of a type that refuses unknown ones.
fn fields<T: for<'de> Deserialize<'de> + std::fmt::Debug>() -> BTreeSet<String> {
    let error = toml::from_str::<T>("no-such-key = 1").unwrap_err().message().to_owned();
    assert!(error.contains("unknown field"), "{error}");
    error.split('`').skip(3).step_by(2).map(ToOwned::to_owned).collect()
}

fn inner(shape: &'static Shape, path: &[&str]) -> &'static Shape {
    fn table(kind: &'static Kind) -> Option<&'static Shape> {
        match kind {
            Kind::Table(shape) => Some(shape),
            Kind::List(of) | Kind::Names(of) => table(of),
            Kind::Either(kinds) => kinds.iter().find_map(table),
            _ => None,
        }
    }
    path.iter().fold(shape, |shape, name| {
        let key = shape.keys.iter().find(|key| key.name == *name).unwrap();
        table(&key.kind).unwrap()
    })
}

#[test]
fn every_key_of_the_tables_is_read_and_no_other() {
    let same = |path: &[&str], fields: BTreeSet<String>| {
        let keys: BTreeSet<String> = inner(&keys::CASCADE, path).keys.iter().map(|key| key.name.to_owned()).collect();
        assert_eq!(keys, fields, "{path:?}");
    };
    same(&[], fields::<file::CascadeFile>());
    same(&["tier"], fields::<file::TierFile>());
    same(&["tier", "price"], fields::<file::PriceFile>());
    same(&["tier", "system-prompt"], fields::<file::FileFile>());
    same(&["tier", "example-turns"], fields::<file::TurnFile>());
    same(&["tier", "params"], fields::<file::ParamsFile>());
    same(&["tier", "timeouts"], fields::<file::TimeoutsFile>());
    same(&["tier", "gate"], fields::<file::GateFile>());
    same(&["tier", "gate", "threshold"], fields::<file::RawFile>());
    same(&["policy"], fields::<file::PolicyFile>());
    same(&["replay"], fields::<file::ReplayFile>());
    same(&["expect"], fields::<file::ExpectFile>());
    same(&["expect", "coverage"], fields::<file::CoverageFile>());
    let names = |shape: &'static Shape| shape.keys.iter().map(|key| key.name.to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(names(&keys::HTTP), fields::<file::HttpFile>());
    assert_eq!(names(inner(&keys::HTTP, &["api-key"])), fields::<file::EnvFile>());
    assert_eq!(names(&keys::SIMULATED), fields::<file::SimulatedFile>());
    assert_eq!(names(inner(&keys::SIMULATED, &["models"])), fields::<file::SimulatedModelFile>());
    assert_eq!(names(inner(&keys::SIMULATED, &["models", "latency"])), fields::<file::LatencyFile>());
    assert_eq!(names(inner(&keys::RULE, &["route"])), fields::<file::RouteFile>());
}

#[test]
fn no_kind_of_rule_is_also_a_key_of_rules() {
    for key in keys::RULE.keys {
        assert!(!tierfall_core::rule::table::ConditionSpec::NAMES.contains(&key.name));
    }
}
