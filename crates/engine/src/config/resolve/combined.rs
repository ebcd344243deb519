//! Rules that may hold together, where two of them come to something that one may not expect.

use std::sync::Arc;

use tierfall_core::cascade::{Cascade, TierIx};
use tierfall_core::constraints::End;
use tierfall_core::plan::Plan;
use tierfall_core::rule::table::ConditionSpec;
use tierfall_core::rule::{Route, Rule};

use super::under::Under;
use crate::config::code::Code;
use crate::config::diagnostic::Found;
use crate::config::file::CascadeFile;
use crate::config::types::Spanned;

/// A rule with its condition as written.
type Written<'a> = (&'a Rule, &'a Spanned<ConditionSpec>);

/// Warns of the first two rules that may both hold and then do something else than the first of them alone, and of the first two that
/// name different operating points.
///
/// Pairs are enough: where no two of several rules do so, all together do what the first one does.
pub(super) fn check(file: &CascadeFile, cascade: &Cascade, found: &mut Found) {
    let rules: Vec<Written<'_>> =
        cascade.rules().iter().zip(&file.rule).filter_map(|(rule, written)| Some((rule, written.condition.as_ref()?))).collect();
    let under = Under::new(cascade);
    if let Some((one, other, differs)) = first_difference(&under, &rules) {
        let message = format!(
            "where the rules \"{}\" and \"{}\" both hold, both are in force, and not the first alone: {differs}",
            one.0.name, other.0.name
        );
        let help = format!(
            "rules combine; where that is not meant, write conditions that exclude each other, as two values of one tag do; where it is, \
             write `allow = [\"{}\"]` at the top of the file",
            Code::COMBINED_RULES.id
        );
        found.warning(Code::COMBINED_RULES, other.1.span(), message).label(one.1.span(), "the first").help(help);
    }
    let named: Vec<(Written<'_>, &Arc<str>)> = rules.iter().filter_map(|rule| Some((*rule, point(rule.0)?))).collect();
    let differ = pairs(&named).find(|((one, first), (other, second))| first != second && may_both_hold(one, other));
    if let Some(((one, first), (other, second))) = differ {
        let message = format!(
            "where the rules \"{}\" and \"{}\" both hold, the point \"{first}\" is taken, and \"{second}\" is not",
            one.0.name, other.0.name
        );
        let help = "the first rule that names a point decides: put the one first that is to count";
        found.warning(Code::TWO_POINTS, other.1.span(), message).label(one.1.span(), "the first").help(help);
    }
}

/// Every two of them, the earlier one first, in the order of the later one.
fn pairs<T>(all: &[T]) -> impl Iterator<Item = (&T, &T)> {
    all.iter().enumerate().flat_map(move |(at, later)| all[..at].iter().map(move |earlier| (earlier, later)))
}

fn may_both_hold(one: &Written<'_>, other: &Written<'_>) -> bool {
    !one.1.get_ref().excludes(other.1.get_ref())
}

fn point(rule: &Rule) -> Option<&Arc<str>> {
    if let Route::Answer(within) = &rule.route { within.point.as_ref() } else { None }
}

/// The first two rules that may both hold and then come to something else than the first alone, and to what. Rules that want the same
/// are compared once.
fn first_difference<'r, 'a>(under: &Under, rules: &'r [Written<'a>]) -> Option<(&'r Written<'a>, &'r Written<'a>, String)> {
    let mut wants: Vec<Route> = Vec::new();
    let kind = |(rule, _): &Written<'_>| {
        let want = without_reason(&rule.route);
        wants.iter().position(|known| *known == want).unwrap_or_else(|| {
            wants.push(want);
            wants.len() - 1
        })
    };
    let kinds: Vec<usize> = rules.iter().map(kind).collect();
    let mut differ: Vec<Option<bool>> = vec![None; wants.len() * wants.len()];
    let places: Vec<usize> = (0..rules.len()).collect();
    let (&one, &other) = pairs(&places).find(|(one, other)| {
        let known = &mut differ[kinds[**one] * wants.len() + kinds[**other]];
        *known.get_or_insert_with(|| difference(under, rules[**one].0, rules[**other].0).is_some())
            && may_both_hold(&rules[**one], &rules[**other])
    })?;
    let differs = difference(under, rules[one].0, rules[other].0)?;
    Some((&rules[one], &rules[other], differs))
}

fn without_reason(route: &Route) -> Route {
    match route {
        Route::Answer(_) => route.clone(),
        Route::Review(_) => Route::Review("".into()),
        Route::Refuse(_) => Route::Refuse("".into()),
    }
}

/// What two rules that hold come to, where the first one alone comes to something else.
fn difference(under: &Under, one: &Rule, other: &Rule) -> Option<String> {
    let both = under.plans(&[one, other]);
    under.plans(&[one]).zip(both).find_map(|(first, both)| changed(&first, &both))
}

/// What the second plan does otherwise than the first.
fn changed(first: &Plan, both: &Plan) -> Option<String> {
    let cascade = both.cascade();
    let names = |tiers: &[TierIx]| tiers.iter().map(|ix| &*cascade.tier(*ix).name).collect::<Vec<_>>().join(", ");
    let allowed = |plan: &Plan| -> Vec<TierIx> {
        (0..cascade.tiers().len()).map(TierIx).filter(|ix| plan.constraints().allows(*ix)).collect()
    };
    match (first.constraints().end(), both.constraints().end()) {
        (Some(End::Refused(_)), _) => return None,
        (_, Some(End::Refused(why))) => return Some(format!("such a request is refused ({why})")),
        (Some(End::Review(_)), _) => {
            return (first.tiers != both.tiers).then(|| {
                let asked = names(&first.tiers);
                format!("a person is to answer such a request, and \"{asked}\", who would be asked, may not see it")
            });
        }
        (_, Some(End::Review(_))) => return Some("a person answers such a request, and no model sees it".to_owned()),
        _ => {}
    }
    let shown = (allowed(first) != allowed(both)).then(|| format!("is shown to {} alone", names(&allowed(both))));
    let entered = both.tiers.first().filter(|at| first.tiers.first() != Some(at));
    let entered = entered.map(|at| format!("enters at {}", names(&[*at])));
    let judged = both.point.as_ref().filter(|point| first.point.as_ref() != Some(point));
    let judged = judged.map(|point| format!("is judged at the point \"{point}\""));
    let mut said: Vec<String> = shown.into_iter().chain(entered).chain(judged).collect();
    if said.is_empty() && first.tiers != both.tiers {
        said.push(format!("goes to {}", names(&both.tiers)));
    }
    (!said.is_empty()).then(|| format!("such a request {}", said.join(", and ")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use tierfall_core::cascade::{Answerer, Parts, Tier};
    use tierfall_core::fusion::GateValue;
    use tierfall_core::number::Threshold;
    use tierfall_core::point::{Cut, FittedGate, OperatingPoint};
    use tierfall_core::registry::Registry;
    use tierfall_core::request::Request;
    use tierfall_core::rule::Within;
    use tierfall_core::rule::table::Condition;

    use super::*;

    #[derive(Debug)]
    struct Never;

    impl Condition for Never {
        fn holds(&self, _: &Request) -> bool {
            false
        }
    }

    fn rule(route: Route) -> Rule {
        Rule { name: "r".into(), when: Arc::new(Never), route }
    }

    /// Two tiers with gates, and a person or a model; a fit with two points, each of which leaves out some.
    fn cascade(person: bool, asked: [[bool; 2]; 2]) -> Cascade {
        let sample = tierfall_testkit::sample::cascade(&[("small", 0.5), ("medium", 0.5), ("large", 0.0)]).unwrap();
        let mut tiers: Vec<Tier> = sample.tiers().to_vec();
        if person {
            tiers[2].answerer = Answerer::Human { cost: None };
        }
        let own = |tier: &Tier| {
            let signal = tier.gate.as_ref()?.signal.label.to_string();
            Some(FittedGate { value: GateValue::Signal { signal, negated: false }, map: None })
        };
        let gates = tiers.iter().filter_map(own).collect();
        let (name, salt, policy) = (sample.name().clone(), sample.salt().into(), *sample.policy());
        let parts = Parts { name, salt, tiers, rules: Vec::new(), policy };
        let point = |(name, asked): (&str, [bool; 2])| OperatingPoint {
            name: name.into(),
            promise: "none".into(),
            cuts: asked.map(|asked| Cut { asked, threshold: Threshold::DeferAll }).to_vec(),
            segments: [].into(),
        };
        let points = ["default", "strict"].into_iter().zip(asked).map(point).collect();
        Cascade::try_from(parts).unwrap().fitted(gates, points).unwrap()
    }

    fn any_route() -> impl Strategy<Value = Route> {
        let tier = || (0..3usize).prop_map(TierIx);
        let only = proptest::option::of(proptest::collection::btree_set(tier(), 1..=3));
        let point = proptest::option::of(prop_oneof![Just("default"), Just("strict")]);
        let within = (only, proptest::option::of(tier()), point);
        prop_oneof![
            8 => within.prop_map(|(only, enter_at, point)| Route::Answer(Within { only, enter_at, point: point.map(Into::into) })),
            1 => Just(Route::Review("look".into())),
            1 => Just(Route::Refuse("no".into())),
        ]
    }

    /// What is done with a request under a plan.
    fn done(plan: &Plan) -> (Option<u8>, Vec<TierIx>, BTreeSet<TierIx>, Option<Arc<str>>) {
        let end = plan.constraints().end().map(|end| match end {
            End::Invalid(_) | End::Fault(_) => 0,
            End::Refused(_) => 1,
            End::Review(_) => 2,
        });
        let allowed = (0..3).map(TierIx).filter(|ix| plan.constraints().allows(*ix)).collect();
        match end {
            Some(1) => (end, Vec::new(), BTreeSet::new(), None),
            Some(_) => (end, plan.tiers.clone(), allowed, None),
            None => (end, plan.tiers.clone(), allowed, plan.point.clone()),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        /// Where nothing is said of a pair it does what its first rule does alone; and so do three, of which no two are told.
        #[test]
        fn whatever_changes_what_a_rule_does_is_told(
            person in any::<bool>(), asked in any::<[[bool; 2]; 2]>(), one in any_route(), other in any_route(), third in any_route(),
        ) {
            let under = Under::new(&cascade(person, asked));
            let [one, other, third] = [one, other, third].map(rule);
            let what = |rules: &[&Rule]| under.plans(rules).map(|plan| done(&plan)).collect::<Vec<_>>();
            let alone = what(&[&one]);
            let told = [(&one, &other), (&one, &third), (&other, &third)].map(|(one, later)| difference(&under, one, later).is_some());
            prop_assert_eq!(told[0], alone != what(&[&one, &other]));
            if told == [false; 3] {
                prop_assert_eq!(alone, what(&[&one, &other, &third]));
            }
        }
    }

    /// A tier that the fit leaves out is asked where a rule enters at it.
    #[test]
    fn entering_at_a_tier_that_the_fit_skips_is_told() {
        let under = Under::new(&cascade(false, [[true, true], [false, true]]));
        let enter = rule(Route::enter_at(TierIx(0)));
        let differs = |one: Route| difference(&under, &rule(one), &enter);
        assert_eq!(differs(Route::at_point("strict")).as_deref(), Some("such a request enters at small"));
    }

    #[test]
    fn rules_that_want_the_same_are_compared_once() {
        let under = Under::new(&cascade(false, [[true, true], [true, true]]));
        let spec = Spanned::new(0..0, ConditionSpec::read("keyword", serde_json::json!({ "any": ["a"] })).unwrap().unwrap());
        let mut routes = vec![Route::enter_at(TierIx(1)); 3000];
        routes.push(Route::enter_at(TierIx(2)));
        let named = |(at, route): (usize, Route)| Rule { name: at.to_string().into(), ..rule(route) };
        let rules: Vec<Rule> = routes.into_iter().enumerate().map(named).collect();
        let written: Vec<Written<'_>> = rules.iter().map(|rule| (rule, &spec)).collect();
        let (one, other, _) = first_difference(&under, &written).unwrap();
        assert_eq!((&*one.0.name, &*other.0.name), ("0", "3000"));
    }
}
