//! Tables larger than memory, read one column after the other.

use std::fs::File;
use std::io;
use std::sync::{Mutex, PoisonError};

use kumiko_vocabulary::Fault;

use crate::data::{Features, Target};
use crate::error::Error;

/// A table whose columns are read when they are needed, and let go again.
pub trait ColumnSource: Sync {
    /// The number of rows.
    fn rows(&self) -> usize;

    /// The values of a column, by its position among the names; NaN where one is missing. Each column is read once, in order.
    ///
    /// # Errors
    /// Whatever keeps the column from being read.
    fn read(&self, column: usize) -> Result<Vec<f32>, Fault>;
}

/// Makes empty files for what memory does not hold. Each goes when it is closed.
pub type ScratchFiles<'a> = &'a (dyn Fn() -> io::Result<File> + Sync);

/// Rows with known answers whose columns are more than memory holds. Answers and weights are in memory.
pub struct ColumnwiseData<'a> {
    /// The columns' names, all different.
    pub names: Vec<String>,
    /// The columns.
    pub source: &'a dyn ColumnSource,
    /// The answers.
    pub target: Target,
    /// How much each row counts; without it all count the same.
    pub weights: Option<Vec<f32>>,
    /// What tells these columns from any other: states of a training that was cut off are found by it.
    pub identity: String,
    /// Where the columns' bytes go.
    pub files: ScratchFiles<'a>,
}

/// The columns as a kernel takes them, and evenly spread rows of them that are kept on the way to measure the model on.
pub(crate) struct Columnwise<'a> {
    pub(crate) source: &'a dyn ColumnSource,
    pub(crate) files: ScratchFiles<'a>,
    what: &'a str,
    step: usize,
    kept: Mutex<Vec<Vec<f32>>>,
}

impl<'a> Columnwise<'a> {
    /// Keeps every `step`th row. `what` names the data in errors.
    pub(crate) fn new(data: &ColumnwiseData<'a>, what: &'a str, step: usize) -> Self {
        Self { source: data.source, files: data.files, what, step, kept: Mutex::default() }
    }

    /// Reads the next column.
    pub(crate) fn read(&self, name: &str, position: usize) -> Result<Vec<f32>, Error> {
        let column = self.source.read(position).map_err(|fault| Error::Source(Box::new(fault)))?;
        if column.len() != self.source.rows() {
            let what = format!("the column `{name}` of {}", self.what);
            return Err(Error::Length { what, expected: self.source.rows(), found: column.len() });
        }
        Features::check_finite(&[name], &[&column], self.what)?;
        let kept = column.iter().step_by(self.step).copied().collect();
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
        Ok(column)
    }

    /// The rows that were kept.
    pub(crate) fn kept(&self) -> Vec<Vec<f32>> {
        std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
