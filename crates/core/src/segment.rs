//! A request's run-time segment: what thresholds may depend on, known before any call.

use std::sync::Arc;

use crate::request::Request;
use crate::rule::table::Condition;

/// How a request's segment is found: the value of a tag, else the first rule whose condition holds.
#[derive(Clone, Debug, Default)]
pub struct Segments {
    /// The tag whose value is the segment; an empty value is none.
    pub tag: Option<String>,
    /// Looked at where the tag says nothing.
    pub rules: Vec<SegmentRule>,
}

/// A segment, and the requests that are of it.
#[derive(Clone, Debug)]
pub struct SegmentRule {
    /// The segment.
    pub name: Arc<str>,
    /// Which requests are of it.
    pub when: Arc<dyn Condition>,
}

impl Segments {
    /// Whether nothing ever says a segment.
    pub fn is_empty(&self) -> bool {
        self.tag.is_none() && self.rules.is_empty()
    }

    /// The segment of a request; `None` where nothing says one.
    pub fn of<'a>(&'a self, request: &'a Request) -> Option<&'a str> {
        let tagged = self.tag.as_ref().and_then(|tag| request.tags.get(tag)).filter(|value| !value.is_empty());
        let ruled = || self.rules.iter().find(|rule| rule.when.holds(request)).map(|rule| &*rule.name);
        tagged.map(String::as_str).or_else(ruled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registry;
    use crate::rule::table::ConditionSpec;

    #[test]
    fn the_tag_is_believed_before_the_rules_and_the_first_rule_before_the_others() {
        let rule = |name: &str, word: &str| {
            let spec = ConditionSpec::read("keyword", serde_json::json!({ "any": [word] })).unwrap().unwrap();
            SegmentRule { name: name.into(), when: spec.build().unwrap() }
        };
        let rules = vec![rule("billing", "invoice"), rule("orders", "order")];
        let segments = Segments { tag: Some("topic".into()), rules };
        let mut request = Request::new("id", "Where is the invoice of my order?");
        assert_eq!(segments.of(&request), Some("billing"));
        request.tags.insert("topic".into(), "returns".into());
        assert_eq!(segments.of(&request), Some("returns"));
        request.tags.insert("topic".into(), String::new());
        assert_eq!(segments.of(&request), Some("billing"));
        assert_eq!(segments.of(&Request::new("id", "Hello")), None);
    }
}
