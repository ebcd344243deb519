//! A rating that is a member of a JSON object.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::text::is_break;
use super::{NoRating, Parts, Rating, RatingParser, Rest, Rule, number, same, without};
use crate::said::{begin, thoughts};
use crate::signal::json::{find, place};
use crate::signal::lenient::{self, Member};

/// The name under which our own form has the answer.
pub(in crate::signal) const ANSWER: &str = "answer";

impl RatingParser {
    /// The rating of the object that a reply is, and the object's answer; `None` where no object has the field.
    ///
    /// An object with an answer is our own form: its answer is what is left. Any other one is the client's, and loses the
    /// member. What is no JSON is read where it can mean only one thing. Beside our own form a reply may have lines that lead up
    /// to it, and a note at its end; whatever else is said beside an object may take it back, and then nothing is read.
    /// Reasoning before it is not said.
    pub(super) fn object(&self, reply: &str) -> Option<Parts> {
        let begins_with_it = reply.trim_start().starts_with(['{', '`']);
        let from = if begins_with_it { 0 } else { begin(reply, &thoughts(reply)) };
        let strict = find(&reply[from..]).map(|object| place(reply, object));
        if let Some(span) = strict
            && let Some(members) = lenient::strict(reply, span.clone()).filter(|members| self.rates(members))
        {
            return Some(self.parts(reply, from, &span, &members, Rule::JsonField));
        }
        match lenient::objects(reply, from).find(|object| self.rates(&object.members)) {
            Some(object) => Some(self.parts(reply, from, &object.span, &object.members, Rule::MendedField)),
            // A reply that speaks of the field inside braces is a broken object, and no text.
            None => self.in_braces(reply).then_some(Parts { rating: Err(NoRating::Unclear), rest: None }),
        }
    }

    fn rates(&self, members: &[Member<'_>]) -> bool {
        members.iter().any(|member| self.is_field(member))
    }

    fn is_field(&self, member: &Member<'_>) -> bool {
        member.name.to_lowercase() == self.field
    }

    fn in_braces(&self, reply: &str) -> bool {
        self.mentions.in_text(reply, true).iter().any(|mention| mention.in_braces)
    }

    fn parts(&self, reply: &str, from: usize, span: &Range<usize>, members: &[Member<'_>], rule: Rule) -> Parts {
        let before = &reply[from..span.start];
        let only_rates = members.iter().all(|member| self.is_field(member));
        let behind = &reply[span.end..];
        let is_own = || members.iter().any(|member| member.name.to_lowercase() == ANSWER && !self.is_field(member));
        let rest = if is_whole(before, behind) || (is_own() && is_last_word(before, behind) && !self.rates_beside(before, behind))
        {
            self.rest(reply, members, rule)
        } else if only_rates {
            // The rating alone, as the last line of a text.
            match alone(reply, span).filter(|line| reply[line.end..].trim().is_empty()) {
                Some(_) if self.rates_otherwise(before, members) => Err(NoRating::Contradictory),
                Some(line) => Ok(Rest::of(reply, without(reply, &line))),
                None => Err(NoRating::Unclear),
            }
        } else {
            Err(NoRating::Unclear)
        };
        match rest {
            // What the answer is, nobody knows: then its rating is of no use.
            Err(why) => Parts { rating: Err(why), rest: None },
            Ok(rest) => {
                let rating = self.agreed(members).map(|(value, span)| Rating { value, rule, span });
                Parts { rating, rest: Some(rest) }
            }
        }
    }

    /// What all members of that name say.
    fn agreed(&self, members: &[Member<'_>]) -> Result<(f64, Range<usize>), NoRating> {
        let mut known: Option<(f64, Range<usize>)> = None;
        for member in members.iter().filter(|member| self.is_field(member)) {
            let value = self.number(member.value.text().as_deref().unwrap_or_default());
            match (&known, value) {
                (None, Err(why)) => return Err(why),
                (None, Ok(value)) => known = Some((value, member.place.clone())),
                (Some((first, _)), Ok(value)) if same(*first, value) => {}
                (Some(_), _) => return Err(NoRating::Contradictory),
            }
        }
        known.ok_or(NoRating::Missing)
    }

    /// Whether an object or a clause in `before` says another number: models correct themselves.
    fn rates_otherwise(&self, before: &str, members: &[Member<'_>]) -> bool {
        let rating = self.agreed(members).map(|(value, _)| value);
        lenient::objects(before, 0).any(|object| self.rates(&object.members))
            || super::contradicted(&self.mentions.in_text(before, false), rating)
    }

    /// Whether another object rates something, too: models draft, and correct themselves.
    fn rates_beside(&self, before: &str, behind: &str) -> bool {
        let rates = |text: &str| lenient::objects(text, 0).any(|object| self.rates(&object.members));
        rates(before) || rates(behind)
    }

    /// A member's value as a rating: nothing but a number and its unit.
    fn number(&self, text: &str) -> Result<f64, NoRating> {
        let found = number::value(text, self.scale);
        match found.rating {
            Ok(_) if !text[found.span.end..].trim().is_empty() => Err(NoRating::NotANumber),
            rating => rating,
        }
    }

    fn rest(&self, reply: &str, members: &[Member<'_>], rule: Rule) -> Result<Rest, NoRating> {
        let is_answer = |member: &&Member<'_>| member.name.to_lowercase() == ANSWER && !self.is_field(member);
        let mut answers = members.iter().filter(is_answer);
        if let Some(answer) = answers.next() {
            let text = answer.value.text().ok_or(NoRating::Unclear)?;
            if answers.any(|other| other.value.text().as_ref() != Some(&text)) {
                return Err(NoRating::Contradictory);
            }
            return Ok(Rest { text: text.into_owned(), kept: vec![answer.place.clone()] });
        }
        let others: Vec<&Member<'_>> = members.iter().filter(|member| !self.is_field(member)).collect();
        if members.iter().any(|member| self.is_field(member) && member.value.text().is_none()) {
            return Err(NoRating::Unclear);
        }
        if others.is_empty() {
            return Ok(Rest::of(reply, Vec::new()));
        }
        if rule == Rule::MendedField {
            return Err(NoRating::Unclear);
        }
        // Of the client's own form every member but the rating stays as it was written.
        let opening = 0..members[0].span.start;
        let mut kept = vec![opening];
        for (at, member) in members.iter().enumerate().filter(|(_, member)| !self.is_field(member)) {
            // With the comma before it, unless it comes first now.
            let first = std::ptr::eq(member, others[0]);
            kept.push(if first { member.span.clone() } else { members[at - 1].span.end..member.span.end });
        }
        kept.push(members[members.len() - 1].span.end..reply.len());
        kept.retain(|span| !span.is_empty());
        Ok(Rest::of(reply, kept))
    }
}

/// Whether an object is all that a reply says: what stands around it is a code fence, or a word that says that an answer
/// follows.
fn is_whole(before: &str, behind: &str) -> bool {
    static LABEL: LazyLock<Regex> = LazyLock::new(|| {
        let label =
            r"(?i)^[\s\u{feff}*_#]*(?:(?:(?:final|my)\s+)?(?:answer|response|reply|output|result|json)[*_]*\s*:[\s*_]*)?$";
        Regex::new(label).expect("a fixed pattern")
    });
    let (label, fenced) = match opening(before) {
        Some(start) => (&before[..start], true),
        None => (before, false),
    };
    let behind = behind.trim();
    LABEL.is_match(label) && (behind.is_empty() || (fenced && behind == "```"))
}

/// Whether an object stands on lines of its own at the end of a reply, but for a note: what leads up to it is no answer yet, and
/// a note is about it.
fn is_last_word(before: &str, behind: &str) -> bool {
    static NOTE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?i)^[\s*_(]*note[*_]*\s*:").expect("a fixed pattern"));
    static LABELLED: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"(?i)^\s*response\s*:\s*$").expect("a fixed pattern"));
    let (lead, fenced) = match opening(before) {
        Some(start) => (&before[..start], true),
        None => (before, false),
    };
    let last_line = lead.rsplit(is_break).next().unwrap_or_default();
    let own_line = last_line.trim().is_empty() || LABELLED.is_match(last_line);
    let ends = behind.split(is_break).next().is_some_and(|line| line.trim().trim_start_matches("```").is_empty());
    let note = behind.trim_start().strip_prefix("```").filter(|_| fenced).unwrap_or(behind);
    own_line && ends && (note.trim().is_empty() || NOTE.is_match(note))
}

/// Where the code fence begins that opens directly behind a text.
fn opening(before: &str) -> Option<usize> {
    let before = before.trim_end();
    before.rfind("```").filter(|at| before[at + 3..].chars().all(char::is_alphanumeric))
}

/// The place of an object that holds nothing but the rating, with its code fence; `None` where it is part of a sentence.
fn alone(reply: &str, span: &Range<usize>) -> Option<Range<usize>> {
    let (before, behind) = (&reply[..span.start], &reply[span.end..]);
    if let Some(start) = opening(before)
        && behind.trim_start().starts_with("```")
    {
        let end = reply.len() - behind.trim_start().len() + 3;
        return Some(start..end);
    }
    let own_line = before.rsplit(is_break).next().is_some_and(|line| line.trim().is_empty())
        && behind.split(is_break).next().is_some_and(|line| line.trim().is_empty());
    own_line.then(|| span.clone())
}
