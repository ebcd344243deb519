//! `tierfall check`: is a cascade file right, do its recordings still belong to it, and can its fixture sets be trusted?

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tierfall::config::{self, Loaded};
use tierfall::{bindings, fit};
use tierfall_workbench::fixture::hygiene::{Against, Finding, Material, Severity, Unrecorded, examine};
use tierfall_workbench::fixture_folder;

use crate::args::{Check, CheckFormat};
use crate::exit::{Exit, Failure};
use crate::progress::Late;
use crate::render::printable;
use crate::render::style::{GOOD, WARN, paint};
use crate::{load, print_verdict, render, say, tell};

pub(crate) fn check(args: &Check, quiet: bool) -> Result<Exit, Failure> {
    let mut checked = Checked { quiet, bad: 0, warned: 0, sets: Sets::default(), cascades: Vec::new() };
    for path in &args.paths {
        if path.is_dir() {
            if let Err(failure) = checked.sets.add(path) {
                checked.fail(&failure);
            }
            continue;
        }
        let result = checked.cascade(path);
        let summary = match &result {
            Ok(summary) => Some(summary.clone()),
            Err(failure) => {
                checked.fail(failure);
                None
            }
        };
        if let (CheckFormat::Text, Some(summary)) = (args.format, &summary) {
            print_verdict(format_args!("{} {}: {}\n", paint(GOOD, "ok"), path.display(), printable::line(summary)))?;
        }
        checked.cascades.push(CascadeChecked { cascade: path.clone(), ok: summary.is_some(), summary });
    }
    let examining = Late::new("examining", quiet);
    let sets: Vec<SetExamined> = checked.sets.examine();
    drop(examining);
    let of = |severity| sets.iter().flat_map(|set| &set.findings).filter(|finding| finding.severity == severity).count();
    let (errors, warnings) = (of(Severity::Error), of(Severity::Warning));
    match args.format {
        CheckFormat::Json => {
            let report = Report { cascades: checked.cascades, sets };
            let json = serde_json::to_string(&report).map_err(Failure::usage)?;
            print_verdict(format_args!("{json}\n"))?;
        }
        CheckFormat::Text => {
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
struct Report {
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
    quiet: bool,
    bad: usize,
    warned: usize,
    sets: Sets,
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
                // Where only the fit is stale, the recordings may be so, too.
                if let Ok(unfitted) = config::load_unfitted(path) {
                    for name in fixture_sets(&unfitted) {
                        // A set that cannot be read is told of when the cascade can.
                        let _ = self.sets.used(&unfitted, &name);
                    }
                }
                return Err(failure);
            }
        };
        self.warned += loaded.warnings.len();
        if !self.quiet {
            for warning in &loaded.warnings {
                say(render::diagnostic::draw(warning, &path.display().to_string(), &loaded.text));
            }
        }
        let tiers: Vec<&str> = loaded.cascade.tiers().iter().map(|tier| &*tier.name).collect();
        let mut summary = tiers.join(" → ");
        if let Some(fit) = &loaded.fit {
            let points = fit.point.iter().map(|point| format!("{} ({})", point.name, fit::promise(point)));
            let _ = write!(summary, "; a fresh fit on {} rows: {}", fit.provenance.n, points.collect::<Vec<_>>().join(", "));
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
        if let Some(failure) = last {
            return Err(failure);
        }
        let unset = loaded.unset_keys(environment_has);
        if !unset.is_empty() && !self.quiet {
            let names: Vec<&str> = unset.iter().map(|key| key.env.as_str()).collect();
            let without = if loaded.replay.is_some() { "live calls" } else { "calls" };
            say(format_args!(
                "{} {}: {} not set; {without} will fail",
                paint(WARN, "warning:"),
                path.display(),
                names.join(", ")
            ));
        }
        Ok(summary)
    }

    /// How much of a set is recorded for these tiers.
    fn recordings(&mut self, loaded: &Loaded, name: &str) -> Result<String, Failure> {
        let material = self.sets.used(loaded, name)?;
        let tiers = bindings(loaded);
        let set = &material.set;
        material.recordings.stand_for(set.dir(), &tiers).map_err(|error| load::fixture(&error))?;
        if !self.quiet {
            load::tell_torn(&material.recordings);
        }
        let mut text = format!("; {name}: {} examples", set.examples().len());
        for (tier, Unrecorded { missing, not_allowed }) in material.unrecorded(&loaded.cascade) {
            for (n, what) in [(missing, "recorded"), (not_allowed, "allowed")] {
                if n > 0 {
                    let _ = write!(text, ", {n} not {what} for {tier}");
                }
            }
        }
        Ok(text)
    }
}

/// The sets that the file names, each once.
fn fixture_sets(loaded: &Loaded) -> Vec<String> {
    let mut sets: Vec<String> = loaded.replay.iter().map(|replay| replay.fixtures.clone()).collect();
    sets.extend(loaded.expects.iter().map(|expect| expect.fixtures.clone()));
    sets.sort();
    sets.dedup();
    sets
}

/// Every set that was named, read once, with the cascades that use it.
#[derive(Default)]
struct Sets {
    order: Vec<PathBuf>,
    by_folder: BTreeMap<PathBuf, Used>,
}

struct Used {
    material: Material,
    alone: bool,
    cascades: Vec<(Loaded, String)>,
}

impl Sets {
    /// A set that was asked for by itself.
    fn add(&mut self, folder: &Path) -> Result<(), Failure> {
        self.read(folder).map(|used| used.alone = true)
    }

    /// A set that a cascade uses.
    fn used(&mut self, loaded: &Loaded, name: &str) -> Result<&Material, Failure> {
        let used = self.read(&fixture_folder(&loaded.path, name))?;
        if !used.cascades.iter().any(|(other, named)| other.path == loaded.path && named == name) {
            used.cascades.push((loaded.clone(), name.to_owned()));
        }
        Ok(&used.material)
    }

    fn read(&mut self, folder: &Path) -> Result<&mut Used, Failure> {
        let key = fs_err::canonicalize(folder).unwrap_or_else(|_| folder.to_owned());
        if !self.by_folder.contains_key(&key) {
            let set = load::fixture_set(folder)?;
            let material = Material::load(set).map_err(|error| load::fixture(&error))?;
            self.order.push(key.clone());
            self.by_folder.insert(key.clone(), Used { material, alone: false, cascades: Vec::new() });
        }
        self.by_folder.get_mut(&key).ok_or_else(|| Failure::usage(format!("{} was not read", folder.display())))
    }

    fn examine(&self) -> Vec<SetExamined> {
        let used = self.order.iter().filter_map(|key| self.by_folder.get(key));
        let examined = used.map(|Used { material, alone, cascades }| {
            let against: Vec<Against<'_>> = cascades.iter().map(|(loaded, named)| Against { loaded, named }).collect();
            SetExamined {
                set: material.set.dir().to_owned(),
                name: material.set.about().name.clone(),
                examples: material.set.examples().len(),
                findings: examine(material, &against),
                alone: *alone,
            }
        });
        examined.collect()
    }
}

fn environment_has(name: &str) -> bool {
    #[expect(clippy::disallowed_methods, reason = "only whether a key is there, never what it is")]
    std::env::var(name).is_ok_and(|value| !value.trim().is_empty())
}
