//! Operators of `ai.onnx.ml` on rows of numbers: scaling, filling, picking columns.
#![allow(clippy::indexing_slicing, reason = "rows are cut by widths that were held against the parameters")]

use std::sync::Arc;

use super::super::attributes::Attributes;
use super::super::tensor::{Data, Meter, Tensor, Value};
use super::selection::{gather, within};
use super::shape::concatenate;
use super::{Kernel, Refusal, kernel};

/// The operator, where it is one of these.
pub(super) fn prepare(name: &str, attributes: &Attributes<'_>) -> Option<Result<Kernel, Refusal>> {
    let list = |name: &str| {
        attributes.floats(name).unwrap_or_default().iter().map(|value| f64::from(*value)).collect::<Vec<_>>()
    };
    Some(match name {
        "Scaler" => {
            let (offset, scale) = (list("offset"), list("scale"));
            kernel(move |inputs, meter| {
                let input = inputs.tensor(0)?;
                by_column(input, &[&offset, &scale], meter, |value, column| {
                    let of =
                        |list: &[f64], default: f64| list.get(column % list.len().max(1)).copied().unwrap_or(default);
                    // With 32 bits, as onnxruntime does: trees behind it ask about these very numbers.
                    f64::from((value as f32 - of(&offset, 0.0) as f32) * of(&scale, 1.0) as f32)
                })
            })
        }
        "Binarizer" => {
            let threshold = f64::from(attributes.float("threshold", 0.0));
            kernel(move |inputs, meter| {
                by_column(inputs.tensor(0)?, &[], meter, |value, _| if value > threshold { 1.0 } else { 0.0 })
            })
        }
        "Imputer" => imputer(attributes),
        "Normalizer" => {
            let norm: fn(&[f64]) -> f64 = match &*attributes.string("norm", "MAX") {
                "MAX" => |row| row.iter().fold(0.0, |most, value| value.abs().max(most)),
                "L1" => |row| row.iter().map(|value| value.abs()).sum(),
                "L2" => |row| row.iter().map(|value| value * value).sum::<f64>().sqrt(),
                other => return Some(Err(Refusal::Part(format!(" with the norm {other:?}")))),
            };
            kernel(move |inputs, meter| {
                let input = inputs.tensor(0)?;
                let (_, width) = input.rows()?;
                let mut values = input.data.numbers().ok_or("numbers were expected, not texts")?;
                meter.take(&input.shape)?;
                for row in values.chunks_exact_mut(width.max(1)) {
                    let norm = norm(row);
                    if norm != 0.0 {
                        row.iter_mut().for_each(|value| *value /= norm);
                    }
                }
                Ok(Tensor::new(
                    input.shape.clone(),
                    Data::Float(values.into_iter().map(|value| value as f32).collect()),
                ))
            })
        }
        "FeatureVectorizer" => kernel(|inputs, meter| {
            let mut columns = Vec::new();
            for tensor in inputs.tensors()? {
                let numbers = tensor.data.numbers().ok_or("numbers were expected, not texts")?;
                let shape = if let [rows] = tensor.shape.as_slice() { vec![*rows, 1] } else { tensor.shape.clone() };
                columns.push(Tensor::new(shape, Data::Float(numbers.into_iter().map(|value| value as f32).collect())));
            }
            concatenate(&columns.iter().collect::<Vec<_>>(), 1, meter)
        }),
        "ArrayFeatureExtractor" => kernel(|inputs, meter| {
            let input = inputs.tensor(0)?;
            let wide = match input.shape.as_slice() {
                [width] => Tensor::new(vec![1, *width], input.data.clone()),
                [_, ..] => input.clone(),
                [] => return Err("it has no columns to pick from".to_owned()),
            };
            let along = wide.shape.len() - 1;
            let wanted = within(inputs.tensor(1)?.wholes()?, wide.shape[along])?;
            gather(&wide, along, &wanted, meter)
        }),
        "ZipMap" => {
            let keys: Vec<Arc<str>> =
                match (attributes.strings("classlabels_strings"), attributes.wholes("classlabels_int64s")) {
                    (Some(keys), _) => keys,
                    (None, Some(keys)) => keys.iter().map(|key| key.to_string().into()).collect(),
                    (None, None) => return Some(Err(Refusal::Damaged("it has no classes".to_owned()))),
                };
            Ok(Box::new(move |inputs, meter| {
                let values = inputs.tensor(0)?.clone();
                meter.take(&values.shape)?;
                let (_, width) = values.rows()?;
                if width != keys.len() {
                    return Err(format!("{width} columns for {} classes", keys.len()));
                }
                Ok(vec![Value::Maps { keys: keys.clone(), values }])
            }))
        }
        _ => return None,
    })
}

/// A function of each number and its column; the result is of 32-bit floats. Each list of parameters has one number, or one for each
/// column.
fn by_column(
    input: &Tensor,
    parameters: &[&[f64]],
    meter: &mut Meter<'_>,
    function: impl Fn(f64, usize) -> f64,
) -> Result<Tensor, String> {
    let (_, width) = input.rows()?;
    if let Some(list) = parameters.iter().find(|list| list.len() > 1 && list.len() != width) {
        return Err(format!("{} parameters for {width} columns", list.len()));
    }
    meter.take(&input.shape)?;
    let numbers = input.data.numbers().ok_or("numbers were expected, not texts")?;
    let made = numbers.into_iter().enumerate().map(|(position, value)| function(value, position % width.max(1)) as f32);
    Ok(Tensor::new(input.shape.clone(), Data::Float(made.collect())))
}

fn imputer(attributes: &Attributes<'_>) -> Result<Kernel, Refusal> {
    if let Some(filled) = attributes.wholes("imputed_value_int64s").filter(|filled| !filled.is_empty()) {
        let (filled, replaced) = (filled.to_vec(), attributes.whole("replaced_value_int64", 0));
        return kernel(move |inputs, meter| {
            let input = inputs.tensor(0)?;
            let (_, width) = input.rows()?;
            meter.take(&input.shape)?;
            if filled.len() != 1 && filled.len() != width {
                return Err(format!("{} values for {width} columns", filled.len()));
            }
            let fill = |(position, value): (usize, &i64)| {
                if *value == replaced { filled[position % width.max(1) % filled.len()] } else { *value }
            };
            let made = input.wholes()?.iter().enumerate().map(fill).collect();
            Ok(Tensor::new(input.shape.clone(), Data::Whole(made)))
        });
    }
    let filled: Vec<f64> =
        attributes.floats("imputed_value_floats").unwrap_or_default().iter().map(|value| f64::from(*value)).collect();
    if filled.is_empty() {
        return Err(Refusal::Damaged("it has no values to fill in".to_owned()));
    }
    let replaced = f64::from(attributes.float("replaced_value_float", 0.0));
    kernel(move |inputs, meter| {
        let is_missing = |value: f64| value == replaced || value.is_nan() && replaced.is_nan();
        by_column(inputs.tensor(0)?, &[&filled], meter, |value, column| {
            if is_missing(value) { filled[column % filled.len()] } else { value }
        })
    })
}
