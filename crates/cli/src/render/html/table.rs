//! Tables.

use super::markup::Markup;

/// The class of columns that break between a number and its interval alone.
const RANGE: &str = "number range";

/// A column's name and what stands in it.
pub(super) struct Column {
    name: &'static str,
    class: &'static str,
}

impl Column {
    pub(super) const fn text(name: &'static str) -> Self {
        Self { name, class: "" }
    }

    /// Names, which are not broken at their hyphens.
    pub(super) const fn name(name: &'static str) -> Self {
        Self { name, class: "name" }
    }

    pub(super) const fn number(name: &'static str) -> Self {
        Self { name, class: "number" }
    }

    /// Numbers with an interval, which goes on a line of its own where there is no room beside them.
    pub(super) const fn range(name: &'static str) -> Self {
        Self { name, class: RANGE }
    }

    /// A cell's text. An interval goes below its number, never to pieces.
    fn whole(&self, cell: &str) -> String {
        match cell.split_once(" (") {
            Some((number, interval)) if self.class == RANGE => format!("{number} ({}", interval.replace(' ', "\u{a0}")),
            _ => cell.to_owned(),
        }
    }
}

/// A table whose first column names its rows; one that has no rows is not drawn.
pub(super) fn table(
    page: &mut Markup,
    caption: &str,
    columns: &[Column],
    rows: impl IntoIterator<Item = Vec<String>>,
    chosen: impl Fn(usize) -> bool,
) {
    let rows: Vec<Vec<String>> = rows.into_iter().collect();
    if rows.is_empty() {
        return;
    }
    page.element("div", &[("class", &"scroll")], |page| {
        page.element("table", &[], |table| {
            if !caption.is_empty() {
                table.leaf("caption", &[], caption);
            }
            table.element("thead", &[], |head| {
                head.element("tr", &[], |row| {
                    for column in columns {
                        row.leaf("th", &[("scope", &"col"), ("class", &column.class)], column.name);
                    }
                });
            });
            table.element("tbody", &[], |body| {
                for (place, cells) in rows.iter().enumerate() {
                    let marked: &[(&'static str, &dyn std::fmt::Display)] =
                        if chosen(place) { &[("class", &"chosen")] } else { &[] };
                    body.element("tr", marked, |row| {
                        for (at, (cell, column)) in cells.iter().zip(columns).enumerate() {
                            if at == 0 {
                                row.leaf("th", &[("scope", &"row")], cell);
                            } else {
                                row.leaf("td", &[("class", &column.class)], column.whole(cell));
                            }
                        }
                    });
                }
            });
        });
    });
}

#[cfg(test)]
mod tests {
    use super::Column;

    #[test]
    fn an_interval_stays_in_one_piece() {
        assert_eq!(Column::range("right, %").whole("73.3 (67.9 to 78.1)"), "73.3 (67.9\u{a0}to\u{a0}78.1)");
        assert_eq!(Column::text("tiers").whole("a (b c)"), "a (b c)");
    }
}
