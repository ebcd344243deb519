//! What a provider's server said beside the answer, for whoever passes answers and failures on.

use std::fmt;

/// A server's reply around its answer: status, headers and, where it was none that could be used, the body. It holds no key: a server
/// may echo one anywhere, and whoever makes this takes it out. It may quote the prompt, and stays in memory: neither traces nor
/// recordings hold it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Upstream {
    /// The status of the protocol, as in HTTP.
    pub status: u16,
    /// Names in lower case with their values, in the order in which they came. Cookies are left out: they are for us alone.
    pub headers: Vec<(String, String)>,
    /// The body of a failure, at most [`MOST`](Self::MOST) bytes of it; empty beside an answer, whose pieces come apart, and where the
    /// body was not read.
    pub body: String,
}

impl Upstream {
    /// Bytes of a body that are kept at most.
    pub const MOST: usize = 64 << 10;

    /// The value of a header, its name in lower case; the first one where there are several.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Names and sizes: the values are for programs, and a log is read by many.
impl fmt::Debug for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Upstream")
            .field("status", &self.status)
            .field("headers", &names)
            .field("body_bytes", &self.body.len())
            .finish()
    }
}
