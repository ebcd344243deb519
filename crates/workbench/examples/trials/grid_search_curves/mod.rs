//! The cost–accuracy curve of a cascade by grid search over calibrated confidences, as Zellinger & Thomson make it (arXiv 2501.09345).
//!
//! `cargo run --release -p tierfall-workbench --example trials -- grid-search-curves FILE CHAIN SIGNAL [--transform one-sided|two-sided|none] [--cost MODEL=USD]…`
//!
//! FILE is in the observations form, `.gz` or not; CHAIN names models, the cheapest first, as in `small,large`; SIGNAL is a key of
//! `confidence`. `--cost` is a price in USD per million tokens; without it the costs of the rows count.
#![expect(clippy::print_stdout, reason = "a program that prints a table")]

mod curve;
mod read;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use curve::{Curve, Model, Shape, curve};

const USAGE: &str =
    "grid_search_curves FILE CHAIN SIGNAL [--transform one-sided|two-sided|none] [--cost MODEL=USD_PER_MILLION_TOKENS]…";

/// Makes a curve, and prints it.
pub(crate) fn trial(args: Vec<String>) -> Result<bool, String> {
    let (mut plain, mut shape, mut prices) = (Vec::new(), Shape::OneSided, BTreeMap::new());
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value\n{USAGE}"));
        match arg.as_str() {
            "--transform" => {
                shape = match value()?.as_str() {
                    "one-sided" => Shape::OneSided,
                    "two-sided" => Shape::TwoSided,
                    "none" => Shape::None,
                    other => return Err(format!("there is no transform \"{other}\"\n{USAGE}")),
                }
            }
            "--cost" => {
                let price = value()?;
                let parsed = price.split_once('=').and_then(|(model, usd)| Some((model.to_owned(), usd.parse::<f64>().ok()?)));
                prices.extend([parsed.ok_or(format!("\"{price}\" is no MODEL=USD\n{USAGE}"))?]);
            }
            _ => plain.push(arg),
        }
    }
    let [file, chain, signal] = &plain[..] else { return Err(USAGE.to_owned()) };
    let chain: Vec<&str> = chain.split(',').collect();
    let (models, skipped) = read::read(Path::new(file), &chain, signal, &prices)?;
    print(&models, skipped, &curve(&models, shape)?);
    Ok(true)
}

fn print(models: &[Model], skipped: usize, curve: &Curve) {
    let rows = |part: &curve::Part| part.correct.len();
    println!("{} training rows, {} test rows, {skipped} left out", rows(&models[0].train), rows(&models[0].test));
    println!("\n{:<32} {:>10} {:>10} {:>18} {:>18}", "model", "intercept", "slope", "train USD/million", "test USD/million");
    for (model, (intercept, slope)) in models.iter().zip(&curve.logits) {
        let usd = |part: &curve::Part| part.cost * 1e6;
        println!("{:<32} {intercept:>10.5} {slope:>10.5} {:>18.6} {:>18.6}", model.name, usd(&model.train), usd(&model.test));
    }
    println!("\n{} points of {} combinations", curve.points.len(), curve.cells);
    println!(
        "{:>18} {:>18} {:>16} {:>13}   accept above",
        "expected USD/mill.", "expected accuracy", "test USD/mill.", "test accuracy"
    );
    for point in &curve.points {
        let thresholds: Vec<String> = point.thresholds.iter().map(|t| format!("{t:.6}")).collect();
        let ((cost, right), (test_cost, test_right)) = (point.expected, point.test);
        println!("{cost:>18.6} {right:>18.6} {test_cost:>16.6} {test_right:>13.6}   {}", thresholds.join(" "));
    }
}
