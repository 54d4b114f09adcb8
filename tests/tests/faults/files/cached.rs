//! C7: compiled code in the cache that the host did not put there.

use std::fs;
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit as _, Mac as _};
use kumiko_tests::faults::{Row, times};
use kumiko_tests::{HttpConnection, Place};
use sha2::Sha256;

use crate::made::edition;
use crate::watched::{Beside, Event, Numbers, Watched, put};

/// Plugins whose compiled code is forged, all at once in each round.
const FILES: usize = 10;

/// The pairs of code and seal in a cache.
fn entries(data: &Path) -> Vec<PathBuf> {
    let mut codes: Vec<PathBuf> = fs::read_dir(data.join("cache/compiled"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "code"))
        .collect();
    codes.sort();
    codes
}

/// The seal that the host puts on code.
fn seal(data: &Path, code: &Path, bytes: &[u8]) -> Vec<u8> {
    let secret = fs::read(data.join("keys/compiled-code")).unwrap();
    let mut seal = Hmac::<Sha256>::new_from_slice(&secret).unwrap();
    seal.update(code.file_stem().unwrap().to_str().unwrap().as_bytes());
    seal.update(bytes);
    seal.finalize().into_bytes().to_vec()
}

/// Puts other bytes in the place of every occurrence of some; whether there was one.
fn replace_all(bytes: &mut [u8], from: &[u8], to: &[u8]) -> bool {
    let places: Vec<usize> =
        bytes.windows(from.len()).enumerate().filter(|(_, window)| *window == from).map(|(place, _)| place).collect();
    for place in &places {
        bytes[*place..*place + to.len()].copy_from_slice(to);
    }
    !places.is_empty()
}

/// Forges one entry. `others` are entries of other components, `foreign` is the same entry sealed by another host.
fn forge(
    data: &Path,
    code: &Path,
    others: &[PathBuf],
    foreign: &Path,
    way: usize,
    numbers: &mut Numbers,
) -> &'static str {
    let sealed = code.with_extension("seal");
    let mut bytes = fs::read(code).unwrap();
    match way {
        0 => {
            let position = numbers.below(bytes.len());
            bytes[position] ^= 1 << numbers.below(8);
            fs::write(code, bytes).unwrap();
            "a bit of the code"
        }
        1 => {
            let mut seal = fs::read(&sealed).unwrap();
            let position = numbers.below(seal.len());
            seal[position] ^= 1 << numbers.below(8);
            fs::write(sealed, seal).unwrap();
            "a bit of the seal"
        }
        2 => {
            let length = numbers.below(bytes.len());
            bytes.truncate(length);
            fs::write(code, bytes).unwrap();
            "cut short"
        }
        3 => {
            let other = others.iter().find(|other| *other != code).unwrap();
            fs::copy(other, code).unwrap();
            fs::copy(other.with_extension("seal"), sealed).unwrap();
            "another component's entry"
        }
        4 => {
            fs::copy(foreign.join("cache/compiled").join(code.file_name().unwrap()), code).unwrap();
            fs::copy(foreign.join("cache/compiled").join(sealed.file_name().unwrap()), sealed).unwrap();
            "another host's seal"
        }
        5 => {
            fs::write(code, numbers.bytes(10_000)).unwrap();
            "foreign bytes"
        }
        6 => {
            fs::remove_file(sealed).unwrap();
            "no seal"
        }
        // From here on whoever forges knows the secret, and the code itself must say that it does not fit.
        7 => {
            // The engine's major version as text, behind its length.
            assert!(replace_all(&mut bytes[..4_096], b"\x0248", b"\x0247"), "the entry names the engine's version");
            fs::write(code, &bytes).unwrap();
            fs::write(sealed, seal(data, code, &bytes)).unwrap();
            "an older engine"
        }
        8 => {
            assert!(replace_all(&mut bytes, b"has_", b"haz_"), "the entry names the processor's features");
            fs::write(code, &bytes).unwrap();
            fs::write(sealed, seal(data, code, &bytes)).unwrap();
            "another processor"
        }
        _ => {
            fs::write(code, b"").unwrap();
            fs::write(sealed, seal(data, code, b"")).unwrap();
            "empty, with its seal"
        }
    }
}

/// The answers that do not name the edition, in words.
fn wrong_answers(connection: &mut HttpConnection, names: &[String], edition: usize) -> Vec<String> {
    let answers = names.iter().map(|name| (name, connection.call(name, &serde_json::json!({}))));
    let wrong = answers.filter(|(_, answer)| answer["result"]["structuredContent"]["edition"] != edition);
    wrong.map(|(name, answer)| format!("{name}, edition {edition} expected: {answer}")).collect()
}

/// How many ways there are.
const WAYS: usize = 10;

#[test]
fn c7_forged_machine_code_is_made_again_and_never_run() {
    let forgeries = times(1_000).next_multiple_of(FILES);
    let mut row = Row::new("C7", format!("forged compiled code, ×{forgeries}"));
    let place = Place::with_plugins(&["hello"]);
    let names: Vec<String> = (0..FILES).map(|number| format!("cached{number}")).collect();
    let install = |place: &Place, number: usize| {
        for name in &names {
            put(place, &format!("{name}.wasm"), &edition(name, number));
        }
    };
    // Another host, which has compiled the same components.
    let foreign = Place::new();
    install(&foreign, 1);
    assert!(foreign.run(["tools"]).status.success());
    install(&place, 1);
    // The entries of edition 1 are known from a run without the others.
    assert!(place.run(["tools"]).status.success());
    let own: Vec<PathBuf> = entries(&place.data());
    let hello: Vec<PathBuf> = own
        .iter()
        .filter(|code| !foreign.data().join("cache/compiled").join(code.file_name().unwrap()).exists())
        .cloned()
        .collect();
    let forged: Vec<PathBuf> = own.iter().filter(|code| !hello.contains(code)).cloned().collect();
    assert_eq!((forged.len(), hello.len()), (FILES, 1));
    install(&place, 2);
    let mut watched = Watched::start(&place);
    watched.events();
    let beside = Beside::greeting(&watched.server);
    let (mut connection, mut numbers) = (watched.connection(), Numbers::new(7));
    let (mut wrong, mut unhealed) = (Vec::new(), 0);
    for round in 0..forgeries / FILES {
        let mut whats = Vec::new();
        for (number, code) in forged.iter().enumerate() {
            whats.push(forge(
                &place.data(),
                code,
                &own,
                &foreign.data(),
                (round * FILES + number) % WAYS,
                &mut numbers,
            ));
        }
        install(&place, 1);
        let events = watched.wait(FILES, |event| !matches!(event, Event::Removed { .. }));
        let refused: Vec<&Event> = events.iter().filter(|event| matches!(event, Event::Refused { .. })).collect();
        assert!(refused.is_empty(), "{refused:#?} after {whats:?}");
        wrong.extend(wrong_answers(&mut connection, &names, 1));
        for code in &forged {
            let whole = fs::read(code).is_ok_and(|bytes| {
                fs::read(code.with_extension("seal")).is_ok_and(|sealed| sealed == seal(&place.data(), code, &bytes))
            });
            unhealed += usize::from(!whole);
        }
        install(&place, 2);
        watched.wait(FILES, |event| matches!(event, Event::Loaded { .. }));
        wrong.extend(wrong_answers(&mut connection, &names, 2));
    }
    println!("{wrong:#?}");
    row.none("wrong answers", wrong.len());
    row.none("entries that were not made again", unhealed);
    row.none("failed calls of another plugin", beside.end().failed.len());
    let log = watched.end();
    row.none("panics", crate::watched::panics(&log));
    let left = fs::read_dir(place.data().join("cache/compiled")).unwrap().count();
    // Eleven components in one edition, ten in another, two files each.
    row.figure("files in the cache at the end", left, 42, left <= 42);
}

#[test]
fn c7_a_cache_that_cannot_be_written_keeps_no_plugin_from_serving() {
    let mut row = Row::new("C7", "a folder in the place of compiled code");
    let place = Place::new();
    put(&place, "cached.wasm", &edition("cached", 1));
    assert!(place.run(["tools"]).status.success());
    for code in entries(&place.data()) {
        fs::remove_file(&code).unwrap();
        fs::create_dir(code).unwrap();
    }
    let (code, result) = place.call("cached", &serde_json::json!({}));
    assert_eq!((code, &result["structured"]["edition"]), (0, &serde_json::json!(1)), "{result}");
    row.none("plugins that do not serve", 0);
}
