//! One axis: which values it spans, where each lies, which are ticked.
//!
//! Linear ticks are multiples of 1, 2, 2.5 or 5 times a power of ten. Logarithmic ticks are powers of ten, joined by their
//! doubles and fives where the axis spans few of them, or linear ticks where it spans less than one.

use kumiko_vocabulary::figures::Scale;

use crate::number;

/// Below this part of the magnitude of its ends, a span cannot be told from none.
const NARROWEST: f64 = 1e-9;
/// Below this, a span around zero cannot be divided.
const SMALLEST: f64 = 1e-250;

/// How an axis extends beyond its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fit {
    /// Not at all.
    Exact,
    /// By a few parts in a hundred, so that marks stay off the frame.
    Padded,
    /// To the next tick at either end.
    Ticks,
}

/// A value that is marked on the axis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Tick {
    pub(crate) value: f64,
    pub(crate) label: String,
}

/// A range of values with its ticks.
#[derive(Clone, Debug)]
pub(crate) struct Axis {
    low: f64,
    high: f64,
    scale: Scale,
    pub(crate) ticks: Vec<Tick>,
}

impl Axis {
    /// A linear axis over finite values with about `wanted` ticks.
    pub(crate) fn linear(low: f64, high: f64, fit: Fit, wanted: usize) -> Self {
        let (mut low, mut high) = widened(low, high);
        if fit == Fit::Padded {
            let margin = (high - low) * 0.04;
            (low, high) = (low - margin, high + margin);
        }
        let step = step(high - low, wanted);
        let slack = step * 1e-6;
        if fit == Fit::Ticks {
            (low, high) = (((low + slack) / step).floor() * step, ((high - slack) / step).ceil() * step);
        }
        let (first, last) = (((low - slack) / step).ceil(), ((high + slack) / step).floor());
        let largest = low.abs().max(high.abs());
        let ticks = (0..=(last - first).clamp(0.0, 60.0) as usize)
            .map(|index| (first + index as f64) * step)
            .map(|value| Tick { value, label: number::tick(value, step, largest) })
            .collect();
        Self { low, high, scale: Scale::Linear, ticks }
    }

    /// A linear axis from 0 to a count, ticked at whole numbers only.
    pub(crate) fn counts(most: f64, fit: Fit, wanted: usize) -> Self {
        let most = most.max(1.0);
        let whole = (1..=wanted).rev().find(|wanted| step(most, *wanted).fract() == 0.0);
        Self::linear(0.0, most, fit, whole.unwrap_or(1))
    }

    /// A logarithmic axis over values above zero with about `wanted` ticks.
    pub(crate) fn logarithmic(low: f64, high: f64, wanted: usize) -> Self {
        let (low, high) = if high / low > 1.0 + NARROWEST { (low, high) } else { (low / 2.0, high * 2.0) };
        let margin = (high.log10() - low.log10()) * 0.03;
        let (low, high) = (10_f64.powf(low.log10() - margin), 10_f64.powf(high.log10() + margin));
        let powers = (low.log10().ceil() as i32, high.log10().floor() as i32);
        let decades = high.log10() - low.log10();
        let ticks: Vec<Tick> = if powers.1 < powers.0 || (powers.0 == powers.1 && decades < 1.5) {
            // Less than one power of ten inside: what is even on a linear axis is the clearest here too.
            Self::linear(low, high, Fit::Exact, wanted).ticks
        } else {
            let factors: &[f64] = if decades * 3.0 <= wanted as f64 * 1.2 { &[1.0, 2.0, 5.0] } else { &[1.0] };
            let stride = (decades / wanted as f64).round().max(1.0) as i32;
            (powers.0 - 1..=powers.1)
                .filter(|power| power.rem_euclid(stride) == 0)
                .flat_map(|power| factors.iter().map(move |factor| factor * 10_f64.powi(power)))
                .filter(|value| (low..=high).contains(value))
                .map(|value| Tick { value, label: power_label(value) })
                .collect()
        };
        let ticks = ticks.into_iter().filter(|tick| tick.value > 0.0).collect();
        Self { low, high, scale: Scale::Logarithmic, ticks }
    }

    /// Either of the two.
    pub(crate) fn over(scale: Scale, low: f64, high: f64, fit: Fit, wanted: usize) -> Self {
        match scale {
            Scale::Linear => Self::linear(low, high, fit, wanted),
            Scale::Logarithmic => Self::logarithmic(low, high, wanted),
        }
    }

    /// From 0 to 1 in fifths.
    pub(crate) fn unit() -> Self {
        Self::linear(0.0, 1.0, Fit::Exact, 5)
    }

    /// Where a value lies between the axis's ends: 0 at the low one, 1 at the high one.
    pub(crate) fn share(&self, value: f64) -> f64 {
        match self.scale {
            Scale::Linear => (value - self.low) / (self.high - self.low),
            Scale::Logarithmic => (value.log10() - self.low.log10()) / (self.high.log10() - self.low.log10()),
        }
    }

    pub(crate) fn low(&self) -> f64 {
        self.low
    }

    pub(crate) fn high(&self) -> f64 {
        self.high
    }
}

fn power_label(value: f64) -> String {
    if (1e-4..1e15).contains(&value) {
        // The step of a power's own decade shows all of its decimals.
        let step = 10_f64.powf(value.log10().floor());
        number::tick(value, step, value)
    } else {
        number::significant(value, 1)
    }
}

/// The same ends, or ends around them where they are too close to be told apart.
fn widened(low: f64, high: f64) -> (f64, f64) {
    let magnitude = low.abs().max(high.abs());
    if high - low > magnitude * NARROWEST && high - low > SMALLEST {
        return (low, high);
    }
    let margin = if magnitude > SMALLEST { magnitude * 0.1 } else { 0.5 };
    (low - margin, high + margin)
}

/// The distance of ticks that divides a span into about `wanted` parts.
fn step(span: f64, wanted: usize) -> f64 {
    let rough = span / wanted.max(1) as f64;
    let power = 10_f64.powf(rough.log10().floor());
    let factor = match rough / power {
        part if part < 1.42 => 1.0,
        part if part < 2.24 => 2.0,
        part if part < 3.54 => 2.5,
        part if part < 7.08 => 5.0,
        _ => 10.0,
    };
    factor * power
}

/// The least and the greatest of some values; 0 and 1 where there are none.
pub(crate) fn extent(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    values
        .into_iter()
        .fold(None, |ends: Option<(f64, f64)>, value| match ends {
            Some((low, high)) => Some((low.min(value), high.max(value))),
            None => Some((value, value)),
        })
        .unwrap_or((0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|tick| tick.label.as_str()).collect()
    }

    #[test]
    fn a_unit_axis_has_six_ticks_from_0_to_1() {
        assert_eq!(labels(&Axis::unit()), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
    }

    #[test]
    fn an_axis_fitted_to_ticks_ends_on_them() {
        let axis = Axis::linear(-3.0, 47.0, Fit::Ticks, 5);
        assert_eq!((axis.low(), axis.high()), (-10.0, 50.0));
        assert_eq!(labels(&axis), ["−10", "0", "10", "20", "30", "40", "50"]);
    }

    #[test]
    fn a_single_value_gets_an_axis_around_it() {
        for value in [0.0, 5.0, -1e90, 1e-300] {
            let axis = Axis::linear(value, value, Fit::Padded, 5);
            assert!(axis.low() < value && value < axis.high(), "{value}");
            assert!(!axis.ticks.is_empty(), "{value}");
            assert!((axis.share(value) - 0.5).abs() < 0.2, "{value}");
        }
    }

    #[test]
    fn values_that_differ_in_their_last_digits_do_not_break_the_ticks() {
        let axis = Axis::linear(1e16, 1e16 + 2.0, Fit::Ticks, 5);
        assert!(axis.ticks.len() < 20 && axis.high() > axis.low());
    }

    #[test]
    fn counts_are_ticked_at_whole_numbers() {
        for most in 0..200 {
            let axis = Axis::counts(f64::from(most), Fit::Ticks, 2);
            assert!(axis.ticks.iter().all(|tick| tick.value.fract() == 0.0), "{most}: {:?}", labels(&axis));
            assert!(axis.ticks.len() >= 2, "{most}");
        }
    }

    #[test]
    fn a_logarithmic_axis_ticks_powers_of_ten() {
        let axis = Axis::logarithmic(0.001, 1000.0, 6);
        assert_eq!(labels(&axis), ["0.001", "0.01", "0.1", "1", "10", "100", "1,000"]);
        assert!((axis.share(1.0) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn a_short_logarithmic_axis_still_has_ticks() {
        for (low, high) in [(3.0, 4.0), (0.5, 12.0), (9.0, 9.0), (80.0, 120.0)] {
            assert!(Axis::logarithmic(low, high, 6).ticks.len() >= 2, "{low} to {high}");
        }
    }

    #[test]
    fn a_logarithmic_axis_of_three_hundred_powers_is_not_crowded() {
        let axis = Axis::logarithmic(1e-90, 1e90, 6);
        assert!((2..=10).contains(&axis.ticks.len()), "{:?}", labels(&axis));
    }
}
