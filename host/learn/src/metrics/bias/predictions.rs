//! The measures of predictions.

use kumiko_vocabulary::evaluation::BiasMeasure;

use super::labels::{conditional_disparity, one_sided};
use super::ratio::{Measured, Ratio, Side, Undefined, difference};
use super::tally::{Confusion, Tally};

/// One measure. `grouped` says whether the rows have groups.
pub(super) fn measure(measure: BiasMeasure, tally: &Tally, grouped: bool) -> Measured {
    // It is about all rows: the one measure that does not compare two sides.
    if measure == BiasMeasure::GeneralisedEntropy {
        return generalised_entropy(tally);
    }
    if let Some(absent) = one_sided(tally) {
        return absent;
    }
    let of = |side: Side, part: fn(Confusion) -> u64, whole: fn(Confusion) -> u64| {
        let counts = if side == Side::Rest { tally.rest } else { tally.facet };
        Ratio { side, part: part(counts), whole: whole(counts) }
    };
    let rest_less_facet =
        |part, whole, divisor| difference(of(Side::Rest, part, whole), of(Side::Facet, part, whole), divisor);
    let facet_less_rest =
        |part, whole, divisor| difference(of(Side::Facet, part, whole), of(Side::Rest, part, whole), divisor);
    match measure {
        BiasMeasure::PredictedProportions => rest_less_facet(Confusion::predicted_positive, Confusion::rows, "there"),
        BiasMeasure::DisparateImpact => disparate_impact(tally),
        BiasMeasure::ConditionalAcceptance => {
            rest_less_facet(Confusion::positive, Confusion::predicted_positive, "predicted positive")
        }
        BiasMeasure::ConditionalRejection => {
            facet_less_rest(Confusion::negative, Confusion::predicted_negative, "predicted negative")
        }
        BiasMeasure::Specificity => {
            facet_less_rest(|counts| counts.true_negatives, Confusion::negative, "labelled negative")
        }
        BiasMeasure::Recall => {
            rest_less_facet(|counts| counts.true_positives, Confusion::positive, "labelled positive")
        }
        BiasMeasure::AcceptanceRates => {
            rest_less_facet(|counts| counts.true_positives, Confusion::predicted_positive, "predicted positive")
        }
        BiasMeasure::RejectionRates => {
            facet_less_rest(|counts| counts.true_negatives, Confusion::predicted_negative, "predicted negative")
        }
        BiasMeasure::Accuracy => {
            rest_less_facet(|counts| counts.true_positives + counts.true_negatives, Confusion::rows, "there")
        }
        BiasMeasure::TreatmentEquality => {
            facet_less_rest(|counts| counts.false_negatives, |counts| counts.false_positives, "a false positive")
        }
        BiasMeasure::PredictedDisparity => {
            conditional_disparity(&tally.groups_by_prediction, grouped, "all predictions are positive, or none is")
        }
        // The flip test.
        _ if tally.flip_tested == 0 => Measured::Absent(Undefined::NothingCompared),
        _ => Measured::Value(tally.flips as f64 / tally.flip_tested as f64),
    }
}

/// The facet's share of positive predictions over the rest's.
fn disparate_impact(tally: &Tally) -> Measured {
    const DIVISOR: &str = "predicted positive";
    let share = |counts: Confusion| counts.predicted_positive() as f64 / counts.rows() as f64;
    let (rest, facet) = (share(tally.rest), share(tally.facet));
    match (facet > 0.0, rest > 0.0) {
        (_, true) => Measured::Value(facet / rest),
        (true, false) => Measured::Absent(Undefined::Infinite(Side::Rest, DIVISOR)),
        (false, false) => Measured::ZeroOfZero(0.0, Side::Rest, DIVISOR),
    }
}

/// Half the squared coefficient of variation of the benefits 0 (missed positive), 1 (right) and 2 (false positive).
fn generalised_entropy(tally: &Tally) -> Measured {
    let sum = |part: fn(Confusion) -> u64| (part(tally.rest) + part(tally.facet)) as f64;
    let (rows, false_positives) = (sum(Confusion::rows), sum(|counts| counts.false_positives));
    let right = sum(|counts| counts.true_positives + counts.true_negatives);
    let mean = (right + 2.0 * false_positives) / rows;
    if mean == 0.0 {
        return Measured::Absent(Undefined::NoBenefit);
    }
    let mean_square = (right + 4.0 * false_positives) / rows;
    Measured::Value(((mean_square / (mean * mean) - 1.0) / 2.0).max(0.0))
}
