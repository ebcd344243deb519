//! Bytes in pieces of any size: never a panic, never an event beyond the limit, and the same events as in one piece.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tierfall_wire::sse::SseDecoder;

const LIMIT: usize = 256;

fuzz_target!(|input: (u8, &[u8])| {
    let (step, bytes) = (usize::from(input.0.max(1)), input.1);
    let mut whole = SseDecoder::new(LIMIT);
    let all: Vec<_> = whole.push(bytes).collect();
    let mut pieces = SseDecoder::new(LIMIT);
    let mut some = Vec::new();
    for piece in bytes.chunks(step) {
        some.extend(pieces.push(piece));
    }
    assert_eq!(all, some);
    assert_eq!(whole.finish(), pieces.finish());
    for event in all.into_iter().flatten() {
        assert!(event.data.len() <= LIMIT);
    }
});
