//! Operators of `ai.onnx.ml` that exchange texts and numbers for one another.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::attributes::Attributes;
use super::super::tensor::{Data, Tensor};
use super::{Kernel, Refusal, kernel};

/// The operator, where it is one of these.
pub(super) fn prepare(name: &str, attributes: &Attributes<'_>) -> Option<Result<Kernel, Refusal>> {
    Some(match name {
        "LabelEncoder" => match label_encoder(attributes) {
            Ok(table) => kernel(move |inputs, meter| {
                let input = inputs.tensor(0)?;
                meter.take(&input.shape)?;
                table.look_up(input)
            }),
            Err(problem) => Err(Refusal::Damaged(problem)),
        },
        "CategoryMapper" => {
            let texts = attributes.strings("cats_strings").unwrap_or_default();
            let numbers = attributes.wholes("cats_int64s").unwrap_or_default().to_vec();
            if texts.len() != numbers.len() {
                return Some(Err(Refusal::Damaged("its texts and numbers differ in number".to_owned())));
            }
            let (text, number) =
                (attributes.string("default_string", "_Unused"), attributes.whole("default_int64", -1));
            let to_numbers =
                Table::new(&Data::Text(texts.clone()), Data::Whole(numbers.clone()), Data::Whole(vec![number]));
            let to_texts = Table::new(&Data::Whole(numbers), Data::Text(texts), Data::Text(vec![text]));
            kernel(move |inputs, meter| {
                let input = inputs.tensor(0)?;
                meter.take(&input.shape)?;
                if matches!(input.data, Data::Text(_)) { to_numbers.look_up(input) } else { to_texts.look_up(input) }
            })
        }
        "OneHotEncoder" => {
            let texts = attributes.strings("cats_strings").filter(|texts| !texts.is_empty());
            let keys = match texts {
                Some(texts) => Data::Text(texts),
                None => Data::Whole(attributes.wholes("cats_int64s").unwrap_or_default().to_vec()),
            };
            let (positions, count) = (positions(&keys), keys.len());
            let takes_unknown = attributes.whole("zeros", 1) != 0;
            kernel(move |inputs, meter| {
                let input = inputs.tensor(0)?;
                let shape = [input.shape.as_slice(), &[count]].concat();
                let mut made = vec![0.0_f32; meter.take(&shape)?];
                for (row, key) in made.chunks_exact_mut(count.max(1)).zip(keys_of(&input.data)) {
                    match positions.get(&key) {
                        Some(position) => row.iter_mut().skip(*position).take(1).for_each(|flag| *flag = 1.0),
                        None if takes_unknown => {}
                        None => return Err(format!("the category {key:?} is none of those that it knows")),
                    }
                }
                Ok(Tensor::new(shape, Data::Float(made)))
            })
        }
        _ => return None,
    })
}

/// An element that can be looked up. Numbers are equal by their bits, but for zeros and for NaN, of which there is one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Text(Arc<str>),
    Whole(i64),
    Float(u64),
}

fn keys_of(data: &Data) -> Vec<Key> {
    let float = |value: f64| {
        let value = if value.is_nan() { f64::NAN } else { value + 0.0 };
        // Categories that are whole numbers are given as either type.
        if value.fract() == 0.0 && value.abs() < 9e15 { Key::Whole(value as i64) } else { Key::Float(value.to_bits()) }
    };
    match data {
        Data::Text(values) => values.iter().cloned().map(Key::Text).collect(),
        Data::Whole(values) => values.iter().copied().map(Key::Whole).collect(),
        Data::Flag(values) => values.iter().map(|value| Key::Whole(i64::from(*value))).collect(),
        Data::Float(values) => values.iter().map(|value| float(f64::from(*value))).collect(),
        Data::Double(values) => values.iter().map(|value| float(*value)).collect(),
    }
}

fn positions(keys: &Data) -> HashMap<Key, usize> {
    // The first of equals.
    keys_of(keys).into_iter().enumerate().rev().map(|(position, key)| (key, position)).collect()
}

/// What each key becomes, and what every other.
struct Table {
    positions: HashMap<Key, usize>,
    /// The values in the order of the keys, and the default behind them.
    values: Data,
}

impl Table {
    fn new(keys: &Data, values: Data, default: Data) -> Self {
        let values = match (values, default) {
            (Data::Text(values), Data::Text(default)) => Data::Text([values, default].concat()),
            (Data::Whole(values), Data::Whole(default)) => Data::Whole([values, default].concat()),
            (Data::Float(values), Data::Float(default)) => Data::Float([values, default].concat()),
            (Data::Double(values), Data::Double(default)) => Data::Double([values, default].concat()),
            (values, _) => values,
        };
        Self { positions: positions(keys), values }
    }

    fn look_up(&self, input: &Tensor) -> Result<Tensor, String> {
        let default = self.values.len().saturating_sub(1);
        let positions: Vec<usize> =
            keys_of(&input.data).iter().map(|key| self.positions.get(key).copied().unwrap_or(default)).collect();
        let data = self.values.pick(&positions).ok_or("it has no values")?;
        Ok(Tensor::new(input.shape.clone(), data))
    }
}

fn label_encoder(attributes: &Attributes<'_>) -> Result<Table, String> {
    if let Some(classes) = attributes.strings("classes_strings") {
        // Version 1: texts become their positions.
        let positions = (0..classes.len() as i64).collect();
        let default = Data::Whole(vec![attributes.whole("default_int64", -1)]);
        return Ok(Table::new(&Data::Text(classes), Data::Whole(positions), default));
    }
    let list = |side: &str| -> Result<Data, String> {
        if let Some(tensor) = attributes.tensor(&format!("{side}_tensor"))? {
            return Ok(tensor.data);
        }
        let found = [
            attributes.strings(&format!("{side}_strings")).map(Data::Text),
            attributes.wholes(&format!("{side}_int64s")).map(|values| Data::Whole(values.to_vec())),
            attributes.floats(&format!("{side}_floats")).map(|values| Data::Float(values.to_vec())),
        ];
        found.into_iter().flatten().next().ok_or_else(|| format!("it has no {side}"))
    };
    let (keys, values) = (list("keys")?, list("values")?);
    if keys.len() != values.len() {
        return Err(format!("{} keys for {} values", keys.len(), values.len()));
    }
    let given = attributes.tensor("default_tensor")?.map(|tensor| tensor.data);
    let default = given.filter(|given| given.len() == 1).unwrap_or_else(|| match &values {
        Data::Text(_) => Data::Text(vec![attributes.string("default_string", "_Unused")]),
        Data::Whole(_) => Data::Whole(vec![attributes.whole("default_int64", -1)]),
        Data::Double(_) => Data::Double(vec![f64::from(attributes.float("default_float", -0.0))]),
        _ => Data::Float(vec![attributes.float("default_float", -0.0)]),
    });
    if std::mem::discriminant(&default) != std::mem::discriminant(&values) {
        return Err("its default is of another type than its values".to_owned());
    }
    Ok(Table::new(&keys, values, default))
}
