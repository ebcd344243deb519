//! Names of dots, set where they cover neither another name nor a dot.

use maud::html;

use super::plot::{Area, Plot, px, straight};

/// A place for a label: its box, how much of it lies left of its anchor, and how far it is from the dot.
type Place = (Area, f64, f64);

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

impl Plot {
    /// Keeps names off the surroundings of a value.
    pub(super) fn keep_free(&mut self, (x, y): (f64, f64), r: f64) {
        let (x, y) = (self.across(x), self.down(y));
        self.taken.push((x - r, y - r, x + r, y + r));
    }

    /// Sets a name near a dot, where there is most room.
    pub(super) fn name(&mut self, (x, y): (f64, f64), class: &str, text: &str) {
        let (x, y) = (self.across(x), self.down(y));
        let text = shortened(text);
        let letter = if class == "name-chosen" { BOLD } else { LETTER };
        let Some((area, before, far)) = self.best((x, y), text.chars().count() as f64 * letter) else { return };
        let (left, top, right, bottom) = area;
        if far > RINGS[0] {
            // A thin line from the rim of the dot to where its name begins.
            let to = (x.clamp(left, right), y.clamp(top, bottom));
            let (across, down) = (to.0 - x, to.1 - y);
            let begin = (6.0 / across.hypot(down).max(1.0)).min(1.0);
            self.put(straight("leader", (x + across * begin, y + down * begin), to));
        }
        let anchor = ["start", "middle", "end"][usize::from(before > 0.25) + usize::from(before > 0.75)];
        let at = left + before * (right - left);
        self.put(html! { text class=(format!("{class} {anchor}")) x=(px(at)) y=(px(bottom - 3.0)) { (text) } });
        // Letters may be wider than most, and two names in a row are to be two.
        self.taken.push((left - 4.0, top, right + 4.0, bottom));
    }

    /// The place that covers least, the nearer the better.
    fn best(&self, (x, y): (f64, f64), width: f64) -> Option<Place> {
        let paper = self.paper();
        let places = RINGS.iter().flat_map(|far| AROUND.iter().map(move |around| (*far, *around))).map(|(far, (dx, dy))| {
            let before = 0.5 - 0.5 * f64::from(i8::from(dx > 0.0) - i8::from(dx < 0.0));
            let left = x + dx * far - before * width;
            // A line of 14 px, beside the dot, above or below it.
            let top = y + dy * far - 7.0 + 6.0 * dy;
            ((left, top, left + width, top + 14.0), before, far)
        });
        let cost = |(area, _, far): &Place| {
            let covers: f64 = self.taken.iter().map(|taken| covered(*taken, *area)).sum();
            let inside = area.0 >= paper.0 && area.1 >= 2.0 && area.2 <= self.width - 2.0 && area.3 <= paper.3;
            4.0 * covers + far + if inside { 0.0 } else { 1e6 }
        };
        places.min_by(|a, b| cost(a).total_cmp(&cost(b)))
    }
}

fn shortened(name: &str) -> String {
    if name.chars().count() <= LONGEST {
        return name.to_owned();
    }
    name.chars().take(LONGEST - 1).chain(['…']).collect()
}

fn covered(a: Area, b: Area) -> f64 {
    (a.2.min(b.2) - a.0.max(b.0)).max(0.0) * (a.3.min(b.3) - a.1.max(b.1)).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::super::axis::Axis;
    use super::*;

    #[test]
    fn labels_of_a_crowd_cover_neither_each_other_nor_its_dots() {
        let mut plot = Plot::new(Axis::share(), Axis::share(), (860.0, 430.0));
        let crowd: Vec<(f64, f64)> = (0..9).map(|n| (0.93 + 0.01 * f64::from(n % 5), 0.72 + 0.004 * f64::from(n))).collect();
        for dot in &crowd {
            plot.keep_free(*dot, 5.0);
        }
        for dot in &crowd {
            plot.name(*dot, "name", "small → medium → large");
        }
        let of_labels = &plot.taken[crowd.len()..];
        for (at, label) in of_labels.iter().enumerate() {
            for other in plot.taken[..crowd.len()].iter().chain(&of_labels[..at]) {
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
