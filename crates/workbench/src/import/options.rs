//! How a source is converted.

use std::collections::BTreeMap;
use std::path::Path;

use super::expected::Expected;
use crate::observations::BadRows;

/// How to convert.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// Column → field, for `csv`; for the other formats column → the column that is looked for.
    pub columns: BTreeMap<String, String>,
    /// Name in the source → tier; models that are not named keep their names. Where each record is one answer, a file's name or that of its
    /// folder says whose answers it has, and an empty name stands for all answers.
    pub tiers: BTreeMap<String, String>,
    /// The column that names the tier, where each row is one answer.
    pub tier_column: Option<String>,
    /// What right answers say, where the source has answers without grades.
    pub expected: Option<Expected>,
    /// The greatest score that the source gives, where grades go from 0 to something else than 1.
    pub max_score: Option<f64>,
    /// What becomes of rows that cannot be converted.
    pub bad_rows: BadRows,
}

impl ImportOptions {
    pub(super) fn tier(&self, model: &str) -> String {
        self.tiers.get(model).map_or(model, String::as_str).to_owned()
    }

    /// The tier of an answer in a file: as the file is called, else as the model, else as all answers.
    pub(super) fn tier_of(&self, path: &Path, model: Option<String>) -> Option<String> {
        let name =
            |path: Option<&Path>| path.and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let of_file =
            [path.to_str().unwrap_or_default().to_owned(), name(Some(path)), stem(path).to_owned(), name(path.parent())];
        let called = of_file.iter().chain(&model).filter(|name| !name.is_empty()).find_map(|name| self.tiers.get(name));
        called.or_else(|| self.tiers.get("")).cloned().or(model)
    }

    /// The source's own name of the column that stands for a field.
    pub(super) fn column<'f>(&'f self, field: &'f str) -> &'f str {
        self.columns.iter().find(|(_, known)| *known == field).map_or(field, |(column, _)| column)
    }
}

/// The name of a file up to its first point.
pub(super) fn stem(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).and_then(|name| name.split('.').next()).unwrap_or_default()
}
