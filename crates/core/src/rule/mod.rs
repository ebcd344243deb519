//! Who may answer, and where to start? Rules look at the request before any call.
//!
//! The one list of built-in rules is in `table`.

mod keyword;
mod length;
mod pattern;
mod personal;
mod sent;
mod settings;
pub mod table;
mod tag;
mod tools;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::caught::{Panicked, caught};
use crate::request::Request;
use crate::tier::{Answerer, TierIx};

pub use keyword::Keyword;
pub use length::Length;
pub use pattern::{Question, SystemPrompt};
pub use personal::PersonalData;
use settings::Condition;
pub use tag::Tag;
pub use tools::Tools;

/// What a rule wants of the requests for which its condition holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// Models answer, as far as this allows.
    Answer(Within),
    /// A person answers, and no model sees the request; the text says why.
    Review(Arc<str>),
    /// The request is not answered at all, and no tier may see it; the text says why.
    Refuse(Arc<str>),
}

/// What a rule says of the way through the chain. What it does not say is left to others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Within {
    /// These tiers alone may see the request, in whatever call; `None` where all may.
    pub only: Option<BTreeSet<TierIx>>,
    /// Tiers before this one are skipped. They may still see the request: in a probe, say.
    pub enter_at: Option<TierIx>,
    /// The operating point at which the gates cut.
    pub point: Option<Arc<str>>,
}

impl Route {
    /// These tiers alone may see the request.
    pub fn only(tiers: impl IntoIterator<Item = TierIx>) -> Self {
        Self::Answer(Within { only: Some(tiers.into_iter().collect()), ..Within::default() })
    }

    /// The chain is entered at this tier.
    pub fn enter_at(tier: TierIx) -> Self {
        Self::Answer(Within { enter_at: Some(tier), ..Within::default() })
    }

    /// The gates cut as this operating point says.
    pub fn at_point(point: impl Into<Arc<str>>) -> Self {
        Self::Answer(Within { point: Some(point.into()), ..Within::default() })
    }

    /// The tiers that it names.
    pub fn tiers(&self) -> impl Iterator<Item = TierIx> {
        let within = if let Self::Answer(within) = self { Some(within) } else { None };
        within.into_iter().flat_map(|within| within.enter_at.into_iter().chain(within.only.iter().flatten().copied()))
    }

    /// Whether this lets a tier see the request. A rule that enters at a tier skips those before it, and forbids none.
    pub(crate) fn allows(&self, ix: TierIx, answerer: &Answerer) -> bool {
        match self {
            Self::Answer(within) => within.only.as_ref().is_none_or(|only| only.contains(&ix)),
            Self::Review(_) => matches!(answerer, Answerer::Human { .. }),
            Self::Refuse(_) => false,
        }
    }
}

/// A routing rule: where its condition holds, its route is in force, beside those of [all other rules](crate::constraints) that hold.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The name under which traces know it.
    pub name: Arc<str>,
    /// When.
    pub when: Arc<dyn Condition>,
    /// What then.
    pub route: Route,
}

impl Rule {
    /// A rule of this name, which no other one of its cascade may have.
    pub fn new(name: impl Into<Arc<str>>, when: Arc<dyn Condition>, route: Route) -> Self {
        Self { name: name.into(), when, route }
    }

    /// Whether it holds. A rule that panics says neither, and nobody may take that for `false`.
    pub fn holds(&self, request: &Request) -> Result<bool, Panicked> {
        caught(|| self.when.holds(request))
    }
}
