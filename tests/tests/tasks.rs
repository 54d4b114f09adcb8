//! Calls that outlive their request, for clients that know tasks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

use std::time::{Duration, Instant};

use kumiko_tests::{Place, Session};
use serde_json::{Value, json};

/// Longer than any task here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request of 2026-07-28 from a client that knows tasks, or does not.
fn ask(session: &mut Session, knows: bool, method: &str, mut parameters: Value) -> Value {
    let extensions = if knows { json!({ "io.modelcontextprotocol/tasks": {} }) } else { json!({}) };
    parameters["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "tests", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": { "elicitation": {}, "extensions": extensions },
    });
    session.request(method, parameters)
}

fn call(session: &mut Session, knows: bool, tool: &str, arguments: &Value) -> Value {
    let answer = ask(session, knows, "tools/call", json!({ "name": tool, "arguments": arguments }));
    assert!(answer.get("result").is_some(), "{answer}");
    answer["result"].clone()
}

/// Calls a tool that is followed as a task, and gives the task's name.
fn begin(session: &mut Session, tool: &str, arguments: &Value) -> String {
    let result = call(session, true, tool, arguments);
    assert_eq!((&result["resultType"], &result["status"]), (&json!("task"), &json!("working")), "{result}");
    result["taskId"].as_str().unwrap().to_owned()
}

/// Asks for a task until it stands as wished.
fn wait_for(session: &mut Session, task: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let began = Instant::now();
    loop {
        let stands = ask(session, true, "tasks/get", json!({ "taskId": task }))["result"].clone();
        if wanted(&stands) {
            return stands;
        }
        assert!(began.elapsed() < PATIENCE, "{stands}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_long_running_tool_is_a_task_for_those_who_know_tasks() {
    let place = Place::with_plugins(&["everything"]);
    let arguments = json!({ "seconds": 0, "label": "x" });
    let mut older = Session::open(&place);
    assert_eq!(older.call("slow_compute", arguments.clone())["content"][0]["text"], "computed x in 0 s");

    let mut session = Session::start(&place);
    let plain = call(&mut session, false, "slow_compute", &arguments);
    assert_eq!(plain["content"][0]["text"], "computed x in 0 s", "{plain}");
    let task = begin(&mut session, "slow_compute", &arguments);
    let ended = wait_for(&mut session, &task, |stands| stands["status"] == "completed");
    assert_eq!(ended["result"]["content"][0]["text"], "computed x in 0 s", "{ended}");
    // By the tool that calls others it is one as well.
    begin(&mut session, "call_tool", &json!({ "name": "slow_compute", "arguments": arguments }));
    // A short tool answers at once.
    let greeted = call(&mut session, true, "greet", &json!({ "name": "Ada" }));
    assert_eq!(greeted["content"][0]["text"], "Hello, Ada!", "{greeted}");
}

#[test]
fn a_task_is_cancelled_and_an_unknown_one_is_refused() {
    let place = Place::with_plugins(&["everything"]);
    let mut session = Session::start(&place);
    let task = begin(&mut session, "slow_compute", &json!({ "seconds": 60 }));
    assert!(ask(&mut session, true, "tasks/cancel", json!({ "taskId": task })).get("result").is_some());
    wait_for(&mut session, &task, |stands| stands["status"] == "cancelled");
    let unknown = ask(&mut session, true, "tasks/get", json!({ "taskId": "no-such-task" }));
    assert_eq!(unknown["error"]["code"], -32602, "{unknown}");
}

#[test]
fn a_task_asks_through_its_status_and_goes_on_with_the_answer() {
    let place = Place::with_plugins(&["everything"]);
    let mut session = Session::start(&place);
    let task = begin(&mut session, "confirm_delete", &json!({ "filename": "a.txt" }));
    let asks = wait_for(&mut session, &task, |stands| stands["status"] == "input_required");
    assert_eq!(asks["inputRequests"]["confirm"]["method"], "elicitation/create", "{asks}");
    let answer = json!({ "confirm": { "action": "accept", "content": { "confirm": true } } });
    ask(&mut session, true, "tasks/update", json!({ "taskId": task, "inputResponses": answer }));
    let ended = wait_for(&mut session, &task, |stands| stands["status"] == "completed");
    assert!(ended["result"]["content"][0]["text"].as_str().unwrap().contains("a.txt"), "{ended}");
}
