//! Where to start? Rules look at the request before any call.
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

use std::sync::Arc;

use crate::cascade::TierIx;
use crate::caught::{Panicked, caught};
use crate::request::Request;

pub use keyword::Keyword;
pub use length::Length;
pub use pattern::{Question, SystemPrompt};
pub use personal::PersonalData;
use settings::Condition;
pub use tag::Tag;
pub use tools::Tools;

/// What a rule decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// Not this rule's business.
    Pass,
    /// Enter the chain here; cheaper tiers are skipped, and may still see the request: in a probe, say.
    EnterAt(TierIx),
    /// Only these tiers may see the request, in whatever call.
    Only(Vec<TierIx>),
    /// The request is not answered at all, and no tier may see it; the text says why.
    Refuse(Arc<str>),
}

impl Route {
    /// Whether a tier may see the request: the one place where this is decided. A rule that enters at a tier skips those before
    /// it, and forbids none.
    pub fn allows(&self, tier: TierIx) -> bool {
        match self {
            Self::Pass | Self::EnterAt(_) => true,
            Self::Only(allowed) => allowed.contains(&tier),
            Self::Refuse(_) => false,
        }
    }
}

/// A routing rule: where its condition holds, its route is taken. The first that does not pass wins.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The name under which traces know it.
    pub name: Arc<str>,
    /// When.
    pub when: Arc<dyn Condition>,
    /// Where to.
    pub route: Route,
}

impl Rule {
    /// Where the request goes. A rule that panics decides nothing, and nobody may take that for [`Route::Pass`].
    pub fn route(&self, request: &Request) -> Result<Route, Panicked> {
        caught(|| if self.when.holds(request) { self.route.clone() } else { Route::Pass })
    }
}
