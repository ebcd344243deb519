//! `tierfall regress`: did a change make a cascade worse?
//!
//! Everything is replayed and judged before anything is written or printed, so that an interruption or a broken file leaves
//! every file as it was.

mod baseline;
mod limits;
mod live;
mod missing;
mod outputs;
mod rows;
mod update;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use tierfall::bindings;
use tierfall::config::{self, ConfigError, Expect, Loaded};
use tierfall_calibrate::regress::{Check, Report, Rules, Section, Verdict};
use tierfall_workbench::fixture::replay::Recordings;
use tierfall_workbench::fixture::{FixtureError, FixtureSet};
use tierfall_workbench::fixture_folder;
use tierfall_workbench::regress::{Baseline, Mode, Played, RegressError, replay};

pub(super) use self::baseline::beside;
use self::live::Live;
use self::update::Update;
use super::output::{check, interruptible, write};
use crate::args::{LiveArgs, Regress};
use crate::exit::{Exit, Failure};
use crate::progress::Late;
use crate::render::printable;
use crate::render::regress::{Problem, Sheet, format};
use crate::render::style::{BAD, paint};
use crate::{load, print_verdict, say, tell, warn};

pub(crate) async fn regress(args: &Regress, quiet: bool) -> Result<Exit, Failure> {
    if args.baseline.is_some() && args.cascades.len() > 1 {
        return Err(Failure::usage("--baseline names the baseline of one cascade, and there are several")
            .with_hint("run regress once a cascade, or keep each baseline beside its cascade as NAME.baseline.json"));
    }
    check(args.out.as_deref())?;
    if let (true, Some(limit)) = (args.update_baseline, args.asking.limit) {
        return Err(Failure::usage(format!("--limit {limit} asks a part of the examples, and a baseline is of all of them"))
            .with_hint("leave out --limit to write a baseline, or --update-baseline to compare with the one that is there"));
    }
    if let Some(out) = &args.out {
        outputs::spares_inputs(args, out)?;
    }
    let owned = args.clone();
    let All { report, problems, updates, exit } = interruptible(move || Ok(all(&owned, quiet))).await?;
    if problems.is_empty() {
        for update in updates {
            let lines = update.write()?;
            if !quiet {
                for line in &lines {
                    say(printable::line(line));
                }
            }
        }
    } else if args.update_baseline {
        say(format_args!("{} no baseline is written: not every cascade could be replayed", paint(BAD, "error:")));
    }
    let sheet = Sheet {
        report: &report,
        problems: &problems,
        strict: args.strict,
        max_changes: args.max_changes,
        all_checks: "--format json has them",
    };
    deliver(args, &sheet, quiet)?;
    if let Some(exit) = exit {
        return Ok(exit);
    }
    Ok(match report.verdict {
        Verdict::Pass => Exit::Fine,
        Verdict::Fail => Exit::Unmet,
        Verdict::Inconclusive if args.strict => Exit::Unmet,
        Verdict::Inconclusive => {
            warn("inconclusive: the report says why; --strict fails on that");
            Exit::Fine
        }
    })
}

/// The report where it is wanted; beside a file, the text for people.
fn deliver(args: &Regress, sheet: &Sheet<'_>, quiet: bool) -> Result<(), Failure> {
    let drawn = (format(&args.format).draw)(sheet);
    let Some(path) = &args.out else { return print_verdict(drawn) };
    write(path, &anstream::adapter::strip_str(&drawn).to_string())?;
    if !quiet {
        print_verdict((format("text").draw)(sheet))?;
        say(format_args!("the report is {}", path.display()));
    }
    Ok(())
}

/// What all cascades come to.
struct All {
    report: Report,
    problems: Vec<Problem>,
    updates: Vec<Update>,
    /// How the command ends where a cascade could not be judged: files are to be mended before providers are asked again.
    exit: Option<Exit>,
}

fn all(args: &Regress, quiet: bool) -> All {
    let (mut sections, mut problems, mut updates, mut exit) = (Vec::new(), Vec::new(), Vec::new(), None);
    for path in &args.cascades {
        match one(args, path, quiet) {
            Ok(one) => {
                sections.extend(one.sections);
                updates.extend(one.update);
            }
            Err((failure, why)) => {
                tell(&failure);
                exit = Some(if exit == Some(Exit::Usage) { Exit::Usage } else { failure.exit });
                problems.push(Problem { cascade: path.display().to_string(), why });
            }
        }
    }
    All { report: Report::new(sections), problems, updates, exit }
}

/// What one cascade comes to.
struct One {
    sections: Vec<Section>,
    update: Option<Update>,
}

/// A failure, and what those are told who do not see the terminal.
type Broken = (Failure, String);

fn broken(failure: Failure) -> Broken {
    let why = failure.message.clone();
    (failure, why)
}

fn one(args: &Regress, path: &Path, quiet: bool) -> Result<One, Broken> {
    let loaded = config::load(path).map_err(|error| (load::invalid(&error), in_words(&error)))?;
    judged(args, &loaded, quiet).map_err(broken)
}

/// The problems of a cascade file without their drawings.
fn in_words(error: &ConfigError) -> String {
    let line = |at: usize| error.text.get(..at).map_or(1, |before| before.matches('\n').count() + 1);
    let said = error.diagnostics.iter().map(|found| format!("line {}: {}", line(found.span.start), found.message));
    said.collect::<Vec<_>>().join("\n")
}

fn judged(args: &Regress, loaded: &Loaded, quiet: bool) -> Result<One, Failure> {
    if loaded.expects.is_empty() {
        return Err(nothing_expected(loaded));
    }
    let file = args.baseline.clone().unwrap_or_else(|| Baseline::path_for(&loaded.path));
    let before = Baseline::read(&file).map_err(Failure::usage)?;
    if args.baseline.is_some() && before.is_none() && !args.update_baseline {
        return Err(Failure::usage(format!("{}: there is no such baseline", file.display()))
            .with_hint("--update-baseline writes it; without --baseline, NAME.baseline.json beside the cascade is taken"));
    }
    let mut sets = Sets { loaded, quiet, read: Vec::new() };
    let rules = rules(args, loaded);
    let (mut all, mut played, mut early) = (Vec::new(), Vec::new(), Vec::new());
    let kept = before.as_ref().filter(|_| !args.update_baseline);
    // Whatever is wrong with the files is told before a provider is asked and paid.
    let mut about = Vec::new();
    for (fixtures, split, expects) in groups(&loaded.expects) {
        let (set, _) = sets.read(fixtures)?;
        expects.iter().try_for_each(|expect| known_segment(loaded, expect, set, split))?;
        about.push((set.about().name.clone(), split));
    }
    if let Some(before) = kept {
        of_these_sets(&file, before, &about)?;
    }
    for (fixtures, split, expects) in groups(&loaded.expects) {
        let (run, concluded) = if args.live {
            let Live { played, early, unasked } =
                sets.live(fixtures, split, &args.asking, kept.map(|before| (before, &rules)))?;
            if let Some(why) = unasked.filter(|_| args.update_baseline) {
                return Err(Failure::usage(format!("no baseline is written of a part of the examples: {why}"))
                    .with_hint("raise --max-spend; the baseline that is there is as it was"));
            }
            (played, early)
        } else {
            (sets.replay(fixtures, split)?, None)
        };
        played.push(run);
        early.push(concluded);
        all.push(expects);
    }
    // What a look on the way has spent is no longer there at the end.
    let rules = if args.live && args.asking.early_stop { rules.split().1 } else { rules };
    let run = Run { args, loaded, before: before.as_ref(), file: &file, rules: &rules };
    let done = all.iter().zip(&played).zip(&early);
    let sections =
        done.map(|((expects, played), early)| run.section(expects, played, early.as_ref())).collect::<Result<_, _>>()?;
    let update = args.update_baseline.then(|| Update::of(file.clone(), before.as_ref(), &played));
    Ok(One { sections, update })
}

fn rules(args: &Regress, loaded: &Loaded) -> Rules {
    let (declared, default) = (&loaded.regress, Rules::default());
    Rules {
        level: args.level.or(declared.level).unwrap_or(default.level),
        // Whatever other cascades are named: what is said of this one must not depend on them.
        share: 1.0 / groups(&loaded.expects).len().max(1) as f64,
        margin: args.margin.or(declared.margin).unwrap_or(default.margin),
        cost_rise: declared.cost_rise.unwrap_or(default.cost_rise),
        ..default
    }
}

/// Expectations of one split of one set, in the order of the file.
type Group<'a> = (&'a str, &'a str, Vec<&'a Expect>);

fn groups(expects: &[Expect]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for expect in expects {
        match groups.iter_mut().find(|(fixtures, split, _)| (*fixtures, *split) == (&*expect.fixtures, &*expect.split)) {
            Some((.., together)) => together.push(expect),
            None => groups.push((&expect.fixtures, &expect.split, vec![expect])),
        }
    }
    groups
}

/// The sets of a cascade's expectations, each read once.
struct Sets<'a> {
    loaded: &'a Loaded,
    quiet: bool,
    read: Vec<(PathBuf, FixtureSet, Result<Recordings, FixtureError>)>,
}

impl Sets<'_> {
    fn replay(&mut self, fixtures: &str, split: &str) -> Result<Played, Failure> {
        let (loaded, quiet) = (self.loaded, self.quiet);
        let (set, recordings) = self.read(fixtures)?;
        let recordings = recordings.as_ref().map_err(load::fixture)?;
        let of = set.examples().iter().filter(|example| *example.split == *split).count() as u64;
        let (bar, done) = (Late::new("replaying", quiet), AtomicU64::new(0));
        let progress = |more: usize| bar.at(done.fetch_add(more as u64, Ordering::Relaxed) + more as u64, of);
        let played = replay(loaded, set, recordings, split, &progress);
        drop(bar);
        played.map_err(|error| match &error {
            RegressError::Fixture(error) => load::fixture(error),
            _ => Failure::usage(error),
        })
    }

    fn live(
        &mut self,
        fixtures: &str,
        split: &str,
        asking: &LiveArgs,
        against: Option<(&Baseline, &Rules)>,
    ) -> Result<Live, Failure> {
        let (loaded, quiet) = (self.loaded, self.quiet);
        let (set, recordings) = self.read(fixtures)?;
        let name = &set.about().name;
        let against = against.and_then(|(before, rules)| Some((live::entry(before, name, split, Mode::Live)?, rules)));
        // Recordings of other prompts or models say nothing of what always asking the last tier would do.
        live::play(asking, (loaded, set, recordings.as_ref().ok()), split, against, quiet)
    }

    /// A set with its recordings, or why it has none; read once.
    fn read(&mut self, fixtures: &str) -> Result<(&FixtureSet, &Result<Recordings, FixtureError>), Failure> {
        let folder = fixture_folder(&self.loaded.path, fixtures);
        let at = if let Some(at) = self.read.iter().position(|(there, ..)| *there == folder) {
            at
        } else {
            let reading = Late::new("reading", self.quiet);
            let set = load::fixture_set(&folder)?;
            let recordings = Recordings::load(set.dir(), &bindings(self.loaded)).map(|these| these.with_questions_of(&set));
            drop(reading);
            self.read.push((folder, set, recordings));
            self.read.len() - 1
        };
        let (_, set, recordings) = &self.read[at];
        Ok((set, recordings))
    }
}

/// What is needed to judge what a cascade did.
struct Run<'a> {
    args: &'a Regress,
    loaded: &'a Loaded,
    before: Option<&'a Baseline>,
    file: &'a Path,
    rules: &'a Rules,
}

impl Run<'_> {
    fn section(&self, expects: &[&Expect], played: &Played, early: Option<&Check>) -> Result<Section, Failure> {
        let mut warnings = played.warnings.clone();
        let mut checks = Vec::new();
        for expect in expects {
            checks.extend(limits::checks(self.loaded, expect, played));
        }
        if played.mode == Mode::Replay && expects.iter().any(|expect| limits::for_live_alone(expect)) {
            warnings.push("limits of latency and availability are not checked: recordings say nothing about them".to_owned());
        }
        let entry = self.before.and_then(|before| live::entry(before, &played.fixtures, &played.split, played.mode));
        // Tests with a fixed number of examples say nothing of a run that ended when it looked good.
        let judged = (!self.args.update_baseline && early.is_none()).then_some(self.rules);
        let beside = match entry.map(|entry| beside(entry, played, judged)) {
            // Whatever the old one is about, it is replaced.
            Some(Err(_)) if self.args.update_baseline => None,
            Some(beside) => Some(beside?),
            None => None,
        };
        let changes = beside.map(|beside| {
            checks.extend(early.cloned());
            checks.extend(beside.checks);
            warnings.extend(beside.warnings);
            beside.changes
        });
        let uncompared = changes.is_none() && !self.args.update_baseline;
        if uncompared {
            warnings.push(format!(
                "there is no baseline of {}, split {}, in {}: only limits are checked; --update-baseline writes it",
                played.fixtures,
                played.split,
                self.file.display()
            ));
        }
        let deciding = checks.iter().filter(|check| check.decides || check.verdict == Verdict::Fail);
        Ok(Section {
            cascade: self.loaded.path.display().to_string(),
            fixtures: played.fixtures.clone(),
            split: played.split.clone(),
            mode: played.mode.as_str(),
            n: played.items.len() as u64,
            // Who wants certainty has none of what is compared with nothing.
            verdict: deciding
                .map(|check| check.verdict)
                .fold(if uncompared && self.args.strict { Verdict::Inconclusive } else { Verdict::Pass }, Verdict::and),
            changes,
            checks,
            warnings,
        })
    }
}

/// A segment without examples would be an expectation that nothing can break. A split without examples is told by what plays it.
fn known_segment(loaded: &Loaded, expect: &Expect, set: &FixtureSet, split: &str) -> Result<(), Failure> {
    let Some(wanted) = &expect.segment else { return Ok(()) };
    let of_split = set.examples().iter().filter(|example| *example.split == *split);
    let mut there: Vec<&str> = of_split.map(|example| &*example.segment).collect();
    there.sort_unstable();
    there.dedup();
    if there.is_empty() || there.contains(&&**wanted) {
        return Ok(());
    }
    let meant = config::nearest(wanted, there.iter().copied());
    let meant = meant.map_or_else(String::new, |near| format!("did you mean \"{near}\"? "));
    let place = format!("{}:{}", loaded.path.display(), expect.line);
    let what = format!("no example of {}, split {split}, is of the segment \"{wanted}\"", set.about().name);
    Err(Failure::usage(format!("{place}: {what}")).with_hint(format!("{meant}its segments: {}", there.join(", "))))
}

/// A baseline of other sets alone was taken from elsewhere; silently, it would compare nothing.
fn of_these_sets(file: &Path, before: &Baseline, sets: &[(String, &str)]) -> Result<(), Failure> {
    let named = |fixtures: &str, split: &str| format!("{fixtures} (split {split})");
    let about = |fixtures: &str, split: &str| sets.iter().any(|(name, of)| name == fixtures && *of == split);
    let entries = before.entries();
    if entries.is_empty() || entries.iter().any(|entry| about(&entry.fixtures, &entry.split)) {
        return Ok(());
    }
    let has: Vec<String> = entries.iter().map(|entry| named(&entry.fixtures, &entry.split)).collect();
    let wants: Vec<String> = sets.iter().map(|(name, split)| named(name, split)).collect();
    let (has, wants) = (has.join(", "), wants.join(", "));
    Err(Failure::usage(format!("{} is a baseline of {has}, not of {wants}", file.display()))
        .with_hint("if the sets were replaced on purpose, --update-baseline writes one of the new ones"))
}

fn nothing_expected(loaded: &Loaded) -> Failure {
    let set = loaded.replay.as_ref().map_or("NAME", |replay| replay.fixtures.as_str());
    Failure::usage(format!("{} expects nothing: it has no [[expect]]", loaded.path.display())).with_hint(format!(
        "add one, with limits of your own:\n\n[[expect]]\nfixtures = \"{set}\"\naccuracy-at-least = 0.9\ncost-ratio-at-most = 0.8\n"
    ))
}
