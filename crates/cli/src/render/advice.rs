//! What `tierfall advise` says: the advice first, then what it rests on.

use tierfall_calibrate::report::{Advice, Earns, Estimate, TierSegment};

use super::document::{Block, Column, Conclusion, Curve, Document, Line, Rows, Table, Tone};
use super::report;
use super::words;

/// The report. `name` is the chain that was looked at.
pub(crate) fn advice<'a>(report: &'a Advice, name: &str) -> Document<'a> {
    let last = report.declared_chain.last().map_or("", String::as_str);
    let about = format!("{name} · {} · {} labelled examples", words::chain(&report.declared_chain), words::count(report.n));
    let mut document = Document::new(format!("{name}: advice"), about, Tone::Strong);
    document.add(Block::Conclusion(said(report)));
    document.add(Block::Warnings(&report.warnings));
    document.add(Block::Table(tiers(report, last)));
    segments(&mut document, report);
    document.add(Block::Table(chains(report, last)));
    document.on_page(Block::Curve(curve(report, last)));
    document.add(Block::Table(report::baselines(&report.baselines)));
    document.on_page(Block::Footer(
        "All of it is cross-fitted: no request judged what was fitted on it. Intervals hold 95 % each by itself. Nothing here is a promise.",
    ));
    document
}

fn said(report: &Advice) -> Conclusion {
    let (first, rest) =
        report.advice.split_first().map_or(("No advice: what the tiers save is unknown.", &[][..]), |(f, r)| (f.as_str(), r));
    let (n, left_out) = (words::count(report.n), words::left_out(report.n_excluded));
    let rows = format!("({n} labelled examples{left_out}; everything is cross-fitted, and intervals hold 95 %)");
    let said = rest.iter().chain([&rows]).map(|sentence| Line::plain(0, sentence));
    Conclusion { long: true, ..Conclusion::new(Tone::Strong, first, said) }
}

fn earns(earns: Earns) -> (Tone, String) {
    let (tone, word) = match earns {
        Earns::Yes => (Tone::Good, "yes"),
        Earns::No => (Tone::Bad, "no"),
        Earns::Unclear => (Tone::Unsure, "unclear"),
    };
    (tone, word.to_owned())
}

fn saving(saving: Option<&Estimate>) -> String {
    words::maybe(saving, words::points_with_range)
}

/// The head of what a tier saves.
const SAVES: &str = "saves, % of last";

fn tiers(report: &Advice, last: &str) -> Table {
    let of = Rows(&report.tiers);
    Table::titled(
        "What each tier earns",
        format!("What is lost without the tier at equal quality, as a share of the cost of always {last}"),
        vec![
            of.text("tier", |tier| tier.tier.clone()),
            of.number("right alone", |tier| words::percent(tier.accuracy.value)),
            of.number("95 %", |tier| words::range(&tier.accuracy)).spare(1),
            of.number("a query", |tier| words::usd(tier.cost_usd)),
            of.number(SAVES, |tier| saving(tier.saving.as_ref())),
            of.toned("earns its call", |tier| earns(tier.earns)),
        ],
    )
}

/// A tier in a segment.
type Part<'a> = (&'a String, &'a String, &'a TierSegment);

/// The tiers by segment: in a terminal where that is clear and no matter of course, which is what a rule can use.
fn segments(document: &mut Document<'_>, report: &Advice) {
    let all: Vec<Part<'_>> =
        report.tiers.iter().flat_map(|tier| tier.segments.iter().map(move |(name, part)| (&tier.tier, name, part))).collect();
    let mut clear = all.clone();
    clear.retain(|(tier, _, part)| match part.earns {
        Earns::Yes => report.declared_chain.last() != Some(*tier),
        Earns::No => true,
        Earns::Unclear => false,
    });
    clear.sort_by_key(|(_, _, part)| part.earns != Earns::Yes);
    let table = |parts: &[Part<'_>]| Table::titled("By segment", "", in_segments(parts));
    document.on_page(Block::Table(table(&all)));
    let hidden = all.len() - clear.len();
    let more = format!("{hidden} more are unclear or a matter of course; --html and --json have all");
    let more = (hidden > 0).then(|| Line::note(more));
    document.in_terminal(Block::Joined(vec![Block::Table(table(&clear)), Block::Lines(more.into_iter().collect())]));
}

fn in_segments(parts: &[Part<'_>]) -> Vec<Column> {
    let of = Rows(parts);
    vec![
        of.text("tier", |(tier, ..)| (*tier).clone()),
        of.text("in segment", |(_, name, _)| (*name).clone()),
        of.number("items", |(_, _, part)| words::count(part.n)),
        of.number("right alone", |(_, _, part)| words::percent(part.accuracy.value)),
        of.number("95 %", |(_, _, part)| words::range(&part.accuracy)).on_page(),
        of.number(SAVES, |(_, _, part)| saving(part.saving.as_ref())),
        of.toned("earns its call", |(_, _, part)| earns(part.earns)),
    ]
}

fn chains(report: &Advice, last: &str) -> Table {
    let of = Rows(&report.chains);
    Table::titled(
        "Every sub-chain",
        format!("Against always {last}, at its best trade-off; efficient: no other is both cheaper and better"),
        vec![
            of.text("chain", |chain| words::chain(&chain.chain)),
            of.number("right", |chain| words::share_with_range(&chain.accuracy)),
            of.number("points worse", |chain| words::points_with_range(&chain.loss_vs_last)),
            of.number("cost, % of last", |chain| words::maybe(chain.cost_ratio.as_ref(), words::points_with_range)),
            of.text("", |chain| if chain.efficient { "efficient" } else { "" }.to_owned()),
        ],
    )
    .choosing(&report.chains, |chain| chain.efficient)
}

fn curve<'a>(report: &'a Advice, last: &'a str) -> Curve<'a> {
    let curve = Curve::new(last, report.baselines.get("always-last").and_then(|spot| spot.cost_usd), &report.baselines);
    let chains = report.chains.iter().filter(|chain| chain.chain.len() > 1).filter_map(|chain| {
        let cost = chain.cost_ratio.as_ref()?.value * curve.cost_last?;
        Some((words::chain(&chain.chain), cost, chain.accuracy.value))
    });
    Curve { points: chains.collect(), points_are: "chains of several tiers, each at its best trade-off", ..curve }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{sample, text};

    #[test]
    fn advice_comes_before_what_it_rests_on() {
        let report = sample::advice();
        let text = text::document(&advice(&report, "support"));
        assert!(text.contains("no\u{1b}"), "verdicts are coloured");
        insta::assert_snapshot!(anstream::adapter::strip_str(&text).to_string(), @"
        Leave out small: medium → large costs 1 point less at equal quality.
        In greetings small earns its call: a rule that enters there at small saves 10 points.
        (840 labelled examples; everything is cross-fitted, and intervals hold 95 %)

        tier    right alone          95 %    a query    saves, % of last  earns its call
        small        38.1 %  35.1 to 41.1  $0.000009  −0.9 (−2.9 to 1.1)  no
        medium       62.2 %  59.2 to 65.2  $0.000009       37 (35 to 39)  yes

        tier    in segment  items  right alone  saves, % of last  earns its call
        small   greetings     120       38.1 %      10 (5 to 15)  yes
        medium  greetings     120       62.2 %      10 (5 to 15)  yes
        2 more are unclear or a matter of course; --html and --json have all

        chain                                   right       points worse      cost, % of last
        small → medium → large  77.1 % (74.1 to 80.1)  0.5 (−0.7 to 1.7)  64.1 (61.1 to 67.1)
        medium → large          77.2 % (74.2 to 80.2)  0.4 (−0.8 to 1.6)  63.2 (60.2 to 66.2)  efficient
        large                   77.6 % (74.6 to 80.6)    0 (−1.2 to 1.2)      100 (97 to 103)  efficient

        without a cascade                         right          95 %      a query  of last
        always-small                             38.1 %  35.1 to 41.1  $0.00000202    2.2 %
        always-medium                            62.2 %  59.2 to 65.2  $0.00000929     10 %
        always-large = always-last, best-single  77.6 %  74.6 to 80.6    $0.000092    100 %
        random-mix                               70.5 %  67.5 to 73.5   $0.0000524     57 %
        oracle                                   86.1 %  83.1 to 89.1   $0.0000305     33 %
        ");
    }
}
