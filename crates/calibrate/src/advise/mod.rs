//! Which tiers earn their call: every sub-chain, entry tier and single tier on rows that chose none of them.

mod folds;
mod search;
mod words;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;

use crate::ask::SignalChoice;
use crate::evaluate::{CONFIDENCE, Played, WeightedItems, baselines};
use crate::observations::Observations;
use crate::procedure::{FitError, folds_for, gates_on, is_chain, table_under};
use crate::report::{Advice, ChainAdvice, Earns, Estimate, TierAdvice, TierSegment};
use crate::stat::normal;
use crate::sweep::chains::subchains;
use crate::view::View;

use folds::{Judged, Scope, Worth, judge};

/// Longest chain of which every sub-chain is searched; of longer ones single tiers and pairs.
const EVERY: usize = 5;
/// More items than this are sampled down to it: intervals are then narrow enough for advice.
const ENOUGH: usize = 50_000;
/// Fewer items of a segment than this say nothing.
const LEAST: usize = 20;
/// What a tier has to earn, as a share of the cost of always-last, to be worth a rung of its own.
const WORTH_IT: f64 = 0.02;
/// Resamples of a bootstrap, and up to how many items it is used.
const RESAMPLES: usize = 1000;
const BOOTSTRAP_UP_TO: usize = 20_000;

/// Judges every sub-chain and every tier on rows that were not used to choose their cuts (and signals, where those are to be chosen).
///
/// - A sub-chain's cuts are the cheapest that lose nothing against always-last on the other folds; where it has none, those of the best trade-off.
/// - What a tier is worth is the cost that the best policy without it has more, at equal quality. Both maximise quality less cost on the other
///   folds, and a difference in held-out quality counts at the same price: what the frontier pays for the last five points up to the
///   quality of always-last, and at least what a random mix of the cheapest tier and the last one pays. Intervals: bootstrap over items
///   (1,000 draws, seeded), above 20,000 items by the normal distribution.
/// - By segment (stratum, where no row has a segment) cuts are chosen on the segment's own rows, at the same price. Whether a tier earns
///   its call in a segment is said at an equal part of the error over all segments; the interval shown is that of the segment alone.
pub fn advise(observations: &Observations, n_excluded: u64, signals: &[SignalChoice], seed: u64) -> Result<Advice, FitError> {
    let tiers = observations.tiers().len();
    is_chain(observations, signals)?;
    observations.all_graded()?;
    let mut view = View::all(observations);
    let mut warnings = Vec::new();
    let items = view.one_per_item().len();
    if items > ENOUGH {
        view = view.split(ENOUGH as f64 / items as f64, seed ^ 0xad).0;
        warnings.push(format!("from a sample of about {ENOUGH} of {items} items"));
    }
    let chains = subchains(tiers, if tiers <= EVERY { tiers } else { 2 });
    let scopes = scopes(&view);
    let k = folds_for(items).min(items.max(2));
    let parts: Vec<Judged<'_>> = view
        .folds(k, seed ^ 0xe571)
        .into_par_iter()
        .filter(|(train, held)| !train.is_empty() && !held.is_empty())
        .map(|(train, held)| judge(&train, &held, signals, &chains, &scopes, seed))
        .collect::<Result<_, _>>()?;
    let judged = parts.into_iter().reduce(|mut all, part| {
        all.append(part);
        all
    });
    let judged = judged.ok_or(FitError::Empty)?;
    let names: Vec<String> = observations.tiers().map(|spec| spec.name.to_string()).collect();
    let known = (0..tiers).all(|tier| observations.costs(tier).is_some());
    if !known {
        warnings.push(
            "the cost of a tier is unknown, so nothing can be said of what a tier saves; calls of the last tier stand for costs"
                .into(),
        );
    }
    let sample = judged.best.sample(&view);
    let gates = gates_on(&view.one_per_item(), signals, seed)?;
    let table = table_under(&view, &gates)?;
    let mut advice = Advice {
        chains: chain_advice(&view, &chains, &judged, &names),
        baselines: baselines(&view, &table, &judged.best),
        tiers: (0..tiers).map(|tier| tier_advice(&view, &judged, &scopes, &names, tier, known, seed)).collect(),
        declared_chain: names,
        n: observations.len() as u64,
        n_excluded,
        advice: Vec::new(),
        warnings,
    };
    // Under the price that buys the best tier alone its call is worth as much as it costs: where nothing before it comes near its quality,
    // that is no reason to end the chain there.
    if let Some((last, before)) = advice.tiers.split_last_mut()
        && last.earns == Earns::No
        && before.iter().all(|tier| tier.accuracy.high < last.accuracy.low)
    {
        last.earns = Earns::Unclear;
    }
    advice.advice = words::advice(&advice, &judged, &sample, &scopes);
    let all: Vec<usize> = (0..table.last()).collect();
    advice.advice.extend(words::under(&table.conditions(&all)));
    Ok(advice)
}

/// All rows, and every segment that has enough items.
fn scopes(view: &View<'_>) -> Vec<Scope> {
    let (labels, by_segment) = view.observations().labels();
    let mut counts = vec![0; labels.names.len()];
    for place in view.one_per_item().rows().filter_map(|row| labels.place(row)) {
        counts[place] += 1;
    }
    let large = labels.names.iter().zip(counts).filter(|(_, count)| *count >= LEAST);
    let labels = [None].into_iter().chain(large.map(|(name, _)| Some(name.clone())));
    labels.map(|label| Scope { label, by_segment }).collect()
}

fn chain_advice(view: &View<'_>, chains: &[Vec<usize>], judged: &Judged<'_>, names: &[String]) -> Vec<ChainAdvice> {
    let last = names.len() - 1;
    let mut advice: Vec<ChainAdvice> = chains
        .iter()
        .zip(&judged.chains)
        .map(|(chain, played)| {
            let sample = played.sample(view);
            ChainAdvice {
                chain: chain.iter().map(|tier| names[*tier].clone()).collect(),
                accuracy: sample.quality(|at| played.quality(at)),
                loss_vs_last: played.loss(&sample, last),
                cost_ratio: cost_ratio(played, &sample),
                efficient: true,
            }
        })
        .collect();
    let place = |one: &ChainAdvice| (one.cost_ratio.map_or(f64::INFINITY, |ratio| ratio.value), one.accuracy.value);
    let places: Vec<(f64, f64)> = advice.iter().map(place).collect();
    for (chain, (cost, accuracy)) in advice.iter_mut().zip(&places) {
        chain.efficient = cost.is_finite()
            && !places.iter().any(|(less, more)| less <= cost && more >= accuracy && (less < cost || more > accuracy));
    }
    advice.sort_by(|one, other| place(one).0.total_cmp(&place(other).0).then(place(other).1.total_cmp(&place(one).1)));
    advice
}

fn cost_ratio(played: &Played<'_>, sample: &WeightedItems) -> Option<Estimate> {
    let (cost, last) = (played.cost()?, played.cost_last()?);
    let known = (0..played.len()).any(|at| last(at) > 0);
    known.then(|| sample.ratio(|at| cost(at) as f64, |at| last(at) as f64, 0.0, f64::INFINITY))
}

fn tier_advice(
    view: &View<'_>,
    judged: &Judged<'_>,
    scopes: &[Scope],
    names: &[String],
    tier: usize,
    known: bool,
    seed: u64,
) -> TierAdvice {
    let one = |worth: &Worth| {
        let sample = WeightedItems::new(view, &worth.rows);
        let grades = view.observations().quality(tier);
        let saving = if known { Saving::of(worth, tier, &sample, seed) } else { None };
        (sample.items as u64, sample.quality(|at| grades[worth.rows[at] as usize].nano()), saving)
    };
    let mut parts = scopes.iter().zip(&judged.worth).map(|(scope, worth)| (scope, worth, one(worth)));
    let (accuracy, whole, cost_usd) = match parts.next() {
        Some((_, worth, (_, accuracy, saving))) => {
            let sample = WeightedItems::new(view, &worth.rows);
            let costs = view.observations().costs(tier);
            (accuracy, saving, costs.map(|costs| sample.mean(|at| costs[worth.rows[at] as usize] as f64 / 1e12)))
        }
        None => (Estimate { value: 0.0, low: 0.0, high: 1.0 }, None, None),
    };
    // Of many segments one looks good by chance: their verdicts share the error.
    let alike = scopes.len().saturating_sub(1);
    let segments = parts.filter_map(|(scope, _, (n, accuracy, saving))| {
        let name = scope.label.as_ref()?.to_string();
        let earns = verdict(saving.as_ref().map(|saving| saving.among(alike)));
        Some((name, TierSegment { n, accuracy, saving: saving.map(|saving| saving.among(1)), earns }))
    });
    let whole = whole.map(|saving| saving.among(1));
    TierAdvice {
        tier: names[tier].clone(),
        accuracy,
        cost_usd,
        saving: whole,
        earns: verdict(whole),
        segments: segments.collect(),
    }
}

/// What the best policy without a tier costs more, over what always-last costs.
struct Saving {
    value: f64,
    spread: Spread,
}

/// What its interval is of.
enum Spread {
    /// Ascending draws of the bootstrap.
    Drawn(Vec<f64>),
    /// The standard error, where there are many items.
    Normal(f64),
}

impl Saving {
    /// `None` where always-last costs nothing.
    fn of(worth: &Worth, tier: usize, sample: &WeightedItems, seed: u64) -> Option<Self> {
        if worth.last.iter().all(|cost| *cost <= 0.0) {
            return None;
        }
        let more = &worth.more[tier];
        let whole = sample.ratio(|at| more[at], |at| worth.last[at], f64::NEG_INFINITY, f64::INFINITY);
        let spread = if sample.items > BOOTSTRAP_UP_TO {
            Spread::Normal((whole.high - whole.low) / (2.0 * normal::quantile(0.5 + CONFIDENCE / 2.0)))
        } else {
            Spread::Drawn(drawn(worth, more, sample, whole.value, seed))
        };
        Some(Self { value: whole.value, spread })
    }

    /// With an interval that holds for this many at once, each at an equal part of the error (Bonferroni).
    fn among(&self, alike: usize) -> Estimate {
        let tail = (1.0 - CONFIDENCE) / 2.0 / alike.max(1) as f64;
        let (low, high) = match &self.spread {
            // Further out than a few draws reach, they tell their spread and not their quantiles.
            Spread::Drawn(draws) if tail * (draws.len() as f64) < 2.0 => {
                let mean = draws.iter().sum::<f64>() / draws.len() as f64;
                let square = draws.iter().map(|draw| (draw - mean).powi(2)).sum::<f64>() / draws.len() as f64;
                let wide = normal::quantile(1.0 - tail) * square.sqrt();
                (self.value - wide, self.value + wide)
            }
            Spread::Drawn(draws) => {
                #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "below the number of draws")]
                let tail = (tail * draws.len() as f64) as usize;
                (draws[tail], draws[draws.len() - 1 - tail])
            }
            Spread::Normal(error) => {
                let wide = normal::quantile(1.0 - tail) * error;
                (self.value - wide, self.value + wide)
            }
        };
        Estimate { value: self.value, low, high }
    }
}

/// The saving in resamples of the items, ascending.
fn drawn(worth: &Worth, more: &[f64], sample: &WeightedItems, whole: f64, seed: u64) -> Vec<f64> {
    let (top, bottom) = (sample.by_item(|at| more[at]), sample.by_item(|at| worth.last[at]));
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut draws: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let (mut over, mut under) = (0.0, 0.0);
            for _ in 0..sample.items {
                let item = rng.random_range(0..sample.items);
                over += top[item];
                under += bottom[item];
            }
            if under > 0.0 { over / under } else { whole }
        })
        .collect();
    draws.sort_by(f64::total_cmp);
    draws
}

/// Whether that is worth a rung: no where it surely saves less than [`WORTH_IT`], yes where it surely saves something.
fn verdict(saving: Option<Estimate>) -> Earns {
    match saving {
        Some(saving) if saving.high < WORTH_IT => Earns::No,
        Some(saving) if saving.low > 0.0 => Earns::Yes,
        _ => Earns::Unclear,
    }
}
