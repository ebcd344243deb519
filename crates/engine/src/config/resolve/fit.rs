//! Thresholds from a fit: whether all gates take theirs from it, and whether it is of this cascade.

use std::io::ErrorKind;
use std::ops::Range;
use std::path::{Path, PathBuf};

use tierfall_core::cascade::{Cascade, Policy};
use tierfall_core::fit::{Fit, Status, TargetFit};

use super::context::Context;
use crate::config::ReadFile;
use crate::config::code::Code;
use crate::config::diagnostic::Found;
use crate::config::file::CascadeFile;
use crate::config::types::Spanned;
use crate::fault;
use crate::fit::{self, Bound};

/// Where the fit is, if thresholds come from one.
pub(super) fn check(context: &mut Context<'_>, policy: &Policy, path: &Path) -> Option<PathBuf> {
    let file = context.file;
    let Some(first) = context.fitted.first().cloned() else {
        if let Some(named) = &file.fit {
            let message = "no threshold comes from this fit";
            context
                .found
                .warning(Code::UNUSED_FIT, named.span(), message)
                .help("write `threshold = \"fit\"` in every gate, or take the key out");
        }
        return None;
    };
    for own in std::mem::take(&mut context.own) {
        let message = "a threshold of its own beside one from the fit: what was promised for all gates together would not hold";
        context
            .found
            .error(Code::MIXED_THRESHOLDS, own, message)
            .label(first.clone(), "this one is the fit's")
            .help("write `threshold = \"fit\"` in every gate, or a number in every one");
    }
    for (key, fault) in fault::under_fit(policy) {
        let at = if key == "on-abstain" { file.policy.on_abstain.span() } else { file.policy.on_error.span() };
        context.found.fault(at, fault).label(first.clone(), "thresholds come from a fit");
    }
    let named = file.fit.as_ref().map(|named| context.directory.join(named.get_ref().as_str()));
    Some(named.unwrap_or_else(|| fit::path_for(path)))
}

/// What messages about a fit point at, and what they advise.
pub(super) struct Place<'a> {
    pub(super) file: &'a CascadeFile,
    /// The first threshold that comes from the fit.
    pub(super) at: Range<usize>,
    /// The cascade file.
    pub(super) path: &'a Path,
    /// The fixture set to calibrate on.
    pub(super) set: &'a str,
}

impl Place<'_> {
    /// The fit, and the cascade with it in force; `None` where anything was found.
    pub(super) fn read(
        &self,
        fit_path: &Path,
        read: ReadFile<'_>,
        bound: Bound<'_>,
        found: &mut Found,
    ) -> Option<(Cascade, Fit)> {
        let make = |verb: &str, asked: &str| format!("{verb}: `tierfall calibrate {} {} {asked}`", self.path.display(), self.set);
        let usual = "--max-loss 0.05";
        let text = match read(fit_path) {
            Ok(text) => text,
            Err(why) => {
                let path = fit_path.display();
                let why = match why.kind() {
                    ErrorKind::NotFound => format!("{path} is not there"),
                    _ => format!("{path}: {why}"),
                };
                let message = format!("there is no fit that this threshold could come from: {why}");
                found.error(Code::NO_FIT, self.at.clone(), message).help(make("make one", usual));
                return None;
            }
        };
        let fit = match fit::parse(&text, fit_path) {
            Ok(fit) => fit,
            Err(error) => {
                found.error(Code::BAD_FIT, self.at.clone(), error.to_string()).help(make("make it again", usual));
                return None;
            }
        };
        let differences = fit::differences(&fit, bound);
        for difference in &differences {
            let at = difference.tier.as_deref().and_then(|tier| self.tier(tier)).unwrap_or_else(|| self.at.clone());
            let message = format!("the fit {} is stale: {difference}", fit_path.display());
            let diagnostic = found.error(Code::STALE_FIT, at, message);
            // Once is enough for the same advice.
            if std::ptr::eq(difference, &raw const differences[differences.len() - 1]) {
                diagnostic.help(make("make it again", &options(&fit).unwrap_or_else(|| usual.to_owned())));
            }
        }
        if !differences.is_empty() {
            return None;
        }
        match fit::apply(bound.cascade.clone(), &fit) {
            Ok(cascade) => Some((cascade, fit)),
            Err(error) => {
                let message = format!("{}: {error}", fit_path.display());
                found.error(Code::BAD_FIT, self.at.clone(), message).help(make("make it again", usual));
                None
            }
        }
    }

    /// Where the name of a tier stands.
    fn tier(&self, name: &str) -> Option<Range<usize>> {
        let names = self.file.tier.iter().flatten().filter_map(|tier| tier.get_ref().name.as_ref());
        names.into_iter().find(|own| own.get_ref().as_str() == name).map(Spanned::span)
    }
}

/// The options of `calibrate` that a fit was asked for with, as far as it says; `None` where it has no point.
fn options(fit: &Fit) -> Option<String> {
    let (first, others) = fit.point.split_first()?;
    let (option, value) = match first.target {
        TargetFit::Accuracy(value) => ("--target-accuracy", value),
        TargetFit::MaxLoss(value) => ("--max-loss", value),
        TargetFit::MaxCost(value) => ("--max-cost", value),
    };
    let mut options = vec![format!("{option} {value}")];
    for point in others {
        let (TargetFit::Accuracy(value) | TargetFit::MaxLoss(value) | TargetFit::MaxCost(value)) = point.target;
        options.push(format!("--point {}={value}", point.name));
    }
    if first.status == Status::Uncertified && !matches!(first.target, TargetFit::MaxCost(_)) {
        options.push("--no-guarantee".to_owned());
    }
    if fit.point.iter().any(|point| !point.segments.is_empty()) {
        let mut promises = fit.point.iter().filter_map(|point| point.guarantee.as_ref());
        let in_each = promises.any(|promise| promise.each_segment);
        options.push(if in_each { "--by-segment each" } else { "--by-segment" }.to_owned());
    }
    if let Some(split) = fit.provenance.split.as_deref().filter(|split| *split != "train") {
        options.push(format!("--split {split}"));
    }
    if fit.provenance.seed != 0 {
        options.push(format!("--seed {}", fit.provenance.seed));
    }
    Some(options.join(" "))
}

#[cfg(test)]
mod tests {
    use tierfall_core::fit::{Guarantee, Point, Provenance};

    use super::*;

    #[test]
    fn a_fit_says_how_it_was_asked_for() {
        let point = |name: &str, value| Point {
            name: name.to_owned(),
            status: Status::Certified,
            target: TargetFit::MaxLoss(value),
            guarantee: None,
            cuts: Vec::new(),
            segments: std::collections::BTreeMap::new(),
        };
        let mut fit = Fit {
            version: 1,
            cascade: String::new(),
            salt: String::new(),
            provenance: Provenance { split: Some("train".to_owned()), ..Provenance::default() },
            tier: Vec::new(),
            point: Vec::new(),
        };
        assert_eq!(options(&fit), None);
        fit.point = vec![point("default", 0.02), point("cheap", 0.1)];
        assert_eq!(options(&fit).unwrap(), "--max-loss 0.02 --point cheap=0.1");
        fit.point[1].segments.insert("billing".to_owned(), Vec::new());
        (fit.provenance.split, fit.provenance.seed) = (Some("dev".to_owned()), 7);
        assert_eq!(options(&fit).unwrap(), "--max-loss 0.02 --point cheap=0.1 --by-segment --split dev --seed 7");
        fit.point[0].guarantee = Some(Guarantee {
            delta: 0.1,
            method: String::new(),
            bound: 0.0,
            finite_sample: true,
            judge: None,
            each_segment: true,
            conditions: Vec::new(),
            statement: String::new(),
        });
        assert!(options(&fit).unwrap().contains("--by-segment each"));
        fit.point = vec![Point { status: Status::Uncertified, ..point("default", 0.02) }];
        assert!(options(&fit).unwrap().starts_with("--max-loss 0.02 --no-guarantee"));
    }
}
