//! `tierfall diff`: the same traffic under two fits, two cascade files, or one fit and a what-if.

use tierfall_calibrate::regress::{Check, Verdict};
use tierfall_workbench::diff::{Ask, Diffed};
use tierfall_workbench::fixture::grade::Graders;
use tierfall_workbench::inputs::Files;

use super::output::{interruptible, json_or, write};
use super::watch::Watch;
use crate::args::Diff;
use crate::render::diff::{diff as drawn, page as drawn_as_page};
use crate::render::regress::{HTML, Sheet, TEXT};
use crate::{Exit, Failure, note};

pub(crate) async fn diff(args: &Diff) -> Result<Exit, Failure> {
    let files = (!args.observations.is_empty()).then(|| Files {
        paths: args.observations.clone(),
        bad_rows: args.bad_rows.unwrap_or_default(),
        unsegmented: args.unsegmented.is_some(),
        ..Files::default()
    });
    let ask = Ask {
        a: args.a.clone(),
        b: args.b.clone(),
        cuts: args.thresholds.clone(),
        point: args.point.clone(),
        point_b: args.point_b.clone(),
        cascade: args.cascade.clone(),
        set: args.fixtures.clone(),
        files,
        split: args.split.clone(),
        graders: Graders::default(),
        ungraded: args.ungraded.unwrap_or_default(),
        level: args.level,
        margin: args.margin,
        results: [("--json", &args.json), ("--html", &args.html)]
            .into_iter()
            .filter_map(|(name, path)| Some((name, path.clone()?)))
            .collect(),
    };
    let page = |page: &dyn Fn() -> String| args.html.as_deref().map_or(Ok(()), |path| write(path, &page()));
    let (json, max_changes) = (args.json.as_deref(), args.max_changes);
    let unlike = match interruptible(move || tierfall_workbench::diff(&ask, &Watch::default())).await? {
        Diffed::Fits(fits) => {
            page(&|| drawn_as_page(&fits, max_changes))?;
            json_or(json, &fits, || drawn(&fits, max_changes))?;
            let decides = |check: &&Check| check.decides || check.verdict == Verdict::Fail;
            let mut verdicts = fits.comparison.checks.iter().filter(decides).map(|check| check.verdict);
            verdicts
                .clone()
                .find(|verdict| *verdict == Verdict::Fail)
                .or_else(|| verdicts.find(|verdict| *verdict != Verdict::Pass))
        }
        Diffed::Cascades(report) => {
            let all_checks = "--json FILE has them";
            let sheet = Sheet { report: &report, problems: &[], strict: args.strict, max_changes, all_checks };
            page(&|| (HTML.draw)(&sheet))?;
            json_or(json, &report, || (TEXT.draw)(&sheet))?;
            Some(report.verdict).filter(|verdict| *verdict != Verdict::Pass)
        }
    };
    match unlike {
        Some(_) if args.strict => return Ok(Exit::Unmet),
        Some(Verdict::Fail) => note("something got worse; a comparison is no gate, and --strict makes it one: exit 1"),
        _ => {}
    }
    Ok(Exit::Fine)
}
