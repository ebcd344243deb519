//! From the file to a runnable cascade. Everything is looked at, whatever was wrong before it.

mod combined;
mod context;
mod expect;
mod fit;
mod gate;
mod permission;
mod prompt;
mod rule;
mod tier;
mod under;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tierfall_core::calls::without_request;
use tierfall_core::cascade::{Cascade, Model, Parts, Policy};
use tierfall_core::estimate::Estimate;
use tierfall_core::segment::{SegmentRule, Segments};

use self::context::Context;
use super::code::Code;
use super::diagnostic::{Found, Severity};
use super::file::{CascadeFile, PolicyFile, TierFile};
use super::{Fits, Loaded, ReadFile, provider};
use crate::digest;
use crate::fit::Bound;

/// Reads the file; `None` where any error was found.
pub(super) fn resolve(
    file: &CascadeFile,
    (text, path): (&str, &Path),
    read: ReadFile<'_>,
    (fits, segment_digest): (Fits<'_>, Option<String>),
    found: &mut Found,
) -> Option<Loaded> {
    let directory = path.parent().unwrap_or(Path::new("")).to_owned();
    let mut providers = BTreeMap::new();
    for (name, declared) in &file.provider {
        if name.get_ref().contains('/') || name.get_ref().is_empty() {
            let message =
                format!("a provider cannot be named \"{}\": `model = \"provider/model\"` could not say it", name.get_ref());
            found.error(Code::BAD_NAME, name.span(), message);
        }
        providers.insert(name.get_ref().clone(), provider::resolve(declared, (&directory, read), found));
    }
    let lines = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect();
    let mut context = Context { file, directory, read, lines, found, providers, fitted: Vec::new(), own: Vec::new() };
    let tiers = tier::resolve_all(&mut context);
    unused_providers(&mut context);
    let rules = rule::resolve_all(&mut context);
    let segments = segments(&mut context);
    let policy = policy(&mut context, &file.policy);
    let fit_path = fit::check(&mut context, &policy, path);
    if fit_path.is_none() {
        rule::points(file, &[], "", context.found);
    }
    let expects = expect::resolve_all(&mut context);
    let replay = file.replay.clone();
    let declared = std::mem::take(&mut context.providers);
    let fit_at = context.fitted.first().cloned().unwrap_or(0..0);
    if found.refuses(0) {
        return None;
    }
    let name: Arc<str> = file.name.as_ref()?.as_str().into();
    let salt = file.salt.as_ref().map_or_else(|| name.clone(), |salt| salt.as_str().into());
    let (tiers, bindings): (_, Vec<_>) = tiers.into_iter().unzip();
    let cascade = match Cascade::try_from(Parts { name, salt, tiers, rules, policy }) {
        Ok(cascade) => cascade.with_segments(segments),
        Err(error) => {
            found.error(Code::NO_TIERS, 0..0, error.to_string());
            return None;
        }
    };
    let providers = declared.into_iter().filter_map(|(name, spec)| Some((name, spec?))).collect();
    let (mut cascade, mut fit) = (cascade, None);
    if let (Some(fit_path), Fits::Read(read)) = (&fit_path, fits) {
        let set = replay.as_ref().map(|replay| &replay.fixtures).or(expects.first().map(|expect| &expect.fixtures));
        let place = fit::Place { file, at: fit_at, path, set: set.map_or("SET", String::as_str) };
        let bound = Bound { cascade: &cascade, tiers: &bindings, segment_digest: segment_digest.as_deref() };
        let (fitted, read) = place.read(fit_path, read, bound, found)?;
        rule::points(file, fitted.points(), &format!("the fit {}", fit_path.display()), found);
        (cascade, fit) = (fitted, Some(Arc::new(read)));
    }
    permission::check(file, &cascade, found);
    combined::check(file, &cascade, found);
    unbounded(file, &cascade, found);
    found.diagnostics.retain(|one| one.severity == Severity::Error || !file.allow.iter().any(|allowed| allowed.0 == one.code.id));
    Some(Loaded {
        cascade,
        tiers: bindings,
        providers,
        replay,
        expects,
        regress: file.regress,
        fit_path,
        fit,
        segment_digest,
        path: path.to_owned(),
        serving_digest: String::new(),
        digest: digest::of_bytes(text.as_bytes()),
        text: String::new(),
        warnings: Vec::new(),
    })
}

/// Names the tiers of which a budget sees the prompt alone.
fn unbounded(file: &CascadeFile, cascade: &Cascade, found: &mut Found) {
    let Some(budget) = &file.policy.budget else { return };
    let unbounded = |model: &Model| Estimate::of(&without_request(model, None), None).output.most.is_none();
    let named = cascade.models().filter(|(_, model)| unbounded(model)).map(|(ix, _)| format!("\"{}\"", cascade.tier(ix).name));
    let named: Vec<String> = named.collect();
    if !named.is_empty() {
        let message = format!(
            "nothing limits the tokens that {} may generate: of requests without a limit of their own the budget counts the prompt alone",
            named.join(", ")
        );
        let help = "give the tier `params = { max-tokens = … }`, or its `context-window`";
        found.warning(Code::UNBOUNDED_BUDGET, budget.span(), message).help(help);
    }
}

fn segments(context: &mut Context<'_>) -> Segments {
    let Some(file) = &context.file.segment else { return Segments::default() };
    let mut rules = Vec::new();
    for rule in &file.rule {
        let (Some(name), Some(condition)) = (&rule.name, &rule.condition) else { continue };
        match condition.get_ref().build() {
            Ok(when) => rules.push(SegmentRule { name: name.as_str().into(), when }),
            Err(why) => {
                let kind = condition.get_ref().name();
                context.found.error(Code::BAD_RULE, condition.span(), format!("segment rule `{kind}`: {why}"));
            }
        }
    }
    Segments { tag: file.tag.as_ref().map(|tag| tag.0.clone()), rules }
}

fn unused_providers(context: &mut Context<'_>) {
    let used = |name: &str| {
        let at = |tier: &TierFile| {
            tier.model.as_ref().and_then(|model| model.get_ref().split_once('/')).is_some_and(|(p, _)| p == name)
        };
        context.file.tier.iter().flatten().any(|tier| at(tier.get_ref()))
    };
    for name in context.file.provider.keys().filter(|name| !used(name.get_ref())) {
        let message = format!("no tier uses the provider `{}`", name.get_ref());
        context.found.warning(Code::UNUSED_PROVIDER, name.span(), message);
    }
}

fn policy(context: &mut Context<'_>, file: &PolicyFile) -> Policy {
    let budget = file.budget.as_ref().map(|budget| (budget.get_ref().0, budget.span()));
    if let Some((_, at)) = &budget {
        let unpriced: Vec<_> = context
            .tiers()
            .iter()
            .filter(|tier| tier.get_ref().price.is_none() && tier.get_ref().model.is_some())
            .filter_map(|tier| tier.get_ref().name.clone())
            .collect();
        for tier in unpriced {
            let message = format!("a budget needs the price of every tier, and \"{}\" has none", tier.get_ref().as_str());
            let help = "write `price = { input = \"…\", output = \"…\" }` in USD per million tokens; \"0\" is a price";
            context.found.error(Code::BUDGET_WITHOUT_PRICE, tier.span(), message).label(at.clone(), "the budget").help(help);
        }
    }
    Policy {
        on_error: *file.on_error.get_ref(),
        on_filter: file.on_filter,
        on_abstain: *file.on_abstain.get_ref(),
        on_exhausted: file.on_exhausted,
        budget: budget.map(|(budget, _)| budget),
        deadline: file.deadline.as_deref().copied(),
    }
}
