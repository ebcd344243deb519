//! Rules that keep from a tier what the gate of another one has to ask.

use std::collections::BTreeSet;

use tierfall_core::cascade::{Cascade, TierIx};
use tierfall_core::permit::{Then, Unread};
use tierfall_core::rule::Route;

use super::under::Under;
use crate::config::code::Code;
use crate::config::diagnostic::Found;
use crate::config::file::{CascadeFile, RuleFile};
use crate::config::types::Spanned;

/// Warns of every gate that has nothing to read under some rule. The plan of a request under that rule says so, at every operating
/// point and in every segment of the fit.
pub(super) fn check(file: &CascadeFile, cascade: &Cascade, found: &mut Found) {
    let under = Under::new(cascade);
    for (rule, written) in cascade.rules().iter().zip(&file.rule) {
        if !matches!(&rule.route, Route::Answer(within) if within.only.is_some()) {
            continue;
        }
        let mut told = BTreeSet::new();
        for plan in under.plans(&[rule]) {
            for (position, tier) in plan.tiers.iter().enumerate() {
                for unread in plan.unread(position).into_iter().filter(|unread| unread.then != Then::Observed) {
                    if told.insert((*tier, unread.signal.clone())) {
                        warn(found, file, cascade, (written, &rule.name), *tier, unread);
                    }
                }
            }
        }
    }
}

fn warn(
    found: &mut Found,
    file: &CascadeFile,
    cascade: &Cascade,
    (written, rule): (&RuleFile, &str),
    tier: TierIx,
    unread: Unread<'_>,
) {
    let (tier, asked) = (&cascade.tier(tier).name, &cascade.tier(unread.asks).name);
    let lacks = if unread.then == Then::Fused { "lacks a signal" } else { "has nothing to read" };
    let message = format!(
        "under the rule \"{rule}\" the gate of \"{tier}\" {lacks}: {} asks \"{asked}\", which may not see such requests; {}",
        unread.signal, unread.then
    );
    let only = written.route.as_ref().and_then(|route| route.only.as_ref());
    let at = only.map_or(0..0, Spanned::span);
    let gates = file.tier.iter().flatten().map(Spanned::get_ref);
    let gate = gates
        .filter(|one| one.name.as_ref().is_some_and(|name| *name.get_ref().as_str() == **tier))
        .find_map(|one| one.gate.as_ref());
    let help = "let it ask a tier that the rule allows, or read a signal that asks nobody";
    let diagnostic = found.warning(Code::UNREADABLE_GATE, at, message).help(help);
    if let Some(gate) = gate {
        diagnostic.label(gate.span(), "this gate");
    }
}
