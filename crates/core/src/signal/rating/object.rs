//! A rating that is a member of a JSON object.

use std::ops::Range;

use super::text::{is_break, is_in_braces};
use super::{NoRating, Parts, Rating, RatingParser, Rest, Rule, number, same, without};
use crate::signal::json::{find, place};
use crate::signal::lenient::{self, Member};

/// The name under which our own form has the answer.
pub(in crate::signal) const ANSWER: &str = "answer";

impl RatingParser {
    /// The rating of the object in a reply, and the object's answer; `None` where no object has the field.
    ///
    /// An object with an answer is our own form: its answer is what is left. Any other one is the client's, and loses the
    /// member. What is no JSON is read where it can mean only one thing.
    pub(super) fn object(&self, reply: &str) -> Option<Parts> {
        let strict = find(reply).map(|object| place(reply, object));
        if let Some(span) = strict
            && let Some(members) = lenient::strict(reply, span.clone()).filter(|members| self.rates(members))
        {
            return Some(self.parts(reply, &span, &members, Rule::JsonField));
        }
        match lenient::objects(reply).find(|object| self.rates(&object.members)) {
            Some(object) => Some(self.parts(reply, &object.span, &object.members, Rule::MendedField)),
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
        self.mentions.in_text(reply, true).iter().any(|mention| is_in_braces(reply, mention.span.start))
    }

    fn parts(&self, reply: &str, span: &Range<usize>, members: &[Member<'_>], rule: Rule) -> Parts {
        let rating = self.agreed(reply, span, members).map(|(value, span)| Rating { value, rule, span });
        match self.rest(reply, span, members, rule) {
            // What the answer is, nobody knows: then its rating is of no use.
            Err(why) => Parts { rating: Err(why), rest: None },
            Ok(rest) => Parts { rating, rest },
        }
    }

    /// What all members of that name say; and models correct themselves: what stands around the object must not rate
    /// otherwise.
    fn agreed(&self, reply: &str, span: &Range<usize>, members: &[Member<'_>]) -> Result<(f64, Range<usize>), NoRating> {
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
        let (value, place) = known.ok_or(NoRating::Missing)?;
        for around in [&reply[..span.start], &reply[span.end..]] {
            match super::agreed(&self.mentions.in_text(around, true)) {
                Ok(other) if !same(other.value, value) => return Err(NoRating::Contradictory),
                Err(NoRating::Contradictory) => return Err(NoRating::Contradictory),
                _ => {}
            }
        }
        Ok((value, place))
    }

    /// A member's value as a rating: nothing but a number and its unit.
    fn number(&self, text: &str) -> Result<f64, NoRating> {
        let found = number::value(text, self.scale);
        match found.rating {
            Ok(_) if !text[found.span.end..].trim().is_empty() => Err(NoRating::NotANumber),
            rating => rating,
        }
    }

    fn rest(&self, reply: &str, span: &Range<usize>, members: &[Member<'_>], rule: Rule) -> Result<Option<Rest>, NoRating> {
        let is_answer = |member: &&Member<'_>| member.name.to_lowercase() == ANSWER && !self.is_field(member);
        let mut answers = members.iter().filter(is_answer);
        if let Some(answer) = answers.next() {
            let text = answer.value.text().ok_or(NoRating::Unclear)?;
            let differs = |other: &Member<'_>| other.value.text().as_ref() != Some(&text);
            let around = [&reply[..span.start], &reply[span.end..]];
            let elsewhere =
                |part: &str| lenient::objects(part).any(|object| object.members.iter().filter(is_answer).any(differs));
            if answers.any(differs) || around.into_iter().any(elsewhere) {
                return Err(NoRating::Contradictory);
            }
            return Ok(Some(Rest { text: text.into_owned(), kept: vec![answer.place.clone()] }));
        }
        let others: Vec<&Member<'_>> = members.iter().filter(|member| !self.is_field(member)).collect();
        if members.iter().any(|member| self.is_field(member) && member.value.text().is_none()) {
            return Err(NoRating::Unclear);
        }
        if others.is_empty() {
            return Ok(alone(reply, span).map(|span| Rest::of(reply, without(reply, &[span]))));
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
        Ok(Some(Rest::of(reply, kept)))
    }
}

/// The place of an object that holds nothing but the rating, with its code fence; `None` where it is part of a sentence.
fn alone(reply: &str, span: &Range<usize>) -> Option<Range<usize>> {
    let (before, behind) = (&reply[..span.start], &reply[span.end..]);
    let opening = before.trim_end();
    let fence = opening.rfind("```").filter(|at| opening[at + 3..].chars().all(char::is_alphanumeric));
    if let Some(start) = fence
        && behind.trim_start().starts_with("```")
    {
        let end = reply.len() - behind.trim_start().len() + 3;
        return Some(start..end);
    }
    let own_line = before.rsplit(is_break).next().is_some_and(|line| line.trim().is_empty())
        && behind.split(is_break).next().is_some_and(|line| line.trim().is_empty());
    own_line.then(|| span.clone())
}
