//! What keeps the parts of a cascade from working together. A file's reader asks here with the places in hand, the engine's builder
//! for parts that were made in code.

use std::fmt;
use std::sync::Arc;

use tierfall_core::cascade::{Answerer, Cascade, OnAbstain, OnError, Policy};
use tierfall_core::caught::caught;
use tierfall_core::fields;
use tierfall_core::gate::Gate;
use tierfall_core::number::{Score, Threshold};
use tierfall_core::provider::{Declares, Gives, Provider};
use tierfall_core::rule::Route;
use tierfall_core::signal::{NamedSignal, Nominal};

use crate::config::Code;

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
        let params = match &tier.answerer {
            Answerer::Model(model) => Some(&model.params.extra),
            Answerer::Human { .. } => None,
        };
        let fields = params.into_iter().flatten().filter_map(|(field, _)| reserved(field));
        let named = name("a tier's name", &tier.name);
        found.extend(named.into_iter().chain(gate).chain(fields).map(|fault| fault.at(&tier.name)));
    }
    for rule in cascade.rules() {
        let Route::Answer(within) = &rule.route else { continue };
        let tiers = cascade.tiers().len();
        for tier in within.enter_at.iter().chain(within.only.iter().flatten()).filter(|tier| tier.0 >= tiers) {
            let message =
                format!("the rule \"{}\" names the tier at {}, and there are {tiers}, counted from 0", rule.name, tier.0);
            found.push(Fault::new(Code::UNKNOWN_TIER, message));
        }
    }
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
