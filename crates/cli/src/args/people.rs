//! The arguments of `grade` for people.

use clap::Args;

/// Grading by people.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
#[command(next_help_heading = "By people")]
pub(crate) struct People {
    /// Show the answers one by one, without the tier, and take your verdicts: one key each in a terminal, one line each where
    /// stdin or stdout is none. Every verdict is saved at once; the same command goes on where it ended
    #[arg(long, group = "one_by_one", conflicts_with_all = ["judge", "allow_commands"])]
    pub(crate) human: bool,
    /// Whose verdicts they are; $USER by default
    #[arg(long, value_name = "NAME", requires = "human")]
    pub(crate) by: Option<String>,
    /// With --human: only the first N answers; who has the same seed grades the same ones. With --show: only the first N examples, 20 by default
    #[arg(long, value_name = "N", requires = "one_by_one")]
    pub(crate) limit: Option<usize>,
    /// Decides the order of the answers; 0 by default
    #[arg(long, value_name = "N", requires = "human")]
    pub(crate) seed: Option<u64>,
    /// Only answers that have no grade of a judge, a command or another person, and whose grader is not pure
    #[arg(long, requires = "human")]
    pub(crate) needed: bool,
    /// Ask again what you graded before
    #[arg(long, requires = "human")]
    pub(crate) again: bool,
    /// Say how far people agree with each other, and judges and graders with them; grades nothing
    #[arg(long, conflicts_with_all = ["human", "judge", "allow_commands"])]
    pub(crate) agreement: bool,
}
