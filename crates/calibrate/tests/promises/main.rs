//! Every mode in which something is promised, and every planted loss, in a few draws. The whole of it is the example of the same name.

#[path = "../../examples/promises/line.rs"]
mod line;
#[path = "../../examples/promises/modes.rs"]
mod modes;
#[path = "../../examples/promises/people.rs"]
mod people;
#[path = "../../examples/promises/plants.rs"]
mod plants;
#[path = "../../examples/promises/run.rs"]
mod run;
#[path = "../../examples/promises/truth.rs"]
mod truth;
#[path = "../../examples/promises/world.rs"]
mod world;

use crate::run::draws;

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
