//! Bodies, encodings and headers that are odd.

use super::behaviour::{Behaviour, Right, answer, as_events, body, events};
use crate::server::Script;

fn raw(name: &'static str, who: &'static str, whole: &str, right: Right) -> Behaviour {
    Behaviour::new(name, who, vec![Script::json(whole.to_owned())], Vec::new(), right)
}

/// A plain reply with another head.
fn headed(name: &'static str, who: &'static str, head: &[(&str, &str)], right: Right) -> Behaviour {
    let plain = body(|_| {});
    let with = |script: Script| head.iter().fold(script, |script, (name, value)| script.header(name, value));
    let whole = with(Script::status(200)).piece(plain.to_string());
    let stream =
        as_events(&plain).into_iter().fold(with(Script::status(200)), |script, data| script.piece(format!("data: {data}\n\n")));
    Behaviour::new(name, who, vec![whole], vec![stream], right)
}

/// `{"choices":[]}` packed by gzip.
const PACKED: &[u8] = &[
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xab, 0x56, 0x4a, 0xce, 0xc8, 0xcf, 0x4c, 0x4e, 0x2d, 0x56, 0xb2,
    0x8a, 0x8e, 0xad, 0x05, 0x00, 0x4b, 0x9e, 0xba, 0xad, 0x0e, 0x00, 0x00, 0x00,
];

pub(super) fn all() -> Vec<Behaviour> {
    let plain = body(|_| {}).to_string();
    let malformed = || Right::failed("malformed").unknown_cost();
    let whole = || vec![Script::json(plain.clone())];
    let streamed = || vec![events(&as_events(&body(|_| {})))];
    let packed = Script::json(PACKED).header("content-encoding", "gzip");
    vec![
        headed("no content type", "small servers of one's own", &[], Right::accepted()),
        headed(
            "a content type of plain text",
            "small servers of one's own",
            &[("content-type", "text/plain")],
            Right::accepted(),
        ),
        headed(
            "headers of limits and of cookies",
            "OpenAI, Cloudflare",
            &[("content-type", "application/json"), ("x-ratelimit-remaining-requests", "0"), ("set-cookie", "a=b")],
            Right::accepted(),
        )
        .but_streamed(malformed()),
        Behaviour::new(
            "a whole reply where a stream was asked for",
            "servers that cannot stream",
            Vec::new(),
            whole(),
            Right::accepted(),
        ),
        Behaviour::new(
            "a stream where none was asked for",
            "servers that stream by default",
            streamed(),
            Vec::new(),
            Right::accepted(),
        ),
        Behaviour::new(
            "a packed reply that nobody asked for",
            "proxies that compress everything",
            vec![packed.clone()],
            vec![packed],
            malformed(),
        ),
        raw("a byte order mark", "servers on Windows", &format!("\u{feff}{plain}"), Right::accepted()),
        raw(
            "blanks before the body",
            "OpenRouter and others that keep connections awake",
            &format!("\n \n{plain}"),
            Right::accepted(),
        ),
        raw(
            "NaN in an alternative",
            "Python's json.dumps",
            &plain.replace("\"top_logprobs\":[]", "\"top_logprobs\":[{\"token\":\"x\",\"logprob\":NaN}]"),
            Right::accepted(),
        ),
        raw(
            "minus infinity in an alternative",
            "Python's json.dumps",
            &plain.replace("\"top_logprobs\":[]", "\"top_logprobs\":[{\"token\":\"x\",\"logprob\":-Infinity}]"),
            Right::accepted(),
        ),
        raw(
            "half of a pair of surrogates",
            "servers that cut a token in two",
            &plain.replace("\"content\":\"Paris\"", "\"content\":\"Paris\\ud83d\""),
            Right::accepted().says("Paris\u{fffd}"),
        ),
        raw(
            "a member twice",
            "proxies that add what is there",
            &plain.replacen("\"model\":", "\"model\":\"m\",\"model\":", 1),
            Right::accepted(),
        ),
        raw("a body that ends in the middle", "a proxy that gave up", &plain[..plain.len() / 2], malformed()),
        raw("no body", "a proxy that gave up", "", malformed()),
        raw("null", "small servers of one's own", "null", malformed()),
        raw("a page in place of an answer", "a proxy's login", "<html>Sign in</html>", malformed()),
        raw("a body of another protocol", "a base URL of another API", r#"{"completion":"Paris","stop":null}"#, malformed()),
        answer(
            "characters that are escaped",
            "Python's json.dumps",
            |body| body["choices"][0]["message"]["content"] = "Par\u{ed}s".into(),
            Right::accepted().says("Par\u{ed}s"),
        ),
        Behaviour::new(
            "a connection that ends before the reply",
            "a server that restarts",
            vec![Script::hang_up()],
            vec![Script::hang_up()],
            Right::failed_again("truncated").unknown_cost(),
        ),
        Behaviour::new(
            "a reply that is cut",
            "a server that restarts",
            vec![Script::json(plain[..40].to_owned()).cut()],
            vec![Script::sse().piece("data: {\"choices\"").cut()],
            Right::failed_again("truncated").unknown_cost(),
        ),
        Behaviour::new(
            "a reply shorter than announced",
            "a proxy's bug",
            vec![Script::json(plain[..40].to_owned()).length(plain.len()).cut()],
            Vec::new(),
            Right::failed_again("truncated").unknown_cost(),
        ),
    ]
}
