//! A sign of life for work that does not say how far it is.

use std::io::IsTerminal as _;
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Does the work. Where that takes longer than a moment and somebody is looking, a line on stderr says what is going on.
pub(super) fn waiting<T: Send>(what: &str, quiet: bool, work: impl FnOnce() -> T + Send) -> T {
    if quiet || !std::io::stderr().is_terminal() {
        return work();
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
    bar.set_style(
        ProgressStyle::with_template("{spinner} {msg} · {elapsed}").unwrap_or_else(|_| ProgressStyle::default_spinner()),
    );
    bar.set_message(what.to_owned());
    let here = thread::current();
    thread::scope(|scope| {
        let worker = scope.spawn(move || {
            let done = work();
            here.unpark();
            done
        });
        while !worker.is_finished() {
            thread::park_timeout(Duration::from_millis(100));
            if bar.is_hidden() && bar.elapsed().as_secs() >= 2 {
                bar.set_draw_target(ProgressDrawTarget::stderr());
            }
            bar.tick();
        }
        bar.finish_and_clear();
        worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
