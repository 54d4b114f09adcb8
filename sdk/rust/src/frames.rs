//! Tables in the host.
//!
//! A [`Frame`] is a handle: the rows stay in the host, and SQL and typed steps act on them there. What a tool needs for
//! itself it gets in bulk, as numbers or as Arrow IPC. A frame does not change; every operation makes another one.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::host::{self, FrameHandle, Host, PipelineHandle};
use crate::objects::{Precondition, Written};
use crate::vocabulary::data::{Column, DatasetSummary, ReadOptions, ValidationReport, ValidationRules, WriteOptions};
use crate::vocabulary::preparation::{Balancing, PipelineDescription, PipelineSpecification, Split};
use crate::{Result, document};

/// A table.
#[derive(Debug)]
pub struct Frame {
    pub(crate) handle: FrameHandle,
}

impl From<FrameHandle> for Frame {
    fn from(handle: FrameHandle) -> Self {
        Self { handle }
    }
}

impl Frame {
    /// Opens a data set: CSV, Parquet, JSON or NDJSON, each also compressed with gzip or zstd. A data set read before
    /// and unchanged since is not read again.
    ///
    /// # Errors
    /// `object_not_found`, `frame_too_large` where the table takes more memory than the operator allows, and what is wrong with the
    /// file, with its position.
    pub fn open(uri: &str, options: &ReadOptions) -> Result<Self> {
        let options = document::write(options)?;
        host::call(|host| Host::frame_open(host, uri, &options)).map(Self::from)
    }

    /// Makes a frame of rows: anything that serialises to an array of objects. Missing keys are nulls.
    ///
    /// # Errors
    /// Rows that are no objects, and columns whose values have no common type.
    pub fn from_rows(rows: &impl Serialize) -> Result<Self> {
        let rows = document::write(rows)?;
        host::call(|host| Host::frame_from_rows(host, &rows)).map(Self::from)
    }

    /// Makes a frame of one Arrow IPC file.
    ///
    /// # Errors
    /// Bytes that are no such file.
    pub fn from_arrow(bytes: &[u8]) -> Result<Self> {
        host::call(|host| Host::frame_from_arrow(host, bytes)).map(Self::from)
    }

    /// Runs one SQL query, `SELECT …` in the dialect of polars, over frames by their names in the query.
    ///
    /// # Errors
    /// A query that does not parse, or names what is not there.
    pub fn sql(query: &str, tables: &[(&str, &Self)]) -> Result<Self> {
        let tables: Vec<(&str, &FrameHandle)> = tables.iter().map(|&(name, frame)| (name, &frame.handle)).collect();
        host::call(|host| Host::frame_sql(host, query, &tables)).map(Self::from)
    }

    /// The columns, in order.
    ///
    /// # Errors
    /// `document_unreadable` from a host of another version.
    pub fn schema(&self) -> Result<Vec<Column>> {
        document::read(&host::call(|host| Host::frame_schema(host, &self.handle)))
    }

    /// The number of rows.
    ///
    /// # Errors
    /// What goes wrong in the host.
    pub fn height(&self) -> Result<u64> {
        host::call(|host| Host::frame_height(host, &self.handle))
    }

    /// Up to `count` rows (at most 1,000) from `offset`.
    ///
    /// # Errors
    /// A larger `count`.
    pub fn rows(&self, offset: u64, count: u32) -> Result<Vec<Map<String, Value>>> {
        document::read(&host::call(|host| Host::frame_rows(host, &self.handle, offset, count))?)
    }

    /// Statistics of every column, with `sample` rows.
    ///
    /// # Errors
    /// What goes wrong in the host.
    pub fn summary(&self, sample: u32) -> Result<DatasetSummary> {
        document::read(&host::call(|host| Host::frame_summary(host, &self.handle, sample))?)
    }

    /// Checks the rows.
    ///
    /// # Errors
    /// Rules that contradict themselves. What the rows violate is in the report.
    pub fn validate(&self, rules: &ValidationRules) -> Result<ValidationReport> {
        let rules = document::write(rules)?;
        document::read(&host::call(|host| Host::frame_validate(host, &self.handle, &rules))?)
    }

    /// Deals the rows to parts, in the order of the ratios.
    ///
    /// # Errors
    /// Ratios that do not add up to 1, and a column that is missing.
    pub fn split(&self, split: &Split) -> Result<Vec<Self>> {
        let split = document::write(split)?;
        let parts = host::call(|host| Host::frame_split(host, &self.handle, &split))?;
        Ok(parts.into_iter().map(Self::from).collect())
    }

    /// Balances the classes of a training frame.
    ///
    /// # Errors
    /// A column that is missing, and a class too small for the method.
    pub fn balance(&self, balancing: &Balancing) -> Result<Self> {
        let balancing = document::write(balancing)?;
        host::call(|host| Host::frame_balance(host, &self.handle, &balancing)).map(Self::from)
    }

    /// One column as numbers; a null is NaN.
    ///
    /// # Errors
    /// `column_not_found`; `column_not_numeric` for text.
    pub fn numbers(&self, column: &str) -> Result<Vec<f64>> {
        host::call(|host| Host::frame_numbers(host, &self.handle, column))
    }

    /// The named columns (all, where none is named) as one Arrow IPC file of at most 64 MiB.
    ///
    /// # Errors
    /// `column_not_found`, and columns larger than that.
    pub fn arrow(&self, columns: &[&str]) -> Result<Vec<u8>> {
        let columns: Vec<String> = columns.iter().map(|&column| column.to_owned()).collect();
        host::call(|host| Host::frame_arrow(host, &self.handle, &columns))
    }

    /// Writes the rows as a data set.
    ///
    /// # Errors
    /// `object_exists` and `object_changed` where the precondition does not hold; a type that the format lacks.
    pub fn write(&self, uri: &str, options: &WriteOptions, precondition: &Precondition) -> Result<Written> {
        let options = document::write(options)?;
        host::call(|host| Host::frame_write(host, &self.handle, uri, &options, precondition))
    }
}

/// What was learnt on one frame, to be applied unchanged to others: imputation values, categories, scales, bin edges.
#[derive(Debug)]
pub struct Pipeline {
    pub(crate) handle: PipelineHandle,
}

impl From<PipelineHandle> for Pipeline {
    fn from(handle: PipelineHandle) -> Self {
        Self { handle }
    }
}

impl Pipeline {
    /// Learns from a frame, and from its rows only: the pipeline, and the frame transformed by it.
    ///
    /// # Errors
    /// Columns that are missing or of the wrong type for what is asked.
    pub fn fit(frame: &Frame, specification: &PipelineSpecification) -> Result<(Self, Frame)> {
        let specification = document::write(specification)?;
        let (pipeline, frame) = host::call(|host| Host::pipeline_fit(host, &frame.handle, &specification))?;
        Ok((pipeline.into(), frame.into()))
    }

    /// Reads a pipeline that was saved.
    ///
    /// # Errors
    /// `object_not_found`, and a file that is no pipeline or was written by a later version.
    pub fn load(uri: &str) -> Result<Self> {
        host::call(|host| Host::pipeline_load(host, uri)).map(Self::from)
    }

    /// Applies what was learnt to another frame.
    ///
    /// # Errors
    /// A column that is missing or of another type, by name.
    pub fn apply(&self, frame: &Frame) -> Result<Frame> {
        host::call(|host| Host::pipeline_apply(host, &self.handle, &frame.handle)).map(Frame::from)
    }

    /// What was learnt and what it does.
    ///
    /// # Errors
    /// `document_unreadable` from a host of another version.
    pub fn describe(&self) -> Result<PipelineDescription> {
        document::read(&host::call(|host| Host::pipeline_describe(host, &self.handle)))
    }

    /// Saves the pipeline as a JSON document.
    ///
    /// # Errors
    /// `object_exists` and `object_changed` where the precondition does not hold.
    pub fn save(&self, uri: &str, precondition: &Precondition) -> Result<Written> {
        host::call(|host| Host::pipeline_save(host, &self.handle, uri, precondition))
    }
}
