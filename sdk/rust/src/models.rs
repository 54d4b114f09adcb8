//! Models in the host: trained natively on all cores, applied to frames, measured.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::frames::{Frame, Pipeline};
use crate::host::{self, Host, ModelHandle};
use crate::objects::{Precondition, Written};
use crate::vocabulary::data::ReadOptions;
use crate::vocabulary::evaluation::{
    BiasReport, BiasSpecification, ClassificationReport, ClusteringReport, ClusteringSpecification, Comparison,
    ComparisonSpecification, EvaluationSpecification, ExplanationReport, ExplanationSpecification, RegressionReport,
};
use crate::vocabulary::figures::Figure;
use crate::vocabulary::learning::{
    CrossValidation, CrossValidationReport, ModelMetadata, ReinforcementReport, ReinforcementSpecification,
    TrainingSpecification,
};
use crate::{Fault, Result, document};

/// What training may use besides the training frame.
#[derive(Clone, Copy, Debug, Default)]
pub struct TrainingInputs<'a> {
    /// Rows to measure on while training, never to learn from.
    pub validation: Option<&'a Frame>,
    /// A pipeline that the model applies to whatever it is given, so that it accepts unprepared data.
    pub preprocessing: Option<&'a Pipeline>,
}

/// Formats of models that others read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelFormat {
    /// XGBoost's JSON: boosted trees without a pipeline.
    XgboostJson,
    /// One ONNX graph: classifiers and regressors, their pipeline included.
    Onnx,
}

/// SHAP values: what each feature adds to the predictions of a model.
#[derive(Debug)]
pub struct Explanation {
    /// What each feature adds over all rows.
    pub report: ExplanationReport,
    /// Of each output the importance of the features, and the way of the rows kept from the base value to the prediction.
    pub figures: Vec<Figure>,
    /// The values of every row: `base_value`, `prediction` and `shap_<feature>`, with `_<class>` behind them where there are several outputs.
    pub values: Frame,
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

    /// Trains as [`Model::train`] does, on a Parquet file that [`Frame::open`] refuses as `frame_too_large`: column after column.
    ///
    /// # Errors
    /// As [`Model::train`]; `algorithm_needs_memory` for another algorithm than `xgboost` and for calibration, `file_not_columnwise` for
    /// another format than Parquet, `columns_need_preparation` where a feature is no number.
    pub fn train_columnwise(
        uri: &str,
        options: &ReadOptions,
        specification: &TrainingSpecification,
        validation: Option<&Frame>,
    ) -> Result<Self> {
        let (options, specification) = (document::write(options)?, document::write(specification)?);
        let validation = validation.map(|frame| &frame.handle);
        host::call(|host| Host::model_train_columnwise(host, uri, &options, &specification, validation)).map(Self::from)
    }

    /// Trains a policy: from recorded steps where there are some, else in the environment of the specification.
    ///
    /// # Errors
    /// `unknown_environment`, a hyperparameter that is unknown or out of range, and trajectories that lack a column.
    pub fn train_policy(specification: &ReinforcementSpecification, trajectories: Option<&Frame>) -> Result<Self> {
        let specification = document::write(specification)?;
        let trajectories = trajectories.map(|frame| &frame.handle);
        host::call(|host| Host::model_train_policy(host, &specification, trajectories)).map(Self::from)
    }

    /// Reads a model: in the native format, boosted trees as XGBoost's JSON, or an ONNX graph, which predicts and is measured and can do
    /// nothing else.
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

    /// Several settings measured by cross-validation on the same parts of the rows: a report for each, in their order. One that cannot be
    /// trained has a report that says why.
    ///
    /// # Errors
    /// Parts that the rows cannot be dealt to, a column that is missing.
    pub fn cross_validate(
        frame: &Frame,
        specifications: &[TrainingSpecification],
        validation: &CrossValidation,
    ) -> Result<Vec<CrossValidationReport>> {
        let specifications = specifications.iter().map(document::write).collect::<Result<Vec<_>>>()?;
        let validation = document::write(validation)?;
        let reports = host::call(|host| Host::model_cross_validate(host, &frame.handle, &specifications, &validation))?;
        reports.iter().map(|report| document::read(report)).collect()
    }

    /// The bias of rows with known labels, and of a model's predictions for them where one is given.
    ///
    /// # Errors
    /// Columns and values that the frame lacks, labels without a positive one, and predictions from two places.
    pub fn bias(model: Option<&Self>, frame: &Frame, specification: &BiasSpecification) -> Result<BiasReport> {
        let specification = document::write(specification)?;
        let model = model.map(|model| &model.handle);
        document::read(&host::call(|host| Host::model_bias(host, model, &frame.handle, &specification))?)
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

    /// Measures the clusters that the model puts rows into.
    ///
    /// # Errors
    /// `not_a_clustering` for a model of another task, and columns that the frame lacks.
    pub fn evaluate_clustering(
        &self,
        frame: &Frame,
        specification: &ClusteringSpecification,
    ) -> Result<ClusteringReport> {
        let specification = document::write(specification)?;
        document::read(&host::call(|host| {
            Host::model_evaluate_clustering(host, &self.handle, &frame.handle, &specification)
        })?)
    }

    /// Lets a policy act in an environment of the host for some episodes.
    ///
    /// # Errors
    /// A model that is no policy, and an environment that is not there or that the policy does not fit.
    pub fn evaluate_policy(&self, environment: &str, episodes: u32, seed: u64) -> Result<ReinforcementReport> {
        document::read(&host::call(|host| {
            Host::model_evaluate_policy(host, &self.handle, environment, episodes, seed)
        })?)
    }

    /// SHAP values of the predictions for rows. Background rows stand for what is usual; without them the rows explained do, where the
    /// method needs any.
    ///
    /// # Errors
    /// A method or output that the model has not, and columns that a frame lacks.
    pub fn explain(
        &self,
        rows: &Frame,
        background: Option<&Frame>,
        specification: &ExplanationSpecification,
    ) -> Result<Explanation> {
        let specification = document::write(specification)?;
        let background = background.map(|frame| &frame.handle);
        let (report, figures, values) =
            host::call(|host| Host::model_explain(host, &self.handle, &rows.handle, background, &specification))?;
        Ok(Explanation {
            report: document::read(&report)?,
            figures: figures.iter().map(|figure| document::read(figure)).collect::<Result<Vec<_>>>()?,
            values: Frame::from(values),
        })
    }

    /// What a training without answers made of its own rows, as [`Self::predict`] gives it.
    ///
    /// # Errors
    /// `training_output_missing` for a model that was loaded or learnt from answers.
    pub fn training_output(&self) -> Result<Frame> {
        host::call(|host| Host::model_training_output(host, &self.handle)).map(Frame::from)
    }

    /// Writes the model in a format that others read.
    ///
    /// # Errors
    /// `format_not_expressive` for what the format has no words for, `object_exists` and `object_changed` where the precondition
    /// does not hold.
    pub fn save_as(&self, format: ModelFormat, uri: &str, precondition: &Precondition) -> Result<Written> {
        host::call(|host| Host::model_save_as(host, &self.handle, format, uri, precondition))
    }

    /// Writes the model in the native format.
    ///
    /// # Errors
    /// `object_exists` and `object_changed` where the precondition does not hold.
    pub fn save(&self, uri: &str, precondition: &Precondition) -> Result<Written> {
        host::call(|host| Host::model_save(host, &self.handle, uri, precondition))
    }
}
