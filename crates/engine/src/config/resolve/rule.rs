//! Rules: what each one says.

use std::collections::BTreeSet;
use std::ops::Range;

use tierfall_core::cascade::TierIx;
use tierfall_core::point::OperatingPoint;
use tierfall_core::rule::{Route, Rule, Within};

use super::context::Context;
use crate::config::code::Code;
use crate::config::diagnostic::Found;
use crate::config::file::{CascadeFile, RouteFile, RuleFile};
use crate::config::types::Spanned;
use crate::fault;

/// Every rule that can be read.
pub(super) fn resolve_all(context: &mut Context<'_>) -> Vec<Rule> {
    let rules = &context.file.rule;
    let help = "give one of them a `name` of its own: without one a rule has that of its kind";
    context.unlike("rules", help, rules.iter().filter_map(|rule| Some((name(rule)?, rule.condition.as_ref()?.span()))));
    rules.iter().filter_map(|rule| resolve(context, rule)).collect()
}

/// A rule's name: its kind where it has none of its own.
fn name(file: &RuleFile) -> Option<&str> {
    let kind = || file.condition.as_ref().map(|condition| condition.get_ref().name());
    file.name.as_ref().map(|name| name.as_str()).or_else(kind)
}

fn resolve(context: &mut Context<'_>, file: &RuleFile) -> Option<Rule> {
    let route = file.route.as_ref().and_then(|written| route(context, written));
    let condition = file.condition.as_ref()?;
    let kind = condition.get_ref().name();
    match condition.get_ref().build() {
        Ok(when) => Some(Rule { name: name(file)?.into(), when, route: route? }),
        Err(why) => {
            context.found.error(Code::BAD_RULE, condition.span(), format!("rule `{kind}`: {why}"));
            None
        }
    }
}

fn route(context: &mut Context<'_>, file: &RouteFile) -> Option<Route> {
    let enter_at = file.enter_at.as_ref().map(|tier| context.target(tier.get_ref(), tier.span()));
    let only = file.only.as_ref().map(|only| {
        let tiers: Vec<_> = only.get_ref().iter().map(|tier| context.target(tier.get_ref(), tier.span())).collect();
        tiers.into_iter().collect::<Option<BTreeSet<TierIx>>>()
    });
    if contradicts_itself(file, context.found) {
        return None;
    }
    if let Some(why) = &file.refuse {
        return Some(Route::Refuse(why.get_ref().as_str().into()));
    }
    if let Some(why) = &file.review {
        return Some(Route::Review(why.get_ref().as_str().into()));
    }
    // A name that is not there was told of.
    let (enter_at, only) = (enter_at.map_or(Some(None), |at| at.map(Some))?, only.map_or(Some(None), |only| only.map(Some))?);
    let point = file.point.as_ref().map(|point| point.get_ref().as_str().into());
    let within = Within { only, enter_at, point };
    let Some((key, fault)) = fault::within(&within) else { return Some(Route::Answer(within)) };
    let only = file.only.as_ref().map_or(0..0, Spanned::span);
    match &file.enter_at {
        Some(at) if key == "enter-at" => context.found.fault(at.span(), fault).label(only, "these may see it"),
        _ => context.found.fault(only, fault),
    };
    None
}

/// Whether a route says how a request ends, and something else beside it that could never matter.
fn contradicts_itself(file: &RouteFile, found: &mut Found) -> bool {
    let (ends, why, at) = match (&file.refuse, &file.review) {
        (Some(refuse), _) => ("refuse", "a refused request is seen by nobody", refuse.span()),
        (None, Some(review)) => ("review", "a request that goes to a person is shown to no model", review.span()),
        (None, None) => return false,
    };
    let given: [(&str, Option<Range<usize>>); 4] = [
        ("enter-at", file.enter_at.as_ref().map(Spanned::span)),
        ("only", file.only.as_ref().map(Spanned::span)),
        ("point", file.point.as_ref().map(Spanned::span)),
        ("review", file.review.as_ref().map(Spanned::span).filter(|_| ends == "refuse")),
    ];
    let mut any = false;
    for (key, beside) in given.into_iter().filter_map(|(key, span)| Some((key, span?))) {
        let message = format!("{why}, so `{key}` could never matter beside `{ends}`");
        found.error(Code::BAD_ROUTE, beside, message).label(at.clone(), format!("`{ends}`")).help("take one of the two out");
        any = true;
    }
    any
}

/// The operating points that rules name and that are not there.
pub(super) fn points(file: &CascadeFile, points: &[OperatingPoint], fit: &str, found: &mut Found) {
    for point in file.rule.iter().filter_map(|rule| rule.route.as_ref()?.point.as_ref()) {
        if let Some(fault) = fault::point(point.get_ref().as_str(), points, fit) {
            found.fault(point.span(), fault);
        }
    }
}
