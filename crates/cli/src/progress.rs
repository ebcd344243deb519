//! Progress on stderr, for anything longer than a moment. Nothing is drawn where stderr is no terminal.

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
