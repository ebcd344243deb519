//! `tierfall grade --agreement`: how far people agree with each other, and judges and graders with them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use tierfall_calibrate::report::Estimate;
use tierfall_calibrate::stat::agreement::{Confusion, Known, Metric, alpha, kappa, raw};
use tierfall_workbench::fixture::FixtureSet;
use tierfall_workbench::fixture::grade::{Rated, Rater, ratings};
use tierfall_workbench::fixture::replay::Recordings;

use crate::args::Grade;
use crate::exit::{Exit, Failure};
use crate::{load, print, render};

/// How often the intervals hold what is true.
const CONFIDENCE: f64 = 0.95;

/// What `--agreement --json` prints.
#[derive(Debug, Serialize)]
pub(crate) struct Agreement {
    /// Different answers.
    pub(crate) answers: u64,
    /// Who graded how many of them.
    pub(crate) raters: Vec<Graded>,
    /// Every two people with answers in common.
    pub(crate) pairs: Vec<Pair>,
    /// Krippendorff's alpha of all people, where there are at least two.
    pub(crate) alpha: Option<Alpha>,
    /// Judges and graders held against people.
    pub(crate) against_people: Vec<Against>,
}

/// A rater and how much they graded.
#[derive(Debug, Serialize)]
pub(crate) struct Graded {
    pub(crate) rater: String,
    /// `person`, `judge` or `grader`.
    pub(crate) kind: &'static str,
    pub(crate) n: u64,
}

/// Two people.
#[derive(Debug, Serialize)]
pub(crate) struct Pair {
    pub(crate) a: String,
    pub(crate) b: String,
    /// Answers that both graded.
    pub(crate) n: u64,
    /// The share of them with the same grade.
    pub(crate) same: Option<Estimate>,
    /// Cohen's kappa; `None` where all grades are one and the same.
    pub(crate) kappa: Option<Estimate>,
    /// The examples of the others.
    pub(crate) differ: Vec<String>,
}

/// Krippendorff's alpha.
#[derive(Debug, Serialize)]
pub(crate) struct Alpha {
    pub(crate) people: u64,
    /// Answers that at least two graded.
    pub(crate) answers: u64,
    /// Their grades.
    pub(crate) grades: u64,
    pub(crate) nominal: Option<f64>,
    pub(crate) interval: Option<f64>,
}

/// A judge or a grader beside the mean of people, both read as right or wrong.
#[derive(Debug, Serialize)]
pub(crate) struct Against {
    pub(crate) rater: String,
    pub(crate) kind: &'static str,
    /// Answers that both graded.
    pub(crate) n: u64,
    pub(crate) both_right: u64,
    pub(crate) both_wrong: u64,
    /// It says right, people say wrong.
    pub(crate) false_positives: u64,
    /// It says wrong, people say right.
    pub(crate) false_negatives: u64,
    /// The share of the errors that it misses.
    pub(crate) missed: Option<Estimate>,
    /// The share of what is right that it calls wrong.
    pub(crate) false_alarms: Option<Estimate>,
    pub(crate) kappa: Option<Estimate>,
    /// The examples on which they differ.
    pub(crate) differ: Vec<String>,
}

pub(super) fn show(set: &FixtureSet, recordings: &Recordings, tiers: &[Arc<str>], args: &Grade) -> Result<Exit, Failure> {
    let rated = ratings(set, recordings, tiers, args.split.as_deref()).map_err(|error| load::fixture(&error))?;
    let agreement = Agreement::of(&rated);
    if args.json {
        let json = serde_json::to_string(&agreement).map_err(Failure::usage)?;
        print(format_args!("{json}\n"))?;
    } else {
        print(render::agreement::agreement(&agreement))?;
    }
    Ok(Exit::Fine)
}

/// Between people, judges and graders; `None` where only one of them graded anything.
pub(super) fn of_people(set: &FixtureSet, recordings: &Recordings, args: &Grade) -> Result<Option<Agreement>, Failure> {
    let tiers: Vec<Arc<str>> = match args.tiers.as_slice() {
        [] => recordings.tiers().cloned().collect(),
        named => named.iter().map(|name| name.as_str().into()).collect(),
    };
    let rated = ratings(set, recordings, &tiers, args.split.as_deref()).map_err(|error| load::fixture(&error))?;
    let agreement = Agreement::of(&rated);
    Ok((!agreement.pairs.is_empty() || !agreement.against_people.is_empty()).then_some(agreement))
}

impl Agreement {
    fn of(rated: &[Rated<'_>]) -> Self {
        let mut raters: BTreeMap<&Rater, u64> = BTreeMap::new();
        for rater in rated.iter().flat_map(|answer| answer.grades.keys()) {
            *raters.entry(rater).or_default() += 1;
        }
        let people: Vec<&Rater> = raters.keys().copied().filter(|rater| matches!(rater, Rater::Person(_))).collect();
        let each = people.iter().enumerate();
        let pairs = each.flat_map(|(at, a)| people[at + 1..].iter().map(move |b| pair(rated, a, b)));
        let others = raters.keys().filter(|rater| !matches!(rater, Rater::Person(_)));
        Self {
            answers: rated.len() as u64,
            raters: raters.iter().map(|(rater, n)| Graded { rater: rater.to_string(), kind: kind(rater), n: *n }).collect(),
            pairs: pairs.filter(|pair| pair.n > 0).collect(),
            alpha: (people.len() > 1).then(|| alpha_of(rated, people.len())),
            against_people: others.map(|rater| against(rated, rater)).filter(|against| against.n > 0).collect(),
        }
    }
}

fn kind(rater: &Rater) -> &'static str {
    match rater {
        Rater::Person(_) => "person",
        Rater::Judge(_) => "judge",
        Rater::Grader(_) => "grader",
    }
}

fn pair(rated: &[Rated<'_>], a: &Rater, b: &Rater) -> Pair {
    let (mut both, mut differ) = (Vec::new(), Vec::new());
    for answer in rated {
        let Some((&first, &second)) = answer.grades.get(a).zip(answer.grades.get(b)) else { continue };
        both.push((first, second));
        if first.total_cmp(&second).is_ne() {
            differ.push(answer.example.id.to_string());
        }
    }
    differ.dedup();
    Pair {
        a: a.to_string(),
        b: b.to_string(),
        n: both.len() as u64,
        same: raw(&both, CONFIDENCE).map(estimate),
        kappa: kappa(&both, Metric::Interval, CONFIDENCE).map(estimate),
        differ,
    }
}

fn alpha_of(rated: &[Rated<'_>], people: usize) -> Alpha {
    let of_people = |answer: &Rated<'_>| {
        let people = answer.grades.iter().filter(|(rater, _)| matches!(rater, Rater::Person(_)));
        people.map(|(_, grade)| *grade).collect::<Vec<f64>>()
    };
    let units: Vec<Vec<f64>> = rated.iter().map(of_people).collect();
    let (nominal, interval) = (alpha(&units, Metric::Nominal), alpha(&units, Metric::Interval));
    Alpha {
        people: people as u64,
        answers: nominal.units,
        grades: nominal.grades,
        nominal: nominal.alpha,
        interval: interval.alpha,
    }
}

fn against(answers: &[Rated<'_>], rater: &Rater) -> Against {
    let (mut counts, mut pairs, mut differ) = (Confusion::default(), Vec::new(), Vec::new());
    for answer in answers {
        let Some((&said, people)) = answer.grades.get(rater).zip(answer.people()) else { continue };
        let (says_right, right) = (said >= 0.5, people >= 0.5);
        counts.add(says_right, right);
        pairs.push((f64::from(says_right), f64::from(right)));
        if says_right != right {
            differ.push(answer.example.id.to_string());
        }
    }
    differ.dedup();
    Against {
        rater: rater.to_string(),
        kind: kind(rater),
        n: counts.n(),
        both_right: counts.both_right,
        both_wrong: counts.both_wrong,
        false_positives: counts.false_positive,
        false_negatives: counts.false_negative,
        missed: counts.missed(CONFIDENCE).map(estimate),
        false_alarms: counts.false_alarms(CONFIDENCE).map(estimate),
        kappa: kappa(&pairs, Metric::Nominal, CONFIDENCE).map(estimate),
        differ,
    }
}

fn estimate(known: Known) -> Estimate {
    Estimate { value: known.value, low: known.low, high: known.high }
}
