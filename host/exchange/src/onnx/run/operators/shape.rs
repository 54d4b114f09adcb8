//! Operators that change the shape and leave the elements as they are, and constants.
#![allow(clippy::indexing_slicing, reason = "axes are checked against the shape before it is indexed by them")]

use super::super::attributes::Attributes;
use super::super::tensor::{Data, MOST_VOLUME, Meter, Tensor, Value, volume};
use super::elementwise::{Stretched, strides};
use super::{Inputs, Kernel, Refusal, around, axis, kernel};

/// The operator, where it is one of these.
pub(super) fn prepare(name: &str, attributes: &Attributes<'_>) -> Option<Result<Kernel, Refusal>> {
    let axes = attributes.wholes("axes").map(<[i64]>::to_vec);
    let asked = move |inputs: &Inputs<'_>| -> Result<Option<Vec<i64>>, String> {
        match &axes {
            Some(axes) => Ok(Some(axes.clone())),
            None => Ok(inputs.optional(1)?.map(Tensor::wholes).transpose()?.map(<[i64]>::to_vec)),
        }
    };
    Some(match name {
        "Identity" => Ok(Box::new(|inputs, meter| {
            let value = inputs.0.first().copied().flatten().ok_or("its input is not given")?;
            meter.spend(value.len() as u64)?;
            Ok(vec![value.clone()])
        })),
        "Dropout" if attributes.outputs > 1 => Err(Refusal::Part(" with a mask".to_owned())),
        "Dropout" => kernel(|inputs, _| Ok(inputs.tensor(0)?.clone())),
        "Constant" => match attributes.constant() {
            Ok(tensor) => kernel(move |_, meter| meter.take(&tensor.shape).map(|_| tensor.clone())),
            Err(problem) => Err(Refusal::Damaged(problem)),
        },
        "ConstantOfShape" => match attributes.tensor("value") {
            Ok(value) => {
                let value = value.map_or(Data::Float(vec![0.0]), |tensor| tensor.data);
                kernel(move |inputs, meter| {
                    let shape = lengths(inputs.tensor(0)?.wholes()?)?;
                    let count = meter.take(&shape)?;
                    let data = value.pick(&vec![0; count]).ok_or("its value is empty")?;
                    Ok(Tensor::new(shape, data))
                })
            }
            Err(problem) => Err(Refusal::Damaged(problem)),
        },
        "Shape" => kernel(|inputs, _| {
            let shape = inputs.tensor(0)?.shape.iter().map(|length| *length as i64).collect();
            Ok(Tensor::vector(Data::Whole(shape)))
        }),
        "Size" => kernel(|inputs, _| Ok(Tensor::new(Vec::new(), Data::Whole(vec![inputs.tensor(0)?.len() as i64])))),
        "Reshape" => {
            let fixed = attributes.wholes("shape").map(<[i64]>::to_vec);
            let keeps_zero = attributes.whole("allowzero", 0) == 0;
            kernel(move |inputs, meter| {
                let input = inputs.tensor(0)?;
                let asked = match &fixed {
                    Some(shape) => shape.clone(),
                    None => inputs.tensor(1)?.wholes()?.to_vec(),
                };
                meter.spend(input.len() as u64)?;
                Ok(Tensor::new(reshaped(&input.shape, input.len(), &asked, keeps_zero)?, input.data.clone()))
            })
        }
        "Flatten" => {
            let along = attributes.whole("axis", 1);
            kernel(move |inputs, meter| {
                let input = inputs.tensor(0)?;
                let dimensions = input.shape.len();
                let along = if along == dimensions as i64 { dimensions } else { axis(along, dimensions.max(1))? };
                meter.spend(input.len() as u64)?;
                let rows: usize = input.shape.iter().take(along).product();
                let width: usize = input.shape.iter().skip(along).product();
                Ok(Tensor::new(vec![rows, width], input.data.clone()))
            })
        }
        "Squeeze" => kernel(move |inputs, _| {
            let input = inputs.tensor(0)?;
            let dimensions = input.shape.len();
            let mut gone = vec![false; dimensions];
            match asked(inputs)? {
                Some(axes) => {
                    for given in axes {
                        let axis = axis(given, dimensions)?;
                        if input.shape[axis] != 1 {
                            return Err(format!("the axis {given} of the shape {:?} is no single row", input.shape));
                        }
                        gone[axis] = true;
                    }
                }
                None => gone.iter_mut().zip(&input.shape).for_each(|(gone, length)| *gone = *length == 1),
            }
            let shape = input.shape.iter().zip(gone).filter(|(_, gone)| !gone).map(|(length, _)| *length).collect();
            Ok(Tensor::new(shape, input.data.clone()))
        }),
        "Unsqueeze" => kernel(move |inputs, _| {
            let input = inputs.tensor(0)?;
            let axes = asked(inputs)?.ok_or("it has no axes")?;
            let dimensions = input.shape.len() + axes.len();
            let mut is_new = vec![false; dimensions];
            for given in &axes {
                is_new[axis(*given, dimensions)?] = true;
            }
            let mut old = input.shape.iter();
            let shape =
                is_new.iter().map(|new| if *new { Some(1) } else { old.next().copied() }).collect::<Option<Vec<_>>>();
            Ok(Tensor::new(shape.ok_or("an axis is named twice")?, input.data.clone()))
        }),
        "Transpose" => {
            let order = attributes.wholes("perm").map(<[i64]>::to_vec);
            kernel(move |inputs, meter| transpose(inputs.tensor(0)?, order.as_deref(), meter))
        }
        "Expand" => kernel(|inputs, meter| {
            let input = inputs.tensor(0)?;
            let stretched = Stretched::of(&input.shape, &lengths(inputs.tensor(1)?.wholes()?)?)?;
            meter.take(&stretched.shape)?;
            let data = input.data.pick(&stretched.left_positions()).ok_or("a position is not there")?;
            Ok(Tensor::new(stretched.shape, data))
        }),
        "Concat" => {
            let along = attributes.whole("axis", 1);
            kernel(move |inputs, meter| concatenate(&inputs.tensors()?, along, meter))
        }
        "Split" => {
            let along = attributes.whole("axis", 0);
            let fixed = attributes.wholes("split").map(<[i64]>::to_vec);
            let count = attributes.outputs;
            Ok(Box::new(move |inputs, meter| {
                let sizes = match &fixed {
                    Some(sizes) => Some(sizes.clone()),
                    None => inputs.optional(1)?.map(Tensor::wholes).transpose()?.map(<[i64]>::to_vec),
                };
                split(inputs.tensor(0)?, along, sizes, count, meter)
            }))
        }
        _ => return None,
    })
}

/// Lengths of a shape that is computed.
pub(super) fn lengths(values: &[i64]) -> Result<Vec<usize>, String> {
    values
        .iter()
        .map(|length| usize::try_from(*length).map_err(|_| format!("a length of {length} was asked for")))
        .collect()
}

/// The shape asked for: 0 keeps a length, -1 is whatever is left.
fn reshaped(shape: &[usize], count: usize, asked: &[i64], keeps_zero: bool) -> Result<Vec<usize>, String> {
    let misfit = || format!("{count} elements of the shape {shape:?} cannot take the shape {asked:?}");
    let mut made = Vec::with_capacity(asked.len());
    let mut open = None;
    for (position, length) in asked.iter().enumerate() {
        made.push(match *length {
            0 if keeps_zero => shape.get(position).copied().ok_or_else(misfit)?,
            -1 if open.is_none() => {
                open = Some(position);
                1
            }
            length => usize::try_from(length).map_err(|_| misfit())?,
        });
    }
    let product = made.iter().try_fold(1_usize, |product, length| product.checked_mul(*length)).ok_or_else(misfit)?;
    match open {
        Some(position) if product > 0 && count.is_multiple_of(product) => made[position] = count / product,
        None if product == count => {}
        _ => return Err(misfit()),
    }
    if volume(&made).is_none_or(|volume| volume > MOST_VOLUME) {
        return Err(misfit());
    }
    Ok(made)
}

fn transpose(input: &Tensor, order: Option<&[i64]>, meter: &mut Meter<'_>) -> Result<Tensor, String> {
    let dimensions = input.shape.len();
    let order: Vec<usize> = match order {
        Some(order) => order.iter().map(|given| axis(*given, dimensions)).collect::<Result<_, _>>()?,
        None => (0..dimensions).rev().collect(),
    };
    let mut sorted = order.clone();
    sorted.sort_unstable();
    if sorted != (0..dimensions).collect::<Vec<_>>() {
        return Err(format!("its order {order:?} is none of {dimensions} axes"));
    }
    let shape: Vec<usize> = order.iter().map(|axis| input.shape[*axis]).collect();
    let count = meter.take(&shape)?;
    let steps = strides(&input.shape);
    let steps: Vec<usize> = order.iter().map(|axis| steps[*axis]).collect();
    let mut positions = Vec::with_capacity(count);
    let mut counter = vec![0; dimensions];
    let mut position = 0;
    for _ in 0..count {
        positions.push(position);
        for axis in (0..dimensions).rev() {
            counter[axis] += 1;
            position += steps[axis];
            if counter[axis] < shape[axis] {
                break;
            }
            position -= steps[axis] * counter[axis];
            counter[axis] = 0;
        }
    }
    Ok(Tensor::new(shape, input.data.pick(&positions).ok_or("a position is not there")?))
}

/// Tensors one after another along an axis.
pub(super) fn concatenate(tensors: &[&Tensor], along: i64, meter: &mut Meter<'_>) -> Result<Tensor, String> {
    let first = tensors.first().ok_or("it has no input")?;
    let along = axis(along, first.shape.len())?;
    let mut shape = first.shape.clone();
    shape[along] = 0;
    for tensor in tensors {
        let mut other = tensor.shape.clone();
        let fits =
            other.len() == shape.len() && std::mem::discriminant(&tensor.data) == std::mem::discriminant(&first.data);
        let length = other.get(along).copied().unwrap_or_default();
        other.iter_mut().skip(along).take(1).for_each(|own| *own = shape[along]);
        if !fits || other != shape {
            let kinds = (first.data.kind(), tensor.data.kind());
            return Err(format!(
                "{} of the shape {:?} do not fit {} of the shape {:?}",
                kinds.1, tensor.shape, kinds.0, first.shape
            ));
        }
        shape[along] = shape[along].checked_add(length).ok_or("the result is too large")?;
    }
    meter.take(&shape)?;
    let (before, _, behind) = around(&shape, along);
    fn joined<T: Clone>(parts: &[(&[T], usize)], before: usize) -> Vec<T> {
        let mut result = Vec::with_capacity(parts.iter().map(|(values, _)| values.len()).sum());
        for outer in 0..before {
            for (values, width) in parts {
                result.extend_from_slice(values.get(outer * width..(outer + 1) * width).unwrap_or_default());
            }
        }
        result
    }
    macro_rules! join {
        ($kind:ident) => {{
            let parts = tensors.iter().filter_map(|tensor| match &tensor.data {
                Data::$kind(values) => Some((values.as_slice(), tensor.shape[along] * behind)),
                _ => None,
            });
            Data::$kind(joined(&parts.collect::<Vec<_>>(), before))
        }};
    }
    let data = match first.data {
        Data::Float(_) => join!(Float),
        Data::Double(_) => join!(Double),
        Data::Whole(_) => join!(Whole),
        Data::Flag(_) => join!(Flag),
        Data::Text(_) => join!(Text),
    };
    Ok(Tensor::new(shape, data))
}

fn split(
    input: &Tensor,
    along: i64,
    sizes: Option<Vec<i64>>,
    count: usize,
    meter: &mut Meter<'_>,
) -> Result<Vec<Value>, String> {
    let along = axis(along, input.shape.len())?;
    let length = input.shape[along];
    let sizes = match sizes {
        Some(sizes) => lengths(&sizes)?,
        None => {
            let size = length.div_ceil(count.max(1));
            (0..count).map(|part| size.min(length.saturating_sub(part * size))).collect()
        }
    };
    if sizes.iter().try_fold(0_usize, |sum, size| sum.checked_add(*size)) != Some(length) || sizes.len() != count {
        return Err(format!("the parts {sizes:?} are not {count} that make {length}"));
    }
    let mut start = 0;
    let mut parts = Vec::with_capacity(count);
    for size in sizes {
        let wanted: Vec<usize> = (start..start + size).collect();
        parts.push(Value::Tensor(super::selection::gather(input, along, &wanted, meter)?));
        start += size;
    }
    Ok(parts)
}
