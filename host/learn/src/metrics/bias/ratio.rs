//! Values that may be undefined, and the rules for divisions by zero.
//!
//! SageMaker Clarify's reference implementation counts 0 / 0 as 0, anything else over 0 as infinite, and the difference of two infinite
//! ratios as 0. JSON has no infinity, so a measure that would be infinite is absent here. Reasons and notes are small copies: a
//! resampling makes many and shows none.

/// The rows of the facet, or the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Rest,
    Facet,
}

impl Side {
    fn name(self) -> &'static str {
        match self {
            Self::Rest => "the rest",
            Self::Facet => "the facet",
        }
    }
}

/// Why a measure has no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undefined {
    /// The facet, or the rest, has no rows.
    NoRows(Side),
    /// A ratio whose divisor counts the named rows of one side is infinite.
    Infinite(Side, &'static str),
    /// A label of the rest does not occur in the facet: its share of the divergence is infinite.
    LabelNotInFacet,
    /// No group column.
    NoGroups,
    /// All labels, or predictions, are of one kind.
    OneKind(&'static str),
    /// Every prediction is a missed positive: the mean benefit is 0.
    NoBenefit,
    /// No row of the facet went through the flip test.
    NothingCompared,
}

impl Undefined {
    fn text(self) -> String {
        match self {
            Self::NoRows(side) => format!("{} has no rows", side.name()),
            Self::Infinite(side, divisor) => {
                format!("of {} no row is {divisor}, so that its ratio is infinite", side.name())
            }
            Self::LabelNotInFacet => {
                "a label of the rest does not occur in the facet, so that the divergence is infinite".to_owned()
            }
            Self::NoGroups => "no group column was given".to_owned(),
            Self::OneKind(what) => what.to_owned(),
            Self::NothingCompared => {
                "the facet or the rest has no row with a number in every flip test column".to_owned()
            }
            Self::NoBenefit => "every row is a missed positive, so that the mean benefit is 0".to_owned(),
        }
    }
}

/// A measure, taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Measured {
    /// A value.
    Value(f64),
    /// A value in which 0 / 0 was counted as 0; the divisor counts the named rows of one side.
    ZeroOfZero(f64, Side, &'static str),
    /// The difference of two ratios that are both infinite, counted as 0; their divisors count the named rows.
    BothInfinite(&'static str),
    /// None.
    Absent(Undefined),
}

impl Measured {
    pub(super) fn value(&self) -> Option<f64> {
        match self {
            Self::Value(value) | Self::ZeroOfZero(value, ..) => Some(*value),
            Self::BothInfinite(_) => Some(0.0),
            Self::Absent(_) => None,
        }
    }

    pub(super) fn absent(&self) -> Option<String> {
        if let Self::Absent(why) = self { Some(why.text()) } else { None }
    }

    pub(super) fn note(&self) -> Option<String> {
        match self {
            Self::ZeroOfZero(_, side, divisor) => Some(format!(
                "of {} no row is {divisor}; its ratio, 0 / 0, counts as 0, as SageMaker Clarify counts it",
                side.name()
            )),
            Self::BothInfinite(divisor) => Some(format!(
                "neither side has a row that is {divisor}; the difference of the two infinite ratios counts as 0, as SageMaker \
                 Clarify counts it"
            )),
            Self::Value(_) | Self::Absent(_) => None,
        }
    }
}

/// Part and whole of one side, in rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ratio {
    pub(super) side: Side,
    pub(super) part: u64,
    pub(super) whole: u64,
}

impl Ratio {
    /// None where it is infinite.
    fn value(self) -> Option<f64> {
        match (self.part, self.whole) {
            (0, 0) => Some(0.0),
            (_, 0) => None,
            (part, whole) => Some(part as f64 / whole as f64),
        }
    }

    fn is_zero_of_zero(self) -> bool {
        self.part == 0 && self.whole == 0
    }
}

/// `first` − `second`. `divisor` names the rows that both divisors count.
pub(super) fn difference(first: Ratio, second: Ratio, divisor: &'static str) -> Measured {
    match (first.value(), second.value()) {
        (Some(minuend), Some(subtrahend)) => {
            let value = minuend - subtrahend;
            match [first, second].into_iter().find(|ratio| ratio.is_zero_of_zero()) {
                Some(ratio) => Measured::ZeroOfZero(value, ratio.side, divisor),
                None => Measured::Value(value),
            }
        }
        (None, None) => Measured::BothInfinite(divisor),
        (None, Some(_)) => Measured::Absent(Undefined::Infinite(first.side, divisor)),
        (Some(_), None) => Measured::Absent(Undefined::Infinite(second.side, divisor)),
    }
}
