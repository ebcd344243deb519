//! How many labelled examples promises need, from what a pilot shows.
//!
//! Nothing here is certified: cuts are chosen on the rows that they are counted on, so the numbers are a little too hopeful.

use serde::Serialize;
use tierfall_core::fusion::GateValue;

use crate::ask::Target;
use crate::certify::rows::{in_proportion, part};
use crate::observations::Observations;
use crate::procedure::FitError;
use crate::stat::plan::{self, Needed, POWER};
use crate::sweep::pair::{PairSweep, Sums};
use crate::table::Table;
use crate::view::View;

/// What `tierfall calibrate --plan --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Plan {
    /// Items of the pilot; `None` where there was none.
    pub n: Option<u64>,
    /// The error probability that is planned for, of all promises together.
    pub delta: f64,
    /// The probability with which a promise is to be had.
    pub power: f64,
    /// Margins on the loss against the last tier.
    pub margins: Vec<Margin>,
    /// Least shares of right answers.
    pub accuracies: Vec<Least>,
}

/// A margin on the loss against the last tier.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Margin {
    /// The most that may be lost.
    pub margin: f64,
    /// The tier before the last one; `None` where there was no pilot.
    pub tier: Option<String>,
    /// What is expected to be lost.
    pub loss: f64,
    /// Share of the requests on which the cascade and the last tier differ in being right.
    pub discordance: f64,
    /// Share of the requests that the tier answers.
    pub accepted: Option<f64>,
    /// Cost over always-last.
    pub cost_ratio: Option<f64>,
    /// Examples needed; `None` = no number.
    pub needed_n: Option<Needed>,
    /// Fewer are never enough, even if nothing is lost.
    pub floor_n: Option<u64>,
}

/// A least share of right answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Least {
    /// The share that is to be promised.
    pub accuracy: f64,
    /// A tier that could answer everything.
    pub tier: String,
    /// The share that it has.
    pub has: f64,
    /// Examples needed; `None` = no number.
    pub needed_n: Option<Needed>,
}

/// For margins without a pilot: where nothing is lost, and where half of the margin is.
pub fn without_pilot(margins: &[f64], discordance: f64, delta: f64) -> Plan {
    let rows = margins.iter().flat_map(|margin| [0.0, margin / 2.0].map(|loss| (*margin, loss)));
    let margins = rows.map(|(margin, loss)| Margin {
        margin,
        tier: None,
        loss,
        discordance,
        accepted: None,
        cost_ratio: None,
        needed_n: {
            let needed = plan::n_loss(margin, loss, discordance, delta, POWER);
            Needed::new(needed, needed, 0)
        },
        floor_n: plan::zero_loss_floor(margin, delta),
    });
    Plan { n: None, delta, power: POWER, margins: margins.collect(), accuracies: Vec::new() }
}

/// For margins and least accuracies, from a pilot. For each margin and each tier before the last one it takes the cheapest cut
/// that loses at most half of the margin there; `gates` are the gate values that each of those tiers may use. δ is shared by
/// the pairs, as certification shares it.
///
/// Where rows of the pilot have weights, what is lost is lost of the traffic, and as many more examples are planned for as the
/// weights make the pilot's rows worth less (Kish's design effect, n Σw² / (Σw)²).
pub fn with_pilot(
    observations: &Observations,
    gates: &[Vec<GateValue>],
    margins: &[f64],
    accuracies: &[f64],
    delta: f64,
) -> Result<Plan, FitError> {
    // Answers that are all the last tier's need no grade to lose nothing.
    let worst = observations.at_worst(Target::MaxLoss(0.0));
    if !accuracies.is_empty() || worst.basis().assumed > 0 {
        observations.all_graded()?;
    }
    let observations = &*worst;
    let all = View::all(observations).one_per_item();
    let names: Vec<String> = observations.tiers().map(|tier| tier.name.to_string()).collect();
    let share = delta / gates.len().max(1) as f64;
    let mut found: Vec<Vec<Option<Cheapest>>> = vec![vec![None; gates.len()]; margins.len()];
    // The tiers' gate values do not meet in a pair, so each table may have any value for the others.
    let most = gates.iter().map(Vec::len).max().unwrap_or(0);
    let mut shares = Vec::new();
    let effect = design_effect(&all);
    let n = all.len() as u64;
    let enlarged = |from: Option<u64>, to: Option<u64>| Needed::new(from, to, 0).map(|needed| needed.times(effect));
    for candidate in 0..most {
        let chosen: Vec<GateValue> = gates.iter().filter_map(|gates| gates.get(candidate).or(gates.last()).cloned()).collect();
        let rows = Table::new(&all, &chosen)?;
        let table = in_proportion(&rows).map_or(rows.borrowed(), |copies| part(&rows, &copies));
        if candidate == 0 {
            shares = (0..=table.last()).map(|tier| accuracy(&table, tier)).collect();
        }
        let last = Last::of(&table);
        for tier in 0..gates.len() {
            let sweep = PairSweep::new(&table, tier, table.last());
            for (found, margin) in found.iter_mut().zip(margins) {
                for sums in sweep.walk() {
                    let cut = Cheapest::of(&sums, &last);
                    if cut.loss <= margin / 2.0 && found[tier].as_ref().is_none_or(|best| cut.cheaper_than(best)) {
                        found[tier] = Some(cut);
                    }
                }
            }
        }
    }
    let row = |margin: f64, tier: usize, cut: Cheapest| Margin {
        margin,
        tier: Some(names[tier].clone()),
        loss: cut.loss,
        discordance: cut.discordance,
        accepted: Some(cut.accepted),
        cost_ratio: cut.cost_ratio,
        needed_n: {
            let (loss, discordance) = plan::careful_loss(cut.loss, cut.discordance, n);
            let labels = |loss: f64, discordance: f64| plan::n_loss(margin, loss.max(0.0), discordance, share, POWER);
            enlarged(labels(cut.loss, cut.discordance), labels(loss, discordance))
        },
        floor_n: plan::zero_loss_floor(margin, share),
    };
    let rows = found.into_iter().zip(margins).flat_map(|(tiers, margin)| {
        let tiers = tiers.into_iter().enumerate().filter_map(|(tier, cut)| Some((tier, cut?)));
        tiers.map(|(tier, cut)| row(*margin, tier, cut)).collect::<Vec<_>>()
    });
    let least = accuracies.iter().copied().flat_map(|accuracy| {
        names.iter().zip(&shares).map(move |(tier, has)| Least {
            accuracy,
            tier: tier.clone(),
            has: *has,
            needed_n: {
                let labels = |wrong: f64| plan::n_accuracy(1.0 - accuracy, wrong, share, POWER);
                enlarged(labels(1.0 - has), labels(plan::careful(1.0 - has, n)))
            },
        })
    });
    let (margins, accuracies) = (rows.collect(), least.collect());
    Ok(Plan { n: Some(n), delta, power: POWER, margins, accuracies })
}

/// How many rows with these weights are worth one without; 1 where no row has one.
fn design_effect(view: &View<'_>) -> f64 {
    let Some(weights) = view.observations().weights() else { return 1.0 };
    let (sum, squares) = view.rows().fold((0.0, 0.0), |(sum, squares), row| (sum + weights[row], squares + weights[row].powi(2)));
    if sum > 0.0 { view.len() as f64 * squares / (sum * sum) } else { 1.0 }
}

fn accuracy(table: &Table<'_>, tier: usize) -> f64 {
    table.tiers[tier].total_quality() as f64 / 1e9 / table.len().max(1) as f64
}

/// What always asking the last tier gives.
struct Last {
    n: f64,
    accuracy: f64,
    cost: Option<u128>,
}

impl Last {
    fn of(table: &Table<'_>) -> Self {
        Self {
            n: table.len().max(1) as f64,
            accuracy: accuracy(table, table.last()),
            cost: table.tiers[table.last()].total_cost().filter(|cost| *cost > 0),
        }
    }
}

/// The cheapest cut so far that loses little enough.
#[derive(Clone, Debug)]
struct Cheapest {
    loss: f64,
    discordance: f64,
    accepted: f64,
    cost_ratio: Option<f64>,
}

impl Cheapest {
    fn of(sums: &Sums, last: &Last) -> Self {
        Self {
            loss: last.accuracy - sums.quality as f64 / 1e9 / last.n,
            discordance: (sums.minus + sums.plus) as f64 / last.n,
            accepted: sums.accepted as f64 / last.n,
            cost_ratio: sums.cost.zip(last.cost).map(|(cost, last)| cost as f64 / last as f64),
        }
    }

    fn cheaper_than(&self, other: &Self) -> bool {
        match (self.cost_ratio, other.cost_ratio) {
            (Some(own), Some(others)) => own < others,
            _ => self.accepted > other.accepted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observations::{Builder, Cell, Row, TierSpec};
    use crate::quality::Quality;
    use tierfall_core::money::Money;
    use tierfall_core::number::Score;

    #[test]
    fn a_weighted_pilot_plans_for_the_traffic_and_for_what_weights_cost() {
        // Every tenth row, all of them ones that the small tier gets wrong for certain, stands for nine.
        let even = with_pilot(&pilot(|_| None), &[vec![gate("good")]], &[0.05], &[], 0.1).unwrap();
        let flat = with_pilot(&pilot(|_| Some(3.0)), &[vec![gate("good")]], &[0.05], &[], 0.1).unwrap();
        let heavy = with_pilot(&pilot(|n| Some(if n % 10 == 0 { 9.0 } else { 1.0 })), &[vec![gate("good")]], &[0.05], &[], 0.1);
        let needed = |plan: &Plan| plan.margins[0].needed_n.unwrap().from;
        assert_eq!(needed(&flat), needed(&even), "equal weights say nothing");
        assert!(needed(&heavy.unwrap()) > 2 * needed(&even), "the effect of these weights is 2.8");
    }

    /// `small` is right where its score is at least 0.3 and 1 in 10 elsewhere, `large` in all but 1 in 10.
    fn pilot(weight: impl Fn(u32) -> Option<f64>) -> Observations {
        let spec = |name: &str, signals: &[&str]| TierSpec {
            name: name.into(),
            signals: signals.iter().map(|signal| (*signal).into()).collect(),
            judge: None,
        };
        let mut table = Builder::new(vec![spec("small", &["good", "none"]), spec("large", &[])], "salt");
        let quality = |right: bool| if right { Quality::RIGHT } else { Quality::WRONG };
        for n in 0..1000_u32 {
            let score = f64::from(n * 617 % 1000) / 1000.0;
            let scores = [Score::new(score), Score::new(0.5)];
            let cell = |right, scores, cost| Cell { cost: Some(Money::from_pico(cost)), ..Cell::graded(quality(right), scores) };
            let cells = [cell(score >= 0.3 || n % 10 == 1, &scores[..], 1), cell(n % 10 != 0, &[][..], 10)];
            let id = n.to_string();
            let row = Row { id: &id, segment: None, stratum: None, group: None, weight: weight(n), tiers: &cells };
            table.push(&row).unwrap();
        }
        table.finish()
    }

    fn gate(signal: &str) -> GateValue {
        GateValue::Signal { signal: signal.to_owned(), negated: false }
    }

    #[test]
    fn wider_margins_need_fewer_examples_and_save_more() {
        let plan = with_pilot(&pilot(|_| None), &[vec![gate("good")]], &[0.01, 0.05, 0.2], &[0.85, 0.95], 0.1).unwrap();
        let needed: Vec<u64> = plan.margins.iter().filter_map(|row| Some(row.needed_n?.from)).collect();
        assert!(needed.len() == 3 && needed.is_sorted_by(|a, b| a > b), "{needed:?}");
        let costs: Vec<f64> = plan.margins.iter().filter_map(|row| row.cost_ratio).collect();
        assert!(costs.len() == 3 && costs.is_sorted_by(|a, b| a >= b), "{costs:?}");
        assert!(
            plan.margins.iter().all(|row| row.loss <= row.margin / 2.0 && row.needed_n.map(|needed| needed.from) >= row.floor_n)
        );
        let promised: Vec<bool> = plan.accuracies.iter().map(|row| row.needed_n.is_some()).collect();
        assert_eq!(promised, [false, true, false, false], "small is right in 73 %, large in 90 %");
    }

    #[test]
    fn the_best_of_several_gate_values_is_planned_with() {
        let one = with_pilot(&pilot(|_| None), &[vec![gate("good")]], &[0.05], &[], 0.1).unwrap();
        let two = with_pilot(&pilot(|_| None), &[vec![gate("none"), gate("good")]], &[0.05], &[], 0.1).unwrap();
        assert_eq!(one, two);
    }

    #[test]
    fn without_a_pilot_the_table_is_that_of_the_formulas() {
        let plan = without_pilot(&[0.02, 0.05], 0.05, 0.1);
        let needed: Vec<Option<u64>> = plan.margins.iter().map(|row| row.needed_n?.to).collect();
        assert_eq!(needed[0], plan::n_loss(0.02, 0.0, 0.05, 0.1, POWER));
        assert_eq!(needed[1], plan::n_loss(0.02, 0.01, 0.05, 0.1, POWER));
    }
}
