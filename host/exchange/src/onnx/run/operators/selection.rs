//! Operators that pick elements by their positions.
#![allow(clippy::indexing_slicing, reason = "axes are checked against the shape before it is indexed by them")]

use super::super::attributes::Attributes;
use super::super::tensor::{Meter, Tensor};
use super::{Inputs, Kernel, Refusal, around, axis, kernel};

/// The operator, where it is one of these.
pub(super) fn prepare(name: &str, attributes: &Attributes<'_>) -> Option<Result<Kernel, Refusal>> {
    Some(match name {
        "Gather" => {
            let along = attributes.whole("axis", 0);
            kernel(move |inputs, meter| {
                let (input, positions) = (inputs.tensor(0)?, inputs.tensor(1)?);
                let along = axis(along, input.shape.len())?;
                let wanted = within(positions.wholes()?, input.shape[along])?;
                let gathered = gather(input, along, &wanted, meter)?;
                let shape = [&input.shape[..along], &positions.shape, &input.shape[along + 1..]].concat();
                Ok(Tensor::new(shape, gathered.data))
            })
        }
        "Slice" => {
            let fixed = attributes.wholes("starts").zip(attributes.wholes("ends"));
            let fixed = fixed
                .map(|(starts, ends)| (starts.to_vec(), ends.to_vec(), attributes.wholes("axes").map(<[i64]>::to_vec)));
            kernel(move |inputs, meter| slice(inputs, fixed.as_ref(), meter))
        }
        "OneHot" => {
            let along = attributes.whole("axis", -1);
            kernel(move |inputs, meter| one_hot(inputs, along, meter))
        }
        _ => return None,
    })
}

/// Positions counted from either end.
pub(super) fn within(positions: &[i64], length: usize) -> Result<Vec<usize>, String> {
    let one = |position: &i64| {
        let from_start = if *position < 0 { position.saturating_add(length as i64) } else { *position };
        let found = usize::try_from(from_start).ok().filter(|position| *position < length);
        found.ok_or_else(|| format!("there is no position {position} among {length}"))
    };
    positions.iter().map(one).collect()
}

/// The slices at positions, which are there, along an axis.
pub(super) fn gather(input: &Tensor, along: usize, wanted: &[usize], meter: &mut Meter<'_>) -> Result<Tensor, String> {
    let mut shape = input.shape.clone();
    shape[along] = wanted.len();
    let count = meter.take(&shape)?;
    let (before, length, behind) = around(&input.shape, along);
    let mut positions = Vec::with_capacity(count);
    for outer in 0..before {
        for position in wanted {
            let start = (outer * length + position) * behind;
            positions.extend(start..start + behind);
        }
    }
    Ok(Tensor::new(shape, input.data.pick(&positions).ok_or("a position is not there")?))
}

/// Starts, ends and axes that stand in attributes.
type Fixed = (Vec<i64>, Vec<i64>, Option<Vec<i64>>);

fn slice(inputs: &Inputs<'_>, fixed: Option<&Fixed>, meter: &mut Meter<'_>) -> Result<Tensor, String> {
    let list = |position: usize| -> Result<Option<Vec<i64>>, String> {
        Ok(inputs.optional(position)?.map(Tensor::wholes).transpose()?.map(<[i64]>::to_vec))
    };
    let (starts, ends, axes, steps) = match fixed {
        Some((starts, ends, axes)) => (starts.clone(), ends.clone(), axes.clone(), None),
        None => (list(1)?.ok_or("it has no starts")?, list(2)?.ok_or("it has no ends")?, list(3)?, list(4)?),
    };
    let axes = axes.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = steps.unwrap_or_else(|| vec![1; starts.len()]);
    if [ends.len(), axes.len(), steps.len()].iter().any(|length| *length != starts.len()) {
        return Err("its starts, ends, axes and steps differ in number".to_owned());
    }
    let mut result = inputs.tensor(0)?.clone();
    for (((start, end), given), step) in starts.into_iter().zip(ends).zip(axes).zip(steps) {
        let along = axis(given, result.shape.len())?;
        let length = result.shape[along] as i64;
        let from_start = |position: i64| if position < 0 { position.saturating_add(length) } else { position };
        let wanted: Vec<usize> = match step {
            0 => return Err("a step is 0".to_owned()),
            1.. => {
                let (start, end) = (from_start(start).clamp(0, length), from_start(end).clamp(0, length));
                (start..end)
                    .step_by(usize::try_from(step).unwrap_or(usize::MAX))
                    .map(|position| position as usize)
                    .collect()
            }
            _ => {
                let (start, end) = (from_start(start).clamp(-1, length - 1), from_start(end).clamp(-1, length - 1));
                let stride = usize::try_from(step.unsigned_abs()).unwrap_or(usize::MAX);
                (end + 1..start + 1).rev().step_by(stride).map(|position| position as usize).collect()
            }
        };
        result = gather(&result, along, &wanted, meter)?;
    }
    Ok(result)
}

fn one_hot(inputs: &Inputs<'_>, along: i64, meter: &mut Meter<'_>) -> Result<Tensor, String> {
    let positions = inputs.tensor(0)?;
    let depth = inputs.tensor(1)?.data.numbers().and_then(|depth| depth.first().copied()).ok_or("it has no depth")?;
    let values = inputs.tensor(2)?;
    if values.len() != 2 {
        return Err("it needs a value for absent and one for present".to_owned());
    }
    if !(0.0..=1e9).contains(&depth) {
        return Err(format!("its depth is {depth}"));
    }
    if along != -1 && along != positions.shape.len() as i64 {
        return Err("the new axis is not the last one, which is not run here".to_owned());
    }
    let depth = depth as usize;
    let shape = [positions.shape.as_slice(), &[depth]].concat();
    let count = meter.take(&shape)?;
    let mut picked = vec![0; count];
    let numbers = positions.data.numbers().ok_or("positions were expected, not texts")?;
    for (row, position) in picked.chunks_exact_mut(depth.max(1)).zip(numbers) {
        let from_start = if position < 0.0 { position + depth as f64 } else { position };
        if from_start >= 0.0 && from_start < depth as f64 {
            row[from_start as usize] = 1;
        }
    }
    let data = values.data.pick(&picked).ok_or("its values are not there")?;
    Ok(Tensor::new(shape, data))
}
