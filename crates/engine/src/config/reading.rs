//! How files that a cascade file names are read.

use std::io;
use std::path::Path;

/// Reads a file that a cascade file names.
pub(super) type ReadFile<'a> = &'a dyn Fn(&Path) -> io::Result<String>;
