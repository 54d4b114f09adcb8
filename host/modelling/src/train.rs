//! Training on a frame.

use kumiko_frames::{Frame, Pipeline};
use kumiko_learn::{Model, Target, TrainingData, class_codes};
use kumiko_vocabulary::data::Column;
use kumiko_vocabulary::learning::{Algorithm, DataOrigin, Task, TrainingSpecification};
use kumiko_vocabulary::{Control, Fault};
use sha2::{Digest as _, Sha256};

use crate::matrix::{self, column_not_found, has, is_in_schema, is_numeric, not_in_schema};

/// Trains a model on a frame.
///
/// With `preprocessing` the frames are prepared by that pipeline, and the model keeps it. Without one, a frame that has text, dates or
/// values its algorithm cannot miss gets a standard pipeline, fitted on the training rows alone. A frame of plain numbers is
/// learnt from as it stands.
///
/// # Errors
///
/// A target, weight or excluded column that is not there, a target with missing values, and whatever the kernels refuse.
pub fn train(
    training: &Frame,
    validation: Option<&Frame>,
    preprocessing: Option<&Pipeline>,
    specification: &TrainingSpecification,
    control: &dyn Control,
) -> Result<Model, Fault> {
    let excluded = no_features(&training.schema(), specification)?;

    let fitted;
    let pipeline = match preprocessing {
        Some(pipeline) => Some(pipeline),
        None if needs_preparation(training, &excluded, specification.algorithm)? => {
            fitted = Pipeline::standard(training, &excluded)?;
            Some(&fitted)
        }
        None => None,
    };
    let prepared = prepared(training, pipeline)?;
    let (target, classes) = target_of(&prepared, specification, None)?;
    let schema = prepared.features.schema();
    let names: Vec<String> =
        schema.into_iter().map(|column| column.name).filter(|name| !excluded.contains(name)).collect();
    let data = data(&prepared, names.clone(), target, specification)?;
    let validation =
        validation.map(|frame| held_out(frame, pipeline, names, classes.as_deref(), specification)).transpose()?;
    let mut model = kumiko_learn::train(&data, validation.as_ref(), specification, control)?;
    model.preprocessing = pipeline.map(Pipeline::to_bytes).transpose()?;
    let mut digest = Digest::default();
    for (name, column) in data.features.names.iter().zip(&data.features.columns) {
        digest.add_column(name, column);
    }
    sign(&mut model, specification, digest.finish(&data.target));
    Ok(model)
}

/// Rows to measure on, prepared as the training rows are, their classes by position among the training's.
pub(crate) fn held_out(
    frame: &Frame,
    pipeline: Option<&Pipeline>,
    names: Vec<String>,
    classes: Option<&[String]>,
    specification: &TrainingSpecification,
) -> Result<TrainingData, Fault> {
    if let Some(target) = target_column(specification)?
        && !has(frame, target)
    {
        return Err(column_not_found(frame, target, "target column of the validation data"));
    }
    let prepared = prepared(frame, pipeline)?;
    let (target, _) = target_of(&prepared, specification, classes)?;
    data(&prepared, names, target, specification)
}

/// Notes what the model comes from.
pub(crate) fn sign(model: &mut Model, specification: &TrainingSpecification, sha256: String) {
    let uri = specification.training_data_uri.clone();
    model.metadata.training_data = Some(DataOrigin { uri, sha256: Some(sha256) });
    model.metadata.server_version = Some(env!("CARGO_PKG_VERSION").to_owned());
}

/// The columns that are no features: the target, the weights and what is excluded. Every one that the specification names is there.
pub(crate) fn no_features(schema: &[Column], specification: &TrainingSpecification) -> Result<Vec<String>, Fault> {
    let predicted = target_column(specification)?;
    if let Some(target) = predicted
        && !is_in_schema(schema, target)
    {
        return Err(not_in_schema(schema, target, "target column"));
    }
    let mut excluded = specification.excluded_columns.clone();
    excluded.extend(specification.weight_column.clone());
    if let Some(name) = excluded.iter().find(|name| !is_in_schema(schema, name)) {
        return Err(not_in_schema(schema, name, "excluded or weight column"));
    }
    excluded.extend(predicted.map(str::to_owned));
    Ok(excluded)
}

/// Rows ready to be learnt from: the features prepared, the answers and weights as they were given.
struct Prepared {
    features: Frame,
    answers: Frame,
}

/// Prepares a frame. A pipeline that passes the target through may also leave rows out, so then its own output has the answers; one
/// that leaves the target out (the standard one does) keeps every row.
fn prepared(frame: &Frame, pipeline: Option<&Pipeline>) -> Result<Prepared, Fault> {
    let Some(pipeline) = pipeline else {
        return Ok(Prepared { features: frame.clone(), answers: frame.clone() });
    };
    let features = pipeline.apply(frame)?;
    if features.height() == frame.height() {
        return Ok(Prepared { features, answers: frame.clone() });
    }
    Ok(Prepared { answers: features.clone(), features })
}

/// Whether a feature column is no number, or misses values that the algorithm cannot do without.
fn needs_preparation(frame: &Frame, excluded: &[String], algorithm: Algorithm) -> Result<bool, Fault> {
    let takes_missing = matches!(algorithm, Algorithm::RandomForest | Algorithm::Xgboost);
    for column in frame.schema().iter().filter(|column| !excluded.contains(&column.name)) {
        if !is_numeric(column.data_type) {
            return Ok(true);
        }
        if !takes_missing && frame.numbers_f32(&column.name)?.iter().any(|value| value.is_nan()) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The known answers, and for classification the classes. With `classes` given, the codes are positions among those.
fn target_of(
    prepared: &Prepared,
    specification: &TrainingSpecification,
    classes: Option<&[String]>,
) -> Result<(Target, Option<Vec<String>>), Fault> {
    let Some(column) = target_column(specification)? else { return Ok((Target::None, None)) };
    answers(&prepared.answers, column, specification.task, classes)
}

/// A column as known answers.
pub(crate) fn answers(
    frame: &Frame,
    column: &str,
    task: Task,
    classes: Option<&[String]>,
) -> Result<(Target, Option<Vec<String>>), Fault> {
    match task {
        Task::Classification => {
            let (codes, found) = frame.labels(column)?;
            match classes {
                None => Ok((Target::Classes { codes, classes: found.clone() }, Some(found))),
                Some(classes) => {
                    let labels = class_labels(&codes, &found);
                    let codes = class_codes(&labels, classes, "the validation data")?;
                    Ok((Target::Classes { codes, classes: classes.to_vec() }, None))
                }
            }
        }
        _ => Ok((Target::Values(frame.numbers(column)?), None)),
    }
}

/// The column to predict; none for tasks that have no answers.
///
/// # Errors
///
/// A task that needs one and names none, and one that has none and names one.
pub(crate) fn target_column(specification: &TrainingSpecification) -> Result<Option<&str>, Fault> {
    let task = specification.task.as_str();
    match (&specification.target_column, specification.task.is_supervised()) {
        (Some(target), true) => Ok(Some(target)),
        (None, false) => Ok(None),
        (None, true) => Err(Fault::invalid("target_missing", format!("{task} needs a `target_column`"))),
        (Some(target), false) => {
            let message = format!("{task} predicts no column; `target_column` is `{target}`");
            Err(Fault::invalid("target_unexpected", message)
                .hint("leave it out; to keep the column from being a feature, list it in `excluded_columns`"))
        }
    }
}

/// The label of each row.
pub(crate) fn class_labels<'a>(codes: &[u32], classes: &'a [String]) -> Vec<&'a str> {
    codes.iter().map(|code| classes.get(*code as usize).map_or("", String::as_str)).collect()
}

fn data(
    prepared: &Prepared,
    names: Vec<String>,
    target: Target,
    specification: &TrainingSpecification,
) -> Result<TrainingData, Fault> {
    let weights = match &specification.weight_column {
        // Validation data may come without weights: then every row counts the same.
        Some(column) if has(&prepared.answers, column) => Some(prepared.answers.numbers_f32(column)?),
        _ => None,
    };
    Ok(TrainingData { features: matrix::features(&prepared.features, names)?, target, weights })
}

/// What [`DataOrigin::sha256`] says.
#[derive(Default)]
pub(crate) struct Digest {
    hash: Sha256,
}

impl Digest {
    pub(crate) fn add_column(&mut self, name: &str, column: &[f32]) {
        self.hash.update(name.as_bytes());
        self.hash.update([0]);
        self.add(column, |value| value.to_le_bytes());
    }

    pub(crate) fn finish(mut self, target: &Target) -> String {
        match target {
            Target::Classes { codes, classes } => {
                self.hash.update(classes.join("\0").as_bytes());
                self.add(codes, |code| code.to_le_bytes());
            }
            Target::Values(values) => self.add(values, |value| value.to_le_bytes()),
            Target::None => {}
        }
        hex::encode(self.hash.finalize())
    }

    /// In pieces, so that the bytes of a long column are never all there twice.
    fn add<T: Copy, const BYTES: usize>(&mut self, values: &[T], bytes: impl Fn(T) -> [u8; BYTES]) {
        for piece in values.chunks(4096) {
            self.hash.update(piece.iter().flat_map(|value| bytes(*value)).collect::<Vec<u8>>());
        }
    }
}
