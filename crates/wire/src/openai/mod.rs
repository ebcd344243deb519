//! OpenAI's chat completions from the server's side: requests in, replies out.

mod request;
mod respond;
mod strip;

pub use request::{ClientAsked, parse_request};
pub use respond::{Head, chunks, error_body, whole};
pub use strip::{strip, strip_chunk};
