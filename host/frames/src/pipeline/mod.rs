//! Fit-and-apply preprocessing.
//!
//! Fitting learns on one frame and returns what was learnt together with that frame transformed; applying transforms another frame
//! by what was learnt and nothing else. The same columns come out, in the same order and of the same types.
//!
//! A saved pipeline is a JSON document: `format` and `version` say what it is, `specification` what was asked for, `input_columns`,
//! `output_columns` and `fit` what was found, `learnt` what is applied. Learnt numbers are written as text: see [`exact`].

mod baseline;
mod describe;
mod encoding;
mod exact;
mod features;
mod reinforcement;
mod selection;
mod table;
mod treatment;

use std::sync::Arc;

use kumiko_vocabulary::Control;
use kumiko_vocabulary::data::Column as ColumnDocument;
use kumiko_vocabulary::preparation::{
    FitReport, Normalization, Normalize, PipelineDescription, PipelineSpecification, PreprocessingConfig,
    UnsupervisedSpecification,
};
use polars::prelude::DataFrame;
use serde::{Deserialize, Serialize};

use crate::guard::guarded;
use crate::types::column_document;
use crate::{Error, Frame};

/// The version of the pipeline documents that this library writes, and the latest that it reads.
pub const PIPELINE_FORMAT_VERSION: u64 = 1;
const FORMAT: &str = "kumiko-pipeline";

/// What was learnt on one frame, to be applied unchanged to others. A clone shares it.
#[derive(Clone, Debug)]
pub struct Pipeline {
    document: Arc<Document>,
}

/// A pipeline as it is saved.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    version: u64,
    specification: PipelineSpecification,
    input_columns: Vec<ColumnDocument>,
    output_columns: Vec<ColumnDocument>,
    fit: FitReport,
    learnt: Learnt,
}

/// What each kind of pipeline learns.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Learnt {
    Table(table::TablePlan),
    Reinforcement(reinforcement::TrajectoryPlan),
    Features(Vec<features::LearntStep>),
}

/// What fitting hands back.
struct Fitted {
    learnt: Learnt,
    frame: DataFrame,
    fit: FitReport,
    /// The columns that are read; all where it is `None`.
    inputs: Option<Vec<String>>,
}

/// Whether rows may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rows {
    /// As the specification says.
    AsSpecified,
    /// Every row is kept: what would be left out for a missing value is filled instead.
    All,
}

impl Pipeline {
    /// Fits a pipeline on a frame, and transforms that frame.
    ///
    /// # Errors
    /// [`Error::ColumnNotFound`], [`Error::ColumnNotNumeric`], [`Error::TooFewRows`] where no row is left to learn from,
    /// [`Error::OneClass`], [`Error::TooManyCategories`], [`Error::Argument`], [`Error::Cancelled`].
    pub fn fit(
        frame: &Frame,
        specification: &PipelineSpecification,
        control: &dyn Control,
    ) -> Result<(Self, Frame), Error> {
        guarded(|| {
            let data = frame.data();
            let fitted = match specification {
                PipelineSpecification::Supervised(supervised) => table::fit_supervised(data, supervised, control)?,
                PipelineSpecification::Unsupervised(unsupervised) => {
                    table::fit_unsupervised(data, unsupervised, control)?
                }
                PipelineSpecification::Reinforcement(reinforcement) => reinforcement::fit(data, reinforcement)?,
                PipelineSpecification::Features(features) => features::fit(data, features, control)?,
            };
            let read =
                |column: &ColumnDocument| fitted.inputs.as_ref().is_none_or(|inputs| inputs.contains(&column.name));
            let document = Document {
                format: FORMAT.to_owned(),
                version: PIPELINE_FORMAT_VERSION,
                specification: specification.clone(),
                input_columns: frame.schema().into_iter().filter(read).collect(),
                output_columns: fitted.frame.columns().iter().map(column_document).collect(),
                fit: fitted.fit,
                learnt: fitted.learnt,
            };
            Ok((Self { document: Arc::new(document) }, Frame::from(fitted.frame)))
        })
    }

    /// What training fits by itself on unprepared data: medians and most frequent values for what is missing, a column for each category
    /// (a number above 20 of them), no scaling. The `excluded` columns, the target among them, are left out.
    ///
    /// # Errors
    /// As [`Pipeline::fit`].
    pub fn standard(frame: &Frame, excluded: &[String]) -> Result<Self, Error> {
        let preprocessing_config = PreprocessingConfig {
            normalize: Normalize::Method(Normalization::None),
            drop_columns: excluded.to_vec(),
            ..PreprocessingConfig::default()
        };
        let specification = UnsupervisedSpecification { preprocessing_config, ..UnsupervisedSpecification::default() };
        let specification = PipelineSpecification::Unsupervised(specification);
        Self::fit(frame, &specification, &kumiko_vocabulary::control::Unattended).map(|(pipeline, _)| pipeline)
    }

    /// Applies what was learnt to another frame. Columns that the pipeline does not read are left out of the result (of a `features`
    /// pipeline, they pass through); a missing target is no error. Under `handle_missing: drop`, rows with missing values are left out.
    ///
    /// # Errors
    /// [`Error::ColumnNotFound`] and [`Error::ColumnType`] where the frame is not like the one that was fitted.
    pub fn apply(&self, frame: &Frame) -> Result<Frame, Error> {
        guarded(|| self.transform(frame, Rows::AsSpecified))
    }

    /// As [`Pipeline::apply`], but with every row kept, so that predictions stand beside the rows they are for: where
    /// `handle_missing: drop` would leave a row out, its missing values are filled with medians and most frequent values.
    ///
    /// # Errors
    /// As [`Pipeline::apply`].
    pub fn apply_to_every_row(&self, frame: &Frame) -> Result<Frame, Error> {
        guarded(|| self.transform(frame, Rows::All))
    }

    fn transform(&self, frame: &Frame, rows: Rows) -> Result<Frame, Error> {
        let data = frame.data();
        let transformed = match &self.document.learnt {
            Learnt::Table(plan) => plan.apply(data, rows)?,
            Learnt::Reinforcement(plan) => plan.apply(data)?,
            Learnt::Features(steps) => features::apply(data, steps)?,
        };
        Ok(Frame::from(transformed))
    }

    /// What it expects, learnt and makes.
    #[must_use]
    pub fn describe(&self) -> PipelineDescription {
        let document = &self.document;
        PipelineDescription {
            specification: document.specification.clone(),
            input_columns: document.input_columns.clone(),
            output_columns: document.output_columns.clone(),
            columns: describe::columns(&document.learnt),
            fit: document.fit.clone(),
        }
    }

    /// The pipeline as a JSON document.
    ///
    /// # Errors
    /// [`Error::Internal`] alone.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        guarded(|| {
            serde_json::to_vec_pretty(&*self.document).map_err(|error| Error::Internal { message: error.to_string() })
        })
    }

    /// Reads a pipeline document; `name` is what the caller calls it.
    ///
    /// # Errors
    /// [`Error::NotAPipeline`], [`Error::PipelineVersion`].
    pub fn from_bytes(bytes: &[u8], name: &str) -> Result<Self, Error> {
        /// What is read first, so that a later version is told from a broken document.
        #[derive(Deserialize)]
        struct Head {
            format: String,
            version: u64,
        }
        let broken =
            |error: serde_json::Error| Error::NotAPipeline { name: name.to_owned(), detail: error.to_string() };
        guarded(|| {
            let head: Head = serde_json::from_slice(bytes).map_err(broken)?;
            if head.format != FORMAT {
                let detail = format!("its format is {:?}, not {FORMAT:?}", head.format);
                return Err(Error::NotAPipeline { name: name.to_owned(), detail });
            }
            if head.version > PIPELINE_FORMAT_VERSION {
                let (found, supported) = (head.version, PIPELINE_FORMAT_VERSION);
                return Err(Error::PipelineVersion { name: name.to_owned(), found, supported });
            }
            let document: Document = serde_json::from_slice(bytes).map_err(broken)?;
            Ok(Self { document: Arc::new(document) })
        })
    }
}
