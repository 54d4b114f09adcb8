//! What the tests share.
#![allow(dead_code, reason = "each test file uses its part")]

use std::path::Path;

use kumiko_frames::{Error, Frame};
use kumiko_vocabulary::control::Unattended;
use kumiko_vocabulary::data::{Compression, FileFormat, ReadOptions, WriteOptions};
use serde_json::{Value, json};

/// Reads bytes that a file of this name holds.
pub(crate) fn read_as(name: &str, bytes: &[u8], options: &ReadOptions) -> Result<Frame, Error> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    std::fs::write(&path, bytes).unwrap();
    Frame::read(&path, name, options, &Unattended)
}

/// Reads a CSV text.
pub(crate) fn csv(text: &str) -> Result<Frame, Error> {
    read_as("data.csv", text.as_bytes(), &ReadOptions::default())
}

/// A frame of rows.
pub(crate) fn rows(rows: Value) -> Frame {
    Frame::from_rows(&rows).unwrap()
}

/// All rows as JSON.
pub(crate) fn all(frame: &Frame) -> Value {
    json!(frame.rows(0, u32::MAX).unwrap())
}

/// The names of the columns.
pub(crate) fn names(frame: &Frame) -> Vec<String> {
    frame.schema().into_iter().map(|column| column.name).collect()
}

/// Writes a frame and returns the bytes.
pub(crate) fn written(frame: &Frame, format: FileFormat, compression: Option<Compression>) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    write_to(&path, frame, format, compression);
    std::fs::read(path).unwrap()
}

fn write_to(path: &Path, frame: &Frame, format: FileFormat, compression: Option<Compression>) {
    let mut file = std::fs::File::create(path).unwrap();
    let options = WriteOptions { format, compression, delimiter: None };
    frame.write(&mut file, &options, &Unattended).unwrap();
}
