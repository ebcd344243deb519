//! Who is told.

use crate::trace::Trace;

/// Receives the trace of every run. It never blocks and never fails the run: a sink that falls behind counts its losses.
pub trait Sink: Send + Sync {
    /// Takes one trace.
    fn record(&self, trace: &Trace);
}
