//! Predictions as a frame.

use kumiko_frames::{ColumnData, Frame};
use kumiko_learn::{Model, Predictions};
use kumiko_vocabulary::Fault;

use crate::matrix::features_for;
use crate::train::class_labels;

/// Predictions for every row: `prediction`, and for a classifier `probability_<class>` for each class.
///
/// # Errors
///
/// A column that the model reads and the frame lacks, by name.
pub fn predict(model: &Model, frame: &Frame) -> Result<Frame, Fault> {
    let predictions = model.predict(&features_for(model, frame)?)?;
    let columns = match predictions {
        Predictions::Values(values) => vec![("prediction".to_owned(), ColumnData::Numbers(values))],
        Predictions::Classes { codes, probabilities } => {
            let classes = model.metadata.signature.classes.clone().unwrap_or_default();
            let mut columns = vec![("prediction".to_owned(), class_column(&codes, &classes))];
            for (class, probabilities) in classes.iter().zip(probabilities) {
                let numbers = probabilities.into_iter().map(f64::from).collect();
                columns.push((format!("probability_{class}"), ColumnData::Numbers(numbers)));
            }
            columns
        }
    };
    Ok(Frame::from_columns(columns)?)
}

/// The classes of the rows: as whole numbers where every class is one, so that they compare equal to the column learnt from.
fn class_column(codes: &[u32], classes: &[String]) -> ColumnData {
    let numbers: Option<Vec<i64>> = classes.iter().map(|class| class.parse().ok()).collect();
    match numbers {
        Some(numbers) => ColumnData::Integers(
            codes.iter().map(|code| numbers.get(*code as usize).copied().unwrap_or_default()).collect(),
        ),
        None => ColumnData::Text(class_labels(codes, classes).into_iter().map(str::to_owned).collect()),
    }
}
