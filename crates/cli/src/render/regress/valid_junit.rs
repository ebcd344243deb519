//! The rules of junit-10.xsd (jenkinsci/xunit-plugin, src/main/resources/org/jenkinsci/plugins/xunit/types/model/xsd/junit-10.xsd), to hold
//! our own output against them.

use roxmltree::{Document, Node};

/// What an element may hold.
struct Rule {
    name: &'static str,
    children: &'static [&'static str],
    required: &'static [&'static str],
    optional: &'static [&'static str],
    mixed: bool,
}

const RULES: &[Rule] = &[
    Rule {
        name: "testsuites",
        children: &["testsuite"],
        required: &[],
        optional: &["name", "time", "tests", "failures", "errors"],
        mixed: false,
    },
    Rule {
        name: "testsuite",
        children: &["testsuite", "properties", "testcase", "system-out", "system-err"],
        required: &["name", "tests", "failures", "errors"],
        optional: &["group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"],
        mixed: false,
    },
    Rule {
        name: "testcase",
        children: &["skipped", "error", "failure", "system-out", "system-err"],
        required: &["name"],
        optional: &["time", "classname", "group"],
        mixed: false,
    },
    Rule { name: "failure", children: &[], required: &[], optional: &["type", "message"], mixed: true },
    Rule { name: "error", children: &[], required: &[], optional: &["type", "message"], mixed: true },
    Rule { name: "skipped", children: &[], required: &[], optional: &["type", "message"], mixed: true },
    Rule { name: "system-out", children: &[], required: &[], optional: &[], mixed: true },
    Rule { name: "system-err", children: &[], required: &[], optional: &[], mixed: true },
];

/// Reads a document and holds it against the schema.
pub(super) fn parse(xml: &str) -> Result<Document<'_>, String> {
    let document = Document::parse(xml).map_err(|error| error.to_string())?;
    validate(document.root_element())?;
    Ok(document)
}

/// Holds an element and all within it against the schema; `time` is a decimal number there.
fn validate(element: Node<'_, '_>) -> Result<(), String> {
    let name = element.tag_name().name();
    let rule = RULES.iter().find(|rule| rule.name == name).ok_or_else(|| format!("<{name}> is not in the schema"))?;
    for required in rule.required {
        element.attribute(*required).ok_or_else(|| format!("<{name}> lacks {required}"))?;
    }
    for (key, value) in element.attributes().map(|attribute| (attribute.name(), attribute.value())) {
        if !rule.required.contains(&key) && !rule.optional.contains(&key) {
            return Err(format!("<{name}> may not have {key}"));
        }
        let counts = ["tests", "failures", "errors", "skipped"].contains(&key);
        if (key == "time" || counts) && (value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit())) {
            return Err(format!("{key} of <{name}> is {value}"));
        }
    }
    for child in element.children() {
        match child.text().filter(|text| child.is_text() && !text.trim().is_empty()) {
            Some(text) if !rule.mixed => return Err(format!("<{name}> has text: {text}")),
            _ if !child.is_element() => {}
            _ if rule.children.contains(&child.tag_name().name()) => validate(child)?,
            _ => return Err(format!("<{}> in <{name}>", child.tag_name().name())),
        }
    }
    Ok(())
}

#[test]
fn the_validator_refuses_what_the_schema_does() {
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    let suite = |inner: &str| format!("{head}<testsuite name=\"a\" tests=\"1\" failures=\"0\" errors=\"0\">{inner}</testsuite>");
    let keeps = |xml: &str| parse(xml).map(drop);
    keeps(&suite("<testcase name=\"x\" time=\"0\"><system-out>y</system-out></testcase>")).unwrap();
    for wrong in [
        suite("<testcase classname=\"x\"/>"),
        suite("<testcase name=\"x\" file=\"y\"/>"),
        suite("<testcase name=\"x\"><properties/></testcase>"),
        suite("<testcase name=\"x\" time=\"0.1s\"/><failure/>"),
        suite("words"),
        suite("<testcase name=\"a & b\"/>"),
        suite("<testcase name=\"x\">"),
        format!("{head}<testsuites/><testsuites/>"),
        format!("{head}<testsuite name=\"a\" tests=\"1\" failures=\"0\"/>"),
    ] {
        keeps(&wrong).unwrap_err();
    }
}
