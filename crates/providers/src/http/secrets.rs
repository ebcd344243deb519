//! What must never be told: secrets, the words in them, and the forms in which servers repeat what was sent to them.

use std::ops::Range;

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use base64::engine::{DecodePaddingMode, general_purpose::STANDARD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::{ExposeSecret, SecretString};
use tierfall_core::completion::Finish;
use tierfall_core::text::one_line;

/// What is shorter is no secret, and replacing it would only garble what is told.
const SHORTEST: usize = 8;

/// As much of a secret at the end of a text that was cut may be the rest of one.
const SHORTEST_HALF: usize = 4;

/// What stands where a secret was.
const HIDDEN: &str = "[key]";

/// What ends a word: schemes, cookies and pairs of names and passwords are written with these.
const BETWEEN: [char; 7] = [' ', '\t', ',', ';', '=', ':', '"'];

/// What stands before a secret and is none.
const SCHEMES: [&str; 6] = ["bearer", "basic", "digest", "token", "key", "apikey"];

/// All but what no URL escapes; browsers leave five more as they are.
const URL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const URL_IN_BROWSERS: &AsciiSet = &URL.remove(b'!').remove(b'\'').remove(b'(').remove(b')').remove(b'*');

/// Base64 as lenient as servers are about its padding.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true);

/// The secrets of one provider, or of one attempt. It prints nothing of them.
#[derive(Default)]
pub(super) struct Secrets {
    forms: Vec<SecretString>,
    /// Finds where a form begins; `None` where there is none.
    heads: Option<AhoCorasick>,
}

impl Secrets {
    /// Those of values that are sent.
    pub(super) fn new<'s>(values: impl IntoIterator<Item = &'s str>) -> Self {
        Self::of(all_forms(values).collect())
    }

    fn of(mut forms: Vec<String>) -> Self {
        forms.retain(|form| form.len() >= SHORTEST);
        forms.sort_unstable();
        forms.dedup();
        let heads = forms.iter().map(|form| &form[..head(form)]);
        let mut builder = AhoCorasick::builder();
        builder.ascii_case_insensitive(true).match_kind(MatchKind::LeftmostLongest);
        // It could fail on more patterns than any header can hold.
        let heads = (!forms.is_empty()).then(|| builder.build(heads).ok()).flatten();
        Self { forms: forms.into_iter().map(SecretString::from).collect(), heads }
    }

    /// With more of them.
    pub(super) fn and<'s>(&'s self, values: impl IntoIterator<Item = &'s str>) -> Self {
        let known = self.forms.iter().map(|form| form.expose_secret().to_owned());
        Self::of(known.chain(all_forms(values)).collect())
    }

    /// A text without them, and without parts of them that are more than half.
    pub(super) fn without(&self, text: &str) -> String {
        let Some(heads) = &self.heads else { return text.to_owned() };
        let (mut told, mut from) = (String::with_capacity(text.len()), 0);
        for found in heads.find_iter(text) {
            // Where more of one was taken out, what begins in it is gone too.
            if found.start() >= from {
                told.push_str(&text[from..found.start()]);
                told.push_str(HIDDEN);
            }
            from = from.max(self.end(text, found.range()));
        }
        told + &text[from..]
    }

    /// Where the longest form ends that begins so.
    fn end(&self, text: &str, found: Range<usize>) -> usize {
        let behind = &text.as_bytes()[found.start..];
        let same = |form: &str| form.bytes().zip(behind).take_while(|(ours, theirs)| ours.eq_ignore_ascii_case(theirs)).count();
        let longest = self.forms.iter().map(|form| same(form.expose_secret())).max().unwrap_or(0);
        text.floor_char_boundary(found.start + longest).max(found.end)
    }

    /// A provider's words, short and without secrets. These go first: half a key would be found by nobody.
    pub(super) fn quoted(&self, text: &str) -> String {
        short(&self.without(text))
    }

    /// Takes them out of why an answer ended: a server may echo anything there.
    pub(super) fn told(&self, finish: &mut Finish) {
        if let Finish::Other(word) = finish {
            *word = self.quoted(word);
        }
    }

    /// Takes off the beginning of one at the end of a text that was cut, wherever that was.
    pub(super) fn cut_half(&self, text: &mut String) {
        let begun = |form: &str| {
            let ends = |length: &usize| {
                let (half, at) = (form.get(..*length), text.len().checked_sub(*length));
                half.zip(at.and_then(|at| text.get(at..))).is_some_and(|(half, end)| half.eq_ignore_ascii_case(end))
            };
            (SHORTEST_HALF..form.len()).rev().find(ends)
        };
        if let Some(half) = self.forms.iter().filter_map(|form| begun(form.expose_secret())).max() {
            text.truncate(text.len() - half);
        }
    }
}

fn all_forms<'s>(values: impl IntoIterator<Item = &'s str>) -> impl Iterator<Item = String> {
    values.into_iter().flat_map(words).flat_map(|word| forms(&word))
}

/// How much of a form has to be there: who tells more than half of a secret, tells it.
fn head(form: &str) -> usize {
    form.ceil_char_boundary(SHORTEST.max(form.len() / 2))
}

/// A value without the scheme before it, its words, and the name and the password that a word holds packed.
fn words(value: &str) -> Vec<String> {
    let is_scheme = |word: &str| SCHEMES.iter().any(|scheme| word.eq_ignore_ascii_case(scheme));
    let value = value.split_once(' ').filter(|(word, _)| is_scheme(word)).map_or(value, |(_, rest)| rest);
    let mut words: Vec<String> = [value].into_iter().chain(value.split(BETWEEN)).map(|word| word.trim().to_owned()).collect();
    let lenient = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
    let pairs = value.split([' ', ',']).filter_map(|word| String::from_utf8(lenient.decode(word).ok()?).ok());
    let pairs: Vec<String> = pairs.filter(|pair| pair.contains(':') && !pair.contains(char::is_control)).collect();
    words.extend(pairs.iter().flat_map(|pair| [pair.as_str()].into_iter().chain(pair.split(':'))).map(str::to_owned));
    words.retain(|word| word.len() >= SHORTEST);
    words
}

/// A word as a server may repeat it: in JSON, also inside a text of JSON, on a page, in an address, in hexadecimal digits, and in
/// base64, where it may stand behind anything.
fn forms(word: &str) -> Vec<String> {
    let json = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"");
    let escaped = |codes: fn(u32) -> String, which: &str| -> String {
        word.chars().map(|c| if which.contains(c) { codes(c.into()) } else { c.to_string() }).collect()
    };
    let page = |apostrophe: &str| {
        let text = word.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        text.replace('"', "&quot;").replace('\'', apostrophe)
    };
    let mut forms = vec![
        word.to_owned(),
        json(word),
        json(&json(word)),
        // PHP's way, Go's and Python's.
        json(word).replace('/', "\\/"),
        escaped(|code| format!("\\u{code:04x}"), "<>&'=+/"),
        escaped(|code| format!("\\u{code:04x}"), "<>&"),
        page("&#39;"),
        page("&#x27;"),
        escaped(|code| format!("&#{code};"), "<>&'\"+="),
        utf8_percent_encode(word, URL).to_string(),
        utf8_percent_encode(word, URL_IN_BROWSERS).to_string(),
        word.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat(),
    ];
    for before in 0..3 {
        let bytes = [&vec![0; before][..], word.as_bytes()].concat();
        let packed = STANDARD.encode(&bytes);
        // The first and the last may say something of their neighbours, too.
        let sure = [0, 2, 3][before]..bytes.len() * 8 / 6;
        let Some(packed) = packed.get(sure) else { continue };
        forms.extend([packed.to_owned(), packed.replace('+', "-").replace('/', "_"), packed.replace('/', "\\/")]);
        forms.push(utf8_percent_encode(packed, URL).to_string());
    }
    forms
}

/// One line of bounded length.
pub(super) fn short(text: &str) -> String {
    one_line(text, 300)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "sk-canary/0123+4567=89\"\\ab&<'>cd";

    fn secrets() -> Secrets {
        Secrets::new([KEY, "Bearer token-0123456789", "short"])
    }

    /// Whatever a text has of a secret is gone, and what stands beside it stays.
    #[test]
    fn a_secret_is_found_in_every_form() {
        let json = |text: &str| serde_json::to_string(text).unwrap().trim_matches('"').to_owned();
        let base64 = |text: &str| STANDARD.encode(text);
        let forms = [
            ("as it is", KEY.to_owned()),
            ("in capitals", KEY.to_uppercase()),
            ("in JSON", json(KEY)),
            ("in JSON in JSON", json(&json(KEY))),
            ("in PHP's JSON", json(KEY).replace('/', "\\/")),
            ("in Go's JSON", json(KEY).replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e")),
            (
                "on a page",
                KEY.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;"),
            ),
            ("in a query", url::form_urlencoded::byte_serialize(KEY.as_bytes()).collect()),
            ("hexadecimal", KEY.bytes().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().concat()),
            ("base64", base64(KEY)),
            ("base64 behind one", base64(&format!("u{KEY}"))),
            ("base64 behind a name", base64(&format!("user:{KEY}"))),
            ("base64 behind a scheme", base64(&format!("Bearer {KEY}."))),
            ("base64 for URLs", base64(KEY).replace('+', "-").replace('/', "_").trim_end_matches('=').to_owned()),
            ("base64 in JSON", base64(KEY).replace('/', "\\/")),
            ("base64 in a query", url::form_urlencoded::byte_serialize(base64(KEY).as_bytes()).collect()),
            ("a word", "token-0123456789".to_owned()),
            ("more than half of a word", "token-01234…".to_owned()),
            ("two in a row", format!("{KEY}{KEY}")),
        ];
        let secrets = secrets();
        for (what, form) in forms {
            let told = secrets.without(&format!("It was <{form}>, no short one."));
            assert!(
                told.starts_with("It was <") && told.ends_with(">, no short one.") && told.contains(HIDDEN),
                "{what}: {told}"
            );
            // The edges of base64 are a few bits.
            assert!(told.len() <= "It was <>, no short one.".len() + 24, "{what}: {told}");
        }
    }

    #[test]
    fn what_is_short_or_like_a_secret_is_told() {
        let secrets = Secrets::new(["true", "Bearer abc", "token-0123456789"]);
        for text in ["true and Bearer abc", "a token-0 is less than half of it", "token", ""] {
            assert_eq!(secrets.without(text), text);
        }
        assert_eq!(Secrets::default().without("anything"), "anything");
    }

    #[test]
    fn a_name_and_a_password_are_secrets_though_they_are_sent_packed() {
        let header = format!("Basic {}", STANDARD.encode("operator-7:letmein-please"));
        let secrets = Secrets::new([header.as_str()]);
        assert_eq!(secrets.without("no letmein-please for OPERATOR-7"), "no [key] for [key]");
        assert_eq!(secrets.without(&header), "Basic [key]");
    }

    #[test]
    fn more_can_be_added() {
        let all = secrets().and(["signature-0123456789"]);
        assert_eq!(all.without("signature-0123456789, token-0123456789"), "[key], [key]");
    }

    #[test]
    fn a_word_of_the_server_is_told_without_them() {
        let secrets = Secrets::new(["secretword"]);
        let mut finish = Finish::Other("my_secretword".to_owned());
        secrets.told(&mut finish);
        assert_eq!(finish, Finish::Other("my_[key]".to_owned()));
        Secrets::default().told(&mut finish);
        assert_eq!(finish, Finish::Other("my_[key]".to_owned()));
    }

    #[test]
    fn a_text_of_other_letters_is_not_cut_inside_one() {
        let secrets = Secrets::new(["éàèùâêîôû"]);
        assert_eq!(secrets.without("ééàèùâêîôûüéàèùâêîôé"), "é[key]ü[key]é");
        let mut text = "üéàè".to_owned();
        secrets.cut_half(&mut text);
        assert_eq!(text, "ü");
    }
}
