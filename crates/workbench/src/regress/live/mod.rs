//! The real providers asked, within a limit: the same examples, the same fold, and what they do today.

mod bounded;
mod item;

use std::num::NonZeroUsize;
use std::sync::Arc;

use futures_util::StreamExt;
use tierfall_core::cascade::Answerer;
use tierfall_core::money::{Cost, Money};
use tierfall_core::text::one_line;

use self::bounded::{Bounded, Paid};
use self::item::{Asked, Asker};
use super::entry::Mode;
use super::played::{Played, PlayedItem};
use crate::Error;
use crate::batch::{Halt, Storm};
use crate::fixture::replay::Recordings;
use crate::fixture::{Example, FixtureSet};
use tierfall::Engine;
use tierfall::clock::{Clock, SystemClock};
use tierfall::config::Loaded;
use tierfall::digest;
use tierfall::{LoadError, sources};

/// How the providers are asked.
#[derive(Clone, Debug)]
pub struct LiveOptions {
    /// How often each example is asked; its grade is the mean.
    pub repeats: u32,
    /// Examples under way at once.
    pub concurrency: NonZeroUsize,
    /// No call is made that could exceed it, all tiers together.
    pub max_spend: Option<Money>,
    /// Ask only this many examples.
    pub limit: Option<usize>,
    /// Decides the order in which examples are asked, and so which ones a limit leaves.
    pub seed: u64,
    /// Whether a comparison with a baseline ends the run as soon as it is clear.
    pub early_stop: bool,
}

impl Default for LiveOptions {
    fn default() -> Self {
        Self {
            repeats: 1,
            concurrency: NonZeroUsize::MIN.saturating_add(3),
            max_spend: None,
            limit: None,
            seed: 0,
            early_stop: false,
        }
    }
}

/// What the providers did.
#[derive(Debug)]
pub struct LiveRun {
    /// The examples that were asked as often as they were to be, in the order of the set.
    pub played: Played,
    /// Why others were not, or why nothing was learned of any; `None` where all were asked.
    pub stopped: Option<Halt>,
    /// How many were not.
    pub left: usize,
    /// Everything charged, examples that were not finished included.
    pub cost: Cost,
}

/// Asks the declared providers the examples of a split, in an order drawn from the seed, and grades what they answer.
///
/// `watch` sees every finished example, in that order, with what was charged so far, and ends the run by returning true.
/// What always asking the last tier would have done is taken from `recordings`, where there are any. May be dropped at any
/// await; calls under way are cancelled.
pub async fn live(
    loaded: &Loaded,
    set: &FixtureSet,
    recordings: Option<&Recordings>,
    split: &str,
    options: &LiveOptions,
    watch: &mut dyn FnMut(&PlayedItem, Cost) -> bool,
) -> Result<LiveRun, Error> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let paid = Arc::new(Paid::new(options.max_spend, clock));
    let asker = Asker::new(loaded, set, recordings, engine(loaded, &paid).map_err(not_asked)?, options.repeats.max(1))?;
    let mut warnings = Vec::new();
    let examples = chosen(set, split, options, &mut warnings)?;
    let total = examples.len();
    let mut items: Vec<PlayedItem> = Vec::with_capacity(total);
    let (mut stopped, mut storm, mut answered, mut last_words) =
        (None, Storm::of("requests in a row met a call that failed"), false, String::new());
    {
        // In order: what is finished first must not decide what is watched first.
        let questions = examples.into_iter().map(|example| asker.ask(example));
        let mut answers = futures_util::stream::iter(questions).buffered(options.concurrency.get());
        while let Some(Asked { mut item, failed, said, cut }) = answers.next().await {
            // What was finished before the purse closed has been paid for, and counts.
            if cut && let Some(stop) = paid.stopped() {
                stopped = Some(stop.clone());
                break;
            }
            answered |= item.is_graded();
            item.turn = u32::try_from(items.len()).unwrap_or(u32::MAX);
            let enough = watch(&item, paid.spent());
            items.push(item);
            last_words = said.unwrap_or(last_words);
            if let Some(halt) = storm.sees(failed.then_some(last_words.as_str())) {
                stopped = Some(halt);
                break;
            }
            if enough {
                stopped = Some(Halt::Decided);
                break;
            }
        }
    }
    // However few they are: where none was answered, nothing was learned.
    if stopped.is_none() && !answered {
        stopped = storm.halt();
    }
    items.sort_by_cached_key(|item| set.position(&item.id));
    let left = total - items.len();
    let flaky = items.iter().filter(|item| item.flaky).count();
    if flaky > 0 {
        warnings.push(format!("{flaky} of {} examples are flaky: their repeats disagree", items.len()));
    }
    warnings.extend(failures(&items, (!matches!(stopped, Some(Halt::Storm { .. }))).then_some(last_words.as_str())));
    if left > 0
        && let Some(stop) = &stopped
    {
        warnings.push(format!("{left} of {total} examples were not asked: {stop}"));
    }
    let played = Played { warnings, ..Played::of(loaded, set, split, Mode::Live, items) };
    // Who was decided with the last example left nothing out.
    let stopped = stopped.filter(|stop| left > 0 || stop.is_failure());
    Ok(LiveRun { played, stopped, left, cost: paid.spent() })
}

/// How many requests met a call that failed; `said` is what was said of the last one, where a storm does not quote it already.
fn failures(items: &[PlayedItem], said: Option<&str>) -> Option<String> {
    let (errors, of) = items.iter().fold((0, 0), |(errors, of), item| (errors + item.errors, of + item.repeats));
    let said = said.map_or_else(String::new, |said| format!(", the last one with: {}", one_line(said, 300)));
    let what = "what was served in its place is no grade, and counts as availability alone";
    (errors > 0).then(|| format!("{errors} of {of} requests met a call that failed{said}; {what}"))
}

/// Why the providers cannot be asked, with what can be done without them.
fn not_asked(error: LoadError) -> Error {
    match error.hint() {
        Some(hint) => Error::from(error).with_hint(hint + ", or replay the recordings without --live"),
        None => error.into(),
    }
}

fn engine(loaded: &Loaded, paid: &Arc<Paid>) -> Result<Engine, LoadError> {
    let sources = sources(loaded)?;
    let mut builder = Engine::builder(loaded.cascade.clone());
    if let Some(fit) = &loaded.fit {
        builder = builder.fit(fit.clone());
    }
    for tier in loaded.cascade.tiers() {
        if let (Answerer::Model(model), Some(source)) = (&tier.answerer, sources.get(&tier.name)) {
            let bounded = Bounded {
                tier: tier.name.clone(),
                inner: source.provider.clone(),
                model: model.clone(),
                attempts: source.attempts,
                paid: paid.clone(),
            };
            builder = builder.provider(&*tier.name, Arc::new(bounded));
        }
    }
    Ok(builder.build()?)
}

/// The examples to ask, shuffled by the seed. Those that nobody can grade in passing are left out.
fn chosen<'s>(
    set: &'s FixtureSet,
    split: &str,
    options: &LiveOptions,
    warnings: &mut Vec<String>,
) -> Result<Vec<&'s Example>, Error> {
    let of_split = || set.examples().iter().filter(|example| *example.split == *split);
    let mut examples: Vec<&Example> = of_split().filter(|example| example.grader.is_pure()).collect();
    let ungradable = of_split().count() - examples.len();
    if ungradable > 0 {
        warnings.push(format!(
            "{ungradable} examples are left out: new answers to them have no grade without a person, a judge or a command"
        ));
    }
    if examples.is_empty() {
        let name = &set.about().name;
        return Err(Error::refused(format!(
            "the split \"{split}\" of the fixture set \"{name}\" has no example whose new answers can be graded in passing"
        )));
    }
    examples.sort_by_cached_key(|example| digest::of_text(format!("{}\u{0}{}", options.seed, example.id).as_bytes()));
    examples.truncate(options.limit.unwrap_or(usize::MAX));
    Ok(examples)
}

#[cfg(test)]
mod tests;
