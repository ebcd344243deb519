//! Randomness that depends on nothing but what is named.

use std::hash::Hasher as _;

use rand::rngs::ChaCha8Rng;
use rand::{RngExt, SeedableRng};
use siphasher::sip::SipHasher24;

/// A hash of `parts` under `seed`; each part's length is hashed too, so that no two lists of parts are the same.
pub(super) fn hash(seed: u64, parts: &[&[u8]]) -> u64 {
    let mut hasher = SipHasher24::new_with_keys(seed, 0);
    for part in parts {
        hasher.write(&(part.len() as u64).to_le_bytes());
        hasher.write(part);
    }
    hasher.finish()
}

/// A number in [0, 1) from a hash: its upper 53 bits.
pub(super) fn unit(hash: u64) -> f64 {
    (hash >> 11) as f64 / (1u64 << 53) as f64
}

/// The generator that belongs to a hash.
pub(super) fn generator(hash: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(hash)
}

/// A standard normal number (Box and Muller 1958).
pub(super) fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (radius, angle) = (1.0 - rng.random::<f64>(), rng.random::<f64>());
    (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}

/// σ(x).
pub(super) fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
