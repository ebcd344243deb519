//! A body that is not edited is written as it was read; an edited one stays JSON.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tierfall_wire::body::Body;

fuzz_target!(|text: &str| {
    if let Ok(mut body) = Body::parse(text) {
        assert_eq!(body.write().expect("a body that was read can be written"), text);
        body.set("model", "m").expect("a text is JSON");
        let edited = body.write().expect("an edited body can be written");
        let again = Body::parse(&edited).expect("an edited body is still an object");
        assert_eq!(again.read::<String>("model").as_deref(), Some("m"));
        assert_eq!(again.write().expect("a body that was read can be written"), edited);
    }
});
