//! The capability `ml_training`: models from data sets.
//!
//! The host trains; a tool here opens the data, says what is to be trained, decides where the model goes, and tells what came
//! of it. `train_supervised_classifier` and `train_supervised_regressor` differ in their algorithms alone: what both do is in
//! [`train`], what both take in [`arguments`], what both return in [`outcome`]. [`search`] tries settings and trains the best;
//! [`jobs`] has either done without anybody waiting.

mod arguments;
mod jobs;
mod outcome;
mod plots;
mod save_model;
mod search;
mod train;
mod train_reinforcement;
mod train_supervised_classifier;
mod train_supervised_regressor;
mod unsupervised;

use kumiko_sdk::prelude::*;

plugin! {
    name: "ml_training",
    icon: "icon.svg",
    aliases: ["model_training"],
    description: "Trains classifiers and regressors on data sets and keeps the models.",
    tools: [
        train_supervised_classifier::train_supervised_classifier,
        train_supervised_regressor::train_supervised_regressor,
        unsupervised::train_unsupervised_clustering,
        unsupervised::train_unsupervised_dimensionality_reduction,
        train_reinforcement::train_reinforcement,
        search::hyperparameter_optimization,
        save_model::save_model,
        jobs::create_training_job,
        jobs::monitor_training_progress,
        jobs::stop_training_job,
        jobs::list_training_jobs,
        jobs::get_training_results,
        jobs::get_training_metrics,
    ],
}
