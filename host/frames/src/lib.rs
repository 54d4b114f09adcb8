//! Tables in the host: reading, writing, SQL, statistics, validation, splitting, balancing, and fit-and-apply preprocessing.
//!
//! A [`Frame`] is a table that does not change; every operation makes another. A [`Pipeline`] is what was learnt on one frame and
//! is applied unchanged to others. Everything here is synchronous and uses all cores; whoever calls it decides on which
//! threads that may happen.
//!
//! Rules that hold throughout:
//! - A missing value is a null. NaN and infinities count as missing wherever something is learnt, and leave as null in JSON.
//! - Nothing that a file or an argument holds causes a panic. Should the engine panic all the same, the public functions answer
//!   [`Error::Internal`].
//! - The same input and seed give the same output, whatever the number of cores.

mod balance;
mod calendar;
mod error;
mod frame;
mod guard;
mod iso;
mod json;
mod numbers;
mod pipeline;
mod random;
mod read;
mod split;
mod sql;
mod statistics;
mod stored;
mod summary;
mod types;
mod validate;
mod write;

pub use error::Error;
pub use frame::{ColumnData, Frame, MAXIMUM_ARROW_BYTES};
pub use pipeline::{PIPELINE_FORMAT_VERSION, Pipeline};
pub use stored::StoredFrame;
