//! The capability `ml_evaluation`: what a model is worth, and what it says.
//!
//! The host predicts, measures and draws; a tool here opens model and data, says what is to be measured, decides where the
//! report and the figures go, and tells what came of it. A file for each tool; what several share is in [`arguments`] (what
//! they take and how it is opened), [`summary`] (what is told of a report), [`tables`] (reports as Markdown) and [`plots`]
//! (reports as figures).

mod arguments;
mod bias_check;
mod calculate_shap_values;
mod compare_models;
mod create_evaluation_report;
mod evaluate_classifier;
mod evaluate_clustering;
mod evaluate_regressor;
mod evaluate_reinforcement;
mod generate_confusion_matrix;
mod generate_roc_curve;
mod load_model;
mod plots;
mod predict;
mod results_document;
mod save_evaluation_results;
mod subject;
mod summary;
mod tables;

use kumiko_sdk::prelude::*;

plugin! {
    name: "ml_evaluation",
    icon: "icon.svg",
    aliases: ["model_evaluation"],
    description: "Predicts with trained models, measures them, compares them, and looks for bias.",
    tools: [
        load_model::load_model,
        predict::predict,
        evaluate_classifier::evaluate_classifier,
        evaluate_regressor::evaluate_regressor,
        evaluate_clustering::evaluate_clustering,
        evaluate_reinforcement::evaluate_reinforcement,
        calculate_shap_values::calculate_shap_values,
        generate_confusion_matrix::generate_confusion_matrix,
        generate_roc_curve::generate_roc_curve,
        compare_models::compare_models,
        bias_check::bias_check,
        create_evaluation_report::create_evaluation_report,
        save_evaluation_results::save_evaluation_results,
    ],
}
