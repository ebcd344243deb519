//! What is known on the way through a file.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use tierfall_core::cascade::TierIx;

use crate::config::code::Code;
use crate::config::diagnostic::Found;
use crate::config::file::{CascadeFile, TierFile};
use crate::config::provider::ProviderSpec;
use crate::config::reading::ReadFile;
use crate::config::types::Spanned;
use tierfall_core::nearest::suggestion;

/// What every part needs to look around.
pub(super) struct Context<'a> {
    pub(super) file: &'a CascadeFile,
    /// The directory of the cascade file.
    pub(super) directory: PathBuf,
    pub(super) read: ReadFile<'a>,
    /// Where the file's lines end.
    pub(super) lines: Vec<usize>,
    pub(super) found: &'a mut Found,
    /// By name: the provider, where it was declared rightly.
    pub(super) providers: BTreeMap<String, Option<ProviderSpec>>,
    /// The places of thresholds that come from the fit, and of those that stand in the file.
    pub(super) fitted: Vec<Range<usize>>,
    pub(super) own: Vec<Range<usize>>,
}

impl<'a> Context<'a> {
    /// The line of a place in the file, from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|end| *end < at) + 1
    }

    pub(super) fn tiers(&self) -> &'a [Spanned<TierFile>] {
        self.file.tier.as_deref().unwrap_or_default()
    }

    pub(super) fn tier_named(&self, name: &str) -> Option<(TierIx, &'a Spanned<TierFile>)> {
        let named = |tier: &TierFile| tier.name.as_ref().is_some_and(|own| own.get_ref().as_str() == name);
        self.tiers().iter().enumerate().find(|(_, tier)| named(tier.get_ref())).map(|(ix, tier)| (TierIx(ix), tier))
    }

    /// Notes every name that stands for two things.
    pub(super) fn unlike<'n>(&mut self, things: &str, help: &str, names: impl Iterator<Item = (&'n str, Range<usize>)>) {
        let mut seen = BTreeMap::new();
        for (name, at) in names {
            if let Some(first) = seen.get(name) {
                let message = format!("two {things} are named \"{name}\"");
                self.found.error(Code::DUPLICATE_NAME, at, message).label(Range::clone(first), "the first one").help(help);
            } else {
                seen.insert(name, at);
            }
        }
    }

    /// The tier of this name, or a diagnostic.
    pub(super) fn target(&mut self, name: &str, at: Range<usize>) -> Option<TierIx> {
        if let Some((ix, _)) = self.tier_named(name) {
            return Some(ix);
        }
        let names = self.tiers().iter().filter_map(|tier| tier.get_ref().name.as_ref()).map(|name| name.get_ref().as_str());
        let help = suggestion(name, names);
        let message = format!("there is no tier \"{name}\"");
        self.found.error(Code::UNKNOWN_TIER, at, message).maybe_help(help);
        None
    }
}
