//! `regress --live`: the real providers in place of the recordings, within a limit, and no further than the verdict needs.

use std::collections::BTreeSet;
use std::num::NonZeroUsize;

use indicatif::ProgressBar;
use tierfall::config::Loaded;
use tierfall_calibrate::regress::sequential::Watch;
use tierfall_calibrate::regress::{Check, Rules, Verdict};
use tierfall_workbench::fixture::FixtureSet;
use tierfall_workbench::fixture::replay::Recordings;
use tierfall_workbench::regress::live::{LiveError, LiveOptions, LiveRun, LiveStop, live};
use tierfall_workbench::regress::{Entry, Mode, Played, PlayedItem};

use crate::args::LiveArgs;
use crate::exit::Failure;
use crate::render::money::cost;
use crate::{load, progress, say};

/// What the providers did, and what was concluded before all of them were asked.
pub(super) struct Live {
    pub(super) played: Played,
    /// The comparison's conclusion, where it ended the run.
    pub(super) early: Option<Check>,
    /// Why some examples were not asked, where not because it was decided.
    pub(super) unasked: Option<String>,
}

/// Asks the providers; on the way the examples are held against `entry`, if the run may end early.
pub(super) fn play(
    args: &LiveArgs,
    (loaded, set, recordings): (&Loaded, &FixtureSet, Option<&Recordings>),
    split: &str,
    against: Option<(&Entry, &Rules)>,
    quiet: bool,
) -> Result<Live, Failure> {
    let options = LiveOptions {
        repeats: args.repeats.get(),
        concurrency: NonZeroUsize::new(args.concurrency.into()).unwrap_or(NonZeroUsize::MIN),
        max_spend: args.max_spend,
        limit: args.limit,
        seed: args.seed,
    };
    if args.early_stop && set.examples().iter().any(|example| *example.split == *split && (example.weight - 1.0).abs() > 0.0) {
        return Err(Failure::usage(format!(
            "--early-stop takes examples of equal weight, and those of {} differ",
            set.about().name
        ))
        .with_hint("leave --early-stop out; the comparison of all examples is weighted"));
    }
    let of_split = set.examples().iter().filter(|example| *example.split == *split).count();
    let bar = progress::bar(of_split.min(args.limit.unwrap_or(usize::MAX)) as u64, "asked", quiet);
    let mut early = against.filter(|_| args.early_stop).map(|(entry, rules)| Early::new(entry, rules));
    let run = {
        let mut watch = |item: &PlayedItem, spent| {
            bar.set_message(format!("· {}", cost(spent)));
            bar.inc(1);
            early.as_mut().is_some_and(|early| early.sees(item))
        };
        let run = live(loaded, set, recordings, split, &options, &mut watch);
        // The command runs on a thread of its own, where waiting holds up nobody.
        tokio::runtime::Handle::current().block_on(run)
    };
    finish(&bar);
    let LiveRun { mut played, stopped, left, cost: charged } = run.map_err(|error| match &error {
        LiveError::Load(error) => load::failure(error, ", or replay the recordings without --live"),
        LiveError::Fixture(error) => load::fixture(error),
        _ => Failure::usage(error),
    })?;
    if !quiet {
        say(format_args!("{} examples asked, {} spent", played.items.len(), cost(charged)));
    }
    if let Some(stop) = stopped.as_ref().filter(|stop| stop.is_failure()) {
        let asked = played.items.len();
        return Err(Failure::provider(format!("{stop} ({asked} examples were asked, {left} were not)")));
    }
    if played.items.is_empty() {
        let why = stopped.map_or_else(|| "nothing was asked".to_owned(), |stop| stop.to_string());
        return Err(
            Failure::usage(why).with_hint("raise --max-spend, or declare max-tokens and prices so that calls have a bound")
        );
    }
    let decided = stopped.as_ref() == Some(&LiveStop::Decided);
    if early.is_some() && !decided {
        played.warnings.push("the run was not decided early: the comparison has what --early-stop left of its level".to_owned());
    }
    let early = early.filter(|_| decided).map(|early| early.check(left));
    let unasked = stopped.filter(|_| !decided).map(|stop| format!("{left} were not asked, as {stop}"));
    Ok(Live { played, early, unasked })
}

fn finish(bar: &ProgressBar) {
    bar.finish_and_clear();
}

/// What a live run is held against: a live one where there is one, else what the recordings gave.
pub(super) fn entry<'a>(
    baseline: &'a tierfall_workbench::regress::Baseline,
    fixtures: &str,
    split: &str,
    mode: Mode,
) -> Option<&'a Entry> {
    let own = baseline.find(fixtures, split, mode);
    own.or_else(|| baseline.find(fixtures, split, Mode::Replay).filter(|_| mode == Mode::Live))
}

/// Looks at every example as it comes.
struct Early<'a> {
    entry: &'a Entry,
    watch: Watch,
    verdict: Option<Verdict>,
    /// Groups that were seen: their other examples say nothing new.
    groups: BTreeSet<std::sync::Arc<str>>,
    sums: (f64, f64),
    /// What a p-value is multiplied by, as this look has only a part of the level.
    scale: f64,
}

impl<'a> Early<'a> {
    fn new(entry: &'a Entry, rules: &Rules) -> Self {
        let (early, _) = rules.split();
        Self {
            entry,
            watch: Watch::new(&early),
            verdict: None,
            groups: BTreeSet::new(),
            sums: (0.0, 0.0),
            scale: rules.level / early.own_level(),
        }
    }

    /// Whether enough is known.
    fn sees(&mut self, item: &PlayedItem) -> bool {
        let Some(was) = self.entry.get(&item.id).filter(|was| was.asked == item.asked) else { return false };
        let repeated = item.group.as_ref().is_some_and(|group| !self.groups.insert(group.clone()));
        if !was.is_graded() || !item.is_graded() || repeated {
            return false;
        }
        self.sums.0 += was.correct;
        self.sums.1 += item.correct;
        self.verdict = self.watch.push(was.correct, item.correct);
        self.verdict.is_some()
    }

    fn check(self, left: usize) -> Check {
        let n = self.watch.seen();
        let verdict = self.verdict.unwrap_or(Verdict::Inconclusive);
        let what = match verdict {
            Verdict::Fail => "the evidence of a regression was enough",
            _ => "a loss of the margin was ruled out",
        };
        Check {
            value: Some(self.sums.1 / n.max(1) as f64),
            baseline: Some(self.sums.0 / n.max(1) as f64),
            p: Some((self.scale / self.watch.evidence_worse()).min(1.0)),
            verdict,
            why: format!("{what} after {n} examples, whenever one looks; {left} were not asked"),
            ..Check::of_quality(n)
        }
    }
}
