//! Data preparation: look at a data set, check it, divide it, make features of it, balance it, save it.
//!
//! The host does the work on its frames; a tool reads its arguments, decides where results go, and says what became of
//! the data. Every tool has a file of its own. What they share: [`source`] opens data sets, [`destination`] decides where
//! results go, [`writer`] writes them, [`fitting`] fits pipelines and accounts for them, [`classes`] counts classes, [`naming`]
//! knows file names, [`listing`] keeps answers short.
//!
//! Tools that compute write below the store's home unless told otherwise, under a name made from the data set's and a
//! fingerprint of everything that decides the outcome. So the same call again writes the same bytes to the same place.

mod classes;
mod destination;
mod fitting;
mod listing;
mod naming;
mod source;
mod writer;

mod apply_class_imbalance_handling;
mod apply_preprocessing;
mod feature_engineering;
mod load_dataset;
mod preprocess_reinforcement;
mod preprocess_supervised;
mod preprocess_unsupervised;
mod save_processed_data;
mod split_dataset;
mod validate_data;

use kumiko_sdk::plugin;

plugin! {
    name: "data_preparation",
    icon: "icon.svg",
    tools: [
        load_dataset::load_dataset,
        validate_data::validate_data,
        split_dataset::split_dataset,
        preprocess_supervised::preprocess_supervised,
        preprocess_unsupervised::preprocess_unsupervised,
        preprocess_reinforcement::preprocess_reinforcement,
        feature_engineering::feature_engineering,
        apply_preprocessing::apply_preprocessing,
        apply_class_imbalance_handling::apply_class_imbalance_handling,
        save_processed_data::save_processed_data,
    ],
}
