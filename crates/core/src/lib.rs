//! The cascade as a pure fold over tier answers.
//!
//! No I/O, no clock, no randomness, no runtime: [`run::Run`] says which call comes next and is fed its result. The live
//! engine feeds it answers from providers; calibration, regression and tests feed it recorded ones, so what they measure
//! is exactly what production does.

pub mod calls;
pub mod cascade;
pub mod caught;
pub mod completion;
pub mod constraints;
pub mod draft;
pub mod estimate;
mod failing;
pub mod fields;
pub mod fit;
pub mod fusion;
pub mod gate;
pub mod kept;
mod ledger;
pub mod limit;
pub mod map;
mod message;
pub mod money;
pub mod nearest;
pub mod number;
pub mod observer;
mod outcome;
pub mod outset;
pub mod permit;
pub mod plan;
pub mod point;
pub mod provider;
pub mod registry;
pub mod replay;
pub mod request;
pub mod rule;
pub mod run;
mod said;
pub mod segment;
pub mod signal;
pub mod text;
mod tier;
pub mod trace;
pub mod trace_context;
mod upstream;
mod words;
