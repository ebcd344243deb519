//! `--signal`: which gate value each gated tier is to use.

use std::sync::Arc;

use tierfall::config::nearest;
use tierfall_calibrate::ask::SignalChoice;
use tierfall_calibrate::observations::Observations;
use tierfall_core::fusion::GateValue;

use crate::exit::Failure;

/// A gated tier and the signals that its observations have.
type Tier<'a> = (&'a str, Vec<&'a str>);

/// One choice for every tier but the last. Without a wish a tier uses its gate's `own` signal, else the only one there is.
pub(crate) fn choices(wish: Option<&str>, observations: &Observations, own: &[String]) -> Result<Vec<SignalChoice>, Failure> {
    let named = |labels: &[Arc<str>]| -> Vec<Arc<str>> { labels.to_vec() };
    let specs: Vec<(Arc<str>, Vec<Arc<str>>)> =
        observations.tiers().map(|tier| (tier.name.clone(), named(&tier.signals))).collect();
    let gated: Vec<Tier<'_>> = specs
        .iter()
        .take(specs.len().saturating_sub(1))
        .map(|(tier, labels)| (&**tier, labels.iter().map(|l| &**l).collect()))
        .collect();
    resolve(wish, &gated, own).map_err(|(message, hint)| Failure::usage(message).with_hint(hint))
}

type Wrong = (String, String);

const FORMS: &str = "write NAME for all tiers, A=NAME,B=NAME by tier, A=x+y to fuse, -NAME where lower is surer, or auto";

fn resolve(wish: Option<&str>, gated: &[Tier<'_>], own: &[String]) -> Result<Vec<SignalChoice>, Wrong> {
    // An empty variable of a script is no wish to use whatever there is.
    if wish.is_some_and(|wish| wish.trim().is_empty()) {
        return Err(("--signal names nothing".to_owned(), format!("{FORMS}; or leave it out")));
    }
    let wish = wish.unwrap_or_default().trim();
    let known = |label: &str| gated.iter().any(|(_, labels)| labels.contains(&label));
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
        let Some(place) = gated.iter().position(|(tier, _)| *tier == name.trim()) else {
            let tiers: Vec<&str> = gated.iter().map(|(tier, _)| *tier).collect();
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
fn choice(wish: &str, tier: &Tier<'_>, own: Option<&String>) -> Result<SignalChoice, Wrong> {
    let (name, labels) = tier;
    let fixed = |label: &str, negated| SignalChoice::Fixed(GateValue::Signal { signal: label.to_owned(), negated });
    let there = || if labels.is_empty() { "none".to_owned() } else { labels.join(", ") };
    if wish.is_empty() {
        return match (own, labels.as_slice()) {
            (Some(own), _) => Ok(fixed(own, false)),
            (None, [only]) => Ok(fixed(only, false)),
            (None, []) => Err((
                format!("the observations of tier \"{name}\" have no signal"),
                format!("give them one under \"confidence\", or leave {name} out of --chain"),
            )),
            (None, _) => Err((
                format!("tier \"{name}\" has several signals and none is chosen: {}", there()),
                format!("choose with --signal: {FORMS}"),
            )),
        };
    }
    // A label may be written like one of the forms; what is there wins.
    if labels.contains(&wish) {
        return Ok(fixed(wish, false));
    }
    let known = |label: &str| {
        if labels.contains(&label) {
            Ok(label.to_owned())
        } else {
            let near = nearest(label, labels.iter().copied());
            let meant = near.map(|near| format!("did you mean \"{near}\"? ")).unwrap_or_default();
            Err((format!("tier \"{name}\" has no signal \"{label}\""), format!("{meant}its signals: {}", there())))
        }
    };
    if wish == "auto" {
        return Ok(SignalChoice::Auto);
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
        let gated = [("small", vec!["mean", "entropy", "odd=x"]), ("medium", vec!["mean"])];
        let own: Vec<String> = own.iter().map(|label| (*label).to_owned()).collect();
        resolve(wish.into(), &gated, &own).map_err(|(message, hint)| format!("{message}; {hint}"))
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
            ("entropy", "tier \"medium\" has no signal \"entropy\"; its signals: mean"),
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
}
