//! Values of the rows before, and statistics over them.

use std::collections::VecDeque;

use kumiko_vocabulary::preparation::RollingFunction;
use polars::prelude::{Column, DataFrame, Float64Chunked, IdxCa, IntoColumn, SortOptions};

use super::named;
use crate::Error;
use crate::frame::column;
use crate::numbers::{floats, groups, values_or_nan};

/// How rows follow each other: the rows of each group, in order.
pub(super) struct Order {
    sequences: Vec<Vec<u32>>,
    rows: usize,
}

impl Order {
    /// By a column, ascending, equal ones as they stand; within groups of equal values.
    pub(super) fn of(frame: &DataFrame, by: &[String], order_by: Option<&str>) -> Result<Self, Error> {
        let rows = frame.height();
        let order: Vec<u32> = match order_by {
            Some(name) => {
                let options = SortOptions::default().with_maintain_order(true).with_nulls_last(false);
                column(frame, name)?.arg_sort(options).iter().flatten().collect()
            }
            None => (0..rows as u32).collect(),
        };
        let mut codes: Vec<u64> = vec![0; rows];
        for name in by {
            let (of_column, count) = groups(column(frame, name)?)?;
            for (code, of_column) in codes.iter_mut().zip(of_column) {
                *code = *code * count as u64 + u64::from(of_column);
            }
            // Numbered afresh, so that the next column cannot overflow.
            let mut seen = std::collections::HashMap::new();
            for code in &mut codes {
                let next = seen.len() as u64;
                *code = *seen.entry(*code).or_insert(next);
            }
        }
        let count = codes.iter().max().map_or(0, |most| *most as usize + 1);
        let mut sequences = vec![Vec::new(); count];
        for row in order {
            if let Some(sequence) = codes.get(row as usize).and_then(|code| sequences.get_mut(*code as usize)) {
                sequence.push(row);
            }
        }
        Ok(Self { sequences, rows })
    }
}

/// The column moved by each offset.
pub(super) fn lags(column: &Column, offsets: &[i32], order: &Order) -> Result<Vec<Column>, Error> {
    if offsets.is_empty() || offsets.contains(&0) {
        return Err(Error::argument("offsets", "at least one offset other than 0 was expected"));
    }
    offsets
        .iter()
        .map(|offset| {
            let mut sources: Vec<Option<u32>> = vec![None; order.rows];
            for sequence in &order.sequences {
                for (position, row) in sequence.iter().enumerate() {
                    let source = usize::try_from(position as i64 - i64::from(*offset))
                        .ok()
                        .and_then(|source| sequence.get(source));
                    if let Some(slot) = sources.get_mut(*row as usize) {
                        *slot = source.copied();
                    }
                }
            }
            let sources: IdxCa = sources.into_iter().collect();
            let suffix = if *offset < 0 { format!("lead_{}", offset.unsigned_abs()) } else { format!("lag_{offset}") };
            Ok(column.take(&sources)?.with_name(named(column, &suffix)))
        })
        .collect()
}

/// Statistics of the last rows, this one included.
pub(super) fn rolling(
    column: &Column,
    window: usize,
    least: usize,
    functions: &[RollingFunction],
    order: &Order,
) -> Result<Vec<Column>, Error> {
    if functions.is_empty() {
        return Err(Error::argument("functions", "at least one function was expected"));
    }
    let values = values_or_nan(&floats(column)?);
    functions
        .iter()
        .map(|function| {
            let mut made: Vec<Option<f64>> = vec![None; order.rows];
            for sequence in &order.sequences {
                let ordered: Vec<f64> = sequence.iter().filter_map(|row| values.get(*row as usize).copied()).collect();
                let statistics = statistics(&ordered, window, least.max(1), *function);
                for (row, statistic) in sequence.iter().zip(statistics) {
                    if let Some(slot) = made.get_mut(*row as usize) {
                        *slot = statistic;
                    }
                }
            }
            let made: Float64Chunked = made.into_iter().collect();
            Ok(made.into_column().with_name(named(column, &format!("rolling_{}_{window}", word(*function)))))
        })
        .collect()
}

fn statistics(values: &[f64], window: usize, least: usize, function: RollingFunction) -> Vec<Option<f64>> {
    let fewest = if function == RollingFunction::StandardDeviation { least.max(2) } else { least };
    // Sums run over differences to one value of the column, which keeps squares small.
    let origin = values.iter().copied().find(|value| value.is_finite()).unwrap_or_default();
    let mut state = Window { values: VecDeque::new(), extremes: VecDeque::new(), sum: 0.0, squares: 0.0, count: 0 };
    let greater = function == RollingFunction::Maximum;
    values
        .iter()
        .enumerate()
        .map(|(position, value)| {
            state.enter(value - origin, position, greater);
            if state.values.len() > window {
                state.leave(position - window);
            }
            if state.count < fewest {
                return None;
            }
            let count = state.count as f64;
            Some(match function {
                RollingFunction::Sum => state.sum + origin * count,
                RollingFunction::Mean => state.sum / count + origin,
                RollingFunction::StandardDeviation => {
                    ((state.squares - state.sum * state.sum / count) / (count - 1.0)).max(0.0).sqrt()
                }
                RollingFunction::Minimum | RollingFunction::Maximum => {
                    state.extremes.front().map_or(f64::NAN, |(_, value)| *value) + origin
                }
            })
        })
        .collect()
}

/// The rows in view.
struct Window {
    values: VecDeque<f64>,
    /// The values that are or can still become the extreme, with their positions; the extreme first.
    extremes: VecDeque<(usize, f64)>,
    sum: f64,
    squares: f64,
    count: usize,
}

impl Window {
    fn enter(&mut self, value: f64, position: usize, greater: bool) {
        self.values.push_back(value);
        if !value.is_finite() {
            return;
        }
        self.count += 1;
        self.sum += value;
        self.squares += value * value;
        while self.extremes.back().is_some_and(|(_, last)| if greater { *last <= value } else { *last >= value }) {
            self.extremes.pop_back();
        }
        self.extremes.push_back((position, value));
    }

    fn leave(&mut self, position: usize) {
        if self.extremes.front().is_some_and(|(first, _)| *first == position) {
            self.extremes.pop_front();
        }
        if let Some(value) = self.values.pop_front().filter(|value| value.is_finite()) {
            self.count -= 1;
            self.sum -= value;
            self.squares -= value * value;
            if self.count == 0 {
                (self.sum, self.squares) = (0.0, 0.0);
            }
        }
    }
}

fn word(function: RollingFunction) -> &'static str {
    match function {
        RollingFunction::Mean => "mean",
        RollingFunction::StandardDeviation => "standard_deviation",
        RollingFunction::Minimum => "minimum",
        RollingFunction::Maximum => "maximum",
        RollingFunction::Sum => "sum",
    }
}
