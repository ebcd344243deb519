//! Secrets as canaries: a server repeats what it was sent in every way that servers have, and none of it is found again in what any
//! command prints or writes.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::json;
use tierfall_testkit::openai::chat;
use tierfall_testkit::{Script, Server, sample};

use crate::support::{Ran, Sandbox, lines};

const KEY: &str = "sk-canary/Zq7+w41pLm9Tn3xR";
const WORD: &str = "canaryword-Hd83kLq0vBt5";
const USER: &str = "canaryuser91";
const PASSWORD: &str = "canarypass-Wm4Tz8Jd";

/// Each secret, and the forms in which the server repeats it.
fn forms() -> Vec<String> {
    let pair = format!("{USER}:{PASSWORD}");
    let words = [KEY, WORD, USER, PASSWORD];
    let base64 = |text: &str| [STANDARD.encode(text), URL_SAFE_NO_PAD.encode(text)];
    let mut forms = words.map(str::to_owned).to_vec();
    forms.extend([KEY, WORD, PASSWORD, &format!("Bearer {KEY}"), &format!("Token {WORD}"), &pair].into_iter().flat_map(base64));
    forms.push(KEY.replace('/', "%2F").replace('+', "%2B"));
    forms.push(KEY.replace('/', "\\/"));
    forms.push(KEY.bytes().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat());
    forms
}

/// The parts that are looked for: too long to be there by chance, too short to be missed where something beside them was changed.
fn canaries() -> Vec<String> {
    let inner = |form: String| form.get(4..form.len() - 4).unwrap_or(&form).to_ascii_lowercase();
    let mut parts: Vec<String> = forms().into_iter().map(inner).collect();
    // Of a key that is cut, more than half is too much.
    parts.extend([KEY, WORD, PASSWORD].map(|word| word[..=word.len() / 2].to_ascii_lowercase()));
    parts
}

/// The ways in which it fails, or answers, each with what it was sent.
fn faults() -> Vec<(&'static str, Script)> {
    let all = forms().join(" ");
    let error = |message: &str| json!({ "error": { "message": message, "type": message, "code": message } }).to_string();
    let answer = |change: fn(&mut serde_json::Value, &str)| {
        let mut body: serde_json::Value = chat(&sample::sure("Hello.", 0.9));
        change(&mut body, &all);
        Script::json(body.to_string())
    };
    let json = |status: u16, body: String| Script::status(status).header("content-type", "application/json").piece(body);
    let half = error(&format!("you sent {KEY}"));
    let half = &half[..half.find(KEY).unwrap() + 20];
    let event = |body: String| format!("data: {body}\n\n");
    vec![
        ("a refused key", json(401, error(&format!("Incorrect API key provided: {all}")))),
        ("a bad request", json(400, error(&format!("unknown header {all}")))),
        (
            "a complaint about a field",
            json(422, json!({ "detail": [{ "loc": ["header", all], "msg": all, "input": all }] }).to_string()),
        ),
        ("a page", Script::status(403).header("content-type", "text/html").piece(format!("<html><p>{all}</p></html>"))),
        ("a header", json(429, error("slow down")).header("x-you-sent", &all).header("retry-after", "0")),
        ("a redirect", Script::status(302).header("location", &format!("http://127.0.0.1:9/{KEY}?key={WORD}"))),
        ("a line", Script::status(500).header("content-type", "text/plain").piece(format!("no {KEY} {WORD} {PASSWORD}"))),
        ("a proxy that wants to know who asks", json(407, error(&format!("not {all}"))).header("proxy-authenticate", &all)),
        ("an error that is cut", json(503, half.to_owned()).cut()),
        ("an error in place of an answer", json(200, error(&all))),
        ("an answer that is cut", Script::json(half.to_owned()).cut()),
        ("an answer of another kind", Script::json(json!({ "choices": all, "object": all }).to_string())),
        ("no JSON", Script::json(all.clone())),
        ("a reason to end", answer(|body, all| body["choices"][0]["finish_reason"] = all.into())),
        ("a model", answer(|body, all| body["model"] = all.into())),
        ("an error in a stream", Script::sse().piece(event(chat(&sample::sure("Hel", 0.9)).to_string()) + &event(error(&all)))),
        ("an event that cannot be read", Script::sse().piece(event(all.clone()))),
        ("a packed reply", Script::json("x").header("content-encoding", &all)),
    ]
}

/// A cascade that sends all secrets to one server, which is its proxy as well, a fixture set for it, and one for a judge behind it.
fn sandbox(url: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let provider = format!(
        "[provider.p.openai-chat]\nbase-url = \"{url}/v1\"\napi-key = {{ env = \"CANARY_KEY\" }}\n\
         headers = {{ x-team = {{ env = \"CANARY_HEADER\" }} }}\nproxy = {{ env = \"CANARY_PROXY\" }}\nretries = 0\n"
    );
    let tier = |name: &str, gate: &str| {
        format!(
            "[[tier]]\nname = \"{name}\"\nmodel = \"p/m\"\nprice = {{ input = 1, output = 2 }}\nparams = {{ max-tokens = 9 }}\n{gate}"
        )
    };
    let tiers = tier("small", "gate = { signal = \"mean-logprob\", threshold = 0.95 }\n") + &tier("large", "");
    let expected = "[[expect]]\nfixtures = \"live\"\naccuracy-at-least = 0.5\n";
    sandbox.write("live.cascade.toml", format!("version = 1\nname = \"live\"\n{provider}{tiers}{expected}"));
    sandbox.write("judge.cascade.toml", format!("version = 1\nname = \"judge\"\n{provider}{}", tier("judge", "")));
    sandbox.write("two.cascade.toml", crate::support::CASCADE);
    for name in ["live", "judged"] {
        sandbox.fixture_set(name, 3);
    }
    let set = sandbox.read("fixtures/judged/set.toml").replace("\"contains-all\"", "{ judge = { name = \"strict\" } }");
    let judge = "[judge.strict]\ncascade = \"../../judge.cascade.toml\"\nrubric = \"It is right.\"\n\
                 [families]\nsmall = \"ours\"\nlarge = \"ours\"\n";
    sandbox.write("fixtures/judged/set.toml", set + judge);
    sandbox.run(&["record", "two.cascade.toml", "judged", "--quiet"]).exits(0);
    sandbox.write("queries.jsonl", lines((0..4).map(|n| format!("{{\"id\": \"q{n}\", \"query\": \"Hi {n}?\"}}"))));
    sandbox
}

/// Every command that asks somebody, or reads what was written of an answer, told to say all that it can.
const COMMANDS: [&[&str]; 15] = [
    &["-vv", "run", "live.cascade.toml", "Hi?", "--trace", "json"],
    &["run", "live.cascade.toml", "Hi?", "--trace", "text"],
    &["-vv", "run", "live.cascade.toml", "--jsonl", "queries.jsonl", "--out", "out.jsonl", "--trace-log", "traces.jsonl"],
    &["run", "live.cascade.toml", "--jsonl", "queries.jsonl", "--trace-log", "captured.jsonl", "--capture", "content"],
    &["-vv", "record", "live.cascade.toml", "live"],
    &["grade", "fixtures/live"],
    &["-vv", "grade", "fixtures/judged", "--judge", "--for", "two.cascade.toml"],
    &["-vv", "regress", "live.cascade.toml", "--live", "--format", "json"],
    &["regress", "live.cascade.toml", "--live", "--format", "junit"],
    &["regress", "live.cascade.toml", "--live", "--update-baseline"],
    &["calibrate", "live.cascade.toml", "--fixtures", "live", "--max-loss", "0.1", "--json", "c.json", "--html", "c.html"],
    &["advise", "live.cascade.toml", "--fixtures", "live", "--json", "a.json"],
    &["import", "traces", "captured.jsonl", "--into", "fixtures/imported", "--cascade", "live.cascade.toml"],
    &["-vv", "check", "live.cascade.toml"],
    &["-vv", "explain", "live.cascade.toml", "Hi?"],
];

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn no_secret_is_found_again_whatever_a_server_says() {
    let canaries = canaries();
    for (fault, script) in faults() {
        let server = Server::start(script).await.unwrap();
        let sandbox = sandbox(&server.url());
        let proxy = server.url().replace("http://", &format!("http://{USER}:{PASSWORD}@"));
        let header = format!("Token {WORD}");
        let environment = [("CANARY_KEY", KEY), ("CANARY_HEADER", &header), ("CANARY_PROXY", &proxy), ("RUST_LOG", "trace")];
        for command in COMMANDS {
            let ran = sandbox.run_with(command, &environment);
            assert!(![101, 134].contains(&ran.code()), "{fault}: {ran}");
            quiet_of(&canaries, &format!("{fault}: {}", command.join(" ")), &ran);
        }
        let sent = server.received();
        let with = |name: &str, value: &str| sent.iter().all(|one| one.header(name).is_some_and(|sent| sent.contains(value)));
        assert!(sent.len() > 6 && with("authorization", KEY) && with("x-team", WORD), "{fault}: nothing was at stake");
        assert!(with("proxy-authorization", &STANDARD.encode(format!("{USER}:{PASSWORD}"))), "{fault}: nothing was at stake");
        written(sandbox.path("").as_path(), &mut |path, text| {
            let found = canaries.iter().find(|canary| text.contains(canary.as_str()));
            assert!(found.is_none(), "{fault}: {found:?} is in {}:\n{text}", path.display());
        });
    }
}

fn quiet_of(canaries: &[String], what: &str, ran: &Ran) {
    let said = format!("{}{}", ran.stdout(), ran.stderr()).to_ascii_lowercase();
    let found = canaries.iter().find(|canary| said.contains(canary.as_str()));
    assert!(found.is_none(), "{what}: {found:?} is in:\n{ran}");
}

/// Every file below a folder, in small letters.
fn written(folder: &Path, see: &mut dyn FnMut(&Path, &str)) {
    for entry in fs_err::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            written(&path, see);
        } else {
            see(&path, &String::from_utf8_lossy(&fs_err::read(&path).unwrap()).to_ascii_lowercase());
        }
    }
}

/// What a model answers is nobody's to change, whatever it says.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_answer_is_served_as_it_came() {
    let text = format!("The key is {KEY}, the header Token {WORD}.");
    let server = Server::start(Script::json(chat(&sample::sure(&text, 0.99)).to_string())).await.unwrap();
    let sandbox = sandbox(&server.url());
    let proxy = server.url();
    let environment = [("CANARY_KEY", KEY), ("CANARY_HEADER", WORD), ("CANARY_PROXY", proxy.as_str())];
    let ran = sandbox.run_with(&["run", "live.cascade.toml", "Hi?", "--quiet"], &environment).exits(0);
    assert_eq!(ran.stdout(), text + "\n");
}
