//! How far people agree with each other, and judges and graders with them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::report::Estimate;
use crate::stat::agreement::{Metric, alpha, kappa, raw, share};

/// How often the intervals hold what is true.
const CONFIDENCE: f64 = 0.95;

/// Somebody or something that grades.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rater {
    /// A person, by name.
    Person(Arc<str>),
    /// A model, by its judge's name.
    Judge(Arc<str>),
    /// This program, by the kind of the grader.
    Grader(Arc<str>),
}

impl Rater {
    fn is_person(&self) -> bool {
        matches!(self, Self::Person(_))
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Person(_) => "person",
            Self::Judge(_) => "judge",
            Self::Grader(_) => "grader",
        }
    }
}

impl fmt::Display for Rater {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person(name) => f.write_str(name),
            Self::Judge(name) => write!(f, "judge {name}"),
            Self::Grader(kind) => write!(f, "grader {kind}"),
        }
    }
}

/// The grades of an answer by rater, from 0 = wrong to 1 = right, and the id of its example.
pub type Rated<'a> = (&'a str, &'a BTreeMap<Rater, f64>);

/// What people say of an answer in the mean; `None` where none did.
pub(crate) fn people(grades: &BTreeMap<Rater, f64>) -> Option<f64> {
    let grades = of_people(grades);
    (!grades.is_empty()).then(|| grades.iter().sum::<f64>() / grades.len() as f64)
}

fn of_people(grades: &BTreeMap<Rater, f64>) -> Vec<f64> {
    grades.iter().filter(|(rater, _)| rater.is_person()).map(|(_, grade)| *grade).collect()
}

/// What `--agreement --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Agreement {
    /// Different answers.
    pub answers: u64,
    /// Who graded how many of them.
    pub raters: Vec<Graded>,
    /// Every two people with answers in common.
    pub pairs: Vec<Pair>,
    /// Krippendorff's alpha of all people, where there are at least two.
    pub alpha: Option<OfAll>,
    /// Judges and graders held against people.
    pub against_people: Vec<Against>,
}

/// A rater and how much they graded.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Graded {
    /// Their name.
    pub rater: String,
    /// `person`, `judge` or `grader`.
    pub kind: &'static str,
    /// Answers that they graded.
    pub n: u64,
}

/// Two people.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// One.
    pub a: String,
    /// The other.
    pub b: String,
    /// Answers that both graded.
    pub n: u64,
    /// The share of them with the same grade.
    pub same: Option<Estimate>,
    /// Cohen's kappa; `None` where all grades are one and the same.
    pub kappa: Option<Estimate>,
    /// The examples of the others.
    pub differ: Vec<String>,
}

/// Krippendorff's alpha.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OfAll {
    /// How many graded.
    pub people: u64,
    /// Answers that at least two graded.
    pub answers: u64,
    /// Their grades.
    pub grades: u64,
    /// Where any two different grades are as far apart; `None` where all are the same.
    pub nominal: Option<f64>,
    /// Where half right lies between right and wrong.
    pub interval: Option<f64>,
}

/// A judge or a grader beside the mean of people, both read as right or wrong.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Against {
    /// Its name.
    pub rater: String,
    /// `judge` or `grader`.
    pub kind: &'static str,
    /// Answers that both graded.
    pub n: u64,
    /// Both say right.
    pub both_right: u64,
    /// Both say wrong.
    pub both_wrong: u64,
    /// It says right, people say wrong.
    pub false_positives: u64,
    /// It says wrong, people say right.
    pub false_negatives: u64,
    /// The share of the errors that it misses.
    pub missed: Option<Estimate>,
    /// The share of what is right that it calls wrong.
    pub false_alarms: Option<Estimate>,
    /// Cohen's kappa; `None` where all verdicts are one and the same.
    pub kappa: Option<Estimate>,
    /// The examples on which they differ.
    pub differ: Vec<String>,
}

impl Agreement {
    /// Of all who graded these answers.
    pub fn of(rated: &[Rated<'_>]) -> Self {
        let mut raters: BTreeMap<&Rater, u64> = BTreeMap::new();
        for rater in rated.iter().flat_map(|(_, grades)| grades.keys()) {
            *raters.entry(rater).or_default() += 1;
        }
        let (people, others): (Vec<&Rater>, Vec<&Rater>) = raters.keys().copied().partition(|rater| rater.is_person());
        let pairs = people.iter().enumerate().flat_map(|(at, a)| people[at + 1..].iter().map(move |b| pair(rated, a, b)));
        Self {
            answers: rated.len() as u64,
            raters: raters.iter().map(|(rater, n)| Graded { rater: rater.to_string(), kind: rater.kind(), n: *n }).collect(),
            pairs: pairs.filter(|pair| pair.n > 0).collect(),
            alpha: (people.len() > 1).then(|| alpha_of(rated, people.len())),
            against_people: others.iter().map(|rater| against(rated, rater)).filter(|against| against.n > 0).collect(),
        }
    }

    /// How many people graded anything.
    pub fn people(&self) -> usize {
        self.raters.iter().filter(|rater| rater.kind == "person").count()
    }

    /// Whether nobody and nothing graded what somebody else did.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty() && self.against_people.is_empty()
    }
}

fn pair(rated: &[Rated<'_>], a: &Rater, b: &Rater) -> Pair {
    let (mut both, mut differ) = (Vec::new(), Vec::new());
    for (id, grades) in rated {
        let Some((&first, &second)) = grades.get(a).zip(grades.get(b)) else { continue };
        both.push((first, second));
        if first.total_cmp(&second).is_ne() {
            differ.push((*id).to_owned());
        }
    }
    differ.dedup();
    Pair {
        a: a.to_string(),
        b: b.to_string(),
        n: both.len() as u64,
        same: raw(&both, CONFIDENCE),
        kappa: kappa(&both, Metric::Interval, CONFIDENCE),
        differ,
    }
}

fn alpha_of(rated: &[Rated<'_>], people: usize) -> OfAll {
    let units: Vec<Vec<f64>> = rated.iter().map(|(_, grades)| of_people(grades)).collect();
    let (nominal, interval) = (alpha(&units, Metric::Nominal), alpha(&units, Metric::Interval));
    OfAll {
        people: people as u64,
        answers: nominal.units,
        grades: nominal.grades,
        nominal: nominal.alpha,
        interval: interval.alpha,
    }
}

fn against(answers: &[Rated<'_>], rater: &Rater) -> Against {
    let (mut counts, mut pairs, mut differ) = ([[0_u64; 2]; 2], Vec::new(), Vec::new());
    for (id, grades) in answers {
        let Some((&said, people)) = grades.get(rater).zip(people(grades)) else { continue };
        let (says_right, right) = (said >= 0.5, people >= 0.5);
        counts[usize::from(says_right)][usize::from(right)] += 1;
        pairs.push((f64::from(says_right), f64::from(right)));
        if says_right != right {
            differ.push((*id).to_owned());
        }
    }
    differ.dedup();
    let [[both_wrong, false_negatives], [false_positives, both_right]] = counts;
    Against {
        rater: rater.to_string(),
        kind: rater.kind(),
        n: pairs.len() as u64,
        both_right,
        both_wrong,
        false_positives,
        false_negatives,
        missed: share(false_positives, false_positives + both_wrong, CONFIDENCE),
        false_alarms: share(false_negatives, false_negatives + both_right, CONFIDENCE),
        kappa: kappa(&pairs, Metric::Nominal, CONFIDENCE),
        differ,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_judge_that_misses_a_quarter_of_the_errors() {
        let (person, judge) = (Rater::Person("ann".into()), Rater::Judge("j".into()));
        let grades = |unit: u32| {
            let right = !unit.is_multiple_of(5);
            let says = right || unit.is_multiple_of(20);
            BTreeMap::from([(person.clone(), f64::from(right)), (judge.clone(), f64::from(says))])
        };
        let units: Vec<_> = (0..100).map(grades).collect();
        let rated: Vec<Rated<'_>> = units.iter().map(|grades| ("x", grades)).collect();
        let told = &Agreement::of(&rated).against_people[0];
        assert_eq!((told.n, told.both_right, told.both_wrong), (100, 80, 15));
        assert_eq!((told.false_positives, told.false_negatives), (5, 0));
        let missed = told.missed.unwrap();
        assert!((missed.value - 0.25).abs() < 1e-12 && missed.low < 0.1 && missed.high > 0.45);
        assert!(told.false_alarms.unwrap().value.abs() < 1e-12);
    }
}
