//! In which distributed trace a request stands, in the words of the W3C's Trace Context.

use std::fmt;
use std::sync::Arc;

/// What the headers `traceparent` and `tracestate` say: the distributed trace that a request belongs to, and the span that asks.
///
/// By <https://www.w3.org/TR/trace-context-1/>. Whoever gets the calls is told the same, so that their spans hang where they belong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    parent: Arc<str>,
    state: Option<Arc<str>>,
}

/// Lengths of version, trace, span and flags in hexadecimal digits.
const PARTS: [usize; 4] = [2, 32, 16, 2];

impl TraceContext {
    /// What the headers' values say. `None` where `traceparent` is not one: the request begins a trace, or stands in none. A version
    /// of it that is to come is read as the present one; a `tracestate` that is longer than 512 characters, or no list, is left out.
    ///
    /// ```
    /// use tierfall_core::trace_context::TraceContext;
    ///
    /// let asked = TraceContext::read("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", None).ok_or("no context")?;
    /// assert_eq!(asked.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
    /// # Ok::<(), &str>(())
    /// ```
    pub fn read(traceparent: &str, tracestate: Option<&str>) -> Option<Self> {
        let mut parts = traceparent.trim().splitn(5, '-');
        let [version, trace, span, flags] = PARTS.map(|digits| parts.next().filter(|part| is_hex(part, digits)));
        let (version, trace, span, flags) = (version?, trace?, span?, flags?);
        let is_there = |id: &str| id.bytes().any(|digit| digit != b'0');
        if version == "ff" || (version == "00" && parts.next().is_some()) || !is_there(trace) || !is_there(span) {
            return None;
        }
        let state = tracestate.map(str::trim).filter(|state| {
            state.contains('=') && state.len() <= 512 && state.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
        });
        Some(Self { parent: format!("00-{trace}-{span}-{flags}").into(), state: state.map(Into::into) })
    }

    /// The value of `traceparent`.
    pub fn traceparent(&self) -> &str {
        &self.parent
    }

    /// The value of `tracestate`, where there is one.
    pub fn tracestate(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// The trace's id: 32 hexadecimal digits.
    pub fn trace_id(&self) -> &str {
        &self.parent[3..35]
    }
}

fn is_hex(part: &str, digits: usize) -> bool {
    part.len() == digits && part.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.parent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn what_is_no_context_is_none() {
        for good in [PARENT.to_owned(), format!(" {PARENT} "), PARENT.replacen("00", "cc", 1) + "-what-comes-later"] {
            assert_eq!(TraceContext::read(&good, None).map(|read| read.to_string()).as_deref(), Some(PARENT), "{good}");
        }
        let without = |from: usize, to: usize| format!("{}{}{}", &PARENT[..from], "0".repeat(to - from), &PARENT[to..]);
        let bad = [
            String::new(),
            PARENT[..54].to_owned(),
            PARENT.to_uppercase(),
            format!("{PARENT}-more"),
            PARENT.replacen("00", "ff", 1),
            PARENT.replace('-', ""),
            PARENT.replace("4bf", "4bg"),
            without(3, 35),
            without(36, 52),
        ];
        for bad in bad {
            assert_eq!(TraceContext::read(&bad, None), None, "{bad}");
        }
    }

    #[test]
    fn a_state_that_is_none_is_left_out() {
        let state = |state: &str| TraceContext::read(PARENT, Some(state)).and_then(|read| read.tracestate().map(str::to_owned));
        assert_eq!(state("rojo=1,congo=2").as_deref(), Some("rojo=1,congo=2"));
        for bad in ["", "rojo", "a=1\r\nhost: b", "a=é", &format!("a={}", "1".repeat(512))] {
            assert_eq!(state(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn reading_never_panics_and_gives_a_header(text in "\\PC{0,60}", state in "\\PC{0,20}") {
            if let Some(read) = TraceContext::read(&text, Some(&state)) {
                prop_assert_eq!(TraceContext::read(read.traceparent(), read.tracestate()), Some(read));
            }
        }
    }
}
