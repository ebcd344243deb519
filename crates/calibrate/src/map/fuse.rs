//! Several signals in one number, towards being right or towards what escalation would gain.

use tierfall_core::fusion::{FusedInput, Fusion};

use super::finite_range;
use super::logistic::{self, LogisticOptions};
use super::parametric::moments;
use super::transform::transform_for;
use crate::metric::{Sorted, auroc};
use crate::view::View;

/// What a fused score is to rank by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toward {
    /// That this tier's answer is right.
    Correctness,
    /// That escalating to the last tier gains nothing: benefit P(last right ∧ this wrong) less harm P(this right ∧ last wrong) is low.
    Benefit,
}
/// Rows of the rarer outcome that every column needs.
const ROWS_A_COLUMN: u64 = 10;

/// One signal's columns.
struct Candidate {
    /// Its weight and missing term are set by the fit.
    input: FusedInput,
    /// Raw scores, NaN where it abstained.
    raw: Vec<f64>,
    /// Standardised, 0 where it abstained.
    values: Vec<f64>,
    /// 1 where it abstained; `None` where it never did.
    missing: Option<Vec<f64>>,
}

impl Candidate {
    /// `None` where it says nothing: it never read a finite score, or one and the same everywhere without ever abstaining.
    fn new(label: &str, column: &[f64], rows: &[usize]) -> Option<Self> {
        let raw: Vec<f64> = rows.iter().map(|row| column[*row]).collect();
        let transform = transform_for(&raw);
        let read = || raw.iter().filter(|score| !score.is_nan()).map(|score| transform.apply(*score));
        let (low, high) = finite_range(read())?;
        let (mean, scale) = moments(&read().map(|z| z.clamp(low, high)).collect::<Vec<_>>());
        let unit = |score: &f64| if score.is_nan() { 0.0 } else { (transform.apply(*score).clamp(low, high) - mean) / scale };
        let values = raw.iter().map(unit).collect();
        let abstained = raw.iter().any(|score| score.is_nan());
        let missing = abstained.then(|| raw.iter().map(|score| f64::from(u8::from(score.is_nan()))).collect());
        let input = FusedInput { signal: label.to_owned(), transform, low, high, mean, scale, weight: 0.0, missing: 0.0 };
        (low < high || abstained).then_some(Self { input, raw, values, missing })
    }

    fn columns(&self) -> u64 {
        1 + u64::from(self.missing.is_some())
    }
}

/// Drops the signals that rank worst alone until there are at most `limit` columns.
fn keep_best(candidates: &mut Vec<Candidate>, event: &[bool], limit: u64) {
    let alone = |candidate: &Candidate| auroc(&Sorted::new(&*candidate.raw), |row| !event[row]).unwrap_or(0.5);
    let alone: Vec<f64> = candidates.iter().map(alone).collect();
    let mut best: Vec<usize> = (0..candidates.len()).collect();
    best.sort_by(|a, b| alone[*b].total_cmp(&alone[*a]));
    let mut left = limit;
    let mut kept = vec![false; candidates.len()];
    for at in best {
        if candidates[at].columns() <= left {
            left -= candidates[at].columns();
            kept[at] = true;
        }
    }
    let mut kept = kept.into_iter();
    candidates.retain(|_| kept.next().unwrap_or(false));
}

/// The ridge fit of the candidates, as a fusion of those that it uses.
fn regress(candidates: Vec<Candidate>, targets: &[f64], weights: Option<&[f64]>) -> Option<Fusion> {
    let values = candidates.iter().map(|candidate| candidate.values.as_slice());
    let columns: Vec<&[f64]> = values.chain(candidates.iter().filter_map(|candidate| candidate.missing.as_deref())).collect();
    let options = LogisticOptions { ridge: 1.0, non_negative: vec![true; candidates.len()] };
    let fitted = logistic::fit(&columns, targets, weights, &options)?;
    let (of_values, of_missing) = fitted.coefficients.split_at(candidates.len());
    let mut of_missing = of_missing.iter();
    let inputs = candidates.into_iter().zip(of_values).filter_map(|(candidate, weight)| {
        let missing = candidate.missing.and_then(|_| of_missing.next()).copied();
        let used = *weight > 0.0 || missing.is_some();
        used.then(|| FusedInput { weight: *weight, missing: missing.unwrap_or(0.0), ..candidate.input })
    });
    Some(Fusion { intercept: fitted.intercept, inputs: inputs.collect() })
}

/// Fits one score from several signals of `tier` on the rows of `view`, which must not be those that thresholds are certified on.
///
/// Ridge logistic regression (C = 1) on transformed, standardised scores; every signal is higher = surer, so no weight is below 0 and a signal
/// can never be used upside down in small data. One that abstains somewhere gets its own log-odds for that (mean imputation and indicator).
/// There is one column for every 10 rows of the rarer outcome at most: signals that rank worst alone are dropped first, and those that end
/// at weight 0 with nothing to say by abstaining are dropped after the fit. Rows where every signal abstained are left out.
///
/// The target is the quality of the answer, or towards benefit (1 − (next's quality − this one's)) / 2, which is 0 where
/// escalating gains, 1 where it harms, and ½ where both tiers are equally right *or equally wrong*. Quasi-likelihood fits the mean of such a target, so
/// the one linear score rises exactly as the expected gain, benefit − harm, falls: deferring the lowest scores first gains most
/// an escalation (Jitkrittum et al. 2023). A signal that only knows what is hard for both tiers is worth nothing there.
/// The rarer outcome is then the rarer of gaining and not gaining.
///
/// `None` where a signal is not there, where the rarer outcome was seen in too few rows for any, or where no signal has a weight above 0.
///
/// Graded quality is taken as it is. Rows weigh as [`Observations::weights`](crate::observations::Observations::weights) say.
pub fn fit(view: &View<'_>, tier: usize, signals: &[String], toward: Toward) -> Option<Fusion> {
    let observations = view.observations();
    let mut raw = Vec::with_capacity(signals.len());
    for signal in signals {
        let column = observations.scores(tier, signal)?;
        if raw.iter().all(|(label, _)| label != signal) {
            raw.push((signal.clone(), column));
        }
    }
    let rows: Vec<usize> = view.rows().filter(|row| raw.iter().any(|(_, column)| !column[*row].is_nan())).collect();
    let quality = |row: usize| observations.quality(tier)[row].get();
    let last = observations.quality(observations.tiers().len() - 1);
    let gain = |row: usize| last[row].get() - quality(row);
    let (targets, event): (Vec<f64>, Vec<bool>) = match toward {
        Toward::Correctness => rows.iter().map(|row| (quality(*row), quality(*row) < 0.5)).unzip(),
        Toward::Benefit => rows.iter().map(|row| (0.5 * (1.0 - gain(*row)), gain(*row) > 0.0)).unzip(),
    };
    let happened = event.iter().filter(|event| **event).count() as u64;
    let minority = happened.min(rows.len() as u64 - happened);
    let weights: Option<Vec<f64>> = observations.weights().map(|all| {
        let mean = rows.iter().map(|row| all[*row]).sum::<f64>() / rows.len() as f64;
        // At a mean of 1, so that the ridge is worth as many rows as without weights.
        rows.iter().map(|row| all[*row] / mean).collect()
    });
    let mut candidates: Vec<Candidate> = raw.iter().filter_map(|(label, column)| Candidate::new(label, column, &rows)).collect();
    keep_best(&mut candidates, &event, minority / ROWS_A_COLUMN);
    if candidates.is_empty() {
        return None;
    }
    let fusion = regress(candidates, &targets, weights.as_deref())?;
    fusion.inputs.iter().any(|input| input.weight > 0.0).then_some(fusion)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observations::{Builder, Cell, Observations, Row, TierSpec};
    use crate::quality::Quality;
    use crate::table::Table;
    use rand::rngs::ChaCha8Rng;
    use rand::{RngExt, SeedableRng};
    use tierfall_core::fusion::GateValue;
    use tierfall_core::number::Score;

    /// What a population draws for one row: scores of the first tier, and whether the two tiers are right.
    type Drawn = (Vec<Option<f64>>, bool, bool);

    fn observations(signals: &[&str], n: usize, seed: u64, mut draw: impl FnMut(&mut ChaCha8Rng) -> Drawn) -> Observations {
        let spec = |name: &str, signals: &[&str]| TierSpec {
            name: name.into(),
            signals: signals.iter().map(|s| (*s).into()).collect(),
            judge: None,
        };
        let mut observations = Builder::new(vec![spec("small", signals), spec("large", &[])], "salt");
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let grade = |right| if right { Quality::RIGHT } else { Quality::WRONG };
        for row in 0..n {
            let (scores, this, next) = draw(&mut rng);
            let scores: Vec<Option<Score>> = scores.into_iter().map(|score| score.and_then(Score::new)).collect();
            let tiers = [Cell::graded(grade(this), scores.as_slice()), Cell::graded(grade(next), &[])];
            let id = row.to_string();
            let row = Row { id: &id, segment: None, stratum: None, group: None, weight: None, tiers: &tiers };
            observations.push(&row).unwrap();
        }
        observations.finish()
    }

    fn names(signals: &[&str]) -> Vec<String> {
        signals.iter().map(|signal| (*signal).to_owned()).collect()
    }

    fn normal(rng: &mut ChaCha8Rng) -> f64 {
        (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt() * (std::f64::consts::TAU * rng.random::<f64>()).cos()
    }

    /// A quarter of the rows is beyond both tiers, a fifth is beyond the first alone. `hard` is low on the former, `subtle` on the latter.
    fn both_fail(rng: &mut ChaCha8Rng) -> Drawn {
        let kind: f64 = rng.random();
        let (this, next) = match kind {
            k if k < 0.25 => (false, false),
            k if k < 0.45 => (false, true),
            k if k < 0.47 => (true, false),
            _ => (true, true),
        };
        let hard = normal(rng) - if kind < 0.25 { 2.5 } else { 0.0 };
        let subtle = normal(rng) - if (0.25..0.45).contains(&kind) { 1.5 } else { 0.0 };
        (vec![Some(hard), Some(subtle)], this, next)
    }

    /// The least share of rows to escalate, lowest values first, for a mean quality of `target`.
    fn escalated(observations: &Observations, fusion: Fusion, target: f64) -> f64 {
        let view = View::all(observations);
        let table = Table::new(&view, &[GateValue::Fused(fusion)]).unwrap();
        let values = table.tiers[0].values.as_ref().unwrap();
        let mut order: Vec<usize> = (0..table.len()).collect();
        order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
        let quality = |tier: usize, row: usize| table.tiers[tier].quality[row].get();
        let mut sum: f64 = (0..table.len()).map(|row| quality(0, row)).sum();
        for (count, row) in order.iter().enumerate() {
            if sum >= target * table.len() as f64 {
                return count as f64 / table.len() as f64;
            }
            sum += quality(1, *row) - quality(0, *row);
        }
        1.0
    }

    #[test]
    fn where_both_tiers_fail_the_same_rows_benefit_escalates_less_at_equal_accuracy() {
        let signals = ["hard", "subtle"];
        let (train, test) = (observations(&signals, 2000, 1, both_fail), observations(&signals, 20_000, 2, both_fail));
        let fitted = |toward| fit(&View::all(&train), 0, &names(&signals), toward).unwrap();
        let (correctness, benefit) = (fitted(Toward::Correctness), fitted(Toward::Benefit));
        // The first tier alone is right on 55 %, escalating everything gives 73 %.
        for target in [0.62, 0.66, 0.70] {
            let (plain, less) = (escalated(&test, correctness.clone(), target), escalated(&test, benefit.clone(), target));
            println!("accuracy {target}: escalated {plain:.3} fitted to correctness, {less:.3} fitted to benefit");
            assert!(less < 0.75 * plain, "at {target}: {less} is not much below {plain}");
        }
    }

    /// The same difficulty decides for both tiers alike, so that both targets want the same.
    #[test]
    fn where_only_the_first_tier_fails_both_targets_agree() {
        let easy = |rng: &mut ChaCha8Rng| {
            let this = rng.random::<f64>() < 0.7;
            (vec![Some(normal(rng) + f64::from(u8::from(this)))], this, true)
        };
        let (train, test) = (observations(&["s"], 2000, 3, easy), observations(&["s"], 5000, 4, easy));
        let fitted = |toward| fit(&View::all(&train), 0, &names(&["s"]), toward).unwrap();
        let of = |toward| escalated(&test, fitted(toward), 0.9);
        assert!((of(Toward::Correctness) - of(Toward::Benefit)).abs() < 1e-12);
    }

    /// Two noisy readings of the same thing, one of which abstains at times, and one that is upside down.
    fn noisy(rng: &mut ChaCha8Rng) -> Drawn {
        let this = rng.random::<f64>() < 0.6;
        let of = f64::from(u8::from(this));
        let b = (rng.random::<f64>() < 0.7 + 0.2 * of).then_some(normal(rng) + of);
        (vec![Some(normal(rng) + of), b, Some(normal(rng) - of)], this, true)
    }

    #[test]
    fn two_signals_rank_better_than_one_and_none_is_used_upside_down() {
        let signals = ["a", "b", "down"];
        let (train, test) = (observations(&signals, 1000, 5, noisy), observations(&signals, 5000, 6, noisy));
        let fusion = fit(&View::all(&train), 0, &names(&signals), Toward::Correctness).unwrap();
        assert_eq!(GateValue::Fused(fusion.clone()).signals(), ["a", "b"]);
        // Held at 0 while the others were fitted, and not only left out afterwards.
        let without = fit(&View::all(&train), 0, &names(&["a", "b"]), Toward::Correctness).unwrap();
        for (with, without) in fusion.inputs.iter().zip(&without.inputs) {
            assert!((with.weight - without.weight).abs() < 1e-6, "{with:?} is not {without:?}");
        }
        assert!(fusion.inputs[1].missing < -0.2, "{fusion:?}");
        let right = |row: usize| test.quality(0)[row] == Quality::RIGHT;
        let table = Table::new(&View::all(&test), &[GateValue::Fused(fusion)]).unwrap();
        let fused = auroc(&Sorted::new(table.tiers[0].values.clone().unwrap()), right).unwrap();
        let alone = auroc(&Sorted::new(test.scores(0, "a").unwrap()), right).unwrap();
        assert!(fused > alone + 0.05, "{fused} against {alone}");
        assert_eq!(fit(&View::all(&train), 0, &names(&["down"]), Toward::Correctness), None);
    }

    #[test]
    fn few_rows_carry_few_signals() {
        let signals = ["a", "b", "down"];
        let train = observations(&signals, 60, 7, noisy);
        let wrong = train.quality(0).iter().filter(|q| **q == Quality::WRONG).count();
        assert!((10..30).contains(&wrong), "{wrong}");
        let fusion = fit(&View::all(&train), 0, &names(&["a", "down", "b"]), Toward::Correctness).unwrap();
        assert!(fusion.inputs.len() <= wrong / 10, "{fusion:?}");
        let handful = View::all(&train).filter(|row| row < 12);
        assert_eq!(fit(&handful, 0, &names(&signals), Toward::Correctness), None);
    }

    #[test]
    fn what_is_not_there_is_not_fused() {
        let train = observations(&["a", "b", "down"], 50, 8, noisy);
        for signals in [&["c"] as &[&str], &[]] {
            assert_eq!(fit(&View::all(&train), 0, &names(signals), Toward::Correctness), None);
        }
    }
}
