//! What a graph says about its inputs and outputs.

use std::collections::BTreeMap;

use super::super::proto::{Node, ValueInfo, data_type};
use super::attributes::Attributes;

/// What goes into a model and what comes out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OnnxSignature {
    /// The inputs, in the graph's order.
    pub inputs: Vec<OnnxPort>,
    /// The names of the outputs.
    pub outputs: Vec<String>,
    /// The classes in the order of the probabilities, where the graph tells them.
    pub classes: Option<Vec<String>>,
    /// The columns that the one input has, where the graph tells them: ours do, by the metadata property `features`.
    pub features: Option<Vec<String>>,
    /// The program that wrote the file, and its version.
    pub producer: String,
    /// The metadata properties.
    pub properties: BTreeMap<String, String>,
}

/// One input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnnxPort {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: ElementKind,
    /// Its lengths, rows first; none where a length is known only when the model runs. Empty where the graph gives no shape.
    pub shape: Vec<Option<usize>>,
}

impl OnnxPort {
    /// Columns for each row, where that is known: the product of all lengths but the first.
    #[must_use]
    pub fn width(&self) -> Option<usize> {
        let (_, inner) = self.shape.split_first()?;
        inner.iter().try_fold(1_usize, |product, length| product.checked_mul((*length)?))
    }
}

/// What a tensor holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElementKind {
    /// 32-bit floats.
    Float,
    /// 64-bit floats.
    Double,
    /// Whole numbers of any width.
    Whole,
    /// Booleans.
    Flag,
    /// Texts.
    Text,
}

/// Reads an input's description.
pub(super) fn port(input: &ValueInfo) -> Result<OnnxPort, String> {
    let kind = input.value_type.as_ref().and_then(|kind| kind.tensor.as_ref());
    let tensor = kind.ok_or("it is no tensor")?;
    let kind = match tensor.elem_type {
        data_type::FLOAT => ElementKind::Float,
        data_type::DOUBLE => ElementKind::Double,
        data_type::STRING => ElementKind::Text,
        data_type::BOOL => ElementKind::Flag,
        data_type::UINT8
        | data_type::INT8
        | data_type::UINT16
        | data_type::INT16
        | data_type::INT32
        | data_type::INT64
        | data_type::UINT32
        | data_type::UINT64 => ElementKind::Whole,
        other => return Err(format!("its elements are of the type {other} of ONNX, which is not read")),
    };
    let dimensions = tensor.shape.as_ref().map(|shape| shape.dim.as_slice()).unwrap_or_default();
    let length = |value: Option<i64>| value.and_then(|value| usize::try_from(value).ok()).filter(|length| *length > 0);
    let shape = dimensions.iter().map(|dimension| length(dimension.dim_value)).collect();
    Ok(OnnxPort { name: input.name.clone(), kind, shape })
}

/// The classes that a classifier's node or a `ZipMap` names.
pub(super) fn classes(node: &Node) -> Option<Vec<String>> {
    let attributes = Attributes::new(node, 1).ok()?;
    let texts = attributes.strings("classlabels_strings").filter(|texts| !texts.is_empty());
    let whole = ["classlabels_int64s", "classlabels_ints"].into_iter().find_map(|name| attributes.wholes(name));
    texts.map(|texts| texts.iter().map(|text| text.to_string()).collect()).or_else(|| {
        whole.filter(|numbers| !numbers.is_empty()).map(|numbers| numbers.iter().map(i64::to_string).collect())
    })
}

/// A property that is a JSON array of texts.
pub(super) fn listed(properties: &BTreeMap<String, String>, key: &str) -> Option<Vec<String>> {
    properties.get(key).and_then(|text| serde_json::from_str(text).ok())
}
