//! What a cascade did, as the rows that are judged.

use std::collections::BTreeMap;
use std::sync::Arc;

use tierfall_calibrate::regress::limits::ExampleRun;
use tierfall_calibrate::regress::{Item, Pair};
use tierfall_core::money::Money;

use super::compare::Compared;
use super::entry::{BaselineEntry, EntryItem};
use super::played::{Played, PlayedItem};

/// Numbers for the items that examples repeat, in the order in which they come: those of one group share one.
#[derive(Default)]
struct Clusters<'a>(BTreeMap<(Option<&'a str>, &'a str), u32>);

impl<'a> Clusters<'a> {
    fn of(&mut self, item: &'a PlayedItem) -> u32 {
        let group = item.group.as_deref();
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        *self.0.entry((group, if group.is_some() { "" } else { &item.id })).or_insert(next)
    }
}

fn usd(cost: Option<Money>) -> Option<f64> {
    cost.map(Money::usd)
}

/// The examples of a segment, or all of them; those that were never answered for errors of transport have no grade.
pub(super) fn samples(played: &Played, segment: Option<&str>) -> Vec<ExampleRun> {
    let mut clusters = Clusters::default();
    graded(played, segment)
        .map(|item| ExampleRun {
            quality: item.correct,
            cost_usd: usd(item.cost),
            last_quality: item.last.ok().map(|last| last.correct),
            last_cost_usd: item.last.ok().and_then(|last| usd(last.cost)),
            weight: item.weight,
            cluster: clusters.of(item),
            latency_ms: item.latency_ms,
        })
        .collect()
}

/// The examples that were answered, of a segment or of all.
pub(super) fn graded<'a>(played: &'a Played, segment: Option<&str>) -> impl Iterator<Item = &'a PlayedItem> {
    let wanted = segment.map(str::to_owned);
    played.items.iter().filter(move |item| wanted.as_deref().is_none_or(|wanted| *item.segment == *wanted) && item.is_graded())
}

/// The examples that can be compared, and the segments that they name, in the order of the run.
pub(super) fn pairs(entry: &BaselineEntry, now: &Played, compared: &Compared) -> (Vec<Pair>, Vec<Arc<str>>) {
    let (mut clusters, mut segments) = (Clusters::default(), Vec::<Arc<str>>::new());
    let mut places = BTreeMap::new();
    let mut pair = |(was, is): &(usize, usize)| {
        let (was, now) = (&entry.items[*was], &now.items[*is]);
        let segment = *places.entry(now.segment.clone()).or_insert_with(|| {
            segments.push(now.segment.clone());
            u32::try_from(segments.len() - 1).unwrap_or(u32::MAX)
        });
        Pair { segment, cluster: clusters.of(now), weight: now.weight, turn: now.turn, base: item(was), now: item(now) }
    };
    let pairs = compared.pairs.iter().map(&mut pair).collect();
    (pairs, segments)
}

fn item(item: &EntryItem) -> Item {
    Item { quality: item.correct, cost_usd: usd(item.cost), latency_ms: item.latency_ms }
}
