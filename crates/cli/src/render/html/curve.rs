//! Cost against quality.

use std::fmt::Write as _;

use maud::{Markup, html};
use tierfall_calibrate::report::{Estimate, FrontierPoint};

use super::axis::Axis;
use super::plot::{Caption, Plot};
use crate::render::document::Curve;
use crate::render::{money, words};

/// Most dots that are worth drawing.
const DOTS: usize = 60;
/// How finely a straight line is drawn that is bent on a logarithmic axis.
const STEPS: u32 = 40;

/// A name, a cost and a share of right answers.
type Dot<'a> = (&'a str, f64, f64);

/// The figure; what is said in its place where costs are unknown.
pub(super) fn draw(curve: &Curve<'_>) -> Markup {
    let frontier: Vec<(f64, f64, &FrontierPoint)> =
        curve.frontier.iter().filter_map(|point| Some((curve.cost(point.cost_usd?), point.accuracy, point))).collect();
    // Each baseline once: `always-last` and `best-single` are tiers too.
    let spots: Vec<Dot<'_>> = words::baselines(curve.baselines)
        .into_iter()
        .filter_map(|one| Some((one.name, curve.cost(one.spot.cost_usd?), one.spot.accuracy.value)))
        .collect();
    if frontier.is_empty() && spots.is_empty() {
        return html! { p { "Costs are unknown, so there is no curve: --price TIER=IN/OUT or --cost TIER=USD declares them." } };
    }
    let chosen = curve.chosen.map(|(accuracy, cost)| (curve.cost(cost), accuracy));
    let points: Vec<Dot<'_>> =
        curve.points.iter().map(|(name, cost, accuracy)| (name.as_str(), curve.cost(*cost), *accuracy)).collect();
    let dots = || points.iter().chain(&spots);
    let costs = frontier.iter().map(|point| point.0).chain(dots().map(|dot| dot.1)).chain(chosen.map(|chosen| chosen.0));
    let costs: Vec<f64> = costs.collect();
    let accuracies = frontier.iter().map(|point| point.1).chain(dots().map(|dot| dot.2)).chain(curve.floor);
    let accuracies = accuracies.chain(chosen.iter().flat_map(|chosen| [chosen.1.low, chosen.1.high]));
    let (show, unit): (fn(f64) -> String, _) = match curve.cost_last {
        Some(_) => (words::rough, format!("cost, as a share of always asking {}", curve.last)),
        None => (money::usd_of, "cost a query, USD".to_owned()),
    };
    let x = Axis::fitting(&costs, show);
    let unit = if x.is_log { format!("{unit} (logarithmic)") } else { unit };
    let mut plot = Plot::new(x, Axis::linear(accuracies, words::percent), (860.0, 430.0));
    mixed(&mut plot, &spots);
    let start = plot.x.ends.0;
    if let Some(floor) = curve.floor {
        let end = plot.x.ends.1;
        plot.line("floor", [(start, floor), (end, floor)]);
    }
    searched(&mut plot, &frontier);
    // What matters most is drawn last, so that nothing hides it, and named first, so that it has most room.
    for (class, dots) in [("dot", &spots), ("dot-point", &points)] {
        for (name, cost, accuracy) in dots {
            plot.dot(class, (*cost, *accuracy), 5.0, &curve.said(name, *cost, *accuracy));
        }
    }
    if let Some((cost, accuracy)) = chosen {
        plot.whisker("whisker", cost, (accuracy.low, accuracy.high));
        let tip = format!("chosen: {} right, {}", words::share_with_range(&accuracy), curve.cost_in_words(cost));
        plot.dot("dot-chosen", (cost, accuracy.value), 7.0, &tip);
        plot.name((cost, accuracy.value), "name-chosen", "chosen");
    }
    for (name, cost, accuracy) in dots() {
        plot.name((*cost, *accuracy), "name", name);
    }
    if let Some(floor) = curve.floor {
        plot.name((start, floor), "floor-name", "asked for");
    }
    let shows = curve.shows(chosen);
    let caption = Caption { id: "curve", title: "Cost against quality", shows: &shows, axes: (&unit, "right answers") };
    html! { figure.wide { (plot.draw(&caption)) figcaption { (key(curve, !frontier.is_empty())) } } }
}

impl Curve<'_> {
    fn cost(&self, usd: f64) -> f64 {
        self.cost_last.map_or(usd, |last| usd / last)
    }

    fn cost_in_words(&self, cost: f64) -> String {
        match self.cost_last {
            Some(_) => words::cost(cost, self.last).concat(),
            None => format!("{} a query", money::usd_of(cost)),
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
            let (right, cost) = (words::share_with_range(&accuracy), self.cost_in_words(cost));
            let _ = write!(text, " The chosen one, {}: {right} right, {cost}.", self.chosen_is);
        }
        for (name, spot) in self.baselines {
            let _ = write!(text, " {name}: {} right.", words::percent(spot.accuracy.value));
        }
        text
    }
}

fn key(curve: &Curve<'_>, frontier: bool) -> Markup {
    html! {
        @if curve.chosen.is_some() {
            span.key.key-chosen {} b { "chosen" } ", " (curve.chosen_is) ", with its 95 % interval. "
        }
        @if !curve.points.is_empty() { span.key.key-point {} b { (curve.points_are) } ". " }
        @if curve.frontier.iter().any(|point| point.certified) {
            span.key.key-promised {} b { "promised" } " for the target. "
        }
        @if frontier {
            span.key.key-searched {} b { "searched" } ": its shape on the examples themselves, so a little too good. "
        }
        span.key.key-mixed {} b { "drawing lots" } " between single tiers."
    }
}

/// What drawing lots between single tiers gives: straight in cost, so bent on a logarithmic axis.
fn mixed(plot: &mut Plot, spots: &[Dot<'_>]) {
    let tiers = spots.iter().filter(|(name, ..)| name.starts_with("always-") || *name == "best-single");
    for pair in hull(tiers.map(|(_, cost, accuracy)| (*cost, *accuracy)).collect()).windows(2) {
        let ((x0, y0), (x1, y1)) = (pair[0], pair[1]);
        let at = |step: u32| f64::from(step) / f64::from(STEPS);
        plot.line("mixed", (0..=STEPS).map(|step| (x0 + (x1 - x0) * at(step), y0 + (y1 - y0) * at(step))));
    }
}

fn searched(plot: &mut Plot, frontier: &[(f64, f64, &FrontierPoint)]) {
    plot.line("searched", frontier.iter().map(|(cost, accuracy, _)| (*cost, *accuracy)));
    for run in frontier.chunk_by(|a, b| a.2.certified && b.2.certified) {
        if run[0].2.certified {
            plot.line("promised", run.iter().map(|(cost, accuracy, _)| (*cost, *accuracy)));
        }
    }
    for (cost, accuracy, point) in frontier.iter().step_by(frontier.len().div_ceil(DOTS).max(1)) {
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
        plot.dot(if point.certified { "dot-promised" } else { "dot-searched" }, (*cost, *accuracy), 2.5, &tip);
    }
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
