//! What is compared: examples, each under one system or under two.

/// One example under one system.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Item {
    /// The grade of the answer, in [0, 1]; the mean over its repeats where it was asked several times.
    pub quality: f64,
    /// What it cost, in USD, every attempt included; the mean over repeats; `None` = unknown.
    pub cost_usd: Option<f64>,
    /// How long it took, in milliseconds; `None` where nothing was measured, as in every replay.
    pub latency_ms: Option<f64>,
}

/// One example under the baseline and under the system that is judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// Place in the list of segments.
    pub segment: u32,
    /// Examples of one cluster repeat one item, and count once; numbered from 0 in order of first appearance.
    pub cluster: u32,
    /// How many requests it stands for, above 0: 1 unless it was sampled with another propensity.
    pub weight: f64,
    /// Its place among the requests as they were asked: what slows a provider slows requests that are asked together. Of no account
    /// where nothing was timed.
    pub turn: u32,
    /// Under the baseline.
    pub base: Item,
    /// Now.
    pub now: Item,
}
