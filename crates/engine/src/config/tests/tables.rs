//! What the declarations of keys say of themselves.

use tierfall_core::rule::table::ConditionSpec;

use crate::config::json_schema;
use crate::config::schema::Schema;

#[test]
fn every_key_says_what_it_means() {
    fn look(schema: &serde_json::Value, place: &str) {
        for (key, value) in schema["properties"].as_object().into_iter().flatten() {
            // What an enum's option holds is told with the option.
            let is_option =
                schema["required"] == serde_json::json!([key]) && schema["properties"].as_object().unwrap().len() == 1;
            assert!(
                value["description"].is_string() || value["$ref"].is_string() || is_option,
                "{place}: `{key}` says nothing about itself"
            );
        }
        for (key, value) in schema.as_object().into_iter().flatten() {
            look(value, &format!("{place}/{key}"));
        }
    }
    look(&json_schema(), "");
}

#[test]
fn every_table_tells_its_keys_in_the_order_of_the_declaration() {
    let names = |schema: Schema| schema.keys().iter().map(|key| key.name).collect::<Vec<_>>();
    assert_eq!(names(Schema::root())[..4], ["version", "name", "salt", "provider"]);
    assert_eq!(names(Schema::of_signal("entropy")), ["top", "tail", "over", "tokens"]);
    for (name, definition) in json_schema()["$defs"].as_object().unwrap() {
        let keys = names(Schema::definition(name)).len();
        let kinds = if name.ends_with("RuleFile") { ConditionSpec::NAMES.len() } else { 0 };
        if let (Some(properties), true) = (definition["properties"].as_object(), name != "ProviderFile") {
            assert_eq!(keys + kinds, properties.len(), "{name}");
        }
    }
}

#[test]
fn no_kind_of_rule_is_also_a_key_of_rules() {
    for key in Schema::definition("RuleFile").keys() {
        assert!(!ConditionSpec::NAMES.contains(&key.name));
    }
}
