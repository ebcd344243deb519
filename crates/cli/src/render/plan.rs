//! What `tierfall calibrate --plan` says in a terminal.

use tierfall_calibrate::planner::{Margin, Plan};

use super::style::{STRONG, paint};
use super::text::{parts, table, wrapped};
use super::words;

/// The tables. `last` is the last tier, where there is a pilot.
pub(crate) fn plan(plan: &Plan, last: Option<&str>) -> String {
    let title = paint(STRONG, "Labelled examples that a promise needs");
    let odds = format!("with probability {} ({} power)", words::percent(1.0 - plan.delta), words::percent(plan.power));
    let basis = match plan.n {
        Some(n) => wrapped(
            &format!(
                "{odds}, as a pilot of {} items has it: for each margin the cheapest cut that loses at most half of it there. \
                 A little too hopeful, for the cuts were chosen on the items that they are counted on.",
                words::count(n)
            ),
            0,
        ),
        None => wrapped(&format!("{odds}, where tiers differ in being right as often as was said."), 0),
    };
    parts(&[format!("{title}\n{basis}"), margins(plan, last), accuracies(plan)])
}

fn margins(plan: &Plan, last: Option<&str>) -> String {
    let shown = |row: &Margin| {
        let mut cells = vec![words::in_points(row.margin)];
        if let (Some(tier), Some(last)) = (&row.tier, last) {
            cells.push(format!("{tier} → {last}"));
            cells.push(words::maybe(row.accepted, words::rough));
            cells.push(words::maybe(row.cost_ratio, words::rough));
        }
        cells.extend([words::points(row.loss), words::percent(row.discordance), needed(row.needed_n), needed(row.floor_n)]);
        cells
    };
    let pilot: &[&str] = if plan.n.is_some() { &["chain", "accepts", "cost"] } else { &[] };
    let head = [&["at most worse by"], pilot, &["loses, points", "differ", "examples", "never below"]].concat();
    let numbers: Vec<usize> = (1..head.len()).filter(|place| head[*place] != "chain").collect();
    table(&head, &numbers, plan.margins.iter().map(shown))
}

fn accuracies(plan: &Plan) -> String {
    let rows = plan.accuracies.iter().map(|row| {
        vec![format!("{} right", words::percent(row.accuracy)), row.tier.clone(), words::percent(row.has), needed(row.needed_n)]
    });
    table(&["at least", "by always", "has", "examples"], &[2, 3], rows)
}

fn needed(n: Option<u64>) -> String {
    n.map_or_else(|| "no number".to_owned(), words::count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tierfall_calibrate::planner::{Least, without_pilot};

    #[test]
    fn without_a_pilot_both_guesses_are_shown() {
        let text = plan(&without_pilot(&[0.02, 0.05], 0.05, 0.1), None);
        insta::assert_snapshot!(anstream::adapter::strip_str(&text).to_string(), @"
        Labelled examples that a promise needs
        with probability 90 % (80 % power), where tiers differ in being right as often as was said.

        at most worse by  loses, points  differ  examples  never below
        2 points                      0     5 %       589          114
        2 points                      1     5 %     2,354          114
        5 points                      0     5 %        92           45
        5 points                    2.5     5 %       366           45
        ");
    }

    #[test]
    fn a_pilot_says_which_cut_would_do() {
        let mut pilot = without_pilot(&[0.02], 0.05, 0.1);
        pilot.n = Some(1200);
        for row in &mut pilot.margins {
            (row.tier, row.accepted, row.cost_ratio) = (Some("medium".to_owned()), Some(0.31), Some(0.794));
        }
        pilot.accuracies = vec![Least { accuracy: 0.9, tier: "large".to_owned(), has: 0.88, needed_n: None }];
        let said = plan(&pilot, Some("large"));
        insta::assert_snapshot!(anstream::adapter::strip_str(&said).to_string(), @"
        Labelled examples that a promise needs
        with probability 90 % (80 % power), as a pilot of 1,200 items has it: for each margin the cheapest
        cut that loses at most half of it there. A little too hopeful, for the cuts were chosen on the items
        that they are counted on.

        at most worse by  chain           accepts  cost  loses, points  differ  examples  never below
        2 points          medium → large     31 %  79 %              0     5 %       589          114
        2 points          medium → large     31 %  79 %              1     5 %     2,354          114

        at least    by always   has   examples
        90 % right  large      88 %  no number
        ");
    }
}
