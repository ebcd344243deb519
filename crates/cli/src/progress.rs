//! Progress on stderr, for anything longer than a moment. Nothing is drawn where stderr is no terminal.

use std::io::IsTerminal as _;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar with the time left, as wide as the terminal.
pub(crate) fn bar(len: u64, what: &str, quiet: bool) -> ProgressBar {
    let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
    let bar = ProgressBar::with_draw_target(Some(len), target);
    bar.set_style(style());
    bar.set_prefix(what.to_owned());
    bar
}

/// The look of every bar.
pub(crate) fn style() -> ProgressStyle {
    let template = "{prefix:>12} {wide_bar} {human_pos}/{human_len} · {eta} left {msg}";
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// So long nothing is said.
const MOMENT: Duration = Duration::from_secs(2);

/// A sign of life that appears by itself where something takes longer than a moment, and is gone when this is dropped: what goes on and
/// for how long, and how far it is once [`at`](Self::at) is told.
pub(crate) struct Late {
    bar: ProgressBar,
    ended: Arc<(Mutex<bool>, Condvar)>,
}

impl Late {
    pub(crate) fn new(what: &str, quiet: bool) -> Self {
        Self::after(MOMENT, what, !quiet && std::io::stderr().is_terminal(), ProgressDrawTarget::stderr)
    }

    fn after(moment: Duration, what: &str, seen: bool, target: impl FnOnce() -> ProgressDrawTarget + Send + 'static) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        let spinner = ProgressStyle::with_template("{prefix:>12} {spinner} {elapsed}");
        bar.set_style(spinner.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.set_prefix(what.to_owned());
        let late = Self { bar, ended: Arc::default() };
        if seen {
            let (bar, ended) = (late.bar.clone(), late.ended.clone());
            thread::spawn(move || {
                let (ended, told) = &*ended;
                let waiting = ended.lock().unwrap_or_else(PoisonError::into_inner);
                let (ended, _) =
                    told.wait_timeout_while(waiting, moment, |ended| !*ended).unwrap_or_else(PoisonError::into_inner);
                // Under the lock: nothing is drawn any more once the end is told.
                if !*ended {
                    bar.set_draw_target(target());
                    bar.enable_steady_tick(Duration::from_millis(100));
                }
            });
        }
        late
    }

    /// So far, of so much.
    pub(crate) fn at(&self, done: u64, of: u64) {
        if self.bar.length() != Some(of) {
            self.bar.set_style(style());
            self.bar.set_length(of);
        }
        self.bar.set_position(done);
    }
}

impl Drop for Late {
    fn drop(&mut self) {
        let (ended, told) = &*self.ended;
        *ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        told.notify_all();
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn it_appears_by_itself_and_not_where_work_was_quick() {
        let (shown, seen) = mpsc::channel();
        let target = move || {
            let _ = shown.send(());
            ProgressDrawTarget::hidden()
        };
        let late = Late::after(Duration::ZERO, "work", true, target.clone());
        seen.recv_timeout(Duration::from_mins(1)).unwrap();
        drop(late);
        drop(Late::after(Duration::from_hours(1), "work", true, target));
        // The thread ends with the work, and with it the last sender.
        assert_eq!(seen.recv_timeout(Duration::from_mins(1)), Err(mpsc::RecvTimeoutError::Disconnected));
    }
}
