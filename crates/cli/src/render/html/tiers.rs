//! How well a tier knows when it is right: a reliability diagram and a risk–coverage curve.

use tierfall_calibrate::report::{RiskPoint, TierReport};

use super::axis::Axis;
use super::labels::Labels;
use super::markup::Markup;
use super::plot::{Caption, Plot};
use super::table::{Column, table};
use crate::render::words;

/// Every gated tier. `sees_all` says of one whether every request reaches it: only there is what it accepts a point of the
/// curve over all requests.
pub(super) fn tiers(page: &mut Markup, tiers: &[TierReport], sees_all: impl Fn(&TierReport) -> bool) {
    for (place, tier) in tiers.iter().enumerate() {
        page.element("section", &[], |section| {
            section.element("h3", &[], |title| {
                title.text(&tier.tier);
                title.element("span", &[("class", &"soft")], |soft| soft.text(format_args!(" by {}", tier.signal)));
            });
            section.element("div", &[("class", &"pair")], |pair| {
                reliability(pair, tier, place);
                risk_coverage(pair, tier, place, sees_all(tier));
            });
        });
    }
}

/// Their numbers.
pub(super) fn numbers(page: &mut Markup, tiers: &[TierReport]) {
    let score = |value: Option<f64>| words::maybe(value, |value| format!("{value:.3}"));
    let columns = [
        Column::text("tier"),
        Column::name("signal"),
        Column::range("right alone, %"),
        Column::number("AUROC"),
        Column::number("benefit"),
        Column::number("AURC"),
        Column::number("AUGRC"),
        Column::number("ECE"),
        Column::number("Brier"),
        Column::number("accepts"),
        Column::range("wrong among those, %"),
        Column::number("abstained"),
    ];
    let rows = tiers.iter().map(|tier| {
        vec![
            tier.tier.clone(),
            tier.signal.clone(),
            words::points_with_range(&tier.accuracy),
            score(tier.auroc),
            score(tier.auroc_benefit),
            score(tier.aurc),
            score(tier.augrc),
            score(tier.ece),
            score(tier.brier),
            words::maybe(tier.coverage, words::percent),
            tier.selective_risk.as_ref().map_or_else(|| words::UNKNOWN.to_owned(), words::points_with_range),
            words::count(tier.abstained),
        ]
    });
    table(
        page,
        "AUROC: telling right answers from wrong ones; benefit: from those where only the next tier is right (0.5 = not at all). \
         AURC, AUGRC, ECE and Brier: less is better",
        &columns,
        rows,
        |_| false,
    );
}

fn reliability(page: &mut Markup, tier: &TierReport, place: usize) {
    if tier.bins.is_empty() {
        page.element("figure", &[], |figure| {
            figure.leaf("p", &[], "No score map could be fitted, so there is no confidence to check.");
        });
        return;
    }
    let plot = Plot { x: Axis::share(), y: Axis::share(), width: 420.0, height: 330.0 };
    let most = tier.bins.iter().map(|bin| bin.n).max().unwrap_or(1).max(1);
    let bins = tier.bins.iter().map(|bin| {
        format!("{} said, {} right, {} rows", words::percent(bin.confidence), words::percent(bin.accuracy), words::count(bin.n))
    });
    let bins: Vec<String> = bins.collect();
    let (id, title) = (format!("reliability-{place}"), format!("Reliability of {}", tier.tier));
    let caption = Caption { id: &id, title: &title, shows: &bins.join("; ") };
    page.element("figure", &[], |figure| {
        plot.draw(figure, &caption, ("confidence", "right answers"), |svg, plot| {
            plot.line(svg, "ideal", [(0.0, 0.0), (1.0, 1.0)]);
            for (bin, tip) in tier.bins.iter().zip(&bins) {
                let spread = 1.96 * (bin.accuracy * (1.0 - bin.accuracy) / bin.n.max(1) as f64).sqrt();
                let (low, high) = ((bin.accuracy - spread).max(0.0), (bin.accuracy + spread).min(1.0));
                plot.whisker(svg, "whisker-soft", bin.confidence, (low, high));
                let r = (8.0 * (bin.n as f64 / most as f64).sqrt()).max(2.0);
                plot.dot(svg, "bin", (bin.confidence, bin.accuracy), r, tip);
            }
        });
        figure.element("figcaption", &[], |caption| {
            caption.raw("<b>Reliability.</b> On the line, the confidence is the share of right answers. The area of a dot is its number of requests.");
        });
    });
}

fn risk_coverage(page: &mut Markup, tier: &TierReport, place: usize, sees_all: bool) {
    if tier.risk_coverage.is_empty() {
        return;
    }
    let risks = tier.risk_coverage.iter().map(|point| point.risk).chain([0.0, 0.05]);
    let plot = Plot { x: Axis::share(), y: Axis::linear(risks, words::percent), width: 420.0, height: 330.0 };
    let cut = tier.coverage.zip(tier.selective_risk.as_ref().map(|risk| risk.value));
    let shows = match cut {
        Some((coverage, risk)) => {
            let (accepted, wrong) = (words::percent(coverage), words::percent(risk));
            if sees_all {
                format!("At its cut it accepts {accepted} of the requests, {wrong} of them wrong.")
            } else {
                format!(
                    "In force it accepts {accepted} of what reaches it, {wrong} of them wrong; the curve is over all requests, \
                     so that is no point of it."
                )
            }
        }
        None => "Error rate among the accepted answers over the share that is accepted.".to_owned(),
    };
    // What it accepts is estimated, and may lie beside the curve, which is what the rows show. The mark is on the curve.
    let mark = cut.filter(|_| sees_all).and_then(|(coverage, _)| Some((coverage, risk_at(&tier.risk_coverage, coverage)?)));
    let (id, title) = (format!("risk-{place}"), format!("Risk and coverage of {}", tier.tier));
    let caption = Caption { id: &id, title: &title, shows: &shows };
    page.element("figure", &[], |figure| {
        plot.draw(figure, &caption, ("accepted (coverage)", "wrong among those (risk)"), |svg, plot| {
            plot.line(svg, "curve", tier.risk_coverage.iter().map(|point| (point.coverage, point.risk)));
            if let Some((coverage, risk)) = mark {
                let (low, high) = plot.y.ends();
                plot.line(svg, "cut", [(coverage, low), (coverage, high)]);
                plot.dot(svg, "dot-chosen", (coverage, risk), 6.0, &shows);
                let mut labels = Labels::default();
                labels.keep_free(plot, (coverage, risk), 7.0);
                for point in &tier.risk_coverage {
                    labels.keep_free(plot, (point.coverage, point.risk), 2.0);
                }
                labels.set(svg, plot, (coverage, risk), "name-chosen", "its cut");
            }
        });
        figure.element("figcaption", &[], |caption| {
            caption.raw("<b>Risk and coverage.</b> The surest answers are on the left. ");
            caption.text(if cut.is_some() { &shows } else { "It is not asked by the policy in force." });
        });
    });
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
