//! The line that a reply opens with, in a text that grows.

use std::ops::Range;

use super::text::is_break;
use crate::said::{LONGEST_TAG, next_tag};

/// How far a reply was searched for its first line that is not blank, behind the reasoning that stands before it. A closing tag
/// that nothing opened is part of the text, so that what follows the line never changes which one it is.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::signal) struct Opening {
    /// How many tags of reasoning are open.
    depth: usize,
    /// Where the line begins, if there is no more to skip.
    start: usize,
    /// Up to here there is no break of the line, and no tag.
    searched: usize,
}

impl Opening {
    /// The line, without its break, once it is there. `ended`: the reply will not go on. Each call is given what the one before
    /// was, and what has come since.
    pub(in crate::signal) fn line(&mut self, reply: &str, ended: bool) -> Option<Range<usize>> {
        loop {
            if self.depth > 0 {
                let Some(tag) = next_tag(reply, self.searched) else {
                    self.searched = reply.floor_char_boundary(reply.len().saturating_sub(LONGEST_TAG)).max(self.searched);
                    return None;
                };
                self.depth = if tag.closes { self.depth - 1 } else { self.depth + 1 };
                (self.start, self.searched) = (tag.span.end, tag.span.end);
                continue;
            }
            let rest = &reply[self.start..];
            self.start += rest.len() - rest.trim_start().len();
            // A tag may have come in part.
            let head = &reply[..reply.floor_char_boundary(self.start + LONGEST_TAG)];
            if let Some(tag) = next_tag(head, self.start).filter(|tag| tag.span.start == self.start && !tag.closes) {
                (self.depth, self.searched) = (1, tag.span.end);
                continue;
            }
            let from = self.searched.max(self.start);
            let end = reply[from..].find(is_break).map(|at| from + at);
            self.searched = reply.len();
            return end.or_else(|| (ended && self.start < reply.len()).then_some(reply.len())).map(|end| self.start..end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(reply: &str) -> Option<&str> {
        Opening::default().line(reply, true).map(|span| &reply[span])
    }

    #[test]
    fn the_first_line_that_is_no_reasoning() {
        assert_eq!(line("Confidence: 90\nParis"), Some("Confidence: 90"));
        assert_eq!(line("\n \r\nParis\r\nConfidence: 90"), Some("Paris"));
        assert_eq!(line("<think>Confidence: 10\n</think>\n<think>b<think></think></think> Paris"), Some("Paris"));
        assert_eq!(line("Paris <think>is it?\n</think>"), Some("Paris <think>is it?"));
        assert_eq!(line("</think>Paris\n"), Some("</think>Paris"));
        for none in ["", " \n", "<think>Confidence: 10\n", "<think>a<think></think>\nParis"] {
            assert_eq!(line(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn it_is_found_as_soon_as_it_has_ended_and_never_another(
            pieces in proptest::collection::vec(
                proptest::sample::select(vec!["<th", "ink>", "</thi", "nk>", "<think>", "</think>", "é", " ", "\n", "京a", "[THINK]"]), 0..12,
            )
        ) {
            let (mut reply, mut opening, mut found) = (String::new(), Opening::default(), None);
            for piece in &pieces {
                reply += piece;
                found = found.or_else(|| opening.line(&reply, false).map(|span| reply[span].to_owned()));
            }
            let whole = line(&reply);
            prop_assert!(found.is_none() || found.as_deref() == whole);
            let found = found.or_else(|| opening.line(&reply, true).map(|span| reply[span].to_owned()));
            prop_assert_eq!(found.as_deref(), whole);
        }
    }
}
