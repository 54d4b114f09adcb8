//! Frames as kernels read them.

use kumiko_frames::{Frame, Pipeline};
use kumiko_learn::{Features, Model};
use kumiko_vocabulary::Fault;
use kumiko_vocabulary::data::{Column, DataType};

/// Whether a column can be read as numbers as it stands.
pub(crate) fn is_numeric(data_type: DataType) -> bool {
    matches!(data_type, DataType::Boolean | DataType::Integer | DataType::Number)
}

/// The named columns as numbers of 32 bits; a missing value is NaN.
pub(crate) fn features(frame: &Frame, names: Vec<String>) -> Result<Features, Fault> {
    let columns = names.iter().map(|name| frame.numbers_f32(name)).collect::<Result<Vec<_>, _>>()?;
    Ok(Features { names, columns })
}

/// The features that a model reads from a frame: through its pipeline where it carries one. Columns that the frame lacks are left
/// out; the kernel names them.
pub(crate) fn features_for(model: &Model, frame: &Frame) -> Result<Features, Fault> {
    let prepared = prepare(model, frame)?;
    let present: Vec<String> = prepared.schema().into_iter().map(|column| column.name).collect();
    let wanted = model.metadata.signature.features.iter().map(|feature| &feature.name);
    let names = wanted.filter(|name| present.contains(name)).cloned().collect();
    features(&prepared, names)
}

/// The frame after the model's own pipeline, row by row as it was given: a prediction stands beside the row it is for.
pub(crate) fn prepare(model: &Model, frame: &Frame) -> Result<Frame, Fault> {
    match &model.preprocessing {
        Some(bytes) => Ok(Pipeline::from_bytes(bytes, "the model's own pipeline")?.apply_to_every_row(frame)?),
        None => Ok(frame.clone()),
    }
}

/// The error for a column that is not there, with the nearest one that is.
pub(crate) fn column_not_found(frame: &Frame, name: &str, role: &str) -> Fault {
    not_in_schema(&frame.schema(), name, role)
}

/// The same, of columns that are no frame.
pub(crate) fn not_in_schema(schema: &[Column], name: &str, role: &str) -> Fault {
    let names: Vec<&str> = schema.iter().map(|column| column.name.as_str()).collect();
    let list = names.iter().take(20).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    Fault::invalid("column_not_found", format!("the {role} `{name}` is not a column of the data"))
        .hint(format!("the columns are {list}{}", if names.len() > 20 { " …" } else { "" }))
        .data(serde_json::json!({ "columns": names }))
}

/// Whether the frame has the column.
pub(crate) fn has(frame: &Frame, name: &str) -> bool {
    is_in_schema(&frame.schema(), name)
}

/// Whether the column is among these.
pub(crate) fn is_in_schema(schema: &[Column], name: &str) -> bool {
    schema.iter().any(|column| column.name == name)
}
