//! How well a tier knows when it is right: a reliability diagram and a risk–coverage curve.

use maud::{Markup, html};
use tierfall_calibrate::report::{RiskPoint, TierReport};

use super::axis::Axis;
use super::plot::{Caption, Plot};
use crate::render::words;

/// Width and height of each drawing.
const SIZE: (f64, f64) = (420.0, 330.0);

/// Both drawings; `place` is a number that no other tier has.
pub(super) fn draw(tier: &TierReport, sees_all: bool, place: usize) -> Markup {
    html! {
        section {
            h3 { (tier.tier) span.soft { " by " (tier.signal) } }
            div.pair { (reliability(tier, place)) (risk_coverage(tier, place, sees_all)) }
        }
    }
}

fn reliability(tier: &TierReport, place: usize) -> Markup {
    if tier.bins.is_empty() {
        return html! { figure { p { "No score map could be fitted, so there is no confidence to check." } } };
    }
    let mut plot = Plot::new(Axis::share(), Axis::share(), SIZE);
    plot.line("ideal", [(0.0, 0.0), (1.0, 1.0)]);
    let most = tier.bins.iter().map(|bin| bin.n).max().unwrap_or(1).max(1);
    let mut shows = Vec::new();
    for bin in &tier.bins {
        let (said, right) = (words::percent(bin.confidence), words::percent(bin.accuracy));
        let tip = format!("{said} said, {right} right, {} rows", words::count(bin.n));
        plot.whisker("whisker-soft", bin.confidence, (bin.low, bin.high));
        let r = (8.0 * (bin.n as f64 / most as f64).sqrt()).max(2.0);
        plot.dot("bin", (bin.confidence, bin.accuracy), r, &tip);
        shows.push(tip);
    }
    let (id, title) = (format!("reliability-{place}"), format!("Reliability of {}", tier.tier));
    let caption = Caption { id: &id, title: &title, shows: &shows.join("; "), axes: ("confidence", "right answers") };
    html! {
        figure {
            (plot.draw(&caption))
            figcaption {
                b { "Reliability." }
                " On the line, the confidence is the share of right answers. The area of a dot is its number of requests."
            }
        }
    }
}

fn risk_coverage(tier: &TierReport, place: usize, sees_all: bool) -> Markup {
    let curve = &tier.risk_coverage;
    if curve.is_empty() {
        return Markup::default();
    }
    let risks = curve.iter().map(|point| point.risk).chain([0.0, 0.05]);
    let mut plot = Plot::new(Axis::share(), Axis::linear(risks, words::percent), SIZE);
    plot.line("curve", curve.iter().map(|point| (point.coverage, point.risk)));
    let cut = tier.coverage.zip(tier.selective_risk.as_ref().map(|risk| risk.value));
    let does = cut.map(|(coverage, risk)| {
        let (accepted, wrong) = (words::percent(coverage), words::percent(risk));
        if sees_all {
            format!("At its cut it accepts {accepted} of the requests, {wrong} of them wrong.")
        } else {
            format!(
                "In force it accepts {accepted} of what reaches it, {wrong} of them wrong; the curve is over all requests, so that is \
                 no point of it."
            )
        }
    });
    let shows = does.as_deref().unwrap_or("Error rate among the accepted answers over the share that is accepted.");
    // What it accepts is estimated, and may lie beside the curve, which is what the rows show. The mark is on the curve.
    let mark = cut.filter(|_| sees_all).and_then(|(coverage, _)| Some((coverage, risk_at(curve, coverage)?)));
    if let Some((coverage, risk)) = mark {
        let (low, high) = plot.y.ends;
        plot.line("cut", [(coverage, low), (coverage, high)]);
        plot.dot("dot-chosen", (coverage, risk), 6.0, shows);
        for point in curve {
            plot.keep_free((point.coverage, point.risk), 2.0);
        }
        plot.name((coverage, risk), "name-chosen", "its cut");
    }
    let (id, title) = (format!("risk-{place}"), format!("Risk and coverage of {}", tier.tier));
    let caption = Caption { id: &id, title: &title, shows, axes: ("accepted (coverage)", "wrong among those (risk)") };
    html! {
        figure {
            (plot.draw(&caption))
            figcaption {
                b { "Risk and coverage." }
                " The surest answers are on the left. "
                (does.as_deref().unwrap_or("It is not asked by the policy in force."))
            }
        }
    }
}

/// The curve's risk where this share is accepted, between its points on a straight line.
fn risk_at(curve: &[RiskPoint], coverage: f64) -> Option<f64> {
    let next = curve.iter().position(|point| point.coverage >= coverage);
    match next {
        None => curve.last().map(|point| point.risk),
        Some(0) => curve.first().map(|point| point.risk),
        Some(next) => {
            let (a, b) = (curve[next - 1], curve[next]);
            Some(a.risk + (b.risk - a.risk) * (coverage - a.coverage) / (b.coverage - a.coverage))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_on_the_curve() {
        let point = |coverage, risk| RiskPoint { coverage, risk };
        let curve = [point(0.2, 0.0), point(0.4, 0.1), point(1.0, 0.4)];
        for (coverage, risk) in [(0.1, 0.0), (0.2, 0.0), (0.3, 0.05), (0.4, 0.1), (0.7, 0.25), (1.0, 0.4)] {
            assert!((risk_at(&curve, coverage).unwrap() - risk).abs() < 1e-12, "{coverage}");
        }
        assert_eq!(risk_at(&[], 0.5), None);
    }
}
