//! What bad data gets: an error that says what, where and what to do, nothing written, and a server that goes on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::fs;

use kumiko_tests::{Place, Session};
use serde_json::{Value, json};

/// A session on the three capabilities, and everything that lies in the store.
struct Bench {
    place: Place,
    session: Session,
}

impl Bench {
    fn new() -> Self {
        let place = Place::with_plugins(&["data_preparation", "ml_training", "ml_evaluation"]);
        let session = Session::open(&place);
        Self { place, session }
    }

    fn objects(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut folders = vec![self.place.data().join("objects")];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).into_iter().flatten() {
                let path = entry.unwrap().path();
                if path.is_dir() { folders.push(path) } else { found.push(path.display().to_string()) }
            }
        }
        found
    }

    /// Calls a tool that must refuse: the fault has a code, says each of `words`, has something to do, and nothing was written.
    fn refused(&mut self, tool: &str, arguments: Value, words: &[&str]) -> Value {
        let before = self.objects();
        let result = self.session.call(tool, arguments.clone());
        assert_eq!(result["isError"], true, "{tool} {arguments} was accepted: {result}");
        let fault = result["_meta"]["kumiko/fault"].clone();
        let text = result["content"][0]["text"].as_str().unwrap();
        for word in words {
            assert!(text.contains(word), "{tool} {arguments}: `{word}` is not in: {text}");
        }
        assert!(!fault["code"].as_str().unwrap().is_empty() && fault["code"] != "internal", "{fault}");
        assert_eq!(self.objects(), before, "{tool} {arguments} left something behind");
        fault
    }

    /// Opens a file as a data set, which must be refused.
    fn unreadable(&mut self, name: &str, content: &[u8], words: &[&str]) -> Value {
        let path = self.place.file(name, content);
        self.refused("load_dataset", json!({ "s3_uri": path }), words)
    }

    fn accepted(&mut self, tool: &str, arguments: Value) -> Value {
        let result = self.session.call(tool, arguments.clone());
        assert_ne!(result["isError"], true, "{tool} {arguments}: {result}");
        result["structuredContent"].clone()
    }
}

const TABLE: &str = "age,city,income,label\n31,Oslo,10.5,yes\n45,Rome,20.5,no\n28,Oslo,12.0,yes\n51,Bern,31.0,no\n39,Rome,18.5,yes\n60,Bern,25.0,no\n";

#[test]
fn a_missing_file_a_folder_and_an_empty_file_are_refused_by_name() {
    let mut bench = Bench::new();
    let missing = bench.place.files().join("no-such.csv").display().to_string();
    bench.refused("load_dataset", json!({ "s3_uri": missing }), &["no-such.csv"]);
    bench.refused("load_dataset", json!({ "s3_uri": "s3://mlops/no/such.csv" }), &["s3://mlops/no/such.csv"]);
    let folder = bench.place.files().display().to_string();
    bench.refused("load_dataset", json!({ "s3_uri": folder }), &["folder"]);
    bench.unreadable("empty.csv", b"", &["empty.csv", "empty"]);
}

#[test]
fn a_uri_that_leads_elsewhere_is_refused() {
    let mut bench = Bench::new();
    for uri in [
        "s3://mlops/../secret",
        "s3://mlops/a/../../b",
        "s3://mlops/./a",
        "s3://mlops//a",
        "s3://mlops/a\u{0}b",
        "s3://",
        "s3:///key",
        "s3://mlops/",
    ] {
        bench.refused("load_dataset", json!({ "s3_uri": uri }), &[]);
    }
    for uri in ["http://127.0.0.1/a.csv", "gs://bucket/a.csv", "ftp://host/a.csv"] {
        bench.refused("load_dataset", json!({ "s3_uri": uri }), &["s3://"]);
    }
    for uri in ["/etc/passwd", "../outside.csv", "file:///etc/passwd"] {
        let fault = bench.refused("load_dataset", json!({ "s3_uri": uri }), &[]);
        assert_ne!(fault["kind"], "failed", "{fault}");
    }
    let data = bench.place.file("t.csv", TABLE);
    bench.refused(
        "save_processed_data",
        json!({ "dataset_s3_uri": data, "output_s3_uri": "s3://mlops/../../escaped.csv" }),
        &[],
    );
    assert!(!bench.place.data().join("escaped.csv").exists());
}

#[test]
fn a_ragged_csv_is_refused_with_its_line() {
    Bench::new().unreadable("ragged.csv", b"a,b\n1,2\n3,4,5\n6,7\n", &["ragged.csv", "line 3"]);
}

#[test]
fn text_in_another_encoding_is_named_with_its_place() {
    let mut bench = Bench::new();
    let utf16: Vec<u8> = "\u{feff}a,b\n1,2\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    bench.unreadable("utf16.csv", &utf16, &["UTF-16", "UTF-8"]);
    bench.unreadable("latin1.csv", b"a,b\n1,caf\xe9\n", &["UTF-8", "9"]);
}

#[test]
fn a_file_that_is_cut_short_or_is_not_what_it_is_called_is_refused() {
    let mut bench = Bench::new();
    let data = bench.place.file("t.csv", TABLE);
    let parquet = bench.place.files().join("t.parquet").display().to_string();
    bench.accepted("save_processed_data", json!({ "dataset_s3_uri": data, "output_s3_uri": parquet }));
    let whole = fs::read(&parquet).unwrap();
    bench.unreadable("cut.parquet", &whole[..whole.len() / 2], &["cut.parquet"]);
    bench.unreadable("fake.parquet", TABLE.as_bytes(), &["fake.parquet"]);
    let gzip = bench.place.files().join("t.csv.gz").display().to_string();
    bench.accepted(
        "save_processed_data",
        json!({ "dataset_s3_uri": data, "output_s3_uri": gzip, "compression": "gzip" }),
    );
    let whole = fs::read(&gzip).unwrap();
    bench.unreadable("cut.csv.gz", &whole[..whole.len() - 6], &["cut.csv.gz"]);
    bench.unreadable("broken.json", b"[1, 2]", &["broken.json"]);
    bench.unreadable("text.json", b"not json", &["text.json"]);
}

#[test]
fn a_quoted_newline_is_one_cell() {
    let mut bench = Bench::new();
    let path = bench.place.file("quoted.csv", "a,b\n1,\"two\nlines\"\n2,plain\n");
    let loaded = bench.accepted("load_dataset", json!({ "s3_uri": path }));
    assert_eq!(loaded["rows"], 2, "{loaded}");
}

#[test]
fn a_missing_target_is_refused_with_the_nearest_column() {
    let mut bench = Bench::new();
    let data = bench.place.file("t.csv", TABLE);
    let fault = bench.refused(
        "preprocess_supervised",
        json!({ "dataset_s3_uri": data, "target_column": "lable", "task_type": "classification" }),
        &["lable"],
    );
    assert!(fault.to_string().contains("label"), "{fault}");
    let training = json!({ "algorithm": "random_forest", "train_data_s3_uri": data, "target_column": "lable", "training_job_name": "t" });
    bench.refused("train_supervised_classifier", training, &["lable"]);
}

#[test]
fn wrong_types_are_refused_where_they_matter() {
    let mut bench = Bench::new();
    let data = bench.place.file("t.csv", TABLE);
    bench.refused(
        "preprocess_supervised",
        json!({ "dataset_s3_uri": data, "target_column": "city", "task_type": "regression" }),
        &["city"],
    );
    let training =
        json!({ "algorithm": "linear", "train_data_s3_uri": data, "target_column": "city", "training_job_name": "t" });
    bench.refused("train_supervised_regressor", training, &["city"]);
    bench.refused("load_dataset", json!({ "s3_uri": 7 }), &["s3_uri"]);
    bench.refused("load_dataset", json!({ "s3_uri": data, "file_format": "xlsx" }), &["file_format"]);
}

#[test]
fn an_all_null_column_is_left_out_and_named() {
    let mut bench = Bench::new();
    let data = bench.place.file("null.csv", "a,b,y\n1,,0\n2,,1\n3,,0\n4,,1\n");
    let prepared = bench.accepted(
        "preprocess_supervised",
        json!({ "dataset_s3_uri": data, "target_column": "y", "task_type": "classification" }),
    );
    assert_eq!(prepared["num_features"], 1, "{prepared}");
    assert!(prepared.to_string().contains("\"b\""), "{prepared}");
}

#[test]
fn one_row_and_one_class_cannot_be_learnt_from() {
    let mut bench = Bench::new();
    let training = |uri: &str| json!({ "algorithm": "random_forest", "train_data_s3_uri": uri, "target_column": "y", "training_job_name": "t" });
    let one_row = bench.place.file("row.csv", "a,y\n1,no\n");
    bench.refused("train_supervised_classifier", training(&one_row), &[]);
    let one_class = bench.place.file("class.csv", "a,y\n1,no\n2,no\n3,no\n");
    bench.refused("train_supervised_classifier", training(&one_class), &["class"]);
    assert_eq!(bench.accepted("load_dataset", json!({ "s3_uri": one_row }))["rows"], 1);
}

#[test]
fn nan_and_infinities_are_counted_and_never_reach_the_answer() {
    let mut bench = Bench::new();
    let data = bench.place.file("odd.csv", "a,y\n1.5,0\nNaN,1\ninf,0\n-inf,1\n2.5,0\n3.5,1\n");
    let loaded = bench.accepted("load_dataset", json!({ "s3_uri": data }));
    assert_eq!(loaded["rows"], 6, "{loaded}");
    let prepared = bench.accepted(
        "preprocess_supervised",
        json!({ "dataset_s3_uri": data, "target_column": "y", "task_type": "classification" }),
    );
    let read = bench.accepted("load_dataset", json!({ "s3_uri": prepared["train_data_s3_uri"] }));
    assert_eq!(read["columns"][0]["missing"], 0, "{read}");
}

#[test]
fn ten_thousand_columns_are_read_and_prepared() {
    let mut bench = Bench::new();
    let header: Vec<String> = (0..10_000).map(|column| format!("c{column}")).collect();
    let row = |seed: usize| {
        (0..10_000).map(|column| ((column * 7 + seed * 13) % 101).to_string()).collect::<Vec<_>>().join(",")
    };
    let rows: Vec<String> = (0..20).map(row).collect();
    let data = bench.place.file("wide.csv", format!("{}\n{}\n", header.join(","), rows.join("\n")));
    let loaded = bench.accepted("load_dataset", json!({ "s3_uri": data }));
    assert_eq!(loaded["rows"], 20);
    let prepared = bench.accepted(
        "preprocess_supervised",
        json!({ "dataset_s3_uri": data, "target_column": "c0", "task_type": "regression" }),
    );
    assert_eq!(prepared["num_features"], 9_999, "every column but the target");
}

#[test]
fn a_file_that_is_no_model_is_refused_in_words() {
    let mut bench = Bench::new();
    let data = bench.place.file("t.csv", TABLE);
    bench.refused("load_model", json!({ "model_s3_uri": data }), &["model"]);
    let training = json!({ "algorithm": "random_forest", "train_data_s3_uri": data, "target_column": "label", "training_job_name": "t", "generate_plots": false });
    let trained = bench.accepted("train_supervised_classifier", training);
    let uri = trained["model_s3_uri"].as_str().unwrap();
    let file = bench.place.data().join("objects").join(uri.strip_prefix("s3://").unwrap());
    let whole = fs::read(&file).unwrap();
    for (name, bytes) in [
        ("cut", whole[..whole.len() / 2].to_vec()),
        ("empty", Vec::new()),
        ("changed", {
            let mut bytes = whole.clone();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0xff;
            bytes
        }),
    ] {
        let path = bench.place.file(&format!("{name}.model"), bytes);
        bench.refused("load_model", json!({ "model_s3_uri": path }), &["model"]);
    }
}

#[test]
fn a_model_names_the_columns_it_misses() {
    let mut bench = Bench::new();
    let data = bench.place.file("t.csv", TABLE);
    let training = json!({ "algorithm": "random_forest", "train_data_s3_uri": data, "target_column": "label", "training_job_name": "t", "generate_plots": false });
    let trained = bench.accepted("train_supervised_classifier", training);
    let other = bench.place.file("other.csv", "age,town,income\n31,Oslo,10.5\n");
    bench.refused("predict", json!({ "model_s3_uri": trained["model_s3_uri"], "data_s3_uri": other }), &["city"]);
    let unheard = bench.place.file("unheard.csv", "age,city,income,label\n31,Oslo,10.5,maybe\n");
    bench.refused(
        "evaluate_classifier",
        json!({ "model_s3_uri": trained["model_s3_uri"], "test_data_s3_uri": unheard }),
        &["maybe"],
    );
}

#[test]
fn an_output_that_exists_is_not_overwritten_unasked() {
    let mut bench = Bench::new();
    let data = bench.place.file("t.csv", TABLE);
    let output = bench.place.file("kept.csv", "mine\n1\n");
    bench.refused("save_processed_data", json!({ "dataset_s3_uri": data, "output_s3_uri": output }), &["kept.csv"]);
    assert_eq!(fs::read_to_string(&output).unwrap(), "mine\n1\n");
    bench
        .accepted("save_processed_data", json!({ "dataset_s3_uri": data, "output_s3_uri": output, "overwrite": true }));
    assert_ne!(fs::read_to_string(&output).unwrap(), "mine\n1\n");
}
