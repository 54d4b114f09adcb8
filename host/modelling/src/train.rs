//! Training on a frame.

use kumiko_frames::{Frame, Pipeline};
use kumiko_learn::{Model, Target, TrainingData, class_codes};
use kumiko_vocabulary::learning::{Algorithm, DataOrigin, Task, TrainingSpecification};
use kumiko_vocabulary::{Control, Fault};
use sha2::{Digest as _, Sha256};

use crate::matrix::{self, column_not_found, has, is_numeric};

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
    let mut excluded = specification.excluded_columns.clone();
    excluded.extend(specification.weight_column.clone());
    if !has(training, &specification.target_column) {
        return Err(column_not_found(training, &specification.target_column, "target column"));
    }
    for name in &excluded {
        if !has(training, name) {
            return Err(column_not_found(training, name, "excluded or weight column"));
        }
    }
    excluded.push(specification.target_column.clone());

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
    let validation = match validation {
        Some(frame) if !has(frame, &specification.target_column) => {
            return Err(column_not_found(frame, &specification.target_column, "target column of the validation data"));
        }
        Some(frame) => {
            let prepared = self::prepared(frame, pipeline)?;
            let (target, _) = target_of(&prepared, specification, classes.as_deref())?;
            Some(self::data(&prepared, names, target, specification)?)
        }
        None => None,
    };
    let mut model = kumiko_learn::train(&data, validation.as_ref(), specification, control)?;
    model.preprocessing = pipeline.map(Pipeline::to_bytes).transpose()?;
    model.metadata.training_data =
        Some(DataOrigin { uri: specification.training_data_uri.clone(), sha256: Some(digest(&data)) });
    model.metadata.server_version = Some(env!("CARGO_PKG_VERSION").to_owned());
    Ok(model)
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
    let takes_missing = matches!(algorithm, Algorithm::RandomForest);
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
    let (frame, column) = (&prepared.answers, &specification.target_column);
    match specification.task {
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
        Task::Regression => Ok((Target::Values(frame.numbers(column)?), None)),
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
fn digest(data: &TrainingData) -> String {
    let mut hash = Sha256::new();
    for (name, column) in data.features.names.iter().zip(&data.features.columns) {
        hash.update(name.as_bytes());
        hash.update([0]);
        // In pieces, so that the bytes of a long column are never all there twice.
        for piece in column.chunks(4096) {
            hash.update(piece.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>());
        }
    }
    match &data.target {
        Target::Classes { codes, classes } => {
            hash.update(classes.join("\0").as_bytes());
            hash.update(codes.iter().flat_map(|code| code.to_le_bytes()).collect::<Vec<u8>>());
        }
        Target::Values(values) => hash.update(values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>()),
    }
    hex::encode(hash.finalize())
}
