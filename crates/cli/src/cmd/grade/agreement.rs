//! `tierfall grade --agreement`: how far people agree with each other, and judges and graders with them.

use std::sync::Arc;

use tierfall_calibrate::agreement::{Agreement, Rated};
use tierfall_workbench::fixture::FixtureSet;
use tierfall_workbench::fixture::grade::ratings;
use tierfall_workbench::fixture::replay::Recordings;

use crate::args::Grade;
use crate::{Exit, Failure, print, render};

pub(super) fn show(set: &FixtureSet, recordings: &Recordings, tiers: &[Arc<str>], args: &Grade) -> Result<Exit, Failure> {
    let agreement = of(set, recordings, tiers, args)?;
    if args.json {
        print(serde_json::to_string(&agreement)? + "\n")?;
    } else {
        print(render::agreement::agreement(&agreement))?;
    }
    Ok(Exit::Fine)
}

/// Of all who graded the answers of these tiers.
pub(super) fn of(set: &FixtureSet, recordings: &Recordings, tiers: &[Arc<str>], args: &Grade) -> Result<Agreement, Failure> {
    let rated = ratings(set, recordings, tiers, args.split.as_deref())?;
    let rated: Vec<Rated<'_>> = rated.iter().map(|answer| (&*answer.example.id, &answer.grades)).collect();
    Ok(Agreement::of(&rated))
}
