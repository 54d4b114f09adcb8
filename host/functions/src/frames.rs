//! `kumiko:host/frames`: tables in the host, and pipelines fitted on them.

use kumiko_frames::{Frame, Pipeline};
use kumiko_services::objects::Objects;
use kumiko_vocabulary::Fault;
use kumiko_vocabulary::data::{ReadOptions, WriteOptions};
use wasmtime::component::{HasData, Resource, ResourceTable};

use crate::bindings::kumiko::host::frames as contract;
use crate::bindings::kumiko::host::objects as object_contract;
use crate::cache::{Cached, Key};
use crate::objects::MAXIMUM_TRANSFER;
use crate::state::Shared;
use crate::{Refusal, documents};

/// The most rows that `rows` hands out at once.
const MAXIMUM_ROWS: u32 = 1_000;

/// The most bytes of Arrow IPC that cross the boundary at once: half of a guest's default memory.
const MAXIMUM_ARROW: usize = 64 * 1024 * 1024;

pub(crate) struct Frames;

impl HasData for Frames {
    type Data<'a> = FramesView<'a>;
}

/// The borrowed view on which the contract is implemented.
pub(crate) struct FramesView<'a> {
    pub(crate) call: Shared<'a>,
    pub(crate) table: &'a mut ResourceTable,
}

impl FramesView<'_> {
    fn frame(&self, handle: &Resource<Frame>) -> Result<Frame, Refusal> {
        self.table.get(handle).cloned().map_err(Refusal::handle)
    }

    fn pipeline(&self, handle: &Resource<Pipeline>) -> Result<Pipeline, Refusal> {
        self.table.get(handle).cloned().map_err(Refusal::handle)
    }

    fn push(&mut self, frame: Frame) -> Result<Resource<Frame>, Refusal> {
        self.table.push(frame).map_err(Refusal::handle)
    }
}

impl contract::Host for FramesView<'_> {
    async fn open(&mut self, uri: String, options: String) -> Result<Resource<Frame>, Refusal> {
        let options: ReadOptions = documents::parse("read-options", &options)?;
        let uri = self.call.readable(&uri).await?;
        let info = self.call.services.objects.head(&uri).await?;
        let key = Key { uri: info.uri.clone(), etag: info.etag, reading: documents::text(&options)? };
        if let Some(Cached::Frame(frame)) = self.call.services.cache.get(&key) {
            return self.push(frame);
        }
        let local = self.call.services.objects.localize(&uri).await?;
        let name = info.uri;
        let limit = self.call.services.frame_bytes;
        let frame = self
            .call
            .compute(move |control| {
                Frame::check_size(local.path(), &name, &options, limit)?;
                Frame::read(local.path(), &name, &options, control)
            })
            .await?;
        self.call.services.cache.insert(key, Cached::Frame(frame.clone()), frame.estimated_size());
        self.push(frame)
    }

    async fn from_rows(&mut self, rows: String) -> Result<Resource<Frame>, Refusal> {
        let rows: serde_json::Value = documents::parse("rows", &rows)?;
        let frame = self.call.compute(move |_| Frame::from_rows(&rows)).await?;
        self.push(frame)
    }

    async fn from_arrow(&mut self, bytes: Vec<u8>) -> Result<Resource<Frame>, Refusal> {
        let frame = self.call.compute(move |_| Frame::from_arrow(&bytes)).await?;
        self.push(frame)
    }

    async fn sql(&mut self, query: String, tables: Vec<contract::Table>) -> Result<Resource<Frame>, Refusal> {
        let mut named = Vec::with_capacity(tables.len());
        for table in tables {
            named.push((table.name, self.frame(&table.frame)?));
        }
        let frame = self.call.compute(move |_| Frame::sql(&query, &named)).await?;
        self.push(frame)
    }
}

impl contract::HostFrame for FramesView<'_> {
    async fn schema(&mut self, frame: Resource<Frame>) -> wasmtime::Result<String> {
        let frame = self.table.get(&frame)?;
        Ok(documents::text(&frame.schema())?)
    }

    async fn height(&mut self, frame: Resource<Frame>) -> Result<u64, Refusal> {
        Ok(self.frame(&frame)?.height() as u64)
    }

    async fn rows(&mut self, frame: Resource<Frame>, offset: u64, count: u32) -> Result<String, Refusal> {
        if count > MAXIMUM_ROWS {
            return Err(Fault::invalid(
                "out_of_range",
                format!("`count` is {count}; at most {MAXIMUM_ROWS} rows are handed out at once"),
            )
            .into());
        }
        let frame = self.frame(&frame)?;
        let rows = self.call.compute(move |_| frame.rows(offset, count)).await?;
        Ok(documents::text(&rows)?)
    }

    async fn summary(&mut self, frame: Resource<Frame>, sample: u32) -> Result<String, Refusal> {
        let frame = self.frame(&frame)?;
        let summary = self.call.compute(move |_| frame.summary(sample.min(MAXIMUM_ROWS))).await?;
        Ok(documents::text(&summary)?)
    }

    async fn validate(&mut self, frame: Resource<Frame>, rules: String) -> Result<String, Refusal> {
        let rules = documents::parse("validation-rules", &rules)?;
        let frame = self.frame(&frame)?;
        let report = self.call.compute(move |_| frame.validate(&rules)).await?;
        Ok(documents::text(&report)?)
    }

    async fn split(&mut self, frame: Resource<Frame>, split: String) -> Result<Vec<Resource<Frame>>, Refusal> {
        let split = documents::parse("split", &split)?;
        let frame = self.frame(&frame)?;
        let parts = self.call.compute(move |_| frame.split(&split)).await?;
        parts.into_iter().map(|part| self.push(part)).collect()
    }

    async fn balance(&mut self, frame: Resource<Frame>, balancing: String) -> Result<Resource<Frame>, Refusal> {
        let balancing = documents::parse("balancing", &balancing)?;
        let frame = self.frame(&frame)?;
        let balanced = self.call.compute(move |_| frame.balance(&balancing)).await?;
        self.push(balanced)
    }

    async fn numbers(&mut self, frame: Resource<Frame>, column: String) -> Result<Vec<f64>, Refusal> {
        let frame = self.frame(&frame)?;
        Ok(self.call.compute(move |_| frame.numbers(&column)).await?)
    }

    async fn arrow(&mut self, frame: Resource<Frame>, columns: Vec<String>) -> Result<Vec<u8>, Refusal> {
        let frame = self.frame(&frame)?;
        let bytes = self.call.compute(move |_| frame.arrow(&columns)).await?;
        if bytes.len() > MAXIMUM_ARROW {
            let message = format!(
                "the columns take {} bytes as Arrow IPC; at most {MAXIMUM_ARROW} are handed out at once",
                bytes.len()
            );
            return Err(Fault::invalid("columns_too_large", message)
                .hint("name fewer columns, or select fewer rows with SQL")
                .into());
        }
        Ok(bytes)
    }

    async fn write(
        &mut self,
        frame: Resource<Frame>,
        uri: String,
        options: String,
        precondition: object_contract::Precondition,
    ) -> Result<object_contract::Written, Refusal> {
        let options: WriteOptions = documents::parse("write-options", &options)?;
        let frame = self.frame(&frame)?;
        let objects = &self.call.services.objects;
        let uri = self.call.writable(&uri).await?;
        let mut scratch = objects.scratch()?;
        let mut file = scratch.file_mut().try_clone().map_err(|error| crate::objects::scratch_failed(&error))?;
        self.call.compute(move |control| frame.write(&mut file, &options, control)).await?;
        let written = objects.put_file(&uri, scratch.path(), None, &precondition.into()).await?;
        self.call.wrote(&written);
        Ok(written.into())
    }

    async fn drop(&mut self, frame: Resource<Frame>) -> wasmtime::Result<()> {
        self.table.delete(frame)?;
        Ok(())
    }
}

impl contract::HostPipeline for FramesView<'_> {
    async fn fit(&mut self, frame: Resource<Frame>, specification: String) -> Result<contract::Fitted, Refusal> {
        let specification = documents::parse("pipeline", &specification)?;
        let frame = self.frame(&frame)?;
        let (pipeline, frame) =
            self.call.compute(move |control| Pipeline::fit(&frame, &specification, control)).await?;
        Ok(contract::Fitted { pipeline: self.table.push(pipeline).map_err(Refusal::handle)?, frame: self.push(frame)? })
    }

    async fn load(&mut self, uri: String) -> Result<Resource<Pipeline>, Refusal> {
        let uri = self.call.readable(&uri).await?;
        let bytes = read_document(&self.call.services.objects, &uri).await?;
        let pipeline = self.call.compute(move |_| Pipeline::from_bytes(&bytes, &uri)).await?;
        self.table.push(pipeline).map_err(Refusal::handle)
    }

    async fn apply(
        &mut self,
        pipeline: Resource<Pipeline>,
        frame: Resource<Frame>,
    ) -> Result<Resource<Frame>, Refusal> {
        let (pipeline, frame) = (self.pipeline(&pipeline)?, self.frame(&frame)?);
        let applied = self.call.compute(move |_| pipeline.apply(&frame)).await?;
        self.push(applied)
    }

    async fn describe(&mut self, pipeline: Resource<Pipeline>) -> wasmtime::Result<String> {
        let pipeline = self.table.get(&pipeline)?;
        Ok(documents::text(&pipeline.describe())?)
    }

    async fn save(
        &mut self,
        pipeline: Resource<Pipeline>,
        uri: String,
        precondition: object_contract::Precondition,
    ) -> Result<object_contract::Written, Refusal> {
        let uri = self.call.writable(&uri).await?;
        let pipeline = self.pipeline(&pipeline)?;
        let bytes = self.call.compute(move |_| pipeline.to_bytes()).await?;
        let objects = &self.call.services.objects;
        let written = objects.put_bytes(&uri, bytes.into(), Some("application/json"), &precondition.into()).await?;
        self.call.wrote(&written);
        Ok(written.into())
    }

    async fn drop(&mut self, pipeline: Resource<Pipeline>) -> wasmtime::Result<()> {
        self.table.delete(pipeline)?;
        Ok(())
    }
}

/// Reads an object that must be a document: a pipeline, never a data set.
async fn read_document(objects: &Objects, uri: &str) -> Result<Vec<u8>, Fault> {
    let info = objects.head(uri).await?;
    if info.size > MAXIMUM_TRANSFER {
        let message =
            format!("`{uri}` has {} bytes, more than any saved pipeline ({MAXIMUM_TRANSFER} at most)", info.size);
        return Err(Fault::invalid("not_a_pipeline", message)
            .hint("give the uri that `pipeline_uri` named when the data was preprocessed"));
    }
    Ok(objects.get(uri, None).await?.to_vec())
}
