//! How things look in a terminal.

pub(crate) mod advice;
pub(crate) mod agreement;
pub(crate) mod calibration;
pub(crate) mod card;
pub(crate) mod diff;
pub(crate) mod document;
pub(crate) mod evaluation;
pub(crate) mod html;
pub(crate) mod hygiene;
pub(crate) mod money;
pub(crate) mod plan;
pub(crate) mod printable;
pub(crate) mod regress;
mod report;
#[cfg(test)]
mod sample;
pub(crate) mod shown;
pub(crate) mod style;
pub(crate) mod text;
pub(crate) mod trace;
pub(crate) mod words;
