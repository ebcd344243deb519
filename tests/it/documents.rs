//! What the documents say stays true.

use std::path::{Path, PathBuf};

use tierfall_wire::dialect::finish::{Meaning, WORDS};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn files(under: &Path, wanted: &dyn Fn(&Path) -> bool, found: &mut Vec<PathBuf>) {
    for entry in fs_err::read_dir(under).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() && !name.starts_with('.') && !["target", "models", "node_modules"].contains(&name.as_str()) {
            files(&path, wanted, found);
        } else if wanted(&path) {
            found.push(path);
        }
    }
}

fn with_extension(extension: &'static str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    files(&root(), &|path| path.extension().is_some_and(|e| e == extension), &mut found);
    found
}

#[test]
fn links_between_documents_lead_somewhere() {
    for document in with_extension("md") {
        let text = fs_err::read_to_string(&document).unwrap();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target) {
            let path = target.split('#').next().unwrap_or_default();
            if path.is_empty() || path.contains("://") {
                continue;
            }
            let there = document.parent().unwrap().join(path);
            assert!(there.exists(), "{} links to {target}, which is not there", document.display());
        }
    }
}

#[test]
fn the_reference_has_every_reason_why_an_answer_ends() {
    let text = fs_err::read_to_string(root().join("docs/reference/decisions.md")).unwrap();
    let table = text.rsplit_once("|---|---|---|\n").unwrap().1;
    let told: Vec<(&str, &str)> = table
        .lines()
        .map(|row| row.split(" | ").map(|cell| cell.trim_matches(['|', ' ', '`'])).collect())
        .map(|cells: Vec<&str>| {
            assert!(cells.len() == 3 && !cells[2].is_empty(), "a row says a word, what it means and who sends it: {cells:?}");
            (cells[0], cells[1])
        })
        .collect();
    let means = |means: &Meaning| match means {
        Meaning::Stop => "complete",
        Meaning::ToolCalls => "complete, with tool calls",
        Meaning::Truncated => "truncated",
        Meaning::Filtered => "filtered",
        Meaning::Failed => "failed",
        Meaning::Unfinished => "unfinished",
    };
    let known: Vec<(&str, &str)> =
        WORDS.iter().flat_map(|(meaning, words)| words.iter().map(move |word| (*word, means(meaning)))).collect();
    assert_eq!(told, known, "the last table of docs/reference/decisions.md");
}

#[test]
fn ten_providers_are_set_up_without_a_warning() {
    let path = root().join("docs/guide/setups.md");
    let text = fs_err::read_to_string(&path).unwrap();
    let sections: Vec<&str> = text.split("\n## ").skip(1).collect();
    assert!(sections.len() >= 10, "{}", sections.len());
    for section in sections {
        let (name, rest) = section.split_once('\n').unwrap();
        let block = rest.split("```toml\n").nth(1).and_then(|rest| rest.split_once("```")).unwrap().0;
        let none = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
        let loaded = tierfall::config::parse_unfitted(block, &path, &none).unwrap_or_else(|error| panic!("{name}:\n{error}"));
        assert!(loaded.warnings.is_empty(), "{name}: {:?}", loaded.warnings);
    }
}

#[test]
fn every_cascade_in_a_document_is_one() {
    let mut checked = 0;
    for document in with_extension("md") {
        let text = fs_err::read_to_string(&document).unwrap();
        for block in text.split("```toml\n").skip(1).filter_map(|rest| rest.split_once("```")).map(|(block, _)| block) {
            if block.contains("[[tier]]") {
                // Whether there is a fit is no document's business, and they name no other file.
                let none = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
                let loaded = tierfall::config::parse_unfitted(block, &document, &none);
                assert!(loaded.is_ok(), "{}:\n{}", document.display(), loaded.unwrap_err());
                checked += 1;
            }
        }
    }
    assert!(checked >= 2);
}

#[test]
fn no_source_file_grows_past_six_hundred_lines() {
    for source in with_extension("rs") {
        let lines = fs_err::read_to_string(&source).unwrap().lines().count();
        assert!(lines <= 600, "{} has {lines} lines: one idea a file", source.display());
    }
}

#[test]
fn no_secret_stands_in_a_file() {
    let mut found = Vec::new();
    files(
        &root(),
        &|path| {
            path.extension()
                .is_some_and(|e| ["rs", "toml", "md", "json", "jsonl", "py", "sh"].contains(&e.to_str().unwrap_or("")))
        },
        &mut found,
    );
    let looks_like_a_key = |text: &str| {
        ["sk-ant-", "sk-proj-", "AKIA", "ghp_", "xoxb-"].iter().any(|start| {
            text.match_indices(start).any(|(at, _)| {
                let tail = text[at + start.len()..].chars().take_while(char::is_ascii_alphanumeric).count();
                tail >= 16
            })
        })
    };
    for path in found {
        let text = String::from_utf8_lossy(&fs_err::read(&path).unwrap()).into_owned();
        assert!(!looks_like_a_key(&text), "{} seems to hold a key", path.display());
    }
}

/// The library's page is compiled; the front page shows the same without what only a test needs.
#[test]
fn the_front_page_shows_code_that_is_compiled() {
    let read = |path: &str| fs_err::read_to_string(root().join(path)).unwrap();
    let blocks = |text: &str| -> Vec<String> {
        let code = text.split("```rust").skip(1).chain(text.split("```no_run").skip(1));
        code.filter_map(|rest| Some(rest.split_once('\n')?.1.split_once("```")?.0.to_owned())).collect()
    };
    let seen = |block: &str| block.lines().filter(|line| !line.starts_with("# ")).collect::<Vec<_>>().join("\n");
    let compiled: Vec<String> = blocks(&read("crates/engine/README.md")).iter().map(|block| seen(block)).collect();
    let shown = blocks(&read("README.md"));
    assert!(!shown.is_empty());
    for block in shown {
        assert!(compiled.contains(&seen(&block)), "README.md shows code that crates/engine/README.md has not:\n{block}");
    }
}
