//! A part of what came, with the knowledge whether it is still what came.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

/// A value that was read from a text. Whoever borrows it to change it parts it from that text for good, so that no edit can be
/// overlooked; a value that is put in its place was never part of it.
#[derive(Clone)]
pub struct Kept<T> {
    value: T,
    read_from: Option<Arc<str>>,
}

impl<T> Kept<T> {
    /// Says that the value is what this text says.
    pub(crate) fn keep(&mut self, text: &Arc<str>) {
        self.read_from = Some(text.clone());
    }

    /// Whether the value is what this very text says.
    pub(crate) fn is_kept(&self, text: &Arc<str>) -> bool {
        self.read_from.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, text))
    }

    /// The value alone.
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T> From<T> for Kept<T> {
    fn from(value: T) -> Self {
        Self { value, read_from: None }
    }
}

impl<T> Deref for Kept<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Kept<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.read_from = None;
        &mut self.value
    }
}

impl<'a, T> IntoIterator for &'a Kept<Vec<T>> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.value.iter()
    }
}

/// As the value: what it was read from is no part of what it says.
impl<T: PartialEq> PartialEq for Kept<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T: fmt::Debug> fmt::Debug for Kept<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}
