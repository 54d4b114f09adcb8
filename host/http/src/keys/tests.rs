use super::*;

fn ring() -> (tempfile::TempDir, KeyRing) {
    let folder = tempfile::tempdir().unwrap();
    let ring = KeyRing::load(folder.path().join("deeper/keys.toml")).unwrap();
    (folder, ring)
}

fn path(ring: &KeyRing) -> PathBuf {
    ring.shared.path.clone().unwrap()
}

/// As if the last look had been long ago.
fn look_again(ring: &KeyRing) {
    ring.look().at = None;
    ring.refresh();
}

fn rate(calls_per_minute: u32, burst: u32) -> Option<Rate> {
    let number = |number| NonZeroU32::new(number).unwrap();
    Some(Rate { calls_per_minute: number(calls_per_minute), burst: number(burst) })
}

#[test]
fn a_key_is_what_it_was_made_as_and_its_text_proves_it() {
    let (_folder, ring) = ring();
    let expires = SystemTime::now() + Duration::from_secs(3600);
    let scopes = vec!["data_preparation".to_owned(), "ml_training".to_owned()];
    let text = ring.create("ci \"eins\"", scopes.clone(), rate(60, 5), Some(expires)).unwrap();
    let (id, secret) = text.strip_prefix("kmk_").unwrap().split_once('_').unwrap();
    assert_eq!((id.len(), secret.len()), (8, 32));

    let again = KeyRing::load(path(&ring)).unwrap();
    assert_eq!(again.list(), ring.list());
    let key = &again.list()[0];
    assert_eq!((key.id.as_str(), key.name.as_str()), (id, "ci \"eins\""));
    assert_eq!((&key.scopes, key.rate), (&scopes, rate(60, 5)));
    assert_eq!(key.expires, Some(seconds(expires)));
    assert_eq!(again.verify(&text).unwrap().key, *key);
}

#[test]
fn the_secret_is_in_no_file_and_in_no_debug_output() {
    let (_folder, ring) = ring();
    let text = ring.create("ci", Vec::new(), None, None).unwrap();
    let secret = text.rsplit('_').next().unwrap();
    let written = std::fs::read_to_string(path(&ring)).unwrap();
    assert!(written.contains("[[key]]") && !written.contains(secret), "{written}");
    assert!(!format!("{ring:?}").contains(secret));
}

#[cfg(unix)]
#[test]
fn the_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, ring) = ring();
    ring.create("ci", Vec::new(), None, None).unwrap();
    for file in [path(&ring), beside(&path(&ring), ".lock")] {
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "{}", file.display());
    }
    assert!(!beside(&path(&ring), ".draft").exists());
}

#[test]
fn what_is_almost_a_key_proves_nothing() {
    let (_folder, ring) = ring();
    let text = ring.create("ci", Vec::new(), None, None).unwrap();
    let (start, secret) = text.split_at(text.len() - 32);
    let flipped = if secret.ends_with('a') { 'b' } else { 'a' };
    let wrong = [
        format!("{start}{}{flipped}", &secret[..31]),
        format!("{start}{secret}x"),
        format!("{start}{}", &secret[..31]),
        start.to_owned(),
        format!("kmk_00000000_{secret}"),
        text.replace("kmk_", "KMK_"),
        format!(" {text}"),
        "kmk_".to_owned(),
        String::new(),
    ];
    for text in wrong {
        assert!(ring.verify(&text).is_none(), "{text}");
    }
}

#[test]
fn a_key_that_has_expired_proves_nothing() {
    let (_folder, ring) = ring();
    let text = ring.create("ci", Vec::new(), None, Some(SystemTime::now() + Duration::from_secs(3600))).unwrap();
    assert!(ring.verify(&text).is_some());
    let mut keys = ring.list();
    keys[0].expires = Some(now() - 1);
    let id = keys[0].id.clone();
    ring.replace(keys);
    assert!(ring.verify(&text).is_none());
    assert!(!ring.is_valid(&id));
}

#[test]
fn what_another_process_does_is_seen_and_announced() {
    let (_folder, ring) = ring();
    let other = KeyRing::load(path(&ring)).unwrap();
    let changes = ring.changes();
    let text = other.create("ci", Vec::new(), None, None).unwrap();
    look_again(&ring);
    assert!(changes.has_changed().unwrap());
    let id = ring.verify(&text).unwrap().key.id.clone();
    assert!(ring.is_valid(&id));
    other.revoke(&id).unwrap();
    look_again(&ring);
    assert!(ring.verify(&text).is_none());
    assert!(!ring.is_valid(&id));
}

#[test]
fn a_file_that_is_damaged_while_serving_changes_nothing_and_one_that_is_gone_takes_its_keys_along() {
    let (_folder, ring) = ring();
    let text = ring.create("ci", Vec::new(), None, None).unwrap();
    std::fs::write(path(&ring), "[[key]]\nid = ").unwrap();
    look_again(&ring);
    assert!(ring.verify(&text).is_some());
    std::fs::remove_file(path(&ring)).unwrap();
    look_again(&ring);
    assert!(ring.verify(&text).is_none());
}

#[test]
fn a_key_that_stays_keeps_the_state_of_its_rate_limit() {
    let (_folder, ring) = ring();
    let text = ring.create("slow", Vec::new(), rate(1, 1), None).unwrap();
    let check = || ring.verify(&text).unwrap().limiter.as_ref().unwrap().check();
    assert!(check().is_ok());
    ring.create("other", Vec::new(), None, None).unwrap();
    let wait = check().unwrap_err();
    assert!(wait > Duration::from_secs(50) && wait <= Duration::from_secs(60), "{wait:?}");
}

#[test]
fn processes_that_make_keys_at_once_lose_none() {
    let (_folder, ring) = ring();
    let path = path(&ring);
    let makers: Vec<_> = (0..8)
        .map(|number| {
            let path = path.clone();
            std::thread::spawn(move || {
                KeyRing::load(path).unwrap().create(&format!("key {number}"), Vec::new(), None, None).unwrap()
            })
        })
        .collect();
    let texts: Vec<String> = makers.into_iter().map(|maker| maker.join().unwrap()).collect();
    let ring = KeyRing::load(path).unwrap();
    assert!(texts.iter().all(|text| ring.verify(text).is_some()));
}

#[test]
fn a_key_that_cannot_be_is_refused_with_the_reason() {
    let (_folder, ring) = ring();
    ring.create("ci", Vec::new(), None, None).unwrap();
    let long = "x".repeat(65);
    for name in ["", " ci", "a\nb", long.as_str(), "ci"] {
        assert_eq!(ring.create(name, Vec::new(), None, None).unwrap_err().code(), "key_refused", "{name}");
    }
    for scope in ["", "a b", "a,b", "ä"] {
        assert_eq!(ring.create("x", vec![scope.to_owned()], None, None).unwrap_err().code(), "key_refused", "{scope}");
    }
    assert_eq!(ring.create("x", Vec::new(), None, Some(UNIX_EPOCH)).unwrap_err().code(), "key_refused");
    assert_eq!(ring.revoke("00000000").unwrap_err().code(), "key_not_found");
    assert_eq!(ring.list().len(), 1);
}

#[test]
fn a_damaged_file_is_refused_with_the_line() {
    let whole = "[[key]]\nid = \"00000000\"\nname = \"a\"\nsha256 = \"SHA\"\ncreated = 1 # then\n"
        .replace("SHA", &"0".repeat(64));
    assert_eq!(file::parse(&whole).unwrap().len(), 1);
    let wrong = [
        ("id = 1\n".to_owned(), 1),
        ("[[key]]\nid\n".to_owned(), 2),
        ("[[key]]\nid = 'a'\n".to_owned(), 2),
        ("[[key]]\nid = \"a\" b\n".to_owned(), 2),
        ("[[key]]\nid = \"a\"\nid = \"b\"\n".to_owned(), 3),
        (whole.replace("created", "made"), 1),
        (whole.replace("\"00000000\"", "\"short\""), 1),
        (whole.replace("created", "burst = 3\ncreated"), 1),
        (format!("{whole}{whole}"), 6),
    ];
    for (text, line) in wrong {
        assert_eq!(file::parse(&text).unwrap_err().0, line, "{text}");
    }
}

#[test]
fn keys_without_a_file_live_in_the_ring() {
    let ring = KeyRing::default();
    assert!(ring.is_empty());
    let text = ring.create("ci", Vec::new(), None, None).unwrap();
    let id = ring.verify(&text).unwrap().key.id.clone();
    ring.revoke(&id).unwrap();
    assert!(ring.is_empty());
}
