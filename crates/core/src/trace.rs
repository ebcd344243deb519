//! The record of one run: every decision and every cent, and no text of the conversation.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use crate::cascade::{Cascade, TierIx};
use crate::completion::{Completion, Usage};
use crate::constraints::{End, InForce};
use crate::gate::{Accepted, Decision, Deferral, Unusable};
use crate::money::{Cost, Money};
use crate::number::{Confidence, Score, Threshold, Tie};
use crate::plan::{Plan, Skip};
use crate::provider::{Attempt, Billing, CallErrorKind};
use crate::request::{RequestId, UnixMillis};
use crate::rule::{Route, Within};
use crate::signal::Reading;
use crate::signal::logprob::Census;

crate::words! {
    /// How a run ended.
    #[derive(Default)]
    pub enum OutcomeKind {
        /// With an answer.
        #[default]
        Answered = "answered",
        /// The cascade declines to answer.
        Abstained = "abstained",
        /// A person must look.
        Review = "review",
        /// A rule, or a provider's filter, refused the request.
        Refused = "refused",
        /// No tier could answer.
        Failed = "failed",
    }
}

/// What ended a run before its chain did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stopped {
    /// The next call could have exceeded the request's budget.
    Budget,
    /// The request's deadline passed.
    Deadline,
}

/// Why a run ended by the policy's `on-exhausted`, or with a person, and not as its chain is meant to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fallback {
    /// The last tier that was to answer failed.
    Failed,
    /// The last tier's answer was not whole, and the policy is `best-whole`.
    NotWhole,
    /// The request's deadline passed.
    Deadline,
    /// The next call could have exceeded the request's budget.
    Budget,
}

impl Fallback {
    /// Whether the same request may fare better another time: nothing was wrong with what it asks, nor with what it may
    /// cost.
    pub fn may_pass(self) -> bool {
        matches!(self, Self::Failed | Self::Deadline)
    }
}

/// Where a cost comes from, or what the last tier would have cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum CostBasis {
    /// Providers told it; the last tier was called.
    Measured,
    /// A call was cut off before its provider told; for the last tier, from the tokens of the tiers that were called, at its price.
    Estimated,
}

/// The record of one run.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Trace {
    /// How it ended.
    pub outcome: OutcomeKind,
    /// Why it fell back on what was left: no gate, and no last tier, stands behind an answer that is served so. Absent where
    /// the chain ended as it is meant to, and where the run failed or was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<Fallback>,
    /// The tier whose answer is served or attached.
    pub tier: Option<Arc<str>>,
    /// The calibrated confidence of an accepted answer; `None` where nothing was fitted.
    pub confidence: Option<Confidence>,
    /// Every attempt of every tier: rejected, retried, probed and cancelled ones too.
    #[serde(flatten, serialize_with = "cost")]
    pub cost: Cost,
    /// What sending the request straight to the last model would have cost.
    #[serde(rename = "cost_if_last_usd")]
    pub cost_if_last: Option<Money>,
    /// Where that figure comes from; absent with it.
    pub cost_if_last_basis: Option<CostBasis>,
    /// The sum of all calls' times, waiting for places aside.
    #[serde(rename = "latency_ms", serialize_with = "milliseconds")]
    pub latency: Duration,
    /// How long the calls waited for places at their providers; absent where none did.
    #[serde(rename = "queued_ms", serialize_with = "milliseconds", skip_serializing_if = "Duration::is_zero")]
    pub queued: Duration,
    /// Decides the ties.
    pub request_id: RequestId,
    /// When the request arrived, in milliseconds since 1970 began, in UTC; absent where nobody said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<UnixMillis>,
    /// Who asked, by the id that the caller vouches for; absent where nobody said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<Arc<str>>,
    /// The distributed trace that it stands in, by its id of 32 hexadecimal digits; absent where nobody said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<Arc<str>>,
    /// The cascade's name.
    pub cascade: Arc<str>,
    /// What was decided before any call.
    pub route: RouteTrace,
    /// The tiers that were called, in order.
    pub steps: Vec<Step>,
    /// What kept the next tier from being called, where the chain went on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stopped>,
    /// Why the run failed, was refused, or ended with a failed call, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Trace {
    /// What is the matter with the answer that is served or attached, where it is none that a gate could accept: the last tier,
    /// and a fallback, serve it all the same.
    pub fn unusable(&self) -> Option<&Unusable> {
        let tier = self.tier.as_ref()?;
        self.steps.iter().filter(|step| step.tier == *tier).find_map(|step| match &step.decision {
            Decision::Accept(Accepted::LastTier(why)) => why.as_ref(),
            Decision::Defer(Deferral::Unusable(why)) => Some(why),
            _ => None,
        })
    }

    /// The trace as JSON with the answer that is served put beside it: its text under `answer` (null where none is served), what it
    /// wants called under `tool_calls` and the provider's own refusal under `refusal`, where there is one, and under `unusable`
    /// [what is the matter with it](Self::unusable), where something is.
    pub fn to_json(&self, answer: Option<&Completion>) -> Result<serde_json::Value, serde_json::Error> {
        let mut json = serde_json::to_value(self)?;
        if let Some(map) = json.as_object_mut() {
            map.insert("answer".to_owned(), answer.map(|answer| answer.text.as_str()).into());
            if let Some(calls) = answer.map(|answer| &answer.tool_calls).filter(|calls| !calls.is_empty()) {
                map.insert("tool_calls".to_owned(), serde_json::to_value(calls)?);
            }
            if let Some(refusal) = answer.and_then(|answer| answer.refusal.as_deref()) {
                map.insert("refusal".to_owned(), refusal.into());
            }
            if let Some(why) = self.unusable() {
                map.insert("unusable".to_owned(), why.to_string().into());
            }
        }
        Ok(json)
    }
}

/// What was decided before any call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RouteTrace {
    /// The rules that hold for the request, in the order of the cascade, and what each of them wants. All of it is in force.
    pub rules: Vec<RuleTrace>,
    /// Why nothing is called, where nothing is: the reasons of the rules that refuse, that all rules together leave no tier, that one
    /// failed, or that no call can carry the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refused: Option<Arc<str>>,
    /// Why a person answers and no model does, where a rule wants that and nothing refuses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review: Option<Arc<str>>,
    /// The operating point in force; absent where the cascade has no fit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub point: Option<Arc<str>>,
    /// What is promised for it, for people; absent where a rule chose the point, since nothing is promised for what a rule picks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promise: Option<Arc<str>>,
    /// The request's run-time segment, where it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segment: Option<Arc<str>>,
    /// The request's own limit on money, where it has one; the lower one of it and the policy's is in force.
    #[serde(rename = "budget_usd", skip_serializing_if = "Option::is_none")]
    pub budget: Option<Money>,
    /// The same on time.
    #[serde(rename = "deadline_ms", serialize_with = "maybe_milliseconds", skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Duration>,
    /// The tiers that could be called, cheapest first.
    pub tiers: Vec<Arc<str>>,
    /// The others, and why not.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub skipped: BTreeMap<Arc<str>, Skip>,
}

impl RouteTrace {
    /// The plan in words.
    pub fn of(plan: &Plan) -> Self {
        let cascade = plan.cascade();
        let name = |ix| cascade.tier(ix).name.clone();
        let constraints = plan.constraints();
        let (refused, review) = match constraints.end() {
            Some(End::Invalid(why) | End::Fault(why) | End::Refused(why)) => (Some(why.clone()), None),
            Some(End::Review(why)) => (None, Some(why.clone())),
            None => (None, None),
        };
        Self {
            rules: constraints.rules().iter().map(|one| RuleTrace::of(cascade, one)).collect(),
            refused,
            review,
            point: plan.point.clone(),
            promise: plan.promise.clone(),
            segment: plan.segment.clone(),
            budget: plan.request().budget,
            deadline: plan.request().deadline,
            tiers: plan.tiers.iter().copied().map(name).collect(),
            skipped: plan.skipped.iter().map(|(ix, why)| (name(*ix), why.clone())).collect(),
        }
    }
}

/// A rule that holds for a request, and what it wants: what is absent it does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub struct RuleTrace {
    /// Its name.
    pub rule: Arc<str>,
    /// The tiers that alone may see the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub only: Option<Vec<Arc<str>>>,
    /// The tier at which the chain is entered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enter_at: Option<Arc<str>>,
    /// The operating point that it names, which need not be the one in force: the request's own comes first, then the first rule's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub point: Option<Arc<str>>,
    /// Why a person is to answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review: Option<Arc<str>>,
    /// Why nobody is to answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refuse: Option<Arc<str>>,
}

impl RuleTrace {
    fn of(cascade: &Cascade, in_force: &InForce) -> Self {
        let name = |ix: &TierIx| cascade.tiers().get(ix.0).map(|tier| tier.name.clone());
        let told = Self { rule: in_force.rule.clone(), ..Self::default() };
        match &in_force.route {
            Route::Answer(Within { only, enter_at, point }) => Self {
                only: only.as_ref().map(|only| only.iter().filter_map(name).collect()),
                enter_at: enter_at.as_ref().and_then(name),
                point: point.clone(),
                ..told
            },
            Route::Review(why) => Self { review: Some(why.clone()), ..told },
            Route::Refuse(why) => Self { refuse: Some(why.clone()), ..told },
        }
    }
}

/// One tier's part in a run.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Step {
    /// The tier.
    pub tier: Arc<str>,
    /// What was decided, and why.
    pub decision: Decision,
    /// Every signal that was read, by label.
    pub signals: Vec<(Arc<str>, Reading)>,
    /// How many tokens the answer had, and how many of their log-probabilities a declared rule had to read; `None` where
    /// nothing was read, or the provider gave none.
    pub tokens: Option<Census>,
    /// What the gate compared.
    pub gate_value: Option<Score>,
    /// What the gate value would have been at most, where the draft was cut because that was too little.
    pub gate_bound: Option<Score>,
    /// What orders equal gate values.
    pub tie: Tie,
    /// The calibrated confidence; `None` where nothing was fitted.
    pub confidence: Option<Confidence>,
    /// The gate value on its signal's nominal scale: no probability.
    pub nominal: Option<f64>,
    /// Where the gate cuts; `None` without a gate.
    pub threshold: Option<Threshold>,
    /// The threshold on the scale of `confidence`, else of `nominal`; `None` = defer all, or no gate.
    pub threshold_display: Option<f64>,
    /// What was said about the last call of the step that failed, a probe's included, for people.
    pub message: Option<Arc<str>>,
    /// How long its calls took, one after the other; attempts that ran side by side count once.
    pub latency: Duration,
    /// How long its calls waited for places at their providers.
    pub queued: Duration,
    /// Every attempt, probes included.
    pub calls: Vec<CallTrace>,
}

impl Step {
    /// The tokens of all attempts that told; `None` where none did.
    pub fn usage(&self) -> Option<Usage> {
        self.calls.iter().filter_map(CallTrace::usage).reduce(|a, b| a + b)
    }

    /// The cost of all attempts.
    pub fn cost(&self) -> Cost {
        self.calls.iter().map(|call| call.cost).sum()
    }
}

/// One attempt at one call, priced.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct CallTrace {
    /// The tier that was called and is charged: the step's own, or a probe's surrogate.
    pub tier: Arc<str>,
    /// The probing signal's label; `None` for an answering call.
    pub probe: Option<Arc<str>>,
    /// How many answers its usage covers: more than one where several were sampled.
    pub answers: usize,
    /// What happened.
    pub attempt: Attempt,
    /// What it cost.
    pub cost: Cost,
}

impl CallTrace {
    fn usage(&self) -> Option<Usage> {
        self.attempt.billing.usage()
    }
}

fn milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    // Whole microseconds, so that the decimal fraction stays short and the same on every machine.
    serializer.serialize_f64(duration.as_micros() as f64 / 1000.0)
}

#[expect(clippy::ref_option, reason = "serde's serialize_with passes a reference")]
fn maybe_milliseconds<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => milliseconds(duration, serializer),
        None => serializer.serialize_none(),
    }
}

fn cost<S: Serializer>(cost: &Cost, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    cost_entries(cost, &mut map)?;
    map.end()
}

/// The cost in USD; where some of it is estimated, that it is, and between what and what it lies; where some is unknown, what is known
/// of it.
fn cost_entries<M: SerializeMap>(cost: &Cost, map: &mut M) -> Result<(), M::Error> {
    map.serialize_entry("cost_usd", cost)?;
    let (estimated, unknown) = (cost.estimated_charges() > 0, cost.unknown_charges() > 0);
    if estimated {
        map.serialize_entry("cost_basis", &CostBasis::Estimated)?;
    }
    if estimated || (unknown && cost.at_least() > Money::ZERO) {
        map.serialize_entry("cost_at_least_usd", &cost.at_least())?;
    }
    if estimated {
        map.serialize_entry("cost_at_most_usd", &cost.at_most())?;
    }
    Ok(())
}

struct Millis(Duration);

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        milliseconds(&self.0, serializer)
    }
}

impl Serialize for Step {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let readings: BTreeMap<_, _> = self.signals.iter().map(|(label, reading)| (label, reading.ok())).collect();
        let abstained: BTreeMap<_, _> =
            self.signals.iter().filter_map(|(label, reading)| Some((label, reading.err()?.as_str()))).collect();
        let raw = match self.threshold {
            Some(Threshold::AcceptFrom { score, .. }) => Some(score),
            Some(Threshold::DeferAll) | None => None,
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("tier", &self.tier)?;
        map.serialize_entry("decision", self.decision.as_str())?;
        map.serialize_entry("reason", self.decision.reason())?;
        if let Some(detail) = self.decision.detail() {
            map.serialize_entry("detail", &detail)?;
        }
        if let Some(message) = &self.message {
            map.serialize_entry("message", message)?;
        }
        map.serialize_entry("signals", &readings)?;
        if !abstained.is_empty() {
            map.serialize_entry("abstained", &abstained)?;
        }
        if let Some(tokens) = &self.tokens {
            map.serialize_entry("tokens", tokens)?;
        }
        map.serialize_entry("gate_value", &self.gate_value)?;
        if let Some(bound) = self.gate_bound {
            map.serialize_entry("gate_bound", &bound)?;
        }
        map.serialize_entry("tie", &self.tie)?;
        map.serialize_entry("confidence", &self.confidence)?;
        map.serialize_entry("nominal", &self.nominal)?;
        map.serialize_entry("threshold", &self.threshold_display)?;
        map.serialize_entry("raw_threshold", &raw)?;
        map.serialize_entry("usage", &self.usage())?;
        cost_entries(&self.cost(), &mut map)?;
        map.serialize_entry("latency_ms", &Millis(self.latency))?;
        if !self.queued.is_zero() {
            map.serialize_entry("queued_ms", &Millis(self.queued))?;
        }
        map.serialize_entry("calls", &self.calls)?;
        map.end()
    }
}

impl Serialize for CallTrace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("tier", &self.tier)?;
        if let Some(probe) = &self.probe {
            map.serialize_entry("probe", probe)?;
        }
        if let Some(member) = &self.attempt.member {
            map.serialize_entry("member", &member.name)?;
        }
        map.serialize_entry("error", &self.attempt.error.map(CallErrorKind::as_str))?;
        map.serialize_entry("usage", &self.usage())?;
        if let Billing::Estimated(estimate) = self.attempt.billing {
            map.serialize_entry("estimated_usage", &estimate.usage())?;
        }
        cost_entries(&self.cost, &mut map)?;
        map.serialize_entry("latency_ms", &Millis(self.attempt.latency))?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_of_a_cost_is_told() {
        let told = |cost: Cost| super::cost(&cost, serde_json::value::Serializer).unwrap();
        let (one, two, three) = (Money::from_pico(1 << 40), Money::from_pico(2 << 40), Money::from_pico(3 << 40));
        assert_eq!(told(Cost::known(one)), serde_json::json!({ "cost_usd": one.usd() }));
        assert_eq!(told(Cost::UNKNOWN), serde_json::json!({ "cost_usd": null }));
        let partly = serde_json::json!({ "cost_usd": null, "cost_at_least_usd": one.usd() });
        assert_eq!(told(Cost::known(one) + Cost::UNKNOWN), partly);
        let estimated = serde_json::json!({
            "cost_usd": two.usd(), "cost_basis": "estimated", "cost_at_least_usd": one.usd(), "cost_at_most_usd": three.usd(),
        });
        assert_eq!(told(Cost::estimated(one, two, Some(three))), estimated);
    }
}
