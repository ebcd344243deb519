//! What is written for a seam is in the seam's table: a file that nobody lists would be compiled, at best, and never used.

use std::path::{Path, PathBuf};

/// Where implementations are, the trait that makes one, and the table that lists its type.
const SEAMS: [(&str, &str, &str); 4] = [
    ("crates/core/src/signal", "Options", "crates/core/src/signal/table.rs"),
    ("crates/core/src/rule", "Settings", "crates/core/src/rule/table.rs"),
    ("crates/wire/src/dialect", "Dialect", "crates/wire/src/dialect/table.rs"),
    ("crates/workbench/src/fixture/grade", "Grader", "crates/workbench/src/fixture/grade/mod.rs"),
];
const FORMS: &str = "crates/cli/src/render/regress";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: impl AsRef<Path>) -> String {
    fs_err::read_to_string(root().join(path.as_ref())).unwrap()
}

/// The Rust files in a folder and below, as their path and their text.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs_err::read_to_string(&path).unwrap();
            found.push((path, text));
        }
    }
    found
}

fn is_word_of(word: &str, text: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|part| part == word)
}

#[test]
fn whoever_implements_a_seam_is_in_its_table() {
    for (folder, seam, table) in SEAMS {
        let (listed, mut implemented) = (read(table), 0);
        for (path, text) in sources(&root().join(folder)) {
            for line in text.lines() {
                let Some(kind) = line.strip_prefix(&format!("impl {seam} for ")) else { continue };
                let kind = kind.trim_end_matches(" {}").trim_end_matches(" {");
                assert!(is_word_of(kind, &listed), "{}: {kind} is not listed in {table}", path.display());
                implemented += 1;
            }
        }
        assert!(implemented > 1, "{folder}: nothing implements {seam}");
    }
}

#[test]
fn every_form_of_the_report_is_listed_and_told() {
    let (listed, guide, mut drawn) = (read(format!("{FORMS}/mod.rs")), read("docs/ci/README.md"), 0);
    for (path, text) in sources(&root().join(FORMS)) {
        let form = path.file_stem().unwrap().to_str().unwrap();
        if text.contains(&format!("pub(super) fn {form}(sheet: &Sheet<'_>) -> String")) {
            assert!(listed.contains(&format!("draw: {form}::{form} ")), "{} is not in FORMATS of {FORMS}/mod.rs", path.display());
            assert!(guide.contains(&format!("`{form}`")), "docs/ci/README.md does not tell of --format {form}");
            drawn += 1;
        }
    }
    assert!(drawn > 3);
}
