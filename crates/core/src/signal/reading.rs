//! What a signal reads in an answer: a score, or why there is none.

use crate::number::Score;

crate::words! {
    /// Why a signal has nothing to read. Absent is absent: no signal ever invents a number.
    #[non_exhaustive]
    pub enum Abstain {
        /// The provider gave no log-probabilities.
        NoLogprobs = "no-logprobs",
        /// No token is left after the token filter.
        NoTokens = "no-tokens",
        /// A log-probability that is NaN, positive, or a "not in the top" sentinel where the formula needs a number.
        InvalidLogprob = "invalid-logprob",
        /// Too few alternatives a token.
        NoAlternatives = "no-alternatives",
        /// The tokens do not line up with the part of the text that was asked for.
        Unaligned = "unaligned",
        /// The marker, pointer or pattern that selects the tokens was not found.
        NoSpan = "no-span",
        /// The declared choices hold too little of the probability.
        LowCoverage = "low-coverage",
        /// There is no self-rating, or none that can be read without guessing.
        Unparsable = "unparsable",
        /// The self-rating is outside its declared scale.
        OutOfScale = "out-of-scale",
        /// Fewer samples than the formula needs.
        TooFewSamples = "too-few-samples",
        /// The probe was not answered.
        ProbeFailed = "probe-failed",
        /// The probe would go to a tier that a rule does not let see the request.
        NotAllowed = "not-allowed",
        /// The answer is empty.
        EmptyAnswer = "empty-answer",
        /// The formula gave no real number.
        NotANumber = "not-a-number",
        /// The signal's code panicked.
        Panicked = "panicked",
    }
}

impl Abstain {
    /// Whether what the signal reads was not there, as where a provider gives none: nothing that the model might say would change that.
    pub fn is_lack(self) -> bool {
        matches!(self, Self::NoLogprobs | Self::NoAlternatives | Self::TooFewSamples | Self::ProbeFailed)
    }
}

/// A score, or why there is none.
pub type Reading = Result<Score, Abstain>;
