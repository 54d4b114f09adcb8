//! Training on a table that stays in its file, one column after the other.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use kumiko_frames::{Frame, StoredFrame};
use kumiko_learn::{ColumnSource, ColumnwiseData, Model, ScratchFiles, Target};
use kumiko_vocabulary::data::{Column, FileFormat};
use kumiko_vocabulary::learning::TrainingSpecification;
use kumiko_vocabulary::{Control, Fault};

use crate::matrix::is_numeric;
use crate::train::{Digest, answers, held_out, no_features, sign, target_column};

/// A table that stays in its file, and room for what memory does not hold.
pub struct Stored<'a> {
    /// The file.
    pub path: &'a Path,
    /// What the caller calls it.
    pub uri: &'a str,
    /// What tells its content from any other at this uri.
    pub etag: &'a str,
    /// What it is, where its name and first bytes do not tell.
    pub format: Option<FileFormat>,
    /// Makes empty files.
    pub files: ScratchFiles<'a>,
}

/// Trains `xgboost` on a table larger than memory. The model is the one that [`train`](crate::train()) makes of the same rows.
///
/// # Errors
///
/// As [`train`](crate::train()); `columns_need_preparation` where a feature is no number, since preparing it would take the whole table.
pub fn train_columnwise(
    stored: &Stored<'_>,
    validation: Option<&Frame>,
    specification: &TrainingSpecification,
    control: &dyn Control,
) -> Result<Model, Fault> {
    let frame = StoredFrame::open(stored.path, stored.uri, stored.format)?;
    let schema = frame.schema();
    let names = feature_names(&schema, &no_features(&schema, specification)?)?;
    let (target, classes) = match target_column(specification)? {
        Some(target) => answers(&frame.column(target)?, target, specification.task, None)?,
        None => (Target::None, None),
    };
    let weights = match &specification.weight_column {
        Some(column) => Some(frame.column(column)?.numbers_f32(column)?),
        None => None,
    };
    let validation =
        validation.map(|frame| held_out(frame, None, names.clone(), classes.as_deref(), specification)).transpose()?;
    let source = Columns { frame: &frame, names: &names, digest: Mutex::default() };
    let data = ColumnwiseData {
        names: names.clone(),
        source: &source,
        target,
        weights,
        identity: format!("{} {}", stored.uri, stored.etag),
        files: stored.files,
    };
    let mut model = kumiko_learn::train_columnwise(&data, validation.as_ref(), specification, control)?;
    let target = data.target;
    let digest = source.digest.into_inner().unwrap_or_else(PoisonError::into_inner);
    sign(&mut model, specification, digest.finish(&target));
    Ok(model)
}

/// The features; all of them numbers.
fn feature_names(schema: &[Column], excluded: &[String]) -> Result<Vec<String>, Fault> {
    let features: Vec<&Column> = schema.iter().filter(|column| !excluded.contains(&column.name)).collect();
    let others: Vec<String> = features
        .iter()
        .filter(|column| !is_numeric(column.data_type))
        .map(|column| format!("`{}`", column.name))
        .collect();
    if others.is_empty() {
        return Ok(features.into_iter().map(|column| column.name.clone()).collect());
    }
    let message = format!(
        "the data set is larger than memory, so it is learnt from column by column, which takes numbers; no numbers are {}",
        others.join(", ")
    );
    Err(Fault::invalid("columns_need_preparation", message)
        .hint("list them in `excluded_columns`, or write the data with numbers in their place"))
}

/// The feature columns, with a digest of what was read of them.
struct Columns<'a> {
    frame: &'a StoredFrame,
    names: &'a [String],
    digest: Mutex<Digest>,
}

impl ColumnSource for Columns<'_> {
    fn rows(&self) -> usize {
        self.frame.height()
    }

    fn read(&self, column: usize) -> Result<Vec<f32>, Fault> {
        let name = self.names.get(column).map_or("", String::as_str);
        let values = self.frame.column(name)?.numbers_f32(name)?;
        self.digest.lock().unwrap_or_else(PoisonError::into_inner).add_column(name, &values);
        Ok(values)
    }
}
