//! Did a system get worse? Paired comparisons of the same examples under two systems, and limits on one.
//!
//! Two questions are kept apart (a change on these examples is exact, and needs no test; whether new requests are served worse
//! does), and so are two errors: `level` bounds false alarms, `margin` and `margin_level` bound what passes unnoticed.

mod check;
mod cost;
pub mod family;
pub mod fits;
mod judge;
mod latency;
pub mod limits;
mod pair;
mod quality;
mod rows;
mod rules;
pub mod sequential;
mod words;

pub use check::{Changed, Changes, Check, Limit, Moved, Report, Section, Side, Texts, Unit, Verdict};
pub use judge::judge;
pub use pair::{Item, Pair};
pub use rules::Rules;

#[cfg(test)]
mod tests;
