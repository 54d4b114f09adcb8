//! Operators that make one element of many: sums, means, extremes and where those are.
#![allow(clippy::indexing_slicing, reason = "positions are counted by the shape, which was held against the data")]

use super::super::attributes::Attributes;
use super::super::tensor::{Data, Meter, Tensor, Value};
use super::{Kernel, Refusal, around, axis, kernel};

/// The operator, where it is one of these.
pub(super) fn prepare(name: &str, attributes: &Attributes<'_>) -> Option<Result<Kernel, Refusal>> {
    let keeps = attributes.whole("keepdims", 1) != 0;
    if matches!(name, "ArgMax" | "ArgMin") {
        let along = attributes.whole("axis", 0);
        let (takes_last, is_most) = (attributes.whole("select_last_index", 0) != 0, name == "ArgMax");
        return Some(kernel(move |inputs, meter| extreme(inputs.tensor(0)?, along, keeps, takes_last, is_most, meter)));
    }
    if name == "TopK" {
        let along = attributes.whole("axis", -1);
        let is_most = attributes.whole("largest", 1) != 0;
        return Some(Ok(Box::new(move |inputs, meter| {
            let count = inputs.tensor(1)?.wholes()?.first().copied().unwrap_or(-1);
            top(inputs.tensor(0)?, count, along, is_most, meter)
        })));
    }
    let fold: fn(&[f64]) -> f64 = match name {
        "ReduceSum" => |values| values.iter().sum(),
        "ReduceMean" => |values| values.iter().sum::<f64>() / values.len() as f64,
        "ReduceMax" => |values| values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        "ReduceMin" => |values| values.iter().copied().fold(f64::INFINITY, f64::min),
        "ReduceProd" => |values| values.iter().product(),
        "ReduceL1" => |values| values.iter().map(|value| value.abs()).sum(),
        "ReduceL2" => |values| values.iter().map(|value| value * value).sum::<f64>().sqrt(),
        "ReduceSumSquare" => |values| values.iter().map(|value| value * value).sum(),
        "ReduceLogSum" => |values| values.iter().sum::<f64>().ln(),
        "ReduceLogSumExp" => |values| {
            let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            if most.is_finite() {
                most + values.iter().map(|value| (value - most).exp()).sum::<f64>().ln()
            } else {
                most
            }
        },
        _ => return None,
    };
    let fixed = attributes.wholes("axes").map(<[i64]>::to_vec);
    let none_is_all = attributes.whole("noop_with_empty_axes", 0) == 0;
    Some(kernel(move |inputs, meter| {
        let given = match &fixed {
            Some(axes) => axes.clone(),
            None => inputs.optional(1)?.map(Tensor::wholes).transpose()?.unwrap_or_default().to_vec(),
        };
        if given.is_empty() && !none_is_all {
            return Ok(inputs.tensor(0)?.clone());
        }
        reduce(inputs.tensor(0)?, &given, keeps, fold, meter)
    }))
}

fn reduce(
    input: &Tensor,
    axes: &[i64],
    keeps: bool,
    fold: fn(&[f64]) -> f64,
    meter: &mut Meter<'_>,
) -> Result<Tensor, String> {
    let dimensions = input.shape.len();
    let mut folded = vec![axes.is_empty(); dimensions];
    for given in axes {
        folded[axis(*given, dimensions)?] = true;
    }
    let values = input.data.numbers().ok_or("numbers were expected, not texts")?;
    meter.take(&input.shape)?;
    let kept: Vec<usize> = (0..dimensions).map(|axis| if folded[axis] { 1 } else { input.shape[axis] }).collect();
    let count = meter.take(&kept)?;
    // Where each element goes: as a counter over the input's shape that steps in the result.
    let strides = super::elementwise::strides(&kept);
    let mut groups: Vec<Vec<f64>> = vec![Vec::new(); count];
    let mut counter = vec![0; dimensions];
    let mut position = 0;
    for value in values {
        groups[position].push(value);
        for axis in (0..dimensions).rev() {
            counter[axis] += 1;
            position += strides[axis];
            if counter[axis] < input.shape[axis] {
                break;
            }
            position -= strides[axis] * counter[axis];
            counter[axis] = 0;
        }
    }
    let results: Vec<f64> = groups.iter().map(|group| fold(group)).collect();
    let data = match input.data {
        Data::Double(_) => Data::Double(results),
        Data::Whole(_) => Data::Whole(results.into_iter().map(|value| value as i64).collect()),
        _ => Data::Float(results.into_iter().map(|value| value as f32).collect()),
    };
    let shape = if keeps {
        kept
    } else {
        (0..dimensions).filter(|axis| !folded[*axis]).map(|axis| input.shape[axis]).collect()
    };
    Ok(Tensor::new(shape, data))
}

fn extreme(
    input: &Tensor,
    along: i64,
    keeps: bool,
    takes_last: bool,
    is_most: bool,
    meter: &mut Meter<'_>,
) -> Result<Tensor, String> {
    let along = axis(along, input.shape.len())?;
    let (before, length, behind) = around(&input.shape, along);
    let values = input.data.numbers().ok_or("numbers were expected, not texts")?;
    meter.spend(values.len() as u64)?;
    if length == 0 {
        return Err("there is nothing along the axis".to_owned());
    }
    let mut found = Vec::with_capacity(before * behind);
    for outer in 0..before {
        for inner in 0..behind {
            let at = |step: usize| values[(outer * length + step) * behind + inner];
            let mut best = 0;
            for step in 1..length {
                let better = if is_most { at(step) > at(best) } else { at(step) < at(best) };
                if better || takes_last && at(step) == at(best) {
                    best = step;
                }
            }
            found.push(best as i64);
        }
    }
    let mut shape = input.shape.clone();
    if keeps {
        shape[along] = 1;
    } else {
        shape.remove(along);
    }
    Ok(Tensor::new(shape, Data::Whole(found)))
}

/// The largest or smallest elements along an axis in order, the first of equals first, and where they are.
fn top(input: &Tensor, count: i64, along: i64, is_most: bool, meter: &mut Meter<'_>) -> Result<Vec<Value>, String> {
    let along = axis(along, input.shape.len())?;
    let (before, length, behind) = around(&input.shape, along);
    let count = usize::try_from(count).ok().filter(|count| *count <= length);
    let count = count.ok_or_else(|| format!("more elements are asked for than the {length} there are"))?;
    let values = input.data.numbers().ok_or("numbers were expected, not texts")?;
    meter.spend((values.len() as u64).saturating_mul(u64::from(length.max(2).ilog2())))?;
    let mut shape = input.shape.clone();
    shape[along] = count;
    let (mut picked, mut steps) = (vec![0; before * count * behind], vec![0; before * count * behind]);
    for outer in 0..before {
        for inner in 0..behind {
            let at = |step: usize| (outer * length + step) * behind + inner;
            let mut order: Vec<usize> = (0..length).collect();
            order.sort_by(|left, right| {
                let order = values[at(*left)].total_cmp(&values[at(*right)]);
                if is_most { order.reverse() } else { order }
            });
            for (rank, step) in order.into_iter().take(count).enumerate() {
                let target = (outer * count + rank) * behind + inner;
                picked[target] = at(step);
                steps[target] = step as i64;
            }
        }
    }
    let data = input.data.pick(&picked).ok_or("a position is not there")?;
    Ok(vec![Value::Tensor(Tensor::new(shape.clone(), data)), Value::Tensor(Tensor::new(shape, Data::Whole(steps)))])
}
