//! Calibration: numbers in, numbers out.
//!
//! From observations (example × tier → scores, correct, cost, latency) to thresholds with a guarantee that holds on new
//! traffic, or an honest verdict that there are none. Nothing here knows requests, text, files or HTTP.
//!
//! A [`view::View`] of [`observations::Observations`] and one gate value a tier make a [`table::Table`], which everything
//! that searches or certifies thresholds reads. What is *reported* reads [`view::Held`] rows alone, which no fit has seen.

pub mod advise;
pub mod agreement;
pub mod ask;
pub mod certify;
pub mod evaluate;
pub mod map;
pub mod metric;
pub mod observations;
pub mod planner;
pub mod policy;
pub mod procedure;
pub mod quality;
pub mod regress;
pub mod report;
pub mod stat;
pub mod sweep;
pub mod table;
pub mod view;
