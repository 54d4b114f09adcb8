//! Fitting a pipeline on a data set, writing what it makes, and the account of both.

use kumiko_sdk::frames::{Frame, Pipeline};
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::data::Column;
use kumiko_sdk::vocabulary::preparation::{ColumnDescription, FitReport, PipelineDescription, PipelineSpecification};

use crate::destination::{PIPELINE, Part, Place};
use crate::listing::{counted, cut};
use crate::writer::WrittenObject;

/// The most output columns listed with one input column: a category may have become a thousand.
const LISTED_OUTPUTS: usize = 10;

/// Prepared data, and the pipeline that prepared it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Prepared {
    /// The rows that the pipeline was fitted on, prepared: for the training tools.
    pub(crate) train_data_s3_uri: String,
    /// The rows held out by `test_size`, prepared by the same pipeline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) test_data_s3_uri: Option<String>,
    /// The fitted pipeline. `apply_preprocessing` does the same to further data.
    pub(crate) pipeline_uri: String,
    /// The rows of the training data.
    pub(crate) num_samples: u64,
    /// The features, the target and columns that pass through not included.
    pub(crate) num_features: u64,
    /// What fitting left out or found missing.
    pub(crate) left_out: LeftOut,
    /// The columns made, in order; the first 50.
    pub(crate) columns: Vec<Column>,
    /// What became of each column of the data set; the first 50, each with its first 10 outputs. The pipeline's file has all.
    pub(crate) treatments: Vec<ColumnDescription>,
    /// How many of `columns` and `treatments` together are not listed.
    pub(crate) not_listed: u64,
    /// What was written.
    pub(crate) written: Vec<WrittenObject>,
}

/// What fitting left out or found missing.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct LeftOut {
    /// Rows left out because their target is missing.
    pub(crate) rows_without_target: u64,
    /// Rows left out by `handle_missing: drop`.
    pub(crate) rows_with_missing_values: u64,
    /// Cells that were NaN or infinite and count as missing.
    pub(crate) values_not_finite: u64,
}

/// A fitted pipeline with what it made of the rows.
pub(crate) struct Fitted {
    pipeline: Pipeline,
    /// What it learnt.
    pub(crate) description: PipelineDescription,
    train: Frame,
    test: Option<Frame>,
}

impl Fitted {
    /// Fits on `train` alone, and applies what was learnt to `test`.
    pub(crate) fn new(train: &Frame, test: Option<&Frame>, specification: &PipelineSpecification) -> Result<Self> {
        let (pipeline, train) = Pipeline::fit(train, specification)?;
        let test = test.map(|test| pipeline.apply(test)).transpose()?;
        Ok(Self { description: pipeline.describe()?, pipeline, train, test })
    }

    /// The parts that [`Self::write`] writes, for [`Place::check`].
    pub(crate) fn parts(with_test: bool) -> Vec<Part> {
        if with_test {
            vec![Part::Of("train"), Part::Of("test"), PIPELINE]
        } else {
            vec![Part::Only("train"), PIPELINE]
        }
    }

    /// Writes the data and then the pipeline.
    pub(crate) fn write(self, place: Place) -> Result<Prepared> {
        let mut writer = place.writer();
        let num_samples = self.train.height()?;
        let (train_data_s3_uri, test_data_s3_uri) = match &self.test {
            None => (writer.data(Part::Only("train"), &self.train)?, None),
            Some(test) => (writer.data(Part::Of("train"), &self.train)?, Some(writer.data(Part::Of("test"), test)?)),
        };
        let pipeline_uri = writer.pipeline(&self.pipeline)?;
        let written = writer.finish();

        let PipelineDescription { output_columns: mut columns, columns: mut treatments, fit, .. } = self.description;
        let FitReport {
            rows_without_target, rows_with_missing_values, values_not_finite, features: num_features, ..
        } = fit;
        let not_listed = cut(&mut columns) + cut(&mut treatments);
        treatments.iter_mut().for_each(|treatment| treatment.outputs.truncate(LISTED_OUTPUTS));
        let left_out = LeftOut { rows_without_target, rows_with_missing_values, values_not_finite };
        Ok(Prepared {
            train_data_s3_uri,
            test_data_s3_uri,
            pipeline_uri,
            num_samples,
            num_features,
            left_out,
            columns,
            treatments,
            not_listed,
            written,
        })
    }
}

impl Prepared {
    /// The account in a few lines.
    pub(crate) fn in_words(&self) -> String {
        let mut lines =
            vec![format!("Fitted on {}: {}.", counted(self.num_samples, "row"), counted(self.num_features, "feature"))];
        let LeftOut { rows_without_target, rows_with_missing_values, .. } = self.left_out;
        if rows_without_target > 0 {
            lines.push(format!("Left out {} without a target.", counted(rows_without_target, "row")));
        }
        if rows_with_missing_values > 0 {
            lines.push(format!("Left out {} with missing values.", counted(rows_with_missing_values, "row")));
        }
        lines.extend(self.written.iter().map(|object| format!("{}: {}", object.content, object.in_words())));
        lines.join("\n")
    }
}
