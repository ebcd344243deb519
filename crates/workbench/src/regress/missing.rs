//! Why a limit has no value to be held against, and whether that breaks it.
//!
//! What a replay does not know was taken out of the cascade or its recordings, and breaks the limit. A live run that asked only
//! some examples, or has no recordings of the last tier, has seen nothing that could.

use tierfall::config::Loaded;
use tierfall_calibrate::regress::limits::Missing;
use tierfall_core::cascade::{Answerer, Tier};
use tierfall_core::text::list;

use super::entry::Mode;
use super::played::PlayedItem;

/// No example of the segment was asked and answered.
pub(super) fn examples() -> Missing {
    Missing::Unseen("no example was asked and answered".to_owned())
}

/// No example reaches the tier, or any.
pub(super) fn reach(mode: Mode, tier: Option<&str>) -> Missing {
    let tier = tier.map_or_else(|| "a tier".to_owned(), |tier| format!("tier \"{tier}\""));
    by_mode(mode, format!("no example reaches {tier}"))
}

/// No time was measured.
pub(super) fn times() -> Missing {
    Missing::Unknown("no time was measured".to_owned())
}

/// Rules keep every example from the last tier.
pub(super) fn last_is_kept(loaded: &Loaded) -> Missing {
    let last = loaded.cascade.tiers().last().map_or("", |tier| &*tier.name);
    Missing::Unseen(format!("rules keep every example from the last tier, \"{last}\""))
}

/// The last tier's own answers are not there.
pub(super) fn last_answers(loaded: &Loaded, mode: Mode, items: &[&PlayedItem]) -> Missing {
    let without = items.iter().filter(|item| item.last.is_err()).count();
    let last = loaded.cascade.tiers().last().map_or("", |tier| &*tier.name);
    by_mode(mode, format!("the last tier, \"{last}\", has no recorded answer to {without} of {} examples", items.len()))
}

/// Costs are not known, or there is nothing to divide by.
pub(super) fn costs(loaded: &Loaded, mode: Mode, items: &[&PlayedItem]) -> Missing {
    let tiers = loaded.cascade.tiers();
    let (last, n) = (tiers.len().saturating_sub(1), items.len());
    let unknown = items.iter().filter(|item| item.cost.is_none()).count();
    let last_unknown = items.iter().filter(|item| item.last.is_ok_and(|last| last.cost.is_none())).count();
    let concerned = |place: usize| {
        let asked = |item: &&PlayedItem| item.cost.is_none() && item.asked_tiers.iter().any(|(tier, _)| *tier == place);
        (place == last && last_unknown > 0) || items.iter().any(asked)
    };
    let unpriced = tiers.iter().enumerate().filter(|(place, tier)| has_no_price(tier) && concerned(*place));
    let unpriced: Vec<String> = unpriced.map(|(_, tier)| format!("\"{}\"", tier.name)).collect();
    let because = match unpriced.as_slice() {
        [] => "a recorded answer says nothing of its tokens; record it again".to_owned(),
        [tier] => format!("tier {tier} has no price; declare it"),
        several => {
            let names: Vec<&str> = several.iter().map(String::as_str).collect();
            format!("the tiers {} have no price; declare them", list(&names))
        }
    };
    let last_name = tiers.get(last).map_or("", |tier| &*tier.name);
    if unknown > 0 {
        Missing::Unknown(format!("the cost of {unknown} of {n} examples is unknown: {because}"))
    } else if last_unknown > 0 {
        Missing::Unknown(format!(
            "what \"{last_name}\" alone would cost is unknown for {last_unknown} of {n} examples: {because}"
        ))
    } else if items.iter().any(|item| item.last.is_err()) {
        last_answers(loaded, mode, items)
    } else {
        Missing::Unknown(format!("always asking \"{last_name}\" is free, and there is no share of nothing"))
    }
}

fn has_no_price(tier: &Tier) -> bool {
    match &tier.answerer {
        Answerer::Model(model) => model.price.is_none(),
        Answerer::Human { cost } => cost.is_none(),
    }
}

fn by_mode(mode: Mode, why: String) -> Missing {
    match mode {
        Mode::Replay => Missing::Unknown(why),
        Mode::Live => Missing::Unseen(why),
    }
}
