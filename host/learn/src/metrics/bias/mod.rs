//! Bias measures of Amazon SageMaker Clarify: [`pre_training`] those of data, [`post_training`] those of predictions.
//!
//! A [`Population`] is checked once and sorted into cells: rows with equal facet, label, prediction, group and flip. Every measure is
//! made of the cells' counts (`tally`), so a resampling costs one pass over the rows and little more. Then `labels` and `predictions`
//! have the formulas, `flip_test` finds neighbours (in the tree of `neighbours`), and `ratio` has the rules for divisions by zero:
//! 0 / 0 counts as 0 with a note, as SageMaker Clarify counts it; anything else over 0 makes the measure absent, with the reason.
//!
//! Source of the formulas: Amazon SageMaker AI Developer Guide, "Pre-training Bias Metrics" and "Post-training Data and Model Bias
//! Metrics". `docs/bias.md` lists them and says where the package `smclarify` differs.

mod flip_test;
mod labels;
mod neighbours;
mod predictions;
mod ratio;
mod tally;

use kumiko_vocabulary::evaluation::{BiasMeasure, BiasMetric, BiasStage};

use crate::data::check_codes;
use crate::error::Error;

use super::resampling::{intervals, resample};
use ratio::Measured;
use tally::Cells;

pub use flip_test::{FlipTest, flip_test};

/// Rows of two kinds: those of the facet, for which a disadvantage is looked for, and the rest.
#[derive(Clone, Copy, Debug)]
pub struct Population<'a> {
    /// Whether a row is of the facet.
    pub facet: &'a [bool],
    /// The known label of each row, by its position in `positive`.
    pub labels: &'a [u32],
    /// For each label, whether it is a positive one.
    pub positive: &'a [bool],
    /// The group of each row, for CDDL and CDDPL; numbered from 0, with fewer groups than rows.
    pub groups: Option<&'a [u32]>,
}

/// How 95 % intervals are made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resampling {
    /// The number of resamplings; 0 for no intervals.
    pub samples: u32,
    /// Their seed.
    pub seed: u64,
}

/// The measures of data: CI, DPL, KL, JS, LP, TVD, KS, CDDL.
///
/// # Errors
///
/// Lists of unequal length, no rows, codes without a label, and more resamplings than the limit. Rows that are all of one kind are no
/// error: the measures say why they are absent.
pub fn pre_training(population: &Population<'_>, resampling: Resampling) -> Result<Vec<BiasMetric>, Error> {
    population.check()?;
    let cells = Cells::of_labels(population);
    measured(&cells, BiasStage::PreTraining, resampling, population.groups.is_some(), None)
}

/// The measures of predictions: DPPL, DI, DCAcc, DCR, SD, RD, DAR, DRR, AD, TE, CDDPL, FT, GE.
///
/// `predicted` says of each row whether its predicted label is a positive one. `flips` is what [`flip_test`] found, or the reason why it
/// could not be made.
///
/// # Errors
///
/// As for [`pre_training`], and predictions or flips that are not as many as rows.
pub fn post_training(
    population: &Population<'_>,
    predicted: &[bool],
    flips: Result<&FlipTest, &str>,
    resampling: Resampling,
) -> Result<Vec<BiasMetric>, Error> {
    population.check()?;
    let rows = population.facet.len();
    length("the list of predictions", rows, predicted.len())?;
    if let Ok(flips) = flips {
        length("the list of flips", rows, flips.flips.len())?;
    }
    let cells = Cells::of_predictions(population, predicted, flips.ok().map(|test| test.flips.as_slice()));
    measured(&cells, BiasStage::PostTraining, resampling, population.groups.is_some(), Some(flips))
}

impl Population<'_> {
    fn check(&self) -> Result<(), Error> {
        let rows = self.facet.len();
        if rows == 0 || u32::try_from(rows).is_err() {
            return Err(Error::Rows { what: "the data".to_owned(), rows, expected: "one at least, fewer than 2³²" });
        }
        length("the list of labels", rows, self.labels.len())?;
        check_codes(self.labels, self.positive.len(), "the labels")?;
        if let Some(groups) = self.groups {
            length("the list of groups", rows, groups.len())?;
            check_codes(groups, rows, "the groups")?;
        }
        Ok(())
    }
}

fn length(what: &str, expected: usize, found: usize) -> Result<(), Error> {
    if expected == found { Ok(()) } else { Err(Error::Length { what: what.to_owned(), expected, found }) }
}

/// Every measure of a stage with its interval.
fn measured(
    cells: &Cells,
    stage: BiasStage,
    resampling: Resampling,
    grouped: bool,
    flips: Option<Result<&FlipTest, &str>>,
) -> Result<Vec<BiasMetric>, Error> {
    let measures: Vec<BiasMeasure> = BiasMeasure::ALL.into_iter().filter(|measure| measure.stage() == stage).collect();
    let take = |times: Option<&[u32]>| -> Vec<Measured> {
        let tally = cells.tally(times);
        let one = |measure: &BiasMeasure| match stage {
            BiasStage::PreTraining => labels::measure(*measure, &tally, grouped),
            BiasStage::PostTraining => predictions::measure(*measure, &tally, grouped),
        };
        measures.iter().map(one).collect()
    };
    let values = take(None);
    let drawn = resample(cells.rows(), resampling.samples, resampling.seed, |times| -> Vec<Option<f64>> {
        take(Some(times)).iter().map(Measured::value).collect()
    })?;
    let named: Vec<(&str, Option<f64>)> =
        measures.iter().zip(&values).map(|(measure, measured)| (measure.as_str(), measured.value())).collect();
    let intervals = intervals(&named, &drawn);
    let metric = |(measure, measured): (&BiasMeasure, &Measured)| {
        let interval = intervals.iter().find(|interval| interval.metric == measure.as_str());
        let (mut absent, mut note) = (measured.absent(), measured.note());
        if *measure == BiasMeasure::FlipTest {
            match flips {
                Some(Err(reason)) => absent = Some(reason.to_owned()),
                Some(Ok(test)) if absent.is_none() => note = test.note(),
                _ => {}
            }
        }
        BiasMetric {
            measure: *measure,
            title: measure.title().to_owned(),
            value: if absent.is_some() { None } else { measured.value() },
            lower: interval.filter(|_| absent.is_none()).map(|interval| interval.lower),
            upper: interval.filter(|_| absent.is_none()).map(|interval| interval.upper),
            minimum: measure.minimum(),
            maximum: measure.maximum(),
            even: measure.even(),
            reading: measure.reading().to_owned(),
            absent,
            note,
        }
    };
    Ok(measures.iter().zip(&values).map(metric).collect())
}
