//! Cost–quality geometry: which policies are worth having.

/// A policy, or whatever stands for one, by its exact sums on the same rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point<T> {
    /// Σ cost in pico-USD.
    pub cost: u128,
    /// Σ quality in billionths.
    pub quality: u64,
    /// Of what.
    pub what: T,
}

/// The points that no other one beats: by ascending cost, each strictly better than all cheaper ones.
///
/// Of points with equal cost and quality the first given stays.
pub(crate) fn frontier<T>(mut points: Vec<Point<T>>) -> Vec<Point<T>> {
    points.sort_by(|a, b| a.cost.cmp(&b.cost).then(b.quality.cmp(&a.quality)));
    let mut best = None;
    points.retain(|point| {
        let better = best.is_none_or(|best| point.quality > best);
        if better {
            best = Some(point.quality);
        }
        better
    });
    points
}

/// At most `count` points, evenly by place, the first and the last among them.
pub(crate) fn thin<T: Clone>(points: &[T], count: usize) -> Vec<T> {
    if points.len() <= count || count < 2 {
        return points[..points.len().min(count)].to_vec();
    }
    (0..count).map(|at| points[at * (points.len() - 1) / (count - 1)].clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn points(raw: &[(u8, u8)]) -> Vec<Point<usize>> {
        let point =
            |(what, (cost, quality)): (usize, &(u8, u8))| Point { cost: (*cost).into(), quality: (*quality).into(), what };
        raw.iter().enumerate().map(point).collect()
    }

    proptest! {
        #[test]
        fn the_frontier_is_what_no_point_beats(raw in prop::collection::vec((0..30_u8, 0..30_u8), 0..60)) {
            let all = points(&raw);
            let beaten = |p: &Point<usize>| all.iter().any(|o| {
                o.cost <= p.cost && o.quality >= p.quality && (o.cost < p.cost || o.quality > p.quality || o.what < p.what)
            });
            let mut expected: Vec<_> = all.iter().filter(|p| !beaten(p)).copied().collect();
            expected.sort_by_key(|p| p.cost);
            prop_assert_eq!(frontier(all), expected);
        }
    }

    #[test]
    fn thinning_keeps_both_ends() {
        let all: Vec<usize> = (0..1000).collect();
        let thinned = thin(&all, 30);
        assert_eq!((thinned.len(), thinned[0], thinned[29]), (30, 0, 999));
        assert_eq!(thin(&all[..7], 30), &all[..7]);
    }
}
