//! What dense networks are made of: products of matrices, normalisation, softmax.
#![allow(clippy::indexing_slicing, reason = "rows are cut by shapes that were held against the data")]

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, LinalgScalar};

use super::super::attributes::Attributes;
use super::super::tensor::{Data, Meter, Tensor};
use super::elementwise::Arithmetic;
use super::{Kernel, Refusal, around, axis, kernel};

/// The operator, where it is one of these.
pub(super) fn prepare(name: &str, attributes: &Attributes<'_>) -> Option<Result<Kernel, Refusal>> {
    Some(match name {
        "MatMul" => kernel(|inputs, meter| multiply(inputs.tensor(0)?, inputs.tensor(1)?, meter)),
        "Gemm" => {
            let (alpha, beta) = (attributes.float("alpha", 1.0), attributes.float("beta", 1.0));
            let (turn_left, turn_right) = (attributes.whole("transA", 0) != 0, attributes.whole("transB", 0) != 0);
            kernel(move |inputs, meter| {
                let (left, right) = (inputs.tensor(0)?, inputs.tensor(1)?);
                let product = product(left, turn_left, right, turn_right, meter)?;
                let product = scaled(product, alpha);
                match inputs.optional(2)? {
                    Some(offset) => Arithmetic::Add.apply(&product, &scaled(offset.clone(), beta), meter),
                    None => Ok(product),
                }
            })
        }
        "Softmax" | "LogSoftmax" => {
            let is_log = name == "LogSoftmax";
            // Before version 13 everything from the axis on was one row.
            let flattens = attributes.version < 13;
            let along = attributes.whole("axis", if flattens { 1 } else { -1 });
            kernel(move |inputs, meter| softmax(inputs.tensor(0)?, along, flattens, is_log, meter))
        }
        "BatchNormalization" => {
            if attributes.whole("training_mode", 0) != 0 {
                return Some(Err(Refusal::Part(" in training mode".to_owned())));
            }
            let epsilon = f64::from(attributes.float("epsilon", 1e-5));
            kernel(move |inputs, meter| {
                let input = inputs.tensor(0)?;
                let list = |position: usize| -> Result<Vec<f64>, String> {
                    inputs.tensor(position)?.data.numbers().ok_or_else(|| "numbers were expected".to_owned())
                };
                let (scale, offset, mean, variance) = (list(1)?, list(2)?, list(3)?, list(4)?);
                let channels = input.shape.get(1).copied().unwrap_or(1);
                if [&scale, &offset, &mean, &variance].iter().any(|list| list.len() != channels) {
                    return Err(format!("its parameters are not of {channels} channels"));
                }
                let (_, _, behind) = around(&input.shape, 1.min(input.shape.len().saturating_sub(1)));
                let factors: Vec<f64> =
                    scale.iter().zip(&variance).map(|(scale, variance)| scale / (variance + epsilon).sqrt()).collect();
                by_position(input, meter, |position, value| {
                    let channel = position / behind.max(1) % channels.max(1);
                    (value - mean[channel]) * factors[channel] + offset[channel]
                })
            })
        }
        "LayerNormalization" => {
            let along = attributes.whole("axis", -1);
            let epsilon = f64::from(attributes.float("epsilon", 1e-5));
            kernel(move |inputs, meter| {
                let input = inputs.tensor(0)?;
                let along = axis(along, input.shape.len())?;
                let (_, length, behind) = around(&input.shape, along);
                let width = length * behind;
                let values = input.data.numbers().ok_or("numbers were expected")?;
                let moments: Vec<(f64, f64)> = (values.chunks_exact(width.max(1)))
                    .map(|row| {
                        let mean = row.iter().sum::<f64>() / width as f64;
                        let variance =
                            row.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / width as f64;
                        (mean, (variance + epsilon).sqrt())
                    })
                    .collect();
                let normal = by_position(input, meter, |position, value| {
                    let (mean, deviation) = moments[position / width];
                    (value - mean) / deviation
                })?;
                let scaled = Arithmetic::Multiply.apply(&normal, inputs.tensor(1)?, meter)?;
                match inputs.optional(2)? {
                    Some(offset) => Arithmetic::Add.apply(&scaled, offset, meter),
                    None => Ok(scaled),
                }
            })
        }
        _ => return None,
    })
}

/// A function of each number and its position; the result is of the same type.
fn by_position(input: &Tensor, meter: &mut Meter<'_>, function: impl Fn(usize, f64) -> f64) -> Result<Tensor, String> {
    meter.take(&input.shape)?;
    let data = match &input.data {
        Data::Float(values) => {
            let made = values.iter().enumerate().map(|(position, value)| function(position, f64::from(*value)) as f32);
            Data::Float(made.collect())
        }
        Data::Double(values) => {
            Data::Double(values.iter().enumerate().map(|(position, value)| function(position, *value)).collect())
        }
        other => return Err(format!("floats were expected, not {}", other.kind())),
    };
    Ok(Tensor::new(input.shape.clone(), data))
}

fn scaled(tensor: Tensor, factor: f32) -> Tensor {
    if factor == 1.0 {
        return tensor;
    }
    let data = match tensor.data {
        Data::Float(values) => Data::Float(values.into_iter().map(|value| value * factor).collect()),
        Data::Double(values) => Data::Double(values.into_iter().map(|value| value * f64::from(factor)).collect()),
        other => other,
    };
    Tensor::new(tensor.shape, data)
}

/// The product of two matrices, each turned over where that is asked for.
fn product(
    left: &Tensor,
    turn_left: bool,
    right: &Tensor,
    turn_right: bool,
    meter: &mut Meter<'_>,
) -> Result<Tensor, String> {
    let ([left_rows, left_columns], [right_rows, right_columns]) = (left.shape.as_slice(), right.shape.as_slice())
    else {
        return Err(format!("matrices were expected, not the shapes {:?} and {:?}", left.shape, right.shape));
    };
    let turned = |turn: bool, rows: usize, columns: usize| if turn { (columns, rows) } else { (rows, columns) };
    let (rows, inner) = turned(turn_left, *left_rows, *left_columns);
    let (other_inner, columns) = turned(turn_right, *right_rows, *right_columns);
    if inner != other_inner {
        return Err(format!("the shapes {:?} and {:?} cannot be multiplied", left.shape, right.shape));
    }
    let count = meter.take(&[rows, columns])?;
    meter.spend((count as u64).saturating_mul(inner as u64))?;
    fn multiplied<T: LinalgScalar>(
        left: (&[T], [usize; 2], bool),
        right: (&[T], [usize; 2], bool),
        shape: (usize, usize),
    ) -> Result<Vec<T>, String> {
        fn view<T>((values, shape, turn): (&[T], [usize; 2], bool)) -> Result<ArrayView2<'_, T>, String> {
            let view = ArrayView2::from_shape(shape, values).map_err(|error| error.to_string())?;
            Ok(if turn { view.reversed_axes() } else { view })
        }
        let mut result = vec![T::zero(); shape.0 * shape.1];
        let mut target = ArrayViewMut2::from_shape(shape, &mut result).map_err(|error| error.to_string())?;
        general_mat_mul(T::one(), &view(left)?, &view(right)?, T::zero(), &mut target);
        Ok(result)
    }
    let (left_shape, right_shape) = ([*left_rows, *left_columns], [*right_rows, *right_columns]);
    let data = match (&left.data, &right.data) {
        (Data::Float(left), Data::Float(right)) => {
            let (left, right) = ((left.as_slice(), left_shape, turn_left), (right.as_slice(), right_shape, turn_right));
            Data::Float(multiplied(left, right, (rows, columns))?)
        }
        (Data::Double(left), Data::Double(right)) => {
            let (left, right) = ((left.as_slice(), left_shape, turn_left), (right.as_slice(), right_shape, turn_right));
            Data::Double(multiplied(left, right, (rows, columns))?)
        }
        (left, right) => return Err(format!("it cannot multiply {} by {}", left.kind(), right.kind())),
    };
    Ok(Tensor::new(vec![rows, columns], data))
}

/// NumPy's `matmul` where the right side is a matrix or a list: everything on the left but its last axis is rows.
fn multiply(left: &Tensor, right: &Tensor, meter: &mut Meter<'_>) -> Result<Tensor, String> {
    let (inner, is_list) = match (left.shape.as_slice(), right.shape.as_slice()) {
        ([_], [inner] | [inner, _]) => (*inner, right.shape.len() == 1),
        ([.., _], [inner] | [inner, _]) => (*inner, right.shape.len() == 1),
        _ => return Err(format!("the shapes {:?} and {:?} are not multiplied here", left.shape, right.shape)),
    };
    let rows = left.len().checked_div(inner).unwrap_or(0);
    if left.shape.last() != Some(&inner) {
        return Err(format!("the shapes {:?} and {:?} cannot be multiplied", left.shape, right.shape));
    }
    let wide_left = Tensor::new(vec![rows, inner], left.data.clone());
    let wide_right = if is_list { Tensor::new(vec![inner, 1], right.data.clone()) } else { right.clone() };
    let product = product(&wide_left, false, &wide_right, false, meter)?;
    let mut shape: Vec<usize> = left.shape.iter().take(left.shape.len() - 1).copied().collect();
    if !is_list {
        shape.extend(right.shape.last());
    }
    Ok(Tensor::new(shape, product.data))
}

fn softmax(input: &Tensor, along: i64, flattens: bool, is_log: bool, meter: &mut Meter<'_>) -> Result<Tensor, String> {
    let along = axis(along, input.shape.len())?;
    let (before, mut length, mut behind) = around(&input.shape, along);
    if flattens {
        (length, behind) = (length * behind, 1);
    }
    meter.take(&input.shape)?;
    let mut values = input.data.numbers().ok_or("numbers were expected")?;
    for outer in 0..before {
        for inner in 0..behind {
            let at = |step: usize| (outer * length + step) * behind + inner;
            let most = (0..length).map(|step| values[at(step)]).fold(f64::NEG_INFINITY, f64::max);
            let total: f64 = (0..length).map(|step| (values[at(step)] - most).exp()).sum();
            for step in 0..length {
                let value = &mut values[at(step)];
                *value = if is_log { *value - most - total.ln() } else { (*value - most).exp() / total };
            }
        }
    }
    let data = match input.data {
        Data::Double(_) => Data::Double(values),
        _ => Data::Float(values.into_iter().map(|value| value as f32).collect()),
    };
    Ok(Tensor::new(input.shape.clone(), data))
}
