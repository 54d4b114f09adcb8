//! Predicting: rows in blocks, in parallel, a few hundred at a time through all layers.

use crate::blocks::map_blocks;
use crate::data::Predictions;

use super::dense::Workspace;
use super::{Network, Outputs};

/// Rows that go through the layers at once: their activations stay in the near cache.
const ROWS_AT_ONCE: usize = 256;

impl Network {
    /// Predictions for rows that have the columns of the model, in its order.
    pub(crate) fn predict(&self, columns: &[&[f32]]) -> Predictions {
        let outputs = self.scores(columns);
        match self.outputs {
            Outputs::Values { mean, deviation } => {
                Predictions::Values(outputs.into_iter().map(|output| mean + deviation * f64::from(output)).collect())
            }
            Outputs::Classes(2) => {
                let second: Vec<f64> =
                    outputs.into_iter().map(|score| 1.0 / (1.0 + (-f64::from(score)).exp())).collect();
                Predictions::from_probabilities(vec![
                    second.iter().map(|probability| (1.0 - probability) as f32).collect(),
                    second.iter().map(|probability| *probability as f32).collect(),
                ])
            }
            Outputs::Classes(classes) => {
                let mut probabilities = vec![Vec::with_capacity(outputs.len() / classes as usize); classes as usize];
                for scores in outputs.chunks_exact(classes as usize) {
                    let most = scores.iter().copied().fold(f32::MIN, f32::max);
                    let powers = scores.iter().map(|score| (f64::from(*score) - f64::from(most)).exp());
                    let sum: f64 = powers.clone().sum();
                    for (column, power) in probabilities.iter_mut().zip(powers) {
                        column.push((power / sum) as f32);
                    }
                }
                Predictions::from_probabilities(probabilities)
            }
        }
    }

    /// The last layer's outputs, row after row.
    fn scores(&self, columns: &[&[f32]]) -> Vec<f32> {
        let rows = columns.first().map_or(0, |column| column.len());
        map_blocks(rows, |block| {
            let (mut workspace, mut inputs, mut scores) = (Workspace::default(), Vec::new(), Vec::new());
            for start in block.clone().step_by(ROWS_AT_ONCE) {
                inputs.clear();
                self.scaling.append(columns, start..block.end.min(start + ROWS_AT_ONCE), &mut inputs);
                scores.extend_from_slice(self.layers.forward(&inputs, &mut workspace));
            }
            scores
        })
        .concat()
    }
}
