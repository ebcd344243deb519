//! Documents as files: one each, with its style and drawings in it. They need no network and no script.

mod axis;
mod curve;
mod labels;
mod plot;
mod tier;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::document::{Block, Column, Document, Fact, Form, Line, Table, Tone};

/// The whole file.
pub(crate) fn page(document: &Document<'_>) -> String {
    let in_head = |block: &&Block<'_>| matches!(block, Block::Conclusion(_) | Block::Promise { .. });
    let (head, body): (Vec<_>, Vec<_>) = document.blocks(Form::Page).partition(in_head);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (document.title) }
                style { (PreEscaped(include_str!("style.css"))) }
            }
            body {
                main {
                    header class={ "verdict " (class(document.tone)) } {
                        p.about {
                            (document.about)
                            @for (tone, word) in &document.badges { " " span class={ "badge " (class(*tone)) } { (word) } }
                        }
                        @for block in head { (self::block(block, 0)) }
                    }
                    @for (place, block) in body.into_iter().enumerate() { (self::block(block, place)) }
                }
            }
        }
    };
    // Control characters are not allowed in HTML, however they are written.
    page.into_string().replace(|c: char| c.is_control() && !c.is_whitespace(), "\u{fffd}")
}

/// One block; `place` is a number that no other has.
fn block(block: &Block<'_>, place: usize) -> Markup {
    match block {
        Block::Conclusion(verdict) => html! { h1 { (verdict.headline) } @for said in &verdict.said { (line(said)) } },
        Block::Promise { statement, numbers } => html! { blockquote { (statement) } (tiles(numbers)) },
        Block::Tiers { of, tiers } => html! {
            h2 { "In force" }
            @if let Some(of) = of { p.soft { (of) } }
            ol.chain aria-label="the tiers, in the order in which they are asked" {
                @for (name, asked, does) in tiers { li.out[!asked] { strong { (name) } span { (does) } } }
            }
        },
        Block::Facts { name, facts } => html! { h2 { (name) } (tiles(facts)) },
        Block::Joined(all) => html! { @for one in all { (self::block(one, place)) } },
        Block::Lines(lines) => html! { @for one in lines { (line(one)) } },
        // What to do now is said where it can be done.
        Block::Warnings([]) | Block::Steps(_) => Markup::default(),
        Block::Warnings(warnings) => html! {
            h2 { "Warnings" }
            ul.warnings { @for warning in *warnings { li { (warning) } } }
        },
        Block::Table(table) => self::table(table),
        Block::Origin(facts) => html! {
            h2 { "Where this comes from" }
            dl.facts { @for (name, value) in facts { dt { (name) } dd { (value) } } }
        },
        Block::Curve(curve) => html! { h2 { "Cost and quality" } (curve::draw(curve)) },
        Block::Tier { tier, sees_all } => tier::draw(tier, *sees_all, place),
        Block::Footer(text) => html! { footer { (text) } },
    }
}

/// The class of a tone; of good ones, what is of no account has none.
fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Unsure => "unsure",
        Tone::Bad => "bad",
        Tone::Strong => "strong",
        Tone::Soft => "soft",
        Tone::Plain => "plain",
    }
}

/// Numbers large, and sentences about none below them.
fn tiles(facts: &[Fact]) -> Markup {
    let (plain, numbers): (Vec<&Fact>, Vec<&Fact>) = facts.iter().partition(|fact| fact.value.is_empty());
    html! {
        @if !numbers.is_empty() {
            ul.tiles {
                @for Fact { before, value, after } in numbers { li { span { (before) } strong { (value) } span { (after) } } }
            }
        }
        @for fact in plain { p.soft { (fact.after) } }
    }
}

fn line(line: &Line) -> Markup {
    html! { p { @if !line.lead.is_empty() { span class=(class(line.tone)) { (line.lead) } } (line.text) } }
}

fn table(table: &Table) -> Markup {
    let rows = table.rows();
    html! {
        @if rows > 0 {
            h2 { (table.title) }
            div.scroll {
                table {
                    @if !table.caption.is_empty() { caption { (table.caption) } }
                    thead { tr { @for column in &table.columns { th.number[column.number] scope="col" { (column.head) } } } }
                    tbody {
                        @for row in 0..rows {
                            tr.chosen[table.chosen.get(row) == Some(&true)] { @for (at, column) in table.columns.iter().enumerate() { (cell(column, row, at == 0)) } }
                        }
                    }
                }
            }
        }
    }
}

/// A cell. An interval goes below its number, and a word on a line of its own, never to pieces.
fn cell(column: &Column, row: usize, names_row: bool) -> Markup {
    let text = &column.cells[row];
    let class = column.tones.get(row).map_or("", |tone| class(*tone));
    match text.split_once(" (") {
        _ if names_row => html! { th scope="row" { (text) } },
        Some((number, interval)) if column.number => html! {
            td.number.range { (number) " (" (interval.replace(' ', "\u{a0}")) }
        },
        _ if column.number => html! { td.number { (text) } },
        _ => html! { td class={ @if !text.contains(' ') { "word " } (class) } { (text) } },
    }
}

#[cfg(test)]
mod tests;
