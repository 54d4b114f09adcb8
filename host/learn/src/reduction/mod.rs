//! Dimensionality reduction: few columns that keep what is in many.
//!
//! `pca` keeps the directions of the greatest variance, `tsne` draws a map in which neighbours stay together,
//! `autoencoder` squeezes rows through a network. All methods work on columns in common units (`matrix`), and none takes
//! missing values.

pub(crate) mod autoencoder;
pub(crate) mod pca;
mod subspace;
pub(crate) mod tsne;

pub use autoencoder::AutoencoderModel;
pub use pca::PcaModel;
pub use tsne::Embedding;
