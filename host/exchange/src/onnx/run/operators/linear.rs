//! `LinearRegressor` and `LinearClassifier`.
#![allow(clippy::indexing_slicing, reason = "rows are cut by widths that were held against the coefficients")]

use super::super::attributes::Attributes;
use super::super::tensor::{Data, Meter, Tensor, Value};
use super::scores::{Classes, Transform};
use super::{Kernel, Refusal, kernel};

/// The operator, where it is one of these.
pub(super) fn prepare(name: &str, attributes: &Attributes<'_>) -> Option<Result<Kernel, Refusal>> {
    match name {
        "LinearRegressor" => Some(regressor(attributes)),
        "LinearClassifier" => Some(classifier(attributes)),
        _ => None,
    }
}

/// Weighted sums, an output after another.
struct Sums {
    coefficients: Vec<f64>,
    intercepts: Vec<f64>,
    outputs: usize,
}

impl Sums {
    fn of(attributes: &Attributes<'_>, outputs: Option<usize>) -> Result<Self, Refusal> {
        let list = |name: &str| -> Vec<f64> {
            attributes.floats(name).unwrap_or_default().iter().map(|value| f64::from(*value)).collect()
        };
        let (coefficients, intercepts) = (list("coefficients"), list("intercepts"));
        let outputs = outputs.unwrap_or(intercepts.len());
        let fits = outputs > 0
            && coefficients.len().is_multiple_of(outputs)
            && (intercepts.is_empty() || intercepts.len() == outputs);
        if !fits {
            let problem = format!(
                "{} coefficients and {} intercepts for {outputs} outputs",
                coefficients.len(),
                intercepts.len()
            );
            return Err(Refusal::Damaged(problem));
        }
        Ok(Self { coefficients, intercepts, outputs })
    }

    /// The number of rows, and for each row its sums.
    fn run(&self, input: &Tensor, meter: &mut Meter<'_>) -> Result<(usize, Vec<f64>), String> {
        let (rows, width) = input.rows()?;
        if width * self.outputs != self.coefficients.len() {
            return Err(format!("{width} columns; it has coefficients for {}", self.coefficients.len() / self.outputs));
        }
        meter.take(&[rows, self.outputs])?;
        meter.spend((rows as u64).saturating_mul(self.coefficients.len() as u64))?;
        let values = input.data.numbers().ok_or("numbers were expected, not texts")?;
        let mut sums = Vec::with_capacity(rows * self.outputs);
        for row in 0..rows {
            let row = &values[row * width..(row + 1) * width];
            for output in 0..self.outputs {
                let coefficients = &self.coefficients[output * width..(output + 1) * width];
                let start = self.intercepts.get(output).copied().unwrap_or_default();
                sums.push(
                    coefficients.iter().zip(row).fold(start, |sum, (coefficient, value)| sum + coefficient * value),
                );
            }
        }
        Ok((rows, sums))
    }
}

fn floats(values: Vec<f64>) -> Data {
    Data::Float(values.into_iter().map(|value| value as f32).collect())
}

fn regressor(attributes: &Attributes<'_>) -> Result<Kernel, Refusal> {
    let outputs = usize::try_from(attributes.whole("targets", 1)).unwrap_or_default();
    let sums = Sums::of(attributes, Some(outputs))?;
    let transform = Transform::of(&attributes.string("post_transform", "NONE"))?;
    kernel(move |inputs, meter| {
        let (rows, mut values) = sums.run(inputs.tensor(0)?, meter)?;
        values.chunks_exact_mut(sums.outputs).for_each(|row| transform.apply(row));
        Ok(Tensor::new(vec![rows, sums.outputs], floats(values)))
    })
}

fn classifier(attributes: &Attributes<'_>) -> Result<Kernel, Refusal> {
    let classes = Classes::of(attributes, "classlabels_ints")?;
    let given = attributes.floats("intercepts").map(<[f32]>::len).filter(|count| *count > 0);
    let sums = Sums::of(attributes, Some(given.unwrap_or(classes.len())))?;
    let transform = Transform::of(&attributes.string("post_transform", "NONE"))?;
    let doubles = sums.outputs == 1 && classes.len() == 2;
    if !doubles && sums.outputs != classes.len() {
        return Err(Refusal::Damaged(format!("{} outputs for {} classes", sums.outputs, classes.len())));
    }
    Ok(Box::new(move |inputs, meter| {
        let (rows, mut scores) = sums.run(inputs.tensor(0)?, meter)?;
        if doubles {
            // One score stands for both classes.
            scores = scores.into_iter().flat_map(|score| [-score, score]).collect();
        }
        scores.chunks_exact_mut(classes.len()).for_each(|row| transform.apply(row));
        let labels = classes.likeliest(&scores);
        let shape = vec![rows, classes.len()];
        Ok(vec![Value::Tensor(Tensor::vector(labels)), Value::Tensor(Tensor::new(shape, floats(scores)))])
    }))
}
