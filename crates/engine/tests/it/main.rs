//! The engine from outside: what a program that uses the library sees.

#[cfg(test)]
mod cancel;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod fitted;
#[cfg(test)]
mod in_code;
#[cfg(test)]
mod open;
#[cfg(test)]
mod panics;
#[cfg(test)]
mod pool;
#[cfg(test)]
mod queue;
mod stream;
#[cfg(test)]
mod untold;
