//! Clustering: groups of rows that are alike, found without known answers.
//!
//! `kmeans` moves centres, `mixture` normal distributions; `dbscan` joins dense rows. All methods work on columns in common units (`matrix`), and none takes missing values. What is measured of
//! the training rows (`metrics::shape`) is in the units that the method measures distances in.

pub(crate) mod dbscan;
pub(crate) mod kmeans;
pub(crate) mod mixture;

pub use dbscan::DbscanModel;
pub use kmeans::KmeansModel;
pub use mixture::Mixture;
