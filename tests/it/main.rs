//! Tests across crates.

#[cfg(test)]
mod absurd;
#[cfg(test)]
mod architecture;
#[cfg(test)]
mod bans;
#[cfg(test)]
mod circles;
#[cfg(test)]
mod concurrency;
#[cfg(test)]
mod counting;
#[cfg(test)]
mod dependencies;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod exports;
#[cfg(test)]
mod field;
#[cfg(test)]
mod ledger;
#[cfg(test)]
mod live_is_replay;
#[cfg(test)]
mod probes;
#[cfg(test)]
mod recordings;
#[cfg(test)]
mod seams;
