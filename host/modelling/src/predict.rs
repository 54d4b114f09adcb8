//! Predictions as a frame.

use kumiko_frames::{ColumnData, Frame};
use kumiko_learn::{Model, Predictions};
use kumiko_vocabulary::Fault;

use crate::AnyModel;
use crate::train::class_labels;

/// Predictions for every row: `prediction`, and for a classifier `probability_<class>` for each class; for clusters `cluster`, −1 for
/// noise, and `probability_<cluster>` from algorithms that have such; for reduced columns `component_1` and so on.
///
/// # Errors
///
/// A column that the model reads and the frame lacks, by name; an algorithm that cannot place rows that it has not learnt from.
pub fn predict(model: &AnyModel, frame: &Frame) -> Result<Frame, Fault> {
    let (predictions, classes) = model.predict(frame)?;
    as_frame(predictions, &classes)
}

/// What a training without answers made of its own rows, as [`predict`] gives it.
///
/// # Errors
///
/// A model that was read from a file, or learnt from answers: it keeps none.
pub fn training_output(model: &Model) -> Result<Frame, Fault> {
    match &model.training_output {
        Some(output) => as_frame(output.clone(), model.metadata.signature.classes.as_deref().unwrap_or_default()),
        None => {
            let message = format!("`{}` keeps no output of its training", model.metadata.name);
            Err(Fault::invalid("training_output_missing", message).hint("predict on the training data instead"))
        }
    }
}

fn as_frame(predictions: Predictions, classes: &[String]) -> Result<Frame, Fault> {
    let columns = match predictions {
        Predictions::Values(values) => vec![("prediction".to_owned(), ColumnData::Numbers(values))],
        Predictions::Classes { codes, probabilities } => {
            let mut columns = vec![("prediction".to_owned(), class_column(&codes, classes))];
            for (class, probabilities) in classes.iter().zip(probabilities) {
                let numbers = probabilities.into_iter().map(f64::from).collect();
                columns.push((format!("probability_{class}"), ColumnData::Numbers(numbers)));
            }
            columns
        }
        Predictions::Clusters { codes, probabilities } => {
            let numbers = codes.into_iter().map(i64::from).collect();
            let mut columns = vec![("cluster".to_owned(), ColumnData::Integers(numbers))];
            for (cluster, probabilities) in probabilities.into_iter().flatten().enumerate() {
                let numbers = probabilities.into_iter().map(f64::from).collect();
                columns.push((format!("probability_{cluster}"), ColumnData::Numbers(numbers)));
            }
            columns
        }
        Predictions::Components(components) => (components.into_iter().enumerate())
            .map(|(position, numbers)| {
                let numbers = numbers.into_iter().map(f64::from).collect();
                (format!("component_{}", position + 1), ColumnData::Numbers(numbers))
            })
            .collect(),
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
