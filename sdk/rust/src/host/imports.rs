//! The host of a component: its imports.

use super::{FrameHandle, Host, ModelHandle, PipelineHandle, UploadHandle};
use crate::bindings::kumiko::host::{
    charts, frames, http, jobs, log, models, notices, objects, progress, secrets, tools, types as wire,
};
use crate::bindings::wasi::{clocks::wall_clock, random::random};
use crate::charts::Drawing;
use crate::content::{Body, Content, EmbeddedResource, Link, Media};
use crate::fault::wire::inward;
use crate::http::{Request, Response};
use crate::log::Level;
use crate::models::ModelFormat;
use crate::objects::{Listing, ObjectInfo, Precondition, Written};
use crate::{Reply, Result};

/// The imports of the component.
pub(crate) struct Imports;

/// Calls the host. Which function is known when the component is built, so it is a direct call, and what no tool calls
/// is not imported.
pub(crate) fn call<R>(function: impl FnOnce(&Imports) -> R) -> R {
    function(&Imports)
}

fn level(level: Level) -> log::Level {
    match level {
        Level::Trace => log::Level::Trace,
        Level::Debug => log::Level::Debug,
        Level::Info => log::Level::Info,
        Level::Warn => log::Level::Warn,
        Level::Error => log::Level::Error,
    }
}

fn precondition(precondition: &Precondition) -> objects::Precondition {
    match precondition {
        Precondition::None => objects::Precondition::None,
        Precondition::Absent => objects::Precondition::Absent,
        Precondition::Unchanged(etag) => objects::Precondition::Unchanged(etag.clone()),
    }
}

fn info(info: objects::ObjectInfo) -> ObjectInfo {
    let objects::ObjectInfo { uri, size, etag, media_type, modified } = info;
    ObjectInfo { uri, size, etag, media_type, modified }
}

fn written(written: objects::Written) -> Written {
    Written { info: info(written.info), sha256: written.sha256 }
}

fn media(media: wire::Media) -> Media {
    Media { data: media.data, media_type: media.media_type }
}

fn content(content: wire::Content) -> Content {
    match content {
        wire::Content::Text(text) => Content::Text(text),
        wire::Content::Image(image) => Content::Image(media(image)),
        wire::Content::Audio(audio) => Content::Audio(media(audio)),
        wire::Content::Resource(wire::EmbeddedResource { uri, media_type, body }) => {
            let body = match body {
                wire::ResourceBody::Text(text) => Body::Text(text),
                wire::ResourceBody::Blob(bytes) => Body::Blob(bytes),
            };
            Content::Resource(EmbeddedResource { uri, media_type, body })
        }
        wire::Content::Link(wire::ResourceLink { uri, name, title, description, media_type, size }) => {
            Content::Link(Link { uri, name, title, description, media_type, size })
        }
    }
}

impl Host for Imports {
    fn log_write(&self, of: Level, message: &str) {
        log::write(level(of), message);
    }
    fn log_enabled(&self, of: Level) -> bool {
        log::enabled(level(of))
    }

    fn progress_report(&self, done: f64, total: Option<f64>, message: &str) {
        progress::report(done, total, message);
    }
    fn progress_is_cancelled(&self) -> bool {
        progress::is_cancelled()
    }

    fn clock_now(&self) -> (u64, u32) {
        let time = wall_clock::now();
        (time.seconds, time.nanoseconds)
    }
    fn random_bytes(&self, length: u64) -> Vec<u8> {
        random::get_random_bytes(length)
    }
    fn random_number(&self) -> u64 {
        random::get_random_u64()
    }

    fn object_home(&self) -> String {
        objects::home()
    }
    fn object_head(&self, uri: &str) -> Result<ObjectInfo> {
        objects::head(uri).map(info).map_err(inward)
    }
    fn object_get(&self, uri: &str) -> Result<Vec<u8>> {
        objects::get(uri).map_err(inward)
    }
    fn object_get_range(&self, uri: &str, offset: u64, length: u64) -> Result<Vec<u8>> {
        objects::get_range(uri, offset, length).map_err(inward)
    }
    fn object_put(&self, uri: &str, body: &[u8], media_type: Option<&str>, holds: &Precondition) -> Result<Written> {
        objects::put(uri, body, media_type, &precondition(holds)).map(written).map_err(inward)
    }
    fn object_copy(&self, source: &str, destination: &str, holds: &Precondition) -> Result<Written> {
        objects::copy(source, destination, &precondition(holds)).map(written).map_err(inward)
    }
    fn object_list(&self, prefix: &str, cursor: Option<&str>, limit: u32) -> Result<Listing> {
        let page = objects::list(prefix, cursor, limit).map_err(inward)?;
        Ok(Listing { objects: page.objects.into_iter().map(info).collect(), cursor: page.cursor })
    }
    fn object_delete(&self, uri: &str, holds: &Precondition) -> Result<()> {
        objects::delete(uri, &precondition(holds)).map_err(inward)
    }
    fn object_create(&self, uri: &str, media_type: Option<&str>, holds: &Precondition) -> Result<UploadHandle> {
        objects::create(uri, media_type, &precondition(holds)).map_err(inward)
    }
    fn upload_write(&self, upload: &UploadHandle, bytes: &[u8]) -> Result<()> {
        upload.write(bytes).map_err(inward)
    }
    fn upload_finish(&self, upload: &UploadHandle) -> Result<Written> {
        upload.finish().map(written).map_err(inward)
    }

    fn frame_open(&self, uri: &str, options: &str) -> Result<FrameHandle> {
        frames::open(uri, options).map_err(inward)
    }
    fn frame_from_rows(&self, rows: &str) -> Result<FrameHandle> {
        frames::from_rows(rows).map_err(inward)
    }
    fn frame_from_arrow(&self, bytes: &[u8]) -> Result<FrameHandle> {
        frames::from_arrow(bytes).map_err(inward)
    }
    fn frame_sql(&self, query: &str, tables: &[(&str, &FrameHandle)]) -> Result<FrameHandle> {
        let tables: Vec<frames::Table<'_>> =
            tables.iter().map(|&(name, frame)| frames::Table { name: name.to_owned(), frame }).collect();
        frames::sql(query, &tables).map_err(inward)
    }
    fn frame_schema(&self, frame: &FrameHandle) -> String {
        frame.schema()
    }
    fn frame_height(&self, frame: &FrameHandle) -> Result<u64> {
        frame.height().map_err(inward)
    }
    fn frame_rows(&self, frame: &FrameHandle, offset: u64, count: u32) -> Result<String> {
        frame.rows(offset, count).map_err(inward)
    }
    fn frame_summary(&self, frame: &FrameHandle, sample: u32) -> Result<String> {
        frame.summary(sample).map_err(inward)
    }
    fn frame_validate(&self, frame: &FrameHandle, rules: &str) -> Result<String> {
        frame.validate(rules).map_err(inward)
    }
    fn frame_split(&self, frame: &FrameHandle, split: &str) -> Result<Vec<FrameHandle>> {
        frame.split(split).map_err(inward)
    }
    fn frame_balance(&self, frame: &FrameHandle, balancing: &str) -> Result<FrameHandle> {
        frame.balance(balancing).map_err(inward)
    }
    fn frame_numbers(&self, frame: &FrameHandle, column: &str) -> Result<Vec<f64>> {
        frame.numbers(column).map_err(inward)
    }
    fn frame_arrow(&self, frame: &FrameHandle, columns: &[String]) -> Result<Vec<u8>> {
        frame.arrow(columns).map_err(inward)
    }
    fn frame_write(&self, frame: &FrameHandle, uri: &str, options: &str, holds: &Precondition) -> Result<Written> {
        frame.write(uri, options, &precondition(holds)).map(written).map_err(inward)
    }

    fn pipeline_fit(&self, frame: &FrameHandle, specification: &str) -> Result<(PipelineHandle, FrameHandle)> {
        let fitted = PipelineHandle::fit(frame, specification).map_err(inward)?;
        Ok((fitted.pipeline, fitted.frame))
    }
    fn pipeline_load(&self, uri: &str) -> Result<PipelineHandle> {
        PipelineHandle::load(uri).map_err(inward)
    }
    fn pipeline_apply(&self, pipeline: &PipelineHandle, frame: &FrameHandle) -> Result<FrameHandle> {
        pipeline.apply(frame).map_err(inward)
    }
    fn pipeline_describe(&self, pipeline: &PipelineHandle) -> String {
        pipeline.describe()
    }
    fn pipeline_save(&self, pipeline: &PipelineHandle, uri: &str, holds: &Precondition) -> Result<Written> {
        pipeline.save(uri, &precondition(holds)).map(written).map_err(inward)
    }

    fn model_train(
        &self,
        training: &FrameHandle,
        specification: &str,
        validation: Option<&FrameHandle>,
        preprocessing: Option<&PipelineHandle>,
    ) -> Result<ModelHandle> {
        models::train(training, specification, &models::TrainingInputs { validation, preprocessing }).map_err(inward)
    }
    fn model_train_columnwise(
        &self,
        uri: &str,
        options: &str,
        specification: &str,
        validation: Option<&FrameHandle>,
    ) -> Result<ModelHandle> {
        models::train_columnwise(uri, options, specification, validation).map_err(inward)
    }
    fn model_train_policy(&self, specification: &str, trajectories: Option<&FrameHandle>) -> Result<ModelHandle> {
        models::train_policy(specification, trajectories).map_err(inward)
    }
    fn model_load(&self, uri: &str) -> Result<ModelHandle> {
        models::load(uri).map_err(inward)
    }
    fn model_compare(&self, compared: &[&ModelHandle], frame: &FrameHandle, specification: &str) -> Result<String> {
        models::compare(compared, frame, specification).map_err(inward)
    }
    fn model_cross_validate(
        &self,
        frame: &FrameHandle,
        specifications: &[String],
        validation: &str,
    ) -> Result<Vec<String>> {
        models::cross_validate(frame, specifications, validation).map_err(inward)
    }

    fn model_bias(&self, model: Option<&ModelHandle>, frame: &FrameHandle, specification: &str) -> Result<String> {
        models::bias(model, frame, specification).map_err(inward)
    }
    fn model_metadata(&self, model: &ModelHandle) -> String {
        model.metadata()
    }
    fn model_predict(&self, model: &ModelHandle, frame: &FrameHandle) -> Result<FrameHandle> {
        model.predict(frame).map_err(inward)
    }
    fn model_evaluate(&self, model: &ModelHandle, frame: &FrameHandle, specification: &str) -> Result<String> {
        model.evaluate(frame, specification).map_err(inward)
    }
    fn model_evaluate_clustering(
        &self,
        model: &ModelHandle,
        frame: &FrameHandle,
        specification: &str,
    ) -> Result<String> {
        model.evaluate_clustering(frame, specification).map_err(inward)
    }
    fn model_evaluate_policy(
        &self,
        model: &ModelHandle,
        environment: &str,
        episodes: u32,
        seed: u64,
    ) -> Result<String> {
        model.evaluate_policy(environment, episodes, seed).map_err(inward)
    }
    fn model_explain(
        &self,
        model: &ModelHandle,
        rows: &FrameHandle,
        background: Option<&FrameHandle>,
        specification: &str,
    ) -> Result<(String, Vec<String>, FrameHandle)> {
        let explained = model.explain(rows, background, specification).map_err(inward)?;
        Ok((explained.report, explained.figures, explained.values))
    }
    fn model_training_output(&self, model: &ModelHandle) -> Result<FrameHandle> {
        model.training_output().map_err(inward)
    }
    fn model_save_as(
        &self,
        model: &ModelHandle,
        format: ModelFormat,
        uri: &str,
        holds: &Precondition,
    ) -> Result<Written> {
        let format = match format {
            ModelFormat::XgboostJson => models::ModelFormat::XgboostJson,
            ModelFormat::Onnx => models::ModelFormat::Onnx,
        };
        model.save_as(format, uri, &precondition(holds)).map(written).map_err(inward)
    }
    fn model_save(&self, model: &ModelHandle, uri: &str, holds: &Precondition) -> Result<Written> {
        model.save(uri, &precondition(holds)).map(written).map_err(inward)
    }

    fn chart_draw(&self, figure: &str) -> Result<Drawing> {
        charts::draw(figure).map(|drawing| Drawing { svg: drawing.svg, png: drawing.png }).map_err(inward)
    }

    fn notice_resource_updated(&self, uri: &str) {
        notices::resource_updated(uri);
    }
    fn notice_tools_changed(&self) {
        notices::tools_changed();
    }
    fn notice_prompts_changed(&self) {
        notices::prompts_changed();
    }
    fn notice_resources_changed(&self) {
        notices::resources_changed();
    }

    fn http_send(&self, request: &Request) -> Result<Response> {
        let http::Response { status, headers, body, url } = http::send(&http::Request {
            method: request.method.clone(),
            url: request.url.clone(),
            headers: request.headers.clone(),
            body: request.body.clone(),
            timeout: request.timeout_milliseconds,
        })
        .map_err(inward)?;
        Ok(Response { status, headers, body, url })
    }
    fn secret_exists(&self, name: &str) -> Result<bool> {
        secrets::exists(name).map_err(inward)
    }
    fn tool_call(&self, tool: &str, arguments: &str) -> Result<Reply<Option<String>>> {
        let answer = tools::call(tool, arguments).map_err(inward)?;
        Ok(Reply { structured: answer.structured, content: answer.content.into_iter().map(content).collect() })
    }

    fn job_start(&self, order: &str) -> Result<String> {
        jobs::start(order).map_err(inward)
    }
    fn job_get(&self, name: &str) -> Result<String> {
        jobs::get(name).map_err(inward)
    }
    fn job_list(&self, prefix: &str, cursor: Option<&str>, limit: u32) -> Result<String> {
        jobs::list(prefix, cursor, limit).map_err(inward)
    }
    fn job_stop(&self, name: &str) -> Result<String> {
        jobs::stop(name).map_err(inward)
    }
}
