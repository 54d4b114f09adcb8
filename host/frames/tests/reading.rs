//! Files that are as they should be, and files that are not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod common;

use common::{all, csv, names, read_as, rows, written};
use kumiko_frames::{Error, Frame};
use kumiko_vocabulary::control::Unattended;
use kumiko_vocabulary::data::{Compression, DataType, FileFormat, ReadOptions};
use kumiko_vocabulary::{Control, Fault, FaultKind};
use serde_json::json;

fn types(frame: &Frame) -> Vec<DataType> {
    frame.schema().into_iter().map(|column| column.data_type).collect()
}

#[test]
fn types_are_found_and_missing_values_are_null() {
    let frame = csv("id,price,sold,day,city\n1,2.5,true,2024-02-29,Kyoto\n2,NA,,,\n").unwrap();
    let expected = [DataType::Integer, DataType::Number, DataType::Boolean, DataType::Date, DataType::Text];
    assert_eq!(types(&frame), expected);
    assert_eq!(
        all(&frame),
        json!([
            {"id": 1, "price": 2.5, "sold": true, "day": "2024-02-29", "city": "Kyoto"},
            {"id": 2, "price": null, "sold": null, "day": null, "city": null},
        ])
    );
}

#[test]
fn a_quoted_line_end_is_content() {
    let frame = csv("a,b\n1,\"first\nsecond, \"\"quoted\"\"\"\r\n2,x\n").unwrap();
    assert_eq!(all(&frame)[0]["b"], "first\nsecond, \"quoted\"");
    assert_eq!(frame.height(), 2);
}

#[test]
fn a_column_of_numbers_that_ends_in_text_is_text_throughout() {
    let mut text = String::from("code,n\n");
    for row in 0..300_000 {
        text.push_str(&format!("{row:07},{row}\n"));
    }
    text.push_str("none,1\n");
    let frame = csv(&text).unwrap();
    assert_eq!(types(&frame), [DataType::Text, DataType::Integer]);
    assert_eq!(frame.rows(7, 1).unwrap()[0]["code"], "0000007");
    assert_eq!(frame.rows(300_000, 1).unwrap()[0]["code"], "none");
}

#[test]
fn a_column_of_whole_numbers_that_ends_in_a_fraction_is_numbers_throughout() {
    let mut text = String::from("n\n");
    (0..300_000).for_each(|row| text.push_str(&format!("{row}\n")));
    text.push_str("0.5\n");
    let frame = csv(&text).unwrap();
    assert_eq!(types(&frame), [DataType::Number]);
    assert_eq!(frame.numbers("n").unwrap().iter().sum::<f64>(), 299_999.0 * 150_000.0 + 0.5);
}

#[test]
fn the_header_the_delimiter_and_the_null_values_can_be_chosen() {
    let options = ReadOptions {
        header: false,
        delimiter: Some(";".into()),
        null_values: vec!["-999".into()],
        ..ReadOptions::default()
    };
    let frame = read_as("data.csv", b"1;-999;\n2;3;x\n", &options).unwrap();
    assert_eq!(names(&frame), ["column_1", "column_2", "column_3"]);
    assert_eq!(all(&frame)[0], json!({"column_1": 1, "column_2": null, "column_3": ""}));
    let tabs = read_as("s3://bucket/data.tsv", b"a\tb\n1\t2\n", &ReadOptions::default()).unwrap();
    assert_eq!(all(&tabs), json!([{"a": 1, "b": 2}]));
}

#[test]
fn chosen_columns_come_in_the_order_asked_for() {
    let options = ReadOptions { columns: vec!["c".into(), "a".into()], ..ReadOptions::default() };
    let frame = read_as("data.csv", b"a,b,c\n1,2,3\n", &options).unwrap();
    assert_eq!(all(&frame), json!([{"c": 3, "a": 1}]));
    let options = ReadOptions { columns: vec!["colum".into()], ..ReadOptions::default() };
    assert!(
        matches!(read_as("data.csv", b"column\n1\n", &options), Err(Error::ColumnNotFound { nearest, .. }) if nearest == ["column"])
    );
}

#[test]
fn a_header_alone_is_a_table_without_rows() {
    let frame = csv("a,b\n").unwrap();
    assert_eq!((frame.height(), names(&frame)), (0, vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(frame.summary(5).unwrap().rows, 0);
}

#[test]
fn ten_thousand_columns_are_read() {
    let line = |cell: fn(usize) -> String| (0..10_000).map(cell).collect::<Vec<_>>().join(",");
    let text = format!(
        "{}\n{}\n{}\n",
        line(|index| format!("x{index}")),
        line(|index| index.to_string()),
        line(|_| String::new())
    );
    let frame = csv(&text).unwrap();
    assert_eq!((frame.schema().len(), frame.height()), (10_000, 2));
    assert_eq!(frame.summary(1).unwrap().missing_values, 10_000);
}

#[test]
fn a_file_that_is_missing_a_folder_or_empty_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let options = ReadOptions::default();
    let read = |path: &std::path::Path| Frame::read(path, "s3://bucket/x.csv", &options, &Unattended);
    let missing = read(&folder.path().join("none")).unwrap_err();
    assert_eq!(missing.to_string(), "s3://bucket/x.csv does not exist");
    assert_eq!(Fault::from(missing).kind, FaultKind::NotFound);
    assert!(matches!(read(folder.path()), Err(Error::IsFolder { .. })));
    for content in ["", "\n\n", "\u{feff}"] {
        assert!(matches!(csv(content), Err(Error::EmptyFile { .. })), "{content:?}");
    }
}

#[test]
fn a_ragged_line_is_told_by_its_number() {
    let error = csv("a,b\n1,2\n3\n").unwrap_err();
    assert_eq!(error.to_string(), "data.csv, line 3: 1 cells where the first line has 2");
    let mut text = String::from("a,b\n");
    (0..400_000).for_each(|row| text.push_str(&format!("{row},{row}\n")));
    text.push_str("1,2,3\n");
    assert!(matches!(csv(&text), Err(Error::RaggedLine { line: 400_002, expected: 2, found: 3, .. })));
}

#[test]
fn a_quote_that_is_never_closed_is_told_by_its_line() {
    assert!(matches!(csv("a,b\n1,\"x\n2,y\n"), Err(Error::Quoting { line: 2, .. })));
}

#[test]
fn text_that_is_not_utf_8_is_told_by_the_offset() {
    let error = read_as("data.csv", b"a,b\n1,caf\xe9\n", &ReadOptions::default()).unwrap_err();
    assert!(matches!(error, Error::NotUtf8 { offset: 9, line: 2, .. }), "{error}");
    let utf_16: Vec<u8> = "\u{feff}a,b\n1,2\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let fault = Fault::from(read_as("data.csv", &utf_16, &ReadOptions::default()).unwrap_err());
    assert_eq!(fault.code, "foreign_encoding");
    assert!(fault.hint.unwrap().contains("UTF-8"));
}

#[test]
fn columns_that_share_a_name_are_refused_by_name() {
    let error = csv("a,b,a\n1,2,3\n").unwrap_err();
    assert!(matches!(error, Error::DuplicateColumns { columns, .. } if columns == ["a"]));
}

#[test]
fn json_that_is_no_array_of_objects_is_told_where() {
    let json = |text: &str, format| read_as("data", text.as_bytes(), &ReadOptions { format, ..ReadOptions::default() });
    let error = json("[{\"a\": 1},\n 5]", None).unwrap_err().to_string();
    assert!(error.contains("line 2") && error.contains("an array of objects was expected"), "{error}");
    assert!(matches!(json("{\"a\": 1}", Some(FileFormat::Json)), Err(Error::FormatMismatch { .. })));
    assert!(matches!(json("[{\"a\": 1}, {\"a\"", Some(FileFormat::Json)), Err(Error::Truncated { .. })));
    let error = json("{\"a\": 1}\n[2]\n", Some(FileFormat::Ndjson)).unwrap_err().to_string();
    assert!(error.contains("line 2"), "{error}");
}

#[test]
fn what_is_written_in_any_format_and_compression_is_read_back() {
    let frame = rows(json!([
        {"n": 1, "x": 0.1, "t": "a,\"b\"\nc", "b": true},
        {"n": null, "x": null, "t": null, "b": null},
        {"n": -3, "x": 1e300, "t": "é", "b": false},
    ]));
    for format in [FileFormat::Csv, FileFormat::Parquet, FileFormat::Json, FileFormat::Ndjson, FileFormat::Arrow] {
        for compression in [None, Some(Compression::None), Some(Compression::Gzip), Some(Compression::Zstd)] {
            let bytes = written(&frame, format, compression);
            let back =
                read_as("s3://bucket/data", &bytes, &ReadOptions { format: Some(format), ..ReadOptions::default() })
                    .unwrap();
            assert_eq!(all(&back), all(&frame), "{format:?} {compression:?}");
        }
    }
}

#[test]
fn a_file_that_is_cut_short_is_refused_in_words() {
    let rows: Vec<_> = (0..5_000).map(|row| json!({"n": row, "t": format!("text {row}")})).collect();
    let frame = common::rows(json!(rows));
    let formats = [
        (FileFormat::Csv, Some(Compression::Gzip), "x.csv.gz"),
        (FileFormat::Csv, Some(Compression::Zstd), "x.csv.zst"),
        (FileFormat::Parquet, None, "x.parquet"),
        (FileFormat::Arrow, None, "x.arrow"),
    ];
    for (format, compression, name) in formats {
        let bytes = written(&frame, format, compression);
        let error = read_as(name, &bytes[..bytes.len() / 2], &ReadOptions::default()).unwrap_err();
        assert!(matches!(error, Error::Truncated { .. }), "{name}: {error}");
    }
}

#[test]
fn a_format_that_the_content_contradicts_is_refused() {
    let parquet = written(&rows(json!([{"a": 1}])), FileFormat::Parquet, None);
    let options = ReadOptions { format: Some(FileFormat::Csv), ..ReadOptions::default() };
    let error = read_as("data.csv", &parquet, &options).unwrap_err();
    assert_eq!(Fault::from(error).code, "format_mismatch");
    let options = ReadOptions { format: Some(FileFormat::Parquet), ..ReadOptions::default() };
    assert!(matches!(read_as("data", b"a,b\n1,2\n", &options), Err(Error::FormatMismatch { .. })));
}

#[test]
fn a_damaged_byte_is_an_error_or_another_value_and_no_crash() {
    let frame = rows(json!([{"a": 1, "b": "x"}, {"a": 2, "b": null}]));
    for (format, name) in [(FileFormat::Parquet, "x.parquet"), (FileFormat::Arrow, "x.arrow")] {
        let good = written(&frame, format, None);
        for (position, mask) in (8..good.len() - 8).flat_map(|position| [0x01, 0x80].map(|mask| (position, mask))) {
            let mut bad = good.clone();
            bad[position] ^= mask;
            if let Ok(frame) = read_as(name, &bad, &ReadOptions::default()) {
                frame.summary(1).unwrap();
            }
        }
    }
    let noise: Vec<u8> = [b"PAR1".as_slice(), &[0xff; 64], b"PAR1"].concat();
    assert!(read_as("x.parquet", &noise, &ReadOptions::default()).is_err());
}

#[test]
fn a_cancelled_read_stops() {
    struct Cancelled;
    impl Control for Cancelled {
        fn report(&self, _done: f64, _total: Option<f64>, _message: &str) {}
        fn is_cancelled(&self) -> bool {
            true
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.csv");
    std::fs::write(&path, "a\n1\n").unwrap();
    let error = Frame::read(&path, "x.csv", &ReadOptions::default(), &Cancelled).unwrap_err();
    assert_eq!(Fault::from(error).code, "cancelled");
}

#[test]
fn arrow_bytes_make_the_same_frame_and_too_many_are_refused() {
    let frame = rows(json!([{"a": 1, "b": "x"}, {"a": null, "b": "y"}]));
    assert_eq!(all(&Frame::from_arrow(&frame.arrow(&[]).unwrap()).unwrap()), all(&frame));
    assert_eq!(names(&Frame::from_arrow(&frame.arrow(&["b".into()]).unwrap()).unwrap()), ["b"]);
    assert!(Frame::from_arrow(b"no arrow").is_err());
    let large =
        Frame::from_columns(vec![("a".into(), kumiko_frames::ColumnData::Numbers(vec![0.0; 9_000_000]))]).unwrap();
    assert!(matches!(large.arrow(&[]), Err(Error::TooLarge { .. })));
}
