//! What keeps the parts of a cascade from working together. A file's reader asks here with the places in hand, the engine's builder
//! for parts that were made in code.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tierfall_core::cascade::{Answerer, Cascade, Model, OnAbstain, OnError, Policy};
use tierfall_core::caught::caught;
use tierfall_core::fields;
use tierfall_core::gate::Gate;
use tierfall_core::number::{Score, Threshold};
use tierfall_core::point::OperatingPoint;
use tierfall_core::provider::{Declares, Gives, Provider};
use tierfall_core::request::{Params, Timeouts};
use tierfall_core::rule::{Route, Rule, Within};
use tierfall_core::signal::{NamedSignal, Nominal};

use crate::config::Code;
use tierfall_core::nearest::suggestion;

/// The highest temperature that a tier may sample at.
pub(crate) const MOST_TEMPERATURE: u32 = 100;

/// The longest wait that can be declared: larger ones are mistakes, and overflow clocks.
const LONGEST_WAIT: Duration = Duration::from_hours(24 * 7);

/// Something that keeps parts from working together.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// What kind of fault, as in cascade files.
    pub code: Code,
    /// The tier; `None` where it is about no tier alone.
    pub tier: Option<Arc<str>>,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub help: Option<String>,
}

impl Fault {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, tier: None, message: message.into(), help: None }
    }

    pub(crate) fn help(mut self, text: impl Into<String>) -> Self {
        self.help = Some(text.into());
        self
    }

    fn of_rule(mut self, rule: &str) -> Self {
        self.message = format!("the rule \"{rule}\": {}", self.message);
        self
    }

    pub(crate) fn at(mut self, tier: &Arc<str>) -> Self {
        self.tier = Some(tier.clone());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(tier) = &self.tier {
            write!(f, "tier \"{tier}\": ")?;
        }
        f.write_str(&self.message)?;
        self.help.iter().try_for_each(|help| write!(f, "; {help}"))
    }
}

/// Whether a name can be one of a file, a key or a column.
pub(crate) fn name(what: &str, text: &str) -> Option<Fault> {
    let usable = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let fits = !text.is_empty() && text.chars().all(usable) && !text.starts_with('.');
    (!fits).then(|| {
        Fault::new(Code::BAD_NAME, format!("{what} cannot be \"{text}\""))
            .help("names are file names and keys: letters, digits, `-`, `_` and `.`, not beginning with `.`")
    })
}

/// Whether a text says nothing.
pub(crate) fn empty(what: &str, text: &str) -> Option<Fault> {
    text.is_empty().then(|| Fault::new(Code::BAD_VALUE, format!("{what} is empty")))
}

/// Whether a number lies within these bounds, which it may reach.
pub(crate) fn number(what: &str, value: f64, (min, max): (f64, f64)) -> Option<Fault> {
    (!(min..=max).contains(&value)).then(|| Fault::new(Code::BAD_VALUE, format!("{what} must be {}", range(min, max))))
}

/// A range of numbers in words.
pub(crate) fn range(min: f64, max: f64) -> String {
    match (min, max) {
        (f64::NEG_INFINITY, f64::INFINITY) => "a number".into(),
        // The least positive number stands for anything above zero.
        (f64::MIN_POSITIVE, max) => format!("above 0 and at most {max}"),
        (min, f64::INFINITY) => format!("at least {min}"),
        (min, max) => format!("from {min} to {max}"),
    }
}

/// Why nobody can wait so long.
pub(crate) fn unusable(wait: Duration) -> Option<&'static str> {
    if wait.is_zero() {
        return Some("a duration of zero would let nothing happen");
    }
    (wait > LONGEST_WAIT).then_some("longer than a week")
}

fn wait(what: &str, wait: Duration) -> Option<Fault> {
    unusable(wait).map(|why| Fault::new(Code::BAD_DURATION, format!("{what} is no usable duration: {why}")))
}

/// What of a model cannot be put to a provider.
fn model(model: &Model) -> impl Iterator<Item = Fault> {
    let Params { temperature, top_p, max_tokens, stop, seed: _, extra } = &model.params;
    let Timeouts { connect, idle, total } = model.timeouts;
    let numbers = [
        ("`params.temperature`", *temperature, (0.0, f64::from(MOST_TEMPERATURE))),
        ("`params.top_p`", *top_p, (f64::MIN_POSITIVE, 1.0)),
        ("`params.max_tokens`", max_tokens.map(f64::from), (1.0, f64::INFINITY)),
        ("`context_window`", model.context_window.map(|tokens| tokens as f64), (1.0, f64::INFINITY)),
    ];
    let numbers = numbers.into_iter().filter_map(|(what, value, bounds)| number(what, value?, bounds));
    let waits = [("connect", connect), ("idle", idle), ("total", total)];
    let waits = waits.into_iter().filter_map(|(what, value)| wait(&format!("`timeouts.{what}`"), value?));
    let texts = stop.iter().filter_map(|text| empty("a text of `params.stop`", text));
    let fields = extra.keys().filter_map(|field| reserved(field));
    empty("the model's name", &model.name).into_iter().chain(numbers).chain(waits).chain(texts).chain(fields)
}

/// Whether a rule leaves nobody to answer, by the key that does.
pub(crate) fn within(within: &Within) -> Option<(&'static str, Fault)> {
    let only = within.only.as_ref()?;
    if only.is_empty() {
        let message = "`only` names no tier, so nothing could answer";
        return Some(("only", Fault::new(Code::BAD_ROUTE, message).help("let the rule refuse, or name a tier")));
    }
    let behind = within.enter_at.is_some_and(|at| only.iter().all(|tier| *tier < at));
    let message = "the chain is entered behind every tier that may see the request, so nothing could answer";
    behind.then(|| ("enter-at", Fault::new(Code::BAD_ROUTE, message).help("enter at one of these, or allow a later one")))
}

/// Whether a rule names an operating point that is not there: of `fit`, or, where there are none, of no fit.
pub(crate) fn point(name: &str, points: &[OperatingPoint], fit: &str) -> Option<Fault> {
    let known = || points.iter().map(|point| &*point.name);
    if points.is_empty() {
        let message = format!("there is no operating point \"{name}\", since no threshold comes from a fit");
        return Some(Fault::new(Code::UNKNOWN_POINT, message).help("let every threshold come from a fit, or take the point out"));
    }
    let all = || format!("it has {}", known().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "));
    known().all(|known| known != name).then(|| {
        Fault::new(Code::UNKNOWN_POINT, format!("{fit} has no operating point \"{name}\""))
            .help(suggestion(name, known()).unwrap_or_else(all))
    })
}

fn rule(rule: &Rule) -> impl Iterator<Item = Fault> {
    let route = match &rule.route {
        Route::Answer(answer) => within(answer).map(|(_, fault)| fault),
        Route::Review(why) | Route::Refuse(why) => empty("what it says", why),
    };
    name("its name", &rule.name).into_iter().chain(route).map(|fault| fault.of_rule(&rule.name))
}

/// The operating points that the rules name, and that are not there.
pub(crate) fn points(cascade: &Cascade) -> impl Iterator<Item = Fault> {
    let named = |rule: &Rule| {
        let Route::Answer(Within { point: Some(name), .. }) = &rule.route else { return None };
        point(name, cascade.points(), "the fit").map(|fault| fault.of_rule(&rule.name))
    };
    cascade.rules().iter().filter_map(named)
}

/// Whether a field of a request's body is for a tier to set.
pub(crate) fn reserved(field: &str) -> Option<Fault> {
    fields::reserved(field).map(|why| Fault::new(Code::BAD_VALUE, format!("`{field}` {why}")))
}

/// Whether a raw threshold is a score that the signal may read.
pub(crate) fn threshold(signal: &NamedSignal, raw: f64) -> Option<Fault> {
    let (low, high) = signal.nominal().range();
    let message = || format!("no score of {} is {raw}: they go from {} to {}", signal.label, shown(low), shown(high));
    (!(low..=high).contains(&raw)).then(|| Fault::new(Code::THRESHOLD_RANGE, message()))
}

fn shown(bound: f64) -> String {
    match bound {
        f64::NEG_INFINITY => "minus infinity".into(),
        f64::INFINITY => "infinity".into(),
        bound => bound.to_string(),
    }
}

/// Whether a required signal says yes or no.
pub(crate) fn validator(named: &NamedSignal) -> Option<Fault> {
    let message = || format!("{} is no validator: its scores are not on [0, 1], where 0.5 is the pass mark", named.label);
    (named.nominal() != Nominal::Identity)
        .then(|| Fault::new(Code::NOT_A_VALIDATOR, message()).help("put it under `observe`, or use it as the gate's `signal`"))
}

/// Whether a tier that samples at this temperature gives a signal answers to compare.
pub(crate) fn temperature(named: &NamedSignal, temperature: Option<f64>) -> Option<Fault> {
    let greedy = named.needs().temperature && temperature.is_some_and(|temperature| temperature <= 0.0);
    let message = || format!("{} compares several samples, and at temperature 0 they agree with themselves", named.label);
    greedy.then(|| Fault::new(Code::NO_TEMPERATURE, message()).help("sample at a temperature like 0.7"))
}

/// Whether a provider gives the log-probabilities that a signal reads, with `top` alternatives a token.
pub(crate) fn logprobs(named: &NamedSignal, top: u8, provider: &str, gives: Gives) -> Option<Fault> {
    match gives.top_logprobs {
        None => Some(
            Fault::new(
                Code::NO_LOGPROBS,
                format!("{} reads log-probabilities, and the provider \"{provider}\" gives none", named.label),
            )
            .help(
                "use a signal that needs none (self-rated confidence, agreement), or let a tier with log-probabilities judge: \
                 { p-true = { surrogate = \"…\" } }",
            ),
        ),
        Some(most) if most < top => {
            let label = &named.label;
            let message =
                format!("{label} reads {top} alternatives a token, and the provider \"{provider}\" gives at most {most}");
            Some(Fault::new(Code::TOO_FEW_ALTERNATIVES, message).help(format!("ask for at most {most}")))
        }
        Some(_) => None,
    }
}

/// What of a policy a fit does not allow, by its key.
pub(crate) fn under_fit(policy: &Policy) -> impl Iterator<Item = (&'static str, Fault)> {
    let refuse = |key: &'static str, when: &str| {
        let message = format!("a fit is made for a cascade that escalates after {when}");
        (key, Fault::new(Code::POLICY_UNDER_FIT, message).help(format!("write `{key} = \"escalate\"`")))
    };
    let abstain = policy.on_abstain == OnAbstain::Accept;
    let error = policy.on_error == OnError::Fail;
    let abstain = abstain.then(|| refuse("on-abstain", "a signal that had nothing to read"));
    abstain.into_iter().chain(error.then(|| refuse("on-error", "a failed call")))
}

/// What the providers of a cascade's tiers say of themselves, in the cascade's order.
pub(crate) fn declared(cascade: &Cascade, providers: &[Option<Arc<dyn Provider>>]) -> Vec<Declares> {
    let declares = |(tier, provider): (_, &Option<Arc<dyn Provider>>)| match (tier, provider) {
        (Answerer::Model(model), Some(provider)) => caught(|| provider.declares(&model.name)).unwrap_or_default(),
        _ => Declares::default(),
    };
    cascade.tiers().iter().map(|tier| tier.answerer.clone()).zip(providers).map(declares).collect()
}

/// Everything that is wrong with a cascade whose providers declare this.
pub(crate) fn all(cascade: &Cascade, declared: &[Declares]) -> Vec<Fault> {
    let mut found: Vec<Fault> = name("the cascade's name", cascade.name()).into_iter().collect();
    let feeding = Feeding { cascade, declared };
    for (place, tier) in cascade.tiers().iter().enumerate() {
        let gate = tier.gate.iter().flat_map(|gate| feeding.gate(place, gate));
        let model = match &tier.answerer {
            Answerer::Model(answering) => Some(model(answering)),
            Answerer::Human { .. } => None,
        };
        let named = name("a tier's name", &tier.name);
        found.extend(named.into_iter().chain(gate).chain(model.into_iter().flatten()).map(|fault| fault.at(&tier.name)));
    }
    found.extend(cascade.policy().deadline.and_then(|deadline| wait("the policy's `deadline`", deadline)));
    found.extend(cascade.rules().iter().flat_map(rule));
    found
}

/// Who gives the signals of a cascade what they read.
struct Feeding<'a> {
    cascade: &'a Cascade,
    declared: &'a [Declares],
}

impl Feeding<'_> {
    fn gate(&self, place: usize, gate: &Gate) -> Vec<Fault> {
        let mut found: Vec<Fault> = gate.require.iter().filter_map(validator).collect();
        if let (None, Threshold::AcceptFrom { score, .. }) = (&gate.value, gate.threshold)
            && gate.threshold != Threshold::accept_all()
        {
            found.extend(threshold(&gate.signal, Score::get(score)));
        }
        found.extend(gate.signals().flat_map(|named| self.signal(place, named)));
        found
    }

    fn signal(&self, place: usize, named: &NamedSignal) -> Vec<Fault> {
        let needs = named.needs();
        let sampled = match &self.cascade.tiers()[place].answerer {
            Answerer::Model(model) => temperature(named, model.params.temperature),
            Answerer::Human { .. } => None,
        };
        let asked = named.surrogate().and_then(|name| self.cascade.model_named(name)).map_or(place, |(tier, _)| tier.0);
        let own = needs.logprobs.then_some((place, needs.top));
        let probed = needs.probe_logprobs.filter(|_| needs.probe).map(|top| (asked, top));
        let unfed = own.into_iter().chain(probed).filter_map(|(place, top)| {
            let declared = &self.declared[place];
            let provider = declared.name.as_deref().unwrap_or(&self.cascade.tiers()[place].name);
            logprobs(named, top, provider, declared.gives?)
        });
        sampled.into_iter().chain(unfed).collect()
    }
}
