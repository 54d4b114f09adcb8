//! Between XGBoost's files and whole models with their metadata.

use kumiko_learn::{Boosted, Estimator, Model};
use kumiko_vocabulary::learning::{Algorithm, FeatureSignature, FeatureType, ModelMetadata, ModelSignature};
use serde_json::{Map, Value};

use super::{FORMAT, XgboostModel, write};
use crate::Error;

impl XgboostModel {
    /// A model that predicts here. The file tells neither what the model is called nor what it predicts, nor how it was measured:
    /// name and target are the caller's, measures and row counts are absent.
    ///
    /// # Errors
    /// [`Error::NotExpressible`] where the trees have no form here: categories above 255.
    pub fn into_model(self, name: &str, target: &str) -> Result<Model, Error> {
        let refused =
            |problem: String| Error::NotExpressible { what: "the trees".to_owned(), format: "native model", problem };
        let estimator = Boosted::from_ensemble(&self.ensemble).map_err(refused)?;
        let signature = ModelSignature {
            features: self
                .features
                .into_iter()
                .map(|feature| FeatureSignature {
                    name: feature.name,
                    feature_type: FeatureType::Number,
                    nullable: true,
                })
                .collect(),
            target: Some(target.to_owned()),
            classes: self.classes,
        };
        let mut hyperparameters = Map::new();
        hyperparameters.insert("objective".to_owned(), Value::from(self.objective));
        hyperparameters.insert("n_estimators".to_owned(), Value::from(self.rounds));
        let origin = format!("read from {FORMAT}");
        let mut metadata = ModelMetadata::from_elsewhere(name, Algorithm::Xgboost, signature, &origin);
        metadata.hyperparameters = hyperparameters;
        Ok(Model { metadata, estimator: Estimator::Boosted(estimator), preprocessing: None, training_output: None })
    }
}

/// Writes a boosted model of this server. Its pipeline, where it has one, is not in the file: the columns are those behind it.
///
/// # Errors
/// [`Error::NotExpressible`] for a model that is not boosted.
pub fn export(model: &Model) -> Result<Vec<u8>, Error> {
    if let Estimator::Calibrated(_) = &model.estimator {
        return Err(Error::NotExpressible {
            what: "a calibration of probabilities".to_owned(),
            format: FORMAT,
            problem: "the format has trees alone".to_owned(),
        });
    }
    let Estimator::Boosted(boosted) = &model.estimator else {
        return Err(Error::NotExpressible {
            what: format!("a model of the algorithm `{}`", model.algorithm().as_str()),
            format: FORMAT,
            problem: "boosted trees are expected".to_owned(),
        });
    };
    let signature = &model.metadata.signature;
    let names: Vec<String> = signature.features.iter().map(|feature| feature.name.clone()).collect();
    write(&boosted.ensemble(), &names, signature.classes.as_deref())
}
