//! Checks a parsed file against its schema and takes out what is wrong, so that the rest can still be read: every
//! problem is found in one go, and none is reported twice.

use std::ops::Range;

use serde::Deserialize;
use serde::de::IntoDeserializer;
use tierfall_core::registry::Registry as _;
use tierfall_core::rule::table::ConditionSpec;
use tierfall_core::signal::table::SignalSpec;
use tierfall_wire::dialect::table as dialects;
use toml::Spanned;
use toml::de::{DeInteger, DeTable, DeValue};

use super::code::Code;
use super::diagnostic::{Diagnostic, Found};
use super::file::SIMULATED;
use super::schema::{Key, Schema, ValueKind};
use super::values::duration;
use crate::fault::{self, Fault};
use crate::trust;
use tierfall_core::nearest::{nearest, suggestion};

/// The kinds of provider.
pub(crate) fn provider_kinds() -> impl Iterator<Item = &'static str> + Clone {
    dialects::names().chain([SIMULATED])
}

/// Collects what is wrong.
#[derive(Debug, Default)]
pub(crate) struct Checker {
    pub(crate) found: Found,
}

type Value<'i> = Spanned<DeValue<'i>>;

impl Checker {
    /// Checks the keys of a table and removes those that cannot be used.
    pub(crate) fn table(&mut self, schema: Schema, table: &mut DeTable<'_>, at: &Range<usize>) {
        let (keys, title) = (schema.keys(), schema.title());
        let known = || keys.iter().map(|key| key.name);
        let mut given = Vec::new();
        retain(table, |name, span, value| {
            let Some(key) = keys.iter().find(|key| key.name == name) else {
                let message = format!("{title} has no key `{name}`");
                // What was meant is not missing as well.
                given.extend(nearest(name, known()).map(|meant| (meant, span.clone())));
                let own = known().any(|key| key == "extra");
                let extra =
                    |help| format!("{help}; a field that only the provider knows goes into `extra`: extra = {{ {name} = … }}");
                let help = suggestion(name, known()).map(|help| if own { extra(help) } else { help });
                self.found.error(Code::UNKNOWN_KEY, span, message).maybe_help(help);
                return false;
            };
            given.push((key.name, span.clone()));
            self.key(*key, value)
        });
        if !schema.is_one() {
            self.missing(schema, &given, at);
            let either = schema.some_of();
            if !either.is_empty() && !given.iter().any(|(name, _)| either.contains(name)) {
                let all: Vec<String> = either.iter().map(|name| format!("`{name}`")).collect();
                self.refuse(Code::MISSING_KEY, at.clone(), format!("{title} needs {}", all.join(" or ")));
            }
        } else if given.len() != 1 {
            let places: Vec<_> = given.into_iter().map(|(_, span)| span).collect();
            self.one_of(title, known(), &places, at);
            // Which one was meant is unknown.
            retain(table, |_, _, _| false);
        }
    }

    /// Says that exactly one key of several must be there, and where the first and the last of those stand that are.
    fn one_of<'k>(
        &mut self,
        title: &str,
        keys: impl Iterator<Item = &'k str>,
        given: &[Range<usize>],
        at: &Range<usize>,
    ) -> &mut Diagnostic {
        let all: Vec<String> = keys.map(|key| format!("`{key}`")).collect();
        let place = given.last().unwrap_or(at).clone();
        let diagnostic = self.found.error(Code::ONE_OF, place, format!("{title} takes exactly one of {}", all.join(", ")));
        match given {
            [first, _, ..] => diagnostic.label(first.clone(), "the other one is here"),
            _ => diagnostic,
        }
    }

    fn missing(&mut self, schema: Schema, given: &[(&str, Range<usize>)], at: &Range<usize>) {
        for key in schema.keys().into_iter().filter(|key| key.required) {
            if !given.iter().any(|(name, _)| *name == key.name) {
                let message = format!("{} needs the key `{}`", schema.title(), key.name);
                let help = match key.value.kind() {
                    ValueKind::List(of) if matches!(of.kind(), ValueKind::Table) => {
                        format!("add `[[{}]]`: {}", key.name, key.value.about())
                    }
                    _ => format!("add `{} = …`: {}", key.name, key.value.about()),
                };
                self.found.error(Code::MISSING_KEY, at.clone(), message).help(help);
            }
        }
    }

    fn key(&mut self, key: Key, value: &mut Value<'_>) -> bool {
        if (key.name == "api-key" || key.name == "headers") && !self.secrets(key.name, value) {
            return false;
        }
        if key.name == "version" && value.get_ref().is_integer() && number(value) != Some(1.0) {
            let message = "this is a file of another version than this program reads, which is 1";
            self.found.error(Code::VERSION, value.span(), message).help("write `version = 1`, or use a newer tierfall");
            return false;
        }
        self.value(key.value, &format!("`{}`", key.name), value)
    }

    /// A secret in the file is reported once, as what it is, and never shown; false = the value is one.
    fn secrets(&mut self, key: &str, value: &mut Value<'_>) -> bool {
        match value.get_mut() {
            DeValue::Table(_) if key == "api-key" => {}
            _ if key == "api-key" => {
                self.secret_at(value.span(), "an API key stands in the file", "api-key");
                return false;
            }
            DeValue::Table(headers) if key == "headers" => retain(headers, |name, _, header| {
                let lower = name.to_lowercase();
                let telling = ["authorization", "api-key", "apikey", "token", "secret", "cookie"];
                let secret = header.get_ref().is_str() && telling.iter().any(|word| lower.contains(word));
                if secret {
                    self.secret_at(header.span(), &format!("the header `{name}` carries a secret that stands in the file"), name);
                }
                !secret
            }),
            _ => {}
        }
        true
    }

    fn secret_at(&mut self, span: Range<usize>, message: &str, key: &str) {
        self.found.secret.push(span.clone());
        let help = format!(
            "write `{key} = {{ env = \"…\" }}` with the name of an environment variable, and replace the secret: it may have been seen"
        );
        self.found.error(Code::SECRET, span, message).help(help);
    }

    /// Checks a value; false = it cannot be used.
    fn value(&mut self, schema: Schema, what: &str, value: &mut Value<'_>) -> bool {
        let (span, kind) = (value.span(), schema.kind());
        match (&kind, value.get_mut()) {
            (ValueKind::Text | ValueKind::Name | ValueKind::Variable | ValueKind::Model, DeValue::String(text)) => {
                self.text(&kind, what, text, span)
            }
            (ValueKind::Flag, DeValue::Boolean(_)) => true,
            (ValueKind::Whole { min, max }, DeValue::Integer(whole)) => {
                let number = whole_number(whole);
                self.bounded(number.is_some_and(|n| (*min..=*max).contains(&n)), what, &bounds(*min, *max), span)
            }
            (ValueKind::Number { min, max }, DeValue::Integer(_) | DeValue::Float(_)) => {
                self.fits(span, fault::number(what, number(value).unwrap_or(f64::NAN), (*min, *max)))
            }
            (ValueKind::Nominal, DeValue::Integer(_) | DeValue::Float(_)) => {
                let number = number(value);
                self.bounded(number.is_some_and(|n| !n.is_nan()), what, "a number", span)
            }
            (ValueKind::Duration, DeValue::String(text)) => match duration(text) {
                Ok(_) => true,
                Err(why) => self.refuse(Code::BAD_DURATION, span, format!("{what} is no usable duration: {why}")),
            },
            (ValueKind::Money { is_price }, DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_)) => {
                self.money(*is_price, what, value)
            }
            (ValueKind::Word(words), DeValue::String(text)) => {
                let fits = words.contains(&&**text);
                if !fits {
                    let message = format!("{what} cannot be \"{text}\"");
                    let help = suggestion(text, words.iter().copied());
                    self.found.error(Code::BAD_VALUE, span, message).maybe_help(help);
                }
                fits
            }
            (ValueKind::List(of), DeValue::Array(items)) => {
                // A list with a hole would mean something else than what was written: what cannot be used is emptied
                // where it is a table, else the list goes.
                let mut fits = true;
                for item in items.iter_mut() {
                    fits &= self.value(*of, &format!("an entry of {what}"), item);
                }
                fits
            }
            (ValueKind::Table, DeValue::Table(table)) => {
                self.table(schema, table, &span);
                true
            }
            (ValueKind::Names(of), DeValue::Table(table)) => {
                retain(table, |name, _, value| self.value(*of, &format!("`{name}`"), value));
                true
            }
            (ValueKind::Either(several), _) => match several.iter().find(|one| takes(&one.kind(), value.get_ref())) {
                Some(one) => self.value(*one, what, value),
                None => self.wrong_type(schema, what, value),
            },
            (ValueKind::Json, _) => self.json(schema, what, value),
            (ValueKind::Provider, DeValue::Table(table)) => {
                self.provider(schema, what, table, &span);
                true
            }
            (ValueKind::Signal, DeValue::String(_) | DeValue::Table(_)) => self.signal(value),
            (ValueKind::Rule, DeValue::Table(table)) => {
                self.rule(schema, table, &span);
                true
            }
            _ => self.wrong_type(schema, what, value),
        }
    }

    fn refuse(&mut self, code: Code, span: Range<usize>, message: impl Into<String>) -> bool {
        self.found.error(code, span, message);
        false
    }

    /// Whether there is no such fault; one that there is is noted.
    fn fits(&mut self, span: Range<usize>, fault: Option<Fault>) -> bool {
        let Some(fault) = fault else { return true };
        self.found.fault(span, fault);
        false
    }

    fn bounded(&mut self, fits: bool, what: &str, range: &str, span: Range<usize>) -> bool {
        fits || self.refuse(Code::BAD_VALUE, span, format!("{what} must be {range}"))
    }

    fn wrong_type(&mut self, schema: Schema, what: &str, value: &mut Value<'_>) -> bool {
        let message = format!("{what} should be {}, but is {}", schema.expected(), type_name(value.get_ref()));
        self.found.error(Code::WRONG_TYPE, value.span(), message);
        // An empty table stands for one that is wrong, so that nobody reports it as absent.
        let stands = matches!(schema.kind(), ValueKind::Table | ValueKind::Provider | ValueKind::Rule | ValueKind::Names(_));
        if stands {
            *value.get_mut() = DeValue::Table(DeTable::new());
        }
        stands
    }

    fn text(&mut self, kind: &ValueKind, what: &str, text: &str, span: Range<usize>) -> bool {
        // A text of white space says something where it is a stop text: the end of a line.
        if text.is_empty() || (text.trim().is_empty() && !matches!(kind, ValueKind::Text)) {
            return self.fits(span, fault::empty(what, text.trim()));
        }
        match kind {
            ValueKind::Name => self.fits(span, fault::name(what, text)),
            ValueKind::Variable if !variable(text) => {
                // Perhaps it is the secret itself.
                self.secret_at(span, &format!("{what} is no name of an environment variable"), "…");
                false
            }
            ValueKind::Variable if !trust::has_variable(text) => {
                let message = format!("{what} names {text}, which cascade files may not read here");
                self.found
                    .error(Code::NOT_TRUSTED, span, message)
                    .help("whoever runs the file says which they may: `--env-allow NAME`");
                false
            }
            ValueKind::Model
                if !text.split_once('/').is_some_and(|(provider, model)| !provider.is_empty() && !model.is_empty()) =>
            {
                let help = "write \"provider/model\": the provider's name in this file and the model's name there";
                self.found.error(Code::BAD_VALUE, span, format!("{what} names no provider")).help(help);
                false
            }
            _ => true,
        }
    }

    /// A number is kept as its shortest decimal text, which is what was written.
    fn money(&mut self, is_price: bool, what: &str, value: &mut Value<'_>) -> bool {
        let text = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            _ => number(value).map_or_else(String::new, |n| n.to_string()),
        };
        let read: Result<(), _> = if is_price {
            text.parse::<tierfall_core::money::Rate>().map(drop)
        } else {
            text.parse::<tierfall_core::money::Money>().map(drop)
        };
        match read {
            Ok(()) => {
                *value.get_mut() = DeValue::String(text.into());
                true
            }
            Err(why) => {
                self.refuse(Code::BAD_MONEY, value.span(), format!("{what} is no amount of money that can be kept: {why}"))
            }
        }
    }

    fn json(&mut self, schema: Schema, what: &str, value: &mut Value<'_>) -> bool {
        let span = value.span();
        let finite = number(value).is_some_and(f64::is_finite);
        match value.get_mut() {
            DeValue::Datetime(_) => self.wrong_type(schema, what, value),
            DeValue::Float(_) if !finite => {
                self.refuse(Code::BAD_VALUE, span, format!("{what} is a number that JSON cannot say"))
            }
            DeValue::Integer(whole) if whole_number(whole).is_none() => {
                self.refuse(Code::BAD_VALUE, span, format!("{what} is too large a number"))
            }
            DeValue::Array(items) => items.iter_mut().all(|item| self.json(schema, what, item)),
            DeValue::Table(table) => {
                let mut fits = true;
                retain(table, |name, _, value| {
                    fits &= self.json(schema, &format!("`{name}`"), value);
                    true
                });
                fits
            }
            _ => true,
        }
    }

    fn provider(&mut self, schema: Schema, what: &str, table: &mut DeTable<'_>, at: &Range<usize>) {
        let mut kinds = 0;
        retain(table, |kind, span, settings| {
            kinds += 1;
            let Some(known) = schema.property(kind) else {
                let message = format!("there is no kind of provider `{kind}`");
                self.found.error(Code::UNKNOWN_KEY, span, message).maybe_help(suggestion(kind, provider_kinds()));
                return false;
            };
            self.value(known, &format!("`{kind}`"), settings)
        });
        if kinds != 1 {
            let all: Vec<String> = provider_kinds().map(|kind| format!("`{kind}`")).collect();
            let message = format!("the provider {what} takes exactly one kind: {}", all.join(" or "));
            self.found.error(Code::ONE_OF, at.clone(), message).help("write `[provider.NAME.openai-chat]`");
            retain(table, |_, _, _| false);
        }
    }

    fn rule(&mut self, schema: Schema, table: &mut DeTable<'_>, at: &Range<usize>) {
        let kinds = || ConditionSpec::NAMES.iter().copied();
        let keys = schema.keys();
        let mut given: Vec<(&str, Range<usize>)> = Vec::new();
        let mut conditions: Vec<Range<usize>> = Vec::new();
        retain(table, |name, span, value| {
            if let Some(key) = keys.iter().find(|key| key.name == name) {
                given.push((key.name, span.clone()));
                return self.key(*key, value);
            }
            conditions.push(span.clone());
            match ConditionSpec::read(name, value.clone().into_deserializer()) {
                None => {
                    let known = kinds().chain(keys.iter().map(|key| key.name));
                    let message = format!("there is no kind of rule `{name}`");
                    self.found.error(Code::UNKNOWN_KEY, span, message).maybe_help(suggestion(name, known));
                    false
                }
                Some(Err(error)) => {
                    self.foreign(Code::BAD_RULE, &format!("rule `{name}`"), value, &error, schema.property(name));
                    false
                }
                Some(Ok(_)) => true,
            }
        });
        self.missing(schema, &given, at);
        if conditions.len() != 1 {
            let several = (!conditions.is_empty()).then(|| "write two rules".to_owned());
            self.one_of(schema.title(), kinds(), &conditions, at).maybe_help(several);
            retain(table, |name, _, _| !ConditionSpec::NAMES.contains(&name));
        }
    }

    fn signal(&mut self, value: &mut Value<'_>) -> bool {
        let (name, span, options) = match value.get_ref() {
            DeValue::String(name) => (name.to_string(), value.span(), None),
            DeValue::Table(table) if table.len() == 1 => {
                let Some((key, options)) = table.iter().next() else { return false };
                (key.get_ref().to_string(), key.span(), Some(options))
            }
            _ => {
                let message = "a signal is a name, or exactly one name with its options";
                let help = "write \"mean-logprob\" or { quantile-logprob = { alpha = 0.1 } }";
                self.found.error(Code::BAD_SIGNAL, value.span(), message).help(help);
                return false;
            }
        };
        if !SignalSpec::NAMES.contains(&name.as_str()) {
            let help = suggestion(&name, SignalSpec::NAMES.iter().copied());
            self.found.error(Code::UNKNOWN_SIGNAL, span, format!("there is no signal \"{name}\"")).maybe_help(help);
            return false;
        }
        match SignalSpec::deserialize(value.clone().into_deserializer()) {
            Err(error) => {
                let options = options.cloned().unwrap_or_else(|| value.clone());
                self.foreign(Code::BAD_SIGNAL, &format!("signal `{name}`"), &options, &error, Some(Schema::of_signal(&name)));
                false
            }
            Ok(spec) => match spec.build() {
                Ok(_) => true,
                Err(error) => {
                    let at = options
                        .and_then(|options| options.get_ref().as_table()?.get(error.option).map(Spanned::span))
                        .unwrap_or(span);
                    self.refuse(Code::BAD_SIGNAL, at, error.to_string())
                }
            },
        }
    }

    /// Reports settings that their own type refused: every unknown one, else what the type said first.
    fn foreign(&mut self, code: Code, what: &str, settings: &Value<'_>, error: &toml::de::Error, schema: Option<Schema>) {
        let keys = schema.map(Schema::keys).unwrap_or_default();
        let known = || keys.iter().map(|key| key.name);
        let before = self.found.len();
        if let Some(table) = settings.get_ref().as_table() {
            for key in table.keys().filter(|key| known().all(|known| known != key.get_ref().as_ref())) {
                let message = format!("{what} has no setting `{}`", key.get_ref());
                let help = suggestion(key.get_ref(), known()).unwrap_or_else(|| "it has no settings".into());
                self.found.error(code, key.span(), message).help(help);
            }
        }
        if self.found.len() == before
            && let Some(schema) = schema.filter(|schema| !takes(&schema.kind(), settings.get_ref()))
        {
            let message = format!("{what} should be {}, but is {}", schema.expected(), type_name(settings.get_ref()));
            self.found.error(code, settings.span(), message);
        } else if self.found.len() == before {
            let span = error.span().unwrap_or_else(|| settings.span());
            let said = error.message().lines().next().unwrap_or_default().to_owned();
            self.found.error(code, span, format!("{what}: {said}"));
        }
    }
}

fn retain(table: &mut DeTable<'_>, mut keep: impl FnMut(&str, Range<usize>, &mut Value<'_>) -> bool) {
    let mut gone: Vec<String> = Vec::new();
    for (key, value) in table.iter_mut() {
        if !keep(key.get_ref(), key.span(), value) {
            gone.push(key.get_ref().to_string());
        }
    }
    for key in gone {
        table.remove(key.as_str());
    }
}

fn whole_number(whole: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(whole.as_str(), whole.radix()).ok()
}

fn number(value: &Value<'_>) -> Option<f64> {
    f64::deserialize(value.clone().into_deserializer()).ok()
}

fn takes(kind: &ValueKind, value: &DeValue<'_>) -> bool {
    match kind {
        ValueKind::Text | ValueKind::Name | ValueKind::Variable | ValueKind::Model | ValueKind::Duration | ValueKind::Word(_) => {
            value.is_str()
        }
        ValueKind::Flag => value.is_bool(),
        ValueKind::Whole { .. } => value.is_integer(),
        ValueKind::Number { .. } | ValueKind::Nominal => value.is_integer() || value.is_float(),
        ValueKind::Money { .. } => value.is_str() || value.is_integer() || value.is_float(),
        ValueKind::List(_) => value.is_array(),
        ValueKind::Table | ValueKind::Names(_) | ValueKind::Provider | ValueKind::Rule => value.is_table(),
        ValueKind::Signal => value.is_str() || value.is_table(),
        ValueKind::Either(kinds) => kinds.iter().any(|one| takes(&one.kind(), value)),
        ValueKind::Json => true,
    }
}

fn type_name(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn bounds(min: i64, max: i64) -> String {
    match (min, max) {
        (min, max) if min == max => format!("{min}"),
        (i64::MIN, i64::MAX) => "a whole number of 64 bits".into(),
        (min, i64::MAX) => format!("at least {min}"),
        (min, max) => format!("from {min} to {max}"),
    }
}

fn variable(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}
