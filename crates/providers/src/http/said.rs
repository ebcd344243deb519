//! What a server said around its answer, without secrets.

use reqwest::Response;
use reqwest::header::{HeaderValue, SET_COOKIE};
use tierfall_core::provider::Upstream;

use super::secrets::Secrets;

/// Status and headers. Cookies are between the server and us.
pub(super) fn head(response: &Response, secrets: &Secrets) -> Upstream {
    let text = |value: &HeaderValue| secrets.without(&String::from_utf8_lossy(value.as_bytes()));
    let told = response.headers().iter().filter(|(name, _)| *name != SET_COOKIE);
    let headers = told.map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    Upstream { status: response.status().as_u16(), headers, body: String::new() }
}

/// The same with the body, or as much of it as is kept.
pub(super) fn whole(head: &Upstream, body: &[u8], secrets: &Secrets) -> Upstream {
    let cut = &body[..body.len().min(Upstream::MOST)];
    let mut text = secrets.without(&String::from_utf8_lossy(cut));
    secrets.cut_half(&mut text);
    // What stands for a key, or for bytes that are no text, may be longer than they were.
    text.truncate(text.floor_char_boundary(Upstream::MOST));
    Upstream { body: text, ..head.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_a_key_at_the_end_is_not_told() {
        let secrets = Secrets::new(["sk-12345678", "sk-1"]);
        let body = |text: &str| whole(&Upstream::default(), text.as_bytes(), &secrets).body;
        assert_eq!(body("your key sk-12345678 is bad"), "your key [key] is bad");
        for half in ["sk-12", "sk-1234567"] {
            let told = body(&format!("your key {half}"));
            assert!(!told.contains("sk-"), "{told}");
        }
        let long = format!("{}sk-12345678", "é".repeat(Upstream::MOST / 2 - 3));
        assert!(body(&long).len() <= Upstream::MOST && !body(&long).contains("sk-"), "cut in the middle of a key");
        assert!(body(&"\u{fffd}".repeat(Upstream::MOST)).len() <= Upstream::MOST);
        assert!(whole(&Upstream::default(), &vec![0xff; Upstream::MOST], &secrets).body.len() <= Upstream::MOST);
    }
}
