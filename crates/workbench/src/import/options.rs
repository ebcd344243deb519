//! How a source is converted.

use std::collections::BTreeMap;

use crate::observations::BadRows;

/// How to convert.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// Column → field, for `csv`; for the other formats column → the column that is looked for.
    pub columns: BTreeMap<String, String>,
    /// Name in the source → tier; models that are not named keep their names.
    pub tiers: BTreeMap<String, String>,
    /// The column that names the tier, where each row is one answer.
    pub tier_column: Option<String>,
    /// The greatest score that the source gives, where grades go from 0 to something else than 1.
    pub max_score: Option<f64>,
    /// What becomes of rows that cannot be converted.
    pub bad_rows: BadRows,
}

impl ImportOptions {
    pub(super) fn tier(&self, model: &str) -> String {
        self.tiers.get(model).map_or(model, String::as_str).to_owned()
    }

    /// The source's own name of the column that stands for a field.
    pub(super) fn column<'f>(&'f self, field: &'f str) -> &'f str {
        self.columns.iter().find(|(_, known)| *known == field).map_or(field, |(column, _)| column)
    }
}
