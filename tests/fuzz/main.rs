//! The fuzz targets as plain functions, with a few inputs. Run as what they are they need another compiler, and one that no longer builds
//! would not be missed.

#![expect(unused_attributes, reason = "as programs, the targets have `no_main`")]

// The targets name the macro by the crate that has it.
extern crate self as libfuzzer_sys;

#[path = "../../fuzz/fuzz_targets/baseline.rs"]
mod baseline;
#[path = "../../fuzz/fuzz_targets/body.rs"]
mod body;
#[path = "../../fuzz/fuzz_targets/config.rs"]
mod config;
#[path = "../../fuzz/fuzz_targets/decode.rs"]
mod decode;
#[path = "../../fuzz/fuzz_targets/fit.rs"]
mod fit;
#[path = "../../fuzz/fuzz_targets/observations.rs"]
mod observations;
#[path = "../../fuzz/fuzz_targets/rating.rs"]
mod rating;
#[path = "../../fuzz/fuzz_targets/sse.rs"]
mod sse;

/// A target as a function.
#[macro_export]
macro_rules! fuzz_target {
    (|$input:ident: $kind:ty| $body:block) => {
        pub(crate) fn run($input: $kind) $body
    };
}

#[test]
fn no_target_is_forgotten() {
    for target in fs_err::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/fuzz_targets")).unwrap() {
        let name = target.unwrap().file_name().into_string().unwrap();
        assert!(include_str!("main.rs").contains(&format!("{}::run(", name.trim_end_matches(".rs"))), "{name}");
    }
}

#[test]
fn every_target_takes_a_few_inputs() {
    let file = |path: &str| fs_err::read_to_string(format!("{}/../{path}", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let inputs = [
        String::new(),
        "{\"id\": \"a\", \"tiers\": {\"small\": {\"correct\": 1e400, \"confidence\": {\"\\ud800\": NaN}}}}\r\n".to_owned(),
        "id,small.correct\n\"a\",0\n".to_owned(),
        "data: {\"choices\": [{\"delta\": {\"content\": \"é\"}}]}\n\ndata: [DONE]\n\n".to_owned(),
        "Answer: 42\nConfidence: 90%".to_owned(),
        file("cascades/support.cascade.toml"),
        file("cascades/support.fit.toml"),
        file("cascades/support.baseline.json"),
    ];
    for text in &inputs {
        let bytes = text.as_bytes();
        baseline::run(bytes);
        body::run(text);
        config::run(text);
        decode::run((200, bytes));
        fit::run(text);
        observations::run(bytes);
        rating::run(text);
        sse::run((3, bytes));
    }
}
