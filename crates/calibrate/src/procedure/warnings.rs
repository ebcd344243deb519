//! What a reader of a calibration should know.

use std::collections::BTreeMap;

use rayon::prelude::*;
use tierfall_core::fusion::GateValue;

use crate::ask::{Ask, SignalChoice, Target};
use crate::certify::shortened;
use crate::evaluate::Played;
use crate::metric::{self, Sorted, is_right};
use crate::observations::{Observations, TierSpec};
use crate::report::Calibration;
use crate::view::View;
use tierfall_core::fit::Status;
use tierfall_core::text::few;

use super::estimate::Folded;
use super::once::Once;
use super::signals::SPLIT_FROM;
use super::table::{Look, atom, upside_down};
use super::{labels, length};

/// Below this many items, hardly any margin can be certified.
const FEW_ITEMS: usize = 100;
/// A share of rows on one gate value from which it is said.
const ATOM: f64 = 0.05;

pub(super) fn warnings(
    all: &View<'_>,
    view: &View<'_>,
    ask: &Ask,
    fitted: &Once<'_>,
    looks: &[Look],
    folded: &Folded<'_>,
    report: &Calibration,
) -> Vec<String> {
    let graded = all.observations().is_as_graded();
    let mut warnings = fitted.certification.warnings.clone();
    let n = view.len();
    if n < FEW_ITEMS {
        warnings.push(format!("only {n} items: margins below about {:.0} points cannot be certified", 100.0 * 2.3 / n as f64));
    }
    if report.n > report.n_items {
        warnings.push(format!(
            "{} rows repeat {} items: the tests see one row an item, the estimate averages over an item's rows",
            report.n, report.n_items
        ));
        if let Some(played) = folded.played.first().filter(|_| graded) {
            warnings.extend(asked_often(all, played, report.guarantee.is_some()));
        }
    }
    if graded {
        warnings.extend(labels::warnings(view));
    }
    warnings.extend(costs(view));
    warnings.extend(signals(view, ask, fitted, looks));
    if let (Some(best), Some(last)) = (report.baselines.get("best-single"), report.baselines.get("always-last"))
        && best.chain != last.chain
        && best.accuracy.value > last.accuracy.value
    {
        warnings.push(format!(
            "the last tier is not the best one: \"{}\" alone is right on {:.1} %, \"{}\" on {:.1} %; losses refer to the last",
            best.chain.join(" → "),
            100.0 * best.accuracy.value,
            last.chain.join(" → "),
            100.0 * last.accuracy.value
        ));
    }
    warnings.extend(judged(view, report));
    warnings.extend(uncorrected(all, ask));
    if fitted.table.len() < n {
        warnings.push(format!(
            "gate values were chosen on {} of the {n} items, so it is the other {} that certify",
            n - fitted.table.len(),
            fitted.table.len()
        ));
    }
    if fitted.shared > 1 {
        warnings.push(format!(
            "{} candidate signals share the probability of being wrong equally, because fewer than {SPLIT_FROM} items leave none to choose on",
            fitted.shared
        ));
    }
    let certified = folded.certified.first().copied().unwrap_or(0);
    if report.status == Status::Certified && report.chain.len() > 1 && certified < folded.folds {
        warnings.push(if certified == 0 {
            format!(
                "what to expect is not estimated: with the rows of a fold left out, too few are left to certify the target in any of {} folds",
                folded.folds
            )
        } else {
            format!(
                "the estimate is cautious: with the rows of a fold left out, the target was certified in {certified} of {} folds only",
                folded.folds
            )
        });
    }
    for segment in report.segments.iter().filter(|segment| !segment.pooled.is_empty()) {
        warnings
            .push(format!(
                "too few items to be certified by themselves: {} are pooled as `rest`, and nothing is promised of any of them by itself",
                shortened(&segment.pooled)
            ));
    }
    if let Target::MaxCost(_) = ask.target {
        warnings.push("costs are unbounded, so a cost limit is met on average at best and nothing is certified".into());
    }
    warnings
}

/// Whether questions that are asked often lose more: of requests, which count each, less holds then than of questions. Where rows have
/// weights, how often one is asked cannot be told from its rows.
fn asked_often(all: &View<'_>, played: &Played<'_>, promised: bool) -> Option<String> {
    if all.observations().weights().is_some() {
        return None;
    }
    let items = all.observations().items();
    let mut lost: BTreeMap<u32, (f64, f64)> = BTreeMap::new();
    for at in 0..played.len() {
        let (rows, sum) = lost.entry(items[played.row[at] as usize]).or_default();
        *rows += 1.0;
        *sum += played.lost(at);
    }
    let (n, k) = (played.len() as f64, lost.len() as f64);
    let by_request = lost.values().map(|(_, sum)| sum).sum::<f64>() / n;
    let by_item = lost.values().map(|(rows, sum)| sum / rows).sum::<f64>() / k;
    let error = lost.values().map(|(rows, sum)| ((rows / n - 1.0 / k) * (sum / rows - by_item)).powi(2)).sum::<f64>().sqrt();
    let points = |loss: f64| format!("{:.1}", 100.0 * loss);
    (by_request - by_item > 2.0 * error && by_request > by_item + 0.002).then(|| {
        format!(
            "what is asked often loses more: {} points over different questions{}, but {} over requests as they are; leave \"group\" out \
             where each request is to count",
            points(by_item),
            if promised { ", which is what the promise is about" } else { "" },
            points(by_request)
        )
    })
}

/// Whose grades right and wrong are.
fn judged(view: &View<'_>, report: &Calibration) -> Vec<String> {
    let of_people = report.guarantee.as_ref().is_some_and(|guarantee| guarantee.judge.is_none());
    let graded_by = |spec: &TierSpec| {
        let judge = spec.judge.as_ref()?;
        let what = if of_people {
            "the promise is about what people say, and figures of tiers and signals are about what it says"
        } else {
            "right means right to it"
        };
        Some(format!("the answers of tier \"{}\" were graded by {judge}: {what}", spec.name))
    };
    view.observations().tiers().filter_map(graded_by).collect()
}

/// Why what people said changes nothing, where it does not.
fn uncorrected(all: &View<'_>, ask: &Ask) -> Option<String> {
    let observations = all.observations();
    let undeclared = || {
        let rows = observations.by_people();
        (rows > 0 && !ask.people_at_random).then(|| {
            format!(
                "people graded {rows} rows beside the judge, and nothing says that these are a random part of all, so the judge is not corrected \
                 by them: declare it with --people at-random, if it is so"
            )
        })
    };
    observations.uncorrected().or_else(undeclared)
}

fn costs(view: &View<'_>) -> Option<String> {
    let observations = view.observations();
    let unknown = observations.tiers().enumerate().filter(|(tier, _)| observations.costs(*tier).is_none());
    let unknown: Vec<&str> = unknown.map(|(_, spec)| &*spec.name).collect();
    (!unknown.is_empty()).then(|| {
        format!(
            "the cost of {} is not known on some rows, so nothing is said of costs that include it: it is recorded, or follows from a price and \
             the tokens of the answer, and there one of these is missing",
            few(&unknown)
        )
    })
}

fn signals(view: &View<'_>, ask: &Ask, fitted: &Once<'_>, looks: &[Look]) -> Vec<String> {
    let of_tier: Vec<Vec<String>> =
        (0..fitted.gates.len()).into_par_iter().map(|tier| signal(view, ask, fitted, looks, tier)).collect();
    of_tier.concat()
}

fn signal(view: &View<'_>, ask: &Ask, fitted: &Once<'_>, looks: &[Look], tier: usize) -> Vec<String> {
    let mut warnings = Vec::new();
    let name = view.observations().tiers().nth(tier).map(|spec| spec.name.to_string()).unwrap_or_default();
    let (picked, column) = (&fitted.gates[tier], &fitted.table.tiers[tier]);
    let values = column.values.as_deref().unwrap_or(&[]);
    if let Some(why) = &picked.refused {
        warnings.push(format!("tier \"{name}\" is left out, its signal is refused: {why}"));
        return warnings;
    }
    // What was found on all rows holds for those that certified where these are the same.
    let look = Look::of(looks, tier, &picked.gate).filter(|_| values.len() == view.len());
    let (read, atom, auroc) = look.map_or_else(
        || {
            let sorted = Sorted::new(values);
            (sorted.len(), atom(&sorted), metric::auroc(&sorted, |row| is_right(column.quality[row].get())))
        },
        |look| (look.read, look.atom, look.auroc),
    );
    let (rows, abstained) = (values.len().max(1) as f64, values.len() - read);
    if let Some(never) = never(view.observations(), ask, tier) {
        warnings.push(format!("{never} in no row: its gate passes everything on, and no number of labels changes that"));
        return warnings;
    }
    let asked = fitted.cuts.first().is_some_and(|cuts| cuts.chain().contains(&tier));
    if abstained > 0 && asked {
        warnings.push(format!("the signal of tier \"{name}\" abstained on {abstained} of {rows} rows; they are escalated"));
    }
    // One row shares its value with none.
    if let Some((value, count)) = atom.filter(|(_, count)| *count > 1 && *count as f64 >= ATOM * rows) {
        warnings.push(format!(
            "{:.1} % of the rows of tier \"{name}\" share the gate value {value}: where a cut lies on it, chance decides which of them are \
             accepted (the same one for the same request id)",
            100.0 * count as f64 / rows
        ));
    }
    if !view.observations().is_as_graded() {
        return warnings;
    }
    if let (Some(auroc), GateValue::Signal { signal, negated }) = (auroc, &picked.gate)
        && upside_down(&Sorted::new(values), auroc, |row| is_right(column.quality[row].get()))
    {
        let other = if *negated { signal.clone() } else { format!("-{signal}") };
        warnings
            .push(format!("the signal of tier \"{name}\" is lower where the answer is right (AUROC {auroc:.3}): try {other}"));
    }
    if let SignalChoice::Fixed(gate) = &ask.signals[tier] {
        let refusal = match Look::of(looks, tier, gate) {
            Some(look) => look.refusal.clone(),
            None => crate::table::values(view, tier, gate).ok().and_then(|values| length::refusal(view, tier, &values)),
        };
        if let Some(why) = refusal {
            warnings.push(format!("the signal of tier \"{name}\" is used because it was named: {why}"));
        }
    }
    warnings
}

/// That a tier's gate has a value in no row, as a clause; `None` where it has one in some.
pub(super) fn never(observations: &Observations, ask: &Ask, tier: usize) -> Option<String> {
    let spec = observations.spec(tier);
    let labels: Vec<&str> = match &ask.signals[tier] {
        SignalChoice::Auto => spec.signals.iter().map(|label| &**label).collect(),
        SignalChoice::Fixed(value) => value.signals(),
        SignalChoice::Fuse(labels) => labels.iter().map(String::as_str).collect(),
    };
    let silent = |label: &&str| observations.scores(tier, label).is_none_or(|scores| scores.iter().all(|score| score.is_nan()));
    labels.iter().all(silent).then(|| format!("tier \"{}\" has `{}`", spec.name, labels.join("`, `")))
}
