//! Sub-chains of the declared chain.

/// Every ascending choice of at least one and at most `depth` of `tiers` tiers, shorter ones first.
///
/// Chains that end before the last declared tier are among them: accepting everything at a tier that is gated in a longer
/// chain is no substitute where its gate can abstain.
pub fn subchains(tiers: usize, depth: usize) -> Vec<Vec<usize>> {
    let mut all: Vec<Vec<usize>> = Vec::new();
    let mut longest: Vec<Vec<usize>> = vec![Vec::new()];
    for _ in 0..depth.min(tiers) {
        let longer = |chain: &Vec<usize>| {
            let from = chain.last().map_or(0, |last| last + 1);
            let chain = chain.clone();
            (from..tiers).map(move |tier| chain.iter().copied().chain([tier]).collect())
        };
        longest = longest.iter().flat_map(longer).collect();
        all.extend(longest.iter().cloned());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_of_tiers_is_there_once() {
        assert_eq!(subchains(3, 2), [vec![0], vec![1], vec![2], vec![0, 1], vec![0, 2], vec![1, 2]]);
        let all = subchains(5, 9);
        assert_eq!(all.len(), 31);
        assert_eq!(all.iter().filter(|chain| chain.last() == Some(&4)).count(), 16);
    }
}
