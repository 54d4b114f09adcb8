//! Models in the host: trained natively on all cores, applied to frames, measured.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::frames::{Frame, Pipeline};
use crate::host::{self, Host, ModelHandle};
use crate::objects::{Precondition, Written};
use crate::vocabulary::evaluation::{
    ClassificationReport, Comparison, ComparisonSpecification, EvaluationSpecification, RegressionReport,
};
use crate::vocabulary::learning::{ModelMetadata, TrainingSpecification};
use crate::{Fault, Result, document};

/// What training may use besides the training frame.
#[derive(Clone, Copy, Debug, Default)]
pub struct TrainingInputs<'a> {
    /// Rows to measure on while training, never to learn from.
    pub validation: Option<&'a Frame>,
    /// A pipeline that the model applies to whatever it is given, so that it accepts unprepared data.
    pub preprocessing: Option<&'a Pipeline>,
}

/// Measures of a model, whichever its task calls for.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// Of a classifier.
    Classification(Box<ClassificationReport>),
    /// Of a regressor.
    Regression(Box<RegressionReport>),
}

impl Report {
    /// Reads a report document. The root of the mean squared error is what every regression report has, and no other.
    fn read(text: &str) -> Result<Self> {
        #[derive(Deserialize)]
        struct Probe {
            rmse: Option<IgnoredAny>,
        }
        match document::read::<Probe>(text)?.rmse {
            Some(_) => document::read(text).map(|report| Self::Regression(Box::new(report))),
            None => document::read(text).map(|report| Self::Classification(Box::new(report))),
        }
    }

    /// The measures of a classifier.
    ///
    /// # Errors
    /// `not_a_classifier` where the model predicts numbers.
    pub fn classification(self) -> Result<ClassificationReport> {
        match self {
            Self::Classification(report) => Ok(*report),
            Self::Regression(_) => Err(Fault::invalid("not_a_classifier", "the model predicts numbers, not classes")),
        }
    }

    /// The measures of a regressor.
    ///
    /// # Errors
    /// `not_a_regressor` where the model predicts classes.
    pub fn regression(self) -> Result<RegressionReport> {
        match self {
            Self::Regression(report) => Ok(*report),
            Self::Classification(_) => {
                Err(Fault::invalid("not_a_regressor", "the model predicts classes, not numbers"))
            }
        }
    }
}

/// A trained model.
#[derive(Debug)]
pub struct Model {
    handle: ModelHandle,
}

impl From<ModelHandle> for Model {
    fn from(handle: ModelHandle) -> Self {
        Self { handle }
    }
}

impl Model {
    /// Trains a model. Reports progress by itself; cancelling the call stops it.
    ///
    /// # Errors
    /// A hyperparameter that is unknown or out of range, a column that is missing, and data that the algorithm cannot
    /// learn from.
    pub fn train(training: &Frame, specification: &TrainingSpecification, inputs: TrainingInputs<'_>) -> Result<Self> {
        let specification = document::write(specification)?;
        let validation = inputs.validation.map(|frame| &frame.handle);
        let preprocessing = inputs.preprocessing.map(|pipeline| &pipeline.handle);
        host::call(|host| Host::model_train(host, &training.handle, &specification, validation, preprocessing))
            .map(Self::from)
    }

    /// Reads a model in the native format.
    ///
    /// # Errors
    /// `object_not_found`, and a file that is no model, is cut short, or was written by a later version.
    pub fn load(uri: &str) -> Result<Self> {
        host::call(|host| Host::model_load(host, uri)).map(Self::from)
    }

    /// Several models on the same rows.
    ///
    /// # Errors
    /// Fewer than two models, models of different tasks, and columns that are missing.
    pub fn compare(models: &[&Self], frame: &Frame, specification: &ComparisonSpecification) -> Result<Comparison> {
        let specification = document::write(specification)?;
        let models: Vec<&ModelHandle> = models.iter().map(|model| &model.handle).collect();
        document::read(&host::call(|host| Host::model_compare(host, &models, &frame.handle, &specification))?)
    }

    /// Name, algorithm, signature, metrics, origin.
    ///
    /// # Errors
    /// `document_unreadable` from a host of another version.
    pub fn metadata(&self) -> Result<ModelMetadata> {
        document::read(&host::call(|host| Host::model_metadata(host, &self.handle)))
    }

    /// Predictions for every row, columns matched by name: `prediction`, and for a classifier `probability_<class>` for
    /// each class.
    ///
    /// # Errors
    /// A feature that the frame lacks, by name.
    pub fn predict(&self, frame: &Frame) -> Result<Frame> {
        host::call(|host| Host::model_predict(host, &self.handle, &frame.handle)).map(Frame::from)
    }

    /// Measures the model on rows with known answers.
    ///
    /// # Errors
    /// A column that the frame lacks, and answers that the model cannot have given.
    pub fn evaluate(&self, frame: &Frame, specification: &EvaluationSpecification) -> Result<Report> {
        let specification = document::write(specification)?;
        Report::read(&host::call(|host| Host::model_evaluate(host, &self.handle, &frame.handle, &specification))?)
    }

    /// Writes the model in the native format.
    ///
    /// # Errors
    /// `object_exists` and `object_changed` where the precondition does not hold.
    pub fn save(&self, uri: &str, precondition: &Precondition) -> Result<Written> {
        host::call(|host| Host::model_save(host, &self.handle, uri, precondition))
    }
}
