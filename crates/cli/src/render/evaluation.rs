//! What `tierfall evaluate` says in a terminal.

use tierfall_calibrate::report::Evaluation;

use super::calibration::{baselines, next_steps, tiers};
use super::printable;
use super::style::{BAD, GOOD, STRONG, WARN, paint};
use super::text::{block, named, parts, table, warnings, wrapped};
use super::words;

/// The summary. `by_segment` is whether the fit's thresholds go by segment, `next` what to do now.
pub(crate) fn evaluation(report: &Evaluation, by_segment: bool, next: &[(String, String)]) -> String {
    let last = report.declared_chain.last().map_or("", String::as_str);
    parts(&[
        verdict(report, last),
        block("in force", &in_force(report, by_segment)),
        block("measured", &measured(report, last)),
        warnings(&report.warnings),
        segments(report),
        tiers(&report.tiers),
        baselines(&report.baselines),
        next_steps(next),
    ])
}

fn verdict(report: &Evaluation, last: &str) -> String {
    let mut text = paint(STRONG, printable::line(&words::evaluation_headline(report)));
    text.push('\n');
    let said = words::promise_in_words(report, last);
    if let Some(promise) = &report.promise {
        let (style, mark) = match promise.p_broken {
            p if p < 0.05 => (BAD, "✗"),
            _ if promise.met => (GOOD, "✓"),
            _ => (WARN, "?"),
        };
        let said = wrapped(&format!("{mark} {said}"), 2);
        text += &said.replacen(mark, &paint(style, mark), 1);
    } else if !said.is_empty() {
        text += &wrapped(&said, 2);
    }
    text
}

fn in_force(report: &Evaluation, by_segment: bool) -> Vec<String> {
    let places = 0..report.declared_chain.len();
    let tiers = named(&report.declared_chain, places.map(|place| words::role(words::evaluated_part(report, place))));
    by_segment.then(|| "by segment, as the fit has it; over all segments together:".to_owned()).into_iter().chain(tiers).collect()
}

fn measured(report: &Evaluation, last: &str) -> Vec<String> {
    let (accuracy, loss) = (&report.accuracy, &report.loss_vs_last);
    let mut lines = vec![
        format!(
            "{} right ({}); always {last} {}",
            words::percent(accuracy.value),
            words::range(accuracy),
            words::percent(report.accuracy_last)
        ),
        format!("{} ({})", words::loss_in_words(loss.value, last), words::range(loss)),
        match report.cost_ratio {
            Some(ratio) => format!(
                "costs {}: {} a query{}",
                words::cost_in_words(ratio, last),
                words::usd(report.cost_usd),
                words::instead_of(report.cost_usd, report.cost_last)
            ),
            None => "unknown cost: --price TIER=IN/OUT or --cost TIER=USD declares it".to_owned(),
        },
    ];
    if let Some(latency) = &report.latency_ms {
        lines.push(format!(
            "takes {} on average, 95 of 100 within {}; always {last} {}, {}",
            words::milliseconds(latency.mean),
            words::milliseconds(latency.p95),
            words::milliseconds(latency.mean_last),
            words::milliseconds(latency.p95_last)
        ));
    }
    let left_out = if report.n_excluded > 0 { format!(", {} left out", words::count(report.n_excluded)) } else { String::new() };
    lines.push(format!("{} requests at point {}{left_out}; intervals hold 95 %", words::count(report.n), report.point));
    lines
}

fn segments(report: &Evaluation) -> String {
    let rows = report.segments.iter().map(|segment| {
        vec![
            segment.segment.clone(),
            words::count(segment.n),
            words::percent(segment.accuracy.value),
            words::points_with_range(&segment.loss_vs_last),
            words::maybe(segment.cost_ratio, words::rough),
            words::p_value(segment.p_worse),
            if segment.worse { "worse than the last tier".to_owned() } else { String::new() },
        ]
    });
    table(&["segment", "items", "right", "points worse", "of last", "p, Holm", ""], &[1, 2, 3, 4, 5], rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::sample;

    #[test]
    fn what_was_measured_and_what_that_says_of_the_promise() {
        let text = evaluation(&sample::evaluation(), false, &[]);
        insta::assert_snapshot!(anstream::adapter::strip_str(&text).to_string(), @"
        75.7 % right, 2.4 points worse than always large, at 62 % of the cost
          ✓ These requests keep the promise of at most 5 points worse than always large.

        in force     small   not asked
                     medium  answers 48 % of what reaches it
                     large   answers the rest

        measured     75.7 % right (72.8 to 78.6); always large 78.1 %
                     2.4 points worse than always large (1.1 to 3.7)
                     costs 62 % of always asking large: $0.000057 a query instead of $0.000092
                     takes 412 ms on average, 95 of 100 within 1310 ms; always large 603 ms, 1405 ms
                     840 requests at point default; intervals hold 95 %

        ! A promise of one segment does not follow from that of all.

        segment  items  right  points worse  of last  p, Holm
        orders     120   75 %   1 (−3 to 5)     61 %    0.600
        refunds    120   75 %   9 (5 to 13)     61 %    0.003  worse than the last tier

        tier    gate value     right  AUROC  benefit  AUGRC    ECE  accepts  wrong then  abstained
        small   mean-logprob  62.2 %  0.871    0.802  0.117  0.031        –           –          6
        medium  mean-logprob  62.2 %  0.871    0.802  0.117  0.031     48 %      10.1 %          6

        without a cascade                         right          95 %      a query  of last
        always-small                             38.1 %  35.1 to 41.1  $0.00000202    2.2 %
        always-medium                            62.2 %  59.2 to 65.2  $0.00000929     10 %
        always-large = always-last, best-single  77.6 %  74.6 to 80.6    $0.000092    100 %
        random-mix                               70.5 %  67.5 to 73.5   $0.0000524     57 %
        oracle                                   86.1 %  83.1 to 89.1   $0.0000305     33 %
        ");
    }

    #[test]
    fn what_is_supposed_stands_in_the_sentence() {
        let mut report = sample::evaluation();
        report.conditions = vec!["It is made of requests that are there.".to_owned()];
        if let Some(promise) = &mut report.promise {
            promise.guarantee.conditions = vec!["It supposes this.".to_owned(), "It supposes that.".to_owned()];
        }
        let said = words::promise_in_words(&report, "large");
        assert_eq!(
            said,
            "These requests keep the promise of at most 5 points worse than always large under 2 conditions that the fit states. What \
             these requests show is said under conditions. It is made of requests that are there."
        );
    }

    #[test]
    fn a_broken_promise_is_said_first() {
        let mut report = sample::evaluation();
        if let Some(promise) = &mut report.promise {
            (promise.met, promise.p_broken) = (false, 0.002);
        }
        let text = anstream::adapter::strip_str(&evaluation(&report, false, &[])).to_string();
        assert!(text.lines().nth(1).is_some_and(|line| line.contains("✗ These requests speak against the promise")), "{text}");
    }
}
