//! Columns in memory as a source that is read one after the other.

use std::sync::atomic::{AtomicUsize, Ordering};

use kumiko_learn::{ColumnSource, ColumnwiseData, Error, Model, ScratchFiles, TrainingData, train_columnwise};
use kumiko_vocabulary::learning::TrainingSpecification;
use kumiko_vocabulary::{Control, Fault};

/// Columns in memory, lent one after the other.
struct Lent<'a> {
    data: &'a TrainingData,
    next: AtomicUsize,
    broken: Option<usize>,
}

impl ColumnSource for Lent<'_> {
    fn rows(&self) -> usize {
        self.data.features.rows()
    }

    fn read(&self, column: usize) -> Result<Vec<f32>, Fault> {
        assert_eq!(self.next.fetch_add(1, Ordering::SeqCst), column, "columns are read once, in order");
        if self.broken == Some(column) {
            return Err(Fault::failed("object_unreadable", "the disk is gone"));
        }
        Ok(self.data.features.columns[column].clone())
    }
}

/// Trains on columns that are lent; the one at `broken` cannot be read.
pub(crate) fn train_lent(
    data: &TrainingData,
    validation: Option<&TrainingData>,
    specification: &TrainingSpecification,
    files: ScratchFiles<'_>,
    broken: Option<usize>,
    control: &dyn Control,
) -> Result<Model, Error> {
    let source = Lent { data, next: AtomicUsize::new(0), broken };
    let training = ColumnwiseData {
        names: data.features.names.clone(),
        source: &source,
        target: data.target.clone(),
        weights: data.weights.clone(),
        identity: "the sample".to_owned(),
        files,
    };
    train_columnwise(&training, validation, specification, control)
}
