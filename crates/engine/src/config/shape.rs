//! What a cascade file may hold, as data: the parser checks against it, the JSON Schema and the reference are written
//! from it.

/// A table of known keys.
#[derive(Debug)]
pub(crate) struct Shape {
    /// What diagnostics call it: "a tier".
    pub(crate) title: &'static str,
    /// What it is for, in one sentence.
    pub(crate) about: &'static str,
    /// Its keys.
    pub(crate) keys: &'static [Key],
    /// Which of its keys go together.
    pub(crate) rule: Together,
}

/// Which keys of a table go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Together {
    /// Each for itself.
    Any,
    /// Exactly one key.
    One,
    /// At least one of these.
    Some(&'static [&'static str]),
}

/// One key.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) need: Need,
    /// What it means, in one sentence.
    pub(crate) about: &'static str,
}

/// Whether a key must be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Required,
    Optional,
    /// Optional, and this is in force without it; written as TOML.
    Default(&'static str),
}

/// What a value may be.
#[derive(Debug)]
pub(crate) enum Kind {
    /// A text that is not empty.
    Text,
    /// A name: letters, digits, `-`, `_` and `.`.
    Name,
    /// The name of an environment variable.
    Variable,
    /// `provider/model`.
    Model,
    /// `true` or `false`.
    Flag,
    /// A whole number, bounds included.
    Whole { min: i64, max: i64 },
    /// A finite number, bounds included.
    Number { min: f64, max: f64 },
    /// A number on a signal's nominal scale, from 0 to 1; its gate checks it, knowing the signal.
    Nominal,
    /// Any number but NaN, ±infinity included.
    Score,
    /// `"30s"`.
    Duration,
    /// US dollars as a decimal text or a number, exact to this many places.
    Money { places: u32 },
    /// One of these words.
    Word(&'static [&'static str]),
    /// A list.
    List(&'static Kind),
    /// A table of known keys.
    Table(&'static Shape),
    /// A table of free names.
    Names(&'static Kind),
    /// One of these, told apart by their TOML types.
    Either(&'static [Kind]),
    /// Anything that JSON can say.
    Json,
    /// A provider: one key, its kind.
    Provider,
    /// A signal: its name, or one key, its name, with its options.
    Signal,
    /// A condition: these keys, and one key more, its kind.
    Rule(&'static Shape),
}

impl Kind {
    /// What a value should have been, for "expected …".
    pub(crate) fn expected(&self) -> String {
        match self {
            Self::Text | Self::Model => "a text".into(),
            Self::Name => "a name".into(),
            Self::Variable => "the name of an environment variable".into(),
            Self::Flag => "true or false".into(),
            Self::Whole { .. } => "a whole number".into(),
            Self::Number { .. } | Self::Nominal | Self::Score => "a number".into(),
            Self::Duration => "a duration like \"30s\"".into(),
            Self::Money { .. } => "an amount of money like \"0.04\"".into(),
            Self::Word(words) => words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" or "),
            Self::List(of) => format!("a list, each {}", of.expected()),
            Self::Table(shape) => match (shape.rule, shape.keys) {
                (Together::One, [only]) => format!("{{ {} = … }}", only.name),
                (Together::One, keys) => {
                    keys.iter().map(|key| format!("{{ {} = … }}", key.name)).collect::<Vec<_>>().join(" or ")
                }
                (Together::Any | Together::Some(_), _) => format!("a table ({})", shape.title),
            },
            Self::Names(_) => "a table of names".into(),
            Self::Either(kinds) => kinds.iter().map(Self::expected).collect::<Vec<_>>().join(", or "),
            Self::Json => "a value that JSON can say".into(),
            Self::Provider => "a table with the provider's kind as its key".into(),
            Self::Signal => "a signal's name, or { name = { … } }".into(),
            Self::Rule(shape) => format!("a table ({})", shape.title),
        }
    }
}

/// Whether a range begins just above zero: its bound is the least positive number.
pub(crate) fn is_open(min: f64) -> bool {
    min.to_bits() == f64::MIN_POSITIVE.to_bits()
}

/// A range of numbers in words.
pub(crate) fn range(min: f64, max: f64) -> String {
    if is_open(min) { format!("above 0 and at most {max}") } else { format!("from {min} to {max}") }
}
