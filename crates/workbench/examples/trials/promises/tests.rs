//! Every mode in which something is promised, and every planted loss, in a few draws.

use super::run::draws;
use super::{modes, people, plants};

const DRAWS: u64 = 16;

#[test]
fn no_mode_breaks_its_promise_or_makes_one_that_it_cannot_keep() {
    let mut wrong = Vec::new();
    for mode in modes::all().into_iter().chain(people::all()).chain(plants::all()) {
        let count = draws(&mode, DRAWS, 9).unwrap();
        let (low, high) = count.bounds(0.95);
        println!(
            "{:<34} {:>3} certified, broken {:.2} ({low:.2} to {high:.2}), {:>3} refused of {DRAWS}: {}",
            mode.name,
            count.certified,
            count.rate(),
            count.refused,
            count.why
        );
        if !count.is_as_expected(&mode) {
            wrong.push(mode.name);
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
