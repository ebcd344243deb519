//! Cost against quality: what was searched, what is promised, what is chosen, and what is had without a cascade.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use tierfall_calibrate::report::{Estimate, FrontierPoint, Spot};

use super::axis::Axis;
use super::labels::Labels;
use super::markup::Markup;
use super::plot::{Caption, Plot};
use crate::render::words;

/// What the drawing shows.
pub(super) struct Curve<'a> {
    pub(super) last: &'a str,
    /// Mean cost of always asking the last tier, which costs are shown as shares of.
    pub(super) cost_last: Option<f64>,
    pub(super) frontier: &'a [FrontierPoint],
    pub(super) baselines: &'a BTreeMap<String, Spot>,
    pub(super) chosen: Option<Chosen>,
    /// What is to be said of the chosen point, like `as expected on new requests`.
    pub(super) chosen_is: &'static str,
    /// Further dots: a name, a cost in USD and a share of right answers.
    pub(super) points: Vec<(String, f64, f64)>,
    /// What these are, like `further operating points`.
    pub(super) points_are: &'static str,
    /// The quality that is asked for.
    pub(super) floor: Option<f64>,
}

/// The point in force.
pub(super) struct Chosen {
    pub(super) accuracy: Estimate,
    pub(super) cost_usd: f64,
}

/// Most dots that are worth drawing.
const DOTS: usize = 60;
/// How finely a straight line is drawn that is bent on a logarithmic axis.
const STEPS: u32 = 40;

impl Curve<'_> {
    /// The figure; what is said in its place where costs are unknown.
    pub(super) fn draw(&self, page: &mut Markup) {
        let frontier: Vec<(f64, f64, &FrontierPoint)> =
            self.frontier.iter().filter_map(|point| Some((self.cost(point.cost_usd?), point.accuracy, point))).collect();
        let spots = self.spots();
        if frontier.is_empty() && spots.is_empty() {
            page.leaf("p", &[], "Costs are unknown, so there is no curve: --price TIER=IN/OUT or --cost TIER=USD declares them.");
            return;
        }
        let chosen = self.chosen.as_ref().map(|chosen| (self.cost(chosen.cost_usd), chosen.accuracy));
        let points: Vec<(&str, f64, f64)> =
            self.points.iter().map(|(name, cost, accuracy)| (name.as_str(), self.cost(*cost), *accuracy)).collect();
        let costs = frontier.iter().map(|point| point.0).chain(spots.iter().map(|spot| spot.1));
        let costs: Vec<f64> = costs.chain(chosen.iter().map(|c| c.0)).chain(points.iter().map(|p| p.1)).collect();
        let accuracies = frontier.iter().map(|point| point.1).chain(spots.iter().map(|spot| spot.2));
        let accuracies = accuracies.chain(chosen.iter().flat_map(|c| [c.1.low, c.1.high])).chain(points.iter().map(|p| p.2));
        let accuracies: Vec<f64> = accuracies.chain(self.floor).collect();
        let x = match self.cost_last {
            Some(_) => Axis::fitting(&costs, words::rough),
            None => Axis::fitting(&costs, super::money::usd_of),
        };
        let plot = Plot { x, y: Axis::linear(accuracies, words::percent), width: 860.0, height: 430.0 };
        let unit = match self.cost_last {
            Some(_) => format!("cost, as a share of always asking {}", self.last),
            None => "cost a query, USD".to_owned(),
        };
        let unit = if plot.x.is_log() { format!("{unit} (logarithmic)") } else { unit };
        let shows = self.shows(chosen);
        let caption = Caption { id: "curve", title: "Cost against quality", shows: &shows };
        page.element("figure", &[("class", &"wide")], |figure| {
            plot.draw(figure, &caption, (&unit, "right answers"), |svg, plot| {
                Self::mixed(svg, plot, &spots);
                if let Some(floor) = self.floor {
                    let (low, high) = plot.x.ends();
                    plot.line(svg, "floor", [(low, floor), (high, floor)]);
                }
                searched(svg, plot, &frontier);
                let mut labels = Labels::default();
                for (_, cost, accuracy) in &spots {
                    labels.keep_free(plot, (*cost, *accuracy), 6.0);
                }
                for (_, cost, accuracy) in &points {
                    labels.keep_free(plot, (*cost, *accuracy), 6.0);
                }
                for (cost, accuracy, _) in thinned(&frontier) {
                    labels.keep_free(plot, (*cost, *accuracy), 1.0);
                }
                // What matters most is drawn last, so that nothing hides it, and named first, so that it has most room.
                for (class, dots) in [("dot", &spots), ("dot-point", &points)] {
                    for (name, cost, accuracy) in dots {
                        plot.dot(svg, class, (*cost, *accuracy), 5.0, &self.said(name, *cost, *accuracy));
                    }
                }
                if let Some((cost, accuracy)) = chosen {
                    labels.keep_free(plot, (cost, accuracy.value), 8.0);
                    labels.keep_whisker_free(plot, cost, (accuracy.low, accuracy.high));
                    plot.whisker(svg, "whisker", cost, (accuracy.low, accuracy.high));
                    let tip = format!("chosen: {} right, {}", words::share_with_range(&accuracy), self.cost_in_words(cost));
                    plot.dot(svg, "dot-chosen", (cost, accuracy.value), 7.0, &tip);
                    labels.set(svg, plot, (cost, accuracy.value), "name-chosen", "chosen");
                }
                for (name, cost, accuracy) in points.iter().chain(&spots) {
                    labels.set(svg, plot, (*cost, *accuracy), "name", name);
                }
                if let Some(floor) = self.floor {
                    let (low, _) = plot.x.ends();
                    labels.set(svg, plot, (low, floor), "floor-name", "asked for");
                }
            });
            self.key(figure, !frontier.is_empty());
        });
    }

    fn cost(&self, usd: f64) -> f64 {
        self.cost_last.map_or(usd, |last| usd / last)
    }

    fn cost_in_words(&self, cost: f64) -> String {
        match self.cost_last {
            Some(_) => words::cost_in_words(cost, self.last),
            None => format!("{} a query", super::money::usd_of(cost)),
        }
    }

    /// The baselines that have a place, each once: `always-last` and `best-single` are tiers too.
    fn spots(&self) -> Vec<(&str, f64, f64)> {
        let placed = words::baselines(self.baselines);
        placed.into_iter().filter_map(|one| Some((one.name, self.cost(one.spot.cost_usd?), one.spot.accuracy.value))).collect()
    }

    /// What drawing lots between single tiers gives: straight in cost, so bent on a logarithmic axis.
    fn mixed(svg: &mut Markup, plot: &Plot, spots: &[(&str, f64, f64)]) {
        let tiers = spots.iter().filter(|(name, ..)| name.starts_with("always-") || *name == "best-single");
        for pair in hull(tiers.map(|(_, cost, accuracy)| (*cost, *accuracy)).collect()).windows(2) {
            let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
            let at = |step: u32| f64::from(step) / f64::from(STEPS);
            let between = (0..=STEPS).map(|step| (x0 + (x1 - x0) * at(step), y0 + (y1 - y0) * at(step)));
            plot.line(svg, "mixed", between);
        }
    }

    fn said(&self, name: &str, cost: f64, accuracy: f64) -> String {
        format!("{name}: {} right, {}", words::percent(accuracy), self.cost_in_words(cost))
    }

    fn shows(&self, chosen: Option<(f64, Estimate)>) -> String {
        let mut text = match self.frontier.len() {
            0 => "Quality over cost.".to_owned(),
            n => format!("Quality of {} policies over their cost.", words::count(n as u64)),
        };
        for (name, cost, accuracy) in &self.points {
            let _ = write!(text, " {}.", self.said(name, self.cost(*cost), *accuracy));
        }
        if let Some((cost, accuracy)) = chosen {
            let _ = write!(
                text,
                " The chosen one, {}: {} right, {}.",
                self.chosen_is,
                words::share_with_range(&accuracy),
                self.cost_in_words(cost)
            );
        }
        for (name, spot) in self.baselines {
            let _ = write!(text, " {name}: {} right.", words::percent(spot.accuracy.value));
        }
        text
    }

    fn key(&self, figure: &mut Markup, frontier: bool) {
        figure.element("figcaption", &[], |key| {
            if self.chosen.is_some() {
                key.raw("<span class=\"key key-chosen\"></span><b>chosen</b>, ");
                key.text(self.chosen_is);
                key.raw(", with its 95 % interval. ");
            }
            if !self.points.is_empty() {
                key.raw("<span class=\"key key-point\"></span>");
                key.leaf("b", &[], self.points_are);
                key.raw(". ");
            }
            if self.frontier.iter().any(|point| point.certified) {
                key.raw("<span class=\"key key-promised\"></span><b>promised</b> for the target. ");
            }
            if frontier {
                key.raw("<span class=\"key key-searched\"></span><b>searched</b>: its shape on the examples themselves, so a little too good. ");
            }
            key.raw("<span class=\"key key-mixed\"></span><b>drawing lots</b> between single tiers.");
        });
    }
}

fn searched(svg: &mut Markup, plot: &Plot, frontier: &[(f64, f64, &FrontierPoint)]) {
    plot.line(svg, "searched", frontier.iter().map(|(cost, accuracy, _)| (*cost, *accuracy)));
    for run in frontier.chunk_by(|a, b| a.2.certified && b.2.certified) {
        if run[0].2.certified {
            plot.line(svg, "promised", run.iter().map(|(cost, accuracy, _)| (*cost, *accuracy)));
        }
    }
    for (cost, accuracy, point) in thinned(frontier) {
        let promise = match (point.certified, point.certified_for.as_str()) {
            (_, for_what) if !for_what.is_empty() => format!("promised: {for_what}"),
            (true, _) => "promised".to_owned(),
            (false, _) => "nothing is promised".to_owned(),
        };
        let tip = format!(
            "{}: {} right on the examples, {} a query; {promise}",
            words::chain_with_cuts(&point.chain, &point.raw_thresholds),
            words::percent(*accuracy),
            words::usd(point.cost_usd)
        );
        let class = if point.certified { "dot-promised" } else { "dot-searched" };
        plot.dot(svg, class, (*cost, *accuracy), 2.5, &tip);
    }
}

fn thinned<T>(all: &[T]) -> impl Iterator<Item = &T> {
    all.iter().step_by(all.len().div_ceil(DOTS).max(1))
}

/// The corners of the least concave curve over the dots, from the cheapest to the best.
fn hull(mut dots: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    dots.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
    let mut corners: Vec<(f64, f64)> = Vec::new();
    for dot in dots {
        if corners.last().is_some_and(|last| dot.1 <= last.1) {
            continue;
        }
        while let [.., a, b] = corners[..]
            && (b.1 - a.1) * (dot.0 - a.0) <= (dot.1 - a.1) * (b.0 - a.0)
        {
            corners.pop();
        }
        corners.push(dot);
    }
    corners
}

#[cfg(test)]
mod tests {
    use super::hull;

    #[test]
    fn lots_are_drawn_only_between_tiers_that_are_worth_it() {
        let dots = vec![(1.0, 0.9), (0.1, 0.5), (0.2, 0.8), (0.5, 0.81), (0.3, 0.4)];
        assert_eq!(hull(dots), [(0.1, 0.5), (0.2, 0.8), (1.0, 0.9)]);
        assert_eq!(hull(vec![(0.1, 0.5), (0.2, 0.4)]), [(0.1, 0.5)]);
    }
}
