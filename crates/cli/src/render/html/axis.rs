//! From numbers to places on paper.

use crate::render::words;

/// Where numbers lie between the two ends of a line.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    /// Both ends.
    pub(super) ends: (f64, f64),
    /// Whether it is logarithmic.
    pub(super) is_log: bool,
    /// Where a mark is, and what it says.
    pub(super) ticks: Vec<(f64, String)>,
}

impl Axis {
    /// One that has all values on it, with round ends; `show` writes the marks.
    pub(super) fn linear(values: impl IntoIterator<Item = f64>, show: impl Fn(f64) -> String) -> Self {
        let (low, high) = ends(values);
        let step = nice((high - low) / 5.0);
        let (low, high) = ((low / step + 1e-9).floor() * step, (high / step - 1e-9).ceil() * step);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a handful of steps")]
        let steps = ((high - low) / step).round() as u32;
        let at = |n: u32| {
            let value = low + f64::from(n) * step;
            // A step away from zero is no tiny number.
            if value.abs() < step * 1e-6 { 0.0 } else { value }
        };
        Self { ends: (low, high), is_log: false, ticks: (0..=steps).map(at).map(|tick| (tick, show(tick))).collect() }
    }

    /// From 0 to 1, in percent.
    pub(super) fn share() -> Self {
        Self::linear([0.0, 1.0], words::percent)
    }

    /// A logarithmic one; all values must be above zero.
    pub(super) fn log(values: impl IntoIterator<Item = f64>, show: impl Fn(f64) -> String) -> Self {
        let (low, high) = ends(values);
        let (low, high) = (low / 1.15, high * 1.15);
        let per_decade: &[f64] = match (high / low).log10() {
            decades if decades <= 2.5 => &[1.0, 2.0, 5.0],
            decades if decades <= 4.0 => &[1.0, 3.0],
            _ => &[1.0],
        };
        #[expect(clippy::cast_possible_truncation, reason = "powers of ten of real costs")]
        let decades = low.log10().floor() as i32..=high.log10().ceil() as i32;
        let all = decades.flat_map(|decade| per_decade.iter().map(move |step| step * 10f64.powi(decade)));
        let ticks = all.filter(|tick| (low..=high).contains(tick)).map(|tick| (tick, show(tick))).collect();
        Self { ends: (low, high), is_log: true, ticks }
    }

    /// A logarithmic one where that shows more: above zero everywhere, the largest over 20 times the smallest.
    pub(super) fn fitting(values: &[f64], show: impl Fn(f64) -> String) -> Self {
        let (low, high) = ends(values.iter().copied());
        if low > 0.0 && high / low > 20.0 {
            Self::log(values.iter().copied(), show)
        } else {
            Self::linear(values.iter().copied().chain([0.0]), show)
        }
    }

    /// How far along the value lies, 0 to 1; what lies beyond an end is moved to it.
    pub(super) fn place(&self, value: f64) -> f64 {
        let (low, high) = self.ends;
        let along = if self.is_log { (value.max(low) / low).ln() / (high / low).ln() } else { (value - low) / (high - low) };
        if along.is_nan() { 0.0 } else { along.clamp(0.0, 1.0) }
    }
}

/// The least and the greatest of the values, apart from each other.
fn ends(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let finite = values.into_iter().filter(|value| value.is_finite());
    let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low > high {
        (0.0, 1.0)
    } else if high - low < 1e-12 * high.abs().max(1e-12) {
        let apart = if high == 0.0 { 0.5 } else { high.abs() / 10.0 };
        (low - apart, high + apart)
    } else {
        (low, high)
    }
}

/// The round step next above: 1, 2 or 5 times a power of ten.
fn nice(step: f64) -> f64 {
    let power = 10f64.powf(step.log10().floor());
    let round = [1.0, 2.0, 5.0].into_iter().find(|round| step <= round * power * (1.0 + 1e-9)).unwrap_or(10.0);
    round * power
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn marks(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|(_, text)| text.as_str()).collect()
    }

    #[test]
    fn marks_are_round() {
        assert_eq!(marks(&Axis::linear([0.812, 0.893], words::percent)), ["80 %", "82 %", "84 %", "86 %", "88 %", "90 %"]);
        assert_eq!(marks(&Axis::share()), ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]);
        assert_eq!(marks(&Axis::log([0.02, 1.0], words::rough)), ["2 %", "5 %", "10 %", "20 %", "50 %", "100 %"]);
    }

    #[test]
    fn a_wide_range_is_logarithmic() {
        assert!(Axis::fitting(&[0.01, 1.0], words::rough).is_log);
        assert!(!Axis::fitting(&[0.1, 1.0], words::rough).is_log);
        assert!(!Axis::fitting(&[0.0, 1.0], words::rough).is_log);
    }

    proptest! {
        #[test]
        fn every_value_has_its_place(values in prop::collection::vec(1e-6..1e6f64, 1..20)) {
            for axis in [Axis::linear(values.clone(), words::number), Axis::log(values.clone(), words::number)] {
                let (low, high) = axis.ends;
                prop_assert!(axis.ticks.len() <= 12, "{:?}", axis.ticks);
                for value in &values {
                    prop_assert!((low * (1.0 - 1e-9)..=high * (1.0 + 1e-9)).contains(value), "{value} in {axis:?}");
                    prop_assert!((0.0..=1.0).contains(&axis.place(*value)));
                }
            }
        }
    }
}
