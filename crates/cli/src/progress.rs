//! Progress on stderr, for anything longer than a moment. Nothing is drawn where stderr is no terminal.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::task::JoinSet;

use crate::quiet;

/// A bar with the time left, as wide as the terminal.
pub(crate) fn bar(len: u64, what: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(len), target());
    bar.set_style(style());
    bar.set_prefix(what.to_owned());
    bar
}

/// Where bars are drawn.
pub(crate) fn target() -> ProgressDrawTarget {
    if quiet() { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() }
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
pub(crate) struct Shown {
    bar: ProgressBar,
    /// What makes it appear; it ends with this.
    _appears: JoinSet<()>,
}

impl Shown {
    /// One that waits for its moment. It belongs to the runtime that this is called in.
    pub(crate) fn late(what: &str) -> Self {
        Self::after(MOMENT, what, std::io::stderr().is_terminal(), target)
    }

    /// One that is there at once, and has a length.
    pub(crate) fn bar(what: &str) -> Self {
        Self { bar: bar(0, what), _appears: JoinSet::new() }
    }

    fn after(moment: Duration, what: &str, seen: bool, target: impl FnOnce() -> ProgressDrawTarget + Send + 'static) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        let spinner = ProgressStyle::with_template("{prefix:>12} {spinner} {elapsed}");
        bar.set_style(spinner.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.set_prefix(what.to_owned());
        let (mut appears, appearing) = (JoinSet::new(), bar.clone());
        if seen {
            appears.spawn(async move {
                tokio::time::sleep(moment).await;
                // A bar that has ended meanwhile draws nothing any more.
                appearing.set_draw_target(target());
                appearing.enable_steady_tick(Duration::from_millis(100));
            });
        }
        Self { bar, _appears: appears }
    }

    /// So far, of so much.
    pub(crate) fn at(&self, done: u64, of: u64) {
        if self.bar.length() != Some(of) {
            self.bar.set_style(style());
            self.bar.set_length(of);
        }
        self.bar.set_position(done);
    }

    /// What stands beside it.
    pub(crate) fn say(&self, message: String) {
        self.bar.set_message(message);
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn it_appears_by_itself_and_not_where_work_was_quick() {
        let (shown, mut seen) = tokio::sync::mpsc::unbounded_channel();
        let target = move || {
            let _ = shown.send(());
            ProgressDrawTarget::hidden()
        };
        let late = Shown::after(Duration::ZERO, "work", true, target.clone());
        assert_eq!(seen.recv().await, Some(()));
        drop(late);
        drop(Shown::after(Duration::from_hours(1), "work", true, target));
        // What waits ends with the work, and with it the last sender.
        assert_eq!(seen.recv().await, None);
    }
}
