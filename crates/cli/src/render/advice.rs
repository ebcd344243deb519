//! What `tierfall advise` says in a terminal.

use std::fmt::Write as _;

use tierfall_calibrate::report::{Advice, Verdict};

use super::calibration::baselines;
use super::style::{BAD, DIM, GOOD, STRONG, WARN, paint};
use super::text::{parts, table, table_or_less, warnings, wrapped};
use super::words;

/// The advice first, then what it rests on.
pub(crate) fn advice(report: &Advice) -> String {
    parts(&[
        said(report),
        warnings(&report.warnings),
        tiers(report),
        segments(report),
        chains(report),
        baselines(&report.baselines),
    ])
}

fn said(report: &Advice) -> String {
    let mut text = String::new();
    for (place, sentence) in report.advice.iter().enumerate() {
        let line = wrapped(sentence, 0);
        if place == 0 {
            text += &paint(STRONG, line.trim_end());
            text.push('\n');
        } else {
            text += &line;
        }
    }
    let mut rows = format!("{} labelled examples", words::count(report.n));
    if report.n_excluded > 0 {
        let _ = write!(rows, ", {} left out", words::count(report.n_excluded));
    }
    text + &wrapped(&format!("({rows}; everything is cross-fitted, and intervals hold 95 %)"), 0)
}

fn earns(verdict: Verdict) -> String {
    let style = match verdict {
        Verdict::Yes => GOOD,
        Verdict::No => BAD,
        Verdict::Unclear => WARN,
    };
    paint(style, words::earns(verdict))
}

fn tiers(report: &Advice) -> String {
    let rows = report.tiers.iter().map(|tier| {
        vec![
            tier.tier.clone(),
            words::percent(tier.accuracy.value),
            words::range(&tier.accuracy),
            words::usd(tier.cost_usd),
            tier.saving.as_ref().map_or_else(|| words::UNKNOWN.to_owned(), words::points_with_range),
            words::earns(tier.earns).to_owned(),
        ]
    });
    let head = ["tier", "right alone", "95 %", "a query", "saves, % of last", "earns its call"];
    coloured(&table_or_less(&head, &[1, 2, 3, 4], &[2], rows))
}

/// The tiers by segment where that is clear and no matter of course: what a rule can use.
fn segments(report: &Advice) -> String {
    let last = report.declared_chain.last();
    let mut all: Vec<_> = report.tiers.iter().flat_map(|tier| tier.segments.iter().map(move |part| (&tier.tier, part))).collect();
    let before = all.len();
    all.retain(|(tier, (_, part))| match part.earns {
        Verdict::Yes => last != Some(*tier),
        Verdict::No => true,
        Verdict::Unclear => false,
    });
    all.sort_by_key(|(_, (_, part))| part.earns != Verdict::Yes);
    let hidden = before - all.len();
    let rows = all.into_iter().map(|(tier, (name, part))| {
        vec![
            tier.clone(),
            name.clone(),
            words::count(part.n),
            words::percent(part.accuracy.value),
            part.saving.as_ref().map_or_else(|| words::UNKNOWN.to_owned(), words::points_with_range),
            words::earns(part.earns).to_owned(),
        ]
    });
    let head = ["tier", "in segment", "items", "right alone", "saves, % of last", "earns its call"];
    let mut text = coloured(&table(&head, &[2, 3, 4], rows));
    if hidden > 0 {
        let more = format!("{hidden} more are unclear or a matter of course; --html and --json have all");
        let _ = writeln!(text, "{}", paint(DIM, wrapped(&more, 0).trim_end()));
    }
    text
}

/// A table's last column in colour; colours inside a table would count as letters.
fn coloured(table: &str) -> String {
    let mut text = String::new();
    for line in table.lines() {
        let verdict = [Verdict::Yes, Verdict::No, Verdict::Unclear].into_iter().find_map(|verdict| {
            let start = line.strip_suffix(words::earns(verdict))?;
            start.ends_with(' ').then_some((start, verdict))
        });
        match verdict {
            Some((start, verdict)) => text += &(start.to_owned() + &earns(verdict)),
            None => text += line,
        }
        text.push('\n');
    }
    text
}

fn chains(report: &Advice) -> String {
    let rows = report.chains.iter().map(|chain| {
        vec![
            words::chain(&chain.chain),
            words::share_with_range(&chain.accuracy),
            words::points_with_range(&chain.loss_vs_last),
            chain.cost_ratio.as_ref().map_or_else(|| words::UNKNOWN.to_owned(), words::points_with_range),
            if chain.efficient { "efficient" } else { "" }.to_owned(),
        ]
    });
    table(&["chain", "right", "points worse", "cost, % of last", ""], &[1, 2, 3], rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    #[test]
    fn advice_comes_before_what_it_rests_on() {
        let text = advice(&sample::advice());
        assert!(text.contains(&earns(Verdict::No)), "verdicts are coloured");
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
