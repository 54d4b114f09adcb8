//! Policies: learnt in an environment, or from a frame of recorded steps.

use kumiko_frames::Frame;
use kumiko_learn::{Model, reinforcement};
use kumiko_vocabulary::learning::{ReinforcementReport, ReinforcementSpecification};
use kumiko_vocabulary::{Control, Fault};

use crate::matrix::{features, is_numeric};

/// Trains a policy: from the trajectories where there are some, else in the environment of the specification.
///
/// # Errors
///
/// What the kernels refuse: an environment that is not there, trajectories without the columns that they need.
pub fn train_policy(
    specification: &ReinforcementSpecification,
    trajectories: Option<&Frame>,
    control: &dyn Control,
) -> Result<Model, Fault> {
    let mut model = match trajectories {
        Some(frame) => {
            let numeric = frame.schema().into_iter().filter(|column| is_numeric(column.data_type));
            let columns = features(frame, numeric.map(|column| column.name).collect())?;
            reinforcement::train_offline(&columns, specification, control)?
        }
        None => reinforcement::train(specification, control)?,
    };
    model.metadata.server_version = Some(env!("CARGO_PKG_VERSION").to_owned());
    Ok(model)
}

/// Lets a policy act in an environment for some episodes.
///
/// # Errors
///
/// A model that is no policy, an environment that is not there or that the policy does not fit, no episodes or too many.
pub fn evaluate_policy(
    model: &Model,
    environment: &str,
    episodes: u32,
    seed: u64,
    control: &dyn Control,
) -> Result<ReinforcementReport, Fault> {
    Ok(reinforcement::evaluate(model, environment, episodes as usize, seed, control)?)
}
