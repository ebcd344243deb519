//! Results that others, or simpler programs, found on the same rows.

use serde_json::Value;
use tierfall_calibrate::advise::advise;
use tierfall_calibrate::evaluate::{Cuts, evaluate_policy};
use tierfall_calibrate::observations::{Builder, Cell, Observations, Row, TierSpec};
use tierfall_calibrate::policy::Thresholds;
use tierfall_calibrate::quality::Quality;
use tierfall_calibrate::sweep::pair::PairSweep;
use tierfall_calibrate::table::Table;
use tierfall_calibrate::view::{Held, View};
use tierfall_core::fit::{Cut, Seen, TierFit};
use tierfall_core::fusion::GateValue;
use tierfall_core::number::{Score, Threshold};

use crate::population::named;
use crate::real;

const LOGPROB: &str = "logprob_answer_token";

/// File, cheap tier, dear tier; and what was published: the saving, and how much less accurate.
const PAIRS: [(&str, &str, &str, f64, f64); 3] = [
    ("zellinger_mmlu.jsonl.gz", "gpt-4o-mini", "gpt-4o", 0.31, 0.002),
    ("zellinger_mmlu.jsonl.gz", "qwen2.5-72b-instruct", "llama3.1-405b", 0.60, 0.0035),
    ("zellinger_medmcqa.jsonl.gz", "gpt-4o-mini", "gpt-4o", 0.37, 0.008),
];

/// As it was published: a threshold on the score alone, so that equal scores go together; the cheapest that loses nothing on one half of
/// all rows, scored on the other. Means of 20 were published, so they may differ from the mean of many by the noise of 20.
#[test]
fn savings_at_equal_accuracy_are_those_that_were_published() {
    for (file, cheap, dear, saving, loss) in PAIRS {
        let Some(observations) = real::observations(file, &[cheap, dear], LOGPROB, |_| true) else { return };
        let whole = Spread::of((0..200).map(|seed| half(&observations, seed, false)));
        let parted = Spread::of((0..200).map(|seed| half(&observations, seed, true)));
        println!("{cheap} → {dear}: {whole:?}; with ties parted {parted:?}; published {saving}, {loss}");
        assert!((whole.saved - saving).abs() < 3.0 * whole.saved_noise, "{cheap} → {dear}: {whole:?} {saving}");
        assert!((whole.lost - loss).abs() < 3.0 * whole.lost_noise, "{cheap} → {dear}: {whole:?} {loss}");
    }
}

/// Almost half of this model's scores are exactly 0: a cut that can part them saves more.
#[test]
fn parting_equal_scores_saves_more_where_there_are_many() {
    let (file, cheap, dear, ..) = PAIRS[0];
    let Some(observations) = real::observations(file, &[cheap, dear], LOGPROB, |_| true) else { return };
    let [whole, parted] = [false, true].map(|ties| Spread::of((0..200).map(|seed| half(&observations, seed, ties))));
    assert!(parted.saved > whole.saved + 0.04, "{parted:?} {whole:?}");
}

/// The cheapest cut at no loss on one half, scored on the other: saving and loss.
fn half(observations: &Observations, seed: u64, ties: bool) -> (f64, f64) {
    let gate = [GateValue::Signal { signal: LOGPROB.into(), negated: false }];
    let (train, test) = View::all(observations).split(0.5, seed);
    let (train, test) = (Table::new(&train, &gate).unwrap(), Table::new(&test, &gate).unwrap());
    let sweep = PairSweep::new(&train, 0, 1);
    let score = |at: usize| match sweep.cut(at) {
        Threshold::AcceptFrom { score, .. } => Some(score),
        Threshold::DeferAll => None,
    };
    let parts_equals = |at: usize| at + 1 < sweep.positions() && score(at).is_some() && score(at) == score(at + 1);
    let allowed = sweep.walk().filter(|sums| sums.minus <= sums.plus && (ties || !parts_equals(sums.at)));
    let cheapest = allowed.min_by_key(|sums| sums.cost).unwrap();
    let cut = if ties { sweep.cut(cheapest.at) } else { score(cheapest.at).map_or(Threshold::DeferAll, Threshold::accept_from) };
    let tally = Thresholds::pair(0, 1, cut).unwrap().tally(&test);
    let last = Thresholds::always(1).tally(&test);
    (1.0 - tally.cost_usd().unwrap() / last.cost_usd().unwrap(), tally.loss_vs_last())
}

/// Means, and the standard deviations of means of 20.
#[derive(Debug)]
struct Spread {
    saved: f64,
    saved_noise: f64,
    lost: f64,
    lost_noise: f64,
}

impl Spread {
    fn of(halves: impl Iterator<Item = (f64, f64)>) -> Self {
        let (saved, lost): (Vec<f64>, Vec<f64>) = halves.unzip();
        let mean = |all: &[f64]| all.iter().sum::<f64>() / all.len() as f64;
        let noise = |all: &[f64]| {
            let centre = mean(all);
            (all.iter().map(|x| (x - centre).powi(2)).sum::<f64>() / (all.len() - 1) as f64 / 20.0).sqrt()
        };
        Self { saved: mean(&saved), saved_noise: noise(&saved), lost: mean(&lost), lost_noise: noise(&lost) }
    }
}

/// Advice refits on nine tenths and parts ties, so its numbers are its own; it must find that each pair pays and loses little.
#[test]
fn advice_finds_that_these_pairs_pay() {
    for (file, cheap, dear, ..) in PAIRS {
        let Some(observations) = real::observations(file, &[cheap, dear], LOGPROB, |_| true) else { return };
        let advice = advise(&observations, 0, &[named(LOGPROB)], 5).unwrap();
        let pair = advice.chains.iter().find(|chain| chain.chain.len() == 2).unwrap();
        let (ratio, loss) = (pair.cost_ratio.unwrap(), pair.loss_vs_last);
        println!("{cheap} → {dear}: costs {ratio:?}, loses {loss:?}");
        assert!(ratio.high < 0.8, "{cheap} → {dear}: {ratio:?}");
        assert!(loss.low <= 0.0 && loss.value < 0.01, "{cheap} → {dear}: {loss:?}");
    }
}

#[test]
fn accepted_codes_are_right_as_often_as_was_published() {
    let model = "claude-haiku-4-5-20251001";
    let level = |row: &Value| row["segment"] == "L1";
    let Some(read) = real::observations("deductive_coding.jsonl.gz", &[model], "verbalized", level) else { return };
    // A perfect human behind the model.
    let spec = |name: &str, signal: &str| TierSpec { name: name.into(), signals: vec![signal.into()], judge: None };
    let mut table = Builder::new(vec![spec(model, "verbalized"), spec("human", "none")], "salt");
    for row in 0..read.len() {
        let (id, group) = (format!("{row}"), read.group_of(row).map(|group| group.to_string()));
        let scores = [Score::new(read.scores(0, "verbalized").unwrap()[row])];
        let cells = [Cell::graded(read.quality(0)[row], &scores), Cell::graded(Quality::RIGHT, &[None])];
        let row = Row { id: &id, segment: None, stratum: None, group: group.as_deref(), weight: None, tiers: &cells };
        table.push(&row).unwrap();
    }
    let table = table.finish();
    let gate = Some(GateValue::Signal { signal: "verbalized".into(), negated: false });
    let tiers = [
        TierFit { name: model.into(), binding: None, gate, map: None },
        TierFit { name: "human".into(), binding: None, gate: None, map: None },
    ];
    let cuts = Cuts::overall(vec![Cut { asked: true, threshold: Threshold::accept_from(Score::new(0.80).unwrap()) }]);
    let held = Held::unseen(View::all(&table), &Seen::default()).unwrap();
    let told = evaluate_policy(&held, &tiers, &cuts, 0).unwrap();
    let near = |found: f64, published: f64| (found - published).abs() < 0.0006;
    assert!(near(told.coverage[0].unwrap(), 0.568), "{:?}", told.coverage);
    let right = 1.0 - told.tiers[0].selective_risk.unwrap().value;
    assert!(near(right, 0.9065), "{right}");
    assert!(near(told.accuracy.value, 0.9469), "{:?}", told.accuracy);
    assert_eq!((told.n, told.n_items), (1130, 113));
}
