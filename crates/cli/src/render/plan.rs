//! What `tierfall calibrate --plan` says in a terminal.

use tierfall_calibrate::planner::Plan;

use super::document::{Block, Conclusion, Line, Rows, Table, Tone};
use super::{text, words};

/// The tables. `last` is the last tier, where there is a pilot.
pub(crate) fn plan(plan: &Plan, last: Option<&str>) -> String {
    let odds = format!("with probability {} ({} power)", words::percent(1.0 - plan.delta), words::percent(plan.power));
    let basis = match plan.n {
        Some(n) => format!(
            "{odds}, as a pilot of {} items has it: for each margin the cheapest cut that loses at most half of it there. Examples: from how many \
             are needed if all are like the pilot's, to how many if answers that lose are as frequent as the pilot leaves possible.",
            words::count(n)
        ),
        None => format!("{odds}, where tiers differ in being right as often as was said."),
    };
    let verdict = Conclusion::new(Tone::Strong, "Labelled examples that a promise needs", [Line::plain(0, basis)]);
    text::blocks(&[Block::Conclusion(verdict), Block::Table(margins(plan, last)), Block::Table(accuracies(plan))])
}

fn margins(plan: &Plan, last: Option<&str>) -> Table {
    let of = Rows(&plan.margins);
    let mut columns = vec![of.text("at most worse by", |row| words::in_points(row.margin))];
    if plan.n.is_some() {
        let last = last.unwrap_or_default();
        columns.push(of.text("chain", |row| row.tier.as_ref().map_or_else(String::new, |tier| format!("{tier} → {last}"))));
        columns.push(of.number("accepts", |row| words::maybe(row.accepted, words::rough)));
        columns.push(of.number("cost", |row| words::maybe(row.cost_ratio, words::rough)));
    }
    columns.push(of.number("loses, points", |row| words::points(row.loss)));
    columns.push(of.number("differ", |row| words::percent(row.discordance)));
    columns.push(of.number("examples", |row| number(row.needed_n.map(|needed| needed.to_string()))));
    columns.push(of.number("never below", |row| number(row.floor_n.map(words::count))));
    Table::of(columns)
}

fn accuracies(plan: &Plan) -> Table {
    let of = Rows(&plan.accuracies);
    Table::of(vec![
        of.text("at least", |row| format!("{} right", words::percent(row.accuracy))),
        of.text("by always", |row| row.tier.clone()),
        of.number("has", |row| words::percent(row.has)),
        of.number("examples", |row| number(row.needed_n.map(|needed| needed.to_string()))),
    ])
}

fn number(n: Option<String>) -> String {
    n.unwrap_or_else(|| "no number".to_owned())
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
        cut that loses at most half of it there. Examples: from how many are needed if all are like the
        pilot's, to how many if answers that lose are as frequent as the pilot leaves possible.

        at most worse by  chain           accepts  cost  loses, points  differ  examples  never below
        2 points          medium → large     31 %  79 %              0     5 %       589          114
        2 points          medium → large     31 %  79 %              1     5 %     2,354          114

        at least    by always   has   examples
        90 % right  large      88 %  no number
        ");
    }
}
