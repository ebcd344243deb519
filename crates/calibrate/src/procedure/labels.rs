//! Grades that look as if something happened to them on their way into the table. What is said is what was seen: why it is so nobody
//! can tell from grades.

use std::collections::HashSet;

use crate::metric::is_right;
use crate::metric::ranking::z_of;
use crate::observations::{Observations, TierSpec, hashed};
use crate::quality::Quality;
use crate::stat::{binomial, proportion};
use crate::view::View;

/// How sure it is that two tiers hardly know of each other, before it is said.
const SURE: f64 = 0.99;
/// Odds that are less than so many times as good are hardly better: those of models that answer the same questions are mostly several times
/// as good.
const HARDLY: f64 = 2.0;
/// How seldom grades agree by chance as often as they do, before rows are called alike.
const CHANCE: f64 = 0.001;

/// What is odd about the grades of `view`, which has one row an item.
pub(super) fn warnings(view: &View<'_>) -> Vec<String> {
    let mut warnings: Vec<String> = constant(view).map_or_else(|| never_right(view), |all| vec![all]);
    let tiers = view.observations().tiers().len();
    for (a, b) in (0..tiers).flat_map(|b| (0..b).map(move |a| (a, b))) {
        warnings.extend(strangers(view, a, b));
    }
    warnings.extend(copies(view));
    warnings
}

/// Whether all grades there are are the same.
fn constant(view: &View<'_>) -> Option<String> {
    let observations = view.observations();
    let mut grades = view.rows().flat_map(|row| (0..observations.tiers().len()).map(move |tier| observations.quality(tier)[row]));
    let first = grades.next()?;
    let what = match first {
        Quality::WRONG => "wrong".to_owned(),
        Quality::RIGHT => "right".to_owned(),
        other => format!("{}", other.get()),
    };
    grades.all(|grade| grade == first).then(|| {
        format!(
            "every answer of every tier is graded {what}, so no tier can lose against another and a promise about losses is empty: look \
             whether the answers were compared with what they should be"
        )
    })
}

/// The tiers that are never right, though they answered as often as says something.
fn never_right(view: &View<'_>) -> Vec<String> {
    const SOME: usize = 30;
    let observations = view.observations();
    let wrong = |(tier, spec): (usize, &TierSpec)| {
        let quality = observations.quality(tier);
        (view.len() >= SOME && view.rows().all(|row| quality[row] == Quality::WRONG)).then(|| {
            format!(
                "every answer of tier \"{}\" is graded wrong: look whether they were compared with what they should be, and as they are written",
                spec.name
            )
        })
    };
    observations.tiers().enumerate().filter_map(wrong).collect()
}

/// Whether two tiers are right as often beside each other's right answers as beside the wrong ones, which rows that stand beside the wrong
/// ids are, too: an interval for the ratio of the odds (Woolf's, with half a row added to each cell) holds 1 and nothing far from it.
fn strangers(view: &View<'_>, a: usize, b: usize) -> Option<String> {
    let observations = view.observations();
    // Rows that were drawn unequally are no picture of how grades go together.
    if observations.weights().is_some() {
        return None;
    }
    let (of_a, of_b) = (observations.quality(a), observations.quality(b));
    let mut cells = [[0.5_f64; 2]; 2];
    for row in view.rows() {
        cells[usize::from(is_right(of_a[row].get()))][usize::from(is_right(of_b[row].get()))] += 1.0;
    }
    let [[neither, only_b], [only_a, both]] = cells;
    let log = (both * neither / (only_a * only_b)).ln();
    let half = z_of(SURE) * cells.iter().flatten().map(|n| n.recip()).sum::<f64>().sqrt();
    let (low, high) = (log - half, log + half);
    let most = HARDLY.ln();
    (low <= 0.0 && high >= 0.0 && -low < most && high < most).then(|| {
        let name = |tier: usize| observations.spec(tier).name.clone();
        format!(
            "whether \"{}\" is right tells hardly anything of whether \"{}\" is: the odds are {:.2} times as good beside a right answer \
             ({:.2} to {:.2} with {:.0} % confidence). Models mostly fail on the same questions: look whether the grades of both \
             stand beside the right ids",
            name(a),
            name(b),
            log.exp(),
            low.exp(),
            high.exp(),
            100.0 * SURE
        )
    })
}

/// Rows of other ids that say the same throughout.
///
/// Numbers on a coarse scale are shared by chance, and then grades are no more alike than between rows of neighbouring numbers. Each number
/// counts once: where many rows share one, as all do that are wholly sure, they are alike for that reason.
fn copies(view: &View<'_>) -> Option<String> {
    let observations = view.observations();
    let mut ids = HashSet::new();
    let rows = view.rows().filter(|row| ids.insert(observations.ids()[*row]));
    let numbers = Numbers::of(observations)?;
    let mut sorted: Vec<(u64, u64, usize)> =
        rows.map(|row| (numbers.columns[0][row].to_bits(), numbers.fingerprint(row), row)).collect();
    sorted.sort_unstable();
    let alike = |a: usize, b: usize| {
        (0..observations.tiers().len()).all(|tier| {
            let quality = observations.quality(tier);
            quality[a] == quality[b]
        })
    };
    let (mut rows, mut shared, mut neighbours) = (0_u64, [0_u64; 2], [0_u64; 2]);
    let runs: Vec<&[(u64, u64, usize)]> = sorted.chunk_by(|a, b| a.1 == b.1).collect();
    for run in &runs {
        let (_, _, first) = run[0];
        rows += run[1..].iter().filter(|(.., row)| alike(first, *row)).count() as u64;
        if let Some((.., second)) = run.get(1) {
            shared[usize::from(alike(first, *second))] += 1;
        }
    }
    for pair in runs.windows(2) {
        neighbours[usize::from(alike(pair[0][0].2, pair[1][0].2))] += 1;
    }
    let ([other, same], [unlike, like]) = (shared, neighbours);
    if same == 0 || like + unlike == 0 {
        return None;
    }
    let by_chance = proportion::upper(like, like + unlike, CHANCE);
    (binomial::sf(same - 1, same + other, by_chance) < CHANCE).then(|| {
        format!(
            "{rows} of {} rows are like one with another id in all that is known of every row, scores, costs, latencies and grades: where two \
             rows share the numbers, they share the grades in {same} of {} cases, and in {like} of {} where the numbers are the next ones. If \
             they are copies of one question, give them one \"group\": as different ones they promise more than is known",
            sorted.len(),
            same + other,
            like + unlike
        )
    })
}

/// All that is measured of a row.
struct Numbers<'o> {
    columns: Vec<&'o [f64]>,
    costs: Vec<&'o [u64]>,
    latencies: Vec<&'o [u32]>,
}

impl<'o> Numbers<'o> {
    /// `None` where no tier has a signal.
    fn of(observations: &'o Observations) -> Option<Self> {
        let tiers = || observations.tiers().enumerate();
        let columns: Vec<&[f64]> =
            tiers().flat_map(|(at, spec)| spec.signals.iter().filter_map(move |name| observations.scores(at, name))).collect();
        let costs = tiers().filter_map(|(at, _)| observations.costs(at)).collect();
        let latencies = tiers().filter_map(|(at, _)| observations.latencies(at)).collect();
        (!columns.is_empty()).then_some(Self { columns, costs, latencies })
    }

    fn fingerprint(&self, row: usize) -> u64 {
        let scores = self.columns.iter().map(|column| column[row].to_bits());
        let costs = self.costs.iter().map(|column| column[row]);
        let latencies = self.latencies.iter().map(|column| u64::from(column[row]));
        scores.chain(costs).chain(latencies).fold(0, hashed)
    }
}
