//! How much memory a process has that answers request after request: printed after each tenth of them.
//!
//! `cargo run -p tierfall --features simulated --example memory -- 200000`; it ends with an error where the last tenth needs more than a tenth more than the first.

use std::error::Error;
use std::io::{Write as _, stdout};
use std::path::Path;

use futures_util::StreamExt as _;
use tierfall::config::parse;
use tierfall::{Ask, Asker, Engine};

const CASCADE: &str = r#"
version = 1
name = "memory"

[provider.sim.simulated]
seed = 7
models.small = { ability = 0.4 }
models.large = { ability = 0.9 }

[[tier]]
name = "small"
model = "sim/small"
price = { input = "0.1", output = "0.2" }
gate = { signal = "mean-logprob", threshold = 0.85 }

[[tier]]
name = "large"
model = "sim/large"
price = { input = 2, output = 8 }
"#;

/// Requests that are under way at once.
const AT_ONCE: usize = 64;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn Error>> {
    let n: usize = std::env::args().nth(1).map_or(Ok(2_000), |n| n.parse())?;
    let engine = engine()?;
    let mut after = Vec::new();
    for tenth in 0..10 {
        let asked = (tenth * n / 10..(tenth + 1) * n / 10).map(|n| {
            let engine = &engine;
            async move { engine.complete(Ask::from(format!("Where is order {n}?")).with_id(format!("q{n}"))).await }
        });
        let mut answers = futures_util::stream::iter(asked).buffer_unordered(AT_ONCE);
        let mut answered = 0;
        while let Some(answer) = answers.next().await {
            answered += usize::from(answer.error().is_none());
        }
        let Some(kib) = resident() else { return Err("this system does not say how much memory a process has".into()) };
        writeln!(stdout(), "{:>8} requests  {:>8} KiB  ({answered} answered in this tenth)", (tenth + 1) * n / 10, kib)?;
        after.push(kib);
    }
    let (first, last) = (after[0] as f64, after[9] as f64);
    writeln!(stdout(), "the last tenth: {:.3} times the first", last / first)?;
    if last > 1.1 * first { Err("memory grows with the number of requests".into()) } else { Ok(()) }
}

fn engine() -> Result<Engine, Box<dyn Error>> {
    let nothing = |_: &Path| Err(std::io::ErrorKind::NotFound.into());
    let loaded = parse(CASCADE, Path::new("memory.cascade.toml"), &nothing)?;
    Ok(Engine::live(loaded, Asker::Job)?.build()?)
}

/// The memory that this process has, in KiB; `None` where the system does not say so.
fn resident() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.split_whitespace().next()?.parse().ok()
}
