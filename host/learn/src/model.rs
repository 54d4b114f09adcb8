//! A trained model: what is known about it, what it has learnt, and what prepares its input.

use kumiko_vocabulary::learning::{Algorithm, ModelMetadata};

use crate::data::{Features, Predictions};
use crate::error::Error;
use crate::estimator::{self, Estimator};
use crate::format;

/// What rows to be predicted are called in errors.
const DATA: &str = "the data";

/// A trained model.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Name, signature, measures, origin. The caller fills in `training_data` and `server_version`.
    pub metadata: ModelMetadata,
    /// What was learnt.
    pub estimator: Estimator,
    /// A fitted pipeline, to be applied before [`Model::predict`]: its bytes, which mean nothing here.
    pub preprocessing: Option<Vec<u8>>,
    /// After a training without answers: what came out for each of its rows, in their order (clusters, components, the map). A
    /// saved model does not hold it.
    pub training_output: Option<Predictions>,
}

impl Model {
    /// How the model was made.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.metadata.algorithm
    }

    /// Predictions for every row. Columns are matched by name: their order does not matter, and those that the model does not
    /// read are ignored. A column that is not there is [`Error::MissingColumns`]; an infinite value, or a missing one where the
    /// algorithm takes none, is an error that names the column. No rows give no predictions. A map made by `tsne` has places for its
    /// training rows alone: any others are [`Error::OtherRows`].
    pub fn predict(&self, features: &Features) -> Result<Predictions, Error> {
        let columns = self.columns(features, DATA)?;
        match &self.estimator {
            Estimator::Tsne(embedding) => embedding.place(&columns),
            estimator => Ok(estimator.predict(&columns)),
        }
    }

    /// The columns that the model reads, in its order, fit to be predicted for. `what` names the data in the error.
    pub(crate) fn columns<'a>(&self, features: &'a Features, what: &str) -> Result<Vec<&'a [f32]>, Error> {
        let names: Vec<&str> = self.metadata.signature.features.iter().map(|feature| feature.name.as_str()).collect();
        let columns = features.matched(&names)?;
        if features.begins_with(&names) {
            // No name of a signature is there twice.
            features.check_lengths(what)?;
        } else {
            features.check_shape(what)?;
        }
        Features::check_finite(&names, &columns, what)?;
        if !estimator::takes_missing_values(self.algorithm()) {
            let missing = Features::with_missing_values(&names, &columns);
            if !missing.is_empty() {
                return Err(Error::MissingValues {
                    algorithm: self.algorithm(),
                    what: what.to_owned(),
                    columns: missing,
                });
            }
        }
        Ok(columns)
    }

    /// The model in the native format (`docs/model-format.md`). The same training gives the same bytes: the time that it took
    /// is left out.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        format::write(self)
    }

    /// Reads a model in the native format. `name` says where the bytes came from, for errors. Bytes that are no model, are cut
    /// short, changed, or of a later version are refused in words.
    pub fn from_bytes(bytes: &[u8], name: &str) -> Result<Self, Error> {
        format::read(bytes, name)
    }
}
