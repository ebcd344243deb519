//! Reports: one file each, with its style and drawings in it. It needs no network and no script.

mod advice;
mod axis;
mod calibration;
mod curve;
mod evaluation;
mod labels;
mod markup;
mod parts;
mod plot;
mod table;
mod tiers;

use self::markup::Markup;
use super::money;

pub(crate) use advice::advice;
pub(crate) use calibration::calibration;
pub(crate) use evaluation::evaluation;

/// The whole file.
fn page(title: &str, within: impl FnOnce(&mut Markup)) -> String {
    let mut page = Markup::default();
    page.raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    page.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
    page.leaf("title", &[], title);
    page.raw("\n<style>\n");
    page.raw(include_str!("style.css"));
    page.raw("</style>\n</head>\n<body>\n");
    page.element("main", &[], within);
    page.raw("\n</body>\n</html>\n");
    page.into_string()
}

#[cfg(test)]
mod tests;
