//! The table of faults, row by row: what may go wrong, and what must hold when it does. Each test is named after its row.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod distant;
mod files;
mod guests;
mod hostile;
mod languages;
mod made;
mod reloads;
mod signatures;
mod surroundings;
mod watched;
