//! HTTP providers against servers: every status, broken bodies, cut and stalled streams, cancellation.

#[cfg(test)]
mod bodies;
#[cfg(test)]
mod cancel;
#[cfg(test)]
mod conformance;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod reuse;
#[cfg(test)]
mod setup;
#[cfg(test)]
mod signed;
#[cfg(test)]
mod status;
#[cfg(test)]
mod stream;
#[cfg(test)]
mod timeouts;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod upstream;
