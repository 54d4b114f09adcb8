//! C1: bytes that are not what was built.

use std::fs;
use std::time::{Duration, Instant};

use kumiko_tests::Place;
use kumiko_tests::faults::{Row, times};
use kumiko_tests::process::memory_of;
use serde_json::json;

use crate::made::{edition, of_module, with_module};
use crate::watched::{Beside, DRIFT, Event, Numbers, PATIENCE, Watched, digest, edition_of, put_old};

/// Plugins whose files are damaged, all at once in each round.
const FILES: usize = 40;

/// What is put over a component.
fn damaged(whole: &[u8], case: usize, flips: usize, numbers: &mut Numbers) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    if case < flips {
        let position = numbers.below(bytes.len());
        bytes[position] ^= u8::try_from(1 + numbers.below(255)).unwrap();
        return bytes;
    }
    match case % 4 {
        0 => {
            let length = numbers.below(20_000);
            numbers.bytes(length)
        }
        1 => [b"\0asm\x0d\0\x01\0".to_vec(), numbers.bytes(4_000)].concat(),
        2 => with_module(whole, &module(numbers)),
        _ => of_module(&module(numbers)),
    }
}

/// A valid core module of random content.
fn module(numbers: &mut Numbers) -> Vec<u8> {
    let bytes = numbers.bytes(8_000);
    let mut source = arbitrary::Unstructured::new(&bytes);
    let module = wasm_smith::Module::new(wasm_smith::Config::default(), &mut source).expect("a module");
    module.to_bytes()
}

#[test]
fn c1_a_damaged_component_is_valid_or_refused_with_a_reason_and_the_earlier_one_serves() {
    let (flips, others) = (times(10_000), times(2_000));
    let mut row = Row::new("C1", format!("corrupted file, ×{flips} flips and ×{others} random blobs and modules"));
    let place = Place::with_plugins(&["hello"]);
    let names: Vec<String> = (0..FILES).map(|number| format!("steady{number}")).collect();
    let whole: Vec<Vec<u8>> = names.iter().map(|name| edition(name, 1)).collect();
    for (name, bytes) in names.iter().zip(&whole) {
        fs::write(place.plugins().join(format!("{name}.wasm")), bytes).unwrap();
    }
    let mut command = place.kumiko();
    // A flipped bit may make a loop endless.
    command.env("KUMIKO_CPU_MILLISECONDS", "200");
    let mut watched = Watched::start_by(command);
    watched.events();
    let beside = Beside::greeting(&watched.server);
    let (mut connection, mut numbers) = (watched.connection(), Numbers::new(1));
    let before = memory_of(watched.server.process());
    let (mut accepted, mut slowest, mut without_reason, mut internal) = (0, Duration::ZERO, 0, 0);
    let cases: Vec<usize> = (0..flips + others).collect();
    for (round, cases) in cases.chunks(FILES).enumerate() {
        let mut expected: Vec<Option<String>> = Vec::new();
        for (target, case) in cases.iter().enumerate() {
            let bytes = damaged(&whole[target], *case, flips, &mut numbers);
            expected.push(Some(digest(&bytes)));
            put_old(&place, &format!("{}.wasm", names[target]), &bytes, 2 * round);
        }
        let (began, mut progress, mut changed) = (Instant::now(), None, Vec::new());
        while expected.iter().any(Option::is_some) {
            assert!(began.elapsed() < PATIENCE, "no verdict on {expected:?}: {}", watched.told());
            let events = watched.events();
            if let Some(each) = u32::try_from(events.len()).ok().filter(|count| *count > 0) {
                let now = Instant::now();
                slowest = slowest.max(progress.map_or(Duration::ZERO, |last| now.duration_since(last) / each));
                progress = Some(now);
            }
            for event in events {
                let target = match &event {
                    Event::Refused { file, .. } => names.iter().position(|name| format!("{name}.wasm") == *file),
                    Event::Loaded { digest, .. } => expected.iter().position(|wanted| wanted.as_ref() == Some(digest)),
                    Event::Removed { .. } => None,
                };
                let Some(target) = target else { continue };
                expected[target] = None;
                match event {
                    Event::Refused { code, message, earlier_serves, .. } => {
                        without_reason += usize::from(code.is_empty() || message.is_empty() || !earlier_serves);
                        assert_eq!(edition_of(&mut connection, &names[target]), Some(1), "after {code}: {message}");
                    }
                    _ => {
                        accepted += 1;
                        changed.push(target);
                        let answer = connection.call(&names[target], &json!({})).to_string();
                        internal += usize::from(answer.contains("\"internal\""));
                    }
                }
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        for target in &changed {
            put_old(&place, &format!("{}.wasm", names[*target]), &whole[*target], 2 * round + 1);
        }
        watched.wait(changed.len(), |event| matches!(event, Event::Loaded { .. }));
    }
    let after = memory_of(watched.server.process());
    let mut heard = beside.end();
    row.none("refusals without a reason or without the earlier version", without_reason);
    row.none("calls that ended as a defect of the server", internal);
    row.none("failed calls of another plugin", heard.failed.len());
    row.figure("accepted as valid", accepted, "as it comes", true);
    row.at_most("slowest verdict", slowest, Duration::from_secs(1));
    row.at_most("p99 of calls of another plugin", heard.p99(), Duration::from_millis(100));
    let grown = after.saturating_sub(before);
    row.figure("memory grown, bytes", grown, DRIFT, grown <= DRIFT);
    let log = watched.end();
    row.none("panics", crate::watched::panics(&log));
}
