//! The operators, by their domains and names: the one list of what can be run.
//!
//! Preparing an operator reads its attributes once and gives a kernel, a function from inputs to outputs. What preparing refuses is a
//! file's fault or a feature that is missing here; what a kernel refuses is the fault of the values it meets.

mod dense;
mod elementwise;
mod encoders;
mod linear;
mod reduce;
mod scores;
mod selection;
mod shape;
mod table;
mod trees;

use super::attributes::Attributes;
use super::tensor::{Meter, Tensor, Value};
use crate::Limits;

/// A prepared operator.
pub(super) type Kernel = Box<dyn Fn(&Inputs<'_>, &mut Meter<'_>) -> Result<Vec<Value>, String> + Send + Sync>;

/// Why an operator cannot be prepared.
pub(super) enum Refusal {
    /// There is none of this name here.
    Unknown,
    /// A part of it is not there: what, in words that follow its name.
    Part(String),
    /// Its attributes contradict each other.
    Damaged(String),
}

/// What is given to a node; an input that is left out is none.
pub(super) struct Inputs<'a>(pub(super) Vec<Option<&'a Value>>);

impl<'a> Inputs<'a> {
    /// A tensor that has to be there.
    fn tensor(&self, position: usize) -> Result<&'a Tensor, String> {
        self.optional(position)?.ok_or_else(|| format!("its input {position} is not given"))
    }

    /// A tensor that may be left out.
    fn optional(&self, position: usize) -> Result<Option<&'a Tensor>, String> {
        self.0.get(position).copied().flatten().map(Value::tensor).transpose()
    }

    /// All of them.
    fn tensors(&self) -> Result<Vec<&'a Tensor>, String> {
        (0..self.0.len()).map(|position| self.tensor(position)).collect()
    }
}

/// Prepares an operator.
pub(super) fn prepare(
    domain: &str,
    name: &str,
    attributes: &Attributes<'_>,
    limits: &Limits,
) -> Result<Kernel, Refusal> {
    match domain {
        "" | "ai.onnx" => elementwise::prepare(name, attributes)
            .or_else(|| dense::prepare(name, attributes))
            .or_else(|| reduce::prepare(name, attributes))
            .or_else(|| shape::prepare(name, attributes))
            .or_else(|| selection::prepare(name, attributes))
            .unwrap_or(Err(Refusal::Unknown)),
        "ai.onnx.ml" => table::prepare(name, attributes)
            .or_else(|| encoders::prepare(name, attributes))
            .or_else(|| linear::prepare(name, attributes))
            .or_else(|| trees::prepare(name, attributes, limits))
            .unwrap_or(Err(Refusal::Unknown)),
        _ => Err(Refusal::Unknown),
    }
}

/// A kernel with one tensor for a result.
fn kernel(
    run: impl Fn(&Inputs<'_>, &mut Meter<'_>) -> Result<Tensor, String> + Send + Sync + 'static,
) -> Result<Kernel, Refusal> {
    Ok(Box::new(move |inputs, meter| run(inputs, meter).map(|tensor| vec![Value::Tensor(tensor)])))
}

/// An axis counted from either end.
fn axis(axis: i64, dimensions: usize) -> Result<usize, String> {
    let from_start = if axis < 0 { axis.saturating_add(dimensions as i64) } else { axis };
    usize::try_from(from_start)
        .ok()
        .filter(|axis| *axis < dimensions)
        .ok_or_else(|| format!("there is no axis {axis} in {dimensions} dimensions"))
}

/// The numbers of elements before an axis, along it, and behind it.
fn around(shape: &[usize], axis: usize) -> (usize, usize, usize) {
    let product = |lengths: Option<&[usize]>| lengths.unwrap_or_default().iter().product();
    (product(shape.get(..axis)), shape.get(axis).copied().unwrap_or(1), product(shape.get(axis + 1..)))
}
