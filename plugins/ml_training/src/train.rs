//! A training from its arguments to its answer, the same for every task.
//!
//! What can be refused is refused before the training begins, and everything is drawn before the first byte is written. A figure
//! that cannot be drawn or stored is no reason to lose the model: it becomes a note.

use kumiko_sdk::content::Link;
use kumiko_sdk::figures::{Exhibition, Gallery};
use kumiko_sdk::frames::{Frame, Pipeline};
use kumiko_sdk::models::{Model, TrainingInputs};
use kumiko_sdk::objects;
use kumiko_sdk::outputs::StoredObject;
use kumiko_sdk::prelude::*;
use kumiko_sdk::vocabulary::data::ReadOptions;
use kumiko_sdk::vocabulary::learning::{Algorithm, ModelMetadata};

use crate::arguments::{Choice, TrainingArguments};
use crate::outcome::{DataReference, TrainingOutcome};
use crate::plots;

/// What the host says of a table that takes more memory than the operator allows.
const FRAME_TOO_LARGE: &str = "frame_too_large";

/// Trains a model and keeps it.
pub(crate) fn train<A: Choice>(arguments: &TrainingArguments<A>) -> Result<Reply<TrainingOutcome>> {
    let data = DataReference::from(objects::head(&arguments.train_data_s3_uri)?);
    let name = arguments.name(&data);
    let destination = arguments.destination(&name);
    destination.check()?;
    let model = fit(arguments, &name)?;
    let metadata = model.metadata()?;

    let top = usize::try_from(arguments.top_features).unwrap_or(usize::MAX);
    let mut notes = Vec::new();
    let gallery = if arguments.generate_plots { draw(&metadata, top, &mut notes) } else { Gallery::default() };
    let folder = destination.folder("figures");
    gallery.check(&folder)?;

    let written = model.save(destination.uri(), destination.precondition())?;
    let exhibition = gallery.store(&folder).unwrap_or_else(|fault| {
        notes.push(format!("the figures were not stored: {}", fault.message));
        Exhibition::default()
    });
    Ok(reply(TrainingOutcome::new(metadata, StoredObject::from(&written), data, top), notes, exhibition))
}

fn fit<A: Choice>(arguments: &TrainingArguments<A>, name: &str) -> Result<Model> {
    let options = ReadOptions { format: arguments.file_format, ..ReadOptions::default() };
    let pipeline = arguments.pipeline_s3_uri.as_deref().map(Pipeline::load).transpose()?;
    let validation = arguments.validation_data_s3_uri.as_deref().map(|uri| Frame::open(uri, &options)).transpose()?;
    let specification = arguments.specification(Some(name));
    match Frame::open(&arguments.train_data_s3_uri, &options) {
        Ok(training) => {
            let inputs = TrainingInputs { validation: validation.as_ref(), preprocessing: pipeline.as_ref() };
            Model::train(&training, &specification, inputs)
        }
        // Boosting looks at one column after the other; a pipeline and a calibration need them all.
        Err(fault)
            if fault.code == FRAME_TOO_LARGE
                && specification.algorithm == Algorithm::Xgboost
                && specification.calibration.is_none()
                && pipeline.is_none() =>
        {
            Model::train_columnwise(&arguments.train_data_s3_uri, &options, &specification, validation.as_ref())
        }
        Err(fault) => Err(fault),
    }
}

/// Draws what can be drawn.
pub(crate) fn draw(metadata: &ModelMetadata, top: usize, notes: &mut Vec<String>) -> Gallery {
    let mut gallery = Gallery::default();
    for (name, figure) in plots::figures(metadata, top) {
        if let Err(fault) = gallery.draw(name, &figure) {
            notes.push(format!("the figure {name} was not drawn: {}", fault.message));
        }
    }
    gallery
}

fn reply(mut outcome: TrainingOutcome, notes: Vec<String>, exhibition: Exhibition) -> Reply<TrainingOutcome> {
    outcome.notes.extend(notes);
    outcome.figures = exhibition.figures();
    let (text, link) =
        (outcome.text(), Link::from(&outcome.model).title(format!("Model {}", outcome.training_job_name)));
    exhibition.show(Reply::new(outcome).text(text).link(link))
}
