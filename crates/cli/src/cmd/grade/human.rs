//! `tierfall grade --human`: one answer after the other, one key a verdict.

use std::io::IsTerminal as _;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use serde::Serialize;
use tierfall::clock::{rfc3339, time_of_day};
use tierfall_calibrate::agreement::Agreement;
use tierfall_workbench::fixture::FixtureSet;
use tierfall_workbench::fixture::grade::{Person, RecordedSet, Session, Which};

use super::agreement;
use super::keys::{KEYS, Keys, Typed};
use crate::args::Grade;
use crate::interrupt::interrupted;
use crate::render::card::{card, keys};
use crate::render::style::{DIM, GOOD, paint};
use crate::{Exit, Failure, note, print, say};

/// `recorded` are the tiers whose grades are compared when all is graded.
pub(super) async fn grade(recorded: &RecordedSet, args: &Grade) -> Result<Exit, Failure> {
    let RecordedSet { set, recordings, .. } = recorded;
    let person = person(args.people.by.as_deref())?;
    let tiers: Vec<Arc<str>> = args.tiers.iter().map(|name| name.as_str().into()).collect();
    let which = Which {
        tiers: &tiers,
        split: args.split.as_deref(),
        needed: args.people.needed,
        limit: args.people.limit,
        seed: args.people.seed.unwrap_or(0),
        again: args.people.again,
    };
    let session = Session::open(set, recordings, person.clone(), &which)?;
    let total = session.place().1;
    if total == 0 && !which.needed {
        return Err(Failure::usage(nothing(set, args)));
    }
    // Listens before anything is shown: a signal never leaves the terminal in another state than it was in.
    let ended = interrupted();
    let mut dialogue = Dialogue { session, last: None, whole: false, alone: args.json };
    let ending = if dialogue.session.left() > 0 { dialogue.hold(ended).await? } else { Ok(Exit::Fine) };
    let session = dialogue.session;
    let report = SessionReport {
        by: person.name(),
        graded: session.graded(),
        left: session.left(),
        total,
        agreement: match session.left() {
            0 => Some(agreement::of(recorded, args)?).filter(|agreement| !agreement.is_empty()),
            _ => None,
        },
    };
    if args.json {
        print(serde_json::to_string(&report)? + "\n")?;
    } else {
        note(report.summary(args));
        if let Some(agreement) = &report.agreement {
            print(format_args!("\n{}", crate::render::agreement::agreement(agreement)))?;
        }
    }
    ending
}

/// Who grades: as told, else as the system knows them.
fn person(by: Option<&str>) -> Result<Person, Failure> {
    let user = || ["USER", "USERNAME"].into_iter().find_map(|name| std::env::var_os(name)?.into_string().ok());
    let name = by.map(str::to_owned).or_else(user).unwrap_or_default();
    Person::named(&name)
        .map_err(|error| Failure::usage(format!("{error}; \"{name}\" cannot be it")).with_hint("--by NAME says who grades"))
}

/// Why there is nothing to grade.
fn nothing(set: &FixtureSet, args: &Grade) -> String {
    match &args.split {
        Some(split) => format!("no answer to the split \"{split}\" of {} is recorded", set.dir().display()),
        None if args.people.limit == Some(0) => "--limit 0 leaves nothing to grade".to_owned(),
        None => format!("no answer to the examples of {} is recorded", set.dir().display()),
    }
}

/// What became of it.
#[derive(Debug, Serialize)]
struct SessionReport<'a> {
    by: &'a str,
    /// In this session.
    graded: usize,
    /// Without a grade of this person.
    left: usize,
    total: usize,
    /// Where nothing is left; before that it would tell what others said.
    #[serde(skip_serializing_if = "Option::is_none")]
    agreement: Option<Agreement>,
}

impl SessionReport<'_> {
    fn summary(&self, args: &Grade) -> String {
        let Self { by, graded, left, total, .. } = self;
        let mark = paint(GOOD, "✓");
        match (total, left) {
            (0, _) if args.people.needed => format!("{mark} no recorded answer needs the verdict of {by}"),
            (0, _) => "· nothing to grade: no tier has a recorded answer of those asked for".to_owned(),
            (_, 0) if *graded == 0 => format!("{mark} {by} has graded all {total} answers; --again asks them again"),
            (_, 0) => format!("{mark} {graded} graded by {by}, and with them all {total}"),
            _ if args.people.again => format!("{mark} {graded} graded again by {by}, {left} left"),
            _ => format!("{mark} {graded} graded by {by}, {left} of {total} left; the same command goes on from here"),
        }
    }
}

struct Dialogue<'s> {
    session: Session<'s>,
    /// The last verdict, in words.
    last: Option<&'static str>,
    /// Whether the whole question is shown.
    whole: bool,
    /// Whether stdout is for JSON alone.
    alone: bool,
}

impl Dialogue<'_> {
    /// Holds it. How it ended is told after what was graded, and what was saved stays so; an error breaks off.
    async fn hold(&mut self, mut ended: BoxFuture<'static, ()>) -> Result<Result<Exit, Failure>, Failure> {
        let shown = if self.alone { std::io::stderr().is_terminal() } else { std::io::stdout().is_terminal() };
        let mut keys = Keys::read(shown && std::io::stdin().is_terminal());
        let mut show = true;
        loop {
            if show {
                self.show(keys.single())?;
                keys.forget();
            }
            let typed = tokio::select! {
                biased;
                () = &mut ended => return Ok(Ok(Exit::Interrupted)),
                typed = keys.next() => typed?,
            };
            let key = match typed {
                Some(Typed::CtrlC) => return Ok(Ok(Exit::Interrupted)),
                // What follows a line that is no key may be meant for other answers.
                Some(Typed::Line(number, line)) => {
                    let why = format!("stdin:{number}: \"{line}\" is no verdict");
                    let saved = "what stands above it is saved, and nothing after it was read";
                    return Ok(Err(Failure::usage(format!("{why}; {saved}")).with_hint("one key a line: y n h s u m q")));
                }
                None | Some(Typed::Key('q')) => return Ok(Ok(Exit::Fine)),
                Some(Typed::Key(key)) => key,
            };
            // Others are a slip of the finger.
            show = KEYS.contains(key);
            let done = match key {
                'm' => {
                    self.whole = !self.whole;
                    continue;
                }
                'u' if self.session.undo()? => "taken back",
                'u' => "nothing to take back in this session",
                // There is nothing that the others could be about.
                _ if self.session.current().is_none() => continue,
                's' => {
                    self.session.skip();
                    "skipped"
                }
                'n' | '0' => self.grade(0.0, "wrong")?,
                'h' => self.grade(0.5, "half right")?,
                'y' | 'j' | '1' => self.grade(1.0, "right")?,
                _ => continue,
            };
            (self.last, self.whole) = (Some(done), false);
        }
    }

    fn grade(&mut self, correct: f64, name: &'static str) -> Result<&'static str, Failure> {
        self.session.grade(correct, &rfc3339(time_of_day()))?;
        Ok(name)
    }

    /// Shows the current answer; in a terminal alone on the screen.
    fn show(&self, single: bool) -> Result<(), Failure> {
        let last = self.last.map(|last| format!("{}\n\n", paint(DIM, format!("→ {last}")))).unwrap_or_default();
        let card = match self.session.current() {
            Some(answer) => card(answer, self.session.place(), self.whole),
            None => "There is nothing after this.\n\n".to_owned(),
        };
        let clear = if single { "\x1b[H\x1b[2J" } else { "" };
        let text = format!("{clear}{last}{card}{}\n{}", keys(), if single { "" } else { "\n" });
        if self.alone {
            say(text.trim_end());
            return Ok(());
        }
        print(text)
    }
}
