//! `tierfall check`: is a cascade file right, and do its recordings still belong to it?

use std::fmt::Write as _;
use std::path::Path;

use tierfall::config::Loaded;
use tierfall::fit;
use tierfall::fixture::replay::Recordings;
use tierfall::{TierBinding, bindings, fixture_folder};

use crate::args::Check;
use crate::exit::{Exit, Failure};
use crate::render::style::{BAD, GOOD, HINT, WARN, paint};
use crate::{load, print, render, say};

pub(crate) fn check(args: &Check, quiet: bool) -> Result<Exit, Failure> {
    let mut bad = 0;
    for path in &args.cascades {
        match one(path, quiet) {
            Ok(summary) => print(format_args!("{} {}: {summary}\n", paint(GOOD, "ok"), path.display()))?,
            Err(failure) => {
                bad += 1;
                say(format_args!("{} {}", paint(BAD, "error:"), failure.message));
                if let Some(hint) = failure.hint {
                    say(format_args!("{} {hint}", paint(HINT, "hint:")));
                }
            }
        }
    }
    Ok(if bad == 0 { Exit::Fine } else { Exit::Usage })
}

fn one(path: &Path, quiet: bool) -> Result<String, Failure> {
    let loaded = load::cascade(path)?;
    if !quiet {
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
    for set in fixture_sets(&loaded) {
        summary += &recordings(&loaded, &set, quiet)?;
    }
    let unset = loaded.unset_keys(environment_has);
    if !unset.is_empty() && !quiet {
        let names: Vec<&str> = unset.iter().map(|key| key.env.as_str()).collect();
        let without = if loaded.replay.is_some() { "live calls" } else { "calls" };
        say(format_args!("{} {}: {} not set; {without} will fail", paint(WARN, "warning:"), path.display(), names.join(", ")));
    }
    Ok(summary)
}

/// The sets that the file names, each once.
fn fixture_sets(loaded: &Loaded) -> Vec<String> {
    let mut sets: Vec<String> = loaded.replay.iter().map(|replay| replay.fixtures.clone()).collect();
    sets.extend(loaded.expects.iter().map(|expect| expect.fixtures.clone()));
    sets.sort();
    sets.dedup();
    sets
}

/// How much of a set is recorded for these tiers.
fn recordings(loaded: &Loaded, name: &str, quiet: bool) -> Result<String, Failure> {
    let set = load::fixture_set(fixture_folder(&loaded.path, name))?;
    let tiers = bindings(loaded);
    let recordings = Recordings::load(set.dir(), &tiers).map_err(|error| load::fixture(&error))?;
    if !quiet {
        load::tell_torn(&recordings);
    }
    let mut text = format!("; {name}: {} examples", set.examples().len());
    for TierBinding { tier, .. } in &tiers {
        let missing = set
            .examples()
            .iter()
            .filter(|example| !recordings.answer(tier, &example.id).is_some_and(|recorded| recorded.answers(&example.digest())));
        let missing = missing.count();
        if missing > 0 {
            let _ = write!(text, ", {missing} not recorded for {tier}");
        }
    }
    Ok(text)
}

fn environment_has(name: &str) -> bool {
    #[expect(clippy::disallowed_methods, reason = "only whether a key is there, never what it is")]
    std::env::var(name).is_ok_and(|value| !value.trim().is_empty())
}
