//! `tierfall grade --agreement`: how far people agree with each other, and judges and graders with them.

use tierfall_calibrate::agreement::{Agreement, Rated};
use tierfall_workbench::fixture::grade::{RecordedSet, ratings};

use crate::args::Grade;
use crate::{Exit, Failure, print, render};

pub(super) fn show(recorded: &RecordedSet, args: &Grade) -> Result<Exit, Failure> {
    let agreement = of(recorded, args)?;
    if args.json {
        print(serde_json::to_string(&agreement)? + "\n")?;
    } else {
        print(render::agreement::agreement(&agreement))?;
    }
    Ok(Exit::Fine)
}

/// Of all who graded the answers of these tiers.
pub(super) fn of(recorded: &RecordedSet, args: &Grade) -> Result<Agreement, Failure> {
    let rated = ratings(recorded, args.split.as_deref())?;
    let rated: Vec<Rated<'_>> = rated.iter().map(|answer| (&*answer.example.id, &answer.grades)).collect();
    Ok(Agreement::of(&rated))
}
