//! Did a change make cascades worse? Everything is replayed and judged before anything is written, so that an interruption or a broken
//! file leaves every file as it was.

use std::path::{Path, PathBuf};

use tierfall::config::{self, Expect, Loaded};
use tierfall::fit;
use tierfall_calibrate::regress::{Changes, Check, Report, Rules, Section, Verdict};

use super::baseline::Baseline;
use super::beside::{Beside, beside};
use super::early::{self, Live};
use super::entry::{BaselineEntry, Mode};
use super::limits;
use super::live::LiveOptions;
use super::played::Played;
use super::replay::replay;
use super::sets::{Sets, known_segment};
use super::texts;
use super::update::Update;
use crate::fixture::grade::Graders;
use crate::progress::{Notice, Progress, Stage};
use crate::results::{Named, parts_of_set, ready};
use crate::{Error, fixture_folder};

/// Which cascades are to be judged, and how.
#[derive(Clone, Debug, Default)]
pub struct Ask {
    /// The cascades' files.
    pub cascades: Vec<PathBuf>,
    /// The baseline of the one cascade; `None` = `NAME.baseline.json` beside each.
    pub baseline: Option<PathBuf>,
    /// Whether what is replayed now is to become the baseline.
    pub update_baseline: bool,
    /// Whether whoever asks wants certainty: what is compared with nothing is inconclusive then.
    pub strict: bool,
    /// The chance, at most, that a change which makes nothing worse fails a cascade; `None` = as the file says.
    pub level: Option<f64>,
    /// The loss of right answers that is still no regression; `None` = as the file says.
    pub margin: Option<f64>,
    /// How the real providers are asked; `None` = the recordings are replayed.
    pub live: Option<LiveOptions>,
    /// The graders that fixture sets may name.
    pub graders: Graders,
    /// Files that the caller writes with what comes of it.
    pub results: Vec<Named>,
}

/// What all cascades come to.
#[derive(Debug)]
pub struct Regressed {
    /// Those that could be judged.
    pub report: Report,
    /// Those that could not, and why.
    pub broken: Vec<(PathBuf, Error)>,
    /// The baselines that were asked for. Nobody has written them yet; where a cascade is broken nobody should.
    pub updates: Vec<Update>,
}

/// Holds cascades against the limits of their files and against what they did before.
///
/// It calculates for long between its awaits; where that would hold up others, give it a thread of its own.
///
/// # Errors
/// The ask contradicts itself, or a result would overwrite what is read. What is wrong with one cascade is in the report.
pub async fn regress(ask: &Ask, progress: &dyn Progress) -> Result<Regressed, Error> {
    if ask.baseline.is_some() && ask.cascades.len() > 1 {
        return Err(Error::refused("--baseline names the baseline of one cascade, and there are several")
            .with_hint("run regress once a cascade, or keep each baseline beside its cascade as NAME.baseline.json"));
    }
    if let (true, Some(limit)) = (ask.update_baseline, ask.live.as_ref().and_then(|asking| asking.limit)) {
        return Err(Error::refused(format!("--limit {limit} asks a part of the examples, and a baseline is of all of them"))
            .with_hint("leave out --limit to write a baseline, or --update-baseline to compare with the one that is there"));
    }
    ready(&reads(ask), &ask.results)?;
    let (mut sections, mut broken, mut updates) = (Vec::new(), Vec::new(), Vec::new());
    for path in &ask.cascades {
        match one(ask, path, progress).await {
            Ok((judged, update)) => {
                sections.extend(judged);
                updates.extend(update);
            }
            Err(error) => {
                progress.notice(Notice::Broken(&error));
                broken.push((path.clone(), error));
            }
        }
    }
    Ok(Regressed { report: Report::new(sections), broken, updates })
}

/// The cascade files, their fits, their baselines and the files of their fixture sets.
fn reads(ask: &Ask) -> Vec<Named> {
    let mut read = Vec::new();
    for cascade in &ask.cascades {
        read.extend([("the cascade", cascade.clone()), ("the baseline", baseline_of(ask, cascade))]);
        read.push(("the fit", fit::path_for(cascade)));
        // A file that cannot be read is told by what judges it.
        if let Ok(loaded) = config::load_unfitted(cascade) {
            read.extend(loaded.fit_path.map(|path| ("the fit", path)));
            read.extend(loaded.expects.iter().flat_map(|expect| parts_of_set(&fixture_folder(cascade, &expect.fixtures))));
        }
    }
    read
}

fn baseline_of(ask: &Ask, cascade: &Path) -> PathBuf {
    ask.baseline.clone().unwrap_or_else(|| Baseline::path_for(cascade))
}

async fn one(ask: &Ask, path: &Path, progress: &dyn Progress) -> Result<(Vec<Section>, Option<Update>), Error> {
    let loaded = &config::load(path)?;
    if loaded.expects.is_empty() {
        return Err(nothing_expected(loaded));
    }
    let file = baseline_of(ask, &loaded.path);
    let before = Baseline::read(&file)?;
    if ask.baseline.is_some() && before.is_none() && !ask.update_baseline {
        return Err(Error::refused(format!("{}: there is no such baseline", file.display()))
            .with_hint("--update-baseline writes it; without --baseline, NAME.baseline.json beside the cascade is taken"));
    }
    let mut sets = Sets { loaded, graders: &ask.graders, live: ask.live.is_some(), progress, read: Vec::new() };
    let mut rules = rules(ask, loaded);
    let kept = before.as_ref().filter(|_| !ask.update_baseline);
    let groups = groups(&loaded.expects);
    // Whatever is wrong with the files is told before a provider is asked and paid.
    let mut about = Vec::new();
    for (fixtures, split, expects) in &groups {
        let (set, _) = sets.read(fixtures)?;
        expects.iter().try_for_each(|expect| known_segment(loaded, expect, set, split))?;
        about.push((set.about().name.clone(), *split));
    }
    if let Some(before) = kept {
        of_these_sets(&file, before, &about)?;
    }
    let (mut all, mut concluded) = (Vec::new(), Vec::new());
    for (fixtures, split, _) in &groups {
        let (set, recordings) = sets.read(fixtures)?;
        if let Some(asking) = &ask.live {
            let against = kept.and_then(|before| Some((entry(before, &set.about().name, split, Mode::Live)?, &rules)));
            let Live { played, early, part } = early::play(asking, (loaded, set, recordings), split, against, progress).await?;
            if let Some(why) = part.filter(|_| ask.update_baseline) {
                return Err(why);
            }
            all.push(played);
            concluded.push(early);
        } else if let Some(recordings) = recordings {
            progress.begins(Stage::Replaying);
            all.push(replay(loaded, set, recordings, split, &|done, of| progress.at(done, of))?);
            concluded.push(None);
        }
    }
    // What a look on the way has spent is no longer there at the end.
    if ask.live.as_ref().is_some_and(|asking| asking.early_stop) {
        rules = rules.split().1;
    }
    let run = Run { ask, loaded, before: before.as_ref(), file: &file, rules: &rules };
    let done = groups.iter().zip(&all).zip(&concluded);
    let mut sections = done
        .map(|(((.., expects), played), early)| run.section(expects, played, early.as_ref()))
        .collect::<Result<Vec<_>, _>>()?;
    for (((fixtures, ..), played), section) in groups.iter().zip(&all).zip(&mut sections) {
        let entry = before.as_ref().and_then(|before| entry(before, &played.fixtures, &played.split, played.mode));
        if let (Some(changes), Some(entry)) = (&mut section.changes, entry) {
            texts::since(changes, entry, played, sets.read(fixtures)?);
        }
    }
    let update = ask.update_baseline.then(|| Update::of(file.clone(), before.as_ref(), &all));
    Ok((sections, update))
}

fn rules(ask: &Ask, loaded: &Loaded) -> Rules {
    let (declared, default) = (&loaded.regress, Rules::default());
    Rules {
        level: ask.level.or(declared.level).unwrap_or(default.level),
        // Whatever other cascades are named: what is said of this one must not depend on them.
        share: 1.0 / groups(&loaded.expects).len().max(1) as f64,
        margin: ask.margin.or(declared.margin).unwrap_or(default.margin),
        cost_rise: declared.cost_rise.unwrap_or(default.cost_rise),
        latency_rise: declared.latency_rise.unwrap_or(default.latency_rise),
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

/// What a run is held against: one of its own mode where there is one, else a live run what the recordings gave.
fn entry<'a>(baseline: &'a Baseline, fixtures: &str, split: &str, mode: Mode) -> Option<&'a BaselineEntry> {
    let own = baseline.find(fixtures, split, mode);
    own.or_else(|| baseline.find(fixtures, split, Mode::Replay).filter(|_| mode == Mode::Live))
}

/// What a run comes to, with what was found of it so far.
pub(crate) fn section(cascade: String, played: &Played, changes: Option<Changes>, checks: Vec<Check>) -> Section {
    let deciding = checks.iter().filter(|check| check.decides || check.verdict == Verdict::Fail);
    Section {
        cascade,
        fixtures: played.fixtures.clone(),
        split: played.split.clone(),
        mode: played.mode.as_str(),
        n: played.items.len() as u64,
        verdict: deciding.map(|check| check.verdict).fold(Verdict::Pass, Verdict::and),
        changes,
        checks,
        warnings: played.warnings.clone(),
        line: None,
    }
}

/// What is needed to judge what a cascade did.
struct Run<'a> {
    ask: &'a Ask,
    loaded: &'a Loaded,
    before: Option<&'a Baseline>,
    file: &'a Path,
    rules: &'a Rules,
}

impl Run<'_> {
    fn section(&self, expects: &[&Expect], played: &Played, early: Option<&Check>) -> Result<Section, Error> {
        let mut checks: Vec<Check> = expects.iter().flat_map(|expect| limits::checks(self.loaded, expect, played)).collect();
        let mut warnings = Vec::new();
        if played.mode == Mode::Replay && expects.iter().any(|expect| limits::for_live_alone(expect)) {
            warnings.push("limits of latency and availability are not checked: recordings say nothing about them".to_owned());
        }
        let entry = self.before.and_then(|before| entry(before, &played.fixtures, &played.split, played.mode));
        // Tests with a fixed number of examples say nothing of a run that ended when it looked good.
        let judged = (!self.ask.update_baseline && early.is_none()).then_some(self.rules);
        let beside = match entry.map(|entry| beside(entry, played, judged)) {
            // Whatever the old one is about, it is replaced.
            Some(Err(_)) if self.ask.update_baseline => None,
            Some(beside) => Some(beside?),
            None => None,
        };
        let changes = beside.map(|Beside { changes, checks: compared, warnings: more }| {
            checks.extend(early.cloned());
            checks.extend(compared);
            warnings.extend(more);
            if changes.edited > 0 && changes.edited + changes.added == played.items.len() as u64 {
                warnings.push(
                    "nothing is compared: since the baseline every example asks something else, or is graded otherwise (another expectation, \
                     another grader, or one of another version of tierfall); --update-baseline writes a new one"
                        .to_owned(),
                );
            }
            changes
        });
        let uncompared = changes.is_none() && !self.ask.update_baseline;
        if uncompared {
            warnings.push(format!(
                "there is no baseline of {}, split {}, in {}: only limits are checked; --update-baseline writes it",
                played.fixtures,
                played.split,
                self.file.display()
            ));
        }
        let mut section = section(self.loaded.path.display().to_string(), played, changes, checks);
        section.warnings.extend(warnings);
        section.line = expects.iter().map(|expect| expect.line).min();
        if uncompared && self.ask.strict {
            // Who wants certainty has none of what is compared with nothing.
            section.verdict = section.verdict.and(Verdict::Inconclusive);
        }
        Ok(section)
    }
}

/// A baseline of other sets alone was taken from elsewhere; silently, it would compare nothing.
fn of_these_sets(file: &Path, before: &Baseline, sets: &[(String, &str)]) -> Result<(), Error> {
    let named = |fixtures: &str, split: &str| format!("{fixtures} (split {split})");
    let about = |fixtures: &str, split: &str| sets.iter().any(|(name, of)| name == fixtures && *of == split);
    let entries = before.entries();
    if entries.is_empty() || entries.iter().any(|entry| about(&entry.fixtures, &entry.split)) {
        return Ok(());
    }
    let has: Vec<String> = entries.iter().map(|entry| named(&entry.fixtures, &entry.split)).collect();
    let wants: Vec<String> = sets.iter().map(|(name, split)| named(name, split)).collect();
    let (has, wants) = (has.join(", "), wants.join(", "));
    Err(Error::refused(format!("{} is a baseline of {has}, not of {wants}", file.display()))
        .with_hint("if the sets were replaced on purpose, --update-baseline writes one of the new ones"))
}

fn nothing_expected(loaded: &Loaded) -> Error {
    let set = loaded.replay.as_ref().map_or("NAME", |replay| replay.fixtures.as_str());
    let hint = format!(
        "add one, with limits of your own:\n\n[[expect]]\nfixtures = \"{set}\"\naccuracy-at-least = 0.9\ncost-ratio-at-most = 0.8\n"
    );
    Error::refused(format!("{} expects nothing: it has no [[expect]]", loaded.path.display())).with_hint(hint)
}
