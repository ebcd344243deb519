//! Ctrl-C, and other ways of being told to end.

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, pending};

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

/// Completes when the system tells the program to end. A closed terminal does not: under `nohup` work goes on without one.
#[cfg(unix)]
pub(crate) fn terminated() -> BoxFuture<'static, ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminated) = signal(SignalKind::terminate()) else { return pending().boxed() };
    async move {
        terminated.recv().await;
    }
    .boxed()
}

#[cfg(not(unix))]
pub(crate) fn terminated() -> BoxFuture<'static, ()> {
    pending().boxed()
}

/// Completes when the system or a closed terminal tells the program to end.
#[cfg(unix)]
pub(crate) fn told_to_end() -> BoxFuture<'static, ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminated), Ok(mut hung_up)) = (signal(SignalKind::terminate()), signal(SignalKind::hangup())) else {
        return pending().boxed();
    };
    async move {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = hung_up.recv() => {}
        }
    }
    .boxed()
}

#[cfg(not(unix))]
pub(crate) fn told_to_end() -> BoxFuture<'static, ()> {
    pending().boxed()
}
