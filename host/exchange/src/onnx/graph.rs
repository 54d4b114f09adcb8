//! A graph in the making: every call adds a node or a constant and returns the name by which others read it.

use prost::Message;

use super::proto::{
    Attribute, Dimension, Graph, Model, Node, OperatorSet, Property, Shape, Tensor, TensorType, ValueInfo, ValueType,
    attribute_kind, data_type,
};

/// The domain of operators for classical models.
pub(super) const ML: &str = "ai.onnx.ml";
/// The version of the file: that of ONNX 1.10, which every runtime of the last years reads.
const IR_VERSION: i64 = 8;
/// The version of the standard operators.
const OPERATORS: i64 = 15;
/// The version of the operators for classical models: the first with thresholds of 64 bits.
const ML_OPERATORS: i64 = 3;
/// What the number of rows is called.
const ROWS: &str = "N";

/// The value of an attribute.
pub(super) enum Setting {
    Whole(i64),
    Wholes(Vec<i64>),
    Text(&'static str),
    Texts(Vec<String>),
    Doubles(Vec<f64>),
}

/// A graph in the making.
#[derive(Default)]
pub(super) struct GraphBuilder {
    graph: Graph,
    made: usize,
    uses_ml: bool,
}

impl GraphBuilder {
    /// Adds a node with one output.
    pub(super) fn node(&mut self, operator: &str, inputs: &[&str], settings: Vec<(&str, Setting)>) -> String {
        self.add(operator, "", inputs, settings)
    }

    /// Adds a node of the domain `ai.onnx.ml`.
    pub(super) fn ml_node(&mut self, operator: &str, inputs: &[&str], settings: Vec<(&str, Setting)>) -> String {
        self.uses_ml = true;
        self.add(operator, ML, inputs, settings)
    }

    /// A conversion to another type.
    pub(super) fn cast(&mut self, input: &str, to: i32) -> String {
        self.node("Cast", &[input], vec![("to", Setting::Whole(i64::from(to)))])
    }

    /// A constant of 64-bit floats.
    pub(super) fn doubles(&mut self, dims: &[usize], values: &[f64]) -> String {
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(Tensor { data_type: data_type::DOUBLE, raw_data, ..tensor(dims) })
    }

    /// A constant of 32-bit floats.
    pub(super) fn floats(&mut self, dims: &[usize], values: &[f32]) -> String {
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(Tensor { data_type: data_type::FLOAT, raw_data, ..tensor(dims) })
    }

    /// A constant of whole numbers.
    pub(super) fn wholes(&mut self, dims: &[usize], values: &[i64]) -> String {
        let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(Tensor { data_type: data_type::INT64, raw_data, ..tensor(dims) })
    }

    /// A constant of texts.
    pub(super) fn texts(&mut self, dims: &[usize], values: &[String]) -> String {
        let string_data = values.iter().map(|value| value.clone().into_bytes()).collect();
        self.constant(Tensor { data_type: data_type::STRING, string_data, ..tensor(dims) })
    }

    /// An input with a row of so many values for each row of data.
    pub(super) fn input(&mut self, name: &str, element: i32, width: usize) {
        self.graph.input.push(value(name, element, Some(width)));
    }

    /// An output under a name of its own; without a width it is a list with an entry for each row.
    pub(super) fn output(&mut self, name: &str, from: &str, element: i32, width: Option<usize>) {
        self.graph.node.push(Node {
            input: vec![from.to_owned()],
            output: vec![name.to_owned()],
            name: format!("output_{name}"),
            op_type: "Identity".to_owned(),
            ..Node::default()
        });
        self.graph.output.push(value(name, element, width));
    }

    /// The file.
    pub(super) fn finish(mut self, name: &str, version: &str, properties: Vec<(String, String)>) -> Vec<u8> {
        name.clone_into(&mut self.graph.name);
        let mut opset_import = vec![OperatorSet { domain: String::new(), version: OPERATORS }];
        if self.uses_ml {
            opset_import.push(OperatorSet { domain: ML.to_owned(), version: ML_OPERATORS });
        }
        let model = Model {
            ir_version: IR_VERSION,
            producer_name: "kumiko".to_owned(),
            producer_version: version.to_owned(),
            doc_string: String::new(),
            graph: Some(self.graph),
            opset_import,
            metadata_props: properties.into_iter().map(|(key, value)| Property { key, value }).collect(),
        };
        model.encode_to_vec()
    }

    fn add(&mut self, operator: &str, domain: &str, inputs: &[&str], settings: Vec<(&str, Setting)>) -> String {
        let output = self.name("value");
        self.graph.node.push(Node {
            input: inputs.iter().map(|input| (*input).to_owned()).collect(),
            output: vec![output.clone()],
            name: format!("{operator}_{}", self.made),
            op_type: operator.to_owned(),
            attribute: settings.into_iter().map(|(name, setting)| attribute(name, setting)).collect(),
            domain: domain.to_owned(),
        });
        output
    }

    fn constant(&mut self, tensor: Tensor) -> String {
        let name = self.name("constant");
        self.graph.initializer.push(Tensor { name: name.clone(), ..tensor });
        name
    }

    /// A name that no column has by accident.
    fn name(&mut self, kind: &str) -> String {
        self.made += 1;
        format!("kumiko/{kind}_{}", self.made)
    }
}

fn tensor(dims: &[usize]) -> Tensor {
    Tensor { dims: dims.iter().map(|length| *length as i64).collect(), ..Tensor::default() }
}

fn value(name: &str, element: i32, width: Option<usize>) -> ValueInfo {
    let rows = Dimension { dim_param: Some(ROWS.to_owned()), ..Dimension::default() };
    let width = width.map(|width| Dimension { dim_value: Some(width as i64), ..Dimension::default() });
    let shape = Shape { dim: std::iter::once(rows).chain(width).collect() };
    let tensor = Some(TensorType { elem_type: element, shape: Some(shape) });
    ValueInfo { name: name.to_owned(), value_type: Some(ValueType { tensor, ..ValueType::default() }) }
}

fn attribute(name: &str, setting: Setting) -> Attribute {
    let blank = Attribute { name: name.to_owned(), ..Attribute::default() };
    match setting {
        Setting::Whole(i) => Attribute { i, kind: attribute_kind::INT, ..blank },
        Setting::Wholes(ints) => Attribute { ints, kind: attribute_kind::INTS, ..blank },
        Setting::Text(text) => Attribute { s: text.as_bytes().to_vec(), kind: attribute_kind::STRING, ..blank },
        Setting::Texts(texts) => {
            let strings = texts.into_iter().map(String::into_bytes).collect();
            Attribute { strings, kind: attribute_kind::STRINGS, ..blank }
        }
        Setting::Doubles(values) => {
            let raw_data = values.iter().flat_map(|value| value.to_le_bytes()).collect();
            let t = Tensor { data_type: data_type::DOUBLE, raw_data, ..tensor(&[values.len()]) };
            Attribute { t: Some(t), kind: attribute_kind::TENSOR, ..blank }
        }
    }
}
