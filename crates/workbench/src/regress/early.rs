//! A live run that is held against a baseline on the way, and asks no further than the verdict needs.

use std::collections::BTreeSet;
use std::sync::Arc;

use tierfall::config::Loaded;
use tierfall_calibrate::regress::sequential::Watch;
use tierfall_calibrate::regress::{Check, Rules, Verdict};

use super::entry::BaselineEntry;
use super::live::{LiveOptions, LiveRun, live};
use super::played::{Played, PlayedItem};
use crate::Error;
use crate::batch::Halt;
use crate::fixture::FixtureSet;
use crate::fixture::replay::Recordings;
use crate::progress::{Notice, Progress, Stage};

/// What the providers did, and what was concluded before all of them were asked.
pub(super) struct Live {
    pub(super) played: Played,
    /// The comparison's conclusion, where it ended the run.
    pub(super) early: Option<Check>,
    /// Why it says nothing of some examples, so that no baseline can be made of it; `None` where it does of all, or ended early.
    pub(super) part: Option<Error>,
}

/// Asks the providers; on the way the examples are held against an entry of a baseline, if the run may end early.
pub(super) async fn play(
    asking: &LiveOptions,
    (loaded, set, recordings): (&Loaded, &FixtureSet, Option<&Recordings>),
    split: &str,
    against: Option<(&BaselineEntry, &Rules)>,
    progress: &dyn Progress,
) -> Result<Live, Error> {
    let of_split = || set.examples().iter().filter(|example| *example.split == *split);
    if asking.early_stop && of_split().any(|example| (example.weight - 1.0).abs() > 0.0) {
        return Err(Error::refused(format!(
            "--early-stop takes examples of equal weight, and those of {} differ",
            set.about().name
        ))
        .with_hint("leave --early-stop out; the comparison of all examples is weighted"));
    }
    let of = of_split().count().min(asking.limit.unwrap_or(usize::MAX)) as u64;
    progress.begins(Stage::Asking);
    progress.at(0, of);
    let mut early = against.filter(|_| asking.early_stop).map(|(entry, rules)| Early::new(entry, rules));
    let mut done = 0;
    let mut watch = |item: &PlayedItem, spent| {
        done += 1;
        progress.spent(spent);
        progress.at(done, of);
        early.as_mut().is_some_and(|early| early.sees(item))
    };
    let run = live(loaded, set, recordings, split, asking, &mut watch).await?;
    let LiveRun { mut played, stopped, left, cost } = run;
    let asked = played.items.len();
    progress.notice(Notice::Asked { examples: asked, cost });
    if let Some(stop) = stopped.as_ref().filter(|stop| stop.is_failure()) {
        return Err(Error::Provider(format!("{stop} ({asked} examples were asked, {left} were not)")));
    }
    if played.items.is_empty() {
        let why = stopped.map_or_else(|| "nothing was asked".to_owned(), |stop| stop.to_string());
        return Err(
            Error::refused(why).with_hint("raise --max-spend, or declare max-tokens and prices so that calls have a bound")
        );
    }
    let decided = stopped.as_ref() == Some(&Halt::Decided);
    if early.is_some() && !decided {
        played.warnings.push("the run was not decided early: the comparison has what --early-stop left of its level".to_owned());
    }
    let early = early.filter(|_| decided).map(|early| early.check(left));
    let unasked = stopped.filter(|_| !decided).map(|stop| {
        Error::refused(format!("no baseline is written of a part of the examples: {left} were not asked, as {stop}"))
            .with_hint("raise --max-spend; the baseline that is there is as it was")
    });
    let lost = played.items.iter().filter(|item| !item.is_graded()).count();
    let failed = (lost > 0).then(|| {
        Error::Provider(format!(
            "no baseline is written of a part of the examples: a call failed of {lost} of {asked}, so that nobody knows what the cascade \
             makes of them. Ask again when the providers answer, or with --repeats, of which one that is answered is enough; the baseline \
             that is there is as it was"
        ))
    });
    Ok(Live { played, early, part: unasked.or(failed) })
}

/// Looks at every example as it comes.
struct Early<'a> {
    entry: &'a BaselineEntry,
    watch: Watch,
    verdict: Option<Verdict>,
    /// Groups that were seen: their other examples say nothing new.
    groups: BTreeSet<Arc<str>>,
    sums: (f64, f64),
    /// What a p-value is multiplied by, as this look has only a part of the level.
    scale: f64,
}

impl<'a> Early<'a> {
    fn new(entry: &'a BaselineEntry, rules: &Rules) -> Self {
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
