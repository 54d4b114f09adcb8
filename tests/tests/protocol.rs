//! The protocol as a client meets it, over the shipped binary's standard streams.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::time::{Duration, Instant};

use kumiko_tests::{Place, Session};
use serde_json::{Value, json};

const MODERN: &str = "2026-07-28";

fn modern_meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientInfo": { "name": "tests", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": { "elicitation": {} },
    })
}

#[test]
fn initialize_is_answered_while_plugins_still_compile() {
    let place = Place::with_plugins(&["unruly", "hello", "data_preparation"]);
    // The cache is empty: compiling takes a second or more, answering none.
    let mut session = Session::open(&place);
    assert_eq!(session.call("greet", json!({ "name": "Ada" }))["structuredContent"]["message"], "Hello, Ada!");
}

#[test]
fn a_session_of_every_older_version_is_opened_as_asked() {
    let place = Place::with_plugins(&["hello"]);
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let mut session = Session::start(&place);
        let client = json!({ "name": "tests", "version": "1" });
        let answer = session
            .request("initialize", json!({ "protocolVersion": version, "capabilities": {}, "clientInfo": client }));
        assert_eq!(answer["result"]["protocolVersion"], version, "{answer}");
    }
}

#[test]
fn the_stateless_era_works_without_initialize() {
    let place = Place::with_plugins(&["hello"]);
    let mut session = Session::start(&place);
    let discovered = session.request("server/discover", json!({ "_meta": modern_meta() }));
    let versions = discovered["result"]["supportedVersions"].to_string();
    assert!(versions.contains(MODERN), "{discovered}");
    let listed = session.request("tools/list", json!({ "_meta": modern_meta() }));
    let tools = listed["result"]["tools"].as_array().unwrap();
    assert!(tools.iter().any(|tool| tool["name"] == "greet"), "{listed}");
    let called = session
        .request("tools/call", json!({ "_meta": modern_meta(), "name": "greet", "arguments": { "name": "Ada" } }));
    assert_eq!(called["result"]["structuredContent"]["message"], "Hello, Ada!", "{called}");
}

#[test]
fn tools_are_listed_in_the_order_of_their_names_with_schemas_and_annotations() {
    let place = Place::with_plugins(&["unruly", "hello"]);
    let mut session = Session::open(&place);
    let names = session.tool_names();
    let mut sorted = names.clone();
    sorted.sort();
    assert_eq!(names, sorted);
    assert!(names.contains(&"greet".to_owned()) && names.contains(&"spin".to_owned()));
    let listed = session.request("tools/list", json!({}));
    for tool in listed["result"]["tools"].as_array().unwrap() {
        assert_eq!(tool["inputSchema"]["type"], "object", "{tool}");
        assert!(tool.get("outputSchema").is_none_or(|schema| schema["type"] == "object"), "{tool}");
        assert!(
            !tool["description"].as_str().unwrap().is_empty() && !tool["title"].as_str().unwrap().is_empty(),
            "{tool}"
        );
        assert!(tool["annotations"]["readOnlyHint"].is_boolean(), "{tool}");
    }
}

#[test]
fn a_tool_answers_to_its_name_its_aliases_and_its_capability_s_name() {
    let place = Place::with_plugins(&["hello"]);
    let mut session = Session::open(&place);
    for name in ["greet", "hello", "hello.greet", "hello.hello"] {
        assert_eq!(
            session.call(name, json!({ "name": "Ada" }))["structuredContent"]["message"],
            "Hello, Ada!",
            "{name}"
        );
    }
    assert_eq!(session.tool_names(), ["greet"], "aliases are not listed");
}

#[test]
fn an_unknown_tool_is_an_error_of_the_protocol_with_a_suggestion() {
    let place = Place::with_plugins(&["hello"]);
    let mut session = Session::open(&place);
    let answer = session.request("tools/call", json!({ "name": "gret", "arguments": {} }));
    assert_eq!(answer["error"]["code"], -32602, "{answer}");
    assert!(answer["error"]["message"].as_str().unwrap().contains("greet"), "{answer}");
}

#[test]
fn arguments_that_do_not_fit_are_refused_with_the_nearest_name() {
    let place = Place::with_plugins(&["hello"]);
    let mut session = Session::open(&place);
    let result = session.call("greet", json!({ "nme": "Ada" }));
    assert_eq!(result["isError"], true);
    let text = result["content"][0]["text"].as_str().unwrap();
    assert!(
        text.contains("unknown argument `nme`")
            && text.contains("did you mean `name`?")
            && text.contains("invalid_arguments"),
        "{text}"
    );
    assert_eq!(result["_meta"]["kumiko/fault"]["code"], "invalid_arguments");
}

#[test]
fn arguments_that_are_no_object_are_an_error_of_the_protocol() {
    let place = Place::with_plugins(&["hello"]);
    let mut session = Session::open(&place);
    for arguments in [json!([1]), json!("name"), json!(7)] {
        let answer = session.request("tools/call", json!({ "name": "greet", "arguments": arguments }));
        assert_eq!(answer["error"]["code"], -32602, "{answer}");
    }
    assert_eq!(session.call("greet", json!({ "name": "Ada" }))["structuredContent"]["message"], "Hello, Ada!");
}

#[test]
fn every_kind_of_content_reaches_the_client() {
    let place = Place::with_plugins(&["unruly"]);
    let mut session = Session::open(&place);
    let result = session.call("show", json!({}));
    let kinds: Vec<&str> =
        result["content"].as_array().unwrap().iter().map(|block| block["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["text", "image", "audio", "resource"], "{result}");
    assert_eq!(result["content"][1]["mimeType"], "image/png");
    assert_eq!(result["content"][3]["resource"]["text"], "embedded");
    assert_eq!(result["structuredContent"]["value"], 1);
}

#[test]
fn progress_rises_and_all_of_it_comes_before_the_answer() {
    let place = Place::with_plugins(&["unruly"]);
    let mut session = Session::open(&place);
    let parameters = json!({ "name": "climb", "arguments": { "amount": 4 }, "_meta": { "progressToken": "climbing" } });
    let answer = session.request("tools/call", parameters);
    assert_eq!(answer["result"]["structuredContent"]["value"], 4, "{answer}");
    let progress: Vec<f64> = session
        .unread()
        .iter()
        .filter(|message| message["method"] == "notifications/progress")
        .map(|message| {
            assert_eq!(message["params"]["progressToken"], "climbing");
            message["params"]["progress"].as_f64().unwrap()
        })
        .collect();
    assert!(progress.len() >= 3 && progress.windows(2).all(|pair| pair[0] < pair[1]), "{progress:?}");
    assert_eq!(progress.last(), Some(&4.0));
}

#[test]
fn without_a_token_there_is_no_progress() {
    let place = Place::with_plugins(&["unruly"]);
    let mut session = Session::open(&place);
    session.call("climb", json!({ "amount": 2 }));
    assert!(session.unread().iter().all(|message| message["method"] != "notifications/progress"));
}

#[test]
fn a_cancelled_call_stops_and_leaves_the_session_as_it_was() {
    let place = Place::with_plugins(&["unruly", "hello"]);
    let mut session = Session::open(&place);
    session.tool_names();
    let id = session.ask("tools/call", json!({ "name": "dawdle", "arguments": {} }));
    std::thread::sleep(Duration::from_millis(200));
    let began = Instant::now();
    session.send(&json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id } }));
    assert_eq!(session.call("greet", json!({ "name": "Ada" }))["structuredContent"]["message"], "Hello, Ada!");
    // The guest would have spun for the minute its limit allows.
    assert!(began.elapsed() < Duration::from_secs(20));
    let (code, log) = session.close();
    assert_eq!(code, Some(0));
    assert!(log.contains("\"cancelled\""), "the log says how the call ended: {log}");
}

#[test]
fn a_question_to_the_person_is_asked_in_the_older_era() {
    let place = Place::with_plugins(&["unruly"]);
    let mut session = Session::open_with(&place, &json!({ "elicitation": {} }));
    let id = session.ask("tools/call", json!({ "name": "confirm", "arguments": { "amount": 7 } }));
    let question = session.notification("elicitation/create");
    assert_eq!(question["params"]["message"], "Go on?", "{question}");
    let accepted = json!({ "action": "accept", "content": { "go_on": true } });
    session.send(&json!({ "jsonrpc": "2.0", "id": question["id"], "result": accepted }));
    assert_eq!(session.answer(id)["result"]["structuredContent"]["value"], 7);
}

#[test]
fn a_question_to_the_person_goes_back_and_forth_in_the_stateless_era() {
    let place = Place::with_plugins(&["unruly"]);
    let mut session = Session::start(&place);
    let call = |more: Value| {
        let mut parameters = json!({ "_meta": modern_meta(), "name": "confirm", "arguments": { "amount": 7 } });
        parameters.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        parameters
    };
    let asked = session.request("tools/call", call(json!({})));
    assert_eq!(asked["result"]["resultType"], "input_required", "{asked}");
    let state = asked["result"]["requestState"].clone();
    let responses = json!({ "confirmation": { "action": "accept", "content": { "go_on": true } } });
    let done = session.request("tools/call", call(json!({ "requestState": state, "inputResponses": responses })));
    assert_eq!(done["result"]["structuredContent"]["value"], 7, "{done}");
    let forged =
        session.request("tools/call", call(json!({ "requestState": "rs1.AAAA.AAAA", "inputResponses": responses })));
    assert_eq!(forged["error"]["code"], -32602, "{forged}");
}

#[test]
fn a_client_that_cannot_be_asked_is_told_what_it_lacks() {
    let place = Place::with_plugins(&["unruly"]);
    let mut session = Session::open(&place);
    let answer = session.request("tools/call", json!({ "name": "confirm", "arguments": { "amount": 7 } }));
    assert!(answer["error"]["data"].to_string().contains("elicitation"), "{answer}");
}

#[test]
fn a_method_that_does_not_exist_is_said_not_to() {
    let place = Place::with_plugins(&["hello"]);
    let mut session = Session::open(&place);
    assert_eq!(session.request("no/such/method", json!({}))["error"]["code"], -32601);
}

#[test]
fn what_a_tool_wrote_is_a_resource_and_its_changes_are_told_to_those_who_watch_it() {
    const UPDATED: &str = "notifications/resources/updated";
    let place = Place::with_plugins(&["data_preparation", "everything"]);
    let mut session = Session::open(&place);
    let data = place.file("a.csv", "a,b\n1,2\n3,4\n");
    let uri = "s3://mlops/notes/a.csv";
    let save = json!({ "dataset_s3_uri": data, "output_s3_uri": uri, "overwrite": true });
    let saved = session.call("save_processed_data", save.clone());
    assert_ne!(saved["isError"], true, "{saved}");
    let listed = session.request("resources/list", json!({}));
    let resources = listed["result"]["resources"].as_array().unwrap();
    for wanted in [uri, "test://static-text"] {
        assert!(resources.iter().any(|resource| resource["uri"] == wanted), "{wanted}: {listed}");
    }
    let read = session.request("resources/read", json!({ "uri": uri }));
    assert!(read["result"]["contents"][0]["text"].as_str().unwrap().starts_with("a,b"), "{read}");
    for outside in ["s3://other/secret.csv", "s3://mlops/../other/secret.csv", "file:///etc/passwd", "/etc/passwd"] {
        let refused = session.request("resources/read", json!({ "uri": outside }));
        assert!(refused["error"]["code"].is_i64(), "{outside}: {refused}");
    }

    session.request("resources/subscribe", json!({ "uri": uri }));
    session.call("save_processed_data", save.clone());
    assert_eq!(session.notification(UPDATED)["params"]["uri"], uri);
    session.request("resources/unsubscribe", json!({ "uri": uri }));
    session.request("resources/subscribe", json!({ "uri": "test://watched-resource" }));
    session.call("save_processed_data", save);
    session.call("test_touch_resource", json!({}));
    assert_eq!(session.notification(UPDATED)["params"]["uri"], "test://watched-resource");
}

#[test]
fn nonsense_on_the_wire_does_not_end_the_session() {
    let place = Place::with_plugins(&["hello"]);
    let mut session = Session::open(&place);
    for line in [
        "",
        "{",
        "[]",
        "null",
        "{\"jsonrpc\":\"2.0\"}",
        "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"tools/list\"}",
        "\u{0}\u{1}",
    ] {
        session.send_line(line);
    }
    assert_eq!(session.call("greet", json!({ "name": "Ada" }))["structuredContent"]["message"], "Hello, Ada!");
}

#[test]
fn the_server_ends_with_its_client() {
    let place = Place::with_plugins(&["hello"]);
    let mut session = Session::open(&place);
    session.tool_names();
    let (code, _) = session.close();
    assert_eq!(code, Some(0));
}
