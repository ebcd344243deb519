//! Tiers.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use tierfall_core::cascade::{Answerer, Capability, Model, Tier};
use tierfall_core::gate::Gate;
use tierfall_core::money::Price;
use tierfall_core::request::Timeouts;

use super::context::Context;
use super::{gate, prompt};
use crate::binding::TierBinding;
use crate::config::code::Code;
use crate::config::file::{ParamsFile, PriceFile, TierFile, TimeoutsFile};
use crate::config::provider::ProviderSpec;
use crate::config::types::Spanned;
use crate::fault;
use tierfall_core::nearest::suggestion;

/// Every tier that can be read, with what its answers are bound to.
pub(super) fn resolve_all(context: &mut Context<'_>) -> Vec<(Tier, Option<TierBinding>)> {
    let file = context.file;
    let Some(tiers) = &file.tier else { return Vec::new() };
    if tiers.is_empty() {
        context.found.error(Code::NO_TIERS, 0..0, "a cascade needs at least one `[[tier]]`");
    }
    let names = tiers.iter().filter_map(|tier| tier.get_ref().name.as_ref());
    context.unlike("tiers", "give one of them another name", names.map(|name| (name.get_ref().as_str(), name.span())));
    prices(context, tiers);
    let only_human = tiers.iter().all(|tier| tier.get_ref().review == Some(true));
    if let (Some(first), true) = (tiers.first(), only_human) {
        context.found.error(Code::NO_TIERS, first.span(), "a cascade needs at least one tier with a model");
    }
    let mut resolved = Vec::new();
    for (ix, tier) in tiers.iter().enumerate() {
        let last = ix + 1 == tiers.len();
        resolved.extend(resolve(context, tier, last));
    }
    resolved
}

/// Cheapest first is what makes a cascade pay; another order may be meant.
fn prices(context: &mut Context<'_>, tiers: &[Spanned<TierFile>]) {
    let priced: Vec<_> = tiers
        .iter()
        .filter_map(|tier| {
            let place = tier.get_ref().price.as_ref()?;
            Some((tier.get_ref().name.as_ref()?.get_ref().as_str(), price(place.get_ref())?, place.span()))
        })
        .collect();
    for pair in priced.windows(2) {
        let [(name, price, at), (next, next_price, next_at)] = pair else { continue };
        if price.input > next_price.input && price.output > next_price.output {
            let message = format!("tier \"{name}\" costs more than \"{next}\" after it");
            context
                .found
                .warning(Code::PRICE_ORDER, at.clone(), message)
                .label(next_at.clone(), "the cheaper one")
                .help("tiers are asked in the order of the file; put the cheapest first");
        }
    }
}

fn resolve(context: &mut Context<'_>, spanned: &Spanned<TierFile>, last: bool) -> Option<(Tier, Option<TierBinding>)> {
    let (at, tier) = (spanned.span(), spanned.get_ref());
    let name = tier.name.as_ref();
    let place = name.map_or(at, Spanned::span);
    let shown = name.map_or("?", |name| name.get_ref().as_str());
    if tier.review == Some(true) {
        return human(context, tier, &place, last);
    }
    if let Some(cost) = &tier.cost {
        let message = "`cost` is the price of a review; a model's price is `price = { input = …, output = … }`";
        context.found.error(Code::HUMAN, cost.span(), message);
    }
    let gate = match &tier.gate {
        Some(gate) if last => {
            let message = format!("tier \"{shown}\" is the last one and can have no gate: there is nobody to escalate to");
            context.found.error(Code::LAST_IS_GATED, gate.span(), message).help("remove the gate, or add a tier after it");
            gate::resolve(context, tier, gate.get_ref())
        }
        Some(gate) => gate::resolve(context, tier, gate.get_ref()),
        None => {
            if !last && name.is_some() {
                let message = format!("tier \"{shown}\" has no gate, so the tiers after it can never be reached");
                let help = "write `gate = { signal = \"mean-logprob\", threshold = 0.7 }`";
                context.found.error(Code::UNGATED, place.clone(), message).help(help);
            }
            None
        }
    };
    let model = model(context, tier, &place, shown);
    let (provider, model) = model?;
    Some(built(context, tier, name?.get_ref().as_str().into(), &provider, model, gate))
}

fn built(
    context: &Context<'_>,
    tier: &TierFile,
    name: Arc<str>,
    provider: &str,
    model: Model,
    gate: Option<Gate>,
) -> (Tier, Option<TierBinding>) {
    let kind = context.providers.get(provider).and_then(Option::as_ref).map_or("", |spec| spec.kind());
    let digest = tier.model_digest.as_deref().map(|digest| digest.as_str().into());
    let binding = TierBinding::of(name.clone(), (provider.into(), kind.into()), &model, digest, gate.as_ref());
    (Tier { name, answerer: Answerer::Model(model), gate }, Some(binding))
}

fn human(context: &mut Context<'_>, tier: &TierFile, place: &Range<usize>, last: bool) -> Option<(Tier, Option<TierBinding>)> {
    if !last {
        context.found.error(
            Code::HUMAN,
            place.clone(),
            "a tier with `review = true` must be the last: a person is asked when no model was sure",
        );
    }
    let foreign: [(&str, Option<Range<usize>>); 6] = [
        ("model", tier.model.as_ref().map(Spanned::span)),
        ("price", tier.price.as_ref().map(Spanned::span)),
        ("system-prompt", tier.system_prompt.as_ref().map(Spanned::span)),
        ("example-turns", tier.example_turns.as_ref().map(Spanned::span)),
        ("params", tier.params.as_ref().map(Spanned::span)),
        ("gate", tier.gate.as_ref().map(Spanned::span)),
    ];
    for (key, span) in foreign {
        if let Some(span) = span {
            context.found.error(Code::HUMAN, span, format!("`{key}` belongs to a model, and this tier is a person"));
        }
    }
    let cost = tier.cost.as_ref().map(|cost| cost.get_ref().0);
    Some((Tier { name: tier.name.as_ref()?.get_ref().as_str().into(), answerer: Answerer::Human { cost }, gate: None }, None))
}

fn model(context: &mut Context<'_>, tier: &TierFile, place: &Range<usize>, shown: &str) -> Option<(String, Model)> {
    let preamble = prompt::preamble(context, tier);
    let params = tier.params.as_ref().map(Spanned::get_ref);
    reserved(context, params);
    let Some(model) = &tier.model else {
        if tier.review == Some(false) {
            context.found.error(
                Code::MISSING_KEY,
                place.clone(),
                format!("tier \"{shown}\" has neither a `model` nor `review = true`"),
            );
        }
        return None;
    };
    let (provider, model_name) = model.get_ref().split_once('/')?;
    if !context.providers.contains_key(provider) {
        let help = suggestion(provider, context.providers.keys().map(String::as_str))
            .unwrap_or_else(|| format!("declare it: `[provider.{provider}.openai-chat]` with its `base-url`"));
        let message = format!("there is no provider \"{provider}\"");
        context.found.error(Code::UNKNOWN_PROVIDER, model.span(), message).help(help);
    }
    if let Some(Some(ProviderSpec::Simulated(simulated))) = context.providers.get(provider)
        && !simulated.models.contains_key(model_name)
    {
        let help = suggestion(model_name, simulated.models.keys().map(String::as_str));
        let message = format!("the simulated provider \"{provider}\" has no model \"{model_name}\"");
        context.found.error(Code::BAD_VALUE, model.span(), message).maybe_help(help);
    }
    let spec = context.providers.get(provider).and_then(Option::as_ref);
    let (kind, lacks) = spec.map_or(("", &[][..]), |spec| (spec.kind(), spec.lacks()));
    let capabilities = can(tier, lacks);
    if let Some(lacking) = tier.capabilities.iter().flatten().find(|declared| lacks.contains(declared)) {
        let message = format!("tier \"{shown}\" declares `{lacking}`, which cannot be asked for in the dialect `{kind}`");
        context
            .found
            .error(Code::BAD_VALUE, model.span(), message)
            .help("take it out of `capabilities`, or use another provider");
    }
    let TimeoutsFile { connect, idle, total } = &tier.timeouts;
    let [connect, idle, total] = [connect, idle, total].map(|wait| wait.as_deref().copied());
    let timeouts = Timeouts { connect, idle, total };
    let model = Model {
        name: model_name.into(),
        price: tier.price.as_ref().and_then(|price| self::price(price.get_ref())),
        preamble: preamble?,
        params: params.map(ParamsFile::params).unwrap_or_default(),
        timeouts,
        // So that a replay gives up where a server is given up.
        total_failing_over: Timeouts::FAILING_OVER.total.filter(|_| matches!(spec, Some(ProviderSpec::Http(_)))),
        context_window: tier.context_window,
        capabilities,
    };
    Some((provider.to_owned(), model))
}

/// What a model can be asked for: what the file declares, or anything, without what its dialect cannot say.
fn can(tier: &TierFile, lacks: &[Capability]) -> Option<BTreeSet<Capability>> {
    let declared = tier.capabilities.as_ref().map(|all| all.iter().copied().collect());
    let all = || Capability::ALL.into();
    let mut can: BTreeSet<Capability> = declared.or_else(|| (!lacks.is_empty()).then(all))?;
    can.retain(|one| !lacks.contains(one));
    Some(can)
}

/// Fields of the body that have a place of their own, or that the cascade decides.
fn reserved(context: &mut Context<'_>, params: Option<&ParamsFile>) {
    for key in params.into_iter().flat_map(|params| params.extra.keys()) {
        if let Some(fault) = fault::reserved(key.get_ref()) {
            context.found.fault(key.span(), fault);
        }
    }
}

fn price(file: &PriceFile) -> Option<Price> {
    Some(Price {
        input: file.input.as_deref().copied()?,
        output: file.output.as_deref().copied()?,
        cached_input: file.cached_input.as_deref().copied(),
        cached_write: file.cached_write.as_deref().copied(),
    })
}
