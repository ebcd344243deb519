//! Whose grades the columns hold, and whether they can be compared.

use std::fmt;
use std::sync::Arc;

/// Tiers that different people, programs or judges graded: what one calls right is not what the other does, so that no difference between
/// them says anything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MixedGraders {
    /// Two tiers, and the judge of each; `None` = people or programs.
    pub(super) tiers: [(Arc<str>, Option<Arc<str>>); 2],
}

impl fmt::Display for MixedGraders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by =
            |judge: &Option<Arc<str>>| judge.as_ref().map_or_else(|| "no judge".to_owned(), |judge| format!("judge \"{judge}\""));
        let [(one, by_one), (other, by_other)] = &self.tiers;
        write!(
            f,
            "the answers of tier \"{one}\" were graded by {}, those of \"{other}\" by {}: what one calls right is not what the other \
             does, so a difference between the tiers says nothing. Have one grade both; or have people grade a random part of what a judge \
             graded, 200 and more, and declare it with --people at-random",
            by(by_one),
            by(by_other)
        )
    }
}

impl std::error::Error for MixedGraders {}

/// Why people's grades cannot correct a judge's, where they cannot.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct People {
    /// Answers that people graded and the judge did not. What the judge would have said is not known on them, so that there is nothing to
    /// correct; the worst, taken for it, would make the judge look too strict wherever people did not look.
    pub(super) unjudged: u64,
    /// Rows in which no judged tier gave an answer: nobody can say whether people would have been asked about them.
    pub(super) nowhere: u64,
}

impl People {
    /// Why they cannot.
    pub(super) fn why(self) -> Option<String> {
        let People { unjudged, nowhere } = self;
        if unjudged > 0 {
            Some(format!(
                "{unjudged} answers that people graded have no grade of the judge's, so that nothing shows what it would have said of them: \
                 let it grade these, too"
            ))
        } else if nowhere > 0 {
            Some(format!(
                "in {nowhere} rows no tier that it graded gave an answer, and nobody can say whether people would have been asked of them"
            ))
        } else {
            None
        }
    }
}
