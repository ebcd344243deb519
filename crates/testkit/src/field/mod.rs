//! How servers in the field really answer: one entry a behaviour, with what is right.
//!
//! Every behaviour is one of the tier `small` of a cascade of two tiers: its gate takes `mean-logprob` from 0.8, a million of its tokens
//! cost 1 and 2 dollars, and everything else is the default. [`good`] is what a plain server would have said.

mod answers;
mod behaviour;
mod bodies;
mod evidence;
mod failures;
mod money;
mod streams;

pub use behaviour::{Behaviour, Right, good};

/// All behaviours.
pub fn all() -> Vec<Behaviour> {
    [answers::all(), evidence::all(), money::all(), failures::all(), bodies::all(), streams::all()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_field_is_wide_and_every_behaviour_has_a_name_of_its_own() {
        let all = all();
        assert!(all.len() >= 80, "{}", all.len());
        for (at, one) in all.iter().enumerate() {
            assert!(!all[..at].iter().any(|other| other.name == one.name), "{} is there twice", one.name);
            assert!(!one.who.is_empty(), "{}", one.name);
            assert!(!one.whole.is_empty() || !one.streamed.is_empty(), "{}", one.name);
        }
    }
}
