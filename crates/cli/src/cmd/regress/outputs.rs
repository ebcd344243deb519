//! Where the report must not go: onto what it is made from.

use std::path::{Path, PathBuf};

use tierfall::regress::Baseline;
use tierfall::{config, fit, fixture_folder};

use crate::args::Regress;
use crate::exit::Failure;

/// Refuses a report that would take the place of a cascade file, its fit, its baseline or a file of its fixture sets.
pub(super) fn spares_inputs(args: &Regress, out: &Path) -> Result<(), Failure> {
    let place = place(out);
    for cascade in &args.cascades {
        let baseline = args.baseline.clone().unwrap_or_else(|| Baseline::path_for(cascade));
        let mut inputs = vec![cascade.clone(), baseline, fit::path_for(cascade)];
        // A file that cannot be read is told by what judges it.
        if let Ok(loaded) = config::load_unfitted(cascade) {
            inputs.extend(loaded.fit_path);
            let folders = loaded.expects.iter().map(|expect| self::place(&fixture_folder(cascade, &expect.fixtures)));
            inputs.extend(folders.filter(|folder| out.exists() && place.starts_with(folder)).map(|_| place.clone()));
        }
        if inputs.iter().any(|input| self::place(input) == place) {
            return Err(Failure::usage(format!("--out {}: that is what {} is judged by", out.display(), cascade.display()))
                .with_hint("nothing was written; name another file for the report"));
        }
    }
    Ok(())
}

/// The file itself, whatever it is called: of one that is not there yet, where it would be.
fn place(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let name = path.file_name().map(PathBuf::from).unwrap_or_default();
        folder.canonicalize().map_or_else(|_| path.to_owned(), |folder| folder.join(name))
    })
}
