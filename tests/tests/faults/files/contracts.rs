//! C4: components for another contract than the host's.

use kumiko_tests::Place;
use kumiko_tests::faults::Row;

use crate::made::{CONTRACT, Made, edition};
use crate::watched::{Beside, Event, Watched, edition_of, put};

/// One component that does not fit.
struct Case {
    what: &'static str,
    made: Made,
    /// One of these codes.
    codes: &'static [&'static str],
    /// What the refusal names.
    words: &'static [&'static str],
}

/// Codes of what does not link.
const UNFIT: &[&str] = &["unknown_import", "instantiate_failed", "describe_failed"];

fn cases() -> Vec<Case> {
    let made = || Made::new("steady", 2);
    let contract = |what, contract: &str, word: &'static [&'static str]| Case {
        what,
        made: Made { contract: contract.to_owned(), ..made() },
        codes: &["contract_version"],
        words: word,
    };
    let import = |what, world: &str, package: &str, words| Case {
        what,
        made: Made { world: world.to_owned(), packages: vec![package.to_owned()], ..made() },
        codes: &["unknown_import"],
        words,
    };
    let altered = |what, world: &str, from, to| Case {
        what,
        made: Made { world: world.to_owned(), altered: vec![(from, to)], ..made() },
        codes: UNFIT,
        words: &[],
    };
    const LOG: &str = "import kumiko:host/log@1.0.0;";
    const WRITE: &str = "write: func(level: level, message: string);";
    const CALL: &str = "call: func(invocation: invocation) -> result<answer, fault>;";
    vec![
        contract("older major", "0.9.0", &["@0.9.0", CONTRACT]),
        contract("newer major", "2.0.0", &["@2.0.0", CONTRACT]),
        contract("newer minor", "1.1.0", &["@1.1.0", CONTRACT]),
        contract("far newer minor", "1.4294967295.0", &["@1.4294967295.0", CONTRACT]),
        contract("a version before the first", "1.1.0-rc.1", &["@1.1.0-rc.1", CONTRACT]),
        contract("no version", "", &["kumiko:host/types", CONTRACT]),
        Case {
            what: "no export",
            made: Made { exports: false, ..made() },
            codes: &["no_tools_export"],
            words: &["kumiko:plugin/tools"],
        },
        import(
            "an interface that nobody has",
            "import other:thing/deep@1.0.0;",
            "package other:thing@1.0.0; interface deep { reach: func() -> u32; }",
            &["other:thing/deep@1.0.0"],
        ),
        import(
            "sockets",
            "import wasi:sockets/network@0.2.12;",
            "package wasi:sockets@0.2.12; interface network { open: func() -> u32; }",
            &["wasi:sockets/network@0.2.12"],
        ),
        import(
            "files",
            "import wasi:filesystem/preopens@0.2.12;",
            "package wasi:filesystem@0.2.12; interface preopens { get-directories: func() -> list<u32>; }",
            &["wasi:filesystem/preopens@0.2.12"],
        ),
        altered(
            "a function that the host lacks",
            LOG,
            WRITE,
            "write: func(level: level, message: string); shout: func();",
        ),
        altered("other parameters of the host's function", LOG, WRITE, "write: func(level: u64, message: string);"),
        altered(
            "another result of the host's function",
            LOG,
            WRITE,
            "write: func(level: level, message: string) -> string;",
        ),
        altered("no function to call", "", CALL, ""),
        altered(
            "another result of the call",
            "",
            CALL,
            "call: func(invocation: invocation) -> result<answer, string>;",
        ),
        altered("other parameters of the call", "", CALL, "call: func(tool: string) -> result<answer, fault>;"),
        altered("another description", "", "describe: func() -> manifest;", "describe: func() -> string;"),
        altered(
            "a field more in the manifest",
            "",
            "        aliases: list<string>,\n        /// The plugin's own",
            "        aliases: list<string>, extra: list<string>,\n        /// The plugin's own",
        ),
    ]
}

#[test]
fn c4_a_component_for_another_contract_is_refused_by_what_it_needs() {
    let cases = cases();
    let mut row = Row::new("C4", format!("wrong WIT version, {} cases", cases.len()));
    let place = Place::with_plugins(&["hello"]);
    put(&place, "steady.wasm", &edition("steady", 1));
    let mut watched = Watched::start(&place);
    watched.events();
    let beside = Beside::greeting(&watched.server);
    let (mut connection, mut wrong) = (watched.connection(), Vec::new());
    for Case { what, made, codes, words } in cases {
        put(&place, "steady.wasm", &made.component());
        let event = watched.wait(1, |event| !matches!(event, Event::Removed { .. })).pop();
        let Some(Event::Refused { code, message, earlier_serves: true, .. }) = &event else {
            wrong.push(format!("{what}: {event:?}"));
            put(&place, "steady.wasm", &edition("steady", 1));
            watched.wait(1, |event| matches!(event, Event::Loaded { .. }));
            continue;
        };
        if !codes.contains(&code.as_str()) || words.iter().any(|word| !message.contains(word)) {
            wrong.push(format!("{what}: {code}: {message}"));
        }
        assert_eq!(edition_of(&mut connection, "steady"), Some(1), "{what}");
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    row.none("accepted, or refused without what is needed and what is offered", wrong.len());
    row.none("failed calls of another plugin", beside.end().failed.len());
    let log = watched.end();
    row.none("panics", crate::watched::panics(&log));
}
