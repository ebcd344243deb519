//! What a program hears that was built without a feature which its cascade needs.

#[cfg(test)]
#[cfg(not(all(feature = "http", feature = "json-schema", feature = "simulated")))]
fn problem(cascade: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lean.cascade.toml");
    std::fs::write(&path, cascade).unwrap();
    tierfall::Engine::load(&path).err().unwrap().to_string()
}

#[cfg(not(feature = "http"))]
#[test]
fn a_server_needs_the_feature_http() {
    let cascade = r#"
version = 1
name = "lean"
[provider.local.openai-chat]
base-url = "http://127.0.0.1:8101/v1"
[[tier]]
name = "only"
model = "local/model"
    "#;
    let problem = problem(cascade);
    assert!(problem.contains("\"local\"") && problem.contains("the feature `http`"), "{problem}");
}

#[cfg(not(feature = "simulated"))]
#[test]
fn an_invented_answer_needs_the_feature_simulated() {
    let cascade = r#"
version = 1
name = "lean"
[provider.invented.simulated]
models = { small = {} }
[[tier]]
name = "only"
model = "invented/small"
    "#;
    let problem = problem(cascade);
    assert!(problem.contains("\"invented\"") && problem.contains("the feature `simulated`"), "{problem}");
}

#[cfg(not(feature = "json-schema"))]
#[test]
fn a_schema_needs_the_feature_json_schema() {
    let cascade = r#"
version = 1
name = "lean"
[provider.local.openai-chat]
base-url = "http://127.0.0.1:8101/v1"
[[tier]]
name = "first"
model = "local/small"
gate = { signal = "mean-logprob", threshold = 0.5, require = [{ json-schema = { schema = { type = "object" } } }] }
[[tier]]
name = "last"
model = "local/large"
    "#;
    let problem = problem(cascade);
    assert!(problem.contains("json-schema") && problem.contains("the feature `json-schema`"), "{problem}");
}
