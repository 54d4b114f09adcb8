//! Models as ONNX graphs.
//!
//! Order: the input, one tensor `input` with a column for each feature, or with a pipeline an input for each raw column under its own
//! name (`preparation`); the estimator (`trees`, `linear`, `network`); and what it says (`outputs`, for classes
//! by way of `calibration`). Everything is computed with 64 bits, so that predictions
//! are those of the native model to the last digit of a 32-bit float.

mod calibration;
mod linear;
mod network;
mod outputs;
mod preparation;
mod trees;

use kumiko_learn::trees::{Link, TreeEnsemble};
use kumiko_learn::{CalibrationMap, Estimator, Model};
use serde_json::json;

use outputs::Classes;

use super::graph::{GraphBuilder, Setting};
use super::proto::data_type;
use crate::{Error, ensemble};

/// What errors call the format.
const FORMAT: &str = "ONNX";
/// The one input of a model without a pipeline.
const INPUT: &str = "input";

/// What a graph says about itself.
#[derive(Clone, Debug, Default)]
pub struct Description {
    /// The model's name.
    pub name: String,
    /// The columns, in the order that the model reads them in.
    pub features: Vec<String>,
    /// The classes in the order of the outputs; none for regression.
    pub classes: Option<Vec<String>>,
    /// More to be kept as metadata properties.
    pub properties: Vec<(String, String)>,
}

/// Writes a trained model as ONNX.
///
/// The input is `input`, 32-bit floats with a column for each feature of the signature; NaN is a missing value where the algorithm takes any. For
/// classes the outputs are `label` (64-bit whole numbers where all classes are such, else texts) and `probabilities`, for numbers
/// `prediction`. Metadata properties tell the model's name, algorithm, task, target, features, classes, format and server's version.
///
/// # Errors
/// [`Error::NotExpressible`].
pub fn export(model: &Model) -> Result<Vec<u8>, Error> {
    let metadata = &model.metadata;
    let signature = &metadata.signature;
    let mut properties = vec![
        ("algorithm".to_owned(), metadata.algorithm.as_str().to_owned()),
        ("task".to_owned(), metadata.task.as_str().to_owned()),
        ("target".to_owned(), signature.target.clone().unwrap_or_default()),
    ];
    properties.extend(metadata.server_version.iter().map(|version| ("version".to_owned(), version.clone())));
    let description = Description {
        name: metadata.name.clone(),
        features: signature.features.iter().map(|feature| feature.name.clone()).collect(),
        classes: signature.classes.clone(),
        properties,
    };
    let mut graph = GraphBuilder::default();
    let input = match &model.preprocessing {
        Some(pipeline) => preparation::add(&mut graph, pipeline, &description.features)?,
        None => input(&mut graph, &description),
    };
    let (estimator, maps) = match &model.estimator {
        Estimator::Calibrated(model) => (model.estimator.as_ref(), model.maps.as_slice()),
        estimator => (estimator, &[][..]),
    };
    let classes = description.classes.as_deref().map(|names| Classes { names, maps });
    match (estimator, classes) {
        (Estimator::Linear(model), _) => {
            let values = linear::add_linear(&mut graph, model, &input);
            outputs::number(&mut graph, &values);
        }
        (Estimator::Logistic(model), Some(classes)) => {
            let values = linear::add_logistic(&mut graph, model, &input);
            outputs::classes(&mut graph, &values, model.intercepts.len(), classes);
        }
        (Estimator::Forest(forest), _) => add_trees(&mut graph, &forest.ensemble(), &description, maps, &input)?,
        (Estimator::Boosted(model), _) => add_trees(&mut graph, &model.ensemble(), &description, maps, &input)?,
        (Estimator::Network(model), classes) => network::add(&mut graph, &model.view(), classes, &input),
        (Estimator::Logistic(_), None) => {
            let problem = "it gives classes, of which there are no names".to_owned();
            return Err(Error::NotExpressible { what: "the model".to_owned(), format: FORMAT, problem });
        }
        (_, _) => {
            let problem = format!("it is for {}; only classifiers and regressors are written", metadata.task.as_str());
            return Err(Error::NotExpressible { what: "the model".to_owned(), format: FORMAT, problem });
        }
    }
    Ok(finish(graph, description))
}

/// Writes trees as ONNX, as [`export`] does a model of them.
///
/// # Errors
/// [`Error::NotExpressible`] where the parts do not fit each other.
pub fn export_trees(ensemble: &TreeEnsemble, description: Description) -> Result<Vec<u8>, Error> {
    let mut graph = GraphBuilder::default();
    let input = input(&mut graph, &description);
    add_trees(&mut graph, ensemble, &description, &[], &input)?;
    Ok(finish(graph, description))
}

fn input(graph: &mut GraphBuilder, description: &Description) -> String {
    graph.input(INPUT, data_type::FLOAT, description.features.len());
    INPUT.to_owned()
}

fn add_trees(
    graph: &mut GraphBuilder,
    ensemble: &TreeEnsemble,
    description: &Description,
    maps: &[CalibrationMap],
    input: &str,
) -> Result<(), Error> {
    ensemble::check(ensemble, FORMAT)?;
    let misfit = |problem: String| Error::NotExpressible { what: "the ensemble".to_owned(), format: FORMAT, problem };
    if ensemble.columns != description.features.len() {
        return Err(misfit(format!("{} names for {} columns", description.features.len(), ensemble.columns)));
    }
    let sums = trees::add(graph, ensemble, input);
    let Some(classes) = &description.classes else {
        if !matches!(ensemble.link, Link::Identity | Link::Exponential) || ensemble.outputs != 1 {
            return Err(misfit("it gives classes, of which there are no names".to_owned()));
        }
        let values = if ensemble.link == Link::Exponential { graph.node("Exp", &[&sums], Vec::new()) } else { sums };
        outputs::number(graph, &values);
        return Ok(());
    };
    let expected = if ensemble.outputs == 1 && ensemble.link != Link::Softmax { 2 } else { ensemble.outputs };
    if classes.len() != expected {
        return Err(misfit(format!("{} names for {expected} classes", classes.len())));
    }
    let probabilities = match ensemble.link {
        Link::Identity => sums,
        Link::Exponential => return Err(misfit("counts have no classes".to_owned())),
        Link::Logistic => graph.node("Sigmoid", &[&sums], Vec::new()),
        Link::Softmax => graph.node("Softmax", &[&sums], vec![("axis", Setting::Whole(1))]),
    };
    outputs::classes(graph, &probabilities, ensemble.outputs, Classes { names: classes, maps });
    Ok(())
}

fn finish(graph: GraphBuilder, description: Description) -> Vec<u8> {
    let version = description.properties.iter().find(|(key, _)| key == "version").map(|(_, version)| version.clone());
    let mut properties = vec![
        ("name".to_owned(), description.name.clone()),
        ("features".to_owned(), json!(description.features).to_string()),
    ];
    properties.extend(description.classes.map(|classes| ("classes".to_owned(), json!(classes).to_string())));
    properties.extend(description.properties);
    graph.finish(&description.name, version.as_deref().unwrap_or_default(), properties)
}
