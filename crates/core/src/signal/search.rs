//! Whether a pattern is found in a text that grows, and whether where it is found can still change. Each byte is looked at once, and
//! what was found stays found.

use regex::Regex;
use regex_automata::hybrid::LazyStateID;
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::{Anchored, Input};

/// A pattern as an automaton; `None` where there is none for it.
#[derive(Debug)]
pub(super) struct Searcher(Option<Box<DFA>>);

/// How far one text was searched.
#[derive(Debug)]
pub(super) struct Search {
    cache: Cache,
    state: LazyStateID,
    /// The pattern is in the text, and there may be more of it.
    found: bool,
}

/// What a search is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Until {
    /// Whether there is a match.
    Found,
    /// Where the first match begins and ends.
    Fixed,
}

impl Searcher {
    pub(super) fn new(pattern: &Regex) -> Self {
        // What an automaton says of Unicode's word boundaries ends at the first character beyond ASCII.
        let config = DFA::config().unicode_word_boundary(true);
        let automaton = DFA::builder().configure(config).build(pattern.as_str()).ok();
        // It may see an empty match inside a character, where `Regex` sees none.
        Self(automaton.filter(|automaton| !automaton.get_nfa().has_empty()).map(Box::new))
    }

    /// Whether texts can be searched piece by piece.
    pub(super) fn is_able(&self) -> bool {
        self.0.is_some()
    }

    /// The search of a text of which nothing has come.
    pub(super) fn begin(&self) -> Option<Search> {
        let automaton = self.0.as_ref()?;
        let mut cache = automaton.create_cache();
        // A pattern that can only be found at the start is soon known not to be.
        let anchored = if automaton.get_nfa().is_always_start_anchored() { Anchored::Yes } else { Anchored::No };
        let state = automaton.start_state_forward(&mut cache, &Input::new("").anchored(anchored)).ok()?;
        Some(Search { cache, state, found: false })
    }

    /// Searches the next piece. `Ok` says whether the pattern is in any text that goes on like this, where that is certain, and with
    /// [`Until::Fixed`] where its first match is, too; `Err` that nothing more can be said of this text.
    pub(super) fn piece(&self, search: &mut Search, piece: &str, until: Until) -> Result<Option<bool>, ()> {
        let automaton = self.0.as_ref().ok_or(())?;
        for byte in piece.bytes() {
            let state = automaton.next_state(&mut search.cache, search.state, byte).map_err(drop)?;
            if state.is_tagged() {
                match (state.is_match(), state.is_dead(), state.is_quit()) {
                    // One byte later than it ended: what had to stand behind it stands there.
                    (true, _, _) if until == Until::Found => return Ok(Some(true)),
                    (true, _, _) => search.found = true,
                    (_, true, _) => return Ok(Some(search.found)),
                    (_, _, true) => return Err(()),
                    _ => {}
                }
            }
            search.state = state;
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// After how many characters it is known whether the pattern is in the text.
    fn known(pattern: &str, text: &str, until: Until) -> Option<(usize, bool)> {
        let searcher = Searcher::new(&Regex::new(pattern).unwrap());
        let mut search = searcher.begin()?;
        for (at, c) in text.chars().enumerate() {
            if let Some(found) = searcher.piece(&mut search, c.encode_utf8(&mut [0; 4]), until).ok()? {
                return Some((at + 1, found));
            }
        }
        None
    }

    #[test]
    fn what_is_certain_is_known_one_character_later() {
        assert_eq!(known("lorem", "a lorem ipsum", Until::Found), Some((8, true)));
        assert_eq!(known("^[A-D]$", "The answer", Until::Found), Some((1, false)));
        assert_eq!(known("^[A-D]$", "Bx", Until::Found), Some((2, false)));
        assert_eq!(known("^[A-D]$", "B", Until::Found), None, "the text may go on");
        assert_eq!(known("a$", "a a a", Until::Found), None);
        assert_eq!(known(r"a\b", "ab a ", Until::Found), Some((5, true)));
        assert_eq!(known(r"a\b", "aé a ", Until::Found), None, "beyond ASCII nothing is said of words");
        assert_eq!(known("x*", "abc", Until::Found), None);
    }

    proptest! {
        #[test]
        fn what_is_known_of_a_piece_holds_for_the_whole(
            pattern in proptest::sample::select(vec![
                "a", "^a", "a$", "(?m)^b$", r"\bab\b", r"a\B", "a.b", "(?s)a.*b", "^[ab]+$", "a{2,3}c", "(?i)É", "(?x) a b # c", "é|ü", r"(?mR)a$",
                r"\Aa|b\z", r"(?-u:\b)a(?-u:\b)", "[^a]b", "", "a+b?", "a+?(b|c$)", "(a|ab)(c|bcd)?", "(?s)a.*?(b+)", r"(?m)^(a+)$",
            ]),
            text in "[abcé\r\n ]{0,10}",
        ) {
            let regex = Regex::new(pattern).unwrap();
            for until in [Until::Found, Until::Fixed] {
                let Some((at, found)) = known(pattern, &text, until) else { continue };
                let begun: String = text.chars().take(at).collect();
                let span = |text: &str| regex.captures(text).map(|found| (found.get(0).unwrap().range(), found.iter().last().flatten().map(|group| group.range())));
                for rest in ["", "a", "b", "\n", "é", " ab", &text] {
                    let whole = format!("{begun}{rest}");
                    prop_assert_eq!(regex.is_match(&whole), found, "{:?} and {:?}", begun, rest);
                    prop_assert!(until == Until::Found || span(&whole) == span(&begun), "{:?} and {:?}", begun, rest);
                }
            }
        }
    }
}
