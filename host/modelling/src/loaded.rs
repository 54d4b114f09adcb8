//! Models of any origin: this server's own, and those that other programs wrote.
//!
//! XGBoost's trees become a model of this server and can do whatever one can. An ONNX graph stays what it is: it predicts, and what it
//! predicts is measured like any other prediction, but nothing is known of how it comes to it.

use kumiko_exchange::onnx::{ColumnValues, ElementKind, InputColumn, OnnxModel, OnnxPredictions};
use kumiko_exchange::{Limits, xgboost};
use kumiko_frames::Frame;
use kumiko_learn::{Model, Predictions, class_codes};
use kumiko_vocabulary::Fault;
use kumiko_vocabulary::learning::{Algorithm, FeatureSignature, FeatureType, ModelMetadata, ModelSignature};

use crate::matrix::{column_not_found, features_for, is_numeric};

/// What a model from elsewhere predicts, where its file does not say.
const UNNAMED_TARGET: &str = "target";

/// A model that can be applied to frames.
#[derive(Debug)]
pub enum AnyModel {
    /// In this server's form.
    Own(Box<Model>),
    /// A graph from elsewhere.
    Onnx(Box<Graph>),
}

/// An ONNX graph, and what is to be said of it.
#[derive(Debug)]
pub struct Graph {
    metadata: ModelMetadata,
    model: OnnxModel,
}

impl From<Model> for AnyModel {
    fn from(model: Model) -> Self {
        Self::Own(Box::new(model))
    }
}

impl AnyModel {
    /// Reads a model: in the native format, in XGBoost's JSON, or an ONNX graph. The bytes tell which. `name` is what the caller calls the
    /// file.
    ///
    /// # Errors
    ///
    /// Bytes that are none of the three, are cut short or altered, were written by a later version, or ask for what is not done here.
    pub fn from_bytes(bytes: &[u8], name: &str) -> Result<Self, Fault> {
        let limits = Limits::default();
        match bytes.trim_ascii_start().first() {
            Some(b'{') => {
                let model = xgboost::read(bytes, name, &limits)?.into_model(stem(name), UNNAMED_TARGET)?;
                Ok(model.into())
            }
            // A native file begins with its own mark, which no message of protobuf begins with.
            Some(first) if *first == ONNX_FIRST_FIELD || name.ends_with(".onnx") => Self::graph(bytes, name, &limits),
            _ => Ok(Model::from_bytes(bytes, name)?.into()),
        }
    }

    fn graph(bytes: &[u8], name: &str, limits: &Limits) -> Result<Self, Fault> {
        let model = OnnxModel::load(bytes, name, limits)?;
        let signature = model.signature();
        let properties = &signature.properties;
        let target = properties.get("target").map_or(UNNAMED_TARGET, String::as_str).to_owned();
        let names = match (&signature.features, signature.inputs.as_slice()) {
            (Some(features), _) => features.clone(),
            (None, [_]) => Vec::new(),
            (None, inputs) => inputs.iter().map(|input| input.name.clone()).collect(),
        };
        let features = names
            .into_iter()
            .map(|name| {
                let port = signature.inputs.iter().find(|input| input.name == name);
                let is_text = port.is_some_and(|port| port.kind == ElementKind::Text);
                let feature_type = if is_text { FeatureType::Text } else { FeatureType::Number };
                FeatureSignature { name, feature_type, nullable: true }
            })
            .collect();
        let classes = signature.classes.clone();
        let producer = if signature.producer.is_empty() { "an unnamed program" } else { &signature.producer };
        let signature = ModelSignature { features, target: Some(target), classes };
        let origin = format!("an ONNX graph written by {producer}");
        let metadata = ModelMetadata::from_elsewhere(stem(name), Algorithm::Onnx, signature, &origin);
        Ok(Self::Onnx(Box::new(Graph { metadata, model })))
    }

    /// What is known of it.
    #[must_use]
    pub fn metadata(&self) -> &ModelMetadata {
        match self {
            Self::Own(model) => &model.metadata,
            Self::Onnx(graph) => &graph.metadata,
        }
    }

    /// The model in this server's form, for what a graph from elsewhere cannot do.
    ///
    /// # Errors
    ///
    /// A graph.
    pub fn own(&self) -> Result<&Model, Fault> {
        match self {
            Self::Own(model) => Ok(model),
            Self::Onnx(graph) => {
                let message = format!(
                    "`{}` is an ONNX graph, which can predict and be measured, and nothing else",
                    graph.metadata.name
                );
                Err(Fault::invalid("model_is_a_graph", message)
                    .hint("give a model that was trained here, or boosted trees as XGBoost's JSON"))
            }
        }
    }

    /// Predictions for every row of a frame, and the classes that their codes count.
    pub(crate) fn predict(&self, frame: &Frame) -> Result<(Predictions, Vec<String>), Fault> {
        match self {
            Self::Own(model) => {
                let classes = model.metadata.signature.classes.clone().unwrap_or_default();
                Ok((model.predict(&features_for(model, frame)?)?, classes))
            }
            Self::Onnx(graph) => graph.predict(frame),
        }
    }
}

/// The key of the field that an ONNX file begins with: its version, a number.
const ONNX_FIRST_FIELD: u8 = 0x08;

/// The file's name without folders and ending.
fn stem(name: &str) -> &str {
    let file = name.rsplit('/').next().unwrap_or(name);
    file.split_once('.').map_or(file, |(stem, _)| stem)
}

/// A column's values, held for a graph to read.
enum Held {
    Numbers(Vec<f64>),
    Texts(Vec<Option<String>>),
}

impl Graph {
    fn predict(&self, frame: &Frame) -> Result<(Predictions, Vec<String>), Fault> {
        let signature = &self.metadata.signature;
        let schema = frame.schema();
        let names: Vec<String> = if signature.features.is_empty() {
            // The graph counts its columns: all that are numbers, but for the one to be predicted.
            let target = signature.target.as_deref();
            let read =
                schema.iter().filter(|column| is_numeric(column.data_type) && Some(column.name.as_str()) != target);
            read.map(|column| column.name.clone()).collect()
        } else {
            signature.features.iter().map(|feature| feature.name.clone()).collect()
        };
        let mut columns = Vec::with_capacity(names.len());
        for name in names {
            let Some(column) = schema.iter().find(|column| column.name == name) else {
                return Err(column_not_found(frame, &name, "column that the model reads"));
            };
            let held = if is_numeric(column.data_type) {
                Held::Numbers(frame.numbers(&name)?)
            } else {
                let (codes, texts) = frame.categories(&name)?;
                Held::Texts(codes.into_iter().map(|code| texts.get(code? as usize).cloned()).collect())
            };
            columns.push((name, held));
        }
        let inputs: Vec<InputColumn<'_>> = columns
            .iter()
            .map(|(name, held)| InputColumn {
                name,
                values: match held {
                    Held::Numbers(numbers) => ColumnValues::Numbers(numbers),
                    Held::Texts(texts) => ColumnValues::Texts(texts),
                },
            })
            .collect();
        match self.model.predict(&inputs)? {
            OnnxPredictions::Values(values) => Ok((Predictions::Values(values), Vec::new())),
            OnnxPredictions::Classes { labels, classes, probabilities } => {
                let classes = classes.or_else(|| signature.classes.clone()).unwrap_or_else(|| {
                    let mut found: Vec<String> = labels.clone();
                    found.sort_unstable();
                    found.dedup();
                    found
                });
                let codes = class_codes(
                    &labels.iter().map(String::as_str).collect::<Vec<_>>(),
                    &classes,
                    "the graph's labels",
                )?;
                Ok((Predictions::Classes { codes, probabilities }, classes))
            }
            OnnxPredictions::Scores(scores) => {
                let components =
                    scores.into_iter().map(|column| column.into_iter().map(|score| score as f32).collect());
                Ok((Predictions::Components(components.collect()), Vec::new()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_without_its_folders_and_ending() {
        assert_eq!(stem("s3://mlops/models/iris.v2.onnx"), "iris");
        assert_eq!(stem("plain"), "plain");
    }

    #[test]
    fn bytes_of_nobody_are_refused_in_words() {
        for bytes in [&b"{\"learner\": {}}"[..], b"\x08\x08\x12\x00", b"hello", b""] {
            let fault = AnyModel::from_bytes(bytes, "s3://b/m").unwrap_err();
            assert!(fault.message.contains("s3://b/m"), "{fault:?}");
        }
    }
}
