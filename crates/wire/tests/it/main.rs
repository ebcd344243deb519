//! What a wire must keep: goldens of each server's shapes, and the properties that hold over all of them.

#[cfg(test)]
mod absurd;
#[cfg(test)]
mod edited;
#[cfg(test)]
mod encode;
#[cfg(test)]
mod floats;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod round_trip;
#[cfg(test)]
mod strip;
#[cfg(test)]
mod support;
