//! `tierfall record`: ask every tier every example, and keep the answers.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use indicatif::{MultiProgress, ProgressBar};
use tierfall_core::gate::Unusable;
use tierfall_core::money::{Cost, Money};
use tierfall_workbench::fixture::record::{RecordEvent, RecordOptions, RecordReport, Stop, TierReport};

use super::graded::{also, spent};
use crate::args::Record;
use crate::interrupt::interrupted;
use crate::render::money::cost;
use crate::render::printable;
use crate::render::style::{GOOD, WARN, paint};
use crate::{Exit, Failure, progress, quiet, say};

pub(crate) async fn record(args: &Record) -> Result<Exit, Failure> {
    let options = RecordOptions {
        concurrency: NonZeroUsize::new(usize::from(args.concurrency)).unwrap_or(NonZeroUsize::MIN),
        max_spend: args.max_spend.as_deref().map(max_spend).transpose()?,
        only_missing: args.only_missing,
        stale: args.stale,
        tiers: args.tiers.clone(),
        limit: args.limit,
        ..RecordOptions::default()
    };
    let bars = Bars::new();
    let watch = |event: RecordEvent<'_>| bars.event(event);
    let report = tierfall_workbench::record(&args.cascade, &args.set, &options, &watch, interrupted()).await;
    bars.clear();
    let report = report?;
    if !quiet() {
        report.tiers.iter().for_each(summarise);
    }
    Ok(exit(&report))
}

/// The limit of `--max-spend`.
pub(crate) fn max_spend(text: &str) -> Result<Money, Failure> {
    text.trim_start_matches('$').parse().map_err(|error| Failure::usage(format!("--max-spend {text}: {error}")))
}

fn exit(report: &RecordReport) -> Exit {
    let stopped = |wanted: fn(&Stop) -> bool| report.tiers.iter().filter_map(|tier| tier.stopped.as_ref()).any(wanted);
    if stopped(|stop| matches!(stop, Stop::Cancelled)) {
        Exit::Interrupted
    } else if stopped(Stop::is_failure) || report.tiers.iter().any(|tier| tier.failed > 0) {
        Exit::Provider
    } else if report.is_complete() {
        Exit::Fine
    } else {
        Exit::Usage
    }
}

fn summarise(tier: &TierReport) {
    let fine = tier.stopped.is_none() && tier.failed == 0 && tier.unusable.is_empty();
    let mark = if fine { paint(GOOD, "✓") } else { paint(WARN, "!") };
    let counts =
        [(tier.skipped, "were there already"), (tier.failed, "failed"), (tier.not_allowed, "not allowed"), (tier.left, "left")];
    let spent = spent(tier.usage, tier.cost, tier.wall);
    say(format_args!("{mark} {}: {} recorded{} · {spent}", tier.tier, tier.recorded, also(&counts)));
    for note in &tier.notes {
        say(format_args!("  {note}"));
    }
    if !tier.unusable.is_empty() {
        let counted = |(why, n): (&Unusable, &usize)| {
            let unless = if *why == Unusable::Truncated { " (unless it has `on-truncated = \"accept\"`)" } else { "" };
            format!("{n} {}{unless}", printable::line(&why.to_string()))
        };
        let counted: Vec<String> = tier.unusable.iter().map(counted).collect();
        say(format_args!("  no gate accepts these answers of it, however sure: {}", counted.join(", ")));
    }
    if let Some(stop) = &tier.stopped {
        say(format_args!("  stopped: {stop}; the same command goes on from here"));
    } else if tier.failed > 0 {
        say("  failures are kept, and asked again by the same command");
    }
}

/// One bar a tier.
struct Bars {
    all: MultiProgress,
    tiers: Mutex<BTreeMap<String, (ProgressBar, Cost)>>,
}

impl Bars {
    fn new() -> Self {
        Self { all: MultiProgress::with_draw_target(progress::target()), tiers: Mutex::default() }
    }

    fn event(&self, event: RecordEvent<'_>) {
        let mut tiers = self.tiers.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            RecordEvent::Started { tier, to_ask } => {
                let bar = self.all.add(ProgressBar::new(to_ask as u64).with_style(progress::style()));
                bar.set_prefix(tier.to_owned());
                tiers.insert(tier.to_owned(), (bar, Cost::ZERO));
            }
            RecordEvent::Done { tier, cost: charged } => {
                if let Some((bar, sum)) = tiers.get_mut(tier) {
                    *sum += charged;
                    bar.set_message(format!("· {}", cost(*sum)));
                    bar.inc(1);
                }
            }
            RecordEvent::Note { tier, note } => drop(self.all.println(format!("{tier}: {note}"))),
            RecordEvent::Stopped { tier } => {
                if let Some((bar, _)) = tiers.get(tier) {
                    bar.abandon();
                }
            }
        }
    }

    fn clear(&self) {
        // A bar that cannot be cleared is only untidy.
        let _ = self.all.clear();
    }
}
