//! Frontiers of small cascades.

use serde_json::Value;
use tierfall_calibrate::observations::Basis;
use tierfall_calibrate::policy::Thresholds;
use tierfall_calibrate::quality::Quality;
use tierfall_calibrate::sweep::grid::Grid;
use tierfall_calibrate::sweep::path::of_chain;
use tierfall_calibrate::table::{Column, Table};
use tierfall_core::number::{Score, Threshold};

use crate::reference::{block, cases, close, count, number, numbers};

/// Without ties: equal scores are accepted or deferred together.
fn table(case: &Value) -> Table<'static> {
    let (scores, quality) = (rows(case, "scores"), rows(case, "quality"));
    let column = |(tier, cost): (usize, f64)| Column {
        name: format!("tier-{tier}").into(),
        values: scores[0].get(tier).map(|_| scores.iter().map(|row| row[tier]).collect()),
        partial: None,
        quality: quality.iter().map(|row| Quality::new(row[tier]).expect("a grade")).collect(),
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole costs")]
        cost: Some(vec![cost as u64; quality.len()].into()),
        latency: None,
    };
    let tiers = numbers(case, "tier_cost").into_iter().enumerate().map(column).collect();
    Table { tiers, ties: vec![0.0; quality.len()].into(), weights: None, basis: Basis::default() }
}

fn rows(case: &Value, key: &str) -> Vec<Vec<f64>> {
    let row = |row: &Value| row.as_array().expect("a row").iter().map(|value| value.as_f64().expect("a number")).collect();
    cases(case, key).iter().map(row).collect()
}

#[test]
fn frontiers_over_all_cuts() {
    let Some(block) = block("cascade_toy") else { return };
    for case in cases(&block, "cases") {
        let (table, n) = (table(case), count(case, "N") as f64);
        let chain: Vec<usize> = (0..table.tiers.len()).collect();
        let frontier: Vec<(u128, u64)> = Grid::quantiles(&table, &chain, usize::MAX)
            .unwrap()
            .frontier()
            .iter()
            .map(|cell| (cell.cost, cell.quality))
            .collect();
        let theirs = cases(case, "pareto_frontier");
        assert_eq!(frontier.len(), theirs.len());
        for ((cost, quality), point) in frontier.iter().zip(theirs) {
            close(*cost as f64 / n, number(point, "cost"), 1e-12, "cost");
            close(*quality as f64 / 1e9 / n, number(point, "quality"), 1e-12, "quality");
        }
        for point in theirs {
            // Their cut escalates below it, or always where it is null.
            let cut = |t: &Value| t.as_f64().map_or(Threshold::DeferAll, |t| Threshold::accept_from(Score::new(t).unwrap()));
            let cuts = point["t"].as_array().unwrap().iter().map(cut).collect();
            let tally = Thresholds::new(chain.clone(), cuts).unwrap().tally(&table);
            close(tally.accuracy(), number(point, "quality"), 1e-12, "quality of their cuts");
            close(tally.cost_usd().unwrap() * 1e12, number(point, "cost"), 1e-12, "cost of their cuts");
        }
        let searched: Vec<_> = of_chain(&table, &chain).unwrap().iter().map(|point| (point.cost, point.quality)).collect();
        assert_eq!(searched, frontier);
    }
}
