//! Whether a pattern is found in a text that grows. Each byte is looked at once, and what was found stays found.

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
        Some(Search { cache, state })
    }

    /// Searches the next piece. `Ok` says whether the pattern is in any text that goes on like this, where that is certain; `Err`
    /// that nothing more can be said of this text.
    pub(super) fn piece(&self, search: &mut Search, piece: &str) -> Result<Option<bool>, ()> {
        let automaton = self.0.as_ref().ok_or(())?;
        for byte in piece.bytes() {
            let state = automaton.next_state(&mut search.cache, search.state, byte).map_err(drop)?;
            if state.is_tagged() {
                match (state.is_match(), state.is_dead(), state.is_quit()) {
                    // One byte later than it ended: what had to stand behind it stands there.
                    (true, _, _) => return Ok(Some(true)),
                    (_, true, _) => return Ok(Some(false)),
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
    fn known(pattern: &str, text: &str) -> Option<(usize, bool)> {
        let searcher = Searcher::new(&Regex::new(pattern).unwrap());
        let mut search = searcher.begin()?;
        for (at, c) in text.chars().enumerate() {
            if let Some(found) = searcher.piece(&mut search, c.encode_utf8(&mut [0; 4])).ok()? {
                return Some((at + 1, found));
            }
        }
        None
    }

    #[test]
    fn what_is_certain_is_known_one_character_later() {
        assert_eq!(known("lorem", "a lorem ipsum"), Some((8, true)));
        assert_eq!(known("^[A-D]$", "The answer"), Some((1, false)));
        assert_eq!(known("^[A-D]$", "Bx"), Some((2, false)));
        assert_eq!(known("^[A-D]$", "B"), None, "the text may go on");
        assert_eq!(known("a$", "a a a"), None);
        assert_eq!(known(r"a\b", "ab a "), Some((5, true)));
        assert_eq!(known(r"a\b", "aé a "), None, "beyond ASCII nothing is said of words");
        assert_eq!(known("x*", "abc"), None);
    }

    proptest! {
        #[test]
        fn what_is_known_of_a_piece_holds_for_the_whole(
            pattern in proptest::sample::select(vec![
                "a", "^a", "a$", "(?m)^b$", r"\bab\b", r"a\B", "a.b", "(?s)a.*b", "^[ab]+$", "a{2,3}c", "(?i)É", "(?x) a b # c", "é|ü", r"(?mR)a$",
                r"\Aa|b\z", r"(?-u:\b)a(?-u:\b)", "[^a]b", "",
            ]),
            text in "[abcé\r\n ]{0,10}",
        ) {
            if let Some((at, found)) = known(pattern, &text) {
                let begun: String = text.chars().take(at).collect();
                let pattern = Regex::new(pattern).unwrap();
                for rest in ["", "a", "b", "\n", "é", " ab", &text] {
                    prop_assert_eq!(pattern.is_match(&format!("{begun}{rest}")), found, "{:?} and {:?}", begun, rest);
                }
            }
        }
    }
}
