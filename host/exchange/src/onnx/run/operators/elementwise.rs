//! Operators that work on each element by itself, with the shapes of two inputs stretched to each other as NumPy does.
#![allow(
    clippy::indexing_slicing,
    reason = "positions come from the stretched shape, whose strides are those of the inputs"
)]

use std::sync::Arc;

use super::super::super::proto::data_type;
use super::super::attributes::Attributes;
use super::super::tensor::{Data, Meter, Tensor};
use super::{Kernel, Refusal, kernel};

/// The operator, where it is one of these.
pub(super) fn prepare(name: &str, attributes: &Attributes<'_>) -> Option<Result<Kernel, Refusal>> {
    if let Some(function) = unary(name, attributes) {
        return Some(kernel(move |inputs, meter| map(inputs.tensor(0)?, function, meter)));
    }
    if let Some(operation) = Arithmetic::of(name) {
        return Some(kernel(move |inputs, meter| operation.apply(inputs.tensor(0)?, inputs.tensor(1)?, meter)));
    }
    if let Some(comparison) = comparison(name) {
        return Some(kernel(move |inputs, meter| compare(inputs.tensor(0)?, inputs.tensor(1)?, comparison, meter)));
    }
    Some(match name {
        "Max" | "Min" | "Sum" | "Mean" => {
            let operation = match name {
                "Max" => Arithmetic::Most,
                "Min" => Arithmetic::Least,
                _ => Arithmetic::Add,
            };
            let is_mean = name == "Mean";
            kernel(move |inputs, meter| {
                let tensors = inputs.tensors()?;
                let (first, others) = tensors.split_first().ok_or("it has no input")?;
                let mut result = (*first).clone();
                for other in others {
                    result = operation.apply(&result, other, meter)?;
                }
                let count = tensors.len() as f64;
                if is_mean { map(&result, Function::Scale(1.0 / count), meter) } else { Ok(result) }
            })
        }
        "And" | "Or" | "Xor" => {
            let function: fn(bool, bool) -> bool = match name {
                "And" => |left, right| left && right,
                "Or" => |left, right| left || right,
                _ => |left, right| left != right,
            };
            kernel(move |inputs, meter| {
                let (left, right) = (inputs.tensor(0)?, inputs.tensor(1)?);
                stretch(left, right, meter, |stretched| match (&left.data, &right.data) {
                    (Data::Flag(left), Data::Flag(right)) => Some(Data::Flag(stretched.zip(left, right, &function))),
                    _ => None,
                })
            })
        }
        "Not" => kernel(|inputs, _| match inputs.tensor(0)? {
            Tensor { shape, data: Data::Flag(values) } => {
                Ok(Tensor::new(shape.clone(), Data::Flag(values.iter().map(|value| !value).collect())))
            }
            other => Err(format!("booleans were expected, not {}", other.data.kind())),
        }),
        "IsNaN" | "IsInf" => {
            let function: fn(f64) -> bool = if name == "IsNaN" { f64::is_nan } else { f64::is_infinite };
            kernel(move |inputs, _| {
                let input = inputs.tensor(0)?;
                let numbers = input.data.numbers().ok_or("numbers were expected, not texts")?;
                Ok(Tensor::new(input.shape.clone(), Data::Flag(numbers.into_iter().map(function).collect())))
            })
        }
        "Where" => kernel(|inputs, meter| choose(inputs.tensor(0)?, inputs.tensor(1)?, inputs.tensor(2)?, meter)),
        "PRelu" => kernel(|inputs, meter| {
            let (input, slope) = (inputs.tensor(0)?, inputs.tensor(1)?);
            let above = map(input, Function::Clamp(0.0, f64::INFINITY), meter)?;
            let below = map(input, Function::Clamp(f64::NEG_INFINITY, 0.0), meter)?;
            let scaled = Arithmetic::Multiply.apply(&below, slope, meter)?;
            Arithmetic::Add.apply(&above, &scaled, meter)
        }),
        "Clip" => {
            let bounds = attributes.has("min") || attributes.has("max");
            let fixed = (attributes.float("min", f32::NEG_INFINITY), attributes.float("max", f32::INFINITY));
            kernel(move |inputs, meter| {
                let bound = |position: usize, default: f64| -> Result<f64, String> {
                    let given = inputs.optional(position)?.and_then(|tensor| tensor.data.numbers());
                    Ok(given.and_then(|values| values.first().copied()).unwrap_or(default))
                };
                let (least, most) = if bounds {
                    (f64::from(fixed.0), f64::from(fixed.1))
                } else {
                    (bound(1, f64::NEG_INFINITY)?, bound(2, f64::INFINITY)?)
                };
                map(inputs.tensor(0)?, Function::Clamp(least, most), meter)
            })
        }
        "Cast" => {
            let to = attributes.whole("to", 0) as i32;
            if !(1..=13).contains(&to) || to == 10 {
                return Some(Err(Refusal::Part(format!(" to the type {to} of ONNX"))));
            }
            kernel(move |inputs, meter| {
                let input = inputs.tensor(0)?;
                meter.take(&input.shape)?;
                Ok(Tensor::new(input.shape.clone(), cast(&input.data, to)?))
            })
        }
        _ => return None,
    })
}

/// A function of one number.
#[derive(Clone, Copy)]
enum Function {
    Plain(fn(f64) -> f64),
    /// With one parameter.
    With(fn(f64, f64) -> f64, f64),
    /// With two.
    WithTwo(fn(f64, f64, f64) -> f64, f64, f64),
    Scale(f64),
    Clamp(f64, f64),
}

impl Function {
    fn of(self, value: f64) -> f64 {
        match self {
            Self::Plain(function) => function(value),
            Self::With(function, parameter) => function(value, parameter),
            Self::WithTwo(function, first, second) => function(value, first, second),
            Self::Scale(factor) => value * factor,
            // Keeps NaN, and takes bounds in the wrong order as onnxruntime does: the upper one wins.
            Self::Clamp(least, most) => {
                let raised = if value < least { least } else { value };
                if raised > most { most } else { raised }
            }
        }
    }
}

fn unary(name: &str, attributes: &Attributes<'_>) -> Option<Function> {
    let alpha = |default: f32| f64::from(attributes.float("alpha", default));
    let plain: fn(f64) -> f64 = match name {
        "Relu" => |x| if x < 0.0 { 0.0 } else { x },
        "Sigmoid" => |x| 1.0 / (1.0 + (-x).exp()),
        "Tanh" => f64::tanh,
        "Exp" => f64::exp,
        "Log" => f64::ln,
        "Sqrt" => f64::sqrt,
        "Neg" => |x| -x,
        "Abs" => f64::abs,
        "Floor" => f64::floor,
        "Ceil" => f64::ceil,
        "Round" => f64::round_ties_even,
        "Sign" => |x| {
            if x > 0.0 {
                1.0
            } else if x < 0.0 {
                -1.0
            } else {
                x
            }
        },
        "Reciprocal" => f64::recip,
        "Softplus" => |x| x.max(0.0) + (-x.abs()).exp().ln_1p(),
        "Softsign" => |x| x / (1.0 + x.abs()),
        "Erf" => erf,
        "Sin" => f64::sin,
        "Cos" => f64::cos,
        "HardSwish" => |x| x * (x / 6.0 + 0.5).clamp(0.0, 1.0),
        "Mish" => |x| x * (x.max(0.0) + (-x.abs()).exp().ln_1p()).tanh(),
        "Gelu" if &*attributes.string("approximate", "none") == "tanh" => {
            |x| 0.5 * x * (1.0 + ((2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x)).tanh())
        }
        "Gelu" => |x| 0.5 * x * (1.0 + erf(x / std::f64::consts::SQRT_2)),
        "LeakyRelu" => return Some(Function::With(|x, alpha| if x < 0.0 { alpha * x } else { x }, alpha(0.01))),
        "Elu" => return Some(Function::With(|x, alpha| if x < 0.0 { alpha * x.exp_m1() } else { x }, alpha(1.0))),
        "Celu" => {
            return Some(Function::With(|x, alpha| x.max(0.0) + (alpha * (x / alpha).exp_m1()).min(0.0), alpha(1.0)));
        }
        "ThresholdedRelu" => return Some(Function::With(|x, alpha| if x > alpha { x } else { 0.0 }, alpha(1.0))),
        "Selu" => {
            let gamma = f64::from(attributes.float("gamma", 1.050_701));
            let function = |x: f64, alpha: f64, gamma: f64| gamma * if x > 0.0 { x } else { alpha * x.exp_m1() };
            return Some(Function::WithTwo(function, alpha(1.673_263_2), gamma));
        }
        "HardSigmoid" => {
            let beta = f64::from(attributes.float("beta", 0.5));
            return Some(Function::WithTwo(|x, alpha, beta| (alpha * x + beta).clamp(0.0, 1.0), alpha(0.2), beta));
        }
        _ => return None,
    };
    Some(Function::Plain(plain))
}

/// The error function, to 1.2e-7 (Numerical Recipes, `erfcc`), which is a 32-bit float's precision.
fn erf(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.5 * x.abs());
    let terms = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    let polynomial = terms.iter().rev().fold(0.0, |sum, term| sum * t + term);
    let complement = t * (-x * x + polynomial).exp();
    if x >= 0.0 { 1.0 - complement } else { complement - 1.0 }
}

/// Applies a function to each number; the result is of the same type.
fn map(input: &Tensor, function: Function, meter: &mut Meter<'_>) -> Result<Tensor, String> {
    meter.take(&input.shape)?;
    let data = match &input.data {
        Data::Float(values) => Data::Float(values.iter().map(|value| function.of(f64::from(*value)) as f32).collect()),
        Data::Double(values) => Data::Double(values.iter().map(|value| function.of(*value)).collect()),
        Data::Whole(values) => Data::Whole(values.iter().map(|value| function.of(*value as f64) as i64).collect()),
        other => return Err(format!("numbers were expected, not {}", other.kind())),
    };
    Ok(Tensor::new(input.shape.clone(), data))
}

/// Arithmetic on two numbers.
#[derive(Clone, Copy)]
pub(super) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Power,
    Most,
    Least,
}

impl Arithmetic {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "Add" => Self::Add,
            "Sub" => Self::Subtract,
            "Mul" => Self::Multiply,
            "Div" => Self::Divide,
            "Pow" => Self::Power,
            _ => return None,
        })
    }

    /// The result is of the type of the left one; a power may be of another.
    pub(super) fn apply(self, left: &Tensor, right: &Tensor, meter: &mut Meter<'_>) -> Result<Tensor, String> {
        stretch(left, right, meter, |stretched| {
            Some(match (&left.data, &right.data) {
                (Data::Float(left), Data::Float(right)) => Data::Float(stretched.zip(left, right, &self.on_floats())),
                (Data::Double(left), Data::Double(right)) => {
                    Data::Double(stretched.zip(left, right, &self.on_doubles()))
                }
                (Data::Whole(left), Data::Whole(right)) => Data::Whole(stretched.zip(left, right, &self.on_wholes())),
                (Data::Float(left), right) if matches!(self, Self::Power) => {
                    let right: Vec<f32> = right.numbers()?.into_iter().map(|power| power as f32).collect();
                    Data::Float(stretched.zip(left, &right, &f32::powf))
                }
                (Data::Double(left), right) if matches!(self, Self::Power) => {
                    Data::Double(stretched.zip(left, &right.numbers()?, &f64::powf))
                }
                _ => return None,
            })
        })
    }

    fn on_floats(self) -> fn(f32, f32) -> f32 {
        match self {
            Self::Add => |x, y| x + y,
            Self::Subtract => |x, y| x - y,
            Self::Multiply => |x, y| x * y,
            Self::Divide => |x, y| x / y,
            Self::Power => f32::powf,
            Self::Most => |x, y| if x.is_nan() || x > y { x } else { y },
            Self::Least => |x, y| if x.is_nan() || x < y { x } else { y },
        }
    }

    fn on_doubles(self) -> fn(f64, f64) -> f64 {
        match self {
            Self::Add => |x, y| x + y,
            Self::Subtract => |x, y| x - y,
            Self::Multiply => |x, y| x * y,
            Self::Divide => |x, y| x / y,
            Self::Power => f64::powf,
            Self::Most => |x, y| if x.is_nan() || x > y { x } else { y },
            Self::Least => |x, y| if x.is_nan() || x < y { x } else { y },
        }
    }

    fn on_wholes(self) -> fn(i64, i64) -> i64 {
        match self {
            Self::Add => i64::wrapping_add,
            Self::Subtract => i64::wrapping_sub,
            Self::Multiply => i64::wrapping_mul,
            Self::Divide => |x, y| x.checked_div(y).unwrap_or_default(),
            Self::Power => |x, y| (x as f64).powf(y as f64) as i64,
            Self::Most => i64::max,
            Self::Least => i64::min,
        }
    }
}

/// Whether an order is the one asked for; numbers that are none have no order.
type Holds = fn(Option<std::cmp::Ordering>) -> bool;

fn comparison(name: &str) -> Option<Holds> {
    use std::cmp::Ordering::{Greater, Less};
    Some(match name {
        "Equal" => |order| order.is_some_and(std::cmp::Ordering::is_eq),
        "Less" => |order| order == Some(Less),
        "Greater" => |order| order == Some(Greater),
        "LessOrEqual" => |order| order.is_some_and(std::cmp::Ordering::is_le),
        "GreaterOrEqual" => |order| order.is_some_and(std::cmp::Ordering::is_ge),
        _ => return None,
    })
}

fn compare(left: &Tensor, right: &Tensor, holds: Holds, meter: &mut Meter<'_>) -> Result<Tensor, String> {
    fn compared<T: PartialOrd + Clone>(stretched: &Stretched, left: &[T], right: &[T], holds: Holds) -> Data {
        Data::Flag(stretched.zip(left, right, &|x: T, y: T| holds(x.partial_cmp(&y))))
    }
    stretch(left, right, meter, |stretched| {
        Some(match (&left.data, &right.data) {
            (Data::Float(left), Data::Float(right)) => compared(stretched, left, right, holds),
            (Data::Double(left), Data::Double(right)) => compared(stretched, left, right, holds),
            (Data::Whole(left), Data::Whole(right)) => compared(stretched, left, right, holds),
            (Data::Flag(left), Data::Flag(right)) => compared(stretched, left, right, holds),
            (Data::Text(left), Data::Text(right)) => compared(stretched, left, right, holds),
            _ => return None,
        })
    })
}

fn stretch(
    left: &Tensor,
    right: &Tensor,
    meter: &mut Meter<'_>,
    make: impl FnOnce(&Stretched) -> Option<Data>,
) -> Result<Tensor, String> {
    let stretched = Stretched::of(&left.shape, &right.shape)?;
    meter.take(&stretched.shape)?;
    let data =
        make(&stretched).ok_or_else(|| format!("it cannot work on {} and {}", left.data.kind(), right.data.kind()))?;
    Ok(Tensor::new(stretched.shape, data))
}

/// Two shapes brought to one: lengths are equal, or one of them is 1 and that side stays where it is.
pub(super) struct Stretched {
    pub(super) shape: Vec<usize>,
    left: Vec<usize>,
    right: Vec<usize>,
}

impl Stretched {
    pub(super) fn of(left: &[usize], right: &[usize]) -> Result<Self, String> {
        let dimensions = left.len().max(right.len());
        let padded = |shape: &[usize]| [vec![1; dimensions - shape.len()], shape.to_vec()].concat();
        let (wide_left, wide_right) = (padded(left), padded(right));
        let mut shape = Vec::with_capacity(dimensions);
        for (one, other) in wide_left.iter().zip(&wide_right) {
            shape.push(match (*one, *other) {
                (one, other) if one == other => one,
                (1, other) => other,
                (one, 1) => one,
                _ => return Err(format!("the shapes {left:?} and {right:?} do not fit each other")),
            });
        }
        let (left, right) = (strides(&wide_left), strides(&wide_right));
        Ok(Self { shape, left, right })
    }

    /// For each element of the result the position of the left one.
    pub(super) fn left_positions(&self) -> Vec<usize> {
        self.positions(&self.left)
    }

    /// For each element of the result the position of the right one.
    fn right_positions(&self) -> Vec<usize> {
        self.positions(&self.right)
    }

    fn positions(&self, strides: &[usize]) -> Vec<usize> {
        let count = self.shape.iter().product();
        let mut positions = Vec::with_capacity(count);
        let mut counter = vec![0; self.shape.len()];
        let mut position = 0;
        for _ in 0..count {
            positions.push(position);
            for axis in (0..counter.len()).rev() {
                counter[axis] += 1;
                position += strides[axis];
                if counter[axis] < self.shape[axis] {
                    break;
                }
                position -= strides[axis] * counter[axis];
                counter[axis] = 0;
            }
        }
        positions
    }

    fn zip<T: Clone, R>(&self, left: &[T], right: &[T], function: &impl Fn(T, T) -> R) -> Vec<R> {
        let count: usize = self.shape.iter().product();
        if left.len() == count && right.len() == count {
            return left.iter().zip(right).map(|(x, y)| function(x.clone(), y.clone())).collect();
        }
        if let (true, [y]) = (left.len() == count, right) {
            return left.iter().map(|x| function(x.clone(), y.clone())).collect();
        }
        // A row added to every row.
        if left.len() == count && !right.is_empty() && self.right_is_last_row(right.len()) {
            let rows = left.chunks_exact(right.len());
            return rows.flat_map(|row| row.iter().zip(right).map(|(x, y)| function(x.clone(), y.clone()))).collect();
        }
        let (lefts, rights) = (self.left_positions(), self.right_positions());
        lefts.into_iter().zip(rights).map(|(x, y)| function(left[x].clone(), right[y].clone())).collect()
    }

    fn right_is_last_row(&self, length: usize) -> bool {
        self.shape.last() == Some(&length) && self.right.iter().rev().skip(1).all(|stride| *stride == 0)
    }
}

/// How far apart neighbours along each axis are; 0 along an axis of length 1.
pub(super) fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![0; shape.len()];
    let mut stride = 1;
    for (axis, length) in shape.iter().enumerate().rev() {
        if *length != 1 {
            strides[axis] = stride;
        }
        stride *= length;
    }
    strides
}

fn choose(condition: &Tensor, yes: &Tensor, no: &Tensor, meter: &mut Meter<'_>) -> Result<Tensor, String> {
    let Data::Flag(conditions) = &condition.data else {
        return Err(format!("booleans were expected, not {}", condition.data.kind()));
    };
    let both = Stretched::of(&yes.shape, &no.shape)?;
    let all = Stretched::of(&condition.shape, &both.shape)?;
    meter.take(&all.shape)?;
    let of = |tensor: &Tensor| -> Result<Data, String> {
        let positions = Stretched::of(&tensor.shape, &all.shape)?.left_positions();
        tensor.data.pick(&positions).ok_or_else(|| "a position is not there".to_owned())
    };
    let conditions: Vec<bool> = all.left_positions().into_iter().map(|position| conditions[position]).collect();
    fn chosen<T>(conditions: Vec<bool>, yes: Vec<T>, no: Vec<T>) -> Vec<T> {
        conditions.into_iter().zip(yes).zip(no).map(|((condition, yes), no)| if condition { yes } else { no }).collect()
    }
    let data = match (of(yes)?, of(no)?) {
        (Data::Float(yes), Data::Float(no)) => Data::Float(chosen(conditions, yes, no)),
        (Data::Double(yes), Data::Double(no)) => Data::Double(chosen(conditions, yes, no)),
        (Data::Whole(yes), Data::Whole(no)) => Data::Whole(chosen(conditions, yes, no)),
        (Data::Flag(yes), Data::Flag(no)) => Data::Flag(chosen(conditions, yes, no)),
        (Data::Text(yes), Data::Text(no)) => Data::Text(chosen(conditions, yes, no)),
        (yes, no) => return Err(format!("it cannot choose between {} and {}", yes.kind(), no.kind())),
    };
    Ok(Tensor::new(all.shape, data))
}

/// Elements as another type. Floats become whole numbers by leaving out the fraction, and wrap around in narrow types.
pub(super) fn cast(data: &Data, to: i32) -> Result<Data, String> {
    let numbers = || -> Result<Vec<f64>, String> {
        match data {
            Data::Text(texts) => texts
                .iter()
                .map(|text| text.trim().parse().map_err(|_| format!("the text {text:?} is no number")))
                .collect(),
            other => other.numbers().ok_or_else(|| "numbers were expected".to_owned()),
        }
    };
    let narrowed = |narrow: fn(i64) -> i64| -> Result<Data, String> {
        let whole: Vec<i64> = match data {
            Data::Whole(values) => values.clone(),
            _ => numbers()?.into_iter().map(|value| value as i64).collect(),
        };
        Ok(Data::Whole(whole.into_iter().map(narrow).collect()))
    };
    match to {
        data_type::FLOAT => Ok(Data::Float(numbers()?.into_iter().map(|value| value as f32).collect())),
        data_type::DOUBLE => Ok(Data::Double(numbers()?)),
        data_type::BOOL => Ok(Data::Flag(numbers()?.into_iter().map(|value| value != 0.0).collect())),
        data_type::UINT8 => narrowed(|value| i64::from(value as u8)),
        data_type::INT8 => narrowed(|value| i64::from(value as i8)),
        data_type::UINT16 => narrowed(|value| i64::from(value as u16)),
        data_type::INT16 => narrowed(|value| i64::from(value as i16)),
        data_type::INT32 => narrowed(|value| i64::from(value as i32)),
        data_type::UINT32 => narrowed(|value| i64::from(value as u32)),
        data_type::INT64 | data_type::UINT64 => narrowed(|value| value),
        data_type::STRING => Ok(Data::Text(match data {
            Data::Text(values) => values.clone(),
            Data::Float(values) => values.iter().map(|value| Arc::from(value.to_string())).collect(),
            Data::Double(values) => values.iter().map(|value| Arc::from(value.to_string())).collect(),
            Data::Whole(values) => values.iter().map(|value| Arc::from(value.to_string())).collect(),
            Data::Flag(values) => values.iter().map(|value| Arc::from(if *value { "1" } else { "0" })).collect(),
        })),
        other => Err(format!("there are no elements of the type {other} of ONNX here")),
    }
}
