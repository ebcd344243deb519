//! Schema, reference and documentation say what the parser does.

use std::path::{Path, PathBuf};

use super::EXAMPLE;
use super::reference::reference;
use crate::config::{json_schema, parse_unfitted};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Compares a written file, or writes it where `UPDATE_SCHEMA` is set.
fn fresh(file: &str, text: &str) {
    let path = repository().join(file);
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, text).unwrap();
    }
    let written = fs_err::read_to_string(&path).unwrap_or_default();
    assert!(written == text, "{file} is stale; write it again with\n\n    UPDATE_SCHEMA=1 cargo test -p tierfall config\n");
}

#[test]
fn the_schema_is_fresh() {
    fresh("cascades/cascade.schema.json", &(serde_json::to_string_pretty(&json_schema()).unwrap() + "\n"));
}

#[test]
fn the_reference_is_fresh() {
    fresh("docs/reference/cascade.md", &reference());
}

fn as_json(text: &str) -> serde_json::Value {
    serde_json::to_value(toml::from_str::<toml::Value>(text).unwrap()).unwrap()
}

#[test]
fn the_schema_allows_what_the_parser_allows() {
    let schema = jsonschema::validator_for(&json_schema()).unwrap();
    assert!(schema.validate(&as_json(EXAMPLE)).is_ok(), "{:?}", schema.validate(&as_json(EXAMPLE)));
    for (from, to) in [
        ("version = 1", "version = 2"),
        ("price =", "prices ="),
        ("threshold = 0.6", "threshold = 1.6"),
        ("threshold = 0.6", "threshold = \"fitted\""),
        ("alpha = 0.2", "aplha = 0.2"),
        ("quantile-logprob", "quartile-logprob"),
        ("openai-chat", "openai"),
        ("{ env = \"LOCAL_KEY\" }", "\"sk-1234\""),
        ("\"60s\"", "60"),
        ("enter-at = \"medium\"", "enter-at = \"medium\", refuse = \"no\""),
        ("enter-at = \"medium\"", ""),
        ("C065", "C012"),
        ("keyword = ", "keywords = "),
        ("{ any = [\"card\", \"iban\"] }", "{ any = [\"passport\"] }"),
    ] {
        let text = super::edited(from, to);
        assert!(!schema.is_valid(&as_json(&text)), "{from} -> {to}");
        super::bad(&text);
    }
}

/// Every Markdown file of the documentation.
fn pages(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs_err::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            pages(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

#[test]
fn every_toml_block_of_the_documentation_is_right() {
    let mut found = Vec::new();
    pages(&repository().join("docs"), &mut found);
    found.extend(["README.md", "ARCHITECTURE.md"].map(|name| repository().join(name)).into_iter().filter(|path| path.exists()));
    let mut cascades = 0;
    for page in found {
        let text = fs_err::read_to_string(&page).unwrap();
        for block in text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            assert!(toml::from_str::<toml::Table>(block).is_ok(), "{}: no TOML:\n{block}", page.display());
            if block.contains("[[tier]]") && block.contains("version = 1") {
                let any = |_: &Path| Ok("{\"role\": \"user\", \"content\": \"a file\"}".to_owned());
                if let Err(error) = parse_unfitted(block, &page, &any) {
                    panic!("{error}");
                }
                cascades += 1;
            }
        }
    }
    assert!(cascades > 0, "the reference has an example");
}
