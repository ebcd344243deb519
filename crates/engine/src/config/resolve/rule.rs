//! Rules: what each one says, and where two of them say something together that one may not expect.

use std::collections::BTreeSet;
use std::ops::Range;

use tierfall_core::cascade::{Cascade, TierIx};
use tierfall_core::constraints::{Constraints, End};
use tierfall_core::point::OperatingPoint;
use tierfall_core::request::Request;
use tierfall_core::rule::table::Condition;
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

/// Holds for every request.
#[derive(Debug)]
struct Always;

impl Condition for Always {
    fn holds(&self, _: &Request) -> bool {
        true
    }
}

/// The cascade where these rules, and no others, hold for every request.
pub(super) fn under(cascade: &Cascade, rules: &[&Rule]) -> Cascade {
    let always = |rule: &&Rule| Rule { when: std::sync::Arc::new(Always), ..(*rule).clone() };
    cascade.clone().with_rules(rules.iter().map(always).collect())
}

/// Warns of the first two rules that may both hold and then do something else than the first of them alone, and of the first two that
/// name different operating points.
pub(super) fn combinations(file: &CascadeFile, cascade: &Cascade, found: &mut Found) {
    let rules: Vec<(&Rule, &Spanned<_>)> =
        cascade.rules().iter().zip(&file.rule).filter_map(|(rule, written)| Some((rule, written.condition.as_ref()?))).collect();
    let pairs = || {
        let later = rules.iter().enumerate();
        let pairs = later.flat_map(|(at, later)| rules[..at].iter().map(move |earlier| (earlier, later)));
        pairs.filter(|((_, one), (_, other))| !one.get_ref().excludes(other.get_ref()))
    };
    // Without its rules, since each pair copies what it replaces.
    let bare = cascade.clone().with_rules(Vec::new());
    if let Some(((one, at), (other, also_at), differs)) =
        pairs().find_map(|(one, other)| Some((one, other, difference(&bare, one.0, other.0)?)))
    {
        let message = format!(
            "where the rules \"{}\" and \"{}\" both hold, both are in force, and not the first alone: {differs}",
            one.name, other.name
        );
        let help = format!(
            "rules combine; where that is not meant, write conditions that exclude each other, as two values of one tag do; where it is, \
             write `allow = [\"{}\"]` at the top of the file",
            Code::COMBINED_RULES.id
        );
        found.warning(Code::COMBINED_RULES, also_at.span(), message).label(at.span(), "the first").help(help);
    }
    let point = |rule: &Rule| if let Route::Answer(within) = &rule.route { within.point.clone() } else { None };
    let two = |((one, _), (other, _)): &(&(&Rule, _), &(&Rule, _))| {
        point(one).zip(point(other)).is_some_and(|(one, other)| one != other)
    };
    if let Some(((one, at), (other, also_at))) = pairs().find(two) {
        let (first, second) = (point(one).unwrap_or_default(), point(other).unwrap_or_default());
        let message = format!(
            "where the rules \"{}\" and \"{}\" both hold, the point \"{first}\" is taken, and \"{second}\" is not",
            one.name, other.name
        );
        let help = "the first rule that names a point decides: put the one first that is to count";
        found.warning(Code::TWO_POINTS, also_at.span(), message).label(at.span(), "the first").help(help);
    }
}

/// What two rules that hold come to, where the first one alone comes to something else.
fn difference(cascade: &Cascade, one: &Rule, other: &Rule) -> Option<String> {
    let of = |rules: &[&Rule]| Constraints::of(&under(cascade, rules), &Request::new("check", ""));
    let (first, both) = (of(&[one]), of(&[one, other]));
    match (first.end(), both.end()) {
        (Some(End::Refused(_)), _) | (Some(End::Review(_)), Some(End::Review(_))) => None,
        (_, Some(End::Refused(why))) => Some(format!("such a request is refused ({why})")),
        (_, Some(End::Review(_))) => Some("a person answers such a request, and no model sees it".to_owned()),
        _ => {
            let all = || (0..cascade.tiers().len()).map(TierIx);
            let allowed = |of: &Constraints| all().filter(|ix| of.allows(*ix)).collect::<Vec<_>>();
            let entered = |of: &Constraints| allowed(of).into_iter().find(|ix| of.from().is_none_or(|from| *ix >= from));
            let names = |tiers: &[TierIx]| tiers.iter().map(|ix| &*cascade.tier(*ix).name).collect::<Vec<_>>().join(", ");
            let (fewer, later) = (allowed(&first) != allowed(&both), entered(&first) != entered(&both));
            let at = entered(&both).filter(|_| later).map(|at| format!("enters at {}", names(&[at])));
            let only = fewer.then(|| format!("is shown to {} alone", names(&allowed(&both))));
            let said: Vec<String> = only.into_iter().chain(at).collect();
            (!said.is_empty()).then(|| format!("such a request {}", said.join(", and ")))
        }
    }
}
