//! Logistic regression by projected Newton steps: ridge or none, some coefficients held at 0 or above.

use rayon::prelude::*;

/// How to fit.
#[derive(Clone, Debug, Default)]
pub struct LogisticOptions {
    /// λ in Σ loss + λ/2 · Σ wⱼ², the intercept left out: 1/C in scikit-learn's terms. 0 = plain maximum likelihood.
    pub ridge: f64,
    /// By column: whether its coefficient must not be negative. Columns beyond its end are free.
    pub non_negative: Vec<bool>,
}

/// P(1 | x) = σ(intercept + Σ coefficientⱼ · xⱼ).
#[derive(Clone, Debug, PartialEq)]
pub struct Logistic {
    /// The log-odds at 0.
    pub intercept: f64,
    /// One a column.
    pub coefficients: Vec<f64>,
    /// Whether the gradient vanished; it cannot where one column separates the targets and there is no ridge.
    pub converged: bool,
}

const STEPS: usize = 100;

/// The penalised maximum-likelihood fit of targets in [0, 1], fractions included (quasi-likelihood: the mean of the target is modelled,
/// Papke & Wooldridge 1996). `weights` default to 1.
///
/// Projected Newton (Bertsekas 1982): coefficients at their bound whose gradient pushes outwards are held there, the others take
/// a Newton step that is halved until the loss falls enough. `None` without rows, or where a column, target or weight is no finite number
/// or a column has another length.
pub fn fit<C: AsRef<[f64]>>(
    columns: &[C],
    targets: &[f64],
    weights: Option<&[f64]>,
    options: &LogisticOptions,
) -> Option<Logistic> {
    let columns: Vec<&[f64]> = columns.iter().map(AsRef::as_ref).collect();
    let all = columns.iter().copied().chain([targets]).chain(weights);
    if targets.is_empty() || all.into_iter().any(|c| c.len() != targets.len() || c.iter().any(|v| !v.is_finite())) {
        return None;
    }
    let problem = Problem { columns, targets, weights, options };
    let start = problem.start().unwrap_or_else(|| vec![0.0; problem.columns.len() + 1]);
    let (mut at, converged) = problem.descend(start);
    let coefficients = at.split_off(1);
    Some(Logistic { intercept: at[0], coefficients, converged })
}

/// Loss, gradient and the lower half of the Hessian at a point.
struct Local {
    loss: f64,
    gradient: Vec<f64>,
    hessian: Vec<Vec<f64>>,
}

struct Problem<'a> {
    columns: Vec<&'a [f64]>,
    targets: &'a [f64],
    weights: Option<&'a [f64]>,
    options: &'a LogisticOptions,
}

impl Problem<'_> {
    /// Whether parameter `j` (0 = the intercept) must not be negative.
    fn bounded(&self, j: usize) -> bool {
        j > 0 && self.options.non_negative.get(j - 1).copied().unwrap_or(false)
    }

    fn total(&self) -> f64 {
        self.weights.map_or(self.targets.len() as f64, |weights| weights.iter().sum())
    }

    /// Where to start with very many rows: the fit of a few of them, which is close and costs little.
    fn start(&self) -> Option<Vec<f64>> {
        const MANY: usize = 100_000;
        const FEW: usize = 10_000;
        let n = self.targets.len();
        if n < MANY {
            return None;
        }
        let chosen = |row: usize| scattered(row).is_multiple_of((n / FEW) as u64);
        let pick = |column: &[f64]| -> Vec<f64> {
            column.iter().enumerate().filter(|(row, _)| chosen(*row)).map(|(_, value)| *value).collect()
        };
        let columns: Vec<Vec<f64>> = self.columns.iter().map(|column| pick(column)).collect();
        let weights = self.weights.map(pick);
        let few = fit(&columns, &pick(self.targets), weights.as_deref(), self.options)?;
        few.converged.then(|| [vec![few.intercept], few.coefficients].concat())
    }

    /// Projected Newton steps; the point they end at, and whether the gradient vanished there.
    fn descend(&self, mut at: Vec<f64>) -> (Vec<f64>, bool) {
        let mut here = self.local(&at);
        for _ in 0..STEPS {
            let held: Vec<bool> = (0..at.len()).map(|j| self.bounded(j) && at[j] <= 0.0 && here.gradient[j] > 0.0).collect();
            let free = here.gradient.iter().zip(&held).filter(|(_, held)| !**held);
            let size = free.map(|(g, _)| g.abs()).fold(0.0, f64::max);
            if size <= 1e-11 * self.total() {
                return (at, true);
            }
            let step = newton_step(&here.gradient, &here.hessian, &held);
            let noise = 1e-13 * (1.0 + here.loss.abs());
            let mut shrink = 1.0;
            loop {
                let moved = |j: usize| at[j] - shrink * step[j];
                let next: Vec<f64> = (0..at.len()).map(|j| if self.bounded(j) { moved(j).max(0.0) } else { moved(j) }).collect();
                let fall: f64 = here.gradient.iter().zip(at.iter().zip(&next)).map(|(g, (at, next))| g * (at - next)).sum();
                let there = self.local(&next);
                if there.loss <= here.loss - 1e-4 * fall + noise {
                    (at, here) = (next, there);
                    // What was left to win was below rounding, and the step has won it.
                    if fall <= noise {
                        return (at, true);
                    }
                    break;
                }
                shrink *= 0.5;
                if shrink < 1e-10 {
                    return (at, size <= 1e-6 * self.total());
                }
            }
        }
        (at, false)
    }

    /// Sums over blocks of fixed size, added up in order: the same for any number of cores.
    fn local(&self, at: &[f64]) -> Local {
        const BLOCK: usize = 1 << 15;
        let d = at.len();
        let blocks: Vec<Local> = (0..self.targets.len().div_ceil(BLOCK))
            .into_par_iter()
            .map(|block| self.rows(at, block * BLOCK, self.targets.len().min((block + 1) * BLOCK)))
            .collect();
        let mut sum = Local { loss: 0.0, gradient: vec![0.0; d], hessian: vec![vec![0.0; d]; d] };
        for block in blocks {
            sum.loss += block.loss;
            for i in 0..d {
                sum.gradient[i] += block.gradient[i];
                for j in 0..=i {
                    sum.hessian[i][j] += block.hessian[i][j];
                }
            }
        }
        for (j, w) in at.iter().enumerate().skip(1) {
            sum.loss += 0.5 * self.options.ridge * w * w;
            sum.gradient[j] += self.options.ridge * w;
            sum.hessian[j][j] += self.options.ridge;
        }
        sum
    }

    /// The part of some rows, without the penalty.
    fn rows(&self, at: &[f64], from: usize, to: usize) -> Local {
        let d = at.len();
        let (mut loss, mut gradient, mut hessian, mut x) = (0.0, vec![0.0; d], vec![vec![0.0; d]; d], vec![1.0; d]);
        for row in from..to {
            let mut z = at[0];
            for ((x, column), w) in x[1..].iter_mut().zip(&self.columns).zip(&at[1..]) {
                *x = column[row];
                z += w * column[row];
            }
            let (target, weight) = (self.targets[row], self.weights.map_or(1.0, |weights| weights[row]));
            // ln(1 + e^z) − target · z without overflow.
            let tail = (-z.abs()).exp();
            loss += weight * (z.max(0.0) + tail.ln_1p() - target * z);
            let p = if z < 0.0 { tail / (1.0 + tail) } else { 1.0 / (1.0 + tail) };
            let (residual, curvature) = (weight * (p - target), weight * p * (1.0 - p));
            for i in 0..d {
                gradient[i] += residual * x[i];
                for j in 0..=i {
                    hessian[i][j] += curvature * x[i] * x[j];
                }
            }
        }
        Local { loss, gradient, hessian }
    }
}

/// A multiplicative hash of a row's place: files are often sorted, by one thing or another with a period.
pub(crate) fn scattered(row: usize) -> u64 {
    (row as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32
}

/// H⁻¹ · gradient over what is not held, by Cholesky; 0 for what is held. `hessian` has its lower half alone.
fn newton_step(gradient: &[f64], hessian: &[Vec<f64>], held: &[bool]) -> Vec<f64> {
    let free: Vec<usize> = (0..gradient.len()).filter(|j| !held[*j]).collect();
    let d = free.len();
    let mut lower = vec![vec![0.0; d]; d];
    for i in 0..d {
        for j in 0..=i {
            let mut sum = hessian[free[i].max(free[j])][free[i].min(free[j])];
            // Collinear columns have no curvature between them: a little of it makes the step finite.
            if i == j {
                sum += 1e-12 * (1.0 + hessian[free[i]][free[i]]);
            }
            for (a, b) in lower[i][..j].iter().zip(&lower[j][..j]) {
                sum -= a * b;
            }
            lower[i][j] = if i == j { sum.max(1e-300).sqrt() } else { sum / lower[j][j] };
        }
    }
    let mut solved: Vec<f64> = free.iter().map(|j| gradient[*j]).collect();
    for i in 0..d {
        let before: f64 = (0..i).map(|k| lower[i][k] * solved[k]).sum();
        solved[i] = (solved[i] - before) / lower[i][i];
    }
    for i in (0..d).rev() {
        let after: f64 = (i + 1..d).map(|k| lower[k][i] * solved[k]).sum();
        solved[i] = (solved[i] - after) / lower[i][i];
    }
    let mut step = vec![0.0; gradient.len()];
    for (j, value) in free.into_iter().zip(solved) {
        step[j] = value;
    }
    step
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The loss as it is defined, for comparison.
    fn loss(columns: &[Vec<f64>], targets: &[f64], ridge: f64, intercept: f64, w: &[f64]) -> f64 {
        let rows = targets.iter().enumerate().map(|(row, t)| {
            let z = columns.iter().zip(w).fold(intercept, |z, (column, w)| z + w * column[row]);
            let p = (1.0 / (1.0 + (-z).exp())).clamp(1e-300, 1.0 - 1e-16);
            -(t * p.ln() + (1.0 - t) * (1.0 - p).ln())
        });
        rows.sum::<f64>() + 0.5 * ridge * w.iter().map(|w| w * w).sum::<f64>()
    }

    proptest! {
        #[test]
        fn nothing_nearby_is_better_and_no_bound_is_broken(
            rows in proptest::collection::vec((-2.0..2.0f64, -2.0..2.0f64, -2.0..2.0f64, 0.0..1.0f64), 8..60),
            ridge in 0.05..3.0f64,
            nudges in proptest::collection::vec((-0.1..0.1f64, -0.1..0.1f64, -0.1..0.1f64, -0.1..0.1f64), 30),
        ) {
            let columns = vec![
                rows.iter().map(|r| r.0).collect::<Vec<_>>(),
                rows.iter().map(|r| r.1).collect(),
                rows.iter().map(|r| r.2).collect(),
            ];
            let targets: Vec<f64> = rows.iter().map(|r| r.3).collect();
            let options = LogisticOptions { ridge, non_negative: vec![true, true, false] };
            let fitted = fit(&columns, &targets, None, &options).unwrap();
            prop_assert!(fitted.converged);
            let w = &fitted.coefficients;
            prop_assert!(w[0] >= 0.0 && w[1] >= 0.0);
            let best = loss(&columns, &targets, ridge, fitted.intercept, w);
            for (a, b, c, d) in nudges {
                let other = [(w[0] + b).max(0.0), (w[1] + c).max(0.0), w[2] + d];
                prop_assert!(loss(&columns, &targets, ridge, fitted.intercept + a, &other) >= best - 1e-9);
            }
        }
    }

    #[test]
    fn very_many_rows_end_where_the_gradient_vanishes() {
        let x: Vec<f64> = (0..150_000).map(|row| scattered(row) as f64 / 2_f64.powi(32)).collect();
        let y: Vec<f64> = x
            .iter()
            .enumerate()
            .map(|(row, x)| f64::from(u8::from(scattered(7 * row + 1) as f64 / 2_f64.powi(32) < x * x)))
            .collect();
        let fitted = fit(&[&x], &y, None, &LogisticOptions::default()).unwrap();
        let residuals = x.iter().zip(&y).map(|(x, y)| 1.0 / (1.0 + (-(fitted.intercept + fitted.coefficients[0] * x)).exp()) - y);
        assert!(fitted.converged && (residuals.clone().sum::<f64>() / 150_000.0).abs() < 1e-9);
        assert!((residuals.zip(&x).map(|(r, x)| r * x).sum::<f64>() / 150_000.0).abs() < 1e-9);
    }

    #[test]
    fn weights_count_rows() {
        let (x, y) = (vec![vec![0.1, 0.4, 0.7, 0.9, 0.3]], [0.0, 1.0, 0.0, 1.0, 1.0]);
        let twice = vec![vec![0.1, 0.4, 0.4, 0.7, 0.9, 0.3, 0.3, 0.3]];
        let weighted = fit(&x, &y, Some(&[1.0, 2.0, 1.0, 1.0, 3.0]), &LogisticOptions::default()).unwrap();
        let repeated = fit(&twice, &[0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0], None, &LogisticOptions::default()).unwrap();
        assert!((weighted.intercept - repeated.intercept).abs() < 1e-9);
        assert!((weighted.coefficients[0] - repeated.coefficients[0]).abs() < 1e-9);
    }

    #[test]
    fn separated_targets_end_unconverged_or_with_a_ridge() {
        let (x, y) = (vec![vec![0.0, 1.0, 2.0, 3.0]], [0.0, 0.0, 1.0, 1.0]);
        let plain = fit(&x, &y, None, &LogisticOptions::default()).unwrap();
        assert!(plain.coefficients[0].is_finite());
        let ridge = fit(&x, &y, None, &LogisticOptions { ridge: 1.0, non_negative: Vec::new() }).unwrap();
        assert!(ridge.converged && ridge.coefficients[0] < 2.0);
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let none: [Vec<f64>; 0] = [];
        assert!(fit(&none, &[], None, &LogisticOptions::default()).is_none());
        assert!(fit(&[vec![f64::INFINITY, 0.0]], &[0.0, 1.0], None, &LogisticOptions::default()).is_none());
        assert!(fit(&[vec![0.0]], &[0.0, 1.0], None, &LogisticOptions::default()).is_none());
    }
}
