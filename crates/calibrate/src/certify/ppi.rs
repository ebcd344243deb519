//! The truth from a judge's grades on all rows and people's on a random part of them (arXiv 2301.09633, 2311.01453).

use super::counts::Counts;
use super::goal::Goal;
use super::rows;
use crate::quality::Quality;
use crate::stat::{betting, proportion};
use crate::table::Table;

/// The fewest rows with people's grades on which anything is said about the truth.
pub(crate) const LEAST_HUMANS: usize = 200;
/// The part of the error that the judged risk gets in the finite-sample version; what people correct gets the rest.
const JUDGED_SHARE: f64 = 0.3;

/// People's grades, and the order in which they are bet on.
#[derive(Clone, Debug)]
pub(crate) struct Humans {
    /// A row's place among the rows that people graded, in shuffled order; `u32::MAX` = they did not.
    places: Vec<u32>,
    n: usize,
    /// By tier and row; what is where people did not grade is not read.
    grades: Vec<Vec<Quality>>,
    /// Whether the judge's grades are all right or wrong.
    binary: bool,
}

/// What both say of a policy. Sums are in billionths and exact.
#[derive(Clone, Debug)]
pub(crate) struct Paired {
    /// Over all rows: Σ judge, Σ judge².
    all: [i128; 2],
    /// Over the rows that people graded: Σ human, Σ human², Σ judge, Σ human · judge.
    part: [i128; 4],
    /// People's loss less the judge's, by place.
    corrections: Vec<f64>,
    /// What the judge sees, where its grades are right or wrong.
    judged: Option<Counts>,
}

impl Humans {
    /// `None` where fewer rows than [`LEAST_HUMANS`] have people's grades at every tier.
    pub(crate) fn new(table: &Table<'_>, human: &[&[Option<Quality>]], seed: u64) -> Option<Self> {
        let by_people = |row: usize| human.iter().all(|tier| tier[row].is_some());
        let mut order: Vec<(u32, usize)> = rows::places(table, seed)
            .into_iter()
            .enumerate()
            .filter_map(|(row, at)| by_people(row).then_some((at, row)))
            .collect();
        order.sort_unstable();
        let mut places = vec![u32::MAX; table.len()];
        for (place, (_, row)) in (0..).zip(&order) {
            places[*row] = place;
        }
        let read = |tier: &&[Option<Quality>]| tier.iter().map(|quality| quality.unwrap_or(Quality::WRONG)).collect();
        let grades = human.iter().map(read).collect();
        (order.len() >= LEAST_HUMANS).then_some(Self { places, n: order.len(), grades, binary: table.is_binary() })
    }

    /// How many rows people graded.
    pub(crate) fn len(&self) -> usize {
        self.n
    }

    fn losses(&self, table: &Table<'_>, goal: Goal, row: usize, tier: usize) -> (i128, Option<i128>) {
        let loss = |quality: Quality, last: Quality| match goal {
            Goal::Accuracy(_) => 1_000_000_000 - i128::from(quality.nano()),
            Goal::Loss(_) => i128::from(last.nano()) - i128::from(quality.nano()),
        };
        let judge = loss(table.tiers[tier].quality[row], table.tiers[table.last()].quality[row]);
        let human = (self.places[row] != u32::MAX).then(|| loss(self.grades[tier][row], self.grades[table.last()][row]));
        (judge, human)
    }

    fn add(&self, paired: &mut Paired, row: usize, (judge, human): (i128, Option<i128>), sign: i128) {
        for (sum, value) in paired.all.iter_mut().zip([judge, judge * judge]) {
            *sum += sign * value;
        }
        if let Some(human) = human {
            for (sum, value) in paired.part.iter_mut().zip([human, human * human, judge, human * judge]) {
                *sum += sign * value;
            }
            paired.corrections[self.places[row] as usize] = (human - judge) as f64 / 1e9;
        }
    }

    pub(crate) fn always_last(&self, table: &Table<'_>, goal: Goal) -> Paired {
        let judged = self.binary.then(|| Counts::always_last(&table.tiers[table.last()].quality));
        let mut paired = Paired { all: [0; 2], part: [0; 4], corrections: vec![0.0; self.n], judged };
        for row in 0..table.len() {
            self.add(&mut paired, row, self.losses(table, goal, row, table.last()), 1);
        }
        paired
    }

    pub(crate) fn replace(&self, paired: &mut Paired, table: &Table<'_>, goal: Goal, row: usize, (before, tier): (usize, usize)) {
        self.add(paired, row, self.losses(table, goal, row, before), -1);
        self.add(paired, row, self.losses(table, goal, row, tier), 1);
        if let Some(judged) = &mut paired.judged {
            let quality = |tier: usize| table.tiers[tier].quality[row];
            judged.replace(quality(before), quality(tier), quality(table.last()));
        }
    }
}

impl Paired {
    /// The power-tuned estimate of the mean loss. Rows that people graded and rows that they did not are apart, so that no row counts twice.
    pub(crate) fn estimate(&self, n: usize) -> f64 {
        let m = self.corrections.len() as f64;
        let (n, rest) = (n as f64, n as f64 - m);
        let [judge, judge2] = self.all.map(|sum| sum as f64 / n);
        let [human, _, part, both] = self.part.map(|sum| sum as f64 / m);
        let (variance, covariance) = ((judge2 - judge * judge).max(0.0), both - human * part);
        let tuned = if rest > 0.0 && variance > 0.0 { (covariance / (variance * (1.0 + m / rest))).clamp(0.0, 1.0) } else { 0.0 };
        let beyond = if rest > 0.0 { (self.all[0] - self.part[2]) as f64 / rest } else { 0.0 };
        (tuned * beyond + human - tuned * part) / 1e9
    }

    /// Mean square of the loss that people see.
    pub(crate) fn square(&self) -> f64 {
        self.part[1] as f64 / 1e18 / self.corrections.len() as f64
    }

    /// Whether the mean loss is at most `limit`, in finite samples: an upper bound on what the judge sees at 0.3 of the level,
    /// and one on what people correct at 0.7.
    pub(crate) fn certifies_by_union(&self, n: usize, goal: Goal, limit: f64, level: f64) -> bool {
        let left = limit - self.judged_at_most(n, goal, JUDGED_SHARE * level);
        let rest = (1.0 - JUDGED_SHARE) * level;
        // A difference of differences lies in [−2, 2].
        let width = match goal {
            Goal::Accuracy(_) => 1.0,
            Goal::Loss(_) => 2.0,
        };
        let scaled: Vec<f64> = self.corrections.iter().map(|value| (value / width).midpoint(1.0)).collect();
        let at_most = (left / width).midpoint(1.0);
        at_most > 0.0 && betting::mean_at_most(&scaled, at_most, rest).rejects(rest)
    }

    /// A 1 − `level` upper bound on the loss that the judge sees.
    fn judged_at_most(&self, n: usize, goal: Goal, level: f64) -> f64 {
        let n_rows = n as u64;
        match (self.judged, goal) {
            (Some(counts), Goal::Accuracy(_)) => proportion::upper(counts.wrong, n_rows, level),
            (Some(counts), Goal::Loss(_)) => {
                proportion::upper(counts.minus, n_rows, level / 2.0) - proportion::lower(counts.plus, n_rows, level / 2.0)
            }
            (None, goal) => {
                // Hoeffding, order-free: losses lie in [0, 1], differences in [−1, 1].
                let width = if matches!(goal, Goal::Loss(_)) { 2.0 } else { 1.0 };
                self.all[0] as f64 / 1e9 / n as f64 + width * ((1.0 / level).ln() / (2.0 * n as f64)).sqrt()
            }
        }
    }
}
