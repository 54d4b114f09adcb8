//! How much each hyperparameter mattered: the share of the scores' variance that its value alone explains.
//!
//! The trials are put into groups by the hyperparameter's value, numbers into at most five of equal size, and the variance between the
//! groups' means is divided by the whole (the correlation ratio η², adjusted for the number of groups as ω² is, so that chance gives about
//! zero). It sees no interactions, and with few trials it is rough.

use kumiko_sdk::prelude::*;

use super::space::{Space, Values};
use super::trials::{Trial, TrialStatus};

/// Groups that numbers are put into at most.
const MOST_GROUPS: usize = 5;
/// Trials that must have been measured alike before anything is said.
const LEAST_TRIALS: usize = 8;

/// What one hyperparameter explains.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct ParameterImportance {
    /// The hyperparameter.
    pub(crate) hyperparameter: String,
    /// The share of the variance of the scores that its value alone explains, 0 to 1.
    pub(crate) importance: f64,
}

/// The importances, largest first; none where too few trials were measured on all rows, or all scored the same.
pub(crate) fn importances(space: &Space, trials: &[Trial]) -> Vec<ParameterImportance> {
    let completed: Vec<(&Trial, f64)> = trials
        .iter()
        .filter(|trial| trial.status == TrialStatus::Completed)
        .filter_map(|trial| Some((trial, trial.score?)))
        .collect();
    if completed.len() < LEAST_TRIALS {
        return Vec::new();
    }
    let scores: Vec<f64> = completed.iter().map(|(_, score)| *score).collect();
    let total = squares(&scores);
    if total <= f64::MIN_POSITIVE {
        return Vec::new();
    }
    let mut importances: Vec<ParameterImportance> = space
        .dimensions
        .iter()
        .enumerate()
        .map(|(position, dimension)| {
            let value = |trial: &Trial| trial.point.get(position).copied().unwrap_or_default();
            let mut by_value: Vec<(f64, f64)> = completed.iter().map(|(trial, score)| (value(trial), *score)).collect();
            by_value.sort_by(|one, other| one.0.total_cmp(&other.0));
            let groups = match &dimension.values {
                Values::Choices(_) => chunks(&by_value, |one, other| one == other),
                Values::Numbers { .. } => {
                    let size = by_value.len().div_ceil(MOST_GROUPS).max(2);
                    by_value.chunks(size).map(|chunk| chunk.iter().map(|(_, score)| *score).collect()).collect()
                }
            };
            let within: f64 = groups.iter().map(|group: &Vec<f64>| squares(group)).sum();
            let free = completed.len().saturating_sub(groups.len()).max(1) as f64;
            let mean_square = within / free;
            let between = total - within - (groups.len() as f64 - 1.0) * mean_square;
            ParameterImportance {
                hyperparameter: dimension.name.clone(),
                importance: (between / (total + mean_square)).clamp(0.0, 1.0),
            }
        })
        .collect();
    importances.sort_by(|one, other| other.importance.total_cmp(&one.importance));
    importances
}

/// Runs of equal values.
fn chunks(sorted: &[(f64, f64)], same: impl Fn(f64, f64) -> bool) -> Vec<Vec<f64>> {
    sorted
        .chunk_by(|one, other| same(one.0, other.0))
        .map(|run| run.iter().map(|(_, score)| *score).collect())
        .collect()
}

/// The sum of squared distances from the mean.
fn squares(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    values.iter().map(|value| (value - mean) * (value - mean)).sum()
}

#[cfg(test)]
mod tests {
    use super::super::draws::Draws;
    use super::*;
    use kumiko_sdk::vocabulary::learning::Algorithm;

    #[test]
    fn what_decides_the_score_is_first_and_what_does_not_is_near_zero() {
        let ranges = serde_json::from_value(json!({
            "matters": { "low": 0.0, "high": 1.0 }, "idle": { "low": 0.0, "high": 1.0 }, "kind": ["a", "b"],
        }))
        .unwrap();
        let space = Space::read(Some(&ranges), Algorithm::Ridge, &serde_json::Map::new()).unwrap();
        let mut draws = Draws::new(1);
        let trials: Vec<Trial> = (0..60)
            .map(|number| {
                let point = space.draw(&mut draws);
                let settings = space.settings(&point);
                let score = settings["matters"].as_f64().unwrap() + if settings["kind"] == "a" { 0.2 } else { 0.0 };
                Trial {
                    trial: number,
                    status: TrialStatus::Completed,
                    hyperparameters: settings,
                    score: Some(score),
                    deviation: None,
                    row_share: 1.0,
                    training_seconds: 0.0,
                    failure: None,
                    point,
                }
            })
            .collect();
        let importances = importances(&space, &trials);
        assert_eq!(importances[0].hyperparameter, "matters");
        assert!(importances[0].importance > 0.7, "{importances:?}");
        let idle = importances.iter().find(|importance| importance.hyperparameter == "idle").unwrap();
        assert!(idle.importance < 0.15, "{importances:?}");
        assert!(super::importances(&space, &trials[..5]).is_empty());
    }
}
