//! Numbers of calibration in words, the same in a terminal and in a report.

use std::collections::BTreeMap;
use std::time::Duration;

use tierfall_calibrate::report::{Calibration, Estimate, Spot};
use tierfall_core::fit::{Guarantee, Status, TargetFit};
use tierfall_core::number::Score;
pub(crate) use tierfall_core::text::{count, few, list};

use super::money;

/// Stands where a number is unknown.
pub(crate) const UNKNOWN: &str = "–";
/// Why it is not known how right answers are.
pub(crate) const UNGRADED: &str = "some answers have no grade";

/// A share as a percentage with one decimal, without a zero one.
pub(crate) fn percent(share: f64) -> String {
    format!("{} %", tenths(share * 100.0))
}

/// A share as a percentage, whole from 10 % upwards: for costs, whose tenths tell nothing.
pub(crate) fn rough(share: f64) -> String {
    if share >= 0.1 { format!("{:.0} %", share * 100.0) } else { percent(share) }
}

/// One that may be unknown.
pub(crate) fn maybe<T>(share: Option<T>, show: impl Fn(T) -> String) -> String {
    share.map_or_else(|| UNKNOWN.to_owned(), show)
}

/// A difference of shares in percentage points, without the word.
pub(crate) fn points(difference: f64) -> String {
    tenths(difference * 100.0)
}

/// With the word.
pub(crate) fn in_points(difference: f64) -> String {
    with_points(&points(difference))
}

fn with_points(shown: &str) -> String {
    if shown == "1" { "1 point".to_owned() } else { format!("{shown} points") }
}

/// At most one decimal, and more only where a small number would read as zero.
fn tenths(value: f64) -> String {
    written(value, decimals(value))
}

fn decimals(value: f64) -> usize {
    match value.abs() {
        0.01..0.1 => 2,
        1e-9..0.01 => 3,
        _ => 1,
    }
}

/// A number with these decimals, in the direction of `round`; what is there to within the noise of a sum is there.
fn digits(value: f64, decimals: usize, round: fn(f64) -> f64) -> String {
    let scale = [1.0, 10.0, 100.0, 1000.0][decimals.min(3)];
    let (scaled, nearest) = (value * scale, (value * scale).round());
    let rounded = if (scaled - nearest).abs() < 1e-6 { nearest } else { round(scaled) };
    written(rounded / scale, decimals)
}

fn written(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.replace('-', "−") }
}

/// An interval in percentage points, without the word.
pub(crate) fn range(estimate: &Estimate) -> String {
    format!("{} to {}", points(estimate.low), points(estimate.high))
}

/// A share or a difference with its interval, in percentage points without the word.
pub(crate) fn points_with_range(estimate: &Estimate) -> String {
    format!("{} ({})", points(estimate.value), range(estimate))
}

/// A share with its interval.
pub(crate) fn share_with_range(estimate: &Estimate) -> String {
    format!("{} ({})", percent(estimate.value), range(estimate))
}

/// A loss in words, the number and what follows it: above 0 = worse.
pub(crate) fn loss(loss: f64, last: &str) -> [String; 2] {
    if points(loss) == "0" {
        return ["as good".to_owned(), format!(" as always {last}")];
    }
    [in_points(loss.abs()), format!(" {} than always {last}", if loss > 0.0 { "worse" } else { "better" })]
}

/// A cost ratio in words, the number and what follows it.
pub(crate) fn cost(ratio: f64, last: &str) -> [String; 2] {
    if (ratio - 1.0).abs() < 5e-4 {
        return ["as much".to_owned(), format!(" as always asking {last}")];
    }
    [rough(ratio), format!(" of always asking {last}")]
}

/// USD a query.
pub(crate) fn usd(usd: Option<f64>) -> String {
    usd.map_or_else(|| "unknown".to_owned(), money::usd_of)
}

/// An objective.
pub(crate) fn target(target: &TargetFit, last: &str) -> String {
    match target {
        TargetFit::Accuracy(accuracy) => format!("at least {} right", percent(*accuracy)),
        TargetFit::MaxLoss(loss) => format!("at most {} worse than always {last}", in_points(*loss)),
        TargetFit::MaxCost(cost) => format!("at most {} a query", money::usd_of(*cost)),
    }
}

/// A bound in the terms of its objective, rounded away from what is claimed.
pub(crate) fn bound(target: &TargetFit, bound: f64) -> String {
    let percents = bound * 100.0;
    match target {
        TargetFit::Accuracy(_) => format!("≥ {} %", digits(percents, decimals(percents), f64::floor)),
        TargetFit::MaxLoss(_) => format!("≤ {}", with_points(&digits(percents, decimals(percents), f64::ceil))),
        TargetFit::MaxCost(_) => format!("≤ {}", money::usd_of(bound)),
    }
}

/// What can be promised at most, to a tenth of a percentage point and never beyond it: the value to ask for.
pub(crate) fn askable(target: &TargetFit, attainable: f64) -> f64 {
    match target {
        TargetFit::Accuracy(_) => (attainable * 1000.0).floor() / 1000.0,
        TargetFit::MaxLoss(_) => (attainable * 1000.0).ceil() / 1000.0,
        TargetFit::MaxCost(_) => attainable,
    }
}

/// How likely a promise is kept.
pub(crate) fn odds(guarantee: &Guarantee) -> String {
    let about = if guarantee.finite_sample { "" } else { "approximately " };
    // As many decimals as it takes to tell it from certainty, and never rounded up to that.
    let shown = digits((1.0 - guarantee.delta) * 100.0, decimals(guarantee.delta * 100.0), f64::floor);
    format!("with probability {about}{shown} %")
}

/// How a promise was tested, in words.
pub(crate) fn method(name: &str) -> String {
    let what = match name {
        "exact-binomial" => "an exact test of how many answers are wrong",
        "trinomial-grid" => "an exact test of the requests on which the two differ",
        "tango-asymptotic" => "an approximate test of the requests on which the two differ",
        "betting" => "a test of mean losses that is right for any number of examples",
        "ppi-union" => "a test of the judge's grades, corrected by people's",
        "by-construction" => return "since it is what it is compared with".to_owned(),
        other => return format!("by {other}"),
    };
    format!("by {what}")
}

/// A number to read: four significant digits, never in scientific notation where that is short.
pub(crate) fn number(value: f64) -> String {
    if value.is_infinite() {
        return if value > 0.0 { "∞" } else { "−∞" }.to_owned();
    }
    let size = value.abs();
    let text = match size {
        _ if size < 1e-12 => return "0".to_owned(),
        _ if !(1e-4..1e7).contains(&size) => format!("{value:.2e}"),
        _ => {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=8")]
            let decimals = (3.0 - size.log10().floor()).clamp(0.0, 8.0) as usize;
            let text = format!("{value:.decimals$}");
            if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
        }
    };
    text.replace('-', "−")
}

/// A raw cut.
pub(crate) fn cut(raw: Option<Score>) -> String {
    raw.map_or_else(|| "defer all".to_owned(), |score| format!("≥ {}", number(score.get())))
}

/// A chain.
pub(crate) fn chain(tiers: &[String]) -> String {
    tiers.join(" → ")
}

/// A chain with its raw cuts: `small ≥ −0.2 → large`.
pub(crate) fn chain_with_cuts(tiers: &[String], raw: &[Option<Score>]) -> String {
    let gated = |(at, tier): (usize, &String)| match raw.get(at) {
        Some(raw) => format!("{tier} {}", cut(*raw)),
        None => tier.clone(),
    };
    tiers.iter().enumerate().map(gated).collect::<Vec<_>>().join(" → ")
}

/// What a tier of the declared chain does in a policy, and whether it is asked; `gated` says it of a gate by its place.
pub(crate) fn role(tier: &str, chain: &[String], gated: impl FnOnce(usize) -> String) -> (String, bool, String) {
    let place = chain.iter().position(|asked| asked == tier);
    let does = match place {
        None => "not asked".to_owned(),
        Some(place) if place + 1 < chain.len() => gated(place),
        Some(0) => "answers everything".to_owned(),
        Some(_) => "answers the rest".to_owned(),
    };
    (tier.to_owned(), place.is_some(), does)
}

/// The verdict in a sentence.
pub(crate) fn headline(report: &Calibration) -> String {
    let last = report.declared_chain.last().map_or("", String::as_str);
    let target = target(&report.target, last);
    match report.status {
        Status::Certified => {
            let questions = if report.n_items < report.n { ", over different questions, each counted once" } else { "" };
            let under = if is_conditional(report.guarantee.as_ref()) { " under conditions" } else { "" };
            if saves_nothing(report) {
                return format!("Certified{under}, and nothing saved: always asking {last}");
            }
            format!("Certified{under}: {target}{questions}")
        }
        Status::Inconclusive if report.assumed > 0 => format!("Inconclusive: too few grades to promise {target}"),
        Status::Inconclusive if report.needed_n.is_some() => format!("Inconclusive: too few examples to promise {target}"),
        // Labels may not be what is missing.
        Status::Inconclusive => format!("Inconclusive: these examples do not show {target}"),
        Status::Infeasible => format!("Infeasible: no number of examples lets this chain promise {target}"),
        Status::Uncertified => format!("Uncertified: fitted for {target}, without a promise"),
    }
}

/// Whether it is certified that the last tier is no worse than itself, and no more.
pub(crate) fn saves_nothing(report: &Calibration) -> bool {
    report.status == Status::Certified && !report.saves && matches!(report.target, TargetFit::MaxLoss(_))
}

fn is_conditional(guarantee: Option<&Guarantee>) -> bool {
    guarantee.is_some_and(|guarantee| !guarantee.conditions.is_empty())
}

/// A verdict in a word or two.
pub(crate) fn status(status: Status, guarantee: Option<&Guarantee>) -> String {
    let under = if is_conditional(guarantee) { " under conditions" } else { "" };
    format!("{}{under}", status.as_str())
}

/// A time.
pub(crate) fn milliseconds(ms: f64) -> String {
    money::time(Duration::try_from_secs_f64((ms / 1e3).min(1e9)).unwrap_or_default())
}

/// A policy without a cascade, and its other names.
#[derive(Debug)]
pub(crate) struct Baseline<'a> {
    pub(crate) name: &'a str,
    pub(crate) spot: &'a Spot,
    pub(crate) also: Vec<&'a str>,
}

/// Baselines in the order in which they are read, each once: single tiers by cost, then what is made of them. The last
/// tier and the best single one are single tiers that have further names.
pub(crate) fn baselines(all: &BTreeMap<String, Spot>) -> Vec<Baseline<'_>> {
    let rank = |name: &str| match name {
        "always-last" => 1,
        "best-single" => 2,
        "random-mix" => 3,
        "oracle" => 4,
        _ => 0,
    };
    let mut sorted: Vec<_> = all.iter().collect();
    let cost = |spot: &Spot| spot.cost_usd.unwrap_or(f64::INFINITY);
    sorted.sort_by(|a, b| rank(a.0).cmp(&rank(b.0)).then(cost(a.1).total_cmp(&cost(b.1))));
    let mut shown: Vec<Baseline<'_>> = Vec::new();
    for (name, spot) in sorted {
        let single = shown.iter_mut().find(|one| one.name.starts_with("always-") && one.spot.chain == spot.chain);
        match single {
            Some(single) if rank(name) == 1 || rank(name) == 2 => single.also.push(name),
            _ => shown.push(Baseline { name, spot, also: Vec::new() }),
        }
    }
    shown
}

/// `2 checks`.
pub(crate) fn some(n: u64, what: &str) -> String {
    format!("{} {what}{}", count(n), if n == 1 { "" } else { "s" })
}

/// What was not looked at, where there is any: `, 3 left out`.
pub(crate) fn left_out(n: u64) -> String {
    if n > 0 { format!(", {} left out", count(n)) } else { String::new() }
}

/// A p-value.
pub(crate) fn p_value(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_owned() } else { format!("{p:.3}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_keep_what_can_be_read() {
        for (value, shown) in [(0.5, "50 %"), (0.4321, "43.2 %"), (1.0, "100 %"), (0.0004, "0.04 %"), (0.0, "0 %")] {
            assert_eq!(percent(value), shown);
        }
        assert_eq!((rough(0.4149), rough(0.0415)), ("41 %".into(), "4.2 %".into()));
        assert_eq!((points(-0.0123), points(-0.000_000_000_1)), ("−1.2".into(), "0".into()));
        assert_eq!((in_points(0.01), in_points(0.02)), ("1 point".into(), "2 points".into()));
    }

    #[test]
    fn numbers_keep_four_digits() {
        for (value, shown) in [
            (-0.197_345, "−0.1973"),
            (12.0, "12"),
            (1000.0, "1000"),
            (1_234_567.0, "1234567"),
            (-0.000_012_3, "−1.23e−5"),
            (0.0, "0"),
            (f64::NEG_INFINITY, "−∞"),
        ] {
            assert_eq!(number(value), shown);
        }
    }

    #[test]
    fn a_loss_says_which_way() {
        assert_eq!(loss(0.012, "large").concat(), "1.2 points worse than always large");
        assert_eq!(loss(-0.012, "large").concat(), "1.2 points better than always large");
        assert_eq!(loss(0.0, "large").concat(), "as good as always large");
    }

    #[test]
    fn claims_are_rounded_away_from_what_they_claim() {
        let loss = |value| bound(&TargetFit::MaxLoss(0.02), value);
        assert_eq!(
            (loss(0.0204), loss(0.02), loss(0.01), loss(-0.0123)),
            ("≤ 2.1 points".into(), "≤ 2 points".into(), "≤ 1 point".into(), "≤ −1.2 points".into())
        );
        assert_eq!(loss(0.0199), "≤ 2 points");
        let right = |value| bound(&TargetFit::Accuracy(0.9), value);
        assert_eq!((right(0.8997), right(0.9)), ("≥ 89.9 %".into(), "≥ 90 %".into()));
        let shown = |delta| odds(&Guarantee { delta, finite_sample: true, ..super::super::sample::guarantee(0.0) });
        assert_eq!(
            [0.05, 0.1, 0.0004, 0.000_01, 1e-7].map(shown),
            ["95 %", "90 %", "99.96 %", "99.999 %", "99.999 %"].map(|shown| format!("with probability {shown}"))
        );
    }

    #[test]
    fn what_is_attainable_is_never_rounded_beyond_itself() {
        let shown = |target, value| bound(&target, askable(&target, value));
        assert_eq!(shown(TargetFit::Accuracy(0.99), 0.839_8), "≥ 83.9 %");
        assert_eq!(shown(TargetFit::MaxLoss(0.01), 0.023_1), "≤ 2.4 points");
    }

    #[test]
    fn words_of_reports_are_in_the_glossary() {
        let glossary = include_str!("../../../../docs/guide/glossary.md");
        let tests = ["exact-binomial", "trinomial-grid", "tango-asymptotic", "betting", "ppi-union", "by-construction"];
        for name in tests {
            assert!(glossary.contains(&format!("| `{name}` |")), "{name}");
            assert!(!method(name).starts_with("by by") && method(name) != format!("by {name}"), "{name} has words");
        }
        let statuses = [Status::Certified, Status::Inconclusive, Status::Infeasible, Status::Uncertified].map(Status::as_str);
        let heads = [
            "AUROC",
            "benefit",
            "AURC",
            "AUGRC",
            "ECE",
            "Brier",
            "best-single",
            "random-mix",
            "oracle",
            "always-last",
            "ledger",
            "δ",
            "by chance",
        ];
        for word in statuses.iter().chain(&heads) {
            assert!(glossary.contains(&format!("**{word}**")), "{word}");
        }
    }

    #[test]
    fn what_a_terminal_shows_needs_no_statistics() {
        use crate::render::{calibration, evaluation, sample, text};
        let mut judged = sample::evaluation();
        if let Some(promise) = &mut judged.promise {
            (promise.met, promise.p_broken) = (false, 0.002);
        }
        let made = sample::calibration();
        for document in [
            calibration::calibration(&made, &sample::provenance(), "support", &[]),
            evaluation::evaluation(&judged, &sample::provenance(), "support", "test", false),
        ] {
            let drawn = text::document(&document);
            for word in ["p = ", "at level", "trinomial-grid", "δ", "AUGRC", "Holm", "hash of the request"] {
                assert!(!drawn.contains(word), "{word}: {drawn}");
            }
        }
    }

    #[test]
    fn a_certificate_over_nothing_has_no_tick() {
        use crate::render::{calibration, sample, text};
        let nothing = Calibration { saves: false, ..sample::calibration() };
        let drawn = text::document(&calibration::calibration(&nothing, &sample::provenance(), "support", &[]));
        let drawn = anstream::adapter::strip_str(&drawn).to_string();
        assert!(drawn.starts_with("· Certified, and nothing saved: always asking large\n"), "{drawn}");
        let right = Calibration { target: TargetFit::Accuracy(0.9), ..nothing };
        assert!(!saves_nothing(&right), "that the last tier is right so often is a promise of its own");
    }

    #[test]
    fn counts_and_lists_read_well() {
        assert_eq!((count(7), count(1_000), count(1_234_567)), ("7".into(), "1,000".into(), "1,234,567".into()));
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
    }
}
