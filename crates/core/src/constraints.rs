//! What all rules that hold for a request want together. None lifts what another one says.
//!
//! The tiers that may see the request are those that every rule allows; the chain is entered at the latest tier that any rule names.
//! A refusal comes before a review, and a review before everything else. So a rule that is added never allows more, and the order of
//! rules decides nothing but which operating point is taken where two rules name different ones.

use std::sync::Arc;

use crate::cascade::{Cascade, TierIx};
use crate::request::Request;
use crate::rule::{Route, Within};

/// A rule that holds for the request, and what it wants.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InForce {
    /// The rule's name.
    pub rule: Arc<str>,
    /// What it wants.
    pub route: Route,
}

/// Why no model answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// No call can carry the request; what is the matter with it.
    Invalid(Arc<str>),
    /// Nobody knows what the rules want, so nothing is called; what happened.
    Fault(Arc<str>),
    /// The request is refused: a rule says so, or all rules together leave no tier. Every reason.
    Refused(Arc<str>),
    /// A person answers; every reason.
    Review(Arc<str>),
}

/// What the rules that hold for a request want together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Constraints {
    rules: Vec<InForce>,
    /// One a tier: the places of the rules that keep the request from it.
    keeping: Vec<Vec<usize>>,
    from: Option<TierIx>,
    point: Option<Arc<str>>,
    end: Option<End>,
}

impl Constraints {
    /// Asks every rule of a cascade about a request. A rule that panics forbids everything.
    pub fn of(cascade: &Cascade, request: &Request) -> Self {
        let (mut rules, mut fault) = (Vec::new(), None);
        for rule in cascade.rules() {
            match rule.holds(request) {
                Ok(true) => rules.push(InForce { rule: rule.name.clone(), route: rule.route.clone() }),
                Ok(false) => {}
                Err(why) => fault = fault.or(Some(format!("the rule \"{}\" {why}", rule.name))),
            }
        }
        let constraints = Self::together(cascade, rules);
        match fault {
            Some(why) => constraints.faulty(&why),
            None => constraints,
        }
    }

    fn together(cascade: &Cascade, rules: Vec<InForce>) -> Self {
        let places = |keeps: &dyn Fn(&Route) -> bool| -> Vec<usize> {
            (0..rules.len()).filter(|place| keeps(&rules[*place].route)).collect()
        };
        let tiers = || cascade.tiers().iter().enumerate().map(|(ix, tier)| (TierIx(ix), &tier.answerer));
        let by_itself = tiers().map(|(ix, who)| places(&|route| !route.allows(ix, who))).collect();
        let from = within(&rules).filter_map(|(_, within)| within.enter_at).max();
        let point = within(&rules).find_map(|(_, within)| within.point.clone());
        let texts = |of: fn(&Route) -> Option<&Arc<str>>| {
            let mut texts: Vec<&str> = Vec::new();
            for text in rules.iter().filter_map(|one| of(&one.route)) {
                if !texts.contains(&&**text) {
                    texts.push(text);
                }
            }
            (!texts.is_empty()).then(|| texts.join("; ").into())
        };
        let refused = texts(|route| if let Route::Refuse(why) = route { Some(why) } else { None });
        let review = texts(|route| if let Route::Review(why) = route { Some(why) } else { None });
        // A review needs no tier, but what cannot be met is not made good by it.
        let left = tiers().any(|(ix, _)| within(&rules).all(|(_, within)| !rules_out(within, ix)));
        let (keeping, end) = match (refused, left) {
            (Some(why), _) => (by_itself, Some(End::Refused(why))),
            (None, true) => (by_itself, review.map(End::Review)),
            (None, false) => {
                let restricts =
                    |route: &Route| matches!(route, Route::Answer(within) if tiers().any(|(ix, _)| rules_out(within, ix)));
                let together = places(&restricts);
                let why = nothing_left(cascade, together.iter().map(|place| &rules[*place]));
                (vec![together; cascade.tiers().len()], Some(End::Refused(why.into())))
            }
        };
        Self { rules, keeping, from, point, end }
    }

    /// The same where nobody knows what the rules want, since something that they need failed.
    #[must_use]
    pub(crate) fn faulty(self, why: &str) -> Self {
        if self.fault().is_some() {
            return self;
        }
        self.nothing(End::Fault(format!("{why}; nobody knows where the request may go, so nothing is called").into()))
    }

    /// The same where nothing may be called.
    #[must_use]
    pub(crate) fn nothing(self, end: End) -> Self {
        Self { end: Some(end), ..self }
    }

    /// The rules that hold, in the order of the cascade.
    pub fn rules(&self) -> &[InForce] {
        &self.rules
    }

    /// Whether a tier may see the request: the one place where this is decided.
    pub fn allows(&self, tier: TierIx) -> bool {
        self.fault().is_none() && self.keeping.get(tier.0).is_some_and(Vec::is_empty)
    }

    /// The tier at which the chain is entered, where a rule names one.
    pub fn from(&self) -> Option<TierIx> {
        self.from
    }

    /// The operating point that the first rule names which names one.
    pub fn point(&self) -> Option<&Arc<str>> {
        self.point.as_ref()
    }

    /// Why no model answers, where none does.
    pub fn end(&self) -> Option<&End> {
        self.end.as_ref()
    }

    /// What failed or is wrong, where the rules have no say: nobody knows what they want, or no call can carry the request.
    pub fn fault(&self) -> Option<&Arc<str>> {
        if let Some(End::Fault(why) | End::Invalid(why)) = &self.end { Some(why) } else { None }
    }

    /// The names of the rules that keep the request from a tier: those that do so by themselves or, where all together leave no tier,
    /// those that leave out any. Empty where the tier may see it, or [something is wrong](Self::fault).
    pub fn kept_from(&self, tier: TierIx) -> Vec<&Arc<str>> {
        let keeping = self.keeping.get(tier.0).filter(|_| self.fault().is_none());
        keeping.into_iter().flatten().map(|place| &self.rules[*place].rule).collect()
    }

    /// The names of the rules that enter behind a tier.
    pub fn entering_behind(&self, tier: TierIx) -> Vec<&Arc<str>> {
        within(&self.rules).filter(|(_, within)| within.enter_at.is_some_and(|at| at > tier)).map(|(rule, _)| rule).collect()
    }
}

/// Those that let models answer.
fn within(rules: &[InForce]) -> impl Iterator<Item = (&Arc<str>, &Within)> {
    rules.iter().filter_map(|one| if let Route::Answer(within) = &one.route { Some((&one.rule, within)) } else { None })
}

/// Whether a tier cannot answer by what one rule says: it may not see the request, or the chain is entered behind it.
fn rules_out(within: &Within, tier: TierIx) -> bool {
    within.only.as_ref().is_some_and(|only| !only.contains(&tier)) || within.enter_at.is_some_and(|at| tier < at)
}

/// That these rules leave no tier.
fn nothing_left<'r>(cascade: &Cascade, rules: impl Iterator<Item = &'r InForce>) -> String {
    let name = |ix: &TierIx| cascade.tiers().get(ix.0).map_or("?", |tier| &tier.name);
    let said: Vec<String> = rules
        .filter_map(|InForce { rule, route }| {
            let Route::Answer(within) = route else { return None };
            let only = within.only.as_ref().map(|only| match only.len() {
                0 => "allows none".to_owned(),
                _ => format!("allows only {}", only.iter().map(name).collect::<Vec<_>>().join(", ")),
            });
            let enter = within.enter_at.as_ref().map(|at| format!("enters at {}", name(at)));
            let said: Vec<String> = only.into_iter().chain(enter).collect();
            Some(format!("\"{rule}\" {}", said.join(" and ")))
        })
        .collect();
    format!("the rules leave no tier: {}", said.join("; "))
}
