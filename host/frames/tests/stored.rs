//! Tables that stay in their files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::fs::File;
use std::path::{Path, PathBuf};

use kumiko_frames::{ColumnData, Error, Frame, StoredFrame};
use kumiko_vocabulary::control::Unattended;
use kumiko_vocabulary::data::{Compression, FileFormat, ReadOptions, WriteOptions};

const ROWS: usize = 5_000;

fn table() -> Frame {
    let numbers = (0..ROWS).map(|row| if row % 7 == 0 { f64::NAN } else { row as f64 / 3.0 });
    let frame = Frame::from_columns(vec![
        ("number".to_owned(), ColumnData::Numbers(numbers.collect())),
        ("whole".to_owned(), ColumnData::Integers((0..ROWS as i64).collect())),
        ("text".to_owned(), ColumnData::Text((0..ROWS).map(|row| format!("class {}", row % 3)).collect())),
    ]);
    frame.unwrap()
}

fn write(folder: &Path, name: &str, format: FileFormat, compression: Option<Compression>) -> PathBuf {
    let path = folder.join(name);
    let options = WriteOptions { format, compression, delimiter: None };
    table().write(&mut File::create(&path).unwrap(), &options, &Unattended).unwrap();
    path
}

#[test]
fn columns_are_read_one_at_a_time_and_are_those_of_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "table.parquet", FileFormat::Parquet, None);
    let stored = StoredFrame::open(&path, "table.parquet", None).unwrap();
    let table = Frame::read(&path, "table.parquet", &ReadOptions::default(), &Unattended).unwrap();
    assert_eq!(stored.schema(), table.schema());
    assert_eq!(stored.height(), ROWS);
    for name in ["whole", "number"] {
        let column = stored.column(name).unwrap();
        assert_eq!((column.schema().len(), column.height()), (1, ROWS));
        let bits = |frame: &Frame| frame.numbers_f32(name).unwrap().into_iter().map(f32::to_bits).collect::<Vec<_>>();
        assert_eq!(bits(&column), bits(&table));
    }
    assert_eq!(stored.column("text").unwrap().labels("text").unwrap(), table.labels("text").unwrap());
    assert!(matches!(stored.column("numbre"), Err(Error::ColumnNotFound { nearest, .. }) if nearest == ["number"]));
}

#[test]
fn a_file_that_has_no_columns_apart_or_is_damaged_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for (name, format, compression) in [
        ("table.csv", FileFormat::Csv, None),
        ("table.arrow", FileFormat::Arrow, None),
        ("table.csv.gz", FileFormat::Csv, Some(Compression::Gzip)),
    ] {
        let path = write(folder.path(), name, format, compression);
        let error = StoredFrame::open(&path, name, None).err().unwrap();
        assert!(matches!(error, Error::NotColumnwise { .. }), "{name}: {error}");
        assert!(error.to_string().contains(name), "{error}");
    }
    let path = write(folder.path(), "table.parquet", FileFormat::Parquet, None);
    let bytes = std::fs::read(&path).unwrap();
    let cut = folder.path().join("cut.parquet");
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    assert!(matches!(StoredFrame::open(&cut, "cut.parquet", None), Err(Error::Truncated { .. })));
    let mut damaged = bytes;
    damaged[4..40].fill(0xff);
    std::fs::write(&cut, &damaged).unwrap();
    assert!(matches!(StoredFrame::open(&cut, "cut.parquet", None), Err(Error::Malformed { .. })));
}

#[test]
fn a_table_that_takes_too_much_memory_is_refused_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let options = ReadOptions::default();
    let path = write(folder.path(), "table.parquet", FileFormat::Parquet, None);
    // Two columns of eight bytes; the text repeats three values, and a view of it takes sixteen bytes a row all the same.
    let least = ROWS as u64 * (8 + 8 + 16);
    let check = |path: &Path, limit| Frame::check_size(path, "the table", &options, limit);
    check(&path, least + 10_000).unwrap();
    let error = check(&path, least - 1).unwrap_err();
    assert!(matches!(error, Error::LargerThanMemory { bytes, limit, .. } if bytes >= least && limit == least - 1));
    let text = write(folder.path(), "table.csv", FileFormat::Csv, None);
    let size = std::fs::metadata(&text).unwrap().len();
    check(&text, size).unwrap();
    assert!(matches!(check(&text, size - 1), Err(Error::LargerThanMemory { bytes, .. }) if bytes == size));
}
