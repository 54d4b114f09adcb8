//! Calling tools through the test's host: what the server would refuse, it refuses.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, missing_docs)]

use kumiko_sdk::objects::{self, Precondition};
use kumiko_sdk::prelude::*;
use kumiko_sdk::{Plugin, Tool};
use kumiko_test_kit::{TestHost, problems};

plugin! { name: "notes", description: "Keeps notes.", tools: [keep, boast] }

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Keeping {
    /// Where to keep it.
    uri: String,
    /// What to keep.
    #[schemars(length(min = 1))]
    text: String,
}

#[derive(Serialize, JsonSchema)]
struct Kept {
    /// How large it is.
    #[schemars(range(max = 10))]
    bytes: u64,
}

/// Keeps a note.
#[tool]
fn keep(arguments: Keeping) -> Result<Reply<Kept>> {
    let written = objects::put(&arguments.uri, arguments.text.as_bytes(), None, &Precondition::Absent)?;
    Ok(Reply::new(Kept { bytes: written.info.size }).link(&written))
}

/// Promises less than it returns.
#[tool]
fn boast() -> Result<Kept> {
    Ok(Kept { bytes: 11 })
}

#[test]
fn a_tool_is_called_and_what_it_did_is_there() {
    let host = TestHost::new().unwrap();
    let reply = host.call(&plugin(), "notes.keep", json!({ "uri": "s3://notes/a.txt", "text": "hello" })).unwrap();
    assert_eq!(reply.structured, json!({ "bytes": 5 }));
    assert!(matches!(&reply.content[..], [Content::Link(link)] if link.name == "a.txt" && link.size == Some(5)));
    assert_eq!(host.text("s3://notes/a.txt").unwrap(), "hello");
}

#[test]
fn arguments_that_only_the_schema_forbids_are_refused_before_the_tool_runs() {
    let host = TestHost::new().unwrap();
    let fault = host.call(&plugin(), "keep", json!({ "uri": "s3://notes/a.txt", "text": "" })).unwrap_err();
    assert_eq!(fault.code, "invalid_arguments");
    assert!(fault.message.contains("`text`"), "{}", fault.message);
    assert!(host.uris("s3://notes/").unwrap().is_empty());
}

#[test]
fn a_result_that_breaks_its_promise_is_refused() {
    let fault = TestHost::new().unwrap().call(&plugin(), "boast", json!({})).unwrap_err();
    assert_eq!(fault.code, "result_invalid");
    assert!(fault.message.contains("`bytes`"), "{}", fault.message);
}

#[test]
fn a_plugin_that_the_server_would_load_has_no_problems() {
    assert_eq!(problems(&plugin()), [""; 0]);
}

#[test]
fn what_would_keep_the_server_from_loading_a_plugin_is_listed() {
    const TOOLS: &[Tool] = &[
        Tool { name: "two words", aliases: &["keep"], ..KEEP },
        Tool { description: " ", output_schema: || Some(json!({ "type": "string" })), ..KEEP },
    ];
    const KEEP: Tool = __kumiko_tool_keep;
    let found = problems(&Plugin { tools: TOOLS, ..plugin() }).join("\n");
    for problem in
        ["`two words`", "`keep` is given twice", "no description", "output schema of `keep` is not of type object"]
    {
        assert!(found.contains(problem), "{problem} is missing in:\n{found}");
    }
}
