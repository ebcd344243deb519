//! What a run tells `tracing`: where it is, never what was said.
//!
//! A process of its own: `tracing` remembers for the whole process whether anybody listens at a place in the code, and while
//! there is one listener it asks the thread that comes by first. A test without a listener that came by first would have
//! these places silent for good.

#[cfg(test)]
mod runs;
