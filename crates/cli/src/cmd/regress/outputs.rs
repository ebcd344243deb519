//! Where the report must not go: onto what it is made from.

use std::path::Path;

use tierfall::{config, fit};
use tierfall_workbench::fixture_folder;
use tierfall_workbench::regress::Baseline;

use crate::args::Regress;
use crate::cmd::files::{apart, parts_of_set};
use crate::exit::Failure;

/// Refuses a report that would take the place of a cascade file, its fit, its baseline or a file of its fixture sets.
pub(super) fn spares_inputs(args: &Regress, out: &Path) -> Result<(), Failure> {
    for cascade in &args.cascades {
        let baseline = args.baseline.clone().unwrap_or_else(|| Baseline::path_for(cascade));
        let mut inputs = vec![("the cascade", cascade.clone()), ("the baseline", baseline), ("the fit", fit::path_for(cascade))];
        // A file that cannot be read is told by what judges it.
        if let Ok(loaded) = config::load_unfitted(cascade) {
            inputs.extend(loaded.fit_path.map(|path| ("the fit", path)));
            inputs.extend(loaded.expects.iter().flat_map(|expect| parts_of_set(&fixture_folder(cascade, &expect.fixtures))));
        }
        apart(&inputs, &[("--out", out.to_owned())])?;
    }
    Ok(())
}
