//! What a file is, by the keys of its first object: those of other programs' results are told by the command that reads them.

/// A kind of file.
struct Kind {
    /// The format of `tierfall import` that reads it.
    format: &'static str,
    /// What it is, for people.
    what: &'static str,
    is: fn(&Keys) -> bool,
}

/// Every kind that is known by its keys; the first that fits counts.
const KINDS: [Kind; 5] = [
    Kind {
        format: "lm-eval",
        what: "samples of the LM Evaluation Harness",
        is: |keys| keys.all(&["doc_id"]) && keys.any(&["resps", "filtered_resps", "doc_hash"]),
    },
    Kind {
        format: "inspect",
        what: "a log of Inspect",
        is: |keys| keys.all(&["eval"]) && keys.any(&["status", "samples", "plan"]),
    },
    Kind {
        format: "promptfoo",
        what: "results of promptfoo",
        is: |keys| keys.all(&["results"]) || keys.all(&["testIdx", "promptIdx"]) || keys.all(&["gradingResult", "provider"]),
    },
    Kind {
        format: "openai-log",
        what: "a log of completions or a batch's output",
        is: |keys| keys.all(&["custom_id"]) && keys.any(&["response", "result", "error"]) || keys.all(&["request", "response"]),
    },
    Kind { format: "tidy", what: "one row an answer", is: |keys| keys.all(&["id"]) && keys.any(&["correct", "judged"]) },
];

/// The format that reads a file that begins so, and what it is; `None` where its keys tell nothing.
pub(crate) fn recognised(start: &[u8]) -> Option<(&'static str, &'static str)> {
    let keys = Keys::of(start);
    KINDS.iter().find(|kind| !keys.any(&["tiers"]) && (kind.is)(&keys)).map(|kind| (kind.format, kind.what))
}

/// Whether it is one document of promptfoo's, and no line of its rows.
pub(crate) fn is_document_of_results(start: &[u8]) -> bool {
    Keys::of(start).all(&["results"])
}

/// The keys of the object with which a text begins, as far as the text goes.
struct Keys(Vec<String>);

impl Keys {
    fn of(text: &[u8]) -> Self {
        let (mut keys, mut depth) = (Vec::new(), 0_u32);
        let mut at = 0;
        while let Some(byte) = text.get(at) {
            match byte {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.saturating_sub(1),
                b'"' => {
                    let from = at + 1;
                    at = from;
                    while text.get(at).is_some_and(|byte| *byte != b'"') {
                        at += if text[at] == b'\\' { 2 } else { 1 };
                    }
                    let behind = text.get(at + 1..).unwrap_or_default().trim_ascii_start();
                    if depth == 1 && behind.starts_with(b":") {
                        keys.push(String::from_utf8_lossy(text.get(from..at).unwrap_or_default()).into_owned());
                    }
                }
                _ => {}
            }
            at += 1;
            if depth == 0 && !keys.is_empty() {
                break;
            }
        }
        Self(keys)
    }

    fn all(&self, keys: &[&str]) -> bool {
        keys.iter().all(|key| self.0.iter().any(|known| known == key))
    }

    fn any(&self, keys: &[&str]) -> bool {
        keys.iter().any(|key| self.all(&[key]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_first_keys_however_they_are_written() {
        for (text, format) in [
            (r#"{"doc_id": 0, "doc": {"id": 1, "correct": 1}, "filtered_resps": ["#, Some("lm-eval")),
            ("{\n  \"version\": 2,\n  \"status\": \"success\",\n  \"eval\": {\n", Some("inspect")),
            (r#"{"evalId": "e", "results": {"version": 3, "results": ["#, Some("promptfoo")),
            (r#"{"results":{"version":2"#, Some("promptfoo")),
            (r#"{"promptIdx":0,"testIdx":0,"provider":{"id":"x"}"#, Some("promptfoo")),
            (r#"{"id": "batch_req_1", "custom_id": "a", "response": {"#, Some("openai-log")),
            (r#"{"custom_id": "a", "result": {"type""#, Some("openai-log")),
            (r#"{"id": 1, "model": "a", "correct": 1}"#, Some("tidy")),
            (r#"{"id": 1, "tiers": {"a": {"correct": 1}}}"#, None),
            (r#"{"id": 1, "results": [], "correct": 1, "tiers": {"a": {}}}"#, None),
            (r#"{"note": "\"results\": {", "id": 1}"#, None),
            ("id,correct\n1,1\n", None),
            ("{}\n{\"results\": 1}", Some("promptfoo")),
            ("", None),
            ("\"\\", None),
        ] {
            assert_eq!(recognised(text.as_bytes()).map(|(format, _)| format), format, "{text}");
        }
    }
}
