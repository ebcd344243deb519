//! Whatever a provider sends, every dialect answers with a completion or a typed error, whole or streamed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tierfall_wire::dialect::table;
use tierfall_wire::sse::SseDecoder;

fuzz_target!(|input: (u16, &[u8])| {
    let (status, bytes) = input;
    for name in table::names() {
        let dialect = table::by_name(name).expect("every listed dialect exists");
        let _ = dialect.decode(bytes);
        let _ = dialect.classify(status, bytes);
        let mut stream = dialect.stream();
        let mut answer = tierfall_core::completion::Completion::default();
        for event in SseDecoder::new(1 << 16).push(bytes).flatten() {
            if let Ok(tierfall_wire::dialect::Event::Delta(delta)) = stream.event(event.name.as_deref(), &event.data) {
                let _ = answer.push(&delta);
            }
        }
    }
});
