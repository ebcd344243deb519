//! The texts of the examples that changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use tierfall_calibrate::regress::{Changed, Changes, Texts};
use tierfall_core::completion::Completion;

use super::entry::BaselineEntry;
use super::played::Played;
use crate::fixture::grade::{digest_of_completion, said, texts};
use crate::fixture::replay::Recordings;
use crate::fixture::{Example, FixtureSet};

/// Tells in each example that changed what was asked, and what `was` and `is` served then and now.
pub(crate) fn tell(
    items: &mut [Changed],
    set: &FixtureSet,
    was: impl Fn(&Example, &Changed) -> Option<Arc<Completion>>,
    is: impl Fn(&Example, &Changed) -> Option<Arc<Completion>>,
) {
    for item in items {
        let Some(example) = set.position(&item.id).map(|at| &set.examples()[at]) else { continue };
        let served = |answer: Option<Arc<Completion>>| answer.map(|answer| said(&answer));
        let mut expected: Vec<String> = texts(&example.expected).map(str::to_owned).collect();
        if expected.is_empty() && !example.expected.is_null() {
            expected.push(example.expected.to_string());
        }
        item.texts = Some(Texts {
            question: example.question(),
            expected,
            was_answer: served(was(example, item)),
            answer: served(is(example, item)),
        });
    }
}

/// What a recording has of a tier's answer to an example.
pub(crate) fn recorded(recordings: &Recordings, tier: Option<&str>, example: &Example) -> Option<Arc<Completion>> {
    recordings.answer_for(tier?, example)?.seen().ok().cloned()
}

/// Tells what changed since an entry of a baseline. It has digests of its answers alone: their texts are those of the recordings, where they
/// are the same.
pub(super) fn since(
    changes: &mut Changes,
    entry: &BaselineEntry,
    played: &Played,
    (set, recordings): (&FixtureSet, Option<&Recordings>),
) {
    let now: BTreeMap<&str, _> = played.items.iter().map(|item| (&*item.id, &item.answered)).collect();
    let was = |example: &Example, item: &Changed| {
        let digest = entry.items[entry.position(&item.id)?].answer.as_ref()?;
        let answer = recorded(recordings?, item.was_tier.as_deref(), example)?;
        (digest_of_completion(&answer) == *digest).then_some(answer)
    };
    tell(&mut changes.items, set, was, |_, item| (*now.get(&*item.id)?).clone());
}
