//! Which gate value each gated tier is to use, as `--signal` says it.

use std::collections::{BTreeMap, BTreeSet};

use tierfall::config::nearest;
use tierfall_calibrate::ask::SignalChoice;
use tierfall_core::fit::Fit;
use tierfall_core::fusion::GateValue;

use super::observed::Observed;
use crate::Error;
use crate::observations::TierSummary;

/// Signals that are asked for by their names, by tier.
pub(crate) type Named = BTreeMap<String, BTreeSet<String>>;

/// The signals that `--signal` asks for, whichever of its forms it has: only files tell whether `a+b` is one signal or two.
pub(crate) fn named(wish: Option<&str>, chain: &[String]) -> Named {
    let labels = |wish: &str| -> BTreeSet<String> {
        let parts = wish.split('+').map(str::trim).chain([wish, wish.strip_prefix('-').unwrap_or(wish)]);
        parts.filter(|label| !label.is_empty() && *label != AUTO).map(str::to_owned).collect()
    };
    let wish = wish.unwrap_or_default().trim();
    let mut named: Named = chain.iter().map(|tier| (tier.clone(), labels(wish))).collect();
    for (tier, wish) in wish.split(',').filter_map(|part| part.split_once('=')) {
        if let Some(of_tier) = named.get_mut(tier.trim()) {
            of_tier.extend(labels(wish.trim()));
        }
    }
    named
}

/// The signals that the gates of fits read.
pub(crate) fn named_by<'f>(fits: impl IntoIterator<Item = &'f Fit>, chain: &[String]) -> Named {
    let mut named = Named::new();
    for tier in fits.into_iter().flat_map(|fit| &fit.tier).filter(|tier| chain.contains(&tier.name)) {
        let signals = tier.gate.iter().flat_map(GateValue::signals).map(str::to_owned);
        named.entry(tier.name.clone()).or_default().extend(signals);
    }
    named
}

/// The labels of a tier's signals.
fn labels(tier: &TierSummary) -> Vec<&str> {
    tier.signals.iter().map(|signal| &**signal).collect()
}

/// A tier declares no signal, and what would be some.
fn none(tier: &TierSummary) -> Wrong {
    let TierSummary { tier: name, candidates, silent, .. } = tier;
    let what = if silent.is_empty() {
        format!("the observations of tier \"{name}\" declare no signal")
    } else {
        format!("what the observations of tier \"{name}\" declare has no number in any row: {}", silent.join(", "))
    };
    let how = match candidates.as_slice() {
        [] => {
            format!("give them one under \"confidence\" (in CSV a column {name}.confidence.NAME), or leave {name} out of --chain")
        }
        [first, ..] => {
            format!("numeric columns of {name}: {}; say which is the signal, as in --signal {first}", candidates.join(", "))
        }
    };
    (what, how)
}

fn unknown(tier: &TierSummary, label: &str) -> Wrong {
    let TierSummary { tier: name, candidates, silent, .. } = tier;
    let labels = labels(tier);
    let there = if labels.is_empty() { "none".to_owned() } else { labels.join(", ") };
    if silent.iter().any(|silent| silent == label) {
        return (
            format!("the signal \"{label}\" of tier \"{name}\" has no number in any row"),
            format!("such a gate escalates everything; its signals with numbers: {there}"),
        );
    }
    let near = nearest(label, labels.into_iter().chain(candidates.iter().map(String::as_str)));
    let meant = near.map(|near| format!("did you mean \"{near}\"? ")).unwrap_or_default();
    let beside =
        if candidates.is_empty() { String::new() } else { format!("; other numeric columns: {}", candidates.join(", ")) };
    (format!("tier \"{name}\" has no signal \"{label}\""), format!("{meant}its signals: {there}{beside}"))
}

/// One choice for every tier but the last. Without a wish a tier uses its gate's `own` signal, else the only one that the rows declare: never
/// one that merely stands there.
pub(crate) fn choices(wish: Option<&str>, from: &Observed) -> Result<Vec<SignalChoice>, Error> {
    let gated = from.summary.tiers.split_last().map_or(&[][..], |(_, gated)| gated);
    resolve(wish, gated, &from.own_signals()).map_err(|(why, hint)| Error::refused(why).with_hint(hint))
}

type Wrong = (String, String);

/// The wish for the best of those that are there.
const AUTO: &str = "auto";

const FORMS: &str = "write NAME for all tiers, A=NAME,B=NAME by tier, A=x+y to fuse, -NAME where lower is surer, or auto";

fn resolve(wish: Option<&str>, gated: &[TierSummary], own: &[String]) -> Result<Vec<SignalChoice>, Wrong> {
    // An empty variable of a script is no wish to use whatever there is.
    if wish.is_some_and(|wish| wish.trim().is_empty()) {
        return Err(("--signal names nothing".to_owned(), format!("{FORMS}; or leave it out")));
    }
    let wish = wish.unwrap_or_default().trim();
    let known = |label: &str| gated.iter().any(|tier| labels(tier).contains(&label));
    let by_tier = wish.contains('=') && !known(wish);
    if !by_tier {
        return gated.iter().enumerate().map(|(place, tier)| choice(wish, tier, own.get(place))).collect();
    }
    let mut wishes: Vec<Option<&str>> = vec![None; gated.len()];
    for part in wish.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let wrong = || (format!("--signal {wish}: \"{part}\" names no tier"), FORMS.to_owned());
        let (name, value) = part.split_once('=').ok_or_else(wrong)?;
        if value.trim().is_empty() {
            return Err((format!("--signal {wish}: nothing is named for tier \"{}\"", name.trim()), FORMS.to_owned()));
        }
        let Some(place) = gated.iter().position(|tier| *tier.tier == *name.trim()) else {
            let tiers: Vec<&str> = gated.iter().map(|tier| &*tier.tier).collect();
            let what = format!("--signal {part}: there is no gated tier \"{}\"", name.trim());
            return Err((what, format!("tiers with a gate: {}; the last one has none", tiers.join(", "))));
        };
        if wishes[place].replace(value.trim()).is_some() {
            return Err((format!("--signal {wish}: tier \"{}\" is named twice", name.trim()), FORMS.to_owned()));
        }
    }
    let each = gated.iter().zip(wishes).enumerate();
    each.map(|(place, (tier, wish))| choice(wish.unwrap_or_default(), tier, own.get(place))).collect()
}

/// One tier's choice; an empty wish is none.
fn choice(wish: &str, tier: &TierSummary, own: Option<&String>) -> Result<SignalChoice, Wrong> {
    let fixed = |label: &str, negated| SignalChoice::Fixed(GateValue::Signal { signal: label.to_owned(), negated });
    let (name, labels) = (&tier.tier, labels(tier));
    if wish.is_empty() {
        return match (own, labels.as_slice()) {
            (Some(own), _) => Ok(fixed(own, false)),
            (None, [only]) if tier.silent.is_empty() => Ok(fixed(only, false)),
            (None, []) => Err(none(tier)),
            (None, _) => Err((
                format!(
                    "tier \"{name}\" has several signals and none is chosen: {}",
                    labels.into_iter().chain(tier.silent.iter().map(String::as_str)).collect::<Vec<_>>().join(", ")
                ),
                format!("choose with --signal: {FORMS}"),
            )),
        };
    }
    // A label may be written like one of the forms; what is there wins.
    if labels.contains(&wish) {
        return Ok(fixed(wish, false));
    }
    let known = |label: &str| if labels.contains(&label) { Ok(label.to_owned()) } else { Err(unknown(tier, label)) };
    if wish == AUTO {
        return if labels.is_empty() { Err(none(tier)) } else { Ok(SignalChoice::Auto) };
    }
    if wish.contains('+') {
        let parts = wish.split('+').map(|label| known(label.trim())).collect::<Result<Vec<_>, _>>()?;
        let twice = parts.iter().enumerate().find(|(place, label)| parts[..*place].contains(label));
        return match twice {
            Some((_, label)) => Err((format!("--signal {wish}: \"{label}\" is named twice"), FORMS.to_owned())),
            None => Ok(SignalChoice::Fuse(parts)),
        };
    }
    match wish.strip_prefix('-') {
        Some(negated) => Ok(fixed(&known(negated)?, true)),
        None => Ok(fixed(&known(wish)?, false)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of<'w>(wish: impl Into<Option<&'w str>>, own: &[&str]) -> Result<Vec<SignalChoice>, String> {
        let gated = [tier("small", &["mean", "entropy", "odd=x"], &[], &["chars"]), tier("medium", &["mean"], &[], &["chars"])];
        let own: Vec<String> = own.iter().map(|label| (*label).to_owned()).collect();
        resolve(wish.into(), &gated, &own).map_err(|(message, hint)| format!("{message}; {hint}"))
    }

    fn tier(name: &str, labels: &[&str], silent: &[&str], candidates: &[&str]) -> TierSummary {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        TierSummary {
            tier: name.into(),
            signals: labels.iter().map(|label| (*label).into()).collect(),
            silent: owned(silent),
            candidates: owned(candidates),
        }
    }

    fn signal(label: &str, negated: bool) -> SignalChoice {
        SignalChoice::Fixed(GateValue::Signal { signal: label.to_owned(), negated })
    }

    #[test]
    fn every_form_is_read() {
        assert_eq!(of("mean", &[]), Ok(vec![signal("mean", false), signal("mean", false)]));
        assert_eq!(of("auto", &[]), Ok(vec![SignalChoice::Auto, SignalChoice::Auto]));
        assert_eq!(of("small=-entropy", &[]), Ok(vec![signal("entropy", true), signal("mean", false)]));
        assert_eq!(
            of("small=mean+entropy, medium=auto", &[]),
            Ok(vec![SignalChoice::Fuse(vec!["mean".to_owned(), "entropy".to_owned()]), SignalChoice::Auto])
        );
        assert_eq!(of(None, &["entropy", "mean"]), Ok(vec![signal("entropy", false), signal("mean", false)]));
        assert_eq!(of("small=odd=x", &[]), Ok(vec![signal("odd=x", false), signal("mean", false)]));
    }

    #[test]
    fn errors_say_what_there_is() {
        assert!(of(None, &[]).unwrap_err().contains("mean, entropy, odd=x"));
        for (wish, hint) in [
            (" ", "--signal names nothing"),
            ("small=", "nothing is named for tier \"small\""),
            ("entropy", "tier \"medium\" has no signal \"entropy\"; its signals: mean; other numeric columns: chars"),
            ("small=entropi", "did you mean \"entropy\"? its signals"),
            ("large=mean", "tiers with a gate: small, medium"),
            ("small=mean,mean", "\"mean\" names no tier"),
            ("small=mean,small=entropy", "named twice"),
            ("small=mean+mean", "named twice"),
            ("small=mean+-entropy", "no signal \"-entropy\""),
        ] {
            let error = of(wish, &[]).unwrap_err();
            assert!(error.contains(hint), "{wish}: {error}");
        }
    }

    #[test]
    fn what_merely_stands_there_is_not_chosen() {
        let bare = |candidates: &[&str]| [tier("small", &[], &[], candidates)];
        for wish in [None, Some("auto")] {
            let (what, how) = resolve(wish, &bare(&["chars", "logprob"]), &[]).unwrap_err();
            assert_eq!(what, "the observations of tier \"small\" declare no signal");
            assert_eq!(how, "numeric columns of small: chars, logprob; say which is the signal, as in --signal chars");
            assert!(resolve(wish, &bare(&[]), &[]).unwrap_err().1.contains("small.confidence.NAME"));
        }
        // Of two that are declared the one with numbers is no more chosen than the other.
        let two = [tier("small", &["chars"], &["logprob"], &[])];
        assert!(resolve(None, &two, &[]).unwrap_err().0.contains("several signals and none is chosen: chars, logprob"));
        assert!(resolve(Some("logprob"), &two, &[]).unwrap_err().0.ends_with("has no number in any row"));
        assert!(resolve(Some("auto"), &two, &[]).is_ok() && resolve(Some("chars"), &two, &[]).is_ok());
        let (what, how) = resolve(Some("logprop"), &bare(&["chars", "logprob"]), &[]).unwrap_err();
        assert_eq!(what, "tier \"small\" has no signal \"logprop\"");
        assert!(how.starts_with("did you mean \"logprob\"?"), "{how}");
    }

    #[test]
    fn a_wish_names_the_signals_of_its_tiers() {
        let chain = ["small", "medium", "large"].map(str::to_owned);
        let of = |wish: &str, tier: &str| named(Some(wish), &chain)[tier].iter().cloned().collect::<Vec<_>>();
        assert_eq!(of("mean", "medium"), ["mean"]);
        assert_eq!(of("-mean", "small"), ["-mean", "mean"]);
        assert_eq!(of(" a + b ", "small"), ["a", "a + b", "b"]);
        assert_eq!((of("auto", "small"), named(None, &chain)["small"].len()), (vec![], 0));
        let wish = "small=x+y,medium=-z,large=auto";
        assert!(["x", "y"].iter().all(|label| of(wish, "small").contains(&(*label).to_owned())));
        assert!(of(wish, "medium").contains(&"z".to_owned()) && !of(wish, "medium").contains(&"x".to_owned()));
        assert!(!of(wish, "large").iter().any(|label| ["x", "z", "auto"].contains(&label.as_str())));
    }
}
