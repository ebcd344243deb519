//! Advice in sentences.

use tierfall_core::text::few;

use crate::certify::shortened;
use crate::evaluate::WeightedItems;
use crate::observations::Condition;
use crate::report::{Advice, Earns, Estimate, TierAdvice};

use super::folds::{Judged, Scope};

/// What to do, most important first.
pub(super) fn advice(advice: &Advice, judged: &Judged<'_>, sample: &WeightedItems, scopes: &[Scope]) -> Vec<String> {
    let mut sentences = Vec::new();
    let last = advice.declared_chain.len() - 1;
    for tier in advice.tiers.iter().filter(|tier| tier.earns == Earns::No) {
        sentences.push(no_earner(tier, tier.tier == advice.declared_chain[last]));
    }
    for tier in advice.tiers.iter().filter(|tier| tier.earns == Earns::Unclear && tier.saving.is_some()) {
        let busy = named(tier, Earns::Yes);
        let surely = if busy.is_empty() { String::new() } else { format!(" It does in {}.", few(&busy)) };
        sentences.push(format!(
            "Whether \"{}\" earns its call is unclear: {}.{surely} More labels would tell.",
            tier.tier,
            tier.saving.map_or_else(String::new, more)
        ));
    }
    if let (Some(best), Some(always)) = (advice.baselines.get("best-single"), advice.baselines.get("always-last"))
        && best.accuracy.value > always.accuracy.value
    {
        sentences.push(format!(
            "\"{}\" alone is better than the last tier \"{}\" ({} against {} right): make it the last one, or find out why.",
            best.chain.join(" → "),
            always.chain.join(" → "),
            percent(best.accuracy.value),
            percent(always.accuracy.value)
        ));
    }
    let loss = judged.best.loss(sample, last);
    if let Some(ratio) = judged.best.cost_ratio(sample) {
        sentences.push(format!(
            "The cheapest cascade that should lose nothing against always-last costs {} of it on held-out rows, and loses {} points \
             [{}, {}].",
            percent(ratio),
            points(loss.value),
            points(loss.low),
            points(loss.high)
        ));
    }
    for tier in advice.tiers.iter().filter(|tier| tier.earns == Earns::Yes && tier.tier != advice.declared_chain[last]) {
        let idle = named(tier, Earns::No);
        let except = if idle.is_empty() { String::new() } else { format!(" It does not in {}.", few(&idle)) };
        sentences.push(format!("\"{}\" earns its call: {}.{except}", tier.tier, tier.saving.map_or_else(String::new, more)));
    }
    sentences.extend(entries(advice, judged, scopes));
    sentences
}

/// What all of it supposes.
pub(super) fn under(conditions: &[Condition]) -> Option<String> {
    let each = || conditions.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    (!conditions.is_empty()).then(|| format!("All of this is said under conditions. {}", each()))
}

fn no_earner(tier: &TierAdvice, is_last: bool) -> String {
    let what = tier.saving.map_or_else(String::new, more);
    let kept: Vec<String> = tier
        .segments
        .iter()
        .filter(|(_, segment)| segment.earns == Earns::Yes)
        .filter_map(|(name, segment)| Some(format!("{name} (where {})", more(segment.saving?))))
        .collect();
    let then = match (kept.is_empty(), is_last) {
        (true, false) => "drop it".to_owned(),
        (true, true) => "end the chain before it".to_owned(),
        (false, _) => format!("drop it, or keep it for {} alone", kept.join(" and ")),
    };
    format!("\"{}\" does not earn its call: {what}. So {then}.", tier.tier)
}

/// Where requests are best sent first, by segment: named where the tier surely earns its call there, all folds agree and the rest of
/// the traffic starts elsewhere.
fn entries(advice: &Advice, judged: &Judged<'_>, scopes: &[Scope]) -> Vec<String> {
    let agreed = |entry: &[usize]| entry.first().copied().filter(|first| entry.iter().all(|tier| tier == first));
    let overall = judged.worth.first().and_then(|worth| agreed(&worth.entry));
    let mut sentences = Vec::new();
    for (tier, name) in advice.declared_chain.iter().enumerate() {
        let here: Vec<&str> = scopes
            .iter()
            .zip(&judged.worth)
            .skip(1)
            .filter(|(_, worth)| overall != Some(tier) && agreed(&worth.entry) == Some(tier))
            .filter_map(|(scope, _)| scope.label.as_deref())
            .filter(|label| advice.tiers[tier].segments.get(*label).is_some_and(|found| found.earns == Earns::Yes))
            .collect();
        if !here.is_empty() {
            let list = shortened(&here);
            let word = if scopes[0].by_segment {
                "A rule could send them there."
            } else {
                "A rule that knows them could send them there."
            };
            sentences.push(format!("Requests of {list} are best entered at \"{name}\". {word}"));
        }
    }
    sentences
}

fn named(tier: &TierAdvice, verdict: Earns) -> Vec<String> {
    let found = tier.segments.iter().filter(|(_, segment)| segment.earns == verdict);
    found.map(|(name, _)| format!("\"{name}\"")).collect()
}

/// "without it, equal quality costs 3.1 % of always-last more [1.2 %, 5.0 %]", or how much less.
fn more(saving: Estimate) -> String {
    let (word, value, low, high) = if saving.value < 0.0 {
        ("less", -saving.value, -saving.high, -saving.low)
    } else {
        ("more", saving.value, saving.low, saving.high)
    };
    format!("without it, equal quality costs {} of always-last {word} [{}, {}]", percent(value), percent(low), percent(high))
}

fn percent(share: f64) -> String {
    // Adding zero turns -0.0 into 0.0.
    format!("{:.1} %", (share * 1000.0).round() / 10.0 + 0.0)
}

fn points(share: f64) -> String {
    format!("{:.1}", (share * 1000.0).round() / 10.0 + 0.0)
}
