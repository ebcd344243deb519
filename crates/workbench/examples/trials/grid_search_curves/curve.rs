//! The grid-search cascades of Zellinger & Thomson (arXiv 2501.09345), section 4: confidences calibrated on the training rows, every
//! combination of quantile thresholds judged by *expected* correctness and cost on them, the Pareto set judged by what really was right
//! on the test rows.

use tierfall_calibrate::map::Read;
use tierfall_calibrate::map::parametric::logit;
use tierfall_calibrate::map::transform::{Scale, scale_for};
use tierfall_calibrate::observations::Basis;
use tierfall_calibrate::policy::Thresholds;
use tierfall_calibrate::quality::Quality;
use tierfall_calibrate::sweep::grid::Grid;
use tierfall_calibrate::table::{Column, Table};
use tierfall_core::map::{ScoreMap, Transform};
use tierfall_core::number::{Confidence, Score, Threshold};

/// What is known of one model on the rows of one part.
#[derive(Clone, Debug, Default)]
pub(crate) struct Part {
    /// Raw scores, NaN where there is none.
    pub(crate) scores: Vec<f64>,
    /// Grades in [0, 1].
    pub(crate) correct: Vec<f64>,
    /// Mean cost a query in USD.
    pub(crate) cost: f64,
}

/// One model of the chain.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) name: String,
    pub(crate) train: Part,
    pub(crate) test: Part,
}

/// What is done to scores before the logistic regression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    OneSided,
    TwoSided,
    None,
}

/// A point of the curve: the thresholds on calibrated confidence, and (USD per million queries, share right).
#[derive(Clone, Debug)]
pub(crate) struct OnCurve {
    pub(crate) thresholds: Vec<f64>,
    pub(crate) expected: (f64, f64),
    pub(crate) test: (f64, f64),
}

/// The curve, and what it was made with.
#[derive(Clone, Debug)]
pub(crate) struct Curve {
    /// Intercept and slope of every model's logistic regression.
    pub(crate) logits: Vec<(f64, f64)>,
    /// Combinations of thresholds.
    pub(crate) cells: usize,
    pub(crate) points: Vec<OnCurve>,
}

/// The curve of a chain, the cheapest model first.
pub(crate) fn curve(models: &[Model], shape: Shape) -> Result<Curve, String> {
    let mut logits = Vec::new();
    let (mut train, mut test) = (Vec::new(), Vec::new());
    for (ix, model) in models.iter().enumerate() {
        let model = &readable(model, shape);
        let map = map(model, shape)?;
        let ScoreMap::Platt { intercept, slope, .. } = map else { return Err("no logistic map".into()) };
        logits.push((intercept, slope));
        let gated = ix + 1 < models.len();
        let expected = confidences(&map, &model.train.scores);
        let right = mean(&model.train.correct);
        let quality = expected.iter().map(|confidence| if confidence.is_nan() { right } else { *confidence });
        train.push(column(model, &model.train, gated.then(|| expected.clone()), &quality.collect::<Vec<_>>())?);
        let values = gated.then(|| confidences(&map, &model.test.scores));
        test.push(column(model, &model.test, values, &model.test.correct)?);
    }
    let axes = train.iter().filter_map(|column| column.values.as_deref()).map(axis).collect();
    let (train, test) = (table(train), table(test));
    let chain: Vec<usize> = (0..models.len()).collect();
    let grid = Grid::new(&train, &chain, axes).ok_or("a cost is unknown, or there are too many cuts")?;
    let train_costs: Vec<f64> = models.iter().map(|model| model.train.cost).collect();
    let test_costs: Vec<f64> = models.iter().map(|model| model.test.cost).collect();
    let points = grid.frontier().into_iter().map(|cell| {
        let policy = cell.what;
        let thresholds = policy.cuts().iter().map(|cut| match cut {
            Threshold::AcceptFrom { score, .. } => score.get().next_down(),
            Threshold::DeferAll => f64::INFINITY,
        });
        OnCurve {
            thresholds: thresholds.collect(),
            expected: judged(&policy, &train, &train_costs),
            test: judged(&policy, &test, &test_costs),
        }
    });
    Ok(Curve { logits, cells: grid.cells(), points: points.collect() })
}

/// The model with scores that the transform reads: the one-sided one reads logarithms of probabilities.
fn readable(model: &Model, shape: Shape) -> Model {
    let mut model = model.clone();
    if shape == Shape::OneSided && scale_for(&model.train.scores) == Some(Scale::Probability) {
        for score in model.train.scores.iter_mut().chain(&mut model.test.scores) {
            *score = score.ln();
        }
    }
    model
}

/// Plain logistic regression of correctness on (1, z), on the training rows.
fn map(model: &Model, shape: Shape) -> Result<ScoreMap, String> {
    let transform = match (shape, scale_for(&model.train.scores)) {
        (Shape::None, _) => Transform::Identity,
        (Shape::OneSided, Some(_)) => Transform::NegLogComplement,
        (Shape::TwoSided, Some(Scale::LogProbability)) => Transform::TwoSidedLog,
        (Shape::TwoSided, Some(Scale::Probability)) => Transform::TwoSided,
        (_, None) => {
            return Err(format!(
                "the scores of \"{}\" are no probabilities, nor logarithms of some: use --transform none",
                model.name
            ));
        }
    };
    let read = Read::new(&model.train.scores, model.train.correct.iter().copied());
    read.and_then(|read| logit(read, transform)).ok_or_else(|| {
        format!("nothing to fit for \"{}\": its training rows need scores, right answers and wrong ones", model.name)
    })
}

fn confidences(map: &ScoreMap, scores: &[f64]) -> Vec<f64> {
    let confidence = |score: &f64| Score::new(*score).and_then(|score| map.confidence(score)).map_or(f64::NAN, Confidence::get);
    scores.iter().map(confidence).collect()
}

/// A column whose rows all cost the mean.
fn column(model: &Model, part: &Part, values: Option<Vec<f64>>, quality: &[f64]) -> Result<Column<'static>, String> {
    let grade = |q: &f64| Quality::new(*q).ok_or_else(|| format!("\"{}\" has a grade of {q}, outside [0, 1]", model.name));
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cost of one query in pico-USD")]
    let pico = (part.cost * 1e12).round() as u64;
    Ok(Column {
        name: model.name.as_str().into(),
        values: values.map(Into::into),
        partial: None,
        quality: quality.iter().map(grade).collect::<Result<_, _>>()?,
        cost: Some(vec![pico; quality.len()].into()),
        latency: None,
    })
}

fn table(tiers: Vec<Column<'static>>) -> Table<'static> {
    // Thresholds between values leave no ties to break.
    let rows = tiers.first().map_or(0, |tier| tier.quality.len());
    Table { tiers, ties: vec![0.0; rows].into(), weights: None, basis: Basis::default() }
}

/// The quantiles 0.01, 0.035, … below 0.99 of the training confidences; an answer is accepted *above* one.
fn axis(confidences: &[f64]) -> Vec<Threshold> {
    let mut sorted: Vec<f64> = confidences.iter().copied().filter(|confidence| !confidence.is_nan()).collect();
    sorted.sort_by(f64::total_cmp);
    let probabilities = (0..).map(|step| 0.01 + 0.025 * f64::from(step)).take_while(|p| *p < 0.99);
    probabilities.filter_map(|p| Score::new(quantile(&sorted, p).next_up())).map(Threshold::accept_from).collect()
}

/// Linear between neighbours (type 7 of Hyndman & Fan).
fn quantile(sorted: &[f64], p: f64) -> f64 {
    let place = p * (sorted.len().saturating_sub(1)) as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in the list")]
    let below = place as usize;
    let (low, high) = (sorted[below], sorted[(below + 1).min(sorted.len() - 1)]);
    low + (high - low) * place.fract()
}

/// (USD per million queries, share right): the mean cost of every model times the share of rows that reach it.
fn judged(policy: &Thresholds, table: &Table<'_>, costs: &[f64]) -> (f64, f64) {
    let tally = policy.tally(table);
    let cost: f64 = tally.reached.iter().zip(costs).map(|(reached, cost)| *reached as f64 / tally.n as f64 * cost * 1e6).sum();
    (cost, tally.accuracy())
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}
