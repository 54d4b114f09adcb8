//! H2: object keys that lead, or look as if they led, out of what was granted.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use kumiko_tests::faults::{Row, times};
use kumiko_tests::{HttpConnection, Place};
use serde_json::{Value, json};

use crate::distant::courier;
use crate::watched::{Numbers, Watched, panics, put};

/// What stands in every file that was not granted.
const HIDDEN: &str = "nobody may read this";

/// What may be read and written.
const GRANTED: &str = "[courier]\nread = [\"s3://granted/in/\"]\nwrite = [\"s3://granted/in/\"]\n";

/// Objects outside of what was granted, and files that are none.
const OUTSIDE: [&str; 8] = [
    "data/objects/granted/other/secret",
    "data/objects/granted/in2/secret",
    "data/objects/granted/inner",
    "data/objects/granted/secret",
    "data/objects/elsewhere/in/secret",
    "data/secret",
    "files/secret",
    "secret",
];

/// Ways out, each of which must be refused.
fn cases(root: &Path) -> Vec<String> {
    let mut cases: Vec<String> = [
        "s3://granted/in/../other/secret",
        "s3://granted/in/../in2/secret",
        "s3://granted/in/../../elsewhere/in/secret",
        "s3://granted/in/../../../secret",
        "s3://granted/in/..",
        "s3://granted/in/.",
        "s3://granted/in/./../secret",
        "s3://granted/in//../secret",
        "s3://granted/in/a/../../secret",
        "s3://granted/in/a/b/../../../other/secret",
        "s3://granted/in//secret",
        "s3://granted//in/secret",
        "s3://granted/in/\\..\\other\\secret",
        "s3://granted/in\\..\\other/secret",
        "s3://granted/in/..\\secret",
        "s3://granted/in/..\\..\\elsewhere",
        "s3://granted/in/\0",
        "s3://granted/in/a\0/../../secret",
        "s3://granted/in\0/secret",
        "s3://granted/in/\u{1b}[2J",
        "s3://granted/in/a\nb",
        "s3://granted/in/\u{85}",
        "s3://granted/in/\r",
        "s3://granted/in2/secret",
        "s3://granted/inner",
        "s3://granted/i",
        "s3://granted/secret",
        "s3://granted/IN/secret",
        "s3://granted/In/secret",
        "s3://granted/other/secret",
        "s3://granted",
        "s3://granted/",
        "s3://",
        "s3:///in/secret",
        "s3://grante/in/secret",
        "s3://granted2/in/secret",
        "s3://elsewhere/in/secret",
        "s3://Granted/in/secret",
        "s3://granted./in/secret",
        "s3://granted:80/in/secret",
        "s3://user@granted/in/secret",
        "s3://granted?/in/secret",
        "s3://granted%2fin/secret",
        "s3://../granted/in/secret",
        "s3://./in/secret",
        "s3://granted /in/secret",
        "S3://granted/other/secret",
        "s3:granted/in/secret",
        "s3:/granted/in/secret",
        "s3a://granted/in/secret",
        " s3://granted/in/secret",
        "s3://granted/ in/secret",
        "s3://granted/in /secret",
        "s3://granted/\u{ff49}\u{ff4e}/secret",
        "s3://granted/\u{456}n/secret",
        "s3://gr\u{430}nted/in/secret",
        "s3://granted\u{2215}in/secret",
        "s3://granted/in\u{2215}secret",
        "s3://granted/%69n/secret",
        "s3://granted/%2e/in/secret",
        "s3://granted/in%2f..%2fsecret",
        "s3://granted/in%00/secret",
        "s3://granted/i%6e/secret",
        "/etc/passwd",
        "etc/passwd",
        "../secret",
        "../../etc/passwd",
        "./secret",
        "secret",
        "~/secret",
        "file:///etc/passwd",
        "file:secret",
        "//etc/passwd",
        "/proc/self/environ",
        "/proc/self/cmdline",
        "/dev/stdin",
        "http://127.0.0.1/",
        "https://granted/in/secret",
        "gs://granted/in/secret",
        "",
        ".",
        "..",
        "/",
        "\\\\server\\share",
        "C:\\secret",
        "\0",
    ]
    .map(str::to_owned)
    .to_vec();
    cases.push(format!("s3://granted/in/{}", "x".repeat(1_025)));
    cases.push(format!("s3://granted/in/{}x", "../".repeat(300)));
    cases.extend(OUTSIDE.iter().map(|file| root.join(file).display().to_string()));
    cases.push(root.join("data/keys/compiled-code").display().to_string());
    cases.push(root.join("files/../secret").display().to_string());
    cases
}

/// Everything that lies in a folder outside of what was granted, with its content.
fn outside(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    // The folder, and the object of its own name, which the store keeps beside it.
    let granted = ["data/objects/granted/in", "data/objects/granted/in%self"].map(|name| root.join(name));
    let own = ["data/cache", "data/etags", "data/keys", "data/audit.log", "data/scratch", "plugins"]
        .map(|name| root.join(name));
    let (mut found, mut folders) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if granted.iter().chain(&own).any(|own| path.starts_with(own)) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else {
                found.insert(path.clone(), fs::read(path).unwrap_or_default());
            }
        }
    }
    found
}

/// Uses a uri in every way there is: the codes of what was refused, and what was not.
fn used(connection: &mut HttpConnection, uri: &str) -> (Vec<String>, Vec<Value>) {
    let (mut codes, mut through) = (Vec::new(), Vec::new());
    for tool in ["read", "write", "erase", "list"] {
        let answer = connection.call(tool, &json!({ "uri": uri }));
        match answer["result"]["_meta"]["kumiko/fault"]["code"].as_str() {
            Some(code) => codes.push(code.to_owned()),
            // A listing is of what begins with a text, and nothing that was granted begins with this one.
            None if tool == "list"
                && uri.starts_with("s3://granted/in/")
                && answer["result"]["structuredContent"]["message"] == "" => {}
            None => through.push(json!({ "tool": tool, "uri": uri, "answer": answer })),
        }
    }
    (codes, through)
}

/// Codes by which a uri is refused.
const REFUSALS: [&str; 9] = [
    "read_denied",
    "write_denied",
    "object_uri_invalid",
    "object_scheme_unknown",
    "object_key_too_long",
    "path_not_allowed",
    "path_leads_out",
    "object_not_found",
    "object_not_a_file",
];

#[test]
fn h2_no_key_leads_out_of_what_was_granted() {
    let place = Place::new();
    let root = place.files().parent().unwrap().to_owned();
    for file in OUTSIDE {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, HIDDEN).unwrap();
    }
    let cases = cases(&root);
    let random = times(100_000);
    let mut row = Row::new("H2", format!("object keys, {} cases and ×{random} random ones", cases.len()));
    fs::write(place.data().join("grants.toml"), GRANTED.replace("s3://granted/in/", "s3://")).unwrap();
    put(&place, "courier.wasm", &courier(1));
    // With a wider grant the same objects are read: what keeps them below is the grant.
    let watched = Watched::start(&place);
    let answer = watched.connection().call("read", &json!({ "uri": "s3://granted/other/secret" }));
    assert!(answer.to_string().contains(HIDDEN), "{answer}");
    watched.end();
    fs::write(place.data().join("grants.toml"), GRANTED).unwrap();
    let watched = Watched::start(&place);
    let mut connection = watched.connection();
    let told = connection.call("write", &json!({ "uri": "s3://granted/in/own" }));
    assert_eq!(told["result"]["structuredContent"]["message"], "s3://granted/in/own", "{told}");
    let before = outside(&root);

    let mut wrong = Vec::new();
    for uri in &cases {
        let (codes, through) = used(&mut connection, uri);
        wrong.extend(through.into_iter().map(|answer| answer.to_string()));
        wrong.extend(
            codes.iter().filter(|code| !REFUSALS.contains(&code.as_str())).map(|code| format!("{uri:?}: {code}")),
        );
    }
    // What only looks like a way out is a name like any other, and stays where it is.
    for name in [
        "%2e%2e",
        "%2e%2e%2fother",
        "...",
        ". .",
        "..a",
        "a..",
        "\u{2024}\u{2024}",
        "\u{ff0e}\u{ff0e}",
        "%00",
        "caf\u{e9}",
        "cafe\u{301}",
        &"x".repeat(200),
    ] {
        let uri = format!("s3://granted/in/{name}/x");
        let answer = connection.call("write", &json!({ "uri": uri }));
        let fine = answer["result"]["structuredContent"]["message"] == uri || answer["result"]["isError"] == true;
        if !fine {
            wrong.push(format!("{uri}: {answer}"));
        }
    }
    assert!(wrong.is_empty(), "{} ways out: {wrong:#?}", wrong.len());
    row.none("ways out, or refusals for another reason", wrong.len());

    let pieces = [
        "..",
        ".",
        "/",
        "//",
        "in",
        "in2",
        "other",
        "secret",
        "granted",
        "elsewhere",
        "s3://",
        "%2e",
        "%2f",
        "\\",
        "\0",
        "\u{ff0e}",
        "a",
        " ",
        "?",
        "#",
        ":",
        "@",
        "s3:",
        "\u{202e}",
        "in/",
    ];
    let (mut numbers, mut read, mut odd) = (Numbers::new(22), 0, Vec::new());
    for number in 0..random {
        let begin = ["s3://granted/in/", "s3://granted/", "s3://", "", "/"][numbers.below(5)].to_owned();
        let uri = (0..1 + numbers.below(8)).fold(begin, |uri, _| uri + pieces[numbers.below(pieces.len())]);
        let tool = ["read", "write", "erase", "list"][number % 4];
        let answer = connection.call(tool, &json!({ "uri": uri }));
        read += usize::from(answer.to_string().contains(HIDDEN));
        let result = &answer["result"];
        let code = result["_meta"]["kumiko/fault"]["code"].as_str().unwrap_or_default();
        // What a folder was granted for covers an object of the folder's own name.
        let own = uri.starts_with("s3://granted/in/") || uri == "s3://granted/in";
        if !(REFUSALS.contains(&code) || code == "object_store_failed" || (own && result["isError"] != true)) {
            odd.push(format!("{tool} {uri:?}: {answer}"));
        }
    }
    assert!(odd.is_empty(), "{} odd: {:?}", odd.len(), odd.first());
    row.none("hidden contents read", read);
    let after = outside(&root);
    let changed = before.iter().filter(|(path, content)| after.get(*path) != Some(content)).count();
    let new: Vec<&PathBuf> = after.keys().filter(|path| !before.contains_key(*path)).collect();
    assert!(new.is_empty() && changed == 0, "{changed} changed, and new are {new:?}");
    row.none("files changed or made outside", changed + new.len());
    assert_eq!(panics(&watched.server.log()), 0, "{}", watched.told());
    watched.end();
}

#[test]
fn h2_no_link_in_the_store_or_in_an_allowed_folder_leads_out() {
    let mut row = Row::new("H2", "links");
    let place = Place::new();
    let root = place.files().parent().unwrap().to_owned();
    fs::create_dir_all(place.data().join("objects/granted/in")).unwrap();
    fs::write(root.join("secret"), HIDDEN).unwrap();
    fs::create_dir(root.join("aside")).unwrap();
    fs::write(root.join("aside/secret"), HIDDEN).unwrap();
    let link = |to: &str, at: PathBuf| std::os::unix::fs::symlink(root.join(to), at).unwrap();
    link("secret", place.data().join("objects/granted/in/file"));
    link("aside", place.data().join("objects/granted/in/folder"));
    link("secret", place.files().join("file"));
    link("aside", place.files().join("folder"));
    fs::write(
        place.data().join("grants.toml"),
        "[courier]\nread = [\"s3://granted/in/\", \"files\"]\nwrite = [\"s3://granted/in/\", \"files\"]\n",
    )
    .unwrap();
    put(&place, "courier.wasm", &courier(1));
    let watched = Watched::start(&place);
    let mut connection = watched.connection();
    let files = place.files().display().to_string();
    let mut read = 0;
    for uri in [
        "s3://granted/in/file".to_owned(),
        "s3://granted/in/folder/secret".to_owned(),
        format!("{files}/file"),
        format!("{files}/folder/secret"),
        format!("{files}/folder/../secret"),
        "file".to_owned(),
        "folder/secret".to_owned(),
    ] {
        for tool in ["read", "write", "erase"] {
            let answer = connection.call(tool, &json!({ "uri": uri }));
            read += usize::from(answer.to_string().contains(HIDDEN));
        }
    }
    let whole = |file: &str| fs::read_to_string(root.join(file)).is_ok_and(|text| text == HIDDEN);
    row.none("hidden contents read", read);
    row.none("files changed outside", usize::from(!whole("secret")) + usize::from(!whole("aside/secret")));
    watched.end();
}

#[test]
fn h2_a_listing_names_nothing_that_was_not_granted() {
    let mut row = Row::new("H2", "listings");
    let place = Place::new();
    for object in
        ["granted/in/own", "granted/in2/secret", "granted/inner", "granted/other/secret", "elsewhere/in/secret"]
    {
        let path = place.data().join("objects").join(object);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, HIDDEN).unwrap();
    }
    fs::write(place.data().join("grants.toml"), GRANTED).unwrap();
    put(&place, "courier.wasm", &courier(1));
    let watched = Watched::start(&place);
    let mut connection = watched.connection();
    let mut named = Vec::new();
    for prefix in [
        "",
        "s3://",
        "s3://granted",
        "s3://granted/",
        "s3://granted/i",
        "s3://granted/in",
        "s3://granted/in/",
        "s3://granted/in2",
        "s3://elsewhere/in",
    ] {
        let answer = connection.call("list", &json!({ "uri": prefix }));
        let listed = answer["result"]["structuredContent"]["message"].as_str().unwrap_or_default().to_owned();
        let more = listed.split(' ').filter(|uri| !uri.is_empty() && *uri != "s3://granted/in/own");
        named.extend(more.map(|uri| format!("{prefix}: {uri}")));
    }
    assert!(named.is_empty(), "{named:#?}");
    row.none("names that were not granted", named.len());
    watched.end();
}
