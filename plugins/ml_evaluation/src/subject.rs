//! What is measured on what: a model, the data, and what their measurement is called.

use kumiko_sdk::frames::Frame;
use kumiko_sdk::models::Model;
use kumiko_sdk::outputs::{data_name, segment};
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::data::{FileFormat, ReadOptions};
use kumiko_sdk::vocabulary::learning::{Algorithm, ModelMetadata, Task};

use crate::arguments::ModelAndData;

/// A model, as an answer names it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ModelReference {
    /// Where it is.
    pub(crate) uri: String,
    /// What it is called.
    pub(crate) name: String,
    /// How it was made.
    pub(crate) algorithm: Algorithm,
}

/// A model that is open, with the rows that it is to be measured on.
pub(crate) struct Subject {
    pub(crate) uri: String,
    pub(crate) model: Model,
    pub(crate) metadata: ModelMetadata,
    pub(crate) data_uri: String,
    pub(crate) frame: Frame,
}

impl Subject {
    /// Opens both. The model comes first: it is the smaller, and more often the one that is misspelt.
    pub(crate) fn open(of: &ModelAndData) -> Result<Self> {
        let model = Model::load(&of.model_s3_uri)?;
        let metadata = model.metadata()?;
        let frame = open_data(&of.test_data_s3_uri, of.file_format)?;
        Ok(Self { uri: of.model_s3_uri.clone(), model, metadata, data_uri: of.test_data_s3_uri.clone(), frame })
    }

    /// Refuses a model of another task, and names the tool for it.
    pub(crate) fn expect(&self, task: Task, tool_of_other: &str) -> Result<()> {
        if self.metadata.task == task {
            return Ok(());
        }
        let what = |task: Task| match task {
            Task::Classification => "classes",
            Task::Regression => "numbers",
            Task::Clustering => "clusters",
            Task::DimensionalityReduction => "components",
            Task::Reinforcement => "actions",
        };
        let message = format!(
            "the model `{}` at {} predicts {}, not {}",
            self.metadata.name,
            self.uri,
            what(self.metadata.task),
            what(task)
        );
        Err(Fault::invalid("wrong_task", message).hint(format!("call `{tool_of_other}` for it")))
    }

    /// The model as an answer names it.
    pub(crate) fn reference(&self) -> ModelReference {
        ModelReference { uri: self.uri.clone(), name: self.metadata.name.clone(), algorithm: self.metadata.algorithm }
    }

    /// What the measurement is called where the caller does not say.
    pub(crate) fn name(&self) -> String {
        format!("{}-on-{}", segment(&self.metadata.name), data_name(&self.data_uri))
    }

    /// The data's file name, for headings.
    pub(crate) fn data_name(&self) -> &str {
        self.data_uri.rsplit('/').next().unwrap_or(&self.data_uri)
    }
}

/// Opens a data set.
pub(crate) fn open_data(uri: &str, format: Option<FileFormat>) -> Result<Frame> {
    Frame::open(uri, &ReadOptions { format, ..ReadOptions::default() })
}
