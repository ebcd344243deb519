//! The workbench from outside: what a program that uses the library sees.

#[cfg(test)]
mod calls;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod load;
#[cfg(test)]
mod own_grader;
#[cfg(test)]
mod permission;
