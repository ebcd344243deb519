//! The operating characteristics that were measured before this was built, from 20 000 draws each.

/// Rows: examples, churn, true drop; how often a run is called worse by: any drop, a drop of more than a point, `McNemar`'s exact test
/// at 5 %, its mid-p at 5 % and at 1 %.
pub(crate) const POWER: [(u64, f64, f64, [f64; 5]); 10] = [
    (200, 0.02, 0.0, [0.400, 0.102, 0.009, 0.024, 0.003]),
    (500, 0.06, 0.0, [0.459, 0.159, 0.037, 0.052, 0.009]),
    (1000, 0.02, 0.0, [0.452, 0.009, 0.032, 0.050, 0.009]),
    (3000, 0.06, 0.0, [0.485, 0.012, 0.044, 0.051, 0.010]),
    (200, 0.06, 0.02, [0.852, 0.670, 0.217, 0.297, 0.094]),
    (500, 0.02, 0.01, [0.929, 0.426, 0.347, 0.453, 0.181]),
    (1000, 0.02, 0.01, [0.986, 0.452, 0.675, 0.739, 0.470]),
    (1000, 0.06, 0.02, [0.995, 0.895, 0.803, 0.835, 0.605]),
    (3000, 0.02, 0.01, [1.0, 0.465, 0.987, 0.991, 0.951]),
    (3000, 0.06, 0.01, [0.986, 0.484, 0.699, 0.722, 0.465]),
];

/// Repeats of each example; the size of the pooled test and of that on means.
pub(crate) const REPEATS: [(u32, [f64; 2]); 3] = [(1, [0.048, 0.048]), (5, [0.153, 0.050]), (10, [0.221, 0.048])];

/// Any false alarm over six metrics with a correlation of 0.3: each by itself, and by Holm's adjustment.
pub(crate) const SIX: [f64; 2] = [0.219, 0.045];
