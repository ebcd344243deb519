//! Names of dots, set where they cover nothing.

use super::markup::{Markup, Px};
use super::plot::Plot;

/// Labels of dots, set where they cover neither another label nor a dot.
#[derive(Debug, Default)]
pub(super) struct Labels {
    taken: Vec<Box>,
}

/// Left, top, right, bottom.
type Box = (f64, f64, f64, f64);

/// A place for a label: its box, how much of it lies left of its anchor, and how far it is from the dot.
struct Place {
    area: Box,
    before: f64,
    far: f64,
}

/// How far labels may be from their dots; from the second on a line leads there.
const RINGS: [f64; 6] = [9.0, 24.0, 42.0, 64.0, 90.0, 120.0];
/// Directions: right, left, up, down, and between them.
const AROUND: [(f64, f64); 8] =
    [(1.0, 0.0), (-1.0, 0.0), (0.0, -1.0), (0.0, 1.0), (0.8, -0.7), (0.8, 0.7), (-0.8, -0.7), (-0.8, 0.7)];
/// The longest label; the tooltip has all of a longer name.
const LONGEST: usize = 32;
/// An average sans-serif letter at 12 px; only collisions depend on it.
const LETTER: f64 = 6.6;
/// The same of the chosen point's name, which is bold.
const BOLD: f64 = 7.8;

impl Labels {
    /// Keeps a dot free.
    pub(super) fn keep_free(&mut self, plot: &Plot, (x, y): (f64, f64), r: f64) {
        let (x, y) = (plot.px(x), plot.py(y));
        self.taken.push((x - r, y - r, x + r, y + r));
    }

    /// Keeps an upright interval free.
    pub(super) fn keep_whisker_free(&mut self, plot: &Plot, x: f64, (low, high): (f64, f64)) {
        self.taken.push((plot.px(x) - 5.0, plot.py(high) - 2.0, plot.px(x) + 5.0, plot.py(low) + 2.0));
    }

    /// Sets a label near a dot, where there is most room.
    pub(super) fn set(&mut self, svg: &mut Markup, plot: &Plot, (x, y): (f64, f64), class: &str, text: &str) {
        let (x, y) = (plot.px(x), plot.py(y));
        let text = shortened(text);
        let letter = if class == "name-chosen" { BOLD } else { LETTER };
        let Some(place) = self.best(plot, (x, y), text.chars().count() as f64 * letter) else { return };
        let (left, top, right, bottom) = place.area;
        if place.far > RINGS[0] {
            lead(svg, (x, y), (x.clamp(left, right), y.clamp(top, bottom)));
        }
        let anchor = ["start", "middle", "end"][usize::from(place.before > 0.25) + usize::from(place.before > 0.75)];
        let class = format!("{class} {anchor}");
        let at = left + place.before * (right - left);
        svg.leaf("text", &[("class", &class), ("x", &Px(at)), ("y", &Px(bottom - 3.0))], &text);
        // Letters may be wider than most, and two names in a row are to be two.
        self.taken.push((left - 4.0, top, right + 4.0, bottom));
    }

    /// The place that covers least, the nearer the better.
    fn best(&self, plot: &Plot, (x, y): (f64, f64), width: f64) -> Option<Place> {
        let paper = plot.paper();
        let places = RINGS.iter().flat_map(|far| AROUND.iter().map(move |around| (*far, *around))).map(|(far, (dx, dy))| {
            let before = if dx > 0.0 {
                0.0
            } else if dx < 0.0 {
                1.0
            } else {
                0.5
            };
            let left = x + dx * far - before * width;
            // A line of 14 px, beside the dot, above or below it.
            let top = y + dy * far - 7.0 + 6.0 * dy;
            Place { area: (left, top, left + width, top + 14.0), before, far }
        });
        let cost = |place: &Place| {
            let covers: f64 = self.taken.iter().map(|taken| covered(*taken, place.area)).sum();
            let inside =
                place.area.0 >= paper.0 && place.area.1 >= 2.0 && place.area.2 <= plot.width - 2.0 && place.area.3 <= paper.3;
            4.0 * covers + place.far + if inside { 0.0 } else { 1e6 }
        };
        places.min_by(|a, b| cost(a).total_cmp(&cost(b)))
    }
}

/// A thin line from the rim of a dot to where its label begins.
fn lead(svg: &mut Markup, from: (f64, f64), to: (f64, f64)) {
    let (across, up) = (to.0 - from.0, to.1 - from.1);
    let begin = (6.0 / across.hypot(up).max(1.0)).min(1.0);
    let (x1, y1) = (Px(from.0 + across * begin), Px(from.1 + up * begin));
    svg.empty("line", &[("class", &"leader"), ("x1", &x1), ("y1", &y1), ("x2", &Px(to.0)), ("y2", &Px(to.1))]);
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= LONGEST {
        return name.to_owned();
    }
    name.chars().take(LONGEST - 1).chain(['…']).collect()
}

fn covered(a: Box, b: Box) -> f64 {
    (a.2.min(b.2) - a.0.max(b.0)).max(0.0) * (a.3.min(b.3) - a.1.max(b.1)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::super::axis::Axis;
    use super::*;

    #[test]
    fn labels_of_a_crowd_cover_neither_each_other_nor_its_dots() {
        let plot = Plot { x: Axis::share(), y: Axis::share(), width: 860.0, height: 430.0 };
        let crowd: Vec<(f64, f64)> = (0..9).map(|n| (0.93 + 0.01 * f64::from(n % 5), 0.72 + 0.004 * f64::from(n))).collect();
        let mut labels = Labels::default();
        for dot in &crowd {
            labels.keep_free(&plot, *dot, 5.0);
        }
        let mut svg = Markup::default();
        for dot in &crowd {
            labels.set(&mut svg, &plot, *dot, "name", "small → medium → large");
        }
        let of_labels = &labels.taken[crowd.len()..];
        for (at, label) in of_labels.iter().enumerate() {
            for other in labels.taken[..crowd.len()].iter().chain(&of_labels[..at]) {
                assert!(covered(*label, *other) < 1.0, "{label:?} covers {other:?}");
            }
        }
    }

    #[test]
    fn a_long_name_is_cut() {
        assert_eq!(shortened(&"x".repeat(40)).chars().count(), LONGEST);
        assert_eq!(shortened("always-large"), "always-large");
    }
}
