//! Published numbers, made again from the rows of real models that are kept beside the repository. Where they are absent the tests
//! say so and pass.

#![expect(clippy::panic, clippy::print_stdout, reason = "a changed data file fails the tests, a missing one is told")]

mod fused;

use std::io::{BufRead, BufReader};
use std::path::Path;

use flate2::read::GzDecoder;
use serde_json::Value;
use tierfall_calibrate::map::baseline::against;
use tierfall_calibrate::map::parametric::{logit, platt};
use tierfall_calibrate::map::{Read, recommended, transform_for};
use tierfall_calibrate::metric::{BINS, Sorted, auroc, brier, ece, is_right, reliability};
use tierfall_core::map::{ScoreMap, Transform};
use tierfall_core::number::{Confidence, Score};

/// The rows of a file; `None`, having said so, where it is absent.
fn rows(file: &str) -> Option<Vec<Value>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(file);
    let Ok(open) = std::fs::File::open(&path) else {
        println!("skipped: no {}", path.display());
        return None;
    };
    let lines = BufReader::new(GzDecoder::new(open)).lines();
    let parsed = lines.map(|line| line.ok().and_then(|line| serde_json::from_str(&line).ok()));
    Some(parsed.map(|row| row.unwrap_or_else(|| panic!("{file} is not JSON lines"))).collect())
}

/// Scores and grades of one signal of one tier; NaN where it abstained, −∞ for the −1e9 that stands for it.
fn signal(rows: &[Value], tier: &str, signal: &str) -> (Vec<f64>, Vec<f64>) {
    let of = |row: &Value| {
        let cell = &row["tiers"][tier];
        let score = cell["confidence"][signal].as_f64().unwrap_or(f64::NAN);
        (if score <= -1e9 { f64::NEG_INFINITY } else { score }, cell["correct"].as_f64().unwrap_or(f64::NAN))
    };
    rows.iter().map(of).filter(|(_, correct)| !correct.is_nan()).unzip()
}

#[test]
fn areas_under_the_curve_are_the_published_ones() {
    for (file, tier, name, published) in [
        ("zellinger_mmlu.jsonl.gz", "gpt-4o-mini", "logprob_answer_token", 0.818),
        ("zellinger_mmlu.jsonl.gz", "qwen2.5-72b-instruct", "logprob_answer_token", 0.831),
        ("lifeeval_boolq.jsonl.gz", "claude-3-haiku-20240307", "verbalized", 0.573),
        ("lifeeval_boolq.jsonl.gz", "Meta-Llama-3.1-8B-Instruct", "token_prob_chosen", 0.643),
    ] {
        let Some(rows) = rows(file) else { return };
        let (scores, right) = signal(&rows, tier, name);
        let Some(area) = auroc(&Sorted::new(scores), |row| is_right(right[row])) else {
            panic!("{tier} is all right or all wrong")
        };
        println!("{tier} {name}: AUROC {area:.4}, published {published}");
        assert!((area - published).abs() <= 0.000_5, "{tier}: {area}");
    }
}

/// Zellinger & Thomson (arXiv 2501.09345): unregularised logistic regression on the one-sided transform, fitted on the training split.
#[test]
fn published_coefficients_come_out() {
    let Some(mut rows) = rows("zellinger_mmlu.jsonl.gz") else { return };
    rows.retain(|row| row["split"] == "train");
    for (tier, intercept, slope) in [
        ("llama3.2-1b", -1.52728, 1.39829),
        ("llama3.2-3b", -0.77609, 0.71152),
        ("llama3.1-8b", -1.04591, 0.93906),
        ("llama3.1-70b", -0.62110, 0.54186),
        ("llama3.1-405b", -0.80993, 0.39591),
    ] {
        let (scores, right) = signal(&rows, tier, "logprob_answer_token");
        let map = Read::new(&scores, right).and_then(|read| logit(read, Transform::NegLogComplement));
        let Some(ScoreMap::Platt { intercept: a, slope: b, .. }) = map else { panic!("{map:?}") };
        println!("{tier}: {a:.5} {b:.5}, published {intercept} {slope}");
        assert!((a - intercept).abs() < 2e-5 && (b - slope).abs() < 2e-5, "{tier}: {a} {b}");
    }
}

/// What maps are for: on rows that they were not fitted on, confidences beat the raw probability and the base rate.
#[test]
fn fitted_confidences_beat_raw_ones_on_other_rows() {
    let Some(rows) = rows("zellinger_mmlu.jsonl.gz") else { return };
    for tier in ["llama3.1-8b", "qwen2.5-72b-instruct", "gpt-4o-mini", "gpt-4o"] {
        let of = |split: &str| {
            let rows: Vec<Value> = rows.iter().filter(|row| row["split"] == split).cloned().collect();
            signal(&rows, tier, "logprob_answer_token")
        };
        let ((scores, right), (test, truth)) = (of("train"), of("test"));
        assert_eq!(transform_for(&scores), Transform::NegLogComplement);
        let Some(read) = Read::new(&scores, right.iter().copied()) else { panic!("{tier} has too few rows") };
        let fitted = platt(read.clone(), Transform::NegLogComplement);
        assert_eq!(recommended(read, None), fitted);
        let Some(map) = fitted else { panic!("nothing was fitted to {tier}") };
        let shown = |score: &f64| Score::new(*score).and_then(|s| map.confidence(s)).map_or(f64::NAN, Confidence::get);
        let (fitted, raw): (Vec<f64>, Vec<f64>) = test.iter().map(|score| (shown(score), score.exp())).unzip();
        let base = vec![right.iter().sum::<f64>() / right.len() as f64; truth.len()];
        let told = |c: Vec<f64>| {
            let brier = brier(c.iter().copied().zip(truth.iter().copied()).filter(|(c, _)| !c.is_nan()));
            (brier, ece(&reliability(&c, |row| truth[row], BINS)))
        };
        let [fitted, raw, base] = [fitted, raw, base].map(told);
        println!("{tier}: Brier {:?} fitted, {:?} raw, {:?} base rate; ECE {:?}", fitted.0, raw.0, base.0, fitted.1);
        assert!(fitted.0 < raw.0 && fitted.0 < base.0, "{tier}");
        assert!(fitted.1 < raw.1, "{tier}");
    }
}

/// What a signal is worth depends on what it is asked for: being right, or what escalation would gain.
#[test]
fn signals_stand_beside_the_length_of_the_answer() {
    let Some(rows) = rows("lifeeval_boolq.jsonl.gz") else { return };
    let tier = "claude-3-haiku-20240307";
    let length: Vec<f64> = rows.iter().map(|row| row["tiers"][tier]["output_tokens"].as_f64().unwrap_or(f64::NAN)).collect();
    let (scores, right) = signal(&rows, tier, "verbalized");
    assert_eq!(length.len(), scores.len());
    let (sorted, of_length, label) = (Sorted::new(scores), Sorted::new(length), |row: usize| is_right(right[row]));
    let Some(against) = against(&sorted, &of_length, label) else { panic!("{tier} is all right or all wrong") };
    println!("{tier} verbalized against length: {against:?}; length AUROC {:?}", auroc(&of_length, label));
    assert!((against.signal - 0.573).abs() < 0.01);
}
