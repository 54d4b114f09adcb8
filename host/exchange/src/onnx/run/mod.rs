//! Graphs from elsewhere, run.
//!
//! Loading goes from cheap to dear: size, number of parts, messages, versions, constants, and then each node in order, which has to read what
//! an earlier one made; its operator is prepared there and then, so a graph that loads has no operator that is not run. A run
//! hands each node its inputs and drops a value after its last reader. There are no loops and no subgraphs, so a run ends; the limits say when
//! it may not go on.

mod attributes;
mod operators;
mod parts;
mod predict;
mod signature;
mod tensor;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use prost::Message;

use self::attributes::Attributes;
use self::operators::{Inputs, Kernel, Refusal};
use self::tensor::{Meter, Tensor, Value};
use super::graph::ML;
use super::proto;
use crate::{Error, Limits};

pub use predict::{ColumnValues, InputColumn, OnnxPredictions};
pub use signature::{ElementKind, OnnxPort, OnnxSignature};

/// What errors call the format.
const FORMAT: &str = "ONNX model";
/// The latest versions of the operators that are read.
const LATEST_OPERATORS: i64 = 27;
const LATEST_ML_OPERATORS: i64 = 5;

/// A graph that is ready to run.
pub struct OnnxModel {
    name: String,
    limits: Limits,
    signature: OnnxSignature,
    steps: Vec<Step>,
    /// Values that are there from the start; others have an empty slot.
    initial: Vec<Option<Arc<Value>>>,
    /// The slots of the inputs and outputs, in the signature's order.
    inputs: Vec<usize>,
    outputs: Vec<usize>,
}

impl std::fmt::Debug for OnnxModel {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("OnnxModel")
            .field("name", &self.name)
            .field("signature", &self.signature)
            .finish_non_exhaustive()
    }
}

/// A node that is ready to run.
struct Step {
    name: String,
    operator: String,
    kernel: Kernel,
    inputs: Vec<Option<usize>>,
    outputs: Vec<Option<usize>>,
    /// Slots that nobody reads after this.
    last_read: Vec<usize>,
}

impl OnnxModel {
    /// Reads a model. `name` is what errors call the file.
    ///
    /// # Errors
    /// [`Error::TooLarge`], [`Error::NotOfFormat`], [`Error::UnsupportedOperator`] with the operator's name, [`Error::Unsupported`] for later
    /// versions, [`Error::Damaged`] where the graph contradicts itself or keeps its values in other files.
    pub fn load(bytes: &[u8], name: &str, limits: &Limits) -> Result<Self, Error> {
        let (model, graph) = messages(bytes, name, limits)?;
        let damaged = |place: String, problem: String| Error::Damaged { name: name.to_owned(), place, problem };
        let versions = versions(&model, name)?;
        let mut slots = Slots::default();
        for tensor in &graph.initializer {
            let place = || format!("the constant `{}`", tensor.name);
            let value = Tensor::from_file(tensor).map_err(|problem| damaged(place(), problem))?;
            slots.add(&tensor.name, Some(value)).map_err(|problem| damaged(place(), problem))?;
        }
        let mut ports = Vec::new();
        let mut inputs = Vec::new();
        for input in &graph.input {
            // Old files list their constants among the inputs.
            if slots.by_name.contains_key(input.name.as_str()) {
                continue;
            }
            let place = || format!("the input `{}`", input.name);
            ports.push(signature::port(input).map_err(|problem| damaged(place(), problem))?);
            inputs.push(slots.add(&input.name, None).map_err(|problem| damaged(place(), problem))?);
        }
        let mut steps = Vec::with_capacity(graph.node.len());
        let mut classes = None;
        for (position, node) in graph.node.iter().enumerate() {
            let step = step(node, position, name, &versions, &mut slots, limits)?;
            classes = signature::classes(node).or(classes);
            steps.push(step);
        }
        let outputs = graph.output.iter().map(|output| {
            let slot = slots.by_name.get(output.name.as_str()).copied();
            slot.ok_or_else(|| damaged("the outputs".to_owned(), format!("no node makes `{}`", output.name)))
        });
        let outputs: Vec<usize> = outputs.collect::<Result<_, _>>()?;
        if inputs.is_empty() || outputs.is_empty() {
            return Err(damaged("the graph".to_owned(), "it has no inputs or no outputs".to_owned()));
        }
        let kept: Vec<usize> = outputs.iter().chain(&inputs).copied().collect();
        mark_last_reads(&mut steps, &kept);
        let properties: BTreeMap<String, String> =
            model.metadata_props.into_iter().map(|property| (property.key, property.value)).collect();
        let signature = OnnxSignature {
            inputs: ports,
            outputs: graph.output.iter().map(|output| output.name.clone()).collect(),
            classes: signature::listed(&properties, "classes").or(classes),
            features: signature::listed(&properties, "features"),
            producer: [model.producer_name, model.producer_version].join(" ").trim().to_owned(),
            properties,
        };
        Ok(Self { name: name.to_owned(), limits: *limits, signature, steps, initial: slots.values, inputs, outputs })
    }

    /// What goes in and what comes out.
    #[must_use]
    pub fn signature(&self) -> &OnnxSignature {
        &self.signature
    }

    /// The outputs for inputs in the signature's order.
    fn run(&self, given: Vec<Tensor>, meter: &mut Meter<'_>) -> Result<Vec<Arc<Value>>, Error> {
        let mut values = self.initial.clone();
        for (slot, tensor) in self.inputs.iter().zip(given) {
            values
                .iter_mut()
                .skip(*slot)
                .take(1)
                .for_each(|value| *value = Some(Arc::new(Value::Tensor(tensor.clone()))));
        }
        for step in &self.steps {
            let failed =
                |problem: String| Error::Run { node: step.name.clone(), operator: step.operator.clone(), problem };
            let inputs =
                step.inputs.iter().map(|slot| slot.and_then(|slot| values.get(slot)).and_then(Option::as_deref));
            let made = (step.kernel)(&Inputs(inputs.collect()), meter).map_err(failed)?;
            if made.len() < step.outputs.len() {
                return Err(failed(format!("{} outputs are read, and {} made", step.outputs.len(), made.len())));
            }
            for slot in &step.last_read {
                values.iter_mut().skip(*slot).take(1).for_each(|value| *value = None);
            }
            for (slot, made) in step.outputs.iter().zip(made) {
                if let Some(value) = slot.and_then(|slot| values.get_mut(slot)) {
                    *value = Some(Arc::new(made));
                }
            }
        }
        let found = self.outputs.iter().map(|slot| values.get(*slot).cloned().flatten());
        found.collect::<Option<Vec<_>>>().ok_or_else(|| Error::Run {
            node: "the last".to_owned(),
            operator: "graph".to_owned(),
            problem: "an output has no value".to_owned(),
        })
    }
}

/// The file's messages.
fn messages(bytes: &[u8], name: &str, limits: &Limits) -> Result<(proto::Model, proto::Graph), Error> {
    let too_large = |what: &'static str, found: usize, limit: usize| Error::TooLarge {
        name: name.to_owned(),
        what,
        found: found as u64,
        limit: limit as u64,
    };
    let not = |problem: String| Error::NotOfFormat { name: name.to_owned(), format: FORMAT, problem };
    if bytes.len() > limits.bytes {
        return Err(too_large("bytes", bytes.len(), limits.bytes));
    }
    if bytes.is_empty() {
        return Err(not("it is empty".to_owned()));
    }
    let parts =
        parts::count(bytes, limits.parts).ok_or_else(|| not("its bytes are no messages of protobuf".to_owned()))?;
    if parts > limits.parts {
        return Err(too_large("parts", parts, limits.parts));
    }
    let mut model = proto::Model::decode(bytes).map_err(|error| not(error.to_string()))?;
    let graph = model.graph.take().ok_or_else(|| not("it has no graph".to_owned()))?;
    if graph.node.len() > limits.operators {
        return Err(too_large("operators", graph.node.len(), limits.operators));
    }
    Ok((model, graph))
}

/// The version of each domain's operators.
fn versions(model: &proto::Model, name: &str) -> Result<HashMap<String, i64>, Error> {
    let mut versions = HashMap::new();
    for set in &model.opset_import {
        let domain = if set.domain == "ai.onnx" { "" } else { set.domain.as_str() };
        let latest = match domain {
            "" => LATEST_OPERATORS,
            ML => LATEST_ML_OPERATORS,
            _ => i64::MAX,
        };
        if set.version > latest {
            return Err(Error::Unsupported {
                name: name.to_owned(),
                kind: "version of operators",
                found: format!("{} {}", if domain.is_empty() { "ai.onnx" } else { domain }, set.version),
                supported: format!("up to {latest} is"),
            });
        }
        versions.insert(domain.to_owned(), set.version);
    }
    Ok(versions)
}

/// Places for values, by their names.
#[derive(Default)]
struct Slots {
    by_name: HashMap<String, usize>,
    values: Vec<Option<Arc<Value>>>,
}

impl Slots {
    fn add(&mut self, name: &str, value: Option<Tensor>) -> Result<usize, String> {
        let slot = self.values.len();
        if self.by_name.insert(name.to_owned(), slot).is_some() {
            return Err("its name is taken".to_owned());
        }
        self.values.push(value.map(|tensor| Arc::new(Value::Tensor(tensor))));
        Ok(slot)
    }
}

fn step(
    node: &proto::Node,
    position: usize,
    name: &str,
    versions: &HashMap<String, i64>,
    slots: &mut Slots,
    limits: &Limits,
) -> Result<Step, Error> {
    let called = if node.name.is_empty() { format!("{position}") } else { node.name.clone() };
    let domain = if node.domain == "ai.onnx" { "" } else { node.domain.as_str() };
    let operator = if domain.is_empty() { node.op_type.clone() } else { format!("{domain}.{}", node.op_type) };
    let damaged = |problem: String| Error::Damaged {
        name: name.to_owned(),
        place: format!("the node `{called}` ({operator})"),
        problem,
    };
    let unsupported = |detail: String| Error::UnsupportedOperator {
        name: name.to_owned(),
        operator: operator.clone(),
        node: called.clone(),
        detail,
    };
    let version = versions.get(domain).copied().unwrap_or(1);
    let attributes = Attributes::new(node, version).map_err(unsupported)?;
    let kernel = operators::prepare(domain, &node.op_type, &attributes, limits).map_err(|refusal| match refusal {
        Refusal::Unknown => unsupported(String::new()),
        Refusal::Part(detail) => unsupported(detail),
        Refusal::Damaged(problem) => damaged(problem),
    })?;
    let input = |input: &String| match (input.as_str(), slots.by_name.get(input.as_str())) {
        ("", _) => Ok(None),
        (_, Some(slot)) => Ok(Some(*slot)),
        (input, None) => Err(damaged(format!("it reads `{input}`, which nothing before it makes"))),
    };
    let inputs = node.input.iter().map(input).collect::<Result<_, _>>()?;
    let output = |output: &String| match output.as_str() {
        "" => Ok(None),
        output => slots.add(output, None).map(Some).map_err(|problem| damaged(format!("`{output}`: {problem}"))),
    };
    let outputs = node.output.iter().map(output).collect::<Result<_, _>>()?;
    Ok(Step { name: called, operator, kernel, inputs, outputs, last_read: Vec::new() })
}

/// Notes for each value that is not kept by whom it is read last.
fn mark_last_reads(steps: &mut [Step], kept: &[usize]) {
    let mut seen: std::collections::HashSet<usize> = kept.iter().copied().collect();
    for step in steps.iter_mut().rev() {
        let touched: Vec<usize> = step.inputs.iter().flatten().copied().collect();
        for slot in touched {
            if seen.insert(slot) {
                step.last_read.push(slot);
            }
        }
    }
}
