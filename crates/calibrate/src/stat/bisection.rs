//! Where something that changes once does so.

/// The first count from 0 to `n` of which this holds, where it holds of all that follow; `n` if of none.
pub(crate) fn first(n: u64, holds: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (0, n);
    while low < high {
        let at = low + (high - low) / 2;
        if holds(at) {
            high = at;
        } else {
            low = at + 1;
        }
    }
    low
}

/// The ends of an interval after halving it so often: `holds` is false at the lower end, true at the upper one, and changes once between.
pub(crate) fn halved(mut low: f64, mut high: f64, times: usize, holds: impl Fn(f64) -> bool) -> (f64, f64) {
    for _ in 0..times {
        let at = f64::midpoint(low, high);
        if holds(at) { high = at } else { low = at }
    }
    (low, high)
}
