//! Answers that stand on records of their own: those of one id are one example.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::Converted;
use super::row::{ConvertedCell, ConvertedRow};
use crate::Error;
use crate::observations::BadRows;
use crate::observations::faults::Fault;

/// One answer of a source.
pub(super) struct Answer {
    /// What is said of the example beside it; no tiers.
    pub(super) row: ConvertedRow,
    /// Who answered; nothing names anybody where a call failed in a batch.
    pub(super) tier: Option<String>,
    pub(super) cell: ConvertedCell,
}

/// What a row becomes that says nothing of a tier which answered others.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lacking {
    /// The tier was to answer all: who reads the row decides what an answer is that is not there.
    Place,
    /// The tier was not asked.
    Nothing,
}

/// A file, by its place among them, and a line of it.
type Place = (usize, u64);

/// The examples so far, in the order in which their ids came.
#[derive(Default)]
pub(super) struct Joined {
    files: Vec<PathBuf>,
    /// Each with the first of its places.
    rows: Vec<(Place, ConvertedRow)>,
    by_id: HashMap<String, usize>,
    tiers: Vec<String>,
    /// By example and tier, where the answer stands.
    answers: HashMap<(usize, usize), Place>,
    /// The ids of records that cannot be read, as far as these tell them.
    lost: Vec<Option<String>>,
    /// Of this file, the tiers, and the answers that nobody is named for.
    of_file: BTreeSet<String>,
    nobodys: Vec<(u64, ConvertedRow, ConvertedCell)>,
}

impl Joined {
    /// What follows is of this file.
    pub(super) fn begin(&mut self, path: &Path, converted: &mut Converted<'_>) {
        path.clone_into(&mut converted.source);
        self.files.push(path.to_owned());
        self.of_file.clear();
    }

    /// One record; `id` as far as it can be read where the rest cannot.
    pub(super) fn add(&mut self, line: u64, id: Option<String>, answer: Result<Answer, Fault>) -> Result<(), Fault> {
        let put = answer.and_then(|Answer { row, tier, cell }| {
            if let Some(tier) = tier {
                return self.put(line, row, &tier, cell);
            }
            self.nobodys.push((line, row, cell));
            Ok(())
        });
        put.inspect_err(|_| self.lost.push(id))
    }

    /// The file is at its end: an answer that nobody is named for is of the tier that gave all others in it.
    pub(super) fn end(&mut self, converted: &mut Converted<'_>) -> Result<(), Error> {
        let only = self.of_file.first().filter(|_| self.of_file.len() == 1).cloned();
        for (line, row, cell) in std::mem::take(&mut self.nobodys) {
            let id = row.id.clone();
            let put = match &only {
                Some(tier) => self.put(line, row, tier, cell),
                None => Err(Fault::new(
                    "tier",
                    "is missing: the call failed, and it is not one tier alone that answered others in this file; --tier FILE=NAME says whose \
                     file it is",
                )),
            };
            if let Err(fault) = put {
                self.lost.push(Some(id));
                converted.bad(line, fault)?;
            }
        }
        Ok(())
    }

    fn put(&mut self, line: u64, said: ConvertedRow, tier: &str, mut cell: ConvertedCell) -> Result<(), Fault> {
        let place = (self.files.len().saturating_sub(1), line);
        let at_tier = self.tiers.iter().position(|known| known == tier).unwrap_or_else(|| {
            self.tiers.push(tier.to_owned());
            self.tiers.len() - 1
        });
        self.of_file.insert(tier.to_owned());
        let at = *self.by_id.entry(said.id.clone()).or_insert_with(|| {
            self.rows.push((place, ConvertedRow { id: said.id.clone(), ..ConvertedRow::default() }));
            self.rows.len() - 1
        });
        if let Some((file, first)) = self.answers.insert((at, at_tier), place) {
            let why = format!(
                "\"{}\" has an answer of the tier \"{tier}\" already, in {}:{first}: which of them counts is not known. A table of several \
                 models names them in a column, --tier-column; real repeats get ids of their own and one `group`",
                said.id,
                self.files[file].display()
            );
            return Err(Fault::new("id", why));
        }
        let (id, (_, row)) = (&said.id, &mut self.rows[at]);
        agree(id, "segment", &mut row.segment, said.segment)?;
        agree(id, "group", &mut row.group, said.group)?;
        agree(id, "split", &mut row.split, said.split)?;
        agree(id, "weight", &mut row.weight, said.weight)?;
        cell.said = true;
        *row.cell(tier) = cell;
        Ok(())
    }

    /// Writes the examples. One that an answer is lost of, or may be, is none: what a tier has answered would seem not to be there.
    pub(super) fn write(mut self, lacking: Lacking, converted: &mut Converted<'_>) -> Result<(), Error> {
        let declared = converted.options.bad_rows == BadRows::AtRandom;
        let named: HashSet<&str> = self.lost.iter().flatten().map(String::as_str).collect();
        let nameless = self.lost.contains(&None);
        for ((file, line), mut row) in std::mem::take(&mut self.rows) {
            // A tier that is not there loses nothing.
            if declared && (named.contains(&*row.id) || nameless && row.tiers.len() < self.tiers.len()) {
                self.files[file].clone_into(&mut converted.source);
                let why = format!("{:?} may have another answer on a line that cannot be read", row.id);
                converted.bad(line, Fault::new("id", why))?;
                continue;
            }
            if lacking == Lacking::Place {
                self.tiers.iter().for_each(|tier| _ = row.cell(tier));
                row.tiers.sort_by_key(|(tier, _)| self.tiers.iter().position(|known| known == tier));
            }
            converted.write(row)?;
        }
        Ok(())
    }
}

/// What is said of an example beside each of its answers is one thing.
fn agree<T: PartialEq + std::fmt::Debug>(
    id: &str,
    field: &'static str,
    known: &mut Option<T>,
    said: Option<T>,
) -> Result<(), Fault> {
    match (known.as_ref(), said) {
        (Some(before), Some(said)) if *before != said => {
            Err(Fault::new(field, format!("of \"{id}\" is {said:?} here and {before:?} beside another answer")))
        }
        (_, said) => {
            *known = said.or(known.take());
            Ok(())
        }
    }
}
