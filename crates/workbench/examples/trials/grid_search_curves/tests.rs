//! The published curves, point for point, from the rows they were made of. Where the data is absent the tests say so and pass.

use std::collections::BTreeMap;
use std::path::Path;

use super::curve::{Curve, Shape};
use super::{curve, read};

/// List prices in USD per million tokens.
const PRICES: [(&str, f64); 5] =
    [("llama3.2-1b", 0.10), ("llama3.2-3b", 0.10), ("llama3.1-8b", 0.20), ("llama3.1-70b", 0.90), ("llama3.1-405b", 3.00)];

fn made(dataset: &str, chain: &[&str], shape: Shape) -> Option<Curve> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../../shared/data/zellinger_{dataset}.jsonl.gz"));
    if !path.exists() {
        println!("skipped: {} is not there", path.display());
        return None;
    }
    let prices: BTreeMap<String, f64> = PRICES.iter().map(|(model, price)| ((*model).to_owned(), *price)).collect();
    let (models, skipped) = read::read(&path, chain, "logprob_answer_token", &prices).expect("the file has these models");
    assert_eq!(skipped, 0);
    Some(curve(&models, shape).expect("the models have scores"))
}

fn close(found: (f64, f64), published: (f64, f64)) {
    assert!((found.0 - published.0).abs() < 1e-6 && (found.1 - published.1).abs() < 1e-6, "{found:?} is not {published:?}");
}

fn ends(dataset: &str, chain: &[&str], points: usize, cheapest: (f64, f64), dearest: (f64, f64)) {
    let Some(curve) = made(dataset, chain, Shape::OneSided) else { return };
    assert_eq!(curve.points.len(), points);
    close(curve.points[0].test, cheapest);
    close(curve.points[points - 1].test, dearest);
}

#[test]
fn curves_of_two_models_are_the_published_ones() {
    ends("mmlu", &["llama3.1-8b", "llama3.1-405b"], 30, (42.236_887, 0.636_185), (482.236_308, 0.847_812));
    ends("mmlu", &["llama3.1-70b", "llama3.1-405b"], 17, (177.912_809, 0.817_766), (428.858_770, 0.848_465));
    ends("medmcqa", &["llama3.1-70b", "llama3.1-405b"], 12, (172.084_860, 0.728), (387.712_854, 0.756));
}

#[test]
fn five_models_have_the_published_regressions_and_a_rising_curve() {
    let Some(curve) = made("mmlu", &PRICES.map(|(model, _)| model), Shape::OneSided) else { return };
    let published = [(-1.52728, 1.39829), (-0.77609, 0.71152), (-1.04591, 0.93906), (-0.62110, 0.54186), (-0.80993, 0.39591)];
    for ((intercept, slope), (a, b)) in curve.logits.iter().zip(published) {
        assert!((intercept - a).abs() < 5e-6 && (slope - b).abs() < 5e-6, "({intercept}, {slope}) is not ({a}, {b})");
    }
    assert_eq!(curve.cells, 40_usize.pow(4));
    assert!(curve.points.is_sorted_by(|a, b| a.expected.0 < b.expected.0 && a.expected.1 < b.expected.1));
}

#[test]
fn every_transform_makes_a_rising_curve_of_three_models() {
    for shape in [Shape::OneSided, Shape::TwoSided, Shape::None] {
        let Some(curve) = made("medmcqa", &["llama3.1-8b", "llama3.1-70b", "llama3.1-405b"], shape) else { return };
        assert!(curve.points.len() > 20 && curve.points.iter().all(|point| point.thresholds.len() == 2));
        assert!(curve.points.is_sorted_by(|a, b| a.expected.0 < b.expected.0 && a.expected.1 < b.expected.1));
    }
}
