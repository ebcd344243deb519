//! Ctrl-C, and other ways of being told to end.

use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, select_all};
#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
#[cfg(windows)]
use tokio::signal::windows::{CtrlC as Signal, ctrl_c};

use crate::exit::{self, INTERRUPT};
use crate::out::say;

#[cfg(unix)]
const HANGUP: u8 = 1;
#[cfg(unix)]
const TERMINATE: u8 = 15;

/// How often somebody took it that the program was told to end.
static TAKEN: AtomicU32 = AtomicU32::new(0);

/// What tells the program to end: Ctrl-C, `SIGTERM`, and `SIGHUP` when the terminal is closed. It listens from the moment it is made: what is
/// printed or begun after that can be interrupted in order. Keep one for as long as it matters: what comes between two of them is lost.
///
/// Where the program is told twice and takes neither, since it waits for a file or a terminal, it ends where it is.
pub(crate) struct Ends(Vec<(u8, Signal)>);

impl Ends {
    pub(crate) fn listen() -> Self {
        static WATCH: Once = Once::new();
        #[expect(clippy::disallowed_methods, reason = "it ends with the program, or ends it")]
        WATCH.call_once(|| drop(tokio::spawn(Self::hear_all().watch())));
        Self::hear_all()
    }

    fn hear_all() -> Self {
        #[cfg(unix)]
        let heard = {
            let hangs_up = (!ignores_hangups()).then_some((HANGUP, SignalKind::hangup()));
            let kinds = [(INTERRUPT, SignalKind::interrupt()), (TERMINATE, SignalKind::terminate())].into_iter().chain(hangs_up);
            kinds.filter_map(|(number, kind)| Some((number, signal(kind).ok()?))).collect()
        };
        #[cfg(windows)]
        let heard = ctrl_c().into_iter().map(|pressed| (INTERRUPT, pressed)).collect();
        Self(heard)
    }

    /// Completes when the program is told to end, each time anew.
    pub(crate) async fn next(&mut self) {
        self.hear().await;
        TAKEN.fetch_add(1, Ordering::Relaxed);
    }

    async fn watch(mut self) {
        for told in 1.. {
            self.hear().await;
            if told > TAKEN.load(Ordering::Relaxed) + 1 {
                say("ended at once: what was not written by now is lost");
                std::process::exit(exit::told().into());
            }
        }
    }

    async fn hear(&mut self) {
        if self.0.is_empty() {
            std::future::pending::<()>().await;
        }
        let told = self.0.iter_mut().map(|(number, signal)| async move { signal.recv().await.map(|()| *number) }.boxed());
        let (number, ..) = select_all(told).await;
        exit::told_by(number.unwrap_or(INTERRUPT));
    }
}

/// Completes when the program is told to end for the first time from now on.
pub(crate) fn interrupted() -> BoxFuture<'static, ()> {
    let mut ends = Ends::listen();
    async move { ends.next().await }.boxed()
}

/// Whether work is to go on when its terminal is closed, as `nohup` has it. To listen would end that.
#[cfg(unix)]
fn ignores_hangups() -> bool {
    // Where the system does not say it, the terminal does: `nohup` leaves none.
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else {
        return !std::io::IsTerminal::is_terminal(&std::io::stderr());
    };
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask >> (HANGUP - 1) & 1 == 1)
}
