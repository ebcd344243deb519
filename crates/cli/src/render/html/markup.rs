//! Markup under construction. Only what stands in this program's source can become markup: text and attributes are escaped.

use std::fmt::{self, Display, Write as _};

/// A piece of HTML or SVG.
#[derive(Debug, Default)]
pub(super) struct Markup(String);

/// Attributes of an element.
pub(super) type Attributes<'a> = &'a [(&'static str, &'a dyn Display)];

/// Elements that have no end tag.
const VOID: &[&str] = &["br", "col"];

/// Elements of drawings that are mostly empty.
const SHAPES: &[&str] = &["circle", "line", "path", "polygon", "rect"];

impl Markup {
    /// Markup of this program's own.
    pub(super) fn raw(&mut self, markup: &'static str) {
        self.0.push_str(markup);
    }

    /// Text.
    pub(super) fn text(&mut self, text: impl Display) {
        // Writing to a string does not fail.
        let _ = write!(Escaping(&mut self.0), "{text}");
    }

    /// An element, with what `within` puts into it.
    pub(super) fn element(&mut self, tag: &'static str, attributes: Attributes<'_>, within: impl FnOnce(&mut Self)) {
        self.0.push('<');
        self.0.push_str(tag);
        for (name, value) in attributes {
            let _ = write!(self.0, " {name}=\"");
            let _ = write!(Escaping(&mut self.0), "{value}");
            self.0.push('"');
        }
        self.0.push('>');
        if VOID.contains(&tag) {
            return;
        }
        let from = self.0.len();
        within(self);
        // A shape closes itself, unless something is in it: a tooltip.
        if SHAPES.contains(&tag) && self.0.len() == from {
            self.0.insert(from - 1, '/');
            return;
        }
        let _ = write!(self.0, "</{tag}>");
    }

    /// An element with text alone.
    pub(super) fn leaf(&mut self, tag: &'static str, attributes: Attributes<'_>, text: impl Display) {
        self.element(tag, attributes, |markup| markup.text(text));
    }

    /// An element with nothing in it.
    pub(super) fn empty(&mut self, tag: &'static str, attributes: Attributes<'_>) {
        self.element(tag, attributes, |_| {});
    }

    /// The markup.
    pub(super) fn into_string(self) -> String {
        self.0
    }
}

struct Escaping<'a>(&'a mut String);

impl fmt::Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for char in text.chars() {
            match char {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                // Control characters are not allowed in HTML, however they are written.
                control if control.is_control() && !control.is_whitespace() => self.0.push('\u{fffd}'),
                other => self.0.push(other),
            }
        }
        Ok(())
    }
}

/// A length in SVG units, to a tenth.
#[derive(Clone, Copy)]
pub(super) struct Px(pub(super) f64);

impl Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = (self.0 * 10.0).round() / 10.0 + 0.0;
        write!(f, "{tenths}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_stays_text() {
        let mut markup = Markup::default();
        let evil = "</p><script>alert('1')</script>\u{1}&\"";
        markup.element("p", &[("title", &evil)], |p| p.text(evil));
        let text = markup.into_string();
        assert_eq!(text.matches('<').count(), 2, "{text}");
        assert!(!text.contains('\u{1}') && text.contains("&lt;script&gt;"), "{text}");
    }

    #[test]
    fn elements_of_drawings_close_themselves_unless_something_is_in_them() {
        let mut markup = Markup::default();
        markup.empty("circle", &[("r", &Px(2.04))]);
        markup.element("circle", &[], |circle| circle.leaf("title", &[], "a"));
        markup.empty("br", &[]);
        assert_eq!(markup.into_string(), "<circle r=\"2\"/><circle><title>a</title></circle><br>");
    }
}
