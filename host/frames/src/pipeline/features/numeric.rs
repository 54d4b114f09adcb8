//! Powers, products, logarithms and bins of numbers.

use kumiko_vocabulary::preparation::BinningMethod;
use polars::prelude::{Column, DataFrame, Float64Chunked, Int32Chunked, IntoColumn};

use super::{Exact, named};
use crate::Error;
use crate::frame::column;
use crate::numbers::floats;
use crate::statistics::Numbers;

/// A column made of a column of numbers; what is missing or not finite, before or after, is null.
pub(super) fn mapped(source: &Column, suffix: &str, make: impl Fn(f64) -> f64) -> Result<Column, Error> {
    let numbers = floats(source)?;
    let finite = |value: f64| value.is_finite().then_some(value);
    let made: Float64Chunked = numbers.iter().map(|value| value.and_then(finite).map(&make).and_then(finite)).collect();
    Ok(made.into_column().with_name(named(source, suffix)))
}

pub(super) fn powers(column: &Column, degree: u32) -> Result<Vec<Column>, Error> {
    (2..=degree).map(|power| mapped(column, &format!("power_{power}"), |value| value.powi(power as i32))).collect()
}

pub(super) fn logarithm(column: &Column) -> Result<Column, Error> {
    mapped(column, "log", |value| value.signum() * value.abs().ln_1p())
}

/// Products of every two columns.
pub(super) fn products(frame: &DataFrame, names: &[String]) -> Result<Vec<Column>, Error> {
    if names.len() < 2 {
        return Err(Error::argument("columns", "at least two columns are needed to multiply"));
    }
    let mut products = Vec::new();
    for (index, left_name) in names.iter().enumerate() {
        let left = floats(column(frame, left_name)?)?;
        for right_name in names.iter().skip(index + 1) {
            let right = floats(column(frame, right_name)?)?;
            let product: Float64Chunked = left
                .iter()
                .zip(right.iter())
                .map(|(left, right)| Some(left? * right?).filter(|product| product.is_finite()))
                .collect();
            products.push(product.into_column().with_name(format!("{left_name}_times_{right_name}").into()));
        }
    }
    Ok(products)
}

/// The inner edges of bins: a value falls in the bin above every edge that is not above it.
pub(super) fn edges(column: &Column, bins: u32, method: BinningMethod) -> Result<Vec<Exact>, Error> {
    super::within("bins", bins, 2, 1_000)?;
    let mut numbers = Numbers::of(column)?;
    let Some((least, greatest)) = numbers.range() else {
        return Err(Error::NothingInColumn { column: column.name().to_string(), rows: column.len() });
    };
    let shares: Vec<f64> = (1..bins).map(|bin| f64::from(bin) / f64::from(bins)).collect();
    let mut edges = match method {
        BinningMethod::Quantile => numbers.quantiles(&shares),
        BinningMethod::Uniform => shares.iter().map(|share| least * (1.0 - share) + greatest * share).collect(),
    };
    edges.dedup();
    Ok(edges.into_iter().map(Exact).collect())
}

pub(super) fn binned(column: &Column, edges: &[Exact]) -> Result<Column, Error> {
    let numbers = floats(column)?;
    let bins: Int32Chunked = numbers
        .iter()
        .map(|value| {
            value.filter(|value| value.is_finite()).map(|value| edges.partition_point(|edge| edge.0 <= value) as i32)
        })
        .collect();
    Ok(bins.into_column().with_name(named(column, "bin")))
}
