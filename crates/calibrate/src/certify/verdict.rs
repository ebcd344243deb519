//! Certified, inconclusive or infeasible: three different things, and a sentence on why.

use super::goal::Goal;
use super::ground::{Ground, Pairs};
use super::statement::{Promise, number};
use super::test::{Test, TestKind};
use super::{Input, Labels};
use crate::policy::Thresholds;
use crate::stat::plan::Needed;
use crate::stat::{binomial, plan, trinomial};
use crate::sweep::pair::PairSweep;
use crate::table::Column;
use tierfall_core::fit::{Guarantee, Status};

/// The power that the number of labels is planned for.
const POWER: f64 = 0.8;
/// Cuts of a pair that are looked at for planning.
const PLANNED_CUTS: usize = 64;

/// A verdict on one policy.
#[derive(Clone, Debug)]
pub(crate) struct Conclusion {
    pub(crate) status: Status,
    pub(crate) policy: Thresholds,
    pub(crate) guarantee: Option<Guarantee>,
    pub(crate) needed_n: Option<Needed>,
    pub(crate) attainable: Option<f64>,
    pub(crate) why: String,
}

impl Conclusion {
    /// Without a promise, or anything that would have to be known for one.
    pub(crate) fn open(status: Status, policy: Thresholds, why: impl Into<String>) -> Self {
        Self { status, policy, guarantee: None, needed_n: None, attainable: None, why: why.into() }
    }

    /// With one.
    pub(crate) fn certified(policy: Thresholds, promise: &Promise<'_>, why: String) -> Self {
        Self { guarantee: Some(promise.guarantee()), ..Self::open(Status::Certified, policy, why) }
    }
}

/// What was certified beside pairs, on a share of the error of its own.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beside {
    pub(crate) policies: Vec<Thresholds>,
    pub(crate) level: f64,
    /// The rows that certified it, where these are only a part: on the others it was searched.
    pub(crate) on: Option<Input<'static>>,
}

/// What is promised over all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Over<'o> {
    /// Of the whole promise.
    pub(crate) delta: f64,
    /// Of the part on these rows, where a promise has several.
    pub(crate) part: f64,
    /// What the promise is about beside "the deployed policy".
    pub(crate) scope: &'o str,
    /// Whether policies are searched that are not pairs or one tier.
    pub(crate) wide: bool,
}

/// Chooses the cheapest certified policy, or says why there is none.
pub(crate) fn verdict(ground: &Ground<'_>, test: &Test<'_>, pairs: &Pairs<'_>, beside: &Beside, over: Over<'_>) -> Conclusion {
    let last = Thresholds::always(ground.table.last());
    let candidates = ground.candidates(pairs).into_iter().chain(beside.policies.iter().cloned());
    let Some(policy) = ground.prices.cheapest(candidates) else {
        return refused(ground, test, pairs, over);
    };
    let loss = matches!(test.goal, Goal::Loss(_));
    let any_cut = (0..ground.descents.len()).any(|tier| pairs.certified[tier] > pairs.from[tier].max(1));
    // Paths for a loss begin with the last tier alone, which shows nothing.
    let any_deep = beside.policies.iter().any(|policy| *policy != last);
    if loss && policy == last && !any_cut && !any_deep && !ground.descents.is_empty() {
        return refused(ground, test, pairs, over);
    }
    let level = if beside.policies.contains(&policy) { beside.level } else { pairs.level_of(&policy) };
    // What is said of a policy comes from the rows that certified it.
    let own = (beside.on.as_ref().filter(|_| beside.policies.contains(&policy)))
        .map(|input| Test::new(&input.certify, &input.labels, test.goal, ground.seed));
    let test = own.as_ref().unwrap_or(test);
    let by_construction = loss && policy == last;
    let (bound, p) = if by_construction {
        (0.0, None)
    } else {
        let evidence = test.of_policy(&policy);
        (test.bound(&evidence, level), Some(test.p(&evidence, level)))
    };
    let promise = Promise {
        test,
        labels: ground.labels,
        asked: policy.gated(),
        delta: over.delta,
        bound,
        latency: ground.latency,
        scope: over.scope,
        each_segment: false,
        seed: ground.seed,
        by_construction,
    };
    let names: Vec<&str> = policy.tiers().iter().map(|tier| &*ground.table.tiers[*tier].name).collect();
    let why = match p {
        Some(p) => format!(
            "{}: {}, where {} is allowed, and no other certified policy {}",
            names.join(" → "),
            by_chance(p, test.kind),
            short(level),
            if ground.prices.known() { "is cheaper" } else { "asks the last tier less often" },
        ),
        None => format!(
            "nothing is saved: no other policy could be certified that is cheaper than always asking {}, which loses nothing against itself",
            names[0]
        ),
    };
    Conclusion::certified(policy.clone(), &promise, why)
}

/// A p-value in words: how likely examples are that look this good where the target is missed.
pub(crate) fn by_chance(p: f64, kind: TestKind) -> String {
    let most = if kind.name().1 { "at most" } else { "about" };
    format!("if it missed the target, examples that speak for it this much would turn up with probability {most} {}", short(p))
}

pub(crate) fn short(p: f64) -> String {
    if p <= f64::MIN_POSITIVE {
        // The p-value of an exact test is never 0.
        "1e-300 or less".into()
    } else if p < 1e-4 {
        format!("{p:.1e}")
    } else {
        number((p * 1e4).round() / 1e4)
    }
}

/// Nothing is certified: whether more labels may help, and the fallback.
pub(crate) fn refused(ground: &Ground<'_>, test: &Test<'_>, pairs: &Pairs<'_>, over: Over<'_>) -> Conclusion {
    let (n, assumed) = (ground.table.len(), ground.table.basis.assumed);
    let base = |status, why| Conclusion::open(status, Thresholds::always(ground.table.last()), why);
    let last = &ground.table.tiers[ground.table.last()].name;
    if let Some(why) = &test.unproven {
        return base(Status::Inconclusive, format!("{why}; always asking {last} is in force"));
    }
    if let (Some(limit), false) = (ground.latency, pairs.last) {
        if ground.slow.is_none() {
            let why = "a latency limit was asked for and the latency of some tier is not known in every row".into();
            return base(Status::Inconclusive, why);
        }
        let kept = pairs.certified.iter().any(|cuts| *cuts > 0);
        if kept || matches!(test.goal, Goal::Loss(_)) {
            let why = format!(
                "no policy that keeps the target could be shown to take longer than {} ms in at most {} of the requests; \
                 always asking {last} is in force and may not either",
                number(limit.over_ms),
                number(limit.share)
            );
            return base(Status::Inconclusive, why);
        }
    }
    match test.goal {
        Goal::Loss(loss) => {
            let needed = needed_for_loss(ground, test, loss, pairs.level).filter(|_| assumed == 0);
            let more = match needed {
                _ if assumed > 0 => grade_first(assumed),
                Some(needed) => would_do(needed),
                None if pairs.level < trinomial::LEAST_LEVEL => {
                    format!("an error of {:e} is less than any number of them can show", pairs.level)
                }
                None => "on these rows no cut that saves calls loses clearly less than that, so the number needed cannot be told"
                    .into(),
            };
            let why = format!(
                "{n} fixtures are too few to show a loss of at most {} against {last} for any cut that saves calls; {more}; \
                 always asking {last} is in force",
                number(loss)
            );
            Conclusion { needed_n: needed, ..base(Status::Inconclusive, why) }
        }
        Goal::Accuracy(accuracy) => {
            let evidence = test.always_last();
            // With grades at their worst nothing can be told to be out of reach.
            let ceiling = most_quality(ground, over).filter(|_| assumed == 0);
            if let Some(best) = ceiling
                && refutes(ground, test, best, accuracy, over.part)
            {
                let attainable = test.least_limit(&evidence, pairs.level).map(|limit| test.goal.terms(limit));
                let why = format!(
                    "no {what} can be right in {goal} of the requests: the best on these rows is right in {best}, and with \
                     {n} fixtures that rules it out",
                    what = if over.wide { "choice among these tiers" } else { "tier and no cut" },
                    goal = number(accuracy),
                    best = number(best),
                );
                return Conclusion { attainable, ..base(Status::Infeasible, why) };
            }
            let risk = test.estimate(&evidence);
            let labels = |risk: f64| plan::n_accuracy(1.0 - accuracy, risk, pairs.level, POWER);
            let careful = || labels(plan::careful(risk, n as u64));
            let needed = Some(risk).filter(|risk| *risk < 1.0 - accuracy && assumed == 0);
            let needed = needed.and_then(|risk| Needed::new(labels(risk), careful(), n as u64 + 1));
            let more = match needed {
                _ if assumed > 0 => grade_first(assumed),
                None => format!("{last} is right in {} of these, so the number needed cannot be told", number(1.0 - risk)),
                Some(needed) => would_do(needed),
            };
            let why = format!(
                "{n} fixtures are too few to show that even {last}, always asked, is right in {} of the requests; {more}; it \
                 is in force without a promise",
                number(accuracy)
            );
            Conclusion { needed_n: needed, ..base(Status::Inconclusive, why) }
        }
    }
}

fn would_do(needed: Needed) -> String {
    format!("about {needed} labels would do")
}

fn grade_first(assumed: usize) -> String {
    format!("{assumed} of all rows have an answer without a grade, which counts as the worst it can be: grade those first")
}

/// The highest mean quality on these rows of any policy searched; of any choice among the tiers at all, where the search is wide.
/// `None` where rows have weights.
fn most_quality(ground: &Ground<'_>, over: Over<'_>) -> Option<f64> {
    let table = ground.table;
    if table.weights.is_some() || table.is_empty() {
        return None;
    }
    let best: u64 = if over.wide {
        let nano = |row: usize| table.tiers.iter().map(|tier| u64::from(tier.quality[row].nano())).max().unwrap_or(0);
        (0..table.len()).map(nano).sum()
    } else {
        let singles = table.tiers.iter().map(Column::total_quality);
        let pairs = (0..table.last()).flat_map(|first| (first + 1..table.tiers.len()).map(move |second| (first, second)));
        let cuts =
            pairs.map(|(first, second)| PairSweep::new(table, first, second).walk().map(|sums| sums.quality).max().unwrap_or(0));
        singles.chain(cuts).max().unwrap_or(0)
    };
    Some(best as f64 / 1e9 / table.len() as f64)
}

/// Whether "some policy reaches the accuracy" is rejected at a level. Every policy must be: that the best on these rows is
/// rejected says so of all, and costs nothing for there being many (an intersection–union test).
fn refutes(ground: &Ground<'_>, test: &Test<'_>, best: f64, accuracy: f64, level: f64) -> bool {
    let n = ground.table.len() as f64;
    match (test.kind, ground.labels) {
        (_, Labels::Ppi { .. }) => false,
        (TestKind::ExactBinomial, _) => {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of rows")]
            let right = (best * n).round() as u64;
            binomial::cdf(right, ground.table.len() as u64, accuracy) <= level
        }
        // Chernoff's bound holds for any values in [0, 1] and depends on their mean alone.
        _ if best < accuracy => {
            let term = |p: f64, q: f64| if p > 0.0 { p * (p / q).ln() } else { 0.0 };
            (-n * (term(best, accuracy) + term(1.0 - best, 1.0 - accuracy))).exp() <= level
        }
        _ => false,
    }
}

/// The fewest labels for a cut that saves at least half of what the best one saves whose observed loss is half the limit, and for all cuts
/// above it, which the walk has to pass first.
fn needed_for_loss(ground: &Ground<'_>, test: &Test<'_>, limit: f64, level: f64) -> Option<Needed> {
    let full = ground.prices.of(&Thresholds::always(ground.table.last()));
    let n = ground.table.len() as f64;
    if level < trinomial::LEAST_LEVEL {
        return None;
    }
    let mut cuts = Vec::new();
    for descent in &ground.descents {
        let (mut passed, mut with_care) = (Some(0), Some(0));
        let step = descent.len().div_ceil(PLANNED_CUTS).max(1);
        for at in (1..descent.len()).step_by(step) {
            let policy = descent.policy(at);
            let saving = full - ground.prices.of(&policy);
            let evidence = test.of_policy(&policy);
            let loss = test.estimate(&evidence);
            // As if one more row differed: no discordance at all would promise the impossible.
            let discordance = (test.discordance(&evidence) * n + 1.0) / (n + 1.0);
            let careful = plan::careful_loss(loss, test.discordance(&evidence), ground.table.len() as u64);
            let more = |passed: Option<u64>, (loss, discordance): (f64, f64)| {
                let needed = plan::n_loss(limit, loss.max(0.0), discordance.max(loss), level, POWER);
                passed.zip(needed).map(|(before, needed)| before.max(needed))
            };
            (passed, with_care) = (more(passed, (loss, discordance)), more(with_care, careful));
            if saving > 0.0 && loss <= 0.5 * limit {
                cuts.push((saving, passed, with_care));
            }
        }
    }
    let best = cuts.iter().map(|(saving, ..)| *saving).fold(0.0, f64::max);
    let worth = || cuts.iter().filter(|(saving, ..)| *saving >= 0.5 * best);
    let (from, to) = (worth().filter_map(|(_, n, _)| *n).min(), worth().filter_map(|(.., n)| *n).min());
    Needed::new(from, to, ground.table.len() as u64 + 1)
}
