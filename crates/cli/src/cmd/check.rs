//! `tierfall check`: is a cascade file right, do its recordings still belong to it, and can its fixture sets be trusted?

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tierfall::config::{self, Loaded};
use tierfall::{bindings, fit};
use tierfall_workbench::fixture::FixtureSet;
use tierfall_workbench::fixture::hygiene::{Against, Finding, Material, Severity, Unrecorded, examine};
use tierfall_workbench::fixture_folder;

use super::graded::also;
use crate::args::{Check, Format};
use crate::progress::Shown;
use crate::render::printable;
use crate::render::style::{GOOD, paint};
use crate::{Exit, Failure, load, note, print_verdict, quiet, render, tell, warn};

pub(crate) fn check(args: &Check) -> Result<Exit, Failure> {
    let mut checked = Checked { bad: 0, warned: 0, given: Vec::new(), sets: Vec::new(), cascades: Vec::new() };
    for path in &args.paths {
        if path.is_dir() {
            match checked.set(path) {
                Ok(used) => used.alone = true,
                Err(failure) => checked.fail(&failure),
            }
            continue;
        }
        let summary = checked.cascade(path);
        let summary = summary.map_err(|failure| checked.fail(&failure)).ok();
        if let (Format::Text, Some(summary)) = (args.format, &summary) {
            print_verdict(format_args!("{} {}: {}\n", paint(GOOD, "ok"), path.display(), printable::line(summary)))?;
        }
        checked.cascades.push(CascadeChecked { cascade: path.clone(), ok: summary.is_some(), summary });
    }
    checked.pair();
    let examining = Shown::late("examining");
    let sets: Vec<SetExamined> = checked.sets.iter().map(Used::examine).collect();
    drop(examining);
    let of = |severity| sets.iter().flat_map(|set| &set.findings).filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (of(Severity::Error), of(Severity::Warning));
    match args.format {
        Format::Json => print_verdict(serde_json::to_string(&CheckReport { cascades: checked.cascades, sets })? + "\n")?,
        Format::Text => {
            for set in &sets {
                // A set that is right needs no line of its own beside its cascade's.
                if set.alone || !set.findings.is_empty() {
                    print_verdict(render::hygiene::hygiene(&set.set, &set.findings))?;
                }
            }
        }
    }
    Ok(if checked.bad + errors > 0 {
        Exit::Usage
    } else if args.strict && checked.warned + warnings > 0 {
        Exit::Unmet
    } else {
        Exit::Fine
    })
}

/// What `check --format json` prints.
#[derive(Serialize)]
struct CheckReport {
    cascades: Vec<CascadeChecked>,
    sets: Vec<SetExamined>,
}

#[derive(Serialize)]
struct CascadeChecked {
    cascade: PathBuf,
    ok: bool,
    summary: Option<String>,
}

#[derive(Serialize)]
struct SetExamined {
    set: PathBuf,
    name: String,
    examples: usize,
    findings: Vec<Finding>,
    /// Asked for by itself.
    #[serde(skip)]
    alone: bool,
}

/// What was looked at so far.
struct Checked {
    bad: usize,
    warned: usize,
    /// The cascades that were given, as far as they can be read.
    given: Vec<Loaded>,
    /// Every set that was named, read once.
    sets: Vec<Used>,
    cascades: Vec<CascadeChecked>,
}

impl Checked {
    fn fail(&mut self, failure: &Failure) {
        self.bad += 1;
        tell(failure);
    }

    fn cascade(&mut self, path: &Path) -> Result<String, Failure> {
        let loaded = match load::cascade(path) {
            Ok(loaded) => loaded,
            Err(failure) => {
                self.given.extend(config::load_unfitted(path));
                // Where only the fit is stale, the recordings may be so, too.
                if let Ok(unfitted) = config::load_unfitted(path) {
                    for name in fixture_sets(&unfitted) {
                        // A set that cannot be read is told of when the cascade can.
                        let _ = self.used(&unfitted, &name);
                    }
                }
                return Err(failure);
            }
        };
        self.given.push(loaded.clone());
        self.warned += loaded.warnings.len();
        for warning in &loaded.warnings {
            note(warning.render_styled(&path.display().to_string(), &loaded.text));
        }
        let tiers: Vec<&str> = loaded.cascade.tiers().iter().map(|tier| &*tier.name).collect();
        let mut summary = tiers.join(" → ");
        if let Some(fit) = &loaded.fit {
            let points = fit.point.iter().map(|point| format!("{} ({})", point.name, fit::promise(point)));
            let is = self.standing(&loaded);
            let _ = write!(summary, "; {is} {} rows: {}", fit.provenance.n, points.collect::<Vec<_>>().join(", "));
        }
        let mut problems = Vec::new();
        for name in fixture_sets(&loaded) {
            match self.recordings(&loaded, &name) {
                Ok(recorded) => summary += &recorded,
                Err(failure) => problems.push(failure),
            }
        }
        let last = problems.pop();
        for failure in &problems {
            self.fail(failure);
        }
        last.map_or(Ok(()), Err)?;
        let unset = loaded.unset_keys(environment_has);
        if !unset.is_empty() && !quiet() {
            let names: Vec<&str> = unset.iter().map(|key| key.env.as_str()).collect();
            let without = if loaded.replay.is_some() { "live calls" } else { "calls" };
            warn(format_args!("{}: {} not set; {without} will fail", path.display(), names.join(", ")));
        }
        Ok(summary)
    }

    /// What a fit of this cascade is, by the examples that it was made on as far as they are here: fresh is what is like them.
    fn standing(&mut self, loaded: &Loaded) -> &'static str {
        for name in fixture_sets(loaded) {
            // A set that cannot be read is told of below.
            if let Ok(material) = self.used(loaded, &name)
                && material.made(loaded)
            {
                return if material.relabelled(loaded).is_none() { "a fresh fit on" } else { "a stale fit on" };
            }
        }
        "a fit of this chain, whose labels were not looked at, on"
    }

    /// Who gives cascades and sets asks how each set does under each cascade, whether its file names the set or not.
    fn pair(&mut self) {
        for used in self.sets.iter_mut().filter(|used| used.alone) {
            for loaded in &self.given {
                if !used.cascades.iter().any(|(other, _)| other.path == loaded.path) {
                    used.cascades.push((loaded.clone(), used.material.set.dir().display().to_string()));
                }
            }
        }
    }

    /// How much of a set is recorded for these tiers.
    fn recordings(&mut self, loaded: &Loaded, name: &str) -> Result<String, Failure> {
        let material = self.used(loaded, name)?;
        let set = &material.set;
        material.recordings.stand_for(set.dir(), &bindings(loaded))?;
        if !quiet() {
            load::tell_torn(&material.recordings);
        }
        let mut text = format!("; {name}: {} examples", set.examples().len());
        for (tier, Unrecorded { missing, not_allowed }) in material.unrecorded(&loaded.cascade) {
            let missing = (missing, &*format!("not recorded for {tier}"));
            text += &also(&[missing, (not_allowed, &format!("not allowed for {tier}"))]);
        }
        Ok(text)
    }

    /// A set that a cascade uses.
    fn used(&mut self, loaded: &Loaded, name: &str) -> Result<&Material, Failure> {
        let used = self.set(&fixture_folder(&loaded.path, name))?;
        if !used.cascades.iter().any(|(other, named)| other.path == loaded.path && named == name) {
            used.cascades.push((loaded.clone(), name.to_owned()));
        }
        Ok(&used.material)
    }

    fn set(&mut self, folder: &Path) -> Result<&mut Used, Failure> {
        let key = fs_err::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        let place = self.sets.iter().position(|used| used.folder == key);
        if place.is_none() {
            let material = Material::load(FixtureSet::load(folder)?)?;
            self.sets.push(Used { folder: key, material, alone: false, cascades: Vec::new() });
        }
        let last = self.sets.len() - 1;
        Ok(&mut self.sets[place.unwrap_or(last)])
    }
}

/// The sets that the file names, each once.
fn fixture_sets(loaded: &Loaded) -> BTreeSet<String> {
    let replayed = loaded.replay.iter().map(|replay| replay.fixtures.clone());
    replayed.chain(loaded.expects.iter().map(|expect| expect.fixtures.clone())).collect()
}

/// A set with the cascades that use it.
struct Used {
    folder: PathBuf,
    material: Material,
    /// Asked for by itself.
    alone: bool,
    cascades: Vec<(Loaded, String)>,
}

impl Used {
    fn examine(&self) -> SetExamined {
        let Self { material, alone, cascades, .. } = self;
        let against: Vec<Against<'_>> = cascades.iter().map(|(loaded, named)| Against { loaded, named }).collect();
        SetExamined {
            set: material.set.dir().to_owned(),
            name: material.set.about().name.clone(),
            examples: material.set.examples().len(),
            findings: examine(material, &against),
            alone: *alone,
        }
    }
}

fn environment_has(name: &str) -> bool {
    #[expect(clippy::disallowed_methods, reason = "only whether a key is there, never what it is")]
    std::env::var(name).is_ok_and(|value| !value.trim().is_empty())
}
