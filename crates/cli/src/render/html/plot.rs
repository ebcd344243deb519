//! A drawing with two axes.

use std::fmt::Write as _;

use maud::{Markup, PreEscaped, html};

use super::axis::Axis;

/// Left, top, right, bottom.
pub(super) type Area = (f64, f64, f64, f64);

/// The paper that two axes span, and what is drawn on it.
#[derive(Debug)]
pub(super) struct Plot {
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) width: f64,
    pub(super) height: f64,
    marks: String,
    /// Where no label may be.
    pub(super) taken: Vec<Area>,
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
    /// What is across and what is up.
    pub(super) axes: (&'a str, &'a str),
}

/// A length in SVG units, to a tenth.
pub(super) fn px(length: f64) -> f64 {
    (length * 10.0).round() / 10.0 + 0.0
}

impl Plot {
    pub(super) fn new(x: Axis, y: Axis, (width, height): (f64, f64)) -> Self {
        Self { x, y, width, height, marks: String::new(), taken: Vec::new() }
    }

    /// The place of a value across.
    pub(super) fn across(&self, value: f64) -> f64 {
        LEFT + self.x.place(value) * (self.width - LEFT - RIGHT)
    }

    /// The place of a value from the top.
    pub(super) fn down(&self, value: f64) -> f64 {
        self.height - BOTTOM - self.y.place(value) * (self.height - TOP - BOTTOM)
    }

    /// Where values lie: left, top, right and bottom.
    pub(super) fn paper(&self) -> Area {
        (LEFT, TOP, self.width - RIGHT, self.height - BOTTOM)
    }

    /// The drawing: grid, axes and what was put on them.
    pub(super) fn draw(self, Caption { id, title, shows, axes }: &Caption<'_>) -> Markup {
        let (left, top, right, bottom) = self.paper();
        let (title_id, shows_id) = (format!("{id}-title"), format!("{id}-shows"));
        let (middle, center) = (px(f64::midpoint(left, right)), px(f64::midpoint(top, bottom)));
        html! {
            svg viewBox=(format!("0 0 {} {}", self.width, self.height)) role="img" aria-labelledby=(format!("{title_id} {shows_id}")) {
                title id=(title_id) { (title) }
                desc id=(shows_id) { (shows) }
                @for (value, text) in &self.y.ticks {
                    @let y = px(self.down(*value));
                    (straight("grid", (left, y), (right, y)))
                    text.tick.end x=(px(left - 8.0)) y=(px(y + 4.0)) { (text) }
                }
                @for (value, text) in &self.x.ticks {
                    @let x = px(self.across(*value));
                    (straight("grid", (x, top), (x, bottom)))
                    text.tick.middle x=(x) y=(px(bottom + 18.0)) { (text) }
                }
                (straight("axis", (left, bottom), (right, bottom)))
                (straight("axis", (left, top), (left, bottom)))
                text.label.middle x=(middle) y=(px(self.height - 6.0)) { (axes.0) }
                text.label.middle x="13" y=(center) transform=(format!("rotate(-90 13 {center})")) { (axes.1) }
                (PreEscaped(self.marks))
            }
        }
    }

    /// Puts a shape or a word on the paper.
    pub(super) fn put(&mut self, mark: Markup) {
        self.marks += &mark.into_string();
    }

    /// A line through values.
    pub(super) fn line(&mut self, class: &str, values: impl IntoIterator<Item = (f64, f64)>) {
        let mut d = String::new();
        for (x, y) in values {
            d.push_str(if d.is_empty() { "M" } else { "L" });
            let _ = write!(d, "{} {}", px(self.across(x)), px(self.down(y)));
        }
        if d.contains('L') {
            self.put(html! { path class=(class) d=(d) {} });
        }
    }

    /// A dot at a value, with a tooltip.
    pub(super) fn dot(&mut self, class: &str, (x, y): (f64, f64), r: f64, tooltip: &str) {
        self.put(html! {
            circle class=(class) cx=(px(self.across(x))) cy=(px(self.down(y))) r=(px(r)) { title { (tooltip) } }
        });
        self.keep_free((x, y), r + 1.0);
    }

    /// An upright interval at a value.
    pub(super) fn whisker(&mut self, class: &str, x: f64, (low, high): (f64, f64)) {
        let (x, low, high) = (px(self.across(x)), px(self.down(low)), px(self.down(high)));
        let (left, right) = (px(x - 4.0), px(x + 4.0));
        self.put(html! {
            path class=(class) d=(format!("M{x} {low}V{high}M{left} {low}H{right}M{left} {high}H{right}")) {}
        });
        self.taken.push((left, high - 2.0, right, low + 2.0));
    }
}

/// A line between two places on the paper.
pub(super) fn straight(class: &str, from: (f64, f64), to: (f64, f64)) -> Markup {
    html! { line class=(class) x1=(px(from.0)) y1=(px(from.1)) x2=(px(to.0)) y2=(px(to.1)) {} }
}
