//! A part of what came, with the knowledge whether it is still what came.

use std::borrow::Borrow;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// A value that was read from a place of a text. It takes that knowledge along wherever it is moved. Whoever borrows it to change
/// it parts it from the text for good, so that no edit can be overlooked; a value that is put in its stead was never part of it.
#[derive(Clone)]
pub struct Kept<T> {
    value: T,
    read_from: Option<(Arc<str>, usize)>,
}

impl<T> Kept<T> {
    /// Says that the value is what this text says at this place.
    pub(crate) fn keep(&mut self, text: &Arc<str>, place: usize) {
        self.read_from = Some((text.clone(), place));
    }

    /// The place of this very text that says the value.
    pub(crate) fn place_in(&self, text: &Arc<str>) -> Option<usize> {
        self.read_from.as_ref().filter(|(kept, _)| Arc::ptr_eq(kept, text)).map(|(_, place)| *place)
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

impl<T> Borrow<T> for Kept<T> {
    fn borrow(&self) -> &T {
        &self.value
    }
}

/// As the value: what it was read from is no part of what it says.
impl<T: PartialEq> PartialEq for Kept<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// As the value.
impl<T: PartialEq> PartialEq<T> for Kept<T> {
    fn eq(&self, other: &T) -> bool {
        self.value == *other
    }
}

impl<T: fmt::Debug> fmt::Debug for Kept<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

/// As the value.
impl<T: Serialize> Serialize for Kept<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}
