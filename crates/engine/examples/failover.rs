//! What a cascade does when its first tier fails, in each way in which servers do: on defaults, with nothing set but the addresses. The rows
//! are those of the public scoreboard failoverbench for answers that are asked for whole, and some of our own.
//!
//! Servers and clients are real; the clock is tokio's, stopped, so that a minute takes no minute.

use std::error::Error;
use std::fmt::Write as _;
use std::io::{Write as _, stdout};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tierfall::{Answer, Engine};
use tierfall_core::money::Money;
use tierfall_core::trace::OutcomeKind;
use tierfall_testkit::{Script, Server, openai, sample};
use tokio::time::{Instant, sleep};

/// No request may take longer.
const LONGEST: Duration = Duration::from_secs(10);

/// One way to fail.
#[derive(Clone, Copy)]
struct Row {
    id: &'static str,
    /// What the first tier's server does.
    wall: &'static str,
    /// How it answers its so-manieth request, from 0, so long after the first one.
    small: fn(usize, Duration) -> Script,
    /// Who is to answer.
    tier: &'static str,
    /// Most requests that the first tier's server may see.
    most: usize,
    /// Whether what the first tier's failed attempts cost is known to be nothing.
    free: bool,
    /// What else is right.
    right: &'static str,
    is_right: fn(&Seen) -> bool,
    /// Requests, and how far apart they are.
    asked: usize,
    pause: Duration,
}

/// What came.
struct Seen {
    answers: Vec<(Answer, Duration)>,
    /// When the first tier's server was asked.
    small: Vec<Instant>,
}

impl Seen {
    fn last(&self) -> &Answer {
        &self.answers[self.answers.len() - 1].0
    }

    fn tier(&self) -> &str {
        self.last().trace.tier.as_deref().unwrap_or("nobody")
    }

    fn longest(&self) -> Duration {
        self.answers.iter().map(|(_, took)| *took).max().unwrap_or_default()
    }

    /// What the trace quotes of the first tier's failure.
    fn quotes(&self, words: &str) -> bool {
        self.last().trace.steps[0].message.as_deref().is_some_and(|said| said.contains(words))
    }

    fn cost_of_first(&self) -> Option<Money> {
        self.last().trace.steps[0].cost().total()
    }
}

fn body(tier: &str) -> String {
    let mut body = openai::chat(&sample::sure(&format!("An answer of {tier}."), 0.9));
    body["model"] = format!("{tier}-1").into();
    body.to_string()
}

fn answer() -> Script {
    Script::json(body("small"))
}

/// An answer that stops coming in its middle.
fn half() -> Script {
    let body = body("small");
    Script::json(body[..body.len() * 2 / 3].to_owned())
}

fn error(status: u16, message: &str, code: &str) -> Script {
    Script::status(status).header("content-type", "application/json").piece(openai::error(message, code).to_string())
}

fn rows() -> Vec<Row> {
    let row = Row {
        id: "S04",
        wall: "503, always",
        small: |_, _| error(503, "overloaded", "overloaded"),
        tier: "large",
        most: 2,
        free: true,
        right: "one retry, then the next tier",
        is_right: |_| true,
        asked: 1,
        pause: Duration::ZERO,
    };
    vec![
        Row {
            id: "S01",
            wall: "429 with Retry-After: 2, once",
            small: |n, _| {
                if n == 0 { error(429, "slow down", "rate_limit_exceeded").header("retry-after", "2") } else { answer() }
            },
            tier: "small",
            right: "asked again after 2 s",
            is_right: |seen| seen.small.len() == 2 && seen.small[1] - seen.small[0] >= Duration::from_secs(2),
            ..row
        },
        Row {
            id: "S02",
            wall: "429 without Retry-After, always",
            small: |_, _| error(429, "slow down", "rate_limit_exceeded"),
            right: "one retry after a pause, then the next tier",
            ..row
        },
        Row {
            id: "S03",
            wall: "500, once",
            small: |n, _| if n == 0 { error(500, "oops", "server_error") } else { answer() },
            tier: "small",
            right: "asked again at once",
            is_right: |seen| seen.small.len() == 2,
            ..row
        },
        row,
        Row {
            id: "S05",
            wall: "connection reset before the reply, once",
            small: |n, _| if n == 0 { Script::reset() } else { answer() },
            tier: "small",
            free: false,
            right: "asked again; the attempt may have cost",
            is_right: |seen| seen.small.len() == 2,
            ..row
        },
        Row {
            id: "S06",
            wall: "no reply at all",
            small: |_, _| Script::silent(),
            most: 1,
            free: false,
            right: "timed out, then the next tier",
            is_right: |seen| seen.quotes("`timeouts.total`"),
            ..row
        },
        Row {
            id: "S07",
            wall: "the answer after 20 s",
            small: |_, _| answer().after_time(Duration::from_secs(20)),
            most: 1,
            free: false,
            right: "the next tier's answer, and which setting waits longer",
            is_right: |seen| seen.quotes("`timeouts.total`"),
            ..row
        },
        Row {
            id: "S08",
            wall: "cut in the middle of the answer, always",
            small: |_, _| half().cut(),
            free: false,
            right: "a whole answer, and no piece of the cut one",
            ..row
        },
        Row {
            id: "S09",
            wall: "stall in the middle of the answer",
            small: |_, _| half().stall(),
            most: 1,
            free: false,
            right: "timed out, then the next tier",
            ..row
        },
        Row {
            id: "S10",
            wall: "an answer that is no JSON",
            small: |_, _| half(),
            most: 1,
            free: false,
            right: "not asked again, nothing of it shown",
            ..row
        },
        Row {
            id: "S11",
            wall: "no end but that of the connection",
            small: |_, _| answer().until_closed(),
            tier: "small",
            most: 1,
            right: "the answer, at once and with its usage",
            is_right: |seen| {
                seen.longest() < Duration::from_secs(1) && seen.last().completion().is_some_and(|it| it.usage.is_some())
            },
            ..row
        },
        Row {
            id: "S12",
            wall: "400 context_length_exceeded",
            small: |_, _| error(400, "maximum context length is 4096 tokens", "context_length_exceeded"),
            most: 1,
            right: "not asked again, then the next tier",
            ..row
        },
        Row {
            id: "S13",
            wall: "400 content_filter",
            small: |_, _| error(400, "blocked by the content policy", "content_filter"),
            tier: "nobody",
            most: 1,
            right: "refused, asked nobody else, and the reason is told",
            is_right: |seen| {
                let error = seen.last().trace.error.as_deref().unwrap_or_default();
                seen.last().trace.outcome == OutcomeKind::Refused && error.contains("blocked by the content policy")
            },
            ..row
        },
        Row {
            id: "S14",
            wall: "cut, and the next tier takes no prefilled answer",
            small: |_, _| half().cut(),
            free: false,
            right: "asked anew, as if nothing had come",
            ..row
        },
        Row {
            id: "S15",
            wall: "down for a minute, a request each 5 s",
            small: |_, since| if since < Duration::from_mins(1) { error(503, "down", "overloaded") } else { answer() },
            tier: "small",
            // Five calls of two attempts, a trial of two each 10 s, and what is answered afterwards.
            most: 5 * 2 + 4 * 2 + 8,
            right: "all answered, few tries meanwhile, and back again",
            is_right: |seen| {
                seen.answers.iter().filter(|(answer, _)| answer.trace.steps[0].calls.iter().all(is_refused)).count() >= 3
            },
            asked: 20,
            pause: Duration::from_secs(5),
            ..row
        },
        Row {
            id: "S16",
            wall: "503, always",
            right: "the next tier's model and usage, nothing else charged",
            is_right: |seen| {
                let (total, own) = (seen.last().trace.cost.total(), seen.last().trace.steps[1].cost().total());
                let told =
                    seen.last().completion().is_some_and(|it| it.model.as_deref() == Some("large-1") && it.usage.is_some());
                told && total.is_some() && total == own
            },
            ..row
        },
        Row {
            id: "–",
            wall: "429 with Retry-After: 29, always",
            small: |_, _| error(429, "slow down", "rate_limit_exceeded").header("retry-after", "29"),
            most: 1,
            right: "the next tier at once, and the pause is told",
            is_right: |seen| seen.longest() < Duration::from_secs(1) && seen.quotes("a pause of 29 s"),
            ..row
        },
        Row {
            id: "–",
            wall: "each second request on a kept connection is lost",
            small: |n, _| if n % 2 == 1 { Script::hang_up() } else { answer() },
            tier: "small",
            most: 20 * 2,
            right: "sent again at once: no attempt, no cost, no retry",
            is_right: |seen| seen.answers.iter().all(|(answer, _)| answer.trace.steps[0].calls.len() == 1),
            asked: 20,
            ..row
        },
    ]
}

fn is_refused(call: &tierfall_core::trace::CallTrace) -> bool {
    call.attempt.error.is_some_and(|error| error.as_str() == "circuit-open")
}

/// The larger tier's server: well, but it takes no answer that is begun.
async fn well() -> std::io::Result<Server> {
    Server::answering(|request| {
        let turns = request.json()["messages"].as_array().cloned().unwrap_or_default();
        match turns.last().and_then(|turn| turn["role"].as_str()) {
            Some("assistant") => error(400, "prefilled answers are not supported", "invalid_request"),
            _ => Script::json(body("large")),
        }
    })
    .await
}

/// Lets the clock go on by a millisecond at a time, and what is on its way between sockets arrive before.
async fn ticking() {
    loop {
        if tokio::task::spawn_blocking(|| ()).await.is_err() {
            return;
        }
        sleep(Duration::from_millis(1)).await;
    }
}

async fn meet(row: &Row) -> Result<Seen, Box<dyn Error>> {
    let asked_at: Arc<Mutex<Vec<Instant>>> = Arc::default();
    let (script, log) = (row.small, asked_at.clone());
    let small = Server::answering(move |_| {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        log.push(Instant::now());
        script(log.len() - 1, log[log.len() - 1] - log[0])
    })
    .await?;
    let large = well().await?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("two.cascade.toml");
    let provider = |name: &str, server: &Server| format!("[provider.{name}.openai-chat]\nbase-url = \"{}/v1\"\n", server.url());
    let tier = |name: &str, price: u8| {
        format!("[[tier]]\nname = \"{name}\"\nmodel = \"{name}/{name}-1\"\nprice = {{ input = {price}, output = {price} }}\n")
    };
    let gate = "gate = { signal = \"mean-logprob\", threshold = 0.8 }\n";
    let head = format!("version = 1\nname = \"two\"\n{}{}", provider("small", &small), provider("large", &large));
    fs_err::write(&path, format!("{head}{}{gate}{}", tier("small", 1), tier("large", 10)))?;
    let engine = Engine::load(&path)?;
    let mut answers = Vec::new();
    for n in 0..row.asked {
        if n > 0 && !row.pause.is_zero() {
            sleep(row.pause).await;
        }
        let began = Instant::now();
        let answer = tokio::select! {
            answer = engine.complete("Where is my order?") => answer,
            () = ticking() => return Err("the clock stopped".into()),
        };
        answers.push((answer, began.elapsed()));
    }
    let small = asked_at.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok(Seen { answers, small })
}

/// What is wrong with what came of a row; nothing where all is right.
fn wrong(row: &Row, seen: &Seen) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut must = |holds: bool, why: &dyn Fn() -> String| {
        if !holds {
            wrong.push(why());
        }
    };
    must(seen.tier() == row.tier, &|| format!("answered by {}", seen.tier()));
    must(seen.longest() <= LONGEST, &|| format!("took {:?}", seen.longest()));
    must(seen.small.len() <= row.most, &|| format!("{} requests, and {} at most are right", seen.small.len(), row.most));
    for (answer, _) in &seen.answers {
        let right = answer.trace.tier.as_ref().map(|tier| format!("An answer of {tier}."));
        must(answer.text() == right.as_deref(), &|| format!("said {:?}", answer.text()));
    }
    if row.tier == "large" {
        must((seen.cost_of_first() == Some(Money::ZERO)) == row.free, &|| {
            format!("the first tier cost {:?}", seen.cost_of_first())
        });
    }
    must((row.is_right)(seen), &|| format!("not so: {}", row.right));
    wrong
}

/// The table, and how many rows are not right.
pub(crate) async fn scoreboard() -> Result<(String, usize), Box<dyn Error>> {
    let (mut table, mut bad) = (String::new(), 0);
    writeln!(table, "{:3}  {:50}  {:5}  {:>8}  {:>7}  right", "", "the first tier's server", "by", "requests", "longest")?;
    for row in rows() {
        let seen = meet(&row).await?;
        let wrong = wrong(&row, &seen);
        bad += usize::from(!wrong.is_empty());
        let verdict = if wrong.is_empty() { format!("✓ {}", row.right) } else { format!("✗ {}", wrong.join("; ")) };
        let (took, requests) = (format!("{:.1} s", seen.longest().as_secs_f64()), seen.small.len());
        writeln!(table, "{:3}  {:50}  {:5}  {requests:8}  {took:>7}  {verdict}", row.id, row.wall, seen.tier())?;
    }
    Ok((table, bad))
}

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
    let (table, bad) = runtime.block_on(scoreboard())?;
    stdout().write_all(table.as_bytes())?;
    if bad == 0 { Ok(()) } else { Err(format!("{bad} rows are not right").into()) }
}
