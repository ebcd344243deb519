//! What fusion is worth on real rows: fitted on one half, looked at on the other, twenty times over.

use serde_json::Value;
use tierfall_calibrate::map::fuse::{self, Toward};
use tierfall_calibrate::metric::{Sorted, auroc, is_right};
use tierfall_calibrate::observations::{Builder, Cell, Observations, Row, TierSpec};
use tierfall_calibrate::quality::Quality;
use tierfall_calibrate::table::Table;
use tierfall_calibrate::view::View;
use tierfall_core::fusion::GateValue;
use tierfall_core::number::Score;

/// Two tiers of some rows, as a table; `signals` are those of the first, and those in `lower` are surer where they are lower.
fn observations(rows: &[Value], first: &str, last: &str, signals: &[&str], lower: &[&str]) -> Observations {
    let spec = |name: &str, signals: &[&str]| TierSpec {
        name: name.into(),
        signals: signals.iter().map(|signal| (*signal).into()).collect(),
        judge: None,
    };
    let mut observations = Builder::new(vec![spec(first, signals), spec(last, &[])], "real");
    for row in rows {
        let cells = [&row["tiers"][first], &row["tiers"][last]];
        let score = |signal: &&str| {
            let raw = cells[0]["confidence"][signal].as_f64()?;
            Score::new(if lower.contains(signal) { -raw } else { raw })
        };
        let scores: Vec<Option<Score>> = signals.iter().map(score).collect();
        let [Some(this), Some(next)] = cells.map(|cell| cell["correct"].as_f64().and_then(Quality::new)) else { continue };
        let tiers = [Cell::graded(this, scores.as_slice()), Cell::graded(next, &[])];
        let id = row["id"].as_str().unwrap_or_default();
        let row = Row { id, segment: None, stratum: None, group: None, weight: None, tiers: &tiers };
        if let Err(why) = observations.push(&row) {
            panic!("{why}");
        }
    }
    observations.finish()
}

/// AUROC, benefit AUROC, and the share of rows to escalate (lowest values first, abstentions before all) for nine tenths of what
/// escalating everything would gain.
fn judged(view: &View<'_>, gate: GateValue) -> [f64; 3] {
    let Ok(table) = Table::new(view, &[gate]) else { panic!("a signal is missing") };
    let [this, next] = [0, 1].map(|tier: usize| table.tiers[tier].quality.iter().map(|q| q.get()).collect::<Vec<f64>>());
    let values = table.tiers[0].values.clone().unwrap_or_default();
    let mut order: Vec<usize> = (0..values.len()).collect();
    let read = |row: usize| if values[row].is_nan() { f64::NEG_INFINITY } else { values[row] };
    order.sort_by(|a, b| read(*a).total_cmp(&read(*b)).then(table.ties[*a].total_cmp(&table.ties[*b])));
    let wanted = 0.9 * this.iter().zip(&next).map(|(this, next)| next - this).sum::<f64>();
    let (mut gained, mut escalated) = (0.0, 0);
    while gained < wanted && escalated < order.len() {
        gained += next[order[escalated]] - this[order[escalated]];
        escalated += 1;
    }
    let of = |area: Option<f64>| area.unwrap_or(f64::NAN);
    let sorted = Sorted::new(values.clone());
    let benefit = auroc(&sorted, |row| is_right(this[row]) || !is_right(next[row]));
    [of(auroc(&sorted, |row| is_right(this[row]))), of(benefit), escalated as f64 / order.len() as f64]
}

/// The mean of [`judged`] over twenty halves: each signal alone, fused towards correctness, fused towards benefit.
fn compared(file: &str, first: &str, last: &str, signals: &[&str], lower: &[&str]) -> Option<Vec<[f64; 3]>> {
    const HALVES: u64 = 20;
    let observations = observations(&super::rows(file)?, first, last, signals, lower);
    let names: Vec<String> = signals.iter().map(|signal| (*signal).to_owned()).collect();
    let mut means = vec![[0.0; 3]; signals.len() + 2];
    for seed in 0..HALVES {
        let (train, test) = View::all(&observations).split(0.5, seed);
        let alone = names.iter().map(|signal| GateValue::Signal { signal: signal.clone(), negated: false });
        let fused = [Toward::Correctness, Toward::Benefit]
            .map(|toward| fuse::fit(&train, 0, &names, toward).map_or_else(|| panic!("nothing was fused"), GateValue::Fused));
        for (mean, gate) in means.iter_mut().zip(alone.chain(fused)) {
            for (mean, value) in mean.iter_mut().zip(judged(&test, gate)) {
                *mean += value / HALVES as f64;
            }
        }
    }
    println!("{file} {first} → {last}: AUROC, benefit AUROC, share escalated for 90 % of the gain");
    for (name, [right, benefit, share]) in signals.iter().chain(&["fused to correctness", "fused to benefit"]).zip(&means) {
        println!("  {name:22} {right:.3}  {benefit:.3}  {share:.3}");
    }
    Some(means)
}

#[test]
fn two_real_signals_together_are_no_worse_than_the_better_one() {
    for (file, first, last, signals, lower) in [
        (
            "lifeeval_boolq.jsonl.gz",
            "Meta-Llama-3.1-8B-Instruct",
            "gpt-4o",
            &["token_prob_chosen", "verbalized"] as &[&str],
            &[] as &[&str],
        ),
        ("lifeeval_boolq.jsonl.gz", "Meta-Llama-3.1-70B-Instruct", "gpt-4o", &["token_prob_chosen", "verbalized"], &[]),
        ("mmlu_optionprobs.jsonl.gz", "llama3.1-8b", "gpt-4o", &["answer_token_prob", "margin", "entropy"], &["entropy"]),
        ("mmlu_optionprobs.jsonl.gz", "gpt-4o-mini", "gpt-4o", &["answer_token_prob", "margin", "entropy"], &["entropy"]),
        ("plaut_msp.jsonl.gz", "Mistral", "gpt-4-turbo", &["msp", "max_logit"], &[]),
        ("plaut_msp.jsonl.gz", "Solar", "gpt-4-turbo", &["msp", "max_logit"], &[]),
    ] {
        let Some(means) = compared(file, first, last, signals, lower) else { return };
        let (alone, fused) = means.split_at(signals.len());
        let best = alone.iter().map(|mean| mean[0]).fold(0.0, f64::max);
        assert!(fused[0][0] > best - 0.003, "{first}: {} against {best}", fused[0][0]);
    }
}
