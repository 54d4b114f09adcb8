//! The attributes of a node, by name.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::proto::{Attribute, Node, attribute_kind};
use super::tensor::{Data, Tensor, text};

/// A node's attributes, with what an operator needs to know of its surroundings.
pub(super) struct Attributes<'a> {
    by_name: HashMap<&'a str, &'a Attribute>,
    /// The version of the operator's domain.
    pub(super) version: i64,
    /// The number of outputs.
    pub(super) outputs: usize,
}

impl<'a> Attributes<'a> {
    pub(super) fn new(node: &'a Node, version: i64) -> Result<Self, String> {
        let mut by_name = HashMap::new();
        for attribute in &node.attribute {
            if matches!(attribute.kind, attribute_kind::GRAPH | attribute_kind::GRAPHS) {
                return Err(format!(" (its attribute `{}` is a graph)", attribute.name));
            }
            by_name.insert(attribute.name.as_str(), attribute);
        }
        Ok(Self { by_name, version, outputs: node.output.len() })
    }

    fn get(&self, name: &str) -> Option<&'a Attribute> {
        self.by_name.get(name).copied()
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    pub(super) fn whole(&self, name: &str, default: i64) -> i64 {
        self.get(name).map_or(default, |attribute| attribute.i)
    }

    pub(super) fn float(&self, name: &str, default: f32) -> f32 {
        self.get(name).map_or(default, |attribute| attribute.f)
    }

    pub(super) fn string(&self, name: &str, default: &str) -> Arc<str> {
        self.get(name).map_or_else(|| default.into(), |attribute| text(&attribute.s))
    }

    pub(super) fn wholes(&self, name: &str) -> Option<&'a [i64]> {
        self.get(name).map(|attribute| attribute.ints.as_slice())
    }

    pub(super) fn floats(&self, name: &str) -> Option<&'a [f32]> {
        self.get(name).map(|attribute| attribute.floats.as_slice())
    }

    pub(super) fn strings(&self, name: &str) -> Option<Vec<Arc<str>>> {
        self.get(name).map(|attribute| attribute.strings.iter().map(|bytes| text(bytes)).collect())
    }

    /// A tensor in an attribute.
    pub(super) fn tensor(&self, name: &str) -> Result<Option<Tensor>, String> {
        match self.get(name).and_then(|attribute| attribute.t.as_ref()) {
            Some(tensor) => Tensor::from_file(tensor).map(Some).map_err(|problem| format!("{name}: {problem}")),
            None => Ok(None),
        }
    }

    /// Numbers in a list of 32-bit floats, or in a tensor under the same name with `_as_tensor`.
    pub(super) fn numbers(&self, name: &str) -> Result<Option<Vec<f64>>, String> {
        if let Some(tensor) = self.tensor(&format!("{name}_as_tensor"))? {
            return Ok(tensor.data.numbers());
        }
        Ok(self.floats(name).map(|values| values.iter().map(|value| f64::from(*value)).collect()))
    }

    /// The value of a `Constant`.
    pub(super) fn constant(&self) -> Result<Tensor, String> {
        let scalar = |data| Tensor::new(Vec::new(), data);
        if let Some(tensor) = self.tensor("value")? {
            return Ok(tensor);
        }
        let found = [
            self.get("value_float").map(|attribute| scalar(Data::Float(vec![attribute.f]))),
            self.get("value_int").map(|attribute| scalar(Data::Whole(vec![attribute.i]))),
            self.get("value_string").map(|attribute| scalar(Data::Text(vec![text(&attribute.s)]))),
            self.floats("value_floats").map(|values| Tensor::vector(Data::Float(values.to_vec()))),
            self.wholes("value_ints").map(|values| Tensor::vector(Data::Whole(values.to_vec()))),
            self.strings("value_strings").map(|values| Tensor::vector(Data::Text(values))),
        ];
        found.into_iter().flatten().next().ok_or_else(|| "it has no value".to_owned())
    }
}
