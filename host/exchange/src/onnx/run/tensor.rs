//! The values that flow through a graph while it runs, and what they may cost.

use std::sync::Arc;

use super::super::proto::{self, data_type};
use crate::Limits;

/// Elements that a shape may stand for, also where one of its lengths is 0.
pub(super) const MOST_VOLUME: usize = 1 << 30;

/// Numbers or texts in rows of rows.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tensor {
    /// The lengths, outermost first; their product is the number of elements.
    pub(super) shape: Vec<usize>,
    pub(super) data: Data,
}

/// Elements of one type. Whole numbers of all widths are kept with 64 bits.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Data {
    Float(Vec<f32>),
    Double(Vec<f64>),
    Whole(Vec<i64>),
    Flag(Vec<bool>),
    Text(Vec<Arc<str>>),
}

/// What one node hands to another.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Tensor(Tensor),
    /// For each row a map from the same keys: what `ZipMap` makes.
    Maps {
        keys: Vec<Arc<str>>,
        values: Tensor,
    },
}

/// Evaluates an expression on the elements, whatever their type; the expression's type is the same for all.
macro_rules! on_elements {
    ($data:expr, $values:ident => $body:expr) => {
        match $data {
            Data::Float($values) => $body,
            Data::Double($values) => $body,
            Data::Whole($values) => $body,
            Data::Flag($values) => $body,
            Data::Text($values) => $body,
        }
    };
}

impl Data {
    pub(super) fn len(&self) -> usize {
        on_elements!(self, values => values.len())
    }

    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Float(_) => "32-bit floats",
            Self::Double(_) => "64-bit floats",
            Self::Whole(_) => "whole numbers",
            Self::Flag(_) => "booleans",
            Self::Text(_) => "texts",
        }
    }

    /// The elements at positions; `None` where one is not there.
    pub(super) fn pick(&self, positions: &[usize]) -> Option<Self> {
        fn picked<T: Clone>(values: &[T], positions: &[usize]) -> Option<Vec<T>> {
            positions.iter().map(|position| values.get(*position).cloned()).collect()
        }
        Some(match self {
            Self::Float(values) => Self::Float(picked(values, positions)?),
            Self::Double(values) => Self::Double(picked(values, positions)?),
            Self::Whole(values) => Self::Whole(picked(values, positions)?),
            Self::Flag(values) => Self::Flag(picked(values, positions)?),
            Self::Text(values) => Self::Text(picked(values, positions)?),
        })
    }

    /// Numbers as 64-bit floats; `None` for texts.
    pub(super) fn numbers(&self) -> Option<Vec<f64>> {
        match self {
            Self::Float(values) => Some(values.iter().map(|value| f64::from(*value)).collect()),
            Self::Double(values) => Some(values.clone()),
            Self::Whole(values) => Some(values.iter().map(|value| *value as f64).collect()),
            Self::Flag(values) => Some(values.iter().map(|value| f64::from(u8::from(*value))).collect()),
            Self::Text(_) => None,
        }
    }
}

impl Tensor {
    pub(super) fn new(shape: Vec<usize>, data: Data) -> Self {
        Self { shape, data }
    }

    pub(super) fn vector(data: Data) -> Self {
        Self { shape: vec![data.len()], data }
    }

    pub(super) fn len(&self) -> usize {
        self.data.len()
    }

    /// The tensor as rows: a list is one row, more than two dimensions are none.
    pub(super) fn rows(&self) -> Result<(usize, usize), String> {
        match self.shape.as_slice() {
            [width] => Ok((1, *width)),
            [rows, width] => Ok((*rows, *width)),
            shape => Err(format!("rows of values were expected, not the shape {shape:?}")),
        }
    }

    /// Whole numbers, for shapes and axes.
    pub(super) fn wholes(&self) -> Result<&[i64], String> {
        match &self.data {
            Data::Whole(values) => Ok(values),
            other => Err(format!("whole numbers were expected, not {}", other.kind())),
        }
    }

    /// A constant of the file.
    pub(super) fn from_file(tensor: &proto::Tensor) -> Result<Self, String> {
        if !tensor.external_data.is_empty() || tensor.data_location != 0 {
            return Err("its values are in another file; save the model with everything in one".to_owned());
        }
        let shape: Vec<usize> = tensor
            .dims
            .iter()
            .map(|length| usize::try_from(*length).map_err(|_| format!("it has a length of {length}")))
            .collect::<Result<_, _>>()?;
        if volume(&shape).is_none_or(|volume| volume > MOST_VOLUME) {
            return Err(format!("its shape {shape:?} has too many elements"));
        }
        let count: usize = shape.iter().product();
        let data = Self::elements(tensor)?;
        if data.len() != count {
            return Err(format!("it has {} elements; its shape {shape:?} has {count}", data.len()));
        }
        Ok(Self { shape, data })
    }

    fn elements(tensor: &proto::Tensor) -> Result<Data, String> {
        let raw = tensor.raw_data.as_slice();
        let is_raw = !raw.is_empty();
        let small = || tensor.int32_data.iter().map(|value| i64::from(*value)).collect();
        Ok(match tensor.data_type {
            data_type::FLOAT if is_raw => Data::Float(decoded(raw, f32::from_le_bytes)?),
            data_type::FLOAT => Data::Float(tensor.float_data.clone()),
            data_type::DOUBLE if is_raw => Data::Double(decoded(raw, f64::from_le_bytes)?),
            data_type::DOUBLE => Data::Double(tensor.double_data.clone()),
            data_type::INT64 if is_raw => Data::Whole(decoded(raw, i64::from_le_bytes)?),
            data_type::INT64 => Data::Whole(tensor.int64_data.clone()),
            data_type::UINT64 if is_raw => Data::Whole(decoded(raw, |bytes| u64::from_le_bytes(bytes) as i64)?),
            data_type::UINT64 => Data::Whole(tensor.uint64_data.iter().map(|value| *value as i64).collect()),
            data_type::INT32 if is_raw => Data::Whole(decoded(raw, |bytes| i64::from(i32::from_le_bytes(bytes)))?),
            data_type::UINT32 if is_raw => Data::Whole(decoded(raw, |bytes| i64::from(u32::from_le_bytes(bytes)))?),
            data_type::UINT32 => Data::Whole(tensor.uint64_data.iter().map(|value| *value as i64).collect()),
            data_type::INT16 if is_raw => Data::Whole(decoded(raw, |bytes| i64::from(i16::from_le_bytes(bytes)))?),
            data_type::UINT16 if is_raw => Data::Whole(decoded(raw, |bytes| i64::from(u16::from_le_bytes(bytes)))?),
            data_type::INT8 if is_raw => Data::Whole(decoded(raw, |bytes| i64::from(i8::from_le_bytes(bytes)))?),
            data_type::UINT8 if is_raw => Data::Whole(decoded(raw, |bytes| i64::from(u8::from_le_bytes(bytes)))?),
            data_type::INT32 | data_type::INT16 | data_type::UINT16 | data_type::INT8 | data_type::UINT8 => {
                Data::Whole(small())
            }
            data_type::BOOL if is_raw => Data::Flag(decoded(raw, |[byte]: [u8; 1]| byte != 0)?),
            data_type::BOOL => Data::Flag(tensor.int32_data.iter().map(|value| *value != 0).collect()),
            data_type::STRING => Data::Text(tensor.string_data.iter().map(|bytes| text(bytes)).collect()),
            other => return Err(format!("its elements are of the type {other} of ONNX, which is not read")),
        })
    }
}

/// The product of the lengths that are not 0, which bounds every loop over a shape; `None` where it is too large to count.
pub(super) fn volume(shape: &[usize]) -> Option<usize> {
    shape.iter().try_fold(1_usize, |product, length| product.checked_mul((*length).max(1)))
}

/// Bytes as text; what is no UTF-8 is replaced.
pub(super) fn text(bytes: &[u8]) -> Arc<str> {
    String::from_utf8_lossy(bytes).into()
}

fn decoded<const BYTES: usize, T>(raw: &[u8], read: impl Fn([u8; BYTES]) -> T) -> Result<Vec<T>, String> {
    let (whole, rest) = raw.as_chunks::<BYTES>();
    if rest.is_empty() {
        Ok(whole.iter().map(|bytes| read(*bytes)).collect())
    } else {
        Err(format!("its {} bytes are no whole number of elements", raw.len()))
    }
}

impl Value {
    pub(super) fn tensor(&self) -> Result<&Tensor, String> {
        match self {
            Self::Tensor(tensor) => Ok(tensor),
            Self::Maps { .. } => Err("a tensor was expected, not maps".to_owned()),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Tensor(tensor) | Self::Maps { values: tensor, .. } => tensor.len(),
        }
    }
}

/// What one run has cost so far. Every operator asks before it takes memory.
pub(super) struct Meter<'a> {
    limits: &'a Limits,
    spent: u64,
}

impl<'a> Meter<'a> {
    pub(super) fn new(limits: &'a Limits) -> Self {
        Self { limits, spent: 0 }
    }

    /// Permission to make a tensor of a shape; its number of elements.
    pub(super) fn take(&mut self, shape: &[usize]) -> Result<usize, String> {
        match volume(shape).filter(|volume| *volume <= self.limits.elements) {
            Some(volume) => self.spend(volume as u64).map(|()| shape.iter().product()),
            None => Err(format!(
                "its result of the shape {shape:?} is above the limit of {} elements",
                self.limits.elements
            )),
        }
    }

    /// Permission to do so many steps of arithmetic.
    pub(super) fn spend(&mut self, steps: u64) -> Result<(), String> {
        self.spent = self.spent.saturating_add(steps);
        if self.spent > self.limits.work {
            return Err(format!("the run takes more than {} steps; give it fewer rows", self.limits.work));
        }
        Ok(())
    }
}
