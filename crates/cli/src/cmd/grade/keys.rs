//! What a person types: single keys in a terminal, else one line a key.

use std::io::{BufRead as _, Read as _};

use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::Failure;

/// The keys that mean something: right, wrong, half, skip, undo, more, quit.
pub(super) const KEYS: &str = "yj1n0hsumq";

/// What was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Typed {
    Key(char),
    /// A line that is none of the [`KEYS`], with its number.
    Line(usize, String),
    /// Ctrl-C, where the terminal hands it over as a key.
    CtrlC,
}

/// Reads what is typed. Where it reads single keys, the terminal is as it was once this is dropped.
pub(super) struct Keys {
    typed: Receiver<std::io::Result<Typed>>,
    single: Option<terminal::SingleKeys>,
}

impl Keys {
    /// Begins to read; single keys where `wanted` and the terminal can give them.
    pub(super) fn read(wanted: bool) -> Self {
        let single = if wanted { terminal::SingleKeys::begin() } else { None };
        let (to, typed) = channel(64);
        let keys = single.is_some();
        // Ends with the process: nothing wakes it while it waits for a key.
        tokio::task::spawn_blocking(move || if keys { read_keys(&to) } else { read_lines(&to) });
        Self { typed, single }
    }

    /// Whether they are single keys of a terminal.
    pub(super) fn single(&self) -> bool {
        self.single.is_some()
    }

    /// What is typed next; `None` at the end of the input.
    pub(super) async fn next(&mut self) -> Result<Option<Typed>, Failure> {
        let typed = self.typed.recv().await.transpose();
        typed.map_err(|error| Failure::usage(format!("stdin could not be read: {error}")))
    }

    /// Forgets keys that were pressed before now: a verdict is about an answer that was seen. Lines are all kept.
    pub(super) fn forget(&mut self) {
        while self.single() && self.typed.try_recv().is_ok() {}
    }
}

fn read_lines(to: &Sender<std::io::Result<Typed>>) {
    for (number, line) in std::io::stdin().lock().lines().enumerate() {
        let typed = match line {
            Ok(line) if line.trim().is_empty() => continue,
            Ok(line) => Ok(of_line(number + 1, line.trim())),
            Err(error) => Err(error),
        };
        let failed = typed.is_err();
        if to.blocking_send(typed).is_err() || failed {
            return;
        }
    }
}

fn of_line(number: usize, line: &str) -> Typed {
    let mut chars = line.chars();
    match (chars.next(), chars.next()) {
        (Some(key), None) if KEYS.contains(key.to_ascii_lowercase()) => Typed::Key(key.to_ascii_lowercase()),
        _ => Typed::Line(number, line.to_owned()),
    }
}

fn read_keys(to: &Sender<std::io::Result<Typed>>) {
    let mut bytes = [0; 64];
    loop {
        match std::io::stdin().lock().read(&mut bytes) {
            Ok(0) => return,
            Ok(n) => {
                if of_bytes(&bytes[..n]).into_iter().any(|key| to.blocking_send(Ok(key)).is_err()) {
                    return;
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => {
                // Nobody waits for it any more where it cannot be sent.
                let _ = to.blocking_send(Err(error));
                return;
            }
        }
    }
}

/// The keys in what a terminal sends at once. Arrows and the like come as sequences that begin with an escape, and mean nothing.
fn of_bytes(bytes: &[u8]) -> Vec<Typed> {
    const CTRL_C: char = '\u{3}';
    const CTRL_D: char = '\u{4}';
    let text = String::from_utf8_lossy(bytes);
    let keys = text.split('\u{1b}').next().unwrap_or_default().chars();
    keys.filter_map(|key| match key {
        CTRL_C => Some(Typed::CtrlC),
        CTRL_D => Some(Typed::Key('q')),
        key if key.is_control() || key.is_whitespace() => None,
        key => Some(Typed::Key(key.to_ascii_lowercase())),
    })
    .collect()
}

#[cfg(unix)]
mod terminal {
    use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};

    /// While it lives, the terminal hands over every key at once, and shows none.
    pub(super) struct SingleKeys {
        before: Termios,
    }

    impl SingleKeys {
        pub(super) fn begin() -> Option<Self> {
            let before = tcgetattr(std::io::stdin()).ok()?;
            let mut now = before.clone();
            // Without signals by key nothing suspends or ends the program while the terminal is like this.
            now.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN);
            now.special_codes[SpecialCodeIndex::VMIN] = 1;
            now.special_codes[SpecialCodeIndex::VTIME] = 0;
            tcsetattr(std::io::stdin(), OptionalActions::Drain, &now).ok()?;
            Some(Self { before })
        }
    }

    impl Drop for SingleKeys {
        fn drop(&mut self) {
            // Keys that nobody read must not become a command of the shell. Where it fails the terminal is gone.
            let _ = tcsetattr(std::io::stdin(), OptionalActions::Flush, &self.before);
        }
    }
}

#[cfg(not(unix))]
mod terminal {
    /// Elsewhere a key is followed by Enter.
    pub(super) struct SingleKeys;

    impl SingleKeys {
        pub(super) fn begin() -> Option<Self> {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_what_a_terminal_sends() {
        let keys = |bytes: &[u8]| of_bytes(bytes);
        assert_eq!(keys(b"y"), [Typed::Key('y')]);
        assert_eq!(keys(b"1H\n "), [Typed::Key('1'), Typed::Key('h')]);
        assert_eq!(keys(b"\x1b[A"), []);
        assert_eq!(keys(b"n\x1b[3~"), [Typed::Key('n')]);
        assert_eq!(keys(b"\x03"), [Typed::CtrlC]);
        assert_eq!(keys(b"\x04"), [Typed::Key('q')]);
        assert_eq!(keys("ü".as_bytes()), [Typed::Key('ü')]);
    }

    #[test]
    fn a_line_is_one_key() {
        assert_eq!(of_line(3, "Y"), Typed::Key('y'));
        for line in ["yes", "x", "2"] {
            assert_eq!(of_line(3, line), Typed::Line(3, line.to_owned()));
        }
    }
}
