//! Why a model says what it says of the rows of a frame.

use kumiko_frames::{ColumnData, Frame};
use kumiko_learn::Model;
use kumiko_learn::explain::{self, Explanation};
use kumiko_vocabulary::evaluation::{ExplanationReport, ExplanationSpecification};
use kumiko_vocabulary::figures::Figure;
use kumiko_vocabulary::{Control, Fault};

use crate::matrix::features_for;

/// Outputs that are drawn: of many classes the first few.
const MOST_OUTPUTS_DRAWN: usize = 4;
/// Rows whose way from the base value to the prediction is drawn.
const MOST_ROWS_DRAWN: u32 = 5;

/// SHAP values in three forms.
#[derive(Debug)]
pub struct Explained {
    /// What each feature adds over all rows.
    pub report: ExplanationReport,
    /// Of each output the importance of the features as bars and as a beeswarm, and the first rows' ways from the base value.
    pub figures: Vec<Figure>,
    /// The values of every row: `base_value`, `prediction`, and `shap_<feature>` for each feature; where there are several outputs, with
    /// `_<class>` behind each name.
    pub values: Frame,
}

/// Explains a model's predictions for the rows of a frame, which go through the model's own pipeline first: the features are those
/// after it.
///
/// # Errors
///
/// A column that the model reads and a frame lacks, and what the kernels refuse.
pub fn explain(
    model: &Model,
    rows: &Frame,
    background: Option<&Frame>,
    specification: &ExplanationSpecification,
    control: &dyn Control,
) -> Result<Explained, Fault> {
    let features = features_for(model, rows)?;
    let background = background.map(|background| features_for(model, background)).transpose()?;
    let explanation = explain::explain(model, &features, background.as_ref(), specification, control)?;
    let mut figures = Vec::new();
    for output in 0..explanation.base_values.len().min(MOST_OUTPUTS_DRAWN) {
        figures.extend(explanation.beeswarm(output, &features).map(Figure::Beeswarm));
        figures.extend(explanation.bars(output).map(Figure::Bars));
        for row in 0..specification.row_values.min(MOST_ROWS_DRAWN) as usize {
            figures.extend(explanation.waterfall(output, row, &features).map(Figure::Waterfall));
        }
    }
    let report = explanation.report(specification.row_values);
    Ok(Explained { report, figures, values: values(explanation)? })
}

fn values(explanation: Explanation) -> Result<Frame, Fault> {
    let Explanation { features, classes, base_values, values, predictions, .. } = explanation;
    let several = base_values.len() > 1;
    let mut columns = Vec::new();
    let outputs = classes.into_iter().zip(base_values).zip(predictions).zip(values);
    for (((class, base_value), predictions), values) in outputs {
        let name = |name: &str| match &class {
            Some(class) if several => format!("{name}_{class}"),
            _ => name.to_owned(),
        };
        columns.push((name("base_value"), ColumnData::Numbers(vec![base_value; predictions.len()])));
        columns.push((name("prediction"), ColumnData::Numbers(predictions)));
        for (feature, values) in features.iter().zip(values) {
            columns.push((name(&format!("shap_{feature}")), ColumnData::Numbers(values)));
        }
    }
    Ok(Frame::from_columns(columns)?)
}
