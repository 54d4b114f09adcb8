//! Row C8: components that nobody signed, or the wrong person, or that are not what was installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use kumiko_tests::faults::Row;
use kumiko_tests::{Place, Session, component, provided, repository};
use serde_json::{Value, json};

/// Longer than a replaced file needs to be judged.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder with `hello` and `hello_again`, each signed by the same made-up person, and that person's public key.
fn signed(place: &Place) -> (PathBuf, PathBuf) {
    let folder = place.files().join("release");
    fs::create_dir(&folder).unwrap();
    let files = ["hello", "hello_again"].map(|name| folder.join(format!("{name}.wasm")));
    for (file, name) in files.iter().zip(["hello", "hello_again"]) {
        fs::copy(component(name), file).unwrap();
    }
    let key = folder.join("release.pub");
    let script = repository().join("tests/clients/sign.py");
    let status = Command::new(provided("KUMIKO_PYTHON")).arg(script).arg(&key).args(&files).status().unwrap();
    assert!(status.success());
    (folder, key)
}

/// A server that loads nothing but what the owner of `key` signed, and not what is revoked.
fn strict(place: &Place, key: &Path, revoked: &[String]) -> Session {
    let settings = place.files().join("kumiko.toml");
    let key = key.display();
    let text = format!(
        "[sources]\nrequire_signature = true\nrevoked = {revoked:?}\n[sources.trusted_keys]\nrelease = \"{key}\"\n"
    );
    fs::write(&settings, text).unwrap();
    let mut command = place.kumiko();
    command.arg("--config").arg(settings).arg("serve");
    Session::open_by(command, &json!({}))
}

/// Puts a component and its signature, if any, into the plugin folder as `hello`.
fn install(place: &Place, file: &Path, signature: Option<&Path>) {
    let target = place.plugins().join("hello.wasm");
    let beside = place.plugins().join("hello.wasm.sig");
    match signature {
        Some(signature) => drop(fs::copy(signature, beside).unwrap()),
        None => drop(fs::remove_file(beside)),
    }
    let incoming = place.plugins().join(".incoming");
    fs::copy(file, &incoming).unwrap();
    fs::rename(incoming, target).unwrap();
}

fn greeting(session: &mut Session) -> Value {
    session.call("greet", json!({ "name": "Ada" }))["structuredContent"]["message"].clone()
}

/// Waits until the audit log has the refusal of `digest` with this code.
fn refused(place: &Place, code: &str, digest: &str) {
    let began = Instant::now();
    loop {
        let audit = fs::read_to_string(place.data().join("audit.log")).unwrap_or_default();
        let told = audit.lines().any(|line| line.contains(&format!("\"code\":\"{code}\"")) && line.contains(digest));
        if told {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "no refusal {code} of {digest} in {audit}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn digest(file: &Path) -> String {
    let output = Command::new("sha256sum").arg(file).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split_whitespace().next().unwrap().to_owned()
}

#[test]
fn c8_what_is_unsigned_foreign_changed_or_revoked_is_refused_and_the_old_version_serves() {
    let mut row = Row::new("C8", "unsigned, wrong signer, other bytes, revoked");
    let place = Place::new();
    let (folder, key) = signed(&place);
    let (hello, again) = (folder.join("hello.wasm"), folder.join("hello_again.wasm"));
    let signature = |file: &Path| file.with_extension("wasm.sig");

    install(&place, &hello, Some(&signature(&hello)));
    let mut session = strict(&place, &key, &[]);
    assert_eq!(greeting(&mut session), "Hello, Ada!", "the signed component serves");

    // Unsigned, then with the signature of other bytes.
    install(&place, &again, None);
    refused(&place, "signature_missing", &digest(&again));
    assert_eq!(greeting(&mut session), "Hello, Ada!", "the old version serves on");
    fs::remove_file(place.plugins().join("hello.wasm")).unwrap();
    std::thread::sleep(Duration::from_secs(1));
    assert!(session.tool_names().is_empty());
    install(&place, &again, Some(&signature(&hello)));
    refused(&place, "signer_unknown", &digest(&again));

    // Rightly signed.
    install(&place, &hello, Some(&signature(&hello)));
    let began = Instant::now();
    while session.tool_names().is_empty() {
        assert!(began.elapsed() < PATIENCE, "the signed component is not live");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(greeting(&mut session), "Hello, Ada!");
    drop(session);

    // Revoked, though signed.
    let mut session = strict(&place, &key, &[digest(&hello)]);
    assert!(session.tool_names().is_empty());
    refused(&place, "digest_revoked", &digest(&hello));
    drop(session);

    // Installed by digest, then changed by hand.
    let other = Place::new();
    let added = other.run(["plugin", "add", hello.to_str().unwrap(), "--yes"]);
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let mut session = Session::open(&other);
    assert_eq!(greeting(&mut session), "Hello, Ada!");
    install(&other, &again, None);
    refused(&other, "digest_mismatch", &digest(&again));
    assert_eq!(greeting(&mut session), "Hello, Ada!", "the old version serves on");
    row.none("components that served and should not", 0);
}
