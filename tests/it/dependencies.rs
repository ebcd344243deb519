//! How many packages a user of the library builds: a new dependency is a decision, and shows here.

use std::collections::BTreeSet;
use std::process::Command;

/// What `cargo tree` is asked, and the most packages that may be in its answer, ours among them.
const MOST: &[(&[&str], usize)] = &[
    // Core and wire alone: a cascade without I/O.
    (&["-p", "tierfall-wire"], 35),
    (&["-p", "tierfall"], 135),
    (&["-p", "tierfall", "--features", "json-schema"], 170),
];

fn packages(of: &[&str]) -> BTreeSet<String> {
    let tree = ["tree", "--edges", "normal", "--prefix", "none", "--format", "{p}", "--offline", "--locked"];
    let output =
        Command::new(env!("CARGO")).args(tree).args(of).current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/..")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let name_and_version = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    String::from_utf8(output.stdout).unwrap().lines().map(name_and_version).collect()
}

#[test]
fn the_library_brings_no_more_packages_than_it_should() {
    for (of, most) in MOST {
        let packages = packages(of);
        assert!(packages.iter().any(|package| package.starts_with("tierfall-core v")), "{packages:?}");
        assert!(packages.len() <= *most, "{of:?} brings {} packages, above {most}:\n{packages:#?}", packages.len());
    }
}

#[test]
fn core_and_wire_know_no_runtime_no_sockets_and_no_clock() {
    for package in packages(&["-p", "tierfall-wire"]) {
        let name = package.split(' ').next().unwrap_or_default();
        assert!(!["tokio", "mio", "socket2", "libc", "getrandom", "hyper", "reqwest", "jsonschema"].contains(&name), "{name}");
    }
}
