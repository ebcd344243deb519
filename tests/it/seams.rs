//! What is written for a seam is in the seam's table: a file that nobody lists would be compiled, at best, and never used.
//!
//! What CONTRIBUTING.md shows is held to it, and added to a copy of the tree, which is built and used.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Where implementations are, the trait that makes one, and the table that lists its type.
const SEAMS: [(&str, &str, &str); 4] = [
    ("crates/core/src/signal", "Options", "crates/core/src/signal/table.rs"),
    ("crates/core/src/rule", "Settings", "crates/core/src/rule/table.rs"),
    ("crates/wire/src/dialect", "Dialect", "crates/wire/src/dialect/table.rs"),
    ("crates/workbench/src/fixture/grade", "Grader", "crates/workbench/src/fixture/grade/graders.rs"),
];
/// Tables whose names a document has to have, that document, and what stands around a name there.
const DOCUMENTED: [(&str, &str, [&str; 2]); 2] = [
    ("crates/core/src/signal/table.rs", "crates/core/testdata/signals.json", ["\"", "\""]),
    ("crates/workbench/src/fixture/grade/graders.rs", "docs/reference/graders.md", ["| [`", "`](#"]),
];
const FORMS: &str = "crates/cli/src/render/regress";

/// The texts of files, by their paths from the root.
type Tree = BTreeMap<String, String>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The files of a tree, hidden ones and what cargo built aside.
fn files_below(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![PathBuf::new()]);
    while let Some(folder) = folders.pop() {
        for entry in fs_err::read_dir(root.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            let kind = entry.file_type().unwrap();
            if entry.file_name().to_string_lossy().starts_with('.') || entry.path().join("CACHEDIR.TAG").exists() {
                continue;
            }
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                let bytes = fs_err::read(root.join(&path)).unwrap();
                found.insert(path, bytes);
            }
        }
    }
    found
}

fn texts() -> Tree {
    let text = |(path, bytes): (PathBuf, Vec<u8>)| Some((path.to_str()?.replace('\\', "/"), String::from_utf8(bytes).ok()?));
    files_below(&root()).into_iter().filter_map(text).collect()
}

fn is_word_of(word: &str, text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|part| part == word)
}

fn below<'a>(tree: &'a Tree, folder: &'a str) -> impl Iterator<Item = (&'a String, &'a String)> {
    tree.iter().filter(move |(path, _)| {
        path.starts_with(folder) && Path::new(path).extension().is_some_and(|extension| extension == "rs")
    })
}

/// What is written for a seam and is not listed where it has to be.
fn unlisted(tree: &Tree) -> Vec<String> {
    let mut problems = Vec::new();
    for (folder, seam, table) in SEAMS {
        let mut implemented = 0;
        for (path, text) in below(tree, folder) {
            for line in text.lines() {
                let Some(kind) = line.strip_prefix(&format!("impl {seam} for ")) else { continue };
                let kind = kind.trim_end_matches(" {}").trim_end_matches(" {");
                implemented += 1;
                if !is_word_of(kind, &tree[table]) {
                    problems.push(format!("{path}: {kind} is not listed in {table}"));
                }
            }
        }
        assert!(implemented > 1, "{folder}: nothing implements {seam}");
    }
    for (table, document, [before, after]) in DOCUMENTED {
        // A validator has no number that could be computed elsewhere.
        for row in
            tree[table].lines().filter(|line| line.contains('"') && line.contains("super::") && !line.contains("validator:"))
        {
            let mut named = row.trim().split('"').skip(1);
            let name = named.next().unwrap();
            if !tree[document].contains(&format!("{before}{name}{after}")) {
                problems.push(format!("{document} does not have \"{name}\" of {table}"));
            }
        }
    }
    let (listed, guide) = (&tree[&format!("{FORMS}/mod.rs")], &tree["docs/ci/README.md"]);
    let mut drawn = 0;
    for (path, text) in below(tree, FORMS) {
        let form = path.rsplit('/').next().unwrap().trim_end_matches(".rs");
        if text.contains(&format!("pub(super) fn {form}(sheet: &Sheet<'_>) -> String")) {
            drawn += 1;
            if !listed.contains(&format!("draw: {form}::{form} ")) {
                problems.push(format!("{path} is not in FORMATS of {FORMS}/mod.rs"));
            }
            if !guide.contains(&format!("`{form}`")) {
                problems.push(format!("{path}: docs/ci/README.md does not tell of --format {form}"));
            }
        }
    }
    assert!(drawn > 3);
    problems
}

/// A part of what CONTRIBUTING.md adds.
#[derive(Clone, Debug)]
struct Part {
    /// The heading it stands under.
    what: String,
    path: String,
    /// The line that it comes after; `None` for a file of its own.
    after: Option<String>,
    text: String,
}

/// `` `PATH`: `` or `` `PATH`, after `LINE`: ``, and a block.
fn parts(contributing: &str) -> Vec<Part> {
    let (mut found, mut what, mut lines) = (Vec::new(), String::new(), contributing.lines().peekable());
    while let Some(line) = lines.next() {
        if let Some(heading) = line.strip_prefix("### ") {
            heading.clone_into(&mut what);
        }
        // A sentence may stand before it.
        let named: Vec<&str> =
            line.rsplit_once(". `").map_or(line, |(_, line)| line).trim_start_matches('`').split('`').collect();
        let (path, after) = match named[..] {
            [path, ":"] => (path, None),
            [path, ", after ", after, ":"] => (path, Some(after.to_owned())),
            _ => continue,
        };
        assert_eq!(lines.next(), Some(""), "after {line}");
        let fence: String = lines.next().unwrap_or_default().chars().take_while(|c| *c == '`').collect();
        assert!(fence.len() >= 3, "no block after {line}");
        let text: String = lines.by_ref().take_while(|line| *line != fence).flat_map(|line| [line, "\n"]).collect();
        found.push(Part { what: what.clone(), path: path.to_owned(), after, text });
    }
    found
}

fn add(tree: &mut Tree, part: &Part) {
    let Some(after) = &part.after else {
        assert!(tree.insert(part.path.clone(), part.text.clone()).is_none(), "{} is there already", part.path);
        return;
    };
    let file = tree.get_mut(&part.path).unwrap_or_else(|| panic!("there is no {}", part.path));
    let found = file.lines().position(|line| line.trim() == after);
    let place = found.unwrap_or_else(|| panic!("{} has no line `{after}`", part.path));
    let (before, rest): (Vec<&str>, Vec<&str>) = (file.lines().take(place + 1).collect(), file.lines().skip(place + 1).collect());
    *file = format!("{}\n{}{}\n", before.join("\n"), part.text, rest.join("\n"));
}

#[test]
fn whatever_implements_a_seam_is_listed() {
    assert_eq!(unlisted(&texts()), [""; 0]);
}

#[test]
fn what_is_forgotten_of_an_addition_is_named() {
    let tree = texts();
    let parts = parts(&tree["CONTRIBUTING.md"]);
    // A module that nobody declares is not listed either; a section of the graders' reference is missed by the test of its examples.
    let declares = |part: &Part| part.text.starts_with("mod ") || part.text.starts_with("pub mod ");
    for forgotten in parts.iter().filter(|part| part.after.is_some() && !declares(part) && !part.text.contains("### ")) {
        let mut without = tree.clone();
        for part in parts.iter().filter(|part| part.text != forgotten.text) {
            add(&mut without, part);
        }
        let file = &parts.iter().find(|part| part.what == forgotten.what).unwrap().path;
        let named = unlisted(&without);
        assert!(
            named.len() == 1 && (named[0].starts_with(file) || named[0].starts_with(&forgotten.path)),
            "{forgotten:?}: {named:?}"
        );
    }
}

#[test]
fn what_contributing_adds_is_built_and_used() {
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("added");
    let mut tree = texts();
    let parts = parts(&tree["CONTRIBUTING.md"]);
    let files: Vec<&Part> = parts.iter().filter(|part| part.after.is_none()).collect();
    assert_eq!(files.len(), SEAMS.len() + 1, "one file a seam: {files:#?}");
    for part in &parts {
        add(&mut tree, part);
    }
    assert_eq!(unlisted(&tree), [""; 0]);
    // What is built of the copy stands beside what is built of the tree, and has to bear another name: one would be taken for the other.
    let manifest = tree.get_mut("Cargo.toml").unwrap();
    let version = concat!("\nversion = \"", env!("CARGO_PKG_VERSION"));
    assert!(manifest.contains(version));
    *manifest = manifest.replacen(version, &format!("{version}+added"), 1);
    let mut wanted = files_below(&root());
    wanted.extend(tree.into_iter().map(|(path, text)| (path.into(), text.into_bytes())));
    fs_err::create_dir_all(&copy).unwrap();
    let there = files_below(&copy);
    there.keys().filter(|path| !wanted.contains_key(*path)).for_each(|path| fs_err::remove_file(copy.join(path)).unwrap());
    // Only what changed is written, so that only what changed is built.
    for (path, bytes) in wanted.iter().filter(|(path, bytes)| there.get(*path) != Some(bytes)) {
        let path = copy.join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, bytes).unwrap();
    }
    let cargo = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--offline", "-p", "tierfall-cli"])
        .current_dir(&copy)
        .env_remove("CARGO_BUILD_TARGET")
        // Dependencies are built already; the program is not to take the place of the real one.
        .env("CARGO_BUILD_BUILD_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap())
        .env("CARGO_TARGET_DIR", copy.join("target"))
        .output()
        .unwrap();
    assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
    let tierfall = |arguments: &[&str]| {
        let Output { stdout, stderr, .. } =
            Command::new(copy.join("target/debug/tierfall")).args(arguments).current_dir(&copy).output().unwrap();
        format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr))
    };
    fs_err::write(copy.join("cascades/added.cascade.toml"), CASCADE).unwrap();
    let routed = tierfall(&["explain", "cascades/added.cascade.toml", "WHERE IS MY ORDER"]);
    assert!(routed.contains("loud"), "{routed}");
    let answered = tierfall(&["run", "cascades/added.cascade.toml", "Where is my order?"]);
    assert!(answered.contains("brevity"), "{answered}");
    let reported = tierfall(&["regress", "cascades/support.cascade.toml", "--format", "tap"]);
    assert!(reported.starts_with("TAP version 13\nok 1 - "), "{reported}");
}

const CASCADE: &str = r#"
version = 1
name = "added"
[provider.remote.keyed-chat]
base-url = "http://127.0.0.1:9/v1"
[provider.invented.simulated]
models = { small = { ability = 0.3 }, medium = { ability = 0.6 } }
[[tier]]
name = "first"
model = "invented/small"
gate = { signal = "brevity", threshold = 0.0001 }
[[tier]]
name = "second"
model = "invented/medium"
gate = { signal = "brevity", threshold = 0.0001 }
[[tier]]
name = "last"
model = "remote/large"
[[rule]]
name = "loud"
capitals = { share = 0.8 }
route = { enter-at = "last" }
"#;
