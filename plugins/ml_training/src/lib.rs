//! The capability `ml_training`: models from data sets.
//!
//! The host trains; a tool here opens the data, says what is to be trained, decides where the model goes, and tells what came
//! of it. `train_supervised_classifier` and `train_supervised_regressor` differ in their algorithms alone: what both do is in
//! [`train`], what both take in [`arguments`], what both return in [`outcome`].

mod arguments;
mod outcome;
mod plots;
mod save_model;
mod train;
mod train_supervised_classifier;
mod train_supervised_regressor;

use kumiko_sdk::prelude::*;

plugin! {
    name: "ml_training",
    icon: "icon.svg",
    aliases: ["model_training"],
    description: "Trains classifiers and regressors on data sets and keeps the models.",
    tools: [
        train_supervised_classifier::train_supervised_classifier,
        train_supervised_regressor::train_supervised_regressor,
        save_model::save_model,
    ],
}
