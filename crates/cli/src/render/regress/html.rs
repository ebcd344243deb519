//! A page in one file, for artefacts of CI and for who reads answers.

use super::sheet::Sheet;
use super::{text, words};
use crate::render::document::{Block, Document, Line};
use crate::render::html;

pub(super) fn html(sheet: &Sheet<'_>) -> String {
    let names: Vec<&str> = sheet.report.cascades.iter().map(|section| section.cascade.as_str()).collect();
    let tone = words::tone(sheet.verdict());
    let mut document = Document::new("tierfall regress".to_owned(), names.join(", "), tone);
    document.badges.push((tone, sheet.verdict().as_str().to_owned()));
    for problem in sheet.problems {
        let why = format!(" could not be judged: {}", problem.why);
        document.add(Block::Lines(vec![Line::led(0, words::tone(sheet.verdict()), problem.cascade.clone(), why)]));
    }
    // A page has one headline; what is said of each of several sections stands above its tables.
    let alone = sheet.report.cascades.len() == 1;
    for block in text::sections(sheet) {
        document.add(match block {
            Block::Conclusion(of) if !alone => {
                Block::Lines([Line::led(0, of.tone, of.headline, "")].into_iter().chain(of.said).collect())
            }
            block => block,
        });
    }
    html::page(&document)
}

#[cfg(test)]
mod tests {
    use tierfall_calibrate::regress::{Report, Texts};

    use super::super::sample;
    use super::*;

    #[test]
    fn a_page_has_the_verdict_the_tables_and_the_texts_and_runs_nothing() {
        let mut section = sample::worse();
        let told = Texts {
            question: "Is <b>it</b> late?".to_owned(),
            expected: vec!["yes".to_owned()],
            was_answer: Some("Yes.".to_owned()),
            answer: Some("<script>alert(1)</script>".to_owned()),
        };
        if let Some(changes) = &mut section.changes {
            let worse = changes.items.iter_mut().find(|item| item.correct < item.was_correct).unwrap();
            worse.texts = Some(told);
        }
        let report = Report::new(vec![section.clone()]);
        let page = html(&sample::sheet(&report, &sample::problems()));
        for there in [
            "<h1>",
            "fail: cascades/support.cascade.toml on support",
            "quality",
            "Is &lt;b&gt;it&lt;/b&gt; late?",
            "could not be judged",
        ] {
            assert!(page.contains(there), "{there}\n{page}");
        }
        assert!(!page.contains("<script"), "{page}");
        let several = Report::new(vec![section.clone(), section]);
        let page = html(&sample::sheet(&several, &[]));
        assert_eq!(page.matches("fail: cascades/support.cascade.toml").count(), 2);
    }
}
