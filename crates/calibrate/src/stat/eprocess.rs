//! Evidence that may be looked at after every row: the capital of bets that were fixed beforehand.
//!
//! Against H0 "the mean excess is at most 0" a bettor stakes a share λ of the capital on excesses, `K ← K (1 + λ y)`. As long as no
//! excess is below −1/λ, K is at least 0 and cannot be expected to grow under H0, so that it ever reaches 1/α with probability at
//! most α (Ville 1939), whenever one stops. The mean of the capitals of several bets is such a process as well, and
//! grows nearly as fast as the best of them (Waudby-Smith and Ramdas 2024).

/// The mean capital of bets of fixed size.
#[derive(Clone, Debug, PartialEq)]
pub struct Mixture {
    /// Each bet and its capital.
    bets: Vec<(f64, f64)>,
}

impl Mixture {
    /// Bets λ above 0, none of which an excess can ruin: 1 + λ y ≥ 0 for every y that there may be.
    pub fn new(bets: &[f64]) -> Self {
        Self { bets: bets.iter().map(|bet| (*bet, 1.0)).collect() }
    }

    /// One more excess, and the capital after it.
    pub fn push(&mut self, excess: f64) -> f64 {
        for (bet, capital) in &mut self.bets {
            *capital *= (1.0 + *bet * excess).max(0.0);
        }
        self.value()
    }

    /// The capital: evidence against H0, 1 at first. 1 over it is an anytime-valid p-value.
    pub(crate) fn value(&self) -> f64 {
        self.bets.iter().map(|(_, capital)| capital).sum::<f64>() / self.bets.len().max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capitals_multiply_and_are_averaged() {
        let mut mixture = Mixture::new(&[0.5, 1.0]);
        assert!((mixture.value() - 1.0).abs() < 1e-15);
        assert!((mixture.push(1.0) - 1.75).abs() < 1e-15);
        // The bolder bet is ruined for good.
        assert!((mixture.push(-1.0) - 0.375).abs() < 1e-15);
        assert!((mixture.push(1.0) - 0.5625).abs() < 1e-15);
        assert!(Mixture::new(&[]).value().abs() < 1e-15);
    }
}
