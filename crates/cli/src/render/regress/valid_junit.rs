//! Enough of an XML reader, and the rules of junit-10.xsd (jenkinsci/xunit-plugin,
//! src/main/resources/org/jenkinsci/plugins/xunit/types/model/xsd/junit-10.xsd), to hold our own output against them.

use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub(super) struct Element {
    pub(super) name: String,
    pub(super) attributes: BTreeMap<String, String>,
    pub(super) children: Vec<Element>,
    pub(super) text: String,
}

/// Reads a document without comments, sections of raw text or document types. Strict: an error is a bug of the writer.
pub(super) fn parse(xml: &str) -> Result<Element, String> {
    let rest = xml.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").ok_or("no declaration")?;
    let illegal = |c: &char| (*c < ' ' && !"\t\n\r".contains(*c)) || matches!(c, '\u{fffe}' | '\u{ffff}');
    if let Some(illegal) = xml.chars().find(illegal) {
        return Err(format!("illegal character {illegal:?}"));
    }
    let (root, rest) = element(rest.trim_start())?;
    if rest.trim().is_empty() { Ok(root) } else { Err(format!("after the root: {rest}")) }
}

fn element(text: &str) -> Result<(Element, &str), String> {
    let text = text.strip_prefix('<').ok_or_else(|| format!("no element: {text:.40}"))?;
    let end = text.find('>').ok_or("a tag without an end")?;
    let (tag, mut rest) = (&text[..end], &text[end + 1..]);
    let (tag, empty) = tag.strip_suffix('/').map_or((tag, false), |tag| (tag, true));
    let (name, mut left) = tag.split_once(' ').unwrap_or((tag, ""));
    let mut element_ = Element { name: name.to_owned(), ..Element::default() };
    while !left.trim().is_empty() {
        let (key, after) = left.trim_start().split_once("=\"").ok_or_else(|| format!("no attribute: {left}"))?;
        let (value, after) = after.split_once('"').ok_or_else(|| format!("no end of {key}"))?;
        // As readers do: white space that is not written as a number is a blank.
        let value = unescape(&value.replace(['\n', '\t', '\r'], " "))?;
        if element_.attributes.insert(key.to_owned(), value).is_some() {
            return Err(format!("{key} twice"));
        }
        left = after;
    }
    if empty {
        return Ok((element_, rest));
    }
    loop {
        let at = rest.find('<').ok_or_else(|| format!("no end of {name}"))?;
        element_.text += &unescape(&rest[..at])?;
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("</") {
            let after = after.strip_prefix(name).and_then(|after| after.strip_prefix('>'));
            return Ok((element_, after.ok_or_else(|| format!("{name} is closed by {rest:.40}"))?));
        }
        let (child, after) = element(rest)?;
        element_.children.push(child);
        rest = after;
    }
}

fn unescape(text: &str) -> Result<String, String> {
    let mut parts = text.split('&');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (entity, after) = part.split_once(';').ok_or_else(|| format!("a bare & before {part}"))?;
        let number = |text: &str| text.parse().ok().and_then(char::from_u32);
        out.push(match entity {
            "amp" => '&',
            "lt" => '<',
            "gt" => '>',
            "quot" => '"',
            other => other.strip_prefix('#').and_then(number).ok_or_else(|| format!("&{other};"))?,
        });
        out.push_str(after);
    }
    Ok(out)
}

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

/// Holds an element and all within it against the schema; `time` is a decimal number there.
pub(super) fn validate(element: &Element) -> Result<(), String> {
    let name = &element.name;
    let rule = RULES.iter().find(|rule| rule.name == name).ok_or_else(|| format!("<{name}> is not in the schema"))?;
    for required in rule.required {
        element.attributes.get(*required).ok_or_else(|| format!("<{name}> lacks {required}"))?;
    }
    for (key, value) in &element.attributes {
        if !rule.required.contains(&key.as_str()) && !rule.optional.contains(&key.as_str()) {
            return Err(format!("<{name}> may not have {key}"));
        }
        let counts = ["tests", "failures", "errors", "skipped"].contains(&key.as_str());
        if (key == "time" || counts) && (value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit())) {
            return Err(format!("{key} of <{name}> is {value}"));
        }
    }
    if !rule.mixed && !element.text.trim().is_empty() {
        return Err(format!("<{name}> has text: {}", element.text));
    }
    for child in &element.children {
        if !rule.children.contains(&child.name.as_str()) {
            return Err(format!("<{}> in <{name}>", child.name));
        }
        validate(child)?;
    }
    Ok(())
}

#[test]
fn the_validator_refuses_what_the_schema_does() {
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    let suite = |inner: &str| format!("{head}<testsuite name=\"a\" tests=\"1\" failures=\"0\" errors=\"0\">{inner}</testsuite>");
    let keeps = |xml: &str| parse(xml).and_then(|root| validate(&root));
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
