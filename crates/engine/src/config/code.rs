//! Every kind of problem that a cascade file can have. The reference lists them.

use serde::{Serialize, Serializer};

/// A kind of problem: `C012` and what it means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Code {
    /// The code in messages.
    pub id: &'static str,
    /// What it means, for the reference.
    pub about: &'static str,
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id)
    }
}

macro_rules! codes {
    ($($name:ident = $id:literal, $about:literal;)+) => {
        impl Code {
            $(pub(crate) const $name: Self = Self { id: $id, about: $about };)+
            /// Every code, in order.
            pub(crate) const ALL: &'static [Self] = &[$(Self::$name),+];
        }
    };
}

codes! {
    SYNTAX = "C001", "The file is not valid TOML.";
    UNKNOWN_KEY = "C002", "A key that nothing reads.";
    MISSING_KEY = "C003", "A required key is absent.";
    WRONG_TYPE = "C004", "A value of another type than the key takes.";
    BAD_VALUE = "C005", "A value outside what the key allows.";
    VERSION = "C006", "A file version that this program does not read.";
    ONE_OF = "C007", "Exactly one of several keys must be given.";
    UNREADABLE = "C008", "The cascade file, or a file that it names, cannot be read.";
    BAD_CONTENT = "C009", "A file that the cascade names holds something else than it should.";
    BAD_NAME = "C010", "A name that cannot be used.";
    DUPLICATE_NAME = "C011", "Two things share a name.";
    UNKNOWN_PROVIDER = "C012", "A tier's model is at a provider that is not declared.";
    UNKNOWN_TIER = "C013", "A tier that is not there is referred to.";
    NO_TIERS = "C014", "There is no tier, or none with a model.";
    UNGATED = "C015", "A tier before the last has no gate, so the tiers after it can never be reached.";
    LAST_IS_GATED = "C016", "The last tier has a gate, but nobody to escalate to.";
    HUMAN = "C017", "A human tier that is not the last, or has settings of a model.";
    MIXED_THRESHOLDS = "C018", "Some gates take their threshold from the fit and others have one of their own.";
    POLICY_UNDER_FIT = "C019", "A fit is made for a cascade that escalates after failed calls and abstentions, and the policy does otherwise.";
    UNKNOWN_SIGNAL = "C020", "A signal that does not exist.";
    BAD_SIGNAL = "C021", "Settings that a signal does not take.";
    NO_LOGPROBS = "C022", "A gate reads log-probabilities, which its tier's provider does not give.";
    TOO_FEW_ALTERNATIVES = "C023", "A gate reads more alternatives a token than its tier's provider gives.";
    NO_TEMPERATURE = "C024", "A gate compares several samples, but its tier samples at temperature 0: they would agree with themselves.";
    THRESHOLD_RANGE = "C025", "A threshold outside the scale of its signal.";
    NO_FIT = "C026", "A threshold is to come from a fit, and there is none.";
    NOT_A_VALIDATOR = "C027", "A required signal whose scores are not on [0, 1], where 0.5 is the pass mark.";
    BAD_FIT = "C028", "The fit is broken or was edited.";
    STALE_FIT = "C029", "The fit was made for something else: a model, its parameters or prompt, or a signal changed.";
    BAD_MONEY = "C030", "An amount of money that cannot be kept exactly.";
    BUDGET_WITHOUT_PRICE = "C031", "A budget needs the price of every tier.";
    BAD_DURATION = "C032", "A duration that cannot be read, or is zero.";
    BAD_RULE = "C040", "Settings that a rule does not take.";
    BAD_ROUTE = "C041", "Keys of a route that contradict each other.";
    UNKNOWN_POINT = "C042", "A rule names an operating point that the fit does not have.";
    SECRET = "C050", "A secret stands in the file.";
    BAD_URL = "C051", "A base URL that cannot be called.";
    BAD_HEADER = "C052", "A header that cannot be sent.";
    NOT_TRUSTED = "C053", "The file names a variable of the environment, or a file outside its folder, that it may not have.";
    UNUSED_PROVIDER = "C060", "Warning: a provider that no tier uses.";
    PRICE_ORDER = "C061", "Warning: a tier costs more than the one after it.";
    KEY_IN_CLEAR = "C062", "Warning: a key is sent unencrypted to another machine.";
    UNUSED_FIT = "C063", "Warning: a fit is named that no threshold comes from.";
    UNREADABLE_GATE = "C064", "Warning: under a rule a gate has nothing to read, since it asks a tier that may not see the request.";
    COMBINED_RULES = "C065", "Warning: two rules may hold for one request, which both together treat otherwise than the first alone. A file that was written for \"the first rule wins\" means something else.";
    TWO_POINTS = "C066", "Warning: two rules that may hold for one request name different operating points; the first one's is taken.";
    UNBOUNDED_BUDGET = "C067", "Warning: a budget counts the prompt alone of a tier whose generated tokens nothing limits.";
}

impl Code {
    /// Those of warnings.
    pub(crate) fn warnings() -> impl Iterator<Item = &'static str> {
        Self::ALL.iter().filter(|code| code.about.starts_with("Warning: ")).map(|code| code.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_sorted() {
        assert!(Code::ALL.windows(2).all(|pair| pair[0].id < pair[1].id));
    }
}
