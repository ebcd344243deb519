//! Files that have lost something by what it said: rows, grades, scores, segments.

use crate::modes::Mode;

pub(crate) fn all() -> Vec<Mode> {
    Vec::new()
}
