//! Figures of an explanation: importance as bars, all rows as a beeswarm, one row as a waterfall.
#![allow(clippy::indexing_slicing, reason = "values are laid out by output, feature and row")]

use kumiko_vocabulary::figures::{
    Bar, BarOrder, Bars, Beeswarm, CONTRIBUTION_LABEL, Contribution, FeatureContributions, Waterfall, WaterfallStep,
};

use crate::data::Features;

use super::Explanation;

/// Features shown at most: what comes after them is small, and read in the report.
const SHOWN: usize = 20;
/// Rows of a beeswarm at most, evenly spread: more would cover each other.
const MOST_ROWS: usize = 1_000;
/// Steps of a waterfall that stand for themselves: a figure of more would be a large document.
const MOST_STEPS: usize = 1_000;

impl Explanation {
    /// The mean magnitude of each feature's values, for the largest; none where there is no such output.
    #[must_use]
    pub fn bars(&self, output: usize) -> Option<Bars> {
        self.values.get(output)?;
        let bar = |(feature, value): (usize, f64)| Bar { name: self.features[feature].clone(), value, interval: None };
        Some(Bars {
            title: "What matters for the predictions".to_owned(),
            subtitle: Some(self.subtitle(output)),
            value_label: "Mean magnitude of the SHAP values".to_owned(),
            order: BarOrder::LargestFirst,
            bars: self.ranking(output).into_iter().take(SHOWN).map(bar).collect(),
        })
    }

    /// The values of the features that matter most, coloured by the features' values in `rows`, which are the rows explained; none
    /// where there is no such output or no row.
    #[must_use]
    pub fn beeswarm(&self, output: usize, rows: &Features) -> Option<Beeswarm> {
        self.values.get(output)?;
        let step = self.rows().div_ceil(MOST_ROWS).max(1);
        let feature = |(feature, _): (usize, f64)| {
            let column = column(rows, &self.features[feature]);
            let point = |(row, contribution): (usize, &f64)| Contribution {
                contribution: *contribution,
                value: column
                    .and_then(|column| column.get(row))
                    .map(|value| f64::from(*value))
                    .filter(|value| value.is_finite()),
            };
            let values = self.values[output][feature].iter().enumerate();
            FeatureContributions {
                name: self.features[feature].clone(),
                points: values.step_by(step).map(point).collect(),
            }
        };
        (self.rows() > 0).then(|| Beeswarm {
            title: "What moves the predictions".to_owned(),
            subtitle: Some(self.subtitle(output)),
            value_label: CONTRIBUTION_LABEL.to_owned(),
            features: self.ranking(output).into_iter().take(SHOWN).map(feature).collect(),
        })
    }

    /// One row's way from the base value to its prediction; `rows` are the rows explained. None where there is no such output or
    /// row.
    #[must_use]
    pub fn waterfall(&self, output: usize, row: usize, rows: &Features) -> Option<Waterfall> {
        let prediction = *self.predictions.get(output)?.get(row)?;
        let mut order: Vec<usize> = (0..self.features.len()).collect();
        let values = &self.values[output];
        order.sort_by(|one, two| values[*two][row].abs().total_cmp(&values[*one][row].abs()));
        let others = order.split_off(order.len().min(MOST_STEPS));
        let step = |feature: usize| WaterfallStep {
            name: self.features[feature].clone(),
            value: column(rows, &self.features[feature])
                .and_then(|column| column.get(row))
                .map(|value| if value.is_nan() { "missing".to_owned() } else { value.to_string() }),
            contribution: values[feature][row],
        };
        let mut steps: Vec<WaterfallStep> = order.into_iter().map(step).collect();
        if !others.is_empty() {
            let contribution = others.iter().map(|feature| values[*feature][row]).sum();
            steps.push(WaterfallStep { name: format!("the {} least", others.len()), value: None, contribution });
        }
        Some(Waterfall {
            title: format!("Why row {row} is predicted as it is"),
            subtitle: Some(self.subtitle(output)),
            value_label: self.units[output].clone(),
            base_value: self.base_values[output],
            prediction,
            steps,
        })
    }

    fn subtitle(&self, output: usize) -> String {
        let rows = self.rows();
        let rows = if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") };
        match &self.classes[output] {
            Some(class) => format!("SHAP values for the class {class}, {rows}"),
            None => format!("SHAP values, {rows}"),
        }
    }
}

/// The column of a name.
fn column<'a>(rows: &'a Features, name: &str) -> Option<&'a Vec<f32>> {
    let position = rows.names.iter().position(|known| known == name)?;
    rows.columns.get(position)
}
