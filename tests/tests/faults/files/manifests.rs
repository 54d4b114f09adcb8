//! C6: manifests that no agent could use, or that are meant to mislead one.

use std::time::{Duration, Instant};

use kumiko_tests::faults::{Row, quantile};
use kumiko_tests::{Place, Session};
use serde_json::{Value, json};

use crate::made::{Made, Tool, edition};
use crate::watched::{Event, Watched, edition_of, put};

/// Characters that could disguise a text: on a terminal, in a client, before a model.
const DISGUISES: [char; 22] = [
    '\u{1b}',
    '\u{7}',
    '\u{8}',
    '\u{0}',
    '\u{7f}',
    '\u{9b}',
    '\u{85}',
    '\u{61c}',
    '\u{200b}',
    '\u{200e}',
    '\u{200f}',
    '\u{202a}',
    '\u{202e}',
    '\u{2066}',
    '\u{2069}',
    '\u{2028}',
    '\u{2029}',
    '\u{feff}',
    '\u{180e}',
    '\u{fff9}',
    '\u{e0041}',
    '\u{e007f}',
];

/// A plugin whose one tool is changed.
fn tool(change: impl FnOnce(&mut Tool)) -> Vec<u8> {
    let mut made = Made::new("odd", 1);
    change(&mut made.tools[0]);
    made.component()
}

fn tools(count: usize, description: &str) -> Vec<u8> {
    let numbered =
        |number: usize| Tool { description: description.to_owned(), ..Tool::new(&format!("numbered{number}")) };
    Made { tools: (0..count).map(numbered).collect(), ..Made::new("odd", 1) }.component()
}

#[test]
fn c6_a_manifest_that_nobody_can_use_is_refused() {
    let mut row = Row::new("C6", "tool name clash, 10,000 tools, 1 MiB description, names, schemas");
    let place = Place::with_plugins(&["hello"]);
    put(&place, "steady.wasm", &edition("steady", 1));
    let mut watched = Watched::start(&place);
    watched.events();
    let mut connection = watched.connection();
    let nested =
        format!("{}{}", r#"{"type":"object","properties":{"a":"#.repeat(5_000), "{}".to_owned() + &"}}".repeat(5_000));
    let invalid = "manifest_invalid";
    let cases = [
        (
            "a tool of another plugin",
            Made { name: "odd".into(), ..Made::new("steady", 2) }.component(),
            "tool_name_conflict",
        ),
        ("a tool of the server", tool(|tool| tool.name = "find_tools".into()), "tool_name_conflict"),
        (
            "a capability of another plugin",
            Made { tools: vec![Tool::new("other")], ..Made::new("steady", 2) }.component(),
            "capability_conflict",
        ),
        (
            "one name twice",
            Made { tools: vec![Tool::new("twice"), Tool::new("twice")], ..Made::new("odd", 1) }.component(),
            invalid,
        ),
        ("10,000 tools", tools(10_000, "One of many."), invalid),
        ("1 MiB of description", tool(|tool| tool.description = "x".repeat(1 << 20)), invalid),
        ("no description", tool(|tool| tool.description = " ".into()), invalid),
        ("an empty name", tool(|tool| tool.name = String::new()), invalid),
        ("a name with an escape", tool(|tool| tool.name = "a\u{1b}[31m".into()), invalid),
        ("a name in look-alike letters", tool(|tool| tool.name = "gr\u{435}et".into()), invalid),
        ("a long name", tool(|tool| tool.name = "x".repeat(65)), invalid),
        ("an odd capability", Made { name: "../odd".into(), ..Made::new("odd", 1) }.component(), invalid),
        ("an odd version", Made { version: "1\u{202e}0".into(), ..Made::new("odd", 1) }.component(), invalid),
        ("a schema that is none", tool(|tool| tool.input = "{".into()), invalid),
        ("a schema of no object", tool(|tool| tool.input = r#"{"type":"array"}"#.into()), invalid),
        (
            "1 MiB of schema",
            tool(|tool| tool.input = format!(r#"{{"type":"object","x":"{}"}}"#, "x".repeat(1 << 20))),
            invalid,
        ),
        ("a schema 5,000 deep", tool(|tool| tool.input = nested), invalid),
        (
            "a reference to elsewhere",
            tool(|tool| tool.input = r#"{"type":"object","$ref":"http://127.0.0.1:1/x.json"}"#.into()),
            invalid,
        ),
        (
            "a reference to a file",
            tool(|tool| tool.input = r#"{"type":"object","$ref":"file:///etc/passwd"}"#.into()),
            invalid,
        ),
        (
            "a reference to nothing",
            tool(|tool| tool.input = r##"{"type":"object","$ref":"#/$defs/none"}"##.into()),
            invalid,
        ),
    ];
    let mut wrong = Vec::new();
    for (what, bytes, expected) in cases {
        put(&place, "odd.wasm", &bytes);
        match watched.wait(1, |event| !matches!(event, Event::Removed { .. })).pop() {
            Some(Event::Refused { code, message, .. }) if code == expected && !message.contains(DISGUISES) => {}
            other => wrong.push(format!("{what}: {other:?}")),
        }
        assert_eq!(edition_of(&mut connection, "steady"), Some(1), "{what}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    row.none("accepted, or refused for another reason", wrong.len());
    let log = watched.end();
    row.none("panics", crate::watched::panics(&log));
}

/// What an agent gets to see of the tools.
fn listed(place: &Place) -> (Vec<Value>, Vec<Duration>) {
    let mut session = Session::open(place);
    session.tool_names();
    let mut took = Vec::new();
    let mut all = Vec::new();
    for _ in 0..20 {
        let began = Instant::now();
        let answer = session.request("tools/list", json!({}));
        took.push(began.elapsed());
        all = answer["result"]["tools"].as_array().expect("tools").clone();
    }
    (all, took)
}

#[test]
fn c6_the_most_tools_that_a_plugin_may_have_are_listed_at_once() {
    let mut row = Row::new("C6", "1,000 tools with 1 KiB of description");
    let place = Place::new();
    put(&place, "many.wasm", &tools(1_000, &"word ".repeat(200)));
    let (tools, mut took) = listed(&place);
    assert!(!tools.is_empty());
    row.at_most("tools/list, p99", quantile(&mut took, 0.99), Duration::from_millis(100));
}

#[test]
fn c6_what_could_disguise_a_description_reaches_no_client() {
    let mut row = Row::new("C6", "control, ANSI, bidi and invisible characters");
    let place = Place::new();
    let odd: String = DISGUISES.iter().flat_map(|character| ['a', *character]).collect();
    let schema = json!({
        "type": "object", "title": odd, "description": odd,
        "properties": { "value": { "type": "string", "description": odd, "title": odd, "examples": [odd] } },
    });
    let bytes = tool(|tool| {
        tool.title = odd.clone();
        tool.description = format!("Says \u{1b}[8m{odd}\u{1b}[0m.");
        tool.input = schema.to_string();
        tool.output = Some(schema.to_string());
    });
    put(&place, "odd.wasm", &bytes);
    let (tools, _) = listed(&place);
    let Some(tool) = tools.iter().find(|tool| tool["name"] == "odd") else {
        // To refuse such a plugin is as good.
        row.figure("disguises", "refused", 0, true);
        return;
    };
    let mut found = Vec::new();
    for (part, value) in [
        ("title", &tool["title"]),
        ("description", &tool["description"]),
        ("annotations", &tool["annotations"]),
        ("input schema", &tool["inputSchema"]),
        ("output schema", &tool["outputSchema"]),
    ] {
        let left: Vec<char> = texts(value).chars().filter(|character| DISGUISES.contains(character)).collect();
        if !left.is_empty() {
            found.push(format!("{part}: {left:?}"));
        }
    }
    let printed = String::from_utf8_lossy(&place.run(["tools"]).stdout).into_owned();
    if printed.contains(DISGUISES) {
        found.push(format!("`kumiko tools`: {printed:?}"));
    }
    assert!(found.is_empty(), "{found:#?}");
    row.none("disguises", found.len());
}

/// Every text in a value, keys included.
fn texts(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(texts).collect(),
        Value::Object(fields) => fields.iter().map(|(key, value)| key.clone() + &texts(value)).collect(),
        _ => String::new(),
    }
}

/// Calls a tool with such a schema, and another one beside it: how long the answer took, where there was one.
fn answered(schema: &Value, arguments: &Value) -> Option<Duration> {
    let place = Place::with_plugins(&["hello"]);
    put(&place, "odd.wasm", &tool(|tool| tool.input = schema.to_string()));
    let mut session = Session::open(&place);
    session.tool_names();
    let began = Instant::now();
    let odd = session.ask("tools/call", json!({ "name": "odd", "arguments": arguments }));
    let greeted = session.call("greet", json!({ "name": "Ada" }));
    assert_eq!(greeted["structuredContent"]["message"], "Hello, Ada!", "{schema}");
    session.wait_for(Duration::from_secs(10), |message| message["id"] == odd)?;
    let took = began.elapsed();
    let (code, log) = session.close();
    assert_eq!((code, crate::watched::panics(&log)), (Some(0), 0), "{schema}: {log}");
    Some(took)
}

/// Arguments that go deep, with a text for patterns.
fn deep() -> Value {
    let nested = (0..60).fold(json!({}), |value, _| json!({ "value": value }));
    json!({ "value": nested, "text": "a".repeat(60) + "!" })
}

#[test]
fn c6_a_schema_that_refers_to_itself_stops_no_call() {
    let mut row = Row::new("C6", "schema recursion");
    let text =
        |pattern: &str| json!({ "type": "object", "properties": { "text": { "type": "string", "pattern": pattern } } });
    let schemas = [
        ("itself", json!({ "type": "object", "$ref": "#" })),
        (
            "a ring",
            json!({
                "type": "object", "allOf": [{ "$ref": "#/$defs/a" }],
                "$defs": { "a": { "$ref": "#/$defs/b" }, "b": { "$ref": "#/$defs/a" } },
            }),
        ),
        ("a tree", json!({ "type": "object", "properties": { "value": { "$ref": "#" } } })),
        ("a pattern that backtracks", text("^(a|a|aa)+$")),
        ("a pattern that backtracks with a look ahead", text("^(?=(a+)+$)(a|aa)+\\1b$")),
    ];
    for (what, schema) in schemas {
        let took = answered(&schema, &deep()).unwrap_or_else(|| panic!("{what}: no answer"));
        row.at_most(&format!("{what}: answer"), took, Duration::from_secs(2));
    }
}

#[test]
fn c6_a_schema_that_doubles_its_work_at_each_level_stops_no_call() {
    let mut row = Row::new("C6", "schema that doubles its work at each level");
    let mut levels = serde_json::Map::new();
    for level in 0..64 {
        let next = json!({ "$ref": format!("#/$defs/d{}", level + 1) });
        levels.insert(format!("d{level}"), json!({ "allOf": [next.clone(), next] }));
    }
    levels.insert("d64".to_owned(), json!(true));
    let twice = json!([{ "$ref": "#" }, { "$ref": "#" }]);
    let schemas = [
        ("by the schema alone", json!({ "type": "object", "$ref": "#/$defs/d0", "$defs": levels })),
        (
            "by the arguments' depth",
            json!({ "type": "object", "properties": { "value": { "anyOf": twice } }, "required": ["never"] }),
        ),
    ];
    let mut stuck = Vec::new();
    for (what, schema) in schemas {
        match answered(&schema, &deep()) {
            Some(took) => row.at_most(&format!("{what}: answer"), took, Duration::from_secs(2)),
            None => stuck.push(what),
        }
    }
    assert!(stuck.is_empty(), "no answer: {stuck:?}");
    row.none("calls without an answer", stuck.len());
}
