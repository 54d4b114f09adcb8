//! The journal, with what a real subscriber writes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::io::Write;
use std::sync::{Arc, Mutex};

use kumiko_telemetry::{Call, CallObserver, CallRecord, Form, Journal, Outcome, RECENT_CALLS, TraceContext};
use kumiko_vocabulary::Fault;
use serde_json::{Value, json};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;

const PARENT: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn call(request: &str) -> Call {
    Call {
        request_id: request.to_owned(),
        caller: Some("ci".to_owned()),
        capability: "data_preparation".to_owned(),
        version: "1.2.3".to_owned(),
        digest: Some("sha256:ab".to_owned()),
        tool: "load_dataset".to_owned(),
        arguments: json!({"s3_uri": "s3://lab/a.csv", "options": {"api_key": "hunter2", "rows": [1, 2]}}),
        trace: TraceContext::parse(PARENT, None),
    }
}

/// Where the subscriber writes.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What the subscriber of a server writes meanwhile: the layer of calls, and beside it the one for everything else.
fn written(form: Form, act: impl FnOnce(&Arc<Journal>)) -> String {
    let output = Output::default();
    let (first, second) = (output.clone(), output.clone());
    let others = tracing_subscriber::fmt::layer()
        .json()
        .with_writer(move || first.clone())
        .with_filter(EnvFilter::new("warn,kumiko=info,kumiko::call=off"));
    let calls = Journal::layer(form, move || second.clone());
    let subscriber = tracing_subscriber::registry().with(others).with(calls);
    tracing::subscriber::with_default(subscriber, || act(&Journal::new(Vec::new())));
    let bytes = output.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_call_is_one_json_line_with_every_field() {
    let text = written(Form::Json, |journal| {
        let running = journal.begin(call("r-1"));
        running.end(Outcome::success(&json!({"rows": 344, "table": [1]}))).unwrap();
    });
    let lines = json_lines(&text);
    assert_eq!(lines.len(), 1, "{text}");
    let line = &lines[0];
    for (field, expected) in [
        ("level", json!("INFO")),
        ("target", json!("kumiko::call")),
        ("capability", json!("data_preparation")),
        ("version", json!("1.2.3")),
        ("tool_name", json!("load_dataset")),
        ("agent_id", json!("ci")),
        ("request_id", json!("r-1")),
        ("arguments", json!({"s3_uri": "s3://lab/a.csv", "options": {"api_key": "***", "rows": [1, 2]}})),
        ("status", json!("success")),
        ("result_summary", json!("rows=344")),
        ("trace_id", json!("0af7651916cd43dd8448eb211c80319c")),
        ("message", json!("tool called")),
    ] {
        assert_eq!(line[field], expected, "{field} in {text}");
    }
    assert!(line["duration_ms"].is_f64(), "{text}");
    let timestamp = line["timestamp"].as_str().unwrap();
    assert!(timestamp.len() == 27 && timestamp.starts_with("20") && timestamp.ends_with('Z'), "{timestamp}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn an_error_carries_its_kind_and_code() {
    let fault = Fault::not_found("object_not_found", "there is no object s3://lab/a.csv\nat all");
    let text = written(Form::Json, |journal| {
        journal.begin(Call { caller: None, trace: None, ..call("r-2") }).end(Outcome::from(&fault)).unwrap();
    });
    let line = &json_lines(&text)[0];
    assert_eq!(line["level"], "WARN");
    assert_eq!(
        (&line["status"], &line["kind"], &line["code"]),
        (&json!("error"), &json!("not_found"), &json!("object_not_found"))
    );
    assert_eq!(line["message"], json!(fault.message));
    assert!(line["agent_id"].is_null() && line["result_summary"].is_null());
    assert!(line.get("trace_id").is_none(), "{text}");
}

#[test]
fn a_call_whose_guard_is_dropped_is_recorded_as_cancelled() {
    let text = written(Form::Json, |journal| {
        drop(journal.begin(call("r-3")));
        assert_eq!(journal.recent(0)[0].outcome, Outcome::Cancelled);
        assert!(journal.running().is_empty());
    });
    assert_eq!(json_lines(&text)[0]["status"], "cancelled");
}

#[tokio::test]
async fn a_call_whose_future_is_dropped_is_recorded_as_cancelled() {
    let journal = Journal::new(Vec::new());
    let (begun, wait) = tokio::sync::oneshot::channel();
    let told = Arc::clone(&journal);
    let task = tokio::spawn(async move {
        let _running = told.begin(call("r-4"));
        begun.send(()).unwrap();
        std::future::pending::<()>().await;
    });
    wait.await.unwrap();
    assert_eq!(journal.running()[0].call.request_id, "r-4");
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!(journal.recent(0)[0].outcome, Outcome::Cancelled);
}

#[test]
fn a_terminal_gets_a_line_of_words_that_cannot_move_its_cursor() {
    let fault = Fault::invalid("invalid_arguments", "no such column: \u{1b}[2J\nx");
    let text = written(Form::Terminal, |journal| {
        journal.begin(call("r-5")).end(Outcome::InputRequired).unwrap();
        journal.begin(Call { caller: None, ..call("r-6") }).end(Outcome::from(&fault)).unwrap();
    });
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.splitn(5, "  ").collect()).collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert_eq!((lines[0][0], lines[0][1], lines[0][3]), ("load_dataset", "ci", "input_required"));
    assert!(lines[0][2].ends_with(" ms"), "{text}");
    assert_eq!((lines[1][1], lines[1][3]), ("-", "error"));
    assert_eq!(lines[1][4], "invalid_arguments: no such column:  [2J x");
}

#[test]
fn a_record_as_json_has_the_names_of_the_line() {
    let mut record = None;
    let text =
        written(Form::Json, |journal| record = journal.begin(call("r-7")).end(Outcome::success(&json!({"a": 1}))));
    let (record, line) = (serde_json::to_value(&*record.unwrap()).unwrap(), &json_lines(&text)[0]);
    for field in [
        "capability",
        "version",
        "tool_name",
        "agent_id",
        "request_id",
        "arguments",
        "duration_ms",
        "status",
        "result_summary",
        "trace_id",
    ] {
        assert_eq!(record[field], line[field], "{field}");
    }
    assert_eq!((&record["id"], &record["digest"]), (&json!(1), &json!("sha256:ab")));
}

#[test]
fn recent_calls_come_in_the_order_of_ending_and_are_bounded() {
    let journal = Journal::new(Vec::new());
    let long = journal.begin(call("long"));
    for number in 0..RECENT_CALLS + 10 {
        journal.begin(call(&number.to_string())).end(Outcome::InputRequired);
    }
    let last = journal.recent(0).last().unwrap().id;
    assert_eq!(journal.recent(0).len(), RECENT_CALLS);
    assert_eq!(journal.recent(0)[0].request_id, "10");
    assert!(journal.recent(last).is_empty());
    // A call that began before all of them, and ends after, is news.
    long.end(Outcome::InputRequired);
    let news = journal.recent(last);
    assert_eq!(news.iter().map(|record| record.request_id.as_str()).collect::<Vec<_>>(), ["long"]);
}

#[test]
fn observers_hear_of_each_call_once() {
    #[derive(Default)]
    struct Heard(Mutex<Vec<String>>);
    impl CallObserver for Heard {
        fn began(&self, call: &Call) {
            self.0.lock().unwrap().push(format!("began {}", call.request_id));
        }
        fn ended(&self, record: &CallRecord) {
            self.0.lock().unwrap().push(format!("{} {}", record.outcome.status(), record.request_id));
        }
    }
    let heard = Arc::new(Heard::default());
    let journal = Journal::new(vec![Arc::clone(&heard) as Arc<dyn CallObserver>]);
    journal.begin(call("a")).end(Outcome::InputRequired);
    drop(journal.begin(call("b")));
    assert_eq!(*heard.0.lock().unwrap(), ["began a", "input_required a", "began b", "cancelled b"]);
}
