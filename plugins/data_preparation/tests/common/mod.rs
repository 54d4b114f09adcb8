//! A data set to try the tools on.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, dead_code, missing_docs)]

use std::fmt::Write as _;

use kumiko_sdk::{Fault, Reply};
use kumiko_test_kit::TestHost;
use plugin_data_preparation::plugin;
use serde_json::Value;

pub(crate) const CUSTOMERS: &str = "s3://data/raw/customers.csv";

/// A host with 40 customers: `age` is missing in every tenth row, `city` has three values, every fourth customer leaves.
pub(crate) fn host() -> TestHost {
    let host = TestHost::new().unwrap();
    let mut csv = "age,income,city,churn\n".to_owned();
    for row in 0..40 {
        let age = if row % 10 == 9 { String::new() } else { (20 + row).to_string() };
        let city = ["Kyoto", "Osaka", "Nara"][row % 3];
        let churn = if row % 4 == 0 { "yes" } else { "no" };
        writeln!(csv, "{age},{},{city},{churn}", 1_000.5 + 10.0 * row as f64).unwrap();
    }
    host.put(CUSTOMERS, csv).unwrap();
    host
}

/// The reply of a call that must succeed.
pub(crate) fn call(host: &TestHost, tool: &str, arguments: Value) -> Reply<Value> {
    host.call(&plugin(), tool, arguments).unwrap()
}

/// The fault of a call that must fail.
pub(crate) fn refused(host: &TestHost, tool: &str, arguments: Value) -> Fault {
    host.call(&plugin(), tool, arguments).unwrap_err()
}

/// The uri in a field of a result.
pub(crate) fn uri(reply: &Reply<Value>, field: &str) -> String {
    reply.structured[field].as_str().unwrap().to_owned()
}

/// Statistics of one column of a data set, by `load_dataset`.
pub(crate) fn column(host: &TestHost, uri: &str, name: &str) -> Value {
    let loaded = call(host, "load_dataset", serde_json::json!({ "s3_uri": uri, "detail": "full" }));
    loaded.structured["columns"].as_array().unwrap().iter().find(|column| column["name"] == name).unwrap().clone()
}
