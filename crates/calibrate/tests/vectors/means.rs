//! Means and what is estimated beside a judge.

use tierfall_calibrate::stat::eprocess::Mixture;
use tierfall_calibrate::stat::{flips, mean};

use crate::reference::{block, close, number, numbers};

#[test]
fn paired_grades() {
    let Some(block) = block("paired_graded") else { return };
    let d = numbers(&block, "d");
    let (average, deviation) = mean::moments(&d);
    close(average, number(&block, "mean"), 1e-9, "mean");
    close(average / deviation * (d.len() as f64).sqrt(), number(&block, "t"), 1e-9, "t");
    close(mean::t_greater(&d), number(&block, "t_p_greater"), 1e-9, "t, greater");
}

#[test]
fn sign_flips_counted_from_both_ends() {
    let Some(block) = block("paired_graded") else { return };
    close(flips::greater(&numbers(&block, "d")), number(&block, "signflip_p_greater"), 1e-9, "sign-flip");
}

#[test]
fn capital_of_a_fixed_bet() {
    let Some(block) = block("e_process_fixed_bet") else { return };
    let mut mixture = Mixture::new(&[number(&block, "lam")]);
    let excess = numbers(&block, "x").into_iter().map(|x| x - number(&block, "alpha"));
    for (excess, theirs) in excess.zip(numbers(&block, "log_capital")) {
        close(mixture.push(excess).ln(), theirs, 1e-9, "log capital");
    }
}

#[test]
fn bootstrap() {
    let Some(block) = block("bca_bootstrap") else { return };
    let d = numbers(&block, "d");
    let acceleration = mean::acceleration(&d);
    close(acceleration, number(&block, "acceleration"), 1e-9, "acceleration");
    let [share, bias] = numbers(&block, "z0_given_frac")[..] else { panic!("a share and a bias") };
    close(mean::bias(share), bias, 1e-9, "bias");
    for (level, theirs) in [0.025, 0.975].into_iter().zip(numbers(&block, "adj_levels_95")) {
        close(mean::adjusted_level(level, bias, acceleration), theirs, 1e-9, "adjusted level");
    }
    let (low, high) = mean::bca(&d, 0.95, 20_000, 1).expect("twelve values");
    for (ours, theirs) in [low, high].into_iter().zip(numbers(&block, "scipy_bca_95")) {
        assert!((ours - theirs).abs() <= number(&block, "tol_interval"), "{ours} {theirs}");
    }
}
