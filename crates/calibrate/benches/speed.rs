//! How fast thresholds are searched, beside a reference in the same run: `cargo bench -p tierfall-calibrate --bench speed`.
#![expect(clippy::print_stdout, reason = "a benchmark prints its table")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;
use tierfall_calibrate::observations::Basis;
use tierfall_calibrate::quality::Quality;
use tierfall_calibrate::sweep::chains::subchains;
use tierfall_calibrate::sweep::exact3::Triple;
use tierfall_calibrate::sweep::grid::Grid;
use tierfall_calibrate::sweep::pair::PairSweep;
use tierfall_calibrate::table::{Column, Table};

fn main() {
    println!("{} threads", rayon::current_num_threads());
    pairs();
    grids();
    triples();
}

/// The shortest of `runs` runs.
fn best<T>(runs: usize, mut run: impl FnMut() -> T) -> Duration {
    (0..runs).map(|_| once(&mut run)).min().unwrap_or_default()
}

fn once<T>(mut run: impl FnMut() -> T) -> Duration {
    #[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
    let start = Instant::now();
    black_box(run());
    start.elapsed()
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Gate values, grades and costs of a tier.
type Columns = (Vec<f64>, Vec<Quality>, Vec<u64>);

/// A chain whose scores and grades go together, costs that grow fivefold a tier and differ by row.
fn table(rows: usize, tiers: usize, atoms: f64) -> Table<'static> {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    let mut columns: Vec<Columns> = vec![Columns::default(); tiers];
    let mut tie_breaks = Vec::with_capacity(rows);
    for _ in 0..rows {
        let hard: f64 = rng.random();
        tie_breaks.push(rng.random());
        for (tier, (values, quality, cost)) in columns.iter_mut().enumerate() {
            let able = (0.4 + 0.12 * tier as f64 + 0.4 * (1.0 - hard)).min(0.98);
            let value = if rng.random::<f64>() < atoms { 0.0 } else { (able + 0.3 * (rng.random::<f64>() - 0.5)).ln() };
            values.push(value);
            quality.push(if rng.random::<f64>() < able { Quality::RIGHT } else { Quality::WRONG });
            cost.push(5_u64.pow(u32::try_from(tier).unwrap_or(0)) * rng.random_range(80_000_000..120_000_000));
        }
    }
    let column = |(tier, (values, quality, cost)): (usize, Columns)| Column {
        name: format!("tier-{tier}").into(),
        values: (tier + 1 < tiers).then(|| values.into()),
        partial: None,
        quality: quality.into(),
        cost: Some(cost.into()),
        latency: None,
    };
    Table {
        tiers: columns.into_iter().enumerate().map(column).collect(),
        ties: tie_breaks.into(),
        weights: None,
        basis: Basis::default(),
    }
}

/// Two tiers: every distinct cut, and the cheapest that loses at most 2 points.
fn pairs() {
    println!("\ntwo tiers, every cut, cheapest policy that loses at most 2 points");
    println!("parallel sort: rayon's of the scores alone, and of (score, tie), which is the order that a gate decides by");
    println!(
        "{:>9} {:>6} {:>12} {:>14} {:>7} {:>19} {:>7}",
        "rows", "atoms", "search", "of scores", "ratio", "of (score, tie)", "ratio"
    );
    for rows in [10_000, 100_000, 1_000_000] {
        for atoms in [0.0, 0.5] {
            let table = table(rows, 2, atoms);
            let runs = if rows < 1_000_000 { 50 } else { 25 };
            let scores = table.tiers[0].values.as_deref().unwrap_or_default();
            let [mut search, mut sort, mut paired] = [Duration::MAX; 3];
            // In turns, so that other load on the machine falls on all three alike.
            for _ in 0..runs {
                search = search.min(once(|| optimum(&table)));
                sort = sort.min(once(|| {
                    let mut scores = scores.to_vec();
                    scores.par_sort_unstable_by(f64::total_cmp);
                    scores
                }));
                paired = paired.min(once(|| {
                    let mut pairs: Vec<(f64, f64)> = scores.iter().copied().zip(table.ties.iter().copied()).collect();
                    pairs.par_sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
                    pairs
                }));
            }
            let ratio = |reference: Duration| search.as_secs_f64() / reference.as_secs_f64();
            println!(
                "{rows:>9} {:>5}% {:>9.2} ms {:>11.2} ms {:>7.2} {:>16.2} ms {:>7.2}",
                atoms * 100.0,
                ms(search),
                ms(sort),
                ratio(sort),
                ms(paired),
                ratio(paired)
            );
        }
    }
}

fn optimum(table: &Table<'_>) -> Option<usize> {
    let sweep = PairSweep::new(table, 0, 1);
    let floor = sweep.walk().next()?.quality.saturating_sub(20_000_000 * table.len() as u64);
    // Every further accepted row costs less.
    sweep.walk().filter(|sums| sums.quality >= floor).last().map(|sums| sums.at)
}

/// Five tiers, 40 cuts a gate: every combination, and those of every sub-chain.
fn grids() {
    println!(
        "\nfrontier over all combinations of cuts; the published Python search of the first size takes 667 s (arXiv 2501.09345)"
    );
    println!(
        "{:>6} {:>8} {:>7} {:>11} {:>13} {:>10} {:>26}",
        "tiers", "per axis", "rows", "cells", "search", "cells/s", "with all sub-chains"
    );
    for (tiers, size, rows) in [(5, 40, 1_500), (5, 40, 100_000), (3, 256, 100_000), (4, 64, 1_500), (5, 64, 1_500)] {
        let table = table(rows, tiers, 0.2);
        let chain: Vec<usize> = (0..tiers).collect();
        let search = |chain: &[usize]| Grid::quantiles(&table, chain, size).map(|grid| grid.frontier().len());
        let cells = Grid::quantiles(&table, &chain, size).map_or(0, |grid| grid.cells());
        let time = best(7, || search(&chain));
        let all = best(3, || subchains(tiers, tiers).iter().map(|chain| search(chain)).collect::<Option<Vec<_>>>());
        let rate = cells as f64 / time.as_secs_f64() / 1e6;
        println!("{tiers:>6} {size:>8} {rows:>7} {cells:>11} {:>10.1} ms {rate:>8.0} M {:>23.1} ms", ms(time), ms(all));
    }
}

/// Three tiers: the best of all pairs of cuts at one price of quality.
fn triples() {
    println!("\nthree tiers, exact over all pairs of cuts; the reference sorts the scores of both gates in parallel");
    println!("{:>9} {:>16} {:>14} {:>12}", "rows", "pairs of cuts", "one price", "two sorts");
    for rows in [1_000, 10_000, 100_000, 1_000_000] {
        let table = table(rows, 3, 0.2);
        let Some(triple) = Triple::new(&table, [0, 1, 2]) else { continue };
        let runs = if rows < 1_000_000 { 5 } else { 1 };
        let price = best(runs, || triple.trade(1, 1));
        let sorts = best(runs, || {
            let sorted = |tier: usize| {
                let mut scores = table.tiers[tier].values.as_deref().unwrap_or_default().to_vec();
                scores.par_sort_unstable_by(f64::total_cmp);
                scores
            };
            (sorted(0), sorted(1))
        });
        println!("{rows:>9} {:>16.1e} {:>11.1} ms {:>9.1} ms", (rows as f64).powi(2), ms(price), ms(sorts));
    }
}
