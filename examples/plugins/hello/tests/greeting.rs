//! The tool, called the way the server calls it, without a server.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use kumiko_sdk::prelude::*;
use plugin_hello::{Greeting, greet, plugin};

#[test]
fn somebody_is_greeted_by_name() {
    let reply = plugin().call("greet", json!({ "name": "Ada" })).unwrap();
    assert_eq!(reply.structured, json!({ "message": "Hello, Ada!" }));
    assert_eq!(reply.shown_text(), "Hello, Ada!");
}

#[test]
fn the_tool_is_a_function_too() {
    let reply = greet(Greeting { name: "Ada".to_owned() }).unwrap();
    assert_eq!(reply.structured.message, "Hello, Ada!");
}

#[test]
fn the_older_name_still_works() {
    plugin().call("hello", json!({ "name": "Ada" })).unwrap();
    plugin().call("hello.greet", json!({ "name": "Ada" })).unwrap();
}

#[test]
fn a_misspelt_argument_is_answered_with_the_right_one() {
    let fault = plugin().call("greet", json!({ "nmae": "Ada" })).unwrap_err();
    assert_eq!(fault.kind, FaultKind::InvalidArguments);
    assert_eq!(fault.hint.as_deref(), Some("did you mean `name`?"));
}
