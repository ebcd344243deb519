//! Draws of a mode: written to a file, read back, calibrated, and held against the population.

use std::io::Write;
use std::sync::Arc;

use rand::SeedableRng;
use rand::rngs::ChaCha8Rng;
use rayon::prelude::*;
use tierfall_calibrate::procedure::{Outcome, calibrate};
use tierfall_calibrate::stat::proportion;
use tierfall_core::fit::Status;
use tierfall_workbench::observations::{ReadOptions, read};

use super::line::chain;
use super::modes::{Expects, Mode};
use super::truth::held;
use super::world::World;

/// How a mode did.
#[derive(Clone, Debug, Default)]
pub(crate) struct Count {
    pub(crate) draws: u64,
    pub(crate) certified: u64,
    pub(crate) broken: u64,
    /// Promises that name no condition.
    pub(crate) bare: u64,
    pub(crate) refused: u64,
    /// Why it was refused the first time.
    pub(crate) why: String,
    pub(crate) saving: f64,
}

/// What one draw said.
enum Said {
    Refused(String),
    Nothing,
    Promised { broken: bool, bare: bool, saving: f64 },
}

impl Count {
    pub(crate) fn rate(&self) -> f64 {
        self.broken as f64 / self.draws as f64
    }

    /// Exact bounds of the rate.
    pub(crate) fn bounds(&self, confidence: f64) -> (f64, f64) {
        proportion::clopper_pearson(self.broken, self.draws, confidence)
    }

    /// Whether a promise is broken no more often than allowed, up to what one in a thousand such counts shows; or whether nothing was
    /// promised where nothing can be.
    pub(crate) fn is_as_expected(&self, mode: &Mode) -> bool {
        match mode.expects {
            Expects::Kept => self.certified > 0 && proportion::lower(self.broken, self.draws, 0.001) <= mode.delta,
            Expects::Conditional => self.certified > 0 && self.bare == 0,
            Expects::Nothing => self.certified == 0 && self.refused == 0,
            Expects::Refused => self.refused == self.draws,
        }
    }
}

/// All draws, in parallel; the result is the same on any number of cores.
pub(crate) fn draws(mode: &Mode, draws: u64, seed: u64) -> Result<Count, String> {
    let world = (mode.world)();
    let one = |draw: u64| one(mode, &world, seed << 32 | draw);
    let said: Vec<Said> = (0..draws).into_par_iter().map(one).collect::<Result<_, _>>()?;
    let mut count = Count { draws, ..Count::default() };
    for said in said {
        match said {
            Said::Refused(why) => {
                count.refused += 1;
                if count.why.is_empty() {
                    count.why = why;
                }
            }
            Said::Nothing => {}
            Said::Promised { broken, bare, saving } => {
                count.bare += u64::from(bare);
                count.certified += 1;
                count.broken += u64::from(broken);
                count.saving += saving;
            }
        }
    }
    Ok(count)
}

fn one(mode: &Mode, world: &World, seed: u64) -> Result<Said, String> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let text = (mode.rows)(world, mode.n, &mut rng);
    let mut file = tempfile::Builder::new().suffix(".jsonl").tempfile().map_err(|error| error.to_string())?;
    file.write_all(text.as_bytes()).map_err(|error| error.to_string())?;
    let names = chain(world[0].tiers.len());
    let mut options = ReadOptions::new(names.iter().map(|name| Arc::<str>::from(*name)));
    (mode.read)(&mut options);
    let mut observations = match read(&[file.path()], &options, &()) {
        Ok(read) => read.observations,
        Err(error) => return Ok(Said::Refused(without_path(&error.to_string(), file.path()))),
    };
    if let Some(heaviest) = mode.heaviest {
        observations.declare_heaviest(heaviest).map_err(|error| error.to_string())?;
    }
    let ask = (mode.ask)(world);
    match calibrate(&observations, 0, &ask, |_| {}) {
        Err(error) => Ok(Said::Refused(without_path(&error.to_string(), file.path()))),
        Ok(outcome) => Ok(judged(mode, world, &outcome)),
    }
}

/// The first words of an error, without the name of a temporary file.
fn without_path(error: &str, path: &std::path::Path) -> String {
    let text = error.replace(&*path.to_string_lossy(), "FILE");
    text.lines().take(2).map(str::trim).collect::<Vec<_>>().join(" ").chars().take(110).collect()
}

/// All points that are certified, held against the population; broken where any is.
fn judged(mode: &Mode, world: &World, outcome: &Outcome) -> Said {
    let certified: Vec<_> = outcome.points.iter().filter(|point| point.status == Status::Certified).collect();
    // That the last tier loses nothing against itself shows nothing.
    let of_rows = |point: &&&tierfall_core::fit::Point| {
        point.guarantee.as_ref().is_some_and(|guarantee| guarantee.method != tierfall_calibrate::certify::BY_CONSTRUCTION)
    };
    if certified.iter().filter(of_rows).count() == 0 {
        return Said::Nothing;
    }
    let kept: Vec<_> = certified.iter().map(|point| held(world, &outcome.tiers, point, mode.whose, mode.slow)).collect();
    let bare = certified.iter().filter(of_rows).any(|point| point.guarantee.as_ref().is_none_or(|own| own.conditions.is_empty()));
    Said::Promised { bare, broken: kept.iter().any(|kept| kept.broken), saving: kept[0].saving }
}
