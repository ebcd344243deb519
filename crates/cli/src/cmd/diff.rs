//! `tierfall diff`: the same traffic under two fits, two cascade files, or one fit and a what-if.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use tierfall::{bindings, fit};
use tierfall_calibrate::observations::fingerprint;
use tierfall_calibrate::regress::fits::{Comparison, compare};
use tierfall_calibrate::regress::{Changed, Report, Rules, Section, Verdict};
use tierfall_calibrate::view::{Held, View};
use tierfall_core::fit::Fit;
use tierfall_core::number::{Score, Threshold};
use tierfall_workbench::fixture::FixtureSet;
use tierfall_workbench::fixture::replay::Recordings;
use tierfall_workbench::fixture_folder;
use tierfall_workbench::regress::{Baseline, Played, replay};

use super::files::{Named, apart, fit_of, parts_of_set};
use super::observed::{Asked, Observed, by_segment, named_by, observed};
use super::output::{check, interruptible, write};
use super::regress::beside;
use crate::args::{CutArg, Diff, Inputs};
use crate::exit::{Exit, Failure};
use crate::progress::Late;
use crate::render::diff::{Sides, diff as drawn};
use crate::render::regress::{Sheet, format};
use crate::{load, print};

pub(crate) async fn diff(args: &Diff, quiet: bool) -> Result<Exit, Failure> {
    check(args.json.iter().map(PathBuf::as_path).filter(|path| *path != Path::new("-")))?;
    let read = [("the first side", Some(&args.a)), ("the second side", args.b.as_ref()), ("the cascade", args.cascade.as_ref())];
    let read = read.into_iter().filter_map(|(name, path)| Some((name, path?.clone())));
    let mut read: Vec<Named> = read.collect();
    read.extend(args.observations.iter().map(|path| ("the observations", path.clone())));
    for cascade in [Some(&args.a), args.b.as_ref(), args.cascade.as_ref()].into_iter().flatten().filter(|path| is_cascade(path)) {
        read.extend(fit_of(cascade).map(|fit| ("the fit", fit)));
        read.extend(args.fixtures.iter().flat_map(|set| parts_of_set(&fixture_folder(cascade, set))));
    }
    apart(&read, &args.json.clone().map(|path| ("--json", path)).into_iter().collect::<Vec<_>>())?;
    let owned = args.clone();
    let (json, text) =
        interruptible(move || if is_cascade(&owned.a) { of_cascades(&owned, quiet) } else { of_fits(&owned, quiet) }).await?;
    match args.json.as_deref() {
        Some(path) if path == Path::new("-") => print(json)?,
        path => {
            if let Some(path) = path {
                write(path, &json)?;
            }
            print(text)?;
        }
    }
    Ok(Exit::Fine)
}

fn is_cascade(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(".cascade.toml"))
}

fn rules(args: &Diff) -> Rules {
    Rules { level: args.level, margin: args.margin, ..Rules::default() }
}

/// What `diff --json` prints of two fits.
#[derive(Serialize)]
struct Json<'a> {
    /// Where the first and the second one are from.
    of: [&'a str; 2],
    rows: &'a str,
    #[serde(flatten)]
    comparison: &'a Comparison,
    changed: &'a [Changed],
}

fn of_fits(args: &Diff, quiet: bool) -> Result<(String, String), Failure> {
    let read = |path: &Path| fit::read(path).map_err(|error| Failure::usage(error).with_hint("tierfall calibrate makes a fit"));
    let a = read(&args.a)?;
    let mut b = args.b.as_deref().map(read).transpose()?.unwrap_or_else(|| a.clone());
    for (at, (tier, cut)) in args.thresholds.iter().enumerate() {
        if args.thresholds[..at].iter().any(|(before, _)| before == tier) {
            return Err(Failure::usage(format!("--threshold names the tier \"{tier}\" twice")));
        }
        what_if(&mut b, args.point_b.as_deref().or(args.point.as_deref()), tier, *cut)?;
    }
    let from = rows(args, [&a, &b], quiet)?;
    for (path, fit) in [(&args.a, &a)].into_iter().chain(args.b.iter().map(|path| (path, &b))) {
        fresh(&from, path, fit)?;
    }
    let (held, _) = Held::overlapping(View::all(&from.observations), &a.provenance.seen);
    let point = args.point.as_deref();
    let comparing = Late::new("comparing", quiet);
    let comparison =
        compare(&held, (&a, point), (&b, args.point_b.as_deref().or(point)), &rules(args)).map_err(Failure::usage)?;
    drop((held, comparing));
    let changed = changed(&comparison, &from)?;
    let what_if = args.thresholds.iter().map(|(tier, cut)| format!("{tier} {}", said(*cut))).collect::<Vec<_>>().join(", ");
    let second = args.b.as_deref().unwrap_or(&args.a).display().to_string();
    let sides = Sides {
        a: args.a.display().to_string(),
        b: if what_if.is_empty() { second } else { format!("{second} with {what_if}") },
        rows: from.shown(),
    };
    let json = Json { of: [&sides.a, &sides.b], rows: &sides.rows, comparison: &comparison, changed: &changed };
    let json = serde_json::to_string(&json).map_err(Failure::usage)? + "\n";
    Ok((json, drawn(&sides, &comparison, &changed, args.max_changes)))
}

fn said(cut: CutArg) -> String {
    match cut {
        CutArg::Confidence(share) => format!("from confidence {share}"),
        CutArg::Raw(raw) => format!("from {raw}"),
        CutArg::DeferAll => "deferring all".to_owned(),
    }
}

/// The fit with another cut at one tier, in every segment.
fn what_if(fit: &mut Fit, point: Option<&str>, tier: &str, cut: CutArg) -> Result<(), Failure> {
    let names: Vec<&str> = fit.tier.iter().map(|tier| tier.name.as_str()).collect();
    let place = names.iter().position(|name| *name == tier);
    let gated = names.len() - 1;
    let Some(place) = place.filter(|place| *place < gated) else {
        let known = names[..gated].join(", ");
        return Err(Failure::usage(format!("--threshold: no tier \"{tier}\" has a gate in this fit (those that do: {known})")));
    };
    let threshold = match cut {
        CutArg::DeferAll => Threshold::DeferAll,
        CutArg::Raw(raw) => Score::new(raw).map_or(Threshold::DeferAll, Threshold::accept_from),
        CutArg::Confidence(share) => {
            let Some(map) = &fit.tier[place].map else {
                return Err(Failure::usage(format!("--threshold: tier \"{tier}\" has no score map, so no confidence scale"))
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
fn rows(args: &Diff, fits: [&Fit; 2], quiet: bool) -> Result<Observed, Failure> {
    let mut inputs = Inputs {
        cascade: None,
        set: None,
        observations: args.observations.clone(),
        chain: Vec::new(),
        split: args.split.clone(),
        prices: Vec::new(),
        costs: Vec::new(),
        columns: Vec::new(),
        heaviest_weight: None,
        bad_rows: args.bad_rows,
        ungraded: args.ungraded,
        unsegmented: args.unsegmented,
        strict: false,
    };
    if args.observations.is_empty() {
        let cascade = args.cascade.clone().unwrap_or_else(|| beside_fit(&args.a));
        if !cascade.exists() {
            return Err(Failure::usage(format!("which requests are they to be played over? {} is not there", cascade.display()))
                .with_hint("name a cascade and a set, --cascade FILE --fixtures SET, or files: --observations FILE"));
        }
        inputs.set = Some(match &args.fixtures {
            Some(set) => set.clone(),
            None => set_of(&cascade)?,
        });
        inputs.cascade = Some(cascade);
    } else {
        inputs.chain = fits[0].tier.iter().map(|tier| tier.name.clone()).collect();
    }
    let named = named_by(fits, &inputs.chain);
    observed(&inputs, Asked { split: "test", signals: named, segments: by_segment(fits) }, quiet)
}

fn beside_fit(fit: &Path) -> PathBuf {
    let name = fit.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = name.strip_suffix(".fit.toml").or_else(|| name.strip_suffix(".toml")).unwrap_or(&name);
    fit.with_file_name(format!("{stem}.cascade.toml"))
}

/// The set that a cascade replays, else one that it expects something of.
fn set_of(cascade: &Path) -> Result<String, Failure> {
    let loaded = load::unfitted(cascade)?;
    let replayed = loaded.replay.as_ref().map(|replay| replay.fixtures.clone());
    replayed.or_else(|| loaded.expects.first().map(|expect| expect.fixtures.clone())).ok_or_else(|| {
        Failure::usage(format!("{} names no fixture set", cascade.display())).with_hint("name one with --fixtures SET")
    })
}

fn fresh(from: &Observed, path: &Path, fit: &Fit) -> Result<(), Failure> {
    let Some(loaded) = &from.loaded else { return Ok(()) };
    let changed: Vec<String> = fit::stale(fit, loaded).iter().map(ToString::to_string).collect();
    if changed.is_empty() {
        return Ok(());
    }
    let name = loaded.path.display();
    Err(Failure::usage(format!("{} is not of {name}: {}", path.display(), changed.join("; ")))
        .with_hint("what it would do is not in these recordings; name the cascade that it was made for with --cascade"))
}

/// The changed rows by their examples' ids; those of files are known by number alone, and are left out.
fn changed(comparison: &Comparison, from: &Observed) -> Result<Vec<Changed>, Failure> {
    let Some(folder) = &from.set else { return Ok(Vec::new()) };
    let set = load::fixture_set(folder)?;
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
        })
    });
    Ok(rows.collect())
}

/// Two cascade files on the same recordings, each as it is.
fn of_cascades(args: &Diff, quiet: bool) -> Result<(String, String), Failure> {
    let Some(b) = args.b.as_deref().filter(|b| is_cascade(b)) else {
        return Err(Failure::usage("a cascade file is compared with another cascade file")
            .with_hint("write tierfall diff A.cascade.toml B.cascade.toml"));
    };
    if let Some((tier, _)) = args.thresholds.first() {
        return Err(Failure::usage(format!(
            "--threshold {tier}=… is for fits; change the threshold in one of the cascade files"
        )));
    }
    let set = match &args.fixtures {
        Some(set) => set.clone(),
        None => set_of(&args.a)?,
    };
    let folder = fixture_folder(&args.a, &set);
    let reading = Late::new("reading", quiet);
    let set = load::fixture_set(&folder)?;
    drop(reading);
    let split = args.split.as_deref().unwrap_or("test");
    let (was, is) = (played(&args.a, &set, split, quiet)?, played(b, &set, split, quiet)?);
    let baseline = Baseline::of([&was]);
    let entry = baseline.entries().first().ok_or_else(|| Failure::usage("nothing was replayed"))?;
    let beside = beside(entry, &is, Some(&rules(args)))?;
    let deciding = beside.checks.iter().filter(|check| check.decides || check.verdict == Verdict::Fail);
    let section = Section {
        cascade: format!("{} → {}", args.a.display(), b.display()),
        fixtures: is.fixtures.clone(),
        split: split.to_owned(),
        mode: is.mode.as_str(),
        n: is.items.len() as u64,
        verdict: deciding.map(|check| check.verdict).fold(Verdict::Pass, Verdict::and),
        changes: Some(beside.changes),
        checks: beside.checks,
        warnings: is.warnings.iter().cloned().chain(beside.warnings).collect(),
    };
    let report = Report::new(vec![section]);
    let all_checks = "--json FILE has them";
    let sheet = Sheet { report: &report, problems: &[], strict: false, max_changes: args.max_changes, all_checks };
    Ok(((format("json").draw)(&sheet), (format("text").draw)(&sheet)))
}

fn played(path: &Path, set: &FixtureSet, split: &str, quiet: bool) -> Result<Played, Failure> {
    let loaded = load::cascade(path)?;
    let reading = Late::new("reading", quiet);
    let recordings = Recordings::load(set.dir(), &bindings(&loaded)).map_err(|error| load::fixture(&error))?;
    let recordings = recordings.with_questions_of(set);
    drop(reading);
    let of = set.examples().iter().filter(|example| *example.split == *split).count() as u64;
    let (bar, done) = (Late::new("replaying", quiet), AtomicU64::new(0));
    let progress = |more: usize| bar.at(done.fetch_add(more as u64, Ordering::Relaxed) + more as u64, of);
    let played = replay(&loaded, set, &recordings, split, &progress);
    drop(bar);
    played.map_err(Failure::usage)
}
