//! The command line, end to end: the real binary, its exit codes, and every word it says.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests fail as tests do")]

mod batch;
mod calibration;
mod canaries;
mod diff;
mod faults;
mod files;
mod fit;
mod gate;
mod grade;
mod guide;
mod human;
mod hygiene;
mod import;
mod killed;
mod live;
mod logs;
mod observations;
mod once;
mod outages;
mod outputs;
mod permission;
mod promises;
mod recordings;
mod regress;
mod simulate;
mod support;
mod traffic;
