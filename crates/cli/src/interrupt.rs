//! Ctrl-C, and other ways of being told to end.

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, pending, select_all};

/// Completes once Ctrl-C is pressed. It listens from now on, not from its first poll: what is printed or begun after this
/// call can be interrupted in order. Keep one for as long as it matters, since a press between two of them is lost.
pub(crate) fn interrupted() -> BoxFuture<'static, ()> {
    let mut pressed = tokio::signal::ctrl_c().boxed();
    // The first poll is what begins to listen; it completes only where that is impossible.
    let failed = pressed.as_mut().now_or_never().is_some();
    async move {
        if failed {
            pending::<()>().await;
        }
        if pressed.await.is_err() {
            pending::<()>().await;
        }
    }
    .boxed()
}

/// Completes when the system tells the program to end, and, where it `hangs_up`, when its terminal is closed: else work goes on without
/// one, as under `nohup`. It listens from now on.
pub(crate) fn told_to_end(hangs_up: bool) -> BoxFuture<'static, ()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let kinds = [Some(SignalKind::terminate()), hangs_up.then(SignalKind::hangup)];
        if let Ok(told) = kinds.into_iter().flatten().map(signal).collect::<std::io::Result<Vec<_>>>() {
            return select_all(told.into_iter().map(|mut told| async move { told.recv().await }.boxed())).map(drop).boxed();
        }
    }
    #[cfg(not(unix))]
    let _ = hangs_up;
    pending().boxed()
}
