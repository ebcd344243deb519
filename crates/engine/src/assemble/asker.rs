//! Who asks the providers.

/// Whose requests meet at the providers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Asker {
    /// Anybody's: the declared bounds keep them from piling up.
    #[default]
    Anybody,
    /// One caller's, who puts all the requests and bounds how many are under way: calls wait for their places as long as it takes,
    /// and no queue turns one away.
    Job,
}
