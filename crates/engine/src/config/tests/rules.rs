//! What is said of rules that contradict themselves, or come to something together.

use std::io;
use std::path::Path;

use tierfall_core::plan::Plan;
use tierfall_core::request::{Json, Request};

use super::{bad, good};
use crate::config::{ConfigError, Loaded, parse, parse_unfitted};
use crate::fit;
use crate::fit::testing::fit_of;

const HEAD: &str = "version = 1\nname = \"demo\"\n\n[provider.local.openai-chat]\nbase-url = \"http://127.0.0.1:8001/v1\"\n\n";

const TIERS: &str = r#"[[tier]]
name = "small"
model = "local/a"
gate = { signal = "mean-logprob", threshold = 0.7 }

[[tier]]
name = "medium"
model = "local/b"
gate = { signal = "mean-logprob", threshold = 0.7 }

[[tier]]
name = "large"
model = "local/c"
"#;

/// A cascade with these rules, each a condition and a route.
fn ruled(top: &str, rules: &[(&str, &str)]) -> String {
    let rule =
        |(at, (when, route)): (usize, &(&str, &str))| format!("[[rule]]\nname = \"r{at}\"\n{when}\nroute = {{ {route} }}\n\n");
    let rules: String = rules.iter().enumerate().map(rule).collect();
    format!("{top}{HEAD}{rules}{TIERS}")
}

const PRIVATE: (&str, &str) = ("personal-data = { any = [\"card\"] }", "only = [\"small\", \"medium\"]");
const LEGAL: (&str, &str) = ("keyword = { any = [\"lawyer\"] }", "enter-at = \"medium\"");

fn warned(text: &str) -> String {
    let loaded = good(text);
    loaded.warnings.iter().map(|warning| warning.render("demo.cascade.toml", &loaded.text)).collect()
}

#[test]
fn keys_that_contradict_each_other_are_told_with_the_reason() {
    let when = "tools = true";
    let error = bad(&ruled(
        "",
        &[
            (when, "refuse = \"no\", review = \"look\""),
            (when, "review = \"look\", only = [\"small\"], enter-at = \"small\", point = \"best\""),
            (when, "only = []"),
            (when, "only = [\"small\", \"medium\"], enter-at = \"large\""),
            (when, ""),
        ],
    ));
    insta::assert_snapshot!(error);
}

#[test]
fn keys_that_make_sense_together_are_one_rule() {
    let loaded = good(&ruled("", &[("tools = true", "only = [\"medium\", \"large\"], enter-at = \"large\"")]));
    assert!(loaded.warnings.is_empty());
    let route = format!("{:?}", loaded.cascade.rules()[0].route);
    assert_eq!(route, "Answer(Within { only: Some({TierIx(1), TierIx(2)}), enter_at: Some(TierIx(2)), point: None })");
    let loaded = good(&ruled("", &[("tools = true", "review = \"tools are used by people\"")]));
    assert_eq!(format!("{:?}", loaded.cascade.rules()[0].route), "Review(\"tools are used by people\")");
}

#[test]
fn two_rules_that_may_both_hold_are_named_once() {
    let text = ruled("", &[LEGAL, PRIVATE, ("tools = true", "refuse = \"no\"")]);
    insta::assert_snapshot!(warned(&text));
    assert_eq!(warned(&format!("allow = [\"C065\"]\n{text}")), "", "whoever looked at it says so");
    assert!(bad(&format!("allow = [\"C013\"]\n{text}")).to_string().contains("an entry of `allow` cannot be \"C013\""));
}

#[test]
fn a_second_rule_is_warned_of_where_it_changes_what_the_first_does() {
    let tag = |value: &str| format!("tag = {{ key = \"team\", equals = \"{value}\" }}");
    let (red, blue) = (tag("red"), tag("blue"));
    let said = |one: (&str, &str), other: (&str, &str)| {
        let text = warned(&ruled("", &[one, other]));
        let title = text.lines().next().unwrap_or_default();
        title.split_once("not the first alone: ").map(|(_, differs)| differs.to_owned())
    };
    let (any, too) = ("keyword = { any = [\"a\"] }", "regex = \"b\"");
    for (one, other, differs) in [
        ("only = [\"small\", \"medium\"]", "enter-at = \"medium\"", Some("such a request enters at medium")),
        ("enter-at = \"medium\"", "only = [\"small\", \"medium\"]", Some("such a request is shown to small, medium alone")),
        ("enter-at = \"small\"", "only = [\"medium\"]", Some("such a request is shown to medium alone, and enters at medium")),
        ("enter-at = \"small\"", "refuse = \"no\"", Some("such a request is refused (no)")),
        ("only = [\"small\"]", "review = \"look\"", Some("a person answers such a request, and no model sees it")),
        ("review = \"look\"", "refuse = \"no\"", Some("such a request is refused (no)")),
        (
            "only = [\"small\"]",
            "enter-at = \"large\"",
            Some("such a request is refused (the rules leave no tier: \"r0\" allows only small; \"r1\" enters at large)"),
        ),
        // What the first one implies changes nothing.
        ("refuse = \"no\"", "review = \"look\"", None),
        ("refuse = \"no\"", "only = [\"small\"]", None),
        ("review = \"look\"", "only = [\"small\"]", None),
        ("only = [\"small\"]", "only = [\"small\", \"medium\"]", None),
        ("only = [\"large\"]", "enter-at = \"medium\"", None),
        ("enter-at = \"large\"", "enter-at = \"medium\"", None),
        ("review = \"look\"", "review = \"look again\"", None),
    ] {
        assert_eq!(said((any, one), (too, other)).as_deref(), differs, "{one} then {other}");
        // What cannot be both is not compared.
        assert_eq!(said((&red, one), (&blue, other)), None, "{one} then {other}");
    }
}

fn none(_: &Path) -> io::Result<String> {
    Err(io::ErrorKind::NotFound.into())
}

/// Every threshold comes from a fit with the points `default` and `strict`.
fn fitted(rules: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
    let text = ruled("", rules).replace("threshold = 0.7", "threshold = \"fit\"");
    let path = Path::new("demo.cascade.toml");
    // Whoever reads the file without its fit does not know the points.
    let unfitted = parse_unfitted(&text, path, &none).unwrap_or_else(|error| panic!("{error}"));
    let rendered = fit::render(&fit_of(&unfitted)).unwrap();
    let read = |path: &Path| if path == Path::new("demo.fit.toml") { Ok(rendered.clone()) } else { none(path) };
    parse(&text, path, &read)
}

#[test]
fn a_rule_names_a_point_that_the_fit_has() {
    let loaded = fitted(&[("tools = true", "point = \"strict\", enter-at = \"medium\"")]).unwrap();
    let mut request = Request::new("id", "?");
    request.tools = Some(Json::of(&["a tool"]).unwrap());
    let plan = Plan::new(&loaded.cascade, request);
    assert_eq!((plan.point.as_deref(), plan.tiers.len()), (Some("strict"), 2));
    insta::assert_snapshot!(fitted(&[("tools = true", "point = \"stricter\"")]).unwrap_err());
    insta::assert_snapshot!(bad(&ruled("", &[("tools = true", "point = \"strict\"")])));
}

#[test]
fn a_second_rule_is_warned_of_where_it_changes_who_is_asked_and_how_it_is_judged() {
    let (any, too) = ("keyword = { any = [\"a\"] }", "regex = \"b\"");
    let differs = |loaded: &Loaded| {
        let told = loaded.warnings.iter().map(|warning| warning.render("demo.cascade.toml", &loaded.text)).collect::<String>();
        told.lines().next().and_then(|title| Some(title.split_once("not the first alone: ")?.1.to_owned()))
    };
    let said = |one: &str, other: &str| differs(&fitted(&[(any, one), (too, other)]).unwrap());
    // The default point needs no rule that names it.
    assert_eq!(said("only = [\"small\", \"large\"]", "point = \"default\""), None);
    let judged = "such a request is judged at the point \"strict\"";
    assert_eq!(said("only = [\"small\", \"large\"]", "point = \"strict\"").as_deref(), Some(judged));
    assert_eq!(said("point = \"strict\"", "point = \"default\""), None, "the first one's is taken, which another warning tells");
    // A person who was asked may not see it any more.
    let person = format!("{}\n[[tier]]\nname = \"person\"\nreview = true\n", TIERS.trim_end());
    let person =
        person.replace("model = \"local/c\"", "model = \"local/c\"\ngate = { signal = \"mean-logprob\", threshold = 0.7 }");
    let text = ruled("", &[(any, "review = \"look\""), (too, "only = [\"small\"]")]).replace(TIERS, &person);
    let not_asked = "a person is to answer such a request, and \"person\", who would be asked, may not see it";
    assert_eq!(differs(&good(&text)).as_deref(), Some(not_asked));
    assert_eq!(differs(&good(&text.replace("[\"small\"]", "[\"small\", \"person\"]"))), None);
}

#[test]
fn two_points_are_a_warning() {
    let (any, too) = ("keyword = { any = [\"a\"] }", "regex = \"b\"");
    let warned = |one: &str, other: &str| {
        let loaded = fitted(&[(any, one), (too, other)]).unwrap();
        loaded.warnings.iter().map(|warning| warning.render("demo.cascade.toml", &loaded.text)).collect::<String>()
    };
    insta::assert_snapshot!(warned("point = \"strict\"", "point = \"default\""));
    assert_eq!(warned("point = \"strict\"", "point = \"strict\""), "");
    // Where nothing is asked, no point is taken.
    assert!(!warned("point = \"strict\"", "refuse = \"no\"").contains("C066"));
}

#[test]
fn rules_have_names_of_their_own() {
    let unnamed = ruled("", &[("tools = true", "only = [\"small\"]"), ("tools = false", "only = [\"large\"]")]);
    let unnamed = unnamed.replace("name = \"r0\"\n", "").replace("name = \"r1\"\n", "");
    insta::assert_snapshot!(bad(&unnamed), @r#"
    error[C011]: two rules are named "tools"
      --> <cascade>:12:1
       |
     8 | tools = true
       | ----- the first one
    ...
    12 | tools = false
       | ^^^^^
       |
       = help: give one of them a `name` of its own: without one a rule has that of its kind

    1 problem in <cascade>
    "#);
    good(&unnamed.replacen("[[rule]]\n", "[[rule]]\nname = \"with-tools\"\n", 1));
}
