//! The same traffic under two fits, two cascade files, or one fit and a what-if.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tierfall::config::{self, Loaded};
use tierfall::{bindings, fit};
use tierfall_calibrate::observations::fingerprint;
use tierfall_calibrate::regress::fits::{Comparison, compare};
use tierfall_calibrate::regress::{Changed, Report, Rules};
use tierfall_calibrate::view::{Held, View};
use tierfall_core::fit::Fit;
use tierfall_core::number::{Score, Threshold};

use crate::fixture::grade::Graders;
use crate::fixture::replay::Recordings;
use crate::fixture::{Example, FixtureSet};
use crate::inputs::{Files, Inputs, Observed, Rows};
use crate::observations::Ungraded;
use crate::progress::{Progress, Stage};
use crate::regress::{Baseline, Beside, Played, beside, recorded, replay, section, tell};
use crate::results::{Named, fit_of, parts_of_set, ready};
use crate::{Error, fixture_folder, given_folder};

/// What is to be compared, and over which requests.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The first fit, or cascade file (`NAME.cascade.toml`).
    pub a: PathBuf,
    /// The second one; `None` = the first fit with other cuts.
    pub b: Option<PathBuf>,
    /// What if: in the second fit these tiers cut there.
    pub cuts: Vec<(String, Cut)>,
    /// The operating point of the first fit; `None` = its first.
    pub point: Option<String>,
    /// The operating point of the second fit; `None` = that of the first.
    pub point_b: Option<String>,
    /// The cascade file whose recordings are played; `None` = beside the first fit.
    pub cascade: Option<PathBuf>,
    /// The fixture set; `None` = the one that the cascade replays or expects something of.
    pub set: Option<String>,
    /// Files in place of a cascade and a set; their chain is that of the first fit.
    pub files: Option<Files>,
    /// Only rows of this split; `None` = `test` in a fixture set.
    pub split: Option<String>,
    /// The graders that the fixture set may name.
    pub graders: Graders,
    /// What becomes of answers without a grade.
    pub ungraded: Ungraded,
    /// The level of the tests, in (0, 1).
    pub level: f64,
    /// The loss of right answers that is still none, in (0, 1].
    pub margin: f64,
    /// Files that the caller writes with what comes of it.
    pub results: Vec<Named>,
}

/// Where a what-if cuts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cut {
    /// On the confidence scale, from 0 to 1.
    Confidence(f64),
    /// In the gate value's own units.
    Raw(f64),
    /// It accepts nothing.
    DeferAll,
}

/// How the two differ.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "there is one of them")]
pub enum Diffed {
    /// Two fits over the same rows.
    Fits(OfFits),
    /// Two cascade files, each as it is, on the same recordings.
    Cascades(Report),
}

/// Two fits over the same rows.
#[derive(Clone, Debug, Serialize)]
pub struct OfFits {
    /// Where the first and the second one are from, with what was changed in it.
    pub of: [String; 2],
    /// The rows.
    pub rows: String,
    /// What both do with them.
    #[serde(flatten)]
    pub comparison: Comparison,
    /// The examples that change; those of files have no names, and are left out.
    pub changed: Vec<Changed>,
}

/// Plays the same requests under both and compares what they do.
///
/// # Errors
/// One of the files cannot be used, a fit is not of the cascade, or a result would overwrite what is read.
pub fn diff(ask: &Ask, progress: &dyn Progress) -> Result<Diffed, Error> {
    ready(&reads(ask), &ask.results)?;
    if is_cascade(&ask.a) { of_cascades(ask, progress).map(Diffed::Cascades) } else { of_fits(ask, progress).map(Diffed::Fits) }
}

fn is_cascade(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(".cascade.toml"))
}

fn reads(ask: &Ask) -> Vec<Named> {
    let named = [("the first side", Some(&ask.a)), ("the second side", ask.b.as_ref()), ("the cascade", ask.cascade.as_ref())];
    let named: Vec<Named> = named.into_iter().filter_map(|(name, path)| Some((name, path?.clone()))).collect();
    let mut read = named.clone();
    read.extend(ask.files.iter().flat_map(|files| &files.paths).map(|path| ("the observations", path.clone())));
    for (_, cascade) in named.iter().filter(|(_, path)| is_cascade(path)) {
        read.extend(fit_of(cascade).map(|fit| ("the fit", fit)));
        read.extend(ask.set.iter().flat_map(|set| parts_of_set(&given_folder(cascade, set))));
    }
    read
}

fn rules(ask: &Ask) -> Rules {
    Rules { level: ask.level, margin: ask.margin, ..Rules::default() }
}

fn of_fits(ask: &Ask, progress: &dyn Progress) -> Result<OfFits, Error> {
    let a = fit::read(&ask.a)?;
    let mut b = ask.b.as_deref().map(fit::read).transpose()?.unwrap_or_else(|| a.clone());
    let (point, point_b) = (ask.point.as_deref(), ask.point_b.as_deref().or(ask.point.as_deref()));
    for (at, (tier, cut)) in ask.cuts.iter().enumerate() {
        if ask.cuts[..at].iter().any(|(before, _)| before == tier) {
            return Err(Error::refused(format!("--threshold names the tier \"{tier}\" twice")));
        }
        what_if(&mut b, point_b, tier, *cut)?;
    }
    let from = rows(ask, &a)?.read_of([&a, &b], progress)?;
    for (path, fit) in [(&ask.a, &a)].into_iter().chain(ask.b.iter().map(|path| (path, &b))) {
        fresh(&from, path, fit)?;
    }
    let (held, _) = Held::overlapping(View::all(&from.observations), &a.provenance.seen);
    progress.begins(Stage::Comparing);
    let mut comparison = compare(&held, (&a, point), (&b, point_b), &rules(ask))?;
    let relabelled = [Some((&ask.a, &a)), ask.b.as_ref().map(|path| (path, &b))].into_iter().flatten();
    let relabelled = relabelled.filter_map(|(path, fit)| Some(format!("{}: {}", path.display(), from.relabelled(fit)?)));
    comparison.warnings.extend(relabelled);
    drop(held);
    let changed = changed(&comparison, &from, &ask.graders)?;
    let what_if = ask.cuts.iter().map(|(tier, cut)| format!("{tier} {}", said(*cut))).collect::<Vec<_>>().join(", ");
    let second = ask.b.as_deref().unwrap_or(&ask.a).display().to_string();
    let second = if what_if.is_empty() { second } else { format!("{second} with {what_if}") };
    Ok(OfFits { of: [ask.a.display().to_string(), second], rows: from.shown(), comparison, changed })
}

fn said(cut: Cut) -> String {
    match cut {
        Cut::Confidence(share) => format!("from confidence {share}"),
        Cut::Raw(raw) => format!("from {raw}"),
        Cut::DeferAll => "deferring all".to_owned(),
    }
}

/// The fit with another cut at one tier, in every segment.
fn what_if(fit: &mut Fit, point: Option<&str>, tier: &str, cut: Cut) -> Result<(), Error> {
    let names: Vec<&str> = fit.tier.iter().map(|tier| tier.name.as_str()).collect();
    let place = names.iter().position(|name| *name == tier);
    let gated = names.len() - 1;
    let Some(place) = place.filter(|place| *place < gated) else {
        let known = names[..gated].join(", ");
        return Err(Error::refused(format!("--threshold: no tier \"{tier}\" has a gate in this fit (those that do: {known})")));
    };
    let threshold = match cut {
        Cut::DeferAll => Threshold::DeferAll,
        Cut::Raw(raw) => Score::new(raw).map_or(Threshold::DeferAll, Threshold::accept_from),
        Cut::Confidence(share) => {
            let Some(map) = &fit.tier[place].map else {
                return Err(Error::refused(format!("--threshold: tier \"{tier}\" has no score map, so no confidence scale"))
                    .with_hint(format!("name the cut in its own units: --threshold {tier}=raw:SCORE")));
            };
            map.lowest_score(share).map_or(Threshold::DeferAll, Threshold::accept_from)
        }
    };
    let chosen = match point {
        None => fit.point.first_mut(),
        Some(name) => fit.point.iter_mut().find(|known| known.name == name),
    };
    // A point that is not there is told by the comparison.
    let Some(chosen) = chosen else { return Ok(()) };
    for cuts in std::iter::once(&mut chosen.cuts).chain(chosen.segments.values_mut()) {
        if let Some(cut) = cuts.get_mut(place) {
            (cut.asked, cut.threshold) = (true, threshold);
        }
    }
    Ok(())
}

/// The rows that both are played over.
fn rows(ask: &Ask, a: &Fit) -> Result<Inputs, Error> {
    let rows = if let Some(files) = &ask.files {
        Rows::Files(Files { chain: a.tier.iter().map(|tier| tier.name.clone()).collect(), ..files.clone() })
    } else {
        let cascade = ask.cascade.clone().unwrap_or_else(|| beside_fit(&ask.a));
        if !cascade.exists() {
            return Err(Error::refused(format!("which requests are they to be played over? {} is not there", cascade.display()))
                .with_hint("name a cascade and a set, --cascade FILE --fixtures SET, or files: --observations FILE"));
        }
        Rows::Fixtures { set: set_of(ask, &cascade)?, cascade }
    };
    Ok(Inputs { split: ask.split.clone(), ungraded: ask.ungraded, graders: ask.graders.clone(), ..rows.into() })
}

fn beside_fit(fit: &Path) -> PathBuf {
    let name = fit.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = name.strip_suffix(".fit.toml").or_else(|| name.strip_suffix(".toml")).unwrap_or(&name);
    fit.with_file_name(format!("{stem}.cascade.toml"))
}

/// The set that is named, else the one that the cascade replays, else one that it expects something of.
fn set_of(ask: &Ask, cascade: &Path) -> Result<String, Error> {
    if let Some(set) = &ask.set {
        return Ok(set.clone());
    }
    let loaded = config::load_unfitted(cascade)?;
    let replayed = loaded.replay.as_ref().map(|replay| &replay.fixtures);
    let named = replayed.or_else(|| loaded.expects.first().map(|expect| &expect.fixtures));
    named.map(|name| fixture_folder(cascade, name).display().to_string()).ok_or_else(|| {
        Error::refused(format!("{} names no fixture set", cascade.display())).with_hint("name one with --fixtures SET")
    })
}

fn fresh(from: &Observed, path: &Path, fit: &Fit) -> Result<(), Error> {
    let (Some(loaded), Some(changed)) = (&from.loaded, from.stale(fit)) else { return Ok(()) };
    Err(Error::refused(format!("{} is not of {}: {changed}", path.display(), loaded.path.display()))
        .with_hint("what it would do is not in these recordings; name the cascade that it was made for with --cascade"))
}

/// The changed rows by their examples' ids; those of files are known by number alone, and are left out.
fn changed(comparison: &Comparison, from: &Observed, graders: &Graders) -> Result<Vec<Changed>, Error> {
    let Some(folder) = &from.set else { return Ok(Vec::new()) };
    let set = FixtureSet::load_with(folder, graders)?;
    let by_print: BTreeMap<u64, _> = set.examples().iter().map(|example| (fingerprint("id", &example.id), example)).collect();
    let name = |tier: usize| comparison.tiers.get(tier).cloned();
    let rows = comparison.changed.iter().filter_map(|row| {
        let example = by_print.get(from.observations.ids().get(row.row)?)?;
        Some(Changed {
            id: example.id.to_string(),
            segment: example.segment.to_string(),
            was_tier: name(row.tier.0),
            tier: name(row.tier.1),
            was_correct: row.quality.0,
            correct: row.quality.1,
            texts: None,
        })
    });
    let mut changed: Vec<Changed> = rows.collect();
    if let Some(loaded) = &from.loaded {
        let recordings = Recordings::load(set.dir(), &bindings(loaded))?.with_questions_of(&set);
        let was = |example: &Example, item: &Changed| recorded(&recordings, item.was_tier.as_deref(), example);
        tell(&mut changed, &set, was, |example, item| recorded(&recordings, item.tier.as_deref(), example));
    }
    Ok(changed)
}

/// Two cascade files on the same recordings, each as it is.
fn of_cascades(ask: &Ask, progress: &dyn Progress) -> Result<Report, Error> {
    let Some(b) = ask.b.as_deref().filter(|b| is_cascade(b)) else {
        return Err(Error::refused("a cascade file is compared with another cascade file")
            .with_hint("write tierfall diff A.cascade.toml B.cascade.toml"));
    };
    if let Some((tier, _)) = ask.cuts.first() {
        return Err(Error::refused(format!(
            "--threshold {tier}=… is for fits; change the threshold in one of the cascade files"
        )));
    }
    let folder = given_folder(&ask.a, &set_of(ask, &ask.a)?);
    progress.begins(Stage::Reading);
    let set = FixtureSet::load_with(&folder, &ask.graders)?;
    let split = ask.split.as_deref().unwrap_or("test");
    let play = |path: &Path| -> Result<Played, Error> {
        let loaded: Loaded = config::load(path)?;
        progress.begins(Stage::Reading);
        let recordings = Recordings::load(set.dir(), &bindings(&loaded))?.with_questions_of(&set);
        progress.begins(Stage::Replaying);
        replay(&loaded, &set, &recordings, split, &|done, of| progress.at(done, of))
    };
    let (was, is) = (play(&ask.a)?, play(b)?);
    let baseline = Baseline::of([&was]);
    let entry = baseline.entries().first().ok_or_else(|| Error::refused("nothing was replayed"))?;
    let Beside { mut changes, checks, warnings } = beside(entry, &is, Some(&rules(ask)))?;
    let answered = |played: &Played, item: &Changed| {
        let of = played.items.iter().find(|of| *of.id == *item.id)?;
        of.answered.clone()
    };
    tell(&mut changes.items, &set, |_, item| answered(&was, item), |_, item| answered(&is, item));
    let mut section = section(format!("{} → {}", ask.a.display(), b.display()), &is, Some(changes), checks);
    section.warnings.extend(warnings);
    Ok(Report::new(vec![section]))
}
