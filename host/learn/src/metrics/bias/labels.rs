//! The measures of data: how many rows the facet has, and how its labels are spread beside those of the rest.

use kumiko_vocabulary::evaluation::BiasMeasure;

use super::ratio::{Measured, Ratio, Side, Undefined, difference};
use super::tally::{Group, Tally};

/// One measure. `grouped` says whether the rows have groups.
pub(super) fn measure(measure: BiasMeasure, tally: &Tally, grouped: bool) -> Measured {
    let (rest, facet) = (tally.rest.rows(), tally.facet.rows());
    if let Some(absent) = one_sided(tally) {
        return absent;
    }
    match measure {
        BiasMeasure::ClassImbalance => Measured::Value((rest as f64 - facet as f64) / (rest + facet) as f64),
        BiasMeasure::LabelProportions => difference(
            Ratio { side: Side::Rest, part: tally.rest.positive(), whole: rest },
            Ratio { side: Side::Facet, part: tally.facet.positive(), whole: facet },
            "there",
        ),
        BiasMeasure::LabelDisparity => {
            conditional_disparity(&tally.groups_by_label, grouped, "all labels are positive, or none is")
        }
        _ => distance(measure, &shares(tally)),
    }
}

/// Every measure that compares two sides needs rows on both.
pub(super) fn one_sided(tally: &Tally) -> Option<Measured> {
    if tally.facet.rows() == 0 {
        Some(Measured::Absent(Undefined::NoRows(Side::Facet)))
    } else if tally.rest.rows() == 0 {
        Some(Measured::Absent(Undefined::NoRows(Side::Rest)))
    } else {
        None
    }
}

/// The share of each label in the rest and in the facet.
fn shares(tally: &Tally) -> Vec<(f64, f64)> {
    let (rest, facet) = (tally.rest.rows() as f64, tally.facet.rows() as f64);
    tally.labels.iter().map(|[of_rest, of_facet]| (*of_rest as f64 / rest, *of_facet as f64 / facet)).collect()
}

/// How far two distributions are apart.
fn distance(measure: BiasMeasure, shares: &[(f64, f64)]) -> Measured {
    let gaps = shares.iter().map(|(rest, facet)| (rest - facet).abs());
    Measured::Value(match measure {
        BiasMeasure::KullbackLeibler => {
            if shares.iter().any(|(rest, facet)| *rest > 0.0 && *facet == 0.0) {
                return Measured::Absent(Undefined::LabelNotInFacet);
            }
            divergence(shares.iter().copied())
        }
        BiasMeasure::JensenShannon => {
            let between = |rest: f64, facet: f64| 0.5 * (rest + facet);
            let of_rest = divergence(shares.iter().map(|(rest, facet)| (*rest, between(*rest, *facet))));
            let of_facet = divergence(shares.iter().map(|(rest, facet)| (*facet, between(*rest, *facet))));
            0.5 * (of_rest + of_facet)
        }
        BiasMeasure::LpNorm => gaps.map(|gap| gap * gap).sum::<f64>().sqrt(),
        BiasMeasure::TotalVariation => 0.5 * gaps.sum::<f64>(),
        // Kolmogorov-Smirnov.
        _ => gaps.fold(0.0, f64::max),
    })
}

/// Σ p ln(p / q). What does not occur adds nothing; the sum is never below zero but for rounding.
fn divergence(shares: impl Iterator<Item = (f64, f64)>) -> f64 {
    shares.filter(|(share, _)| *share > 0.0).map(|(share, of)| share * (share / of).ln()).sum::<f64>().max(0.0)
}

/// The facet's share of the negative outcomes less its share of the positive ones, in each group, weighted by the groups' size. A
/// share of nothing counts as 0, as SageMaker Clarify counts it. `one_kind` is what to say where all outcomes are alike.
pub(super) fn conditional_disparity(groups: &[Group], grouped: bool, one_kind: &'static str) -> Measured {
    if !grouped {
        return Measured::Absent(Undefined::NoGroups);
    }
    let positive: u64 = groups.iter().map(|group| group.positive).sum();
    let negative: u64 = groups.iter().map(|group| group.negative).sum();
    if positive == 0 || negative == 0 {
        return Measured::Absent(Undefined::OneKind(one_kind));
    }
    let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 / whole as f64 };
    let disparity = |group: &Group| {
        let rows = (group.positive + group.negative) as f64;
        rows * (share(group.negative_facet, group.negative) - share(group.positive_facet, group.positive))
    };
    Measured::Value(groups.iter().map(disparity).sum::<f64>() / (positive + negative) as f64)
}
