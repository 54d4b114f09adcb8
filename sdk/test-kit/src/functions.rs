//! Every function of the contract, done by the libraries of the server.

use std::cell::RefCell;
use std::io::Write as _;
use std::sync::{Arc, PoisonError};

use kumiko_frames::{Frame, Pipeline};
use kumiko_modelling::{AnyModel, Stored};
use kumiko_sdk::charts::Drawing;
use kumiko_sdk::host::{FrameHandle, Host, ModelHandle, PipelineHandle, UploadHandle};
use kumiko_sdk::http::{Request, Response};
use kumiko_sdk::log::Level;
use kumiko_sdk::models::ModelFormat;
use kumiko_sdk::objects::{Listing, ObjectInfo, Precondition, Written};
use kumiko_sdk::{Fault, Reply, Result};
use kumiko_services::jobs::Jobs as _;
use kumiko_services::objects as services;
use kumiko_vocabulary::Control as _;
use kumiko_vocabulary::data::ReadOptions;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::kit::Inner;
use crate::notices::Notice;

/// The most bytes that cross the boundary in one call, as `wit/deps/host/objects.wit` has it.
const MAXIMUM_TRANSFER: u64 = 8 * 1024 * 1024;
/// The most objects of one page.
const MAXIMUM_PAGE: u32 = 1_000;
/// The most rows that are handed out at once, as `wit/deps/host/frames.wit` has it.
const MAXIMUM_ROWS: u32 = 1_000;
/// The most bytes of Arrow IPC, as `wit/deps/host/frames.wit` has it.
const MAXIMUM_ARROW: usize = 64 * 1024 * 1024;
/// The media type of the native model format.
const MODEL_MEDIA_TYPE: &str = "application/vnd.kumiko.model";
/// The plugin that jobs are started by in a test.
const TEST_PLUGIN: &str = "test";
/// What is added to the state of the random numbers at each step (SplitMix64, Steele et al. 2014).
const RANDOM_STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// An object that is being written.
struct Upload {
    uri: String,
    file: RefCell<services::ScratchFile>,
    media_type: Option<String>,
    precondition: services::Precondition,
}

/// Reads a document of the vocabulary.
fn parse<T: DeserializeOwned>(what: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| {
        Fault::invalid("malformed_document", format!("the {what} document is not as documented: {error}"))
    })
}

/// Writes a document.
fn text<T: Serialize>(document: &T) -> Result<String> {
    serde_json::to_string(document)
        .map_err(|error| Fault::failed("internal", format!("a result could not be written as JSON: {error}")))
}

fn precondition(precondition: &Precondition) -> services::Precondition {
    match precondition {
        Precondition::None => services::Precondition::None,
        Precondition::Absent => services::Precondition::Absent,
        Precondition::Unchanged(etag) => services::Precondition::Unchanged(etag.clone()),
    }
}

fn info(info: services::ObjectInfo) -> ObjectInfo {
    let services::ObjectInfo { uri, size, etag, media_type, modified } = info;
    ObjectInfo { uri, size, etag, media_type, modified }
}

fn written(written: services::Written) -> Written {
    Written { info: info(written.info), sha256: written.sha256 }
}

fn frame(handle: &FrameHandle) -> Result<&Frame> {
    handle.get()
}

fn pipeline(handle: &PipelineHandle) -> Result<&Pipeline> {
    handle.get()
}

fn model(handle: &ModelHandle) -> Result<&Arc<AnyModel>> {
    handle.get()
}

impl Inner {
    fn put_file(
        &self,
        uri: &str,
        file: &services::ScratchFile,
        media_type: Option<&str>,
        holds: &services::Precondition,
    ) -> Result<Written> {
        self.wait(self.objects.put_file(uri, file.path(), media_type, holds)).map(written)
    }

    fn put_bytes(&self, uri: &str, body: Vec<u8>, media_type: Option<&str>, holds: &Precondition) -> Result<Written> {
        self.wait(self.objects.put_bytes(uri, body.into(), media_type, &precondition(holds))).map(written)
    }

    fn wait_for_job<T>(
        &self,
        operation: impl Future<Output = std::result::Result<T, kumiko_services::jobs::Error>>,
    ) -> Result<T> {
        Ok(self.runtime.block_on(operation)?)
    }

    fn read(&self, uri: &str) -> Result<Vec<u8>> {
        Ok(self.wait(self.objects.get(uri, None))?.to_vec())
    }
}

fn scratch_failed(error: &std::io::Error) -> Fault {
    Fault::failed("scratch_failed", format!("the test's host cannot write to its temporary folder: {error}"))
}

impl Host for Inner {
    fn log_write(&self, level: Level, message: &str) {
        self.lines.borrow_mut().push((level, message.to_owned()));
    }
    fn log_enabled(&self, _level: Level) -> bool {
        true
    }

    fn progress_report(&self, done: f64, total: Option<f64>, message: &str) {
        self.watch.report(done, total, message);
    }
    fn progress_is_cancelled(&self) -> bool {
        self.watch.is_cancelled()
    }

    fn clock_now(&self) -> (u64, u32) {
        let now = *self.clock.lock().unwrap_or_else(PoisonError::into_inner);
        (now.as_secs(), now.subsec_nanos())
    }
    fn random_bytes(&self, length: u64) -> Vec<u8> {
        (0..length).map(|_| u8::try_from(self.random_number() & 0xff).unwrap_or_default()).collect()
    }
    fn random_number(&self) -> u64 {
        let mut state = self.random.borrow_mut();
        *state = state.wrapping_add(RANDOM_STEP);
        let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn object_head(&self, uri: &str) -> Result<ObjectInfo> {
        self.wait(self.objects.head(uri)).map(info)
    }
    fn object_get(&self, uri: &str) -> Result<Vec<u8>> {
        let size = self.object_head(uri)?.size;
        if size > MAXIMUM_TRANSFER {
            let message = format!("`{uri}` has {size} bytes; at most {MAXIMUM_TRANSFER} can be read at once");
            return Err(Fault::invalid("object_too_large", message).hint("read it in ranges, or open it as a frame"));
        }
        self.read(uri)
    }
    fn object_get_range(&self, uri: &str, offset: u64, length: u64) -> Result<Vec<u8>> {
        let end = offset.saturating_add(length.min(MAXIMUM_TRANSFER));
        Ok(self.wait(self.objects.get(uri, Some(offset..end)))?.to_vec())
    }
    fn object_put(&self, uri: &str, body: &[u8], media_type: Option<&str>, holds: &Precondition) -> Result<Written> {
        self.put_bytes(uri, body.to_vec(), media_type, holds)
    }
    fn object_copy(&self, source: &str, destination: &str, holds: &Precondition) -> Result<Written> {
        self.wait(self.objects.copy(source, destination, &precondition(holds))).map(written)
    }
    fn object_list(&self, prefix: &str, cursor: Option<&str>, limit: u32) -> Result<Listing> {
        if limit == 0 || limit > MAXIMUM_PAGE {
            return Err(Fault::invalid(
                "out_of_range",
                format!("`limit` is {limit}; a page has 1 to {MAXIMUM_PAGE} objects"),
            ));
        }
        let page = self.wait(self.objects.list(prefix, cursor, limit as usize))?;
        Ok(Listing { objects: page.objects.into_iter().map(info).collect(), cursor: page.cursor })
    }
    fn object_delete(&self, uri: &str, holds: &Precondition) -> Result<()> {
        self.wait(self.objects.delete(uri, &precondition(holds)))
    }
    fn object_create(&self, uri: &str, media_type: Option<&str>, holds: &Precondition) -> Result<UploadHandle> {
        self.wait(self.objects.plain_form(uri))?;
        Ok(UploadHandle::new(Upload {
            uri: uri.to_owned(),
            file: RefCell::new(self.objects.scratch()?),
            media_type: media_type.map(str::to_owned),
            precondition: precondition(holds),
        }))
    }
    fn upload_write(&self, upload: &UploadHandle, bytes: &[u8]) -> Result<()> {
        if bytes.len() as u64 > MAXIMUM_TRANSFER {
            let message = format!("{} bytes in one write; at most {MAXIMUM_TRANSFER} are taken", bytes.len());
            return Err(Fault::invalid("write_too_large", message));
        }
        let upload: &Upload = upload.get()?;
        upload.file.borrow_mut().file_mut().write_all(bytes).map_err(|error| scratch_failed(&error))
    }
    fn upload_finish(&self, upload: &UploadHandle) -> Result<Written> {
        let Upload { uri, file, media_type, precondition } = upload.get()?;
        self.put_file(uri, &file.borrow(), media_type.as_deref(), precondition)
    }

    fn frame_open(&self, uri: &str, options: &str) -> Result<FrameHandle> {
        let options = parse("read-options", options)?;
        let local = self.wait(self.objects.localize(uri))?;
        Ok(FrameHandle::new(Frame::read(local.path(), &local.info.uri, &options, &self.watch)?))
    }
    fn frame_from_rows(&self, rows: &str) -> Result<FrameHandle> {
        Ok(FrameHandle::new(Frame::from_rows(&parse("rows", rows)?)?))
    }
    fn frame_from_arrow(&self, bytes: &[u8]) -> Result<FrameHandle> {
        Ok(FrameHandle::new(Frame::from_arrow(bytes)?))
    }
    fn frame_sql(&self, query: &str, tables: &[(&str, &FrameHandle)]) -> Result<FrameHandle> {
        let tables = tables
            .iter()
            .map(|(name, handle)| Ok(((*name).to_owned(), frame(handle)?.clone())))
            .collect::<Result<Vec<_>>>()?;
        Ok(FrameHandle::new(Frame::sql(query, &tables)?))
    }
    fn frame_schema(&self, handle: &FrameHandle) -> String {
        frame(handle).and_then(|frame| text(&frame.schema())).unwrap_or_default()
    }
    fn frame_height(&self, handle: &FrameHandle) -> Result<u64> {
        Ok(frame(handle)?.height() as u64)
    }
    fn frame_rows(&self, handle: &FrameHandle, offset: u64, count: u32) -> Result<String> {
        if count > MAXIMUM_ROWS {
            return Err(Fault::invalid(
                "out_of_range",
                format!("`count` is {count}; at most {MAXIMUM_ROWS} rows are handed out at once"),
            ));
        }
        text(&frame(handle)?.rows(offset, count)?)
    }
    fn frame_summary(&self, handle: &FrameHandle, sample: u32) -> Result<String> {
        text(&frame(handle)?.summary(sample.min(MAXIMUM_ROWS))?)
    }
    fn frame_validate(&self, handle: &FrameHandle, rules: &str) -> Result<String> {
        text(&frame(handle)?.validate(&parse("validation-rules", rules)?)?)
    }
    fn frame_split(&self, handle: &FrameHandle, split: &str) -> Result<Vec<FrameHandle>> {
        Ok(frame(handle)?.split(&parse("split", split)?)?.into_iter().map(FrameHandle::new).collect())
    }
    fn frame_balance(&self, handle: &FrameHandle, balancing: &str) -> Result<FrameHandle> {
        Ok(FrameHandle::new(frame(handle)?.balance(&parse("balancing", balancing)?)?))
    }
    fn frame_numbers(&self, handle: &FrameHandle, column: &str) -> Result<Vec<f64>> {
        Ok(frame(handle)?.numbers(column)?)
    }
    fn frame_arrow(&self, handle: &FrameHandle, columns: &[String]) -> Result<Vec<u8>> {
        let bytes = frame(handle)?.arrow(columns)?;
        if bytes.len() > MAXIMUM_ARROW {
            let message = format!(
                "the columns take {} bytes as Arrow IPC; at most {MAXIMUM_ARROW} are handed out at once",
                bytes.len()
            );
            return Err(
                Fault::invalid("columns_too_large", message).hint("name fewer columns, or select fewer rows with SQL")
            );
        }
        Ok(bytes)
    }
    fn frame_write(&self, handle: &FrameHandle, uri: &str, options: &str, holds: &Precondition) -> Result<Written> {
        self.wait(self.objects.plain_form(uri))?;
        let mut scratch = self.objects.scratch()?;
        frame(handle)?.write(scratch.file_mut(), &parse("write-options", options)?, &self.watch)?;
        self.put_file(uri, &scratch, None, &precondition(holds))
    }

    fn pipeline_fit(&self, handle: &FrameHandle, specification: &str) -> Result<(PipelineHandle, FrameHandle)> {
        let (pipeline, frame) = Pipeline::fit(frame(handle)?, &parse("pipeline", specification)?, &self.watch)?;
        Ok((PipelineHandle::new(pipeline), FrameHandle::new(frame)))
    }
    fn pipeline_load(&self, uri: &str) -> Result<PipelineHandle> {
        Ok(PipelineHandle::new(Pipeline::from_bytes(&self.read(uri)?, uri)?))
    }
    fn pipeline_apply(&self, handle: &PipelineHandle, to: &FrameHandle) -> Result<FrameHandle> {
        Ok(FrameHandle::new(pipeline(handle)?.apply(frame(to)?)?))
    }
    fn pipeline_describe(&self, handle: &PipelineHandle) -> String {
        pipeline(handle).and_then(|pipeline| text(&pipeline.describe())).unwrap_or_default()
    }
    fn pipeline_save(&self, handle: &PipelineHandle, uri: &str, holds: &Precondition) -> Result<Written> {
        self.put_bytes(uri, pipeline(handle)?.to_bytes()?, Some("application/json"), holds)
    }

    fn model_train(
        &self,
        training: &FrameHandle,
        specification: &str,
        validation: Option<&FrameHandle>,
        preprocessing: Option<&PipelineHandle>,
    ) -> Result<ModelHandle> {
        let specification = parse("training-specification", specification)?;
        let validation = validation.map(frame).transpose()?;
        let preprocessing = preprocessing.map(pipeline).transpose()?;
        let model = kumiko_modelling::train(frame(training)?, validation, preprocessing, &specification, &self.watch)?;
        Ok(ModelHandle::new(Arc::new(AnyModel::from(model))))
    }
    fn model_train_columnwise(
        &self,
        uri: &str,
        options: &str,
        specification: &str,
        validation: Option<&FrameHandle>,
    ) -> Result<ModelHandle> {
        let options: ReadOptions = parse("read-options", options)?;
        let specification = parse("training-specification", specification)?;
        let local = self.wait(self.objects.localize(uri))?;
        let (path, info, format) = (local.path(), &local.info, options.format);
        let objects = self.objects.clone();
        let files = || objects.unnamed_file().map_err(std::io::Error::other);
        let stored = Stored { path, uri: &info.uri, etag: &info.etag, format, files: &files };
        let validation = validation.map(frame).transpose()?;
        let model = kumiko_modelling::train_columnwise(&stored, validation, &specification, &self.watch)?;
        Ok(ModelHandle::new(Arc::new(AnyModel::from(model))))
    }
    fn model_train_policy(&self, specification: &str, trajectories: Option<&FrameHandle>) -> Result<ModelHandle> {
        let specification = parse("reinforcement-specification", specification)?;
        let trajectories = trajectories.map(frame).transpose()?;
        let model = kumiko_modelling::train_policy(&specification, trajectories, &self.watch)?;
        Ok(ModelHandle::new(Arc::new(AnyModel::from(model))))
    }
    fn model_load(&self, uri: &str) -> Result<ModelHandle> {
        let local = self.wait(self.objects.localize(uri))?;
        Ok(ModelHandle::new(Arc::new(kumiko_modelling::read(local.path(), &local.info.uri)?)))
    }
    fn model_compare(&self, models: &[&ModelHandle], with: &FrameHandle, specification: &str) -> Result<String> {
        let models = models.iter().map(|handle| model(handle).cloned()).collect::<Result<Vec<_>>>()?;
        let specification = parse("comparison-specification", specification)?;
        text(&kumiko_modelling::compare(&models, frame(with)?, &specification, &self.watch)?)
    }
    fn model_cross_validate(
        &self,
        on: &FrameHandle,
        specifications: &[String],
        validation: &str,
    ) -> Result<Vec<String>> {
        let specifications = specifications
            .iter()
            .map(|specification| parse("training-specification", specification))
            .collect::<Result<Vec<_>>>()?;
        let validation = parse("cross-validation", validation)?;
        kumiko_modelling::cross_validate(frame(on)?, &specifications, &validation, &self.watch)?
            .iter()
            .map(text)
            .collect()
    }

    fn model_bias(&self, of: Option<&ModelHandle>, on: &FrameHandle, specification: &str) -> Result<String> {
        let of = of.map(model).transpose()?.map(|model| &**model);
        let specification = parse("bias-specification", specification)?;
        text(&kumiko_modelling::bias(of, frame(on)?, &specification, &self.watch)?)
    }
    fn model_metadata(&self, handle: &ModelHandle) -> String {
        model(handle).and_then(|model| text(model.metadata())).unwrap_or_default()
    }
    fn model_predict(&self, handle: &ModelHandle, on: &FrameHandle) -> Result<FrameHandle> {
        Ok(FrameHandle::new(kumiko_modelling::predict(model(handle)?, frame(on)?)?))
    }
    fn model_evaluate(&self, handle: &ModelHandle, on: &FrameHandle, specification: &str) -> Result<String> {
        let specification = parse("evaluation-specification", specification)?;
        text(&kumiko_modelling::evaluate(model(handle)?, frame(on)?, &specification, &self.watch)?)
    }
    fn model_evaluate_clustering(&self, handle: &ModelHandle, on: &FrameHandle, specification: &str) -> Result<String> {
        let specification = parse("clustering-specification", specification)?;
        text(&kumiko_modelling::evaluate_clustering(model(handle)?.own()?, frame(on)?, &specification, &self.watch)?)
    }
    fn model_evaluate_policy(
        &self,
        handle: &ModelHandle,
        environment: &str,
        episodes: u32,
        seed: u64,
    ) -> Result<String> {
        text(&kumiko_modelling::evaluate_policy(model(handle)?.own()?, environment, episodes, seed, &self.watch)?)
    }
    fn model_explain(
        &self,
        handle: &ModelHandle,
        rows: &FrameHandle,
        background: Option<&FrameHandle>,
        specification: &str,
    ) -> Result<(String, Vec<String>, FrameHandle)> {
        let background = background.map(frame).transpose()?;
        let specification = parse("explanation-specification", specification)?;
        let explained =
            kumiko_modelling::explain(model(handle)?.own()?, frame(rows)?, background, &specification, &self.watch)?;
        let figures = explained.figures.iter().map(text).collect::<Result<Vec<_>>>()?;
        Ok((text(&explained.report)?, figures, FrameHandle::new(explained.values)))
    }
    fn model_training_output(&self, handle: &ModelHandle) -> Result<FrameHandle> {
        Ok(FrameHandle::new(kumiko_modelling::training_output(model(handle)?.own()?)?))
    }
    fn model_save_as(
        &self,
        handle: &ModelHandle,
        format: ModelFormat,
        uri: &str,
        holds: &Precondition,
    ) -> Result<Written> {
        let bytes = match format {
            ModelFormat::XgboostJson => kumiko_exchange::xgboost::export(model(handle)?.own()?)?,
            ModelFormat::Onnx => kumiko_exchange::onnx::export(model(handle)?.own()?)?,
        };
        self.put_bytes(uri, bytes, None, holds)
    }
    fn model_save(&self, handle: &ModelHandle, uri: &str, holds: &Precondition) -> Result<Written> {
        self.put_bytes(uri, model(handle)?.own()?.to_bytes()?, Some(MODEL_MEDIA_TYPE), holds)
    }

    fn notice_resource_updated(&self, uri: &str) {
        self.notices.resource_updated(uri);
    }
    fn notice_tools_changed(&self) {
        self.notices.notify(Notice::ToolsChanged);
    }
    fn notice_prompts_changed(&self) {
        self.notices.notify(Notice::PromptsChanged);
    }
    fn notice_resources_changed(&self) {
        self.notices.notify(Notice::ResourcesChanged);
    }

    fn http_send(&self, request: &Request) -> Result<Response> {
        self.network.send(&self.runtime, request)
    }
    fn secret_exists(&self, name: &str) -> Result<bool> {
        self.network.secret_exists(&self.runtime, name)
    }
    fn tool_call(&self, tool: &str, arguments: &str) -> Result<Reply<Option<String>>> {
        let host = self.host().ok_or_else(|| Fault::failed("test_host_failed", "the test's host is gone"))?;
        host.call_peer(tool, parse("arguments", arguments)?)
    }

    fn job_start(&self, order: &str) -> Result<String> {
        let order = parse("job-order", order)?;
        text(&self.wait_for_job(self.jobs.start(order, TEST_PLUGIN, ""))?)
    }
    fn job_get(&self, name: &str) -> Result<String> {
        text(&self.wait_for_job(self.jobs.get(name))?)
    }
    fn job_list(&self, prefix: &str, cursor: Option<&str>, limit: u32) -> Result<String> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        text(&self.wait_for_job(self.jobs.list(prefix, cursor, limit))?)
    }
    fn job_stop(&self, name: &str) -> Result<String> {
        text(&self.wait_for_job(self.jobs.stop(name))?)
    }

    fn chart_draw(&self, figure: &str) -> Result<Drawing> {
        let drawing = kumiko_charts::draw(&parse("figure", figure)?)?;
        Ok(Drawing { svg: drawing.svg, png: drawing.png })
    }
}
