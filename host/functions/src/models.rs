//! `kumiko:host/models`: models trained on frames, applied to frames, measured on frames.

use std::sync::Arc;

use kumiko_frames::{Frame, Pipeline};
use kumiko_modelling::{AnyModel, Stored};
use kumiko_vocabulary::Fault;
use kumiko_vocabulary::data::ReadOptions;
use wasmtime::component::{HasData, Resource, ResourceTable};

use crate::bindings::kumiko::host::models as contract;
use crate::bindings::kumiko::host::objects as object_contract;
use crate::cache::{Cached, Key};
use crate::state::Shared;
use crate::{Refusal, documents};

/// The media type of the native format.
const MEDIA_TYPE: &str = "application/vnd.kumiko.model";

/// The media type of XGBoost's JSON.
const XGBOOST_MEDIA_TYPE: &str = "application/json";
/// The media type of ONNX, which has none of its own.
const ONNX_MEDIA_TYPE: &str = "application/octet-stream";

/// A model in a guest's table. Loaded models are shared with the cache.
pub struct Handle(pub(crate) Arc<AnyModel>);

pub(crate) struct Models;

impl HasData for Models {
    type Data<'a> = ModelsView<'a>;
}

/// The borrowed view on which the contract is implemented.
pub(crate) struct ModelsView<'a> {
    pub(crate) call: Shared<'a>,
    pub(crate) table: &'a mut ResourceTable,
}

impl ModelsView<'_> {
    fn model(&self, handle: &Resource<Handle>) -> Result<Arc<AnyModel>, Refusal> {
        self.table.get(handle).map(|handle| Arc::clone(&handle.0)).map_err(Refusal::handle)
    }

    fn frame(&self, handle: &Resource<Frame>) -> Result<Frame, Refusal> {
        self.table.get(handle).cloned().map_err(Refusal::handle)
    }
}

impl contract::Host for ModelsView<'_> {
    async fn train(
        &mut self,
        training: Resource<Frame>,
        specification: String,
        inputs: contract::TrainingInputs,
    ) -> Result<Resource<Handle>, Refusal> {
        let specification = documents::parse("training-specification", &specification)?;
        let training = self.frame(&training)?;
        let validation = inputs.validation.map(|frame| self.frame(&frame)).transpose()?;
        let preprocessing: Option<Pipeline> = inputs
            .preprocessing
            .map(|pipeline| self.table.get(&pipeline).cloned().map_err(Refusal::handle))
            .transpose()?;
        let model = self
            .call
            .compute(move |control| {
                kumiko_modelling::train(&training, validation.as_ref(), preprocessing.as_ref(), &specification, control)
            })
            .await?;
        self.table.push(Handle(Arc::new(model.into()))).map_err(Refusal::handle)
    }

    async fn train_columnwise(
        &mut self,
        uri: String,
        options: String,
        specification: String,
        validation: Option<Resource<Frame>>,
    ) -> Result<Resource<Handle>, Refusal> {
        let options: ReadOptions = documents::parse("read-options", &options)?;
        let specification = documents::parse("training-specification", &specification)?;
        let validation = validation.map(|frame| self.frame(&frame)).transpose()?;
        let uri = self.call.readable(&uri).await?;
        let objects = Arc::clone(&self.call.services.objects);
        let local = objects.localize(&uri).await?;
        let model = self
            .call
            .compute(move |control| {
                let (path, info, format) = (local.path(), &local.info, options.format);
                let files = || objects.unnamed_file().map_err(std::io::Error::other);
                let stored = Stored { path, uri: &info.uri, etag: &info.etag, format, files: &files };
                kumiko_modelling::train_columnwise(&stored, validation.as_ref(), &specification, control)
            })
            .await?;
        self.table.push(Handle(Arc::new(model.into()))).map_err(Refusal::handle)
    }

    async fn train_policy(
        &mut self,
        specification: String,
        trajectories: Option<Resource<Frame>>,
    ) -> Result<Resource<Handle>, Refusal> {
        let specification = documents::parse("reinforcement-specification", &specification)?;
        let trajectories = trajectories.map(|frame| self.frame(&frame)).transpose()?;
        let model = self
            .call
            .compute(move |control| kumiko_modelling::train_policy(&specification, trajectories.as_ref(), control))
            .await?;
        self.table.push(Handle(Arc::new(model.into()))).map_err(Refusal::handle)
    }

    async fn load(&mut self, uri: String) -> Result<Resource<Handle>, Refusal> {
        let uri = self.call.readable(&uri).await?;
        let info = self.call.services.objects.head(&uri).await?;
        let size = usize::try_from(info.size).unwrap_or(usize::MAX);
        let key = Key { uri: info.uri.clone(), etag: info.etag, reading: "model".to_owned() };
        let model = match self.call.services.cache.get(&key) {
            Some(Cached::Model(model)) => model,
            _ => {
                let local = self.call.services.objects.localize(&uri).await?;
                let name = info.uri;
                let model = Arc::new(self.call.compute(move |_| kumiko_modelling::read(local.path(), &name)).await?);
                self.call.services.cache.insert(key, Cached::Model(Arc::clone(&model)), size);
                model
            }
        };
        self.table.push(Handle(model)).map_err(Refusal::handle)
    }

    async fn compare(
        &mut self,
        models: Vec<Resource<Handle>>,
        frame: Resource<Frame>,
        specification: String,
    ) -> Result<String, Refusal> {
        let specification = documents::parse("comparison-specification", &specification)?;
        let models = models.iter().map(|model| self.model(model)).collect::<Result<Vec<_>, _>>()?;
        let frame = self.frame(&frame)?;
        let comparison = self
            .call
            .compute(move |control| kumiko_modelling::compare(&models, &frame, &specification, control))
            .await?;
        Ok(documents::text(&comparison)?)
    }

    async fn cross_validate(
        &mut self,
        frame: Resource<Frame>,
        specifications: Vec<String>,
        validation: String,
    ) -> Result<Vec<String>, Refusal> {
        let validation = documents::parse("cross-validation", &validation)?;
        let specifications = specifications
            .iter()
            .map(|specification| documents::parse("training-specification", specification))
            .collect::<Result<Vec<_>, _>>()?;
        let frame = self.frame(&frame)?;
        let reports = self
            .call
            .compute(move |control| kumiko_modelling::cross_validate(&frame, &specifications, &validation, control))
            .await?;
        Ok(reports.iter().map(documents::text).collect::<Result<Vec<_>, _>>()?)
    }

    async fn bias(
        &mut self,
        model: Option<Resource<Handle>>,
        frame: Resource<Frame>,
        specification: String,
    ) -> Result<String, Refusal> {
        let specification = documents::parse("bias-specification", &specification)?;
        let model = model.map(|model| self.model(&model)).transpose()?;
        let frame = self.frame(&frame)?;
        let report = self
            .call
            .compute(move |control| kumiko_modelling::bias(model.as_deref(), &frame, &specification, control))
            .await?;
        Ok(documents::text(&report)?)
    }
}

impl contract::HostModel for ModelsView<'_> {
    async fn metadata(&mut self, model: Resource<Handle>) -> wasmtime::Result<String> {
        Ok(documents::text(&self.table.get(&model)?.0.metadata())?)
    }

    async fn predict(&mut self, model: Resource<Handle>, frame: Resource<Frame>) -> Result<Resource<Frame>, Refusal> {
        let (model, frame) = (self.model(&model)?, self.frame(&frame)?);
        let predictions = self.call.compute(move |_| kumiko_modelling::predict(&model, &frame)).await?;
        self.table.push(predictions).map_err(Refusal::handle)
    }

    async fn evaluate(
        &mut self,
        model: Resource<Handle>,
        frame: Resource<Frame>,
        specification: String,
    ) -> Result<String, Refusal> {
        let specification = documents::parse("evaluation-specification", &specification)?;
        let (model, frame) = (self.model(&model)?, self.frame(&frame)?);
        let report = self
            .call
            .compute(move |control| kumiko_modelling::evaluate(&model, &frame, &specification, control))
            .await?;
        Ok(documents::text(&report)?)
    }

    async fn evaluate_clustering(
        &mut self,
        model: Resource<Handle>,
        frame: Resource<Frame>,
        specification: String,
    ) -> Result<String, Refusal> {
        let specification = documents::parse("clustering-specification", &specification)?;
        let (model, frame) = (self.model(&model)?, self.frame(&frame)?);
        let report = self
            .call
            .compute(move |control| {
                kumiko_modelling::evaluate_clustering(model.own()?, &frame, &specification, control)
            })
            .await?;
        Ok(documents::text(&report)?)
    }

    async fn evaluate_policy(
        &mut self,
        model: Resource<Handle>,
        environment: String,
        episodes: u32,
        seed: u64,
    ) -> Result<String, Refusal> {
        let model = self.model(&model)?;
        let report = self
            .call
            .compute(move |control| {
                kumiko_modelling::evaluate_policy(model.own()?, &environment, episodes, seed, control)
            })
            .await?;
        Ok(documents::text(&report)?)
    }

    async fn explain(
        &mut self,
        model: Resource<Handle>,
        rows: Resource<Frame>,
        background: Option<Resource<Frame>>,
        specification: String,
    ) -> Result<contract::Explanation, Refusal> {
        let specification = documents::parse("explanation-specification", &specification)?;
        let (model, rows) = (self.model(&model)?, self.frame(&rows)?);
        let background = background.map(|frame| self.frame(&frame)).transpose()?;
        let explained = self
            .call
            .compute(move |control| {
                kumiko_modelling::explain(model.own()?, &rows, background.as_ref(), &specification, control)
            })
            .await?;
        Ok(contract::Explanation {
            report: documents::text(&explained.report)?,
            figures: explained.figures.iter().map(documents::text).collect::<Result<Vec<_>, _>>()?,
            values: self.table.push(explained.values).map_err(Refusal::handle)?,
        })
    }

    async fn training_output(&mut self, model: Resource<Handle>) -> Result<Resource<Frame>, Refusal> {
        let model = self.model(&model)?;
        let output = self.call.compute(move |_| kumiko_modelling::training_output(model.own()?)).await?;
        self.table.push(output).map_err(Refusal::handle)
    }

    async fn save(
        &mut self,
        model: Resource<Handle>,
        uri: String,
        precondition: object_contract::Precondition,
    ) -> Result<object_contract::Written, Refusal> {
        let uri = self.call.writable(&uri).await?;
        let model = self.model(&model)?;
        let bytes = self.call.compute(move |_| Ok::<_, Fault>(model.own()?.to_bytes()?)).await?;
        let objects = &self.call.services.objects;
        let written = objects.put_bytes(&uri, bytes.into(), Some(MEDIA_TYPE), &precondition.into()).await?;
        self.call.wrote(&written);
        Ok(written.into())
    }

    async fn save_as(
        &mut self,
        model: Resource<Handle>,
        format: contract::ModelFormat,
        uri: String,
        precondition: object_contract::Precondition,
    ) -> Result<object_contract::Written, Refusal> {
        let uri = self.call.writable(&uri).await?;
        let model = self.model(&model)?;
        let (bytes, media_type) = match format {
            contract::ModelFormat::XgboostJson => (
                self.call.compute(move |_| Ok::<_, Fault>(kumiko_exchange::xgboost::export(model.own()?)?)).await?,
                XGBOOST_MEDIA_TYPE,
            ),
            contract::ModelFormat::Onnx => (
                self.call.compute(move |_| Ok::<_, Fault>(kumiko_exchange::onnx::export(model.own()?)?)).await?,
                ONNX_MEDIA_TYPE,
            ),
        };
        let objects = &self.call.services.objects;
        let written = objects.put_bytes(&uri, bytes.into(), Some(media_type), &precondition.into()).await?;
        self.call.wrote(&written);
        Ok(written.into())
    }

    async fn drop(&mut self, model: Resource<Handle>) -> wasmtime::Result<()> {
        self.table.delete(model)?;
        Ok(())
    }
}
