//! What stands behind the modules of this crate: one trait with a method for each function of the contract.
//!
//! Built for WebAssembly the trait has one implementation, the component's imports, and a call is a direct call. Built
//! for any other target it is whatever a test installed with [`with`]: a trait object, so that a test can bring its
//! own. What the contract passes as JSON text is text here as well, so that a test takes the same way through serde as
//! production.

mod handles;
#[cfg(target_arch = "wasm32")]
mod imports;
#[cfg(not(target_arch = "wasm32"))]
mod installed;

pub use handles::{FrameHandle, ModelHandle, PipelineHandle, UploadHandle};
#[cfg(target_arch = "wasm32")]
pub(crate) use imports::call;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use installed::call;
#[cfg(not(target_arch = "wasm32"))]
pub use installed::with;

use crate::charts::Drawing;
use crate::http::{Request, Response};
use crate::log::Level;
use crate::models::ModelFormat;
use crate::objects::{Listing, ObjectInfo, Precondition, Written};
use crate::{Fault, Reply, Result};

/// A host. A method that an implementation leaves out fails with the code `host_function_missing`; the log and the
/// progress of such a host go nowhere, its clock stands at 1970, its random numbers are 0 and its home is
/// `s3://mlops/`.
///
/// The methods do what `wit/deps/host` says of the function of the same name.
#[allow(unused_variables, reason = "the names document what an implementation is given")]
pub trait Host {
    /// `log.write`.
    fn log_write(&self, level: Level, message: &str) {}
    /// `log.enabled`.
    fn log_enabled(&self, level: Level) -> bool {
        false
    }

    /// `progress.report`.
    fn progress_report(&self, done: f64, total: Option<f64>, message: &str) {}
    /// `progress.is-cancelled`.
    fn progress_is_cancelled(&self) -> bool {
        false
    }

    /// `wall-clock.now`: seconds since 1970-01-01 UTC, and the nanoseconds beyond them.
    fn clock_now(&self) -> (u64, u32) {
        (0, 0)
    }
    /// `random.get-random-bytes`.
    fn random_bytes(&self, length: u64) -> Vec<u8> {
        vec![0; usize::try_from(length).unwrap_or(0)]
    }
    /// `random.get-random-u64`.
    fn random_number(&self) -> u64 {
        0
    }

    /// `objects.home`.
    fn object_home(&self) -> String {
        "s3://mlops/".to_owned()
    }
    /// `objects.head`.
    fn object_head(&self, uri: &str) -> Result<ObjectInfo> {
        Err(missing("objects.head"))
    }
    /// `objects.get`.
    fn object_get(&self, uri: &str) -> Result<Vec<u8>> {
        Err(missing("objects.get"))
    }
    /// `objects.get-range`.
    fn object_get_range(&self, uri: &str, offset: u64, length: u64) -> Result<Vec<u8>> {
        Err(missing("objects.get-range"))
    }
    /// `objects.put`.
    fn object_put(
        &self,
        uri: &str,
        body: &[u8],
        media_type: Option<&str>,
        precondition: &Precondition,
    ) -> Result<Written> {
        Err(missing("objects.put"))
    }
    /// `objects.copy`.
    fn object_copy(&self, source: &str, destination: &str, precondition: &Precondition) -> Result<Written> {
        Err(missing("objects.copy"))
    }
    /// `objects.list`.
    fn object_list(&self, prefix: &str, cursor: Option<&str>, limit: u32) -> Result<Listing> {
        Err(missing("objects.list"))
    }
    /// `objects.delete`.
    fn object_delete(&self, uri: &str, precondition: &Precondition) -> Result<()> {
        Err(missing("objects.delete"))
    }
    /// `objects.create`.
    fn object_create(&self, uri: &str, media_type: Option<&str>, precondition: &Precondition) -> Result<UploadHandle> {
        Err(missing("objects.create"))
    }
    /// `upload.write`.
    fn upload_write(&self, upload: &UploadHandle, bytes: &[u8]) -> Result<()> {
        Err(missing("upload.write"))
    }
    /// `upload.finish`.
    fn upload_finish(&self, upload: &UploadHandle) -> Result<Written> {
        Err(missing("upload.finish"))
    }

    /// `frames.open`; `options` is a `read-options` document.
    fn frame_open(&self, uri: &str, options: &str) -> Result<FrameHandle> {
        Err(missing("frames.open"))
    }
    /// `frames.from-rows`; `rows` is a JSON array of objects.
    fn frame_from_rows(&self, rows: &str) -> Result<FrameHandle> {
        Err(missing("frames.from-rows"))
    }
    /// `frames.from-arrow`.
    fn frame_from_arrow(&self, bytes: &[u8]) -> Result<FrameHandle> {
        Err(missing("frames.from-arrow"))
    }
    /// `frames.sql`, over frames by their names in the query.
    fn frame_sql(&self, query: &str, tables: &[(&str, &FrameHandle)]) -> Result<FrameHandle> {
        Err(missing("frames.sql"))
    }
    /// `frame.schema`: a JSON array of `column` documents.
    fn frame_schema(&self, frame: &FrameHandle) -> String {
        "[]".to_owned()
    }
    /// `frame.height`.
    fn frame_height(&self, frame: &FrameHandle) -> Result<u64> {
        Err(missing("frame.height"))
    }
    /// `frame.rows`: a JSON array of objects.
    fn frame_rows(&self, frame: &FrameHandle, offset: u64, count: u32) -> Result<String> {
        Err(missing("frame.rows"))
    }
    /// `frame.summary`: a `dataset-summary` document.
    fn frame_summary(&self, frame: &FrameHandle, sample: u32) -> Result<String> {
        Err(missing("frame.summary"))
    }
    /// `frame.validate`: a `validation-report` document by a `validation-rules` document.
    fn frame_validate(&self, frame: &FrameHandle, rules: &str) -> Result<String> {
        Err(missing("frame.validate"))
    }
    /// `frame.split`, by a `split` document.
    fn frame_split(&self, frame: &FrameHandle, split: &str) -> Result<Vec<FrameHandle>> {
        Err(missing("frame.split"))
    }
    /// `frame.balance`, by a `balancing` document.
    fn frame_balance(&self, frame: &FrameHandle, balancing: &str) -> Result<FrameHandle> {
        Err(missing("frame.balance"))
    }
    /// `frame.numbers`.
    fn frame_numbers(&self, frame: &FrameHandle, column: &str) -> Result<Vec<f64>> {
        Err(missing("frame.numbers"))
    }
    /// `frame.arrow`.
    fn frame_arrow(&self, frame: &FrameHandle, columns: &[String]) -> Result<Vec<u8>> {
        Err(missing("frame.arrow"))
    }
    /// `frame.write`, by a `write-options` document.
    fn frame_write(
        &self,
        frame: &FrameHandle,
        uri: &str,
        options: &str,
        precondition: &Precondition,
    ) -> Result<Written> {
        Err(missing("frame.write"))
    }

    /// `pipeline.fit`, by a `pipeline` document: what was learnt, and the frame transformed.
    fn pipeline_fit(&self, frame: &FrameHandle, specification: &str) -> Result<(PipelineHandle, FrameHandle)> {
        Err(missing("pipeline.fit"))
    }
    /// `pipeline.load`.
    fn pipeline_load(&self, uri: &str) -> Result<PipelineHandle> {
        Err(missing("pipeline.load"))
    }
    /// `pipeline.apply`.
    fn pipeline_apply(&self, pipeline: &PipelineHandle, frame: &FrameHandle) -> Result<FrameHandle> {
        Err(missing("pipeline.apply"))
    }
    /// `pipeline.describe`: a `pipeline-description` document.
    fn pipeline_describe(&self, pipeline: &PipelineHandle) -> String {
        "null".to_owned()
    }
    /// `pipeline.save`.
    fn pipeline_save(&self, pipeline: &PipelineHandle, uri: &str, precondition: &Precondition) -> Result<Written> {
        Err(missing("pipeline.save"))
    }

    /// `models.train`, by a `training-specification` document.
    fn model_train(
        &self,
        training: &FrameHandle,
        specification: &str,
        validation: Option<&FrameHandle>,
        preprocessing: Option<&PipelineHandle>,
    ) -> Result<ModelHandle> {
        Err(missing("models.train"))
    }
    /// `models.train-columnwise`, by a `read-options` and a `training-specification` document.
    fn model_train_columnwise(
        &self,
        uri: &str,
        options: &str,
        specification: &str,
        validation: Option<&FrameHandle>,
    ) -> Result<ModelHandle> {
        Err(missing("models.train-columnwise"))
    }
    /// `models.train-policy`, by a `reinforcement-specification` document.
    fn model_train_policy(&self, specification: &str, trajectories: Option<&FrameHandle>) -> Result<ModelHandle> {
        Err(missing("models.train-policy"))
    }
    /// `models.load`.
    fn model_load(&self, uri: &str) -> Result<ModelHandle> {
        Err(missing("models.load"))
    }
    /// `models.compare`: a `comparison` document by a `comparison-specification` document.
    fn model_compare(&self, models: &[&ModelHandle], frame: &FrameHandle, specification: &str) -> Result<String> {
        Err(missing("models.compare"))
    }
    /// `models.cross-validate`: a `cross-validation-report` document for each `training-specification` document.
    fn model_cross_validate(
        &self,
        frame: &FrameHandle,
        specifications: &[String],
        validation: &str,
    ) -> Result<Vec<String>> {
        Err(missing("models.cross-validate"))
    }

    /// `models.bias`: a `bias-report` document by a `bias-specification` document.
    fn model_bias(&self, model: Option<&ModelHandle>, frame: &FrameHandle, specification: &str) -> Result<String> {
        Err(missing("models.bias"))
    }
    /// `model.metadata`: a `model-metadata` document.
    fn model_metadata(&self, model: &ModelHandle) -> String {
        "null".to_owned()
    }
    /// `model.predict`.
    fn model_predict(&self, model: &ModelHandle, frame: &FrameHandle) -> Result<FrameHandle> {
        Err(missing("model.predict"))
    }
    /// `model.evaluate`: a report by an `evaluation-specification` document.
    fn model_evaluate(&self, model: &ModelHandle, frame: &FrameHandle, specification: &str) -> Result<String> {
        Err(missing("model.evaluate"))
    }
    /// `model.evaluate-clustering`: a `clustering-report` document by a `clustering-specification` document.
    fn model_evaluate_clustering(
        &self,
        model: &ModelHandle,
        frame: &FrameHandle,
        specification: &str,
    ) -> Result<String> {
        Err(missing("model.evaluate-clustering"))
    }
    /// `model.evaluate-policy`: a `reinforcement-report` document.
    fn model_evaluate_policy(
        &self,
        model: &ModelHandle,
        environment: &str,
        episodes: u32,
        seed: u64,
    ) -> Result<String> {
        Err(missing("model.evaluate-policy"))
    }
    /// `model.explain`, by an `explanation-specification` document: a report, figures, and the values of every row.
    fn model_explain(
        &self,
        model: &ModelHandle,
        rows: &FrameHandle,
        background: Option<&FrameHandle>,
        specification: &str,
    ) -> Result<(String, Vec<String>, FrameHandle)> {
        Err(missing("model.explain"))
    }
    /// `model.training-output`.
    fn model_training_output(&self, model: &ModelHandle) -> Result<FrameHandle> {
        Err(missing("model.training-output"))
    }
    /// `model.save-as`.
    fn model_save_as(
        &self,
        model: &ModelHandle,
        format: ModelFormat,
        uri: &str,
        precondition: &Precondition,
    ) -> Result<Written> {
        Err(missing("model.save-as"))
    }
    /// `model.save`.
    fn model_save(&self, model: &ModelHandle, uri: &str, precondition: &Precondition) -> Result<Written> {
        Err(missing("model.save"))
    }

    /// `notices.resource-updated`.
    fn notice_resource_updated(&self, uri: &str) {}
    /// `notices.tools-changed`.
    fn notice_tools_changed(&self) {}
    /// `notices.prompts-changed`.
    fn notice_prompts_changed(&self) {}
    /// `notices.resources-changed`.
    fn notice_resources_changed(&self) {}

    /// `http.send`.
    fn http_send(&self, request: &Request) -> Result<Response> {
        Err(missing("http.send"))
    }
    /// `secrets.exists`.
    fn secret_exists(&self, name: &str) -> Result<bool> {
        Err(missing("secrets.exists"))
    }
    /// `tools.call`; `arguments` is a JSON object, as is the structured result.
    fn tool_call(&self, tool: &str, arguments: &str) -> Result<Reply<Option<String>>> {
        Err(missing("tools.call"))
    }

    /// `jobs.start`, by a `job-order` document: a `job` document.
    fn job_start(&self, order: &str) -> Result<String> {
        Err(missing("jobs.start"))
    }
    /// `jobs.get`: a `job` document.
    fn job_get(&self, name: &str) -> Result<String> {
        Err(missing("jobs.get"))
    }
    /// `jobs.list`: a `job-page` document.
    fn job_list(&self, prefix: &str, cursor: Option<&str>, limit: u32) -> Result<String> {
        Err(missing("jobs.list"))
    }
    /// `jobs.stop`: a `job` document.
    fn job_stop(&self, name: &str) -> Result<String> {
        Err(missing("jobs.stop"))
    }

    /// `charts.draw`, of a `figure` document.
    fn chart_draw(&self, figure: &str) -> Result<Drawing> {
        Err(missing("charts.draw"))
    }
}

/// The fault of a host that lacks `function`.
fn missing(function: &str) -> Fault {
    Fault::failed("host_function_missing", format!("the installed host has no `{function}`"))
        .hint("run the tool inside `kumiko_sdk::host::with` and a host that has it, such as that of kumiko-test-kit")
}
