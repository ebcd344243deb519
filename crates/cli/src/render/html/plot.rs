//! A drawing with two axes.

use std::fmt::Write as _;

use super::axis::Axis;
use super::markup::{Markup, Px};

/// The paper that two axes span.
#[derive(Debug)]
pub(super) struct Plot {
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// What is left free around the paper, for marks and labels.
const LEFT: f64 = 56.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 46.0;

/// What a drawing is called and what it shows, for those who do not see it.
pub(super) struct Caption<'a> {
    /// Starts the ids of its parts; one a page.
    pub(super) id: &'a str,
    pub(super) title: &'a str,
    pub(super) shows: &'a str,
}

impl Plot {
    /// The place of a value across.
    pub(super) fn px(&self, value: f64) -> f64 {
        LEFT + self.x.place(value) * (self.width - LEFT - RIGHT)
    }

    /// The place of a value from the top.
    pub(super) fn py(&self, value: f64) -> f64 {
        self.height - BOTTOM - self.y.place(value) * (self.height - TOP - BOTTOM)
    }

    /// Where values lie: left, top, right and bottom.
    pub(super) fn paper(&self) -> (f64, f64, f64, f64) {
        (LEFT, TOP, self.width - RIGHT, self.height - BOTTOM)
    }

    /// The drawing: grid, axes and what `within` adds.
    pub(super) fn draw(
        &self,
        page: &mut Markup,
        caption: &Caption<'_>,
        labels: (&str, &str),
        within: impl FnOnce(&mut Markup, &Self),
    ) {
        let view = format!("0 0 {} {}", Px(self.width), Px(self.height));
        let (title, shows) = (format!("{}-title", caption.id), format!("{}-shows", caption.id));
        let by = format!("{title} {shows}");
        page.element("svg", &[("viewBox", &view), ("role", &"img"), ("aria-labelledby", &by)], |svg| {
            svg.leaf("title", &[("id", &title)], caption.title);
            svg.leaf("desc", &[("id", &shows)], caption.shows);
            self.frame(svg, labels);
            within(svg, self);
        });
    }

    fn frame(&self, svg: &mut Markup, (across, up): (&str, &str)) {
        let (left, top, right, bottom) = self.paper();
        for (value, text) in &self.y.ticks {
            let y = self.py(*value);
            svg.empty("line", &[("class", &"grid"), ("x1", &Px(left)), ("x2", &Px(right)), ("y1", &Px(y)), ("y2", &Px(y))]);
            svg.leaf("text", &[("class", &"tick end"), ("x", &Px(left - 8.0)), ("y", &Px(y + 4.0))], text);
        }
        for (value, text) in &self.x.ticks {
            let x = self.px(*value);
            svg.empty("line", &[("class", &"grid"), ("x1", &Px(x)), ("x2", &Px(x)), ("y1", &Px(top)), ("y2", &Px(bottom))]);
            svg.leaf("text", &[("class", &"tick middle"), ("x", &Px(x)), ("y", &Px(bottom + 18.0))], text);
        }
        svg.empty("line", &[("class", &"axis"), ("x1", &Px(left)), ("x2", &Px(right)), ("y1", &Px(bottom)), ("y2", &Px(bottom))]);
        svg.empty("line", &[("class", &"axis"), ("x1", &Px(left)), ("x2", &Px(left)), ("y1", &Px(top)), ("y2", &Px(bottom))]);
        let middle = f64::midpoint(left, right);
        svg.leaf("text", &[("class", &"label middle"), ("x", &Px(middle)), ("y", &Px(self.height - 6.0))], across);
        let turned = format!("rotate(-90 13 {})", Px(f64::midpoint(top, bottom)));
        let y = Px(f64::midpoint(top, bottom));
        svg.leaf("text", &[("class", &"label middle"), ("x", &Px(13.0)), ("y", &y), ("transform", &turned)], up);
    }

    /// A line through values.
    pub(super) fn line(&self, svg: &mut Markup, class: &'static str, values: impl IntoIterator<Item = (f64, f64)>) {
        let mut d = String::new();
        for (x, y) in values {
            d.push_str(if d.is_empty() { "M" } else { "L" });
            let _ = write!(d, "{} {}", Px(self.px(x)), Px(self.py(y)));
        }
        if d.contains('L') {
            svg.empty("path", &[("class", &class), ("d", &d)]);
        }
    }

    /// A dot at a value, with a tooltip.
    pub(super) fn dot(&self, svg: &mut Markup, class: &str, (x, y): (f64, f64), r: f64, tooltip: &str) {
        svg.element("circle", &[("class", &class), ("cx", &Px(self.px(x))), ("cy", &Px(self.py(y))), ("r", &Px(r))], |dot| {
            dot.leaf("title", &[], tooltip);
        });
    }

    /// An upright interval at a value.
    pub(super) fn whisker(&self, svg: &mut Markup, class: &'static str, x: f64, (low, high): (f64, f64)) {
        let (x, low, high) = (self.px(x), self.py(low), self.py(high));
        let d = format!(
            "M{x} {low}V{high}M{left} {low}H{right}M{left} {high}H{right}",
            x = Px(x),
            low = Px(low),
            high = Px(high),
            left = Px(x - 4.0),
            right = Px(x + 4.0)
        );
        svg.empty("path", &[("class", &class), ("d", &d)]);
    }
}
