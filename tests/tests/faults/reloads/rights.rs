//! R7: a new version that asks for more than was granted.

use std::time::Instant;

use kumiko_tests::Place;
use kumiko_tests::faults::Row;
use serde_json::json;

use crate::distant::courier;
use crate::made::{Made, Tool};
use crate::watched::{Beside, Event, PATIENCE, Watched, edition_of, put};

#[test]
fn r7_a_version_that_asks_for_more_waits_for_its_grant_and_the_earlier_one_serves() {
    let mut row = Row::new("R7", "new version asks for more rights");
    let place = Place::with_plugins(&["hello"]);
    let modest = |number| Made { tools: vec![Tool::new("modest")], ..Made::new("courier", number) }.component();
    put(&place, "courier.wasm", &modest(1));
    let mut watched = Watched::start(&place);
    watched.events();
    let beside = Beside::greeting(&watched.server);
    let mut connection = watched.connection();
    put(&place, "courier.wasm", &courier(2));
    let refused = watched.wait(1, |event| !matches!(event, Event::Removed { .. })).pop().unwrap();
    let Event::Refused { code, message, earlier_serves, .. } = &refused else { panic!("{refused:?}") };
    assert_eq!((code.as_str(), *earlier_serves), ("grant_missing", true), "{message}");
    for word in ["http", "secrets", "read", "courier", "2.0.0"] {
        assert!(message.contains(word), "`{word}` is not in: {message}");
    }
    assert_eq!(edition_of(&mut connection, "modest"), Some(1));
    // A part of what is missing is not enough, and what is still missing is named.
    let grant = |arguments: &[&str]| {
        let output = place.run([&["plugin", "grant", "courier"], arguments].concat());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    grant(&["--read", "files"]);
    let refused = watched.wait(1, |event| !matches!(event, Event::Removed { .. })).pop().unwrap();
    let Event::Refused { code, message, .. } = &refused else { panic!("{refused:?}") };
    assert!(code == "grant_missing" && message.contains("http") && !message.contains("read"), "{message}");
    assert_eq!(edition_of(&mut connection, "modest"), Some(1));
    grant(&["--http", "GET https://api.example.com", "--secrets", "key=api.example.com"]);
    let began = Instant::now();
    watched.wait(1, |event| matches!(event, Event::Loaded { version, .. } if version == "2.0.0"));
    row.figure("live after the last grant", format_args!("{:.0?}", began.elapsed()), "by itself", true);
    let began = Instant::now();
    loop {
        let answer = connection.call("deliver", &json!({ "name": "Ada" }));
        if answer["result"]["structuredContent"]["message"] == "edition 000002 for Ada" {
            break;
        }
        assert!(began.elapsed() < PATIENCE, "{answer}");
    }
    row.none("failed calls of another plugin", beside.end().failed.len());
    watched.end();
}
